/* Numeric addresses only: names would ask the system's resolver. */
#include "../fixture.h"

#include <netinet/in.h>

#include "netsim/live/address.h"

static const struct {
    const char *text, *shown;
    bool v4;
} good[] = {
    {"127.0.0.1:4433", "127.0.0.1:4433", true},
    {"0.0.0.0:1", "0.0.0.0:1", true},
    {"255.255.255.255:65535", "255.255.255.255:65535", true},
    {"[::1]:4433", "[::1]:4433", false},
    {"[::]:9", "[::]:9", false},
    {"[2001:db8:0:0::1]:80", "[2001:db8::1]:80", false},
    {"[::ffff:10.1.2.3]:80", "10.1.2.3:80", true}, /* IPv4 in IPv6's clothes */
    {"[127.0.0.1]:80", "127.0.0.1:80", true},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535", false},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct netsim_address address, again;
        char text[NETSIM_ADDRESS_TEXT_SIZE];
        const char *wrong = netsim_address_parse(&address, good[i].text, false);

        if (wrong != NULL)
            fail_msg("`%s` %s", good[i].text, wrong);
        netsim_address_format(&address, text);
        assert_string_equal(text, good[i].shown);
        assert_int_equal(netsim_address_is_v4(&address), good[i].v4);
        assert_int_equal(address.len, address.storage.ss_family == AF_INET
                                          ? sizeof(struct sockaddr_in)
                                          : sizeof(struct sockaddr_in6));
        assert_null(netsim_address_parse(&again, text, false));
        netsim_address_format(&again, text);
        assert_string_equal(text, good[i].shown);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        {"", "ADDRESS:PORT"},        {"127.0.0.1", "ADDRESS:PORT"},
        {":4433", "ADDRESS:PORT"},   {"[::1:4433", "[ADDRESS]:PORT"},
        {"::1:4433", "brackets"},    {"2001:db8::1:4433", "brackets"},
        {"[]:4433", "no address"},   {"127.0.0.1:", "port"},
        {"127.0.0.1:x", "port"},     {"127.0.0.1:-1", "port"},
        {"127.0.0.1:65536", "port"}, {"127.0.0.1:0", "port 0"},
        {"[::1]:0", "port 0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct netsim_address address;
        const char *wrong = netsim_address_parse(&address, bad[i].text, false);

        if (wrong == NULL || strstr(wrong, bad[i].part) == NULL)
            fail_msg("`%s`: %s", bad[i].text, wrong != NULL ? wrong : "was taken");
    }
}

static void test_port_0_and_long_hosts(void **state)
{
    struct netsim_address address;
    char text[NETSIM_ADDRESS_TEXT_SIZE], host[300];

    (void)state;
    assert_null(netsim_address_parse(&address, "127.0.0.1:0", true));
    netsim_address_format(&address, text);
    assert_string_equal(text, "127.0.0.1:0");
    memset(host, '1', sizeof(host));
    strcpy(host + 256, ":80");
    assert_non_null(strstr(netsim_address_parse(&address, host, true), "no address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_port_0_and_long_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
