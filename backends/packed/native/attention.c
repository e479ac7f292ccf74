// Attention for one new token of each conversation.

// e to the power of x; relative error below 3e-7 up to 0.
static inline Floats power_of_e(Floats x) {
    // Past these limits, the infinite ones too, it is 0 or infinite anyway.
    Floats t = smaller(all(150), larger(all(-151), x * all(1.44269504f)));
    Floats whole = nearest(t);
    Floats f = (t - whole) * all(0.693147181f);
    Floats sum = all(1.0f / 720);
    const float parts[6] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1};
    for (int i = 0; i < 6; i++) sum = fused(sum, f, all(parts[i]));
    return scaled(sum, whole);
}

// Scores to weights that add up to 1, in place; `scores` has room for a multiple of W.
static void softmax(float *scores, int64_t length) {
    const int64_t whole = (length + W - 1) / W * W;
    for (int64_t t = length; t < whole; t++) scores[t] = -INFINITY;
    Floats most = all(-INFINITY), sum = zero();
    for (int64_t t = 0; t < whole; t += W) most = larger(most, load(scores + t));
    most = all(largest_of(most));
    for (int64_t t = 0; t < whole; t += W) {
        Floats weight = power_of_e(load(scores + t) - most);
        sum = sum + weight;
        store(scores + t, weight);
    }
    Floats share = all(1 / sum_of(sum));
    for (int64_t t = 0; t < whole; t += W) store(scores + t, share * load(scores + t));
}

static float dot(const bf16 *a, const bf16 *b, int64_t size) {
    Floats sum = zero();
    for (int64_t i = 0; i < size; i += W) sum = fused(load_halves(a + i), load_halves(b + i), sum);
    return sum_of(sum);
}

// Vectors of values that are added up at the same time.
enum { COLUMN_VECTORS = 4 };

static void weigh(const float *weights, const bf16 *values, int64_t length, int64_t size, bf16 *out) {
    for (int64_t c = 0; c < size; c += COLUMN_VECTORS * W) {
        Floats sum[COLUMN_VECTORS];
        for (int j = 0; j < COLUMN_VECTORS; j++) sum[j] = zero();
        for (int64_t t = 0; t < length; t++) {
            Floats weight = all(weights[t]);
            for (int j = 0; j < COLUMN_VECTORS; j++)
                sum[j] = fused(weight, load_halves(values + t * size + c + W * j), sum[j]);
        }
        for (int j = 0; j < COLUMN_VECTORS; j++) store_halves(out + c + W * j, sum[j]);
    }
}

// Attention of `shared` heads that have the same keys: q and out [shared][size], keys and values [length][size], size a
// multiple of 64. Returns 0 if there is no memory.
static int attend1(const bf16 *q, const bf16 *k, const bf16 *v, bf16 *out, int64_t shared, int64_t length, int64_t size,
                   float scale) {
    const int64_t room = (length + W - 1) / W * W;
    float *scores = malloc(sizeof(float) * (size_t)(shared * room));
    if (!scores) return 0;
    // A few keys at a time, so that heads that share them find them in the cache.
    for (int64_t t0 = 0; t0 < length; t0 += 64)
        for (int64_t h = 0; h < shared; h++)
            for (int64_t t = t0; t < length && t < t0 + 64; t++)
                scores[h * room + t] = scale * dot(q + h * size, k + t * size, size);
    for (int64_t h = 0; h < shared; h++) {
        softmax(scores + h * room, length);
        weigh(scores + h * room, v, length, size, out + h * size);
    }
    free(scores);
    return 1;
}

// q and out [rows][heads][size]. Conversation r has keys[r] and values[r], [kv_heads] of steps[r] numbers each, in
// which the first `lengths[r]` rows of `size` count. Returns 0 if there is no memory.
int attend(const bf16 *q, const bf16 *const *keys, const bf16 *const *values, const int64_t *lengths,
           const int64_t *steps, bf16 *out, int64_t rows, int64_t heads, int64_t kv_heads, int64_t size, float scale) {
    const int64_t shared = heads / kv_heads;
    int good = 1;
#pragma omp parallel for schedule(dynamic)
    for (int64_t job = 0; job < rows * kv_heads; job++) {
        const int64_t r = job / kv_heads, kv = job % kv_heads, first = (r * heads + kv * shared) * size;
        if (!attend1(q + first, keys[r] + kv * steps[r], values[r] + kv * steps[r], out + first, shared, lengths[r],
                     size, scale))
            good = 0;
    }
    return good;
}

