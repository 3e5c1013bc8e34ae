#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/keys.h"
#include "crypto/mac.h"
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

static long calls, fail_at; /* the fail_at-th allocation and all after it fail; 0: none */
static long blocks;         /* of libcrypto's, now */

static bool must_fail(void)
{
    calls++;
    return fail_at > 0 && calls >= fail_at;
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

/* What a core does with this room; the first error ends it. */
static int use(void)
{
    static const uint8_t secret[32] = {1};
    struct belay_suite suite;
    struct belay_traffic_secrets keys;
    struct belay_seal seal = {0};
    uint8_t packet[100] = {0}, token[BELAY_TOKEN_SIZE], key[32], iv[12];
    int error = belay_suite_init(&suite);
    if (error != 0)
        return error;
    error = belay_keys_derive(&suite, secret, sizeof(secret), secret, 5, &keys);
    if (error == 0)
        error = belay_siphash(&suite, secret, secret, 8, packet);
    if (error == 0)
        error = belay_keys_packet(&suite, keys.client, key, iv);
    if (error == 0)
        error = belay_keys_update(&suite, keys.client);
    if (error == 0)
        error = belay_token_reset(&suite, key, secret, 8, token);
    if (error == 0)
        error = belay_seal_init(&seal, &suite, BELAY_SEAL_GMAC, key, iv);
    if (error == 0)
        error = belay_seal_packet(&seal, 1, packet, 10, 20);
    if (error == 0)
        error = belay_open_packet(&seal, 1, packet, 10, 20);
    belay_seal_dispose(&seal);
    belay_suite_dispose(&suite);
    return error;
}

static void test_each_allocation_can_fail(void **state)
{
    (void)state;
    assert_int_equal(use(), 0); /* libcrypto's own caches fill */
    assert_int_equal(use(), 0);
    long blocks_before = blocks;
    calls = 0;
    assert_int_equal(use(), 0);
    long needed = calls;
    assert_int_equal(blocks, blocks_before);
    assert_true(needed > 5);
    for (long n = 1; n <= needed; n++) {
        calls = 0;
        fail_at = n;
        int error = use();
        fail_at = 0;
        assert_int_equal(error, BELAY_ENOMEM);
        ERR_clear_error();
        assert_int_equal(blocks, blocks_before); /* what failed gave all back */
    }
    assert_int_equal(use(), 0);
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
