/*
 * frame_check.h - for tests of frames: parse exact bytes, compare two frames, write any frame,
 * and the round trip made of these.
 */
#ifndef BELAY_TESTS_WIRE_FRAME_CHECK_H
#define BELAY_TESTS_WIRE_FRAME_CHECK_H

#include "wire/exact.h"

#include <belay/common.h>

#include "wire/frame.h"

/* ------------------------------------------------------------------ comparing */

/* Bytes, not pointers, are compared; and the ranges of an ACK as numbers. */
static inline void assert_same_ranges(const struct belay_frame *a, const struct belay_frame *b)
{
    struct belay_ack_reader ra, rb;
    uint64_t lo_a, hi_a, lo_b, hi_b;
    belay_ack_reader_init(&ra, a);
    belay_ack_reader_init(&rb, b);
    for (uint32_t i = 0; i < a->ack.range_count; i++) {
        assert_true(belay_ack_reader_next(&ra, &lo_a, &hi_a));
        assert_true(belay_ack_reader_next(&rb, &lo_b, &hi_b));
        assert_true(lo_a == lo_b && hi_a == hi_b);
    }
}

static inline void assert_same_run(const struct belay_frame *a, const struct belay_frame *b)
{
    struct belay_run_reader ra, rb;
    const uint8_t *data_a, *data_b;
    size_t len_a, len_b;
    belay_run_reader_init(&ra, a);
    belay_run_reader_init(&rb, b);
    for (uint32_t i = 0; i < a->message.count; i++) {
        assert_true(belay_run_reader_next(&ra, &data_a, &len_a));
        assert_true(belay_run_reader_next(&rb, &data_b, &len_b));
        assert_int_equal(len_a, len_b);
        assert_memory_equal(data_a, data_b, len_a);
    }
    assert_false(belay_run_reader_next(&ra, &data_a, &len_a));
}

static inline void assert_same_message(const struct belay_frame *a, const struct belay_frame *b)
{
    assert_int_equal(a->message.channel, b->message.channel);
    assert_int_equal(a->message.mode, b->message.mode);
    assert_int_equal(a->message.number, b->message.number);
    assert_int_equal(a->message.count, b->message.count);
    assert_true(a->message.total == b->message.total);
    assert_true(a->message.offset == b->message.offset);
    if (a->type == BELAY_FRAME_RUN) {
        assert_same_run(a, b);
        return;
    }
    assert_int_equal(a->message.len, b->message.len);
    assert_memory_equal(a->message.data, b->message.data, a->message.len);
}

static inline void assert_same_ack(const struct belay_frame *a, const struct belay_frame *b)
{
    assert_true(a->ack.largest == b->ack.largest);
    assert_true(a->ack.delay_us == b->ack.delay_us);
    assert_int_equal(a->ack.range_count, b->ack.range_count);
    assert_true(a->ack.ect0 == b->ack.ect0);
    assert_true(a->ack.ect1 == b->ack.ect1);
    assert_true(a->ack.ce == b->ack.ce);
    assert_same_ranges(a, b);
}

static inline void assert_same_frame(const struct belay_frame *a, const struct belay_frame *b)
{
    assert_int_equal(a->type, b->type);
    switch (a->type) {
    case BELAY_FRAME_PADDING:
    case BELAY_FRAME_PING:
        break;
    case BELAY_FRAME_ACK:
    case BELAY_FRAME_ACK_ECN:
        assert_same_ack(a, b);
        break;
    case BELAY_FRAME_MAX_DATA:
    case BELAY_FRAME_DATA_BLOCKED:
        assert_true(a->max_data.limit == b->max_data.limit);
        assert_true(a->max_data.window == b->max_data.window);
        break;
    case BELAY_FRAME_MAX_MESSAGES:
    case BELAY_FRAME_MESSAGES_BLOCKED:
        assert_int_equal(a->max_messages.channel, b->max_messages.channel);
        assert_int_equal(a->max_messages.mode, b->max_messages.mode);
        assert_true(a->max_messages.limit == b->max_messages.limit);
        break;
    case BELAY_FRAME_FIN:
        assert_true(a->fin.messages == b->fin.messages);
        break;
    case BELAY_FRAME_CLOSE:
        assert_true(a->close.code == b->close.code);
        assert_int_equal(a->close.reason_len, b->close.reason_len);
        assert_memory_equal(a->close.reason, b->close.reason, a->close.reason_len);
        break;
    case BELAY_FRAME_NEW_CONNECTION_ID:
        assert_true(a->new_cid.sequence == b->new_cid.sequence);
        assert_true(a->new_cid.retire_prior_to == b->new_cid.retire_prior_to);
        assert_memory_equal(a->new_cid.cid, b->new_cid.cid, BELAY_CID_BYTES);
        assert_memory_equal(a->new_cid.token, b->new_cid.token, BELAY_RESET_TOKEN_BYTES);
        break;
    case BELAY_FRAME_RETIRE_CONNECTION_ID:
        assert_true(a->new_cid.sequence == b->new_cid.sequence);
        break;
    case BELAY_FRAME_PATH_CHALLENGE:
    case BELAY_FRAME_PATH_RESPONSE:
        assert_memory_equal(a->path.data, b->path.data, BELAY_PATH_DATA_BYTES);
        break;
    case BELAY_FRAME_MESSAGE:
    case BELAY_FRAME_RUN:
    case BELAY_FRAME_FRAGMENT:
        assert_same_message(a, b);
        break;
    default:
        fail();
    }
}

/* ------------------------------------------------------------------ writing any frame */

/* A parsed ACK's i-th range; a source for belay_frame_write_ack. */
static inline bool frame_range(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi)
{
    struct belay_ack_reader r;
    belay_ack_reader_init(&r, ctx);
    for (size_t skipped = 0; skipped < i; skipped++)
        if (!belay_ack_reader_next(&r, lo, hi))
            return false;
    return belay_ack_reader_next(&r, lo, hi);
}

static inline void write_any_run(struct belay_writer *w, const struct belay_frame *f)
{
    struct belay_run_reader r;
    const uint8_t *data;
    size_t len;
    unsigned count = 0;
    uint8_t *place =
        belay_frame_write_run(w, f->message.channel, f->message.mode, f->message.number);

    belay_run_reader_init(&r, f);
    while (belay_run_reader_next(&r, &data, &len)) {
        belay_write_varint(w, len);
        belay_write_bytes(w, data, len);
        count++;
    }
    if (place != NULL)
        belay_frame_set_run_count(place, count);
}

static inline void write_any_frame(struct belay_writer *w, const struct belay_frame *f)
{
    uint64_t ecn[3];

    switch (f->type) {
    case BELAY_FRAME_PADDING:
        belay_frame_write_padding(w, 1);
        break;
    case BELAY_FRAME_PING:
        belay_frame_write_ping(w);
        break;
    case BELAY_FRAME_ACK:
        belay_frame_write_ack(w, f->ack.delay_us, NULL, frame_range, f);
        break;
    case BELAY_FRAME_ACK_ECN:
        ecn[0] = f->ack.ect0;
        ecn[1] = f->ack.ect1;
        ecn[2] = f->ack.ce;
        belay_frame_write_ack(w, f->ack.delay_us, ecn, frame_range, f);
        break;
    case BELAY_FRAME_MAX_DATA:
        belay_frame_write_max_data(w, f->max_data.limit, f->max_data.window);
        break;
    case BELAY_FRAME_DATA_BLOCKED:
        belay_frame_write_data_blocked(w, f->max_data.limit);
        break;
    case BELAY_FRAME_MAX_MESSAGES:
    case BELAY_FRAME_MESSAGES_BLOCKED:
        belay_frame_write_max_messages(w, f->type, f->max_messages.channel,
                                       f->max_messages.mode, f->max_messages.limit);
        break;
    case BELAY_FRAME_FIN:
        belay_frame_write_fin(w, f->fin.messages);
        break;
    case BELAY_FRAME_CLOSE:
        belay_frame_write_close(w, f->close.code, f->close.reason, f->close.reason_len);
        break;
    case BELAY_FRAME_NEW_CONNECTION_ID:
        belay_frame_write_new_cid(w, f->new_cid.sequence, f->new_cid.retire_prior_to,
                                  f->new_cid.cid, f->new_cid.token);
        break;
    case BELAY_FRAME_RETIRE_CONNECTION_ID:
        belay_frame_write_retire_cid(w, f->new_cid.sequence);
        break;
    case BELAY_FRAME_PATH_CHALLENGE:
    case BELAY_FRAME_PATH_RESPONSE:
        belay_frame_write_path(w, f->type, f->path.data);
        break;
    case BELAY_FRAME_MESSAGE:
        belay_frame_write_message(w, f->message.channel, f->message.mode, f->message.number);
        belay_write_bytes(w, f->message.data, f->message.len);
        break;
    case BELAY_FRAME_RUN:
        write_any_run(w, f);
        break;
    case BELAY_FRAME_FRAGMENT:
        belay_frame_write_fragment(w, f->message.channel, f->message.mode, f->message.number,
                                   f->message.total, f->message.offset, f->message.len);
        belay_write_bytes(w, f->message.data, f->message.len);
        break;
    default:
        fail();
    }
}

/* ------------------------------------------------------------------ parsing */

/* Parses one frame from exactly these bytes; *used gets what it took. */
static inline int parse(const struct exact *e, struct belay_frame *frame, size_t *used,
                        const char **why)
{
    struct belay_reader r;
    belay_reader_init(&r, e->bytes, e->len);
    *why = NULL;
    int error = belay_frame_parse(&r, frame, why);
    assert_true(error == BELAY_OK || error == BELAY_EPROTO);
    assert_true(error == BELAY_OK || *why != NULL);
    *used = e->len > 0 ? (size_t)(r.at - e->bytes) : 0;
    if (e->len > 0)
        assert_in_range(*used, 1, e->len);
    return error;
}

/* Below the tag "round trip" means that parse, build, parse gives the same fields: bytes may
 * differ, since varints may come in longer forms than we write. */
static inline void check_round_trip(const struct belay_frame *frame)
{
    static uint8_t room[65536];
    struct belay_writer w;
    struct belay_frame again;
    size_t used;
    const char *why;

    belay_writer_init(&w, room, sizeof(room));
    write_any_frame(&w, frame);
    assert_false(w.bad);
    struct exact e = exact_copy(room, (size_t)(w.at - room));
    assert_int_equal(parse(&e, &again, &used, &why), BELAY_OK);
    assert_int_equal(used, e.len);
    assert_same_frame(frame, &again);
    exact_free(&e);
}

#endif
