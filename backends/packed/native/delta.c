// Gated DeltaNet: what lies between the projections of a layer

// The sizes of a head and of the convolution. COLUMNS of a head's memory depend on no other column, so that they stay
// in the nearest cache for all tokens.
enum { HEAD = 128, TAPS = 4, COLUMNS = 64, VECTORS = HEAD / W, COLUMN_PARTS = COLUMNS / W };

// taps [TAPS][channels], the last for the newest token; rate and bias [value heads]; norm [HEAD]. A value head has the
// keys of key head `value head * key_heads / value_heads`.
typedef struct {
    const float *taps, *rate, *bias, *norm;
    int64_t key_heads, value_heads;
    float eps;
} Delta;

// What the conversations keep: conv[r] [TAPS - 1][channels], and memory[r] [value heads][HEAD / COLUMNS][HEAD
// keys][COLUMNS]; and the number of their new tokens.
typedef struct {
    float *const *conv, *const *memory;
    const int64_t *counts;
    int64_t rows;
} States;

static inline Floats silu(Floats x) { return x / (all(1) + power_of_e(zero() - x)); }

// The channels of a head for `count` tokens through the convolution and SiLU, to [count][HEAD]; with `unit`, each
// token's are brought to that length.
static void convolve(const bf16 *x, int64_t stride, const float *taps, float *conv, int64_t count, float unit,
                     float *to) {
    for (int64_t t = 0; t < count; t++) {
        Floats values[VECTORS], squares = zero();
        for (int v = 0; v < VECTORS; v++) {
            Floats sum = zero();
            for (int tap = 0; tap < TAPS; tap++) {
                const int64_t from = t + tap - (TAPS - 1);
                Floats input = from < 0 ? load(conv + (from + TAPS - 1) * stride + W * v)
                                        : load_halves(x + from * stride + W * v);
                sum = fused(input, load(taps + tap * stride + W * v), sum);
            }
            values[v] = silu(sum);
            squares = fused(values[v], values[v], squares);
        }
        const float scale = unit ? unit / sqrtf(sum_of(squares) + 1e-6f) : 1;
        for (int v = 0; v < VECTORS; v++) store(to + t * HEAD + W * v, values[v] * all(scale));
    }
    // The last inputs, some of which may be older ones; each is read before it is written.
    for (int64_t i = 0; i < TAPS - 1; i++) {
        const int64_t from = count + i - (TAPS - 1);
        for (int v = 0; v < VECTORS; v++) {
            Floats input = from < 0 ? load(conv + (from + TAPS - 1) * stride + W * v)
                                    : load_halves(x + from * stride + W * v);
            store(conv + i * stride + W * v, input);
        }
    }
}

// COLUMNS of one head's memory [HEAD][COLUMNS], token by token: q, k, v and out are [count][HEAD], decay and beta
// [count][step]. A token reads and writes the memory once: its new value serves this token's query and the next key.
static void recur(float *memory, const float *q, const float *k, const float *v, const float *decay, const float *beta,
                  int64_t step, float *out, int64_t count) {
    Floats under[COLUMN_PARTS];
    for (int p = 0; p < COLUMN_PARTS; p++) under[p] = zero();
    for (int64_t i = 0; i < HEAD; i++)
        for (int p = 0; p < COLUMN_PARTS; p++)
            under[p] = fused(load(memory + i * COLUMNS + W * p), all(k[i]), under[p]);
    for (int64_t t = 0; t < count; t++, q += HEAD, k += HEAD) {
        const Floats kept = all(decay[t * step]), share = all(beta[t * step]);
        const float *next = t + 1 < count ? k + HEAD : k;
        Floats change[COLUMN_PARTS], read[COLUMN_PARTS], later[COLUMN_PARTS];
        for (int p = 0; p < COLUMN_PARTS; p++) {
            Floats value = load(v + t * HEAD + W * p);
            change[p] = (fused_from(under[p], kept, value) * share);
            read[p] = later[p] = zero();
        }
        for (int64_t i = 0; i < HEAD; i++) {
            const Floats key = all(k[i]), query = all(q[i]), following = all(next[i]);
            for (int p = 0; p < COLUMN_PARTS; p++) {
                float *at = memory + i * COLUMNS + W * p;
                Floats own = fused(change[p], key, (load(at) * kept));
                store(at, own);
                read[p] = fused(own, query, read[p]);
                later[p] = fused(own, following, later[p]);
            }
        }
        for (int p = 0; p < COLUMN_PARTS; p++) {
            store(out + t * HEAD + W * p, read[p]);
            under[p] = later[p];
        }
    }
}

// The norm of what a head has read, times its gate.
static void gated_norm(const float *read, const float *norm, const bf16 *gate, bf16 *out, float eps) {
    Floats squares = zero();
    for (int v = 0; v < VECTORS; v++) {
        Floats value = load(read + W * v);
        squares = fused(value, value, squares);
    }
    const Floats scale = all(1 / sqrtf(sum_of(squares) / HEAD + eps));
    for (int v = 0; v < VECTORS; v++) {
        Floats value = load(read + W * v) * scale * load(norm + W * v);
        store_halves(out + W * v, value * silu(load_halves(gate + W * v)));
    }
}

static int64_t tokens_of(const States *states) {
    int64_t tokens = 0;
    for (int64_t r = 0; r < states->rows; r++) tokens += states->counts[r];
    return tokens;
}

// The numbers of `scratch` for a token.
static int64_t delta_numbers(const Delta *layer) {
    return (2 * layer->key_heads + 2 * layer->value_heads) * HEAD + 2 * layer->value_heads;
}

// qkv [tokens][channels], z and out [tokens][value heads * HEAD], b and a [tokens][value heads], of all rows one after
// the other. To be called by every thread of a team; all of it is there when one returns.
static void delta_team(const Delta *layer, const States *states, const bf16 *qkv, const bf16 *z, const bf16 *b,
                       const bf16 *a, bf16 *out, float *scratch) {
    const int64_t key_heads = layer->key_heads, value_heads = layer->value_heads, heads = 2 * key_heads + value_heads;
    const int64_t channels = heads * HEAD, tokens = tokens_of(states), shared = value_heads / key_heads;
    float *mixed = scratch, *all_read = mixed + tokens * channels, *decay = all_read + tokens * value_heads * HEAD;
    float *beta = decay + tokens * value_heads;
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < tokens * value_heads; i++) {
        const float x = widen1(a[i]) + layer->bias[i % value_heads];
        decay[i] = expf(-layer->rate[i % value_heads] * (x > 20 ? x : log1pf(expf(x))));
        beta[i] = 1 / (1 + expf(-widen1(b[i])));
    }
#pragma omp for schedule(static)
    for (int64_t job = 0; job < states->rows * heads; job++) {
        const int64_t r = job / heads, h = job % heads, count = states->counts[r];
        int64_t first = 0;
        for (int64_t i = 0; i < r; i++) first += states->counts[i];
        const float unit = h < key_heads ? 1 / sqrtf(HEAD) : h < 2 * key_heads ? 1 : 0;
        convolve(qkv + first * channels + h * HEAD, channels, layer->taps + h * HEAD, states->conv[r] + h * HEAD, count,
                 unit, mixed + first * channels + h * count * HEAD);
    }
#pragma omp for schedule(static)
    for (int64_t job = 0; job < states->rows * value_heads; job++) {
        const int64_t r = job / value_heads, h = job % value_heads, count = states->counts[r];
        int64_t first = 0;
        for (int64_t i = 0; i < r; i++) first += states->counts[i];
        const float *own = mixed + first * channels, *q = own + h / shared * count * HEAD;
        const float *k = q + key_heads * count * HEAD, *v = own + (2 * key_heads + h) * count * HEAD;
        float *read = all_read + first * value_heads * HEAD + h * count * HEAD;
        for (int64_t c = 0; c < HEAD; c += COLUMNS)
            recur(states->memory[r] + (h * HEAD + c) * HEAD, q, k, v + c, decay + first * value_heads + h,
                  beta + first * value_heads + h, value_heads, read + c, count);
        for (int64_t t = 0; t < count; t++) {
            const int64_t place = ((first + t) * value_heads + h) * HEAD;
            gated_norm(read + t * HEAD, layer->norm, z + place, out + place, layer->eps);
        }
    }
}

// The same by itself. Returns 0 if there is no memory. A conversation's result does not depend on the others, nor on
// where its tokens are cut.
int delta(const Delta *layer, const States *states, const bf16 *qkv, const bf16 *z, const bf16 *b, const bf16 *a,
          bf16 *out) {
    float *scratch = malloc(sizeof(float) * (size_t)(tokens_of(states) * delta_numbers(layer)));
    if (!scratch) return 0;
#pragma omp parallel
    delta_team(layer, states, qkv, z, b, a, out, scratch);
    free(scratch);
    return 1;
}

