// Many rows by i8mm, in place of the dot products in many.c: an instruction multiplies eight columns of two rows of x with
// those of two rows of the weight.

enum { UNPACKED_AT_ONCE = 8 };

// Of part j, slot k / 4 has eight columns of its first two rows, the next slot those of the other two.
static inline void unpack_columns(const uint8_t *w, Unpacked q, int64_t k) {
    Ints first[PARTS], second[PARTS];
    unpacked(w, first);
    unpacked(w + 128, second);
    for (int j = 0; j < PARTS; j++) {
        store_ints(q[j][k / 4], vzip1q_s32(first[j], second[j]));
        store_ints(q[j][k / 4 + 1], vzip2q_s32(first[j], second[j]));
    }
}

// Eight numbers of row m of x, and of the next one if it is there.
static inline int8x16_t two_rows(const int8_t *q, int m, int rows, int64_t group) {
    const int8_t *at = q + m * group;
    return vcombine_s8(vld1_s8(at), vld1_s8(m + 1 < rows ? at + group : at));
}

UNROLLED void group_dots(int rows, int j0, Unpacked q, Steps x, Ints (*dots)[PARTS_AT_ONCE], int64_t group) {
    for (int m = 0; m < rows; m += 2) {
        // In each: two sums of row m, and the same two of the next.
        Ints sums[PARTS_AT_ONCE][2];
        for (int j = 0; j < PARTS_AT_ONCE; j++) sums[j][0] = sums[j][1] = all_ints(0);
        for (int64_t k = 0; k < group; k += 8) {
            const int8x16_t two = two_rows(x.q + k, m, rows, group);
            for (int j = 0; j < PARTS_AT_ONCE; j++)
                for (int half = 0; half < 2; half++) {
                    const int8x16_t own = vreinterpretq_s8_s32(load_ints(q[j0 + j][k / 4 + half]));
                    sums[j][half] = vmmlaq_s32(sums[j][half], two, own);
                }
        }
        for (int j = 0; j < PARTS_AT_ONCE; j++) {
            const Ints low = vcombine_s32(vget_low_s32(sums[j][0]), vget_low_s32(sums[j][1]));
            const Ints high = vcombine_s32(vget_high_s32(sums[j][0]), vget_high_s32(sums[j][1]));
            dots[m][j] = add_ints(all_ints(x.start[m]), low);
            if (m + 1 < rows) dots[m + 1][j] = add_ints(all_ints(x.start[m + 1]), high);
        }
    }
}
