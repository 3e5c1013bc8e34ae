/* hellotag.c - every byte counts; an answer's tag is of what the client drew, and no nonce's.
 */
#include "support/hex.h"
#include "support/suite.h"

#include <belay/common.h>

#include "conn/hellotag.h"

#define LEN 20

static const uint8_t first_bytes[] = {0xc0, 0xc1, 0xc2, 0xc3, 0xc4};
static uint8_t random_bytes[32];

static int setup(void **state)
{
    for (uint8_t i = 0; i < sizeof(random_bytes); i++)
        random_bytes[i] = (uint8_t)(0x40 + i);
    return suite_setup(state);
}

static bool is_answer(uint8_t first)
{
    return first >= 0xc1 && first <= 0xc3;
}

static void make(uint8_t first, uint8_t packet[LEN + 16])
{
    for (uint8_t i = 0; i < LEN; i++)
        packet[i] = i;
    packet[0] = first;
    assert_int_equal(
        belay_hello_tag(&suite, is_answer(first) ? random_bytes : NULL, packet, LEN, false), 0);
}

static int check(const uint8_t *random, uint8_t *packet)
{
    return belay_hello_tag(&suite, random, packet, LEN, true);
}

/* Computed apart from this library: "openssl mac" of SHA-256("belay1 hello") and a zero nonce,
 * and Python's hmac. */
static void tags_are_as_written(void **state)
{
    static const char *const tags[] = {
        "bfd751e4fc1633b80f3668800f9b8bbc", "14e5c4f0a2f69b8111bc3352a80798c7",
        "a308a8c29ba55f142896568bb8dea0ef", "6fd63491931b9189c23cf2ebf255a032",
        "510b102f4277984bd164e9b8aeabc821"};
    uint8_t packet[LEN + 16];

    (void)state;
    for (size_t i = 0; i < sizeof(first_bytes); i++) {
        make(first_bytes[i], packet);
        test_assert_hex(packet + LEN, 16, tags[i]);
    }
}

static void every_bit_counts(void **state)
{
    uint8_t packet[LEN + 16];

    (void)state;
    for (size_t i = 0; i < sizeof(first_bytes); i++) {
        make(first_bytes[i], packet);
        assert_int_equal(check(random_bytes, packet), 0);
        for (size_t bit = 0; bit < 8 * sizeof(packet); bit++) { /* the type's bits, too */
            packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(check(random_bytes, packet), BELAY_EPROTO);
            packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(belay_hello_tag(&suite, random_bytes, packet, LEN - 1, true),
                         BELAY_EPROTO);
    }
}

static void only_answers_are_bound_to_the_random(void **state)
{
    uint8_t packet[LEN + 16], other[32];

    (void)state;
    for (size_t i = 0; i < sizeof(first_bytes); i++) {
        make(first_bytes[i], packet);
        for (size_t bit = 0; bit < 256; bit++) {
            memcpy(other, random_bytes, sizeof(other));
            other[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(check(other, packet),
                             is_answer(first_bytes[i]) ? BELAY_EPROTO : 0);
        }
        if (!is_answer(first_bytes[i]))
            assert_int_equal(check(NULL, packet), 0);
    }
}

/* As GMAC's would: the difference of two packets gives that of their tags, under a public key
 * or with a nonce used twice. Who sees two RETRYs of one INIT must not make a third by it. */
static void answers_say_nothing_about_another(void **state)
{
    static const uint8_t changes[] = {1, 2, 1 ^ 2}; /* of the last byte */
    uint8_t packets[4][LEN + 16], sum[16];

    (void)state;
    for (size_t i = 0; i < sizeof(first_bytes); i++) {
        for (size_t k = 0; k < 4; k++) {
            make(first_bytes[i], packets[k]);
            packets[k][LEN - 1] ^= k > 0 ? changes[k - 1] : 0;
            assert_int_equal(belay_hello_tag(&suite, random_bytes, packets[k], LEN, false), 0);
        }
        for (size_t at = 0; at < 16; at++)
            sum[at] = packets[0][LEN + at] ^ packets[1][LEN + at] ^ packets[2][LEN + at];
        assert_int_equal(memcmp(sum, packets[3] + LEN, 16) != 0, is_answer(first_bytes[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_as_written),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(only_answers_are_bound_to_the_random),
        cmocka_unit_test(answers_say_nothing_about_another),
    };
    return cmocka_run_group_tests(tests, setup, suite_teardown);
}
