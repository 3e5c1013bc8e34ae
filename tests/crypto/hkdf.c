#include "support/hex.h"

#include "crypto/hkdf.h"

/* RFC 5869, appendices A.1 and A.2. */
static void test_rfc_5869(void **state)
{
    (void)state;
    static const struct {
        const char *ikm, *salt, *info, *prk, *okm;
    } rows[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
         "f0f1f2f3f4f5f6f7f8f9",
         "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718586"
         "5"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
         "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
         "404142434445464748494a4b4c4d4e4f",
         "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
         "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
         "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
         "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
         "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
         "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    };
    struct belay_suite suite;
    assert_int_equal(belay_suite_init(&suite), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t ikm[100], salt[100], info[100], prk[BELAY_HKDF_KEY_SIZE], okm[100];
        size_t ikm_len = test_hex(rows[i].ikm, ikm, sizeof(ikm));
        size_t salt_len = test_hex(rows[i].salt, salt, sizeof(salt));
        size_t info_len = test_hex(rows[i].info, info, sizeof(info));
        size_t okm_len = strlen(rows[i].okm) / 2;
        assert_int_equal(belay_hkdf_extract(&suite, salt, salt_len, ikm, ikm_len, prk), 0);
        test_assert_hex(prk, sizeof(prk), rows[i].prk);
        assert_int_equal(belay_hkdf_expand(&suite, prk, info, info_len, okm, okm_len), 0);
        test_assert_hex(okm, okm_len, rows[i].okm);
    }
    belay_suite_dispose(&suite);
}

static void test_more_than_the_maximum_is_refused(void **state)
{
    (void)state;
    static uint8_t out[255 * 32 + 1];
    uint8_t key[BELAY_HKDF_KEY_SIZE] = {1};
    struct belay_suite suite;
    assert_int_equal(belay_suite_init(&suite), 0);
    assert_int_equal(belay_hkdf_expand(&suite, key, "x", 1, out, 255 * 32), 0);
    assert_int_not_equal(belay_hkdf_expand(&suite, key, "x", 1, out, 255 * 32 + 1), 0);
    belay_suite_dispose(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_5869),
        cmocka_unit_test(test_more_than_the_maximum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
