#include "../fixture.h"

#include "netsim/run/expect.h"

static struct netsim_expect expect_of(const char *text)
{
    struct netsim_expect expect;
    struct netsim_words_error error;

    if (netsim_expect_parse(&expect, text, &error) != 0)
        fail_msg("`%s`: %s at %zu", text, error.text, error.at);
    return expect;
}

static void test_conditions(void **state)
{
    static const char *const rows[][3] = {
        {"exit == 0", "exit == 0", NULL},
        {"exit!=0", "exit != 0", NULL},
        {" time_s < 1.5e1 ", "time_s < 15", NULL},
        {"a<=-1,b>=.5", "a <= -1", "b >= 0.5"},
        {"rtt_us.p50 > 0 and and_so == 1", "rtt_us.p50 > 0", "and_so == 1"},
        {"a == 1\nand\tb == 2", "a == 1", "b == 2"},
        {"and == 1 and and == 2", "and == 1", "and == 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_expect expect = expect_of(rows[i][0]);

        assert_int_equal(expect.count, rows[i][2] != NULL ? 2 : 1);
        for (size_t k = 0; k < expect.count; k++) {
            char text[NETSIM_CONDITION_TEXT_SIZE];

            netsim_condition_format(&expect.conditions[k], text);
            assert_string_equal(text, rows[i][k + 1]);
        }
    }
}

static void test_default(void **state)
{
    struct netsim_expect expect;
    char text[NETSIM_CONDITION_TEXT_SIZE];

    (void)state;
    netsim_expect_init(&expect);
    assert_int_equal(expect.count, 1);
    netsim_condition_format(&expect.conditions[0], text);
    assert_string_equal(text, "exit == 0");
}

#define SIXTY "000000000000000000000000000000000000000000000000000000000000"

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *wrong;
        size_t at, len;
    } rows[] = {
        {"", "the name of a figure is missing", 0, 1},
        {"lost", "here wants to be ==", 4, 1},
        {"lost = 0", "equal is ==", 5, 1},
        {"lost is 0", "here wants to be ==", 5, 2},
        {"lost == ", "a plain number", 8, 1},
        {"lost == 5ms", "a plain number", 8, 3},
        {"lost == 5%", "a plain number", 8, 2},
        {"lost == 0x1f", "a plain number", 8, 4},
        {"lost == inf", "a plain number", 8, 3},
        {"lost == 1e999", "a plain number", 8, 5},
        {"lost == 1-1", "a plain number", 8, 3},
        {"lost == " SIXTY "123 a", "joined by", 72, 1},
        {"lost == " SIXTY "1234", "a plain number", 8, 64},
        {"lost == " SIXTY "1234567890123", "a plain number", 8, 73},
        {"lost == 0,", "the name of a figure is missing", 10, 1},
        {"lost == 0 or a == 1", "joined by commas", 10, 2},
        {"lost == 0 a == 1", "joined by commas", 10, 1},
        {".a == 0", "begins nor ends", 0, 2},
        {"a. == 0", "begins nor ends", 0, 2},
        {"== 0", "the name of a figure", 0, 2},
    };
    struct netsim_expect expect;
    struct netsim_words_error error;
    char many[512] = "a == 0";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (netsim_expect_parse(&expect, rows[i].text, &error) == 0)
            fail_msg("`%s` is taken", rows[i].text);
        if (strstr(error.text, rows[i].wrong) == NULL || error.at != rows[i].at ||
            error.len != rows[i].len)
            fail_msg("`%s`: %s, %zu, %zu", rows[i].text, error.text, error.at, error.len);
    }
    for (int i = 1; i < NETSIM_CONDITIONS_MAX; i++)
        strcat(many, ", a == 0");
    assert_int_equal(netsim_expect_parse(&expect, many, &error), 0);
    assert_int_not_equal(netsim_expect_parse(&expect, strcat(many, ", a == 0"), &error), 0);
}

static void test_figures(void **state)
{
    json_t *client = json_loads("{\"lost\":3,\"p50\":1.5,\"ok\":true,\"not\":false,\"s\":\"1\","
                                "\"n\":null,\"exit\":9,\"rtt\":{\"min\":{\"us\":7}},\"l\":[1]}",
                                0, NULL);
    const struct netsim_figures figures = {.exit = 2, .seconds = 0.25, .client = client};
    static const struct {
        const char *name;
        bool is_there;
        double value;
    } rows[] = {
        {"exit", true, 2},
        {"time_s", true, 0.25},
        {"lost", true, 3},
        {"p50", true, 1.5},
        {"ok", true, 1},
        {"not", true, 0},
        {"s", false, 0},
        {"n", false, 0},
        {"rtt.min.us", true, 7},
        {"rtt", false, 0},
        {"rtt.min", false, 0},
        {"rtt.max.us", false, 0},
        {"l", false, 0},
        {"lost.x", false, 0},
        {"none", false, 0},
        {"rtt..us", false, 0},
        {"rtt.min.us.x", false, 0},
    };
    const struct netsim_figures bare = {.exit = 0};

    (void)state;
    assert_non_null(client);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double value = -1;

        assert_int_equal(netsim_figure_find(&figures, rows[i].name, &value), rows[i].is_there);
        assert_true(!rows[i].is_there || value == rows[i].value);
        assert_int_equal(netsim_figure_find(&bare, rows[i].name, &value), i < 2);
    }
    json_decref(client);
}

/* Below, at, and above what is wanted. */
static void test_relations(void **state)
{
    static const struct {
        const char *text;
        bool below, at, above;
    } rows[] = {
        {"a == 5", false, true, false}, {"a != 5", true, false, true},
        {"a < 5", true, false, false},  {"a <= 5", true, true, false},
        {"a > 5", false, false, true},  {"a >= 5", false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_expect expect = expect_of(rows[i].text);
        const struct netsim_condition *c = &expect.conditions[0];
        double below = netsim_condition_badness(c, 4), at = netsim_condition_badness(c, 5),
               above = netsim_condition_badness(c, 7);

        assert_int_equal(netsim_condition_holds(c, 4), rows[i].below);
        assert_int_equal(netsim_condition_holds(c, 5), rows[i].at);
        assert_int_equal(netsim_condition_holds(c, 7), rows[i].above);
        /* What does not hold is worse than what does. */
        assert_true(rows[i].below <= rows[i].at || below < at);
        assert_true(rows[i].at <= rows[i].above || at < above);
        assert_true(rows[i].above <= rows[i].at || above < at);
        assert_true(rows[i].at <= rows[i].below || at < below);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_default),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_figures),
        cmocka_unit_test(test_relations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
