/*
 * build.c - packets out. A packet is a table of writers run in order, each adding what is due
 * of its frame; a train is packets of one size until nothing more is due or allowed.
 *
 * What may go: an ACK always; a probe past the window; anything else when the congestion
 * window and the pacer have room for a whole packet.
 */
#include "conn/private.h"
#include "conn/records.h"

#include <string.h>

#define TRAIN_SEGMENTS_MAX 64
#define RECORDS_MAX        64
#define FRAGMENT_MIN       64 /* bytes: below, a fragment's header is not worth it */
#define PURE_RECEIVER_PING 8  /* eliciting packets heard since we last asked for an ACK */

struct build {
    struct belay_connection *c;
    struct belay_writer w;
    uint64_t now_ns;
    size_t capacity;      /* of frames in this packet */
    size_t full_capacity; /* of frames in the largest packet */
    bool is_probe;
    bool may_elicit; /* window and pacer allow it, or it is a probe */
    bool eliciting, again;
    bool has_ack, has_close;
    bool is_closed; /* ends with a MESSAGE: nothing can follow */
    unsigned frame_count;
    uint32_t message_count;
    size_t record_count;
    struct belay_record records[RECORDS_MAX];
};

static bool has_room(const struct build *b)
{
    return b->record_count < RECORDS_MAX && b->frame_count < BELAY_FRAMES_MAX;
}

/* Notes a frame that was written, unless it did not fit: then the writer goes back to mark. */
static bool keep(struct build *b, uint8_t *mark, enum belay_record_kind kind, uint32_t channel,
                 uint8_t mode, uint64_t number, uint64_t offset, uint64_t len)
{
    if (b->w.bad) {
        b->w.at = mark;
        b->w.bad = false;
        return false;
    }
    b->records[b->record_count++] = belay_record_make(kind, channel, mode, number, offset, len);
    b->frame_count++;
    if (kind != BELAY_RECORD_ACK)
        b->eliciting = true;
    return true;
}

/* ------------------------------------------------------------------ the small frames */

static void write_ack(struct build *b)
{
    uint8_t *mark = b->w.at;
    uint64_t largest;

    /* With a CLOSE always: it is the last chance to say what came. */
    if (!belay_acks_is_pending(&b->c->acks) && !b->c->closing.answer_due && !b->c->due.close)
        return;
    if (!belay_acks_write(&b->c->acks, &b->w, b->now_ns, &largest))
        return;
    b->has_ack = keep(b, mark, BELAY_RECORD_ACK, 0, 0, largest, 0, 0);
}

static void write_close(struct build *b)
{
    struct belay_connection *c = b->c;
    const char *reason = c->due.close ? c->event.reason : "";
    uint64_t code = c->due.close ? c->event.code : (uint64_t)BELAY_CLOSE_NONE;
    uint8_t *mark = b->w.at;

    if (!c->due.close && !c->closing.answer_due)
        return;
    /* When we end without the acknowledgement of our FIN: perhaps it never arrived. */
    if (c->event.error == BELAY_OK && !c->closing.fin_acked)
        belay_frame_write_fin(&b->w, c->closing.fin_messages);
    belay_frame_write_close(&b->w, code, reason, strlen(reason));
    if (b->w.bad) { /* a train of small packets: it has the next one for itself */
        b->w.at = mark;
        b->w.bad = false;
        return;
    }
    b->has_close = true;
    b->frame_count += 2;
}

static void write_fin(struct build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;

    if (!c->due.fin || !b->may_elicit || !has_room(b))
        return;
    c->closing.fin_messages = c->outbox.messages_accepted - c->outbox.messages_abandoned;
    belay_frame_write_fin(&b->w, c->closing.fin_messages);
    if (keep(b, mark, BELAY_RECORD_FIN, 0, 0, 0, 0, 0))
        c->due.fin = false;
}

static void write_max_data(struct build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;
    uint64_t limit, window;

    if (!b->may_elicit || !has_room(b) || belay_writer_left(&b->w) < 17)
        return;
    if (!belay_inbox_max_data_due(&c->inbox, c->due.max_data, &limit, &window))
        return;
    belay_frame_write_max_data(&b->w, limit, window);
    keep(b, mark, BELAY_RECORD_MAX_DATA, 0, 0, limit, 0, 0);
    c->due.max_data = false;
}

static void write_max_messages(struct build *b)
{
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;

    while (b->may_elicit && has_room(b) && belay_writer_left(&b->w) >= 14 &&
           belay_inbox_max_messages_due(&b->c->inbox, &channel, &mode, &limit)) {
        uint8_t *mark = b->w.at;

        belay_frame_write_max_messages(&b->w, BELAY_FRAME_MAX_MESSAGES, channel, mode, limit);
        keep(b, mark, BELAY_RECORD_MAX_MESSAGES, channel, mode, limit, 0, 0);
    }
}

static void write_blocked(struct build *b)
{
    struct belay_connection *c = b->c;
    uint8_t *mark = b->w.at;
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;

    if (!b->may_elicit || !has_room(b))
        return;
    if (c->due.data_blocked) {
        belay_frame_write_data_blocked(&b->w, c->outbox.max_data);
        if (keep(b, mark, BELAY_RECORD_DATA_BLOCKED, 0, 0, 0, 0, 0))
            c->due.data_blocked = false;
    }
    mark = b->w.at;
    if (c->due.messages_blocked && has_room(b)) {
        c->due.messages_blocked = false;
        if (belay_outbox_messages_blocked(&c->outbox, &channel, &mode, &limit)) {
            belay_frame_write_max_messages(&b->w, BELAY_FRAME_MESSAGES_BLOCKED, channel, mode,
                                           limit);
            c->due.messages_blocked =
                !keep(b, mark, BELAY_RECORD_MESSAGES_BLOCKED, channel, mode, limit, 0, 0);
        }
    }
}

/* ------------------------------------------------------------------ messages */

/* A run that is being written: whole messages with consecutive numbers. */
struct run {
    uint8_t *start, *count_place;
    uint32_t channel, count;
    uint8_t mode;
    uint64_t number;
    size_t header_len, first_len; /* of the frame; of its only message, when there is one */
};

/* A run of one at the packet's end is a MESSAGE: without count and length. */
static void run_to_message(struct build *b, const struct run *run)
{
    const uint8_t *data = b->w.at - run->first_len;
    struct belay_writer w;

    belay_writer_init(&w, run->start, (size_t)(b->w.at - run->start));
    belay_frame_write_message(&w, run->channel, run->mode, run->number);
    memmove(w.at, data, run->first_len);
    b->w.at = w.at + run->first_len;
}

static void run_end(struct build *b, struct run *run, bool is_last)
{
    if (run->count == 0)
        return;
    if (run->count == 1 && is_last) {
        run_to_message(b, run);
        b->is_closed = true;
    } else

        belay_frame_set_run_count(run->count_place, run->count);
    keep(b, run->start, BELAY_RECORD_RUN, run->channel, run->mode, run->number, run->count, 0);
    run->count = 0;
}

static bool run_continues(const struct run *run, const struct belay_piece *piece)
{
    return run->count > 0 && piece->channel == run->channel && piece->mode == run->mode &&
           piece->number == run->number + run->count;
}

static void append_data(struct build *b, const struct belay_piece *piece, size_t len)
{
    uint8_t *out = belay_write_skip(&b->w, len);

    if (len > 0)
        belay_outbox_copy(piece, 0, out, len);
    belay_outbox_take(&b->c->outbox, len);
    b->message_count++;
    b->again |= piece->again;
}

enum added {
    ADDED,
    ADDED_LAST, /* to the packet's end: nothing can follow */
    NO_ROOM,
};

/* Begins a run with a whole message. */
static enum added begin_run(struct build *b, struct run *run, const struct belay_piece *piece)
{
    size_t len = (size_t)piece->len, left = belay_writer_left(&b->w);

    run_end(b, run, false);
    if (!has_room(b) || belay_frame_message_size(piece->channel) + len > left)
        return NO_ROOM;
    run->start = b->w.at;
    if (belay_frame_run_size(piece->channel) + belay_varint_size(len) + len > left) {
        /* It just fits without count and length: then nothing else does. */
        belay_frame_write_message(&b->w, piece->channel, piece->mode, piece->number);
        append_data(b, piece, len);
        keep(b, run->start, BELAY_RECORD_RUN, piece->channel, piece->mode, piece->number, 1, 0);
        b->is_closed = true;
        return ADDED_LAST;
    }
    run->channel = piece->channel;
    run->mode = piece->mode;
    run->number = piece->number;
    run->first_len = len;
    run->count_place = belay_frame_write_run(&b->w, piece->channel, piece->mode, piece->number);
    return ADDED;
}

/* Adds a whole message to the run, or begins one with it. */
static enum added add_whole(struct build *b, struct run *run, const struct belay_piece *piece)
{
    size_t len = (size_t)piece->len;

    if (run_continues(run, piece)) {
        if (belay_varint_size(len) + len > belay_writer_left(&b->w))
            return NO_ROOM;
    } else {
        enum added added = begin_run(b, run, piece);

        if (added != ADDED)
            return added;
    }
    belay_write_varint(&b->w, len);
    append_data(b, piece, len);
    run->count++;
    return ADDED;
}

/* How much of a piece goes into what is left of this packet as a fragment; 0: none. */
static size_t fragment_len(const struct build *b, const struct belay_piece *piece)
{
    size_t left = belay_writer_left(&b->w), len, header;

    len = piece->len < left ? (size_t)piece->len : left;
    header = belay_frame_fragment_size(piece->channel, piece->total, piece->offset, len);
    if (header >= left)
        return 0;
    if (len > left - header)
        len = left - header;
    if (len == piece->len)
        return len;
    if (len < FRAGMENT_MIN || b->capacity < b->full_capacity / 4 * 3)
        return 0; /* slivers cost more than they carry */
    if (piece->total + belay_frame_message_size(piece->channel) <= b->full_capacity &&
        len < b->full_capacity / 4)
        return 0; /* it fits whole into the next packet */
    return len;
}

static bool add_fragment(struct build *b, const struct belay_piece *piece)
{
    uint8_t *mark = b->w.at;
    size_t len;

    if (!has_room(b) || piece->len == 0)
        return false;
    len = fragment_len(b, piece);
    if (len == 0)
        return false;
    belay_frame_write_fragment(&b->w, piece->channel, piece->mode, piece->number, piece->total,
                               piece->offset, len);
    append_data(b, piece, len);
    return keep(b, mark, BELAY_RECORD_PART, piece->channel, piece->mode, piece->number,
                piece->offset, len);
}

static void write_messages(struct build *b)
{
    struct belay_piece piece;
    struct run run = {0};

    while (has_room(b) && b->message_count < BELAY_PACKET_MESSAGES_MAX &&
           belay_outbox_peek(&b->c->outbox, &piece)) {
        if (piece.offset == 0 && piece.len == piece.total) {
            enum added added = add_whole(b, &run, &piece);

            if (added == ADDED_LAST)
                return;
            if (added == ADDED)
                continue;
        }
        /* The run goes on only if this piece does not go into the packet at all. */
        if (fragment_len(b, &piece) == 0)
            break;
        run_end(b, &run, false);
        if (!add_fragment(b, &piece))
            break;
    }
    run_end(b, &run, true);
}

/* ------------------------------------------------------------------ pings */

/*
 * Of a pure receiver, about once a round trip, so that its ranges get confirmed. Only after
 * several packets heard, so that two idle sides do not keep each other awake.
 */
static bool wants_confirmation(const struct build *b)
{
    const struct belay_connection *c = b->c;

    return b->has_ack && !b->eliciting && c->acks.since_eliciting >= PURE_RECEIVER_PING &&
           b->now_ns - c->last_eliciting_sent_ns >= c->recovery.rtt.smoothed_ns &&
           belay_recovery_window_left(&c->recovery) >= b->full_capacity;
}

static void write_ping(struct build *b)
{
    uint8_t *mark = b->w.at;
    bool probe_needs_one = b->c->due.probes > 0 && !b->eliciting;

    if (b->eliciting || b->c->stage != BELAY_STAGE_OPEN || !has_room(b))
        return;
    if (!(b->c->due.ping && b->may_elicit) && !probe_needs_one && !wants_confirmation(b))
        return;
    belay_frame_write_ping(&b->w);
    keep(b, mark, BELAY_RECORD_PING, 0, 0, 0, 0, 0);
}

/* In this order in a packet. MESSAGE runs to the packet's end, so messages are last. */
static void (*const writers[])(struct build *b) = {
    write_ack, write_close, write_fin, write_max_data, write_max_messages, write_blocked,
};

/* ------------------------------------------------------------------ packets and trains */

/* Is there anything that asks for an eliciting packet? */
static bool wants_eliciting(struct belay_connection *c)
{
    struct belay_piece piece;

    if (c->stage != BELAY_STAGE_OPEN)
        return false;
    return c->due.ping || c->due.fin || c->due.max_data || c->due.data_blocked ||
           c->due.messages_blocked || belay_inbox_is_credit_due(&c->inbox) ||
           belay_outbox_peek(&c->outbox, &piece);
}

/* Bytes that window and pacer allow for one packet now; 0: wait. */
static size_t allowance(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t window = belay_recovery_window_left(&c->recovery);
    uint64_t want = c->datagram_size;

    c->pacing_ns = BELAY_NEVER;
    if (window < want)
        want = window;
    if (want < 128)
        return 0;
    if (belay_recovery_pacer_left(&c->recovery, now_ns) < want) {
        c->pacing_ns = belay_recovery_pacer_time(&c->recovery);
        if (c->pacing_ns <= now_ns)
            c->pacing_ns = now_ns + 1;
        return 0;
    }
    return (size_t)want;
}

static size_t write_header(const struct belay_connection *c, uint8_t *out, size_t size)
{
    uint64_t number = belay_recovery_next_number(&c->recovery);
    unsigned bytes = belay_packet_number_bytes(number, c->recovery.largest_acked,
                                               c->env->config->first_packet_number);

    return belay_data_header_build(out, size, c->peer_has_cid ? c->peer_cid : NULL, false,
                                   number, bytes);
}

/* Seals and logs what was built; returns the packet's length, 0 on failure. */
static size_t finish(struct build *b, uint8_t *packet, size_t header_len)
{
    struct belay_connection *c = b->c;
    uint64_t number = belay_recovery_next_number(&c->recovery);
    size_t frames_len = (size_t)(b->w.at - packet) - header_len;
    size_t len = header_len + frames_len + BELAY_TAG_SIZE;
    unsigned flags =
        (b->eliciting ? BELAY_SENT_ELICITING : 0) | (b->is_probe ? BELAY_SENT_PROBE : 0);

    if (belay_seal_packet(&c->seal_out, number, packet, header_len, frames_len)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "libcrypto could not seal");
        return 0;
    }
    belay_recovery_sent(&c->recovery, len, flags, b->records, b->record_count, b->now_ns);
    if (b->has_ack)
        belay_acks_sent(&c->acks);
    if (b->has_close)
        c->due.close = c->closing.answer_due = false;
    if (b->eliciting) {
        c->acks.since_eliciting = 0;
        c->due.ping = false;
        c->last_eliciting_sent_ns = b->now_ns;
    }
    c->stats.packets_sent++;
    c->stats.datagrams_sent++;
    c->stats.wire_bytes_sent += len;
    c->stats.packets_retransmitted += b->again;
    belay_connection_trace(c, true, 'D', number, len, packet + header_len, frames_len, "ok",
                           b->now_ns);
    return len;
}

/* Decides what this packet may be. False: nothing may go now. */
static bool begin(struct build *b, size_t *size)
{
    struct belay_connection *c = b->c;

    if (c->due.probes > 0 && c->stage == BELAY_STAGE_OPEN) {
        struct belay_recovery_sink sink = {belay_connection_record_acked,
                                           belay_connection_record_lost, c};

        belay_recovery_repeat_oldest(&c->recovery, &sink);
        /* Unless there was no memory to note what is repeated. */
        b->is_probe = b->may_elicit = c->stage == BELAY_STAGE_OPEN;
    } else if (wants_eliciting(c)) {
        size_t allowed = allowance(c, b->now_ns);

        b->may_elicit = allowed > 0;
        if (b->may_elicit && allowed < *size)
            *size = allowed;
        belay_recovery_set_app_limited(&c->recovery, false);
    } else {
        c->pacing_ns = BELAY_NEVER;
        belay_recovery_set_app_limited(&c->recovery, true);
    }
    if (c->stage == BELAY_STAGE_LINGERING)
        return c->due.close || c->closing.answer_due; /* an ACK goes with those alone */
    return b->may_elicit || belay_acks_is_due(&c->acks, b->now_ns);
}

static void write_frames(struct build *b)
{
    struct belay_piece piece;

    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++)
        writers[i](b);
    if (b->may_elicit && b->c->stage == BELAY_STAGE_OPEN &&
        belay_outbox_peek(&b->c->outbox, &piece))
        write_messages(b);
    else
        write_ping(b);
}

/*
 * Segments of a train have one size. A packet that is a little smaller than the first, with
 * more to come, is padded, so that the train goes on.
 */
static void pad_to_segment(struct build *b, size_t segment_frames)
{
    size_t frames = b->capacity - belay_writer_left(&b->w);

    if (b->is_closed || !b->eliciting || b->frame_count >= BELAY_FRAMES_MAX ||
        frames >= segment_frames || segment_frames - frames > segment_frames / 8 ||
        segment_frames > b->capacity)
        return;
    if (wants_eliciting(b->c) && belay_recovery_window_left(&b->c->recovery) > 2 * b->capacity)
        belay_frame_write_padding(&b->w, segment_frames - frames);
}

/* One packet of at most size bytes into out; segment: the train's, 0 for its first. 0: nothing
 * (more) to send. */
static size_t build_packet(struct belay_connection *c, uint8_t *out, size_t size,
                           size_t segment, uint64_t now_ns)
{
    struct build b;
    size_t header_len;

    memset(&b, 0, offsetof(struct build, records));
    b.c = c;
    b.now_ns = now_ns;
    if (!begin(&b, &size))
        return 0;
    if (belay_recovery_reserve(&c->recovery, RECORDS_MAX)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "no memory to send");
        return 0;
    }
    header_len = write_header(c, out, size);
    if (header_len == 0 || size < header_len + BELAY_TAG_SIZE + 1)
        return 0;
    b.capacity = size - header_len - BELAY_TAG_SIZE;
    b.full_capacity = c->datagram_size - header_len - BELAY_TAG_SIZE;
    belay_writer_init(&b.w, out + header_len, b.capacity);
    write_frames(&b);
    if (b.frame_count == 0)
        return 0;
    if (!b.eliciting && !b.has_close && !belay_acks_is_due(&c->acks, now_ns))
        return 0; /* an ACK alone that can still wait */
    if (segment > 0)
        pad_to_segment(&b, segment - header_len - BELAY_TAG_SIZE);
    if (b.is_probe)
        c->due.probes--;
    return finish(&b, out, header_len);
}

int belay_connection_build_train(struct belay_connection *c, struct belay_train *train,
                                 uint64_t now_ns)
{
    size_t limit = c->datagram_size < train->capacity ? c->datagram_size : train->capacity;

    train->len = train->segment_size = 0;
    train->ecn = 0;
    train->path = c->path;
    for (unsigned i = 0; i < TRAIN_SEGMENTS_MAX; i++) {
        size_t left = train->capacity - train->len;
        size_t len = build_packet(c, train->buffer + train->len, left < limit ? left : limit,
                                  train->segment_size, now_ns);

        if (len == 0)
            break;
        train->len += len;
        if (i == 0)
            train->segment_size = limit = len;
        if (len < train->segment_size || train->capacity - train->len < limit)
            break;
    }
    return train->len > 0;
}
