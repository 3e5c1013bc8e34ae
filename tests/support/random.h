/*
 * random.h - a seeded generator for tests (splitmix64), and the seed of a run: printed, and
 * replayed by BELAY_TEST_SEED in the environment.
 */
#ifndef BELAY_TESTS_SUPPORT_RANDOM_H
#define BELAY_TESTS_SUPPORT_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_random {
    uint64_t state;
};

static inline uint64_t test_random_u64(struct test_random *r)
{
    uint64_t x = r->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* 0 .. bound - 1; bound > 0. The bias of the remainder does not matter to a test. */
static inline uint64_t test_random_below(struct test_random *r, uint64_t bound)
{
    return test_random_u64(r) % bound;
}

/* As struct belay_random.fill; ctx is a struct test_random. */
static inline void test_random_fill(void *ctx, void *out, size_t len)
{
    unsigned char *p = out;
    while (len > 0) {
        uint64_t x = test_random_u64(ctx);
        for (size_t i = 0; i < 8 && len > 0; i++, len--, x >>= 8)
            *p++ = (unsigned char)x;
    }
}

/* BELAY_TEST_SEED (decimal, or hexadecimal with 0x) or the fallback; printed either way. */
static inline uint64_t test_seed_from_env(uint64_t fallback)
{
    const char *text = getenv("BELAY_TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : fallback;
    printf("BELAY_TEST_SEED=0x%" PRIx64 "\n", seed);
    fflush(stdout);
    return seed;
}

#endif
