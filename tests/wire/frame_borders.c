/* frame_borders.c - varints, ranges, counts and lengths at their borders, as read. */
#include "wire/frame_check.h"
#include "wire/frame_samples.h"

/* The same number in the four lengths of a varint. */
static const struct {
    const uint8_t *bytes;
    size_t len;
} long_fins[] = {
    {BYTES(0x08, 0x25)},
    {BYTES(0x08, 0x40, 0x25)},
    {BYTES(0x08, 0x80, 0x00, 0x00, 0x25)},
    {BYTES(0x08, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x25)},
};

/* And a run's lengths in all of them. */
static void test_long_varints(void **state)
{
    static const uint8_t run[] = {0x80, 0,    0,   0,    0, 0x00, 0x04, 0x01, 'a',
                                  0x40, 0x01, 'b', 0x80, 0, 0,    0x01, 'c',  0xC0,
                                  0,    0,    0,   0,    0, 0,    0x01, 'd'};
    struct belay_frame frame;
    struct belay_run_reader r;
    const uint8_t *data;
    size_t used, len;
    const char *why;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct exact e = exact_copy(long_fins[i].bytes, long_fins[i].len);
        assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
        assert_int_equal(used, e.len);
        assert_true(frame.fin.messages == 0x25);
        exact_free(&e);
    }
    struct exact e = exact_copy(run, sizeof(run));
    assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
    assert_int_equal(used, e.len);
    belay_run_reader_init(&r, &frame);
    for (char c = 'a'; c <= 'd'; c++) {
        assert_true(belay_run_reader_next(&r, &data, &len));
        assert_int_equal(len, 1);
        assert_int_equal(*data, c);
    }
    assert_false(belay_run_reader_next(&r, &data, &len));
    exact_free(&e);
}

/* ------------------------------------------------------------------ ACK and RUN at their
 * borders */

static void test_ack_ranges(void **state)
{
    /* "ACK of three ranges" of the samples */
    static const uint64_t expected[][2] = {{990, 1000}, {980, 988}, {0, 99}};
    struct belay_frame frame = sample_frame(&frame_samples[4]);
    struct belay_ack_reader r;
    uint64_t lo, hi;
    (void)state;

    assert_int_equal(frame.ack.range_count, 3);
    belay_ack_reader_init(&r, &frame);
    for (size_t i = 0; i < 3; i++) {
        assert_true(belay_ack_reader_next(&r, &lo, &hi));
        assert_true(lo == expected[i][0] && hi == expected[i][1]);
    }
    assert_false(belay_ack_reader_next(&r, &lo, &hi));
    assert_false(belay_ack_reader_next(&r, &lo, &hi));
}

/* Every second packet from 512 down: 256 further ranges end exactly at zero. */
static void test_ack_range_count(void **state)
{
    for (unsigned further = 255; further <= 257; further++) {
        struct exact e = exact_room(1 + 2 + 1 + 2 + 1 + 2 * further);
        struct belay_frame frame;
        size_t used;
        const char *why;
        memset(e.bytes, 0, e.len);
        e.bytes[0] = 0x02;
        e.bytes[1] = 0x42; /* 512 */
        e.bytes[4] = (uint8_t)(0x40 | further >> 8);
        e.bytes[5] = (uint8_t)further;
        if (further <= 256) {
            assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
            assert_int_equal(frame.ack.range_count, further + 1);
            assert_int_equal(used, e.len);
            check_round_trip(&frame);
        } else {
            assert_int_equal(parse(&e, &frame, &used, &why), BELAY_EPROTO);
            assert_string_equal(why, "an ACK has too many ranges");
        }
        exact_free(&e);
    }
    (void)state;
}

static void test_run_of_16384(void **state)
{
    struct exact e = exact_room(7 + BELAY_RUN_COUNT_MAX);
    struct belay_frame frame;
    size_t used;
    const char *why;
    (void)state;

    memset(e.bytes, 0, e.len);
    e.bytes[0] = 0x80;
    e.bytes[5] = 0x40;
    assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
    assert_int_equal(frame.message.count, 16384);
    assert_int_equal(used, e.len);
    check_round_trip(&frame);
    exact_free(&e);
}

/* Lengths of messages at the borders of their varints, each message filled with its index. */
static void test_run_lengths(void **state)
{
    static const struct {
        size_t len;
        uint8_t varint[4];
        size_t varint_len;
    } messages[] = {
        {63, {0x3F}, 1},
        {64, {0x40, 0x40}, 2},
        {300, {0x41, 0x2C}, 2},
        {16383, {0x7F, 0xFF}, 2},
        {16384, {0x80, 0x00, 0x40, 0x00}, 4},
        {0, {0x00}, 1},
    };
    static uint8_t room[40000] = {0x80, 0, 0, 0, 0, 0, 6};
    size_t at = 7, used, len;
    struct belay_frame frame;
    struct belay_run_reader r;
    const uint8_t *data;
    const char *why;
    (void)state;

    for (size_t i = 0; i < 6; i++) {
        memcpy(room + at, messages[i].varint, messages[i].varint_len);
        memset(room + at + messages[i].varint_len, (int)i, messages[i].len);
        at += messages[i].varint_len + messages[i].len;
    }
    struct exact e = exact_copy(room, at);
    assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
    assert_int_equal(used, at);
    belay_run_reader_init(&r, &frame);
    for (size_t i = 0; i < 6; i++) {
        assert_true(belay_run_reader_next(&r, &data, &len));
        assert_int_equal(len, messages[i].len);
        if (len > 0)
            assert_true(data[0] == i && data[len - 1] == i);
    }
    assert_false(belay_run_reader_next(&r, &data, &len));
    check_round_trip(&frame);
    exact_free(&e);
}

/* A reason of 255 bytes is taken, and all of it. */
static void test_close_of_255(void **state)
{
    struct exact e = exact_room(4 + 255);
    struct belay_frame frame;
    size_t used;
    const char *why;
    (void)state;

    memset(e.bytes, 'r', e.len);
    memcpy(e.bytes, (const uint8_t[]){0x09, 0x3F, 0x40, 0xFF}, 4);
    assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
    assert_int_equal(used, e.len);
    assert_int_equal(frame.close.reason_len, 255);
    assert_int_equal(frame.close.code, 0x3F);
    check_round_trip(&frame);
    exact_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_varints),    cmocka_unit_test(test_ack_ranges),
        cmocka_unit_test(test_ack_range_count), cmocka_unit_test(test_run_of_16384),
        cmocka_unit_test(test_run_lengths),     cmocka_unit_test(test_close_of_255),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
