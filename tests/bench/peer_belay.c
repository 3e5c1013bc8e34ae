/* Belay behind peer.h: the public API; the library flushes at the end of a loop turn. */
#include "peer.h"

#include <arpa/inet.h>
#include <belay/belay.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes in the queue: enough for the pipe, little enough to stay in a cache. */
#define QUEUE_HIGH (4u * 1024 * 1024)
#define QUEUE_LOW  (QUEUE_HIGH / 2)

static struct event_base *base;
static struct event *tick;
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
    (void)ctx;
    if (what & BELAY_EVENT_CONNECTED)
        is_ready = true;
    if (what & (BELAY_EVENT_EOF | BELAY_EVENT_CLOSED))
        has_ended = true;
    if ((what & BELAY_EVENT_ERROR) && belay_conn_get_close_code(c) != BELAY_CLOSE_ABORTED)
        fprintf(stderr, "Belay: %s\n", belay_conn_get_reason(c));
}

/* Its event ends poll's wait. */
static void on_write(struct belay_conn *c, void *ctx)
{
    (void)c;
    (void)ctx;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    (void)ctx;
}

static void adopt(struct belay_conn *c)
{
    conn = c;
    belay_conn_setcb(c, on_message, on_write, on_event, NULL);
    belay_conn_setwatermark(c, QUEUE_LOW, QUEUE_HIGH);
}

static void on_accept(struct belay_listener *l, struct belay_conn *c,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)l;
    (void)addr;
    (void)socklen;
    (void)ctx;
    adopt(c);
    is_ready = true;
}

static void configure(const struct bench_setup *setup, struct belay_config *config)
{
    const char *datagram = bench_word(setup, "datagram"), *cc = bench_word(setup, "cc");

    belay_config_init(config);
    config->core.insecure = bench_word(setup, "insecure") != NULL;
    config->portable_io = bench_word(setup, "portable") != NULL;
    if (datagram != NULL)
        config->core.datagram_size = config->core.datagram_size_max =
            (uint32_t)strtoul(datagram, NULL, 10);
    if (cc != NULL)
        config->core.congestion = cc;
}

static int listen_at(struct bench_setup *setup, const struct belay_config *config,
                     struct sockaddr_in *addr)
{
    socklen_t len = sizeof(*addr);

    listener = belay_listener_new_bind(base, config, on_accept, NULL, 0,
                                       (struct sockaddr *)addr, sizeof(*addr));
    if (listener == NULL ||
        getsockname(belay_listener_get_fd(listener), (struct sockaddr *)addr, &len) != 0)
        return -1;
    setup->port = ntohs(addr->sin_port);
    return 0;
}

/* The library has precise timers of its own, where the system has them. */
static struct event_base *new_base(bool portable)
{
    struct event_config *config = event_config_new();
    struct event_base *made;

    if (portable)
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    made = event_base_new_with_config(config);
    event_config_free(config);
    return made;
}

static int start(struct bench_setup *setup)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(setup->port)};
    struct belay_config config;
    const char *wrong;
    int error = -1;

    deliver = setup->on_message;
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    configure(setup, &config);
    wrong = belay_core_config_check(&config.core);
    base = new_base(config.portable_io);
    tick = evtimer_new(base, on_tick, NULL);
    if (wrong == NULL && setup->is_server) {
        error = listen_at(setup, &config, &addr);
    } else if (wrong == NULL) {
        conn = belay_connect(base, &config, 0, (struct sockaddr *)&addr, sizeof(addr));
        error = conn == NULL ? -1 : 0;
        if (conn != NULL)
            adopt(conn);
    }
    if (error != 0)
        fprintf(stderr, "Belay: %s\n", wrong != NULL ? wrong : "no connection could be made");
    return error;
}

static bool ready(void)
{
    return is_ready;
}

static bool send_message(const void *data, size_t len)
{
    return belay_conn_send(conn, 0, data, len) == 0;
}

static void flush(void)
{
}

static bool poll_input(unsigned timeout_us)
{
    struct timeval timeout = {.tv_sec = timeout_us / 1000000, .tv_usec = timeout_us % 1000000};

    if (timeout_us > 0)
        evtimer_add(tick, &timeout);
    event_base_loop(base, EVLOOP_ONCE | (timeout_us > 0 ? 0 : EVLOOP_NONBLOCK));
    return !has_ended;
}

static void stats(struct bench_stats *out)
{
    struct belay_stats all = {.rtt_smoothed_ns = 0};

    if (conn != NULL)
        belay_conn_get_stats(conn, &all, sizeof(all));
    *out = (struct bench_stats){all.rtt_smoothed_ns, all.packets_retransmitted};
}

static void stop(void)
{
    if (conn != NULL)
        belay_conn_free(conn);
    event_base_loop(base, EVLOOP_NONBLOCK); /* tells the peer */
    if (listener != NULL)
        belay_listener_free(listener);
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_free(tick);
    event_base_free(base);
}

const struct bench_peer bench_peer = {
    .name = "Belay",
    .words = "insecure datagram cc portable",
    .start = start,
    .ready = ready,
    .send = send_message,
    .flush = flush,
    .poll = poll_input,
    .stats = stats,
    .stop = stop,
};
