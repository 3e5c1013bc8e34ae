/*
 * pair.h - two cores, a client and a server, and the datagrams between them in the test's own
 * hands: nothing is delivered but by a call here, so a test can drop, repeat, reorder, damage
 * and forge every one of them.
 *
 * The received bytes lie in a block of their exact size that is overwritten and freed when
 * poll has said that there is nothing more: who keeps a pointer into it is found.
 *
 * The pair has the secrets of the newest connection by the key log: pair_forge seals frames of
 * the test's choice in the name of either side.
 */
#ifndef BELAY_TESTS_CONN_PAIR_H
#define BELAY_TESTS_CONN_PAIR_H

#include "support/hex.h"
#include "support/memory.h"
#include "support/random.h"

#include <belay/core.h>

#include "crypto/keys.h"
#include "crypto/seal.h"
#include "wire/frame.h"
#include "wire/packet.h"

#define MS                UINT64_C(1000000)
#define SECOND            (1000 * MS)
#define PAIR_EVENTS_MAX   4096
#define PAIR_EVENT_BYTES  64
#define PAIR_TRAIN_BYTES  65535
#define PAIR_SEGMENTS_MAX 64 /* the most that UDP_SEGMENT takes */
#define PAIR_TRACED_BYTES 65536

/* An event as it was polled; of its data the first bytes, and a sum over all. */
struct pair_event {
    enum belay_core_event_type type;
    struct belay_core_conn *conn;
    uint32_t channel;
    enum belay_mode mode;
    size_t len;
    uint64_t sum;
    uint8_t data[PAIR_EVENT_BYTES];
    uint64_t message;
    int error;
    uint64_t close_code;
    char reason[256];
};

struct pair_end {
    struct pair *pair;
    struct belay_core *core;
    struct belay_core_config config;
    struct test_memory memory;
    struct test_random random;
    struct belay_address address;
    struct belay_core_conn *conn; /* the client's dial; what the server accepted last */
    struct pair_event *events;
    size_t event_count;
    bool free_on_event; /* frees the connection inside of the handling of free_on */
    enum belay_core_event_type free_on;
    bool is_event_seen; /* of type free_on */
    /* what the trace said last */
    uint64_t sent_number; /* of the newest DATA packet */
    uint64_t sent_count;  /* DATA packets */
    uint8_t sent_frames[PAIR_TRACED_BYTES];
    size_t sent_frames_len;
    char verdict[32];               /* on the newest packet received */
    char logged[320];               /* the newest line of level 1 or worse */
    struct belay_address logged_of; /* whom it is about */
    size_t log_count;               /* of those */
};

/* A datagram on its way. */
struct pair_packet {
    struct pair_end *from, *to;
    uint8_t *data;
    size_t len;
    unsigned ecn;
    struct belay_path path; /* as the sender wrote it */
};

struct pair {
    struct pair_end client, server;
    uint64_t now_ns;
    struct pair_packet *packets; /* in the order in which they were sent */
    size_t packet_count, packet_capacity;
    size_t train_count, train_segments_max;
    uint8_t init[BELAY_INIT_BYTES], accept[512]; /* the newest seen */
    uint8_t secrets[2][BELAY_SECRET_SIZE]; /* the client's, the server's: by the key log */
    size_t init_len, accept_len;
    struct belay_suite suite;
    struct belay_seal client_seal, server_seal; /* what each sends with; ready when has_keys */
    bool has_keys;
    uint8_t opened[PAIR_TRAIN_BYTES]; /* by pair_open, last */
};

/* The defaults that tests start from: no ECN marks; no search for larger datagrams, unless
 * datagram_size_max is above datagram_size. */
void pair_config(struct belay_core_config *config);

/* Two cores, unconnected; the server listens. config NULL: pair_config's. */
void pair_init(struct pair *pair, const struct belay_core_config *config);
void pair_init_two(struct pair *pair, const struct belay_core_config *client,
                   const struct belay_core_config *server);
/* Frees both cores and checks that all memory came back. */
void pair_dispose(struct pair *pair);
/* What this side's core has counted. */
struct belay_core_stats pair_stats(const struct pair_end *end);

struct belay_path pair_path(const struct pair_end *from, const struct pair_end *to);
void pair_dial(struct pair *pair, bool shared);
/* Dials and passes packets until both sides are connected; events seen so far are dropped. */
void pair_connect(struct pair *pair);
/* Two cores, connected, and what comes of that is over: delayed ACKs are out of the way. */
void pair_begin(struct pair *pair, const struct belay_core_config *config);

/* ------------------------------------------------------------------ packets */

/* Asks both sides (or one) for what they send now; polls. Returns how many packets came. */
size_t pair_collect(struct pair *pair);
size_t pair_collect_from(struct pair_end *end);
/* The i-th packet arrives, and is forgotten; or is only forgotten. */
void pair_deliver(struct pair *pair, size_t i);
void pair_drop(struct pair *pair, size_t i);
void pair_drop_all(struct pair *pair);
/* The i-th packet arrives now and stays where it is. */
void pair_repeat(struct pair *pair, size_t i);
/* Any bytes arrive. */
void pair_receive(struct pair *pair, struct pair_end *from, struct pair_end *to,
                  const uint8_t *data, size_t len);
void pair_receive_path(struct pair *pair, struct pair_end *to, const struct belay_path *path,
                       const uint8_t *data, size_t len, size_t segment, unsigned ecn);
/* Collects and delivers in order until nobody sends any more; no time passes. */
void pair_exchange(struct pair *pair);

/* ------------------------------------------------------------------ time */

/* The next time at which a core wants to be called. */
uint64_t pair_deadline(const struct pair *pair);
/* Time passes to the next deadline, at most until end_ns; timers run, nothing is collected. */
void pair_step(struct pair *pair, uint64_t end_ns);
/* A path without loss and delay for so long: exchange, deadline, exchange ... */
void pair_run(struct pair *pair, uint64_t ns);
/* The same, but a datagram longer than so much is lost. */
void pair_run_mtu(struct pair *pair, size_t most, uint64_t ns);
/* The same, but nothing arrives anywhere. */
void pair_run_silent(struct pair *pair, uint64_t ns);
/* Time passes, and nobody is called. */
static inline void pair_sleep(struct pair *pair, uint64_t ns)
{
    pair->now_ns += ns;
}

/* ------------------------------------------------------------------ events */

/* Polls until there is nothing more. */
void pair_poll(struct pair_end *end);
void pair_forget_events(struct pair *pair);
/* The first event of this type, or NULL; how many there are. */
const struct pair_event *pair_find(const struct pair_end *end, enum belay_core_event_type type);
size_t pair_count(const struct pair_end *end, enum belay_core_event_type type);
/* The end's CLOSED: it is the only one, and the last event. */
const struct pair_event *pair_closed(const struct pair_end *end);
uint64_t pair_sum(const uint8_t *data, size_t len);
/* A message of len bytes, the i-th pattern; reliable and ordered unless said otherwise. */
void pair_fill(uint8_t *data, size_t len, unsigned i);
void pair_send(struct pair_end *end, uint32_t channel, size_t len, unsigned i);
void pair_send_mode(struct pair_end *end, uint32_t channel, enum belay_mode mode, size_t len,
                    unsigned i);
/* The event is the message that pair_send made. */
void pair_assert_message(const struct pair_event *event, uint32_t channel, size_t len,
                         unsigned i);

/* ------------------------------------------------------------------ forgery */

/* A packet with the next number of this side, with frames of the test's choice, arrives at the
 * other. */
void pair_forge(struct pair *pair, struct pair_end *as, const uint8_t *frames, size_t len);
void pair_forge_hex(struct pair *pair, struct pair_end *as, const char *frames);
/* The next packet of this side, from an address of the test's choice; frames in hex. */
void pair_forge_from(struct pair *pair, struct pair_end *as, const struct belay_address *from,
                     const char *frames);
void pair_forge_number(struct pair *pair, struct pair_end *as, uint64_t number,
                       const uint8_t *frames, size_t len);
/* A handshake packet's tag, made by hand: docs/protocol.md, "Tags and keys". random: NULL for
 * INIT and VERSIONS, else of the INIT that it answers. */
void pair_assert_hello_tag(struct pair *pair, const uint8_t *packet, size_t len,
                           const uint8_t *random);
/* The server's reset token for its connection ID, by its reset key. */
void pair_server_token(struct pair *pair, uint8_t token[BELAY_RESET_TOKEN_BYTES]);
/* Opens a copy of a packet that is on its way; frames points into it until the next. */
void pair_open(struct pair *pair, size_t i, struct belay_frame *frames, size_t *count);

#endif
