// 4 bits, up to 16 rows of x, by AMX: tiles of integers.
#include <sys/syscall.h>
#include <unistd.h>

static int tiles_are_allowed;

// 1 if the system lets this process use tiles; asked once, before anything else here.
int tiles_allowed(void) { return tiles_are_allowed = syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

// Tiles 0 to 3 are sums, 4 and 5 of x, 6 and 7 of the weight. Rows of x, bytes of such a row, rows of the weight.
static void set_tiles(int rows, int bytes, int weight_rows) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } __attribute__((packed)) shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = i == 4 || i == 5 ? (uint16_t)bytes : 64;
        shape.rows[i] = i < 6 ? (uint8_t)rows : (uint8_t)weight_rows;
    }
    _tile_loadconfig(&shape);
}

enum { TILE_ROWS = 16 };
typedef int32_t Dots[TILE_ROWS][BLOCK];

// The same integers as in block4.
static inline void tile_dots(Unpacked q, const int8_t *x, Dots dots, int64_t group) {
    const int64_t depth = group < 64 ? group : 64;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < group; k += depth) {
        _tile_loadd(4, x + k, group);
        _tile_loadd(6, q[0][k / 4], 64);
        _tile_dpbsud(0, 4, 6);
        _tile_loadd(7, q[1][k / 4], 64);
        _tile_dpbsud(1, 4, 7);
        _tile_loadd(6, q[2][k / 4], 64);
        _tile_dpbsud(2, 4, 6);
        _tile_loadd(7, q[3][k / 4], 64);
        _tile_dpbsud(3, 4, 7);
    }
    _tile_stored(0, dots[0], sizeof dots[0]);
    _tile_stored(1, dots[0] + 16, sizeof dots[0]);
    _tile_stored(2, dots[0] + 32, sizeof dots[0]);
    _tile_stored(3, dots[0] + 48, sizeof dots[0]);
}

// As block4, for up to 16 rows at once, which are all of their panel; the sums of a row are made in the same order.
static void block4_tiles(int64_t rows, const uint8_t *w, const uint8_t *scales, Steps x, const float *units,
                         const float *bias, bf16 *y, int64_t columns, int64_t stride, int64_t group) {
    const int64_t groups = columns / group;
    Dots dots[2] __attribute__((aligned(64)));
    Unpacked q[2] __attribute__((aligned(64)));
    float sum[TILE_ROWS][BLOCK] __attribute__((aligned(64)));
    memset(sum, 0, sizeof sum);
    // A group is unpacked while the one before is multiplied and the one before that is summed: what a tile reads or
    // writes has to be in the cache first.
    for (int64_t next = 0; next < groups + 2; next++) {
        if (next < groups) unpack_group(w + next * 32 * group, scales + next * 2 * BLOCK, q[next % 2], group);
        const int64_t now = next - 1, i = next - 2;
        if (0 <= now && now < groups) tile_dots(q[now % 2], x.q + now * rows * group, dots[now % 2], group);
        if (i < 0) continue;
        const Pairs pairs = pairs_at(scales + i * 2 * BLOCK);
        for (int64_t m = 0; m < rows; m++) {
            const int64_t at = i * rows + m;
            const Ints start = all_ints(x.start[at]);
            for (int j = 0; j < PARTS; j++) {
                const Ints own = add_ints(load_ints(dots[i % 2][m] + W * j), start);
                float *to = sum[m] + W * j;
                store(to, with_group(load(to), own, pairs.scale[j], pairs.zero[j], x, at));
            }
        }
    }
    for (int64_t m = 0; m < rows; m++)
        for (int j = 0; j < PARTS; j++) store_rows(y + m * stride, j, finished(load(sum[m] + W * j), units, bias, j));
}
