/* Belay behind peer.h: the public API; the library flushes at the end of a loop turn. */
#include "peer.h"

#include <belay/belay.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>

static struct event_base *base;
static struct belay_listener *listener;
static struct belay_conn *conn;
static bool is_ready, has_ended;
static void (*deliver)(const void *data, size_t len);

static void on_message(struct belay_conn *c, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)c;
    (void)channel;
    (void)ctx;
    deliver(data, len);
}

static void on_event(struct belay_conn *c, short what, void *ctx)
{
    (void)c;
    (void)ctx;
    if (what & BELAY_EVENT_CONNECTED)
        is_ready = true;
    if (what & (BELAY_EVENT_EOF | BELAY_EVENT_CLOSED))
        has_ended = true;
}

static void on_accept(struct belay_listener *l, struct belay_conn *c,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)l;
    (void)addr;
    (void)socklen;
    (void)ctx;
    conn = c;
    is_ready = true;
    belay_conn_setcb(c, on_message, NULL, on_event, NULL);
}

static int start(bool is_server, uint16_t *port, void (*message)(const void *, size_t))
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(is_server ? 0 : *port)};
    socklen_t len = sizeof(addr);

    deliver = message;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    base = event_base_new();
    if (!is_server) {
        conn = belay_connect(base, NULL, 0, (struct sockaddr *)&addr, sizeof(addr));
        if (conn == NULL)
            return -1;
        belay_conn_setcb(conn, on_message, NULL, on_event, NULL);
        return 0;
    }
    listener = belay_listener_new_bind(base, NULL, on_accept, NULL, 0, (struct sockaddr *)&addr,
                                       sizeof(addr));
    if (listener == NULL ||
        getsockname(belay_listener_get_fd(listener), (struct sockaddr *)&addr, &len) != 0)
        return -1;
    *port = ntohs(addr.sin_port);
    return 0;
}

static bool ready(void)
{
    return is_ready;
}

static bool ended(void)
{
    return has_ended;
}

static bool send_message(const void *data, size_t len)
{
    return belay_conn_send(conn, 0, data, len) == 0;
}

static void flush(void)
{
}

static void wait_input(void)
{
    event_base_loop(base, EVLOOP_ONCE);
}

static void stop(void)
{
    belay_conn_free(conn);
    event_base_loop(base, EVLOOP_NONBLOCK); /* tells the peer */
    if (listener != NULL)
        belay_listener_free(listener);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
}

const struct bench_peer bench_peer = {
    "Belay", start, ready, ended, send_message, flush, wait_input, stop,
};
