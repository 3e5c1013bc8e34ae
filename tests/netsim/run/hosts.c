#include "../fixture.h"

#include "netsim/run/hosts.h"

#define FIRST "127.0.0.1 localhost\n"

static void test_filter(void **state)
{
    static const struct {
        const char *text, *filtered;
    } cases[] = {
        {"", FIRST},
        {"127.0.0.1 localhost\n::1 localhost ip6-localhost\nfe00::0 ip6-localnet\n",
         FIRST "127.0.0.1 localhost\nfe00::0 ip6-localnet\n"},
        {" \t::1\tlocalhost\n# ::1 stays\n", FIRST "# ::1 stays\n"},
        {"0:0:0:0:0:0:0:1 localhost\n::1", FIRST},
        {"::10 a\n::1x b\n10.0.0.1 c", FIRST "::10 a\n::1x b\n10.0.0.1 c"},
        {"\n\n", FIRST "\n\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *filtered = netsim_hosts_filter(cases[i].text);

        assert_non_null(filtered);
        assert_string_equal(filtered, cases[i].filtered);
        free(filtered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
