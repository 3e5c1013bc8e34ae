/*
 * connection.h - one connection: lifecycle, packet in, packet out, events.
 *
 * Four kinds of function only: getters; inputs (what the network and the clock did; they take
 * the time last); app calls (they mark work and take no time); outputs (send, poll, deadline).
 * There are no callbacks. The endpoint finds the connection for a packet, and asks after each
 * call what has become of it.
 */
#ifndef BELAY_CONN_CONNECTION_H
#define BELAY_CONN_CONNECTION_H

#include <belay/core.h>

#include "base/pool.h"
#include "conn/hints.h"
#include "crypto/noise_suite.h"
#include "crypto/suite.h"
#include "recovery/congestion.h"
#include "wire/packet.h"

struct belay_connection;

/* What an endpoint lends its connections; outlives them. */
struct belay_connection_env {
    struct belay_mem *mem; /* the core's: each connection counts under it */
    struct belay_pool *pool;
    struct belay_suite *suite;
    struct belay_noise_suite *noise;
    const uint8_t *private_key, *server_key; /* server_key: NULL, what dials expect */
    const uint8_t *public_key;               /* of private_key */
    const struct belay_core_config *config;
    const struct belay_congestion *congestion;
    struct belay_hints *hints; /* of sizes: a connection takes those for its path */
    struct belay_random random;
    struct belay_log log;
    void (*trace)(void *ctx, const struct belay_core_conn *conn,
                  const struct belay_trace *packet, uint64_t now_ns);
    void *trace_ctx; /* may change at any time */
    void (*keylog)(void *ctx, const char *line);
    void *keylog_ctx;
};

/* Who the connection is to the endpoint: its name in events, logs and traces, and the
 * connection ID that its peer shall use (len 0: none). */
struct belay_connection_self {
    struct belay_core_conn *handle;
    uint8_t cid[BELAY_CID_BYTES];
    size_t cid_len;
    uint8_t reset_token[BELAY_RESET_TOKEN_BYTES]; /* of cid; told to the peer */
};

/* ------------------------------------------------------------------ beginning and end */

/* A client that dials. NULL: no memory. */
struct belay_connection *belay_connection_dial(const struct belay_connection_env *env,
                                               const struct belay_connection_self *self,
                                               const struct belay_path *path);

/* Why a server with this config does not take a handshake of this kind: a static text, with
 * *code; NULL: it does. */
const char *belay_connection_refuses(const struct belay_core_config *config, unsigned kind,
                                     uint64_t *code);

/*
 * A server's half-open connection from a valid INIT. NULL with *error: BELAY_ENOMEM, or
 * BELAY_EPROTO or BELAY_EKEY when its client is to be refused with *code and *why, a static
 * text. The INIT's tag has been checked, and its kind is one that is taken.
 */
struct belay_connection *
belay_connection_accept(const struct belay_connection_env *env,
                        const struct belay_connection_self *self, const struct belay_path *path,
                        const struct belay_hello *init, const uint8_t *packet, size_t len,
                        uint64_t now_ns, int *error, uint64_t *code, const char **why);

void belay_connection_free(struct belay_connection *c);

/* ------------------------------------------------------------------ getters */

enum belay_connection_stage {
    BELAY_STAGE_DIALING,   /* client: INIT sent, no answer yet */
    BELAY_STAGE_HALF_OPEN, /* server: ACCEPT sent, not confirmed */
    BELAY_STAGE_OPEN,
    BELAY_STAGE_LINGERING, /* closed; still answers the peer */
    BELAY_STAGE_DEAD,      /* needs nothing from the network any more */
};

enum belay_connection_stage belay_connection_stage(const struct belay_connection *c);
const struct belay_path *belay_connection_path(const struct belay_connection *c);
/*
 * What an endpoint finds a connection by. take_changes: has it changed since it was last asked?
 * Entries may be NULL. path_at: the paths on which packets may come, the present one first.
 * own_cid: ours, and wants_cid the entry to be filled with one more, by give_cid (else -1).
 * peer_token: what a RESET for this connection carries.
 */
#define BELAY_CONNECTION_PATHS 3
#define BELAY_CONNECTION_CIDS  4
bool belay_connection_take_changes(struct belay_connection *c);
const struct belay_path *belay_connection_path_at(const struct belay_connection *c, unsigned i);
const uint8_t *belay_connection_own_cid(const struct belay_connection *c, unsigned i);
int belay_connection_wants_cid(const struct belay_connection *c);
void belay_connection_give_cid(struct belay_connection *c, int entry, const uint8_t *cid,
                               const uint8_t *token);
const uint8_t *belay_connection_peer_token(const struct belay_connection *c, unsigned i);
/* True when the peer has an empty connection ID. */
bool belay_connection_peer_is_unshared(const struct belay_connection *c);
const uint8_t *belay_connection_nonce(const struct belay_connection *c); /* of the INIT */
bool belay_connection_is_connected(const struct belay_connection *c);
uint32_t belay_connection_datagram_size(const struct belay_connection *c);
size_t belay_connection_queued_bytes(const struct belay_connection *c);
size_t belay_connection_message_size_max(const struct belay_connection *c);
void belay_connection_stats(const struct belay_connection *c, struct belay_stats *stats);
enum belay_aead belay_connection_aead(const struct belay_connection *c);
const uint8_t *belay_connection_peer_key(const struct belay_connection *c);

/* ------------------------------------------------------------------ inputs */

/* A client's answer: an ACCEPT, RETRY, REFUSE or VERSIONS whose nonce is ours; checks its tag.
 */
void belay_connection_on_hello(struct belay_connection *c, const struct belay_hello *hello,
                               uint8_t *packet, size_t len, uint64_t now_ns);
/* True when this INIT is a copy of the one that the half-open connection was made from. */
bool belay_connection_is_from(const struct belay_connection *c, const struct belay_hello *init);
/* A server's INIT came again. */
void belay_connection_on_init_again(struct belay_connection *c, size_t len);
/* A DATA packet for this connection. */
void belay_connection_on_data(struct belay_connection *c,
                              const struct belay_data_header *header, uint8_t *packet,
                              size_t len, const struct belay_path *path, unsigned ecn,
                              uint64_t now_ns);
/* A RESET with this connection's token, or (replaced) a new connection from its peer. */
void belay_connection_on_reset(struct belay_connection *c, bool replaced);
/* A client's own INIT came back from where it was sent: a hint. */
void belay_connection_on_reflected(struct belay_connection *c);
/* ICMP says so: a hint. */
void belay_connection_on_unreachable(struct belay_connection *c, int error);
/* As belay_core_too_big. */
void belay_connection_too_big(struct belay_connection *c, const struct belay_path *path,
                              size_t size, size_t fits);
void belay_connection_on_timeout(struct belay_connection *c, uint64_t now_ns);

/* ------------------------------------------------------------------ app calls */

int belay_connection_queue(struct belay_connection *c, uint32_t channel, enum belay_mode mode,
                           const void *data, const struct belay_source *source, size_t len,
                           unsigned flags, uint64_t deadline_ns, uint64_t *message);
void belay_connection_pause(struct belay_connection *c, bool paused);
void belay_connection_set_watermarks(struct belay_connection *c, size_t low, size_t high);
int belay_connection_close(struct belay_connection *c);
void belay_connection_abort(struct belay_connection *c, uint64_t code, const char *reason);
void belay_connection_authorize(struct belay_connection *c, bool yes);
/* core.h, belay_core_conn_migrate. */
int belay_connection_migrate(struct belay_connection *c, const struct belay_path *path);

/* ------------------------------------------------------------------ outputs */

/* As belay_core_send, for this connection. */
int belay_connection_send(struct belay_connection *c, struct belay_train *train,
                          uint64_t now_ns);
uint64_t belay_connection_deadline(const struct belay_connection *c);
/* As belay_core_poll; event->conn and user are the endpoint's to fill in. */
int belay_connection_poll(struct belay_connection *c, struct belay_core_event *event);
bool belay_connection_has_events(const struct belay_connection *c);
/* The app let go: none is polled any more. */
void belay_connection_forget_events(struct belay_connection *c);
/* True when what the app took should be told to the peer soon. */
bool belay_connection_wants_credit(const struct belay_connection *c);

#endif
