/*
 * hex.h - bytes of test vectors from hexadecimal text; spaces are skipped.
 */
#ifndef BELAY_TESTS_SUPPORT_HEX_H
#define BELAY_TESTS_SUPPORT_HEX_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static inline unsigned test_hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c);
    assert_true(c != '\0' && at != NULL);
    return (unsigned)(at - digits);
}

/* The count of bytes, at most size. */
static inline size_t test_hex(const char *text, uint8_t *out, size_t size)
{
    size_t len = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        assert_true(len < size);
        out[len++] = (uint8_t)(test_hex_digit(text[0]) << 4 | test_hex_digit(text[1]));
        text += 2;
    }
    return len;
}

static inline void test_assert_hex(const uint8_t *got, size_t len, const char *expected)
{
    uint8_t bytes[512];
    assert_int_equal(test_hex(expected, bytes, sizeof(bytes)), len);
    assert_memory_equal(got, bytes, len);
}

#endif
