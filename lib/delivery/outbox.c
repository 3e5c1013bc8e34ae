#include "delivery/outbox.h"

#include <assert.h>
#include <string.h>

#include "base/heap.h"
#include "delivery/outreport.h"
#include "delivery/outsettle.h"
#include "delivery/outturn.h"

int belay_outbox_init(struct belay_outbox *box, struct belay_mem *mem, struct belay_pool *pool,
                      uint64_t first_number, uint32_t channels_max)
{
    *box = (struct belay_outbox){
        .mem = mem,
        .pool = pool,
        .first_number = first_number,
        .channels_max = channels_max,
        .message_size_max = BELAY_OUT_MESSAGE_MAX,
    };
    belay_list_init(&box->ready);
    belay_list_init(&box->stuck);
    belay_list_init(&box->numbered);
    belay_list_init(&box->resend);
    return 0;
}

void belay_outbox_dispose(struct belay_outbox *box)
{
    for (size_t key = 0; key < box->sequence_capacity; key++) {
        struct belay_out_sequence *seq = box->sequences[key];
        if (seq == NULL)
            continue;
        for (uint64_t number = seq->first; number < seq->end; number++) {
            struct belay_out_message *m = belay_out_sequence_at(seq, number);
            if (!m->settled)
                belay_out_message_release(m, box->pool);
        }
        belay_out_sequence_free(seq, box->mem);
    }
    belay_mem_free(box->mem, box->sequences, box->sequence_capacity * sizeof(*box->sequences));
    box->sequences = NULL;
    box->sequence_capacity = 0;
    belay_out_report_dispose(box);
}

/* ------------------------------------------------------------------ sequences */

static struct belay_out_sequence *find_or_make(struct belay_outbox *box, uint32_t channel,
                                               uint8_t mode)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    if (seq != NULL)
        return seq;
    size_t key = belay_key(channel, mode);
    void *table = belay_keys_reserve(box->mem, box->sequences, &box->sequence_capacity, key);
    if (table == NULL)
        return NULL;
    box->sequences = table;
    seq = belay_out_sequence_new(box->mem, channel, mode, box->first_number);
    if (seq != NULL)
        seq->limit = box->first_number + box->initial_max_messages;
    return box->sequences[key] = seq;
}

/* ------------------------------------------------------------------ queueing */

static int push(struct belay_outbox *box, struct belay_out_sequence *seq, const void *data,
                const struct belay_source *source, size_t len, bool notify, uint64_t id)
{
    if (belay_out_sequence_reserve(seq, box->mem) != 0)
        return BELAY_ENOMEM;
    /* Before open every message may yet be given up, which is always reported. */
    bool promise = notify || !box->open;
    if (promise && belay_out_report_promise(box) != 0)
        return BELAY_ENOMEM;
    struct belay_out_message *m = belay_out_sequence_at(seq, seq->end);
    if (belay_out_message_init(m, box->pool, data, source, len) != 0) {
        if (promise)
            belay_out_report_waive(box);
        return BELAY_ENOMEM;
    }
    m->id = id;
    m->notify = notify;
    seq->end++;
    box->queued_bytes += belay_out_message_cost(m);
    box->messages_accepted++;
    box->messages_open++;
    belay_out_turn_wake(box, seq, BELAY_OUT_IDLE);
    return 0;
}

static int check_and_push(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                          const void *data, const struct belay_source *source, size_t len,
                          bool notify, uint64_t id)
{
    if (channel >= box->channels_max || mode > BELAY_RELIABLE_UNORDERED)
        return BELAY_EINVAL;
    if (source != NULL && source->data == NULL && source->read == NULL && len > 0)
        return BELAY_EINVAL;
    if (len > box->message_size_max)
        return BELAY_EMSGSIZE;
    struct belay_out_sequence *seq = find_or_make(box, channel, mode);
    if (seq == NULL)
        return BELAY_ENOMEM;
    return push(box, seq, data, source, len, notify, id);
}

int belay_outbox_push(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                      const void *data, const struct belay_source *source, size_t len,
                      bool notify, uint64_t id)
{
    int error = check_and_push(box, channel, mode, data, source, len, notify, id);
    if (error != 0 && source != NULL && source->release != NULL)
        source->release(source->ctx);
    return error;
}

/* ------------------------------------------------------------------ opening, giving up */

/* Gives up what the peer would refuse and closes ranks: nothing was sent, so no number is
 * missed. */
static void open_sequence(struct belay_outbox *box, struct belay_out_sequence *seq)
{
    uint64_t kept = seq->first;
    for (uint64_t number = seq->first; number < seq->end; number++) {
        struct belay_out_message *m = belay_out_sequence_at(seq, number);
        int error = seq->channel >= box->channels_max ? BELAY_EINVAL
                    : m->len > box->message_size_max  ? BELAY_EMSGSIZE
                                                      : 0;
        if (error != 0) {
            m->notify = true;
            belay_out_settle(box, m, error);
            continue;
        }
        if (!m->notify)
            belay_out_report_waive(box);
        *belay_out_sequence_at(seq, kept++) = *m;
    }
    seq->end = kept;
    seq->limit = box->first_number + box->initial_max_messages;
    belay_out_turn_wake(box, seq, BELAY_OUT_IDLE);
}

void belay_outbox_open(struct belay_outbox *box, uint64_t max_data, uint32_t max_messages,
                       uint64_t message_size_max, uint32_t channels_max)
{
    assert(!box->open);
    box->open = true;
    box->max_data = box->window = max_data;
    box->initial_max_messages = max_messages;
    if (message_size_max < box->message_size_max)
        box->message_size_max = message_size_max;
    if (channels_max < box->channels_max)
        box->channels_max = channels_max;
    for (size_t key = 0; key < box->sequence_capacity; key++) {
        if (box->sequences[key] != NULL)
            open_sequence(box, box->sequences[key]);
    }
}

static void abandon_sequence(struct belay_outbox *box, struct belay_out_sequence *seq,
                             int error)
{
    for (uint64_t number = seq->first; number < seq->end; number++) {
        struct belay_out_message *m = belay_out_sequence_at(seq, number);
        if (m->settled)
            continue;
        if (!m->notify && !box->open)
            belay_out_report_waive(box);
        belay_out_settle(box, m, error);
    }
    seq->first = seq->next = seq->end;
    seq->held = 0;
    seq->turn_bytes = 0;
    belay_ranges_clear(&seq->lost);
    belay_list_remove(&seq->turn);
    belay_list_remove(&seq->again);
    seq->place = BELAY_OUT_IDLE;
}

void belay_outbox_abandon_all(struct belay_outbox *box, int error)
{
    for (size_t key = 0; key < box->sequence_capacity; key++) {
        if (box->sequences[key] != NULL)
            abandon_sequence(box, box->sequences[key], error);
    }
    box->numbers_open = 0;
    box->granted = NULL;
    box->peeked.message = NULL;
}

/* ------------------------------------------------------------------ limits */

void belay_outbox_set_max_data(struct belay_outbox *box, uint64_t limit, uint64_t window)
{
    /* Who waits in stuck is looked at by the next peek, and only the first of them. */
    if (limit <= box->max_data)
        return;
    box->max_data = limit;
    box->window = window;
}

bool belay_outbox_set_max_messages(struct belay_outbox *box, uint32_t channel, uint8_t mode,
                                   uint64_t limit)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(box, channel, mode);
    if (seq == NULL)
        return false;
    if (limit > seq->limit) {
        seq->limit = limit;
        belay_out_turn_wake(box, seq, BELAY_OUT_WAITS_NUMBER);
    }
    return true;
}

bool belay_outbox_is_data_blocked(const struct belay_outbox *box)
{
    const struct belay_list *node = belay_list_first(&box->stuck);
    if (node == NULL)
        return false;
    const struct belay_out_sequence *seq =
        BELAY_CONTAINER(node, struct belay_out_sequence, turn);
    return !belay_out_turn_has_data(box, belay_out_turn_cost(seq));
}

bool belay_outbox_is_messages_blocked(const struct belay_outbox *box)
{
    return !belay_list_is_empty(&box->numbered);
}

bool belay_outbox_messages_blocked(struct belay_outbox *box, uint32_t *channel, uint8_t *mode,
                                   uint64_t *limit)
{
    struct belay_list *node = belay_list_first(&box->numbered);
    if (node == NULL)
        return false;
    struct belay_out_sequence *seq = BELAY_CONTAINER(node, struct belay_out_sequence, turn);
    belay_list_remove(node);
    belay_list_append(&box->numbered, node);
    *channel = seq->channel;
    *mode = seq->mode;
    *limit = seq->limit;
    return true;
}
