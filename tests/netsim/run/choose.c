#include "../fixture.h"

#include "netsim/run/choose.h"

static bool yes(const struct netsim_run_config *config, char *why, size_t size)
{
    (void)config;
    (void)why;
    (void)size;
    return true;
}

static bool unable(const struct netsim_run_config *config, char *why, size_t size)
{
    (void)config;
    snprintf(why, size, "it can't");
    return false;
}

static bool works(char *why, size_t size)
{
    (void)why;
    (void)size;
    return true;
}

static bool broken(char *why, size_t size)
{
    snprintf(why, size, "not here");
    return false;
}

static bool never(char *why, size_t size)
{
    (void)why;
    (void)size;
    fail_msg("tried in vain");
    return false;
}

static int run(const struct netsim_run_config *config)
{
    (void)config;
    return 0;
}

/* As choose.c knows them. */
const struct netsim_backend netsim_backend_kernel = {"kernel", "", unable, never, run};
const struct netsim_backend netsim_backend_live = {"live", "", yes, broken, run};
const struct netsim_backend netsim_backend_proxy = {"proxy", "", yes, works, run};
const struct netsim_backend netsim_backend_vm = {"vm", "", yes, never, run};

static void test_auto(void **state)
{
    const struct netsim_run_config config = {0};
    char story[NETSIM_CHOOSE_STORY];

    (void)state;
    assert_ptr_equal(netsim_choose(netsim_choose_auto, &config, story), &netsim_backend_proxy);
    assert_string_equal(story, "kernel: it can't; live: not here");
}

static void test_none(void **state)
{
    const struct netsim_backend *const order[] = {&netsim_backend_live, NULL};
    const struct netsim_backend *const good[] = {&netsim_backend_proxy, &netsim_backend_vm,
                                                 NULL};
    const struct netsim_run_config config = {0};
    char story[NETSIM_CHOOSE_STORY];

    (void)state;
    assert_null(netsim_choose(order, &config, story));
    assert_string_equal(story, "live: not here");
    assert_ptr_equal(netsim_choose(good, &config, story), &netsim_backend_proxy);
    assert_string_equal(story, "");
}

static void test_names(void **state)
{
    (void)state;
    assert_ptr_equal(netsim_choose_named("kernel"), &netsim_backend_kernel);
    assert_ptr_equal(netsim_choose_named("vm"), &netsim_backend_vm);
    assert_null(netsim_choose_named("auto"));
    assert_null(netsim_choose_named(""));
    assert_null(netsim_choose_at(4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auto),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
