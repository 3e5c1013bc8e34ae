#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "keytext.h"

/* The bytes 1 .. 32; the base64 was made by base64(1). */
#define BASE64 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static void make(uint8_t key[KEY_SIZE])
{
    for (unsigned i = 0; i < KEY_SIZE; i++)
        key[i] = (uint8_t)(i + 1);
}

static void test_write(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        [KEY_PUBLIC] = "belay-public:" BASE64,
        [KEY_PRIVATE] = "belay-private:" BASE64,
        [KEY_PSK] = "belay-psk:" BASE64,
    };
    uint8_t key[KEY_SIZE], back[KEY_SIZE];
    make(key);
    for (unsigned kind = KEY_PUBLIC; kind <= KEY_PSK; kind++) {
        char text[KEYTEXT_MAX], why[KEY_WHY_MAX];
        keytext_write((enum key_kind)kind, key, text);
        assert_string_equal(text, wanted[kind]);
        assert_true(keytext_parse((enum key_kind)kind, text, strlen(text), back, why));
        assert_memory_equal(back, key, KEY_SIZE);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        enum key_kind kind;
        const char *text, *why;
    } rows[] = {
        {KEY_PUBLIC, "", "not a public key, which is 'belay-public:' and 44 characters"},
        {KEY_PUBLIC, BASE64, "not a public key"},
        {KEY_PUBLIC, "Belay-public:" BASE64, "not a public key"},
        {KEY_PUBLIC, " belay-public:" BASE64, "not a public key"},
        {KEY_PUBLIC, "belay-public " BASE64, "not a public key"},
        {KEY_PSK, "belay", "not a shared secret, which is 'belay-psk:'"},
        {KEY_PUBLIC, "belay-private:" BASE64, "this is a private key, which nobody else may"},
        {KEY_PUBLIC, "belay-psk:" BASE64, "this is a shared secret, which nobody else may"},
        {KEY_PRIVATE, "belay-public:" BASE64, "this is a public key; a private key is wanted"},
        {KEY_PRIVATE, "belay-psk:" BASE64, "this is a shared secret; a private key is wanted"},
        {KEY_PSK, "belay-public:" BASE64, "this is a public key; a shared secret is wanted"},
        {KEY_PSK, "belay-private:" BASE64, "this is a private key; a shared secret is wanted"},
        {KEY_PUBLIC, "belay-public:", "this one has 0"},
        {KEY_PUBLIC, "belay-public:" BASE64 "A", "this one has 45"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA", "has 43"},
        /* 31 and 33 bytes, a bit past the last byte, and characters of other alphabets */
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==", "base64"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh", "base64"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB=", "base64"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH-A=", "base64"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHy =", "base64"},
        {KEY_PUBLIC, "belay-public:AQIDBAUGBwgJCgsMDQ4P=BESExQVFhcYGRobHB0eHyA=", "base64"},
        {KEY_PUBLIC,
         "belay-public:\xff\xff\xff\xff\xff\x41UGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
         "base64"},
        {KEY_PUBLIC, "belay-public:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "zeros"},
    };
    static const uint8_t zeros[KEY_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t key[KEY_SIZE];
        char why[KEY_WHY_MAX] = "";
        make(key);
        if (keytext_parse(rows[i].kind, rows[i].text, strlen(rows[i].text), key, why) ||
            strstr(why, rows[i].why) == NULL)
            fail_msg("row %zu: '%s'", i, why);
        assert_memory_equal(key, zeros, KEY_SIZE);
        assert_null(strstr(why, "AQIDBAU")); /* what may be a secret is not told */
    }
}

/* Every character of a key counts. */
static void test_each_character(void **state)
{
    (void)state;
    char text[KEYTEXT_MAX], why[KEY_WHY_MAX];
    uint8_t key[KEY_SIZE], other[KEY_SIZE];
    make(key);
    keytext_write(KEY_PUBLIC, key, text);
    for (size_t i = 0; i < strlen(text); i++) {
        char kept = text[i];
        text[i] = kept == 'x' ? 'y' : 'x';
        if (keytext_parse(KEY_PUBLIC, text, strlen(text), other, why))
            assert_memory_not_equal(other, key, KEY_SIZE);
        text[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_each_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
