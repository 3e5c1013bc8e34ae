/* Source ports from which only reflections come: dropped by who listens, heard by who dials. */
#include "fixture.h"

#include "event/ports.h"

#include <string.h>
#include <unistd.h>

static void the_table(void **state)
{
    static const unsigned bad[] = {0,   7,    13,   17,   19,   37,   53,   69,
                                   111, 123,  137,  138,  161,  389,  427,  500,
                                   520, 1434, 1900, 3702, 5353, 5355, 11211};
    unsigned count = 0;

    (void)state;
    for (unsigned port = 0; port < 65536; port++)
        count += belay_port_is_bad(htons((uint16_t)port));
    assert_int_equal(count, sizeof(bad) / sizeof(bad[0]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(belay_port_is_bad(htons((uint16_t)bad[i])));
}

/* One of them that any program may bind and nobody here has; 0: none. */
static unsigned free_bad_port(const char *text)
{
    static const unsigned high[] = {11211, 5355, 3702, 1434, 1900, 5353};

    for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
        struct sockaddr_storage addr;
        int len = make_address(text, high[i], &addr);
        int fd = socket(addr.ss_family, SOCK_DGRAM, 0);
        bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&addr, (socklen_t)len) == 0;

        if (fd >= 0)
            close(fd);
        if (is_free)
            return high[i];
    }
    return 0;
}

static int bound_socket(const char *text, unsigned port)
{
    struct sockaddr_storage addr;
    int len = make_address(text, port, &addr);
    int fd = socket(addr.ss_family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
    return fd;
}

/* A DATA packet of a connection that nobody has: who hears it answers with a RESET. */
static void provoke(int fd, const char *text, unsigned port)
{
    unsigned char data[40] = {0xf1};
    struct sockaddr_storage addr;
    int len = make_address(text, port, &addr);

    assert_int_equal(
        sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&addr, (socklen_t)len),
        sizeof(data));
}

static bool is_answered(int fd)
{
    unsigned char data[1500];

    return recv(fd, data, sizeof(data), MSG_DONTWAIT) == 17 && data[0] == 0xc5;
}

static struct belay_endpoint_stats stats_of(struct belay_endpoint *endpoint)
{
    struct belay_endpoint_stats stats;

    belay_endpoint_get_stats(endpoint, &stats, sizeof(stats));
    return stats;
}

static void who_listens_does_not_hear_them(const char *text)
{
    struct belay_listener *listener;
    struct belay_endpoint *endpoint;
    struct side server;
    unsigned bad_port = free_bad_port(text), port;
    int bad, other;

    if (bad_port == 0)
        skip();
    side_init(&server);
    listener = listen_on(text, NULL, 0, &server);
    endpoint = belay_listener_get_endpoint(listener);
    port = port_of(belay_listener_get_fd(listener));
    bad = bound_socket(text, bad_port);
    other = bound_socket(text, 0);
    for (unsigned i = 1; i <= 3; i++) {
        provoke(bad, text, port);
        WAIT_FOR(stats_of(endpoint).datagrams_from_bad_ports == i);
    }
    provoke(other, text, port);
    WAIT_FOR(is_answered(other));
    assert_false(is_answered(bad));
    assert_int_equal(stats_of(endpoint).datagrams_from_bad_ports, 3);
    assert_int_equal(stats_of(endpoint).datagrams_received, 4);
    assert_int_equal(stats_of(endpoint).answers_sent, 1);
    close(bad);
    close(other);
    belay_listener_free(listener);
}

static void who_listens_does_not_hear_them_v4(void **state)
{
    (void)state;
    who_listens_does_not_hear_them("127.0.0.1");
}

static void who_listens_does_not_hear_them_v6(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    who_listens_does_not_hear_them("::1");
}

/* A server may well be at such a port: who dials it hears it. */
static void who_dials_hears_them(void **state)
{
    unsigned bad_port = free_bad_port("127.0.0.1");
    struct sockaddr_storage addr;
    struct belay_listener *listener;
    struct belay_config config = test_config();
    struct side server, client;

    (void)state;
    if (bad_port == 0)
        skip();
    side_init(&server);
    side_init(&client);
    server.echo = true;
    listener = belay_listener_new_bind(base, &config, side_accept, &server, 0,
                                       (struct sockaddr *)&addr,
                                       make_address("127.0.0.1", bad_port, &addr));
    assert_non_null(listener);
    dial("127.0.0.1", bad_port, NULL, 0, &client);
    assert_int_equal(belay_conn_send(client.conn, 0, "hello", 5), 0);
    WAIT_FOR(client.messages == 1);
    assert_int_equal(stats_of(belay_conn_get_endpoint(client.conn)).datagrams_from_bad_ports,
                     0);
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    belay_listener_free(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVENT_TEST(the_table),
        EVENT_TEST(who_listens_does_not_hear_them_v4),
        EVENT_TEST(who_listens_does_not_hear_them_v6),
        EVENT_TEST(who_dials_hears_them),
    };
    return RUN_BOTH(tests);
}
