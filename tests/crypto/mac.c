/* mac.c - published vectors; a context is as new for each text. */
#include "support/hex.h"
#include "support/suite.h"

#include "crypto/mac.h"

/* The first, second and sixteenth of the authors' vectors for 128 bits (vectors.h of SipHash).
 */
static void test_siphash(void **state)
{
    static const struct {
        size_t len;
        const char *mac;
    } rows[] = {{0, "a3817f04ba25a8e66df67214c7550293"},
                {1, "da87c1d86b99af44347659119b22fc45"},
                {15, "5493e99933b0a8117e08ec0f97cfc3d9"}};
    uint8_t key[16], text[16], mac[16];

    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        key[i] = text[i] = i;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(belay_siphash(&suite, key, text, rows[i].len, mac), 0);
        test_assert_hex(mac, 16, rows[i].mac);
    }
}

/* Apart from this library, with Python's hmac; the label's own zero is not part of it. */
static void test_hmac(void **state)
{
    uint8_t key[32], text[4] = {1, 2, 3, 4}, mac[32], again[32];

    (void)state;
    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    assert_int_equal(belay_hmac(&suite, key, "label", text, sizeof(text), mac), 0);
    test_assert_hex(mac, 32,
                    "77fa3467a06a6534bfe0b69a0d676b439881438abf1145be4ceb3b27f3ca023a");
    key[31] ^= 1;
    assert_int_equal(belay_hmac(&suite, key, "label", text, sizeof(text), again), 0);
    assert_memory_not_equal(mac, again, 32);
    key[31] ^= 1;
    assert_int_equal(belay_hmac(&suite, key, "label", text, sizeof(text), again), 0);
    assert_memory_equal(mac, again, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_hmac),
    };
    return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
