/*
 * NATs that forget their ports, at every moment. Exactly once, in order, whatever happens: the
 * checkers look at every message; and nobody who has not proven his address gets more than
 * three times what he sent.
 */
#include "sim/moving.h"

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

        talk_for(&pair, 300 * SIM_MS);
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

        talk_for(&pair, 200 * SIM_MS);
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

STORIES(cmocka_unit_test(a_nat_forgets_in_the_middle_of_traffic),
        cmocka_unit_test(a_move_takes_a_round_trip),
        cmocka_unit_test(a_nat_forgets_twice_in_a_row),
        cmocka_unit_test(a_nat_forgets_a_listener),
        cmocka_unit_test(a_nat_forgets_while_nobody_talks),
        cmocka_unit_test(a_nat_forgets_while_both_close),
        cmocka_unit_test(shared_dials_are_followed_too))
