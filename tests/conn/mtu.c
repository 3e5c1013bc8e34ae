/* The search for larger datagrams, as packets show it. */
#include "conn/pair.h"

static void connect_searching(struct pair *pair, struct belay_core_config *config)
{
    struct belay_core_config defaults;

    if (config == NULL) {
        pair_config(&defaults);
        defaults.datagram_size_max = 65507;
        config = &defaults;
    }
    pair_begin(pair, config);
}

static struct belay_stats stats_of(const struct pair_end *end)
{
    struct belay_stats stats;

    belay_core_conn_stats(end->conn, &stats, sizeof(stats));
    return stats;
}

/* PING and PADDING alone, and larger than what data take. */
static bool is_probe(struct pair *pair, size_t i)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count;

    pair_open(pair, i, frames, &count);
    return count == 1 && frames[0].type == BELAY_FRAME_PING && pair->packets[i].len > 100;
}

/* The client sends what fills larger datagrams, and finds what the path takes. */
static void find_size(struct pair *pair, uint32_t size)
{
    for (unsigned i = 0; i < 8; i++) {
        pair_send(&pair->client, 0, 60000, i);
        pair_run_mtu(pair, size, SECOND);
    }
    assert_int_equal(stats_of(&pair->client).datagram_size, size);
}

static void a_probe_is_alone_and_follows_full_packets(void **state)
{
    struct pair pair;
    size_t count, trains;

    (void)state;
    connect_searching(&pair, NULL);
    pair_send(&pair.client, 0, 1000, 1); /* a small one asks for nothing */
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair_run(&pair, 100 * MS);
    trains = pair.train_count;
    pair_send(&pair.client, 0, 5000, 2);
    count = pair_collect_from(&pair.client);
    assert_int_equal(pair.train_count - trains, 2);
    assert_int_equal(count, 5 + 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(is_probe(&pair, i), i == count - 1);
    assert_int_equal(pair.packets[count - 1].len, 1400);
    assert_true(stats_of(&pair.client).in_flight_bytes < 5000 + 5 * 50);
    assert_int_equal(stats_of(&pair.client).mtu_probes_sent, 1);
    pair_run(&pair, SECOND);
    assert_int_equal(stats_of(&pair.client).datagram_size, 1400);
    /* and data are as large at once */
    pair_send(&pair.client, 0, 5000, 3);
    pair_collect_from(&pair.client);
    assert_int_equal(pair.packets[0].len, 1400);
    pair_run(&pair, SECOND);
    pair_dispose(&pair);
}

/* None of which fills a datagram: two would not fit. A larger one would take them. */
static void messages_a_packet_each_ask_for_more(void **state)
{
    struct pair pair;

    (void)state;
    connect_searching(&pair, NULL);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 100; i++)
            pair_send(&pair.client, 0, 1200, i);
        pair_run(&pair, 100 * MS);
    }
    assert_int_equal(stats_of(&pair.client).datagram_size, 65507);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 4000);
    pair_dispose(&pair);
}

static void what_was_lost_is_cut_smaller(void **state)
{
    struct pair pair;

    (void)state;
    connect_searching(&pair, NULL);
    find_size(&pair, 8972);
    pair_forget_events(&pair);
    for (unsigned i = 0; i < 20; i++) { /* fragments, a message a packet, runs */
        pair_send(&pair.client, 0, 30000, i);
        pair_send(&pair.client, 1, 8000, i);
        pair_send(&pair.client, 2, 300, i);
    }
    pair_run_mtu(&pair, 1300, 20 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 60);
    for (size_t i = 0, seen[3] = {0}; i < pair.server.event_count; i++) {
        static const size_t lens[] = {30000, 8000, 300};
        uint32_t channel = pair.server.events[i].channel;

        if (pair.server.events[i].type == BELAY_CORE_MESSAGE)
            pair_assert_message(&pair.server.events[i], channel, lens[channel],
                                (unsigned)seen[channel]++);
    }
    assert_true(stats_of(&pair.client).mtu_black_holes > 0);
    assert_in_range(stats_of(&pair.client).datagram_size, 1200, 1300);
    pair_dispose(&pair);
}

/* A buffer that holds no more bounds the search, not the connection. */
static void a_small_buffer_bounds_it(void **state)
{
    uint8_t buffer[1450];
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    struct pair pair;

    (void)state;
    connect_searching(&pair, NULL);
    for (unsigned i = 0; i < 20; i++) {
        pair_send(&pair.client, 0, 20000, i);
        while (belay_core_send(pair.client.core, &train, pair.now_ns) == 1) {
            struct belay_path path = pair_path(&pair.client, &pair.server);

            assert_true(train.len <= sizeof(buffer));
            pair_receive_path(&pair, &pair.server, &path, buffer, train.len, train.segment_size,
                              train.ecn);
        }
        pair_collect_from(&pair.server);
        while (pair.packet_count > 0)
            pair_deliver(&pair, 0);
        pair_step(&pair, pair.now_ns + SECOND);
    }
    assert_int_equal(stats_of(&pair.client).datagram_size, 1400);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ too big */

/* The driver's socket refuses what is larger than its interface takes, and says so or not. */
static void send_through(struct pair *pair, struct pair_end *from, size_t most, size_t fits)
{
    static uint8_t buffer[65535];
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    struct pair_end *to = from == &pair->client ? &pair->server : &pair->client;

    while (belay_core_send(from->core, &train, pair->now_ns) == 1) {
        struct belay_path path = pair_path(from, to);

        if (train.segment_size > most)
            belay_core_too_big(from->core, &train.path, train.owner, train.segment_size, fits,
                               pair->now_ns);
        else
            pair_receive_path(pair, to, &path, buffer, train.len, train.segment_size,
                              train.ecn);
    }
}

/* Of a client and of a server: found by the path, or by the owner of the train. */
static void the_own_system_answers_at_once(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 4; row++) {
        struct pair pair;
        struct pair_end *from;

        connect_searching(&pair, NULL);
        from = row % 2 == 0 ? &pair.client : &pair.server;
        for (unsigned i = 0; i < 8; i++) {
            pair_send(from, 0, 30000, i);
            for (unsigned k = 0; k < 10; k++) {
                send_through(&pair, &pair.client, 1472, row / 2 * 1472);
                send_through(&pair, &pair.server, 1472, row / 2 * 1472);
                pair_step(&pair, pair.now_ns + 10 * MS);
            }
        }
        assert_int_equal(stats_of(from).datagram_size, 1472);
        assert_int_equal(stats_of(from).mtu_black_holes, 0);
        assert_int_equal(stats_of(from).packets_lost, 0);
        /* the interface's MTU falls */
        for (unsigned i = 0; i < 4; i++) {
            pair_send(from, 0, 30000, i);
            for (unsigned k = 0; k < 100; k++) {
                send_through(&pair, &pair.client, 1350, 0);
                send_through(&pair, &pair.server, 1350, 0);
                pair_step(&pair, pair.now_ns + 10 * MS);
            }
        }
        assert_int_equal(stats_of(from).mtu_black_holes, 1);
        assert_in_range(stats_of(from).datagram_size, 1200, 1350);
        assert_int_equal(
            pair_count(from == &pair.client ? &pair.server : &pair.client, BELAY_CORE_MESSAGE),
            12);
        pair_dispose(&pair);
    }
}

/* ICMP of anybody: below what is proven it changes nothing, nor for what is not a connection.
 */
static void hints_lower_nothing(void **state)
{
    struct belay_path path, other;
    struct pair pair;

    (void)state;
    connect_searching(&pair, NULL);
    find_size(&pair, 8972);
    path = other = pair_path(&pair.client, &pair.server);
    other.remote.bytes[0] ^= 1;
    for (size_t fits = 0; fits <= 70000; fits += 500) {
        belay_core_size_hint(pair.client.core, &path, NULL, 0, fits);
        belay_core_too_big(pair.client.core, &other, 0, 1000, fits, pair.now_ns);
        belay_core_too_big(pair.client.core, &path, 12345, 1000, fits, pair.now_ns);
    }
    pair_run_mtu(&pair, 8972, SECOND);
    assert_int_equal(stats_of(&pair.client).datagram_size, 8972);
    pair_send(&pair.client, 0, 60000, 1);
    pair_run_mtu(&pair, 8972, SECOND);
    assert_int_equal(stats_of(&pair.client).datagram_size, 8972);
    assert_int_equal(stats_of(&pair.client).packets_lost, 0);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_probe_is_alone_and_follows_full_packets),
        cmocka_unit_test(messages_a_packet_each_ask_for_more),
        cmocka_unit_test(what_was_lost_is_cut_smaller),
        cmocka_unit_test(a_small_buffer_bounds_it),
        cmocka_unit_test(the_own_system_answers_at_once),
        cmocka_unit_test(hints_lower_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
