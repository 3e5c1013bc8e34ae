/* Dialing addresses: both families, errors in words, several connections on one socket. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Sends before dispatch and before CONNECTED, then closes gracefully. */
static void echo_once(const char *listen, const char *to, const char *seen_as)
{
    struct side server, client;
    struct belay_listener *listener;

    side_init(&server);
    side_init(&client);
    server.echo = true;
    listener = listen_on(listen, NULL, 0, &server);
    dial(to, port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
    assert_false(belay_conn_is_connected(client.conn));
    assert_int_equal(belay_conn_send(client.conn, 0, "hello", 5), 0);
    assert_int_equal(client.connected, 0); /* no callback from inside a call */
    WAIT_FOR(client.messages == 1);
    assert_int_equal(client.connected, 1);
    assert_true(belay_conn_is_connected(client.conn));
    assert_string_equal(client.last, "hello");
    assert_memory_equal(server.addr, seen_as, strlen(seen_as));
    assert_int_equal(belay_conn_close(client.conn), 0);
    assert_int_equal(belay_conn_close(client.conn), BELAY_ECLOSED);
    assert_int_equal(belay_conn_send(client.conn, 0, "late", 4), BELAY_ECLOSED);
    WAIT_FOR(client.closed && server.closed);
    assert_int_equal(client.closed_what, BELAY_EVENT_CLOSED);
    assert_int_equal(server.closed_what, BELAY_EVENT_CLOSED);
    assert_int_equal(client.error, 0);
    assert_int_equal(server.eofs, 1);
    assert_int_equal(client.eofs, 1);
    belay_listener_free(listener);
}

static void echo_over_ipv4(void **state)
{
    (void)state;
    echo_once("127.0.0.1", "127.0.0.1", "127.0.0.1:");
}

static void echo_over_ipv6(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    echo_once("::1", "::1", "[::1]:");
}

static void echo_from_ipv4_to_a_dual_stack_wildcard(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    echo_once("::", "127.0.0.1", "127.0.0.1:");
    echo_once("::", "::1", "[::1]:");
}

static void refused_comes_quickly_and_in_words(void **state)
{
    struct closed_port closed = closed_port();
    struct side client;
    char expected[128];
    uint64_t start_ns = belay_now_ns();

    (void)state;
    side_init(&client);
    dial("127.0.0.1", closed.port, NULL, 0, &client);
    assert_int_equal(belay_conn_send(client.conn, 0, "x", 1), 0);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EREFUSED);
    assert_int_equal(client.closed_what, BELAY_EVENT_CLOSED | BELAY_EVENT_ERROR);
    snprintf(expected, sizeof(expected), "connection refused: nothing listens at 127.0.0.1:%u",
             closed.port);
    assert_string_equal(client.reason, expected);
    assert_int_equal(client.sents, 1); /* the message that went nowhere is named */
    assert_int_equal(client.sent_errors, 1);
    assert_true(belay_now_ns() - start_ns < UINT64_C(5000000000)); /* not the connect timeout */
    closed_port_free(&closed);
}

static void silence_ends_by_the_connect_timeout(void **state)
{
    struct belay_config config = test_config();
    struct side client;
    struct sockaddr_storage addr;
    char expected[128];
    int len = make_address("127.0.0.1", 0, &addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
    config.core.connect_timeout_ns = UINT64_C(300000000);
    side_init(&client);
    dial("127.0.0.1", port_of(fd), &config, 0, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_ETIMEDOUT);
    assert_int_equal(client.closed_what,
                     BELAY_EVENT_CLOSED | BELAY_EVENT_ERROR | BELAY_EVENT_TIMEOUT);
    snprintf(expected, sizeof(expected), "nobody answers at 127.0.0.1:%u (tried for ",
             port_of(fd));
    assert_memory_equal(client.reason, expected, strlen(expected));
    close(fd);
}

static void arguments_out_of_range_are_refused(void **state)
{
    struct belay_config bad = test_config();
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    static const struct {
        const char *host;
        int family, port;
    } rows[] = {
        {NULL, AF_UNSPEC, 1},         {"", AF_UNSPEC, 1},
        {"localhost", 77, 1},         {"localhost", AF_UNSPEC, 0},
        {"localhost", AF_UNSPEC, -1}, {"localhost", AF_UNSPEC, 65536},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        errno = 0;
        assert_null(belay_connect_hostname(base, NULL, 0, NULL, rows[i].family, rows[i].host,
                                           rows[i].port));
        assert_int_equal(errno, EINVAL);
    }
    assert_null(belay_connect(base, NULL, 0, (struct sockaddr *)&addr, len)); /* port 0 */
    assert_int_equal(errno, EINVAL);
    assert_null(belay_connect(base, NULL, 0, NULL, 0));
    assert_int_equal(errno, EINVAL);
    assert_null(belay_endpoint_new(base, NULL, 1u << 31));
    assert_int_equal(errno, EINVAL);
    assert_null(belay_endpoint_new(NULL, NULL, 0));
    assert_int_equal(errno, EINVAL);
    bad.core.ranges_max = 0;
    assert_null(belay_endpoint_new(base, &bad, 0));
    assert_int_equal(errno, EINVAL);
}

#define DIALS 20

static struct belay_endpoint *endpoint_that_echoes(struct side *server)
{
    struct belay_config config = test_config();
    struct belay_endpoint *endpoint = belay_endpoint_new(base, &config, 0);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);

    side_init(server);
    server->echo = true;
    assert_int_equal(belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, len), 0);
    assert_non_null(belay_endpoint_listen(endpoint, side_accept, server));
    return endpoint;
}

/* The cookie is for what the socket says of the path, which is the same for both INITs. */
static void a_server_may_ask_for_a_cookie_always(void **state)
{
    static const char *const rows[][2] = {{"127.0.0.1", "127.0.0.1"},
                                          {"0.0.0.0", "127.0.0.1"},
                                          {"::", "127.0.0.1"},
                                          {"::", "::1"}};
    struct belay_config config = test_config();

    (void)state;
    config.core.half_open_cookies = 0;
    for (size_t i = 0; i < (has_ipv6() ? 4 : 2); i++) {
        struct side server, client;
        struct belay_listener *listener;
        struct belay_endpoint_stats stats;

        side_init(&server);
        side_init(&client);
        listener = listen_on(rows[i][0], &config, 0, &server);
        dial(rows[i][1], port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
        WAIT_FOR(server.accepted == 1 && client.connected == 1);
        belay_endpoint_get_stats(belay_listener_get_endpoint(listener), &stats, sizeof(stats));
        assert_true(stats.retries_sent >= 1);
        assert_int_equal(stats.cookies_accepted, 1);
        assert_int_equal(stats.cookies_refused, 0);
        belay_conn_close(client.conn);
        WAIT_FOR(client.closed && server.closed);
        belay_listener_free(listener);
    }
}

/* Each listens and dials the other, many times, all through two sockets. */
static void endpoints_that_listen_and_dial(void **state)
{
    struct side servers[2], clients[2 * DIALS];
    struct belay_endpoint *endpoints[2];
    struct belay_endpoint_stats stats[2];
    unsigned messages = 0;

    (void)state;
    for (int i = 0; i < 2; i++)
        endpoints[i] = endpoint_that_echoes(&servers[i]);
    for (int i = 0; i < 2 * DIALS; i++) {
        unsigned port = port_of(belay_endpoint_get_fd(endpoints[(i + 1) % 2], 0));
        struct sockaddr_storage addr;
        int len = make_address("127.0.0.1", port, &addr);
        struct belay_conn *conn =
            belay_endpoint_connect(endpoints[i % 2], (struct sockaddr *)&addr, len);

        assert_non_null(conn);
        side_init(&clients[i]);
        side_adopt(&clients[i], conn);
        assert_int_equal(belay_conn_send(conn, 3, &i, sizeof(i)), 0);
    }
    while (messages < 2 * DIALS) {
        turn_loop(__FILE__, __LINE__, "all answers");
        messages = 0;
        for (int i = 0; i < 2 * DIALS; i++)
            messages += clients[i].messages;
    }
    for (int i = 0; i < 2 * DIALS; i++)
        assert_memory_equal(clients[i].last, &i, sizeof(i)); /* each its own */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(servers[i].accepted, DIALS);
        assert_int_equal(belay_endpoint_conn_count(endpoints[i]), 2 * DIALS);
        assert_int_equal(belay_endpoint_get_fd(endpoints[i], 1), -1);
        belay_endpoint_get_stats(endpoints[i], &stats[i], sizeof(stats[i]));
        assert_int_equal(stats[i].connections, 2 * DIALS);
        assert_true(stats[i].memory_bytes > 0);
        assert_true(stats[i].send_calls < stats[i].datagrams_sent || portable);
        belay_endpoint_free(endpoints[i]);
    }
}

static void an_endpoint_opens_the_socket_that_a_dial_needs(void **state)
{
    struct belay_config config = test_config();
    struct side server, client;
    struct belay_endpoint *endpoint = belay_endpoint_new(base, &config, 0);
    struct belay_listener *listener;
    struct sockaddr_storage addr;
    int len;

    (void)state;
    side_init(&server);
    side_init(&client);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    assert_int_equal(belay_endpoint_get_fd(endpoint, 0), -1);
    len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    side_adopt(&client, belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len));
    assert_true(belay_endpoint_get_fd(endpoint, 0) >= 0);
    assert_int_equal(belay_conn_get_fd(client.conn), belay_endpoint_get_fd(endpoint, 0));
    WAIT_FOR(client.connected);
    belay_endpoint_free(endpoint);
    WAIT_FOR(server.closed);
    assert_int_equal(server.error, BELAY_ERESET);
    belay_listener_free(listener);
}

/* The endpoint of belay_connect goes with its connection: nothing keeps the loop. */
static void the_loop_ends_when_a_private_connection_is_freed(void **state)
{
    struct event_base *own = event_base_new();
    struct event_base *kept = base;
    struct side server, client;
    struct belay_listener *listener;

    (void)state;
    base = own;
    side_init(&server);
    side_init(&client);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
    belay_conn_send(client.conn, 0, "x", 1);
    belay_conn_close(client.conn);
    while (!server.accepted)
        event_base_loop(own, EVLOOP_ONCE);
    belay_listener_free(listener); /* goes with its last connection */
    assert_int_equal(event_base_dispatch(own), 1);
    assert_int_equal(client.closed, 1);
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.messages, 1);
    base = kept;
    event_base_free(own);
}

int main(void)
{
    const struct CMUnitTest connect[] = {
        EVENT_TEST(echo_over_ipv4),
        EVENT_TEST(echo_over_ipv6),
        EVENT_TEST(echo_from_ipv4_to_a_dual_stack_wildcard),
        EVENT_TEST(refused_comes_quickly_and_in_words),
        EVENT_TEST(silence_ends_by_the_connect_timeout),
        EVENT_TEST(arguments_out_of_range_are_refused),
        EVENT_TEST(a_server_may_ask_for_a_cookie_always),
        EVENT_TEST(endpoints_that_listen_and_dial),
        EVENT_TEST(an_endpoint_opens_the_socket_that_a_dial_needs),
        EVENT_TEST(the_loop_ends_when_a_private_connection_is_freed),
    };

    return RUN_BOTH(connect);
}
