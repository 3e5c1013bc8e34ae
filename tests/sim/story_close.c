/* Graceful close, in every state, whatever is lost on the way. */
#include "sim/story.h"

static void ends_cleanly(struct pair *pair)
{
    must_become(pair->sim, sim_is_ended, pair->conn, 60 * SIM_S);
    must(pair->sim, pair->conn->error == 0);
    must(pair->sim, pair->conn->peer->error == 0);
    must(pair->sim, sim_is_exchanged(pair->conn));
    sim_free(pair->sim);
}

/* Closed before the connection is up: what was queued is still delivered. */
static void before_connected(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_new(seed, "delay 10ms loss 10%", NULL);
        pair_connect(&pair);
        for (unsigned i = 0; i < 10; i++)
            must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2000) == 0);
        must(pair.sim, sim_close(pair.conn) == 0);
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1) == BELAY_ECLOSED);
        must(pair.sim, sim_close(pair.conn) == BELAY_ECLOSED);
        pair_wait_open(&pair);
        ends_cleanly(&pair);
    }
}

static void before_connected_with_nothing_to_say(void **state)
{
    (void)state;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    pair_connect(&pair);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_ended, pair.conn, 20 * SIM_S);
    must(pair.sim, pair.conn->error == 0);
    sim_free(pair.sim);
}

static void before_connected_to_nobody(void **state)
{
    (void)state;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms loss 100%", NULL);

    pair_connect(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2000) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_closed, pair.conn, 20 * SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    sim_free(pair.sim);
}

static void while_sending(void **state)
{
    struct sim_series series = {.count = 200, .len = 2000, .channels = 3};

    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 5%", NULL);
        sim_pump(pair.conn, sim_series, &series);
        must(pair.sim, sim_close(pair.conn) == 0);
        ends_cleanly(&pair);
    }
}

static void both_at_once(void **state)
{
    struct sim_series series = {.count = 100, .len = 2000};

    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 5%", NULL);
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        must(pair.sim, sim_close(pair.conn) == 0);
        must(pair.sim, sim_close(pair.conn->peer) == 0);
        ends_cleanly(&pair);
    }
}

/* ------------------------------------------------------------------ half closed */

static void on_eof_talk(struct sim_conn *conn, const struct belay_core_event *event)
{
    if (event->type != BELAY_CORE_EOF)
        return;
    for (unsigned i = 0; i < 30; i++)
        must(conn->sim, sim_send(conn, 1, BELAY_RELIABLE_ORDERED, 4000) == 0);
    must(conn->sim, sim_close(conn) == 0);
}

/* Who has seen EOF may still send. */
static void one_side_goes_on_sending(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 5%", NULL);
        pair.server->on_event = on_eof_talk;
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
        must(pair.sim, sim_close(pair.conn) == 0);
        must_become(pair.sim, sim_is_ended, pair.conn, 60 * SIM_S);
        must_be_in(pair.sim, pair.conn->delivered, 30, 30);
        must(pair.sim, pair.conn->error == 0 && pair.conn->peer->error == 0);
        sim_free(pair.sim);
    }
}

/* The peer never closes: the close timeout ends it. */
static void one_side_only(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    uint64_t asked_ns = pair.sim->now_ns;

    (void)state;
    pair.server->close_on_eof = false;
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_closed, pair.conn, 60 * SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    must(pair.sim, pair.conn->peer->saw_eof);
    must_be_in(pair.sim, pair.conn->closed_ns - asked_ns, 10 * SIM_S, 10 * SIM_S + SIM_MS);
    must_become(pair.sim, sim_is_ended, pair.conn, 60 * SIM_S);
    sim_free(pair.sim);
}

/* ------------------------------------------------------------------ lost packets */

/* Loses the packets number first to first + count - 1 that one side sends after the close. */
static void close_with_losses(uint64_t first, uint64_t count, bool client_packets,
                              bool server_packets, size_t len)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct lose from_client = {.first = first, .last = first + count - 1};
    struct lose from_server = {.first = first, .last = first + count - 1};

    sim_run_for(pair.sim, SIM_S);
    if (client_packets)
        sim_filter_set(pair.client, pair.server, lose_some, &from_client);
    if (server_packets)
        sim_filter_set(pair.server, pair.client, lose_some, &from_server);
    if (len > 0)
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, len) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_ended, pair.conn, 30 * SIM_S);
    must(pair.sim, pair.conn->error == 0);
    must(pair.sim, pair.conn->peer->error == 0);
    sim_free(pair.sim);
}

/* Whichever packets after the close are lost (FIN, its ACK, the last ACK ...). */
static void any_packets_lost(void **state)
{
    (void)state;
    for (uint64_t first = 0; first < 6; first++)
        for (uint64_t count = 1; count <= 3; count++)
            for (unsigned side = 1; side <= 3; side++)
                for (size_t len = 0; len <= 3000; len += 3000)
                    close_with_losses(first, count, side & 1, side >> 1, len);
}

static void fin_lost(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
        struct lose lose = {.kinds = 1u << SIM_FIN, .last = 2};
        if (side == 0)
            sim_filter_set(pair.client, pair.server, lose_some, &lose);
        else
            sim_filter_set(pair.server, pair.client, lose_some, &lose);
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
        must(pair.sim, sim_close(pair.conn) == 0);
        must_become(pair.sim, sim_is_ended, pair.conn, 30 * SIM_S);
        must_be_in(pair.sim, lose.lost, 3, 3);
        must(pair.sim, pair.conn->error == 0 && pair.conn->peer->error == 0);
        sim_free(pair.sim);
    }
}

/* Through a link that loses a third of everything. */
static void over_a_terrible_link(void **state)
{
    struct sim_series series = {.count = 20, .len = 500};

    (void)state;
    STORY_SEEDS(seed, 40)
    {
        struct pair pair =
            pair_open(seed, "delay 20ms 5ms loss 30% duplicate 5% reorder 25%", NULL);
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        must(pair.sim, sim_close(pair.conn) == 0);
        ends_cleanly(&pair);
    }
}

/* ------------------------------------------------------------------ a peer that does not read
 */

static void peer_paused(void **state)
{
    struct belay_core_config config;
    uint64_t asked_ns, failed = 0;

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 4096;
    config.window_initial = config.window_max = 16384;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    sim_pause(pair.conn->peer);
    for (unsigned i = 0; i < 100; i++)
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    asked_ns = pair.sim->now_ns;
    must_become(pair.sim, sim_is_closed, pair.conn, 60 * SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    must_be_in(pair.sim, pair.conn->closed_ns - asked_ns, 10 * SIM_S, 10 * SIM_S + SIM_MS);
    for (size_t i = 0; i < pair.conn->out.count; i++)
        failed += pair.conn->out.messages[i].error != 0;
    must_be_in(pair.sim, failed, 80, 99); /* some of them fit into the window */
    sim_free(pair.sim);
}

/* Paused for a while only: the close waits for him. */
static void peer_paused_for_a_while(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    sim_pause(pair.conn->peer);
    for (unsigned i = 0; i < 100; i++)
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    sim_run_for(pair.sim, 5 * SIM_S);
    must(pair.sim, !pair.conn->closed && !pair.conn->peer->saw_eof);
    sim_resume(pair.conn->peer);
    ends_cleanly(&pair);
}

/* When all is over nothing is left of it. */
static void leaves_nothing_behind(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100000) == 0);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_ended, pair.conn, 30 * SIM_S);
    sim_conn_free(pair.conn);
    sim_conn_free(pair.conn->peer);
    sim_run_for(pair.sim, 10 * SIM_S);
    must_be_in(pair.sim, belay_core_conn_count(pair.client->core), 0, 0);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 0, 0);
    must(pair.sim, belay_core_deadline(pair.client->core) == BELAY_NEVER);
    must(pair.sim, belay_core_deadline(pair.server->core) == BELAY_NEVER);
    sim_free(pair.sim);
}

STORIES(cmocka_unit_test(before_connected),
        cmocka_unit_test(before_connected_with_nothing_to_say),
        cmocka_unit_test(before_connected_to_nobody), cmocka_unit_test(while_sending),
        cmocka_unit_test(both_at_once), cmocka_unit_test(one_side_goes_on_sending),
        cmocka_unit_test(one_side_only), cmocka_unit_test(any_packets_lost),
        cmocka_unit_test(fin_lost), cmocka_unit_test(over_a_terrible_link),
        cmocka_unit_test(peer_paused), cmocka_unit_test(peer_paused_for_a_while),
        cmocka_unit_test(leaves_nothing_behind))
