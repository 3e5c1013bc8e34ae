/* The server of belay-perf: does what each client's plan says, and tells what it saw. */
#include "perf.h"

#include "gate.h"
#include "listen.h"
#include "quote.h"
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>
#include <openssl/crypto.h>

struct server {
    const struct perf_options *options;
    struct event_base *base;
    struct belay_endpoint *endpoint;
    struct report report;
    struct gate gate;
    uint8_t *payload; /* as large as the largest message */
    char boot[PERF_BOOT_MAX];
    bool is_draining;
};

/* The user pointer of its connection. */
struct peer {
    struct server *server;
    struct belay_conn *conn;
    struct perf_plan plan;
    struct perf_flow flow;
    bool has_plan, has_end, has_told;
    uint64_t started_ns, expected;
    double cpu_s;
    char name[ADDRESS_TEXT_MAX];
};

static void refuse(struct peer *peer, const char *why)
{
    belay_conn_abort(peer->conn, BELAY_CLOSE_APP, why);
}

/* ------------------------------------------------------------------ the plan */

static void on_hello(struct peer *peer, const struct perf_control *hello)
{
    struct server *server = peer->server;
    struct perf_control ready = {.event = PERF_READY, .clock_ns = belay_now_ns()};
    if (peer->has_plan || hello->plan.size > belay_conn_get_message_size_max(peer->conn)) {
        refuse(peer, peer->has_plan ? "a second hello" : "the messages are too large");
        return;
    }
    peer->plan = hello->plan;
    peer->has_plan = perf_flow_init(&peer->flow, server->base, peer->conn, &peer->plan, false);
    if (!peer->has_plan) {
        refuse(peer, "the server is out of memory");
        return;
    }
    memcpy(ready.boot, server->boot, sizeof ready.boot);
    perf_flow_say(&peer->flow, &ready);
}

static void on_go(struct peer *peer, const struct perf_control *control)
{
    if (!peer->has_plan || peer->started_ns > 0) {
        refuse(peer, "go in the wrong place");
        return;
    }
    peer->started_ns = belay_now_ns();
    peer->cpu_s = perf_cpu_s();
    peer->flow.offset_ns = -control->offset_ns;
    perf_flow_go(&peer->flow, peer->server->payload);
}

/* When all that the client sent has come. */
static void tell_totals(struct peer *peer)
{
    struct perf_control control = {.event = PERF_TOTALS};
    if (!peer->has_end || peer->has_told ||
        (!peer->plan.reverse && peer->flow.received < peer->expected))
        return;
    peer->has_told = true;
    control.totals.seconds = (double)(belay_now_ns() - peer->started_ns) / 1e9;
    control.totals.cpu_s = perf_cpu_s() - peer->cpu_s;
    perf_flow_sum(&peer->flow, &control.totals);
    perf_flow_say(&peer->flow, &control);
}

static void on_control(struct peer *peer, const void *data, size_t len)
{
    struct perf_control control;
    const char *wrong = perf_control_read(data, len, &control);
    if (wrong) {
        refuse(peer, wrong);
    } else if (control.event == PERF_HELLO) {
        on_hello(peer, &control);
    } else if (control.event == PERF_GO) {
        on_go(peer, &control);
    } else if (control.event == PERF_END && peer->started_ns > 0 && !peer->has_end) {
        perf_flow_stop(&peer->flow);
        peer->has_end = true;
        peer->expected = control.messages;
        tell_totals(peer);
    } else {
        refuse(peer, "a control message in the wrong place");
    }
}

/* ------------------------------------------------------------------ callbacks */

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)conn;
    struct peer *peer = ctx;
    if (channel == 0)
        on_control(peer, data, len);
    else if (peer->started_ns == 0 || !perf_flow_message(&peer->flow, channel, data, len))
        refuse(peer, "a message that is not of the plan");
    else if (peer->has_end)
        tell_totals(peer);
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    (void)conn;
    struct peer *peer = ctx;
    if (peer->has_plan)
        perf_flow_writable(&peer->flow);
}

static void peer_free(struct peer *peer)
{
    if (peer == NULL)
        return;
    perf_flow_dispose(&peer->flow);
    free(peer);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct peer *peer = ctx;
    if (what & BELAY_EVENT_EOF) {
        if (peer->has_plan)
            perf_flow_stop(&peer->flow);
        belay_conn_close(conn);
    }
    if (!(what & BELAY_EVENT_CLOSED))
        return;
    report_closed(&peer->server->report, peer->name,
                  what & BELAY_EVENT_ERROR ? belay_conn_get_reason(conn) : NULL);
    peer_free(peer);
    belay_conn_free(conn);
}

static void on_accept(struct belay_listener *listener, struct belay_conn *conn,
                      const struct sockaddr *addr, int socklen, void *ctx)
{
    (void)listener;
    struct server *server = ctx;
    struct peer *peer = listen_accept(conn, sizeof *peer);
    if (peer == NULL)
        return;
    peer->server = server;
    peer->conn = conn;
    address_format(addr, (socklen_t)socklen, peer->name);
    belay_conn_setcb(conn, on_message, on_write, on_event, peer);
    report_connected(&server->report, peer->name, gate_name(&server->gate, conn));
}

/* ------------------------------------------------------------------ life */

static bool open_endpoint(struct server *server)
{
    struct belay_config config;
    perf_configure(server->options, &config);
    bool is_right = gate_open(&server->gate, PERF_NAME, &server->options->security, &config);
    if (is_right) {
        server->endpoint = belay_endpoint_new(server->base, &config, 0);
        server->payload = calloc(1, config.core.message_size_max);
        is_right = server->endpoint && server->payload;
        if (!is_right)
            listen_complain(PERF_NAME, server->options->target, ENOMEM);
    }
    OPENSSL_cleanse(&config, sizeof config);
    if (server->endpoint)
        gate_attach(&server->gate, server->endpoint);
    struct listen_target target = {PERF_NAME, server->options->target,
                                   &server->options->address};
    return is_right && listen_open(&target, server->endpoint, on_accept, server);
}

static void on_drained(struct belay_endpoint *endpoint, void *ctx)
{
    (void)endpoint;
    struct server *server = ctx;
    event_base_loopbreak(server->base);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct server *server = ctx;
    struct belay_conn *conn = NULL;
    if (server->is_draining)
        event_base_loopbreak(server->base);
    server->is_draining = true;
    while ((conn = belay_endpoint_next_conn(server->endpoint, conn)))
        belay_conn_abort(conn, BELAY_CLOSE_APP, "the server was ended");
    belay_endpoint_drain(server->endpoint, on_drained, server);
}

static void serve(struct server *server)
{
    for (unsigned i = 0; belay_endpoint_get_fd(server->endpoint, i) >= 0; i++)
        report_listening(&server->report, belay_endpoint_get_fd(server->endpoint, i));
    gate_report(&server->gate, server->endpoint, PERF_NAME " -c", false, &server->report);
    event_base_dispatch(server->base);
}

static void dispose(struct server *server)
{
    struct belay_conn *conn = NULL;
    while (server->endpoint && (conn = belay_endpoint_next_conn(server->endpoint, conn)))
        peer_free(belay_conn_get_user(conn));
    if (server->endpoint)
        belay_endpoint_free(server->endpoint);
    gate_close(&server->gate);
    report_dispose(&server->report);
    free(server->payload);
}

int perf_serve(const struct perf_options *options)
{
    struct server server = {
        .options = options, .base = perf_base_new(), .gate = {.keylog = {.fd = -1}}};
    server.report = (struct report){.quiet = options->quiet, .json = options->json};
    if (server.base == NULL)
        return EXIT_FAILURE;
    perf_boot(server.boot);
    struct event *interrupt = evsignal_new(server.base, SIGINT, on_signal, &server);
    struct event *terminate = evsignal_new(server.base, SIGTERM, on_signal, &server);
    bool is_right = interrupt && terminate && report_init(&server.report, server.base) == 0 &&
                    evsignal_add(interrupt, NULL) == 0 && evsignal_add(terminate, NULL) == 0 &&
                    open_endpoint(&server);
    if (is_right)
        serve(&server);
    dispose(&server);
    if (interrupt)
        event_free(interrupt);
    if (terminate)
        event_free(terminate);
    event_base_free(server.base);
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
