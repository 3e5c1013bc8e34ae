/* What became of packets, in words. */
#include "../fixture.h"

#include "netsim/live/verdict.h"

static void test_verdicts(void **state)
{
    static const struct {
        struct netsim_outcome outcome;
        const char *lost, *text;
    } rows[] = {
        {{.sent_ns = 5}, NULL, ""},
        {{.t_ns = 1, .duplicate = true}, NULL, "duplicate, delayed 25.1 ms"},
        {{.t_ns = 1, .reordered = true}, NULL, "reordered, delayed 25.1 ms"},
        {{.sent_ns = 25000000, .t_ns = 25050000}, NULL, "delayed 123 us"},
        {{.corrupt_bits = 2, .corrupt_bit = {123, 7}}, NULL, "bit 123 flipped, bit 7 flipped"},
        {{.ce = true}, NULL, "marked CE"},
        {{.why = NETSIM_DROP_LOSS}, NULL, "dropped: loss"},
        {{.why = NETSIM_DROP_LIMIT, .stage = 1, .duplicate = true},
         NULL,
         "dropped: limit, in stage 2, duplicate"},
        {{.corrupt_bits = 1, .corrupt_bit = {9}},
         "corrupt header",
         "dropped: corrupt header, bit 9 flipped"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[NETSIM_VERDICT_SIZE];

        assert_string_equal(netsim_verdict(&rows[i].outcome, rows[i].lost, 25123000, text),
                            rows[i].text);
    }
}

/* All that can be said of one packet fits. */
static void test_longest(void **state)
{
    struct netsim_outcome outcome = {
        .t_ns = 1, .ce = true, .duplicate = true, .reordered = true, .stage = 7};
    char text[NETSIM_VERDICT_SIZE];

    (void)state;
    outcome.corrupt_bits = NETSIM_STAGES_MAX;
    for (unsigned i = 0; i < NETSIM_STAGES_MAX; i++)
        outcome.corrupt_bit[i] = UINT64_MAX - i;
    netsim_verdict(&outcome, "corrupt header", UINT64_MAX / 2, text);
    assert_non_null(strstr(text, ", bit 18446744073709551608 flipped"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
