/* Messages of every size, and of datagrams. */
#include "sim/story.h"

#define MIB ((size_t)1 << 20)

static void send_both_ways(struct pair *pair, size_t len)
{
    for (unsigned mode = 0; mode < 2; mode++) {
        must(pair->sim, sim_send(pair->conn, 0, (enum belay_mode)mode, len) == 0);
        must(pair->sim, sim_send(pair->conn->peer, 20, (enum belay_mode)mode, len) == 0);
    }
}

/* Alone, and in a row: around all that a MESSAGE, a RUN and a FRAGMENT can hold. */
static void around_a_packet(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 2)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 2%", NULL);
        for (size_t len = 0; len < 30; len++)
            send_both_ways(&pair, len);
        for (size_t len = 1140; len < 1210; len++)
            send_both_ways(&pair, len);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        for (size_t len = 1140; len < 1210; len++) {
            send_both_ways(&pair, len);
            must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        }
        pair_close(&pair);
    }
}

static void large(void **state)
{
    static const size_t sizes[] = {65535, 65536, 65537, MIB - 1, MIB, MIB + 1};

    (void)state;
    struct pair pair = pair_open(story_seed_first(), "delay 5ms loss 5%", NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        must(pair.sim, sim_send(pair.conn, (uint32_t)i, BELAY_RELIABLE_ORDERED, sizes[i]) == 0);
        must(pair.sim, sim_send(pair.conn->peer, 0, BELAY_RELIABLE_UNORDERED, sizes[i]) == 0);
    }
    must_become(pair.sim, sim_is_settled, pair.conn, 300 * SIM_S);
    pair_close(&pair);
}

/* 16 MiB through 5 % loss: each side holds at most the message and the window beside it. */
static void sixteen_mib(void **state)
{
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.window_max = 16 * MIB;
    struct pair pair = pair_open(story_seed_first(), "delay 5ms loss 5%", &config);
    must(pair.sim,
         sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 16 * MIB + 1) == BELAY_EMSGSIZE);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 16 * MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 1000 * SIM_S);
    /* the sender reads it from its source: beside its logs it holds nothing */
    must_be_in(pair.sim, belay_core_memory_peak_bytes(pair.client->core), 0, 2 * MIB);
    must_be_in(pair.sim, belay_core_memory_peak_bytes(pair.server->core), 16 * MIB, 33 * MIB);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ limits */

static void peer_takes_less(void **state)
{
    struct pair pair = {.sim = sim_new(story_seed_first())};
    struct belay_core_config small;

    (void)state;
    belay_core_config_init(&small);
    small.message_size_max = 1000;
    small.channels_max = 2;
    pair.client = sim_host_new(pair.sim, "client", NULL);
    pair.server = sim_host_new(pair.sim, "server", &small);
    sim_listen(pair.server);
    pair_connect(&pair);
    /* not known yet: accepted, and given up when the connection opens */
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000) == 0);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1001) == 0);
    must(pair.sim, sim_send(pair.conn, 2, BELAY_RELIABLE_ORDERED, 10) == 0);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 999) == 0);
    pair_wait_open(&pair);
    sim_run_for(pair.sim, SIM_S);
    must(pair.sim, pair.conn->out.messages[0].error == 0);
    must(pair.sim, pair.conn->out.messages[1].error == BELAY_EMSGSIZE);
    must(pair.sim, pair.conn->out.messages[2].error == BELAY_EINVAL);
    must(pair.sim, pair.conn->out.messages[3].error == 0);
    must_be_in(pair.sim, pair.conn->peer->delivered, 2, 2);
    /* known now */
    must_be_in(pair.sim, belay_core_conn_message_size_max(pair.conn->conn), 1000, 1000);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1001) == BELAY_EMSGSIZE);
    must(pair.sim, sim_send(pair.conn, 2, BELAY_RELIABLE_ORDERED, 1) == BELAY_EINVAL);
    pair_close(&pair);
}

static void wrong_arguments(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 5ms", NULL);
    struct belay_core_conn *conn = pair.conn->conn;
    uint8_t byte = 0;

    (void)state;
    must(pair.sim, belay_core_conn_send(conn, 256, BELAY_RELIABLE_ORDERED, &byte, 1, 0,
                                        BELAY_NEVER, NULL) == BELAY_EINVAL);
    must(pair.sim, belay_core_conn_send(conn, 0, BELAY_UNRELIABLE, &byte, 1, 0, BELAY_NEVER,
                                        NULL) == BELAY_EINVAL);
    must(pair.sim, belay_core_conn_send(conn, 0, (enum belay_mode)17, &byte, 1, 0, BELAY_NEVER,
                                        NULL) == BELAY_EINVAL);
    must(pair.sim, belay_core_conn_send(conn, 0, BELAY_RELIABLE_ORDERED, &byte, 1, 0, SIM_S,
                                        NULL) == BELAY_EINVAL);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ datagrams */

static size_t largest_seen;

static bool note_size(void *ctx, const struct sim_packet *packet)
{
    (void)ctx;
    if (packet->len > largest_seen)
        largest_seen = packet->len;
    return false;
}

static void datagram_sizes(void **state)
{
    static const uint32_t sizes[] = {1200, 1201, 1452, 9000, 65507};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct belay_core_config config;
        struct sim_series series = {.count = 300, .len = 70};
        belay_core_config_init(&config);
        config.datagram_size = config.datagram_size_max = sizes[i];
        struct pair pair = pair_open(story_seed_first(), "delay 10ms loss 3%", &config);
        sim_filter_set(pair.client, pair.server, note_size, NULL);
        largest_seen = 0;
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
        must(pair.sim, sim_send(pair.conn->peer, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
        sim_pump(pair.conn, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 300 * SIM_S);
        must_be_in(pair.sim, largest_seen, sizes[i] - 20, sizes[i]);
        pair_close(&pair);
    }
}

/* Each side sends no larger datagram than the other takes. */
static void smaller_datagram_size_counts(void **state)
{
    struct pair pair = {.sim = sim_new(story_seed_first())};
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.datagram_size = 9000;
    pair.client = sim_host_new(pair.sim, "client", &config);
    config.datagram_size = config.datagram_size_max = 1200;
    pair.server = sim_host_new(pair.sim, "server", &config);
    sim_listen(pair.server);
    sim_filter_set(pair.client, pair.server, note_size, NULL);
    largest_seen = 0;
    pair_connect(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 300 * SIM_S);
    must_be_in(pair.sim, largest_seen, 1180, 1200);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ bursts */

struct burst {
    struct sim_conn *conn;
    uint64_t at_ns, bytes, seen;
};

/* What leaves at one time is what the pacer allows at once: a millisecond of its rate, or ten
 * datagrams. Trains are no larger. */
static bool check_burst(void *ctx, const struct sim_packet *packet)
{
    struct burst *burst = ctx;
    struct sim *sim = burst->conn->sim;
    struct belay_stats stats = sim_stats(burst->conn);
    uint64_t rate_bytes_per_ms = 2 * stats.window_bytes * 1000 / (stats.rtt_smoothed_ns / 1000);
    uint64_t most = 10 * (uint64_t)stats.datagram_size;

    if (burst->at_ns != sim->now_ns)
        burst->bytes = 0;
    burst->at_ns = sim->now_ns;
    burst->bytes += packet->len;
    if (burst->bytes > burst->seen)
        burst->seen = burst->bytes;
    if (most < rate_bytes_per_ms)
        most = rate_bytes_per_ms;
    must_be_in(sim, burst->bytes, 0, most + most / 4 + stats.datagram_size);
    return false;
}

static void what_leaves_at_once_is_a_burst(void **state)
{
    struct pair pair =
        pair_open(story_seed_first(), "delay 25ms limit 100000 x-mtu 1500", NULL);
    struct burst burst = {.conn = pair.conn};

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, check_burst, &burst);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 8 * MIB) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    must_be_in(pair.sim, burst.seen, 10 * 1200, UINT64_MAX);
    must_be_in(pair.sim, sim_stats(pair.conn).window_bytes, 10 * burst.seen, UINT64_MAX);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ small is cheap */

struct seen {
    uint64_t packets, bytes;
};

static bool note_messages(void *ctx, const struct sim_packet *packet)
{
    struct seen *seen = ctx;
    bool carries = packet->kinds & (1u << SIM_MESSAGE | 1u << SIM_RUN | 1u << SIM_FRAGMENT);
    seen->packets += carries;
    seen->bytes += carries ? packet->len : 0;
    return false;
}

/* To a server, whose connection ID has 8 bytes; no ACK is due with it. */
static void hundred_bytes_cost_at_most_32(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct seen seen = {0};

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, note_messages, &seen);
    must(pair.sim, sim_send(pair.conn, 3, BELAY_RELIABLE_ORDERED, 100) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    must_be_in(pair.sim, seen.packets, 1, 1);
    must_be_in(pair.sim, seen.bytes, 116, 132);
    pair_close(&pair);
}

static void small_messages_share_packets(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct seen seen = {0};

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, note_messages, &seen);
    for (unsigned i = 0; i < 50; i++)
        must(pair.sim, sim_send(pair.conn, i % 3, BELAY_RELIABLE_ORDERED, 15) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    must_be_in(pair.sim, seen.packets, 1, 1);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(around_a_packet), cmocka_unit_test(large),
        cmocka_unit_test(sixteen_mib), cmocka_unit_test(peer_takes_less),
        cmocka_unit_test(wrong_arguments), cmocka_unit_test(datagram_sizes),
        cmocka_unit_test(smaller_datagram_size_counts),
        cmocka_unit_test(what_leaves_at_once_is_a_burst),
        cmocka_unit_test(hundred_bytes_cost_at_most_32),
        cmocka_unit_test(small_messages_share_packets))
