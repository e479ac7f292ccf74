// 4 bits, many rows of x: a group of a block is unpacked once for a panel of them.

// A group of a block with a byte for each weight: [part][4 columns at a time][W rows][4].
typedef uint8_t Unpacked[PARTS][MOST_GROUP / 4][4 * W];

#ifndef BY_PAIRS
// Columns of `w` that are unpacked together.
enum { UNPACKED_AT_ONCE = 4 };

static inline void unpack_columns(const uint8_t *w, Unpacked q, int64_t k) {
    Ints parts[PARTS];
    unpacked(w, parts);
    for (int j = 0; j < PARTS; j++) store_ints(q[j][k / 4], parts[j]);
}

// The dot products of `rows` rows of x with PARTS_AT_ONCE parts of a group of a block, from part j0 on.
UNROLLED void group_dots(int rows, int j0, Unpacked q, Steps x, Ints (*dots)[PARTS_AT_ONCE], int64_t group) {
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < PARTS_AT_ONCE; j++) dots[m][j] = all_ints(x.start[m]);
    for (int64_t k0 = 0; k0 < group; k0 += 32) {
        Ints part[ROWS_AT_ONCE][PARTS_AT_ONCE];
        for (int m = 0; m < rows; m++)
            for (int j = 0; j < PARTS_AT_ONCE; j++) part[m][j] = begin(dots[m][j]);
        for (int64_t k = k0; k < k0 + 32; k += 4)
            for (int m = 0; m < rows; m++) {
                const Ints four = four_at(x.q + m * group + k);
                for (int j = 0; j < PARTS_AT_ONCE; j++)
                    part[m][j] = add4(part[m][j], load_ints(q[j0 + j][k / 4]), four);
            }
        for (int m = 0; m < rows; m++)
            for (int j = 0; j < PARTS_AT_ONCE; j++) dots[m][j] = end(dots[m][j], part[m][j]);
    }
}
#else
#include "neon_pairs.h"
#endif

static inline void unpack_group(const uint8_t *w, const uint8_t *scales, Unpacked q, int64_t group) {
    const int past = past_caches;
    const char *ahead = (const char *)w + near_bytes, *scales_ahead = (const char *)scales + near_bytes / 8;
    for (int line = 0; line < 2; line++) ASK(scales_ahead + 64 * line, past);
    for (int64_t k = 0; k < group; k += UNPACKED_AT_ONCE) {
        for (int line = 0; line < UNPACKED_AT_ONCE / 2; line++) ASK(ahead + 32 * k + 64 * line, past);
        unpack_columns(w + 32 * k, q, k);
    }
}

// The product of a group, added to `sum`.
UNROLLED void add_group(int rows, int j0, Unpacked q, Steps x, const Pairs *pairs, float (*sum)[BLOCK], int64_t group) {
    Ints dots[ROWS_AT_ONCE][PARTS_AT_ONCE];
    group_dots(rows, j0, q, x, dots, group);
    // What the scales need is read after this, and so takes no registers from the sums.
    __asm__ volatile("" ::: "memory");
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < PARTS_AT_ONCE; j++) {
            float *at = sum[m] + W * (j0 + j);
            store(at, with_group(load(at), dots[m][j], pairs->scale[j0 + j], pairs->zero[j0 + j], x, m));
        }
}

// As block4, for up to PANEL rows; the sums of a row are made in the same order.
static void block4_panel(int64_t rows, const uint8_t *w, const uint8_t *scales, Steps x, const float *units,
                         const float *bias, bf16 *y, int64_t columns, int64_t stride, int64_t group) {
    Unpacked q __attribute__((aligned(64)));
    float sum[PANEL][BLOCK] __attribute__((aligned(64)));
    for (int64_t m = 0; m < rows; m++)
        for (int j = 0; j < PARTS; j++) store(sum[m] + W * j, zero());
    for (int64_t i = 0; i < columns / group; i++, w += 32 * group, scales += 2 * BLOCK) {
        unpack_group(w, scales, q, group);
        const Pairs pairs = pairs_at(scales);
        for (int64_t m = 0; m < rows; m += ROWS_AT_ONCE) {
            const Steps some = further(x, i * rows + m, group);
            for (int j0 = 0; j0 < PARTS; j0 += PARTS_AT_ONCE)
#define CASE(n) \
    case n: \
        if (GROUP_32_APART && group == 32) add_group(n, j0, q, some, &pairs, sum + m, 32); \
        else add_group(n, j0, q, some, &pairs, sum + m, group); \
        break;
                switch (rows - m < ROWS_AT_ONCE ? rows - m : ROWS_AT_ONCE) { CASES_TO(ROWS_AT_ONCE) }
#undef CASE
        }
    }
    for (int64_t m = 0; m < rows; m++)
        for (int j = 0; j < PARTS; j++) store_rows(y + m * stride, j, finished(load(sum[m] + W * j), units, bias, j));
}
