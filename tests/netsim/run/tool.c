/* With programs that every system has in place of ip and tc. */
#include "../fixture.h"

#include <errno.h>

#include "netsim/run/tool.h"

static int run(const char *script, const char *input, char *output, char *why, size_t size)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct netsim_tool tool = {.argv = argv, .input = input, .net = -1};

    return netsim_tool_run(&tool, output, why, size);
}

static void test_good(void **state)
{
    char output[NETSIM_TOOL_OUTPUT], why[256] = "";

    (void)state;
    assert_int_equal(run("cat; echo err >&2", "in\n", output, why, sizeof(why)), 0);
    assert_string_equal(output, "in\nerr\n");
    assert_string_equal(why, "");
    assert_int_equal(run("read x; echo \"[$x]\"", NULL, output, why, sizeof(why)), 0);
    assert_string_equal(output, "[]\n");
}

static void test_bad(void **state)
{
    static const struct {
        const char *script, *why;
    } cases[] = {
        {"echo first; echo second; exit 1", "sh: first"},
        {"exit 1", "sh: no reason"},
        {"kill -9 $$", "`sh` was killed by signal 9"},
    };
    char output[NETSIM_TOOL_OUTPUT], why[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(run(cases[i].script, NULL, output, why, sizeof(why)), -1);
        assert_string_equal(why, cases[i].why);
    }
}

static void test_missing(void **state)
{
    const char *const argv[] = {"netsim-no-such-tool", NULL};
    struct netsim_tool tool = {.argv = argv, .net = -1};
    char output[NETSIM_TOOL_OUTPUT], why[256];

    (void)state;
    assert_int_equal(netsim_tool_run(&tool, output, why, sizeof(why)), -1);
    assert_string_equal(why, "`netsim-no-such-tool` is not there: install iproute2");
}

/* More than is kept does not stop the tool. */
static void test_long(void **state)
{
    char output[NETSIM_TOOL_OUTPUT], why[256];

    (void)state;
    assert_int_equal(run("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done",
                         NULL, output, why, sizeof(why)),
                     0);
    assert_int_equal(strlen(output), NETSIM_TOOL_OUTPUT - 1);
}

static int refuse(void *arg)
{
    (void)arg;
    errno = EPERM;
    return -1;
}

static void test_prepare(void **state)
{
    const char *const argv[] = {"sh", "-c", "echo never", NULL};
    struct netsim_tool tool = {.argv = argv, .net = -1, .prepare = refuse};
    char output[NETSIM_TOOL_OUTPUT], why[256];

    (void)state;
    assert_int_equal(netsim_tool_run(&tool, output, why, sizeof(why)), -1);
    assert_string_equal(why, "sh: Operation not permitted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_long),
        cmocka_unit_test(test_prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
