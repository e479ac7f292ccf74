// Activations to 8 bits, by groups along a row.

// Rows of x by panels of PANEL rows, the last one of what is left; in each its groups one after the other, of a group
// its rows. For each group of a row: q (int8), step (x = q * step), start and offset (what a dot product of 4 bits begins
// with, and what that makes of a product, see below), and plain (a sixteenth of the sum of x as it was).
typedef struct {
    int8_t *q;
    float *step, *offset, *plain;
    int32_t *start;
} Steps;

// The bits of a float that is so large that it counts in ones. A dot product that begins with them is, as a float, MAGIC
// more than its value: nothing has to be converted, and MAGIC * step is exact, since a step has eight digits.
#define MAGIC 12582912.0f
enum { MAGIC_BITS = 0x4b400000 };

// Bytes for each group of a row beside its q.
enum { GROUP_BYTES = sizeof(float) * 3 + sizeof(int32_t) };

static Steps steps_in(char *memory, int64_t rows, int64_t groups) {
    float *floats = (float *)memory;
    const int64_t all = rows * groups;
    int32_t *ints = (int32_t *)(floats + 3 * all);
    return (Steps){(int8_t *)(ints + all), floats, floats + all, floats + 2 * all, ints};
}

// From the group `groups` further.
static inline Steps further(Steps x, int64_t groups, int64_t group) {
    return (Steps){x.q + groups * group, x.step + groups, x.offset + groups, x.plain + groups, x.start + groups};
}

// The next bfloat16 that is not less. A step of so few digits makes the products above exact.
static float raised_step(float step) {
    uint32_t bits;
    memcpy(&bits, &step, 4);
    bits = (bits + 0xffff) & 0xffff0000;
    memcpy(&step, &bits, 4);
    return step;
}

// One group. `raised` is what the dot product adds to each weight. What is not finite makes `plain` so.
static void to_steps(const bf16 *x, Steps out, int64_t group, int raised) {
    Floats most = zero(), sum = zero();
    for (int64_t k = 0; k < group; k += W) {
        Floats values = load_halves(x + k);
        most = larger(most, absolute(values));
        sum = sum + values;
    }
    const float largest = largest_of(most), step = largest > 1e-30f ? raised_step(largest / 127) : 0;
    const Floats inverse = all(step > 0 ? 1 / step : 0);
    Ints total = all_ints(0);
    for (int64_t k = 0; k < group; k += W) {
        Ints q = to_ints(load_halves(x + k) * inverse);
        total = add_ints(total, q);
        store_bytes(out.q + k, q);
    }
    *out.step = step;
    *out.offset = MAGIC * step;
    *out.plain = sum_of(sum) / 16;
    *out.start = MAGIC_BITS - raised * int_sum_of(total);
}

// Where a group of a row is. `x` holds all of `rows`.
static Steps place_of(Steps x, int64_t row, int64_t i, int64_t rows, int64_t groups, int64_t group) {
    const int64_t first = row / PANEL * PANEL, high = rows - first < PANEL ? rows - first : PANEL;
    return further(x, first * groups + i * high + row - first, group);
}

// Group i of all rows one after the other, for a weight of 4 bits, which is q - 8.
static void group_to_steps(const bf16 *x, Steps out, int64_t i, int64_t rows, int64_t groups, int64_t group) {
    to_steps(x, place_of(out, i / groups, i % groups, rows, groups, group), group, 8);
}

static void row_to_steps(const bf16 *x, Steps out, int64_t row, int64_t rows, int64_t groups, int64_t group) {
    for (int64_t i = 0; i < groups; i++) group_to_steps(x + i * group, out, row * groups + i, rows, groups, group);
}
