#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/keys.h"
#include "crypto/mac.h"
#include "crypto/noise_suite.h"
#include "crypto/seal.h"
#include "crypto/suite.h"
#include "crypto/token.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

static void test_two_suites_and_dispose_twice(void **state)
{
    (void)state;
    struct belay_suite a, b, none = {0};
    assert_int_equal(belay_suite_init(&a), 0);
    assert_int_equal(belay_suite_init(&b), 0);
    belay_suite_dispose(&a);
    belay_suite_dispose(&a);
    belay_suite_dispose(&none);

    uint8_t token[BELAY_TOKEN_SIZE], key[32] = {0};
    assert_int_equal(belay_token_reset(&b, key, key, 8, token), 0);
    belay_suite_dispose(&b);
}

/* ------------------------------------------------------------------ libcrypto out of memory */

static long calls, fail_at; /* the fail_at-th allocation fails; 0: none */
static bool fails_on;       /* and all after it */
static long blocks;         /* of libcrypto's, now */

static bool must_fail(void)
{
    calls++;
    return fail_at > 0 && (fails_on ? calls >= fail_at : calls == fail_at);
}

static void *failing_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    void *p = must_fail() ? NULL : malloc(size);
    blocks += p != NULL;
    return p;
}

static void *failing_realloc(void *p, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (must_fail())
        return NULL;
    void *q = realloc(p, size);
    blocks += p == NULL && q != NULL;
    return q;
}

static void counting_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    blocks -= p != NULL;
    free(p);
}

/* All that a core makes with this room. */
struct made {
    uint8_t siphash[BELAY_SIPHASH_SIZE], token[BELAY_TOKEN_SIZE], key[32], iv[12], packet[100],
        noise[3 * BELAY_NOISE_HASH_MAX];
};

/* The first error ends it. */
static int use_suite(struct made *made)
{
    static const uint8_t secret[32] = {1};
    struct belay_suite suite;
    struct belay_traffic_secrets keys;
    struct belay_seal seal = {0};
    int error = belay_suite_init(&suite);
    if (error != 0)
        return error;
    error = belay_keys_derive(&suite, secret, sizeof(secret), secret, 5, &keys);
    if (error == 0)
        error = belay_siphash(&suite, secret, secret, 8, made->siphash);
    if (error == 0)
        error = belay_keys_packet(&suite, keys.client, made->key, made->iv);
    if (error == 0)
        error = belay_keys_update(&suite, keys.client);
    if (error == 0)
        error = belay_token_reset(&suite, made->key, secret, 8, made->token);
    if (error == 0)
        error = belay_seal_init(&seal, &suite, BELAY_SEAL_GMAC, made->key, made->iv);
    if (error == 0)
        error = belay_seal_packet(&seal, 1, made->packet, 10, 20);
    if (error == 0)
        error = belay_open_packet(&seal, 1, made->packet, 10, 20);
    belay_seal_dispose(&seal);
    belay_suite_dispose(&suite);
    return error;
}

static int use_noise(struct made *made)
{
    static const uint8_t key[32] = {1};
    struct belay_noise_suite suite;
    int error = belay_noise_suite_init(&suite, BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_SHA256);
    if (error != 0)
        return error;
    error = belay_noise_hkdf(&suite, key, key, sizeof(key), 2, made->noise);
    belay_noise_suite_dispose(&suite);
    return error;
}

static int use(struct made *made)
{
    int error;

    memset(made, 0, sizeof(*made));
    error = use_suite(made);
    return error != 0 ? error : use_noise(made);
}

/* Alone it may be one that libcrypto can do without: then all is as it should be. */
static void starve(long n, bool goes_on, const struct made *right)
{
    struct made made;
    long blocks_before = blocks;
    int error;

    calls = 0;
    fail_at = n;
    fails_on = goes_on;
    error = use(&made);
    fail_at = 0;
    if (error == 0 && !goes_on)
        assert_memory_equal(&made, right, sizeof(made));
    else
        assert_int_equal(error, BELAY_ENOMEM);
    ERR_clear_error();
    assert_int_equal(blocks, blocks_before); /* what failed gave all back */
}

static void test_each_allocation_can_fail(void **state)
{
    struct made right, again;
    long blocks_before, needed;

    (void)state;
    assert_int_equal(use(&right), 0); /* libcrypto's own caches fill */
    assert_int_equal(use(&right), 0);
    blocks_before = blocks;
    calls = 0;
    assert_int_equal(use(&right), 0);
    needed = calls;
    assert_int_equal(blocks, blocks_before);
    assert_true(needed > 5);
    for (long n = 1; n <= needed; n++) {
        starve(n, true, &right);
        starve(n, false, &right);
    }
    assert_int_equal(use(&again), 0);
    assert_memory_equal(&again, &right, sizeof(again));
}

int main(void)
{
    if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc, counting_free) != 1)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_suites_and_dispose_twice),
        cmocka_unit_test(test_each_allocation_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
