/*
 * chaos.h - a random world: hosts, links, configurations, traffic and accidents, all from the
 * seed. Of four worlds one is calm: nobody aborts, vanishes or stops to read for long, and no
 * link is worse than 30 % loss; there everything must arrive and every close end without an
 * error. In some of the others memory runs out now and then. In some, calm ones too, somebody
 * injects old and damaged packets, NATs forget their ports, and sides move to other sockets.
 */
#ifndef BELAY_TESTS_SIM_CHAOS_H
#define BELAY_TESTS_SIM_CHAOS_H

#include "sim/sim.h"

#define CHAOS_CLIENTS_MAX 2
#define CHAOS_CONNS_MAX   3
#define CHAOS_SOCKETS     3 /* that clients dial from; they move to others */

struct chaos;

/* The last packets that passed, for an attacker who sees one in a few and can send his own. */
#define CHAOS_TAP_MAX 8
struct chaos_tap {
    struct sim_packet *seen[CHAOS_TAP_MAX];
    size_t count;
};

/* One connection's side and what its app is up to. */
struct chaos_app {
    struct chaos *chaos;
    struct sim_conn *conn;
    uint64_t left; /* messages still to be sent */
    size_t bytes_left, size_max;
    uint32_t channels;
};

struct chaos {
    struct sim *sim;
    struct test_random random;
    bool calm;
    const char *congestion; /* NULL: drawn */
    struct sim_host *server, *clients[CHAOS_CLIENTS_MAX];
    unsigned client_count;
    struct chaos_app apps[2 * CHAOS_CONNS_MAX + 8];
    size_t app_count;
    struct chaos_tap taps[2 * CHAOS_CLIENTS_MAX];
    struct sim_host *asleep;
    unsigned next_socket;
    uint64_t end_ns; /* then all close */
};

/* Draws stand alone in an expression: C does not say in which order arguments are evaluated,
 * and every compiler must make the same world of a seed. */
static inline uint64_t below(struct chaos *chaos, uint64_t bound)
{
    return test_random_below(&chaos->random, bound);
}

static inline bool chance(struct chaos *chaos, unsigned percent)
{
    return below(chaos, 100) < percent;
}

#define PICK(chaos, list) ((list)[below(chaos, sizeof(list) / sizeof((list)[0]))])

/* world.c: a configuration within its documented limits; a link of random words. */
struct belay_core_config chaos_config(struct chaos *chaos);
uint64_t chaos_first_number(struct chaos *chaos);
void chaos_link(struct chaos *chaos, struct sim_host *from, struct sim_host *to);

/* chaos.c: builds the world of this seed, runs it to its end, frees it. Adds to counts; returns
 * the digest of all packets. congestion: the controller of all hosts; NULL: one each, drawn. */
uint64_t chaos_run(uint64_t seed, const char *congestion, struct sim_counts *counts);

#endif
