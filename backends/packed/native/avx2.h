// Vectors of 256 bits: AVX2 with FMA; AVX-VNNI where the processor has it.
#include <immintrin.h>

typedef __m256 Floats;
typedef __m256i Ints;

// See avx512.h.
enum { W = 8, PARTS = BLOCK / W, PARTS_AT_ONCE = 2, GROUP_32_APART = 1 };
#define FEW 1
#ifdef __AVXVNNI__
#define INSTRUCTION_SET "AVX-VNNI"
enum { RAISED = 128 };
#define ROWS_AT_ONCE 6
#else
#define INSTRUCTION_SET "AVX2"
enum { RAISED = 0 };
#define ROWS_AT_ONCE 4
#endif

static inline Floats zero(void) { return _mm256_setzero_ps(); }
static inline Floats all(float x) { return _mm256_set1_ps(x); }
static inline Floats load(const float *from) { return _mm256_loadu_ps(from); }
static inline void store(float *to, Floats x) { _mm256_storeu_ps(to, x); }
static inline Floats fused(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
static inline Floats fused_less(Floats a, Floats b, Floats c) { return _mm256_fmsub_ps(a, b, c); }
static inline Floats fused_from(Floats a, Floats b, Floats c) { return _mm256_fnmadd_ps(a, b, c); }
static inline Floats absolute(Floats x) { return _mm256_andnot_ps(all(-0.0f), x); }
static inline Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
static inline Floats smaller(Floats a, Floats b) { return _mm256_min_ps(a, b); }
static inline Floats nearest(Floats x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline float largest_of(Floats x) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

static inline float sum_of(Floats x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// What would be less than the least normal number becomes 0.
static inline Floats scaled(Floats x, Floats whole) {
    Floats within = smaller(all(128), larger(all(-127), whole));
    __m256i power = _mm256_add_epi32(_mm256_cvtps_epi32(within), _mm256_set1_epi32(127));
    return x * _mm256_castsi256_ps(_mm256_slli_epi32(power, 23));
}

static inline Floats below_or_1(Floats by, Floats x) {
    return _mm256_blendv_ps(all(1), x, _mm256_cmp_ps(by, zero(), _CMP_LT_OQ));
}

static inline Floats widen(__m128i halves) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

static inline __m128i narrow(Floats x) {
    __m256i bits = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i high = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
}

static inline Floats load_halves(const bf16 *from) { return widen(_mm_loadu_si128((const __m128i *)from)); }
static inline void store_halves(bf16 *to, Floats x) { _mm_storeu_si128((__m128i *)to, narrow(x)); }
static inline Floats rounded(Floats x) { return widen(narrow(x)); }

// ---- integers

static inline Ints all_ints(int32_t x) { return _mm256_set1_epi32(x); }
static inline Ints load_ints(const void *from) { return _mm256_loadu_si256(from); }
static inline void store_ints(void *to, Ints x) { _mm256_storeu_si256(to, x); }
static inline Ints add_ints(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
static inline Floats bits_as_floats(Ints x) { return _mm256_castsi256_ps(x); }
static inline Floats to_floats(Ints x) { return _mm256_cvtepi32_ps(x); }
static inline Ints to_ints(Floats x) { return _mm256_cvtps_epi32(x); }

static inline int32_t int_sum_of(Ints x) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

static inline void store_bytes(int8_t *to, Ints x) {
    __m128i eight = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64((__m128i *)to, _mm_packs_epi16(eight, eight));
}

static inline Ints add_words(Ints a, Ints b) { return _mm256_add_epi64(a, b); }

static inline uint64_t word_sum_of(Ints x) {
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_extract_epi64(two, 0) + (uint64_t)_mm_extract_epi64(two, 1);
}

// ---- dot products of bytes

#ifdef __AVXVNNI__
static inline Ints add4(Ints sum, Ints q, Ints x) { return _mm256_dpbusd_avx_epi32(sum, q, x); }
static inline Ints begin(Ints sums) { return sums; }
static inline Ints end(Ints sums, Ints part) { return (void)sums, part; }
static inline Ints raised(Ints w) { return _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80)); }
static inline Ints add8(Ints sum, Ints w, Ints x) { return _mm256_dpbusd_avx_epi32(sum, w, x); }
#else
// The sums of 32 columns fit 16 bits: eight times two products of at most 15 * 127.
// In assembler, since gcc would make the products of a whole group first and keep them in memory.
static inline Ints add4(Ints sum, Ints q, Ints x) {
    Ints two;
    __asm__("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(sum), "=&x"(two) : "x"(q), "x"(x));
    return sum;
}
static inline Ints begin(Ints sums) { return (void)sums, _mm256_setzero_si256(); }
static inline Ints end(Ints sums, Ints part) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(part, _mm256_set1_epi16(1)));
}
static inline Ints raised(Ints w) { return w; }
// The weight without its sign, which x gets instead. No weight and no x is -128, so that two products fit.
static inline Ints add8(Ints sum, Ints w, Ints x) {
    Ints two = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(two, _mm256_set1_epi16(1)));
}
#endif

// Part j has rows 4j to 4j + 3 and, in its upper half, those 16 further; parts 4 to 7 the same 32 further.
static inline void unpacked(const uint8_t *w, Ints q[PARTS]) {
    const Ints low = _mm256_set1_epi8(15);
    Ints k0 = load_ints(w), k1 = load_ints(w + 32), k2 = load_ints(w + 64), k3 = load_ints(w + 96);
    Ints low01 = _mm256_unpacklo_epi8(k0, k1), high01 = _mm256_unpackhi_epi8(k0, k1);
    Ints low23 = _mm256_unpacklo_epi8(k2, k3), high23 = _mm256_unpackhi_epi8(k2, k3);
    const Ints rows[4] = {_mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23),
                          _mm256_unpacklo_epi16(high01, high23), _mm256_unpackhi_epi16(high01, high23)};
    for (int j = 0; j < 4; j++) {
        q[j] = _mm256_and_si256(rows[j], low);
        q[j + 4] = _mm256_and_si256(_mm256_srli_epi16(rows[j], 4), low);
    }
}

static inline Ints half_bytes(const uint8_t *w, int64_t k) {
    const Ints both = load_ints(w);
    return _mm256_and_si256(k < 32 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
}

static inline int first_row(int j) { return 4 * (j % 4) + 32 * (j / 4); }

static inline Ints load_pairs(const uint8_t *from, int j) {
    const uint8_t *at = from + 2 * first_row(j);
    return _mm256_cvtepi16_epi32(_mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)at), _mm_loadl_epi64((const __m128i *)(at + 32))));
}

static inline Floats load_rows(const float *from, int j) {
    const float *at = from + first_row(j);
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(at)), _mm_loadu_ps(at + 16), 1);
}

static inline void store_rows(bf16 *to, int j, Floats x) {
    const __m128i eight = narrow(x);
    bf16 *at = to + first_row(j);
    _mm_storel_epi64((__m128i *)at, eight);
    _mm_storel_epi64((__m128i *)(at + 16), _mm_unpackhi_epi64(eight, eight));
}

static inline Floats first_of(Ints pairs) { return to_floats(_mm256_and_si256(pairs, all_ints(255))); }
static inline Floats second_of(Ints pairs) { return to_floats(_mm256_srai_epi32(pairs, 8)); }

// Haswell and Broadwell lack the quicker instruction.
static void drop_line(const uint8_t *line) { _mm_clflush(line); }
static void wait_for_memory(void) { _mm_mfence(); }
