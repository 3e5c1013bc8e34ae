/* Marks instead of losses, where the path lets them through. */
#include "sim/story.h"

#define MIB ((size_t)1 << 20)

/* Every packet gets through at first, so that each side has seen that marks do. */
static struct pair pair_proven(uint64_t seed, const char *words,
                               const struct belay_core_config *config)
{
    struct pair pair = pair_open(seed, "delay 10ms", config);

    for (unsigned i = 0; i < 4; i++) {
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 10) == 0);
        must(pair.sim, sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, 10) == 0);
        must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    }
    sim_link(pair.client, pair.server, words);
    sim_link(pair.server, pair.client, words);
    return pair;
}

static void marked_and_not_lost(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_proven(seed, "delay 10ms loss 5% ecn", NULL);
        struct belay_stats stats;

        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2 * MIB) == 0);
        must(pair.sim, sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        stats = sim_stats(pair.conn);
        must(pair.sim, stats.is_ecn_capable);
        must_be_in(pair.sim, stats.packets_lost, 0, 0);
        must_be_in(pair.sim, stats.packets_retransmitted, 0, 0);
        must_be_in(pair.sim, 100 * stats.packets_ce, 2 * stats.packets_sent,
                   8 * stats.packets_sent);
        must(pair.sim, pair.sim->counts.of[SIM_COUNT_DATA_LOST] == 0);
        pair_close(&pair);
    }
}

/* A mark is congestion: the same transfer over a link without them is faster. */
static uint64_t transfer_ns(const char *words)
{
    struct pair pair = pair_proven(story_seed_first(), words, NULL);
    uint64_t start_ns = pair.sim->now_ns, took_ns;

    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2 * MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    took_ns = pair.sim->now_ns - start_ns;
    pair_close(&pair);
    return took_ns;
}

static void marks_slow_the_sender(void **state)
{
    (void)state;
    assert_true(transfer_ns("delay 10ms loss 5% ecn") > 2 * transfer_ns("delay 10ms"));
}

/* ------------------------------------------------------------------ bad paths */

enum spoil { BLEACH, MANGLE, DROP };
struct spoiler {
    enum spoil how;
    bool is_on;
    uint64_t marked; /* that came here */
};

static bool spoil(void *ctx, const struct sim_packet *packet)
{
    struct spoiler *spoiler = ctx;
    struct sim_packet *same = (struct sim_packet *)packet; /* the IP header is the path's */

    if (!spoiler->is_on || packet->ecn == 0)
        return false;
    spoiler->marked++;
    if (spoiler->how == BLEACH)
        same->ecn = 0;
    else if (spoiler->how == MANGLE)
        same->ecn = 1;
    return spoiler->how == DROP;
}

/* From the start, or once marks have been found to get through: they are left off after a
 * while, and all arrives. */
static void spoiled_marks_are_left_off(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 6; row++) {
        struct spoiler spoiler = {.how = (enum spoil)(row / 2), .is_on = row % 2 == 0};
        struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
        uint64_t most;

        sim_filter_set(pair.client, pair.server, spoil, &spoiler);
        pair_connect(&pair);
        pair_wait_open(&pair);
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB / 4) == 0);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must(pair.sim, sim_stats(pair.conn).is_ecn_capable == !spoiler.is_on);
        spoiler.is_on = true;
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must(pair.sim, !sim_stats(pair.conn).is_ecn_capable);
        /* at the start ten; else a flight, and of one that vanished what a timeout repeats */
        most = row % 2 == 0 ? 10 : MIB / 2 / 1200;
        must_be_in(pair.sim, spoiler.marked, 1, most);
        pair_close(&pair);
    }
}

/* What arrives with marks, after some others; each side's own. */
static bool count_marks(void *ctx, const struct sim_packet *packet)
{
    *(uint64_t *)ctx += packet->ecn != 0;
    return false;
}

static void the_switch_is_each_sides_own(void **state)
{
    uint64_t marked[2] = {0, 0};
    struct belay_core_config off;
    struct pair pair = {.sim = sim_new(story_seed_first())};

    (void)state;
    belay_core_config_init(&off);
    off.ecn = false;
    pair.client = sim_host_new(pair.sim, "client", &off);
    pair.server = sim_host_new(pair.sim, "server", NULL);
    sim_listen(pair.server);
    sim_filter_set(pair.client, pair.server, count_marks, &marked[0]);
    sim_filter_set(pair.server, pair.client, count_marks, &marked[1]);
    pair_connect(&pair);
    pair_wait_open(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
    must(pair.sim, sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    must(pair.sim, !sim_stats(pair.conn).is_ecn_capable);
    must(pair.sim, sim_stats(pair.conn->peer).is_ecn_capable);
    must_be_in(pair.sim, marked[0], 0, 0);
    must_be_in(pair.sim, marked[1], MIB / 65507, UINT64_MAX);
    pair_close(&pair);
}

/* Another path is tested anew. */
static void another_path_is_tested_anew(void **state)
{
    struct spoiler spoiler = {.how = BLEACH, .is_on = true};
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    sim_filter_set(pair.client, pair.server, spoil, &spoiler);
    pair_connect(&pair);
    pair_wait_open(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB / 4) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    must(pair.sim, !sim_stats(pair.conn).is_ecn_capable);
    spoiler.is_on = false;
    must(pair.sim, sim_migrate(pair.conn, 1) == 0);
    sim_run_for(pair.sim, SIM_S);
    must_be_in(pair.sim, sim_stats(pair.conn).path_changes, 1, 1);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB / 4) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    must(pair.sim, sim_stats(pair.conn).is_ecn_capable);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(marked_and_not_lost), cmocka_unit_test(marks_slow_the_sender),
        cmocka_unit_test(spoiled_marks_are_left_off),
        cmocka_unit_test(the_switch_is_each_sides_own),
        cmocka_unit_test(another_path_is_tested_anew))
