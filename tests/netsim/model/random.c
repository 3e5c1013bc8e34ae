#include "../fixture.h"

/*
 * The paper's definition, bit by bit: component j has bits x_n = x_(n-k+q) ^ x_(n-k), its
 * words are 32 bits from n*s on; the output is the exclusive or of the four.
 */
static const struct {
    unsigned k, q, s, least;
} components[4] = {{31, 6, 18, 2}, {29, 2, 2, 8}, {28, 13, 7, 16}, {25, 3, 13, 128}};

static uint32_t recur(uint32_t word, unsigned k, unsigned q, unsigned s)
{
    uint8_t bits[32 + 32];
    uint32_t next = 0;

    for (unsigned n = 0; n < k; n++)
        bits[n] = word >> (31 - n) & 1;
    for (unsigned n = k; n < 32 + s; n++)
        bits[n] = bits[n - k + q] ^ bits[n - k];
    for (unsigned n = 0; n < 32; n++)
        next = next << 1 | bits[s + n];
    return next;
}

static void test_lfsr113(void **state)
{
    static const uint64_t seeds[] = {0, 1, 7, 42, 99, 130, UINT64_MAX, UINT64_C(1) << 40};

    (void)state;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        uint32_t start = (uint32_t)(seeds[i] >> 32 ^ seeds[i] << 10 ^ seeds[i]), words[4];
        struct netsim_random random;

        netsim_random_init(&random, seeds[i]);
        for (int j = 0; j < 4; j++)
            words[j] = start < components[j].least ? start + components[j].least : start;
        for (int n = 0; n < 1000; n++) {
            uint32_t want = 0;

            for (int j = 0; j < 4; j++) {
                words[j] = recur(words[j], components[j].k, components[j].q, components[j].s);
                want ^= words[j];
            }
            assert_int_equal(netsim_random_draw(&random), want);
        }
    }
}

static void test_below(void **state)
{
    struct netsim_random random;
    long counts[7] = {0};

    (void)state;
    netsim_random_init(&random, 3);
    for (int i = 0; i < 70000; i++) {
        uint32_t value = netsim_random_below(&random, 7);

        assert_true(value < 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_binomial(counts[i], 70000, 1.0 / 7, "a seventh");
    assert_int_equal(netsim_random_below(&random, 1), 0);
}

static void test_correlated(void **state)
{
    struct netsim_random random, plain;
    struct netsim_correlated none = {0, 12345}, half = {0x7fffffff, 0x80000000u},
                             full = {UINT32_MAX, 77};
    uint32_t u;

    (void)state;
    netsim_random_init(&random, 9);
    netsim_random_init(&plain, 9);
    assert_int_equal(netsim_correlated_draw(&none, &random), netsim_random_draw(&plain));
    u = netsim_random_draw(&plain); /* rho 2^31: the mean of both */
    assert_int_equal(netsim_correlated_draw(&half, &random), u / 2 + 0x40000000u);
    u = netsim_random_draw(&plain);
    assert_int_equal(netsim_correlated_draw(&full, &random), 77); /* never moves, yet draws */
    assert_int_equal(netsim_random_draw(&random), netsim_random_draw(&plain));
}

static void test_seeds(void **state)
{
    (void)state;
    /* The published first outputs of SplitMix64 for seeds 1234567 and 0. */
    assert_true(netsim_seed_derive(1234567, 1) == UINT64_C(6457827717110365317));
    assert_true(netsim_seed_derive(1234567, 2) == UINT64_C(3203168211198807973));
    assert_true(netsim_seed_derive(0, 1) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(netsim_seed_derive(5, NETSIM_STREAM_BACK) !=
                netsim_seed_derive(5, NETSIM_STREAM_EXTRA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lfsr113),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_correlated),
        cmocka_unit_test(test_seeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
