/*
 * endpoint.h - the driver's endpoint: one protocol core on one event_base.
 *
 * Entries from the loop (socket, timer, flush, resolver) are wrapped in belay_endpoint_enter
 * and _leave. In between the app's callbacks run and may free anything; what they free is only
 * marked, put on `dead`, and destroyed after the callback (connections) or in the last _leave
 * (the endpoint), since the callback's data may live in it. After each callback: look at
 * `freed`, and touch nothing but the endpoint if it is set.
 *
 * App calls never call back: they mark work in the core and call belay_endpoint_mark_work,
 * which makes the flush event active. libevent runs it after the events of this turn, so
 * answers and acknowledgements of a turn share packets. Only a turn that queues more than some
 * full packets sends these before it ends, so that the peer can work at the same time.
 */
#ifndef BELAY_EVENT_ENDPOINT_H
#define BELAY_EVENT_ENDPOINT_H

#include "base/list.h"
#include "event/timer.h"

#include <belay/belay.h>

struct belay_receiver;
struct belay_sender;
struct belay_socket;
struct belay_resolver;

/* Who ends the endpoint's life: the app, or the listener or the dial that it was made for. */
enum belay_owner { BELAY_OWNER_APP, BELAY_OWNER_LISTENER, BELAY_OWNER_CONN };

struct belay_endpoint {
    struct event_base *base;
    struct belay_config config;
    unsigned flags; /* BELAY_OPT_ */
    enum belay_owner owner;
    struct belay_core *core;
    struct belay_listener *listener; /* NULL: none */

    struct belay_list conns;   /* struct belay_conn.node: the app's */
    struct belay_list closing; /* the same: freed by the app, closing in the background */
    struct belay_list dead;    /* the same: freed, until the callback returns */
    struct belay_list ready;   /* struct belay_conn.ready: a callback of ours is due */
    struct belay_list dials;   /* struct belay_dial.node */
    size_t conn_count;         /* of conns */

    struct belay_shards *shards; /* the group that it is in; NULL: none */
    struct belay_socket **sockets;
    unsigned socket_count;
    const struct belay_socket *reading; /* its datagrams are being given out */
    struct belay_receiver *receiver;
    struct belay_sender *sender;
    struct belay_resolver *resolver; /* NULL until a name is dialed */
    struct belay_timer timer;
    struct event *flush;
    bool flush_marked;
    size_t turn_bytes; /* queued by the app since the last flush */
    bool buffer_warned;
    bool has_dialed; /* so that its peers may have any port */

    uint64_t linger_end_ns; /* when a lingering connection is done at the latest; 0: none */
    unsigned busy;          /* depth of enter */
    bool freed;
    void (*drained)(struct belay_endpoint *endpoint, void *ctx);
    void *drained_ctx;
    void (*trace)(void *ctx, const struct belay_conn *conn, const struct belay_trace *packet,
                  uint64_t now_ns);
    void *trace_ctx;
    struct belay_endpoint_stats stats;
};

struct belay_endpoint *belay_endpoint_new_for(struct event_base *base,
                                              const struct belay_config *config, unsigned flags,
                                              enum belay_owner owner);

void belay_endpoint_enter(struct belay_endpoint *endpoint);
void belay_endpoint_leave(struct belay_endpoint *endpoint); /* endpoint may be gone after it */
void belay_endpoint_mark_work(struct belay_endpoint *endpoint);
/* The same after a message of len bytes was queued on core. */
void belay_endpoint_mark_queued(struct belay_endpoint *endpoint,
                                const struct belay_core_conn *core, size_t len);

/* Dials remote for conn through a socket of its family, opened when there is none. 0 or
 * BELAY_ENOMEM, BELAY_ELIMIT, BELAY_EINVAL, BELAY_ESYS with errno. */
int belay_endpoint_dial(struct belay_endpoint *endpoint, const struct belay_address *remote,
                        struct belay_conn *conn, struct belay_core_conn **core);

/* Destroys what its owner has let go of; a no-op otherwise, and while busy. */
void belay_endpoint_release_unused(struct belay_endpoint *endpoint);

#endif
