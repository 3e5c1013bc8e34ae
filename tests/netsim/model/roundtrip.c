/* Random plans, written as people write them: parsed, written back, parsed again, and the same
 * link. And random damage to them, which must give an error that points into the text. */
#include "../fixture.h"

#include "netsim/model/plan.h"
#include "support/memory.h"
#include "support/random.h"

#define PLANS 3000

struct writer {
    struct test_random *random;
    char text[8192];
    bool has_loss, has_delay, has_jitter, has_rate, has_trace, is_first;
};

static uint64_t below(struct writer *w, uint64_t bound)
{
    return test_random_below(w->random, bound);
}

static void put(struct writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
    static const char *const blanks[] = {" ", "  ", "\t", "\n", " \r\n"};
    size_t len = strlen(w->text);
    va_list args;

    len += (size_t)snprintf(w->text + len, sizeof(w->text) - len, "%s", blanks[below(w, 5)]);
    va_start(args, format);
    vsnprintf(w->text + len, sizeof(w->text) - len, format, args);
    va_end(args);
}

static void put_keyword(struct writer *w, const char *name, size_t shortest)
{
    size_t len = strlen(name);

    put(w, "%.*s", (int)(below(w, 2) ? len : shortest + below(w, len - shortest + 1)), name);
}

static void put_percent(struct writer *w)
{
    switch (below(w, 4)) {
    case 0:
        put(w, "%u%%", (unsigned)below(w, 100) + 1);
        break;
    case 1:
        put(w, "%u", (unsigned)below(w, 100) + 1);
        break;
    case 2:
        put(w, "0.%05u%%", (unsigned)below(w, 99999) + 1);
        break;
    default:
        put(w, "%.17g%%", 100.0 * (double)(below(w, UINT32_MAX) + 1) / UINT32_MAX);
    }
}

static void put_optional_percents(struct writer *w, unsigned max)
{
    for (uint64_t n = below(w, max + 1); n > 0; n--)
        put_percent(w);
}

static void put_time(struct writer *w)
{
    static const char *const units[] = {"",   "s",    "sec", "secs", "ms", "msec", "msecs",
                                        "us", "usec", "ns",  "MS",   "Us", "nsecs"};

    if (below(w, 3) == 0)
        put(w, "%u.%us", (unsigned)below(w, 3), (unsigned)below(w, 1000000000) + 1);
    else
        put(w, "%u%s", (unsigned)below(w, 5000) + 1, units[below(w, 13)]);
}

static void put_file(struct writer *w, const char *more)
{
    static const char bytes[] = "abzAZ09._-+/:,@%=~\xc3\xa9";
    char name[NETSIM_FILE_SIZE] = "x_";
    size_t len = 2 + below(w, below(w, 10) == 0 ? sizeof(name) - 3 : 20);

    for (size_t i = 2; i < len; i++)
        name[i] = bytes[below(w, sizeof(bytes) - 1)];
    name[len] = '\0';
    put(w, "%s%s", len + strlen(more) < sizeof(name) ? more : "", name);
}

static void put_distribution(struct writer *w)
{
    static const char *const names[] = {"uniform", "normal", "pareto", "paretonormal"};

    if (below(w, 3) == 0)
        put_file(w, below(w, 2) ? "./" : "");
    else
        put(w, "%s", names[below(w, 4)]);
}

static void put_delay(struct writer *w)
{
    put_keyword(w, below(w, 2) ? "delay" : "latency", 2);
    put_time(w);
    w->has_delay = true;
    if (below(w, 2) == 0)
        return;
    put_time(w);
    w->has_jitter = true;
    put_optional_percents(w, 1);
    if (below(w, 4) == 0)
        put(w, "delay 5ms 2ms 0%%"); /* the later one counts, and its 0% is a correlation */
    if (below(w, 2) == 0)
        return;
    put_keyword(w, "distribution", 2);
    put_distribution(w);
}

static void put_loss(struct writer *w)
{
    w->has_loss = true;
    if (below(w, 2))
        put_keyword(w, "loss", 2);
    else
        put_keyword(w, "drop", 2);
    switch (below(w, 4)) {
    case 0:
        put(w, "random");
        /* fallthrough */
    case 1:
        put_percent(w);
        if (below(w, 4) == 0)
            put(w, "0%%");
        else
            put_optional_percents(w, 1);
        break;
    case 2:
        put(w, "state");
        put_percent(w);
        put_optional_percents(w, 4);
        break;
    default:
        put(w, "gemodel");
        put_percent(w);
        put_optional_percents(w, 3);
    }
}

static void put_rate(struct writer *w)
{
    static const char *const units[] = {"kbit",  "mbit",  "gbit", "kbps", "mbps",
                                        "kibit", "mibps", "bps",  "Mbit", "tbit"};

    w->has_rate = true;
    put_keyword(w, "rate", 2);
    put(w, "%u%s", (unsigned)below(w, 1000) + 1, units[below(w, 10)]);
    if (below(w, 2) == 0)
        return;
    put(w, "%d", (int)below(w, 200) - 100);
    if (below(w, 2) == 0)
        return;
    put(w, "%u", (unsigned)below(w, 100) + 1);
    if (below(w, 2) == 0)
        put(w, "%d", (int)below(w, 20) - 10);
}

static void put_slot(struct writer *w)
{
    unsigned ms = (unsigned)below(w, 100) + 1;

    put_keyword(w, "slot", 2);
    switch (below(w, 3)) {
    case 0:
        put_time(w);
        break;
    case 1:
        put(w, "%ums %ums", ms, ms + (unsigned)below(w, 100));
        break;
    default:
        put(w, "distribution");
        put_distribution(w);
        put_time(w);
        put_time(w);
    }
    if (below(w, 2)) {
        put_keyword(w, "packets", 1);
        put(w, "%u", (unsigned)below(w, 100) + 1);
    }
    if (below(w, 2)) {
        put_keyword(w, "bytes", 1);
        put(w, "%uk", (unsigned)below(w, 100) + 1);
    }
}

static void put_reorder(struct writer *w)
{
    put_keyword(w, "reorder", 1);
    put_percent(w);
    put_optional_percents(w, 1);
    if (below(w, 2) == 0)
        return;
    put_keyword(w, "gap", 1);
    put(w, "%u", (unsigned)below(w, 100) + 1);
}

static void put_drop(struct writer *w)
{
    put(w, "x-drop %u", (unsigned)below(w, 1000));
    for (uint64_t n = below(w, 5); n > 0; n--) {
        size_t len = strlen(w->text);
        unsigned first = (unsigned)below(w, 1000);

        snprintf(w->text + len, sizeof(w->text) - len, ",%u-%u", first,
                 first + (unsigned)below(w, 200));
    }
}

static void put_line(struct writer *w)
{
    if (!w->has_rate && below(w, 2)) {
        w->has_trace = true;
        put(w, "x-trace");
        put_file(w, "");
    }
    if ((w->has_rate || w->has_trace) && below(w, 2)) {
        if (below(w, 2))
            put(w, "x-queue codel");
        else
            put(w, "x-queue droptail %u%s", (unsigned)below(w, 999) + 1,
                below(w, 2) ? "k" : "");
    }
}

static void put_extensions(struct writer *w)
{
    if (below(w, 2))
        put_drop(w);
    if (below(w, 2)) {
        put(w, "x-blackout");
        put_time(w);
        put_time(w);
        if (below(w, 2))
            put(w, "repeat");
    }
    if (below(w, 2))
        put(w, "x-mtu %u", (unsigned)below(w, 9000) + 1);
    put_line(w);
    if (below(w, 2))
        put(w, "x-fifo");
    if (below(w, 2)) {
        put(w, "x-rebind");
        put_time(w);
        if (below(w, 2))
            put(w, "repeat");
    }
}

static void put_words(struct writer *w)
{
    w->has_loss = w->has_delay = w->has_jitter = w->has_rate = w->has_trace = false;
    if (below(w, 3) == 0) {
        put_keyword(w, "limit", 1);
        put(w, "%u%s", (unsigned)below(w, 5000), below(w, 2) ? "k" : "");
    }
    if (below(w, 2))
        put_delay(w);
    if (below(w, 2))
        put_loss(w);
    if (w->has_loss && below(w, 2))
        put_keyword(w, "ecn", 1);
    if (below(w, 3) == 0) {
        put_keyword(w, "corrupt", 1);
        put_percent(w);
        put_optional_percents(w, 1);
    }
    if (below(w, 3) == 0) {
        put_keyword(w, "duplicate", 2);
        put_percent(w);
        put_optional_percents(w, 1);
    }
    if (w->has_delay && below(w, 2))
        put_reorder(w);
    if (below(w, 3) == 0)
        put_rate(w);
    if (below(w, 4) == 0)
        put_slot(w);
    if (w->is_first && below(w, 3) == 0) {
        put_keyword(w, "seed", 1);
        put(w, "%" PRIu64, below(w, 2) ? test_random_u64(w->random) : below(w, 100));
    }
    if (below(w, 2))
        put_extensions(w);
}

static void write_plan(struct writer *w)
{
    uint64_t stages = below(w, 3) ? 1 : 1 + below(w, NETSIM_STAGES_MAX);

    w->text[0] = '\0';
    for (uint64_t k = 0; k < stages; k++) {
        uint64_t steps = below(w, 3) ? 1 : 1 + below(w, 4);

        if (k > 0)
            put(w, "|");
        w->is_first = true;
        put_words(w);
        for (uint64_t i = 1; i < steps; i++) {
            w->is_first = false;
            put(w, ";at %us", (unsigned)(10 * i + below(w, 10)));
            put_words(w);
        }
    }
}

#define SAME(field) assert_int_equal(a->field, b->field)

static void assert_same_words(const struct netsim_words *a, const struct netsim_words *b)
{
    SAME(limit), SAME(delay_ns), SAME(jitter_ns), SAME(delay_corr), SAME(distribution);
    SAME(has_distribution), SAME(loss_model), SAME(loss), SAME(loss_corr), SAME(p13), SAME(p31);
    SAME(p32), SAME(p23), SAME(p14), SAME(ge_p), SAME(ge_r), SAME(ge_h), SAME(ge_1k), SAME(ecn);
    SAME(corrupt), SAME(corrupt_corr), SAME(duplicate), SAME(duplicate_corr), SAME(reorder);
    SAME(reorder_corr), SAME(gap), SAME(rate_bytes_per_s), SAME(packet_overhead_bytes);
    SAME(cell_overhead_bytes), SAME(cell_bytes), SAME(has_slot), SAME(slot_has_distribution);
    SAME(slot_min_ns), SAME(slot_max_ns), SAME(slot_delay_ns), SAME(slot_jitter_ns);
    SAME(slot_distribution), SAME(slot_packets), SAME(slot_bytes), SAME(has_seed), SAME(seed);
    SAME(drops), SAME(has_blackout), SAME(blackout_repeats), SAME(blackout_on_ns);
    SAME(blackout_off_ns), SAME(mtu_bytes), SAME(line), SAME(line_bytes), SAME(fifo);
    SAME(has_rebind), SAME(rebind_repeats), SAME(rebind_ns);
    assert_memory_equal(a->drop, b->drop, a->drops * sizeof(a->drop[0]));
    assert_string_equal(a->distribution_file, b->distribution_file);
    assert_string_equal(a->slot_distribution_file, b->slot_distribution_file);
    assert_string_equal(a->trace_file, b->trace_file);
}

static void assert_same_plan(const struct netsim_plan *a, const struct netsim_plan *b)
{
    SAME(count);
    for (unsigned k = 0; k < a->count; k++) {
        SAME(stages[k].count);
        for (unsigned i = 0; i < a->stages[k].count; i++) {
            SAME(stages[k].steps[i].at_ns);
            assert_same_words(&a->stages[k].steps[i].words, &b->stages[k].steps[i].words);
        }
    }
}

static struct netsim_plan *parse(const char *text, struct test_memory *memory)
{
    struct netsim_plan *plan;
    struct netsim_words_error error;

    if (netsim_plan_parse(&plan, text, &memory->hook, &error) != 0)
        fail_msg("`%s`: %s at %zu", text, error.text, error.at);
    return plan;
}

static void test_what_is_written_back_is_the_same(void **state)
{
    struct test_random random = {test_seed_from_env(0x706c616e)};
    static struct writer w;
    static char text[16384], again[16384];
    size_t longest = 0;

    (void)state;
    w.random = &random;
    for (unsigned i = 0; i < PLANS; i++) {
        struct test_memory memory;
        struct netsim_plan *plan, *back;
        size_t len;

        test_memory_init(&memory);
        write_plan(&w);
        plan = parse(w.text, &memory);
        len = netsim_plan_format(plan, text, sizeof(text));
        assert_true(len == strlen(text) && len < sizeof(text));
        longest = len > longest ? len : longest;
        back = parse(text, &memory);
        assert_same_plan(plan, back);
        assert_int_equal(netsim_plan_format(back, again, sizeof(again)), len);
        assert_string_equal(again, text);
        netsim_plan_free(plan);
        netsim_plan_free(back);
        test_memory_assert_empty(&memory);
    }
    assert_true(longest > 1000); /* the generator does write long ones */
}

static void damage(struct writer *w)
{
    static const char bytes[] = " |;-.%0x,9\x01\xff";
    size_t len = strlen(w->text), at = len > 0 ? below(w, len) : 0;

    switch (below(w, 3)) {
    case 0: /* one byte less */
        memmove(w->text + at, w->text + at + (len > 0), len - at + (len == 0));
        break;
    case 1: /* another one */
        w->text[at] = len > 0 ? bytes[below(w, sizeof(bytes) - 1)] : '\0';
        break;
    default: /* cut */
        w->text[at] = '\0';
    }
}

static void test_damage_is_taken_or_pointed_at(void **state)
{
    struct test_random random = {test_seed_from_env(0x64616d61)};
    static struct writer w;
    unsigned refused = 0;

    (void)state;
    w.random = &random;
    for (unsigned i = 0; i < PLANS; i++) {
        struct test_memory memory;
        struct netsim_plan *plan;
        struct netsim_words_error error = {.len = 0};

        test_memory_init(&memory);
        write_plan(&w);
        damage(&w);
        if (netsim_plan_parse(&plan, w.text, &memory.hook, &error) == 0) {
            netsim_plan_free(plan);
        } else {
            refused++;
            assert_true(error.len > 0 && error.text[0] != '\0');
            assert_true(error.at + error.len <= strlen(w.text) + (error.len == 1));
        }
        test_memory_assert_empty(&memory);
    }
    assert_true(refused > PLANS / 10 && refused < PLANS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_back_is_the_same),
        cmocka_unit_test(test_damage_is_taken_or_pointed_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
