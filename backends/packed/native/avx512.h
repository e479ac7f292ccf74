// Vectors of 512 bits: AVX512 with VNNI; BF16 and VBMI where the processor has them.
#include <immintrin.h>

typedef __m512 Floats;
typedef __m512i Ints;

// W: floats of a vector. PARTS: vectors for the rows of a block. RAISED: what the dot products of bytes want added to
// signed weights. FEW: up to so many rows of x are multiplied without unpacking to memory. AT_ONCE: how many rows of x
// and parts of a block have their sums in registers. GROUP_32_APART: whether groups of 32 are quicker with loops of their
// own.
enum { W = 16, PARTS = BLOCK / W, RAISED = 128, PARTS_AT_ONCE = 4, GROUP_32_APART = 0 };
#define FEW 4
#define ROWS_AT_ONCE 4
#define INSTRUCTION_SET "AVX512-VNNI"

static inline Floats zero(void) { return _mm512_setzero_ps(); }
static inline Floats all(float x) { return _mm512_set1_ps(x); }
static inline Floats load(const float *from) { return _mm512_loadu_ps(from); }
static inline void store(float *to, Floats x) { _mm512_storeu_ps(to, x); }
// a * b + c, a * b - c and c - a * b, rounded once.
static inline Floats fused(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
static inline Floats fused_less(Floats a, Floats b, Floats c) { return _mm512_fmsub_ps(a, b, c); }
static inline Floats fused_from(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
static inline Floats absolute(Floats x) { return _mm512_abs_ps(x); }
// Both are b where one of them is NaN.
static inline Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
static inline Floats smaller(Floats a, Floats b) { return _mm512_min_ps(a, b); }
static inline float largest_of(Floats x) { return _mm512_reduce_max_ps(x); }
static inline float sum_of(Floats x) { return _mm512_reduce_add_ps(x); }
static inline Floats nearest(Floats x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// x * 2^whole, whole from -160 to 160.
static inline Floats scaled(Floats x, Floats whole) { return _mm512_scalef_ps(x, whole); }
// x where `by` is below 0, else 1.
static inline Floats below_or_1(Floats by, Floats x) {
    return _mm512_mask_mov_ps(all(1), _mm512_cmp_ps_mask(by, zero(), _CMP_LT_OQ), x);
}

static inline Floats widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

static inline __m256i narrow(Floats x) {
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(x);
#else
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
#endif
}

static inline Floats load_halves(const bf16 *from) { return widen(_mm256_loadu_si256((const __m256i *)from)); }
static inline void store_halves(bf16 *to, Floats x) { _mm256_storeu_si256((__m256i *)to, narrow(x)); }
// To bfloat16 and back.
static inline Floats rounded(Floats x) { return widen(narrow(x)); }

// ---- integers

static inline Ints all_ints(int32_t x) { return _mm512_set1_epi32(x); }
static inline Ints load_ints(const void *from) { return _mm512_loadu_si512(from); }
static inline void store_ints(void *to, Ints x) { _mm512_storeu_si512(to, x); }
static inline Ints add_ints(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
static inline int32_t int_sum_of(Ints x) { return _mm512_reduce_add_epi32(x); }
static inline Floats bits_as_floats(Ints x) { return _mm512_castsi512_ps(x); }
static inline Floats to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }
static inline Ints to_ints(Floats x) { return _mm512_cvtps_epi32(x); }
static inline void store_bytes(int8_t *to, Ints x) { _mm_storeu_si128((__m128i *)to, _mm512_cvtsepi32_epi8(x)); }
// The same by 64 bits.
static inline Ints add_words(Ints a, Ints b) { return _mm512_add_epi64(a, b); }
static inline uint64_t word_sum_of(Ints x) { return (uint64_t)_mm512_reduce_add_epi64(x); }

// ---- dot products of bytes

// Each sum plus four unsigned bytes times four signed ones. Sums of other instruction sets need `begin` and `end` around
// each 32 columns.
static inline Ints add4(Ints sum, Ints q, Ints x) { return _mm512_dpbusd_epi32(sum, q, x); }
static inline Ints begin(Ints sums) { return sums; }
static inline Ints end(Ints sums, Ints part) { return (void)sums, part; }
// The same of signed weights, which `raised` makes fit.
static inline Ints raised(Ints w) { return _mm512_xor_si512(w, _mm512_set1_epi8((char)0x80)); }
static inline Ints add8(Ints sum, Ints w, Ints x) { return _mm512_dpbusd_epi32(sum, w, x); }

// Four columns of a block lie as [4][32], two in `a` and two in `b`; the dot products want the four of a row side by
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

// Four columns of a block with a byte for each weight, those of a row side by side.
static inline void unpacked(const uint8_t *w, Ints q[PARTS]) {
    const Ints low = _mm512_set1_epi8(15);
    Ints left, right;
    turn(_mm512_loadu_si512(w), _mm512_loadu_si512(w + 64), &left, &right);
    q[0] = _mm512_and_si512(left, low);
    q[1] = _mm512_and_si512(right, low);
    q[2] = _mm512_and_si512(_mm512_srli_epi16(left, 4), low);
    q[3] = _mm512_and_si512(_mm512_srli_epi16(right, 4), low);
}

// Columns k to k + 4W - 1 of 64, of which byte j has column j in its low half and column j + 32 in the other.
static inline Ints half_bytes(const uint8_t *w, int64_t k) {
    const __m256i both = _mm256_loadu_si256((const __m256i *)w);
    const Ints all_columns = _mm512_inserti64x4(_mm512_castsi256_si512(both), _mm256_srli_epi16(both, 4), 1);
    return (void)k, _mm512_and_si512(all_columns, _mm512_set1_epi8(15));
}

// Part j of a block's rows, which have their own order in other instruction sets: four bytes a row, floats, and results.
static inline Ints load_pairs(const uint8_t *from, int j) {
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(from + 2 * W * j)));
}
static inline Floats load_rows(const float *from, int j) { return load(from + W * j); }
static inline void store_rows(bf16 *to, int j, Floats x) { store_halves(to + W * j, x); }
static inline Floats first_of(Ints pairs) { return to_floats(_mm512_and_si512(pairs, all_ints(255))); }
static inline Floats second_of(Ints pairs) { return to_floats(_mm512_srai_epi32(pairs, 8)); }

static void drop_line(const uint8_t *line) { _mm_clflushopt((void *)line); }
static void wait_for_memory(void) { _mm_mfence(); }
