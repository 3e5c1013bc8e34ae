/* hellotag.c - each type has its key; every byte counts. */
#include "support/hex.h"

#include <belay/common.h>

#include "conn/hellotag.h"

static const uint8_t nonce[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t random_bytes[32] = {9};

static void tags_are_checked(void **state)
{
    static const enum belay_packet_type types[] = {BELAY_PACKET_INIT, BELAY_PACKET_ACCEPT,
                                                   BELAY_PACKET_RETRY, BELAY_PACKET_REFUSE,
                                                   BELAY_PACKET_VERSIONS};
    struct belay_suite suite;
    (void)state;
    assert_int_equal(belay_suite_init(&suite), 0);
    for (size_t i = 0; i < 5; i++) {
        uint8_t packet[20 + 16] = {0xc0, 1, 2};
        assert_int_equal(
            belay_hello_tag(&suite, types[i], 1, nonce, random_bytes, packet, 20, false), 0);
        assert_int_equal(
            belay_hello_tag(&suite, types[i], 1, nonce, random_bytes, packet, 20, true), 0);
        for (size_t at = 0; at < sizeof(packet); at++) {
            packet[at] ^= 1;
            assert_int_equal(
                belay_hello_tag(&suite, types[i], 1, nonce, random_bytes, packet, 20, true),
                BELAY_EPROTO);
            packet[at] ^= 1;
        }
        assert_int_equal(
            belay_hello_tag(&suite, types[i], 2, nonce, random_bytes, packet, 20, true),
            BELAY_EPROTO);             /* another version */
        for (size_t k = 0; k < 5; k++) /* another type: another nonce or key */
            assert_int_equal(
                belay_hello_tag(&suite, types[k], 1, nonce, random_bytes, packet, 20, true),
                k == i ? 0 : BELAY_EPROTO);
    }
    belay_suite_dispose(&suite);
}

/* Key 1 is of the nonce alone, key 2 of the client's random too. */
static void only_answers_are_bound_to_the_random(void **state)
{
    static const struct {
        enum belay_packet_type type;
        bool bound;
    } rows[] = {{BELAY_PACKET_INIT, false},
                {BELAY_PACKET_ACCEPT, true},
                {BELAY_PACKET_RETRY, true},
                {BELAY_PACKET_REFUSE, true},
                {BELAY_PACKET_VERSIONS, false}};
    const uint8_t other[32] = {10};
    struct belay_suite suite;
    (void)state;
    assert_int_equal(belay_suite_init(&suite), 0);
    for (size_t i = 0; i < 5; i++) {
        uint8_t packet[20 + 16] = {0xc0};
        assert_int_equal(
            belay_hello_tag(&suite, rows[i].type, 1, nonce, random_bytes, packet, 20, false),
            0);
        assert_int_equal(
            belay_hello_tag(&suite, rows[i].type, 1, nonce, other, packet, 20, true),
            rows[i].bound ? BELAY_EPROTO : 0);
        if (!rows[i].bound)
            assert_int_equal(
                belay_hello_tag(&suite, rows[i].type, 1, nonce, NULL, packet, 20, true), 0);
    }
    belay_suite_dispose(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_checked),
        cmocka_unit_test(only_answers_are_bound_to_the_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
