/* The endpoint's own calls: configuration, making, counting, walking. */
#include "conn/pair.h"

static void the_defaults_are_accepted(void **state)
{
    struct belay_core_config config;
    (void)state;
    belay_core_config_init(&config);
    assert_null(belay_core_config_check(&config));
}

static void numbers_out_of_range_are_refused(void **state)
{
#define FIELD(member)                                                                          \
    offsetof(struct belay_core_config, member), sizeof(((struct belay_core_config *)0)->member)
    static const struct {
        const char *name;
        size_t at, size;
        uint64_t low, high; /* the lowest and the highest that is accepted */
    } rows[] = {
        {"datagram_size", FIELD(datagram_size), 1200, 65507},
        {"datagram_size_max", FIELD(datagram_size_max), 1200, 65507},
        {"message_size_max", FIELD(message_size_max), 0, 1u << 30},
        {"window_messages", FIELD(window_messages), 16, 1u << 20},
        {"channels_max", FIELD(channels_max), 1, 65536},
        {"ranges_max", FIELD(ranges_max), 16, 65536},
        {"connections_max", FIELD(connections_max), 1, UINT32_MAX},
        {"half_open_max", FIELD(half_open_max), 1, UINT32_MAX},
        {"ack_delay_max_ns", FIELD(ack_delay_max_ns), 0, UINT64_C(16777216000)},
        {"idle_timeout_ns", FIELD(idle_timeout_ns), 1000000, (UINT64_C(1) << 32) * 1000000},
        {"window", FIELD(window_initial), 0, UINT64_C(1) << 40},
        {"window", FIELD(window_max), 0, UINT64_C(1) << 40},
        {"connect_timeout_ns", FIELD(connect_timeout_ns), 1, UINT64_MAX},
        {"close_timeout_ns", FIELD(close_timeout_ns), 1, UINT64_MAX},
        {"first number", FIELD(first_packet_number), 0, UINT64_C(1) << 61},
        {"first number", FIELD(first_message_number), 0, UINT64_C(1) << 61},
        {"keepalive", FIELD(keepalive_ns), 0, UINT64_MAX},
        {"send_queue_max", FIELD(send_queue_max), 0, UINT64_MAX},
    };
#undef FIELD
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint64_t most = rows[i].size == 4 ? UINT32_MAX : UINT64_MAX;
        const struct {
            uint64_t value;
            bool is_ok;
        } cases[] = {
            {rows[i].low, true},
            {rows[i].high, true},
            {rows[i].low > 0 ? rows[i].low - 1 : 0, rows[i].low == 0},
            {rows[i].high < most ? rows[i].high + 1 : most, rows[i].high == most},
        };
        for (size_t k = 0; k < 4; k++) {
            struct belay_core_config config;
            uint32_t narrow = (uint32_t)cases[k].value;
            const char *why;
            belay_core_config_init(&config);
            memcpy((char *)&config + rows[i].at,
                   rows[i].size == 4 ? (const void *)&narrow : (const void *)&cases[k].value,
                   rows[i].size);
            why = belay_core_config_check(&config);
            if (cases[k].is_ok)
                assert_null(why);
            else
                assert_non_null(strstr(why, rows[i].name));
        }
    }
}

static void no_idle_timeout_is_one(void **state)
{
    struct belay_core_config config;
    (void)state;
    belay_core_config_init(&config);
    config.idle_timeout_ns = 0;
    assert_null(belay_core_config_check(&config));
}

static void congestion_must_be_known(void **state)
{
    struct belay_core_config config;
    (void)state;
    belay_core_config_init(&config);
    config.congestion = "vegas";
    assert_non_null(strstr(belay_core_config_check(&config), "congestion"));
    config.congestion = NULL;
    assert_non_null(strstr(belay_core_config_check(&config), "congestion"));
}

static void a_core_needs_memory_and_randomness(void **state)
{
    struct test_memory memory;
    struct test_random seeded = {1};
    const struct belay_random random = {test_random_fill, &seeded};
    struct belay_core_config config;
    int error = 0;
    (void)state;
    test_memory_init(&memory);
    assert_null(belay_core_new(NULL, NULL, &random, NULL, &error));
    assert_int_equal(error, BELAY_EINVAL);
    assert_null(belay_core_new(NULL, &memory.hook, NULL, NULL, &error));
    assert_int_equal(error, BELAY_EINVAL);
    belay_core_config_init(&config);
    config.datagram_size = 1;
    assert_null(belay_core_new(&config, &memory.hook, &random, NULL, &error));
    assert_int_equal(error, BELAY_EINVAL);
    memory.fail_at = -1;
    assert_null(belay_core_new(NULL, &memory.hook, &random, NULL, NULL));
    assert_null(belay_core_new(NULL, &memory.hook, &random, NULL, &error));
    assert_int_equal(error, BELAY_ENOMEM);
    belay_core_free(NULL);
    test_memory_assert_empty(&memory);
}

static void what_cannot_be_dialled_is_refused(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    struct belay_core_conn *conn;
    struct belay_path path;
    (void)state;
    pair_config(&config);
    config.connections_max = 3;
    pair_init(&pair, &config);
    path = pair_path(&pair.client, &pair.server);
    path.remote.len = 0;
    assert_int_equal(belay_core_connect(pair.client.core, &path, true, NULL, &conn),
                     BELAY_EINVAL);
    path.remote.len = BELAY_ADDRESS_MAX + 1;
    assert_int_equal(belay_core_connect(pair.client.core, &path, true, NULL, &conn),
                     BELAY_EINVAL);
    path = pair_path(&pair.client, &pair.server);
    assert_int_equal(belay_core_connect(pair.client.core, &path, false, NULL, &conn), 0);
    assert_int_equal(belay_core_connect(pair.client.core, &path, false, NULL, &conn),
                     BELAY_EINVAL); /* who would its packets be for? */
    path.socket = 1;
    assert_int_equal(belay_core_connect(pair.client.core, &path, false, NULL, &conn), 0);
    assert_int_equal(belay_core_connect(pair.client.core, &path, true, NULL, &conn), 0);
    assert_int_equal(belay_core_connect(pair.client.core, &path, true, NULL, &conn),
                     BELAY_ELIMIT);
    belay_core_conn_free(conn);
    assert_int_equal(belay_core_conn_count(pair.client.core), 2);
    assert_int_equal(belay_core_connect(pair.client.core, &path, true, NULL, &conn), 0);
    pair_dispose(&pair);
}

static void the_app_can_walk_what_it_holds(void **state)
{
    struct pair pair;
    struct belay_core_conn *conns[5], *conn = NULL;
    size_t seen = 0;
    int user;
    (void)state;
    pair_init(&pair, NULL);
    for (size_t i = 0; i < 5; i++) {
        pair_dial(&pair, true);
        conns[i] = pair.client.conn;
    }
    belay_core_conn_free(conns[2]);
    while ((conn = belay_core_next_conn(pair.client.core, conn)) != NULL) {
        assert_ptr_equal(conn, conns[seen < 2 ? seen : seen + 1]);
        seen++;
    }
    assert_int_equal(seen, 4);
    pair_collect(&pair);
    pair_deliver(&pair, 0);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    assert_null(belay_core_next_conn(pair.server.core, NULL)); /* half open: not the app's */
    assert_null(belay_core_conn_user(conns[0]));
    belay_core_conn_set_user(conns[0], &user);
    assert_ptr_equal(belay_core_conn_user(conns[0]), &user);
    assert_ptr_equal(belay_core_conn_core(conns[0]), pair.client.core);
    assert_memory_equal(belay_core_conn_path(conns[0])->remote.bytes, pair.server.address.bytes,
                        6);
    pair_dispose(&pair);
}

static void statistics_fit_older_callers(void **state)
{
    struct pair pair;
    struct {
        uint64_t messages_sent, untouched;
    } old = {0, 77};
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_send(&pair.client, 0, 1, 1);
    belay_core_conn_stats(pair.client.conn, (struct belay_stats *)(void *)&old,
                          sizeof(old.messages_sent));
    assert_int_equal(old.messages_sent, 1);
    assert_int_equal(old.untouched, 77);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_accepted),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(no_idle_timeout_is_one),
        cmocka_unit_test(congestion_must_be_known),
        cmocka_unit_test(a_core_needs_memory_and_randomness),
        cmocka_unit_test(what_cannot_be_dialled_is_refused),
        cmocka_unit_test(the_app_can_walk_what_it_holds),
        cmocka_unit_test(statistics_fit_older_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
