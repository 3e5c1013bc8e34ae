/* What tc is told; that it is told is in run_kernel.py. */
#include "../fixture.h"

#include "netsim/run/qdisc.h"

static const struct {
    const char *words, *unseeded, *seeded;
} cases[] = {
    {"", "", "seed 7"},
    {"delay 20ms seed 3", "delay 20ms", "delay 20ms seed 3"},
    {"delay 20ms 5ms distribution uniform", "delay 20ms 5ms", "delay 20ms 5ms seed 7"},
    {"delay 20ms 5ms distribution normal", "delay 20ms 5ms distribution normal",
     "delay 20ms 5ms distribution normal seed 7"},
    {"delay 20ms 5ms distribution /a/b.dist", "delay 20ms 5ms distribution netsim-delay",
     "delay 20ms 5ms distribution netsim-delay seed 7"},
    {"slot distribution mine 5ms 1ms", "slot distribution netsim-slot 5ms 1ms",
     "slot distribution netsim-slot 5ms 1ms seed 7"},
};

static void test_words(void **state)
{
    const uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct netsim_words words = words_of(cases[i].words);
        char text[NETSIM_QDISC_WORDS];

        assert_int_equal(netsim_qdisc_words(&words, NULL, text), 0);
        assert_string_equal(text, cases[i].unseeded);
        assert_int_equal(netsim_qdisc_words(&words, &seed, text), 0);
        assert_string_equal(text, cases[i].seeded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
