#include "wire/frame_check.h"
#include "wire/frame_samples.h"

#include <belay/common.h>

/* What is written by hand in the samples is what we write, to the byte. */
static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        struct belay_frame frame = sample_frame(&frame_samples[i]);
        struct exact e = exact_room(frame_samples[i].len);
        struct belay_writer w;
        belay_writer_init(&w, e.bytes, e.len);
        write_any_frame(&w, &frame);
        assert_false(w.bad);
        assert_int_equal(belay_writer_left(&w), 0);
        assert_memory_equal(e.bytes, frame_samples[i].bytes, e.len);
        exact_free(&e);
    }
}

/* With any less room the writer goes bad, or, for an ACK, fewer ranges or none are written;
 * AddressSanitizer watches the end. */
static void test_less_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        struct belay_frame frame = sample_frame(&frame_samples[i]);
        for (size_t len = 0; len < frame_samples[i].len; len++) {
            struct exact e = exact_room(len);
            struct belay_writer w;
            belay_writer_init(&w, e.bytes, e.len);
            write_any_frame(&w, &frame);
            if (frame.type == BELAY_FRAME_ACK || frame.type == BELAY_FRAME_ACK_ECN)
                assert_false(w.bad);
            else
                assert_true(w.bad);
            exact_free(&e);
        }
    }
}

/* The four lengths of a varint at their borders, shortest form. */
static const struct {
    uint64_t value;
    const uint8_t *bytes;
    size_t len;
} varints[] = {
    {0, BYTES(0x06, 0x00)},
    {63, BYTES(0x06, 0x3F)},
    {64, BYTES(0x06, 0x40, 0x40)},
    {16383, BYTES(0x06, 0x7F, 0xFF)},
    {16384, BYTES(0x06, 0x80, 0x00, 0x40, 0x00)},
    {(1u << 30) - 1, BYTES(0x06, 0xBF, 0xFF, 0xFF, 0xFF)},
    {1u << 30, BYTES(0x06, 0xC0, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00)},
    {BELAY_VARINT_MAX, BYTES(0x06, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)},
};

static void test_varint_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(varints) / sizeof(varints[0]); i++) {
        uint8_t room[16];
        struct belay_writer w;
        belay_writer_init(&w, room, sizeof(room));
        belay_frame_write_data_blocked(&w, varints[i].value);
        assert_int_equal(w.at - room, varints[i].len);
        assert_memory_equal(room, varints[i].bytes, varints[i].len);
    }
}

static void test_out_of_range_turns_bad(void **state)
{
    uint8_t room[32];
    struct belay_writer w;
    (void)state;
    belay_writer_init(&w, room, sizeof(room));
    belay_frame_write_max_data(&w, BELAY_VARINT_MAX + 1, 0);
    assert_true(w.bad);
    belay_writer_init(&w, room, sizeof(room));
    belay_frame_write_fin(&w, UINT64_MAX);
    assert_true(w.bad);
}

/* Heads of all channels, modes and kinds against bytes put together by hand, and the sizes
 * that are promised for them. The number's upper half does not travel. */
static void test_channels_and_modes(void **state)
{
    const uint64_t number = UINT64_C(0x99A1B2C3D4);
    (void)state;
    for (size_t i = 0; i < 3 * 4 * FRAME_CHANNELS; i++) {
        const unsigned kind = i % 3;
        const uint8_t mode = i / 3 % 4;
        const struct frame_channel *c = &frame_channels[i / 12];
        uint8_t room[32], expected[32] = {0};
        size_t len = 0, size;
        struct belay_writer w;

        expected[len++] = (uint8_t)((kind + 1) * 64 + mode * 16 + c->in_type);
        memcpy(expected + len, c->varint, c->varint_len);
        len += c->varint_len;
        memcpy(expected + len, (const uint8_t[]){0xA1, 0xB2, 0xC3, 0xD4}, 4);
        len += 4;
        belay_writer_init(&w, room, sizeof(room));
        if (kind == 0) {
            belay_frame_write_message(&w, c->channel, mode, number);
            size = belay_frame_message_size(c->channel);
        } else if (kind == 1) {
            belay_frame_set_run_count(belay_frame_write_run(&w, c->channel, mode, number),
                                      0x1234);
            size = belay_frame_run_size(c->channel);
            expected[len++] = 0x12;
            expected[len++] = 0x34;
        } else {
            belay_frame_write_fragment(&w, c->channel, mode, number, 16384, 64, 63);
            size = belay_frame_fragment_size(c->channel, 16384, 64, 63);
            memcpy(expected + len, (const uint8_t[]){0x80, 0x00, 0x40, 0x00, 0x40, 0x40, 0x3F},
                   7);
            len += 7;
        }
        assert_false(w.bad);
        assert_int_equal(w.at - room, len);
        assert_int_equal(size, len);
        assert_memory_equal(room, expected, len);
    }
}

static void test_max_messages_channels(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAME_CHANNELS; i++) {
        const struct frame_channel *c = &frame_channels[i];
        uint8_t room[16], expected[16];
        struct belay_writer w;
        /* here small channels are varints too */
        const size_t len = c->varint_len > 0 ? c->varint_len : 1;
        expected[0] = 0x07;
        expected[1] = c->in_type;
        memcpy(expected + 1, c->varint, c->varint_len);
        expected[1 + len] = 0x02;
        expected[2 + len] = 0x3F;
        belay_writer_init(&w, room, sizeof(room));
        belay_frame_write_max_messages(&w, BELAY_FRAME_MESSAGES_BLOCKED, c->channel, 2, 63);
        assert_int_equal(w.at - room, len + 3);
        assert_memory_equal(room, expected, len + 3);
    }
}

static void test_padding(void **state)
{
    uint8_t room[8];
    struct belay_writer w;
    (void)state;
    memset(room, 0xFF, sizeof(room));
    belay_writer_init(&w, room, sizeof(room));
    belay_frame_write_padding(&w, 5);
    belay_frame_write_ping(&w);
    belay_frame_write_padding(&w, 0);
    assert_int_equal(w.at - room, 6);
    assert_memory_equal(room, ((const uint8_t[]){0, 0, 0, 0, 0, 1, 0xFF, 0xFF}), 8);
    belay_frame_write_padding(&w, 3);
    assert_true(w.bad);
}

/* ------------------------------------------------------------------ ACK in limited room */

/* count ranges of width numbers each, downwards from top, step apart. */
struct pattern {
    uint64_t top, width, step;
    size_t count;
};

static bool pattern_range(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi)
{
    const struct pattern *p = ctx;
    if (i >= p->count)
        return false;
    *hi = p->top - i * p->step;
    *lo = *hi - (p->width - 1);
    return true;
}

static void test_ack_room(void **state)
{
    /* 500 takes 2 bytes, each further range 2, their count 1, from 64 on 2. */
    static const struct {
        struct pattern pattern;
        size_t room, ranges, len;
    } rows[] = {
        {{0, 1, 2, 0}, 100, 0, 0}, /* nothing received */
        {{500, 1, 2, 1}, 0, 0, 0}, /* 1 + 2 + 1 + 1 + 1 */
        {{500, 1, 2, 1}, 5, 0, 0},
        {{500, 1, 2, 1}, 6, 1, 6},
        {{500, 1, 2, 9}, 6, 1, 6},
        {{500, 1, 2, 9}, 7, 1, 6},
        {{500, 1, 2, 9}, 8, 2, 8},
        {{500, 1, 2, 9}, 22, 9, 22}, /* all */
        {{500, 1, 2, 9}, 1000, 9, 22},
        {{500, 1, 2, 64}, 132, 64, 132}, /* the last with a count of one byte */
        {{500, 1, 2, 65}, 132, 64, 132},
        {{500, 1, 2, 65}, 133, 64, 132},
        {{500, 1, 2, 65}, 134, 64, 132}, /* 2 for the range and 1 for the count: too many */
        {{500, 1, 2, 65}, 135, 65, 135},
        {{600, 1, 2, 257}, 1000, 257, 519}, /* the most that a frame takes */
        {{600, 1, 2, 300}, 1000, 257, 519},
        /* 1 + 4 + 1 + 1 + 1, then 1 (missing 64, so gap 63) and 1 */
        {{60000, 64, 128, 300}, 15, 4, 14},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exact e = exact_room(rows[i].room);
        struct belay_writer w;
        belay_writer_init(&w, e.bytes, e.len);
        size_t n = belay_frame_write_ack(&w, 7, NULL, pattern_range, &rows[i].pattern);
        if (n != rows[i].ranges || (size_t)(w.at - e.bytes) != rows[i].len)
            fail_msg("row %zu: %zu ranges, %zu bytes", i, n, (size_t)(w.at - e.bytes));
        assert_false(w.bad);
        exact_free(&e);
    }
}

/* In whatever room: what is written parses, and says the highest ranges, as many as it can. */
static void test_ack_keeps_the_highest(void **state)
{
    static const struct pattern p = {.top = 100000, .width = 3, .step = 70, .count = 300};
    static const uint64_t ecn[3] = {1, 20000, 300};
    size_t before = 0;
    (void)state;

    for (size_t room = 0; room < 1000; room++) {
        struct exact e = exact_room(room);
        struct belay_writer w;
        struct belay_reader r;
        struct belay_frame frame;
        struct belay_ack_reader ranges;
        uint64_t lo, hi, lo_expected, hi_expected;
        const char *why;

        belay_writer_init(&w, e.bytes, e.len);
        size_t n = belay_frame_write_ack(&w, 9, room % 2 ? ecn : NULL, pattern_range, &p);
        assert_false(w.bad);
        belay_reader_init(&r, e.bytes, (size_t)(w.at - e.bytes));
        if (n > 0) {
            assert_int_equal(belay_frame_parse(&r, &frame, &why), BELAY_OK);
            assert_int_equal(belay_reader_left(&r), 0);
            assert_int_equal(frame.ack.range_count, n);
            assert_true(frame.ack.largest == p.top && frame.ack.delay_us == 9);
            assert_true(frame.ack.ce == (room % 2 ? 300 : 0));
            belay_ack_reader_init(&ranges, &frame);
        }
        for (size_t i = 0; i < n; i++) {
            assert_true(belay_ack_reader_next(&ranges, &lo, &hi));
            assert_true(pattern_range(&p, i, &lo_expected, &hi_expected));
            assert_true(lo == lo_expected && hi == hi_expected);
        }
        /* A range more would not fit: 3 bytes each (gap 66 takes two), and one for the count.
         */
        if (n > 0 && n < BELAY_ACK_RANGES_MAX)
            assert_true(belay_writer_left(&w) < 3 + (n == 64));
        assert_true(n > 0 || room < 1 + 4 + 1 + 1 + 1 + (room % 2 ? 1 + 4 + 2 : 0));
        if (room % 2 == 0) {
            assert_true(n >= before);
            before = n;
        }
        exact_free(&e);
    }
    assert_int_equal(before, BELAY_ACK_RANGES_MAX);
}

static void test_ack_into_bad_writer(void **state)
{
    static const struct pattern p = {.top = 9, .width = 1, .step = 2, .count = 1};
    uint8_t room[4] = {0};
    struct belay_writer w;
    (void)state;
    belay_writer_init(&w, room, 0);
    belay_frame_write_ping(&w);
    assert_int_equal(belay_frame_write_ack(&w, 0, NULL, pattern_range, &p), 0);
    assert_true(w.bad);
    assert_null(belay_frame_write_run(&w, 0, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_less_room),
        cmocka_unit_test(test_varint_lengths),
        cmocka_unit_test(test_out_of_range_turns_bad),
        cmocka_unit_test(test_channels_and_modes),
        cmocka_unit_test(test_max_messages_channels),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_ack_room),
        cmocka_unit_test(test_ack_keeps_the_highest),
        cmocka_unit_test(test_ack_into_bad_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
