/* The core's events to the app's callbacks (conn.h, endpoint.h). */
#include "event/conn.h"

#include "event/address.h"
#include "event/dial.h"
#include "event/endpoint.h"
#include "event/hooks.h"
#include "event/listener.h"

#include <event2/event.h>

#include <string.h>

static struct belay_conn *ready_conn(struct belay_list *node)
{
    return (struct belay_conn *)(void *)((char *)node - offsetof(struct belay_conn, ready));
}

/* ------------------------------------------------------------------ callbacks */

/* A callback may free anything but what this turn needs: dead connections are destroyed after
 * it, when its data is no longer looked at; a dead endpoint later still. */
static void after_callback(struct belay_endpoint *endpoint)
{
    if (!endpoint->freed)
        belay_reap(endpoint);
}

/* What an app without an event callback would do in it. */
static void attend(struct belay_conn *conn, short what)
{
    if ((what & BELAY_EVENT_ERROR) != 0)
        belay_endpoint_log(conn->endpoint, 1, conn, "%s", conn->reason);
    if ((what & BELAY_EVENT_CLOSED) != 0)
        belay_conn_free(conn);
    else if ((what & BELAY_EVENT_EOF) != 0)
        belay_conn_close(conn);
}

void belay_conn_emit_event(struct belay_conn *conn, short what)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    if (conn->freed)
        return;
    if (conn->on_event != NULL)
        conn->on_event(conn, what, conn->ctx);
    else if (conn->unattended)
        attend(conn, what);
    after_callback(endpoint);
}

void belay_conn_emit_sent(struct belay_conn *conn, uint64_t message, int error)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    if (conn->freed || conn->on_sent == NULL)
        return;
    conn->on_sent(conn, message, error, conn->ctx);
    after_callback(endpoint);
}

static void emit_message(struct belay_conn *conn, const struct belay_core_event *event)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    if (conn->freed || conn->on_message == NULL)
        return;
    conn->on_message(conn, event->channel, event->data, event->len, conn->ctx);
    after_callback(endpoint);
}

static void emit_write(struct belay_conn *conn)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    if (conn->freed)
        return;
    if ((conn->enabled & EV_WRITE) == 0) {
        conn->write_due = true;
        return;
    }
    conn->write_due = false;
    if (conn->on_write == NULL)
        return;
    conn->on_write(conn, conn->ctx);
    after_callback(endpoint);
}

/* ------------------------------------------------------------------ the core's events */

/* What is asked for when the core's connection may be gone. */
static void note_up(struct belay_conn *conn)
{
    const uint8_t *key = belay_core_conn_peer_key(conn->core);

    conn->connected = true;
    conn->aead = belay_core_conn_aead(conn->core);
    conn->has_peer_key = key != NULL;
    if (key != NULL)
        memcpy(conn->peer_key, key, sizeof(conn->peer_key));
}

static void on_accepted(struct belay_endpoint *endpoint, struct belay_core_conn *core)
{
    struct belay_listener *listener = endpoint->listener;
    union belay_sockaddr peer;
    struct belay_conn *conn;
    socklen_t len;

    conn = listener != NULL && listener->cb != NULL ? belay_conn_new(endpoint) : NULL;
    if (conn == NULL) {
        belay_core_conn_free(core);
        return;
    }
    belay_conn_attach(conn, core);
    note_up(conn);
    len = belay_address_get(&belay_core_conn_path(core)->remote, &peer);
    listener->cb(listener, conn, &peer.sa, (int)len, listener->ctx);
    after_callback(endpoint);
}

static void on_connected(struct belay_conn *conn)
{
    note_up(conn);
    belay_conn_emit_event(conn, BELAY_EVENT_CONNECTED);
}

static short closed_flags(const struct belay_conn *conn)
{
    short what = BELAY_EVENT_CLOSED;

    if (conn->error != 0)
        what |= BELAY_EVENT_ERROR;
    if (conn->error == BELAY_ETIMEDOUT)
        what |= BELAY_EVENT_TIMEOUT;
    return what;
}

/*
 * A connection with an endpoint of its own hears of its end when the peer has what it needs to
 * end, too: the app may then leave the loop, or the process, and takes the socket with it. That
 * is when the core needs nothing from the network any more, or after three PTO (RFC 9002,
 * section 6.2.1) in which the core has repeated its last word, or when the peer's socket is
 * gone. One that closes in the background stays as long. Where the endpoint stays, it answers,
 * and nobody waits.
 */
static void linger(struct belay_conn *conn)
{
    struct belay_endpoint *endpoint = conn->endpoint;
    uint64_t pto_ns;

    belay_conn_detach(conn);
    pto_ns = conn->stats.rtt_smoothed_ns + 4 * conn->stats.rtt_variance_ns +
             endpoint->config.core.ack_delay_max_ns;
    conn->lingering = true;
    endpoint->linger_end_ns = belay_now_ns() + 3 * pto_ns;
}

void belay_stop_lingering(struct belay_endpoint *endpoint, const struct belay_address *remote)
{
    struct belay_list *node;

    if (endpoint->linger_end_ns == 0)
        return;
    for (node = endpoint->ready.next; node != &endpoint->ready; node = node->next) {
        struct belay_conn *conn = ready_conn(node);

        if (conn->lingering && belay_address_is_equal(&conn->path.remote, remote))
            conn->lingering = false;
    }
    belay_endpoint_mark_work(endpoint);
}

static void on_closed(struct belay_conn *conn, const struct belay_core_event *event)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    conn->closed = true;
    conn->error = event->error;
    conn->close_code = event->close_code;
    belay_reason_format(conn->reason, event, conn->connected,
                        &belay_core_conn_path(conn->core)->remote,
                        belay_now_ns() - conn->born_ns);
    if (endpoint->owner == BELAY_OWNER_CONN) {
        linger(conn);
    } else if (conn->freed) { /* it closed in the background */
        belay_conn_bury(conn);
        after_callback(endpoint);
        return;
    }
    conn->closed_due = true;
    belay_conn_make_ready(conn);
}

static void on_authorize(struct belay_endpoint *endpoint, const struct belay_core_event *event)
{
    const struct belay_config *config = &endpoint->config;
    union belay_sockaddr peer;
    socklen_t len = belay_address_get(&belay_core_conn_path(event->conn)->remote, &peer);
    bool yes = config->authorize != NULL &&
               config->authorize(config->authorize_ctx, event->data, &peer.sa, (int)len);

    belay_core_conn_authorize(event->conn, yes);
}

static void on_event(struct belay_endpoint *endpoint, const struct belay_core_event *event)
{
    struct belay_conn *conn = event->user;

    if (event->type == BELAY_CORE_ACCEPTED) {
        on_accepted(endpoint, event->conn);
        return;
    }
    if (event->type == BELAY_CORE_AUTHORIZE) {
        on_authorize(endpoint, event);
        return;
    }
    if (conn == NULL)
        return;
    if (conn->dial != NULL) {
        belay_dial_on_event(conn->dial, event);
        if (event->type != BELAY_CORE_CONNECTED)
            return;
    }
    switch (event->type) {
    case BELAY_CORE_CONNECTED:
        on_connected(conn);
        break;
    case BELAY_CORE_MESSAGE:
        emit_message(conn, event);
        break;
    case BELAY_CORE_SENT:
        belay_conn_emit_sent(conn, belay_hold_number(conn, event->message), event->error);
        break;
    case BELAY_CORE_WRITABLE:
        emit_write(conn);
        break;
    case BELAY_CORE_EOF:
        belay_conn_emit_event(conn, BELAY_EVENT_EOF);
        break;
    case BELAY_CORE_REBOUND:
        belay_conn_emit_event(conn, BELAY_EVENT_REBOUND);
        break;
    case BELAY_CORE_CLOSED:
        on_closed(conn, event);
        break;
    case BELAY_CORE_ACCEPTED:
    case BELAY_CORE_AUTHORIZE:
        break;
    }
}

/* ------------------------------------------------------------------ the driver's own */

static bool must_linger(const struct belay_endpoint *endpoint)
{
    return belay_core_conn_count(endpoint->core) > 0 &&
           belay_now_ns() < endpoint->linger_end_ns;
}

/* False when conn stays ready for later. */
static bool run_ready(struct belay_conn *conn)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    while (!conn->freed && conn->refused_reported < conn->refused_count) {
        const struct belay_refused *refused = &conn->refused[conn->refused_reported++];

        if (refused->notify)
            belay_conn_emit_sent(conn, refused->number, refused->error);
    }
    if (!conn->freed && conn->write_due && !conn->closed)
        emit_write(conn);
    if (endpoint->freed || conn->endpoint == NULL || !conn->closed_due)
        return true;
    if (conn->lingering && must_linger(endpoint))
        return false;
    conn->closed_due = conn->lingering = false;
    endpoint->linger_end_ns = 0;
    if (conn->freed) /* it closed in the background */
        belay_conn_bury(conn);
    else
        belay_conn_emit_event(conn, closed_flags(conn));
    return true;
}

static void dispatch_ready(struct belay_endpoint *endpoint)
{
    struct belay_list waiting;
    struct belay_list *node;

    belay_list_init(&waiting);
    while (!endpoint->freed && (node = belay_list_first(&endpoint->ready)) != NULL) {
        struct belay_conn *conn = ready_conn(node);

        belay_list_remove(node);
        conn->references++;
        if (!run_ready(conn))
            belay_list_append(&waiting, node);
        belay_conn_unref(conn);
    }
    while ((node = belay_list_first(&waiting)) != NULL) {
        belay_list_remove(node);
        belay_list_append(&endpoint->ready, node);
    }
}

void belay_dispatch(struct belay_endpoint *endpoint)
{
    struct belay_core_event event;

    while (!endpoint->freed && belay_core_poll(endpoint->core, &event) == 1)
        on_event(endpoint, &event);
    dispatch_ready(endpoint);
}
