/*
 * Sides that move to other addresses on purpose. Exactly once, in order, whatever happens: the
 * checkers look at every message.
 */
#include <string.h>

#include "sim/moving.h"
#include "wire/packet.h"

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

            talk_for(&pair, 300 * SIM_MS);
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

            talk_for(&pair, 300 * SIM_MS);
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

            talk_for(&pair, 300 * SIM_MS);
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

        talk_for(&pair, 300 * SIM_MS);
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
        talk_for(&pair, 300 * SIM_MS);
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

STORIES(cmocka_unit_test(the_client_moves), cmocka_unit_test(the_client_moves_again_and_again),
        cmocka_unit_test(the_server_moves), cmocka_unit_test(both_move_at_once),
        cmocka_unit_test(a_path_that_leads_nowhere_is_not_taken),
        cmocka_unit_test(a_move_that_cannot_be_is_refused),
        cmocka_unit_test(a_reset_finds_the_newest_id))
