/* Peers that vanish or lose their memory, and the silence in between. */
#include "sim/story.h"

/* max(T, 3 PTO) after its last packet arrived: T is 30 s, and 3 PTO are far less here. */
#define IDLE (30 * SIM_S)

static void client_on_the_same_address(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct sim_conn *old = pair.conn->peer;

    (void)state;
    sim_host_off(pair.client);
    sim_run_for(pair.sim, 100 * SIM_MS);
    sim_host_on(pair.client);
    pair_connect(&pair);
    must_become(pair.sim, sim_is_open, pair.conn, SIM_S);
    must_become(pair.sim, sim_is_closed, old, 100 * SIM_MS);
    must(pair.sim, old->error == BELAY_ERESET);
    must(pair.sim, old->closed_ns <= pair.sim->now_ns);
    pair_close(&pair);
}

/* A replayed INIT from its address does not end an open connection. */
static void replay_does_not_replace(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct keep keep = {.type = 'I'};
    struct sim_conn *first;

    (void)state;
    sim_filter_set(pair.client, pair.server, keep_copies, &keep);
    pair_connect(&pair);
    first = pair.conn;
    pair_wait_open(&pair);
    sim_host_off(pair.client);
    sim_host_on(pair.client);
    pair_connect(&pair);
    must_become(pair.sim, sim_is_open, pair.conn, SIM_S);
    sim_inject(pair.server, &keep.packets[0].from, NULL, keep.packets[0].bytes,
               keep.packets[0].len);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 5000) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    must(pair.sim, first->peer->closed && !pair.conn->peer->closed);
    keep_free(&keep);
    pair_close(&pair);
}

static void server_restarts(void **state)
{
    (void)state;
    for (unsigned same_key = 0; same_key < 2; same_key++) {
        struct belay_core_config config;
        uint64_t off_ns;

        belay_core_config_init(&config);
        config.has_reset_key = same_key;
        memset(config.reset_key, 0x5a, sizeof(config.reset_key));
        struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
        sim_run_for(pair.sim, SIM_S);
        sim_host_off(pair.server);
        sim_host_on(pair.server);
        off_ns = pair.sim->now_ns;
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
        must_become(pair.sim, sim_is_closed, pair.conn, 2 * IDLE);
        if (same_key) {
            must(pair.sim, pair.conn->error == BELAY_ERESET);
            must_be_in(pair.sim, pair.conn->closed_ns - off_ns, 20 * SIM_MS, 20 * SIM_MS);
        } else {
            must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
            must_be_in(pair.sim, pair.conn->closed_ns - pair.conn->last_arrival_ns, IDLE, IDLE);
        }
        sim_free(pair.sim);
    }
}

/* Either side vanishes, idle or talking. */
static void peer_vanishes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct sim_series series = {.count = i / 2 * 1000, .len = 500};
        struct pair pair = pair_open(story_seed_first(), "delay 10ms rate 1mbit", NULL);
        struct sim_conn *left = i % 2 == 0 ? pair.conn : pair.conn->peer;
        sim_pump(left, sim_series, &series);
        sim_run_for(pair.sim, 500 * SIM_MS);
        sim_host_off(left->peer->host);
        must_become(pair.sim, sim_is_closed, left, 2 * IDLE);
        must(pair.sim, left->error == BELAY_ETIMEDOUT);
        must_be_in(pair.sim, left->closed_ns - left->last_arrival_ns, IDLE, IDLE);
        sim_free(pair.sim);
    }
}

/* The smaller of both sides' idle timeouts counts. */
static void smaller_idle_timeout_counts(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        struct pair pair = {.sim = sim_new(story_seed_first())};
        struct belay_core_config config;
        belay_core_config_init(&config);
        config.idle_timeout_ns = 3 * SIM_S;
        config.keepalive_ns = SIM_S;
        pair.client = sim_host_new(pair.sim, "client", side == 0 ? &config : NULL);
        pair.server = sim_host_new(pair.sim, "server", side == 1 ? &config : NULL);
        sim_listen(pair.server);
        pair_connect(&pair);
        pair_wait_open(&pair);
        sim_run_for(pair.sim, 100 * SIM_MS);
        sim_host_off(pair.server);
        must_become(pair.sim, sim_is_closed, pair.conn, IDLE);
        must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
        must_be_in(pair.sim, pair.conn->closed_ns - pair.conn->last_arrival_ns, 3 * SIM_S,
                   3 * SIM_S);
        sim_free(pair.sim);
    }
}

/* But not those that ride with an ACK, by which a receiver learns what it may forget. */
static bool count_pings(void *ctx, const struct sim_packet *packet)
{
    *(uint64_t *)ctx += sim_packet_has(packet, SIM_PING) && !sim_packet_has(packet, SIM_ACK);
    return false;
}

static void keepalive_keeps_it_open(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    uint64_t from_client = 0, from_server = 0;

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, count_pings, &from_client);
    sim_filter_set(pair.server, pair.client, count_pings, &from_server);
    sim_run_for(pair.sim, 300 * SIM_S);
    must(pair.sim, !pair.conn->closed && !pair.conn->peer->closed);
    must_be_in(pair.sim, from_client, 18, 21); /* every 15 s */
    must_be_in(pair.sim, from_server, 0, 0);
    pair_close(&pair);
}

/* Without keepalive both sides end after the idle timeout. */
static void no_keepalive_ends_in_silence(void **state)
{
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.keepalive_ns = 0;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    must_become(pair.sim, sim_is_ended, pair.conn, 2 * IDLE);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    must(pair.sim, pair.conn->peer->error == BELAY_ETIMEDOUT);
    sim_free(pair.sim);
}

/* Neither timeout nor keepalive: silence for a day changes nothing. */
static void without_timeouts_silence_is_fine(void **state)
{
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.keepalive_ns = config.idle_timeout_ns = 0;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    sim_run_for(pair.sim, 86400 * SIM_S);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(client_on_the_same_address), cmocka_unit_test(replay_does_not_replace),
        cmocka_unit_test(server_restarts), cmocka_unit_test(peer_vanishes),
        cmocka_unit_test(smaller_idle_timeout_counts),
        cmocka_unit_test(keepalive_keeps_it_open),
        cmocka_unit_test(no_keepalive_ends_in_silence),
        cmocka_unit_test(without_timeouts_silence_is_fine))
