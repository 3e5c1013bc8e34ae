#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netdb.h>
#include <string.h>

#include "address.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* host NULL: refused */
        unsigned port;
    } rows[] = {
        {"localhost", "localhost", 10000},
        {"localhost:1", "localhost", 1},
        {"localhost:65535", "localhost", 65535},
        {"localhost:0", "localhost", 0},
        {"192.0.2.1:7", "192.0.2.1", 7},
        {"::1", "::1", 10000},
        {"2001:db8::1", "2001:db8::1", 10000},
        {"[::1]", "::1", 10000},
        {"[::1]:9", "::1", 9},
        {"[fe80::1%lo]:9", "fe80::1%lo", 9},
        {":9", "", 9},
        {"", "", 10000},
        {"localhost:", NULL, 0},
        {"localhost:65536", NULL, 0},
        {"localhost:-1", NULL, 0},
        {"localhost:+1", NULL, 0},
        {"localhost: 1", NULL, 0},
        {"localhost:1x", NULL, 0},
        {"localhost:000001", NULL, 0},
        {"[::1", NULL, 0},
        {"[]:1", NULL, 0},
        {"[::1]1", NULL, 0},
        {"[::1]:", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address address;
        const char *wrong = address_parse(rows[i].text, &address);
        if (rows[i].host == NULL) {
            assert_non_null(wrong);
            continue;
        }
        assert_null(wrong);
        assert_string_equal(address.host, rows[i].host);
        assert_int_equal(address.port, rows[i].port);
    }
}

static void test_host_length(void **state)
{
    (void)state;
    char text[260];
    struct address address;
    memset(text, 'x', sizeof text);
    text[255] = '\0';
    assert_null(address_parse(text, &address));
    assert_int_equal(strlen(address.host), 255);
    text[255] = 'x';
    text[256] = '\0';
    assert_non_null(address_parse(text, &address));
}

static void test_resolve_and_format(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int family;
        const char *shown; /* NULL: no such address */
    } rows[] = {
        {"192.0.2.1:7", AF_UNSPEC, "192.0.2.1:7"},         {"192.0.2.1:7", AF_INET6, NULL},
        {"[2001:db8::1]:7", AF_UNSPEC, "[2001:db8::1]:7"}, {"[2001:db8::1]:7", AF_INET, NULL},
        {"[::ffff:192.0.2.1]:7", AF_INET6, "192.0.2.1:7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address address;
        struct evutil_addrinfo *list;
        char text[ADDRESS_TEXT_MAX];
        assert_null(address_parse(rows[i].text, &address));
        int error = address_resolve(&address, rows[i].family, &list);
        assert_int_equal(error != 0, rows[i].shown == NULL);
        if (error)
            continue;
        address_format(list->ai_addr, list->ai_addrlen, text);
        assert_string_equal(text, rows[i].shown);
        assert_int_equal(address_port(list->ai_addr), 7);
        evutil_freeaddrinfo(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_host_length),
        cmocka_unit_test(test_resolve_and_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
