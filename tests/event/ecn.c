/* ECN over real sockets: the marks leave, in trains too, and are read where they arrive. */
#include "fixture.h"

#include <stdlib.h>

#define BIG     200000
#define BIG_ALL 5

/* The peer's counts must cover each packet that it acknowledges, or the path is given up as one
 * that spoils marks: so each one of them arrived. */
static void transfer(const char *bound, const char *asked, bool is_on)
{
    struct belay_config config = test_config();
    struct belay_listener *listener;
    struct belay_stats stats[2];
    struct side server, client;
    char *bytes = calloc(1, BIG);

    config.core.ecn = is_on;
    side_init(&server);
    side_init(&client);
    server.echo = true;
    listener = listen_on(bound, NULL, 0, &server);
    dial(asked, port_of(belay_listener_get_fd(listener)), &config, 0, &client);
    for (int i = 0; i < BIG_ALL; i++)
        assert_int_equal(belay_conn_send(client.conn, 0, bytes, BIG), 0);
    WAIT_FOR(client.messages == BIG_ALL);
    belay_conn_get_stats(client.conn, &stats[0], sizeof(stats[0]));
    belay_conn_get_stats(server.conn, &stats[1], sizeof(stats[1]));
    assert_int_equal(stats[0].is_ecn_capable, is_on);
    assert_true(stats[1].is_ecn_capable);
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    belay_listener_free(listener);
    free(bytes);
}

static void marks_arrive(void **state)
{
    static const struct {
        const char *bound, *asked;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.2"}, {"::1", "::1"}, {"::", "::1"},
        {"::", "127.0.0.1"}, /* IPv4 by way of an IPv6 socket */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].bound[0] != ':' || has_ipv6())
            transfer(rows[i].bound, rows[i].asked, true);
}

static void no_marks_when_switched_off(void **state)
{
    (void)state;
    transfer("127.0.0.1", "127.0.0.1", false);
}

int main(void)
{
    const struct CMUnitTest ecn[] = {
        EVENT_TEST(marks_arrive),
        EVENT_TEST(no_marks_when_switched_off),
    };

    return RUN_BOTH(ecn);
}
