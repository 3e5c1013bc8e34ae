/*
 * replay.h - a recording's packets through the link, at the times at which they came to the
 * kernel's netem, against what the kernel did with them.
 *
 * Which are delivered, which twice, corrupt or marked: exactly. When they leave: within
 * REPLAY_EARLY_NS and REPLAY_LATE_NS of what the link says.
 *
 * What a correlated draw leans on first comes from the system's generator in the kernel, even
 * with a seed; in the link it comes from the seed. Decisions depend on 32 bits of the seed, so
 * many seeds differ in these beginnings alone: one of them must do all that the kernel did.
 * (Delays lean on it down to the nanosecond, and it has 2^32 values, so times and order are
 * compared from the packet on where no beginning has a part in them any more: a correlation of
 * 25 % makes it a quarter a draw, less than one after 16.)
 */
#ifndef TESTS_NETSIM_REPLAY_H
#define TESTS_NETSIM_REPLAY_H

#include "recording.h"

/* An original is looked at after its copy, so it may be a little earlier than the link says. */
#define REPLAY_EARLY_NS      (-5000)
#define REPLAY_LATE_NS       200000
#define REPLAY_TRIES         2000 /* seeds */
#define REPLAY_SETTLED       32   /* packets */
#define REPLAY_STAMP_STEP_NS 400  /* of the 2.6 us between both time stamps at least */
#define REPLAY_STAMP_TRIES   6

struct replay {
    const struct recording *r;
    struct netsim_link *link;
    uint32_t settled; /* from this packet on, times are compared */
    int64_t in_ns;    /* from the time stamp to netem's look at the clock */
    int64_t out_ns;   /* from netem's look at the clock to the time stamp */
    size_t count;
    uint32_t ids[RECORDING_MAX];
    uint64_t due_ns[RECORDING_MAX];
    uint32_t copies[RECORDING_MAX];
    int64_t late_ns[RECORDING_MAX];
    size_t lates;
    uint32_t sent; /* of the try that went furthest, and what was wrong with it */
    char wrong[160], best[160];
};

static inline bool replay_differs(struct replay *p, const char *what, uint32_t id)
{
    snprintf(p->wrong, sizeof(p->wrong), "packet %u: %s", (unsigned)id, what);
    return false;
}

/* The n-th copy of a packet that leaves, against the n-th that the kernel let out. */
static inline bool replay_check(struct replay *p, const struct netsim_delivery *out)
{
    const struct recording *r = p->r;
    uint32_t id = (uint32_t)out->id, copy = p->copies[id]++;
    const struct recorded *seen;
    int64_t late;

    if (copy >= r->copies[id])
        return replay_differs(p, "is delivered, and was not", id);
    seen = &r->out[r->place[id][copy]];
    if ((seen->bit >= 0) != (out->corrupt_bit >= 0))
        return replay_differs(p, seen->bit >= 0 ? "was corrupt" : "is corrupt, and was not",
                              id);
    if (seen->ce != out->ce)
        return replay_differs(p, seen->ce ? "was marked" : "is marked, and was not", id);
    late = seen->left_ns - (int64_t)out->due_ns;
    if (r->free || id < p->settled)
        return true;
    if (late < REPLAY_EARLY_NS || late > REPLAY_LATE_NS) {
        snprintf(p->wrong, sizeof(p->wrong), "packet %u was %lld ns late", (unsigned)id,
                 (long long)late);
        return false;
    }
    p->late_ns[p->lates++] = late;
    return true;
}

/* netem looks at its queue after each packet that it let out, and a slot's next turn is counted
 * from such a look: so each look comes when the kernel's came, some microseconds after due_ns.
 */
static inline uint64_t replay_look_ns(const struct replay *p, uint64_t due_ns)
{
    int64_t came;

    if (p->count >= p->r->delivered)
        return due_ns;
    came = p->r->out[p->count].left_ns - p->out_ns;
    return came > (int64_t)due_ns && came < (int64_t)due_ns + REPLAY_LATE_NS ? (uint64_t)came
                                                                             : due_ns;
}

static inline bool replay_drain(struct replay *p, uint64_t now_ns)
{
    struct netsim_delivery out;

    while (netsim_link_receive(p->link, replay_look_ns(p, now_ns), &out)) {
        assert_true(p->count < RECORDING_MAX);
        p->ids[p->count] = (uint32_t)out.id;
        p->due_ns[p->count++] = out.due_ns;
        if (!replay_check(p, &out))
            return false;
    }
    return true;
}

/* netem's timer, up to a time and without it. */
static inline bool replay_run_timer(struct replay *p, uint64_t until_ns)
{
    uint64_t due;

    while ((due = netsim_link_deadline(p->link)) < until_ns &&
           replay_look_ns(p, due) < until_ns)
        if (!replay_drain(p, due))
            return false;
    return true;
}

static inline bool replay_send(struct replay *p, uint32_t id)
{
    const struct recording *r = p->r;
    struct netsim_packet packet = {.id = id, .len = recording_size(r, id), .ect = r->ect};
    uint64_t now_ns = r->sent_ns[id] + (uint64_t)p->in_ns;
    struct netsim_fate fate;

    if (!replay_run_timer(p, now_ns))
        return false;
    fate = netsim_link_send(p->link, &packet, now_ns);
    if (fate.queued != r->copies[id])
        return replay_differs(
            p, fate.queued < r->copies[id] ? "is lost, and was not" : "was lost", id);
    return replay_drain(p, now_ns);
}

static inline bool replay_all(struct replay *p, const struct netsim_words *words)
{
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};
    bool same = true;
    uint32_t id;

    p->count = 0;
    p->lates = 0;
    memset(p->copies, 0, sizeof(p->copies));
    p->link = netsim_link_new(words, 0, &memory);
    for (id = 0; same && id < p->r->count; id++)
        same = replay_send(p, id);
    same = same && replay_run_timer(p, BELAY_NEVER) && p->count == p->r->delivered;
    netsim_link_free(p->link);
    if (!same && id > p->sent) {
        p->sent = id;
        memcpy(p->best, p->wrong, sizeof(p->best));
    }
    return same;
}

static inline bool replay_is_correlated(const struct netsim_words *w)
{
    return w->delay_corr > 0 || w->loss_corr > 0 || w->duplicate_corr > 0 ||
           w->corrupt_corr > 0 || w->reorder_corr > 0;
}

/* How many seeds it took; 0: none does. */
static inline uint32_t replay_find_seed(struct replay *p, struct netsim_words *words,
                                        uint64_t seed)
{
    uint32_t tries = replay_is_correlated(words) ? REPLAY_TRIES : 1;

    for (uint32_t n = 0; n < tries; n++) {
        words->seed = recording_alike(seed, n);
        if (replay_all(p, words))
            return n + 1;
    }
    return 0;
}

/* For some slots it matters which microsecond it was, so for these the time between netem and
 * its time stamps is sought too: one for all packets of the line. */
static inline uint32_t replay_find(struct replay *p, struct netsim_words *words)
{
    uint64_t seed = words->seed;
    uint32_t found = 0;
    int tries = words->has_slot ? REPLAY_STAMP_TRIES : 1;

    for (int i = 0; found == 0 && i < tries * tries; i++) {
        p->in_ns = i / tries * REPLAY_STAMP_STEP_NS;
        p->out_ns = i % tries * REPLAY_STAMP_STEP_NS;
        found = replay_find_seed(p, words, seed);
    }
    if (found == 0)
        memcpy(p->wrong, p->best, sizeof(p->wrong));
    return found;
}

#endif
