/*
 * outturn.h - whose turn it is: which sequence may hand out something new now.
 *
 * Sequences take turns of about BELAY_OUT_TURN bytes. One that may not start its next message
 * waits for what stops it, and is looked at again only when that changes:
 *
 *     its number limit (MAX_MESSAGES)       until belay_out_turn_wake, by a newer limit
 *     half the window is unacknowledged     until belay_out_turn_wake, by its own acks
 *     the connection's credit (MAX_DATA),
 *     or all the numbers that may be open   in `stuck`, first come first served
 *
 * While `stuck` has a head that does not fit, nobody starts a message, however small: else
 * small ones could starve a large one for ever. This cannot deadlock. Every message that was
 * started goes on to its end, and so do those before it in its sequence, which were started
 * earlier; so all that is reserved is delivered. The limit is then all that was reserved plus
 * the window, and the window is at least the largest message plus its cost: the head fits. And
 * when all that was started is acknowledged no number is open.
 */
#ifndef BELAY_DELIVERY_OUTTURN_H
#define BELAY_DELIVERY_OUTTURN_H

#include "delivery/outsequence.h"

#define BELAY_OUT_TURN 1200 /* bytes, about a packet's worth */
/* Beside its bytes a message takes a few of the packet: empty ones end a turn too. */
#define BELAY_OUT_TURN_MESSAGE 4

/* The sequence whose message `next` may be handed out now, or NULL. */
struct belay_out_sequence *belay_out_turn_pick(struct belay_outbox *box);

/* Something new of it was taken. bytes: of this turn so far, BELAY_OUT_TURN_MESSAGE for each
 * message included; may end it. */
void belay_out_turn_taken(struct belay_outbox *box, struct belay_out_sequence *seq,
                          uint64_t bytes);

/* How much more of the sequence may be started: nothing if it is not first in ready, or
 * somebody waits before it. */
struct belay_out_share {
    uint64_t messages, cost; /* cost of them all */
    bool is_alone;           /* its next turn begins at once */
};
struct belay_out_share belay_out_turn_share(const struct belay_outbox *box,
                                            const struct belay_out_sequence *seq);

/* It has a new message, when it was idle; or what it waited for in place may have come. */
static inline void belay_out_turn_wake(struct belay_outbox *box, struct belay_out_sequence *seq,
                                       enum belay_out_place place)
{
    if (seq->place != place || !box->open)
        return;
    belay_list_remove(&seq->turn);
    belay_list_append(&box->ready, &seq->turn);
    seq->place = BELAY_OUT_READY;
}

/* Whether a message of this cost fits into the connection's credit. */
static inline bool belay_out_turn_has_data(const struct belay_outbox *box, uint64_t cost)
{
    return box->reserved <= box->max_data && cost <= box->max_data - box->reserved;
}

/* The same, and one more number may be open: that waits for acknowledgements alone. */
static inline bool belay_out_turn_fits(const struct belay_outbox *box, uint64_t cost)
{
    return box->numbers_open < belay_numbers_open_max(box->initial_max_messages) &&
           belay_out_turn_has_data(box, cost);
}

/* Cost of the sequence's next message; there must be one. */
static inline uint64_t belay_out_turn_cost(const struct belay_out_sequence *seq)
{
    return belay_out_message_cost(belay_out_sequence_at(seq, seq->next));
}

#endif
