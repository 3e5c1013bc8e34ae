/* INITs: the half-open table, the limit of connections, peers that start again. */
#include "conn/pair.h"

#include "conn/hellotag.h"

static void the_oldest_half_open_one_yields(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    struct belay_core_conn *first, *last;
    (void)state;
    pair_config(&config);
    config.half_open_max = 4;
    pair_init(&pair, &config);
    pair_dial(&pair, true);
    first = pair.client.conn;
    for (unsigned i = 0; i < 9; i++)
        pair_dial(&pair, true);
    last = pair.client.conn;
    assert_int_equal(pair_collect_from(&pair.client), 10);
    while (pair.packet_count > 0)
        pair_deliver(&pair, 0);
    assert_int_equal(belay_core_conn_count(pair.server.core), 4);
    assert_int_equal(pair_collect_from(&pair.server), 10);
    for (size_t i = 0; i < 6; i++) /* RETRYs; the ACCEPTs are lost */
        pair_deliver(&pair, 0);
    pair_drop_all(&pair);
    assert_int_equal(pair_collect_from(&pair.client), 6); /* with cookies */
    while (pair.packet_count > 0)
        pair_deliver(&pair, 0);
    assert_int_equal(belay_core_conn_count(pair.server.core), 4);
    assert_int_equal(pair_stats(&pair.server).half_open, 4);
    assert_int_equal(pair_stats(&pair.server).half_open_evicted, 6);
    assert_int_equal(pair_collect_from(&pair.server), 4); /* ACCEPTs of those that are left */
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 4);
    assert_false(belay_core_conn_is_connected(first));
    assert_true(belay_core_conn_is_connected(last));
    pair_run(&pair, SECOND); /* the others come with their next INITs */
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 10);
    assert_true(belay_core_conn_is_connected(first));
    pair_dispose(&pair);
}

static void a_full_server_says_so(void **state)
{
    struct pair pair;
    struct belay_core_config client, server;
    struct belay_core_conn *third;
    (void)state;
    pair_config(&client);
    server = client;
    server.connections_max = 2;
    pair_init_two(&pair, &client, &server);
    pair_dial(&pair, true);
    pair_dial(&pair, true);
    pair_exchange(&pair);
    pair_forget_events(&pair);
    pair_dial(&pair, true);
    third = pair.client.conn;
    pair_run(&pair, SECOND);
    assert_int_equal(pair.client.event_count, 1);
    assert_ptr_equal(pair.client.events[0].conn, third);
    assert_int_equal(pair.client.events[0].error, BELAY_EREFUSED);
    assert_int_equal(pair.client.events[0].close_code, BELAY_CLOSE_BUSY);
    assert_int_equal(belay_core_conn_count(pair.server.core), 2);
    belay_core_conn_free(pair.server.conn); /* one leaves: there is room again */
    pair_run(&pair, 60 * SECOND);
    pair_forget_events(&pair);
    pair_dial(&pair, true);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CONNECTED), 1);
    pair_dispose(&pair);
}

/* A client that restarts on its address with an empty connection ID. */
static void a_peer_that_starts_again_replaces_itself(void **state)
{
    struct pair pair;
    struct belay_core_conn *earlier, *client_conn;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    earlier = pair.server.conn;
    client_conn = pair.client.conn;
    pair_send(&pair.server, 0, 10, 1);
    pair_collect(&pair);
    pair_drop_all(&pair);
    belay_core_conn_free(client_conn); /* as a crash would: nobody hears of it */
    pair_run_silent(&pair, 5 * SECOND);
    pair_forget_events(&pair);
    pair_dial(&pair, false);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
    assert_ptr_not_equal(pair.server.conn, earlier);
    assert_ptr_equal(pair_find(&pair.server, BELAY_CORE_SENT)->conn, earlier);
    assert_int_equal(pair_find(&pair.server, BELAY_CORE_SENT)->error, BELAY_ERESET);
    assert_ptr_equal(pair_find(&pair.server, BELAY_CORE_CLOSED)->conn, earlier);
    assert_int_equal(pair_find(&pair.server, BELAY_CORE_CLOSED)->error, BELAY_ERESET);
    belay_core_conn_free(earlier);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    pair_dispose(&pair);
}

static void a_replayed_init_replaces_nobody(void **state)
{
    struct pair pair;
    uint8_t init[1200];
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    memcpy(init, pair.init, sizeof(init));
    belay_core_conn_free(pair.client.conn);
    pair_run(&pair, 10 * SECOND);
    belay_core_conn_free(pair.server.conn);
    pair_run(&pair, 10 * SECOND);
    pair_connect(&pair); /* a new connection from there */
    pair_receive(&pair, &pair.client, &pair.server, init, sizeof(init));
    assert_int_equal(belay_core_conn_count(pair.server.core), 2); /* half open */
    pair_run(&pair, 11 * SECOND);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    assert_int_equal(pair.server.event_count, 0);
    assert_true(belay_core_conn_is_connected(pair.server.conn));
    pair_dispose(&pair);
}

static void listening_can_end(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    belay_core_listen(pair.server.core, false);
    pair_send(&pair.client, 0, 10, 1);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1); /* the open one stays */
    pair_dial(&pair, true);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_find(&pair.client, BELAY_CORE_CLOSED)->error, BELAY_EREFUSED);
    assert_string_equal(pair.server.logged,
                        "refused a client: the endpoint accepts no connections");
    assert_memory_equal(&pair.server.logged_of, &pair.client.address,
                        sizeof(pair.client.address));
    pair_dispose(&pair);
}

/* Parameters out of range: the tag is right, so the client is told. */
static void wrong_parameters_are_refused(void **state)
{
    struct pair pair;
    struct belay_hello hello;
    uint8_t packet[1200], params[64];
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    pair_collect(&pair);
    assert_int_equal(belay_hello_parse(&hello, pair.init, pair.init_len), 0);
    hello.params = params;
    hello.params_len = test_hex("05 01 00", params, sizeof(params)); /* no channels */
    assert_int_equal(belay_hello_build(&hello, packet, sizeof(packet)), 1184);
    assert_int_equal(belay_hello_tag(&pair.suite, NULL, packet, 1184, false), 0);
    pair_drop_all(&pair);
    pair_receive(&pair, &pair.client, &pair.server, packet, sizeof(packet));
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_int_equal(pair_collect_from(&pair.server), 1);
    assert_int_equal(belay_hello_parse(&hello, pair.packets[0].data, pair.packets[0].len), 0);
    assert_int_equal(hello.type, BELAY_PACKET_REFUSE);
    assert_int_equal(hello.code, BELAY_CLOSE_PROTOCOL);
    pair_dispose(&pair);
}

/* Every bit of it: nothing is kept and nothing said, listening or not; what is whole counts. */
static void an_init_with_a_wrong_tag_is_not_there(void **state)
{
    struct pair pair;
    uint8_t packet[1200];
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    pair_collect(&pair);
    pair_drop_all(&pair);
    for (size_t bit = 0; bit < 256; bit++) {
        belay_core_listen(pair.server.core, bit < 128);
        memcpy(packet, pair.init, sizeof(packet));
        packet[1184 + bit % 128 / 8] ^= (uint8_t)(1u << bit % 8);
        pair_receive(&pair, &pair.client, &pair.server, packet, sizeof(packet));
        assert_int_equal(belay_core_conn_count(pair.server.core), 0);
        assert_int_equal(pair_collect_from(&pair.server), 0);
    }
    belay_core_listen(pair.server.core, true);
    pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    assert_int_equal(pair_collect_from(&pair.server), 1);
    pair_dispose(&pair);
}

/* A UDP echo sends our INIT back. It is not answered, and the dial's end says what is there. */
static void an_echo_of_our_own_init_is_recognised(void **state)
{
    struct pair pair;
    const struct pair_event *closed;
    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, false);
    for (unsigned i = 0; i < 12 && pair_find(&pair.client, BELAY_CORE_CLOSED) == NULL; i++) {
        pair_collect(&pair);
        for (size_t k = 0; k < pair.packet_count; k++) {
            assert_int_equal(pair.packets[k].data[0], 0xC0); /* no REFUSE among them */
            pair_receive(&pair, &pair.server, &pair.client, pair.packets[k].data,
                         pair.packets[k].len);
        }
        pair_drop_all(&pair);
        pair_run_silent(&pair, 50 * SECOND / 1000);
    }
    closed = pair_closed(&pair.client);
    assert_int_equal(closed->error, BELAY_EPROTO);
    assert_non_null(strstr(closed->reason, "plain UDP echo"));
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_half_open_one_yields),
        cmocka_unit_test(a_full_server_says_so),
        cmocka_unit_test(a_peer_that_starts_again_replaces_itself),
        cmocka_unit_test(a_replayed_init_replaces_nobody),
        cmocka_unit_test(listening_can_end),
        cmocka_unit_test(wrong_parameters_are_refused),
        cmocka_unit_test(an_init_with_a_wrong_tag_is_not_there),
        cmocka_unit_test(an_echo_of_our_own_init_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
