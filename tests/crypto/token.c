#include "support/hex.h"

#include "crypto/token.h"

/* Computed apart from this library, with Python's hmac and hashlib. */
static void test_reset_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *cid, *token;
    } rows[] = {
        {"", "c614b79423d1e55e412d55b5ce4154ec"},
        {"0000000000000000", "5979471044d2d957dd129a7c87fcdf62"},
        {"0102030405060708", "314b76480e71ca80a6f36eb6a900c824"},
    };
    struct belay_suite suite;
    uint8_t key[32], cid[8], token[BELAY_TOKEN_SIZE];
    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    assert_int_equal(belay_suite_init(&suite), 0);
    /* Twice: nothing of one call stays for the next. */
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        size_t row = i % (sizeof(rows) / sizeof(rows[0]));
        size_t len = test_hex(rows[row].cid, cid, sizeof(cid));
        assert_int_equal(belay_token_reset(&suite, key, cid, len, token), 0);
        test_assert_hex(token, sizeof(token), rows[row].token);
    }
    key[31] ^= 1;
    assert_int_equal(belay_token_reset(&suite, key, cid, 8, token), 0);
    uint8_t old[BELAY_TOKEN_SIZE];
    test_hex(rows[2].token, old, sizeof(old));
    assert_memory_not_equal(token, old, sizeof(old));
    belay_suite_dispose(&suite);
}

static void test_equal(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    memset(a, 0x5a, sizeof(a));
    memcpy(b, a, sizeof(b));
    assert_true(belay_token_equal(a, b, sizeof(a)));
    assert_true(belay_token_equal(a, b, 0));
    for (unsigned bit = 0; bit < 128; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(belay_token_equal(a, b, sizeof(a)));
        assert_int_equal(belay_token_equal(a, b, 8), bit >= 64);
        b[bit / 8] = a[bit / 8];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset_vectors),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
