/*
 * outpiece.c - what goes next: lost pieces first, then something new of whose turn it is.
 */
#include <assert.h>
#include <string.h>

#include "base/heap.h"
#include "base/prefetch.h"
#include "delivery/outturn.h"

/* The first sequence with something lost. Those whose losses are settled leave the list. */
static struct belay_out_sequence *pick_again(struct belay_outbox *box, uint64_t *number,
                                             struct belay_range *range)
{
    struct belay_list *node;
    while ((node = belay_list_first(&box->resend)) != NULL) {
        struct belay_out_sequence *seq =
            BELAY_CONTAINER(node, struct belay_out_sequence, again);
        if (belay_out_sequence_due(seq, number, range))
            return seq;
        belay_list_remove(node);
    }
    return NULL;
}

static struct belay_out_sequence *pick_new(struct belay_outbox *box, uint64_t *number,
                                           struct belay_range *range)
{
    struct belay_out_sequence *seq = belay_out_turn_pick(box);
    if (seq == NULL)
        return NULL;
    const struct belay_out_message *m = belay_out_sequence_at(seq, seq->next);
    *number = seq->next;
    *range = (struct belay_range){m->sent, m->len};
    return seq;
}

bool belay_outbox_peek(struct belay_outbox *box, struct belay_piece *piece)
{
    uint64_t number;
    struct belay_range range;
    struct belay_out_sequence *seq = NULL;
    if (!belay_list_is_empty(&box->resend))
        seq = pick_again(box, &number, &range);
    bool again = seq != NULL;
    if (!again)
        seq = pick_new(box, &number, &range);
    if (seq == NULL)
        return false;

    struct belay_out_message *m = belay_out_sequence_at(seq, number);
    const uint8_t *data = belay_out_message_data(m);
    box->peeked.message = m;
    box->peeked.sequence = seq;
    box->peeked.number = number;
    box->peeked.len = range.hi - range.lo;
    box->peeked.again = again;
    *piece = (struct belay_piece){
        .channel = seq->channel,
        .mode = seq->mode,
        .again = again,
        .number = number,
        .total = m->len,
        .offset = range.lo,
        .len = range.hi - range.lo,
        .data = data != NULL ? data + range.lo : NULL,
        .message = m,
    };
    return true;
}

void belay_outbox_copy(const struct belay_piece *piece, uint64_t skip, void *out, size_t len)
{
    assert(skip <= piece->len && len <= piece->len - skip);
    if (len == 0)
        return;
    if (piece->data != NULL) {
        memcpy(out, piece->data + skip, len);
        return;
    }
    const struct belay_source *source = piece->message->source;
    source->read(source->ctx, piece->offset + skip, out, len);
}

static void take_again(struct belay_outbox *box, struct belay_out_sequence *seq,
                       struct belay_out_message *m, uint64_t len)
{
    struct belay_range range;
    belay_out_message_resent(m, len);
    if (!belay_out_message_due(m, &range))
        (void)belay_ranges_remove(&seq->lost, box->peeked.number, box->peeked.number + 1);
    if (len < BELAY_OUT_TURN && seq->again_bytes + len < BELAY_OUT_TURN) {
        seq->again_bytes += (uint32_t)len;
        return;
    }
    seq->again_bytes = 0;
    belay_list_remove(&seq->again);
    belay_list_append(&box->resend, &seq->again);
}

/* A message that is handed out soon. */
static void warm(const struct belay_out_sequence *seq, uint64_t number)
{
    if (number >= seq->end)
        return;
    const struct belay_out_message *m = belay_out_sequence_at(seq, number);
    if (!m->has_source)
        belay_prefetch_read(m->copy, m->len);
}

static void take_new(struct belay_outbox *box, struct belay_out_sequence *seq,
                     struct belay_out_message *m, uint64_t len)
{
    if (m->sent == 0) {
        uint64_t cost = belay_out_message_cost(m);
        box->reserved += cost;
        box->numbers_open++;
        seq->held += cost;
    }
    m->sent += (uint32_t)len;
    if (m->sent == m->len) {
        seq->next++;
        warm(seq, seq->next + 1);
    }
    belay_out_turn_taken(box, seq, seq->turn_bytes + len + BELAY_OUT_TURN_MESSAGE);
}

void belay_outbox_take(struct belay_outbox *box, uint64_t len)
{
    struct belay_out_message *m = box->peeked.message;
    assert(m != NULL && len <= box->peeked.len && (len > 0 || m->len == 0));
    box->peeked.message = NULL;
    if (box->peeked.again)
        take_again(box, box->peeked.sequence, m, len);
    else
        take_new(box, box->peeked.sequence, m, len);
}
