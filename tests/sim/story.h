/*
 * story.h - stories in the simulator: mostly one client, one server, a link.
 *
 *     static void some_story(void **state)
 *     {
 *         STORY_SEEDS (seed, 5) {
 *             struct pair pair = pair_open(seed, "delay 20ms loss 5%", NULL);
 *             ...
 *             sim_free(pair.sim);
 *         }
 *     }
 *     STORIES(cmocka_unit_test(some_story), ...)
 *
 * A program runs all of its stories, or those whose names have its first argument in them.
 * BELAY_TEST_SEED in the environment replaces all seeds by one.
 */
#ifndef BELAY_TESTS_SIM_STORY_H
#define BELAY_TESTS_SIM_STORY_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/sim.h"

struct pair {
    struct sim *sim;
    struct sim_host *client, *server;
    struct sim_conn *conn; /* the client's; its peer is the server's */
};

/* Hosts and links, both ways alike; the server listens; no connection yet. config NULL: the
 * defaults, for both. */
struct pair pair_new(uint64_t seed, const char *words, const struct belay_core_config *config);
/* And connected, within 10 s. */
struct pair pair_open(uint64_t seed, const char *words, const struct belay_core_config *config);
void pair_connect(struct pair *pair);
void pair_wait_open(struct pair *pair);
/* Closes on the client's side, waits for both ends, frees all. Both ended without an error. */
void pair_close(struct pair *pair);

/* A condition within a virtual time, or the story fails with the ladder. */
#define must_become(sim, condition, ctx, limit_ns)                                             \
    do {                                                                                       \
        if (!sim_run_until(sim, condition, ctx, limit_ns))                                     \
            sim_fail(sim, "%s:%d: %s: not within %.3f s", __FILE__, __LINE__, #condition,      \
                     (double)(limit_ns) / 1e9);                                                \
    } while (0)
#define must(sim, truth)                                                                       \
    do {                                                                                       \
        if (!(truth))                                                                          \
            sim_fail(sim, "%s:%d: %s", __FILE__, __LINE__, #truth);                            \
    } while (0)
#define must_be_in(sim, value, least, most)                                                    \
    do {                                                                                       \
        uint64_t value_ = (value), least_ = (least), most_ = (most);                           \
        if (value_ < least_ || value_ > most_)                                                 \
            sim_fail(sim, "%s:%d: %s is %llu, not in %llu .. %llu", __FILE__, __LINE__,        \
                     #value, (unsigned long long)value_, (unsigned long long)least_,           \
                     (unsigned long long)most_);                                               \
    } while (0)

/* A filter that loses some of the packets that match, by their place among those (from 0). */
struct lose {
    char type;            /* 0: any */
    uint32_t kinds;       /* any of these frames; 0: whatever is in it */
    uint64_t first, last; /* places */
    uint64_t seen, lost;
    const bool *armed; /* NULL: always */
};
bool lose_some(void *ctx, const struct sim_packet *packet);

/* Keeps copies of packets as they pass. */
struct keep {
    char type; /* 0: any */
    size_t count;
    struct {
        uint8_t *bytes;
        size_t len;
        struct belay_address from;
    } packets[64];
};
bool keep_copies(void *ctx, const struct sim_packet *packet); /* loses nothing */
bool keep_and_lose(void *ctx, const struct sim_packet *packet);
void keep_free(struct keep *keep);

uint64_t story_seed_first(void);
uint64_t story_seed_end(uint64_t count);
#define STORY_SEEDS(seed, count)                                                               \
    for (uint64_t seed = story_seed_first(), end_##seed = story_seed_end(count);               \
         seed < end_##seed; seed++)

int story_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count);
#define STORIES(...)                                                                           \
    int main(int argc, char **argv)                                                            \
    {                                                                                          \
        static const struct CMUnitTest tests[] = {__VA_ARGS__};                                \
        return story_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));                \
    }

#endif
