/* Damaged packets, and those of somebody who guesses: they change nothing. */
#include "sim/story.h"

static void five_percent_damaged(void **state)
{
    struct sim_series series = {.count = 300, .len = 1500, .channels = 3};

    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_open(seed, "delay 10ms corrupt 5% loss 1%", NULL);
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_CORRUPT_DROPPED], 1, UINT64_MAX);
        pair_close(&pair);
    }
}

static void truncated(void **state)
{
    struct sim_series series = {.count = 300, .len = 1500, .channels = 3};

    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_new(seed, "delay 10ms", NULL);
        sim_link_of(pair.client, pair.server)->truncate_permille = 50;
        sim_link_of(pair.server, pair.client)->truncate_permille = 50;
        pair_connect(&pair);
        sim_pump(pair.conn, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        pair_close(&pair);
    }
}

/* A damaged handshake packet is as good as a lost one. */
static void damaged_handshake(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 30)
    {
        struct pair pair = pair_open(seed, "delay 10ms corrupt 50%", NULL);
        sim_link(pair.client, pair.server, "delay 10ms");
        sim_link(pair.server, pair.client, "delay 10ms");
        pair_close(&pair);
    }
}

/* ------------------------------------------------------------------ an attacker */

struct tap {
    struct keep to_server, to_client;
};

static void attack(struct pair *pair, struct sim_host *to, struct sim_host *from,
                   const struct keep *keep, struct test_random *random)
{
    struct belay_address address = sim_address(from, 0);
    uint8_t packet[2000];
    size_t len, bit, pick = (size_t)test_random_below(random, keep->count);

    len = keep->packets[pick].len;
    memcpy(packet, keep->packets[pick].bytes, len);
    switch (test_random_below(random, 5)) {
    case 0: /* a replay */
        break;
    case 1: /* one bit is different */
        bit = (size_t)test_random_below(random, 8 * len);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        break;
    case 2: /* shorter */
        len = (size_t)test_random_below(random, len);
        break;
    case 3: /* garbage behind a good first byte */
        test_random_fill(random, packet + 1, len - 1);
        break;
    default: /* garbage */
        len = (size_t)test_random_below(random, 1300);
        test_random_fill(random, packet, len);
        break;
    }
    sim_inject(to, &address, NULL, packet, len);
    (void)pair;
}

static void attacker_changes_nothing(void **state)
{
    struct sim_series series = {.count = 100, .len = 300};

    (void)state;
    STORY_SEEDS(seed, 5)
    {
        struct pair pair = pair_new(seed, "delay 10ms loss 5%", NULL);
        struct tap tap = {.to_server = {.count = 0}};
        struct test_random random = {seed};
        uint64_t accepted;
        sim_filter_set(pair.client, pair.server, keep_copies, &tap.to_server);
        sim_filter_set(pair.server, pair.client, keep_copies, &tap.to_client);
        pair_connect(&pair);
        pair_wait_open(&pair);
        accepted = pair.sim->counts.of[SIM_COUNT_ACCEPTED];
        for (unsigned i = 0; i < 2000; i++) {
            if (i % 100 == 0) {
                sim_pump(pair.conn, sim_series, &series);
                sim_pump(pair.conn->peer, sim_series, &series);
            }
            attack(&pair, pair.server, pair.client, &tap.to_server, &random);
            attack(&pair, pair.client, pair.server, &tap.to_client, &random);
            sim_run_for(pair.sim, SIM_MS);
        }
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must(pair.sim, pair.sim->counts.of[SIM_COUNT_ACCEPTED] == accepted);
        must(pair.sim, !pair.conn->closed && !pair.conn->peer->closed);
        pair_close(&pair);
        keep_free(&tap.to_server);
        keep_free(&tap.to_client);
    }
}

/* Every bit of a DATA packet counts: it arrives with each of them flipped, then whole. */
static void every_bit_counts(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct keep keep = {.type = 'D'};

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, keep_and_lose, &keep);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 40) == 0);
    sim_run_for(pair.sim, SIM_MS);
    must_be_in(pair.sim, keep.count, 1, 1);
    for (size_t bit = 0; bit < keep.packets[0].len * 8; bit++) {
        keep.packets[0].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        sim_inject(pair.server, &keep.packets[0].from, NULL, keep.packets[0].bytes,
                   keep.packets[0].len);
        keep.packets[0].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    must_be_in(pair.sim, pair.conn->peer->delivered, 0, 0);
    must(pair.sim, !pair.conn->peer->closed);
    sim_filter_set(pair.client, pair.server, NULL, NULL);
    must_become(pair.sim, sim_is_settled, pair.conn, 5 * SIM_S);
    must_be_in(pair.sim, pair.conn->peer->delivered, 1, 1);
    pair_close(&pair);
    keep_free(&keep);
}

STORIES(cmocka_unit_test(five_percent_damaged), cmocka_unit_test(truncated),
        cmocka_unit_test(damaged_handshake), cmocka_unit_test(attacker_changes_nothing),
        cmocka_unit_test(every_bit_counts))
