/* Endpoints: sockets, binding, draining, looking, logging. */
#include "fixture.h"

#include "event/conn.h"
#include "event/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct belay_endpoint *open_endpoint(const char *text, unsigned flags)
{
    struct belay_config config = test_config();
    struct belay_endpoint *endpoint = belay_endpoint_new(base, &config, flags);
    struct sockaddr_storage addr;
    int len = make_address(text, 0, &addr);

    assert_non_null(endpoint);
    assert_int_equal(belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, len), 0);
    return endpoint;
}

static void listeners_are_one_an_endpoint(void **state)
{
    struct belay_endpoint *endpoint = belay_endpoint_new(base, NULL, 0);
    struct belay_listener *listener;
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    struct side side;

    (void)state;
    assert_null(belay_endpoint_listen(endpoint, side_accept, &side));
    assert_int_equal(errno, EINVAL); /* no socket */
    assert_int_equal(belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, len), 0);
    listener = belay_endpoint_listen(endpoint, side_accept, &side);
    assert_non_null(listener);
    assert_null(belay_endpoint_listen(endpoint, side_accept, &side));
    assert_int_equal(errno, EBUSY);
    assert_ptr_equal(belay_listener_get_endpoint(listener), endpoint);
    assert_ptr_equal(belay_listener_get_base(listener), base);
    assert_int_equal(belay_listener_get_fd(listener), belay_endpoint_get_fd(endpoint, 0));
    belay_listener_free(listener);
    assert_non_null(belay_endpoint_listen(endpoint, side_accept, &side)); /* again */
    belay_endpoint_free(endpoint);
}

static void binding_fails_with_the_systems_reason(void **state)
{
    struct belay_endpoint *first = open_endpoint("127.0.0.1", 0);
    struct belay_endpoint *second = belay_endpoint_new(base, NULL, 0);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port_of(belay_endpoint_get_fd(first, 0)), &addr);
    struct side side;

    (void)state;
    assert_int_equal(belay_endpoint_bind(second, (struct sockaddr *)&addr, len), BELAY_ESYS);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(belay_endpoint_bind(second, (struct sockaddr *)&addr, 3), BELAY_EINVAL);
    assert_int_equal(belay_endpoint_bind_any(second, 65536), BELAY_EINVAL);
    errno = 0;
    assert_null(belay_listener_new_bind(base, NULL, side_accept, &side, 0,
                                        (struct sockaddr *)&addr, len));
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(belay_endpoint_add_socket(second, -1), BELAY_ESYS);
    assert_int_equal(errno, EBADF);
    belay_endpoint_free(first);
    belay_endpoint_free(second);
}

static void ports_are_shared_when_asked(void **state)
{
    struct belay_endpoint *first = open_endpoint("127.0.0.1", BELAY_OPT_REUSEABLE_PORT);
    struct belay_endpoint *second = belay_endpoint_new(base, NULL, BELAY_OPT_REUSEABLE_PORT);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port_of(belay_endpoint_get_fd(first, 0)), &addr);

    (void)state;
    assert_int_equal(belay_endpoint_bind(second, (struct sockaddr *)&addr, len), 0);
    belay_endpoint_free(first);
    belay_endpoint_free(second);
}

/* Both families are reached at one port, by one socket or, v6-only, by two. */
static void all_addresses_of_both_families(void **state)
{
    static const unsigned flags[] = {0, BELAY_OPT_V6ONLY};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct belay_config config = test_config();
        struct side server, v4, v6;
        struct belay_listener *listener;
        unsigned port;

        side_init(&server);
        side_init(&v4);
        side_init(&v6);
        listener = belay_listener_new_any(base, &config, side_accept, &server, flags[i], 0);
        assert_non_null(listener);
        port = port_of(belay_listener_get_fd(listener));
        dial("127.0.0.1", port, NULL, 0, &v4);
        WAIT_FOR(v4.connected && server.accepted == 1);
        if (has_ipv6()) {
            dial("::1", port, NULL, 0, &v6);
            WAIT_FOR(v6.connected && server.accepted == 2);
            belay_conn_free(v6.conn);
            WAIT_FOR(server.closed == 1);
        }
        belay_conn_free(v4.conn);
        WAIT_FOR(server.closed == server.accepted);
        belay_listener_free(listener);
    }
}

/* A descriptor of the app's stays open unless it gave it away. */
static void sockets_of_the_app(void **state)
{
    static const unsigned flags[] = {0, BELAY_OPT_CLOSE_ON_FREE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct belay_config config = test_config();
        struct side server, client;
        struct belay_listener *listener;
        struct sockaddr_storage addr;
        int len = make_address("127.0.0.1", 0, &addr);
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        side_init(&server);
        side_init(&client);
        assert_int_equal(evutil_make_socket_nonblocking(fd), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
        listener = belay_listener_new(base, &config, side_accept, &server, flags[i], fd);
        assert_non_null(listener);
        dial("127.0.0.1", port_of(fd), NULL, 0, &client);
        WAIT_FOR(client.connected && server.accepted);
        belay_endpoint_free(belay_listener_get_endpoint(listener));
        WAIT_FOR(client.closed);
        if (flags[i] == 0)
            assert_int_equal(close(fd), 0);
        else
            assert_int_equal(close(fd), -1);
    }
}

static void on_drained(struct belay_endpoint *endpoint, void *ctx)
{
    (void)endpoint;
    ++*(unsigned *)ctx;
}

/* What is open is finished, what is new is refused. */
static void draining(void **state)
{
    struct belay_endpoint *endpoint = open_endpoint("127.0.0.1", 0);
    struct side server, first, late;
    unsigned drained = 0, port = port_of(belay_endpoint_get_fd(endpoint, 0));

    (void)state;
    side_init(&server);
    side_init(&first);
    side_init(&late);
    server.echo = true;
    belay_endpoint_listen(endpoint, side_accept, &server);
    dial("127.0.0.1", port, NULL, 0, &first);
    WAIT_FOR(first.connected && server.accepted);
    belay_endpoint_drain(endpoint, on_drained, &drained);
    dial("127.0.0.1", port, NULL, 0, &late);
    WAIT_FOR(late.closed);
    assert_int_equal(late.error, BELAY_EREFUSED);
    assert_int_equal(late.close_code, BELAY_CLOSE_NOT_LISTENING);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(drained, 0);
    belay_conn_send(first.conn, 0, "still served", 12);
    WAIT_FOR(first.messages == 1);
    belay_conn_close(first.conn);
    WAIT_FOR(drained == 1);
    assert_int_equal(server.closed, 1);
    WAIT_FOR(first.closed);
    assert_int_equal(first.error, 0);
    /* Nothing open: at once, but from the loop. */
    belay_endpoint_drain(endpoint, on_drained, &drained);
    assert_int_equal(drained, 1);
    WAIT_FOR(drained == 2);
    belay_endpoint_free(endpoint);
}

static void free_when_drained(struct belay_endpoint *endpoint, void *ctx)
{
    *(bool *)ctx = true;
    belay_endpoint_free(endpoint);
}

static void freeing_the_endpoint_when_it_is_drained(void **state)
{
    struct belay_endpoint *endpoint = open_endpoint("127.0.0.1", 0);
    bool freed = false;

    (void)state;
    belay_endpoint_drain(endpoint, free_when_drained, &freed);
    WAIT_FOR(freed);
}

static void a_disabled_listener_refuses(void **state)
{
    struct side server, client;
    struct belay_listener *listener;
    char expected[80];
    unsigned port;

    (void)state;
    side_init(&server);
    side_init(&client);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    port = port_of(belay_listener_get_fd(listener));
    assert_int_equal(belay_listener_disable(listener), 0);
    dial("127.0.0.1", port, NULL, 0, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EREFUSED);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u refused the connection: ", port);
    assert_memory_equal(client.reason, expected, strlen(expected));
    assert_int_equal(belay_listener_enable(listener), 0);
    side_init(&client);
    dial("127.0.0.1", port, NULL, 0, &client);
    WAIT_FOR(client.connected && server.accepted);
    belay_conn_free(client.conn);
    WAIT_FOR(server.closed);
    belay_listener_free(listener);
}

static void walking_over_connections(void **state)
{
    struct side server, clients[5];
    struct belay_listener *listener;
    struct belay_endpoint *endpoint;
    struct belay_conn *conn = NULL;
    unsigned seen = 0;

    (void)state;
    side_init(&server);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    endpoint = belay_listener_get_endpoint(listener);
    assert_null(belay_endpoint_next_conn(endpoint, NULL));
    for (int i = 0; i < 5; i++) {
        side_init(&clients[i]);
        dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &clients[i]);
    }
    WAIT_FOR(server.accepted == 5);
    while ((conn = belay_endpoint_next_conn(endpoint, conn)) != NULL) {
        struct sockaddr_storage addr;
        int len = sizeof(addr);

        seen++;
        assert_ptr_equal(belay_conn_get_endpoint(conn), endpoint);
        assert_ptr_equal(belay_conn_get_base(conn), base);
        assert_int_equal(belay_conn_get_fd(conn), belay_listener_get_fd(listener));
        assert_int_equal(belay_conn_get_peer(conn, (struct sockaddr *)&addr, &len), 0);
        assert_int_equal(len, sizeof(struct sockaddr_in));
    }
    assert_int_equal(seen, 5);
    for (int i = 0; i < 5; i++)
        belay_conn_free(clients[i].conn);
    WAIT_FOR(server.closed == 5);
    assert_int_equal(belay_endpoint_conn_count(endpoint), 0);
    belay_listener_free(listener);
}

static unsigned traced_in, traced_out, traced_conns;

static void on_trace(void *ctx, const struct belay_conn *conn, const struct belay_trace *packet,
                     uint64_t now_ns)
{
    (void)ctx;
    assert_true(now_ns > 0);
    traced_conns += conn != NULL;
    if (packet->outgoing)
        traced_out++;
    else
        traced_in++;
}

static void packets_are_traced_until_switched_off(void **state)
{
    struct side server, client;
    struct belay_listener *listener;
    unsigned so_far;

    (void)state;
    side_init(&server);
    side_init(&client);
    traced_in = traced_out = traced_conns = 0;
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
    belay_endpoint_set_trace_cb(belay_conn_get_endpoint(client.conn), on_trace, NULL);
    WAIT_FOR(client.connected);
    assert_true(traced_in > 0 && traced_out > 0 && traced_conns > 0);
    belay_endpoint_set_trace_cb(belay_conn_get_endpoint(client.conn), NULL, NULL);
    so_far = traced_in + traced_out;
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    assert_int_equal(traced_in + traced_out, so_far);
    belay_listener_free(listener);
}

static char logged[300];

static void on_log(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    (void)ctx;
    (void)conn;
    assert_true(level <= 1);
    snprintf(logged, sizeof(logged), "%s", text);
}

/* More than any system grants: one line says which setting to raise. */
static void a_socket_buffer_that_is_cut_is_logged(void **state)
{
    struct belay_config config = test_config();
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    struct belay_endpoint *endpoint;

    (void)state;
    logged[0] = '\0';
    config.socket_buffer_bytes = 1 << 29;
    config.log = on_log;
    endpoint = belay_endpoint_new(base, &config, 0);
    assert_int_equal(belay_endpoint_bind(endpoint, (struct sockaddr *)&addr, len), 0);
    assert_non_null(strstr(logged, "net.core.rmem_max"));
    belay_endpoint_free(endpoint);
}

/* Who broke the rules, too: the address of the connection's peer. */
static void a_line_on_a_connection_says_whose_it_is(void **state)
{
    struct belay_config config = test_config();
    struct side client, server;
    struct belay_listener *listener;
    struct belay_log log;

    (void)state;
    side_init(&client);
    side_init(&server);
    config.log = on_log;
    listener = listen_on("127.0.0.1", &config, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), NULL, 0, &client);
    WAIT_FOR(server.accepted && client.connected);
    log = belay_hooks_log(belay_listener_get_endpoint(listener));
    log.line(log.ctx, 1, server.conn->core, &belay_core_conn_path(server.conn->core)->remote,
             "the peer broke the protocol: why");
    assert_memory_equal(logged, server.addr, strlen(server.addr));
    assert_string_equal(logged + strlen(server.addr), ": the peer broke the protocol: why");
    log.line(log.ctx, 1, NULL, NULL, "of the endpoint");
    assert_string_equal(logged, "of the endpoint");
    belay_conn_free(client.conn);
    belay_conn_free(server.conn);
    belay_listener_free(listener);
}

/* ------------------------------------------------------------------ who may connect */

struct doorman {
    struct belay_listener *listener;
    bool says, frees_the_listener, frees_the_endpoint;
    unsigned asked;
    uint8_t key[32];
    struct sockaddr_in addr; /* of who asks */
};

static bool on_authorize(void *ctx, const uint8_t key[32], const struct sockaddr *addr,
                         int socklen)
{
    struct doorman *doorman = ctx;

    doorman->asked++;
    assert_int_equal(socklen, sizeof(doorman->addr));
    memcpy(&doorman->addr, addr, sizeof(doorman->addr));
    memcpy(doorman->key, key, 32);
    if (doorman->frees_the_endpoint)
        belay_endpoint_free(belay_listener_get_endpoint(doorman->listener));
    else if (doorman->frees_the_listener)
        belay_listener_free(doorman->listener);
    return doorman->says;
}

/* A client with a key of its own comes to him. */
static void come_to(struct doorman *doorman, struct side *server, struct side *client)
{
    struct belay_config config = test_config(), own = test_config();
    unsigned port;

    side_init(server);
    side_init(client);
    config.authorize = on_authorize;
    config.authorize_ctx = doorman;
    doorman->listener = listen_on("127.0.0.1", &config, 0, server);
    port = port_of(belay_listener_get_fd(doorman->listener));
    own.core.has_server_key = own.core.has_private_key = true;
    own.core.private_key[0] = 0x10;
    memcpy(own.core.server_key,
           belay_endpoint_get_key(belay_listener_get_endpoint(doorman->listener)), 32);
    dial("127.0.0.1", port, &own, 0, client);
    WAIT_FOR(doorman->asked);
    assert_memory_equal(doorman->key,
                        belay_endpoint_get_key(belay_conn_get_endpoint(client->conn)), 32);
    assert_int_equal(doorman->addr.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(ntohs(doorman->addr.sin_port), port_of(belay_conn_get_fd(client->conn)));
}

/* A client that is refused has no connection; the line names it all the same. */
static void a_line_on_a_refused_client_says_who_it_is(void **state)
{
    struct belay_config config = test_config(), own = test_config();
    struct side server, client;
    struct belay_listener *listener;
    char expected[128];

    (void)state;
    side_init(&server);
    side_init(&client);
    config.log = on_log;
    own.core.insecure = true;
    listener = listen_on("127.0.0.1", &config, 0, &server);
    dial("127.0.0.1", port_of(belay_listener_get_fd(listener)), &own, 0, &client);
    logged[0] = '\0';
    WAIT_FOR(logged[0] != '\0');
    snprintf(expected, sizeof(expected),
             "127.0.0.1:%u: refused a client: the server encrypts: ",
             port_of(belay_conn_get_fd(client.conn)));
    assert_memory_equal(logged, expected, strlen(expected));
    belay_conn_free(client.conn);
    belay_listener_free(listener);
}

static void the_app_says_who_may_connect(void **state)
{
    (void)state;
    for (unsigned says = 0; says < 2; says++) {
        struct doorman doorman = {.says = says};
        struct side server, client;

        come_to(&doorman, &server, &client);
        WAIT_FOR(says ? client.connected && server.accepted : client.closed);
        if (says)
            belay_conn_free(client.conn);
        else
            assert_int_equal(client.close_code, BELAY_CLOSE_UNAUTHORIZED);
        assert_int_equal(server.accepted, says);
        assert_int_equal(doorman.asked, 1);
        belay_endpoint_free(belay_listener_get_endpoint(doorman.listener));
    }
}

/* The answer then is for nobody: the connection that it is about is gone. */
static void is_freed_while_it_asks(bool endpoint)
{
    for (unsigned says = 0; says < 2; says++) {
        struct doorman doorman = {
            .says = says, .frees_the_endpoint = endpoint, .frees_the_listener = !endpoint};
        struct side server, client;

        come_to(&doorman, &server, &client);
        belay_conn_free(client.conn);
        assert_int_equal(server.accepted, 0);
    }
}

static void the_endpoint_may_be_freed_while_it_asks(void **state)
{
    (void)state;
    is_freed_while_it_asks(true);
}

static void the_listener_may_be_freed_while_it_asks(void **state)
{
    (void)state;
    is_freed_while_it_asks(false);
}

int main(void)
{
    const struct CMUnitTest endpoint[] = {
        EVENT_TEST(listeners_are_one_an_endpoint),
        EVENT_TEST(binding_fails_with_the_systems_reason),
        EVENT_TEST(ports_are_shared_when_asked),
        EVENT_TEST(all_addresses_of_both_families),
        EVENT_TEST(sockets_of_the_app),
        EVENT_TEST(draining),
        EVENT_TEST(freeing_the_endpoint_when_it_is_drained),
        EVENT_TEST(a_disabled_listener_refuses),
        EVENT_TEST(walking_over_connections),
        EVENT_TEST(packets_are_traced_until_switched_off),
        EVENT_TEST(a_socket_buffer_that_is_cut_is_logged),
        EVENT_TEST(a_line_on_a_connection_says_whose_it_is),
        EVENT_TEST(a_line_on_a_refused_client_says_who_it_is),
        EVENT_TEST(the_app_says_who_may_connect),
        EVENT_TEST(the_endpoint_may_be_freed_while_it_asks),
        EVENT_TEST(the_listener_may_be_freed_while_it_asks),
    };

    return RUN_BOTH(endpoint);
}
