/*
 * outrun.c - small messages in a row, without asking for each whose turn it is.
 */
#include <string.h>

#include "base/prefetch.h"
#include "delivery/outturn.h"

/* So many messages before one is written its bytes are asked for. */
#define WARM_AHEAD 8

/* What a run took; turn as belay_out_turn_taken wants it. */
struct taken {
    uint32_t count;
    uint64_t cost, turn;
};

/* False: it does not fit, or is not in memory. */
static inline bool write_whole(struct belay_writer *w, const struct belay_out_message *m)
{
    const uint8_t *data = belay_out_message_data(m);
    size_t left = belay_writer_left(w), prefix = belay_varint_size(m->len);
    if (m->len > left || prefix > left - m->len || (data == NULL && m->len > 0))
        return false;
    belay_write_varint(w, m->len);
    belay_write_bytes(w, data, m->len);
    return true;
}

/* A message that is written soon. */
static inline void warm(const struct belay_out_sequence *seq, uint64_t number)
{
    const struct belay_out_message *m = belay_out_sequence_at(seq, number);
    if (number < seq->end)
        BELAY_PREFETCH(m->copy, 0);
}

static struct taken write_messages(struct belay_out_sequence *seq, struct belay_writer *w,
                                   const struct belay_out_share *share, uint32_t most)
{
    struct taken taken = {.turn = seq->turn_bytes};
    while (taken.count < share->messages && taken.count < most && taken.turn < BELAY_OUT_TURN) {
        struct belay_out_message *m = belay_out_sequence_at(seq, seq->next);
        uint64_t cost = belay_out_message_cost(m);
        warm(seq, seq->next + WARM_AHEAD);
        if (cost > share->cost - taken.cost || !write_whole(w, m))
            break;
        m->sent = m->len;
        seq->next++;
        taken.count++;
        taken.cost += cost;
        taken.turn += m->len + BELAY_OUT_TURN_MESSAGE;
        if (taken.turn >= BELAY_OUT_TURN && share->is_alone)
            taken.turn = 0;
    }
    return taken;
}

uint32_t belay_outbox_take_run(struct belay_outbox *box, uint64_t after, struct belay_writer *w,
                               uint32_t most)
{
    struct belay_out_sequence *seq = box->peeked.sequence;
    if (box->peeked.again || seq->next != after + 1 || w->bad ||
        !belay_list_is_empty(&box->resend))
        return 0;
    const struct belay_out_share share = belay_out_turn_share(box, seq);
    struct taken taken = write_messages(seq, w, &share, most);
    if (taken.count == 0)
        return 0;
    box->reserved += taken.cost;
    box->numbers_open += taken.count;
    seq->held += taken.cost;
    belay_out_turn_taken(box, seq, taken.turn);
    return taken.count;
}
