/*
 * incredit.c - what the peer is told that it may send:
 *
 *     MAX_DATA      = sizes plus 64 of what the app was handed + window
 *     MAX_MESSAGES  = lowest incomplete number + window_messages
 *
 * said again when they grew by a quarter of their window, or when asked for.
 */
#include "base/heap.h"
#include "delivery/insequence.h"
#include "delivery/keys.h"

static uint64_t limit_now(const struct belay_inbox *box)
{
    return box->consumed + box->window;
}

static bool is_data_due(const struct belay_inbox *box)
{
    return limit_now(box) - box->announced >= box->window / 4;
}

bool belay_inbox_max_data_due(struct belay_inbox *box, bool want, uint64_t *limit,
                              uint64_t *window)
{
    if (!want && !is_data_due(box))
        return false;
    box->announced = limit_now(box);
    *limit = box->announced;
    *window = box->window;
    return true;
}

bool belay_inbox_max_messages_due(struct belay_inbox *box, uint32_t *channel, uint8_t *mode,
                                  uint64_t *limit)
{
    struct belay_list *node = belay_list_first(&box->due);
    if (node == NULL)
        return false;
    struct belay_in_sequence *seq = BELAY_CONTAINER(node, struct belay_in_sequence, due);
    uint32_t window = box->config.window_messages;
    belay_list_remove(node);
    seq->limit = seq->next + window;
    seq->due_from = seq->next + (window > 4 ? window / 4 : 1);
    *channel = seq->channel;
    *mode = seq->mode;
    *limit = seq->limit;
    return true;
}

bool belay_inbox_is_credit_due(const struct belay_inbox *box)
{
    return is_data_due(box) || !belay_list_is_empty(&box->due);
}

void belay_inbox_want_max_messages(struct belay_inbox *box, uint32_t channel, uint8_t mode)
{
    size_t key = belay_key(channel, mode);
    struct belay_in_sequence *seq =
        mode < BELAY_MODES && key < box->sequence_capacity ? box->sequences[key] : NULL;
    if (seq != NULL && !belay_list_is_linked(&seq->due))
        belay_list_append(&box->due, &seq->due);
}

/* bytes in elapsed is at least half a window in two round trips: a single sequence may not have
 * more than half a window under way. Scaled so that nothing overflows: kibibytes times
 * microseconds. */
static bool is_fast(uint64_t bytes, uint64_t elapsed_ns, uint64_t window, uint64_t rtt_ns)
{
    return bytes / 1024 * (4 * rtt_ns / 1000) >= window / 1024 * (elapsed_ns / 1000);
}

void belay_inbox_tune(struct belay_inbox *box, uint64_t rtt_ns, uint64_t now_ns)
{
    uint64_t bytes = box->consumed - box->tuned_consumed;
    uint64_t elapsed_ns = now_ns - box->tuned_ns;
    bool first = box->tuned_ns == 0, enough = bytes >= box->window / 2;
    if (!first && !enough && elapsed_ns < 2 * rtt_ns)
        return;
    if (!first && enough && is_fast(bytes, elapsed_ns, box->window, rtt_ns)) {
        uint64_t room =
            box->config.window_max > box->window ? box->config.window_max - box->window : 0;
        box->window += room < box->window ? room : box->window;
    }
    box->tuned_ns = now_ns;
    box->tuned_consumed = box->consumed;
}
