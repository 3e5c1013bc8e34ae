#include "../fixture.h"

#include "netsim/model/codel.h"

#define LONG   (20 * MS) /* a wait above the target */
#define SHORT  (4 * MS)
#define BEHIND 100000

/* Times in ns, worked out by hand: INTERVAL / sqrt(n) is 100 ms, 70.710678, 57.735026, 50,
 * 44.721359, 40.824829, 37.796447 ms. */
struct judged {
    uint64_t now_ns, waited_ns, behind_bytes;
    bool hit;
};

static void assert_judges(struct netsim_codel *codel, const struct judged *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool hit =
            netsim_codel_hits(codel, rows[i].waited_ns, rows[i].behind_bytes, rows[i].now_ns);

        if (hit != rows[i].hit)
            fail_msg("row %zu at %llu ns: %d", i, (unsigned long long)rows[i].now_ns, hit);
    }
}

#define ASSERT_JUDGES(codel, rows) assert_judges(codel, rows, sizeof(rows) / sizeof((rows)[0]))

/* A standing queue: the first drop after 100 ms, then ever closer, to the nanosecond. */
static void test_schedule(void **state)
{
    static const struct judged rows[] = {
        {5 * MS, LONG, BEHIND, false}, /* above from here on */
        {50 * MS, LONG, BEHIND, false},
        {105 * MS - 1, LONG, BEHIND, false},
        {105 * MS, LONG, BEHIND, true}, /* n = 1 */
        {105 * MS, LONG, BEHIND, false},
        {205 * MS - 1, LONG, BEHIND, false},
        {205 * MS, LONG, BEHIND, true}, /* n = 2 */
        {205 * MS, LONG, BEHIND, false},
        {275710677, LONG, BEHIND, false},
        {275710678, LONG, BEHIND, true}, /* n = 3: 205 + 70.710678 */
        {275710678, LONG, BEHIND, false},
        {333445703, LONG, BEHIND, false},
        {333445704, LONG, BEHIND, true}, /* + 57.735026 */
        {333445704, LONG, BEHIND, false},
        {390 * MS, LONG, BEHIND, true}, /* late, but the next counts from 383.445704 */
        {390 * MS, LONG, BEHIND, false},
        {428167062, LONG, BEHIND, false},
        {428167063, LONG, BEHIND, true}, /* + 44.721359 */
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, rows);
}

/* After a long send of one packet several drops are due at a time. */
static void test_catches_up(void **state)
{
    static const struct judged rows[] = {
        {1 * MS, LONG, BEHIND, false},    {101 * MS, LONG, BEHIND, true},
        {101 * MS, LONG, BEHIND, false},  {400 * MS, LONG, BEHIND, true}, /* due at 201 */
        {400 * MS, LONG, BEHIND, true},                                   /* 271.7 */
        {400 * MS, LONG, BEHIND, true},                                   /* 329.4 */
        {400 * MS, LONG, BEHIND, true},                                   /* 379.4 */
        {400 * MS, LONG, BEHIND, false},                                  /* 424.2 */
        {424167062, LONG, BEHIND, false}, {424167063, LONG, BEHIND, true},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, rows);
}

/* One short wait, or a short queue, ends it, and the interval begins anew. */
static void test_leaves(void **state)
{
    static const struct judged rows[] = {
        {1 * MS, LONG, BEHIND, false},
        {100 * MS, SHORT, BEHIND, false},
        {101 * MS, LONG, BEHIND, false},
        {200 * MS, LONG, 1514, false}, /* no more than one packet is behind */
        {201 * MS, LONG, 1515, false},
        {301 * MS, LONG, 1515, true},
        {301 * MS, LONG, 1515, false},
        {401 * MS, LONG, 1514, false}, /* due, but not standing */
        {402 * MS, LONG, BEHIND, false},
        {501 * MS, LONG, BEHIND, false},
        {502 * MS, LONG, BEHIND, true},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, rows);
}

/* The target itself is not below the target. */
static void test_target(void **state)
{
    static const struct judged at[] = {
        {1 * MS, 5 * MS, BEHIND, false},
        {101 * MS, 5 * MS, BEHIND, true},
    };
    static const struct judged below[] = {
        {1 * MS, 5 * MS - 1, BEHIND, false},
        {101 * MS, 5 * MS - 1, BEHIND, false},
        {301 * MS, 5 * MS - 1, BEHIND, false},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, at);
    codel = (struct netsim_codel){0};
    ASSERT_JUDGES(&codel, below);
}

/* Drops at 101, 201, 272, 330, 380: five; what it added in this round is where it goes on. */
static const struct judged round_of_five[] = {
    {1 * MS, LONG, BEHIND, false},   {101 * MS, LONG, BEHIND, true},
    {101 * MS, LONG, BEHIND, false}, {201 * MS, LONG, BEHIND, true},
    {201 * MS, LONG, BEHIND, false}, {272 * MS, LONG, BEHIND, true},
    {272 * MS, LONG, BEHIND, false}, {330 * MS, LONG, BEHIND, true},
    {330 * MS, LONG, BEHIND, false}, {380 * MS, LONG, BEHIND, true},
    {380 * MS, SHORT, 0, false},
};

static void test_comes_back_soon(void **state)
{
    static const struct judged rows[] = {
        {400 * MS, LONG, BEHIND, false}, {500 * MS, LONG, BEHIND, true}, /* n = 4 */
        {500 * MS, LONG, BEHIND, false}, {550 * MS - 1, LONG, BEHIND, false},
        {550 * MS, LONG, BEHIND, true}, /* n = 5 */
        {550 * MS, LONG, BEHIND, false}, {594721358, LONG, BEHIND, false},
        {594721359, LONG, BEHIND, true},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, round_of_five);
    ASSERT_JUDGES(&codel, rows);
}

static void test_comes_back_late(void **state)
{
    static const struct judged rows[] = {
        {1900 * MS, LONG, BEHIND, false},
        {2000 * MS, LONG, BEHIND, true}, /* more than 1.6 s after the last was due */
        {2000 * MS, LONG, BEHIND, false},
        {2100 * MS - 1, LONG, BEHIND, false},
        {2100 * MS, LONG, BEHIND, true},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, round_of_five);
    ASSERT_JUDGES(&codel, rows);
}

static void test_empty(void **state)
{
    static const struct judged first[] = {
        {1 * MS, LONG, BEHIND, false},
        {101 * MS, LONG, BEHIND, true},
    };
    static const struct judged second[] = {
        {201 * MS, LONG, BEHIND, false}, /* would be due, were it not for the pause */
        {300 * MS, LONG, BEHIND, false},
        {301 * MS, LONG, BEHIND, true},
    };
    struct netsim_codel codel = {0};

    (void)state;
    ASSERT_JUDGES(&codel, first);
    netsim_codel_empty(&codel);
    ASSERT_JUDGES(&codel, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),        cmocka_unit_test(test_catches_up),
        cmocka_unit_test(test_leaves),          cmocka_unit_test(test_target),
        cmocka_unit_test(test_comes_back_soon), cmocka_unit_test(test_comes_back_late),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
