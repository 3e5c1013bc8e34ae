#include "../fixture.h"

#include "netsim/report/warnings.h"

/* All ids of a text's warnings, in order, with a blank behind each. */
static void ids_of(const char *text, int64_t interval_ns, char *ids, size_t size)
{
    struct netsim_words words = words_of(text);
    struct netsim_traffic traffic = {interval_ns, 1200};
    struct netsim_warning warnings[NETSIM_WARNINGS_MAX];
    struct netsim_forecast forecast;
    unsigned count;
    size_t len = 0;

    netsim_forecast(&forecast, &words, &traffic);
    count = netsim_warnings(warnings, &words, &forecast, &traffic);
    ids[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(ids + len, size - len, "%s ", warnings[i].id);
        assert_true(strlen(warnings[i].text) > 20 &&
                    strlen(warnings[i].text) < sizeof(warnings[i].text) - 1);
    }
}

static void test_ids(void **state)
{
    static const struct {
        const char *text;
        int64_t interval_ns;
        const char *ids;
    } rows[] = {
        {"", MS, ""},
        {"delay 20ms loss 5% duplicate 1% corrupt 1%", MS, ""},
        {"loss 10% 25%", MS, "correlation "},
        {"loss 10% 100%", MS, "correlation "},
        {"loss 50% 25%", MS, ""}, /* the middle stays where it is */
        {"loss 10% 0.001%", MS, ""},
        {"corrupt 10% 25%", MS, "correlation "},
        {"duplicate 10% 25%", MS, "note "},
        {"duplicate 10% 25% loss 1% 1%", MS, "correlation correlation "},
        {"delay 20ms reorder 25% 50%", MS, "correlation "},
        {"delay 20ms 5ms distribution normal", MS, "jitter-reorders "},
        {"delay 20ms 5ms distribution normal", 100 * MS, ""},
        {"delay 20ms 5ms", MS, "uniform jitter-reorders "},
        {"delay 20ms 5ms distribution normal x-fifo", MS, ""},
        {"delay 20ms 40ms distribution uniform x-fifo", MS, "jitter-over-delay "},
        {"delay 20ms 5ms 50% distribution normal x-fifo", MS, "delay-correlation "},
        {"delay 20ms reorder 25%", MS, ""},
        {"delay 20ms reorder 25%", 20 * MS, "reorder-delay "},
        {"delay 20ms reorder 25% gap 5", MS, "gap "},
        {"delay 100ms", 10000, "limit "},
        {"delay 100ms limit 11000", 10000, ""},
        {"delay 100ms 50ms distribution uniform x-fifo limit 120", MS, "limit "},
        {"rate 1mbit delay 20ms", 20 * MS, "rate-delay "},
        {"rate 1mbit x-queue droptail 64k delay 20ms", 20 * MS, ""},
        {"loss 5% ecn", MS, "ecn "},
        {"slot 10ms", MS, "slot "},
        {"slot 10ms packets 5", MS, ""},
        {"x-mtu 1000", MS, "mtu "},
        {"x-mtu 1300", MS, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char ids[512];

        ids_of(rows[i].text, rows[i].interval_ns, ids, sizeof(ids));
        if (strcmp(ids, rows[i].ids) != 0)
            fail_msg("%s: `%s`, not `%s`", rows[i].text, ids, rows[i].ids);
    }
}

/* What is proposed instead parses, and loses what was asked for. */
static void test_proposed_loss(void **state)
{
    static const char *const rows[] = {"loss 10% 25%", "loss 10% 75%", "loss 30% 50%",
                                       "loss 1% 10%"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_words words = words_of(rows[i]);
        struct netsim_traffic traffic = {MS, 1200};
        struct netsim_warning warnings[NETSIM_WARNINGS_MAX];
        struct netsim_forecast forecast;
        struct netsim_losses proposed;
        char *from, *end;

        netsim_forecast(&forecast, &words, &traffic);
        assert_int_equal(netsim_warnings(warnings, &words, &forecast, &traffic), 1);
        from = strstr(warnings[0].text, "loss gemodel");
        assert_non_null(from);
        end = strrchr(from, '.');
        assert_non_null(end);
        *end = '\0';
        words = words_of(from);
        netsim_losses(&proposed, &words);
        assert_true(fabs(proposed.lost - forecast.losses.asked) < 1e-4);
        assert_true(proposed.burst > 1 / (1 - proposed.lost)); /* longer than by chance */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_proposed_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
