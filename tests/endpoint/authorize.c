/* AUTHORIZE: whose the connection is between the question and the answer, however late. */
#include "conn/pair.h"

static const uint8_t server_private[32] = {0x08}, client_private[32] = {0x10};

/* A server that asks about each client's key, and clients that show theirs. */
static void init_asking(struct pair *pair, uint32_t half_open_max, uint32_t connections_max)
{
    struct belay_core_config client, server;

    pair_config(&client);
    server = client;
    client.has_private_key = client.has_server_key = server.has_private_key = true;
    memcpy(client.private_key, client_private, 32);
    memcpy(server.private_key, server_private, 32);
    assert_int_equal(belay_public_key(server_private, client.server_key), 0);
    server.authorize = true;
    server.half_open_max = half_open_max;
    server.connections_max = connections_max;
    pair_init_two(pair, &client, &server);
}

/* The connection about which the server's app was asked last. */
static struct belay_core_conn *asked_last(const struct pair *pair)
{
    for (size_t i = pair->server.event_count; i-- > 0;)
        if (pair->server.events[i].type == BELAY_CORE_AUTHORIZE)
            return pair->server.events[i].conn;
    fail_msg("nobody was asked");
    return NULL;
}

static const struct pair_event *end_of(const struct pair *pair,
                                       const struct belay_core_conn *conn)
{
    for (size_t i = 0; i < pair->server.event_count; i++)
        if (pair->server.events[i].type == BELAY_CORE_CLOSED &&
            pair->server.events[i].conn == conn)
            return &pair->server.events[i];
    return NULL;
}

static struct belay_core_conn *dial_and_ask(struct pair *pair)
{
    pair_dial(pair, true);
    pair_exchange(pair);
    return asked_last(pair);
}

/* The server, its first client, and the question about that one. */
static struct belay_core_conn *init_and_ask(struct pair *pair, uint32_t half_open_max,
                                            uint32_t connections_max)
{
    init_asking(pair, half_open_max, connections_max);
    return dial_and_ask(pair);
}

/* The app says yes; so many have been accepted then. */
static void let_in(struct pair *pair, struct belay_core_conn *conn, size_t accepted)
{
    belay_core_conn_authorize(conn, true);
    pair_exchange(pair);
    assert_int_equal(pair_count(&pair->server, BELAY_CORE_ACCEPTED), accepted);
}

/* Of two that wait, where there is room for one, the earlier is ended, and its app is told. */
static struct belay_core_conn *evict(struct pair *pair)
{
    struct belay_core_conn *first = init_and_ask(pair, 1, 10), *second;
    const struct pair_event *end;

    assert_null(end_of(pair, first));
    second = dial_and_ask(pair);
    assert_ptr_not_equal(first, second);
    end = end_of(pair, first);
    assert_non_null(end);
    assert_int_equal(end->error, BELAY_ECLOSED);
    assert_int_equal(end->close_code, BELAY_CLOSE_BUSY);
    assert_non_null(strstr(end->reason, "newer"));
    assert_null(end_of(pair, second));
    assert_int_equal(pair_stats(&pair->server).half_open, 1);
    assert_int_equal(pair_stats(&pair->server).half_open_evicted, 1);
    assert_int_equal(belay_core_conn_count(pair->server.core), 2); /* the app has one more */
    return first;
}

static void an_answer_may_come_after_the_eviction(void **state)
{
    (void)state;
    for (unsigned yes = 0; yes < 2; yes++) {
        struct pair pair;
        struct belay_core_conn *first = evict(&pair);

        assert_false(belay_core_conn_is_connected(first)); /* it may be looked at */
        assert_int_equal(belay_core_conn_queued_bytes(first), 0);
        belay_core_conn_authorize(first, yes);
        assert_int_equal(belay_core_conn_count(pair.server.core), 1);
        assert_int_equal(pair_collect_from(&pair.server), 0); /* nobody hears of it */
        let_in(&pair, asked_last(&pair), 1);
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 1);
        assert_true(belay_core_conn_is_connected(pair.client.conn));
        pair_run(&pair, SECOND); /* the first one's client comes again, and is asked about */
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_AUTHORIZE), 3);
        let_in(&pair, asked_last(&pair), 2);
        pair_dispose(&pair);
    }
}

static void to_free_it_is_an_answer_as_well(void **state)
{
    struct pair pair;
    struct belay_core_conn *first = evict(&pair), *second = asked_last(&pair);

    (void)state;
    belay_core_conn_free(first);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    belay_core_conn_free(second); /* this one had not ended */
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    assert_int_equal(pair_stats(&pair.server).half_open, 0);
    assert_int_equal(pair_collect_from(&pair.server), 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 1);
    pair_dispose(&pair);
}

static void an_answer_before_the_end_is_polled_takes_it_back(void **state)
{
    struct pair pair;
    struct belay_core_conn *conn = init_and_ask(&pair, 1, 10);

    (void)state;
    belay_core_conn_abort(conn, 7, "no");
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    belay_core_conn_authorize(conn, true);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_poll(&pair.server);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

static void the_connect_timeout_is_told(void **state)
{
    struct pair pair;
    struct belay_core_conn *conn = init_and_ask(&pair, 4, 10);

    (void)state;
    belay_core_conn_free(pair.client.conn);
    pair_run(&pair, 9 * SECOND);
    assert_null(end_of(&pair, conn));
    pair_run(&pair, 2 * SECOND);
    assert_non_null(end_of(&pair, conn));
    assert_int_equal(end_of(&pair, conn)->error, BELAY_ETIMEDOUT);
    assert_int_equal(pair_stats(&pair.server).half_open, 0);
    belay_core_conn_authorize(conn, true);
    assert_int_equal(belay_core_conn_count(pair.server.core), 0);
    pair_dispose(&pair);
}

/* A copy of the client's first INIT waits for an answer of no use: it has followed a RETRY. */
static void a_newer_init_of_the_same_client_is_told(void **state)
{
    struct pair pair;
    struct belay_core_conn *first = init_and_ask(&pair, 1, 10);

    (void)state;
    pair_dial(&pair, true);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair_repeat(&pair, 0);
    assert_int_equal(pair_collect_from(&pair.server), 1); /* a RETRY, which takes its time */
    belay_core_conn_free(first);
    pair_repeat(&pair, 0);
    first = asked_last(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_AUTHORIZE), 2);
    pair_drop(&pair, 0);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_AUTHORIZE), 3);
    assert_non_null(end_of(&pair, first));
    assert_int_equal(end_of(&pair, first)->error, BELAY_ECLOSED);
    assert_int_equal(pair_stats(&pair.server).half_open, 1);
    belay_core_conn_authorize(first, false); /* says nothing of the newer one */
    let_in(&pair, asked_last(&pair), 1);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    pair_dispose(&pair);
}

/* To evict one that waits would make no room, as long as the app has it: the newer is refused.
 */
static void a_full_server_lets_it_wait(void **state)
{
    struct pair pair;
    struct belay_core_conn *conn = init_and_ask(&pair, 4, 1);

    (void)state;
    pair_dial(&pair, true);
    pair_run(&pair, SECOND);
    assert_int_equal(pair_find(&pair.client, BELAY_CORE_CLOSED)->close_code, BELAY_CLOSE_BUSY);
    assert_null(end_of(&pair, conn));
    assert_int_equal(pair_stats(&pair.server).half_open_evicted, 0);
    let_in(&pair, conn, 1);
    pair_dispose(&pair);
}

/* What was answered is not the app's any more, until ACCEPTED hands it over. */
static void an_answered_one_yields_in_silence(void **state)
{
    struct pair pair;
    struct belay_core_conn *first = init_and_ask(&pair, 1, 10);

    (void)state;
    belay_core_conn_authorize(first, true);
    assert_int_equal(pair_collect_from(&pair.server), 1);
    pair_drop_all(&pair); /* the ACCEPT is lost */
    dial_and_ask(&pair);
    assert_int_equal(belay_core_conn_count(pair.server.core), 1);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_may_come_after_the_eviction),
        cmocka_unit_test(to_free_it_is_an_answer_as_well),
        cmocka_unit_test(an_answer_before_the_end_is_polled_takes_it_back),
        cmocka_unit_test(the_connect_timeout_is_told),
        cmocka_unit_test(a_newer_init_of_the_same_client_is_told),
        cmocka_unit_test(a_full_server_lets_it_wait),
        cmocka_unit_test(an_answered_one_yields_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
