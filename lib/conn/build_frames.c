/* build_frames.c - the small frames of a packet, a writer each, run in order. */
#include "conn/build.h"

#include <string.h>

#define PURE_RECEIVER_PING 8 /* eliciting packets heard since we last asked for an ACK */

static void write_ack(struct belay_build *b)
{
    uint8_t *mark = b->w.at;
    uint64_t largest;

    /* With a CLOSE always: it is the last chance to say what came. */
    if (!belay_acks_is_pending(&b->c->acks) && !b->c->closing.answer_due && !b->c->due.close)
        return;
    if (!belay_acks_write(&b->c->acks, &b->w, b->now_ns, &largest))
        return;
    b->has_ack = belay_build_keep(b, mark, BELAY_RECORD_ACK, 0, 0, largest, 0, 0);
}

/* What FIN says: all that was accepted and not given up before it was ever sent. */
static uint64_t fin_messages(const struct belay_connection *c)
{
    return c->outbox.messages_accepted - c->outbox.messages_abandoned;
}

static void write_close(struct belay_build *b)
{
    struct belay_connection *c = b->c;
    const char *reason = c->due.close ? c->event.reason : "";
    uint64_t code = c->due.close ? c->event.code : (uint64_t)BELAY_CLOSE_NONE;
    uint8_t *mark = b->w.at;

    if (!c->due.close && !c->closing.answer_due)
        return;
    /* When we end without the acknowledgement of our FIN: perhaps it never arrived. */
    if (c->event.error == BELAY_OK && !c->closing.fin_acked)
        belay_frame_write_fin(&b->w, fin_messages(c));
    belay_frame_write_close(&b->w, code, reason, strlen(reason));
    if (b->w.bad) { /* a train of small packets: it has the next one for itself */
        b->w.at = mark;
        b->w.bad = false;
        return;
    }
    b->has_close = true;
    b->frame_count += 2;
}

static void write_fin(struct belay_build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;

    if (!c->due.fin || !b->may_elicit || !belay_build_has_room(b))
        return;
    belay_frame_write_fin(&b->w, fin_messages(c));
    if (belay_build_keep(b, mark, BELAY_RECORD_FIN, 0, 0, 0, 0, 0))
        c->due.fin = false;
}

static void write_max_data(struct belay_build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;
    uint64_t limit, window;

    if (!b->may_elicit || !belay_build_has_room(b) || belay_writer_left(&b->w) < 17)
        return;
    if (!belay_inbox_max_data_due(&c->inbox, c->due.max_data, &limit, &window))
        return;
    belay_frame_write_max_data(&b->w, limit, window);
    belay_build_keep(b, mark, BELAY_RECORD_MAX_DATA, 0, 0, limit, 0, 0);
    c->due.max_data = false;
}

static void write_max_messages(struct belay_build *b)
{
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;

    while (b->may_elicit && belay_build_has_room(b) && belay_writer_left(&b->w) >= 14 &&
           belay_inbox_max_messages_due(&b->c->inbox, &channel, &mode, &limit)) {
        uint8_t *mark = b->w.at;

        belay_frame_write_max_messages(&b->w, BELAY_FRAME_MAX_MESSAGES, channel, mode, limit);
        belay_build_keep(b, mark, BELAY_RECORD_MAX_MESSAGES, channel, mode, limit, 0, 0);
    }
}

static void write_blocked(struct belay_build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;

    if (!b->may_elicit || !belay_build_has_room(b))
        return;
    if (c->due.data_blocked) {
        belay_frame_write_data_blocked(&b->w, c->outbox.max_data);
        if (belay_build_keep(b, mark, BELAY_RECORD_DATA_BLOCKED, 0, 0, 0, 0, 0))
            c->due.data_blocked = false;
    }
    mark = b->w.at;
    if (c->due.messages_blocked && belay_build_has_room(b)) {
        c->due.messages_blocked = false;
        if (belay_outbox_messages_blocked(&c->outbox, &channel, &mode, &limit)) {
            belay_frame_write_max_messages(&b->w, BELAY_FRAME_MESSAGES_BLOCKED, channel, mode,
                                           limit);
            c->due.messages_blocked = !belay_build_keep(b, mark, BELAY_RECORD_MESSAGES_BLOCKED,
                                                        channel, mode, limit, 0, 0);
        }
    }
}

/* They ride along with what leaves anyway, an ACK too, and make no packet of their own. */
static bool may_carry_ids(const struct belay_build *b)
{
    return b->c->stage == BELAY_STAGE_OPEN &&
           (b->may_elicit ||
            belay_recovery_window_left(&b->c->recovery) >= belay_build_limit(b->c));
}

static void write_new_cids(struct belay_build *b)
{
    struct belay_id *id;

    while (may_carry_ids(b) && belay_build_has_room(b) &&
           (id = belay_own_ids_due(&b->c->own_ids)) != NULL) {
        uint8_t *mark = b->w.at;

        belay_frame_write_new_cid(&b->w, id->sequence, 0, id->cid, id->token);
        if (!belay_build_keep(b, mark, BELAY_RECORD_NEW_CID, 0, 0, id->sequence, 0, 0))
            return;
        id->is_due = false;
    }
}

static void write_retired_cids(struct belay_build *b)
{
    uint64_t sequence;

    while (may_carry_ids(b) && belay_build_has_room(b) &&
           belay_writer_left(&b->w) >= 1 + sizeof(sequence) &&
           belay_their_ids_retiring(&b->c->their_ids, &sequence)) {
        uint8_t *mark = b->w.at;

        belay_frame_write_retire_cid(&b->w, sequence);
        belay_build_keep(b, mark, BELAY_RECORD_RETIRE_CID, 0, 0, sequence, 0, 0);
    }
}

/*
 * Of a pure receiver, about once a round trip, so that its ranges get confirmed. Only after
 * several packets heard, so that two idle sides do not keep each other awake.
 */
static bool wants_confirmation(const struct belay_build *b)
{
    const struct belay_connection *c = b->c;

    return b->has_ack && !b->eliciting && c->acks.since_eliciting >= PURE_RECEIVER_PING &&
           b->now_ns - c->last_eliciting_sent_ns >= c->recovery.rtt.smoothed_ns &&
           belay_recovery_window_left(&c->recovery) >= b->full_capacity;
}

void belay_build_ping(struct belay_build *b)
{
    uint8_t *mark = b->w.at;
    bool probe_needs_one = b->c->due.probes > 0 && !b->eliciting;

    if (b->eliciting || b->c->stage != BELAY_STAGE_OPEN || !belay_build_has_room(b))
        return;
    if (!(b->c->due.ping && b->may_elicit) && !probe_needs_one && !wants_confirmation(b))
        return;
    belay_frame_write_ping(&b->w);
    belay_build_keep(b, mark, BELAY_RECORD_PING, 0, 0, 0, 0, 0);
}

/* In this order in a packet. MESSAGE runs to the packet's end, so messages are last. */
static void (*const writers[])(struct belay_build *b) = {
    write_ack,          write_close,   write_fin,      write_max_data,
    write_max_messages, write_blocked, write_new_cids, write_retired_cids,
};

void belay_build_frames(struct belay_build *b)
{
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        writers[i](b);
}
