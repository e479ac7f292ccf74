// The instructions of AMX in plain C, so that the products by tiles can be tested on a processor without them.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} shapes;
static _Thread_local uint8_t tiles[8][16][64];

static void load_shapes(const void *from) { memcpy(&shapes, from, sizeof shapes); }

static void clear_tile(int t) { memset(tiles[t], 0, sizeof tiles[t]); }

static void load_tile(int t, const void *from, int64_t stride) {
    clear_tile(t);
    for (int r = 0; r < shapes.rows[t]; r++) memcpy(tiles[t][r], (const char *)from + r * stride, shapes.bytes[t]);
}

static void store_tile(int t, void *to, int64_t stride) {
    for (int r = 0; r < shapes.rows[t]; r++) memcpy((char *)to + r * stride, tiles[t][r], shapes.bytes[t]);
}

// c += a times b: a has signed bytes, b unsigned ones, four of a column side by side.
static void add_bytes(int c, int a, int b) {
    for (int m = 0; m < shapes.rows[c]; m++)
        for (int n = 0; n < shapes.bytes[c] / 4; n++) {
            int32_t sum;
            memcpy(&sum, tiles[c][m] + 4 * n, 4);
            for (int k = 0; k < shapes.bytes[a]; k++)
                sum += (int8_t)tiles[a][m][k] * tiles[b][k / 4][4 * n + k % 4];
            memcpy(tiles[c][m] + 4 * n, &sum, 4);
        }
}

static float half_at(const uint8_t *from) {
    uint32_t bits = (uint32_t)(from[0] | from[1] << 8) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// The same in bfloat16, two of a column side by side.
static void add_halves(int c, int a, int b) {
    for (int m = 0; m < shapes.rows[c]; m++)
        for (int n = 0; n < shapes.bytes[c] / 4; n++) {
            float sum;
            memcpy(&sum, tiles[c][m] + 4 * n, 4);
            for (int k = 0; k < shapes.bytes[a] / 2; k++)
                sum += half_at(tiles[a][m] + 2 * k) * half_at(tiles[b][k / 2] + 4 * n + 2 * (k % 2));
            memcpy(tiles[c][m] + 4 * n, &sum, 4);
        }
}

#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbsud
#undef _tile_dpbf16ps
#define _tile_loadconfig load_shapes
#define _tile_release() ((void)0)
#define _tile_zero clear_tile
#define _tile_loadd load_tile
#define _tile_stored store_tile
#define _tile_dpbsud add_bytes
#define _tile_dpbf16ps add_halves
// The system's answer to whether tiles are allowed.
#define syscall(...) 0
