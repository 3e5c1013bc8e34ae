/* Lives of connections: who closes, and what may be freed in which callback. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ freeing in callbacks */

enum what { FREE_CONN, FREE_ENDPOINT, FREE_LISTENER };

struct trap {
    const char *where;
    enum what what;
    bool sprung, gone;               /* gone: side's connection is */
    struct belay_listener *listener; /* of the server */
};

static bool spring(struct side *side, struct belay_conn *conn, const char *where)
{
    struct trap *trap = side->hook_ctx;

    if (trap->sprung || strcmp(trap->where, where) != 0)
        return false;
    trap->sprung = true;
    switch (trap->what) {
    case FREE_CONN:
        belay_conn_free(conn);
        break;
    case FREE_ENDPOINT:
        if (belay_conn_get_endpoint(conn) == belay_listener_get_endpoint(trap->listener))
            trap->listener = NULL; /* goes with it */
        belay_endpoint_free(belay_conn_get_endpoint(conn));
        break;
    case FREE_LISTENER:
        belay_listener_free(trap->listener);
        trap->listener = NULL;
        return false;
    }
    trap->gone = true;
    return true;
}

/* An exchange in which every kind of callback comes on both sides; one of them frees
 * something. The other side must hear of its end, whatever happened. */
static void exchange(bool on_server, const char *where, enum what what)
{
    struct trap trap = {.where = where, .what = what};
    struct side server, client;
    struct side *trapped = on_server ? &server : &client;
    unsigned port;

    side_init(&server);
    side_init(&client);
    server.echo = true;
    trapped->hook = spring;
    trapped->hook_ctx = &trap;
    trap.listener = listen_on("127.0.0.1", NULL, 0, &server);
    port = port_of(belay_listener_get_fd(trap.listener));
    dial("127.0.0.1", port, NULL, 0, &client);
    belay_conn_setwatermark(client.conn, 0, 1);
    assert_int_equal(belay_conn_send(client.conn, 0, "ping", 4), 0);
    assert_int_equal(belay_conn_send(client.conn, 0, "more", 4), BELAY_EAGAIN);
    while (!client.closed && !(trapped == &client && trap.gone)) {
        turn_loop(__FILE__, __LINE__, where);
        if (client.messages == 1 && client.conn != NULL && !(trapped == &client && trap.gone))
            belay_conn_close(client.conn); /* again and again: ECLOSED is harmless */
    }
    if (!(trapped == &server && trap.gone) && server.accepted)
        WAIT_FOR(server.closed);
    if (trap.listener != NULL)
        belay_listener_free(trap.listener);
    assert_true(trap.sprung);
    while (event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 1)
        turn_loop(__FILE__, __LINE__, "no endpoint is left");
}

static void freeing_in_callbacks(void **state)
{
    static const char *const ours[] = {"connected", "message", "sent",
                                       "write",     "eof",     "closed"};
    static const char *const theirs[] = {"accept", "message", "sent", "eof", "closed"};

    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        exchange(false, ours[i], FREE_CONN);
        exchange(false, ours[i], FREE_ENDPOINT);
    }
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
        exchange(true, theirs[i], FREE_CONN);
        exchange(true, theirs[i], FREE_ENDPOINT);
        exchange(true, theirs[i], FREE_LISTENER);
    }
}

/* ------------------------------------------------------------------ closing */

struct pair {
    struct side server, client;
    struct belay_listener *listener;
};

static void pair_open(struct pair *pair, const struct belay_config *config, unsigned flags)
{
    side_init(&pair->server);
    side_init(&pair->client);
    pair->listener = listen_on("127.0.0.1", config, flags, &pair->server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(pair->listener)), config, flags,
         &pair->client);
    WAIT_FOR(pair->client.connected && pair->server.accepted);
}

static void pair_end(struct pair *pair)
{
    WAIT_FOR(pair->server.closed && pair->client.closed);
    belay_listener_free(pair->listener);
}

static void closing_from_both_sides_at_once(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    assert_int_equal(belay_conn_send(pair.client.conn, 0, "a", 1), 0);
    assert_int_equal(belay_conn_send(pair.server.conn, 0, "b", 1), 0);
    assert_int_equal(belay_conn_close(pair.client.conn), 0);
    assert_int_equal(belay_conn_close(pair.server.conn), 0);
    pair_end(&pair);
    assert_int_equal(pair.client.error, 0);
    assert_int_equal(pair.server.error, 0);
    assert_int_equal(pair.client.messages, 1);
    assert_int_equal(pair.server.messages, 1);
}

static void closing_from_the_server(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    assert_int_equal(belay_conn_close(pair.server.conn), 0);
    WAIT_FOR(pair.client.eofs);
    pair_end(&pair);
    assert_int_equal(pair.client.error, 0);
    assert_int_equal(pair.server.error, 0);
}

/* After EOF one may go on sending. */
static void half_closed_still_sends(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    pair.client.close_at_eof = false;
    assert_int_equal(belay_conn_close(pair.server.conn), 0);
    WAIT_FOR(pair.client.eofs);
    assert_int_equal(belay_conn_send(pair.client.conn, 0, "after", 5), 0);
    assert_int_equal(belay_conn_close(pair.client.conn), 0);
    pair_end(&pair);
    assert_string_equal(pair.server.last, "after");
    assert_int_equal(pair.server.error, 0);
}

static void aborting_tells_code_and_reason(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    belay_conn_abort(pair.client.conn, 0x1234, "had enough");
    pair_end(&pair);
    assert_int_equal(pair.client.error, BELAY_ECLOSED);
    assert_int_equal(pair.server.error, BELAY_ERESET);
    assert_int_equal(pair.server.close_code, 0x1234);
    assert_string_equal(pair.server.reason, "had enough");
}

static bool reject(struct side *side, struct belay_conn *conn, const char *where)
{
    if (strcmp(where, "accept") != 0)
        return false;
    belay_conn_reject(conn, 0x777, "members only");
    side->conn = NULL;
    return true;
}

static void rejecting_when_accepting(void **state)
{
    struct side server, client;
    struct belay_listener *listener;

    (void)state;
    side_init(&server);
    side_init(&client);
    server.hook = reject;
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_ERESET);
    assert_int_equal(client.close_code, 0x777);
    assert_string_equal(client.reason, "members only");
    assert_int_equal(belay_endpoint_conn_count(belay_listener_get_endpoint(listener)), 0);
    belay_listener_free(listener);
}

/* Graceful, and nobody watches. */
static void freeing_closes_in_the_background_when_asked_to(void **state)
{
    static char big[1 << 20];
    struct pair pair;
    uint64_t hash;

    (void)state;
    memset(big, 'x', sizeof(big));
    pair_open(&pair, NULL, BELAY_OPT_CLOSE_ON_FREE);
    hash = hash_bytes(pair.server.hash, big, sizeof(big));
    assert_int_equal(belay_conn_send(pair.client.conn, 0, big, sizeof(big)), 0);
    belay_conn_free(pair.client.conn);
    pair.client.conn = NULL;
    WAIT_FOR(pair.server.closed);
    assert_int_equal(pair.client.closed, 0);
    assert_int_equal(pair.server.error, 0);
    assert_true(pair.server.hash == hash);
    belay_listener_free(pair.listener);
    /* The client's endpoint may still answer the server for a moment; it ends by itself. */
    while (event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) > 1)
        turn_loop(__FILE__, __LINE__, "no endpoint is left");
}

static void freeing_without_it_aborts(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    belay_conn_free(pair.client.conn);
    WAIT_FOR(pair.server.closed);
    assert_int_equal(pair.server.error, BELAY_ERESET);
    assert_int_equal(pair.server.close_code, BELAY_CLOSE_ABORTED);
    belay_listener_free(pair.listener);
}

static void a_reference_outlives_free(void **state)
{
    struct sockaddr_storage addr;
    struct belay_stats stats;
    struct belay_conn *conn;
    struct pair pair;
    int len = sizeof(addr), mark;

    (void)state;
    pair_open(&pair, NULL, 0);
    conn = pair.client.conn;
    belay_conn_set_user(conn, &mark);
    belay_conn_send(conn, 0, "x", 1);
    WAIT_FOR(pair.client.sents);
    belay_conn_incref(conn);
    belay_conn_free(conn);
    belay_conn_free(conn); /* twice is harmless while it is there */
    assert_int_equal(belay_conn_send(conn, 0, "x", 1), BELAY_ENOTCONN);
    assert_int_equal(belay_conn_close(conn), BELAY_ENOTCONN);
    belay_conn_abort(conn, 0x100, NULL);
    assert_false(belay_conn_is_connected(conn));
    assert_int_equal(belay_conn_get_peer(conn, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(belay_conn_get_stats(conn, &stats, sizeof(stats)), 0);
    assert_int_equal(stats.messages_sent, 1);
    assert_ptr_equal(belay_conn_get_user(conn), &mark);
    assert_null(belay_conn_get_endpoint(conn));
    assert_null(belay_conn_get_base(conn));
    assert_int_equal(belay_conn_get_fd(conn), -1);
    assert_int_equal(belay_conn_get_queued(conn), 0);
    assert_int_equal(belay_conn_enable(conn, EV_READ | EV_WRITE), 0);
    belay_conn_setwatermark(conn, 1, 2);
    belay_conn_setcb(conn, NULL, NULL, NULL, NULL);
    belay_conn_decref(conn);
    WAIT_FOR(pair.server.closed);
    belay_listener_free(pair.listener);
}

/* In a callback the memory stays until it returns; whatever is called on the freed one. */
static bool free_and_go_on(struct side *side, struct belay_conn *conn, const char *where)
{
    (void)side;
    if (strcmp(where, "message") != 0)
        return false;
    belay_conn_incref(conn);
    belay_conn_free(conn);
    assert_int_equal(belay_conn_enable(conn, EV_READ | EV_WRITE), 0);
    belay_conn_setwatermark(conn, 1, 2);
    belay_conn_setcb(conn, NULL, NULL, NULL, NULL);
    assert_int_equal(belay_conn_send(conn, 0, "x", 1), BELAY_ENOTCONN);
    belay_conn_decref(conn);
    return true;
}

static void a_write_callback_that_was_due_dies_with_it(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    belay_conn_disable(pair.client.conn, EV_WRITE);
    belay_conn_send(pair.client.conn, 0, "x", 1);
    WAIT_FOR(pair.client.sents); /* the write callback waits, too */
    assert_int_equal(pair.client.writes, 0);
    pair.client.hook = free_and_go_on;
    belay_conn_send(pair.server.conn, 0, "x", 1);
    WAIT_FOR(pair.server.closed);
    assert_int_equal(pair.client.writes, 0);
    belay_listener_free(pair.listener);
}

/* Closed, kept for a while: everything answers, nothing is sent. */
static void a_closed_connection_stays_until_it_is_freed(void **state)
{
    struct belay_stats stats;
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, 0);
    pair.client.keep_closed = pair.server.keep_closed = true;
    belay_conn_send(pair.client.conn, 0, "x", 1);
    belay_conn_close(pair.client.conn);
    WAIT_FOR(pair.server.closed && pair.client.closed);
    assert_int_equal(belay_conn_send(pair.client.conn, 0, "x", 1), BELAY_ENOTCONN);
    assert_int_equal(belay_conn_send(pair.server.conn, 0, "x", 1), BELAY_ENOTCONN);
    assert_int_equal(belay_conn_close(pair.server.conn), BELAY_ENOTCONN);
    belay_conn_get_stats(pair.server.conn, &stats, sizeof(stats));
    assert_int_equal(stats.messages_delivered, 1);
    belay_conn_get_stats(pair.client.conn, &stats, sizeof(stats));
    assert_int_equal(stats.messages_acknowledged, 1);
    belay_conn_free(pair.client.conn);
    belay_conn_free(pair.server.conn);
    belay_listener_free(pair.listener);
}

static void echo_alone(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)ctx;
    belay_conn_send(conn, channel, data, len);
}

static void accept_unattended(struct belay_listener *listener, struct belay_conn *conn,
                              const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener;
    (void)addr;
    (void)socklen;
    ++*(unsigned *)ctx;
    belay_conn_setcb(conn, echo_alone, NULL, NULL, NULL);
}

static char logged[256];

static void log_line(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    (void)ctx, (void)level, (void)conn;
    snprintf(logged, sizeof(logged), "%s", text);
}

/* It closes when its peer does, or is freed when its peer goes, and leaves nothing. What the
 * peer says is one line of log, and nothing to a terminal. */
static void without_an_event_callback_it_looks_after_itself(void **state)
{
    struct belay_config config = test_config();
    struct belay_listener *listener;
    struct belay_endpoint *endpoint;
    struct side clients[2];
    unsigned accepted = 0;

    (void)state;
    config.log = log_line;
    listener = belay_listener_new_any(base, &config, accept_unattended, &accepted, 0, 0);
    assert_non_null(listener);
    endpoint = belay_listener_get_endpoint(listener);
    for (int i = 0; i < 2; i++) {
        side_init(&clients[i]);
        dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &clients[i]);
        assert_int_equal(belay_conn_send(clients[i].conn, 0, "echo", 4), 0);
        WAIT_FOR(clients[i].messages == 1);
    }
    assert_int_equal(accepted, 2);
    assert_int_equal(belay_endpoint_conn_count(endpoint), 2);
    belay_conn_close(clients[0].conn);
    WAIT_FOR(clients[0].closed);
    assert_int_equal(clients[0].error, 0);
    belay_conn_abort(clients[1].conn, 0x100, "gone\n\x1b[2J\x7f\u00fc");
    WAIT_FOR(belay_endpoint_conn_count(endpoint) == 0 && clients[1].closed);
    assert_string_equal(logged, "gone??[2J?\u00fc");
    belay_listener_free(listener);
}

int main(void)
{
    const struct CMUnitTest conn[] = {
        EVENT_TEST(freeing_in_callbacks),
        EVENT_TEST(closing_from_both_sides_at_once),
        EVENT_TEST(closing_from_the_server),
        EVENT_TEST(half_closed_still_sends),
        EVENT_TEST(aborting_tells_code_and_reason),
        EVENT_TEST(rejecting_when_accepting),
        EVENT_TEST(freeing_closes_in_the_background_when_asked_to),
        EVENT_TEST(freeing_without_it_aborts),
        EVENT_TEST(a_reference_outlives_free),
        EVENT_TEST(a_write_callback_that_was_due_dies_with_it),
        EVENT_TEST(a_closed_connection_stays_until_it_is_freed),
        EVENT_TEST(without_an_event_callback_it_looks_after_itself),
    };

    return RUN_BOTH(conn);
}
