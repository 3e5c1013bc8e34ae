#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_S   30  /* a test */
#define PROGRAM_S 280 /* the whole program, should the loop itself hang */

struct event_base *base;
bool portable;
static struct event *guard;
static bool guard_fired;

uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return (hash ^ len) * UINT64_C(0x100000001b3);
}

/* ------------------------------------------------------------------ sides */

static bool hooked(struct side *side, struct belay_conn *conn, const char *where)
{
    return side->hook != NULL && side->hook(side, conn, where);
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    struct side *side = ctx;

    assert_non_null(data);
    side->messages++;
    side->bytes += len;
    side->hash = hash_bytes(side->hash, data, len);
    side->last_len = len;
    memset(side->last, 0, sizeof(side->last));
    memcpy(side->last, data, len < sizeof(side->last) - 1 ? len : sizeof(side->last) - 1);
    if (hooked(side, conn, "message")) {
        /* Borrowed until the callback returns, whatever was freed in it. */
        side->hash = hash_bytes(side->hash, data, len);
        return;
    }
    if (side->echo)
        assert_int_equal(belay_conn_send(conn, channel, data, len), 0);
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    struct side *side = ctx;

    side->writes++;
    hooked(side, conn, "write");
}

static void on_sent(struct belay_conn *conn, uint64_t message, int error, void *ctx)
{
    struct side *side = ctx;

    side->sents++;
    side->last_sent = message;
    if (error != 0)
        side->sent_errors++;
    hooked(side, conn, "sent");
}

static void on_closed(struct side *side, struct belay_conn *conn, short what)
{
    side->closed++;
    side->closed_what = what;
    side->error = belay_conn_get_error(conn);
    side->close_code = belay_conn_get_close_code(conn);
    snprintf(side->reason, sizeof(side->reason), "%s", belay_conn_get_reason(conn));
    if (hooked(side, conn, "closed") || side->keep_closed)
        return;
    belay_conn_free(conn);
    if (side->conn == conn)
        side->conn = NULL;
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct side *side = ctx;

    if ((what & BELAY_EVENT_CONNECTED) != 0) {
        side->connected++;
        hooked(side, conn, "connected");
    } else if ((what & BELAY_EVENT_REBOUND) != 0) {
        side->rebounds++;
        hooked(side, conn, "rebound");
    } else if ((what & BELAY_EVENT_EOF) != 0) {
        side->eofs++;
        if (!hooked(side, conn, "eof") && side->close_at_eof)
            belay_conn_close(conn);
    } else if ((what & BELAY_EVENT_CLOSED) != 0) {
        on_closed(side, conn, what);
    } else {
        fail_msg("unexpected event 0x%x", (unsigned)what);
    }
}

void side_init(struct side *side)
{
    memset(side, 0, sizeof(*side));
    side->hash = UINT64_C(0xcbf29ce484222325);
    side->close_at_eof = true;
}

void side_adopt(struct side *side, struct belay_conn *conn)
{
    side->conn = conn;
    belay_conn_setcb(conn, on_message, on_write, on_event, side);
    belay_conn_set_sent_cb(conn, on_sent);
}

void side_accept(struct belay_listener *listener, struct belay_conn *conn,
                 const struct sockaddr *addr, int socklen, void *ctx)
{
    struct side *side = ctx;

    (void)listener;
    side->accepted++;
    belay_format_address(addr, socklen, side->addr, sizeof(side->addr));
    side_adopt(side, conn);
    hooked(side, conn, "accept");
}

/* ------------------------------------------------------------------ addresses */

int make_address(const char *text, unsigned port, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        return sizeof(*in);
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    return sizeof(*in6);
}

unsigned port_of(evutil_socket_t fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof(name);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

bool has_ipv6(void)
{
    struct sockaddr_storage addr;
    int len = make_address("::1", 0, &addr);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&addr, (socklen_t)len) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

/* Bound, and connected to itself; -1: somebody has the port. */
static int hear_itself(const char *text, unsigned port)
{
    struct sockaddr_storage addr;
    int len = make_address(text, port, &addr);
    int fd = socket(addr.ss_family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    if (bind(fd, (struct sockaddr *)&addr, (socklen_t)len) != 0) {
        assert_int_equal(errno, EADDRINUSE);
        close(fd);
        return -1;
    }
    len = make_address(text, port_of(fd), &addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, (socklen_t)len), 0);
    return fd;
}

struct closed_port closed_port(void)
{
    struct closed_port closed = {.fds = {-1, -1}};

    for (;;) {
        int next = hear_itself("127.0.0.1", 0);

        assert_true(next >= 0);
        closed_port_free(&closed); /* only now, or it might be the next */
        closed = (struct closed_port){.port = port_of(next), .fds = {next, -1}};
        if (!has_ipv6())
            return closed;
        closed.fds[1] = hear_itself("::1", closed.port);
        if (closed.fds[1] >= 0)
            return closed;
    }
}

void closed_port_free(const struct closed_port *closed)
{
    for (size_t i = 0; i < 2; i++)
        if (closed->fds[i] >= 0)
            close(closed->fds[i]);
}

struct belay_config test_config(void)
{
    struct belay_config config;

    belay_config_init(&config);
    config.portable_io = portable;
    return config;
}

struct belay_listener *listen_on(const char *text, const struct belay_config *config,
                                 unsigned flags, struct side *side)
{
    struct belay_config ours = config != NULL ? *config : test_config();
    struct sockaddr_storage addr;
    int len = make_address(text, 0, &addr);
    struct belay_listener *listener = belay_listener_new_bind(
        base, &ours, side_accept, side, flags, (struct sockaddr *)&addr, len);

    assert_non_null(listener);
    return listener;
}

struct belay_conn *dial(const char *text, unsigned port, const struct belay_config *config,
                        unsigned flags, struct side *side)
{
    struct belay_config ours = config != NULL ? *config : test_config();
    struct sockaddr_storage addr;
    int len = make_address(text, port, &addr);
    struct belay_conn *conn = belay_connect(base, &ours, flags, (struct sockaddr *)&addr, len);

    assert_non_null(conn);
    side_adopt(side, conn);
    return conn;
}

struct belay_listener *open_sides(const char *text, const struct belay_config *config,
                                  struct side *server, struct side *client)
{
    struct belay_listener *listener;

    side_init(server);
    side_init(client);
    listener = listen_on(text, config, 0, server);
    dial(text, port_of(belay_listener_get_fd(listener)), config, 0, client);
    WAIT_FOR(client->connected && server->accepted);
    return listener;
}

void close_sides(struct belay_listener *listener, struct side *server, struct side *client)
{
    belay_conn_close(client->conn);
    WAIT_FOR(client->closed && server->closed);
    assert_int_equal(client->error, 0);
    assert_int_equal(server->error, 0);
    belay_listener_free(listener);
}

/* ------------------------------------------------------------------ running */

static void on_guard(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
    guard_fired = true;
}

void turn_loop(const char *file, int line, const char *what)
{
    if (guard_fired) {
        event_base_dump_events(base, stderr);
        fail_msg("%s:%d: waited %d s in vain for: %s", file, line, GUARD_S, what);
    }
    event_base_loop(base, EVLOOP_ONCE);
}

int set_up(void **state)
{
    struct timeval limit = {GUARD_S, 0};

    (void)state;
    guard_fired = false;
    base = event_base_new();
    guard = evtimer_new(base, on_guard, NULL);
    event_add(guard, &limit);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    event_free(guard);
    event_base_free(base);
    return 0;
}

int run_both(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
#if defined(BELAY_PORTABLE_IO)
    const int first_mode = 1; /* the library was built without the fast paths */
#else
    const int first_mode = 0;
#endif

    alarm(PROGRAM_S);
    for (int mode = first_mode; mode < 2; mode++) {
        portable = mode == 1;
        print_message("%s, %s\n", name, portable ? "portable_io" : "fast paths");
        failed += _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    }
    return failed;
}
