/* The largest datagram that the path takes is found, and lost again. */
#include "sim/story.h"

#define MIB ((size_t)1 << 20)

/* Both ways at once, until there is nothing more to find. */
static void send_both_ways(struct pair *pair, size_t bytes, uint64_t limit_ns)
{
    must(pair->sim, sim_send(pair->conn, 0, BELAY_RELIABLE_ORDERED, bytes) == 0);
    must(pair->sim, sim_send(pair->conn->peer, 0, BELAY_RELIABLE_ORDERED, bytes) == 0);
    must_become(pair->sim, sim_is_settled, pair->conn, limit_ns);
}

/* By so many transfers of what fills datagrams of any size. */
static void find_size(struct pair *pair, unsigned transfers, uint64_t size)
{
    for (unsigned k = 0; k < transfers; k++)
        send_both_ways(pair, 2 * MIB, 60 * SIM_S);
    must_be_in(pair->sim, sim_stats(pair->conn).datagram_size, size, size);
}

/* x-mtu counts the IP packet, headers and all. */
static void the_paths_size_is_found(void **state)
{
    static const struct {
        const char *words;
        uint32_t least, most;
    } rows[] = {
        {"delay 10ms limit 100000 x-mtu 1500", 1472, 1472},
        {"delay 10ms limit 100000 x-mtu 1308", 1264, 1280},
        {"delay 10ms limit 100000 x-mtu 1228", 1200, 1200},
        {"delay 10ms limit 100000 x-mtu 9000", 8972, 8972},
        {"delay 10ms limit 100000 x-mtu 5000", 4956, 4972},
        {"delay 1ms limit 100000 x-mtu 65535", 65507, 65507},
        {"delay 1ms limit 100000", 65507, 65507},
        {"delay 10ms limit 100000 loss 20% x-mtu 1500", 1400, 1472},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair = pair_open(story_seed_first(), rows[i].words, NULL);
        struct belay_stats here, there;

        for (unsigned k = 0; k < 24; k++)
            send_both_ways(&pair, 2 * MIB, 300 * SIM_S);
        here = sim_stats(pair.conn);
        there = sim_stats(pair.conn->peer);
        must_be_in(pair.sim, here.datagram_size, rows[i].least, rows[i].most);
        must_be_in(pair.sim, there.datagram_size, rows[i].least, rows[i].most);
        printf("%s: %u, %u probes, %u lost\n", rows[i].words, here.datagram_size,
               (unsigned)here.mtu_probes_sent, (unsigned)here.mtu_probes_lost);
        if (strstr(rows[i].words, "loss") == NULL)
            must_be_in(pair.sim, here.packets_lost + there.packets_lost, 0, 0);
        pair_close(&pair);
    }
}

static void each_way_has_its_own(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms limit 100000", NULL);

    (void)state;
    sim_link(pair.client, pair.server, "delay 10ms limit 100000 x-mtu 1500");
    sim_link(pair.server, pair.client, "delay 10ms limit 100000 x-mtu 9000");
    pair_connect(&pair);
    pair_wait_open(&pair);
    find_size(&pair, 4, 1472);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).datagram_size, 8972, 8972);
    pair_close(&pair);
}

/* A lost probe is no loss: the window is that of a transfer without a search. */
static uint64_t window_after(uint32_t most)
{
    struct belay_core_config config;
    struct belay_stats stats;
    struct pair pair;

    belay_core_config_init(&config);
    config.datagram_size_max = most;
    pair = pair_open(story_seed_first(), "delay 10ms limit 100000 x-mtu 1228", &config);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2 * MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    stats = sim_stats(pair.conn);
    must_be_in(pair.sim, stats.mtu_probes_lost, most > 1200 ? 3 : 0, 20);
    must_be_in(pair.sim, stats.packets_lost + stats.packets_retransmitted, 0, 0);
    pair_close(&pair);
    return stats.window_bytes;
}

static void a_lost_probe_is_no_loss(void **state)
{
    uint64_t with = window_after(65507), without = window_after(1200);

    (void)state;
    assert_in_range(with, without - without / 8, without + without / 8);
}

/* ------------------------------------------------------------------ black holes */

/* In the middle of a transfer the path takes less than before. All arrives, exactly once. */
static void a_black_hole_in_the_middle(void **state)
{
    static const struct {
        const char *before, *after;
        uint32_t found, least, most;
    } rows[] = {
        {"delay 10ms limit 100000 x-mtu 9000", "delay 10ms limit 100000 x-mtu 1500", 8972, 1472,
         1472},
        {"delay 10ms limit 100000 x-mtu 1500", "delay 10ms limit 100000 x-mtu 1400", 1472, 1356,
         1372},
        {"delay 1ms limit 100000", "delay 1ms limit 100000 x-mtu 1500", 65507, 1472, 1472},
        {"delay 10ms limit 100000 x-mtu 9000", "delay 10ms limit 100000 loss 5% x-mtu 1228",
         8972, 1200, 1200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        STORY_SEEDS(seed, 3)
        {
            struct pair pair = pair_open(seed, rows[i].before, NULL);
            uint64_t start_ns;

            for (unsigned k = 0; k < 6; k++)
                send_both_ways(&pair, 2 * MIB, 60 * SIM_S);
            must_be_in(pair.sim, sim_stats(pair.conn).datagram_size, rows[i].found,
                       rows[i].found);
            /* under way: one large, many that fill a packet each, small ones */
            must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 2 * MIB) == 0);
            for (unsigned k = 0; k < 100; k++) {
                must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 8000) == 0);
                must(pair.sim, sim_send(pair.conn, 2, BELAY_RELIABLE_UNORDERED, k) == 0);
            }
            sim_run_for(pair.sim, SIM_MS / 2);
            sim_link(pair.client, pair.server, rows[i].after);
            sim_link(pair.server, pair.client, rows[i].after);
            start_ns = pair.sim->now_ns;
            must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
            printf("%s -> %s: settled after %.3f s\n", rows[i].before, rows[i].after,
                   (double)(pair.sim->now_ns - start_ns) / 1e9);
            must_be_in(pair.sim, sim_stats(pair.conn).mtu_black_holes, 1, 5);
            for (unsigned k = 0; k < 3; k++)
                send_both_ways(&pair, 2 * MIB, 60 * SIM_S);
            must_be_in(pair.sim, sim_stats(pair.conn).datagram_size, rows[i].least,
                       rows[i].most);
            pair_close(&pair);
        }
    }
}

/* Small packets go on getting through, so that no timeout backs off. */
static void small_ones_get_through(void **state)
{
    struct pair pair =
        pair_open(story_seed_first(), "delay 10ms limit 100000 x-mtu 9000", NULL);

    (void)state;
    find_size(&pair, 6, 8972);
    sim_link(pair.client, pair.server, "delay 10ms limit 100000 x-mtu 1500");
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 60000) == 0);
    for (unsigned k = 0; k < 200; k++) {
        sim_run_for(pair.sim, 5 * SIM_MS);
        must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 20) == 0);
    }
    must_become(pair.sim, sim_is_settled, pair.conn, 5 * SIM_S);
    must_be_in(pair.sim, sim_stats(pair.conn).mtu_black_holes, 1, 2);
    pair_close(&pair);
}

/* Another path begins from the smallest. */
static void another_path_is_searched_anew(void **state)
{
    struct pair pair =
        pair_open(story_seed_first(), "delay 10ms limit 100000 x-mtu 9000", NULL);

    (void)state;
    find_size(&pair, 6, 8972);
    sim_link(pair.client, pair.server, "delay 10ms limit 100000 x-mtu 1500");
    sim_link(pair.server, pair.client, "delay 10ms limit 100000 x-mtu 1500");
    must(pair.sim, sim_migrate(pair.conn, 1) == 0);
    sim_run_for(pair.sim, SIM_S);
    must_be_in(pair.sim, sim_stats(pair.conn).datagram_size, 1200, 1200);
    find_size(&pair, 4, 1472);
    must_be_in(pair.sim, sim_stats(pair.conn).mtu_black_holes, 0, 0);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ who needs none */

static bool count_probes(void *ctx, const struct sim_packet *packet)
{
    *(uint64_t *)ctx += sim_packet_is_mtu_probe(packet);
    return false;
}

/* An hour of small messages: whoever fills no datagram needs no larger ones. */
static void small_messages_search_for_nothing(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms limit 100000", NULL);
    uint64_t probes = 0;

    (void)state;
    sim_filter_set(pair.client, pair.server, count_probes, &probes);
    for (unsigned k = 0; k < 3600; k++) {
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000) == 0);
        sim_run_for(pair.sim, SIM_S);
    }
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    must_be_in(pair.sim, probes, 0, 0);
    pair_close(&pair);
}

/* Ten minutes after, and only when there is something to send. */
static void later_it_is_tried_again(void **state)
{
    struct pair pair =
        pair_open(story_seed_first(), "delay 10ms limit 100000 x-mtu 1500", NULL);
    uint64_t probes = 0;

    (void)state;
    find_size(&pair, 4, 1472);
    sim_link(pair.client, pair.server, "delay 10ms limit 100000 x-mtu 9000");
    sim_filter_set(pair.client, pair.server, count_probes, &probes);
    sim_run_for(pair.sim, 590 * SIM_S);
    send_both_ways(&pair, MIB, 60 * SIM_S);
    must_be_in(pair.sim, probes, 0, 0);
    sim_run_for(pair.sim, 1000 * SIM_S);
    must_be_in(pair.sim, probes, 0, 0);
    find_size(&pair, 4, 8972);
    must_be_in(pair.sim, sim_stats(pair.conn).packets_lost, 0, 0);
    pair_close(&pair);
}

/* What the peer says that it takes bounds the search. */
static void the_peer_bounds_it(void **state)
{
    struct pair pair = {.sim = sim_new(story_seed_first())};
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.datagram_size_max = 3000;
    pair.client = sim_host_new(pair.sim, "client", NULL);
    pair.server = sim_host_new(pair.sim, "server", &config);
    sim_listen(pair.server);
    pair_connect(&pair);
    pair_wait_open(&pair);
    find_size(&pair, 4, 3000);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).datagram_size, 3000, 3000);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(the_paths_size_is_found), cmocka_unit_test(each_way_has_its_own),
        cmocka_unit_test(a_lost_probe_is_no_loss), cmocka_unit_test(a_black_hole_in_the_middle),
        cmocka_unit_test(small_ones_get_through),
        cmocka_unit_test(another_path_is_searched_anew),
        cmocka_unit_test(small_messages_search_for_nothing),
        cmocka_unit_test(later_it_is_tried_again), cmocka_unit_test(the_peer_bounds_it))
