/*
 * outbox.h - messages on their way out: queued by channel, handed out in pieces as credit and
 * room allow, kept until acknowledged, handed out again when a piece is lost.
 *
 * Knows messages, never a packet number. A sequence is one (channel, mode); each numbers its
 * messages from first_message_number on. The caller asks for the next piece, decides how much
 * of it fits, and takes that:
 *
 *     while (belay_outbox_peek(box, &piece)) {
 *         len = as much of piece.len as fits and makes sense, or stop;
 *         belay_outbox_copy(&piece, 0, out, len);
 *         belay_outbox_take(box, len);     -> the piece (or its first len bytes) is under way
 *     }
 *
 * and later says acked or lost for what it took, whole messages as runs, parts by offset.
 *
 * Rules: a message's size plus BELAY_MESSAGE_COST is reserved against the peer's limit before
 * its first piece; at most half the peer's window (or one message) of one sequence may be
 * unacknowledged behind its first unacknowledged message; message numbers stay below the
 * sequence's limit, and not too many of all sequences are open (keys.h). Lost pieces go first,
 * then sequences in turn, about a packet's worth each, so that a large message never holds up
 * another channel.
 *
 * Everything is O(1) or O(log n) per call (amortised), whatever is queued.
 */
#ifndef BELAY_DELIVERY_OUTBOX_H
#define BELAY_DELIVERY_OUTBOX_H

#include "base/cursor.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/ranges.h"

#define BELAY_MESSAGE_COST 64 /* bytes of credit that a message takes beside its size */

struct belay_out_sequence;
struct belay_out_message;

struct belay_out_report { /* how a message ended */
    uint64_t id;
    int error; /* 0: acknowledged */
};

struct belay_outbox {
    struct belay_mem *mem;
    struct belay_pool *pool;
    uint64_t first_number;
    /* the peer's limits; before belay_outbox_open everything waits */
    bool open;
    uint64_t max_data, window, reserved;
    uint32_t initial_max_messages, channels_max;
    uint64_t numbers_open; /* started, from each sequence's first unacknowledged on (keys.h) */
    uint64_t message_size_max;
    /* totals for the caller to read */
    uint64_t queued_bytes; /* of open messages: their sizes plus BELAY_MESSAGE_COST each */
    uint64_t messages_accepted, messages_acked, messages_abandoned;
    uint64_t messages_open; /* accepted, neither acked nor abandoned */
    uint64_t blocked_count; /* times that peek stopped for want of credit */
    /* private */
    struct belay_out_sequence **sequences; /* by key: channel * 4 + mode */
    size_t sequence_capacity;
    struct belay_list ready;    /* sequences with something new that may go (outturn.h) */
    struct belay_list stuck;    /* sequences waiting for MAX_DATA, the longest waiting first */
    struct belay_list numbered; /* sequences waiting for MAX_MESSAGES */
    struct belay_list resend;   /* sequences with lost pieces */
    struct belay_out_sequence *granted; /* was the first of stuck; may start a message now */
    struct {
        struct belay_out_message *message;
        struct belay_out_sequence *sequence;
        uint64_t number, len;
        bool again;
    } peeked;
    struct {
        struct belay_out_report *items;
        size_t start, count, capacity; /* capacity is a power of two */
        size_t promised;               /* to come: their room cannot be missing then */
    } reports;
};

struct belay_piece {
    uint32_t channel;
    uint8_t mode;
    bool again;           /* was sent before */
    uint64_t number;      /* in the sequence */
    uint64_t total;       /* of the message */
    uint64_t offset, len; /* what is due next; whole if offset 0 and len == total */
    const uint8_t *data;  /* the piece's first byte, contiguous, or NULL: use copy */
    const struct belay_out_message *message;
};

int belay_outbox_init(struct belay_outbox *box, struct belay_mem *mem, struct belay_pool *pool,
                      uint64_t first_number, uint32_t channels_max);
/* Releases every source, silently. */
void belay_outbox_dispose(struct belay_outbox *box);

/* The handshake is done. Messages queued already that pass the peer's limits (size, channel)
 * are given up with a report (BELAY_EMSGSIZE, BELAY_EINVAL), whether asked for or not.
 * No reliable message may follow a gap: numbers are given when a message is first handed out.
 */
void belay_outbox_open(struct belay_outbox *box, uint64_t max_data, uint32_t max_messages,
                       uint64_t message_size_max, uint32_t channels_max);

/* Queues one message. source NULL: data is copied. Else kept until its end, then released;
 * on error too. notify: report its end, with id, which is below 2^59. 0, BELAY_ENOMEM,
 * BELAY_EINVAL (channel, mode), BELAY_EMSGSIZE (above the peer's limit; before open above the
 * protocol's, 2^30). */
int belay_outbox_push(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                      const void *data, const struct belay_source *source, size_t len,
                      bool notify, uint64_t id);

/* The next piece that may be sent now, or false. Changes nothing visible. What it gives stays
 * valid until the next call of another function than copy. */
bool belay_outbox_peek(struct belay_outbox *box, struct belay_piece *piece);
/* Bytes [skip, skip + len) of the piece. */
void belay_outbox_copy(const struct belay_piece *piece, uint64_t skip, void *out, size_t len);
/* The first len bytes of the peeked piece are under way; len 0 only for an empty message. */
void belay_outbox_take(struct belay_outbox *box, uint64_t len);

/* After the take of a whole message: as many of those that follow it in its sequence as may go
 * now, are whole and in memory, and fit into w, most at most, are written, each as its length
 * (a varint) and its bytes, and are under way: what peek, copy and take do, at less than half
 * the cost. Returns how many; after, before the first: the number of the message that was
 * taken. */
uint32_t belay_outbox_take_run(struct belay_outbox *box, uint64_t after, struct belay_writer *w,
                               uint32_t most);

/* Settles whole messages number .. number + count - 1, or part of one. Unknown or settled
 * numbers are ignored (they were acknowledged before). BELAY_ENOMEM: the part could not be
 * noted; the caller must end the connection. */
void belay_outbox_acked_run(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                            uint64_t number, uint32_t count);
int belay_outbox_acked_part(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                            uint64_t number, uint64_t offset, uint64_t len);
/* The peer has everything: settles all messages, if each was handed out to its end. Else false,
 * and nothing changes. */
bool belay_outbox_acked_all(struct belay_outbox *box);
/* To be handed out again, but for what was acknowledged since. BELAY_ENOMEM: the part could not
 * be noted; the caller must end the connection. */
int belay_outbox_lost_run(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                          uint64_t number, uint32_t count);
int belay_outbox_lost_part(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                           uint64_t number, uint64_t offset, uint64_t len);

/* Newer limits from the peer; smaller ones are ignored. False: channel or mode never used. */
void belay_outbox_set_max_data(struct belay_outbox *box, uint64_t limit, uint64_t window);
bool belay_outbox_set_max_messages(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                                   uint64_t limit);

/* What stops us: true and the limit when new messages wait for MAX_DATA. */
bool belay_outbox_is_data_blocked(const struct belay_outbox *box);
/* Whether any sequence waits for MAX_MESSAGES. */
bool belay_outbox_is_messages_blocked(const struct belay_outbox *box);
/* One of the sequences that wait for MAX_MESSAGES, the next one in turn at each call (it does
 * not stop after a round); false: none waits. */
bool belay_outbox_messages_blocked(struct belay_outbox *box, uint32_t *channel, uint8_t *mode,
                                   uint64_t *limit);

/* Gives up every open message: a report with error for each that asked for one; sources are
 * released. */
void belay_outbox_abandon_all(struct belay_outbox *box, int error);

/* The next report, or false. */
bool belay_outbox_report(struct belay_outbox *box, struct belay_out_report *report);

#endif
