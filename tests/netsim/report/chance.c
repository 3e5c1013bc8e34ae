#include "../fixture.h"

#include "netsim/report/chance.h"

#define DRAWS 2000000

static uint32_t share(double value)
{
    return (uint32_t)rint(value * UINT32_MAX);
}

static void test_plain(void **state)
{
    struct netsim_chance half = netsim_chance(UINT32_MAX / 2, 0);

    (void)state;
    assert_true(fabs(half.asked - 0.5) < 1e-9 && half.mean == 0.5 && half.again == 0.5);
    assert_true(netsim_chance(0, share(0.5)).mean == 0);
    assert_true(netsim_chance(UINT32_MAX, share(0.5)).mean == 1);
    assert_true(netsim_chance(share(0.3), UINT32_MAX).again == 1);
}

/* Three that are fractions: 5/72, 7/400, and the middle, which stays where it is. */
static void test_fractions(void **state)
{
    (void)state;
    assert_true(fabs(netsim_chance(share(0.25), share(0.5)).mean - 5.0 / 72) < 1e-6);
    assert_true(fabs(netsim_chance(share(0.10), share(0.25)).mean - 7.0 / 400) < 1e-6);
    assert_true(fabs(netsim_chance(share(0.5), share(0.9)).mean - 0.5) < 1e-6);
}

/* Every 100th draw, so that they don't depend on each other. */
static void test_against_draws(void **state)
{
    static const double rows[][2] = {{0.10, 0.25}, {0.25, 0.50}, {0.50, 0.70}, {0.90, 0.30},
                                     {0.05, 0.01}, {0.30, 0.75}, {0.40, 0.9},  {0.30, 0.0001}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t probability = share(rows[i][0]), rho = share(rows[i][1]);
        struct netsim_chance chance = netsim_chance(probability, rho);
        struct netsim_correlated draws = {.rho = rho, .last = UINT32_MAX / 2};
        struct netsim_random random;
        long hits = 0, tries = 0, again = 0;

        netsim_random_init(&random, 40 + i);
        for (long n = 0; n < DRAWS; n++) {
            bool hit = probability >= netsim_correlated_draw(&draws, &random);

            if (n % 100 != 99)
                continue;
            hits += hit;
            if (!hit)
                continue;
            tries++;
            again += probability >= netsim_correlated_draw(&draws, &random);
        }
        assert_binomial(hits, DRAWS / 100, chance.mean, "mean");
        assert_binomial(again, tries, chance.again, "again");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_fractions),
        cmocka_unit_test(test_against_draws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
