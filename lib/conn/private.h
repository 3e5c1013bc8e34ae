/* private.h - a connection's inside, for the files of this folder alone. */
#ifndef BELAY_CONN_PRIVATE_H
#define BELAY_CONN_PRIVATE_H

#include "conn/acks.h"
#include "conn/connection.h"
#include "conn/ids.h"
#include "conn/keyring.h"
#include "conn/paths.h"
#include "crypto/noise.h"
#include "delivery/inbox.h"
#include "delivery/outbox.h"
#include "recovery/recovery.h"
#include "wire/frame.h"

/* One row each: all that waits for a time. Recovery and the pacer have times of their own. */
enum belay_timer {
    BELAY_TIMER_HELLO,   /* client: the next INIT; server: the half-open slot's end */
    BELAY_TIMER_CONNECT, /* the dial's end */
    BELAY_TIMER_IDLE,
    BELAY_TIMER_KEEPALIVE,
    BELAY_TIMER_BLOCKED, /* say that credit stops us */
    BELAY_TIMER_CLOSE,   /* a graceful close's end */
    BELAY_TIMER_LINGER,
    BELAY_TIMER_REPEAT, /* a CLOSE again */
    BELAY_TIMER_KEYS,   /* the keys before the last change are to be forgotten */
    BELAY_TIMER_PATH,   /* the next challenge, or the end of a validation */
    BELAY_TIMER_REST,   /* nothing came or went for a while */
    BELAY_TIMER_COUNT
};

/* What is kept only until the connection is up: given back then. */
struct belay_handshake {
    uint8_t init[BELAY_INIT_BYTES]; /* client: the whole datagram */
    uint8_t accept[512];            /* server: the whole datagram, an ACCEPT or a REFUSE */
    size_t accept_len;
    enum belay_handshake_kind kind;
    struct belay_transport_params peer;
    struct belay_noise noise;                        /* unless the kind is insecure */
    uint8_t client_random[BELAY_HELLO_RANDOM_BYTES]; /* what its payload begins with */
    bool is_held;    /* server: the app is asked whether this key may connect */
    bool is_refused; /* and it may not */
    /* A server's, until the peer has proven its address: bytes that came from there, and that
     * were sent there. */
    struct {
        bool is_limited;
        uint64_t received_bytes, sent_bytes;
    } unproven;
    unsigned sent_count; /* INITs or ACCEPTs */
    uint64_t first_sent_ns;
    bool send_due;
    /* client: RETRYs */
    uint8_t cookie[BELAY_COOKIE_BYTES_MAX];
    size_t cookie_len;
    unsigned retry_count;  /* followed */
    bool is_retry_ignored; /* one more came */
    unsigned flight_count; /* as sent_count, but since the last that was followed */
    uint64_t flight_sent_ns;
    /* a hint why nobody answers */
    int hint;
    uint64_t hint_code;
    unsigned hint_attempts; /* INITs still to send before it counts */
    char hint_reason[BELAY_REASON_MAX + 1];
};

struct belay_connection {
    const struct belay_connection_env *env;
    struct belay_connection_self self;
    struct belay_mem mem;
    /* Small fields stand together: there may be 100,000 connections. */
    enum belay_connection_stage stage;
    bool is_client;
    bool peer_has_cid;
    bool has_changed; /* what the endpoint finds us by */
    bool has_peer_key;
    bool mtu_wanted; /* full datagrams leave: larger ones would save some */
    bool paused;
    bool want_writable;
    uint32_t datagram_size;
    unsigned blocked_backoff;
    uint32_t skip_period; /* how far apart packet numbers left out are */
    uint32_t unanswered; /* packets that asked for no ACK, since one of ours was acknowledged */
    struct belay_path path;
    struct belay_handshake *handshake;
    uint8_t nonce[BELAY_NONCE_BYTES];
    uint8_t peer_cid[BELAY_CID_BYTES]; /* the one in use */
    struct belay_own_ids own_ids;
    struct belay_their_ids their_ids;
    struct belay_paths paths;
    struct belay_keyring keys;
    uint8_t peer_key[BELAY_DH_SIZE];
    struct belay_recovery recovery;
    struct belay_acks acks;
    struct belay_outbox outbox;
    struct belay_inbox inbox;
    uint64_t skip_number; /* the next packet number to leave out */

    uint64_t timers_ns[BELAY_TIMER_COUNT];
    uint64_t last_received_ns, last_eliciting_sent_ns;
    uint64_t idle_ns;   /* 0: none */
    uint64_t pacing_ns; /* when the pacer lets the next packet go; BELAY_NEVER: it does now */

    /* frames that are due */
    struct {
        bool ping, max_data, data_blocked, fin, close;
        bool messages_blocked;
        unsigned probes; /* PTO probe packets to send, past the window */
    } due;

    struct {
        bool requested; /* graceful, by the app */
        bool timer_due; /* the close timer is to be started */
        bool fin_acked;
        bool peer_fin;
        uint64_t peer_messages;
        bool eof_polled;
        bool peer_is_done; /* CLOSE NONE came */
        bool answer_due;   /* lingering: answer the packet that came */
        bool is_abort;     /* lingering: says CLOSE with our code, else with NONE */
        unsigned repeats;  /* of that CLOSE, still to come unasked */
        uint64_t next_answer_ns;
        uint64_t linger_end_ns; /* however long the peer goes on asking; 0: not begun */
    } closing;

    struct {
        bool up, closed, authorize, rebound; /* to be polled */
        bool closed_polled;
        bool ending; /* messages are being given up: a source's release may call us */
        int error;
        uint64_t code;
        const char *reason;
        char *reason_room; /* its memory, reason_bytes; NULL: it is a static text */
        size_t reason_bytes;
    } event;

    uint64_t refused_cost; /* of the last message that got EAGAIN, until WRITABLE; 0: none */
    size_t low_water, high_water;
    uint64_t next_message; /* the app's numbering */
    struct {
        uint64_t message_bytes_sent;
        uint64_t packets_sent, packets_received, packets_retransmitted;
        uint64_t packets_duplicate, packets_corrupt;
        uint64_t datagrams_sent, datagrams_received;
        uint64_t wire_bytes_sent, wire_bytes_received;
        uint64_t path_changes, mtu_probes_sent, mtu_probes_lost;
    } stats; /* the counters of this floor */
};

static inline void belay_timer_set(struct belay_connection *c, enum belay_timer timer,
                                   uint64_t at_ns)
{
    c->timers_ns[timer] = at_ns;
}
static inline uint64_t belay_time_add(uint64_t a, uint64_t b)
{
    return a > BELAY_NEVER - b ? BELAY_NEVER : a + b;
}

/*
 * exchange.c: what both hellos carry, and the keys that come of it. offer: the client's INIT.
 * answer: the server reads an INIT, whose tag was found right, and makes its ACCEPT. finish:
 * the client reads that. 0, BELAY_ENOMEM, BELAY_EPROTO or BELAY_EKEY with *why, a static text.
 */
int belay_exchange_offer(struct belay_connection *c);
int belay_exchange_answer(struct belay_connection *c, const struct belay_hello *init,
                          const uint8_t *packet, const char **why);
int belay_exchange_finish(struct belay_connection *c, const struct belay_hello *accept,
                          const uint8_t *packet, const char **why);
/* The cached answer becomes a REFUSE. */
int belay_exchange_refuse(struct belay_connection *c, uint64_t code, const char *reason);

/* handshake.c. start: the client's INIT. answer: the server's ACCEPT. */
int belay_handshake_start(struct belay_connection *c);
int belay_handshake_answer(struct belay_connection *c, const struct belay_hello *init,
                           const uint8_t *packet, const char **why);
int belay_handshake_send(struct belay_connection *c, struct belay_train *train,
                         uint64_t now_ns);
void belay_handshake_on_timer(struct belay_connection *c, uint64_t now_ns);
void belay_handshake_drop(struct belay_connection *c);

/* state.c: all changes of stage */
void belay_connection_open(struct belay_connection *c, uint64_t now_ns);
/* The end, without a word to the peer: every open message is given up with error. */
void belay_connection_end(struct belay_connection *c, int error, uint64_t code,
                          const char *reason);
/* The end, telling the peer code and reason. */
void belay_connection_fail(struct belay_connection *c, int error, uint64_t code,
                           const char *reason);
/* After anything that may complete a graceful close. */
void belay_connection_check_done(struct belay_connection *c);
/* Lingering has begun at this time. */
void belay_connection_linger_begin(struct belay_connection *c, uint64_t now_ns);
void belay_connection_note_received(struct belay_connection *c, uint64_t now_ns);
/* When the next PING is due, if nothing comes. */
void belay_connection_keep_alive(struct belay_connection *c, uint64_t now_ns);
/* A packet came or went: how long until it rests begins anew. */
void belay_connection_stay_awake(struct belay_connection *c, uint64_t now_ns);
void belay_connection_update_blocked(struct belay_connection *c, uint64_t now_ns);
void belay_connection_log(const struct belay_connection *c, int level, const char *text);

/* settle.c: the sent log's records, acknowledged or lost */
void belay_connection_record_acked(void *ctx, const struct belay_record *record);
void belay_connection_record_lost(void *ctx, const struct belay_record *record);

/* build.c */
int belay_connection_build_train(struct belay_connection *c, struct belay_train *train,
                                 uint64_t now_ns);

/* trace */
void belay_connection_trace(const struct belay_connection *c, bool outgoing, char type,
                            uint64_t number, size_t len, const uint8_t *frames,
                            size_t frames_len, const char *verdict, uint64_t now_ns);

#endif
