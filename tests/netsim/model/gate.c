#include "../fixture.h"

#include "netsim/model/gate.h"

static struct netsim_gate gate;
static struct netsim_words words;

static void begin(const char *text)
{
    gate = (struct netsim_gate){0};
    words = words_of(text);
}

static enum netsim_why judge(uint32_t len, uint64_t now_ns)
{
    return netsim_gate_judge(&gate, &words, len, now_ns);
}

/* Everything that comes counts, what is dropped too. */
static void test_drop(void **state)
{
    static const char want[] = "X..XXX...X.";

    (void)state;
    begin("x-drop 0,3-5,9");
    for (size_t i = 0; i < sizeof(want) - 1; i++)
        assert_int_equal(judge(100, i),
                         want[i] == 'X' ? NETSIM_DROP_LISTED : NETSIM_NOT_DROPPED);
    begin("x-drop 1 x-mtu 50");
    assert_int_equal(judge(51, 0), NETSIM_DROP_MTU);
    assert_int_equal(judge(51, 0), NETSIM_DROP_LISTED);
    assert_int_equal(judge(50, 0), NETSIM_NOT_DROPPED);
}

static void test_blackout(void **state)
{
    static const struct {
        const char *words;
        uint64_t ms;
        bool dark;
    } rows[] = {
        {"x-blackout 100ms 50ms", 0, false},
        {"x-blackout 100ms 50ms", 99, false},
        {"x-blackout 100ms 50ms", 100, true},
        {"x-blackout 100ms 50ms", 149, true},
        {"x-blackout 100ms 50ms", 150, false},
        {"x-blackout 100ms 50ms", 250, false},
        {"x-blackout 100ms 50ms repeat", 100, true},
        {"x-blackout 100ms 50ms repeat", 150, false},
        {"x-blackout 100ms 50ms repeat", 249, false},
        {"x-blackout 100ms 50ms repeat", 250, true},
        {"x-blackout 100ms 50ms repeat", 150 * 1000000 + 149, true},
        {"x-blackout 100ms 50ms repeat", 150 * 1000001, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i].words);
        if ((judge(100, rows[i].ms * MS) == NETSIM_DROP_BLACKOUT) != rows[i].dark)
            fail_msg("%s at %d ms", rows[i].words, (int)rows[i].ms);
    }
}

static void test_mtu(void **state)
{
    (void)state;
    begin("x-mtu 1400");
    assert_int_equal(judge(1400, 0), NETSIM_NOT_DROPPED);
    assert_int_equal(judge(1401, 0), NETSIM_DROP_MTU);
    begin("");
    assert_int_equal(judge(UINT32_MAX, 0), NETSIM_NOT_DROPPED);
}

static void test_rebinds(void **state)
{
    struct netsim_step steps[3] = {
        {0, words_of("x-rebind 100ms repeat")},
        {250 * MS, words_of("")},
        {400 * MS, words_of("x-rebind 500ms")},
    };
    struct netsim_stage stage = {steps, 3};
    static const struct {
        uint64_t ms, count;
    } rows[] = {{0, 0},   {99, 0},  {100, 1}, {199, 1}, {200, 2},
                {249, 2}, {399, 2}, {499, 2}, {500, 3}, {9000, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(netsim_gate_rebinds(&stage, rows[i].ms * MS), rows[i].count);
    assert_int_equal(netsim_gate_rebinds(&stage, BELAY_NEVER), 3);
    stage.count = 1;
    assert_int_equal(netsim_gate_rebinds(&stage, 1000 * MS), 10);
    steps[0].words = words_of("x-rebind 100ms");
    assert_int_equal(netsim_gate_rebinds(&stage, 1000 * MS), 1);
}

/* One after the other, as many as the count says. */
static void test_next_rebind(void **state)
{
    struct netsim_step steps[4] = {
        {0, words_of("x-rebind 100ms repeat")},
        {250 * MS, words_of("")},
        {400 * MS, words_of("x-rebind 450ms")},
        {450 * MS, words_of("x-rebind 450ms")},
    };
    struct netsim_stage stage = {steps, 4};
    static const uint64_t want_ms[] = {100, 200, 450};
    uint64_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++) {
        at = netsim_gate_next_rebind(&stage, at);
        assert_int_equal(at, want_ms[i] * MS);
        assert_int_equal(netsim_gate_rebinds(&stage, at - 1), i);
        assert_int_equal(netsim_gate_rebinds(&stage, at), i + 1);
    }
    assert_true(netsim_gate_next_rebind(&stage, at) == BELAY_NEVER);
    assert_true(netsim_gate_next_rebind(&stage, BELAY_NEVER) == BELAY_NEVER);
    assert_int_equal(netsim_gate_next_rebind(&stage, 199 * MS), 200 * MS);
    stage.count = 1;
    assert_int_equal(netsim_gate_next_rebind(&stage, 250 * MS), 300 * MS);
    at = UINT64_MAX / (100 * MS) * (100 * MS);
    assert_true(netsim_gate_next_rebind(&stage, at - 1) == at);
    assert_true(netsim_gate_next_rebind(&stage, at) == BELAY_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop),        cmocka_unit_test(test_blackout),
        cmocka_unit_test(test_mtu),         cmocka_unit_test(test_rebinds),
        cmocka_unit_test(test_next_rebind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
