/* Dialing names: a name server of the test's own answers, or does not. */
#include "fixture.h"

#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct evdns_server_port *name_server;
static struct evdns_base *dns;
static unsigned questions;

static const unsigned char loopback4[4] = {127, 0, 0, 1};
static const unsigned char loopback6[16] = {[15] = 1};

/* What the first label says: nx-: no such name; v4- has A only, v6- AAAA only, any other both;
 * mute6-: AAAA is never answered; mute-: nothing is. */
static void answer(struct evdns_server_request *request, void *ctx)
{
    (void)ctx;
    questions++;
    for (int i = 0; i < request->nquestions; i++) {
        const struct evdns_server_question *q = request->questions[i];
        bool v6 = q->type == EVDNS_TYPE_AAAA;

        if (strncmp(q->name, "nx-", 3) == 0) {
            evdns_server_request_respond(request, 3);
            return;
        }
        if (strncmp(q->name, "mute-", 5) == 0 || (v6 && strncmp(q->name, "mute6-", 6) == 0)) {
            evdns_server_request_drop(request);
            return;
        }
        if (v6 && strncmp(q->name, "v4-", 3) != 0)
            evdns_server_request_add_aaaa_reply(request, q->name, 1, loopback6, 60);
        if (!v6 && strncmp(q->name, "v6-", 3) != 0)
            evdns_server_request_add_a_reply(request, q->name, 1, loopback4, 60);
    }
    evdns_server_request_respond(request, 0);
}

static void start_names(void)
{
    struct sockaddr_storage addr;
    int len = make_address("127.0.0.1", 0, &addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char text[32];

    questions = 0;
    evutil_make_socket_nonblocking(fd);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
    name_server = evdns_add_server_port_with_base(base, fd, 0, answer, NULL);
    dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    snprintf(text, sizeof(text), "127.0.0.1:%u", port_of(fd));
    assert_int_equal(evdns_base_nameserver_ip_add(dns, text), 0);
    evdns_base_set_option(dns, "randomize-case:", "0");
}

static void stop_names(void)
{
    evdns_base_free(dns, 0);
    evdns_close_server_port(name_server);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static struct belay_conn *dial_name(const char *host, int family, unsigned port,
                                    const struct belay_config *config, struct side *client)
{
    struct belay_config ours = config != NULL ? *config : test_config();
    struct belay_conn *conn =
        belay_connect_hostname(base, &ours, 0, dns, family, host, (int)port);

    assert_non_null(conn);
    side_init(client);
    side_adopt(client, conn);
    return conn;
}

/* Messages sent before anything is known arrive once, in order, with their numbers. */
static void connect_by_name(const char *listen, const char *host, int family)
{
    struct side server, client;
    struct belay_listener *listener;
    struct evbuffer *buffer = evbuffer_new();
    uint64_t hash, number = 0;

    side_init(&server);
    server.echo = true;
    hash = server.hash;
    listener = listen_on(listen, NULL, 0, &server);
    dial_name(host, family, port_of(belay_listener_get_fd(listener)), NULL, &client);
    for (unsigned i = 1; i <= 20; i++) {
        assert_int_equal(belay_conn_send_message(client.conn, 0, BELAY_RELIABLE_ORDERED, &i,
                                                 sizeof(i), 0, BELAY_NEVER, &number),
                         0);
        assert_int_equal(number, i);
        hash = hash_bytes(hash, &i, sizeof(i));
    }
    evbuffer_add(buffer, "from a buffer", 13);
    assert_int_equal(belay_conn_send_buffer(client.conn, 0, BELAY_RELIABLE_ORDERED, buffer, 0,
                                            BELAY_NEVER, &number),
                     0);
    assert_int_equal(number, 21);
    hash = hash_bytes(hash, "from a buffer", 13);
    assert_true(belay_conn_get_queued(client.conn) >= 20 * sizeof(unsigned) + 13);
    WAIT_FOR(client.messages == 21 && client.sents == 21);
    assert_true(server.hash == hash);
    assert_int_equal(client.connected, 1);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(belay_conn_send_message(client.conn, 0, BELAY_RELIABLE_ORDERED, "x", 1, 0,
                                             BELAY_NEVER, &number),
                     0);
    assert_int_equal(number, 22);
    WAIT_FOR(client.sents == 22);
    assert_int_equal(client.last_sent, 22);
    belay_conn_close(client.conn);
    WAIT_FOR(client.closed && server.closed);
    assert_int_equal(client.error, 0);
    belay_listener_free(listener);
    evbuffer_free(buffer);
}

static void names_of_one_family_or_both(void **state)
{
    (void)state;
    start_names();
    connect_by_name("127.0.0.1", "v4-only.test", AF_UNSPEC);
    connect_by_name("127.0.0.1", "both.test", AF_INET);
    /* ::1 comes first and nobody listens there. */
    connect_by_name("127.0.0.1", "both.test", AF_UNSPEC);
    if (has_ipv6()) {
        connect_by_name("::1", "v6-only.test", AF_UNSPEC);
        connect_by_name("::1", "both.test", AF_UNSPEC);
        connect_by_name("::", "both.test", AF_INET6);
    }
    stop_names();
}

/* RFC 8305 section 3: the other family's answer is not waited for. */
static void half_an_answer_is_enough(void **state)
{
    (void)state;
    start_names();
    connect_by_name("127.0.0.1", "mute6-name.test", AF_UNSPEC);
    stop_names();
}

static void localhost_needs_no_name_server(void **state)
{
    (void)state;
    dns = NULL; /* our own, and it must not be asked */
    connect_by_name("127.0.0.1", "localhost", AF_UNSPEC);
    connect_by_name("127.0.0.1", "LocalHost.", AF_INET);
    connect_by_name("127.0.0.1", "some.localhost", AF_INET);
    if (has_ipv6())
        connect_by_name("::1", "localhost", AF_UNSPEC);
}

static void numeric_hosts_need_no_resolver(void **state)
{
    (void)state;
    start_names();
    connect_by_name("127.0.0.1", "127.0.0.1", AF_UNSPEC);
    if (has_ipv6())
        connect_by_name("::1", "::1", AF_INET6);
    assert_int_equal(questions, 0);
    stop_names();
}

static void the_hosts_file_is_read(void **state)
{
    char path[] = "/tmp/belay-hosts-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "127.0.0.1 fromfile.test\n", 24), 24);
    close(fd);
    start_names();
    assert_int_equal(evdns_base_load_hosts(dns, path), 0);
    connect_by_name("127.0.0.1", "fromfile.test", AF_INET);
    assert_int_equal(questions, 0);
    stop_names();
    unlink(path);
}

static void unknown_hosts_are_named(void **state)
{
    struct side client;

    (void)state;
    start_names();
    dial_name("nx-where.test", AF_UNSPEC, 9, NULL, &client);
    assert_int_equal(belay_conn_send(client.conn, 0, "x", 1), 0);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EHOST);
    assert_int_equal(client.closed_what, BELAY_EVENT_CLOSED | BELAY_EVENT_ERROR);
    assert_non_null(strstr(client.reason, "nx-where.test"));
    assert_int_equal(client.sents, 1);
    assert_int_equal(client.sent_errors, 1);
    dial_name("::1", AF_INET, 9, NULL, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EHOST);
    assert_string_equal(client.reason, "::1 is not an IPv4 address");
    stop_names();
}

static void silent_name_servers_end_by_the_connect_timeout(void **state)
{
    struct belay_config config = test_config();
    struct side client;

    (void)state;
    config.core.connect_timeout_ns = UINT64_C(200000000);
    start_names();
    dial_name("mute-name.test", AF_UNSPEC, 9, &config, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EHOST);
    assert_non_null(strstr(client.reason, "mute-name.test"));
    stop_names();
}

static void all_addresses_refused(void **state)
{
    struct closed_port closed = closed_port();
    struct side client;

    (void)state;
    start_names();
    dial_name("both.test", AF_UNSPEC, closed.port, NULL, &client);
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_EREFUSED);
    assert_memory_equal(client.reason, "connection refused: nothing listens at ", 39);
    stop_names();
    closed_port_free(&closed);
}

/* The limits of the queue hold while a name is looked up, too. */
static void the_queue_is_bounded_meanwhile(void **state)
{
    struct belay_config config = test_config();
    struct side client;
    static char bytes[1000];

    (void)state;
    config.core.message_size_max = 65536;
    config.core.send_queue_max = 5000;
    start_names();
    dial_name("mute-name.test", AF_UNSPEC, 9, &config, &client);
    for (int i = 0; i < 4; i++)
        assert_int_equal(belay_conn_send(client.conn, 0, bytes, 1000), 0);
    assert_int_equal(belay_conn_send(client.conn, 0, bytes, 1000), BELAY_EAGAIN);
    for (int i = 0; i < 100 && belay_conn_send(client.conn, 0, NULL, 0) == 0; i++)
        assert_true(i < 50); /* empty ones are bounded, too */
    assert_int_equal(belay_conn_send(client.conn, 0, bytes, 65537), BELAY_EMSGSIZE);
    assert_int_equal(belay_conn_send(client.conn, 256, bytes, 1), BELAY_EINVAL);
    assert_int_equal(belay_conn_close(client.conn), 0);
    assert_int_equal(belay_conn_close(client.conn), BELAY_ECLOSED);
    assert_int_equal(belay_conn_send(client.conn, 0, bytes, 1), BELAY_ECLOSED);
    belay_conn_free(client.conn);
    stop_names();
}

/* What was taken while there was no winner stays taken, whatever mark is set meanwhile. */
static void marks_set_meanwhile_lose_nothing(void **state)
{
    static const struct {
        size_t high;
        unsigned sent_before;
    } rows[] = {{2000, 10}, {20000, 4}};
    static char bytes[1000];

    (void)state;
    start_names();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_config config = test_config();
        struct belay_listener *listener;
        struct side server, client;
        unsigned taken = 0;

        config.core.message_size_max = 5000;
        config.core.send_queue_max = 15000;
        side_init(&server);
        listener = listen_on("127.0.0.1", NULL, 0, &server);
        dial_name("both.test", AF_UNSPEC, port_of(belay_listener_get_fd(listener)), &config,
                  &client);
        while (taken < rows[i].sent_before) {
            assert_int_equal(belay_conn_send(client.conn, 0, bytes, sizeof(bytes)), 0);
            taken++;
        }
        belay_conn_setwatermark(client.conn, 0, rows[i].high);
        while (belay_conn_send(client.conn, 0, bytes, sizeof(bytes)) == 0)
            taken++;
        assert_true(taken < 15);
        belay_conn_close(client.conn);
        WAIT_FOR(client.closed && server.closed);
        assert_int_equal(server.messages, taken);
        assert_int_equal(client.sents, taken);
        assert_int_equal(client.sent_errors, 0);
        belay_listener_free(listener);
    }
    stop_names();
}

/* Closing right after sending: the messages still go. */
static void closing_while_dialing_delivers(void **state)
{
    struct side server, client;
    struct belay_listener *listener;

    (void)state;
    start_names();
    side_init(&server);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    dial_name("both.test", AF_UNSPEC, port_of(belay_listener_get_fd(listener)), NULL, &client);
    assert_int_equal(belay_conn_send(client.conn, 0, "last words", 10), 0);
    assert_int_equal(belay_conn_close(client.conn), 0);
    WAIT_FOR(client.closed && server.closed);
    assert_int_equal(client.error, 0);
    assert_string_equal(server.last, "last words");
    belay_listener_free(listener);
    stop_names();
}

/* At every moment of a dial it may be given up, with nothing left behind. */
static void freeing_while_dialing(void **state)
{
    struct side server, client;
    struct belay_listener *listener;

    (void)state;
    start_names();
    side_init(&server);
    listener = listen_on("127.0.0.1", NULL, 0, &server);
    for (int turns = 0; turns < 12; turns++) {
        dial_name("both.test", AF_UNSPEC, port_of(belay_listener_get_fd(listener)), NULL,
                  &client);
        assert_int_equal(belay_conn_send(client.conn, 0, "x", 1), 0);
        for (int i = 0; i < turns && !client.connected; i++)
            turn_loop(__FILE__, __LINE__, "a turn");
        if (turns % 2 == 0)
            belay_conn_free(client.conn);
        else
            belay_endpoint_free(belay_conn_get_endpoint(client.conn));
    }
    dial_name("mute-name.test", AF_UNSPEC, 9, NULL, &client);
    belay_conn_abort(client.conn, 0x100, "changed my mind");
    WAIT_FOR(client.closed);
    assert_int_equal(client.error, BELAY_ECLOSED);
    assert_string_equal(client.reason, "changed my mind");
    dial_name("mute-name.test", AF_UNSPEC, 9, NULL, &client);
    belay_conn_abort(client.conn, 0, NULL);
    assert_int_equal(belay_conn_get_close_code(client.conn), BELAY_CLOSE_ABORTED);
    WAIT_FOR(client.closed);
    belay_endpoint_free(belay_listener_get_endpoint(listener));
    while (event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) > 0)
        turn_loop(__FILE__, __LINE__, "cancelled questions are answered");
    stop_names();
}

int main(void)
{
    const struct CMUnitTest dialing[] = {
        EVENT_TEST(names_of_one_family_or_both),
        EVENT_TEST(half_an_answer_is_enough),
        EVENT_TEST(localhost_needs_no_name_server),
        EVENT_TEST(numeric_hosts_need_no_resolver),
        EVENT_TEST(the_hosts_file_is_read),
        EVENT_TEST(unknown_hosts_are_named),
        EVENT_TEST(silent_name_servers_end_by_the_connect_timeout),
        EVENT_TEST(all_addresses_refused),
        EVENT_TEST(the_queue_is_bounded_meanwhile),
        EVENT_TEST(marks_set_meanwhile_lose_nothing),
        EVENT_TEST(closing_while_dialing_delivers),
        EVENT_TEST(freeing_while_dialing),
    };

    return RUN_BOTH(dialing);
}
