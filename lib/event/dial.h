/*
 * dial.h - connecting to a host name: Happy Eyeballs (RFC 8305).
 *
 * Both families are looked up at once. IPv6 starts as soon as its addresses are there, IPv4
 * after IPv6 or 50 ms of waiting for it (section 3); attempts start 250 ms apart, families in
 * turn (sections 4 and 5), or at once when one fails. The first that is up wins, the others
 * are dropped. Messages sent meanwhile are held here and given to the winner, in order, so
 * none is lost or sent twice.
 */
#ifndef BELAY_EVENT_DIAL_H
#define BELAY_EVENT_DIAL_H

#include "base/list.h"
#include "event/address.h"
#include "event/conn.h"

#include <belay/belay.h>

#define BELAY_DIAL_ADDRESSES_MAX 16 /* tried of one name, both families together */
#define BELAY_DIAL_HOST_MAX      256

struct belay_lookup;

/* Charged for each held message beside its size, as in the core: empty ones are bounded, too.
 */
#define BELAY_HELD_COST 64

/* A message that waits for a winner. */
struct belay_held {
    struct belay_held *next;
    struct belay_source source;
    size_t len;
    uint32_t channel;
    enum belay_mode mode;
    unsigned flags;
};

struct belay_hold {
    struct belay_held *first, **last;
    uint64_t count; /* messages accepted so far: the last one's number */
    uint64_t bytes; /* of those waiting, with BELAY_HELD_COST each */
    bool was_full;
};

struct belay_attempt {
    struct belay_address remote;
    struct belay_core_conn *core; /* NULL: not started, or over */
};

struct belay_dial {
    struct belay_list node; /* endpoint.dials */
    struct belay_conn *conn;
    int family;
    int port;
    struct belay_lookup *lookups[2];                         /* pending; IPv6, IPv4 */
    bool asking;                                             /* lookups are being started */
    struct belay_attempt attempts[BELAY_DIAL_ADDRESSES_MAX]; /* first those started */
    unsigned started, known, alive;
    struct event *timer;
    uint64_t last_attempt_ns;
    int error, system_error; /* the most telling failure so far, and its text */
    char reason[BELAY_REASON_MAX];
    struct belay_hold hold;
    bool close_asked;
    char host[BELAY_DIAL_HOST_MAX];
};

/* Starts dialing for conn. dns NULL: the endpoint's own. 0 or BELAY_ENOMEM; whatever else goes
 * wrong comes as an event. */
int belay_dial_new(struct belay_conn *conn, struct evdns_base *dns, int family,
                   const char *host, int port);
void belay_dial_free(struct belay_dial *dial); /* and everything it holds */

/* An event of one of dial's core connections: CONNECTED or CLOSED. */
void belay_dial_on_event(struct belay_dial *dial, const struct belay_core_event *event);
/* Addresses of one family, or error (EVUTIL_EAI_). The resolver's answer. */
struct evutil_addrinfo;
void belay_dial_on_addresses(struct belay_dial *dial, int family, int error,
                             const struct evutil_addrinfo *list);
/* Nothing listens at remote, or no way leads there: the dials that try it try the next, too. */
void belay_dial_hurry(struct belay_endpoint *endpoint, const struct belay_address *remote);

/* As belay_core_conn_send_source. */
int belay_dial_send(struct belay_dial *dial, uint32_t channel, enum belay_mode mode,
                    const struct belay_source *source, size_t len, unsigned flags,
                    uint64_t deadline_ns, uint64_t *message);

/* hold.c: the queue of held messages. */
void belay_hold_init(struct belay_hold *hold);
void belay_hold_dispose(struct belay_hold *hold);
int belay_hold_add(struct belay_hold *hold, const struct belay_held *message);
/* To conn->core, in order; those that it refuses end with its error. */
void belay_hold_hand_over(struct belay_hold *hold, struct belay_conn *conn);
/* There will be no winner. */
void belay_hold_give_up(struct belay_hold *hold, struct belay_conn *conn, int error);
/* The app's number of what the core numbered. */
uint64_t belay_hold_number(const struct belay_conn *conn, uint64_t core_number);

#endif
