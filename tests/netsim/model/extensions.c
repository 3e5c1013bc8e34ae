/* The x-words: what they fill in, and what they refuse. */
#include "../fixture.h"

#include "netsim/model/extensions.h"

/* Accepted words, and how they are written back. */
static const struct {
    const char *text, *canonical;
} accepted[] = {
    {"x-drop 3", "x-drop 3"},
    {"x-drop 0", "x-drop 0"},
    {"x-drop 3,7-9", "x-drop 3,7-9"},
    {"x-drop 7-9,3", "x-drop 3,7-9"},
    {"x-drop 5-5", "x-drop 5"},
    {"x-drop 1,1,1", "x-drop 1"},
    {"x-drop 1-3,4", "x-drop 1-4"},
    {"x-drop 1-9,2-3,5", "x-drop 1-9"},
    {"x-drop 1-3,5-7,2-6", "x-drop 1-7"},
    {"x-drop 0-18446744073709551615,3", "x-drop 0-18446744073709551615"},
    {"x-drop 18446744073709551615", "x-drop 18446744073709551615"},
    {"x-blackout 10s 2s", "x-blackout 10s 2s"},
    {"loss 1% x-blackout 1 2ns repeat", "loss 1% x-blackout 1ns 2ns repeat"},
    {"x-mtu 1280", "x-mtu 1280"},
    {"x-mtu 2k", "x-mtu 2048"},
    {"rate 10mbit x-queue droptail 64k", "rate 10mbit x-queue droptail 65536"},
    {"x-queue codel rate 10mbit", "rate 10mbit x-queue codel"},
    {"x-queue codel rate 10mbit ecn", "ecn rate 10mbit x-queue codel"}, /* CoDel marks */
    {"x-trace lte.trace", "x-trace lte.trace"},
    {"x-trace ./loss", "x-trace ./loss"},
    {"x-trace 4g", "x-trace 4g"},
    {"x-trace a x-queue codel", "x-queue codel x-trace a"},
    {"x-queue droptail 1 x-trace /a/b:c", "x-queue droptail 1 x-trace /a/b:c"},
    {"delay 10ms 5ms x-fifo", "delay 10ms 5ms x-fifo"},
    {"delay 10ms 5ms reorder 5% x-fifo", "delay 10ms 5ms reorder 5% gap 1 x-fifo"},
    {"x-rebind 5s", "x-rebind 5s"},
    {"x-rebind 5s repeat seed 3", "x-rebind 5s repeat seed 3"},
    {"seed 3 x-rebind 1s x-fifo delay 1ms 1ms x-mtu 9 x-blackout 1s 1s x-drop 1 x-trace t",
     "delay 1ms 1ms x-drop 1 x-blackout 1s 1s x-mtu 9 x-trace t x-fifo x-rebind 1s seed 3"},
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct netsim_words words = words_of(accepted[i].text);
        char text[256];

        netsim_words_format(&words, text, sizeof(text));
        assert_string_equal(text, accepted[i].canonical);
        words = words_of(text);
        netsim_words_format(&words, text, sizeof(text));
        assert_string_equal(text, accepted[i].canonical);
    }
}

#define NAME_64 "0123456789012345678901234567890123456789012345678901234567890123"

/* As in words.c: the text, what the caret is under ("": the end), a part of the reason. */
static const struct {
    const char *text, *token, *reason;
} refused[] = {
    {"x-drop", "", "missing"},
    {"x-drop x", "x", "I or I-J"},
    {"x-drop -1", "-1", "I or I-J"},
    {"x-drop 1,x,3", "x", "I or I-J"},
    {"x-drop 1,,3", ",", "I or I-J"},
    {"x-drop 1,", "", "I or I-J"},
    {"x-drop 1-", "1-", "I or I-J"},
    {"x-drop 1-2-3", "1-2-3", "I or I-J"},
    {"x-drop 1.5", "1.5", "I or I-J"},
    {"x-drop 1, 2", " ", "I or I-J"},
    {"x-drop 1,9-8", "9-8", "ends before"},
    {"x-drop 18446744073709551616", "18446744073709551616", "I or I-J"},
    {"x-drop " NAME_64 "," NAME_64, NAME_64, "I or I-J"},
    {"x-drop 1 x-drop 2", "x-drop", "stands twice"},
    {"x-drop 1 2", "2", "not a word"},
    {"x-blackout", "", "missing"},
    {"x-blackout 10s", "", "missing"},
    {"x-blackout 10s loss 5%", "loss", "not a number"},
    {"x-blackout 0 2s", "0", "above 0"},
    {"x-blackout 10s 0ms repeat", "0ms", "above 0"},
    {"x-blackout 10s 2s repea", "repea", "not a word"},
    {"x-blackout 10s 2s 3s", "3s", "not a word"},
    {"x-blackout -1s 2s", "-1s", "negative"},
    {"x-blackout 1s 2s x-blackout 1s 2s", "x-blackout", "stands twice"},
    {"x-mtu", "", "missing"},
    {"x-mtu 0", "0", "let nothing pass"},
    {"x-mtu -5", "-5", "negative"},
    {"x-mtu 5ms", "5ms", "not a count"},
    {"x-mtu 9 x-mtu 9", "x-mtu", "stands twice"},
    {"x-queue", "", "missing"},
    {"x-queue fq", "fq", "neither droptail nor codel"},
    {"x-queue cod rate 1mbit", "cod", "neither droptail nor codel"},
    {"rate 1mbit x-queue droptail", "", "missing"},
    {"rate 1mbit x-queue droptail 0", "0", "let nothing pass"},
    {"rate 1mbit x-queue droptail codel", "codel", "not a number"},
    {"x-queue codel", "x-queue", "needs a rate or an x-trace"},
    {"delay 5ms x-queue droptail 64k", "x-queue", "needs a rate or an x-trace"},
    {"rate 1mbit x-queue codel x-queue codel", "x-queue", "stands twice"},
    {"x-trace", "", "missing"},
    {"x-trace loss 5%", "loss", "where a name should be"},
    {"x-trace x-fifo", "x-fifo", "where a name should be"},
    {"x-trace a|b", "a|b", "no file's name"},
    {"x-trace a;b", "a;b", "no file's name"},
    {"x-trace a\x7f", "a\x7f", "no file's name"},
    {"x-trace " NAME_64 NAME_64 NAME_64 NAME_64, NAME_64 NAME_64 NAME_64 NAME_64, "too long"},
    {"x-trace a rate 10mbit", "x-trace", "excludes rate"},
    {"x-trace a x-trace b", "x-trace", "stands twice"},
    {"x-fifo 5", "5", "not a word"},
    {"x-fifo x-fifo", "x-fifo", "stands twice"},
    {"x-rebind", "", "missing"},
    {"x-rebind 0", "0", "above 0"},
    {"x-rebind repeat", "repeat", "not a number"},
    {"x-rebind 5s 5s", "5s", "not a word"},
    {"x-rebind 5s x-rebind 6s", "x-rebind", "stands twice"},
    {"x", "x", "not a word"},
    {"x-", "x-", "x-drop x-blackout"},
    {"x-f", "x-f", "x-drop x-blackout"},
    {"x-dro 1", "x-dro", "x-drop x-blackout"},
    {"X-drop 1", "X-drop", "not a word"},
    {"drop 1,2", "1,2", "not a percentage"},
    {"delay 10ms 5ms distribution", "", "missing"},
    {"delay 10ms 5ms distribution loss 5%", "loss", "where a name should be"},
    {"delay 10ms 5ms distribution 5ms", "5ms", "none of uniform"},
    {"delay 10ms 5ms distribution -5", "-5", "none of uniform"},
    {"slot distribution 10ms 2ms", "10ms", "none of uniform"},
    {"slot distribution a 10ms", "", "missing"},
};

/* The last of its like in the text, but for a list's broken piece. */
static const char *find_last(const char *text, const char *token)
{
    const char *found = NULL;

    for (const char *at = text; (at = strstr(at, token)) != NULL; at++)
        found = at;
    return found;
}

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
        if (strcmp(refused[i].reason, "stands twice") == 0)
            assert_ptr_equal(text + error.at, find_last(text, token));
        if (error.hint[0] != '\0')
            words_of(error.hint);
        assert_int_equal(words.drops, 0); /* a clean link */
    }
}

static void test_values(void **state)
{
    struct netsim_words w = words_of("x-drop 9,1-3 x-blackout 10s 2s repeat x-mtu 1280 "
                                     "rate 8mbit x-queue droptail 64k x-rebind 3s");

    (void)state;
    assert_int_equal(w.drops, 2);
    assert_true(w.drop[0].first == 1 && w.drop[0].last == 3);
    assert_true(w.drop[1].first == 9 && w.drop[1].last == 9);
    assert_true(w.has_blackout && w.blackout_repeats);
    assert_int_equal(w.blackout_on_ns, 10000000000);
    assert_int_equal(w.blackout_off_ns, 2000000000);
    assert_int_equal(w.mtu_bytes, 1280);
    assert_true(w.line == NETSIM_LINE_DROPTAIL && w.line_bytes == 65536);
    assert_true(w.has_rebind && !w.rebind_repeats && w.rebind_ns == 3000000000);
    assert_false(w.fifo);
    w = words_of("x-trace t");
    assert_true(w.line == NETSIM_LINE_LIMIT);
    assert_string_equal(w.trace_file, "t");
    w = words_of("x-trace t x-queue codel");
    assert_true(w.line == NETSIM_LINE_CODEL);
    w = words_of("rate 8mbit");
    assert_true(w.line == NETSIM_LINE_NONE);
    w = words_of("delay 5ms 5ms distribution a slot distribution ./b 1ms 1ms");
    assert_true(w.distribution == NETSIM_FROM_FILE);
    assert_true(w.slot_distribution == NETSIM_FROM_FILE);
    assert_string_equal(w.distribution_file, "a");
    assert_string_equal(w.slot_distribution_file, "./b");
    w = words_of("delay 5ms 5ms distribution a distribution normal");
    assert_true(w.distribution == NETSIM_NORMAL);
    assert_string_equal(w.distribution_file, "");
}

static void test_ranges_are_bounded(void **state)
{
    char text[512] = "x-drop 0";
    struct netsim_words words;
    struct netsim_words_error error;

    (void)state;
    for (unsigned i = 1; i < NETSIM_DROPS_MAX; i++)
        snprintf(text + strlen(text), 8, ",%u", 2 * i);
    assert_int_equal(netsim_words_parse(&words, text, &error), 0);
    assert_int_equal(words.drops, NETSIM_DROPS_MAX);
    strcat(text, ",999");
    assert_int_equal(netsim_words_parse(&words, text, &error), BELAY_EINVAL);
    assert_string_equal(text + error.at, "999");
    assert_non_null(strstr(error.text, "at most 64"));
}

static void test_extension(void **state)
{
    static const struct {
        const char *text, *extension;
    } rows[] = {
        {"", NULL},
        {"delay 5ms 5ms distribution ./f loss 5% seed 3", NULL},
        {"x-drop 1 x-mtu 5", "x-drop"},
        {"x-blackout 1s 1s", "x-blackout"},
        {"x-mtu 5", "x-mtu"},
        {"x-trace t x-queue codel", "x-trace"},
        {"x-trace t", "x-trace"},
        {"rate 1mbit x-queue codel", "x-queue"},
        {"delay 5ms 5ms x-fifo", "x-fifo"},
        {"x-rebind 5s", "x-rebind"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_words words = words_of(rows[i].text);
        const char *extension = netsim_words_extension(&words);

        if (rows[i].extension == NULL)
            assert_null(extension);
        else
            assert_string_equal(extension, rows[i].extension);
    }
}

static void test_notes(void **state)
{
    struct netsim_words w = words_of("delay 5ms x-fifo");

    (void)state;
    assert_non_null(strstr(netsim_words_note(&w, 0), "x-fifo does nothing"));
    assert_null(netsim_words_note(&w, 1));
    w = words_of("delay 5ms 1ms x-fifo");
    assert_null(netsim_words_note(&w, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_extension),
        cmocka_unit_test(test_ranges_are_bounded),
        cmocka_unit_test(test_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
