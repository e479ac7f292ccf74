// Products with weights of 4 bits.

// FEW_FOR_TILES: up to so many rows the products without tiles are the quicker ones.
enum { FEW_FOR_TILES = 4 };

// A weight of 4 bits, `out` rows of `columns`, see main.c; `bias` is float32 or null.
typedef struct {
    const uint8_t *packed, *scales;
    const float *units, *bias;
    int64_t out, columns, group;
} Weight;

// Block b of a weight times all rows of x.
static void multiply_block(const Weight *weight, int64_t b, Steps x, bf16 *y, int64_t rows, int64_t stride, int tiles) {
    const int64_t columns = weight->columns, group = weight->group, groups = columns / group;
    const uint8_t *w = weight->packed + b * columns * BLOCK / 2;
    const uint8_t *scales = weight->scales + b * groups * 2 * BLOCK;
    const float *units = weight->units + b * BLOCK, *bias = weight->bias ? weight->bias + b * BLOCK : 0;
#ifdef TILES
    if (tiles) {
        block4_tiles(rows, w, scales, x, units, bias, y, columns, stride, group);
        return;
    }
#endif
#define CASE(n) \
    case n: \
        block4(n, 0, w, scales, x, units, bias, y, columns, stride, group); \
        return; \
    case -n: \
        block4(n, 1, w, scales, x, units, bias, y, columns, stride, group); \
        return;
    switch (past_caches ? -rows : rows) { CASES_TO(FEW) }
#undef CASE
    for (int64_t m = 0; m < rows; m += PANEL)
        block4_panel(rows - m < PANEL ? rows - m : PANEL, w, scales, further(x, m * groups, group), units, bias,
                     y + m * stride, columns, stride, group);
}

// y [rows][stride] = x times `count` weights that take the same x, one after the other along a row of y. To be called
// by every thread of a team; all of it is there when one returns.
static void product4(const Weight *weights, int count, Steps x, bf16 *y, int64_t rows, int64_t stride) {
    int64_t blocks = 0;
    for (int i = 0; i < count; i++) blocks += weights[i].out / BLOCK;
    int tiles = 0;
#ifdef TILES
    tiles = tiles_are_allowed && rows > FEW_FOR_TILES && rows <= TILE_ROWS;
    const int depth = weights->group < 64 ? (int)weights->group : 64;
    if (tiles) set_tiles((int)rows, depth, depth / 4);
#endif
#define EACH_BLOCK \
    for (int64_t n = 0; n < blocks; n++) { \
        const Weight *weight = weights; \
        int64_t b = n; \
        while (b >= weight->out / BLOCK) b -= weight++->out / BLOCK; \
        multiply_block(weight, b, x, y + n * BLOCK, rows, stride, tiles); \
    }
    // Few rows wait for memory, which is read from end to end; with many, a thread that loses its core must not be
    // waited for.
    if (rows <= PANEL / 4) {
#pragma omp for schedule(static)
        EACH_BLOCK
    } else {
#pragma omp for schedule(dynamic)
        EACH_BLOCK
    }
#undef EACH_BLOCK
#ifdef TILES
    if (tiles) _tile_release();
#endif
}

// y [rows][out] = x [rows][columns] times the weight (+ bias, float32 or null); `scratch` has rows * (columns +
// GROUP_BYTES * columns / group) bytes. A row's result does not depend on the other rows.
void few4(const bf16 *x, const uint8_t *packed, const uint8_t *scales, const float *units, const float *bias, bf16 *y,
          char *scratch, int64_t rows, int64_t columns, int64_t out, int64_t group) {
    const Weight weight = {packed, scales, units, bias, out, columns, group};
    const int64_t groups = columns / group;
    const Steps steps = steps_in(scratch, rows, groups);
    if (rows == 1) row_to_steps(x, steps, 0, 1, groups, group);
#pragma omp parallel
    {
        if (rows > 1) {
#pragma omp for schedule(static)
            for (int64_t row = 0; row < rows; row++)
                row_to_steps(x + row * columns, steps, row, rows, groups, group);
        }
        product4(&weight, 1, steps, y, rows, out);
    }
}
