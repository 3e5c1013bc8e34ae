#include "../fixture.h"

#include "netsim/run/seeds.h"

static void test_lists(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        uint64_t seeds[6];
    } rows[] = {
        {"7", 1, {7}},
        {"0", 1, {0}},
        {"1-3", 3, {1, 2, 3}},
        {" 1 , 4 ,\n9 - 12 ", 6, {1, 4, 9, 10, 11, 12}},
        {"5,1", 2, {5, 1}}, /* as they were written */
        {"18446744073709551614-18446744073709551615", 2, {UINT64_MAX - 1, UINT64_MAX}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_seeds seeds;

        assert_null(netsim_seeds_parse(&seeds, rows[i].text));
        assert_int_equal(seeds.count, rows[i].count);
        for (size_t k = 0; k < seeds.count; k++)
            assert_true(netsim_seeds_at(&seeds, k) == rows[i].seeds[k]);
    }
}

static void test_many(void **state)
{
    struct netsim_seeds seeds;

    (void)state;
    assert_null(netsim_seeds_parse(&seeds, "5,1000-100998"));
    assert_int_equal(seeds.count, NETSIM_SEEDS_MAX);
    assert_true(netsim_seeds_at(&seeds, NETSIM_SEEDS_MAX - 1) == 100998);
    assert_string_equal(netsim_seeds_parse(&seeds, "5,1000-100999"),
                        "has more than 100000 seeds");
    assert_string_equal(netsim_seeds_parse(&seeds, "0-18446744073709551615"),
                        "has more than 100000 seeds");
}

static void test_refusals(void **state)
{
    static const char *const rows[][2] = {
        {"", "is no list"},          {"x", "is no list"},
        {"1,", "is no list"},        {",1", "is no list"},
        {"1-", "is no list"},        {"-1", "is no list"},
        {"1 2", "is no list"},       {"1..5", "is no list"},
        {"0x5", "is no list"},       {"1-2-3", "is no list"},
        {"+1", "is no list"},        {"18446744073709551616", "is no"},
        {"3-1", "before it beg"},    {"1-5,3", "a seed twice"},
        {"3,1-5", "a seed twice"},   {"5,5", "a seed twice"},
        {"1-5,5-6", "a seed twice"}, {"0-5,0", "a seed twice"},
    };
    struct netsim_seeds seeds;
    char many[512] = "0";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *wrong = netsim_seeds_parse(&seeds, rows[i][0]);

        if (wrong == NULL || strstr(wrong, rows[i][1]) == NULL)
            fail_msg("`%s`: %s", rows[i][0], wrong != NULL ? wrong : "is taken");
    }
    for (int i = 1; i < NETSIM_SEED_RANGES_MAX; i++)
        sprintf(many + strlen(many), ",%d", 2 * i);
    assert_null(netsim_seeds_parse(&seeds, many));
    assert_string_equal(netsim_seeds_parse(&seeds, strcat(many, ",999")),
                        "has more than 64 parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
