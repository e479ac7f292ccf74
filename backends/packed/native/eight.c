// Products with weights of 8 bits.

enum { ROWS8 = 4 };

// `rows` rows of x times one row of the weight.
UNROLLED void row8(int rows, const int8_t *w, Steps x, float *products, int64_t columns) {
    const int64_t groups = columns / CHUNK;
    Floats sum[ROWS8];
    for (int m = 0; m < rows; m++) sum[m] = zero();
    for (int64_t i = 0; i < groups; i++) {
        __builtin_prefetch(w + 4096 + i * CHUNK, 0, 3);
        Ints dots[ROWS8];
        for (int m = 0; m < rows; m++) dots[m] = all_ints(0);
        for (int64_t k = i * CHUNK; k < (i + 1) * CHUNK; k += 4 * W) {
            const Ints weights = raised(load_ints(w + k));
            for (int m = 0; m < rows; m++) dots[m] = add8(dots[m], weights, load_ints(x.q + m * columns + k));
        }
        for (int m = 0; m < rows; m++) sum[m] = fused(to_floats(dots[m]), all(x.step[m * groups + i]), sum[m]);
    }
    for (int m = 0; m < rows; m++) products[m] = sum_of(sum[m]);
}

// A row of x to 8 bits, and in place of the first of `plain` what weights that are raised by so much add to its products.
// By that sum what is no number stays none.
static void to_raised_steps(const bf16 *x, Steps out, int64_t columns, int by) {
    const int64_t groups = columns / CHUNK;
    float sum = 0;
    for (int64_t i = 0; i < groups; i++) {
        const Steps own = further(out, i, CHUNK);
        to_steps(x + i * CHUNK, own, CHUNK, by);
        sum += *own.step * (float)(MAGIC_BITS - *own.start) + 0 * *own.plain;
    }
    out.plain[0] = sum;
}

// y [rows][out] = x times the weight: int8 [out][columns], float32 scale [out]. To be called by every thread of a team.
static void product8(const int8_t *weight, const float *scale, const float *bias, Steps steps, bf16 *y, int64_t rows,
                     int64_t columns, int64_t out) {
    const int64_t groups = columns / CHUNK;
#pragma omp for schedule(static)
    for (int64_t n = 0; n < out; n++) {
        const int8_t *w = weight + n * columns;
        for (int64_t m = 0; m < rows; m += ROWS8) {
            const int64_t some = rows - m < ROWS8 ? rows - m : ROWS8;
            const Steps part = further(steps, m * groups, CHUNK);
            float products[ROWS8];
#define CASE(n) \
    case n: \
        row8(n, w, part, products, columns); \
        break;
            switch (some) { CASES_TO(4) }
#undef CASE
            for (int64_t i = 0; i < some; i++) {
                float value = scale[n] * (products[i] - part.plain[i * groups]);
                y[(m + i) * out + n] = narrow1(bias ? value + bias[n] : value);
            }
        }
    }
}

// The same by itself; columns is a multiple of 64. `scratch` as for few4 with groups of 64.
void few8(const bf16 *x, const int8_t *weight, const float *scale, const float *bias, bf16 *y, char *scratch,
          int64_t rows, int64_t columns, int64_t out) {
    const int64_t groups = columns / CHUNK;
    Steps steps = steps_in(scratch, rows, groups);
    for (int64_t m = 0; m < rows; m++) {
        to_raised_steps(x + m * columns, further(steps, m * groups, CHUNK), columns, RAISED);
    }
#pragma omp parallel
    product8(weight, scale, bias, steps, y, rows, columns, out);
}
