/* Addresses to and from the core's form, and their text. */
#include "fixture.h"

#include "event/address.h"

#include <string.h>

static void text_of_addresses(void **state)
{
    static const struct {
        const char *address;
        unsigned port;
        const char *text;
    } rows[] = {
        {"127.0.0.1", 10000, "127.0.0.1:10000"},
        {"255.255.255.255", 65535, "255.255.255.255:65535"},
        {"::1", 10000, "[::1]:10000"},
        {"2001:db8::1", 1, "[2001:db8::1]:1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"::ffff:192.0.2.1", 7, "192.0.2.1:7"}, /* IPv4-mapped is IPv4 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_storage addr;
        int len = make_address(rows[i].address, rows[i].port, &addr);
        char out[64];

        assert_string_equal(
            belay_format_address((struct sockaddr *)&addr, len, out, sizeof(out)),
            rows[i].text);
        assert_string_equal(belay_format_address((struct sockaddr *)&addr, len, out, 6),
                            memcpy((char[6]){0}, rows[i].text, 5));
    }
}

static void what_is_no_address_is_refused(void **state)
{
    struct sockaddr_storage addr;
    struct belay_address out;
    int len = make_address("::1", 1, &addr);

    (void)state;
    assert_false(belay_address_set(&out, NULL, 16));
    assert_false(belay_address_set(&out, (struct sockaddr *)&addr, 0));
    assert_false(belay_address_set(&out, (struct sockaddr *)&addr, (size_t)len - 1));
    addr.ss_family = AF_UNIX;
    assert_false(belay_address_set(&out, (struct sockaddr *)&addr, (size_t)len));
    assert_int_equal(out.len, 0);
    assert_int_equal(belay_address_family(&out), AF_UNSPEC);
}

/* The core compares bytes: what means the same must be the same. */
static void equal_addresses_have_equal_bytes(void **state)
{
    struct sockaddr_storage a, b;
    struct belay_address one, two;
    int len = make_address("192.0.2.1", 9, &a);

    (void)state;
    memcpy(&b, &a, sizeof(b));
    memset(((struct sockaddr_in *)&b)->sin_zero, 0xff, 8);
    assert_true(belay_address_set(&one, (struct sockaddr *)&a, (size_t)len));
    assert_true(belay_address_set(&two, (struct sockaddr *)&b, (size_t)len));
    assert_memory_equal(&one, &two, sizeof(one));

    len = make_address("2001:db8::1", 9, &a);
    memcpy(&b, &a, sizeof(b));
    ((struct sockaddr_in6 *)&b)->sin6_flowinfo = 5;
    ((struct sockaddr_in6 *)&b)->sin6_scope_id = 5; /* means nothing for a global one */
    assert_true(belay_address_set(&one, (struct sockaddr *)&a, (size_t)len));
    assert_true(belay_address_set(&two, (struct sockaddr *)&b, (size_t)len));
    assert_memory_equal(&one, &two, sizeof(one));
}

static void mapping_for_a_dual_stack_socket_and_back(void **state)
{
    struct sockaddr_storage addr;
    struct belay_address one, two;
    union belay_sockaddr mapped;
    int len = make_address("192.0.2.1", 9, &addr);

    (void)state;
    belay_address_set(&one, (struct sockaddr *)&addr, (size_t)len);
    assert_int_equal(belay_address_get_for(&one, AF_INET6, &mapped), sizeof(mapped.in6));
    assert_true(IN6_IS_ADDR_V4MAPPED(&mapped.in6.sin6_addr));
    assert_true(belay_address_set(&two, &mapped.sa, sizeof(mapped.in6)));
    assert_memory_equal(&one, &two, sizeof(one));
    assert_int_equal(belay_address_get_for(&one, AF_INET, &mapped), sizeof(mapped.in));
}

static void copies_are_cut_to_the_callers_room(void **state)
{
    struct sockaddr_storage addr, out;
    struct belay_address one;
    int len = make_address("2001:db8::1", 9, &addr), room = 4;

    (void)state;
    memset(&out, 0xee, sizeof(out));
    belay_address_set(&one, (struct sockaddr *)&addr, (size_t)len);
    assert_true(belay_address_copy(&one, (struct sockaddr *)&out, &room));
    assert_int_equal(room, sizeof(struct sockaddr_in6));
    assert_int_equal(((unsigned char *)&out)[4], 0xee);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_addresses),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(equal_addresses_have_equal_bytes),
        cmocka_unit_test(mapping_for_a_dual_stack_socket_and_back),
        cmocka_unit_test(copies_are_cut_to_the_callers_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
