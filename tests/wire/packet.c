#include "wire/exact.h"

#include "wire/packet.h"

static void test_first_bytes(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        enum belay_packet_type expected = byte == 0xC0   ? BELAY_PACKET_INIT
                                          : byte == 0xC1 ? BELAY_PACKET_ACCEPT
                                          : byte == 0xC2 ? BELAY_PACKET_RETRY
                                          : byte == 0xC3 ? BELAY_PACKET_REFUSE
                                          : byte == 0xC4 ? BELAY_PACKET_VERSIONS
                                          : byte == 0xC5 ? BELAY_PACKET_RESET
                                          : byte >= 0xE0 ? BELAY_PACKET_DATA
                                                         : BELAY_PACKET_UNKNOWN;
        assert_int_equal(belay_packet_type_of((uint8_t)byte), expected);
    }
}

static const uint8_t reset[] = {0xC5, 0x10, 0x21, 0x32, 0x43, 0x54, 0x65, 0x76, 0x87,
                                0x98, 0xA9, 0xBA, 0xCB, 0xDC, 0xED, 0xFE, 0x0F};

static void test_reset(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof(reset) + 1; len++) {
        struct exact e = exact_room(len);
        memcpy(e.bytes, reset, len < sizeof(reset) ? len : sizeof(reset));
        const uint8_t *token = belay_reset_parse(e.bytes, len);
        if (len == sizeof(reset))
            assert_ptr_equal(token, e.bytes + 1);
        else
            assert_null(token);
        exact_free(&e);
    }
    struct exact e = exact_copy(reset, sizeof(reset));
    e.bytes[0] = 0xC4;
    assert_null(belay_reset_parse(e.bytes, e.len));
    exact_free(&e);
}

static void test_reset_build(void **state)
{
    (void)state;
    for (size_t room = 0; room <= sizeof(reset); room++) {
        struct exact e = exact_room(room);
        size_t len = belay_reset_build(e.bytes, room, reset + 1);
        assert_int_equal(len, room < sizeof(reset) ? 0 : sizeof(reset));
        if (len > 0)
            assert_memory_equal(e.bytes, reset, len);
        exact_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_bytes),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_reset_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
