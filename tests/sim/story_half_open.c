/* Handshakes that are never finished: replayed, flooded. */
#include "sim/forge.h"

/* INITs as so many clients would send them, none of which arrives. */
static void collect_inits(struct pair *pair, struct keep *keep, unsigned count)
{
    struct sim_host *dialer = sim_host_new(pair->sim, "dialer", NULL);
    int error;

    keep->type = 'I';
    sim_filter_set(dialer, pair->server, keep_and_lose, keep);
    for (unsigned i = 0; i < count; i++)
        must(pair->sim, sim_connect_from(dialer, pair->server, i, false, &error) != NULL);
    sim_run_for(pair->sim, SIM_MS);
    must_be_in(pair->sim, keep->count, count, count);
    sim_host_off(dialer);
}

static void replay(struct pair *pair, const struct keep *keep, size_t i)
{
    sim_inject(pair->server, &keep->packets[i].from, NULL, keep->packets[i].bytes,
               keep->packets[i].len);
}

static uint64_t accepted(const struct pair *pair)
{
    return pair->sim->counts.of[SIM_COUNT_ACCEPTED];
}

static void replayed_init_reaches_no_app(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct keep keep = {0};

    (void)state;
    collect_inits(&pair, &keep, 1);
    for (unsigned i = 0; i < 5; i++) {
        replay(&pair, &keep, 0);
        sim_run_for(pair.sim, SIM_S);
        must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 1, 1);
    }
    must_be_in(pair.sim, accepted(&pair), 0, 0);
    /* its slot expires after the connect timeout */
    sim_run_for(pair.sim, 11 * SIM_S);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 0, 0);
    must(pair.sim, belay_core_next_conn(pair.server->core, NULL) == NULL);
    keep_free(&keep);
    sim_free(pair.sim);
}

/* The INIT of a connection that is open, or over, comes once more. */
static void replayed_init_of_a_known_connection(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct keep keep = {.type = 'I'};

    (void)state;
    sim_filter_set(pair.client, pair.server, keep_copies, &keep);
    pair_connect(&pair);
    pair_wait_open(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 3000) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    replay(&pair, &keep, 0);
    sim_run_for(pair.sim, SIM_S);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 3000) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    must_be_in(pair.sim, accepted(&pair), 1, 1);
    must(pair.sim, sim_close(pair.conn) == 0);
    must_become(pair.sim, sim_is_ended, pair.conn, 10 * SIM_S);
    sim_conn_free(pair.conn->peer);
    sim_run_for(pair.sim, 10 * SIM_S);
    replay(&pair, &keep, 0);
    sim_run_for(pair.sim, 20 * SIM_S);
    must_be_in(pair.sim, accepted(&pair), 1, 1);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 0, 0);
    keep_free(&keep);
    sim_free(pair.sim);
}

/* Of more than half_open_max none gets in without a cookie; who is honest takes the place of
 * the oldest. */
static void flood_is_bounded(void **state)
{
    struct belay_core_config config;
    struct keep keep = {0};
    size_t memory_before;

    (void)state;
    belay_core_config_init(&config);
    config.half_open_max = 4;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", &config);
    collect_inits(&pair, &keep, 40);
    memory_before = belay_core_memory_bytes(pair.server->core);
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < keep.count; i++) {
            replay(&pair, &keep, i);
            must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 1, 4);
        }
    must_be_in(pair.sim, belay_core_memory_peak_bytes(pair.server->core) - memory_before, 1,
               5 * 16384);
    must_be_in(pair.sim, accepted(&pair), 0, 0);
    pair_connect(&pair);
    pair_wait_open(&pair);
    must_be_in(pair.sim, accepted(&pair), 1, 1);
    pair_close(&pair);
    keep_free(&keep);
}

STORIES(cmocka_unit_test(replayed_init_reaches_no_app),
        cmocka_unit_test(replayed_init_of_a_known_connection),
        cmocka_unit_test(flood_is_bounded))
