// What all files share: the numbers' types, the sizes of the packed layout, and how memory is asked for.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint16_t bf16;

// CHUNK: columns of a weight of 8 bits at a time. PANEL: rows of x whose sums stay in the nearest cache, and more than 64,
// since a later turn of a conversation reads the end of the answer before as well.
enum { BLOCK = 64, CHUNK = 64, MOST_GROUP = 128, PANEL = 72 };

// An innermost loop, compiled for each of the constants that it is called with, so that its sums stay in registers.
#define UNROLLED static inline __attribute__((always_inline))

// The cases of a switch over 1 to n, each a CASE.
#define CASES_1 CASE(1)
#define CASES_2 CASES_1 CASE(2)
#define CASES_3 CASES_2 CASE(3)
#define CASES_4 CASES_3 CASE(4)
#define CASES_6 CASES_4 CASE(5) CASE(6)
#define JOINED(a, b) a##b
#define CASES_TO(n) JOINED(CASES_, n)

// How memory is asked for ahead of its use: past the outer caches or not, and by how many bytes of a weight. Which is
// quickest depends on the processor: kernel_trial.py tries them and calls set_ahead.
static int past_caches;
static int64_t near_bytes = 4096;

void set_ahead(int past, int64_t bytes) {
    past_caches = past;
    near_bytes = bytes;
}

// A macro, since gcc drops the calls of a function that does nothing else.
#define ASK(at, past) ((past) ? __builtin_prefetch(at, 0, 0) : __builtin_prefetch(at, 0, 2))

static inline float widen1(bf16 half) {
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// To the nearest bfloat16, ties to even.
static inline bf16 narrow1(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// `bytes` of memory at a multiple of 64, or null; to be given back by `release`. (Windows has no aligned_alloc.)
static void *aligned(size_t bytes) {
    char *memory = malloc(bytes + 128);
    if (!memory) return 0;
    char *start = memory + 128 - (uintptr_t)memory % 64;
    memcpy(start - sizeof memory, &memory, sizeof memory);
    return start;
}

static void release(void *start) {
    void *memory = 0;
    if (start) memcpy(&memory, (char *)start - sizeof memory, sizeof memory);
    free(memory);
}
