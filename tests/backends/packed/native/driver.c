// Reads sizes and tensors from standard input, calls a kernel, and writes its result: for machines that are emulated.
#include <stdio.h>

#include "../../../../backends/packed/native/main.c"

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#include <windows.h>

// The function of this name in the library that KERNELS names, as ctypes would find it.
static FARPROC found(const char *name) {
    static HMODULE library;
    if (!library) {
        // Else each line end of standard input and output would change.
        _setmode(0, _O_BINARY);
        _setmode(1, _O_BINARY);
        library = LoadLibraryA(getenv("KERNELS"));
    }
    FARPROC function = library ? GetProcAddress(library, name) : 0;
    if (!function) exit(2);
    return function;
}
#define CALL(name) ((__typeof__(&name))found(#name))
#else
#define CALL(name) name
#endif

static void *tensor(int64_t bytes) {
    void *memory = aligned((size_t)bytes);
    if (!memory || fread(memory, 1, (size_t)bytes, stdin) != (size_t)bytes) exit(1);
    return memory;
}

static void result(const void *memory, int64_t bytes) {
    if (fwrite(memory, 1, (size_t)bytes, stdout) != (size_t)bytes) exit(1);
}

int main(int count, char **words) {
    CALL(instruction_set)();
    int64_t sizes[4] = {0};
    for (int i = 2; i < count; i++) sizes[i - 2] = atoll(words[i]);
    const int64_t rows = sizes[0], columns = sizes[1], out = sizes[2], group = sizes[3];
    bf16 *x = tensor(2 * rows * columns), *y = aligned((size_t)(2 * rows * (out ? out : columns)));
    char *scratch = aligned((size_t)(rows * columns * 2));
    if (!strcmp(words[1], "few4")) {
        uint8_t *packed = tensor(out * columns / 2), *scales = tensor(2 * out * columns / group);
        float *units = tensor(4 * out);
        CALL(few4)(x, packed, scales, units, tensor(4 * out), y, scratch, rows, columns, out, group);
        result(y, 2 * rows * out);
    } else if (!strcmp(words[1], "few8")) {
        int8_t *weight = tensor(out * columns);
        float *scale = tensor(4 * out);
        CALL(few8)(x, weight, scale, tensor(4 * out), y, scratch, rows, columns, out);
        result(y, 2 * rows * out);
    } else if (!strcmp(words[1], "score_best")) {
        uint8_t *residual = tensor(out * columns / 2);
        float *scale = tensor(4 * out);
        bf16 *scores = tensor(2 * rows * out);
        // `group` is how many.
        CALL(score_best)(x, residual, scale, scores, scratch, aligned((size_t)(4 * rows * group)), rows, columns, out, out, group);
        result(scores, 2 * rows * out);
    } else if (!strcmp(words[1], "attend")) {
        // One conversation and one head, `out` tokens.
        bf16 *keys = tensor(2 * out * columns), *values = tensor(2 * out * columns);
        const bf16 *all_keys[1] = {keys}, *all_values[1] = {values};
        if (!CALL(attend)(x, all_keys, all_values, &out, &out, y, 1, 1, 1, columns, 0.1f)) return 1;
        result(y, 2 * columns);
    } else {
        CALL(rms_norm)(x, tensor(2 * columns), 0, y, rows, columns, 1e-6f);
        result(y, 2 * rows * columns);
    }
    return 0;
}
