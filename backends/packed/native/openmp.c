// The functions that clang calls for OpenMP, made of those that gcc calls: PyTorch for Linux brings GNU's library alone,
// and a second one would bring threads of its own. PyTorch for other systems brings the library that clang expects.
//
// Only what the kernels use: regions, barriers, loops over `long` that are `static` or `dynamic`, and reductions. A loop
// counts by 1: for other steps some versions call functions for unsigned numbers.
#if defined(__clang__) && defined(__linux__)
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

// Of GNU's library.
void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);
void GOMP_critical_start(void);
void GOMP_critical_end(void);
_Bool GOMP_loop_dynamic_start(long begin, long end, long step, long chunk, long *from, long *to);
_Bool GOMP_loop_dynamic_next(long *from, long *to);
void GOMP_loop_end_nowait(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);

// Hidden, since another library in the process may have functions of these names.
#define OURS __attribute__((visibility("hidden")))

// The body of a region gets its shared variables as arguments. More than it has do no harm on any processor that Linux
// runs on.
enum { MOST_SHARED = 32 };
typedef void *Any;
#define FOUR(x) x, x, x, x
#define FOUR_OF(s, i) s[i], s[i + 1], s[i + 2], s[i + 3]
typedef void (*Body)(int32_t *, int32_t *, FOUR(Any), FOUR(Any), FOUR(Any), FOUR(Any), FOUR(Any), FOUR(Any), FOUR(Any),
                     FOUR(Any));

typedef struct {
    Body body;
    Any shared[MOST_SHARED];
} Region;

static void run(void *data) {
    const Region *region = data;
    Any const *s = region->shared;
    int32_t thread = omp_get_thread_num(), bound = thread;
    region->body(&thread, &bound, FOUR_OF(s, 0), FOUR_OF(s, 4), FOUR_OF(s, 8), FOUR_OF(s, 12), FOUR_OF(s, 16),
                 FOUR_OF(s, 20), FOUR_OF(s, 24), FOUR_OF(s, 28));
}

OURS void __kmpc_fork_call(void *place, int32_t count, Body body, ...) {
    if (count > MOST_SHARED) abort();
    Region region = {.body = body};
    va_list shared;
    va_start(shared, body);
    for (int32_t i = 0; i < count; i++) region.shared[i] = va_arg(shared, Any);
    va_end(shared);
    GOMP_parallel(run, &region, 0, 0);
}

OURS int32_t __kmpc_global_thread_num(void *place) { return omp_get_thread_num(); }

OURS void __kmpc_barrier(void *place, int32_t thread) { GOMP_barrier(); }

// Narrows the bounds, both inclusive, to the part of this thread.
OURS void __kmpc_for_static_init_8(void *place, int32_t thread, int32_t schedule, int32_t *is_last, int64_t *lower,
                                   int64_t *upper, int64_t *stride, int64_t step, int64_t chunk) {
    const int64_t threads = omp_get_num_threads(), own = omp_get_thread_num();
    const int64_t all = (*upper - *lower) / step + 1, share = all / threads, more = all % threads;
    const int64_t begin = own * share + (own < more ? own : more), count = share + (own < more);
    *upper = *lower + (begin + count - 1) * step;
    *lower += begin * step;
    *stride = all * step;
    *is_last = own == threads - 1;
}

OURS void __kmpc_for_static_fini(void *place, int32_t thread) {}

// This thread's dynamic loop: GNU's library returns the first part of it, up to `end`, as the loop starts.
static _Thread_local struct {
    _Bool has_first;
    long from, end, step;
} dynamic;

OURS void __kmpc_dispatch_init_8(void *place, int32_t thread, int32_t schedule, int64_t lower, int64_t upper, int64_t step,
                                 int64_t chunk) {
    dynamic.step = step;
    dynamic.has_first = GOMP_loop_dynamic_start(lower, upper + step, step, chunk, &dynamic.from, &dynamic.end);
}

// The next part, with bounds that are both inclusive; 0 if there is none.
OURS int32_t __kmpc_dispatch_next_8(void *place, int32_t thread, int32_t *is_last, int64_t *lower, int64_t *upper,
                                    int64_t *stride) {
    if (!dynamic.has_first && !GOMP_loop_dynamic_next(&dynamic.from, &dynamic.end)) {
        GOMP_loop_end_nowait();
        return 0;
    }
    dynamic.has_first = 0;
    *lower = dynamic.from;
    *upper = dynamic.end - dynamic.step;
    *stride = dynamic.step;
    *is_last = 0;
    return 1;
}

OURS void __kmpc_dispatch_deinit(void *place, int32_t thread) {}

// 1: each thread adds its part to the result itself.
OURS int32_t __kmpc_reduce_nowait(void *place, int32_t thread, int32_t count, size_t size, void *parts,
                                  void (*add)(void *, void *), void *lock) {
    GOMP_critical_start();
    return 1;
}

OURS void __kmpc_end_reduce_nowait(void *place, int32_t thread, void *lock) { GOMP_critical_end(); }
#endif
