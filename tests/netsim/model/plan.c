#include "../fixture.h"

#include "netsim/model/plan.h"
#include "netsim/model/table.h"
#include "netsim/model/trace.h"
#include "support/memory.h"

static struct netsim_plan *plan_of(const char *text, struct test_memory *memory)
{
    struct netsim_plan *plan;
    struct netsim_words_error error;

    if (netsim_plan_parse(&plan, text, &memory->hook, &error) != 0)
        fail_msg("`%s`: %s at %zu", text, error.text, error.at);
    return plan;
}

/* The text, how it is written back, its stages, and the steps of the last one. */
static const struct {
    const char *text, *canonical;
    unsigned stages, steps;
} accepted[] = {
    {"", "", 1, 1},
    {" \t\n", "", 1, 1},
    {"loss 5% delay 20ms", "delay 20ms loss 5%", 1, 1},
    {"rate 10mbit limit 25 | delay 15ms", "limit 25 rate 10mbit | delay 15ms", 2, 1},
    {"rate 10mbit|delay 15ms|loss 1%", "rate 10mbit | delay 15ms | loss 1%", 3, 1},
    {"|", "|", 2, 1},
    {"delay 1ms|", "delay 1ms |", 2, 1},
    {"| |delay 1ms", "| | delay 1ms", 3, 1},
    {"|||||||", "| | | | | | |", 8, 1},
    {"delay 20ms ; at 5s delay 20ms loss 30% ; at 8s delay 20ms",
     "delay 20ms ; at 5s delay 20ms loss 30% ; at 8s delay 20ms", 1, 3},
    {"delay 20ms;at 5s;at 8s loss 1%", "delay 20ms ; at 5s ; at 8s loss 1%", 1, 3},
    {"; at 5s loss 100%", "; at 5s loss 100%", 1, 2},
    {"rate 1mbit ; at 1 rate 2mbit | loss 1% ; at 2ns ; at 3ns ; at 4ns",
     "rate 1mbit ; at 1ns rate 2mbit | loss 1% ; at 2ns ; at 3ns ; at 4ns", 2, 4},
    {"seed 1|seed 2;at 1s", "seed 1 | seed 2 ; at 1s", 2, 2},
    {"x-trace a|x-trace b;at 1s x-trace a", "x-trace a | x-trace b ; at 1s x-trace a", 2, 2},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct test_memory memory;
        struct netsim_plan *plan;
        char text[256];
        size_t len;

        test_memory_init(&memory);
        plan = plan_of(accepted[i].text, &memory);
        len = netsim_plan_format(plan, text, sizeof(text));
        assert_string_equal(text, accepted[i].canonical);
        assert_int_equal(len, strlen(text));
        assert_int_equal(netsim_plan_format(plan, NULL, 0), len);
        assert_int_equal(plan->count, accepted[i].stages);
        assert_int_equal(plan->stages[plan->count - 1].count, accepted[i].steps);
        netsim_plan_free(plan);
        plan = plan_of(text, &memory);
        netsim_plan_format(plan, text, sizeof(text));
        assert_string_equal(text, accepted[i].canonical);
        netsim_plan_free(plan);
        test_memory_assert_empty(&memory);
    }
}

/* The text, the caret's line beneath it, a part of the reason. */
static const struct {
    const char *text, *caret, *reason;
} refused[] = {
    {"loss 5% | delay | loss 1%", "                ^", "delay's time is missing"},
    {"loss 5% | delay", "               ^", "delay's time is missing"},
    {"loss 5% | reorder 5%", "          ^^^^^^^", "reorder needs a delay"},
    {"delay 5ms | reorder 5%", /* stages do not lend each other clauses */
     "            ^^^^^^^", "reorder needs a delay"},
    {"loss 1%|foo|loss 1%", "        ^^^", "`foo` is not a word"},
    {"loss 1%|loss 1% loss 2%", "                ^^^^", "second loss"},
    {"loss 1% ;", "         ^", "`at TIME` of a change is missing"},
    {"loss 1% ; | loss 1%", "          ^", "`at TIME` of a change is missing"},
    {"loss 1% ; loss 2%", "          ^^^^", "`loss` is not `at`"},
    {"loss 1% ; at", "            ^", "time of a change is missing"},
    {"loss 1% ; at loss 2%", "             ^^^^", "not a number"},
    {"loss 1% ; at 0 loss 2%", "             ^", "not after the time before"},
    {"loss 1% ; at 5s ; at 5s", "                     ^^", "not after the time before"},
    {"loss 1% ; at 5s ; at 4.9s", "                     ^^^^", "not after the time before"},
    {"loss 1% at 5s loss 2%", "        ^^", "stands behind a `;`"},
    {"loss 1% ; at 5s seed 4", "                ^^^^", "seed stands in a stage's first words"},
    {"loss 1% | loss 1% ; at 5s loss 1% seed 4", "                                  ^^^^",
     "seed stands in a stage's first words"},
    {"loss 1% || loss 1% ||||||", "                        ^", "at most 8 stages"},
    {"x-trace a | x-queue codel", "            ^^^^^^^", "x-queue needs"},
    {"at 5s loss 1%", "^^", "stands behind a `;`"},
};

static void assert_caret(const char *text, const char *caret,
                         const struct netsim_words_error *e)
{
    size_t at = strspn(caret, " ");

    if (e->at != at || e->len != strlen(caret) - at)
        fail_msg("`%s`: points at %zu, %zu", text, e->at, e->len);
}

static void test_refused(void **state)
{
    struct test_memory memory;

    (void)state;
    test_memory_init(&memory);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct netsim_plan *plan = (void *)&memory;
        struct netsim_words_error error;
        int result = netsim_plan_parse(&plan, refused[i].text, &memory.hook, &error);

        if (result != BELAY_EINVAL)
            fail_msg("`%s`: %d", refused[i].text, result);
        assert_null(plan);
        if (strstr(error.text, refused[i].reason) == NULL)
            fail_msg("`%s`: %s", refused[i].text, error.text);
        assert_caret(refused[i].text, refused[i].caret, &error);
        if (error.hint[0] != '\0')
            netsim_plan_free(plan_of(error.hint, &memory));
        assert_int_equal(netsim_plan_parse(&plan, refused[i].text, &memory.hook, NULL),
                         BELAY_EINVAL);
        test_memory_assert_empty(&memory);
    }
}

static void test_steps_are_bounded(void **state)
{
    char text[2048] = "loss 1% | delay 5ms";
    struct test_memory memory;
    struct netsim_words_error error;
    struct netsim_plan *plan;

    (void)state;
    test_memory_init(&memory);
    for (unsigned i = 1; i < NETSIM_STEPS_MAX; i++)
        snprintf(text + strlen(text), 24, " ; at %us loss %u%%", i, i % 100);
    plan = plan_of(text, &memory);
    assert_int_equal(plan->stages[1].count, NETSIM_STEPS_MAX);
    assert_int_equal(plan->stages[1].steps[63].at_ns, UINT64_C(63000000000));
    netsim_plan_free(plan);
    strcat(text, ";at 1h");
    assert_int_equal(netsim_plan_parse(&plan, text, &memory.hook, &error), BELAY_EINVAL);
    assert_non_null(strstr(error.text, "at most 63"));
    assert_int_equal(error.at, 9);
    test_memory_assert_empty(&memory);
}

static void test_what_plans_say(void **state)
{
    static const struct {
        const char *text, *extension;
        int64_t seed;
    } rows[] = {
        {"", NULL, -1},
        {"loss 1% seed 5", NULL, 5},
        {"loss 1% | seed 5", "a pipeline", -1},
        {"seed 3 loss 1% ; at 1s", "a schedule", 3},
        {"loss 1% ; at 1s | loss 1%", "a pipeline", -1},
        {"loss 1% | x-drop 4", "x-drop", -1},
        {"loss 1% ; at 1s x-fifo", "x-fifo", -1},
    };
    struct test_memory memory;

    (void)state;
    test_memory_init(&memory);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_plan *plan = plan_of(rows[i].text, &memory);
        uint64_t seed = 77;

        if (rows[i].extension == NULL)
            assert_null(netsim_plan_extension(plan));
        else
            assert_string_equal(netsim_plan_extension(plan), rows[i].extension);
        assert_int_equal(netsim_plan_seed(plan, &seed), rows[i].seed >= 0);
        assert_int_equal(seed, rows[i].seed >= 0 ? rows[i].seed : 77);
        netsim_plan_free(plan);
    }
    netsim_plan_free(NULL);
    test_memory_assert_empty(&memory);
}

static void test_notes_are_told_once(void **state)
{
    struct test_memory memory;
    struct netsim_plan *plan;

    (void)state;
    test_memory_init(&memory);
    plan = plan_of("loss 1% 5% | x-fifo ; at 1s loss 1% 5% | loss 5% ; at 2s x-fifo", &memory);
    assert_non_null(strstr(netsim_plan_note(plan, 0), "gemodel"));
    assert_non_null(strstr(netsim_plan_note(plan, 1), "x-fifo"));
    assert_null(netsim_plan_note(plan, 2));
    netsim_plan_free(plan);
}

static void test_out_of_memory(void **state)
{
    static const char text[] = "rate 1mbit | delay 1ms ; at 1s ; at 2s | loss 1% ; at 1s";
    size_t calls;

    (void)state;
    for (long fail_at = 1;; fail_at++) {
        struct test_memory memory;
        struct netsim_words_error error;
        struct netsim_plan *plan;
        int result;

        test_memory_init(&memory);
        memory.fail_at = fail_at;
        result = netsim_plan_parse(&plan, text, &memory.hook, &error);
        calls = memory.calls;
        if (result == 0) {
            netsim_plan_free(plan);
            test_memory_assert_empty(&memory);
            break;
        }
        assert_int_equal(result, BELAY_ENOMEM);
        assert_null(plan);
        test_memory_assert_empty(&memory);
    }
    assert_int_equal(calls, 4); /* the plan and three stages: the loop above met them all */
}

/* Tables and traces belong to the plan, also where several words share one. */
static void test_free_with_files(void **state)
{
    struct test_memory memory;
    struct netsim_plan *plan;
    struct netsim_words *first, *second;
    struct netsim_table *table;
    const char *wrong;
    size_t line;

    (void)state;
    test_memory_init(&memory);
    plan = plan_of("x-trace a ; at 1s x-trace a", &memory);
    first = &plan->stages[0].steps[0].words;
    second = &plan->stages[0].steps[1].words;
    table = belay_mem_alloc(&plan->mem, sizeof(*table));
    first->distribution_table = first->slot_distribution_table = table;
    second->slot_distribution_table = table;
    second->distribution_table = belay_mem_alloc(&plan->mem, sizeof(*table));
    first->trace = netsim_trace_parse("1\n2\n", 4, &plan->mem, &wrong, &line);
    second->trace = first->trace;
    netsim_plan_free(plan);
    test_memory_assert_empty(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_steps_are_bounded),
        cmocka_unit_test(test_what_plans_say),
        cmocka_unit_test(test_notes_are_told_once),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_free_with_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
