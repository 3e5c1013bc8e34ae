/* The keywords, and how far each clause reads. What the words mean together: words.c. */
#include "../fixture.h"

#include "netsim/model/clauses.h"

static void test_keywords_and_their_beginnings(void **state)
{
    (void)state;
    for (unsigned k = 0; k < NETSIM_CLAUSES; k++) {
        const struct netsim_clause *clause = &netsim_clauses[k];

        assert_int_equal(netsim_clause_find(clause->name), k);
        for (size_t len = 1; len < strlen(clause->name); len++) {
            char word[NETSIM_WORD_SIZE] = "";
            unsigned first = 0;

            memcpy(word, clause->name, len);
            while (first < NETSIM_CLAUSES && (netsim_clauses[first].whole ||
                                              strncmp(netsim_clauses[first].name, word, len)))
                first++;
            assert_int_equal(netsim_clause_find(word), first);
        }
    }
    assert_int_equal(netsim_clause_find("delays"), NETSIM_CLAUSES);
    assert_int_equal(netsim_clause_find("x"), NETSIM_CLAUSES);
}

/* What follows the keyword, and how many bytes of it are the clause's. */
static const struct {
    enum netsim_keyword keyword;
    const char *text;
    size_t taken;
} reads[] = {
    {NETSIM_WORD_LIMIT, "10 20", 2},
    {NETSIM_WORD_DELAY, "20ms", 4},
    {NETSIM_WORD_DELAY, "20ms loss 1%", 4},
    {NETSIM_WORD_DELAY, "20ms 5ms loss 1%", 8},
    {NETSIM_WORD_LATENCY, "20ms 5ms 25% 7", 12},
    {NETSIM_WORD_LOSS, "5% ecn", 2},
    {NETSIM_WORD_LOSS, "random 5% 25% 7", 13},
    {NETSIM_WORD_DROP, "state 1 2 3 4 5 6", 15},
    {NETSIM_WORD_LOSS, "gemodel 1 2 3 4 5", 15},
    {NETSIM_WORD_LOSS, "gemodel 1 ecn", 9},
    {NETSIM_WORD_ECN, "5%", 0},
    {NETSIM_WORD_REORDER, "25% 50% gap 5", 7},
    {NETSIM_WORD_CORRUPT, "1% 2% 3%", 5},
    {NETSIM_WORD_DUPLICATE, "1% delay 5ms", 2},
    {NETSIM_WORD_GAP, "5 6", 1},
    {NETSIM_WORD_DISTRIBUTION, "pareto 5", 6},
    {NETSIM_WORD_RATE, "8kbit limit 5", 5},
    {NETSIM_WORD_RATE, "8kbit -20 48 5 6", 14},
    {NETSIM_WORD_SLOT, "10ms packets 3", 14},
    {NETSIM_WORD_SLOT, "10ms 20ms packets 3 bytes 1k seed 1", 28},
    {NETSIM_WORD_SLOT, "distribution ./a 10ms 2ms p 3 b 4 5", 33},
    {NETSIM_WORD_DISTRIBUTION, "/a/b.dist 5", 9},
    {NETSIM_WORD_SLOT, "distribution normal 10ms 2ms 3ms", 28},
    {NETSIM_WORD_SEED, "42 43", 2},
    {NETSIM_WORD_X_DROP, "1,3-5 7", 5},
    {NETSIM_WORD_X_BLACKOUT, "1s 2s 3s", 5},
    {NETSIM_WORD_X_BLACKOUT, "1s 2s repeat repeat", 12},
    {NETSIM_WORD_X_MTU, "1280 1280", 4},
    {NETSIM_WORD_X_QUEUE, "droptail 64k 5", 12},
    {NETSIM_WORD_X_QUEUE, "codel 64k", 5},
    {NETSIM_WORD_X_TRACE, "a.trace b.trace", 7},
    {NETSIM_WORD_X_FIFO, "5ms", 0},
    {NETSIM_WORD_X_REBIND, "5s 6s", 2},
    {NETSIM_WORD_X_REBIND, "5s repeat x-fifo", 9},
};

static int take(enum netsim_keyword keyword, const char *text, struct netsim_words *words,
                struct netsim_words_error *error, size_t *taken)
{
    struct netsim_parser p = {
        .text = text, .end = strlen(text), .words = words, .error = error};
    int result;

    memset(error, 0, sizeof(*error));
    result = netsim_clauses[keyword].take(&p);
    *taken = p.next;
    return result;
}

static void test_how_far_a_clause_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        struct netsim_words words;
        struct netsim_words_error error;
        size_t taken;

        netsim_words_init(&words);
        if (take(reads[i].keyword, reads[i].text, &words, &error, &taken) != 0)
            fail_msg("`%s`: %s", reads[i].text, error.text);
        if (taken != reads[i].taken)
            fail_msg("`%s`: read %zu bytes", reads[i].text, taken);
    }
}

/* All but ecn and x-fifo want something; nothing and nonsense are refused where they stand. */
static void test_every_clause_refuses_nothing(void **state)
{
    (void)state;
    for (unsigned k = 0; k < NETSIM_CLAUSES; k++) {
        struct netsim_words words;
        struct netsim_words_error error;
        size_t taken;

        if (k == NETSIM_WORD_ECN || k == NETSIM_WORD_X_FIFO)
            continue;
        netsim_words_init(&words);
        assert_int_equal(take(k, "  ", &words, &error, &taken), BELAY_EINVAL);
        assert_int_equal(error.at, 2);
        assert_non_null(strstr(error.text, "missing"));
        netsim_words_init(&words);
        if (k == NETSIM_WORD_DISTRIBUTION || k == NETSIM_WORD_X_TRACE)
            continue; /* a file may be called so */
        assert_int_equal(take(k, " nonsense", &words, &error, &taken), BELAY_EINVAL);
        assert_int_equal(error.at, 1);
        assert_int_equal(error.len, 8);
    }
}

/* A clause that stands twice: what the later one does not name stays, as in tc. */
static void test_the_later_one_counts(void **state)
{
    struct netsim_words w;
    struct netsim_words_error error;
    size_t taken;

    (void)state;
    netsim_words_init(&w);
    take(NETSIM_WORD_DELAY, "20ms 5ms 25%", &w, &error, &taken);
    take(NETSIM_WORD_DELAY, "30ms", &w, &error, &taken);
    assert_true(w.delay_ns == 30000000 && w.jitter_ns == 5000000 && w.delay_corr > 0);
    take(NETSIM_WORD_CORRUPT, "1% 2%", &w, &error, &taken);
    take(NETSIM_WORD_CORRUPT, "100%", &w, &error, &taken);
    assert_true(w.corrupt == UINT32_MAX && w.corrupt_corr == 85899346);
    take(NETSIM_WORD_RATE, "8kbit 20 48 5", &w, &error, &taken);
    take(NETSIM_WORD_RATE, "16kbit", &w, &error, &taken);
    assert_true(w.rate_bytes_per_s == 2000 && w.packet_overhead_bytes == 20 &&
                w.cell_bytes == 48 && w.cell_overhead_bytes == 5);
    take(NETSIM_WORD_SLOT, "1ms packets 3 bytes 4", &w, &error, &taken);
    take(NETSIM_WORD_SLOT, "2ms", &w, &error, &taken);
    assert_true(w.slot_max_ns == 2000000 && w.slot_packets == 3 && w.slot_bytes == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords_and_their_beginnings),
        cmocka_unit_test(test_how_far_a_clause_reads),
        cmocka_unit_test(test_every_clause_refuses_nothing),
        cmocka_unit_test(test_the_later_one_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
