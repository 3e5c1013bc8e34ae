/*
 * What Linux's own netem did with `seed N` (tests/vectors/netem-6.12.json), against the link:
 * what becomes of packets exactly, and their order exactly but for pairs that the link predicts
 * within SLACK_NS of each other, at most 1 %, each printed. See replay.h.
 */
#include "../replay.h"

#define SLACK_NS     5000
#define MOST_LATE_US 50 /* 99 of 100 packets */
#define LATES_MAX    500000

/* Takes out packets whose times are not to be known: how many are left. */
static size_t drop_unsettled(struct replay *p, uint32_t *seen)
{
    size_t kept = 0, seen_count = 0;

    for (size_t i = 0; i < p->count; i++) {
        if (p->r->out[i].id >= p->settled)
            seen[seen_count++] = p->r->out[i].id;
        if (p->ids[i] < p->settled)
            continue;
        p->ids[kept] = p->ids[i];
        p->due_ns[kept++] = p->due_ns[i];
    }
    assert_int_equal(kept, seen_count); /* the sets are the same */
    return kept;
}

static uint64_t apart_ns(const struct replay *p, size_t a, size_t b)
{
    return p->due_ns[a] > p->due_ns[b] ? p->due_ns[a] - p->due_ns[b]
                                       : p->due_ns[b] - p->due_ns[a];
}

/* Where near a place the link has a packet, a copy of it: which leaves at the nearest time.
 * Else the place itself. */
static size_t find_near(const struct replay *p, size_t place, uint32_t id)
{
    size_t from = place > 3 ? place - 3 : 0, to = place + 3, best = place;

    for (size_t at = from; at <= to && at < p->count; at++)
        if (p->ids[at] == id &&
            (best == place || apart_ns(p, at, place) < apart_ns(p, best, place)))
            best = at;
    return best;
}

/* Places where the link has another packet, which leaves at nearly the same time. */
static bool compare_order(struct replay *p)
{
    static uint32_t seen[RECORDING_MAX];
    size_t moved = 0;

    p->count = drop_unsettled(p, seen);
    for (size_t i = 0; i < p->count; i++) {
        size_t at = p->ids[i] == seen[i] ? i : find_near(p, i, seen[i]);

        if (p->ids[i] == seen[i])
            continue;
        if (at == i || apart_ns(p, at, i) > SLACK_NS)
            return replay_differs(p, "left out of its order", seen[i]);
        print_message("  place %zu: predicted %u, recorded %u, %u ns apart\n", i,
                      (unsigned)p->ids[i], (unsigned)seen[i], (unsigned)apart_ns(p, at, i));
        moved++;
    }
    return moved * 100 <= p->count;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Microseconds; sorts. */
static double late_us(int64_t *late_ns, size_t count, double share)
{
    qsort(late_ns, count, sizeof(*late_ns), ascending);
    return count == 0 ? 0 : (double)late_ns[(size_t)((double)(count - 1) * share)] / 1e3;
}

/* All lines' together. */
struct lates {
    size_t count;
    int64_t ns[LATES_MAX];
};

static bool compare_line(json_t *line, struct lates *all)
{
    static struct recording r;
    static struct replay p;
    struct netsim_words words;
    uint32_t tries;

    recording_read(&r, line);
    p = (struct replay){.r = &r};
    words = recording_words(r.words);
    p.settled = words.delay_corr > 0 ? REPLAY_SETTLED : 0;
    tries = replay_find(&p, &words);
    if (tries == 0 || (!r.free && !compare_order(&p))) {
        print_message("DIFFERS: %s: %s\n", r.words, p.wrong);
        return false;
    }
    assert_true(all->count + p.lates <= LATES_MAX);
    memcpy(all->ns + all->count, p.late_ns, p.lates * sizeof(p.late_ns[0]));
    all->count += p.lates;
    print_message("%4u of %4u out, late p50 %.1f max %.1f us, seed %u: %s\n", r.delivered,
                  r.count, late_us(p.late_ns, p.lates, 0.5), late_us(p.late_ns, p.lates, 1),
                  tries, r.words);
    return true;
}

static void test_recordings(void **state)
{
    static struct lates all;
    json_t *root = recording_load("netem-6.12.json"), *line;
    size_t i, count = 0, same = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "lines"), i, line)
    {
        count++;
        same += compare_line(line, &all);
    }
    print_message("%zu of %zu lines; %zu times: late p0 %.1f p50 %.1f p99 %.1f p99.9 %.1f "
                  "max %.1f us\n",
                  same, count, all.count, late_us(all.ns, all.count, 0),
                  late_us(all.ns, all.count, 0.5), late_us(all.ns, all.count, 0.99),
                  late_us(all.ns, all.count, 0.999), late_us(all.ns, all.count, 1));
    assert_true(count >= 40);
    assert_int_equal(same, count);
    assert_true(late_us(all.ns, all.count, 0.99) <= MOST_LATE_US);
    json_decref(root);
}

/* Words whose packets have fates of their own: with another seed these differ. */
static bool is_random(const struct netsim_words *w)
{
    bool loss = w->loss_model == NETSIM_LOSS_RANDOM ? w->loss > 0 && w->loss < UINT32_MAX
                                                    : w->loss_model != NETSIM_LOSS_NONE;

    return loss || w->corrupt > 0 || (w->duplicate > 0 && w->duplicate < UINT32_MAX);
}

/* No beginning and no microsecond makes up for a wrong seed. */
static void test_other_seeds_differ(void **state)
{
    json_t *root = recording_load("netem-6.12.json"), *line;
    static struct recording r;
    static struct replay p;
    size_t i, tried = 0;

    (void)state;
    json_array_foreach(json_object_get(root, "lines"), i, line)
    {
        struct netsim_words words;

        recording_read(&r, line);
        words = recording_words(r.words);
        words.seed ^= UINT64_C(1) << 20; /* one of the bits that count */
        p = (struct replay){.r = &r, .settled = r.count};
        if (!is_random(&words))
            continue;
        tried++;
        if (replay_find_seed(&p, &words, words.seed) != 0)
            fail_msg("another seed does the same: %s", r.words);
    }
    assert_true(tried >= 30);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_other_seeds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
