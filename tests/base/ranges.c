#include "support/memory.h"
#include "support/random.h"

#include "base/ranges.h"

static struct test_memory memory;
static struct belay_mem mem;

static void start(struct belay_ranges *set, size_t max_count)
{
    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    belay_ranges_init(set, &mem, max_count);
}

static void finish(struct belay_ranges *set)
{
    belay_ranges_dispose(set);
    assert_int_equal(mem.used_bytes, 0);
    test_memory_assert_empty(&memory);
}

/* "1-4 7-9": the ranges [1, 4) and [7, 9). */
static void assert_set(const struct belay_ranges *set, const char *expected)
{
    char text[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct belay_range *range = belay_ranges_at(set, i);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%" PRIu64 "-%" PRIu64,
                                i > 0 ? " " : "", range->lo, range->hi);
        assert_true(len < sizeof(text));
    }
    assert_string_equal(text, expected);
}

static void test_one_range_takes_no_memory(void **state)
{
    (void)state;
    struct belay_ranges set;
    start(&set, 0);
    memory.fail_at = -1;
    assert_int_equal(belay_ranges_add(&set, 5, 9, NULL), 0);
    assert_int_equal(belay_ranges_add(&set, 9, 12, NULL), 0);
    assert_int_equal(belay_ranges_remove(&set, 5, 6), 0);
    assert_set(&set, "6-12");
    assert_int_equal(belay_ranges_add(&set, 20, 21, NULL), BELAY_ENOMEM);
    assert_int_equal(belay_ranges_remove(&set, 8, 9), BELAY_ENOMEM);
    assert_set(&set, "6-12");
    assert_int_equal(belay_ranges_remove(&set, 0, 30), 0);
    assert_set(&set, "");
    assert_int_equal(belay_ranges_add(&set, 1, 2, NULL), 0);
    assert_set(&set, "1-2");
    memory.fail_at = 0;
    assert_int_equal(belay_ranges_add(&set, 20, 21, NULL), 0);
    assert_set(&set, "1-2 20-21");
    finish(&set);
}

struct step {
    char what; /* '+' add, '-' remove */
    uint64_t lo, hi;
    const char *then;
};

static void test_add_and_remove(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {'-', 0, 9, ""},
        {'+', 10, 20, "10-20"},
        {'+', 30, 40, "10-20 30-40"},
        {'+', 12, 18, "10-20 30-40"},
        {'+', 10, 20, "10-20 30-40"},
        {'+', 5, 8, "5-8 10-20 30-40"},
        {'+', 8, 9, "5-9 10-20 30-40"},
        {'+', 9, 10, "5-20 30-40"},
        {'+', 22, 25, "5-20 22-25 30-40"},
        {'+', 29, 30, "5-20 22-25 29-40"},
        {'+', 3, 6, "3-20 22-25 29-40"},
        {'+', 20, 22, "3-25 29-40"},
        {'+', 39, 41, "3-25 29-41"},
        {'+', 41, 42, "3-25 29-42"},
        {'+', 0, 50, "0-50"},
        {'-', 50, 60, "0-50"},
        {'-', 10, 20, "0-10 20-50"},
        {'-', 5, 5, "0-10 20-50"},
        {'-', 9, 21, "0-9 21-50"},
        {'-', 0, 1, "1-9 21-50"},
        {'-', 49, 90, "1-9 21-49"},
        {'-', 30, 31, "1-9 21-30 31-49"},
        {'-', 21, 30, "1-9 31-49"},
        {'-', 8, 49, "1-8"},
        {'-', 0, UINT64_MAX, ""},
        {'+', UINT64_MAX - 1, UINT64_MAX, "18446744073709551614-18446744073709551615"},
        {'+', 0, UINT64_MAX, "0-18446744073709551615"},
    };
    struct belay_ranges set;
    start(&set, 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const struct step *s = &steps[i];
        struct belay_range evicted = {1, 2};
        if (s->what == '+') {
            assert_int_equal(belay_ranges_add(&set, s->lo, s->hi, &evicted), 0);
            assert_true(evicted.lo == evicted.hi);
        } else {
            assert_int_equal(belay_ranges_remove(&set, s->lo, s->hi), 0);
        }
        assert_set(&set, s->then);
    }
    finish(&set);
}

static void test_bound_drops_the_lowest(void **state)
{
    (void)state;
    static const struct {
        uint64_t lo, hi;
        struct belay_range evicted;
        const char *then;
    } rows[] = {
        {10, 11, {0, 0}, "10-11"},
        {30, 31, {0, 0}, "10-11 30-31"},
        {20, 21, {0, 0}, "10-11 20-21 30-31"},
        {40, 41, {10, 11}, "20-21 30-31 40-41"}, /* at the upper end */
        {25, 26, {20, 21}, "25-26 30-31 40-41"}, /* in the middle */
        {5, 6, {5, 6}, "25-26 30-31 40-41"},     /* itself the lowest */
        {24, 25, {0, 0}, "24-26 30-31 40-41"},   /* merges: no new range */
        {26, 40, {0, 0}, "24-41"},
    };
    struct belay_ranges set;
    start(&set, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_range evicted;
        assert_int_equal(belay_ranges_add(&set, rows[i].lo, rows[i].hi, &evicted), 0);
        assert_int_equal(evicted.lo, rows[i].evicted.lo);
        assert_int_equal(evicted.hi, rows[i].evicted.hi);
        assert_set(&set, rows[i].then);
    }
    /* A split finds no room either. */
    assert_int_equal(belay_ranges_remove(&set, 25, 39), 0);
    assert_int_equal(belay_ranges_add(&set, 30, 33, NULL), 0);
    assert_int_equal(belay_ranges_remove(&set, 31, 32), BELAY_ENOMEM);
    assert_set(&set, "24-25 30-33 39-41");
    finish(&set);
}

static void test_clear_keeps_memory(void **state)
{
    (void)state;
    struct belay_ranges set;
    start(&set, 0);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(belay_ranges_add(&set, 3 * i, 3 * i + 1, NULL), 0);
    size_t used = mem.used_bytes, calls = memory.calls;
    belay_ranges_clear(&set);
    assert_int_equal(set.count, 0);
    assert_false(belay_ranges_has(&set, 0));
    for (uint64_t i = 0; i < 64; i++)
        assert_int_equal(belay_ranges_add(&set, 3 * i, 3 * i + 1, NULL), 0);
    assert_int_equal(memory.calls, calls);
    assert_int_equal(mem.used_bytes, used);
    finish(&set);
}

/* A receiver's life: a gap for ever, one new range at a time, the lowest leaves. */
static void test_bounded_set_takes_bounded_memory(void **state)
{
    (void)state;
    struct belay_ranges set;
    start(&set, 1024);
    for (uint64_t i = 0; i < 100000; i++) {
        struct belay_range evicted;
        assert_int_equal(belay_ranges_add(&set, 2 * i, 2 * i + 1, &evicted), 0);
        if (i >= 1024)
            assert_int_equal(evicted.lo, 2 * (i - 1024));
    }
    assert_int_equal(set.count, 1024);
    assert_true(mem.peak_bytes <= 2 * 1024 * sizeof(struct belay_range));
    finish(&set);
}

/* ------------------------------------------------------------------ against a bitmap */

enum { BITS = 300 };

struct model {
    bool has[BITS];
};

static size_t model_ranges(const struct model *m, struct belay_range *out)
{
    size_t count = 0;
    for (uint64_t i = 0; i < BITS; i++) {
        if (!m->has[i])
            continue;
        if (count > 0 && out[count - 1].hi == i)
            out[count - 1].hi = i + 1;
        else
            out[count++] = (struct belay_range){i, i + 1};
    }
    return count;
}

static void assert_same(const struct belay_ranges *set, const struct model *m)
{
    struct belay_range expected[BITS];
    size_t count = model_ranges(m, expected);
    uint64_t total = 0;
    assert_int_equal(set->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(belay_ranges_at(set, i)->lo, expected[i].lo);
        assert_int_equal(belay_ranges_at(set, i)->hi, expected[i].hi);
        total += expected[i].hi - expected[i].lo;
    }
    assert_int_equal(belay_ranges_total(set), total);
}

static void fill(struct model *m, uint64_t lo, uint64_t hi, bool value)
{
    for (uint64_t i = lo; i < hi; i++)
        m->has[i] = value;
}

static bool first_gap(const struct model *m, uint64_t lo, uint64_t hi, struct belay_range *gap)
{
    while (lo < hi && m->has[lo])
        lo++;
    gap->lo = lo;
    while (lo < hi && !m->has[lo])
        lo++;
    gap->hi = lo;
    return gap->lo < gap->hi;
}

static void assert_questions(const struct belay_ranges *set, const struct model *m, uint64_t lo,
                             uint64_t hi)
{
    struct belay_range expected, gap;
    bool has_gap = first_gap(m, lo, hi, &expected);
    assert_int_equal(belay_ranges_first_gap(set, lo, hi, &gap), has_gap);
    assert_int_equal(belay_ranges_has_all(set, lo, hi), !has_gap);
    if (has_gap) {
        assert_int_equal(gap.lo, expected.lo);
        assert_int_equal(gap.hi, expected.hi);
    }
    if (lo < BITS)
        assert_int_equal(belay_ranges_has(set, lo), m->has[lo]);
}

static void model_add(struct model *m, size_t max_count, uint64_t lo, uint64_t hi,
                      const struct belay_range *evicted)
{
    struct belay_range ranges[BITS];
    fill(m, lo, hi, true);
    size_t count = model_ranges(m, ranges);
    if (max_count > 0 && count > max_count) {
        assert_int_equal(count, max_count + 1);
        assert_int_equal(evicted->lo, ranges[0].lo);
        assert_int_equal(evicted->hi, ranges[0].hi);
        fill(m, ranges[0].lo, ranges[0].hi, false);
    } else {
        assert_int_equal(evicted->lo, evicted->hi);
    }
}

static void random_round(struct test_random *random, size_t max_count, uint64_t longest)
{
    struct belay_ranges set;
    struct model model = {{false}};
    start(&set, max_count);
    for (int i = 0; i < 400; i++) {
        uint64_t lo = test_random_below(random, BITS - 1);
        uint64_t room = BITS - lo - 1 < longest ? BITS - lo - 1 : longest;
        uint64_t hi = lo + 1 + (room > 0 ? test_random_below(random, room) : 0);
        /* Sometimes memory fails; then nothing may have changed. */
        bool fails = test_random_below(random, 4) == 0;
        memory.fail_at = fails ? -1 : 0;
        if (test_random_below(random, 3) > 0) {
            struct belay_range evicted;
            int error = belay_ranges_add(&set, lo, hi, &evicted);
            assert_true(error == 0 || (fails && error == BELAY_ENOMEM));
            if (error == 0)
                model_add(&model, max_count, lo, hi, &evicted);
        } else {
            bool full = max_count > 0 && set.count == max_count;
            int error = belay_ranges_remove(&set, lo, hi);
            assert_true(error == 0 || ((fails || full) && error == BELAY_ENOMEM));
            if (error == 0)
                fill(&model, lo, hi, false);
        }
        memory.fail_at = 0;
        assert_same(&set, &model);
        assert_questions(&set, &model, lo, hi);
        lo = test_random_below(random, BITS);
        assert_questions(&set, &model, lo, lo + test_random_below(random, BITS - lo + 1));
    }
    finish(&set);
}

static void test_random_against_a_bitmap(void **state)
{
    (void)state;
    static const size_t bounds[] = {0, 1, 2, 3, 8, 64};
    struct test_random random = {test_seed_from_env(20260101)};
    for (int round = 0; round < 60; round++)
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
            random_round(&random, bounds[i], round % 2 == 0 ? 3 : 40);
}

/* Every allocation of a growing set fails once, at both ends and in the middle. */
static void test_each_allocation_can_fail(void **state)
{
    (void)state;
    for (int order = 0; order < 3; order++) {
        struct belay_ranges set;
        size_t failures = 0;
        start(&set, 0);
        for (uint64_t i = 0; i < 200; i++) {
            uint64_t number = order == 0 ? i : order == 1 ? 200 - i : (i * 67) % 200;
            struct belay_ranges before = set;
            memory.fail_at = -1;
            int error = belay_ranges_add(&set, 2 * number, 2 * number + 1, NULL);
            memory.fail_at = 0;
            if (error == 0)
                continue;
            failures++;
            assert_int_equal(error, BELAY_ENOMEM);
            assert_memory_equal(&set, &before, sizeof(set));
            assert_int_equal(belay_ranges_add(&set, 2 * number, 2 * number + 1, NULL), 0);
        }
        assert_int_equal(set.count, 200);
        assert_int_equal(failures, memory.calls / 2);
        assert_true(failures >= 5);
        finish(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_range_takes_no_memory),
        cmocka_unit_test(test_add_and_remove),
        cmocka_unit_test(test_bound_drops_the_lowest),
        cmocka_unit_test(test_clear_keeps_memory),
        cmocka_unit_test(test_bounded_set_takes_bounded_memory),
        cmocka_unit_test(test_random_against_a_bitmap),
        cmocka_unit_test(test_each_allocation_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
