#include "support/hex.h"
#include "support/suite.h"

#include "crypto/keys.h"

static struct belay_traffic_secrets derive(const char *secret_hex, const char *transcript)
{
    uint8_t secret[64];
    struct belay_traffic_secrets keys;
    size_t len = test_hex(secret_hex, secret, sizeof(secret));
    assert_int_equal(belay_keys_derive(&suite, secret, len, (const uint8_t *)transcript,
                                       strlen(transcript), &keys),
                     0);
    return keys;
}

#define SECRET "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

/* Computed apart from this library, with Python's hmac and hashlib. */
static void test_packet_keys_vector(void **state)
{
    (void)state;
    struct belay_traffic_secrets keys = derive(SECRET, "initial and accept");
    uint8_t key[32], iv[12];

    test_assert_hex(keys.client, 32,
                    "70b789657242a513d61a1f54b940761f2d391566f74caed6091491c87064d373");
    test_assert_hex(keys.server, 32,
                    "420783a7bfa76da9b036ddc2c13d4acf69596aeb3bfa1d776d7ffd8d2b0bd610");
    assert_int_equal(belay_keys_packet(&suite, keys.client, key, iv), 0);
    test_assert_hex(key, 32,
                    "50fd0b59ce1949dacdc4236a12c798480e34b8035f3033443d14cb3a8cf75662");
    test_assert_hex(iv, 12, "0ff7a36c6c8f202314a53899");
    assert_int_equal(belay_keys_update(&suite, keys.client), 0);
    test_assert_hex(keys.client, 32,
                    "14a300438da8860775c3282179e1f6e6b62a3e168f2213480bdddd5262514a81");
}

static void assert_all_differ(const struct belay_traffic_secrets *a,
                              const struct belay_traffic_secrets *b)
{
    assert_memory_not_equal(a->client, b->client, 32);
    assert_memory_not_equal(a->server, b->server, 32);
}

static void test_keys_depend_on_all_that_goes_in(void **state)
{
    (void)state;
    struct belay_traffic_secrets base = derive(SECRET, "initial and accept");
    struct belay_traffic_secrets other = derive(SECRET, "initial and accepT");
    assert_all_differ(&base, &other);
    other = derive(SECRET "00", "initial and accept");
    assert_all_differ(&base, &other);
    other = derive(SECRET, "");
    assert_all_differ(&base, &other);
    assert_memory_not_equal(base.client, base.server, 32);
}

static void test_wipe(void **state)
{
    (void)state;
    static const uint8_t zeros[16];
    uint8_t secret[16];
    memset(secret, 0xff, sizeof(secret));
    belay_wipe(secret, 15);
    assert_memory_equal(secret, zeros, 15);
    assert_int_equal(secret[15], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packet_keys_vector),
        cmocka_unit_test(test_keys_depend_on_all_that_goes_in),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
