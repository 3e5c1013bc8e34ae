/*
 * belay.h - reliable messages over UDP for libevent programs.
 *
 * An endpoint is one or more UDP sockets on one event_base. It listens, dials, or both; its
 * connections carry messages, whole, on numbered channels. All functions belong to the thread
 * that runs the event_base; nothing here starts a thread or touches a signal. After fork(),
 * only one of the two processes may go on using an endpoint; the other must not call anything
 * on it, belay_endpoint_free included.
 *
 * Callbacks come from the loop only, never from inside a call of yours, and anything is legal
 * in a callback, freeing the connection or the endpoint included. But those that only look on
 * (log, trace, key log) come from anywhere, your own calls included, and must call nothing
 * here.
 *
 * Functions that return int give 0 or a negative enum belay_error. Functions that return a
 * pointer give NULL on failure with errno set (EINVAL, ENOMEM, or what the system call said).
 * Addresses are in the usual struct sockaddr; IPv4 peers of a dual-stack socket are shown as
 * IPv4.
 *
 * An acknowledged message is stored by the peer's library; it says nothing about the peer's
 * app having read it. For that, answer it.
 */
#ifndef BELAY_BELAY_H
#define BELAY_BELAY_H

#include <belay/common.h>
#include <belay/core.h>

#include <event2/util.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evbuffer;
struct evdns_base;
struct sockaddr;

struct belay_endpoint;
struct belay_listener; /* the accepting side of an endpoint */
struct belay_conn;

/* ------------------------------------------------------------------ configuration */

struct belay_config {
    struct belay_core_config core; /* protocol limits and times: core.h */
    int socket_buffer_bytes; /* SO_RCVBUF and SO_SNDBUF asked for; 0: the system's [4 MiB] */
    bool portable_io;        /* plain sendmsg/recvmsg only: no GSO, GRO, mmsg [false] */
    bool gso, gro, mmsg; /* each fast path by itself, used where the system has it: trains cut
                            or joined by the kernel, many messages a call [true] */
    /* Lines for people; NULL: none. level 0 to 2, as in struct belay_log. What is about a peer
     * begins with its address, also where conn is NULL: a client that was refused. */
    void (*log)(void *ctx, int level, const struct belay_conn *conn, const char *text);
    void *log_ctx;
    /* Listening: may a client with this public key (32 bytes) connect? Then clients without a
     * key are refused. Called while a handshake waits, also when its packet is an old one sent
     * again; it must answer at once, and only from what it knows. It may free the listener or
     * the endpoint; then its answer is for nobody. addr: where the packet came from; nothing
     * proves it, it is for a line of log. NULL: anyone may. */
    bool (*authorize)(void *ctx, const uint8_t key[32], const struct sockaddr *addr,
                      int socklen);
    void *authorize_ctx;
};

/* The defaults in brackets, here and in core.h. */
void belay_config_init(struct belay_config *config);

/* Meanings as LEV_OPT_ and BEV_OPT_, numbering our own. */
#define BELAY_OPT_CLOSE_ON_FREE                                                                \
    (1u << 0)                              /* freeing a conn closes it gracefully, unseen; a   \
                                              listener or endpoint closes a descriptor given   \
                                              to it */
#define BELAY_OPT_REUSEABLE_PORT (1u << 7) /* SO_REUSEPORT before binding */
#define BELAY_OPT_V6ONLY         (1u << 8) /* an IPv6 socket takes no IPv4 */

/* ------------------------------------------------------------------ callbacks */

/* A new connection, up and validated. It is yours: give it callbacks and, some day,
 * belay_conn_free. Freeing it here rejects it; see belay_conn_reject. */
typedef void (*belay_accept_cb)(struct belay_listener *listener, struct belay_conn *conn,
                                const struct sockaddr *addr, int socklen, void *ctx);

/* One whole message. data is borrowed until the callback returns, never NULL, len may be 0. */
typedef void (*belay_message_cb)(struct belay_conn *conn, unsigned channel, const void *data,
                                 size_t len, void *ctx);

/* The queue fell to the low-water mark after having been above it, or after an EAGAIN. */
typedef void (*belay_write_cb)(struct belay_conn *conn, void *ctx);

#define BELAY_EVENT_EOF                                                                        \
    0x010                           /* the peer closed; all its messages have been delivered.  \
                                       You may still send; then belay_conn_close */
#define BELAY_EVENT_ERROR     0x020 /* see belay_conn_get_error; always with CLOSED */
#define BELAY_EVENT_TIMEOUT   0x040 /* with ERROR: the peer is silent */
#define BELAY_EVENT_CONNECTED 0x080 /* a dial of yours is up */
#define BELAY_EVENT_REBOUND                                                                    \
    0x100                        /* the peer's address changed (belay_conn_get_peer), or       \
                                    ours did, by belay_conn_rebind */
#define BELAY_EVENT_CLOSED 0x200 /* the last callback of this connection; free it */
typedef void (*belay_event_cb)(struct belay_conn *conn, short what, void *ctx);

/* How a message ended: error 0 means acknowledged, else it was given up, and why. Called for
 * each message sent while this callback was set. */
typedef void (*belay_sent_cb)(struct belay_conn *conn, uint64_t message, int error, void *ctx);

/* ------------------------------------------------------------------ endpoints */

/* config NULL: the defaults; it is copied. flags: BELAY_OPT_*. */
struct belay_endpoint *belay_endpoint_new(struct event_base *base,
                                          const struct belay_config *config, unsigned flags);

/* At once: peers are told (best effort), no callback comes any more, every conn and
 * listener of it is invalid. */
void belay_endpoint_free(struct belay_endpoint *endpoint);

/* Adds a socket bound to addr. An IPv6 wildcard takes IPv4 too unless BELAY_OPT_V6ONLY.
 * BELAY_ESYS with errno. */
int belay_endpoint_bind(struct belay_endpoint *endpoint, const struct sockaddr *addr,
                        int socklen);
/* All addresses of both families, or of IPv4 where there is no IPv6. port 0: any. */
int belay_endpoint_bind_any(struct belay_endpoint *endpoint, unsigned port);
/* A bound, non-blocking UDP socket of yours; closed by us only with BELAY_OPT_CLOSE_ON_FREE. */
int belay_endpoint_add_socket(struct belay_endpoint *endpoint, evutil_socket_t fd);

/* Accepts from now on. One listener an endpoint; NULL with EBUSY for a second, EINVAL without
 * a socket. */
struct belay_listener *belay_endpoint_listen(struct belay_endpoint *endpoint,
                                             belay_accept_cb cb, void *ctx);

/* Dials through a socket of this endpoint of the address's family (one is made when there is
 * none). The conn is yours; BELAY_EVENT_CONNECTED or an error follows. */
struct belay_conn *belay_endpoint_connect(struct belay_endpoint *endpoint,
                                          const struct sockaddr *addr, int socklen);
/* By name: resolved by dns (NULL: a resolver of our own with the system's settings), family
 * AF_UNSPEC, AF_INET or AF_INET6; all addresses are tried, a quarter of a second apart,
 * families in turn (RFC 8305); the first that answers wins. Numeric addresses need no resolver.
 */
struct belay_conn *belay_endpoint_connect_hostname(struct belay_endpoint *endpoint,
                                                   struct evdns_base *dns, int family,
                                                   const char *host, int port);

/* The server key that later dials expect: 32 bytes, or NULL for none. The config's at first. */
void belay_endpoint_set_server_key(struct belay_endpoint *endpoint, const uint8_t key[32]);
/* Our own public key, 32 bytes: of the config's private key, or of one made for this endpoint.
 */
const uint8_t *belay_endpoint_get_key(const struct belay_endpoint *endpoint);
/* core.h, belay_core_set_keylog. */
void belay_endpoint_set_keylog_cb(struct belay_endpoint *endpoint,
                                  void (*line)(void *ctx, const char *text), void *ctx);

/* No new connections; done(ctx) from the loop when the last open one has been freed. */
void belay_endpoint_drain(struct belay_endpoint *endpoint,
                          void (*done)(struct belay_endpoint *endpoint, void *ctx), void *ctx);

struct event_base *belay_endpoint_get_base(struct belay_endpoint *endpoint);
/* The i-th socket; -1 past the last. */
evutil_socket_t belay_endpoint_get_fd(struct belay_endpoint *endpoint, unsigned i);
/* Connections open now. next: NULL gives the first; NULL after the last. */
size_t belay_endpoint_conn_count(struct belay_endpoint *endpoint);
struct belay_conn *belay_endpoint_next_conn(struct belay_endpoint *endpoint,
                                            struct belay_conn *conn);
/* One payload to every open connection; queued once, never copied per connection. Returns how
 * many took it; those that could not (queue full, size) are left out: the number tells. */
size_t belay_endpoint_broadcast(struct belay_endpoint *endpoint, unsigned channel,
                                enum belay_mode mode, const void *data, size_t len);

struct belay_endpoint_stats {
    uint64_t datagrams_sent, datagrams_received, wire_bytes_sent, wire_bytes_received;
    uint64_t send_calls, receive_calls;       /* system calls */
    uint64_t send_blocked;                    /* EAGAIN, ENOBUFS: tried again later */
    uint64_t send_errors;                     /* anything else: left to retransmission */
    uint64_t receive_truncated;               /* larger than 64 KiB: dropped */
    uint64_t memory_bytes, memory_peak_bytes; /* held by the protocol core */
    uint64_t connections;
    uint64_t datagrams_from_bad_ports; /* dropped: docs/protocol.md, "Source ports" */
    /* As struct belay_core_stats. */
    uint64_t half_open, half_open_evicted, cookies_accepted, cookies_refused;
    uint64_t retries_sent, retries_dropped, answers_sent, answers_dropped;
    /* Of a group: datagrams that came here and were for another endpoint; and those of them for
     * which its queue was full, or that it was gone for: lost. */
    uint64_t handed_over, handovers_dropped;
};
void belay_endpoint_get_stats(struct belay_endpoint *endpoint,
                              struct belay_endpoint_stats *stats, size_t size);

/* Every packet in and out: core.h, struct belay_trace. NULL: off. */
void belay_endpoint_set_trace_cb(struct belay_endpoint *endpoint,
                                 void (*trace)(void *ctx, const struct belay_conn *conn,
                                               const struct belay_trace *packet,
                                               uint64_t now_ns),
                                 void *ctx);

/* ------------------------------------------------------------------ several threads */

/*
 * An endpoint belongs to one event_base, so to one thread. A group of them shares its
 * addresses: the kernel spreads new clients over the endpoints (SO_REUSEPORT), and a connection
 * stays with one all its life, since its ID says which one; what a socket gets for another
 * endpoint's connection is handed over. Nothing else is shared. Linux.
 *
 *     shards = belay_shards_new(&config, 4);
 *     for each i: endpoint[i] = belay_shards_endpoint(shards, i, base[i], 0);
 *     belay_shards_bind_any(shards, 10000);       all have been made, and none runs yet
 *     for each i: belay_endpoint_listen(endpoint[i], on_accept, ctx);
 *     belay_shards_free(shards);                  the endpoints keep what they need
 *     in thread i: event_base_dispatch(base[i]), in the end belay_endpoint_free(endpoint[i])
 *
 * Each endpoint is used in its own thread from its loop's start on. config's callbacks come
 * from all threads. Dials of such an endpoint have sockets of their own.
 */
struct belay_shards;

/* count: 1 to 256. Keys that config lacks are made for the group. NULL with errno: EINVAL,
 * ENOMEM, ENOTSUP (not on this system). */
struct belay_shards *belay_shards_new(const struct belay_config *config, unsigned count);
/* The index-th, once each; flags and errors as belay_endpoint_new's. */
struct belay_endpoint *belay_shards_endpoint(struct belay_shards *shards, unsigned index,
                                             struct event_base *base, unsigned flags);
/* A socket each, at one address; port 0: any, the same for all. 0, BELAY_EINVAL (not all
 * endpoints have been made), BELAY_ESYS with errno, BELAY_ENOMEM; on error none is bound. */
int belay_shards_bind(struct belay_shards *shards, const struct sockaddr *addr, int socklen);
int belay_shards_bind_any(struct belay_shards *shards, unsigned port);
/* Lets go of the group; it goes with its last endpoint. */
void belay_shards_free(struct belay_shards *shards);

/* ------------------------------------------------------------------ short ways */

/*
 * A listening endpoint of its own. fd: as belay_endpoint_add_socket. bind: an address, or
 * NULL for all addresses of both families at port. Freed by belay_listener_free.
 */
struct belay_listener *belay_listener_new(struct event_base *base,
                                          const struct belay_config *config, belay_accept_cb cb,
                                          void *ctx, unsigned flags, evutil_socket_t fd);
struct belay_listener *belay_listener_new_bind(struct event_base *base,
                                               const struct belay_config *config,
                                               belay_accept_cb cb, void *ctx, unsigned flags,
                                               const struct sockaddr *addr, int socklen);
struct belay_listener *belay_listener_new_any(struct event_base *base,
                                              const struct belay_config *config,
                                              belay_accept_cb cb, void *ctx, unsigned flags,
                                              unsigned port);
/* Accepts no more. If the listener came from belay_listener_new*, its endpoint goes when its
 * last connection is freed. */
void belay_listener_free(struct belay_listener *listener);
int belay_listener_enable(struct belay_listener *listener);
int belay_listener_disable(struct belay_listener *listener); /* new peers are refused */
struct belay_endpoint *belay_listener_get_endpoint(struct belay_listener *listener);
struct event_base *belay_listener_get_base(struct belay_listener *listener);
evutil_socket_t belay_listener_get_fd(struct belay_listener *listener);

/* A dial with an endpoint and socket of its own, which go with it. */
struct belay_conn *belay_connect(struct event_base *base, const struct belay_config *config,
                                 unsigned flags, const struct sockaddr *addr, int socklen);
struct belay_conn *belay_connect_hostname(struct event_base *base,
                                          const struct belay_config *config, unsigned flags,
                                          struct evdns_base *dns, int family, const char *host,
                                          int port);

/* ------------------------------------------------------------------ connections */

/*
 * Any may be NULL. Without a message callback messages wait, and credit stops the peer. Set
 * without an event callback, a connection looks after itself: it closes when the peer does, and
 * frees itself when it is closed (an error is logged); keep no pointer to it then, or a
 * reference.
 */
void belay_conn_setcb(struct belay_conn *conn, belay_message_cb message, belay_write_cb write,
                      belay_event_cb event, void *ctx);
void belay_conn_set_sent_cb(struct belay_conn *conn, belay_sent_cb sent);

/* Sends one message, reliable and ordered on its channel; data is copied. 0, BELAY_EAGAIN
 * (wait for the write callback), BELAY_EMSGSIZE, BELAY_EINVAL, BELAY_ECLOSED, BELAY_ENOTCONN,
 * BELAY_ENOMEM. On error nothing was queued. May be called before CONNECTED. */
int belay_conn_send(struct belay_conn *conn, unsigned channel, const void *data, size_t len);

/* All there is. flags: 0. deadline_ns: absolute on belay_now_ns' clock, or BELAY_NEVER
 * (today's only value). *message, when not NULL: its number, for the sent callback. */
int belay_conn_send_message(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                            const void *data, size_t len, unsigned flags, uint64_t deadline_ns,
                            uint64_t *message);
/* The whole content of buffer as one message, without a copy: buffer is drained. On error it
 * is as it was. */
int belay_conn_send_buffer(struct belay_conn *conn, unsigned channel, enum belay_mode mode,
                           struct evbuffer *buffer, unsigned flags, uint64_t deadline_ns,
                           uint64_t *message);
/* The clock of deadlines, nanoseconds; and a time from now. */
uint64_t belay_now_ns(void);
uint64_t belay_deadline_in_ms(uint64_t ms);

/* EV_READ off: no message and no EOF callback, and credit slows the sender; while whole
 * messages wait, CLOSED waits behind them. EV_WRITE off: no write callback. Both are on at
 * first. */
int belay_conn_enable(struct belay_conn *conn, short events);
int belay_conn_disable(struct belay_conn *conn, short events);
short belay_conn_get_enabled(const struct belay_conn *conn);

/* Send queue, bytes: write callback at low or below [0]; EAGAIN at high or above [config]. */
void belay_conn_setwatermark(struct belay_conn *conn, size_t low, size_t high);
size_t belay_conn_get_queued(const struct belay_conn *conn);

/* Graceful: what is queued is delivered and acknowledged; what the peer still sends arrives;
 * BELAY_EVENT_CLOSED comes when both sides have closed, with ERROR|TIMEOUT when that takes
 * longer than the close timeout. BELAY_ECLOSED when asked before. */
int belay_conn_close(struct belay_conn *conn);
/* At once, telling the peer code (0x100 and up: yours; 0 is told as BELAY_CLOSE_ABORTED) and
 * reason; CLOSED follows. */
void belay_conn_abort(struct belay_conn *conn, uint64_t code, const char *reason);
/* Our network changed (a phone left its Wi-Fi): opens a new socket for this connection, which
 * came of a dial, and moves there when the peer has answered; BELAY_EVENT_REBOUND tells.
 * Without an answer within a second or so all stays as it was, and nothing tells: call it
 * again. A change that a NAT makes needs no call. 0, BELAY_ENOTCONN (not up), BELAY_EAGAIN
 * (called too often: a round trip later it will do), BELAY_ESYS with errno, BELAY_ENOMEM. */
int belay_conn_rebind(struct belay_conn *conn);
/* In the accept callback: abort and free in one. */
void belay_conn_reject(struct belay_conn *conn, uint64_t code, const char *reason);
/* No callback comes any more. Not yet CLOSED: aborted, or with BELAY_OPT_CLOSE_ON_FREE closed
 * gracefully in the background. The memory goes with the last reference. */
void belay_conn_free(struct belay_conn *conn);
/* Keep the struct valid past belay_conn_free: getters answer, sends fail with ENOTCONN. */
void belay_conn_incref(struct belay_conn *conn);
void belay_conn_decref(struct belay_conn *conn);

void belay_conn_set_user(struct belay_conn *conn, void *user);
void *belay_conn_get_user(const struct belay_conn *conn);
struct belay_endpoint *belay_conn_get_endpoint(struct belay_conn *conn);
struct event_base *belay_conn_get_base(struct belay_conn *conn);
evutil_socket_t belay_conn_get_fd(struct belay_conn *conn);
/* Bytes of address, at most *socklen are written. 0 or BELAY_ENOTCONN when none is known yet.
 */
int belay_conn_get_peer(const struct belay_conn *conn, struct sockaddr *addr, int *socklen);
int belay_conn_get_local(const struct belay_conn *conn, struct sockaddr *addr, int *socklen);
bool belay_conn_is_connected(const struct belay_conn *conn);
/* The peer's public key, 32 bytes, when the handshake proved it; else NULL (a client that gave
 * no server key talks to whoever answered). Stays past the end of the connection. */
const uint8_t *belay_conn_get_peer_key(const struct belay_conn *conn);
/* "AES-256-GCM", "ChaCha20-Poly1305", or "none" (insecure: integrity alone, or not yet up). */
const char *belay_conn_get_cipher(const struct belay_conn *conn);
size_t belay_conn_get_message_size_max(const struct belay_conn *conn);
/* Why it ended: enum belay_error, errno behind BELAY_ESYS, close code, and a sentence, which
 * may be the peer's: any bytes but zeros. */
int belay_conn_get_error(const struct belay_conn *conn);
int belay_conn_get_errno(const struct belay_conn *conn);
uint64_t belay_conn_get_close_code(const struct belay_conn *conn);
const char *belay_conn_get_reason(const struct belay_conn *conn);
int belay_conn_get_stats(const struct belay_conn *conn, struct belay_stats *stats, size_t size);

/* "192.0.2.1:10000" or "[2001:db8::1]:10000"; returns out. 64 bytes suffice. */
const char *belay_format_address(const struct sockaddr *addr, int socklen, char *out,
                                 size_t size);

#ifdef __cplusplus
}
#endif
#endif
