// A whole layer for one new token of each conversation

// What layers of all kinds have: `out` takes what attention or a state gives, `inner` is the size of the feed-forward
// part, and `wide` says that norms are float32. The norms of what `out` and `down` give may be null. As kernels.py has it.
typedef struct {
    Weight out, gate_up[2], down;
    const void *norm, *inner_norm, *out_norm, *down_norm;
    int64_t hidden, inner, wide;
    float eps;
} Common;

// `size` is that of a head. The norms of queries and keys may be null. With `gated`, the rows of each head's query are
// followed by those of its gate.
typedef struct {
    Common common;
    Weight qkv[3];
    const void *q_norm, *k_norm;
    int64_t heads, kv_heads, size, neighbours, gated;
    float scale;
} Layer;

// A layer with states; `b` and `a` have 8 bits.
typedef struct {
    Common common;
    Weight qkv, z;
    const int8_t *b, *a;
    const float *b_scale, *a_scale;
    Delta delta;
} StateLayer;

// The conversations: keys[r] and values[r] are [kv_heads] of steps[r] numbers, with `lengths[r]` tokens and room for
// one more. The first `turned` numbers of a head are turned by their place: number i with i + turned / 2, or, if the
// layer has `neighbours`, 2i with 2i + 1. `cosines` and `sines` are [rows][turned]; each row's first half counts.
typedef struct {
    bf16 *const *keys, *const *values;
    const int64_t *lengths, *steps;
    const bf16 *cosines, *sines;
    int64_t rows, turned;
} Places;

static void turn_head(bf16 *head, const bf16 *cosines, const bf16 *sines, int64_t turned, int64_t neighbours) {
    const int64_t half = turned / 2;
    for (int64_t i = 0; i < half; i++) {
        bf16 *a = head + (neighbours ? 2 * i : i), *b = neighbours ? a + 1 : a + half;
        const float x = widen1(*a), y = widen1(*b), cosine = widen1(cosines[i]), sine = widen1(sines[i]);
        *a = narrow1(x * cosine - y * sine);
        *b = narrow1(y * cosine + x * sine);
    }
}

// out *= 1 / (1 + e^-gate)
static void close_gate(bf16 *out, const bf16 *gate, int64_t size) {
    const Floats one = all(1);
    for (int64_t i = 0; i < size; i += W) {
        Floats power = power_of_e(zero() - load_halves(gate + i));
        store_halves(out + i, load_halves(out + i) / (one + power));
    }
}

// Norms and turns queries and key of one conversation and key head, keeps key and value, and attends. Returns 0 if
// there is no memory. `qkv` is the row of all heads: queries, keys, values.
static int attend_new(const Layer *layer, const Places *at, bf16 *qkv, bf16 *out, int64_t r, int64_t kv) {
    const int64_t size = layer->size, shared = layer->heads / layer->kv_heads, step = layer->gated ? 2 * size : size;
    const int64_t wide = layer->common.wide;
    const float eps = layer->common.eps;
    const bf16 *queries = qkv + kv * shared * step, *cosines = at->cosines + r * at->turned;
    const bf16 *sines = at->sines + r * at->turned;
    bf16 *new_key = qkv + layer->heads * step + kv * size, *own = out + kv * shared * size;
    for (int64_t h = 0; h < shared; h++) {
        // The queries lie where the results will: all scores are computed before the first result.
        memcpy(own + h * size, queries + h * step, sizeof(bf16) * (size_t)size);
        if (layer->q_norm) norm1(own + h * size, layer->q_norm, wide, own + h * size, size, eps);
        turn_head(own + h * size, cosines, sines, at->turned, layer->neighbours);
    }
    bf16 *keys = at->keys[r] + kv * at->steps[r], *values = at->values[r] + kv * at->steps[r];
    memcpy(values + at->lengths[r] * size, new_key + layer->kv_heads * size, sizeof(bf16) * (size_t)size);
    if (layer->k_norm) norm1(new_key, layer->k_norm, wide, new_key, size, eps);
    turn_head(new_key, cosines, sines, at->turned, layer->neighbours);
    memcpy(keys + at->lengths[r] * size, new_key, sizeof(bf16) * (size_t)size);
    if (!attend1(own, keys, values, own, shared, at->lengths[r] + 1, size, layer->scale)) return 0;
    for (int64_t h = 0; h < shared && layer->gated; h++) close_gate(own + h * size, queries + h * step + size, size);
    return 1;
}

static void add(const bf16 *a, const bf16 *b, bf16 *sum, int64_t size) {
    for (int64_t i = 0; i < size; i += W) store_halves(sum + i, load_halves(a + i) + load_halves(b + i));
}

// gate / (1 + e^-gate) * up. The power is taken of what is below 0, on either side, so that it is never infinite.
static void gated(const bf16 *gate, const bf16 *up, bf16 *out, int64_t size) {
    const Floats one = all(1);
    for (int64_t i = 0; i < size; i += W) {
        Floats x = load_halves(gate + i), power = power_of_e(zero() - absolute(x));
        store_halves(out + i, x * below_or_1(x, power) / (one + power) * load_halves(up + i));
    }
}

// Memory between the products of a layer: bfloat16 [rows] of hidden, of 2 * inner and of inner, and for 8 bits of any.
typedef struct {
    bf16 *part, *both, *product;
    char *steps;
} Between;

// Bytes that `between_in` takes, for products of up to `widest` columns.
static size_t between_bytes(const Common *common, int64_t rows, int64_t widest) {
    const int64_t most = widest > common->inner ? widest : common->inner;
    // The smallest group has 32 numbers.
    return (size_t)(rows * (2 * (common->hidden + 3 * common->inner) + most + most * GROUP_BYTES / 32));
}

static Between between_in(char *memory, const Common *common, int64_t rows) {
    bf16 *part = (bf16 *)memory, *both = part + rows * common->hidden, *product = both + rows * 2 * common->inner;
    return (Between){part, both, product, (char *)(product + rows * common->inner)};
}

// The layer's input through its first norm, to 8 bits. To be called by every thread of a team, as what follows.
static Steps first_steps(const Common *common, Between between, const bf16 *x, int64_t rows, int64_t group) {
    const int64_t hidden = common->hidden;
    Steps in = steps_in(between.steps, rows, hidden / group);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        bf16 *part = between.part + r * hidden;
        norm1(x + r * hidden, common->norm, common->wide, part, hidden, common->eps);
        row_to_steps(part, in, r, rows, hidden / group, group);
    }
    return in;
}

// y = x + part, `part` [hidden] through its norm if there is one.
static void add_normed(const Common *common, const bf16 *x, bf16 *part, const void *norm, bf16 *y) {
    if (norm) norm1(part, norm, common->wide, part, common->hidden, common->eps);
    add(x, part, y, common->hidden);
}

// y = x, what `mixed` [rows][out.columns] adds, and what the feed-forward part adds to that.
static void finish(const Common *common, Between between, const bf16 *x, const bf16 *mixed, bf16 *y, int64_t rows) {
    const int64_t hidden = common->hidden, inner = common->inner, wide = common->out.columns;
    const int64_t out_group = common->out.group, inner_group = common->gate_up[0].group;
    const int64_t down_group = common->down.group;
    Steps from = steps_in(between.steps, rows, wide / out_group), last = steps_in(between.steps, rows, inner / down_group);
    Steps again = steps_in(between.steps, rows, hidden / inner_group);
#pragma omp for schedule(static)
    for (int64_t i = 0; i < rows * wide / out_group; i++)
        group_to_steps(mixed + i * out_group, from, i, rows, wide / out_group, out_group);
    product4(&common->out, 1, from, between.part, rows, hidden);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        bf16 *part = between.part + r * hidden;
        add_normed(common, x + r * hidden, part, common->out_norm, y + r * hidden);
        norm1(y + r * hidden, common->inner_norm, common->wide, part, hidden, common->eps);
        row_to_steps(part, again, r, rows, hidden / inner_group, inner_group);
    }
    product4(common->gate_up, 2, again, between.both, rows, 2 * inner);
#pragma omp for schedule(static)
    for (int64_t i = 0; i < rows * inner / down_group; i++) {
        const bf16 *gate = between.both + i * down_group / inner * 2 * inner + i * down_group % inner;
        gated(gate, gate + inner, between.product + i * down_group, down_group);
        group_to_steps(between.product + i * down_group, last, i, rows, inner / down_group, down_group);
    }
    product4(&common->down, 1, last, between.part, rows, hidden);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        add_normed(common, y + r * hidden, between.part + r * hidden, common->down_norm, y + r * hidden);
}

static int64_t wider(int64_t a, int64_t b) { return a > b ? a : b; }

// y [rows][hidden] = what the layer makes of x. All its parts in one go, since what lies between products of one row
// costs as much as a fifth of them. Returns 0 if there is no memory. A row's result does not depend on the other rows.
int layer4(const Layer *layer, const Places *at, const bf16 *x, bf16 *y) {
    const Common *common = &layer->common;
    const int64_t rows = at->rows, wide = common->out.columns;
    const int64_t heads = layer->qkv[0].out + layer->qkv[1].out + layer->qkv[2].out;
    const size_t own = sizeof(bf16) * (size_t)(rows * (heads + wide));
    char *memory = aligned(own + between_bytes(common, rows, wider(common->hidden, wide)));
    if (!memory) return 0;
    bf16 *qkv = (bf16 *)memory, *attended = qkv + rows * heads;
    const Between between = between_in(memory + own, common, rows);
    int good = 1;
#pragma omp parallel
    {
        const Steps in = first_steps(common, between, x, rows, layer->qkv[0].group);
        product4(layer->qkv, 3, in, qkv, rows, heads);
#pragma omp for schedule(dynamic)
        for (int64_t job = 0; job < rows * layer->kv_heads; job++) {
            const int64_t r = job / layer->kv_heads, kv = job % layer->kv_heads;
            if (!attend_new(layer, at, qkv + r * heads, attended + r * wide, r, kv)) good = 0;
        }
        finish(common, between, x, attended, y, rows);
    }
    release(memory);
    return good;
}

// The same for a layer with states; every conversation has one new token.
int state_layer4(const StateLayer *layer, const States *states, const bf16 *x, bf16 *y) {
    const Common *common = &layer->common;
    const int64_t rows = states->rows, hidden = common->hidden, channels = layer->qkv.out, values = layer->z.out;
    const int64_t heads = layer->delta.value_heads, groups = hidden / CHUNK;
    const size_t floats = sizeof(float) * (size_t)(rows * delta_numbers(&layer->delta));
    const size_t halves = sizeof(bf16) * (size_t)(rows * (channels + 2 * values + 2 * heads));
    const size_t eights = (size_t)(rows * (hidden + GROUP_BYTES * groups));
    char *memory = aligned(floats + eights + halves + between_bytes(common, rows, wider(hidden, values)));
    if (!memory) return 0;
    const Steps raised = steps_in(memory + floats, rows, groups);
    bf16 *qkv = (bf16 *)(memory + floats + eights), *z = qkv + rows * channels, *mixed = z + rows * values;
    bf16 *b = mixed + rows * values, *a = b + rows * heads;
    const Between between = between_in(memory + floats + eights + halves, common, rows);
#pragma omp parallel
    {
        const Steps in = first_steps(common, between, x, rows, layer->qkv.group);
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; r++)
            to_raised_steps(between.part + r * hidden, further(raised, r * groups, CHUNK), hidden, RAISED);
        product4(&layer->qkv, 1, in, qkv, rows, channels);
        product4(&layer->z, 1, in, z, rows, values);
        product8(layer->b, layer->b_scale, 0, raised, b, rows, hidden, heads);
        product8(layer->a, layer->a_scale, 0, raised, a, rows, hidden, heads);
        delta_team(&layer->delta, states, qkv, z, b, a, mixed, (float *)memory);
        finish(common, between, x, mixed, y, rows);
    }
    release(memory);
    return 1;
}

