// Products of packed weights with activations, and attention, for x86-64 with AVX512-VNNI.
//
// Compiled by kernel_build.py at first use; kernels.py says how it is called. All matrices are row by row unless said
// otherwise; activations and results are bfloat16, sums float32. Linked without OpenMP of its own: the process has
// torch's, and shares its threads.
//
// 4 bits: rows of the weight come in blocks of 64. `packed` is [rows/64][columns][32]: the low half of byte j of a
// column belongs to row j of the block, the high half to row j + 32. `scales` is [rows/64][columns/group][64][2]:
// scale and zero, so that a weight is (q - 8) * scale + zero.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AMX_BF16__) && defined(__AMX_INT8__)
#define TILES
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Whether memory that is asked for ahead of its use goes past the outer caches. On AMD Zen 4 that is the quicker way, on
// Intel it takes 1.3 times as long or more: kernel_trial.py tries both and calls set_ahead.
static int past_caches;

void set_ahead(int past) { past_caches = past; }

// A macro, since gcc drops the calls of a function that does nothing else.
#define ASK(at, past) ((past) ? _mm_prefetch(at, _MM_HINT_NTA) : _mm_prefetch(at, _MM_HINT_T1))

typedef uint16_t bf16;

// NEAR: how many bytes of a weight are asked for ahead of their use; 2048 is as quick, 512 and 16384 are slower.
// FEW_FOR_TILES: up to so many rows the products without tiles are the quicker ones. FEW_FOR_PANELS: likewise panels,
// whose sums stay in the nearest cache.
enum { BLOCK = 64, MOST_GROUP = 128, MOST_ROWS = 4, NEAR = 4096, FEW_FOR_TILES = 4, FEW_FOR_PANELS = 16, PANEL = 64 };

static inline __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

static inline __m512 load16(const bf16 *from) { return widen(_mm256_loadu_si256((const __m256i *)from)); }

// To the nearest bfloat16, ties to even.
static inline __m256i narrow(__m512 values) {
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(values);
#else
    __m512i bits = _mm512_castps_si512(values);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
#endif
}

static inline void store16(bf16 *to, __m512 values) { _mm256_storeu_si256((__m256i *)to, narrow(values)); }

static inline float widen1(bf16 half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline bf16 narrow1(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// ---- activations to 8 bits, by groups along a row

// For each group: q (int8), step (x = q * step), plain (sum of x as it was), stepped (step * sum of q).
typedef struct {
    int8_t *q;
    float *step, *plain, *stepped;
} Steps;

static void to_steps(const bf16 *x, Steps out, long groups, long group) {
    for (long i = 0; i < groups; i++) {
        const bf16 *from = x + i * group;
        __m512 most = _mm512_setzero_ps(), sum = most;
        for (long k = 0; k < group; k += 16) {
            __m512 values = load16(from + k);
            most = _mm512_max_ps(most, _mm512_abs_ps(values));
            sum = _mm512_add_ps(sum, values);
        }
        float largest = _mm512_reduce_max_ps(most);
        __m512 inverse = _mm512_set1_ps(largest > 0 ? 127 / largest : 0);
        __m512i total = _mm512_setzero_si512();
        for (long k = 0; k < group; k += 16) {
            __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(load16(from + k), inverse));
            total = _mm512_add_epi32(total, q);
            _mm_storeu_si128((__m128i *)(out.q + i * group + k), _mm512_cvtsepi32_epi8(q));
        }
        out.step[i] = largest / 127;
        out.plain[i] = _mm512_reduce_add_ps(sum);
        out.stepped[i] = out.step[i] * (float)_mm512_reduce_add_epi32(total);
    }
}

// ---- 4 bits, few rows of x: integer products

// Four columns of a block lie as [4][32], two in `a` and two in `b`; the instruction wants the four of a row side by
// side: `left` has rows 0 to 15, `right` rows 16 to 31.
static inline void turn(__m512i a, __m512i b, __m512i *left, __m512i *right) {
#ifdef __AVX512VBMI__
    const __m512i four = _mm512_set1_epi32(0x60402000);  // 32 bytes from one column to the next
    const __m512i row = _mm512_mullo_epi32(
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi32(0x01010101));
    const __m512i first = _mm512_add_epi8(four, row);
    *left = _mm512_permutex2var_epi8(a, first, b);
    *right = _mm512_permutex2var_epi8(a, _mm512_add_epi8(first, _mm512_set1_epi8(16)), b);
#else
    __m256i k0 = _mm512_castsi512_si256(a), k1 = _mm512_extracti64x4_epi64(a, 1);
    __m256i k2 = _mm512_castsi512_si256(b), k3 = _mm512_extracti64x4_epi64(b, 1);
    __m256i low01 = _mm256_unpacklo_epi8(k0, k1), high01 = _mm256_unpackhi_epi8(k0, k1);
    __m256i low23 = _mm256_unpacklo_epi8(k2, k3), high23 = _mm256_unpackhi_epi8(k2, k3);
    // Each has four rows, and in its upper half the same rows 16 further.
    __m256i p = _mm256_unpacklo_epi16(low01, low23), q = _mm256_unpackhi_epi16(low01, low23);
    __m256i r = _mm256_unpacklo_epi16(high01, high23), s = _mm256_unpackhi_epi16(high01, high23);
    __m512i pq = _mm512_inserti64x4(_mm512_castsi256_si512(p), q, 1);
    __m512i rs = _mm512_inserti64x4(_mm512_castsi256_si512(r), s, 1);
    *left = _mm512_shuffle_i64x2(pq, rs, 0x88);
    *right = _mm512_shuffle_i64x2(pq, rs, 0xdd);
#endif
}

// Scales and zeros of a group of a block.
typedef struct {
    __m512 scale[4], zero[4];
} Pairs;

static inline Pairs pairs_at(const bf16 *scales) {
    Pairs pairs;
    for (int j = 0; j < 4; j++) {
        __m512i both = _mm512_loadu_si512(scales + 32 * j);
        pairs.scale[j] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
        pairs.zero[j] = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)));
    }
    return pairs;
}

// What is read next, and is asked for meanwhile in `share`s of 64 bytes: 2 where a block is gone through once.
typedef struct {
    const char *weights, *scales;
    long share;
} Ahead;

// `rows` rows of x times one block. Always inlined with constants for the first two, so that the sums stay in registers
// and nothing is decided in the innermost loop.
static inline __attribute__((always_inline)) void block4(
    int rows, int past, const uint8_t *w, const bf16 *scales, Steps x, const float *bias, bf16 *y, long columns, long stride,
    long group, Ahead ahead) {
    const long groups = columns / group;
    const __m512i low = _mm512_set1_epi8(15);
    __m512 sum[MOST_ROWS][4];
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < 4; j++) sum[m][j] = bias ? _mm512_loadu_ps(bias + 16 * j) : _mm512_setzero_ps();
    for (long i = 0; i < groups; i++, scales += 2 * BLOCK) {
        __m512i dot[MOST_ROWS][4];
        for (int m = 0; m < rows; m++)
            for (int j = 0; j < 4; j++) dot[m][j] = _mm512_setzero_si512();
        for (long k = 0; k < group; k += 4, w += 128) {
            for (long i = 0; i < ahead.share; i++) ASK(ahead.weights + 64 * i, past);
            ahead.weights += 64 * ahead.share;
            __m512i left, right;
            turn(_mm512_loadu_si512(w), _mm512_loadu_si512(w + 64), &left, &right);
            __m512i q[4] = {
                _mm512_and_si512(left, low),
                _mm512_and_si512(right, low),
                _mm512_and_si512(_mm512_srli_epi16(left, 4), low),
                _mm512_and_si512(_mm512_srli_epi16(right, 4), low),
            };
            for (int m = 0; m < rows; m++) {
                int32_t four;
                memcpy(&four, x.q + m * columns + i * group + k, 4);
                __m512i all = _mm512_set1_epi32(four);
                for (int j = 0; j < 4; j++) dot[m][j] = _mm512_dpbusd_epi32(dot[m][j], q[j], all);
            }
        }
        for (long i = 0; i < 2 * ahead.share; i++) ASK(ahead.scales + 64 * i, past);
        ahead.scales += 128 * ahead.share;
        const Pairs pairs = pairs_at(scales);
        for (int j = 0; j < 4; j++) {
            for (int m = 0; m < rows; m++) {
                long at = m * groups + i;
                // sum of (q - 8) * x, then of the zeros
                __m512 eights = _mm512_set1_ps(8 * x.stepped[at]);
                __m512 product = _mm512_fmsub_ps(_mm512_cvtepi32_ps(dot[m][j]), _mm512_set1_ps(x.step[at]), eights);
                sum[m][j] = _mm512_fmadd_ps(product, pairs.scale[j], sum[m][j]);
                sum[m][j] = _mm512_fmadd_ps(pairs.zero[j], _mm512_set1_ps(x.plain[at]), sum[m][j]);
            }
        }
    }
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < 4; j++) store16(y + m * stride + 16 * j, sum[m][j]);
}

// A group of a block with a byte for each weight: [16 rows of the block at a time][4 columns at a time][16][4].
typedef uint8_t Unpacked[4][MOST_GROUP / 4][64];

static inline void unpack_group(const uint8_t *w, Unpacked q, long group, const char *ahead) {
    const int past = past_caches;
    const __m512i low = _mm512_set1_epi8(15);
    for (long k = 0; k < group; k += 4, w += 128, ahead += 128) {
        ASK(ahead, past);
        ASK(ahead + 64, past);
        __m512i left, right;
        turn(_mm512_loadu_si512(w), _mm512_loadu_si512(w + 64), &left, &right);
        _mm512_store_si512(q[0][k / 4], _mm512_and_si512(left, low));
        _mm512_store_si512(q[1][k / 4], _mm512_and_si512(right, low));
        _mm512_store_si512(q[2][k / 4], _mm512_and_si512(_mm512_srli_epi16(left, 4), low));
        _mm512_store_si512(q[3][k / 4], _mm512_and_si512(_mm512_srli_epi16(right, 4), low));
    }
}

#ifdef TILES
static int tiles_are_allowed;

// 1 if the system lets this process use tiles; asked once, before anything else here.
int tiles_allowed(void) { return tiles_are_allowed = syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

// Tiles 0 to 3 are sums, 4 and 5 of x, 6 and 7 of the weight. Rows of x, bytes of such a row, rows of the weight.
static void set_tiles(int rows, int bytes, int weight_rows) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } __attribute__((packed)) shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = i == 4 || i == 5 ? (uint16_t)bytes : 64;
        shape.rows[i] = i < 6 ? (uint8_t)rows : (uint8_t)weight_rows;
    }
    _tile_loadconfig(&shape);
}

enum { TILE_ROWS = 16 };
typedef int32_t Dots[TILE_ROWS][BLOCK];

// The same integers as in block4.
static inline void group_dots(Unpacked q, const int8_t *x, Dots dots, long columns, long group) {
    const long depth = group < 64 ? group : 64;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (long k = 0; k < group; k += depth) {
        _tile_loadd(4, x + k, columns);
        _tile_loadd(6, q[0][k / 4], 64);
        _tile_dpbsud(0, 4, 6);
        _tile_loadd(7, q[1][k / 4], 64);
        _tile_dpbsud(1, 4, 7);
        _tile_loadd(6, q[2][k / 4], 64);
        _tile_dpbsud(2, 4, 6);
        _tile_loadd(7, q[3][k / 4], 64);
        _tile_dpbsud(3, 4, 7);
    }
    _tile_stored(0, dots[0], sizeof dots[0]);
    _tile_stored(1, dots[0] + 16, sizeof dots[0]);
    _tile_stored(2, dots[0] + 32, sizeof dots[0]);
    _tile_stored(3, dots[0] + 48, sizeof dots[0]);
}

// As block4, for up to 16 rows at once; the sums of a row are made in the same order.
static void block4_tiles(long rows, const uint8_t *w, const bf16 *scales, Steps x, const float *bias, bf16 *y,
                         long columns, long stride, long group, Ahead ahead) {
    const int past = past_caches;
    const long groups = columns / group;
    Dots dots[2] __attribute__((aligned(64)));
    Unpacked q[2] __attribute__((aligned(64)));
    float sum[TILE_ROWS][BLOCK] __attribute__((aligned(64)));
    for (long m = 0; m < rows; m++)
        for (int j = 0; j < BLOCK; j++) sum[m][j] = bias ? bias[j] : 0;
    // A group is unpacked while the one before is multiplied and the one before that is summed: what a tile reads or
    // writes has to be in the cache first.
    for (long next = 0; next < groups + 2; next++) {
        if (next < groups) {
            for (long i = 0; i < 4; i++) ASK(ahead.scales + 64 * i, past);
            unpack_group(w + next * 32 * group, q[next % 2], group, ahead.weights);
            ahead.weights += 32 * group;
            ahead.scales += 256;
        }
        if (0 < next && next <= groups)
            group_dots(q[(next - 1) % 2], x.q + (next - 1) * group, dots[(next - 1) % 2], columns, group);
        const long i = next - 2;
        if (i < 0) continue;
        const Pairs pairs = pairs_at(scales + i * 2 * BLOCK);
        for (long m = 0; m < rows; m++) {
            const long at = m * groups + i;
            const __m512 eights = _mm512_set1_ps(8 * x.stepped[at]), step = _mm512_set1_ps(x.step[at]);
            const __m512 plain = _mm512_set1_ps(x.plain[at]);
            for (int j = 0; j < 4; j++) {
                __m512 dot = _mm512_cvtepi32_ps(_mm512_load_si512(dots[i % 2][m] + 16 * j));
                __m512 old = _mm512_load_ps(sum[m] + 16 * j);
                old = _mm512_fmadd_ps(_mm512_fmsub_ps(dot, step, eights), pairs.scale[j], old);
                _mm512_store_ps(sum[m] + 16 * j, _mm512_fmadd_ps(pairs.zero[j], plain, old));
            }
        }
    }
    for (long m = 0; m < rows; m++)
        for (int j = 0; j < 4; j++) store16(y + m * stride + 16 * j, _mm512_load_ps(sum[m] + 16 * j));
}
#endif

static Steps shifted(Steps x, long row, long columns, long groups) {
    return (Steps){x.q + row * columns, x.step + row * groups, x.plain + row * groups, x.stepped + row * groups};
}

static Steps steps_in(char *scratch, long rows, long groups) {
    float *floats = (float *)scratch;
    long all = rows * groups;
    return (Steps){(int8_t *)(floats + 3 * all), floats, floats + all, floats + 2 * all};
}

// A weight of 4 bits, `out` rows of `columns`, as above; `bias` is float32 or null.
typedef struct {
    const uint8_t *packed;
    const bf16 *scales;
    const float *bias;
    long out, columns, group;
} Weight;

// y [rows][stride] = x times `count` weights that take the same x, one after the other along a row of y. To be called
// by every thread of a team; all of it is there when one returns.
static void product4(const Weight *weights, int count, Steps x, bf16 *y, long rows, long stride) {
    long blocks = 0;
    for (int i = 0; i < count; i++) blocks += weights[i].out / BLOCK;
    // A block that is gone through once is asked for as it comes. Twice for up to eight rows: every time a half of the
    // next one is asked for, else the memory would rest while the second four rows find the block in the cache.
    const long passes = (rows + MOST_ROWS - 1) / MOST_ROWS;
#ifdef TILES
    const int tiles = tiles_are_allowed && rows > FEW_FOR_TILES && rows <= TILE_ROWS;
    const int depth = weights->group < 64 ? (int)weights->group : 64;
    if (tiles) set_tiles((int)rows, depth, depth / 4);
#endif
#pragma omp for schedule(static)
    for (long all = 0; all < blocks; all++) {
        const Weight *from = weights;
        long b = all;
        while (b >= from->out / BLOCK) b -= from++->out / BLOCK;
        const long columns = from->columns, group = from->group, groups = columns / group, width = columns * BLOCK / 2;
        const uint8_t *w = from->packed + b * width;
        const bf16 *pairs = from->scales + b * groups * 2 * BLOCK;
        const float *own = from->bias ? from->bias + b * BLOCK : 0;
#ifdef TILES
        if (tiles) {
            Ahead ahead = {(const char *)w + NEAR, (const char *)pairs + NEAR / 4, 2};
            block4_tiles(rows, w, pairs, x, own, y + all * BLOCK, columns, stride, group, ahead);
            continue;
        }
#endif
        for (long m = 0; m < rows; m += MOST_ROWS) {
            const long part = m / MOST_ROWS;
            Ahead ahead = {(const char *)w + NEAR, (const char *)pairs + NEAR / 4, passes == 1 ? 2 : 0};
            if (passes == 2)
                ahead = (Ahead){(const char *)(w + width) + part * width / 2,
                                (const char *)(pairs + groups * 2 * BLOCK) + part * groups * 2 * BLOCK, 1};
            Steps x_part = shifted(x, m, columns, groups);
            bf16 *to = y + m * stride + all * BLOCK;
#define CASE(n) \
    case n: \
        block4(n, 0, w, pairs, x_part, own, to, columns, stride, group, ahead); \
        break; \
    case -n: \
        block4(n, 1, w, pairs, x_part, own, to, columns, stride, group, ahead); \
        break;
            const int few = rows - m < MOST_ROWS ? (int)(rows - m) : MOST_ROWS;
            switch (past_caches ? -few : few) { CASE(1) CASE(2) CASE(3) CASE(4) }
#undef CASE
        }
    }
#ifdef TILES
    if (tiles) _tile_release();
#endif
}

// ---- 4 bits, many rows of x without tiles

// x by panels of PANEL rows, the last one of what is left: in each its groups one after the other, of a group its rows.
static void to_panels(const bf16 *x, Steps out, long row, long rows, long columns, long group) {
    const long groups = columns / group, first = row / PANEL * PANEL, m = row - first;
    const long high = rows - first < PANEL ? rows - first : PANEL;
    const Steps panel = shifted(out, first, columns, groups);
    for (long i = 0; i < groups; i++)
        to_steps(x + row * columns + i * group, shifted(panel, i * high + m, group, 1), 1, group);
}

// `rows` rows of x times a group of a block, added to `sum`. Always inlined with a constant, as block4.
static inline __attribute__((always_inline)) void add_group(
    int rows, Unpacked q, Steps x, const Pairs *pairs, float (*sum)[BLOCK], long group) {
    __m512i dot[MOST_ROWS][4];
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < 4; j++) dot[m][j] = _mm512_setzero_si512();
    for (long k = 0; k < group; k += 4)
        for (int m = 0; m < rows; m++) {
            int32_t four;
            memcpy(&four, x.q + m * group + k, 4);
            __m512i all = _mm512_set1_epi32(four);
            for (int j = 0; j < 4; j++) dot[m][j] = _mm512_dpbusd_epi32(dot[m][j], _mm512_load_si512(q[j][k / 4]), all);
        }
    for (int m = 0; m < rows; m++) {
        const __m512 eights = _mm512_set1_ps(8 * x.stepped[m]), step = _mm512_set1_ps(x.step[m]);
        const __m512 plain = _mm512_set1_ps(x.plain[m]);
        for (int j = 0; j < 4; j++) {
            __m512 product = _mm512_fmsub_ps(_mm512_cvtepi32_ps(dot[m][j]), step, eights);
            __m512 all = _mm512_fmadd_ps(product, pairs->scale[j], _mm512_load_ps(sum[m] + 16 * j));
            _mm512_store_ps(sum[m] + 16 * j, _mm512_fmadd_ps(pairs->zero[j], plain, all));
        }
    }
}

// As block4, for a panel: a group is unpacked once for all its rows. The sums of a row are made in the same order.
static void block4_panel(long rows, const uint8_t *w, const bf16 *scales, Steps x, const float *bias, bf16 *y,
                         long columns, long stride, long group) {
    Unpacked q __attribute__((aligned(64)));
    float sum[PANEL][BLOCK] __attribute__((aligned(64)));
    for (long m = 0; m < rows; m++)
        for (int j = 0; j < BLOCK; j++) sum[m][j] = bias ? bias[j] : 0;
    for (long i = 0; i < columns / group; i++) {
        unpack_group(w + i * 32 * group, q, group, (const char *)w + i * 32 * group + NEAR);
        const Pairs pairs = pairs_at(scales + i * 2 * BLOCK);
        for (long m = 0; m < rows; m += MOST_ROWS) {
            const Steps some = shifted(x, i * rows + m, group, 1);
#define CASE(n) \
    case n: \
        add_group(n, q, some, &pairs, sum + m, group); \
        break;
            switch (rows - m < MOST_ROWS ? rows - m : MOST_ROWS) { CASE(1) CASE(2) CASE(3) CASE(4) }
#undef CASE
        }
    }
    for (long m = 0; m < rows; m++)
        for (int j = 0; j < 4; j++) store16(y + m * stride + 16 * j, _mm512_load_ps(sum[m] + 16 * j));
}

static void panels4(const bf16 *x, const Weight *weight, Steps steps, bf16 *y, long rows) {
    const long columns = weight->columns, group = weight->group, groups = columns / group;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (long row = 0; row < rows; row++) to_panels(x, steps, row, rows, columns, group);
#pragma omp for schedule(dynamic)
        for (long b = 0; b < weight->out / BLOCK; b++)
            for (long m = 0; m < rows; m += PANEL)
                block4_panel(rows - m < PANEL ? rows - m : PANEL, weight->packed + b * columns * BLOCK / 2,
                             weight->scales + b * groups * 2 * BLOCK, shifted(steps, m, columns, groups),
                             weight->bias ? weight->bias + b * BLOCK : 0, y + m * weight->out + b * BLOCK, columns,
                             weight->out, group);
    }
}

// y [rows][out] = x [rows][columns] times the weight (+ bias, float32 or null); `scratch` has rows * (columns + 12 *
// columns / group) bytes. A row's result does not depend on the other rows.
void few4(const bf16 *x, const uint8_t *packed, const bf16 *scales, const float *bias, bf16 *y, char *scratch,
          long rows, long columns, long out, long group) {
    const Weight weight = {packed, scales, bias, out, columns, group};
    Steps steps = steps_in(scratch, rows, columns / group);
    if (rows > FEW_FOR_PANELS) {
        panels4(x, &weight, steps, y, rows);
        return;
    }
    to_steps(x, steps, rows * columns / group, group);
#pragma omp parallel
    product4(&weight, 1, steps, y, rows, out);
}

// ---- 8 bits, few rows of x

enum { CHUNK = 64 };

// `rows` rows of x times one row of the weight. Always inlined with a constant, as block4.
static inline __attribute__((always_inline)) void row8(
    int rows, const int8_t *w, Steps x, float *products, long columns) {
    const long groups = columns / CHUNK;
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    __m512 sum[MOST_ROWS];
    for (int m = 0; m < rows; m++) sum[m] = _mm512_setzero_ps();
    for (long i = 0; i < groups; i++) {
        _mm_prefetch((const char *)(w + 4096 + i * CHUNK), _MM_HINT_T0);
        // The instruction wants one side without sign: the weight, raised by 128.
        const __m512i raised = _mm512_xor_si512(_mm512_loadu_si512(w + i * CHUNK), flip);
        for (int m = 0; m < rows; m++) {
            const __m512i q = _mm512_loadu_si512(x.q + m * columns + i * CHUNK);
            const __m512i dot = _mm512_dpbusd_epi32(_mm512_setzero_si512(), raised, q);
            sum[m] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_set1_ps(x.step[m * groups + i]), sum[m]);
        }
    }
    for (int m = 0; m < rows; m++) products[m] = _mm512_reduce_add_ps(sum[m]);
}

// A row of x to 8 bits, and in place of the first of `plain` what the 128 add up to. By that sum what is no number stays
// none.
static void to_raised_steps(const bf16 *x, Steps out, long columns) {
    const long groups = columns / CHUNK;
    to_steps(x, out, groups, CHUNK);
    float raised = 0;
    for (long i = 0; i < groups; i++) raised += out.stepped[i] + 0 * out.plain[i];
    out.plain[0] = 128 * raised;
}

// y [rows][out] = x times the weight: int8 [out][columns], float32 scale [out]. To be called by every thread of a team.
static void product8(const int8_t *weight, const float *scale, const float *bias, Steps steps, bf16 *y, long rows,
                     long columns, long out) {
    const long groups = columns / CHUNK;
#pragma omp for schedule(static)
    for (long n = 0; n < out; n++) {
        const int8_t *w = weight + n * columns;
        for (long m = 0; m < rows; m += MOST_ROWS) {
            const long some = rows - m < MOST_ROWS ? rows - m : MOST_ROWS;
            Steps part = shifted(steps, m, columns, groups);
            float products[MOST_ROWS];
#define CASE(n) \
    case n: \
        row8(n, w, part, products, columns); \
        break;
            switch (some) { CASE(1) CASE(2) CASE(3) CASE(4) }
#undef CASE
            for (long i = 0; i < some; i++) {
                float value = scale[n] * (products[i] - part.plain[i * groups]);
                y[(m + i) * out + n] = narrow1(bias ? value + bias[n] : value);
            }
        }
    }
}

// The same by itself; columns is a multiple of 64. `scratch` as above with groups of 64.
void few8(const bf16 *x, const int8_t *weight, const float *scale, const float *bias, bf16 *y, char *scratch,
          long rows, long columns, long out) {
    const long groups = columns / CHUNK;
    Steps steps = steps_in(scratch, rows, groups);
    for (long m = 0; m < rows; m++) to_raised_steps(x + m * columns, shifted(steps, m, columns, groups), columns);
#pragma omp parallel
    product8(weight, scale, bias, steps, y, rows, columns, out);
}

#ifdef TILES
// ---- 4 bits, many rows of x

// Tiles of 16 rows of 64 bytes. A part of the weight is made bfloat16 in the cache and used for all rows of x at once.
enum { TILE = 512, DEPTH = 256, WIDE = 4 };

// x in tiles: [rows/16][columns/32][16][32]; rows past the last are zero.
static void tile_rows(const bf16 *x, bf16 *tiles, long rows, long columns) {
    const long across = columns / 32;
#pragma omp parallel for schedule(static)
    for (long block = 0; block < (rows + 31) / 32 * 2; block++)
        for (long r = 0; r < 16; r++) {
            long row = block * 16 + r;
            bf16 *to = tiles + block * across * TILE + r * 32;
            for (long c = 0; c < across; c++) {
                __m512i piece = row < rows ? _mm512_loadu_si512(x + row * columns + c * 32) : _mm512_setzero_si512();
                _mm512_storeu_si512(to + c * TILE, piece);
            }
        }
}

// `depth` columns of one block as four rows of tiles [4][depth/32][16][16][2]: pairs of columns side by side.
static void tile_weights(const uint8_t *w, const bf16 *scales, bf16 *tiles, long depth, long group) {
    uint16_t order[32];
    for (int i = 0; i < 16; i++) {
        order[2 * i] = (uint16_t)i;
        order[2 * i + 1] = (uint16_t)(16 + i);
    }
    const __m512i pairs = _mm512_loadu_si512(order), low = _mm512_set1_epi32(15), top = _mm512_set1_epi32((int)0xffff0000);
    for (long k0 = 0; k0 < depth; k0 += group, scales += 2 * BLOCK)
        for (int j = 0; j < 4; j++) {
            __m512i both = _mm512_loadu_si512(scales + 32 * j);
            __m512 scale = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
            // (q - 8) * scale + zero as q * scale + (zero - 8 * scale), in float32
            __m512 zero = _mm512_fnmadd_ps(_mm512_set1_ps(8), scale, _mm512_castsi512_ps(_mm512_and_si512(both, top)));
            bf16 *row = tiles + j * depth / 32 * TILE;
            for (long k = k0; k < k0 + group; k += 2) {
                __m512 value[2];
                for (int odd = 0; odd < 2; odd++) {
                    __m128i bytes = _mm_loadu_si128((const __m128i *)(w + 32 * (k + odd) + 16 * (j & 1)));
                    __m512i q = _mm512_and_si512(_mm512_srli_epi32(_mm512_cvtepu8_epi32(bytes), j < 2 ? 0 : 4), low);
                    value[odd] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(q), scale, zero);
                }
                __m512i two = (__m512i)_mm512_cvtne2ps_pbh(value[1], value[0]);
                _mm512_storeu_si512(row + k / 32 * TILE + k % 32 / 2 * 32, _mm512_permutexvar_epi16(pairs, two));
            }
        }
}

// sums [2][2][16][16] += 32 rows of x times 32 rows of the weight, `steps` tiles deep; `x_next` and `w_next` lead from
// one row of tiles to the next.
static void four_tiles(const bf16 *x, long x_next, const bf16 *w, long w_next, float *sums, long sums_next, long steps) {
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + 256, 64);
    _tile_loadd(2, sums + sums_next, 64);
    _tile_loadd(3, sums + sums_next + 256, 64);
    for (long k = 0; k < steps; k++) {
        _tile_loadd(4, x + k * TILE, 64);
        _tile_loadd(6, w + k * TILE, 64);
        _tile_loadd(7, w + w_next + k * TILE, 64);
        _tile_loadd(5, x + x_next + k * TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + 256, 64);
    _tile_stored(2, sums + sums_next, 64);
    _tile_stored(3, sums + sums_next + 256, 64);
}

// Adds `bias` and writes the sums [rows/16][tiles][16][16] of some blocks to y.
static void untile(const float *sums, const float *bias, bf16 *y, long rows, long tiles, long out) {
    for (long row = 0; row < rows; row++)
        for (long t = 0; t < tiles; t++) {
            __m512 value = _mm512_loadu_ps(sums + ((row / 16) * tiles + t) * 256 + row % 16 * 16);
            if (bias) value = _mm512_add_ps(value, _mm512_loadu_ps(bias + 16 * t));
            store16(y + row * out + 16 * t, value);
        }
}

// As few4, for many rows; columns is a multiple of 32. `scratch` has rows rounded up to 32 * columns * 2 bytes.
// Returns 0 if there is no memory. A row's result does not depend on the other rows.
int many4(const bf16 *x, const uint8_t *packed, const bf16 *scales, const float *bias, bf16 *y, char *scratch,
          long rows, long columns, long out, long group) {
    bf16 *x_tiles = (bf16 *)scratch;
    tile_rows(x, x_tiles, rows, columns);
    const long blocks = out / BLOCK, groups = columns / group, high = (rows + 31) / 32 * 2, x_next = columns / 32 * TILE;
    int good = 1;
#pragma omp parallel
    {
        bf16 *w_tiles = aligned_alloc(64, sizeof(bf16) * DEPTH * BLOCK * WIDE);
        float *sums = aligned_alloc(64, sizeof(float) * (size_t)high * 256 * 4 * WIDE);
        set_tiles(16, 64, 16);
#pragma omp for schedule(dynamic)
        for (long b0 = 0; b0 < blocks; b0 += WIDE) {
            if (!w_tiles || !sums) {
                good = 0;
                continue;
            }
            const long wide = blocks - b0 < WIDE ? blocks - b0 : WIDE, tiles = 4 * wide;
            memset(sums, 0, sizeof(float) * (size_t)(high * tiles * 256));
            for (long k0 = 0; k0 < columns; k0 += DEPTH) {
                const long depth = columns - k0 < DEPTH ? columns - k0 : DEPTH, w_next = depth / 32 * TILE;
                for (long b = 0; b < wide; b++)
                    tile_weights(packed + ((b0 + b) * columns + k0) * 32,
                                 scales + ((b0 + b) * groups + k0 / group) * 2 * BLOCK, w_tiles + b * depth * BLOCK,
                                 depth, group);
                for (long t = 0; t < tiles; t += 2)
                    for (long r = 0; r < high; r += 2)
                        four_tiles(x_tiles + r * x_next + k0 / 32 * TILE, x_next, w_tiles + t * w_next, w_next,
                                   sums + (r * tiles + t) * 256, tiles * 256, depth / 32);
            }
            untile(sums, bias ? bias + b0 * BLOCK : 0, y + b0 * BLOCK, rows, tiles, out);
        }
        _tile_release();
        free(w_tiles);
        free(sums);
    }
    return good;
}
#endif

// ---- attention for one new token a conversation

// e to the power of values that are 0 or less; relative error below 3e-7.
static inline __m512 exp16(__m512 x) {
    __m512 t = _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f));
    __m512 whole = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_mul_ps(_mm512_sub_ps(t, whole), _mm512_set1_ps(0.693147181f));
    __m512 sum = _mm512_set1_ps(1.0f / 720);
    const float parts[6] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
    for (int i = 0; i < 6; i++) sum = _mm512_fmadd_ps(sum, f, _mm512_set1_ps(parts[i]));
    return _mm512_scalef_ps(sum, whole);
}

// Scores to weights that add up to 1, in place; `scores` has room for a multiple of 16.
static void softmax(float *scores, long length) {
    const long whole = (length + 15) / 16 * 16;
    for (long t = length; t < whole; t++) scores[t] = -INFINITY;
    __m512 most = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
    for (long t = 0; t < whole; t += 16) most = _mm512_max_ps(most, _mm512_loadu_ps(scores + t));
    most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    for (long t = 0; t < whole; t += 16) {
        __m512 weight = exp16(_mm512_sub_ps(_mm512_loadu_ps(scores + t), most));
        sum = _mm512_add_ps(sum, weight);
        _mm512_storeu_ps(scores + t, weight);
    }
    __m512 share = _mm512_set1_ps(1 / _mm512_reduce_add_ps(sum));
    for (long t = 0; t < whole; t += 16) _mm512_storeu_ps(scores + t, _mm512_mul_ps(share, _mm512_loadu_ps(scores + t)));
}

static float dot(const bf16 *a, const bf16 *b, long size) {
    __m512 sum = _mm512_setzero_ps();
    for (long i = 0; i < size; i += 16) sum = _mm512_fmadd_ps(load16(a + i), load16(b + i), sum);
    return _mm512_reduce_add_ps(sum);
}

static void weigh(const float *weights, const bf16 *values, long length, long size, bf16 *out) {
    for (long c = 0; c < size; c += 64) {
        __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
        for (long t = 0; t < length; t++) {
            __m512 weight = _mm512_set1_ps(weights[t]);
            for (int j = 0; j < 4; j++)
                sum[j] = _mm512_fmadd_ps(weight, load16(values + t * size + c + 16 * j), sum[j]);
        }
        for (int j = 0; j < 4; j++) store16(out + c + 16 * j, sum[j]);
    }
}

// Attention of `shared` heads that have the same keys: q and out [shared][size], keys and values [length][size], size a
// multiple of 64. Returns 0 if there is no memory.
static int attend1(const bf16 *q, const bf16 *k, const bf16 *v, bf16 *out, long shared, long length, long size,
                   float scale) {
    const long room = (length + 15) / 16 * 16;
    float *scores = malloc(sizeof(float) * (size_t)(shared * room));
    if (!scores) return 0;
    // A few keys at a time, so that heads that share them find them in the cache.
    for (long t0 = 0; t0 < length; t0 += 64)
        for (long h = 0; h < shared; h++)
            for (long t = t0; t < length && t < t0 + 64; t++)
                scores[h * room + t] = scale * dot(q + h * size, k + t * size, size);
    for (long h = 0; h < shared; h++) {
        softmax(scores + h * room, length);
        weigh(scores + h * room, v, length, size, out + h * size);
    }
    free(scores);
    return 1;
}

// q and out [rows][heads][size]. Conversation r has keys[r] and values[r], [kv_heads] of steps[r] numbers each, in
// which the first `lengths[r]` rows of `size` count. Returns 0 if there is no memory.
int attend(const bf16 *q, const bf16 *const *keys, const bf16 *const *values, const long *lengths, const long *steps,
           bf16 *out, long rows, long heads, long kv_heads, long size, float scale) {
    const long shared = heads / kv_heads;
    int good = 1;
#pragma omp parallel for schedule(dynamic)
    for (long job = 0; job < rows * kv_heads; job++) {
        const long r = job / kv_heads, kv = job % kv_heads, first = (r * heads + kv * shared) * size;
        if (!attend1(q + first, keys[r] + kv * steps[r], values[r] + kv * steps[r], out + first, shared, lengths[r],
                     size, scale))
            good = 0;
    }
    return good;
}

// ---- norms

static float inverse_rms(const bf16 *x, long size, float eps) {
    float squares = 0;
    long i = 0;
    __m512 sum = _mm512_setzero_ps();
    for (; i + 16 <= size; i += 16) {
        __m512 value = load16(x + i);
        sum = _mm512_fmadd_ps(value, value, sum);
    }
    for (; i < size; i++) squares += widen1(x[i]) * widen1(x[i]);
    return 1 / sqrtf((_mm512_reduce_add_ps(sum) + squares) / (float)size + eps);
}

// y = x * weight / sqrt(mean of x^2 + eps), `size` numbers; the quotient is bfloat16 before the weight comes, as in the
// own code of most models. With a `wide` weight, of float32, only the product is rounded, as in Qwen3.5's.
static void norm1(const bf16 *x, const void *weight, long wide, bf16 *y, long size, float eps) {
    const float scale = inverse_rms(x, size, eps), *full = weight;
    const bf16 *half = weight;
    long i = 0;
    for (; i + 16 <= size; i += 16) {
        __m512 value = _mm512_mul_ps(load16(x + i), _mm512_set1_ps(scale));
        if (wide)
            store16(y + i, _mm512_mul_ps(value, _mm512_loadu_ps(full + i)));
        else
            store16(y + i, _mm512_mul_ps(widen(narrow(value)), load16(half + i)));
    }
    for (; i < size; i++) {
        const float value = widen1(x[i]) * scale;
        y[i] = narrow1(wide ? value * full[i] : widen1(narrow1(value)) * widen1(half[i]));
    }
}

// The same for rows.
void rms_norm(const bf16 *x, const void *weight, long wide, bf16 *y, long rows, long size, float eps) {
    for (long r = 0; r < rows; r++) norm1(x + r * size, weight, wide, y + r * size, size, eps);
}

// ---- Gated DeltaNet: what lies between the projections of a layer

// The sizes of a head and of the convolution. COLUMNS of a head's memory depend on no other column, so that they stay
// in the nearest cache for all tokens.
enum { HEAD = 128, TAPS = 4, COLUMNS = 64, VECTORS = HEAD / 16, PARTS = COLUMNS / 16 };

// taps [TAPS][channels], the last for the newest token; rate and bias [value heads]; norm [HEAD]. A value head has the
// keys of key head `value head * key_heads / value_heads`.
typedef struct {
    const float *taps, *rate, *bias, *norm;
    long key_heads, value_heads;
    float eps;
} Delta;

// What the conversations keep: conv[r] [TAPS - 1][channels], and memory[r] [value heads][HEAD / COLUMNS][HEAD
// keys][COLUMNS]; and the number of their new tokens.
typedef struct {
    float *const *conv, *const *memory;
    const long *counts;
    long rows;
} States;

static inline __m512 silu16(__m512 x) {
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), exp16(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

// The channels of a head for `count` tokens through the convolution and SiLU, to [count][HEAD]; with `unit`, each
// token's are brought to that length.
static void convolve(const bf16 *x, long stride, const float *taps, float *conv, long count, float unit, float *to) {
    for (long t = 0; t < count; t++) {
        __m512 values[VECTORS], squares = _mm512_setzero_ps();
        for (int v = 0; v < VECTORS; v++) {
            __m512 sum = _mm512_setzero_ps();
            for (int tap = 0; tap < TAPS; tap++) {
                const long from = t + tap - (TAPS - 1);
                __m512 input = from < 0 ? _mm512_loadu_ps(conv + (from + TAPS - 1) * stride + 16 * v)
                                        : load16(x + from * stride + 16 * v);
                sum = _mm512_fmadd_ps(input, _mm512_loadu_ps(taps + tap * stride + 16 * v), sum);
            }
            values[v] = silu16(sum);
            squares = _mm512_fmadd_ps(values[v], values[v], squares);
        }
        const float scale = unit ? unit / sqrtf(_mm512_reduce_add_ps(squares) + 1e-6f) : 1;
        for (int v = 0; v < VECTORS; v++)
            _mm512_storeu_ps(to + t * HEAD + 16 * v, _mm512_mul_ps(values[v], _mm512_set1_ps(scale)));
    }
    // The last inputs, some of which may be older ones; each is read before it is written.
    for (long i = 0; i < TAPS - 1; i++) {
        const long from = count + i - (TAPS - 1);
        for (int v = 0; v < VECTORS; v++) {
            __m512 input = from < 0 ? _mm512_loadu_ps(conv + (from + TAPS - 1) * stride + 16 * v)
                                    : load16(x + from * stride + 16 * v);
            _mm512_storeu_ps(conv + i * stride + 16 * v, input);
        }
    }
}

// COLUMNS of one head's memory [HEAD][COLUMNS], token by token: q, k, v and out are [count][HEAD], decay and beta
// [count][step]. A token reads and writes the memory once: its new value serves this token's query and the next key.
static void recur(float *memory, const float *q, const float *k, const float *v, const float *decay, const float *beta,
                  long step, float *out, long count) {
    __m512 under[PARTS];
    for (int p = 0; p < PARTS; p++) under[p] = _mm512_setzero_ps();
    for (long i = 0; i < HEAD; i++)
        for (int p = 0; p < PARTS; p++)
            under[p] = _mm512_fmadd_ps(_mm512_loadu_ps(memory + i * COLUMNS + 16 * p), _mm512_set1_ps(k[i]), under[p]);
    for (long t = 0; t < count; t++, q += HEAD, k += HEAD) {
        const __m512 kept = _mm512_set1_ps(decay[t * step]), share = _mm512_set1_ps(beta[t * step]);
        const float *next = t + 1 < count ? k + HEAD : k;
        __m512 change[PARTS], read[PARTS], later[PARTS];
        for (int p = 0; p < PARTS; p++) {
            __m512 value = _mm512_loadu_ps(v + t * HEAD + 16 * p);
            change[p] = _mm512_mul_ps(_mm512_fnmadd_ps(under[p], kept, value), share);
            read[p] = later[p] = _mm512_setzero_ps();
        }
        for (long i = 0; i < HEAD; i++) {
            const __m512 key = _mm512_set1_ps(k[i]), query = _mm512_set1_ps(q[i]), following = _mm512_set1_ps(next[i]);
            for (int p = 0; p < PARTS; p++) {
                float *at = memory + i * COLUMNS + 16 * p;
                __m512 own = _mm512_fmadd_ps(change[p], key, _mm512_mul_ps(_mm512_loadu_ps(at), kept));
                _mm512_storeu_ps(at, own);
                read[p] = _mm512_fmadd_ps(own, query, read[p]);
                later[p] = _mm512_fmadd_ps(own, following, later[p]);
            }
        }
        for (int p = 0; p < PARTS; p++) {
            _mm512_storeu_ps(out + t * HEAD + 16 * p, read[p]);
            under[p] = later[p];
        }
    }
}

// The norm of what a head has read, times its gate.
static void gated_norm(const float *read, const float *norm, const bf16 *gate, bf16 *out, float eps) {
    __m512 squares = _mm512_setzero_ps();
    for (int v = 0; v < VECTORS; v++) {
        __m512 value = _mm512_loadu_ps(read + 16 * v);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    const __m512 scale = _mm512_set1_ps(1 / sqrtf(_mm512_reduce_add_ps(squares) / HEAD + eps));
    for (int v = 0; v < VECTORS; v++) {
        __m512 value = _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(read + 16 * v), scale), _mm512_loadu_ps(norm + 16 * v));
        store16(out + 16 * v, _mm512_mul_ps(value, silu16(load16(gate + 16 * v))));
    }
}

static long tokens_of(const States *states) {
    long tokens = 0;
    for (long r = 0; r < states->rows; r++) tokens += states->counts[r];
    return tokens;
}

// The numbers of `scratch` for a token.
static long delta_numbers(const Delta *layer) {
    return (2 * layer->key_heads + 2 * layer->value_heads) * HEAD + 2 * layer->value_heads;
}

// qkv [tokens][channels], z and out [tokens][value heads * HEAD], b and a [tokens][value heads], of all rows one after
// the other. To be called by every thread of a team; all of it is there when one returns.
static void delta_team(const Delta *layer, const States *states, const bf16 *qkv, const bf16 *z, const bf16 *b,
                       const bf16 *a, bf16 *out, float *scratch) {
    const long key_heads = layer->key_heads, value_heads = layer->value_heads, heads = 2 * key_heads + value_heads;
    const long channels = heads * HEAD, tokens = tokens_of(states), shared = value_heads / key_heads;
    float *mixed = scratch, *all_read = mixed + tokens * channels, *decay = all_read + tokens * value_heads * HEAD;
    float *beta = decay + tokens * value_heads;
#pragma omp for schedule(static) nowait
    for (long i = 0; i < tokens * value_heads; i++) {
        const float x = widen1(a[i]) + layer->bias[i % value_heads];
        decay[i] = expf(-layer->rate[i % value_heads] * (x > 20 ? x : log1pf(expf(x))));
        beta[i] = 1 / (1 + expf(-widen1(b[i])));
    }
#pragma omp for schedule(static)
    for (long job = 0; job < states->rows * heads; job++) {
        const long r = job / heads, h = job % heads, count = states->counts[r];
        long first = 0;
        for (long i = 0; i < r; i++) first += states->counts[i];
        const float unit = h < key_heads ? 1 / sqrtf(HEAD) : h < 2 * key_heads ? 1 : 0;
        convolve(qkv + first * channels + h * HEAD, channels, layer->taps + h * HEAD, states->conv[r] + h * HEAD, count,
                 unit, mixed + first * channels + h * count * HEAD);
    }
#pragma omp for schedule(static)
    for (long job = 0; job < states->rows * value_heads; job++) {
        const long r = job / value_heads, h = job % value_heads, count = states->counts[r];
        long first = 0;
        for (long i = 0; i < r; i++) first += states->counts[i];
        const float *own = mixed + first * channels, *q = own + h / shared * count * HEAD;
        const float *k = q + key_heads * count * HEAD, *v = own + (2 * key_heads + h) * count * HEAD;
        float *read = all_read + first * value_heads * HEAD + h * count * HEAD;
        for (long c = 0; c < HEAD; c += COLUMNS)
            recur(states->memory[r] + (h * HEAD + c) * HEAD, q, k, v + c, decay + first * value_heads + h,
                  beta + first * value_heads + h, value_heads, read + c, count);
        for (long t = 0; t < count; t++) {
            const long place = ((first + t) * value_heads + h) * HEAD;
            gated_norm(read + t * HEAD, layer->norm, z + place, out + place, layer->eps);
        }
    }
}

// The same by itself. Returns 0 if there is no memory. A conversation's result does not depend on the others, nor on
// where its tokens are cut.
int delta(const Delta *layer, const States *states, const bf16 *qkv, const bf16 *z, const bf16 *b, const bf16 *a,
          bf16 *out) {
    float *scratch = malloc(sizeof(float) * (size_t)(tokens_of(states) * delta_numbers(layer)));
    if (!scratch) return 0;
#pragma omp parallel
    delta_team(layer, states, qkv, z, b, a, out, scratch);
    free(scratch);
    return 1;
}

// ---- a whole layer for one new token of each conversation

// What layers of all kinds have: `out` takes what attention or a state gives, `inner` is the size of the feed-forward
// part, and `wide` says that norms are float32. The norms of what `out` and `down` give may be null. As kernels.py has it.
typedef struct {
    Weight out, gate_up[2], down;
    const void *norm, *inner_norm, *out_norm, *down_norm;
    long hidden, inner, wide;
    float eps;
} Common;

// `size` is that of a head. The norms of queries and keys may be null. With `gated`, the rows of each head's query are
// followed by those of its gate.
typedef struct {
    Common common;
    Weight qkv[3];
    const void *q_norm, *k_norm;
    long heads, kv_heads, size, neighbours, gated;
    float scale;
} Layer;

// A layer with states; `b` and `a` have 8 bits.
typedef struct {
    Common common;
    Weight qkv, z;
    const int8_t *b, *a;
    const float *b_scale, *a_scale;
    Delta delta;
} StateLayer;

// The conversations: keys[r] and values[r] are [kv_heads] of steps[r] numbers, with `lengths[r]` tokens and room for
// one more. The first `turned` numbers of a head are turned by their place: number i with i + turned / 2, or, if the
// layer has `neighbours`, 2i with 2i + 1. `cosines` and `sines` are [rows][turned]; each row's first half counts.
typedef struct {
    bf16 *const *keys, *const *values;
    const long *lengths, *steps;
    const bf16 *cosines, *sines;
    long rows, turned;
} Places;

static void turn_head(bf16 *head, const bf16 *cosines, const bf16 *sines, long turned, long neighbours) {
    const long half = turned / 2;
    for (long i = 0; i < half; i++) {
        bf16 *a = head + (neighbours ? 2 * i : i), *b = neighbours ? a + 1 : a + half;
        const float x = widen1(*a), y = widen1(*b), cosine = widen1(cosines[i]), sine = widen1(sines[i]);
        *a = narrow1(x * cosine - y * sine);
        *b = narrow1(y * cosine + x * sine);
    }
}

// out *= 1 / (1 + e^-gate)
static void close_gate(bf16 *out, const bf16 *gate, long size) {
    const __m512 one = _mm512_set1_ps(1);
    for (long i = 0; i < size; i += 16) {
        __m512 power = exp16(_mm512_sub_ps(_mm512_setzero_ps(), load16(gate + i)));
        store16(out + i, _mm512_div_ps(load16(out + i), _mm512_add_ps(one, power)));
    }
}

// Norms and turns queries and key of one conversation and key head, keeps key and value, and attends. Returns 0 if
// there is no memory. `qkv` is the row of all heads: queries, keys, values.
static int attend_new(const Layer *layer, const Places *at, bf16 *qkv, bf16 *out, long r, long kv) {
    const long size = layer->size, shared = layer->heads / layer->kv_heads, step = layer->gated ? 2 * size : size;
    const long wide = layer->common.wide;
    const float eps = layer->common.eps;
    const bf16 *queries = qkv + kv * shared * step, *cosines = at->cosines + r * at->turned;
    const bf16 *sines = at->sines + r * at->turned;
    bf16 *new_key = qkv + layer->heads * step + kv * size, *own = out + kv * shared * size;
    for (long h = 0; h < shared; h++) {
        // The queries lie where the results will: all scores are computed before the first result.
        memcpy(own + h * size, queries + h * step, sizeof(bf16) * (size_t)size);
        if (layer->q_norm) norm1(own + h * size, layer->q_norm, wide, own + h * size, size, eps);
        turn_head(own + h * size, cosines, sines, at->turned, layer->neighbours);
    }
    bf16 *keys = at->keys[r] + kv * at->steps[r], *values = at->values[r] + kv * at->steps[r];
    memcpy(values + at->lengths[r] * size, new_key + layer->kv_heads * size, sizeof(bf16) * (size_t)size);
    if (layer->k_norm) norm1(new_key, layer->k_norm, wide, new_key, size, eps);
    turn_head(new_key, cosines, sines, at->turned, layer->neighbours);
    memcpy(keys + at->lengths[r] * size, new_key, sizeof(bf16) * (size_t)size);
    if (!attend1(own, keys, values, own, shared, at->lengths[r] + 1, size, layer->scale)) return 0;
    for (long h = 0; h < shared && layer->gated; h++) close_gate(own + h * size, queries + h * step + size, size);
    return 1;
}

static void add(const bf16 *a, const bf16 *b, bf16 *sum, long size) {
    for (long i = 0; i < size; i += 16) store16(sum + i, _mm512_add_ps(load16(a + i), load16(b + i)));
}

// gate / (1 + e^-gate) * up. The power is taken of what is below 0, on either side, so that it is never infinite.
static void gated(const bf16 *gate, const bf16 *up, bf16 *out, long size) {
    const __m512 one = _mm512_set1_ps(1);
    for (long i = 0; i < size; i += 16) {
        __m512 x = load16(gate + i), power = exp16(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_abs_ps(x)));
        __mmask16 below = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
        __m512 top = _mm512_mask_mul_ps(x, below, x, power);
        store16(out + i, _mm512_mul_ps(_mm512_div_ps(top, _mm512_add_ps(one, power)), load16(up + i)));
    }
}

// Memory between the products of a layer: bfloat16 [rows] of hidden, of 2 * inner and of inner, and for 8 bits of any.
typedef struct {
    bf16 *part, *both, *product;
    char *steps;
} Between;

// Bytes that `between_in` takes, for products of up to `widest` columns.
static size_t between_bytes(const Common *common, long rows, long widest) {
    const long most = widest > common->inner ? widest : common->inner;
    // The smallest group has 32 numbers.
    return (size_t)(rows * (2 * (common->hidden + 3 * common->inner) + most + most * 12 / 32));
}

static Between between_in(char *memory, const Common *common, long rows) {
    bf16 *part = (bf16 *)memory, *both = part + rows * common->hidden, *product = both + rows * 2 * common->inner;
    return (Between){part, both, product, (char *)(product + rows * common->inner)};
}

// The layer's input through its first norm, to 8 bits. To be called by every thread of a team, as what follows.
static Steps first_steps(const Common *common, Between between, const bf16 *x, long rows, long group) {
    const long hidden = common->hidden;
    Steps in = steps_in(between.steps, rows, hidden / group);
#pragma omp for schedule(static)
    for (long r = 0; r < rows; r++) {
        bf16 *part = between.part + r * hidden;
        norm1(x + r * hidden, common->norm, common->wide, part, hidden, common->eps);
        to_steps(part, shifted(in, r, hidden, hidden / group), hidden / group, group);
    }
    return in;
}

// y = x + part, `part` [hidden] through its norm if there is one.
static void add_normed(const Common *common, const bf16 *x, bf16 *part, const void *norm, bf16 *y) {
    if (norm) norm1(part, norm, common->wide, part, common->hidden, common->eps);
    add(x, part, y, common->hidden);
}

// y = x, what `mixed` [rows][out.columns] adds, and what the feed-forward part adds to that.
static void finish(const Common *common, Between between, const bf16 *x, const bf16 *mixed, bf16 *y, long rows) {
    const long hidden = common->hidden, inner = common->inner, wide = common->out.columns;
    const long out_group = common->out.group, inner_group = common->gate_up[0].group, down_group = common->down.group;
    Steps from = steps_in(between.steps, rows, wide / out_group), last = steps_in(between.steps, rows, inner / down_group);
    Steps again = steps_in(between.steps, rows, hidden / inner_group);
#pragma omp for schedule(static)
    for (long i = 0; i < rows * wide / out_group; i++)
        to_steps(mixed + i * out_group, shifted(from, i, out_group, 1), 1, out_group);
    product4(&common->out, 1, from, between.part, rows, hidden);
#pragma omp for schedule(static)
    for (long r = 0; r < rows; r++) {
        bf16 *part = between.part + r * hidden;
        add_normed(common, x + r * hidden, part, common->out_norm, y + r * hidden);
        norm1(y + r * hidden, common->inner_norm, common->wide, part, hidden, common->eps);
        to_steps(part, shifted(again, r, hidden, hidden / inner_group), hidden / inner_group, inner_group);
    }
    product4(common->gate_up, 2, again, between.both, rows, 2 * inner);
#pragma omp for schedule(static)
    for (long i = 0; i < rows * inner / down_group; i++) {
        const bf16 *gate = between.both + i * down_group / inner * 2 * inner + i * down_group % inner;
        gated(gate, gate + inner, between.product + i * down_group, down_group);
        to_steps(between.product + i * down_group, shifted(last, i, down_group, 1), 1, down_group);
    }
    product4(&common->down, 1, last, between.part, rows, hidden);
#pragma omp for schedule(static)
    for (long r = 0; r < rows; r++)
        add_normed(common, y + r * hidden, between.part + r * hidden, common->down_norm, y + r * hidden);
}

static char *aligned(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

static long wider(long a, long b) { return a > b ? a : b; }

// y [rows][hidden] = what the layer makes of x. All its parts in one go, since what lies between products of one row
// costs as much as a fifth of them. Returns 0 if there is no memory. A row's result does not depend on the other rows.
int layer4(const Layer *layer, const Places *at, const bf16 *x, bf16 *y) {
    const Common *common = &layer->common;
    const long rows = at->rows, wide = common->out.columns;
    const long all = layer->qkv[0].out + layer->qkv[1].out + layer->qkv[2].out;
    const size_t own = sizeof(bf16) * (size_t)(rows * (all + wide));
    char *memory = aligned(own + between_bytes(common, rows, wider(common->hidden, wide)));
    if (!memory) return 0;
    bf16 *qkv = (bf16 *)memory, *attended = qkv + rows * all;
    const Between between = between_in(memory + own, common, rows);
    int good = 1;
#pragma omp parallel
    {
        const Steps in = first_steps(common, between, x, rows, layer->qkv[0].group);
        product4(layer->qkv, 3, in, qkv, rows, all);
#pragma omp for schedule(dynamic)
        for (long job = 0; job < rows * layer->kv_heads; job++) {
            const long r = job / layer->kv_heads, kv = job % layer->kv_heads;
            if (!attend_new(layer, at, qkv + r * all, attended + r * wide, r, kv)) good = 0;
        }
        finish(common, between, x, attended, y, rows);
    }
    free(memory);
    return good;
}

// The same for a layer with states; every conversation has one new token.
int state_layer4(const StateLayer *layer, const States *states, const bf16 *x, bf16 *y) {
    const Common *common = &layer->common;
    const long rows = states->rows, hidden = common->hidden, channels = layer->qkv.out, values = layer->z.out;
    const long heads = layer->delta.value_heads, groups = hidden / CHUNK;
    const size_t floats = sizeof(float) * (size_t)(rows * delta_numbers(&layer->delta));
    const size_t halves = sizeof(bf16) * (size_t)(rows * (channels + 2 * values + 2 * heads));
    const size_t eights = (size_t)(rows * (hidden + 12 * groups));
    char *memory = aligned(floats + eights + halves + between_bytes(common, rows, wider(hidden, values)));
    if (!memory) return 0;
    const Steps raised = steps_in(memory + floats, rows, groups);
    bf16 *qkv = (bf16 *)(memory + floats + eights), *z = qkv + rows * channels, *mixed = z + rows * values;
    bf16 *b = mixed + rows * values, *a = b + rows * heads;
    const Between between = between_in(memory + floats + eights + halves, common, rows);
#pragma omp parallel
    {
        const Steps in = first_steps(common, between, x, rows, layer->qkv.group);
#pragma omp for schedule(static)
        for (long r = 0; r < rows; r++)
            to_raised_steps(between.part + r * hidden, shifted(raised, r, hidden, groups), hidden);
        product4(&layer->qkv, 1, in, qkv, rows, channels);
        product4(&layer->z, 1, in, z, rows, values);
        product8(layer->b, layer->b_scale, 0, raised, b, rows, hidden, heads);
        product8(layer->a, layer->a_scale, 0, raised, a, rows, hidden, heads);
        delta_team(&layer->delta, states, qkv, z, b, a, mixed, (float *)memory);
        finish(common, between, x, mixed, y, rows);
    }
    free(memory);
    return 1;
}

// ---- what the machine can read

// Removes `count` 64-byte lines from all caches.
void drop_lines(const uint8_t *from, long count) {
    for (long i = 0; i < count; i++) _mm_clflushopt((void *)(from + 64 * i));
    _mm_mfence();
}

// Sums `count` 64-byte lines, so that they are really read: the bound that products of one row are compared with.
uint64_t read_lines(const uint8_t *from, long count) {
    uint64_t total = 0;
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (long part = 0; part < count / 1024; part++) {
        const uint8_t *at = from + part * 1024 * 64;
        __m512i sum = _mm512_setzero_si512();
        for (long i = 0; i < 1024; i++) {
            _mm_prefetch((const char *)(at + i * 64 + 4096), _MM_HINT_T0);
            sum = _mm512_add_epi64(sum, _mm512_loadu_si512(at + i * 64));
        }
        total += (uint64_t)_mm512_reduce_add_epi64(sum);
    }
    return total;
}
