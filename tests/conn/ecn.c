/* ECN marks: what leaves with them, and what a connection makes of the peer's counts. */
#include "conn/pair.h"

static void connect_marking(struct pair *pair)
{
    struct belay_core_config config;

    pair_config(&config);
    config.ecn = true;
    config.congestion = "newreno"; /* of which it is known what it makes of a mark */
    pair_begin(pair, &config);
}

static bool is_capable(const struct pair_end *end)
{
    struct belay_stats stats;

    belay_core_conn_stats(end->conn, &stats, sizeof(stats));
    return stats.is_ecn_capable;
}

static void data_is_marked_and_hellos_are_not(void **state)
{
    struct belay_core_config config;
    struct pair pair;

    (void)state;
    pair_config(&config);
    config.ecn = true;
    pair_init(&pair, &config);
    pair_dial(&pair, true);
    for (unsigned i = 0; i < 6; i++) {
        pair_collect(&pair);
        for (; pair.packet_count > 0; pair_deliver(&pair, 0)) {
            bool is_data = belay_packet_type_of(pair.packets[0].data[0]) == BELAY_PACKET_DATA;

            assert_int_equal(pair.packets[0].ecn, is_data ? 2 : 0);
        }
    }
    pair_run(&pair, 100 * MS);
    assert_true(is_capable(&pair.client));
    pair_dispose(&pair);
}

/* Ten, and no more before something is heard. */
static void ten_packets_are_the_test(void **state)
{
    struct belay_core_config config;
    struct pair pair;
    uint64_t first;

    (void)state;
    pair_config(&config);
    config.ecn = true;
    pair_init(&pair, &config);
    pair_connect(&pair);
    pair_drop_all(&pair);
    pair_send(&pair.server, 0, 100000, 1);
    for (unsigned turn = 0; turn < 3; turn++) {
        first = pair.server.sent_count;
        pair_collect_from(&pair.server);
        for (size_t i = 0; i < pair.packet_count; i++)
            assert_int_equal(pair.packets[i].ecn, first + i < 10 ? 2 : 0);
        pair_drop_all(&pair);
        pair_step(&pair, pair.now_ns + 5 * SECOND); /* a PTO */
    }
    assert_true(first > 10);
    pair_run(&pair, 5 * SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_MESSAGE), 1);
    pair_dispose(&pair);
}

static void a_path_that_bleaches_gets_no_marks(void **state)
{
    struct pair pair;

    (void)state;
    connect_marking(&pair);
    assert_true(is_capable(&pair.client));
    pair_send(&pair.client, 0, 5000, 1);
    pair_collect_from(&pair.client);
    for (size_t i = 0; i < pair.packet_count; i++)
        pair.packets[i].ecn = 0;
    pair_run(&pair, SECOND);
    assert_false(is_capable(&pair.client));
    pair_send(&pair.client, 0, 10, 2);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    assert_int_equal(pair.packets[0].ecn, 0);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 2);
    pair_dispose(&pair);
}

static void a_mark_halves_the_window(void **state)
{
    struct belay_stats before, after;
    struct pair pair;

    (void)state;
    connect_marking(&pair);
    belay_core_conn_stats(pair.client.conn, &before, sizeof(before));
    pair_send(&pair.client, 0, 5000, 1);
    pair_collect_from(&pair.client);
    pair.packets[0].ecn = pair.packets[1].ecn = 3;
    pair_run(&pair, SECOND);
    belay_core_conn_stats(pair.client.conn, &after, sizeof(after));
    assert_int_equal(after.packets_ce, 2);
    assert_int_equal(after.packets_lost, 0);
    assert_true(after.window_bytes < before.window_bytes);
    assert_true(after.window_bytes > before.window_bytes / 3); /* once, not twice */
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_marked_and_hellos_are_not),
        cmocka_unit_test(ten_packets_are_the_test),
        cmocka_unit_test(a_path_that_bleaches_gets_no_marks),
        cmocka_unit_test(a_mark_halves_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
