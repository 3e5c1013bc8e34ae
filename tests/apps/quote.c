#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"

static void check(const char *data, size_t len, const char *wanted)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    quote_print(out, data, len);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static void test_quote(void **state)
{
    (void)state;
    static const struct {
        const char *data, *wanted;
    } rows[] = {
        {"", "''"},
        {"plain text", "'plain text'"},
        {"it's \\", "'it\\'s \\\\'"},
        {"\n\r\t", "'\\n\\r\\t'"},
        {"\x1b[2J\x07\x7f", "'\\x1b[2J\\x07\\x7f'"},
        {"\xc3\xb6", "'\xc3\xb6'"},
        {"\xe2\x82\xac", "'\xe2\x82\xac'"},
        {"\xf0\x9f\x98\x80", "'\xf0\x9f\x98\x80'"},
        {"\xc2\x9b", "'\\xc2\\x9b'"},                   /* C1 control */
        {"\xc0\xaf", "'\\xc0\\xaf'"},                   /* overlong */
        {"\xe0\x80\xaf", "'\\xe0\\x80\\xaf'"},          /* overlong */
        {"\xed\xa0\x80", "'\\xed\\xa0\\x80'"},          /* surrogate */
        {"\xf4\x90\x80\x80", "'\\xf4\\x90\\x80\\x80'"}, /* past U+10FFFF */
        {"\xe2\x82", "'\\xe2\\x82'"},                   /* cut */
        {"\xe2\x82z", "'\\xe2\\x82z'"},                 /* broken */
        {"\x80\xff", "'\\x80\\xff'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i].data, strlen(rows[i].data), rows[i].wanted);
    check("a\0b", 3, "'a\\x00b'");
}

static void test_clean(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *wanted;
    } rows[] = {
        {"", 1, ""},
        {"plain 'text'", 32, "plain 'text'"},
        {"a\n\x1b[2J\x7f", 32, "a??[2J?"},
        {"\xc3\xb6\xff\xc3", 32, "\xc3\xb6??"},
        {"abcd", 4, "abc"},
        {"ab\xc3\xb6", 4, "ab"},
        {"ab\xc3\xb6", 5, "ab\xc3\xb6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[32];
        assert_string_equal(quote_clean(rows[i].data, out, rows[i].size), rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quote),
                                       cmocka_unit_test(test_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
