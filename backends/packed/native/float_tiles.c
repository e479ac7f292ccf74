// 4 bits, many rows of x, by AMX: tiles of bfloat16, without rounding x.

// Tiles of 16 rows of 64 bytes. A part of the weight is made bfloat16 in the cache and used for all rows of x at once.
enum { TILE = 512, DEPTH = 256, WIDE = 4 };

// x in tiles: [rows/16][columns/32][16][32]; rows past the last are zero.
static void tile_rows(const bf16 *x, bf16 *tiles, int64_t rows, int64_t columns) {
    const int64_t across = columns / 32;
#pragma omp parallel for schedule(static)
    for (int64_t block = 0; block < (rows + 31) / 32 * 2; block++)
        for (int64_t r = 0; r < 16; r++) {
            int64_t row = block * 16 + r;
            bf16 *to = tiles + block * across * TILE + r * 32;
            for (int64_t c = 0; c < across; c++) {
                __m512i piece = row < rows ? _mm512_loadu_si512(x + row * columns + c * 32) : _mm512_setzero_si512();
                _mm512_storeu_si512(to + c * TILE, piece);
            }
        }
}

// `depth` columns of one block as four rows of tiles [4][depth/32][16][16][2]: pairs of columns side by side.
static void tile_weights(const uint8_t *w, const uint8_t *scales, bf16 *tiles, int64_t depth, int64_t group) {
    uint16_t order[32];
    for (int i = 0; i < 16; i++) {
        order[2 * i] = (uint16_t)i;
        order[2 * i + 1] = (uint16_t)(16 + i);
    }
    const __m512i pairs = _mm512_loadu_si512(order), low = _mm512_set1_epi32(15);
    for (int64_t k0 = 0; k0 < depth; k0 += group, scales += 2 * BLOCK)
        for (int j = 0; j < 4; j++) {
            const Ints both = load_pairs(scales, j);
            // In units: (q - 8 + zero / 16) * scale as q * scale + (zero / 16 - 8) * scale
            const Floats scale = first_of(both), zero = fused(second_of(both), all(1.0f / 16), all(-8)) * scale;
            bf16 *row = tiles + j * depth / 32 * TILE;
            for (int64_t k = k0; k < k0 + group; k += 2) {
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
static void four_tiles(const bf16 *x, int64_t x_next, const bf16 *w, int64_t w_next, float *sums, int64_t sums_next,
                       int64_t steps) {
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + 256, 64);
    _tile_loadd(2, sums + sums_next, 64);
    _tile_loadd(3, sums + sums_next + 256, 64);
    for (int64_t k = 0; k < steps; k++) {
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

// Multiplies by `units`, adds `bias` and writes the sums [rows/16][tiles][16][16] of some blocks to y.
static void untile(const float *sums, const float *units, const float *bias, bf16 *y, int64_t rows, int64_t tiles,
                   int64_t out) {
    for (int64_t row = 0; row < rows; row++)
        for (int64_t t = 0; t < tiles; t++) {
            const Floats sum = load(sums + ((row / 16) * tiles + t) * 256 + row % 16 * 16);
            store_halves(y + row * out + 16 * t, finished(sum, units, bias, (int)t));
        }
}

// As few4, for many rows; columns is a multiple of 32. `scratch` has rows rounded up to 32 * columns * 2 bytes.
// Returns 0 if there is no memory. A row's result does not depend on the other rows.
int many4(const bf16 *x, const uint8_t *packed, const uint8_t *scales, const float *units, const float *bias, bf16 *y,
          char *scratch, int64_t rows, int64_t columns, int64_t out, int64_t group) {
    bf16 *x_tiles = (bf16 *)scratch;
    tile_rows(x, x_tiles, rows, columns);
    const int64_t blocks = out / BLOCK, groups = columns / group;
    const int64_t high = (rows + 31) / 32 * 2, x_next = columns / 32 * TILE;
    const int64_t parts = (blocks + WIDE - 1) / WIDE;
    int good = 1;
#pragma omp parallel
    {
        bf16 *w_tiles = aligned(sizeof(bf16) * DEPTH * BLOCK * WIDE);
        float *sums = aligned(sizeof(float) * (size_t)high * 256 * 4 * WIDE);
        set_tiles(16, 64, 16);
#pragma omp for schedule(dynamic)
        for (int64_t part = 0; part < parts; part++) {
            if (!w_tiles || !sums) {
                good = 0;
                continue;
            }
            const int64_t b0 = part * WIDE, wide = blocks - b0 < WIDE ? blocks - b0 : WIDE, tiles = 4 * wide;
            memset(sums, 0, sizeof(float) * (size_t)(high * tiles * 256));
            for (int64_t k0 = 0; k0 < columns; k0 += DEPTH) {
                const int64_t depth = columns - k0 < DEPTH ? columns - k0 : DEPTH, w_next = depth / 32 * TILE;
                for (int64_t b = 0; b < wide; b++)
                    tile_weights(packed + ((b0 + b) * columns + k0) * 32,
                                 scales + ((b0 + b) * groups + k0 / group) * 2 * BLOCK, w_tiles + b * depth * BLOCK,
                                 depth, group);
                for (int64_t t = 0; t < tiles; t += 2)
                    for (int64_t r = 0; r < high; r += 2)
                        four_tiles(x_tiles + r * x_next + k0 / 32 * TILE, x_next, w_tiles + t * w_next, w_next,
                                   sums + (r * tiles + t) * 256, tiles * 256, depth / 32);
            }
            untile(sums, units + b0 * BLOCK, bias ? bias + b0 * BLOCK : 0, y + b0 * BLOCK, rows, tiles, out);
        }
        _tile_release();
        release(w_tiles);
        release(sums);
    }
    return good;
}
