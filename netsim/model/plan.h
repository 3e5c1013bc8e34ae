/*
 * plan.h - a whole link as it is written: stages one after the other, each with words that may
 * change in time.
 *
 *     plan   = stage { "|" stage }                    packets pass from the left to the right
 *     stage  = words { ";" "at" TIME words }          from TIME on, counted from the start
 *
 *     rate 10mbit limit 25 | delay 15ms               a bottleneck, then the way
 *     delay 20ms ; at 5s delay 20ms loss 30% ; at 8s delay 20ms
 *
 * Times ascend. A change replaces all words of its stage, as `tc qdisc change` would with all
 * of them written; packets that wait keep their times, and generator, counters and the state
 * of loss go on. `seed` stands in a stage's first words only. "|" and ";" may touch the words
 * beside them.
 */
#ifndef NETSIM_PLAN_H
#define NETSIM_PLAN_H

#include "base/memory.h"
#include "netsim/model/words.h"

#define NETSIM_STAGES_MAX 8
#define NETSIM_STEPS_MAX  64 /* of one stage */

struct netsim_step {
    uint64_t at_ns; /* 0 for the first */
    struct netsim_words words;
};

struct netsim_stage {
    struct netsim_step *steps;
    unsigned count; /* at least 1 */
};

struct netsim_plan {
    struct belay_mem mem;
    unsigned count; /* stages, at least 1 */
    struct netsim_stage stages[NETSIM_STAGES_MAX];
};

/* 0 with *plan, or BELAY_EINVAL with *error filled (positions count in the whole text), or
 * BELAY_ENOMEM. Files are named in it and not yet read: netsim/files.h. */
int netsim_plan_parse(struct netsim_plan **plan, const char *text,
                      const struct belay_memory *memory, struct netsim_words_error *error);
/* With the tables and traces that its words point to, which come from plan->mem. */
void netsim_plan_free(struct netsim_plan *plan);

/* Writes a text that parses to the same plan; as snprintf returns the length needed. */
size_t netsim_plan_format(const struct netsim_plan *plan, char *out, size_t size);

/* The i-th note of all its words, each told once; NULL after the last. */
const char *netsim_plan_note(const struct netsim_plan *plan, unsigned i);

/* The first thing that one netem qdisc can't do: "x-drop", "a pipeline", "a schedule". NULL:
 * the kernel can. */
const char *netsim_plan_extension(const struct netsim_plan *plan);

/* The seed in the first stage's words; false: there is none. */
bool netsim_plan_seed(const struct netsim_plan *plan, uint64_t *seed);

#endif
