#include "../fixture.h"

#include "netsim/run/crossing.h"
#include "netsim/run/run.h"

static const struct {
    uint64_t out_in, out;
    bool has_in;
    int client, code;
    const char *part; /* of the sentence; NULL: none */
} cases[] = {
    {9, 7, true, 0, 0, NULL},
    {9, 7, true, 3, 3, NULL},
    {0, 7, false, 0, 0, NULL},
    {0, 0, true, 0, NETSIM_EXIT_RUN, "does the client call $NETSIM_SERVER?"},
    {0, 0, false, 0, NETSIM_EXIT_RUN, "does the client call $NETSIM_SERVER?"},
    {5, 0, true, 0, NETSIM_EXIT_RUN, "it lost or held all 5"},
    {0, 0, true, 3, 3, "no packet crossed the link"},
    {0, 0, true, 137, 137, "no packet crossed the link"},
    {0, 0, true, NETSIM_EXIT_TIMEOUT, NETSIM_EXIT_TIMEOUT, "no packet crossed the link"},
    {0, 0, true, NETSIM_EXIT_NOT_RUN, NETSIM_EXIT_NOT_RUN, NULL},
    {0, 0, true, NETSIM_EXIT_NOT_FOUND, NETSIM_EXIT_NOT_FOUND, NULL},
};

static void test_judge(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct netsim_crossing crossing = {
            .out_in = cases[i].out_in, .out = cases[i].out, .has_in = cases[i].has_in};
        char why[256] = "", before[256] = "before";
        int code = netsim_crossing_judge(&crossing, cases[i].client, why, sizeof(why));

        assert_int_equal(code, cases[i].code);
        if (cases[i].part == NULL)
            assert_string_equal(why, "");
        else
            assert_non_null(strstr(why, cases[i].part));
        netsim_crossing_judge(&crossing, cases[i].client, before, sizeof(before));
        assert_string_equal(before, "before");
    }
}

static void test_print(void **state)
{
    struct netsim_crossing crossing = {63, 60, 61, 57, true};
    char text[256] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    assert_non_null(out);
    netsim_crossing_print(&crossing, "live", 3, out);
    crossing.has_in = false;
    netsim_crossing_print(&crossing, "kernel", UINT64_MAX, out);
    fclose(out);
    assert_string_equal(text,
                        "belay-netsim: live, seed 3: out 60 packets (63 came in), back 57 "
                        "(61 came in)\n"
                        "belay-netsim: kernel, seed 18446744073709551615: out 60 packets, back "
                        "57\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_print),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
