#include "../fixture.h"

#include "netsim/model/table.h"

static double mean(const int16_t *table)
{
    double sum = 0;

    for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
        sum += table[i];
    return sum / NETSIM_TABLE_SIZE;
}

static double variance(const int16_t *table)
{
    double sum = 0, m = mean(table);

    for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
        sum += (table[i] - m) * (table[i] - m);
    return sum / NETSIM_TABLE_SIZE / 8192 / 8192;
}

static void assert_rising(const int16_t *table)
{
    for (int i = 1; i < NETSIM_TABLE_SIZE; i++)
        assert_true(table[i] >= table[i - 1]);
}

static void test_normal(void **state)
{
    struct netsim_table table;
    const int16_t *t = table.value;

    (void)state;
    assert_true(netsim_table_fill(&table, NETSIM_NORMAL));
    assert_rising(t);
    for (int i = 0; i < NETSIM_TABLE_SIZE; i++) {
        double p = (i + 0.5) / NETSIM_TABLE_SIZE, at = t[i] / 8192.0;
        double density = exp(-at * at / 2) / 2.5066282746310002;

        /* Phi of the entry is its quantile, to half a step. */
        assert_true(fabs(0.5 * erfc(-at / sqrt(2)) - p) <= density * 0.51 / 8192 + 1e-12);
        assert_int_equal(t[i], -t[NETSIM_TABLE_SIZE - 1 - i]);
    }
    assert_true(fabs(variance(t) - 1) < 0.01);
}

static void test_pareto(void **state)
{
    struct netsim_table tables[3];
    const int16_t *t = tables[0].value, *normal = tables[1].value, *both = tables[2].value;

    (void)state;
    assert_true(netsim_table_fill(&tables[0], NETSIM_PARETO));
    assert_true(netsim_table_fill(&tables[1], NETSIM_NORMAL));
    assert_true(netsim_table_fill(&tables[2], NETSIM_PARETONORMAL));
    assert_rising(t);
    assert_rising(both);
    assert_int_equal(t[0], -5461);         /* u = 1: -1/2 * 4/3 * 8192 */
    assert_int_equal(t[4096 - 512], 5461); /* u = 1/8: (2 - 3/2) * 4/3 * 8192 */
    assert_int_equal(t[4095], 32767);      /* 16 - 3/2, capped */
    assert_true(fabs(mean(t)) < 400);
    for (int i = 0; i < NETSIM_TABLE_SIZE; i++)
        assert_true(fabs(both[i] - (normal[i] + 3.0 * t[i]) / 4) < 1);
}

static void test_delay(void **state)
{
    struct netsim_table t = {
        .size = NETSIM_TABLE_SIZE,
        .value = {[0] = -32767, [1] = 8192, [2] = 1, [3] = -1, [4] = 4096}};
    static const struct {
        bool table;
        uint32_t draw;
        int64_t delay, jitter, want;
    } rows[] = {
        {false, 0, 100, 0, 100},
        {false, 0, 100, 40, 60},
        {false, 79, 100, 40, 139},
        {false, 80, 100, 40, 60},
        {false, 5, 10, 40, -25},
        {true, 1, 100, 40, 140},
        {true, 4097, 100, 40, 140},
        {true, 0, 100000, 8192, 100000 - 32767},
        {true, 2, 0, 8191, 1},
        {true, 3, 0, 8191, -1},
        {true, 2, 0, 4095, 0},
        {true, 2, 0, 4096, 1},
        {true, 3, 0, 4096, -1},
        {true, 4, 0, 3, 2},
        {true, 0, 0, INT32_MAX, INT64_C(-8589672444)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(netsim_table_delay_ns(rows[i].table ? &t : NULL, rows[i].draw,
                                               rows[i].delay, rows[i].jitter),
                         rows[i].want);
    assert_false(netsim_table_fill(&t, NETSIM_UNIFORM));
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        uint32_t size;
        int16_t value[4];
    } rows[] = {
        {"5", 1, {5}},
        {"# head\n -1 2\t-32767 # three\r\n\n32767\n#", 4, {-1, 2, -32767, 32767}},
        {"0 -0 007", 3, {0, 0, 7}},
    };
    struct netsim_table t;
    size_t line;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_null(netsim_table_parse(&t, rows[i].text, strlen(rows[i].text), &line));
        assert_int_equal(t.size, rows[i].size);
        assert_memory_equal(t.value, rows[i].value, t.size * sizeof(t.value[0]));
    }
}

static void test_parse_refuses(void **state)
{
    static const struct {
        const char *text;
        size_t len, line;
        const char *reason;
    } rows[] = {
        {"", 0, 1, "no numbers"},
        {"# 5\n\n", 5, 3, "no numbers"},
        {"1\n2\n3 x\n", 8, 3, "something else"},
        {"1.5", 3, 1, "something else"},
        {"0x10", 4, 1, "something else"},
        {"+1", 2, 1, "something else"},
        {"1\n-", 3, 2, "something else"},
        {"--1", 3, 1, "something else"},
        {"32768", 5, 1, "something else"},
        {"-32768", 6, 1, "something else"},
        {"99999999999999999999", 20, 1, "something else"},
        {"1\0002", 3, 1, "something else"},
        {"\x7f"
         "ELF",
         4, 1, "something else"},
    };
    struct netsim_table t;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t line;
        const char *wrong = netsim_table_parse(&t, rows[i].text, rows[i].len, &line);

        if (wrong == NULL || strstr(wrong, rows[i].reason) == NULL || line != rows[i].line)
            fail_msg("`%s`: line %zu: %s", rows[i].text, line, wrong);
    }
}

static void test_parse_is_bounded(void **state)
{
    static char text[2 * NETSIM_TABLE_MAX + 2];
    static struct netsim_table t;
    size_t line;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, "7\n", 2);
    assert_null(netsim_table_parse(&t, text, 2 * NETSIM_TABLE_MAX, &line));
    assert_int_equal(t.size, NETSIM_TABLE_MAX);
    assert_int_equal(t.value[NETSIM_TABLE_MAX - 1], 7);
    assert_non_null(netsim_table_parse(&t, text, sizeof(text), &line));
    assert_int_equal(line, NETSIM_TABLE_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),        cmocka_unit_test(test_pareto),
        cmocka_unit_test(test_delay),         cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_parse_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
