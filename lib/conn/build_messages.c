/*
 * build_messages.c - messages into a packet: whole ones with consecutive numbers as a RUN, a
 * lone one at the end as a MESSAGE, what does not fit whole as a FRAGMENT.
 */
#include "conn/build.h"

#include <string.h>

#define FRAGMENT_MIN 64 /* bytes: below, a fragment's header is not worth it */

/* A run that is being written: whole messages with consecutive numbers. */
struct run {
    uint8_t *start, *count_place;
    uint32_t channel, count;
    uint8_t mode;
    uint64_t number;
    size_t header_len, first_len; /* of the frame; of its only message, when there is one */
};

/* A run of one at the packet's end is a MESSAGE: without count and length. */
static void run_to_message(struct belay_build *b, const struct run *run)
{
    const uint8_t *data = b->w.at - run->first_len;
    struct belay_writer w;

    belay_writer_init(&w, run->start, (size_t)(b->w.at - run->start));
    belay_frame_write_message(&w, run->channel, run->mode, run->number);
    memmove(w.at, data, run->first_len);
    b->w.at = w.at + run->first_len;
}

static void run_end(struct belay_build *b, struct run *run, bool is_last)
{
    if (run->count == 0)
        return;
    if (run->count == 1 && is_last) {
        run_to_message(b, run);
        b->is_closed = true;
    } else {
        belay_frame_set_run_count(run->count_place, run->count);
    }
    belay_build_keep(b, run->start, BELAY_RECORD_RUN, run->channel, run->mode, run->number,
                     run->count, 0);
    run->count = 0;
}

static bool run_continues(const struct run *run, const struct belay_piece *piece)
{
    return run->count > 0 && piece->channel == run->channel && piece->mode == run->mode &&
           piece->number == run->number + run->count;
}

static void append_data(struct belay_build *b, const struct belay_piece *piece, size_t len)
{
    uint8_t *out = belay_write_skip(&b->w, len);

    if (len > 0)
        belay_outbox_copy(piece, 0, out, len);
    belay_outbox_take(&b->c->outbox, len);
    b->message_count++;
    b->again |= piece->again;
}

/* Messages that go on the run. */
static void add_followers(struct belay_build *b, struct run *run,
                          const struct belay_piece *piece)
{
    uint32_t count = belay_outbox_take_run(&b->c->outbox, piece->number, &b->w,
                                           BELAY_PACKET_MESSAGES_MAX - b->message_count);

    run->count += count;
    b->message_count += count;
}

enum added {
    ADDED,
    ADDED_LAST, /* to the packet's end: nothing can follow */
    NO_ROOM,
};

/* Begins a run with a whole message. */
static enum added begin_run(struct belay_build *b, struct run *run,
                            const struct belay_piece *piece)
{
    size_t len = (size_t)piece->len, left = belay_writer_left(&b->w);

    run_end(b, run, false);
    if (!belay_build_has_room(b) || belay_frame_message_size(piece->channel) + len > left)
        return NO_ROOM;
    run->start = b->w.at;
    if (belay_frame_run_size(piece->channel) + belay_varint_size(len) + len > left) {
        /* It just fits without count and length: then nothing else does. */
        belay_frame_write_message(&b->w, piece->channel, piece->mode, piece->number);
        append_data(b, piece, len);
        belay_build_keep(b, run->start, BELAY_RECORD_RUN, piece->channel, piece->mode,
                         piece->number, 1, 0);
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
static enum added add_whole(struct belay_build *b, struct run *run,
                            const struct belay_piece *piece)
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
    add_followers(b, run, piece);
    return ADDED;
}

/* How much of a piece goes into what is left of this packet as a fragment; 0: none. */
static size_t fragment_len(const struct belay_build *b, const struct belay_piece *piece)
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

static bool add_fragment(struct belay_build *b, const struct belay_piece *piece, size_t len)
{
    uint8_t *mark = b->w.at;

    if (!belay_build_has_room(b))
        return false;
    belay_frame_write_fragment(&b->w, piece->channel, piece->mode, piece->number, piece->total,
                               piece->offset, len);
    append_data(b, piece, len);
    return belay_build_keep(b, mark, BELAY_RECORD_PART, piece->channel, piece->mode,
                            piece->number, piece->offset, len);
}

/* Whether there is room for anything, and a piece. */
static bool next_piece(struct belay_build *b, struct belay_piece *piece)
{
    return belay_writer_left(&b->w) > 0 && belay_build_has_room(b) &&
           b->message_count < BELAY_PACKET_MESSAGES_MAX &&
           belay_outbox_peek(&b->c->outbox, piece);
}

bool belay_build_messages(struct belay_build *b)
{
    struct belay_piece piece;
    struct run run = {0};
    bool any = belay_outbox_peek(&b->c->outbox, &piece);

    for (bool goes_on = any; goes_on; goes_on = next_piece(b, &piece)) {
        enum added added = NO_ROOM;
        size_t len;

        if (piece.offset == 0 && piece.len == piece.total)
            added = add_whole(b, &run, &piece);
        if (added == ADDED_LAST)
            return true;
        if (added == ADDED)
            continue;
        /* The run goes on only if this piece does not go into the packet at all. */
        len = fragment_len(b, &piece);
        if (len == 0)
            break;
        run_end(b, &run, false);
        if (!add_fragment(b, &piece, len))
            break;
    }
    run_end(b, &run, true);
    return any;
}
