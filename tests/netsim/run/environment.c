#include "../fixture.h"

#include "netsim/run/environment.h"

static const char *find(const struct netsim_variable *variable, const char *name)
{
    for (; variable->name != NULL; variable++)
        if (strcmp(variable->name, name) == 0)
            return variable->value;
    fail_msg("no %s", name);
    return NULL;
}

static void test_lab(void **state)
{
    struct netsim_environment e;

    (void)state;
    netsim_environment_of_lab(&e, true, "live", UINT64_MAX);
    assert_string_equal(find(e.server, "NETSIM_LISTEN"), "198.18.0.1:10000");
    assert_string_equal(find(e.client, "NETSIM_SERVER"), "198.18.0.1:10000");
    assert_string_equal(find(e.client, "NETSIM_HOST"), "198.18.0.1");
    assert_string_equal(find(e.client, "NETSIM_PORT"), "10000");
    assert_string_equal(find(e.server, "NETSIM_LISTEN6"), "[fd42:198:18::1]:10000");
    assert_string_equal(find(e.client, "NETSIM_SERVER6"), "[fd42:198:18::1]:10000");
    assert_string_equal(find(e.client, "NETSIM_BACKEND"), "live");
    assert_string_equal(find(e.server, "NETSIM_SEED"), "18446744073709551615");
    netsim_environment_of_lab(&e, false, "live", 1);
    assert_string_equal(find(e.client, "NETSIM_SERVER6"), ""); /* not set */
}

static void test_proxy(void **state)
{
    const struct netsim_ends ends = {"127.0.0.1", "127.0.0.1", 65535, 1024, NULL};
    struct netsim_environment e;

    (void)state;
    netsim_environment_fill(&e, &ends, "proxy", 1);
    assert_string_equal(find(e.server, "NETSIM_PORT"), "65535");
    assert_string_equal(find(e.client, "NETSIM_PORT"), "1024");
    for (int i = 0; i < 2; i++) {
        const struct netsim_variable *side = i == 0 ? e.server : e.client;

        assert_string_equal(find(side, "NETSIM_LISTEN"), "127.0.0.1:65535");
        assert_string_equal(find(side, "NETSIM_SERVER"), "127.0.0.1:1024");
        assert_string_equal(find(side, "NETSIM_LISTEN6"), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lab),
        cmocka_unit_test(test_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
