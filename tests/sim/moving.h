/*
 * moving.h - what the stories of addresses that change share: both sides talk, who knows which
 * address, and a meter of what goes to one that has not been proven.
 */
#ifndef BELAY_TESTS_SIM_MOVING_H
#define BELAY_TESTS_SIM_MOVING_H

#include <string.h>

#include "sim/story.h"

#define MESSAGES 400
#define LINK     "delay 20ms loss 5%"

static struct sim_series series = {.count = MESSAGES, .len = 3000, .channels = 3};

static inline void talk(struct pair *pair)
{
    sim_pump(pair->conn, sim_series, &series);
    sim_pump(pair->conn->peer, sim_series, &series);
}

static inline void talk_for(struct pair *pair, uint64_t ns)
{
    talk(pair);
    sim_run_for(pair->sim, ns);
}

static inline bool is_same(const struct belay_address *a, const struct belay_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static inline const struct belay_address *remote_of(const struct sim_conn *conn)
{
    return &belay_core_conn_path(conn->conn)->remote;
}

static inline bool is_at(const struct sim_conn *conn, const struct sim_host *host,
                         unsigned socket)
{
    struct belay_address address = sim_address_outside(host, socket);
    return is_same(remote_of(conn), &address);
}

/* The server knows the client's present address. */
static inline bool server_follows(void *ctx)
{
    const struct pair *pair = ctx;
    return is_at(pair->conn->peer, pair->client,
                 belay_core_conn_path(pair->conn->conn)->socket);
}

static inline bool client_moved(void *ctx)
{
    const struct pair *pair = ctx;
    return pair->conn->rebounds > 0;
}

static inline bool server_moved(void *ctx)
{
    const struct pair *pair = ctx;
    return pair->conn->peer->rebounds > 0;
}

static inline void finish(struct pair *pair)
{
    must_become(pair->sim, sim_is_settled, pair->conn, 120 * SIM_S);
    pair_close(pair);
}

/* What an address got and gave before a connection moved there. */
struct meter {
    const struct pair *pair;
    struct belay_address address;
    uint64_t to, from, challenges;
};

static inline bool count_to(void *ctx, const struct sim_packet *packet)
{
    struct meter *meter = ctx;
    const struct sim_conn *server = meter->pair->conn->peer;

    if (is_same(&packet->to_address, &meter->address) && server->conn != NULL &&
        !is_same(remote_of(server), &meter->address)) {
        meter->to += packet->len;
        meter->challenges += sim_packet_has(packet, SIM_PATH_CHALLENGE);
        must(meter->pair->sim, meter->to <= 3 * meter->from);
    }
    return false;
}

#endif
