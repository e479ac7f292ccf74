// Vectors of 128 bits: NEON with dot products (ARMv8.2); many rows by products of matrices (i8mm) where they are.
#include <arm_neon.h>

typedef float32x4_t Floats;
typedef int32x4_t Ints;

// See avx512.h.
#ifdef __ARM_FEATURE_MATMUL_INT8
#define INSTRUCTION_SET "NEON-I8MM"
#define BY_PAIRS
#else
#define INSTRUCTION_SET "NEON"
#endif
enum { W = 4, PARTS = BLOCK / W, RAISED = 0, PARTS_AT_ONCE = 4, GROUP_32_APART = 0 };
#define FEW 1
#define ROWS_AT_ONCE 4

static inline Floats zero(void) { return vdupq_n_f32(0); }
static inline Floats all(float x) { return vdupq_n_f32(x); }
static inline Floats load(const float *from) { return vld1q_f32(from); }
static inline void store(float *to, Floats x) { vst1q_f32(to, x); }
static inline Floats fused(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
static inline Floats fused_less(Floats a, Floats b, Floats c) { return vfmaq_f32(vnegq_f32(c), a, b); }
static inline Floats fused_from(Floats a, Floats b, Floats c) { return vfmsq_f32(c, a, b); }
static inline Floats absolute(Floats x) { return vabsq_f32(x); }
// Both are NaN where a or b is.
static inline Floats larger(Floats a, Floats b) { return vmaxq_f32(a, b); }
static inline Floats smaller(Floats a, Floats b) { return vminq_f32(a, b); }
static inline float largest_of(Floats x) { return vmaxvq_f32(x); }
static inline float sum_of(Floats x) { return vaddvq_f32(x); }
static inline Floats nearest(Floats x) { return vrndnq_f32(x); }

// What would be less than the least normal number becomes 0.
static inline Floats scaled(Floats x, Floats whole) {
    const int32x4_t power = vcvtnq_s32_f32(smaller(all(128), larger(all(-127), whole)));
    return x * vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(power, vdupq_n_s32(127)), 23));
}

static inline Floats below_or_1(Floats by, Floats x) { return vbslq_f32(vcltzq_f32(by), x, all(1)); }

static inline Floats widen(uint16x4_t halves) { return vreinterpretq_f32_u32(vshll_n_u16(halves, 16)); }

static inline uint16x4_t narrow(Floats x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
}

static inline Floats load_halves(const bf16 *from) { return widen(vld1_u16(from)); }
static inline void store_halves(bf16 *to, Floats x) { vst1_u16(to, narrow(x)); }
static inline Floats rounded(Floats x) { return widen(narrow(x)); }

// ---- integers

static inline Ints all_ints(int32_t x) { return vdupq_n_s32(x); }
static inline Ints load_ints(const void *from) { return vreinterpretq_s32_u8(vld1q_u8(from)); }
static inline void store_ints(void *to, Ints x) { vst1q_u8(to, vreinterpretq_u8_s32(x)); }
static inline Ints add_ints(Ints a, Ints b) { return vaddq_s32(a, b); }
static inline int32_t int_sum_of(Ints x) { return vaddvq_s32(x); }
static inline Floats bits_as_floats(Ints x) { return vreinterpretq_f32_s32(x); }
static inline Floats to_floats(Ints x) { return vcvtq_f32_s32(x); }
static inline Ints to_ints(Floats x) { return vcvtnq_s32_f32(x); }

static inline void store_bytes(int8_t *to, Ints x) {
    const int16x4_t four = vqmovn_s32(x);
    const int32_t bytes = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(four, four))), 0);
    memcpy(to, &bytes, 4);
}

static inline Ints add_words(Ints a, Ints b) {
    return vreinterpretq_s32_u64(vaddq_u64(vreinterpretq_u64_s32(a), vreinterpretq_u64_s32(b)));
}
static inline uint64_t word_sum_of(Ints x) { return vaddvq_u64(vreinterpretq_u64_s32(x)); }

// ---- dot products of bytes

static inline Ints add4(Ints sum, Ints q, Ints x) {
    return vdotq_s32(sum, vreinterpretq_s8_s32(q), vreinterpretq_s8_s32(x));
}
static inline Ints begin(Ints sums) { return sums; }
static inline Ints end(Ints sums, Ints part) { return (void)sums, part; }
static inline Ints raised(Ints w) { return w; }
static inline Ints add8(Ints sum, Ints w, Ints x) { return add4(sum, w, x); }

// Part j has rows 4j to 4j + 3.
static inline void unpacked(const uint8_t *w, Ints q[PARTS]) {
    for (int half = 0; half < 2; half++, w += 16) {
        const uint8x16_t k0 = vld1q_u8(w), k1 = vld1q_u8(w + 32), k2 = vld1q_u8(w + 64), k3 = vld1q_u8(w + 96);
        const uint16x8_t low01 = vreinterpretq_u16_u8(vzip1q_u8(k0, k1)), low23 = vreinterpretq_u16_u8(vzip1q_u8(k2, k3));
        const uint16x8_t high01 = vreinterpretq_u16_u8(vzip2q_u8(k0, k1)), high23 = vreinterpretq_u16_u8(vzip2q_u8(k2, k3));
        const uint16x8_t rows[4] = {vzip1q_u16(low01, low23), vzip2q_u16(low01, low23), vzip1q_u16(high01, high23),
                                    vzip2q_u16(high01, high23)};
        for (int j = 0; j < 4; j++) {
            const uint8x16_t own = vreinterpretq_u8_u16(rows[j]);
            q[4 * half + j] = vreinterpretq_s32_u8(vandq_u8(own, vdupq_n_u8(15)));
            q[4 * half + j + PARTS / 2] = vreinterpretq_s32_u8(vshrq_n_u8(own, 4));
        }
    }
}

static inline Ints half_bytes(const uint8_t *w, int64_t k) {
    const uint8x16_t both = vld1q_u8(w + k % 32);
    return vreinterpretq_s32_u8(k < 32 ? vandq_u8(both, vdupq_n_u8(15)) : vshrq_n_u8(both, 4));
}

static inline Ints load_pairs(const uint8_t *from, int j) {
    return vmovl_s16(vreinterpret_s16_u8(vld1_u8(from + 2 * W * j)));
}
static inline Floats load_rows(const float *from, int j) { return load(from + W * j); }
static inline void store_rows(bf16 *to, int j, Floats x) { store_halves(to + W * j, x); }
static inline Floats first_of(Ints pairs) { return to_floats(vandq_s32(pairs, all_ints(255))); }
static inline Floats second_of(Ints pairs) { return to_floats(vshrq_n_s32(pairs, 8)); }

static void drop_line(const uint8_t *line) { __asm__ volatile("dc civac, %0" : : "r"(line) : "memory"); }
static void wait_for_memory(void) { __asm__ volatile("dsb ish" : : : "memory"); }
