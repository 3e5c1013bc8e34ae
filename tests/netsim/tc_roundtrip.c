/*
 * netsim's reading of words against tc's and the kernel's (tests/vectors/netem-6.12.json): what
 * the kernel was told for them, number by number; the same after our own format; and what tc
 * refuses is refused here.
 */
#include "recording.h"

#include <inttypes.h>

/* Where netsim differs from tc on purpose. Each must be in the recording, and differ. */
struct exception {
    const char *words, *why;
};

static const struct exception laxer[] = {
    {"delay 10ms 5ms distribution uniform",
     "in tc's manual, though Debian ships no such table"},
    {"slot distribution uniform 10ms 2ms", "the same"},
    {"delay 10ms 1ms distribution normal distribution uniform", "the same"},
    {"delay 10ms 5ms distribution nosuchtable", "files are read later: netsim/files.h"},
    {"slot distribution nosuchtable 10ms 2ms", "the same"},
    {"x-drop 3", "an extension"},
    {"x-fifo", "an extension"},
    {"x-blackout 1s 1s", "an extension"},
};

static const struct exception stricter[] = {
    {"delay 0x10", "hexadecimal times are a slip of tc's"},
    {"delay +5ms", "signs are"},
    {"limit 0x10", "hexadecimal counts are"},
    {"delay 10ms reorder 25% gap 010", "tc reads it as octal, 8"},
    {"rate 1mbit 010", "the same"},
    {"rate -1mbit", "tc takes it for 18 exabytes a second"},
    {"rate 0", "no rate is no clause"},
    {"rate 2%", "of what an interface can do: a link has none"},
    {"rate 1mbit 20 -48", "tc takes it for an overhead without cells"},
    {"seed -1", "tc takes it for 2^64 - 1"},
};

static bool is_exception(const struct exception *list, size_t count, const char *words)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].words, words) == 0)
            return true;
    return false;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct numbers {
    const char *words;
    json_t *kernel;
    size_t wrong;
};

static uint64_t number_of(json_t *kernel, const char *key)
{
    json_t *value = json_object_get(kernel, key);

    if (json_is_string(value)) /* beyond 63 bits */
        return strtoull(json_string_value(value), NULL, 10);
    return (uint64_t)json_integer_value(value); /* 0 when there is none */
}

static void same(struct numbers *n, const char *key, uint64_t ours)
{
    uint64_t theirs = number_of(n->kernel, key);

    if (ours == theirs)
        return;
    print_message("%s: %s is %" PRIu64 " in the kernel, %" PRIu64 " here\n", n->words, key,
                  theirs, ours);
    n->wrong++;
}

static void compare_loss(struct numbers *n, const struct netsim_words *w)
{
    same(n, "loss", w->loss_model == NETSIM_LOSS_RANDOM ? w->loss : 0);
    same(n, "loss_corr", w->loss_corr);
    same(n, "ecn", w->ecn);
    same(n, "p13", w->loss_model == NETSIM_LOSS_STATE ? w->p13 : 0);
    same(n, "p31", w->loss_model == NETSIM_LOSS_STATE ? w->p31 : 0);
    same(n, "p32", w->loss_model == NETSIM_LOSS_STATE ? w->p32 : 0);
    same(n, "p23", w->loss_model == NETSIM_LOSS_STATE ? w->p23 : 0);
    same(n, "p14", w->loss_model == NETSIM_LOSS_STATE ? w->p14 : 0);
    same(n, "p", w->loss_model == NETSIM_LOSS_GEMODEL ? w->ge_p : 0);
    same(n, "r", w->loss_model == NETSIM_LOSS_GEMODEL ? w->ge_r : 0);
    same(n, "h", w->loss_model == NETSIM_LOSS_GEMODEL ? w->ge_h : 0);
    same(n, "k1", w->loss_model == NETSIM_LOSS_GEMODEL ? w->ge_1k : 0);
}

static void compare_slot(struct numbers *n, const struct netsim_words *w)
{
    bool by = w->slot_has_distribution;

    same(n, "slot_min", by ? 0 : (uint64_t)w->slot_min_ns);
    same(n, "slot_max", by ? 0 : (uint64_t)w->slot_max_ns);
    same(n, "slot_delay", by ? (uint64_t)w->slot_delay_ns : 0);
    same(n, "slot_jitter", by ? (uint64_t)w->slot_jitter_ns : 0);
    same(n, "slot_packets", w->slot_packets);
    same(n, "slot_bytes", w->slot_bytes);
}

static void compare_rate(struct numbers *n, const struct netsim_words *w)
{
    bool wide = w->rate_bytes_per_s > UINT32_MAX;

    same(n, wide ? "rate64" : "rate", w->rate_bytes_per_s);
    same(n, "packet_overhead", (uint64_t)(int64_t)w->packet_overhead_bytes);
    same(n, "cell_size", w->cell_bytes);
    same(n, "cell_overhead", (uint64_t)(int64_t)w->cell_overhead_bytes);
}

/* How many numbers differ. */
static size_t compare(const char *words, json_t *kernel, const struct netsim_words *w)
{
    struct numbers n = {words, kernel, 0};

    same(&n, "limit", w->limit);
    same(&n, "latency64", (uint64_t)w->delay_ns);
    same(&n, "jitter64", (uint64_t)w->jitter_ns);
    same(&n, "delay_corr", w->delay_corr);
    same(&n, "duplicate", w->duplicate);
    same(&n, "dup_corr", w->duplicate_corr);
    same(&n, "corrupt", w->corrupt);
    same(&n, "corrupt_corr", w->corrupt_corr);
    same(&n, "reorder", w->reorder);
    same(&n, "reorder_corr", w->reorder_corr);
    same(&n, "gap", w->gap);
    compare_loss(&n, w);
    compare_rate(&n, w);
    compare_slot(&n, w);
    if (w->has_seed)
        same(&n, "seed", w->seed);
    return n.wrong;
}

static size_t round_trip(const char *text, json_t *kernel)
{
    struct netsim_words words, again;
    struct netsim_words_error error;
    char formatted[512];

    if (netsim_words_parse(&words, text, &error) != 0) {
        print_message("%s: tc takes it, netsim does not: %s\n", text, error.text);
        return 1;
    }
    if (compare(text, kernel, &words) > 0)
        return 1;
    assert_true(netsim_words_format(&words, formatted, sizeof(formatted)) < sizeof(formatted));
    if (netsim_words_parse(&again, formatted, &error) != 0) {
        print_message("%s: our own `%s`: %s\n", text, formatted, error.text);
        return 1;
    }
    return compare(formatted, kernel, &again) > 0;
}

static void test_lines(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line;
    size_t i, wrong = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "lines"), i, line) wrong += round_trip(
        json_string_value(json_object_get(line, "words")), json_object_get(line, "kernel"));
    print_message("%zu lines\n", i);
    assert_true(i >= 40);
    assert_int_equal(wrong, 0);
    json_decref(root);
}

static size_t ask(const char *text, int64_t status, json_t *kernel)
{
    bool is_lax = is_exception(laxer, COUNT_OF(laxer), text);
    bool is_strict = is_exception(stricter, COUNT_OF(stricter), text);
    struct netsim_words words;
    int ours = netsim_words_parse(&words, text, NULL);

    if (is_lax || is_strict) {
        if ((status == 0) == is_strict && (ours == 0) == is_lax)
            return 0;
        print_message("%s: no exception any more\n", text);
        return 1;
    }
    if (status == 0)
        return round_trip(text, kernel);
    if (ours == 0)
        print_message("%s: tc refuses it, netsim does not\n", text);
    return ours == 0;
}

static void test_spellings(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *asked;
    size_t i, wrong = 0, refused = 0, excepted = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "asked"), i, asked)
    {
        const char *text = json_string_value(json_object_get(asked, "asked"));
        int64_t status = recording_int(asked, "status");

        refused += status != 0;
        excepted += is_exception(laxer, COUNT_OF(laxer), text) ||
                    is_exception(stricter, COUNT_OF(stricter), text);
        wrong += ask(text, status, json_object_get(asked, "kernel"));
    }
    print_message("%zu spellings, %zu refused by tc, %zu exceptions\n", i, refused, excepted);
    assert_true(refused >= 40);
    assert_int_equal(excepted, COUNT_OF(laxer) + COUNT_OF(stricter));
    assert_int_equal(wrong, 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_spellings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
