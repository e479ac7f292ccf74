// Norms.

static float inverse_rms(const bf16 *x, int64_t size, float eps) {
    float squares = 0;
    int64_t i = 0;
    Floats sum = zero();
    for (; i + W <= size; i += W) {
        Floats value = load_halves(x + i);
        sum = fused(value, value, sum);
    }
    for (; i < size; i++) squares += widen1(x[i]) * widen1(x[i]);
    return 1 / sqrtf((sum_of(sum) + squares) / (float)size + eps);
}

// y = x * weight / sqrt(mean of x^2 + eps), `size` numbers; the quotient is bfloatW before the weight comes, as in the
// own code of most models. With a `wide` weight, of float32, only the product is rounded, as in Qwen3.5's.
static void norm1(const bf16 *x, const void *weight, int64_t wide, bf16 *y, int64_t size, float eps) {
    const float scale = inverse_rms(x, size, eps), *full = weight;
    const bf16 *half = weight;
    int64_t i = 0;
    for (; i + W <= size; i += W) {
        Floats value = load_halves(x + i) * all(scale);
        if (wide)
            store_halves(y + i, value * load(full + i));
        else
            store_halves(y + i, rounded(value) * load_halves(half + i));
    }
    for (; i < size; i++) {
        const float value = widen1(x[i]) * scale;
        y[i] = narrow1(wide ? value * full[i] : widen1(narrow1(value)) * widen1(half[i]));
    }
}

// The same for rows.
void rms_norm(const bf16 *x, const void *weight, int64_t wide, bf16 *y, int64_t rows, int64_t size, float eps) {
    for (int64_t r = 0; r < rows; r++) norm1(x + r * size, weight, wide, y + r * size, size, eps);
}

