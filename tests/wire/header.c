#include "wire/exact.h"

#include <stdio.h>

#include <belay/common.h>

#include "base/cursor.h"
#include "wire/packet.h"

#define CID 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88
static const uint8_t cid[] = {CID};

/* Headers by hand; a frame and a tag follow. number is what travels of full. */
static const struct {
    uint64_t full;
    uint32_t number;
    unsigned number_bytes;
    bool has_cid;
    const uint8_t *bytes;
    size_t len;
} headers[] = {
    {0, 0, 1, false, BYTES(0xE0, 0x00)},
    {0x1FF, 0xFF, 1, false, BYTES(0xE0, 0xFF)},
    {0x8081, 0x8081, 2, false, BYTES(0xE1, 0x80, 0x81)},
    {0xABCDEF01, 0xCDEF01, 3, false, BYTES(0xE2, 0xCD, 0xEF, 0x01)},
    {UINT64_C(0x123456789), 0x23456789, 4, false, BYTES(0xE3, 0x23, 0x45, 0x67, 0x89)},
    {5, 5, 1, true, BYTES(0xF0, CID, 0x05)},
    {0x10000, 0, 2, true, BYTES(0xF1, CID, 0x00, 0x00)},
    {0x10203, 0x10203, 3, true, BYTES(0xF2, CID, 0x01, 0x02, 0x03)},
    {UINT32_MAX, UINT32_MAX, 4, true, BYTES(0xF3, CID, 0xFF, 0xFF, 0xFF, 0xFF)},
};

#define HEADERS (sizeof(headers) / sizeof(headers[0]))

/* With one byte of frames and a tag it parses; one byte less does not. */
static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < HEADERS; i++) {
        const size_t whole = headers[i].len + 1 + BELAY_TAG_BYTES;
        for (size_t len = 0; len <= whole; len++) {
            struct exact e = exact_room(len);
            struct belay_data_header h;
            memset(e.bytes, 0x77, len);
            memcpy(e.bytes, headers[i].bytes, len < headers[i].len ? len : headers[i].len);
            int error = belay_data_header_parse(&h, e.bytes, len);
            assert_int_equal(error, len == whole ? BELAY_OK : BELAY_EPROTO);
            if (error == BELAY_OK) {
                assert_int_equal(h.has_cid, headers[i].has_cid);
                assert_memory_equal(h.cid, h.has_cid ? cid : (const uint8_t[8]){0}, 8);
                assert_false(h.key_phase);
                assert_int_equal(h.number_truncated, headers[i].number);
                assert_int_equal(h.number_bytes, headers[i].number_bytes);
                assert_int_equal(h.header_len, headers[i].len);
            }
            exact_free(&e);
        }
    }
}

static void test_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < HEADERS; i++) {
        for (size_t room = 0; room <= headers[i].len; room++) {
            struct exact e = exact_room(room);
            size_t len =
                belay_data_header_build(e.bytes, room, headers[i].has_cid ? cid : NULL, false,
                                        headers[i].full, headers[i].number_bytes);
            assert_int_equal(len, room == headers[i].len ? room : 0);
            assert_memory_equal(e.bytes, headers[i].bytes, len);
            exact_free(&e);
        }
    }
}

/* Reserved bit and key phase of every first byte; what is not DATA at all. */
static void test_first_byte(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t packet[40] = {(uint8_t)byte};
        struct belay_data_header h;
        bool valid = byte >= 0xE0 && !(byte & 0x04);
        assert_int_equal(belay_data_header_parse(&h, packet, sizeof(packet)),
                         valid ? BELAY_OK : BELAY_EPROTO);
        if (valid)
            assert_int_equal(h.key_phase, (byte & 0x08) != 0);
    }
    uint8_t out[2];
    assert_int_equal(belay_data_header_build(out, sizeof(out), NULL, true, 3, 1), 2);
    assert_int_equal(out[0], 0xE8);
}

/* ------------------------------------------------------------------ packet numbers */

static void test_number_bytes(void **state)
{
    static const struct {
        uint64_t number, largest_acked, first;
        unsigned bytes;
    } rows[] = {
        {0, UINT64_MAX, 0, 2},
        {0x7FFE, UINT64_MAX, 0, 2}, /* 2^15 - 1 unacknowledged, itself included */
        {0x7FFF, UINT64_MAX, 0, 3},
        {0x7FFFFE, UINT64_MAX, 0, 3},
        {0x7FFFFF, UINT64_MAX, 0, 4},
        {0xFFFFFFF0, UINT64_MAX, 0xFFFFFFF0, 2}, /* does not begin at 0 */
        {0xFFFFFFF0 + 0x7FFEull, UINT64_MAX, 0xFFFFFFF0, 2},
        {0xFFFFFFF0 + 0x7FFFull, UINT64_MAX, 0xFFFFFFF0, 3},
        {1, 0, 0, 2},
        {1000 + 0x7FFF, 1000, 0, 2},
        {1000 + 0x8000, 1000, 0, 3},
        {1000 + 0x7FFFFF, 1000, 0, 3},
        {1000 + 0x800000, 1000, 0, 4},
        {1000 + 0x7FFFFFFFull, 1000, 0, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            belay_packet_number_bytes(rows[i].number, rows[i].largest_acked, rows[i].first),
            rows[i].bytes);
}

/*
 * Through a header's bytes and back at every border. The receiver's largest may be anything
 * from what it acknowledged to what is half a range past the number (reordering).
 */
static void check_expansion(uint64_t number, uint64_t largest_acked)
{
    uint8_t packet[40];
    struct belay_data_header h;
    const unsigned bytes = belay_packet_number_bytes(number, largest_acked, 0);
    const uint64_t half = UINT64_C(1) << (8 * bytes - 1);
    const uint64_t expected[] = {largest_acked + 1, largest_acked + 2,
                                 number - 1,        number,
                                 number + 1,        number + 3,
                                 number + 127,      number + BELAY_PACKET_AGE_MAX / 2 - 1,
                                 number + half - 1};

    memset(packet, 0, sizeof(packet));
    assert_int_equal(
        belay_data_header_build(packet, sizeof(packet), NULL, false, number, bytes), 1 + bytes);
    assert_int_equal(belay_data_header_parse(&h, packet, sizeof(packet)), BELAY_OK);
    assert_int_equal(h.number_bytes, bytes);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        if (expected[i] <= largest_acked) /* number - 1 was acknowledged */
            continue;
        uint64_t got = belay_number_expand(expected[i], h.number_truncated, 8 * bytes);
        if (got != number)
            fail_msg("number %llu, %u bytes, expected %llu, got %llu",
                     (unsigned long long)number, bytes, (unsigned long long)expected[i],
                     (unsigned long long)got);
    }
}

static void test_expansion(void **state)
{
    static const unsigned borders[] = {7, 8, 14, 15, 16, 22, 23, 24, 30, 31, 32, 33, 48};
    static const uint64_t distances[] = {
        1,         2,          3,          127,        128,       129,      255,
        256,       16383,      16384,      32766,      32767,     32768,    32769,
        65535,     65536,      0x7FFFFE,   0x7FFFFF,   0x800000,  0x800001, 0xFFFFFF,
        0x1000000, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFE, 0x7FFFFFFF};
    size_t checked = 0;
    (void)state;

    for (size_t b = 0; b < sizeof(borders) / sizeof(borders[0]); b++) {
        for (int off = -3; off <= 3; off++) {
            const uint64_t number = (UINT64_C(1) << borders[b]) + (uint64_t)(int64_t)off;
            for (size_t d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
                if (distances[d] > number)
                    continue;
                check_expansion(number, number - distances[d]);
                checked++;
            }
        }
    }
    assert_true(checked > 1000);
}

/* One byte, which we never send: nearest to what is expected (RFC 9000, appendix A.3). */
static void test_one_byte(void **state)
{
    (void)state;
    for (uint64_t expected = 0; expected < 1024; expected++)
        for (uint64_t number = expected > 127 ? expected - 127 : 0; number <= expected + 128;
             number++)
            assert_true(belay_number_expand(expected, number & 0xFF, 8) == number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_build),
        cmocka_unit_test(test_first_byte), cmocka_unit_test(test_number_bytes),
        cmocka_unit_test(test_expansion),  cmocka_unit_test(test_one_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
