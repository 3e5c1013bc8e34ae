#include "../fixture.h"

#include "netsim/model/trace.h"
#include "support/memory.h"

static struct netsim_trace *parse(const char *text, struct belay_mem *mem)
{
    const char *wrong;
    size_t line;
    struct netsim_trace *trace = netsim_trace_parse(text, strlen(text), mem, &wrong, &line);

    if (trace == NULL)
        fail_msg("`%s`:%zu: %s", text, line, wrong);
    return trace;
}

static void test_accepted(void **state)
{
    static const struct {
        const char *text;
        uint64_t round_ms, count, at_ms[4];
    } rows[] = {
        {"1", 1, 1, {1}},
        {"0\n", 1, 1, {0}}, /* a round is never shorter */
        {"0\n0\n5\n5\n", 5, 4, {0, 0, 5, 5}},
        {"# head\n\n  3 # three\r\n\t7\t\n\n#end", 7, 2, {3, 7}},
        {"007\n4294967295\n", 4294967295, 2, {7, 4294967295}},
    };
    struct test_memory memory;
    struct belay_mem mem;

    (void)state;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_trace *trace = parse(rows[i].text, &mem);

        assert_int_equal(trace->round_ms, rows[i].round_ms);
        assert_int_equal(trace->count, rows[i].count);
        assert_memory_equal(trace->at_ms, rows[i].at_ms, trace->count * sizeof(uint64_t));
        netsim_trace_free(trace, &mem);
    }
    netsim_trace_free(NULL, &mem);
    test_memory_assert_empty(&memory);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len, line;
        const char *reason;
    } rows[] = {
        {"", 0, 1, "no times"},
        {"# only\n\n", 8, 3, "no times"},
        {"5\n4\n", 4, 2, "before the line above"},
        {"1\n2 3\n", 6, 2, "more than one"},
        {"1\n2ms\n", 6, 2, "more than one"},
        {"1\nx\n", 4, 2, "not a whole number"},
        {"-1\n", 3, 1, "not a whole number"},
        {"1.5\n", 4, 1, "more than one"},
        {"1\n\n\n4294967296\n", 15, 4, "not a whole number"},
        {"99999999999999999999999\n", 24, 1, "not a whole number"},
        {"1\0\n", 3, 1, "more than one"},
        {"\x7f"
         "ELF",
         4, 1, "not a whole number"},
    };
    struct test_memory memory;
    struct belay_mem mem;

    (void)state;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *wrong = NULL;
        size_t line = 0;

        assert_null(netsim_trace_parse(rows[i].text, rows[i].len, &mem, &wrong, &line));
        assert_non_null(wrong);
        if (strstr(wrong, rows[i].reason) == NULL || line != rows[i].line)
            fail_msg("`%s`: line %zu %s", rows[i].text, line, wrong);
        test_memory_assert_empty(&memory);
    }
}

static void test_bounds(void **state)
{
    size_t len = 2 * 1000001;
    char *text = malloc(len);
    struct test_memory memory;
    struct belay_mem mem;
    const char *wrong;
    size_t line;
    struct netsim_trace *trace;

    (void)state;
    assert_non_null(text);
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    for (size_t i = 0; i < len; i += 2)
        memcpy(text + i, "1\n", 2);
    assert_null(netsim_trace_parse(text, len, &mem, &wrong, &line));
    assert_int_equal(line, 1000001);
    assert_non_null(strstr(wrong, "1000000"));
    trace = netsim_trace_parse(text, len - 2, &mem, &wrong, &line);
    assert_int_equal(trace->count, 1000000);
    assert_int_equal(netsim_trace_after(trace, INT64_MAX), UINT64_C(9223372036854) * 1000000);
    netsim_trace_free(trace, &mem);
    memory.fail_at = (long)memory.calls + 1;
    assert_null(netsim_trace_parse("1\n", 2, &mem, &wrong, &line));
    assert_non_null(strstr(wrong, "memory"));
    test_memory_assert_empty(&memory);
    free(text);
}

/* Against what the format says: the lines again and again, each round later by the last. */
static void assert_like_a_list(const char *text)
{
    struct test_memory memory;
    struct belay_mem mem;
    struct netsim_trace *trace;
    uint64_t times[64], n = 0;

    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    trace = parse(text, &mem);
    for (uint64_t round = 0; n < 64; round++)
        for (size_t i = 0; i < trace->count && n < 64; i++)
            times[n++] = (round * trace->round_ms + trace->at_ms[i]) * MS;
    for (n = 0; n < 64; n++)
        assert_int_equal(netsim_trace_time_ns(trace, n), times[n]);
    for (uint64_t now = 0; now < times[63]; now += MS / 2 - 1) {
        for (n = 0; times[n] < now; n++)
            continue;
        assert_int_equal(netsim_trace_after(trace, now), n);
    }
    netsim_trace_free(trace, &mem);
}

static void test_times(void **state)
{
    static const char *const texts[] = {"1",          "0",          "0\n5",       "5",
                                        "0\n0\n0\n3", "2\n2\n2\n2", "3\n4\n7\n9", "0\n1\n1\n8"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_like_a_list(texts[i]);
}

static void test_the_end_of_time(void **state)
{
    struct test_memory memory;
    struct belay_mem mem;
    struct netsim_trace *trace;

    (void)state;
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    trace = parse("7\n4294967295\n", &mem);
    assert_true(netsim_trace_time_ns(trace, UINT64_MAX) == BELAY_NEVER);
    assert_true(netsim_trace_time_ns(trace, 8588) == (4294 * UINT64_C(4294967295) + 7) * MS);
    assert_true(netsim_trace_time_ns(trace, 8590) == BELAY_NEVER);
    netsim_trace_free(trace, &mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),          cmocka_unit_test(test_times),
        cmocka_unit_test(test_the_end_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
