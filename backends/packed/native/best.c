// The best of the output layer's scores again, with 4 more bits of their weights.

// Scores are searched in runs of so many: a run whose largest score is too small is skipped.
enum { RUN = 32 };

// In the order of the numbers; NaN is first or last.
static inline uint16_t in_order(bf16 x) { return x ^ (x & 0x8000 ? 0xffff : 0x8000); }

static inline uint16_t largest_in_run(const bf16 *y) {
    uint16_t most = 0;
    for (int64_t n = 0; n < RUN; n++) {
        const uint16_t own = in_order(y[n]);
        most = own > most ? own : most;
    }
    return most;
}

// The least of the `best` largest numbers, of which `counts` has how many of each there are; in `best`, how many of the
// least are among them.
static unsigned limit_of(const int32_t *counts, int64_t *best) {
    unsigned limit = 0xffff;
    for (; counts[limit] < *best; limit--) *best -= counts[limit];
    return limit;
}

// The places of the `best` largest of y; of equal ones at the limit, those that come first.
static void find_best(const bf16 *y, int64_t count, int64_t best, int32_t *places) {
    int32_t counts[1 << 16] = {0};
    const int64_t whole = count / RUN * RUN;
    unsigned limit = 0;
    if (whole / RUN >= best) {
        // At least `best` scores reach the limit found among the runs' largest ones, so other runs can be skipped.
        for (int64_t n = 0; n < whole; n += RUN) counts[largest_in_run(y + n)]++;
        int64_t among = best;
        limit = limit_of(counts, &among);
        memset(counts, 0, sizeof counts);
    }
#define EACH_SCORE(...) \
    for (int64_t from = 0; from < count; from += RUN) \
        if (from == whole || largest_in_run(y + from) >= limit) \
            for (int64_t n = from; n < count && n < from + RUN; n++) { \
                const unsigned own = in_order(y[n]); \
                __VA_ARGS__; \
            }
    EACH_SCORE(counts[own]++)
    limit = limit_of(counts, &best);
    EACH_SCORE(if (own > limit || (own == limit && best-- > 0)) *places++ = (int32_t)n)
#undef EACH_SCORE
}

// A row of x times one row of the residual, in its steps of -8 to 7, which are stored as 0 to 15.
static float residual_dot(const uint8_t *w, Steps x, int64_t columns) {
    Floats sum = zero();
    for (int64_t i = 0; i < columns / CHUNK; i++) {
        Ints part = begin(all_ints(0));
        for (int64_t k = 0; k < CHUNK; k += 4 * W)
            part = add4(part, half_bytes(w + i * CHUNK / 2, k), load_ints(x.q + i * CHUNK + k));
        sum = fused(to_floats(end(all_ints(0), part)), all(x.step[i]), sum);
    }
    return sum_of(sum) - x.plain[0];
}

// Adds to the `best` largest of the first `count` scores of each row of y [rows][stride] the product of its row of x with
// their rows of the residual, [count][columns / 64][32] with column j of 64 in the low half of byte j and column j + 32 in
// the high half; `scale` is float32 [count]. `scratch` as for few8, `places` int32 [rows][best]; columns is a multiple of 64.
void score_best(const bf16 *x, const uint8_t *residual, const float *scale, bf16 *y, char *scratch, int32_t *places,
                int64_t rows, int64_t columns, int64_t stride, int64_t count, int64_t best) {
    const int64_t groups = columns / CHUNK;
    const Steps steps = steps_in(scratch, rows, groups);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (int64_t m = 0; m < rows; m++) {
            to_raised_steps(x + m * columns, further(steps, m * groups, CHUNK), columns, 8);
            find_best(y + m * stride, count, best, places + m * best);
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < rows * best; i++) {
            const int64_t m = i / best, n = places[i];
            if (i + 1 < rows * best)
                for (int64_t k = 0; k < columns / 2; k += 64) ASK(residual + places[i + 1] * (columns / 2) + k, 1);
            bf16 *score = y + m * stride + n;
            const float more = residual_dot(residual + n * (columns / 2), further(steps, m * groups, CHUNK), columns);
            *score = narrow1(widen1(*score) + scale[n] * more);
        }
    }
}
