/* Receiving, sending, waiting: core.h's grammar of calls. */
#include "conn/pair.h"

static void connections_of_one_socket_are_told_apart(void **state)
{
    struct pair pair;
    struct belay_core_conn *conns[20];
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned i = 0; i < 20; i++) {
        pair_dial(&pair, true);
        conns[i] = pair.client.conn;
        pair_send(&pair.client, 0, 10 + i, i);
    }
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 20);
    for (size_t i = 0; i < pair.server.event_count; i++) { /* each echoes to its own */
        if (pair.server.events[i].type != BELAY_CORE_MESSAGE)
            continue;
        pair.server.conn = pair.server.events[i].conn;
        pair_send(&pair.server, 1, pair.server.events[i].len, 0);
    }
    pair_forget_events(&pair);
    pair_run(&pair, SECOND);
    for (unsigned i = 0, seen = 0; i < 20; i++, seen = 0) {
        for (size_t k = 0; k < pair.client.event_count; k++) {
            if (pair.client.events[k].type != BELAY_CORE_MESSAGE ||
                pair.client.events[k].conn != conns[i])
                continue;
            assert_int_equal(pair.client.events[k].len, 10 + i);
            seen++;
        }
        assert_int_equal(seen, 1);
    }
    pair_dispose(&pair);
}

/* The server holds a packet of a connection ID against no address: but it answers to the
 * address that it knows. */
static void an_address_is_not_changed_by_a_packet(void **state)
{
    struct pair pair;
    struct belay_path path;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_send(&pair.client, 0, 10, 1);
    pair_collect(&pair);
    path = pair_path(&pair.server, &pair.client);
    path.remote.bytes[0] ^= 1;
    path.local.bytes[0] ^= 1;
    pair_receive_path(&pair, &pair.server, &path, pair.packets[0].data, pair.packets[0].len, 0,
                      0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    assert_memory_equal(belay_core_conn_path(pair.server.conn)->remote.bytes,
                        pair.client.address.bytes, 6);
    assert_memory_equal(belay_core_conn_path(pair.server.conn)->local.bytes,
                        pair.server.address.bytes, 6);
    pair_dispose(&pair);
}

static void a_train_is_taken_apart(void **state)
{
    struct pair pair;
    struct belay_path path;
    uint8_t train[20000];
    size_t len = 0, segment;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    path = pair_path(&pair.server, &pair.client);
    pair_send(&pair.client, 0, 10000, 1);
    pair_collect(&pair);
    segment = pair.packets[0].len;
    for (size_t i = 0; i < pair.packet_count; i++) {
        assert_true(i + 1 == pair.packet_count || pair.packets[i].len == segment);
        memcpy(train + len, pair.packets[i].data, pair.packets[i].len);
        len += pair.packets[i].len;
    }
    train[segment + 5] ^= 1; /* one segment is damaged: the others count */
    pair_receive_path(&pair, &pair.server, &path, train, len, segment, 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 0);
    train[segment + 5] ^= 1;
    pair_receive_path(&pair, &pair.server, &path, train, len, segment, 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    pair_assert_message(&pair.server.events[0], 0, 10000, 1);
    pair_dispose(&pair);
}

static void no_bytes_are_too_many_or_too_few(void **state)
{
    static uint8_t bytes[70000];
    struct pair pair;
    struct belay_path path;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    path = pair_path(&pair.server, &pair.client);
    memset(bytes, 0xf1, sizeof(bytes));
    memcpy(bytes + 1, pair.accept + 6 + 8, 8); /* for the connection that is there */
    pair_receive_path(&pair, &pair.server, &path, bytes, 0, 0, 0);
    pair_receive_path(&pair, &pair.server, &path, bytes, 65508, 0, 0);
    pair_receive_path(&pair, &pair.server, &path, bytes, 70000, 0, 0);
    pair_receive_path(&pair, &pair.server, &path, bytes, 70000, 70000, 0);
    pair_receive_path(&pair, &pair.server, &path, bytes, 65507, 65507, 0);
    pair_receive_path(&pair, &pair.server, &path, bytes, 3000, 1, 0);
    assert_int_equal(pair.server.event_count, 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ reset */

static void a_server_that_lost_its_state_resets(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    belay_core_conn_free(pair.server.conn); /* nobody hears of it: as after a restart */
    pair_run_silent(&pair, 5 * SECOND);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_forget_events(&pair);
    pair_send(&pair.client, 0, 10, 1);
    pair_exchange(&pair);
    assert_int_equal(pair.client.events[0].type, BELAY_CORE_SENT);
    assert_int_equal(pair.client.events[0].error, BELAY_ERESET);
    assert_int_equal(pair.client.events[1].type, BELAY_CORE_CLOSED);
    assert_int_equal(pair.client.events[1].error, BELAY_ERESET);
    pair_dispose(&pair);
}

static void only_the_right_token_resets(void **state)
{
    struct pair pair;
    uint8_t packet[18] = {0xc5};
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_server_token(&pair, packet + 1);
    for (unsigned i = 1; i < 17; i++) {
        packet[i] ^= 1;
        pair_receive(&pair, &pair.server, &pair.client, packet, 17);
        packet[i] ^= 1;
    }
    pair_receive(&pair, &pair.server, &pair.client, packet, 16);
    pair_receive(&pair, &pair.server, &pair.client, packet, 18);
    pair_receive(&pair, &pair.client, &pair.server, packet, 17); /* its own: not the owner's */
    assert_int_equal(pair.client.event_count + pair.server.event_count, 0);
    pair_receive(&pair, &pair.server, &pair.client, packet, 17);
    assert_int_equal(pair_find(&pair.client, BELAY_CORE_CLOSED)->error, BELAY_ERESET);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ work and time */

static void everyone_gets_a_train_in_turn(void **state)
{
    struct pair pair;
    uint8_t buffer[PAIR_TRAIN_BYTES];
    struct belay_core_conn *conns[3];
    unsigned turns[3] = {0};
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned i = 0; i < 3; i++) {
        pair_dial(&pair, true);
        conns[i] = pair.client.conn;
    }
    pair_run(&pair, 100 * MS);
    for (unsigned i = 0; i < 3; i++) {
        pair.client.conn = conns[i];
        pair_send(&pair.client, 0, 8000, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct belay_train train = {.buffer = buffer, .capacity = 2400};
        struct belay_stats stats;
        assert_int_equal(belay_core_send(pair.client.core, &train, pair.now_ns), 1);
        for (unsigned k = 0; k < 3; k++) {
            belay_core_conn_stats(conns[k], &stats, sizeof(stats));
            turns[k] = stats.in_flight_bytes > 0;
        }
        assert_int_equal(turns[0] + turns[1] + turns[2], i + 1);
    }
    pair_dispose(&pair);
}

static void nothing_to_do_is_said(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    assert_int_equal(belay_core_deadline(pair.client.core), BELAY_NEVER);
    assert_false(belay_core_has_work(pair.client.core));
    belay_core_timeout(pair.client.core, pair.now_ns);
    pair_dial(&pair, false);
    assert_true(belay_core_has_work(pair.client.core));
    pair_collect(&pair);
    assert_false(belay_core_has_work(pair.client.core));
    assert_int_equal(belay_core_deadline(pair.client.core), pair.now_ns + 50 * MS);
    pair_dispose(&pair);
}

/* Thousands of timers at one time are all served, by as many calls as it takes. */
static void many_timers_are_served(void **state)
{
    struct pair pair;
    size_t sent = 0;
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned i = 0; i < 3000; i++)
        pair_dial(&pair, true);
    assert_int_equal(pair_collect_from(&pair.client), 3000);
    pair_drop_all(&pair);
    pair_sleep(&pair, 50 * MS);
    while (belay_core_deadline(pair.client.core) <= pair.now_ns) {
        belay_core_timeout(pair.client.core, pair.now_ns);
        sent += pair_collect_from(&pair.client);
        pair_drop_all(&pair);
    }
    assert_int_equal(sent, 3000);
    pair_dispose(&pair);
}

static void note_time(void *ctx, const struct belay_core_conn *conn,
                      const struct belay_trace *packet, uint64_t now_ns)
{
    uint64_t *latest_ns = ctx;

    (void)conn;
    (void)packet;
    *latest_ns = now_ns;
}

/* A caller whose time goes back: an ACK would come before its packet was sent. */
static void time_that_goes_back_stands_still(void **state)
{
    struct pair pair;
    uint64_t sent_ns, latest_ns = 0;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    belay_core_set_trace(pair.client.core, note_time, &latest_ns);
    pair_sleep(&pair, 10 * SECOND);
    sent_ns = pair.now_ns;
    pair_send(&pair.client, 0, 10, 1);
    assert_true(pair_collect_from(&pair.client) > 0);
    assert_int_equal(latest_ns, sent_ns);
    while (pair.packet_count > 0)
        pair_deliver(&pair, 0);
    pair_step(&pair, sent_ns + SECOND); /* the server's ACK is due */
    assert_true(pair_collect_from(&pair.server) > 0);
    pair.now_ns = sent_ns - SECOND;
    latest_ns = 0;
    while (pair.packet_count > 0)
        pair_deliver(&pair, 0);
    assert_true(latest_ns >= sent_ns);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_of_one_socket_are_told_apart),
        cmocka_unit_test(an_address_is_not_changed_by_a_packet),
        cmocka_unit_test(a_train_is_taken_apart),
        cmocka_unit_test(no_bytes_are_too_many_or_too_few),
        cmocka_unit_test(a_server_that_lost_its_state_resets),
        cmocka_unit_test(only_the_right_token_resets),
        cmocka_unit_test(everyone_gets_a_train_in_turn),
        cmocka_unit_test(nothing_to_do_is_said),
        cmocka_unit_test(many_timers_are_served),
        cmocka_unit_test(time_that_goes_back_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
