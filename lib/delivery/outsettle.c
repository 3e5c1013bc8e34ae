#include "delivery/outsettle.h"

#include "delivery/outreport.h"
#include "delivery/outturn.h"

void belay_out_settle(struct belay_outbox *box, struct belay_out_message *m, int error)
{
    box->queued_bytes -= belay_out_message_cost(m);
    box->messages_open--;
    if (error == 0)
        box->messages_acked++;
    else
        box->messages_abandoned++;
    if (m->notify)
        belay_out_report_add(box, m->id, error);
    belay_out_message_release(m, box->pool);
}

/* Most hold nothing but their copy, and nobody asks for their end. */
static inline bool is_plain(const struct belay_out_message *m)
{
    return !m->settled && !m->notify && !m->has_source && !m->has_parts;
}

/* Plain messages from number on, in one go: nothing of the app is called. The first number that
 * is not. */
static uint64_t settle_plain(struct belay_outbox *box, const struct belay_out_sequence *seq,
                             uint64_t number, uint64_t end)
{
    uint64_t begin = number, bytes = 0;
    for (; number < end; number++) {
        struct belay_out_message *m = belay_out_sequence_at(seq, number);
        if (!is_plain(m))
            break;
        bytes += belay_out_message_cost(m);
        belay_out_message_release(m, box->pool);
    }
    box->queued_bytes -= bytes;
    box->messages_open -= number - begin;
    box->messages_acked += number - begin;
    return number;
}

/* Settled messages made room: the sequence may go on if it waited for that. */
static void advance(struct belay_outbox *box, struct belay_out_sequence *seq)
{
    uint64_t first = seq->first;
    belay_out_sequence_advance(seq);
    box->numbers_open -= seq->first - first;
    belay_out_turn_wake(box, seq, BELAY_OUT_HELD);
}

/* Cuts [*number, *end) down to what was handed out fully and not settled in a row. */
static void clip(const struct belay_out_sequence *seq, uint64_t *number, uint64_t *end)
{
    if (*number < seq->first)
        *number = seq->first;
    if (*end > seq->next)
        *end = seq->next;
}

void belay_outbox_acked_run(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                            uint64_t number, uint32_t count)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    if (seq == NULL)
        return;
    uint64_t end = number + count;
    clip(seq, &number, &end);
    while ((number = settle_plain(box, seq, number, end)) < end) {
        struct belay_out_message *m = belay_out_sequence_at(seq, number++);
        if (!m->settled)
            belay_out_settle(box, m, 0);
    }
    advance(box, seq);
}

bool belay_outbox_acked_all(struct belay_outbox *box)
{
    for (size_t i = 0; i < box->sequence_capacity; i++)
        if (box->sequences[i] != NULL && box->sequences[i]->next != box->sequences[i]->end)
            return false;
    for (size_t i = 0; i < box->sequence_capacity; i++) {
        const struct belay_out_sequence *seq = box->sequences[i];
        if (seq != NULL && seq->next > seq->first)
            belay_outbox_acked_run(box, seq->channel, seq->mode, seq->first,
                                   (uint32_t)(seq->next - seq->first));
    }
    return true;
}

/* The message of this number if bytes of it were handed out and it is not settled. */
static struct belay_out_message *find_open(const struct belay_out_sequence *seq,
                                           uint64_t number)
{
    if (seq == NULL || number < seq->first || number > seq->next || number >= seq->end)
        return NULL;
    struct belay_out_message *m = belay_out_sequence_at(seq, number);
    return m->settled || (number == seq->next && m->sent == 0) ? NULL : m;
}

int belay_outbox_acked_part(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                            uint64_t number, uint64_t offset, uint64_t len)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    struct belay_out_message *m = find_open(seq, number);
    if (m == NULL)
        return 0;
    int result = belay_out_message_acked(m, box->pool, offset, offset + len);
    if (result <= 0)
        return result;
    belay_out_settle(box, m, 0);
    advance(box, seq);
    return 0;
}

static void due_again(struct belay_outbox *box, struct belay_out_sequence *seq)
{
    if (belay_list_is_linked(&seq->again))
        return;
    belay_list_append(&box->resend, &seq->again);
    seq->again_bytes = 0;
}

int belay_outbox_lost_run(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                          uint64_t number, uint32_t count)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    if (seq == NULL)
        return 0;
    uint64_t end = number + count;
    clip(seq, &number, &end);
    for (; number < end; number++) {
        struct belay_out_message *m = belay_out_sequence_at(seq, number);
        if (m->settled)
            continue;
        if (belay_out_message_lost(m, box->pool, 0, m->len) != 0 ||
            belay_ranges_add(&seq->lost, number, number + 1, NULL) != 0)
            return BELAY_ENOMEM;
        due_again(box, seq);
    }
    return 0;
}

int belay_outbox_lost_part(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                           uint64_t number, uint64_t offset, uint64_t len)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    struct belay_out_message *m = find_open(seq, number);
    if (m == NULL)
        return 0;
    if (belay_out_message_lost(m, box->pool, offset, offset + len) != 0 ||
        belay_ranges_add(&seq->lost, number, number + 1, NULL) != 0)
        return BELAY_ENOMEM;
    due_again(box, seq);
    return 0;
}
