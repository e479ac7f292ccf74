// What the machine can read.

// Removes `count` 64-byte lines from all caches.
void drop_lines(const uint8_t *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) drop_line(from + 64 * i);
    wait_for_memory();
}

// Sums `count` 64-byte lines, so that they are really read: the bound that products of one row are compared with.
uint64_t read_lines(const uint8_t *from, int64_t count) {
    uint64_t total = 0;
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (int64_t part = 0; part < count / 1024; part++) {
        const uint8_t *at = from + part * 1024 * 64;
        Ints sum = all_ints(0);
        for (int64_t i = 0; i < 1024 * 64; i += 4 * W) {
            __builtin_prefetch(at + i + 4096, 0, 3);
            sum = add_words(sum, load_ints(at + i));
        }
        total += word_sum_of(sum);
    }
    return total;
}
