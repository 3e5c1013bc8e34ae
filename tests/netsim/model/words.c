#include "../fixture.h"

#include "netsim/model/clauses.h"

/* Accepted words, and how they are written back: the canonical form of the same link. */
static const struct {
    const char *text, *canonical;
} accepted[] = {
    {"", ""},
    {"  \t\n", ""},
    {"limit 50", "limit 50"},
    {"limit 1000", ""},
    {"limit 2k", "limit 2048"},
    {"delay 20ms", "delay 20ms"},
    {"latency 20ms", "delay 20ms"},
    {"delay 100", "delay 100ns"},
    {"delay 20ms 5ms", "delay 20ms 5ms"},
    {"delay 20ms 5ms 25%", "delay 20ms 5ms 25%"},
    {"delay 20ms 40ms", "delay 20ms 40ms"},
    {"delay 20ms 0 5%", "delay 20ms 0ns 5%"},
    {"delay 0", ""},
    {"delay 0 5ms", "delay 0ns 5ms"},
    {"delay 1ms delay 2ms", "delay 2ms"},
    {"delay 20ms 5ms distribution normal", "delay 20ms 5ms distribution normal"},
    {"distribution pareto delay 20ms 5ms", "delay 20ms 5ms distribution pareto"},
    {"delay 20ms 5ms distribution uniform", "delay 20ms 5ms distribution uniform"},
    {"delay 20ms 5ms distribution paretonormal", "delay 20ms 5ms distribution paretonormal"},
    {"loss 5%", "loss 5%"},
    {"loss 5", "loss 5%"},
    {"drop random 5% 25%", "loss 5% 25%"},
    {"loss 100%", "loss 100%"},
    {"loss state 10%", "loss state 10% 90% 0% 100% 0%"},
    {"loss state 1% 25% 5% 50% 2%", "loss state 1% 25% 5% 50% 2%"},
    {"loss gemodel 5%", "loss gemodel 5% 95% 100% 0%"},
    {"loss gemodel 5% 40% 90% 1%", "loss gemodel 5% 40% 90% 1%"},
    {"loss gemodel 5% 40% 50%", "loss gemodel 5% 40% 50% 0%"},      /* 2^32 - 1 is odd */
    {"loss 5% 0% duplicate 1% 50%", "loss 5% 0% duplicate 1% 50%"}, /* 0% keeps the 50% */
    {"loss 5% 0% duplicate 0% 50%", "loss 5%"}, /* where there is something to keep it for */
    {"delay 1ms 0 0% duplicate 0% 50%", "delay 1ms"},
    {"delay 1ms 0 0% duplicate 1% 50%", "delay 1ms 0ns 0% duplicate 1% 50%"},
    {"ecn loss 5%", "loss 5% ecn"},
    {"ecn loss gemodel 5%", "loss gemodel 5% 95% 100% 0% ecn"},
    {"corrupt 1% 2%", "corrupt 1% 2%"},
    {"duplicate 1%", "duplicate 1%"},
    {"duplicate 1% 50%", "duplicate 1%"}, /* as tc: lost without delay's or loss's */
    {"duplicate 1% 50% delay 1ms 1ms 1%", "delay 1ms 1ms 1% duplicate 1% 50%"},
    {"delay 10ms reorder 25%", "delay 10ms reorder 25% gap 1"},
    {"reorder 25% 50% gap 5 delay 10ms", "delay 10ms reorder 25% 50% gap 5"},
    {"rate 10mbit", "rate 10mbit"},
    {"rate 10mbit 20", "rate 10mbit 20"},
    {"rate 10mbit -20 48 -5", "rate 10mbit -20 48 -5"},
    {"rate 1kbps", "rate 8kbit"},
    {"slot 10ms", "slot 10ms 10ms"},
    {"sl 10ms 20ms p 8 b 16k", "slot 10ms 20ms packets 8 bytes 16384"},
    {"slot distribution normal 10ms 2ms packets 3",
     "slot distribution normal 10ms 2ms packets 3"},
    {"seed 0", "seed 0"},
    {"seed 18446744073709551615", "seed 18446744073709551615"},
    {"del 1ms lo 1% dup 2% co 3% re 4% g 2 ra 8kbit s 5 li 9",
     "limit 9 delay 1ms loss 1% corrupt 3% duplicate 2% reorder 4% gap 2 rate 8kbit seed 5"},
    {"l 7 d 1ms e dr 1%", "limit 7 delay 1ms loss 1% ecn"},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct netsim_words words = words_of(accepted[i].text), again;
        char text[256];
        size_t len = netsim_words_format(&words, text, sizeof(text));

        assert_int_equal(len, strlen(text));
        assert_string_equal(text, accepted[i].canonical);
        again = words_of(text);
        words.notes = again.notes = 0; /* about the text, not the link */
        words.has_slot = again.has_slot;
        assert_int_equal(words.delay_ns, again.delay_ns);
        assert_int_equal(words.gap, again.gap);
        netsim_words_format(&again, text, sizeof(text));
        assert_string_equal(text, accepted[i].canonical);
    }
}

/* Refused words, the token that the caret is under ("" is the end), and a part of the reason.
 */
static const struct {
    const char *text, *token, *reason;
} refused[] = {
    {"reorder 25%", "reorder", "needs a delay"},
    {"loss 5% reorder 25%", "reorder", "needs a delay"},
    {"delay 0 reorder 25%", "reorder", "needs a delay"},
    {"delay 10ms gap 5", "gap", "needs a reorder"},
    {"delay 10ms reorder 0% gap 5", "gap", "needs a reorder"},
    {"delay 10ms ecn", "ecn", "needs a loss"},
    {"loss 0% ecn", "ecn", "needs a loss"},
    {"distribution normal", "distribution", "needs a delay"},
    {"delay 10ms distribution normal", "distribution", "needs a delay"},
    {"delay 0 5ms distribution normal", "distribution", "needs a delay"},
    {"loss 5% loss 5%", "loss", "second loss"},
    {"loss 5% loss gemodel 1%", "loss", "second loss"},
    {"loss 101%", "101%", "more than 100%"},
    {"loss -5%", "-5%", "negative"},
    {"loss", "", "missing"},
    {"loss bursts", "bursts", "neither"},
    {"loss rand 5%", "rand", "neither"},
    {"loss state", "", "missing"},
    {"loss state 1% 2% 3% 4% 5% 6%", "6%", "not a word"},
    {"loss gemodel 1% 101%", "101%", "more than"},
    {"loss 5%5", "5%5", "not a percentage"},
    {"loss 5ms", "5ms", "not a percentage"},
    {"loss nan", "nan", "neither"},
    {"loss 1e999", "1e999", "too large"},
    {"delay", "", "missing"},
    {"delay loss 5%", "loss", "not a number"},
    {"delay -10ms", "-10ms", "negative"},
    {"delay 10ms -5ms", "-5ms", "negative"},
    {"delay 10ms 5ms 25% 5", "5", "not a word"},
    {"delay 10ms foo", "foo", "not a word"},
    {"delay 10minutes", "10minutes", "not a time"},
    {"delay 1e300s", "1e300s", "too long"},
    {"limit", "", "missing"},
    {"limit -1", "-1", "negative"},
    {"limit 4294967296", "4294967296", "too large"},
    {"limit 1.5", "1.5", "not a whole"},
    {"delay 1ms reorder 25% gap -1", "-1", "negative"},
    {"delay 1ms reorder 25% gap 4294967296", "4294967296", "too large"},
    {"rate 0", "0", "less than one byte"},
    {"rate 10mb", "10mb", "not a rate"},
    {"rate 10mbit 9999999", "9999999", "out of range"},
    {"rate 10mbit 0 -48", "-48", "negative"},
    {"corrupt x", "x", "not a number"},
    {"duplicate 1% -1%", "-1%", "negative"},
    {"seed", "", "missing"},
    {"seed 18446744073709551616", "18446744073709551616", "too large"},
    {"seed -1", "-1", "negative"},
    {"seed 1x", "1x", "not a whole"},
    {"slot 20ms 10ms", "10ms", "shorter"},
    {"slot 10ms packets", "", "missing"},
    {"slot distribution normal 10ms 0", "0", "above 0"},
    {"slot 10ms bytes 16k packets 8", "packets", "before bytes"},
    {"slot 10ms packets 8k", "8k", "not a whole"},
    {"slot 10ms packets 2147483648", "2147483648", "too large"},
    {"seed 0x10", "0x10", "not a decimal"},
    {"delay 5ms reorder 5% gap 010", "010", "octal"},
    {"delay 5ms .5ms", ".5ms", "begins with a point"},
    {"loss .5%", ".5%", "neither"},
    {"limits 5", "limits", "not a word"},
    {"Delay 5ms", "Delay", "not a word"},
    {"5ms", "5ms", "not a word"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const char *text = refused[i].text, *token = refused[i].token;
        struct netsim_words words;
        struct netsim_words_error error;

        if (netsim_words_parse(&words, text, &error) == 0)
            fail_msg("`%s` was taken", text);
        if (strstr(error.text, refused[i].reason) == NULL)
            fail_msg("`%s`: %s", text, error.text);
        if (token[0] == '\0'
                ? error.at != strlen(text) || error.len != 1
                : error.len != strlen(token) || strncmp(text + error.at, token, error.len) != 0)
            fail_msg("`%s`: points at %zu, %zu", text, error.at, error.len);
        assert_int_equal(netsim_words_parse(&words, text, NULL), BELAY_EINVAL);
        assert_int_equal(words.limit, 1000); /* a clean link */
        assert_int_equal(words.loss_model, NETSIM_LOSS_NONE);
        if (error.hint[0] != '\0')
            words_of(error.hint); /* what is proposed is right */
    }
}

/* Each of these is refused by tc of iproute2 6.15. */
static const char *const refused_by_tc[] = {
    "limit",
    "limit x",
    "limit -1",
    "limit 4294967296",
    "delay",
    "delay x",
    "delay 5minutes",
    "delay 5e",
    "delay 5ms 5ms 5% 5",
    "delay 5ms 5ms 101%",
    "delay 5ms -5ms",
    "delay 5ms .5ms",
    "delay 5ms 5ms .5",
    "loss",
    "loss random",
    "loss random 101%",
    "loss random -5%",
    "loss random inf",
    "loss r 5%",
    "loss bursts 5%",
    "loss nan",
    "loss +5%",
    "loss .5%",
    "loss 5%%",
    "loss 5ms",
    "loss 5% 5% 5%",
    "loss 5% loss 5%",
    "loss 5% loss state 1%",
    "loss gemodel 1% drop 1%",
    "loss state",
    "loss state x",
    "loss state 1% 2% 3% 4% 5% 6%",
    "loss s 1%",
    "loss gemodel",
    "loss gemodel 1% 101%",
    "loss gemodel 1% 2% 3% 4% 5%",
    "loss gem 1%",
    "ecn",
    "ecn delay 5ms",
    "loss 0% ecn",
    "corrupt",
    "corrupt x",
    "corrupt -5%",
    "corrupt 101%",
    "corrupt 5% 101%",
    "corrupt 5% 5% 5%",
    "duplicate",
    "duplicate -1",
    "duplicate 101%",
    "reorder",
    "reorder 5%",
    "reorder 5% delay 0",
    "delay 5ms reorder",
    "delay 5ms reorder 101%",
    "delay 5ms reorder 5% 5% 5%",
    "gap",
    "gap 5",
    "gap 1.5",
    "gap 010",
    "delay 5ms gap 5",
    "delay 5ms reorder 0% gap 5",
    "delay 5ms reorder 5% gap",
    "delay 5ms reorder 5% gap x",
    "delay 5ms reorder 5% gap 4294967296",
    "distribution",
    "distribution normal",
    "delay 5ms distribution normal",
    "delay 5ms 0 distribution normal",
    "delay 0 5ms distribution normal",
    "delay 5ms 5ms distribution",
    "delay 5ms 5ms distribution normal 5ms",
    "rate",
    "rate x",
    "rate 5mb",
    "rate 10mbit x",
    "rate 10mbit 1.5",
    "rate 10mbit 1 1.5",
    "rate 10mbit 0 48 5 5",
    "rate 10mbit 99999999999",
    "rate 10mbit 5 99999999999",
    "slot",
    "slot uniform",
    "slot -5ms",
    "slot 20ms 10ms",
    "slot 10ms -5ms",
    "slot 10ms 10ms 10ms",
    "slot 10ms packets",
    "slot 10ms packets 8k",
    "slot 10ms packets x",
    "slot 10ms packets 4294967296",
    "slot 10ms bytes",
    "slot 10ms bytes -1",
    "slot 10ms bytes 16k packets 8",
    "slot distribution",
    "slot distribution normal",
    "slot distribution normal 5ms",
    "slot distribution normal 5ms x",
    "slot distribution normal 5ms 0",
    "slot distribution normal 5ms -5ms",
    "slot di normal 5ms 5ms",
    "seed",
    "seed x",
    "seed 1x",
    "seed 1.5",
    "seed 0x10",
    "seed 18446744073709551616",
    "5ms",
    "loss 5% | delay 5ms",
    "delay 5ms ; at 5s delay 6ms",
    "Delay 5ms",
    "delays 5ms",
    "--delay 5ms",
};

static void test_what_tc_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused_by_tc) / sizeof(refused_by_tc[0]); i++) {
        struct netsim_words words;
        struct netsim_words_error error;

        if (netsim_words_parse(&words, refused_by_tc[i], &error) == 0)
            fail_msg("`%s` was taken", refused_by_tc[i]);
    }
}

/* A token of any length and bytes is refused, not overrun. */
static void test_long_token(void **state)
{
    char text[4096];
    struct netsim_words words;
    struct netsim_words_error error;

    (void)state;
    memset(text, '9', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "delay ", 6);
    assert_int_equal(netsim_words_parse(&words, text, &error), BELAY_EINVAL);
    assert_int_equal(error.at, 6);
    assert_int_equal(error.len, sizeof(text) - 7);
    for (int byte = 1; byte < 256; byte++) {
        text[0] = (char)byte;
        text[1] = '\0';
        netsim_words_parse(&words, text, &error);
    }
}

static void test_values(void **state)
{
    struct netsim_words w = words_of("loss gemodel 5% 40% 90% 1% seed 7");

    (void)state;
    assert_int_equal(w.ge_p, 214748365);
    assert_int_equal(w.ge_r, 1717986918);
    assert_int_equal(w.ge_h, 429496729); /* 1-h is written; 1 - 0.9 is less than 0.1 */
    assert_int_equal(w.ge_1k, 42949673);
    assert_true(w.has_seed && w.seed == 7);
    w = words_of("rate 10mbit 20 48 5");
    assert_int_equal(w.rate_bytes_per_s, 1250000);
    assert_int_equal(w.packet_overhead_bytes, 20);
    assert_int_equal(w.cell_bytes, 48);
    assert_int_equal(w.cell_overhead_bytes, 5);
    w = words_of("loss state 10%");
    assert_int_equal(w.p13, 429496730);
    assert_int_equal(w.p31, 3865470566); /* 90 % */
    assert_int_equal(w.p23, UINT32_MAX);
}

static void test_notes(void **state)
{
    static const struct {
        const char *text, *part;
    } noted[] = {
        {"loss 10% 25%", "gemodel"},
        {"delay 1ms reorder 25% 50%", "gemodel"},
        {"duplicate 5% 25%", "ignored"},
        {"delay 5s 3s", "2.147483647s"},
    };
    struct netsim_words w;

    (void)state;
    for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++) {
        w = words_of(noted[i].text);
        assert_non_null(netsim_words_note(&w, 0));
        assert_non_null(strstr(netsim_words_note(&w, 0), noted[i].part));
        assert_null(netsim_words_note(&w, 1));
    }
    w = words_of("delay 20ms 5ms 25% loss 5% duplicate 1% reorder 5%");
    assert_null(netsim_words_note(&w, 0));
    w = words_of("delay 5s 3s");
    assert_int_equal(w.jitter_ns, INT32_MAX);
}

static void test_format_cuts(void **state)
{
    struct netsim_words w = words_of("delay 20ms 5ms loss 5%");
    char text[8];

    (void)state;
    assert_int_equal(netsim_words_format(&w, text, sizeof(text)), 22);
    assert_string_equal(text, "delay 2");
    assert_int_equal(netsim_words_format(&w, NULL, 0), 22);
}

/* tc's order decides what a short keyword means. */
static void test_short_keywords(void **state)
{
    static const struct {
        const char *word;
        enum netsim_keyword keyword;
    } rows[] = {
        {"l", NETSIM_WORD_LIMIT},      {"la", NETSIM_WORD_LATENCY},
        {"d", NETSIM_WORD_DELAY},      {"dr", NETSIM_WORD_DROP},
        {"du", NETSIM_WORD_DUPLICATE}, {"di", NETSIM_WORD_DISTRIBUTION},
        {"r", NETSIM_WORD_REORDER},    {"ra", NETSIM_WORD_RATE},
        {"s", NETSIM_WORD_SEED},       {"slot", NETSIM_WORD_SLOT},
        {"sl", NETSIM_WORD_SLOT},      {"lossy", NETSIM_CLAUSES},
        {"x", NETSIM_CLAUSES},         {"x-dro", NETSIM_CLAUSES},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(netsim_clause_find(rows[i].word), rows[i].keyword);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_tc_refuses), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_long_token),
        cmocka_unit_test(test_values),          cmocka_unit_test(test_notes),
        cmocka_unit_test(test_format_cuts),     cmocka_unit_test(test_short_keywords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
