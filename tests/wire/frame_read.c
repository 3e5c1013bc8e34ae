#include "wire/frame_check.h"
#include "wire/frame_samples.h"

#include <stdio.h>

#include <belay/common.h>

#include "support/random.h"

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        struct belay_frame expected = sample_frame(&frame_samples[i]), frame;
        struct exact e = exact_copy(frame_samples[i].bytes, frame_samples[i].len);
        size_t used;
        const char *why;
        if (parse(&e, &frame, &used, &why) != BELAY_OK)
            fail_msg("%s: %s", frame_samples[i].name, why);
        assert_int_equal(used, e.len);
        assert_same_frame(&expected, &frame);
        if (frame.type == BELAY_FRAME_ACK || frame.type == BELAY_FRAME_ACK_ECN)
            assert_int_equal(frame.ack.ranges_len, expected.ack.ranges_len);
        exact_free(&e);
    }
}

/* A MESSAGE has no length of its own: cut behind its number it is a shorter message. */
static void test_truncations(void **state)
{
    (void)state;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        for (size_t len = 0; len < frame_samples[i].len; len++) {
            struct belay_frame frame;
            struct exact e = exact_copy(frame_samples[i].bytes, len);
            size_t used;
            const char *why;
            int error = parse(&e, &frame, &used, &why);
            if (frame_samples[i].frame.type == BELAY_FRAME_MESSAGE &&
                len >= frame_samples[i].data_at) {
                assert_int_equal(error, BELAY_OK);
                assert_int_equal(frame.message.len, len - frame_samples[i].data_at);
            } else {
                assert_int_equal(error, BELAY_EPROTO);
                assert_string_equal(why, "a frame ends past its packet");
            }
            exact_free(&e);
        }
    }
}

static void test_bit_flips(void **state)
{
    size_t parsed = 0, refused = 0;
    (void)state;
    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        for (size_t bit = 0; bit < 8 * frame_samples[i].len; bit++) {
            struct belay_frame frame;
            struct exact e = exact_copy(frame_samples[i].bytes, frame_samples[i].len);
            size_t used;
            const char *why;
            e.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (parse(&e, &frame, &used, &why) == BELAY_OK) {
                check_round_trip(&frame);
                parsed++;
            } else {
                refused++;
            }
            exact_free(&e);
        }
    }
    assert_true(parsed > 100 && refused > 100);
}

/* ------------------------------------------------------------------ single rules */

static const struct {
    const char *why;
    const uint8_t *bytes;
    size_t len;
} refused_frames[] = {
    {"a frame's type is unknown", BYTES(0x0E, 0, 0, 0, 0)},
    {"a frame's type is unknown", BYTES(0x10, 0, 0, 0, 0)},
    {"a frame's type is unknown", BYTES(0x13, 0, 0, 0, 0)},
    {"a frame's type is unknown", BYTES(0x3F, 0, 0, 0, 0)},
    {"an ACK range goes below zero", BYTES(0x02, 0x00, 0x00, 0x00, 0x01)},
    {"an ACK range goes below zero", BYTES(0x02, 0x05, 0x00, 0x00, 0x06)},
    /* Below 1 there is no room for a gap and a range; below 2 there is for [0, 0] only. */
    {"an ACK range goes below zero", BYTES(0x02, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00)},
    {"an ACK range goes below zero", BYTES(0x02, 0x02, 0x00, 0x01, 0x00, 0x00, 0x01)},
    {"an ACK range goes below zero", BYTES(0x02, 0x02, 0x00, 0x01, 0x00, 0x01, 0x00)},
    {"an ACK range goes below zero", BYTES(0x03, 0x02, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00)},
    {"an ACK range goes below zero", /* by the largest gap there is */
     BYTES(0x02, 0x3F, 0x00, 0x01, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00)},
    {"an ACK has too many ranges", BYTES(0x02, 0x3F, 0x00, 0x41, 0x01, 0x00)},
    {"an ACK has too many ranges", /* 2^32 of them */
     BYTES(0x02, 0x3F, 0x00, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00)},
    {"a channel is out of range", BYTES(0x05, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00)},
    {"a channel is out of range", /* 2^32 is not 0 */
     BYTES(0x07, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00)},
    {"a channel is out of range", BYTES(0x4F, 0x80, 0x01, 0x00, 0x00, 0, 0, 0, 0)},
    {"a channel is out of range", BYTES(0x8F, 0x80, 0x01, 0x00, 0x00, 0, 0, 0, 0, 0, 1, 0)},
    {"a channel is out of range", BYTES(0xCF, 0x80, 0x01, 0x00, 0x00, 0, 0, 0, 0, 1, 0, 1, 0)},
    {"a delivery mode is out of range", BYTES(0x05, 0x00, 0x04, 0x00)},
    {"a delivery mode is out of range", BYTES(0x07, 0x00, 0xFF, 0x00)},
    {"a NEW_CONNECTION_ID retires itself", BYTES(0x0A, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"a frame ends past its packet", BYTES(0x0C, 1, 2, 3, 4, 5, 6, 7)},
    {"a CLOSE has too long a reason", BYTES(0x09, 0x00, 0x41, 0x00, 'x')},
    {"a RUN's count is out of range", BYTES(0x80, 0, 0, 0, 0, 0x00, 0x00, 0x00)},
    {"a RUN's count is out of range", BYTES(0x80, 0, 0, 0, 0, 0x40, 0x01, 0x00)},
    {"a frame ends past its packet", BYTES(0x80, 0, 0, 0, 0, 0x00, 0x01, 0x02, 'x')},
    {"a frame ends past its packet", /* a length of 2^62 - 1 */
     BYTES(0x80, 0, 0, 0, 0, 0x00, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 'x')},
    {"a frame ends past its packet", /* a length of 2^32 */
     BYTES(0x80, 0, 0, 0, 0, 0x00, 0x01, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00)},
    {"a FRAGMENT is empty", BYTES(0xC0, 0, 0, 0, 0, 0x05, 0x00, 0x00)},
    {"a FRAGMENT is empty", BYTES(0xC0, 0, 0, 0, 0, 0x00, 0x00, 0x00)},
    {"a FRAGMENT ends past its message", BYTES(0xC0, 0, 0, 0, 0, 0x00, 0x00, 0x01, 'x')},
    {"a FRAGMENT ends past its message", BYTES(0xC0, 0, 0, 0, 0, 0x02, 0x02, 0x01, 'x')},
    {"a FRAGMENT ends past its message", BYTES(0xC0, 0, 0, 0, 0, 0x02, 0x03, 0x01, 'x')},
    {"a FRAGMENT ends past its message", BYTES(0xC0, 0, 0, 0, 0, 0x01, 0x00, 0x02, 'x', 'y')},
    {"a frame ends past its packet", BYTES(0xC0, 0, 0, 0, 0, 0x09, 0x00, 0x02, 'x')},
    {"a frame ends past its packet", /* 2^32 + 1 bytes of as many */
     BYTES(0xC0, 0, 0, 0, 0, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0xC0, 0x00,
           0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 'x')},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused_frames) / sizeof(refused_frames[0]); i++) {
        struct belay_frame frame;
        struct exact e = exact_copy(refused_frames[i].bytes, refused_frames[i].len);
        size_t used;
        const char *why;
        if (parse(&e, &frame, &used, &why) != BELAY_EPROTO)
            fail_msg("row %zu was taken", i);
        assert_string_equal(why, refused_frames[i].why);
        exact_free(&e);
    }
}

/* One message head for each channel, mode and kind; the rest of RUN and FRAGMENT is fixed. */
static void test_channels_and_modes(void **state)
{
    static const uint8_t rest[3][4] = {{'x'}, {0x00, 0x01, 0x01, 'x'}, {0x01, 0x00, 0x01, 'x'}};
    static const size_t rest_len[3] = {1, 4, 4};
    (void)state;
    for (size_t i = 0; i < 3 * 4 * FRAME_CHANNELS; i++) {
        const unsigned kind = i % 3, mode = i / 3 % 4;
        const struct frame_channel *c = &frame_channels[i / 12];
        struct exact e = exact_room(1 + c->varint_len + 4 + rest_len[kind]);
        struct belay_frame frame;
        size_t used;
        const char *why;

        e.bytes[0] = (uint8_t)((kind + 1) * 64 + mode * 16 + c->in_type);
        memcpy(e.bytes + 1, c->varint, c->varint_len);
        memcpy(e.bytes + 1 + c->varint_len, (const uint8_t[]){0xA1, 0xB2, 0xC3, 0xD4}, 4);
        memcpy(e.bytes + 5 + c->varint_len, rest[kind], rest_len[kind]);
        assert_int_equal(parse(&e, &frame, &used, &why), BELAY_OK);
        assert_int_equal(frame.type, (kind + 1) * 64);
        assert_int_equal(frame.message.channel, c->channel);
        assert_int_equal(frame.message.mode, mode);
        assert_int_equal(frame.message.number, 0xA1B2C3D4);
        check_round_trip(&frame);
        exact_free(&e);
    }
}

/* ------------------------------------------------------------------ packets */

/* Text to packet: P a PING, 0 a PADDING, M a MESSAGE, F a FIN, ? a reserved type. */
static const struct {
    const char *text;
    size_t repeat; /* of the text */
    int count;     /* of frames, or -1: refused */
} packets[] = {
    {"", 1, -1},     {"0", 1, 0},     {"0", 1000, 0}, {"P", 1, 1},    {"PF", 1, 2},
    {"0P0F0", 1, 2}, {"PM", 1, 2},    {"M", 1, 1},    {"MP?", 1, 1}, /* all that follows is the
                                                                        message's */
    {"P?", 1, -1},   {"?P", 1, -1},   {"P", 64, 64},  {"P", 65, -1},  {"P0", 32, 32},
    {"P0", 33, -1},  {"P00", 32, 32}, {"FP", 32, 64}, {"FP", 33, -1},
};

static void test_packets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        static uint8_t room[2000];
        struct belay_frame frames[BELAY_FRAMES_MAX];
        size_t len = 0, count = 0;
        const char *why = NULL;
        for (size_t n = 0; n < packets[i].repeat; n++) {
            for (const char *c = packets[i].text; *c != '\0'; c++) {
                room[len++] = (uint8_t)(*c == 'P'   ? 0x01
                                        : *c == '0' ? 0x00
                                        : *c == 'M' ? 0x40
                                        : *c == 'F' ? 0x08
                                                    : 0x0A);
                for (int zeros = *c == 'M' ? 4 : *c == 'F' ? 1 : 0; zeros > 0; zeros--)
                    room[len++] = 0;
            }
        }
        struct exact e = exact_copy(room, len);
        int error = belay_frames_parse(e.bytes, e.len, frames, &count, &why);
        if (error != (packets[i].count < 0 ? BELAY_EPROTO : BELAY_OK))
            fail_msg("row %zu: %d, %s", i, error, why);
        if (packets[i].count >= 0)
            assert_int_equal(count, packets[i].count);
        else
            assert_non_null(why);
        exact_free(&e);
    }
}

/* All samples but MESSAGE in one packet, then one of those; cut anywhere it stays harmless. */
static void test_packet_of_all(void **state)
{
    uint8_t room[1200];
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t len = 0, kept = 0, count;
    const char *why;
    (void)state;

    for (size_t i = 0; i < FRAME_SAMPLES; i++) {
        if (frame_samples[i].frame.type == BELAY_FRAME_MESSAGE)
            continue;
        memcpy(room + len, frame_samples[i].bytes, frame_samples[i].len);
        len += frame_samples[i].len;
        kept += frame_samples[i].frame.type != BELAY_FRAME_PADDING;
    }
    memcpy(room + len, (const uint8_t[]){0x40, 0, 0, 0, 0, 'e', 'n', 'd'}, 8);
    len += 8;

    struct exact e = exact_copy(room, len);
    assert_int_equal(belay_frames_parse(e.bytes, e.len, frames, &count, &why), BELAY_OK);
    assert_int_equal(count, kept + 1);
    assert_int_equal(frames[kept].message.len, 3);
    exact_free(&e);
    for (size_t cut = 0; cut < len; cut++) {
        e = exact_copy(room, cut);
        if (belay_frames_parse(e.bytes, e.len, frames, &count, &why) == BELAY_OK)
            assert_in_range(count, 0, kept + 1);
        exact_free(&e);
    }
}

static void test_random(void **state)
{
    struct test_random random = {test_seed_from_env(1)};
    size_t taken[256] = {0};
    (void)state;

    for (unsigned round = 0; round < 100000; round++) {
        struct exact e = exact_room((size_t)test_random_below(&random, 80));
        struct belay_frame frame, frames[BELAY_FRAMES_MAX];
        size_t used, count = 0;
        const char *why;
        test_random_fill(&random, e.bytes, e.len);
        if (e.len > 0 && round % 2 == 0)
            e.bytes[0] &= 0x0F; /* else three of four are messages */
        for (size_t i = 1; round % 3 == 0 && i < e.len; i++)
            e.bytes[i] &= 0x8F; /* small numbers: deeper into the frames */
        if (parse(&e, &frame, &used, &why) == BELAY_OK) {
            taken[frame.type]++;
            check_round_trip(&frame);
        }
        if (belay_frames_parse(e.bytes, e.len, frames, &count, &why) == BELAY_OK)
            assert_in_range(count, 0, BELAY_FRAMES_MAX);
        exact_free(&e);
    }
    for (unsigned type = BELAY_FRAME_PADDING; type <= BELAY_FRAME_CLOSE; type++)
        assert_true(taken[type] > 0);
    assert_true(taken[BELAY_FRAME_MESSAGE] && taken[BELAY_FRAME_RUN] &&
                taken[BELAY_FRAME_FRAGMENT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_channels_and_modes),
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_packet_of_all),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
