#include "../fixture.h"

#include "netsim/model/plan.h"
#include "netsim/run/profiles.h"

static void check_plan(const char *name, const char *text)
{
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};
    struct netsim_words_error error;
    struct netsim_plan *plan;
    char again[512];

    if (netsim_plan_parse(&plan, text, &memory, &error) != 0)
        fail_msg("%s: `%s`: %s", name, text, error.text);
    assert_true(netsim_plan_format(plan, again, sizeof(again)) < sizeof(again));
    assert_null(netsim_plan_note(plan, 0)); /* nothing that surprises */
    netsim_plan_free(plan);
}

static void test_all_parse(void **state)
{
    const struct netsim_profile *profile;
    size_t count = 0;

    (void)state;
    for (; (profile = netsim_profile_at(count)) != NULL; count++) {
        check_plan(profile->name, profile->link);
        check_plan(profile->name, profile->link_back);
        assert_true(strlen(profile->about) > 10 && strlen(profile->about) < 72);
        assert_true(strlen(profile->name) < 20);
    }
    assert_true(count > 10);
}

/* A title, and where it can be read. */
static void test_all_have_a_source(void **state)
{
    const struct netsim_profile *profile;

    (void)state;
    for (size_t i = 0; (profile = netsim_profile_at(i)) != NULL; i++) {
        assert_true(strlen(profile->source) > 40);
        assert_non_null(strstr(profile->source, "https://"));
    }
}

static void test_find(void **state)
{
    const struct netsim_profile *profile;

    (void)state;
    for (size_t i = 0; (profile = netsim_profile_at(i)) != NULL; i++)
        assert_ptr_equal(netsim_profile_find(profile->name), profile); /* names are unique */
    assert_null(netsim_profile_find("no such network"));
    assert_null(netsim_profile_find(""));
    assert_string_equal(netsim_profile_find("quic-interop")->link,
                        "rate 10mbit limit 25 | delay 15ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parse),
        cmocka_unit_test(test_all_have_a_source),
        cmocka_unit_test(test_find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
