/*
 * Which things stand together in the lines that were recorded from the kernel: all pairs that
 * netem's language allows must, for that is where orders of draws go wrong. Prints the matrix:
 * `#` compared with the kernel, `-` not allowed.
 */
#include "../recording.h"

enum thing {
    LIMIT,
    DELAY,
    JITTER,
    NORMAL,
    PARETO,
    PARETONORMAL,
    TABLE,
    DELAY_CORR,
    LOSS,
    LOSS_CORR,
    STATE,
    GEMODEL,
    ECN,
    CORRUPT,
    CORRUPT_CORR,
    DUPLICATE,
    DUPLICATE_CORR,
    REORDER,
    REORDER_CORR,
    GAP,
    RATE,
    OVERHEAD,
    CELLS,
    SLOT,
    SLOT_DISTRIBUTION,
    SLOT_BOUNDS,
    THINGS
};

static const char *const names[THINGS] = {
    "limit",
    "delay",
    "jitter, uniform",
    "jitter, normal",
    "jitter, pareto",
    "jitter, paretonormal",
    "jitter, own table",
    "delay correlation",
    "loss",
    "loss correlation",
    "loss state",
    "loss gemodel",
    "ecn",
    "corrupt",
    "corrupt correlation",
    "duplicate",
    "duplicate correlation",
    "reorder",
    "reorder correlation",
    "gap",
    "rate",
    "overhead",
    "cells",
    "slot",
    "slot distribution",
    "slot bounds",
};

#define BIT(thing) (UINT32_C(1) << (thing))

/* Of each of these a link has one at most. */
static const uint32_t one_of[] = {
    BIT(JITTER) | BIT(NORMAL) | BIT(PARETO) | BIT(PARETONORMAL) | BIT(TABLE),
    BIT(LOSS) | BIT(STATE) | BIT(GEMODEL),
    BIT(LOSS_CORR) | BIT(STATE), /* it is of random loss */
    BIT(LOSS_CORR) | BIT(GEMODEL),
    BIT(SLOT) | BIT(SLOT_DISTRIBUTION),
};

static bool is_allowed(unsigned a, unsigned b)
{
    for (size_t i = 0; i < sizeof(one_of) / sizeof(one_of[0]); i++)
        if ((one_of[i] & BIT(a)) != 0 && (one_of[i] & BIT(b)) != 0)
            return false;
    return true;
}

static enum thing jitter_of(const struct netsim_words *w)
{
    static const enum thing things[] = {
        [NETSIM_UNIFORM] = JITTER,  [NETSIM_NORMAL] = NORMAL,
        [NETSIM_PARETO] = PARETO,   [NETSIM_PARETONORMAL] = PARETONORMAL,
        [NETSIM_FROM_FILE] = TABLE,
    };

    return things[w->distribution];
}

static uint32_t loss_of(const struct netsim_words *w)
{
    uint32_t set = 0;

    if (w->loss_model == NETSIM_LOSS_RANDOM)
        set |= BIT(LOSS);
    if (w->loss_model == NETSIM_LOSS_STATE)
        set |= BIT(STATE);
    if (w->loss_model == NETSIM_LOSS_GEMODEL)
        set |= BIT(GEMODEL);
    if (w->loss_corr > 0)
        set |= BIT(LOSS_CORR);
    return w->ecn ? set | BIT(ECN) : set;
}

static uint32_t slot_of(const struct netsim_words *w)
{
    uint32_t set = BIT(w->slot_has_distribution ? SLOT_DISTRIBUTION : SLOT);

    if (!w->has_slot)
        return 0;
    return w->slot_packets > 0 || w->slot_bytes > 0 ? set | BIT(SLOT_BOUNDS) : set;
}

static uint32_t things_of(const struct netsim_words *w)
{
    const struct {
        bool there;
        enum thing thing;
    } rows[] = {
        {w->limit != 1000, LIMIT},
        {w->delay_ns > 0, DELAY},
        {w->jitter_ns > 0, jitter_of(w)},
        {w->delay_corr > 0, DELAY_CORR},
        {w->corrupt > 0, CORRUPT},
        {w->corrupt_corr > 0, CORRUPT_CORR},
        {w->duplicate > 0, DUPLICATE},
        {w->duplicate_corr > 0, DUPLICATE_CORR},
        {w->reorder > 0, REORDER},
        {w->reorder_corr > 0, REORDER_CORR},
        {w->gap > 1, GAP},
        {w->rate_bytes_per_s > 0, RATE},
        {w->packet_overhead_bytes != 0, OVERHEAD},
        {w->cell_bytes > 0, CELLS},
    };
    uint32_t set = loss_of(w) | slot_of(w);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].there)
            set |= BIT(rows[i].thing);
    return set;
}

static void print_matrix(const uint32_t together[THINGS])
{
    for (unsigned a = 0; a < THINGS; a++) {
        char row[THINGS + 1] = "";

        for (unsigned b = 0; b <= a; b++)
            row[b] = (together[a] & BIT(b)) != 0 ? '#' : is_allowed(a, b) ? '?' : '-';
        row[a] = (together[a] & BIT(a)) != 0 ? '#' : '?';
        print_message("%-22s %s\n", names[a], row);
    }
}

static void test_pairs(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line;
    uint32_t together[THINGS] = {0};
    size_t i, pairs = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "lines"), i, line)
    {
        struct netsim_words w = words_of(json_string_value(json_object_get(line, "words")));
        uint32_t set = things_of(&w);

        for (unsigned a = 0; a < THINGS; a++)
            if ((set & BIT(a)) != 0)
                together[a] |= set;
    }
    print_matrix(together);
    for (unsigned a = 0; a < THINGS; a++)
        for (unsigned b = 0; b <= a; b++) {
            bool there = (together[a] & BIT(b)) != 0;

            if (there != (a == b || is_allowed(a, b)))
                fail_msg("%s with %s: %s", names[a], names[b],
                         there ? "is there, and said not to be allowed" : "in no line");
            pairs += a != b && there;
        }
    print_message("%zu pairs in %zu lines\n", pairs, i);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
