#include "wire/exact.h"

#include <stdio.h>

#include <belay/common.h>

#include "base/cursor.h"
#include "support/random.h"
#include "wire/packet.h"

#define TOKEN 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

/* All nine, in the order and form in which we write them. */
static const uint8_t all[] = {
    0x01, 0x02, 0x45,  0xDC,                                     /* datagram_size 1500 */
    0x02, 0x04, 0x81,  0x00, 0x00, 0x00,                         /* message_size 2^24 */
    0x03, 0x08, 0xC0,  0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x40, /* max_data 2^30 + 64 */
    0x04, 0x02, 0x40,  0x40,                                     /* max_messages 64 */
    0x05, 0x01, 0x3F,                                            /* channels 63 */
    0x06, 0x01, 0x00,                                            /* ack_delay_us 0 */
    0x07, 0x04, 0x80,  0x00, 0x75, 0x30,                         /* idle_timeout_ms 30000 */
    0x08, 0x10, TOKEN,                                           /* reset_token */
    0x09, 0x02, 0x02,  0x01, /* aeads: ChaCha20-Poly1305, AES-256-GCM */
};

static int parse(struct belay_transport_params *params, const uint8_t *bytes, size_t len,
                 const char **why)
{
    struct exact e = exact_copy(bytes, len);
    *why = NULL;
    int error = belay_transport_params_parse(params, e.bytes, e.len, why);
    assert_true(error == BELAY_OK || (error == BELAY_EPROTO && *why != NULL));
    exact_free(&e);
    return error;
}

static void assert_same(const struct belay_transport_params *a,
                        const struct belay_transport_params *b)
{
    assert_int_equal(a->datagram_size, b->datagram_size);
    assert_int_equal(a->message_size, b->message_size);
    assert_true(a->max_data == b->max_data);
    assert_int_equal(a->max_messages, b->max_messages);
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->ack_delay_us, b->ack_delay_us);
    assert_true(a->idle_timeout_ms == b->idle_timeout_ms);
    assert_int_equal(a->has_reset_token, b->has_reset_token);
    assert_memory_equal(a->reset_token, b->reset_token, BELAY_RESET_TOKEN_BYTES);
    assert_int_equal(a->aeads_count, b->aeads_count);
    assert_memory_equal(a->aeads, b->aeads, BELAY_AEADS_MAX);
}

static struct belay_transport_params all_of_them(void)
{
    struct belay_transport_params p = {.datagram_size = 1500,
                                       .message_size = 1 << 24,
                                       .max_data = (1 << 30) + 64,
                                       .max_messages = 64,
                                       .channels = 63,
                                       .ack_delay_us = 0,
                                       .idle_timeout_ms = 30000,
                                       .has_reset_token = true,
                                       .reset_token = {TOKEN},
                                       .aeads = {2, 1},
                                       .aeads_count = 2};
    return p;
}

static void test_all(void **state)
{
    const struct belay_transport_params expected = all_of_them();
    struct belay_transport_params params;
    const char *why;
    (void)state;
    assert_int_equal(parse(&params, all, sizeof(all), &why), BELAY_OK);
    assert_same(&params, &expected);
}

static void test_build(void **state)
{
    const struct belay_transport_params params = all_of_them();
    (void)state;
    for (size_t room = 0; room <= sizeof(all) + 1; room++) {
        struct exact e = exact_room(room);
        size_t len = belay_transport_params_build(&params, e.bytes, e.len);
        assert_int_equal(len, room < sizeof(all) ? 0 : sizeof(all));
        assert_memory_equal(e.bytes, all, len);
        exact_free(&e);
    }
}

static void test_absent(void **state)
{
    const struct belay_transport_params expected = {.datagram_size = 1200,
                                                    .message_size = 65536,
                                                    .max_data = 65600,
                                                    .max_messages = 16,
                                                    .channels = 1,
                                                    .ack_delay_us = 25000,
                                                    .idle_timeout_ms = 0};
    struct belay_transport_params params, again;
    uint8_t room[100];
    const char *why;
    (void)state;

    memset(&params, 0xFF, sizeof(params)); /* nothing may be left of what was there */
    assert_int_equal(parse(&params, NULL, 0, &why), BELAY_OK);
    assert_same(&params, &expected);
    belay_transport_params_init(&params);
    assert_same(&params, &expected);
    size_t len = belay_transport_params_build(&params, room, sizeof(room));
    assert_true(len > 0);
    assert_int_equal(parse(&again, room, len, &why), BELAY_OK);
    assert_same(&again, &expected);
}

/* A cut between two parameters leaves a valid list (if max_data is large enough); any other
 * is refused. */
static void test_truncations(void **state)
{
    static const size_t ends[] = {0, 4, 20, 24, 27, 30, 36, 54};
    (void)state;
    for (size_t len = 0; len < sizeof(all); len++) {
        struct belay_transport_params params;
        const char *why;
        bool valid = false;
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
            valid = valid || ends[i] == len;
        assert_int_equal(parse(&params, all, len, &why), valid ? BELAY_OK : BELAY_EPROTO);
    }
}

/* ------------------------------------------------------------------ borders */

#define RANGE     "a transport parameter is out of range"
#define LENGTH    "a transport parameter's length is wrong"
#define CUT       "a transport parameter is cut off"
#define AEADS     "the list of AEADs has no right length"
#define TWICE     "a transport parameter comes twice"
#define TOO_SMALL "max_data is too small for the largest message"

/* why NULL: taken. Where max_data matters, it comes along: 03 08 C0 00 00 00 7F FF FF FF. */
static const struct {
    const char *why;
    const uint8_t *bytes;
    size_t len;
} rows[] = {
    {RANGE, BYTES(1, 2, 0x44, 0xAF)}, /* 1199 */
    {NULL, BYTES(1, 2, 0x44, 0xB0)},
    {NULL, BYTES(1, 4, 0x80, 0x00, 0xFF, 0xE3)},
    {RANGE, BYTES(1, 4, 0x80, 0x00, 0xFF, 0xE4)},                         /* 65508 */
    {RANGE, BYTES(1, 8, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x04, 0xB0)}, /* 2^32 + 1200 */
    {NULL, BYTES(2, 1, 0)},
    {NULL, BYTES(2, 8, 0xC0, 0, 0, 0, 0x40, 0, 0, 0, 3, 8, 0xC0, 0, 0, 0, 0x7F, 0, 0, 0)},
    {RANGE, BYTES(2, 8, 0xC0, 0, 0, 0, 0x40, 0, 0, 1, 3, 8, 0xC0, 0, 0, 0, 0x7F, 0, 0, 0)},
    {RANGE, BYTES(2, 1, 0, 3, 1, 63)},
    {NULL, BYTES(2, 1, 0, 3, 2, 0x40, 0x40)},
    {NULL, BYTES(3, 2, 0x40, 0x40, 2, 1, 0)}, /* in any order */
    {TOO_SMALL, BYTES(2, 1, 1, 3, 2, 0x40, 0x40)},
    {NULL, BYTES(2, 1, 1, 3, 2, 0x40, 0x41)},
    {NULL, BYTES(3, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)},
    {TOO_SMALL, BYTES(3, 4, 0x80, 0x01, 0x00, 0x3F)}, /* 65599, of the absent message_size */
    {NULL, BYTES(3, 4, 0x80, 0x01, 0x00, 0x40)},
    {TOO_SMALL, BYTES(2, 4, 0x80, 0x01, 0x00, 0x01)}, /* 65537, of the absent max_data */
    {TOO_SMALL, BYTES(2, 8, 0xC0, 0, 0, 0, 0x40, 0, 0, 0)},
    {RANGE, BYTES(4, 1, 0)},
    {NULL, BYTES(4, 1, 1)},
    {NULL, BYTES(4, 4, 0x80, 0x10, 0x00, 0x00)},
    {RANGE, BYTES(4, 4, 0x80, 0x10, 0x00, 0x01)},
    {RANGE, BYTES(5, 1, 0)},
    {NULL, BYTES(5, 1, 1)},
    {NULL, BYTES(5, 4, 0x80, 0x01, 0x00, 0x00)},
    {RANGE, BYTES(5, 4, 0x80, 0x01, 0x00, 0x01)},
    {NULL, BYTES(6, 1, 0)},
    {NULL, BYTES(6, 4, 0x81, 0x00, 0x00, 0x00)},
    {RANGE, BYTES(6, 4, 0x81, 0x00, 0x00, 0x01)},
    {NULL, BYTES(7, 1, 0)},
    {NULL, BYTES(7, 8, 0xC0, 0, 0, 1, 0, 0, 0, 0)},
    {RANGE, BYTES(7, 8, 0xC0, 0, 0, 1, 0, 0, 0, 1)},
    {NULL, BYTES(8, 16, TOKEN)},
    {"a reset token's length is wrong", BYTES(8, 17, TOKEN, 17)},
    {"a reset token's length is wrong", BYTES(8, 0)},
    {LENGTH, BYTES(5, 0)},
    {LENGTH, BYTES(5, 2, 1, 1)},
    {LENGTH, BYTES(5, 1, 0x40)},
    {NULL, BYTES(5, 2, 0x40, 0x01)},    /* a longer varint than it need be */
    {NULL, BYTES(0x40, 5, 0x40, 1, 1)}, /* everywhere */
    {CUT, BYTES(5)},
    {CUT, BYTES(5, 2, 1)},
    {CUT, BYTES(5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1)},
    {CUT, BYTES(10, 0xC0, 0, 0, 1, 0, 0, 0, 0)}, /* 2^32 bytes */
    {NULL, BYTES(9, 1, 7)},
    {NULL, BYTES(9, 8, 1, 2, 3, 4, 5, 6, 7, 8)},
    {AEADS, BYTES(9, 0)},
    {AEADS, BYTES(9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9)},
    {TWICE, BYTES(5, 1, 1, 5, 1, 1)},
    {TWICE, BYTES(5, 1, 1, 4, 1, 1, 0x40, 5, 1, 1)},
    {TWICE, BYTES(8, 16, TOKEN, 8, 16, TOKEN)},
    {NULL, BYTES(10, 3, 1, 2, 3, 5, 1, 1)}, /* unknown ones are skipped */
    {NULL,
     BYTES(0, 0, 10, 0, 0x7F, 0xFF, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0)},
    {NULL, BYTES(0x40, 0x40 + 8, 1, 9)}, /* 72 is not 8 */
    {NULL, BYTES(0x80, 0, 1, 5, 1, 9)},  /* 261 is not 5 */
};

static void test_borders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_transport_params params, again;
        uint8_t room[200];
        const char *why;
        int error = parse(&params, rows[i].bytes, rows[i].len, &why);
        if (error != (rows[i].why == NULL ? BELAY_OK : BELAY_EPROTO))
            fail_msg("row %zu: %s", i, why != NULL ? why : "taken");
        if (error != BELAY_OK) {
            assert_string_equal(why, rows[i].why);
            continue;
        }
        size_t len = belay_transport_params_build(&params, room, sizeof(room));
        assert_int_equal(parse(&again, room, len, &why), BELAY_OK);
        assert_same(&params, &again);
    }
}

/* An unknown one does not hide what follows it. */
static void test_after_unknown(void **state)
{
    static const uint8_t bytes[] = {0x21, 0x02, 0x05, 0x01, 0x05, 0x01, 0x07};
    struct belay_transport_params params;
    const char *why;
    (void)state;
    assert_int_equal(parse(&params, bytes, sizeof(bytes), &why), BELAY_OK);
    assert_int_equal(params.channels, 7);
    assert_int_equal(params.max_messages, 16);
}

static void test_random(void **state)
{
    struct test_random random = {test_seed_from_env(2)};
    size_t taken = 0;
    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t bytes[sizeof(all)], room[200];
        struct belay_transport_params params, again;
        const char *why;
        size_t len = (size_t)test_random_below(&random, sizeof(bytes) + 1);
        if (round % 2 == 0) {
            test_random_fill(&random, bytes, sizeof(bytes));
        } else {
            len = sizeof(all);
            memcpy(bytes, all, len);
            bytes[test_random_below(&random, len)] ^= 1u << test_random_below(&random, 8);
        }
        if (parse(&params, bytes, len, &why) != BELAY_OK)
            continue;
        taken++;
        size_t built = belay_transport_params_build(&params, room, sizeof(room));
        assert_int_equal(parse(&again, room, built, &why), BELAY_OK);
        assert_same(&params, &again);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),     cmocka_unit_test(test_build),
        cmocka_unit_test(test_absent),  cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_borders), cmocka_unit_test(test_after_unknown),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
