/*
 * conn.h - the driver's side of a connection, and how the core's events reach its callbacks.
 *
 * Life: on endpoint.conns until the app frees it; then on .dead, or on .closing until CLOSED
 * and then on .dead. Reaping a dead one takes core and endpoint from it and drops the
 * reference that the app had; the memory goes with the last reference. So a non-NULL
 * `endpoint` is always valid.
 *
 * core is NULL while a host name is being dialed (`dial` is set then), and for good once the
 * core's connection has been let go; path and stats are then as they were last.
 */
#ifndef BELAY_EVENT_CONN_H
#define BELAY_EVENT_CONN_H

#include "base/list.h"

#include <belay/belay.h>

struct belay_dial;

#define BELAY_REASON_MAX 320

/* A message that was held while dialing and then given up. */
struct belay_refused {
    uint64_t number;
    int error;
    bool notify; /* the sent callback is due */
};

struct belay_conn {
    struct belay_list node, ready;
    struct belay_endpoint *endpoint;
    struct belay_core_conn *core;
    struct belay_dial *dial;
    unsigned references;

    belay_message_cb on_message;
    belay_write_cb on_write;
    belay_event_cb on_event;
    belay_sent_cb on_sent;
    void *ctx, *user;
    size_t low, high; /* watermarks, bytes */
    short enabled;    /* EV_READ, EV_WRITE */

    bool unattended; /* the app wants no events: it closes and frees itself */
    bool connected;  /* has been */
    bool closed;     /* CLOSED was delivered, or will be by the ready list */
    bool freed;      /* by the app: no more callbacks */
    bool write_due;  /* ready: the write callback */
    bool closed_due; /* ready: the closed event */
    bool lingering;  /* closed_due waits: dispatch.c, linger */

    int error, system_error;
    uint64_t close_code;
    char reason[BELAY_REASON_MAX];
    uint64_t born_ns;
    struct belay_path path;
    struct belay_stats stats;
    bool has_peer_key;
    uint8_t peer_key[32];
    enum belay_aead aead;

    struct belay_refused *refused; /* ascending */
    size_t refused_count, refused_reported;
};

/* On endpoint.conns, one reference. NULL without memory. */
struct belay_conn *belay_conn_new(struct belay_endpoint *endpoint);
void belay_conn_unref(struct belay_conn *conn);
/* From the endpoint's lists to its dead. */
void belay_conn_bury(struct belay_conn *conn);
/* conn takes core as its own, with all that was set on it before. */
void belay_conn_attach(struct belay_conn *conn, struct belay_core_conn *core);
/* path and stats are kept, the core's connection is freed. */
void belay_conn_detach(struct belay_conn *conn);
/* Whether the core hands out messages, as conn's callbacks and switches say. */
void belay_conn_update_reading(struct belay_conn *conn);

/* Ends conn by the driver's own judgement; CLOSED follows from the loop. */
void belay_conn_fail(struct belay_conn *conn, int error, int system_error, const char *format,
                     ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;
/* Its callbacks that are due come from the loop. */
void belay_conn_make_ready(struct belay_conn *conn);
/* The write callback is. */
void belay_conn_write_later(struct belay_conn *conn);
/* One callback with conn kept alive, and what died in it reaped; nothing when freed. */
void belay_conn_emit_event(struct belay_conn *conn, short what);
void belay_conn_emit_sent(struct belay_conn *conn, uint64_t message, int error);

/* A sentence of why the core's CLOSED event came, into out (BELAY_REASON_MAX). remote may be
 * empty. */
void belay_reason_format(char *out, const struct belay_core_event *event, bool was_connected,
                         const struct belay_address *remote, uint64_t tried_ns);

/* Hands every event of the core, and what is ready, to the callbacks. Busy only. */
void belay_dispatch(struct belay_endpoint *endpoint);
/* Nothing listens at remote any more: whoever lingers for it need not. */
void belay_stop_lingering(struct belay_endpoint *endpoint, const struct belay_address *remote);
/* Destroys dead connections. */
void belay_reap(struct belay_endpoint *endpoint);

#endif
