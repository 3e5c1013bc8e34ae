/*
 * Addresses that change: NATs that forget their ports, sides that move on purpose, and who
 * would have a connection moved that is not his. Exactly once, in order, whatever happens: the
 * checkers look at every message; and nobody who has not proven his address gets more than
 * three times what he sent.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/moving.h"
#include "wire/packet.h"

/* ------------------------------------------------------------------ NATs */

static bool count_from(void *ctx, const struct sim_packet *packet)
{
    struct meter *meter = ctx;
    if (is_same(&packet->from_address, &meter->address))
        meter->from += packet->len;
    return false;
}

static void a_nat_forgets_in_the_middle_of_traffic(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 10)
    {
        struct pair pair = pair_open(seed, LINK, NULL);
        struct meter meter = {.pair = &pair};

        talk(&pair);
        sim_run_for(pair.sim, 300 * SIM_MS);
        must(pair.sim, !sim_is_delivered(pair.conn) && !sim_is_delivered(pair.conn->peer));
        sim_host_rebind(pair.client);
        meter.address = sim_address_outside(pair.client, 0);
        sim_filter_set(pair.client, pair.server, count_from, &meter);
        sim_filter_set(pair.server, pair.client, count_to, &meter);
        must_become(pair.sim, server_follows, &pair, 10 * SIM_S);
        must(pair.sim, meter.challenges > 0);
        must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
        must(pair.sim, pair.conn->peer->rebounds == 1);
        must(pair.sim, pair.conn->rebounds == 0);
        pair_close(&pair);
    }
}

/* Without loss it takes one round trip from the first packet on; the window begins anew. */
static void a_move_takes_a_round_trip(void **state)
{
    struct pair pair = pair_open(1, "delay 50ms", NULL);
    uint64_t start_ns;
    (void)state;

    for (unsigned i = 0; i < 200; i++)
        sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, 10000);
    must_become(pair.sim, sim_is_settled, pair.conn->peer, 60 * SIM_S);
    must(pair.sim, sim_stats(pair.conn->peer).window_bytes > 30000);
    sim_run_for(pair.sim, SIM_S);
    sim_host_rebind(pair.client);
    start_ns = pair.sim->now_ns;
    sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100);
    must_become(pair.sim, server_moved, &pair, SIM_S);
    must_be_in(pair.sim, pair.sim->now_ns - start_ns, 150 * SIM_MS, 151 * SIM_MS);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).window_bytes, 12000, 12000);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).rtt_smoothed_ns, 100 * SIM_MS,
               100 * SIM_MS);
    pair_close(&pair);
}

static void a_nat_forgets_twice_in_a_row(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 10)
    {
        struct pair pair = pair_open(seed, LINK, NULL);

        talk(&pair);
        sim_run_for(pair.sim, 200 * SIM_MS);
        sim_host_rebind(pair.client);
        sim_run_for(pair.sim, (10 + 10 * seed) * SIM_MS); /* before or after it is proven */
        sim_host_rebind(pair.client);
        must_become(pair.sim, server_follows, &pair, 10 * SIM_S);
        finish(&pair);
    }
}

/* The client has nothing to say but ACKs and a PING, now and then. */
static void a_nat_forgets_a_listener(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, LINK, NULL);

        sim_pump(pair.conn->peer, sim_series, &series);
        sim_run_for(pair.sim, 300 * SIM_MS);
        sim_host_rebind(pair.client);
        finish(&pair);
    }
}

/* All is still; the next PING is the first packet from the new address. */
static void a_nat_forgets_while_nobody_talks(void **state)
{
    struct pair pair = pair_open(1, "delay 20ms", NULL);
    (void)state;

    sim_run_for(pair.sim, 40 * SIM_S);
    sim_host_rebind(pair.client);
    must_become(pair.sim, server_follows, &pair, 20 * SIM_S);
    sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, 100);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    pair_close(&pair);
}

/* At every moment of a close, the last answers included. */
static void a_nat_forgets_while_both_close(void **state)
{
    (void)state;
    for (unsigned ms = 0; ms < 200; ms += 4) {
        struct pair pair = pair_open(1 + ms, "delay 20ms loss 10%", NULL);

        for (unsigned i = 0; i < 20; i++) {
            sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000);
            sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, 1000);
        }
        must(pair.sim, sim_close(pair.conn) == 0);
        sim_run_for(pair.sim, ms * SIM_MS);
        sim_host_rebind(pair.client);
        must_become(pair.sim, sim_is_ended, pair.conn, 60 * SIM_S);
        must(pair.sim, pair.conn->error == 0 && pair.conn->peer->error == 0);
        sim_free(pair.sim);
    }
}

static void shared_dials_are_followed_too(void **state)
{
    struct pair pair = pair_new(1, LINK, NULL);
    struct sim_conn *conns[5];
    int error;
    (void)state;

    for (unsigned i = 0; i < 5; i++) {
        conns[i] = sim_connect_from(pair.client, pair.server, 0, true, &error);
        must_become(pair.sim, sim_is_open, conns[i], 10 * SIM_S);
        sim_pump(conns[i], sim_series, &series);
        sim_pump(conns[i]->peer, sim_series, &series);
    }
    sim_run_for(pair.sim, 100 * SIM_MS);
    sim_host_rebind(pair.client);
    for (unsigned i = 0; i < 5; i++) {
        must_become(pair.sim, sim_is_settled, conns[i], 200 * SIM_S);
        must(pair.sim, conns[i]->peer->rebounds == 1);
    }
    sim_free(pair.sim);
}

/* ------------------------------------------------------------------ attackers */

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

/* What was kept comes to the server again, from him. */
static void replay(const struct attacker *attacker, const struct keep *keep)
{
    const struct pair *pair = attacker->pair;

    for (size_t i = 0; i < keep->count; i++)
        sim_inject(pair->server, &attacker->address, pair->conn, keep->packets[i].bytes,
                   keep->packets[i].len);
}

/* An old packet from elsewhere: not even a challenge. */
static void a_replayed_packet_changes_nothing(void **state)
{
    struct pair pair = pair_open(1, "delay 20ms", NULL);
    struct keep keep = {.type = 'D'};
    struct attacker attacker = {.is_on = false};
    (void)state;

    sim_filter_set(pair.client, pair.server, keep_copies, &keep);
    talk(&pair);
    sim_run_for(pair.sim, 200 * SIM_MS);
    attack(&attacker, &pair);
    attacker.is_on = false;
    replay(&attacker, &keep);
    finish(&pair);
    assert_int_equal(attacker.meter.to, 0);
    keep_free(&keep);
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
    replay(&attacker, &keep);
    finish(&pair);
    assert_int_equal(attacker.meter.to, 0);
    keep_free(&keep);
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

/* ------------------------------------------------------------------ on purpose */

/* The connection IDs that a side's packets carried, by the address that they left from. */
struct cids {
    unsigned count;
    struct {
        uint8_t cid[BELAY_CID_BYTES];
        struct belay_address from;
    } seen[64];
    bool is_shown_twice; /* one ID under two addresses */
};

static bool note_cids(void *ctx, const struct sim_packet *packet)
{
    struct cids *cids = ctx;

    if (packet->type != 'D' || (packet->bytes[0] & 0x10) == 0)
        return false;
    for (unsigned i = 0; i < cids->count; i++) {
        if (memcmp(cids->seen[i].cid, packet->bytes + 1, BELAY_CID_BYTES) != 0)
            continue;
        if (!is_same(&cids->seen[i].from, &packet->from_address))
            cids->is_shown_twice = true;
        return false;
    }
    assert_true(cids->count < 64);
    memcpy(cids->seen[cids->count].cid, packet->bytes + 1, BELAY_CID_BYTES);
    cids->seen[cids->count++].from = packet->from_address;
    return false;
}

static struct pair open_as(uint64_t seed, const char *words, bool shared)
{
    struct pair pair = pair_new(seed, words, NULL);
    int error;

    pair.conn = sim_connect_from(pair.client, pair.server, 0, shared, &error);
    must_become(pair.sim, sim_is_open, pair.conn, 20 * SIM_S);
    return pair;
}

/* Its network is another: the old socket hears nothing any more. Under fresh IDs on both sides,
 * so that nobody links the two paths. */
static void the_client_moves(void **state)
{
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++)
        STORY_SEEDS(seed, 8)
        {
            struct pair pair = open_as(seed, LINK, shared);
            struct cids there = {.count = 0}, back = {.count = 0};

            talk(&pair);
            sim_run_for(pair.sim, 300 * SIM_MS);
            sim_filter_set(pair.client, pair.server, note_cids, &there);
            sim_filter_set(pair.server, pair.client, note_cids, &back);
            must(pair.sim, sim_migrate(pair.conn, 1) == 0);
            must_become(pair.sim, client_moved, &pair, 10 * SIM_S);
            must_become(pair.sim, server_follows, &pair, 10 * SIM_S);
            must(pair.sim, belay_core_conn_path(pair.conn->conn)->socket == 1);
            must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
            must(pair.sim, pair.conn->rebounds == 1 && pair.conn->peer->rebounds == 1);
            must(pair.sim, there.count == 2 && !there.is_shown_twice);
            must(pair.sim, back.count == (shared ? 2 : 0));
            pair_close(&pair);
        }
}

/* IDs are replaced as they are given up: it never ends. */
static void the_client_moves_again_and_again(void **state)
{
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++)
        STORY_SEEDS(seed, 3)
        {
            struct pair pair = open_as(seed, LINK, shared);
            struct cids there = {.count = 0};

            talk(&pair);
            sim_run_for(pair.sim, 300 * SIM_MS);
            sim_filter_set(pair.client, pair.server, note_cids, &there);
            for (unsigned socket = 1; socket <= 20; socket++) {
                must(pair.sim, sim_migrate(pair.conn, socket) == 0);
                must_become(pair.sim, server_follows, &pair, 10 * SIM_S);
                sim_run_for(pair.sim, SIM_S);
                must(pair.sim, belay_core_conn_path(pair.conn->conn)->socket == socket);
            }
            must_be_in(pair.sim, there.count, 21, 21);
            must(pair.sim, !there.is_shown_twice);
            finish(&pair);
        }
}

static void the_server_moves(void **state)
{
    (void)state;
    for (unsigned shared = 0; shared < 2; shared++)
        STORY_SEEDS(seed, 8)
        {
            struct pair pair = open_as(seed, LINK, shared);

            talk(&pair);
            sim_run_for(pair.sim, 300 * SIM_MS);
            must(pair.sim, sim_migrate(pair.conn->peer, 3) == 0);
            must_become(pair.sim, server_moved, &pair, 10 * SIM_S);
            must_become(pair.sim, client_moved, &pair, 10 * SIM_S);
            must(pair.sim, is_at(pair.conn, pair.server, 3));
            finish(&pair);
        }
}

static void both_move_at_once(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 8)
    {
        struct pair pair = open_as(seed, LINK, seed % 2 != 0);

        talk(&pair);
        sim_run_for(pair.sim, 300 * SIM_MS);
        must(pair.sim, sim_migrate(pair.conn, 1) == 0);
        must(pair.sim, sim_migrate(pair.conn->peer, 1) == 0);
        finish(&pair);
    }
}

static bool is_from_socket_1(void *ctx, const struct sim_packet *packet)
{
    (void)ctx;
    return sim_socket_of(&packet->from_address) == 1;
}

/* Nothing gets through there: all goes on where it was, and a later try may do better. */
static void a_path_that_leads_nowhere_is_not_taken(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, LINK, NULL);

        sim_filter_set(pair.client, pair.server, is_from_socket_1, NULL);
        talk(&pair);
        sim_run_for(pair.sim, 300 * SIM_MS);
        must(pair.sim, sim_migrate(pair.conn, 1) == 0);
        must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
        must(pair.sim, pair.conn->rebounds == 0 && pair.conn->peer->rebounds == 0);
        must(pair.sim, belay_core_conn_path(pair.conn->conn)->socket == 0);
        sim_run_for(pair.sim, 5 * SIM_S);
        must(pair.sim, sim_migrate(pair.conn, 2) == 0);
        must_become(pair.sim, server_follows, &pair, 10 * SIM_S);
        must_become(pair.sim, client_moved, &pair, 10 * SIM_S);
        pair_close(&pair);
    }
}

static void a_move_that_cannot_be_is_refused(void **state)
{
    struct pair pair = pair_new(1, "delay 20ms", NULL);
    (void)state;

    pair_connect(&pair);
    must(pair.sim, sim_migrate(pair.conn, 1) == BELAY_ENOTCONN);
    pair_wait_open(&pair);
    must(pair.sim, sim_migrate(pair.conn, 0) == BELAY_EINVAL);
    sim_run_for(pair.sim, SIM_S);
    must(pair.sim, sim_migrate(pair.conn, 1) == 0);
    must(pair.sim, sim_migrate(pair.conn, 2) == 0); /* the newest wins */
    must(pair.sim, sim_migrate(pair.conn, 3) == BELAY_EAGAIN);
    must_become(pair.sim, client_moved, &pair, SIM_S);
    must(pair.sim, belay_core_conn_path(pair.conn->conn)->socket == 2);
    pair_close(&pair);
}

/* A server that restarts with its reset key: it knows the ID that the client took for its new
 * path no more than the first. */
static void a_reset_finds_the_newest_id(void **state)
{
    struct belay_core_config config;
    struct pair pair;
    (void)state;

    belay_core_config_init(&config);
    config.has_reset_key = true;
    pair = pair_open(1, "delay 20ms", &config);
    sim_run_for(pair.sim, SIM_S);
    must(pair.sim, sim_migrate(pair.conn, 1) == 0);
    must_become(pair.sim, client_moved, &pair, SIM_S);
    sim_run_for(pair.sim, SIM_S);
    sim_host_off(pair.server);
    sim_host_on(pair.server);
    sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100);
    must_become(pair.sim, sim_is_closed, pair.conn, SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ERESET);
    sim_free(pair.sim);
}

STORIES(cmocka_unit_test(a_nat_forgets_in_the_middle_of_traffic),
        cmocka_unit_test(a_move_takes_a_round_trip),
        cmocka_unit_test(a_nat_forgets_twice_in_a_row),
        cmocka_unit_test(a_nat_forgets_a_listener),
        cmocka_unit_test(a_nat_forgets_while_nobody_talks),
        cmocka_unit_test(a_nat_forgets_while_both_close),
        cmocka_unit_test(shared_dials_are_followed_too),
        cmocka_unit_test(a_replayed_packet_changes_nothing),
        cmocka_unit_test(a_late_packet_from_elsewhere_changes_nothing),
        cmocka_unit_test(copies_that_come_first_move_nothing),
        cmocka_unit_test(a_relay_that_stops_is_left),
        cmocka_unit_test(a_relay_of_one_direction_gets_nothing),
        cmocka_unit_test(the_client_moves), cmocka_unit_test(the_client_moves_again_and_again),
        cmocka_unit_test(the_server_moves), cmocka_unit_test(both_move_at_once),
        cmocka_unit_test(a_path_that_leads_nowhere_is_not_taken),
        cmocka_unit_test(a_move_that_cannot_be_is_refused),
        cmocka_unit_test(a_reset_finds_the_newest_id))
