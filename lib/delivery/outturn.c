#include "delivery/outturn.h"

#include "base/heap.h"

/* No honest receiver's window of message numbers is larger. One that acknowledges all but the
 * first message must not make the ring behind it grow for ever. */
#define NUMBERS_MAX ((uint64_t)1 << 20)

static struct belay_out_sequence *owner(struct belay_list *node)
{
    return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_out_sequence, turn);
}

static void move(struct belay_out_sequence *seq, enum belay_out_place place,
                 struct belay_list *to)
{
    belay_list_remove(&seq->turn);
    if (to != NULL)
        belay_list_append(to, &seq->turn);
    seq->place = place;
}

/* What the sequence would wait for before its next message, connection's credit aside. */
static enum belay_out_place own_limits(const struct belay_outbox *box,
                                       const struct belay_out_sequence *seq)
{
    if (seq->next == seq->end)
        return BELAY_OUT_IDLE;
    if (seq->next >= seq->limit)
        return BELAY_OUT_WAITS_NUMBER;
    if (seq->next - seq->first >= NUMBERS_MAX)
        return BELAY_OUT_HELD;
    uint64_t room = box->window / 2;
    if (seq->held > 0 && (seq->held > room || belay_out_turn_cost(seq) > room - seq->held))
        return BELAY_OUT_HELD;
    return BELAY_OUT_READY;
}

static bool is_under_way(const struct belay_out_sequence *seq)
{
    return seq->next < seq->end && belay_out_sequence_at(seq, seq->next)->sent > 0;
}

/*
 * The longest waiting one goes in front of ready when its message fits now, and nobody else
 * starts one until it did: what fits is its own.
 */
static void grant(struct belay_outbox *box)
{
    struct belay_out_sequence *seq = owner(belay_list_first(&box->stuck));
    if (box->granted != NULL || seq == NULL ||
        !belay_out_turn_fits(box, belay_out_turn_cost(seq)))
        return;
    /* In front of the first node is in front of all. */
    move(seq, BELAY_OUT_READY, box->ready.next);
    seq->turn_bytes = 0;
    box->granted = seq;
}

/* Whether it may start its next message; if not, it has left ready. */
static bool may_start(struct belay_outbox *box, struct belay_out_sequence *seq)
{
    enum belay_out_place place = own_limits(box, seq);
    if (place != BELAY_OUT_READY) {
        box->blocked_count += place == BELAY_OUT_WAITS_NUMBER;
        move(seq, place, place == BELAY_OUT_WAITS_NUMBER ? &box->numbered : NULL);
        return false;
    }
    bool fits = belay_out_turn_fits(box, belay_out_turn_cost(seq));
    if (fits && (belay_list_is_empty(&box->stuck) || seq == box->granted))
        return true;
    box->blocked_count += !fits;
    move(seq, BELAY_OUT_WAITS_DATA, &box->stuck);
    return false;
}

struct belay_out_sequence *belay_out_turn_pick(struct belay_outbox *box)
{
    if (!belay_list_is_empty(&box->stuck))
        grant(box);
    if (box->granted != NULL) {
        if (may_start(box, box->granted))
            return box->granted;
        box->granted = NULL;
    }
    struct belay_out_sequence *seq;
    while ((seq = owner(belay_list_first(&box->ready))) != NULL) {
        if (is_under_way(seq) || may_start(box, seq))
            return seq;
    }
    return NULL;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return limit > used ? limit - used : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct belay_out_share belay_out_turn_share(const struct belay_outbox *box,
                                            const struct belay_out_sequence *seq)
{
    struct belay_out_share share = {0};
    if (seq->place != BELAY_OUT_READY || box->ready.next != &seq->turn ||
        box->granted != NULL || !belay_list_is_empty(&box->stuck))
        return share;
    share.messages = least(seq->end, seq->limit);
    share.messages =
        least(left(share.messages, seq->next), left(NUMBERS_MAX, seq->next - seq->first));
    share.messages =
        least(share.messages,
              left(belay_numbers_open_max(box->initial_max_messages), box->numbers_open));
    share.cost = least(left(box->window / 2, seq->held), left(box->max_data, box->reserved));
    share.is_alone = seq->turn.next == &box->ready;
    return share;
}

void belay_out_turn_taken(struct belay_outbox *box, struct belay_out_sequence *seq,
                          uint64_t bytes)
{
    box->granted = NULL;
    if (bytes < BELAY_OUT_TURN) {
        seq->turn_bytes = (uint32_t)bytes;
        return;
    }
    seq->turn_bytes = 0;
    move(seq, BELAY_OUT_READY, &box->ready);
}
