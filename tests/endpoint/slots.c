/* A connection's places: who ended is out of every table, and waits for its app alone. */
#include "conn/pair.h"

/* Dead and held: valid, silent, without timer, and its address is free again. */
static void the_dead_are_silent(void **state)
{
    struct pair pair;
    struct belay_core_conn *dead;
    struct belay_stats stats;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair);
    pair_run(&pair, 100 * MS);
    pair_forge_hex(&pair, &pair.server, "09 05 00"); /* CLOSE: nothing is left to say */
    dead = pair.client.conn;
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), 1);
    assert_int_equal(belay_core_deadline(pair.client.core), BELAY_NEVER);
    assert_false(belay_core_has_work(pair.client.core));
    assert_int_equal(
        belay_core_conn_send(dead, 0, BELAY_RELIABLE_ORDERED, "x", 1, 0, BELAY_NEVER, NULL),
        BELAY_ENOTCONN);
    assert_int_equal(belay_core_conn_close(dead), BELAY_ENOTCONN);
    belay_core_conn_abort(dead, 0x100, "twice");
    belay_core_conn_pause(dead);
    belay_core_conn_resume(dead);
    belay_core_conn_set_watermarks(dead, 1, 2);
    belay_core_conn_stats(dead, &stats, sizeof(stats));
    assert_false(belay_core_conn_is_connected(dead));
    assert_int_equal(pair_collect_from(&pair.client), 0);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), 1);
    pair_dial(&pair, false); /* the same address, unshared */
    assert_int_equal(belay_core_conn_count(pair.client.core), 2);
    belay_core_conn_free(dead);
    assert_int_equal(belay_core_conn_count(pair.client.core), 1);
    pair_dispose(&pair);
}

static void a_free_core_frees_every_kind(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    pair_connect(&pair); /* open */
    pair_send(&pair.client, 0, 50000, 1);
    pair_collect(&pair);
    pair_dial(&pair, true); /* half open over there */
    pair_collect_from(&pair.client);
    pair_deliver(&pair, pair.packet_count - 1);
    pair_dial(&pair, true); /* dialling */
    assert_int_equal(belay_core_conn_count(pair.client.core), 3);
    assert_int_equal(belay_core_conn_count(pair.server.core), 2);
    pair_dispose(&pair);
}

/* A hundred connections come and go: nothing is left of them. */
static void connections_come_and_go(void **state)
{
    struct pair pair;
    (void)state;
    pair_init(&pair, NULL);
    for (unsigned round = 0; round < 100; round++) {
        pair_dial(&pair, round % 3 == 0);
        pair_send(&pair.client, 0, 100 * round, round);
        pair_run(&pair, 50 * MS);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
        belay_core_conn_free(round % 2 ? pair.client.conn : pair.server.conn);
        pair_run(&pair, 50 * MS);
        belay_core_conn_free(round % 2 ? pair.server.conn : pair.client.conn);
        pair_run(&pair, 10 * SECOND);
        pair_forget_events(&pair);
        assert_int_equal(belay_core_conn_count(pair.client.core), 0);
        assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    }
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dead_are_silent),
        cmocka_unit_test(a_free_core_frees_every_kind),
        cmocka_unit_test(connections_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
