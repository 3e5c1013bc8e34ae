/* Connections whose sockets change, by belay_conn_rebind and by a NAT, over loopback. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* REBOUNDs that came. */
static struct {
    unsigned client, server;
} rebounds;

static unsigned server_open; /* connections */

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    unsigned *messages = ctx;

    (void)data;
    ++*messages;
    if (channel == 0)
        belay_conn_send(conn, 1, "echo", len < 4 ? len : 4);
}

static void on_server_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    if (what & BELAY_EVENT_REBOUND)
        rebounds.server++;
    if (what & BELAY_EVENT_EOF)
        belay_conn_close(conn);
    if (what & BELAY_EVENT_CLOSED) {
        server_open--;
        belay_conn_free(conn);
    }
}

static void on_client_event(struct belay_conn *conn, short what, void *ctx)
{
    bool *closed = ctx;

    (void)conn;
    if (what & BELAY_EVENT_REBOUND)
        rebounds.client++;
    if (what & BELAY_EVENT_CLOSED)
        *closed = true;
}

static struct belay_conn *accepted;
static unsigned server_messages, client_messages;
static bool client_closed;

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener, (void)addr, (void)socklen, (void)ctx;
    accepted = conn;
    server_open++;
    belay_conn_setcb(conn, on_message, NULL, on_server_event, &server_messages);
}

static void on_client_message(struct belay_conn *conn, unsigned channel, const void *data,
                              size_t len, void *ctx)
{
    (void)conn, (void)channel, (void)data, (void)len, (void)ctx;
    client_messages++;
}

static void on_client(struct belay_conn *conn, short what, void *ctx)
{
    (void)ctx;
    on_client_event(conn, what, &client_closed);
}

static struct belay_listener *listen_here(const struct belay_config *config)
{
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    struct belay_listener *listener = belay_listener_new_bind(base, config, on_accept, NULL, 0,
                                                              (struct sockaddr *)&addr, len);

    assert_non_null(listener);
    memset(&rebounds, 0, sizeof(rebounds));
    server_messages = client_messages = 0;
    client_closed = false;
    accepted = NULL;
    server_open = 0;
    return listener;
}

static unsigned peer_port(const struct belay_conn *conn)
{
    struct sockaddr_in peer;
    int len = sizeof(peer);

    assert_int_equal(belay_conn_get_peer(conn, (struct sockaddr *)&peer, &len), 0);
    return ntohs(peer.sin_port);
}

static void say_and_hear(struct belay_conn *client)
{
    unsigned heard = client_messages;

    assert_int_equal(belay_conn_send(client, 0, "hello", 5), 0);
    WAIT_FOR(client_messages == heard + 1);
}

static void close_both(struct belay_conn *client, struct belay_listener *listener)
{
    assert_int_equal(belay_conn_close(client), 0);
    WAIT_FOR(client_closed);
    assert_int_equal(belay_conn_get_error(client), 0);
    belay_conn_free(client);
    belay_listener_free(listener);
}

/* Again and again: each time the server sees another port, and sockets do not pile up. */
static void rebind_often(struct belay_conn *client, unsigned sockets_max)
{
    WAIT_FOR(belay_conn_is_connected(client));
    say_and_hear(client);
    for (unsigned i = 1; i <= 5; i++) {
        unsigned port = peer_port(accepted);
        int error;

        /* A fresh connection ID may still be on its way. */
        while ((error = belay_conn_rebind(client)) == BELAY_EAGAIN)
            say_and_hear(client);
        assert_int_equal(error, 0);
        WAIT_FOR(rebounds.client == i);
        say_and_hear(client);
        WAIT_FOR(rebounds.server == i);
        assert_int_not_equal(peer_port(accepted), port);
        assert_int_equal(peer_port(accepted), port_of(belay_conn_get_fd(client)));
        assert_int_equal(belay_endpoint_get_fd(belay_conn_get_endpoint(client), sockets_max),
                         -1);
    }
    assert_int_equal(server_messages, client_messages);
}

static void a_client_takes_another_socket(void **state)
{
    struct belay_config config = test_config();
    struct belay_listener *listener = listen_here(&config);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    struct belay_conn *client = belay_connect(base, &config, 0, (struct sockaddr *)&addr, len);
    (void)state;

    assert_non_null(client);
    belay_conn_setcb(client, on_client_message, NULL, on_client, NULL);
    assert_int_equal(belay_conn_rebind(client), BELAY_ENOTCONN);
    rebind_often(client, 3); /* this one, the one before, and the next */
    close_both(client, listener);
}

/* Of two connections on one socket only one moves. */
static void one_of_two_on_a_socket_moves(void **state)
{
    struct belay_config config = test_config();
    struct belay_listener *listener = listen_here(&config);
    struct belay_endpoint *endpoint = belay_endpoint_new(base, &config, 0);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    struct belay_conn *stays = belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len);
    struct belay_conn *client;
    (void)state;

    belay_conn_setcb(stays, on_client_message, NULL, on_client, NULL);
    WAIT_FOR(belay_conn_is_connected(stays) && accepted != NULL);
    accepted = NULL;
    client = belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len);
    belay_conn_setcb(client, on_client_message, NULL, on_client, NULL);
    WAIT_FOR(belay_conn_is_connected(client) && accepted != NULL);
    rebind_often(client, 4);
    say_and_hear(stays);
    assert_int_not_equal(belay_conn_get_fd(stays), belay_conn_get_fd(client));
    belay_conn_free(client);
    belay_conn_free(stays);
    belay_endpoint_free(endpoint);
    WAIT_FOR(server_open == 0);
    belay_listener_free(listener);
}

/* ------------------------------------------------------------------ while it is read */

static void rebind_once(struct belay_conn *client)
{
    unsigned before = rebounds.client;
    int error;

    while ((error = belay_conn_rebind(client)) == BELAY_EAGAIN)
        say_and_hear(client);
    assert_int_equal(error, 0);
    WAIT_FOR(rebounds.client == before + 1);
    say_and_hear(client);
}

static void rebind_on_message(struct belay_conn *conn, unsigned channel, const void *data,
                              size_t len, void *ctx)
{
    int error = belay_conn_rebind(conn);

    assert_true(error == 0 || error == BELAY_EAGAIN);
    on_client_message(conn, channel, data, len, ctx);
}

static void switch_on(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    belay_conn_enable(ctx, EV_READ);
}

static void send_nonsense(unsigned port)
{
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port, &addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    for (unsigned i = 0; i < 2; i++) /* one when the callback comes, and one after it */
        assert_int_equal(sendto(fd, "?", 1, 0, (struct sockaddr *)&addr, (socklen_t)len), 1);
    close(fd);
}

/* Datagrams come to a socket that no connection uses any more. In the same turn, before they
 * are read, a message that waited is let go, so its callback comes within the reading; and
 * there a new socket is asked for, and old ones go. */
static void a_socket_stays_while_it_is_read(void **state)
{
    struct belay_config config = test_config();
    struct belay_listener *listener = listen_here(&config);
    struct belay_endpoint *endpoint = belay_endpoint_new(base, &config, 0);
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", port_of(belay_listener_get_fd(listener)), &addr);
    struct belay_conn *client = belay_endpoint_connect(endpoint, (struct sockaddr *)&addr, len);
    struct event *before_reading = event_new(base, -1, 0, switch_on, client);
    unsigned heard;
    (void)state;

    belay_conn_setcb(client, on_client_message, NULL, on_client, NULL);
    WAIT_FOR(belay_conn_is_connected(client) && accepted != NULL);
    rebind_once(client);
    rebind_once(client);
    heard = client_messages;
    belay_conn_setcb(client, rebind_on_message, NULL, on_client, NULL);
    belay_conn_disable(client, EV_READ);
    assert_int_equal(belay_conn_send(accepted, 1, "wait", 4), 0);
    WAIT_FOR(belay_conn_get_queued(accepted) == 0);
    send_nonsense(port_of(belay_endpoint_get_fd(endpoint, 0))); /* the first one */
    event_active(before_reading, EV_TIMEOUT, 1);
    WAIT_FOR(client_messages == heard + 1);
    belay_conn_setcb(client, on_client_message, NULL, on_client, NULL);
    say_and_hear(client);
    event_free(before_reading);
    belay_conn_free(client);
    belay_endpoint_free(endpoint);
    WAIT_FOR(server_open == 0);
    belay_listener_free(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(a_client_takes_another_socket),
        EVENT_TEST(one_of_two_on_a_socket_moves),
        EVENT_TEST(a_socket_stays_while_it_is_read),
    };
    return RUN_BOTH(tests);
}
