/*
 * Echo over Belay. Each message goes back on its channel, in order. When a peer's send queue
 * is full, its one reply that did not fit is kept and nothing more is read from it until the
 * reply has gone: credit then slows the peer. So a peer costs no more than Belay's own limits
 * and one message, and nothing is dropped.
 */
#include "server.h"

#include "gate.h"
#include "listen.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>
#include <openssl/crypto.h>

struct server {
    struct event_base *base;
    struct report *report;
    struct belay_endpoint *endpoint;
    struct gate gate;
};

/* The user pointer of its connection. */
struct peer {
    struct server *server;
    struct belay_conn *conn;
    void *reply; /* kept: what the send queue did not take; NULL: none */
    size_t reply_len;
    unsigned reply_channel;
    bool close_after_reply, closing;
    char name[ADDRESS_TEXT_MAX];
};

/* ------------------------------------------------------------------ replies */

static void peer_close(struct peer *peer)
{
    if (peer->reply) {
        peer->close_after_reply = true;
        return;
    }
    peer->closing = true;
    belay_conn_close(peer->conn);
}

static int peer_reply(struct peer *peer, unsigned channel, const void *data, size_t len)
{
    int error = belay_conn_send(peer->conn, channel, data, len);
    if (error == 0)
        report_sent(peer->server->report, peer->name, channel, len);
    return error;
}

/* An echo that can't be sent is no echo: the peer is told, not left waiting. */
static void peer_fail(struct peer *peer, int error)
{
    belay_conn_abort(peer->conn, BELAY_CLOSE_APP, belay_strerror(error));
}

static void peer_keep(struct peer *peer, unsigned channel, const void *data, size_t len)
{
    peer->reply = malloc(len + 1);
    if (peer->reply == NULL) {
        peer_fail(peer, BELAY_ENOMEM);
        return;
    }
    memcpy(peer->reply, data, len);
    peer->reply_len = len;
    peer->reply_channel = channel;
    belay_conn_disable(peer->conn, EV_READ);
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)conn;
    struct peer *peer = ctx;
    report_received(peer->server->report, peer->name, channel, len);
    if (peer->closing) {
        peer->server->report->unanswered++;
        return;
    }
    int error = peer_reply(peer, channel, data, len);
    if (error == BELAY_EAGAIN)
        peer_keep(peer, channel, data, len);
    else if (error != 0)
        peer_fail(peer, error);
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    struct peer *peer = ctx;
    if (peer->reply == NULL)
        return;
    int error = peer_reply(peer, peer->reply_channel, peer->reply, peer->reply_len);
    if (error == BELAY_EAGAIN)
        return;
    free(peer->reply);
    peer->reply = NULL;
    if (error != 0) {
        peer_fail(peer, error);
        return;
    }
    belay_conn_enable(conn, EV_READ);
    if (peer->close_after_reply)
        peer_close(peer);
}

/* ------------------------------------------------------------------ peers */

static void peer_moved(struct peer *peer)
{
    struct sockaddr_storage addr;
    char now[ADDRESS_TEXT_MAX];
    int len = sizeof addr;

    if (belay_conn_get_peer(peer->conn, (struct sockaddr *)&addr, &len) != 0)
        return;
    address_format((struct sockaddr *)&addr, (socklen_t)len, now);
    if (strcmp(now, peer->name) != 0)
        report_moved(peer->server->report, peer->name, now);
    strcpy(peer->name, now);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    struct peer *peer = ctx;
    if (what & BELAY_EVENT_REBOUND)
        peer_moved(peer);
    if ((what & BELAY_EVENT_EOF) && !peer->closing)
        peer_close(peer);
    if (!(what & BELAY_EVENT_CLOSED))
        return;
    report_closed(peer->server->report, peer->name,
                  what & BELAY_EVENT_ERROR ? belay_conn_get_reason(conn) : NULL);
    free(peer->reply);
    free(peer);
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
    report_connected(server->report, peer->name, gate_name(&server->gate, conn));
}

/* ------------------------------------------------------------------ life */

/* Connections that are still open have no CLOSED to come: their peers are freed here. */
static void server_free(struct server *server)
{
    struct belay_conn *conn = NULL;
    while (server->endpoint && (conn = belay_endpoint_next_conn(server->endpoint, conn))) {
        struct peer *peer = belay_conn_get_user(conn);
        if (peer)
            free(peer->reply);
        free(peer);
    }
    if (server->endpoint)
        belay_endpoint_free(server->endpoint);
    gate_close(&server->gate);
    free(server);
}

/* False after printing why. */
static bool open_endpoint(struct server *server, const struct server_options *options)
{
    struct belay_config config;
    belay_config_init(&config);
    if (options->congestion)
        config.core.congestion = options->congestion;
    bool is_right = gate_open(&server->gate, SERVER_NAME, &options->security, &config);
    if (is_right)
        server->endpoint = belay_endpoint_new(server->base, &config, 0);
    if (is_right && server->endpoint == NULL)
        server_complain(options, errno);
    OPENSSL_cleanse(&config, sizeof config);
    if (server->endpoint)
        gate_attach(&server->gate, server->endpoint);
    return server->endpoint != NULL;
}

static void report_all(struct server *server)
{
    for (unsigned i = 0; belay_endpoint_get_fd(server->endpoint, i) >= 0; i++)
        report_listening(server->report, belay_endpoint_get_fd(server->endpoint, i));
    gate_report(&server->gate, server->endpoint, "belay-echo-client", true, server->report);
}

static struct server *server_open(struct event_base *base, const struct server_options *options,
                                  struct report *report)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        server_complain(options, ENOMEM);
        return NULL;
    }
    server->base = base;
    server->report = report;
    struct listen_target target = {SERVER_NAME, options->listen, &options->address};
    if (open_endpoint(server, options) &&
        listen_open(&target, server->endpoint, on_accept, server)) {
        report_all(server);
        return server;
    }
    server_free(server);
    return NULL;
}

static void on_drained(struct belay_endpoint *endpoint, void *ctx)
{
    (void)endpoint;
    struct server *server = ctx;
    event_base_loopbreak(server->base);
}

static void server_drain(struct server *server)
{
    struct belay_conn *conn = NULL;
    while ((conn = belay_endpoint_next_conn(server->endpoint, conn))) {
        struct peer *peer = belay_conn_get_user(conn);
        if (peer && !peer->closing)
            peer_close(peer);
    }
    belay_endpoint_drain(server->endpoint, on_drained, server);
}

const struct server_kind server_belay = {
    .open = server_open, .drain = server_drain, .free = server_free};
