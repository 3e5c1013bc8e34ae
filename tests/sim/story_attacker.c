/*
 * One who sees packets and would have a connection moved that is not his, by copies, late
 * packets and relaying. Nobody who has not proven his address gets more than three times what
 * he sent.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/moving.h"

/* One who sees the client's packets, and has a host of his own. */
struct attacker {
    struct pair *pair;
    struct sim_host *host;
    struct belay_address address;
    bool is_on, intercepts, relays;
    struct meter meter;
    unsigned sent;
};

struct copy {
    struct sim_host *to;
    struct belay_address from;
    struct sim_conn *conn;
    size_t len;
    uint8_t bytes[]; /* len */
};

static void deliver(void *ctx)
{
    struct copy *copy = ctx;
    sim_inject(copy->to, &copy->from, copy->conn, copy->bytes, copy->len);
    free(copy);
}

static void send_copy(struct attacker *attacker, const struct sim_packet *packet,
                      struct sim_host *to, uint64_t delay_ns)
{
    struct copy *copy = calloc(1, sizeof(*copy) + packet->len);

    *copy = (struct copy){.to = to, .from = attacker->address, .conn = packet->conn};
    copy->len = packet->len;
    memcpy(copy->bytes, packet->bytes, packet->len);
    if (to == attacker->pair->server)
        attacker->meter.from += packet->len;
    attacker->sent++;
    sim_at(attacker->pair->sim, attacker->pair->sim->now_ns + delay_ns, deliver, copy);
}

/* From the client: a copy goes ahead, and the packet with it when he intercepts. */
static bool from_client(void *ctx, const struct sim_packet *packet)
{
    struct attacker *attacker = ctx;
    if (!attacker->is_on)
        return false;
    send_copy(attacker, packet, attacker->pair->server, 10 * SIM_MS);
    return attacker->intercepts;
}

static bool to_attacker(void *ctx, const struct sim_packet *packet)
{
    struct attacker *attacker = ctx;
    bool from_server = packet->from == attacker->pair->server;

    if (from_server)
        count_to(&attacker->meter, packet);
    if (attacker->is_on && attacker->relays)
        send_copy(attacker, packet,
                  from_server ? attacker->pair->client : attacker->pair->server, 10 * SIM_MS);
    return true;
}

static void attack(struct attacker *attacker, struct pair *pair)
{
    attacker->pair = pair;
    attacker->host = sim_host_new(pair->sim, "attacker", NULL);
    attacker->address = sim_address(attacker->host, 0);
    attacker->meter.pair = pair;
    attacker->meter.address = attacker->address;
    attacker->is_on = true;
    sim_filter_set(pair->client, pair->server, from_client, attacker);
    sim_filter_set(pair->server, attacker->host, to_attacker, attacker);
    sim_filter_set(pair->client, attacker->host, to_attacker, attacker);
}

/* He is there, hands on what he is asked to, and both sides talk. */
static void talk_attacked(struct pair *pair, struct attacker *attacker, bool intercepts,
                          bool relays)
{
    attack(attacker, pair);
    attacker->intercepts = intercepts;
    attacker->relays = relays;
    talk(pair);
}

/* What was kept comes to the server again, from him: he gets nothing for it. */
static void replay_in_vain(struct attacker *attacker, struct keep *keep)
{
    struct pair *pair = attacker->pair;

    for (size_t i = 0; i < keep->count; i++)
        sim_inject(pair->server, &attacker->address, pair->conn, keep->packets[i].bytes,
                   keep->packets[i].len);
    finish(pair);
    assert_int_equal(attacker->meter.to, 0);
    keep_free(keep);
}

/* An old packet from elsewhere: not even a challenge. */
static void a_replayed_packet_changes_nothing(void **state)
{
    struct pair pair = pair_open(1, "delay 20ms", NULL);
    struct keep keep = {.type = 'D'};
    struct attacker attacker = {.is_on = false};
    (void)state;

    sim_filter_set(pair.client, pair.server, keep_copies, &keep);
    talk_for(&pair, 200 * SIM_MS);
    attack(&attacker, &pair);
    attacker.is_on = false;
    replay_in_vain(&attacker, &keep);
}

/* Late, and from elsewhere: new, but not the newest. */
static void a_late_packet_from_elsewhere_changes_nothing(void **state)
{
    struct pair pair = pair_open(1, "delay 20ms", NULL);
    struct keep keep = {.type = 'D'};
    struct attacker attacker = {.is_on = false};
    (void)state;

    sim_filter_set(pair.client, pair.server, keep_and_lose, &keep);
    sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 3000);
    sim_run_for(pair.sim, 10 * SIM_MS);
    must(pair.sim, keep.count > 1);
    attack(&attacker, &pair);
    attacker.is_on = false;
    must_become(pair.sim, sim_is_settled, pair.conn, 10 * SIM_S);
    replay_in_vain(&attacker, &keep);
}

/* His copies come first, so that the originals are duplicates: he gets challenges, at most
 * three times what he sent, and can answer none. */
static void copies_that_come_first_move_nothing(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, "delay 20ms", NULL);
        struct attacker attacker = {.is_on = false};

        talk_attacked(&pair, &attacker, false, false);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must(pair.sim, attacker.sent > 100 && attacker.meter.challenges > 0);
        must(pair.sim, pair.conn->peer->rebounds == 0 && pair.conn->rebounds == 0);
        attacker.is_on = false;
        pair_close(&pair);
    }
}

/* He takes every packet and hands it on from his own address, in both directions: for both
 * sides he is the other. Then he stops. */
static void a_relay_that_stops_is_left(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, LINK, NULL);
        struct attacker attacker = {.is_on = false};

        talk_attacked(&pair, &attacker, true, true);
        must_become(pair.sim, server_moved, &pair, 10 * SIM_S);
        must_become(pair.sim, client_moved, &pair, 10 * SIM_S);
        must(pair.sim, is_same(remote_of(pair.conn), &attacker.address));
        attacker.is_on = false;
        must_become(pair.sim, server_follows, &pair, 20 * SIM_S);
        must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
        must(pair.sim, is_at(pair.conn, pair.server, 0));
        pair_close(&pair);
    }
}

/* The same, but he forwards only what the client sends. */
static void a_relay_of_one_direction_gets_nothing(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, LINK, NULL);
        struct attacker attacker = {.is_on = false};

        talk_attacked(&pair, &attacker, true, false);
        must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
        must(pair.sim, pair.conn->peer->rebounds == 0);
        attacker.is_on = false;
        pair_close(&pair);
    }
}

STORIES(cmocka_unit_test(a_replayed_packet_changes_nothing),
        cmocka_unit_test(a_late_packet_from_elsewhere_changes_nothing),
        cmocka_unit_test(copies_that_come_first_move_nothing),
        cmocka_unit_test(a_relay_that_stops_is_left),
        cmocka_unit_test(a_relay_of_one_direction_gets_nothing))
