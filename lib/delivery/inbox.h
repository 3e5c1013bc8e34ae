/*
 * inbox.h - messages on their way in: parts are put together, duplicates dropped, order kept
 * where promised, credit charged before memory is taken, and given back when the app has the
 * message.
 *
 * Knows messages, never a packet number. What is delivered waits in a queue that the caller
 * pops. Whole messages that are next in order are not copied: the queue then points into the
 * caller's packet, until belay_inbox_own is called, which copies what is left.
 *
 * Memory: a message of more than one part is kept in pieces, taken as parts arrive, and made
 * one piece when complete. What the peer may make us hold is bounded by the limits that we
 * announced; passing them is BELAY_ELIMIT and the caller closes.
 */
#ifndef BELAY_DELIVERY_INBOX_H
#define BELAY_DELIVERY_INBOX_H

#include "base/list.h"
#include "base/pool.h"
#include "base/ranges.h"

struct belay_in_sequence;

struct belay_delivered {
    uint32_t channel;
    uint8_t mode;
    const uint8_t
        *data; /* never NULL; valid until the next pop, receive of a packet, or dispose */
    size_t len;
};

struct belay_in_ready; /* one queued delivery; private */

struct belay_inbox_config {
    uint64_t first_number;
    uint64_t message_size_max;
    uint64_t window_initial, window_max; /* bytes */
    uint32_t window_messages;            /* numbers in each sequence */
    uint32_t channels_max;
};

struct belay_inbox {
    struct belay_mem *mem;
    struct belay_pool *pool;
    struct belay_inbox_config config;
    /* credit */
    uint64_t window;       /* now */
    uint64_t charged;      /* sizes + 64 of all messages seen */
    uint64_t consumed;     /* of those handed to the app */
    uint64_t announced;    /* the limit that the peer was told last */
    uint64_t numbers_open; /* over all sequences, from the lowest incomplete on (keys.h) */
    /* totals for the caller to read */
    uint64_t messages_completed; /* in the ready queue or popped, or waiting for order */
    uint64_t messages_popped, bytes_popped;
    uint64_t parts_duplicate;
    uint64_t buffered_bytes; /* payload held here */
    /* private */
    struct belay_in_sequence **sequences; /* by key: channel * 4 + mode */
    size_t sequence_capacity;
    struct {
        struct belay_in_ready *items;
        size_t start, count, capacity; /* capacity is a power of two */
        size_t promised;               /* complete messages that wait for their order */
        size_t borrowed;               /* items that point into the caller's packet */
    } ready;
    void *popped; /* memory of the last popped item */
    size_t popped_size;
    struct belay_list due;             /* sequences whose MAX_MESSAGES should be sent */
    uint64_t tuned_ns, tuned_consumed; /* where auto-tuning measures from */
};

int belay_inbox_init(struct belay_inbox *box, struct belay_mem *mem, struct belay_pool *pool,
                     const struct belay_inbox_config *config);
void belay_inbox_dispose(struct belay_inbox *box);

/*
 * One whole message, or one part of one; number_low is its number's low 32 bits. 0 (new or
 * duplicate); BELAY_ELIMIT with *why: credit passed (the caller closes with CREDIT);
 * BELAY_EPROTO with *why: total changed, or above message_size_max, channel or mode out of
 * range; BELAY_ENOMEM. Whole messages are borrowed when they can be delivered at once, else
 * copied.
 */
int belay_inbox_message(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                        uint32_t number_low, const uint8_t *data, size_t len, const char **why);
int belay_inbox_part(struct belay_inbox *box, uint32_t channel, uint8_t mode,
                     uint32_t number_low, uint64_t total, uint64_t offset, const uint8_t *data,
                     size_t len, const char **why);

/* The next delivery in order of completion, or false. Gives credit back. */
bool belay_inbox_pop(struct belay_inbox *box, struct belay_delivered *delivered);
bool belay_inbox_is_empty(const struct belay_inbox *box); /* nothing to pop */
/* Copies what still points into the packet. 0 or BELAY_ENOMEM. */
int belay_inbox_own(struct belay_inbox *box);
/* Throws away what still points into the packet, and all behind it: that must not come first.
 * For a connection that ends. */
void belay_inbox_drop_borrowed(struct belay_inbox *box);

/* Auto-tuning: once about every round trip with the smoothed RTT; doubles the window when the
 * app consumed half of it within two round trips. */
void belay_inbox_tune(struct belay_inbox *box, uint64_t rtt_ns, uint64_t now_ns);

/* True when the limit should be announced: it grew by a quarter of the window since last
 * time, or want (the peer said that it is blocked, or our last word was lost). Then
 * *limit and *window are what to say, and it counts as said. */
bool belay_inbox_max_data_due(struct belay_inbox *box, bool want, uint64_t *limit,
                              uint64_t *window);
/* One sequence whose number limit should be announced, or false; it counts as said. */
bool belay_inbox_max_messages_due(struct belay_inbox *box, uint32_t *channel, uint8_t *mode,
                                  uint64_t *limit);
/* True if either is due, without saying it. */
bool belay_inbox_is_credit_due(const struct belay_inbox *box);
/* The last MAX_MESSAGES of this sequence was lost, or the peer says it is blocked: due again.
 * A sequence that nothing came for is ignored: its limit is the initial one, which the peer
 * has known since the handshake. */
void belay_inbox_want_max_messages(struct belay_inbox *box, uint32_t channel, uint8_t mode);

#endif
