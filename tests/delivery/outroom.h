/*
 * outroom.h - an outbox on counted memory, and the few steps that the tests of its parts share.
 */
#ifndef BELAY_TESTS_DELIVERY_OUTROOM_H
#define BELAY_TESTS_DELIVERY_OUTROOM_H

#include "tests/delivery/room.h"

#include "delivery/outsequence.h"

#define ORDERED   BELAY_RELIABLE_ORDERED
#define UNORDERED BELAY_RELIABLE_UNORDERED
#define PLENTY    (UINT64_C(1) << 40)

struct outroom {
    struct room room;
    struct belay_outbox box;
};

static inline void outroom_begin(struct outroom *o)
{
    room_init(&o->room);
    assert_int_equal(belay_outbox_init(&o->box, &o->room.mem, &o->room.pool, 0, 256), 0);
}

static inline void outroom_begin_open(struct outroom *o, uint64_t max_data,
                                      uint32_t max_messages)
{
    outroom_begin(o);
    belay_outbox_open(&o->box, max_data, max_messages, MIB(16), 256);
}

static inline void outroom_end(struct outroom *o)
{
    belay_outbox_dispose(&o->box);
    room_dispose(&o->room);
}

/* An ordered message with a report; its bytes are those of id. */
static inline void outroom_push(struct outroom *o, uint32_t channel, uint64_t id, size_t len)
{
    uint8_t *data = malloc(len + 1);
    fill_message(id, data, len);
    assert_int_equal(belay_outbox_push(&o->box, channel, ORDERED, data, NULL, len, true, id),
                     0);
    free(data);
}

/* Takes all that may go now, whole pieces. */
static inline unsigned outroom_drain(struct outroom *o)
{
    struct belay_piece piece;
    unsigned count = 0;
    for (; belay_outbox_peek(&o->box, &piece); count++)
        belay_outbox_take(&o->box, piece.len);
    return count;
}

/* Takes the next piece, at most len bytes of it, and checks where it is from. */
static inline void expect_piece(struct outroom *o, uint32_t channel, uint64_t number,
                                uint64_t offset, uint64_t len, bool again)
{
    struct belay_piece piece;
    assert_true(belay_outbox_peek(&o->box, &piece));
    assert_int_equal(piece.channel, channel);
    assert_int_equal(piece.number, number);
    assert_int_equal(piece.offset, offset);
    assert_int_equal(piece.again, again);
    assert_true(len <= piece.len);
    belay_outbox_take(&o->box, len);
}

static inline void expect_nothing(struct outroom *o)
{
    struct belay_piece piece;
    assert_false(belay_outbox_peek(&o->box, &piece));
}

static inline void expect_report(struct outroom *o, uint64_t id, int error)
{
    struct belay_out_report report;
    assert_true(belay_outbox_report(&o->box, &report));
    assert_int_equal(report.id, id);
    assert_int_equal(report.error, error);
}

/* The next asks for memory fail, until room.memory.fail_at is 0 again. */
static inline void room_starve(struct room *room)
{
    belay_pool_dispose(&room->pool); /* of free blocks only */
    room->memory.fail_at = -(long)(room->memory.calls + 1);
}

#endif
