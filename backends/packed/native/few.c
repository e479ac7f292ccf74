// 4 bits, few rows of x: what is unpacked stays in registers.

// Scales and zeros of a group of a block.
typedef struct {
    Floats scale[PARTS], zero[PARTS];
} Pairs;

static inline Pairs pairs_at(const uint8_t *scales) {
    Pairs pairs;
    for (int j = 0; j < PARTS; j++) {
        const Ints both = load_pairs(scales, j);
        pairs.scale[j] = first_of(both);
        pairs.zero[j] = second_of(both);
    }
    return pairs;
}

// Four numbers of x for every row of the weight.
static inline Ints four_at(const int8_t *q) {
    int32_t four;
    memcpy(&four, q, 4);
    return all_ints(four);
}

// `sum`, in units, plus the product of a group with row m of x: `dots` began with its `start`.
static inline Floats with_group(Floats sum, Ints dots, Floats scale, Floats zero, Steps x, int64_t m) {
    const Floats product = fused_less(bits_as_floats(dots), all(x.step[m]), all(x.offset[m]));
    return fused(fused(zero, all(x.plain[m]), product), scale, sum);
}

static inline Floats finished(Floats sum, const float *units, const float *bias, int j) {
    const Floats unit = load_rows(units, j);
    if (bias) return fused(sum, unit, load_rows(bias, j));
    return sum * unit;
}

// `rows` rows of x, which are all of their panel, times one block; y has `stride`.
UNROLLED void block4(int rows, int past, const uint8_t *w, const uint8_t *scales, Steps x, const float *units,
                     const float *bias, bf16 *y, int64_t columns, int64_t stride, int64_t group) {
    const char *ahead = (const char *)w + near_bytes, *scales_ahead = (const char *)scales + near_bytes / 8;
    Floats sum[FEW][PARTS];
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < PARTS; j++) sum[m][j] = zero();
    for (int64_t i = 0; i < columns; i += group, scales += 2 * BLOCK, x = further(x, rows, group)) {
        Ints dots[FEW][PARTS];
        for (int m = 0; m < rows; m++)
            for (int j = 0; j < PARTS; j++) dots[m][j] = all_ints(x.start[m]);
        for (int64_t k0 = 0; k0 < group; k0 += 32) {
            Ints part[FEW][PARTS];
            for (int m = 0; m < rows; m++)
                for (int j = 0; j < PARTS; j++) part[m][j] = begin(dots[m][j]);
            for (int64_t k = k0; k < k0 + 32; k += 4, w += 128, ahead += 128) {
                ASK(ahead, past);
                ASK(ahead + 64, past);
                Ints q[PARTS];
                unpacked(w, q);
                for (int m = 0; m < rows; m++) {
                    const Ints four = four_at(x.q + m * group + k);
                    for (int j = 0; j < PARTS; j++) part[m][j] = add4(part[m][j], q[j], four);
                }
            }
            for (int m = 0; m < rows; m++)
                for (int j = 0; j < PARTS; j++) dots[m][j] = end(dots[m][j], part[m][j]);
        }
        for (int line = 0; line < 2; line++) ASK(scales_ahead + 64 * line, past);
        scales_ahead += 128;
        const Pairs pairs = pairs_at(scales);
        for (int j = 0; j < PARTS; j++)
            for (int m = 0; m < rows; m++)
                sum[m][j] = with_group(sum[m][j], dots[m][j], pairs.scale[j], pairs.zero[j], x, m);
    }
    for (int m = 0; m < rows; m++)
        for (int j = 0; j < PARTS; j++) store_rows(y + m * stride, j, finished(sum[m][j], units, bias, j));
}
