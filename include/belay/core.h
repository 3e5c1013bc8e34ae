/*
 * core.h - the protocol without I/O: bring your own sockets and clock.
 *
 * A struct belay_core is one endpoint's connections. It makes no system call, reads no clock,
 * starts no timer; memory and randomness come from functions that you give. belay.h is this
 * core on libevent; a simulator drives the same code in virtual time.
 *
 * The grammar of calls. Each time something happens:
 *
 *     bytes came in       belay_core_receive(core, path, ..., now), then poll until empty
 *     deadline passed     belay_core_timeout(core, now), then poll until empty
 *     the app did things  belay_core_conn_send(...), _close(...), ... (they only mark work)
 *     then, always        while (belay_core_send(core, &train, now) == 1) send it;
 *                         poll until empty (an app call of yours may have ended a connection);
 *                         wait until belay_core_deadline(core)
 *
 * Time is an argument, the last one, in nanoseconds of one monotonic clock, never less than
 * before. App calls carry none: they mark work and the next belay_core_send does it.
 *
 * Events are pulled with belay_core_poll, so the app may do anything when it handles one,
 * belay_core_conn_free included. A core and its connections belong to one thread.
 *
 * No byte from the network, however wrong, is an error of a call here: what is wrong is
 * dropped and counted, or closes its own connection.
 */
#ifndef BELAY_CORE_H
#define BELAY_CORE_H

#include <belay/common.h>

#ifdef __cplusplus
extern "C" {
#endif

struct belay_core;
struct belay_core_conn;

/* ------------------------------------------------------------------ what the caller gives */

/*
 * As realloc with sizes: p NULL allocates, new_size 0 frees and returns NULL, old_size is
 * what p was taken with. Returns NULL when there is no memory; p then stands as it was.
 */
struct belay_memory {
    void *(*resize)(void *ctx, void *p, size_t old_size, size_t new_size);
    void *ctx;
};

/* Fills out with len unpredictable bytes (a simulation: bytes of a seeded generator). */
struct belay_random {
    void (*fill)(void *ctx, void *out, size_t len);
    void *ctx;
};

/* An address, opaque to the core: compared byte by byte and handed back. len 0: none known.
 * The driver puts a sockaddr here with unused bytes cleared. */
#define BELAY_ADDRESS_MAX 28
struct belay_address {
    uint8_t len;
    uint8_t bytes[BELAY_ADDRESS_MAX];
};

/*
 * A line of log for people, without newline. level: 0 error, 1 warning, 2 info, 3 debug.
 * remote: the peer that it is about, also where there is no connection with it (a client that
 * was refused); conn and remote may be NULL. Nothing may be called back from inside.
 */
struct belay_log {
    void (*line)(void *ctx, int level, const struct belay_core_conn *conn,
                 const struct belay_address *remote, const char *text);
    void *ctx;
};

/* Where a datagram came from or goes to. socket is the caller's index of its socket. */
struct belay_path {
    struct belay_address local, remote;
    uint32_t socket;
};

/* The packets' ciphers. AES-256-GCM is taken when both sides prefer it. */
enum belay_aead {
    BELAY_AEAD_NONE = 0, /* insecure: GMAC, integrity alone; never preferred */
    BELAY_AEAD_AES_256_GCM = 1,
    BELAY_AEAD_CHACHA20_POLY1305 = 2,
};

/* Limits and times; belay_core_config_init gives the defaults in brackets. */
struct belay_core_config {
    uint32_t datagram_size; /* UDP payload bytes at most, from the start, 1200..65507 [1200] */
    uint32_t datagram_size_max; /* up to which what the path takes is searched, and what we say
                                   that we take; as datagram_size: no search [65507] */
    uint32_t message_size_max;  /* largest message sent or accepted, bytes, <= 2^30 [16 MiB] */
    uint64_t
        window_initial;  /* receive credit, bytes; raised to message_size_max + 64 [1 MiB] */
    uint64_t window_max; /* auto-tuning stops there; raised likewise [32 MiB] */
    uint32_t
        window_messages; /* receive credit, messages per channel and mode, 16..2^20 [4096] */
    uint64_t send_queue_max;  /* bytes accepted and not acknowledged; one message always fits
                                 an empty queue [32 MiB] */
    uint32_t channels_max;    /* channels 0 .. n-1, both ways, 1..65536 [256] */
    uint32_t ranges_max;      /* packet ranges remembered, 16..65536 [1024] */
    uint32_t connections_max; /* [65536] */
    uint32_t half_open_max;   /* accepted handshakes not confirmed; the oldest yields [1024] */
    uint32_t half_open_cookies;  /* from so many of them on, and at half_open_max at the latest,
                                    a client must prove its address first, which costs it one
                                    round trip; 0: always [64] */
    uint64_t ack_delay_max_ns;   /* [25 ms] */
    uint64_t idle_timeout_ns;    /* the smaller of both sides' counts, told in whole ms; 0: none
                                  * [30 s] */
    uint64_t keepalive_ns;       /* PING after this much silence; 0: none [15 s] */
    uint64_t connect_timeout_ns; /* [10 s] */
    uint64_t close_timeout_ns;   /* graceful close at most [10 s] */
    const char *congestion;      /* "bbr", "cubic" or "newreno"; docs/congestion.md ["bbr"] */
    bool ecn; /* mark packets as ECN-capable where marks get through [true] */
    /*
     * Security; docs/security.md. Keys are X25519's, 32 bytes. Which handshake a dial asks for
     * follows from what it has; all but `insecure` encrypt:
     *     nothing                        the server is not authenticated
     *     server_key                     it is
     *     server_key and private_key     and the server learns our key
     *     psk, with server_key or not    both sides prove that they know a secret
     * A listening endpoint takes what its own keys allow; with a psk only those who know it,
     * with `authorize` only those whose key the app lets in (BELAY_CORE_AUTHORIZE).
     */
    bool insecure;        /* both sides: no encryption, integrity alone [false] */
    bool has_private_key; /* else a listening endpoint makes one of its own */
    uint8_t private_key[32];
    bool has_server_key; /* of the servers that are dialed; belay_core_set_server_key */
    uint8_t server_key[32];
    bool has_psk;
    uint8_t psk[32];
    bool authorize;
    enum belay_aead aead;        /* the one preferred [BELAY_AEAD_AES_256_GCM] */
    uint64_t key_update_packets; /* keys change after so many, at most 2^23 [2^22]. Fewer than
                                  * 1000 are for tests: on a long path the peer takes them for
                                  * haste, and closes */
    bool has_reset_key;          /* else a random one */
    uint8_t reset_key[32];       /* stateless resets survive a restart when it is kept */
    bool has_cookie_key;         /* else a random one */
    uint8_t cookie_key[32];      /* cores of one address understand each other's cookies */
    /*
     * Several cores at one address, each with its own thread: connection IDs then say whose a
     * packet is. All have the same count, key, reset_key, cookie_key and private_key.
     */
    uint32_t shard_count; /* 1..256; 0: alone [0] */
    uint32_t shard_index; /* below shard_count */
    uint32_t shard_key;   /* what hides the index from those who look on: random */
    /* For tests of wraps; both sides alike. [0] */
    uint64_t first_packet_number, first_message_number;
};

void belay_core_config_init(struct belay_core_config *config);

/* NULL and a reason when config is refused (BELAY_EINVAL) or memory lacks (BELAY_ENOMEM);
 * *error may be NULL. memory NULL: refused, there is no hidden allocator. config NULL: the
 * defaults. log NULL: none. The structs are copied, their functions kept. */
struct belay_core *belay_core_new(const struct belay_core_config *config,
                                  const struct belay_memory *memory,
                                  const struct belay_random *random,
                                  const struct belay_log *log, int *error);

/* The public key of a private one. 0 or BELAY_ENOMEM. */
int belay_public_key(const uint8_t private_key[32], uint8_t public_key[32]);

/* The server's key that later dials expect; NULL: none. */
void belay_core_set_server_key(struct belay_core *core, const uint8_t key[32]);
/* Our own public key, 32 bytes; what clients of a listening endpoint are to expect. */
const uint8_t *belay_core_key(const struct belay_core *core);

/* Frees every connection, silently, and the core. */
void belay_core_free(struct belay_core *core);

/* The text of why the last belay_core_new with this config would be refused, or NULL. */
const char *belay_core_config_check(const struct belay_core_config *config);

/* ------------------------------------------------------------------ the five of the grammar */

/*
 * A datagram, or a train of datagrams of one path laid end to end (each segment_size bytes,
 * the last may be shorter; 0: one datagram), as UDP_GRO gives them. Opened in place: data is
 * changed, and messages polled afterwards may point into it. ecn: the two bits of the IP
 * header. Never fails.
 */
void belay_core_receive(struct belay_core *core, const struct belay_path *path, uint8_t *data,
                        size_t len, size_t segment_size, unsigned ecn, uint64_t now_ns);

/*
 * Of several cores at one address: the index of the one that this packet (one, no train) is
 * for; this core's own when it does not say. What another core's socket got is to be brought
 * there, with the path of its arrival. Needs no lock.
 */
uint32_t belay_core_shard_of(const struct belay_core *core, const uint8_t *packet, size_t len);

/* Filled by belay_core_send: what UDP_SEGMENT takes. */
struct belay_train {
    uint8_t *buffer; /* in: the caller's, capacity bytes, at least datagram_size */
    size_t capacity;
    struct belay_path path; /* out, as all that follows */
    size_t len;             /* bytes in buffer */
    size_t segment_size;    /* every datagram's but the last's, which may be shorter */
    unsigned ecn;
    uint64_t owner; /* whose it is: for belay_core_too_big */
};

/* 1: a train is to be sent now (call again). 0: nothing more now. */
int belay_core_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns);

/* When to call belay_core_timeout at the latest; BELAY_NEVER when nothing is pending, 0 when an
 * event waits to be polled. */
uint64_t belay_core_deadline(const struct belay_core *core);
void belay_core_timeout(struct belay_core *core, uint64_t now_ns);

/* True when belay_core_send may have work (an app call marked some). */
bool belay_core_has_work(const struct belay_core *core);

enum belay_core_event_type {
    BELAY_CORE_ACCEPTED,  /* a new connection from a peer; conn is yours to free */
    BELAY_CORE_CONNECTED, /* a connection of yours is up */
    BELAY_CORE_MESSAGE,   /* channel, mode, data, len */
    BELAY_CORE_SENT,      /* message, error: 0 acknowledged, else given up and why */
    BELAY_CORE_WRITABLE,  /* the send queue fell to the low-water mark */
    BELAY_CORE_EOF,       /* the peer closed and all its messages have been delivered */
    BELAY_CORE_CLOSED,    /* the last event of a connection: error, code, reason */
    BELAY_CORE_AUTHORIZE, /* config.authorize: may this key (data, 32 bytes) connect? conn is
                             yours until you answer with belay_core_conn_authorize */
    BELAY_CORE_REBOUND,   /* the connection moved: the peer's address is another (a NAT forgot,
                             a phone left its Wi-Fi), or ours is, by belay_core_conn_migrate */
};

struct belay_core_event {
    enum belay_core_event_type type;
    struct belay_core_conn *conn;
    void *user; /* of the connection */
    uint32_t channel;
    enum belay_mode mode;
    const uint8_t *data; /* borrowed until the next poll or receive; never NULL */
    size_t len;
    uint64_t message;    /* as belay_core_conn_send numbered it */
    int error;           /* 0 or a negative enum belay_error */
    uint64_t close_code; /* the peer's or ours, enum belay_close_code */
    const char *reason; /* text, never NULL in CLOSED; borrowed like data. It may be the peer's:
                           any bytes but zeros */
};

/*
 * 1: *event is the next one; 0: none. Poll until 0 after every receive, before the received
 * buffer is used again. Of one connection: ACCEPTED or CONNECTED first; then MESSAGE, SENT,
 * WRITABLE, REBOUND; EOF after its last MESSAGE; CLOSED last, after a SENT with an error for
 * each message that asked for one and was not acknowledged, and after every MESSAGE that came
 * whole (so not while it is paused and has some). A connection that is closed stays valid, and
 * silent, until belay_core_conn_free. With config.authorize, before ACCEPTED: AUTHORIZE, and
 * CLOSED if the handshake ends before it is answered.
 */
int belay_core_poll(struct belay_core *core, struct belay_core_event *event);

/* ------------------------------------------------------------------ connections */

/* Whether new connections are accepted. Off at first. Turning it off keeps open ones. */
void belay_core_listen(struct belay_core *core, bool on);

/*
 * Dials path.remote through socket path.socket. With shared false the client promises that no
 * other connection uses this socket with this remote address, and its connection ID is empty
 * (8 bytes a packet less). If it is the only one on its socket, or the first that came up
 * there, it also knows a server that changes its address. 0, BELAY_ENOMEM, BELAY_ELIMIT,
 * BELAY_EINVAL (a second unshared dial to one address).
 */
int belay_core_connect(struct belay_core *core, const struct belay_path *path, bool shared,
                       void *user, struct belay_core_conn **conn);

/* An ICMP error (or its like) came for this remote address: error is BELAY_EREFUSED or
 * BELAY_EUNREACH. A hint: it never ends an open connection, and a dial only after three more
 * attempts found nobody. */
void belay_core_unreachable(struct belay_core *core, const struct belay_path *path, int error,
                            uint64_t now_ns);

/*
 * A datagram of size bytes was not sent, because the system says that it is too large for the
 * interface (EMSGSIZE): path and owner of its train. fits: what it would take, 0 when not
 * known. The search for the path's size goes on below, at once.
 */
void belay_core_too_big(struct belay_core *core, const struct belay_path *path, uint64_t owner,
                        size_t size, size_t fits, uint64_t now_ns);

/*
 * Somebody on the way (ICMP) says that a datagram to path.remote was too large, and that fits
 * would not be. packet: its first bytes, as they are quoted; len 0: none are. Anybody may say
 * so: a connection there to which what is quoted belongs tries this size next, when it looks
 * for a larger one and fits may be right. Nothing else follows; what gets through counts.
 */
void belay_core_size_hint(struct belay_core *core, const struct belay_path *path,
                          const uint8_t *packet, size_t len, size_t fits);

/* Connections, half-open ones included; bytes held by all. */
size_t belay_core_conn_count(const struct belay_core *core);
size_t belay_core_memory_bytes(const struct belay_core *core);
size_t belay_core_memory_peak_bytes(const struct belay_core *core);

/* What an endpoint does outside of its connections. Only ever grows at its end; pass sizeof. */
struct belay_core_stats {
    uint64_t half_open;                     /* handshakes not confirmed, now */
    uint64_t half_open_evicted;             /* those that gave way to newer ones */
    uint64_t cookies_accepted;              /* proofs of address, when they were asked for */
    uint64_t cookies_refused;               /* wrong, or older than 30 s */
    uint64_t retries_sent, retries_dropped; /* RETRYs; too many waited to be sent */
    uint64_t answers_sent, answers_dropped; /* VERSIONS, REFUSE, RESET; the limit was reached */
};
void belay_core_get_stats(const struct belay_core *core, struct belay_core_stats *stats,
                          size_t size);

/* Connections that the app holds, one after the other, those about which it is asked included:
 * NULL gives the first, the last NULL. */
struct belay_core_conn *belay_core_next_conn(struct belay_core *core, struct belay_core_conn *);

void belay_core_conn_set_user(struct belay_core_conn *conn, void *user);
void *belay_core_conn_user(const struct belay_core_conn *conn);
struct belay_core *belay_core_conn_core(const struct belay_core_conn *conn);
const struct belay_path *belay_core_conn_path(const struct belay_core_conn *conn);

/*
 * Where a message's bytes come from when they are not copied: data, contiguous; or, data
 * NULL, read, which copies bytes [offset, offset + len) to out. They stay readable and
 * unchanged until release is called, exactly once, when the message is acknowledged or given
 * up (or from the failing send itself). release may be called from any function of the core; it
 * must not call one.
 */
struct belay_source {
    const void *data;
    void (*read)(void *ctx, uint64_t offset, void *out, size_t len);
    void (*release)(void *ctx); /* NULL: nothing to do */
    void *ctx;
};

#define BELAY_SEND_NOTIFY 1u /* report this message's end by a SENT event */

/*
 * Queues one message of len bytes, 0 allowed; data is copied. *message, when not NULL, gets
 * its number, counted from 1 in this connection. May be called before CONNECTED. deadline_ns:
 * BELAY_NEVER (deadlines are on the road: anything else is BELAY_EINVAL).
 * BELAY_EAGAIN (queue full: WRITABLE will come), BELAY_EMSGSIZE, BELAY_EINVAL (channel,
 * mode), BELAY_ECLOSED (after close), BELAY_ENOTCONN, BELAY_ENOMEM. On error nothing was
 * queued.
 */
int belay_core_conn_send(struct belay_core_conn *conn, uint32_t channel, enum belay_mode mode,
                         const void *data, size_t len, unsigned flags, uint64_t deadline_ns,
                         uint64_t *message);

/* The same without a copy; see struct belay_source. On error release has been called. */
int belay_core_conn_send_source(struct belay_core_conn *conn, uint32_t channel,
                                enum belay_mode mode, const struct belay_source *source,
                                size_t len, unsigned flags, uint64_t deadline_ns,
                                uint64_t *message);

/* While paused no MESSAGE and no EOF is polled; credit stops the sender. */
void belay_core_conn_pause(struct belay_core_conn *conn);
void belay_core_conn_resume(struct belay_core_conn *conn);

/* high: EAGAIN at this many queued bytes (0: config's). low: WRITABLE when, after an EAGAIN
 * or a rise above low, the queue falls to it, and has room for the message that got EAGAIN. */
void belay_core_conn_set_watermarks(struct belay_core_conn *conn, size_t low, size_t high);

/*
 * Graceful: what is queued is sent and acknowledged, then FIN; what the peer still sends is
 * delivered; CLOSED comes when both sides are done, or with BELAY_ETIMEDOUT after
 * close_timeout_ns. BELAY_ECLOSED when asked before, BELAY_ENOTCONN when dead.
 */
int belay_core_conn_close(struct belay_core_conn *conn);

/* At once: the peer is told code and reason (UTF-8, cut at 255 bytes, may be NULL), every
 * message not acknowledged is given up, CLOSED follows with BELAY_ECLOSED. Code 0, which would
 * say that nothing is wrong, is told as BELAY_CLOSE_ABORTED. */
void belay_core_conn_abort(struct belay_core_conn *conn, uint64_t code, const char *reason);

/*
 * Ends the app's hold. A connection that is not CLOSED is aborted with BELAY_CLOSE_ABORTED;
 * no event of it is polled any more. The core lets go of it when the peer has been told.
 */
void belay_core_conn_free(struct belay_core_conn *conn);

/*
 * The answer to AUTHORIZE, at once or later: one for each, and with it conn is the core's
 * again, not to be used any more. A peer that is let in comes with ACCEPTED when it has
 * confirmed; one that is not is told so. Until the answer conn stays valid and counts as a
 * connection, also when the handshake ends before: then CLOSED is its next and last event, with
 * BELAY_ETIMEDOUT (the connect timeout) or BELAY_ECLOSED (it gave way to newer handshakes, or
 * to a newer one of the same client), and the answer still due only gives it back.
 * belay_core_conn_free in place of an answer tells the peer nothing; it may be asked about
 * again.
 */
void belay_core_conn_authorize(struct belay_core_conn *conn, bool yes);

/* What protects the packets of a connection that is up. */
enum belay_aead belay_core_conn_aead(const struct belay_core_conn *conn);
/* The peer's public key, 32 bytes, where the handshake proved it: a client that gave
 * server_key, a server whose client showed its own. Else NULL. */
const uint8_t *belay_core_conn_peer_key(const struct belay_core_conn *conn);

/*
 * Moves to another path on purpose, because our own address changed: usually another socket and
 * the same path.remote. The new path is validated first, while all goes on over this one; then
 * REBOUND tells that the connection has moved. If nobody answers within a second or so it stays
 * where it is, and nothing tells. An unshared dial needs the new socket for itself as well.
 * Both sides may. 0, BELAY_ENOTCONN (not up), BELAY_EINVAL (this path), BELAY_EAGAIN (the peer
 * has given us no connection ID for it yet: a round trip later it will have), BELAY_ENOMEM.
 */
int belay_core_conn_migrate(struct belay_core_conn *conn, const struct belay_path *path);
/* Whether a connection may still send through this socket, or be written to there: its path,
 * the one being tried, the one before. Looks at all connections. */
bool belay_core_uses_socket(const struct belay_core *core, uint32_t socket);

bool belay_core_conn_is_connected(const struct belay_core_conn *conn);
/* UDP payload bytes at most, as it is now: what the path was found to take. */
uint32_t belay_core_conn_datagram_size(const struct belay_core_conn *conn);
size_t belay_core_conn_queued_bytes(const struct belay_core_conn *conn);
/* The largest message that send accepts: the smaller of both sides' limits. */
size_t belay_core_conn_message_size_max(const struct belay_core_conn *conn);

/* Writes at most size bytes of *stats (pass sizeof), so that old callers go on working. */
void belay_core_conn_stats(const struct belay_core_conn *conn, struct belay_stats *stats,
                           size_t size);

/* ------------------------------------------------------------------ looking on */

/* One packet in or out, for ladders, traces and invariant checkers. */
struct belay_trace {
    bool outgoing;
    char type; /* I init, A accept, D data, R refuse, T retry, V versions, S stateless reset */
    uint64_t packet_number; /* D only */
    size_t len;             /* of the datagram's part */
    const uint8_t *frames;  /* D only: the frames' bytes, borrowed; docs/protocol.md */
    size_t frames_len;
    const char *verdict; /* incoming: "ok", "duplicate", "corrupt", "below floor", ... */
};

/*
 * The secrets of every connection, for debugging and packet inspection, never but when asked:
 * whoever has them reads all. A line: "BELAY_CLIENT_SECRET nonce secret" or
 * "BELAY_SERVER_SECRET
 * ...", the INIT's nonce and the first secret of what that side sends, in hex. NULL: off.
 */
void belay_core_set_keylog(struct belay_core *core, void (*line)(void *ctx, const char *text),
                           void *ctx);

/* Called for every packet, inside send and receive; calls nothing back. NULL: off. */
void belay_core_set_trace(struct belay_core *core,
                          void (*trace)(void *ctx, const struct belay_core_conn *conn,
                                        const struct belay_trace *packet, uint64_t now_ns),
                          void *ctx);

#ifdef __cplusplus
}
#endif
#endif
