#include "netsim/model/plan.h"

#include <belay/common.h>

#include <stdio.h>
#include <string.h>

#include "netsim/model/parser.h"
#include "netsim/model/table.h"
#include "netsim/model/text.h"
#include "netsim/model/trace.h"

#define HINT "delay 20ms ; at 5s delay 20ms loss 30%"

/* A part of the text: bytes [at, end). */
struct part {
    size_t at, end;
};

static int fail(struct netsim_words_error *error, struct netsim_span at, const char *text)
{
    struct netsim_parser p = {.error = error};

    return netsim_parser_fail_at(&p, at, text, HINT);
}

/* Cuts the part up to the next separator off the front of rest. False: nothing was left. */
static bool cut(const char *text, char separator, struct part *rest, struct part *first)
{
    if (rest->at > rest->end)
        return false;
    first->at = first->end = rest->at;
    while (first->end < rest->end && text[first->end] != separator)
        first->end++;
    rest->at = first->end + 1;
    return true;
}

static unsigned count_parts(const char *text, char separator, struct part whole)
{
    struct part part;
    unsigned count = 0;

    while (cut(text, separator, &whole, &part))
        count++;
    return count;
}

/* "at TIME", which must be after the step before. */
static int take_time(struct netsim_parser *p, const struct netsim_step *before, uint64_t *at_ns)
{
    int64_t ns;

    if (netsim_parser_need(p, "`at TIME` of a change", HINT) != 0)
        return BELAY_EINVAL;
    if (strcmp(p->word, "at") != 0)
        return netsim_parser_fail(p, "is not `at`: behind `;` stands when the words change",
                                  HINT);
    if (netsim_parser_take_time(p, &ns, "the time of a change", HINT) != 0)
        return BELAY_EINVAL;
    if ((uint64_t)ns <= before->at_ns)
        return netsim_parser_fail(p, "is not after the time before it: times ascend", HINT);
    *at_ns = (uint64_t)ns;
    return BELAY_OK;
}

static int parse_step(struct netsim_step *step, bool is_first, const char *text,
                      struct part part, struct netsim_words_error *error)
{
    struct netsim_parser p = {.text = text, .error = error, .next = part.at, .end = part.end};

    if (!is_first && take_time(&p, step - 1, &step->at_ns) != 0)
        return BELAY_EINVAL;
    return netsim_words_parse_part(&step->words, text, p.next, part.end, !is_first, error);
}

static int parse_stage(struct netsim_plan *plan, const char *text, struct part part,
                       struct netsim_words_error *error)
{
    struct netsim_stage *stage = &plan->stages[plan->count];
    unsigned count = count_parts(text, ';', part);
    struct part step;
    int result = BELAY_OK;

    if (count > NETSIM_STEPS_MAX)
        return fail(error, (struct netsim_span){part.at, part.end - part.at},
                    "a stage's words change at most 63 times");
    stage->steps = belay_mem_zalloc(&plan->mem, count * sizeof(*stage->steps));
    if (stage->steps == NULL)
        return BELAY_ENOMEM;
    stage->count = count;
    plan->count++;
    for (unsigned i = 0; result == BELAY_OK && cut(text, ';', &part, &step); i++)
        result = parse_step(&stage->steps[i], i == 0, text, step, error);
    return result;
}

static int parse(struct netsim_plan *plan, const char *text, struct netsim_words_error *error)
{
    struct part rest = {0, strlen(text)}, stage;
    int result = BELAY_OK;

    while (result == BELAY_OK && cut(text, '|', &rest, &stage)) {
        if (plan->count == NETSIM_STAGES_MAX)
            return fail(error, (struct netsim_span){stage.at - 1, 1},
                        "a pipeline has at most 8 stages");
        result = parse_stage(plan, text, stage, error);
    }
    return result;
}

int netsim_plan_parse(struct netsim_plan **plan, const char *text,
                      const struct belay_memory *memory, struct netsim_words_error *error)
{
    struct netsim_words_error ignored;
    struct belay_mem mem;
    int result;

    belay_mem_init(&mem, memory);
    *plan = belay_mem_zalloc(&mem, sizeof(**plan));
    if (*plan == NULL)
        return BELAY_ENOMEM;
    (*plan)->mem = mem;
    result = parse(*plan, text, error != NULL ? error : &ignored);
    if (result != BELAY_OK) {
        netsim_plan_free(*plan);
        *plan = NULL;
    }
    return result;
}

/* All the words of a plan, one after the other: NULL after the last. */
static struct netsim_words *words_at(const struct netsim_plan *plan, unsigned i)
{
    for (unsigned k = 0; k < plan->count; k++) {
        if (i < plan->stages[k].count)
            return &plan->stages[k].steps[i].words;
        i -= plan->stages[k].count;
    }
    return NULL;
}

/* Words that name the same file share what was read. */
static void forget(const struct netsim_plan *plan, const void *file)
{
    struct netsim_words *words;

    for (unsigned i = 0; (words = words_at(plan, i)) != NULL; i++) {
        if (words->distribution_table == file)
            words->distribution_table = NULL;
        if (words->slot_distribution_table == file)
            words->slot_distribution_table = NULL;
        if (words->trace == file)
            words->trace = NULL;
    }
}

static void free_table(struct netsim_plan *plan, const struct netsim_table *table)
{
    if (table == NULL)
        return;
    forget(plan, table);
    belay_mem_free(&plan->mem, (void *)(uintptr_t)table, sizeof(*table));
}

static void free_trace(struct netsim_plan *plan, const struct netsim_trace *trace)
{
    if (trace == NULL)
        return;
    forget(plan, trace);
    netsim_trace_free((struct netsim_trace *)(uintptr_t)trace, &plan->mem);
}

void netsim_plan_free(struct netsim_plan *plan)
{
    struct netsim_words *words;
    struct belay_mem mem;

    if (plan == NULL)
        return;
    for (unsigned i = 0; (words = words_at(plan, i)) != NULL; i++) {
        free_table(plan, words->distribution_table);
        free_table(plan, words->slot_distribution_table);
        free_trace(plan, words->trace);
    }
    for (unsigned k = 0; k < plan->count; k++)
        belay_mem_free(&plan->mem, plan->stages[k].steps,
                       plan->stages[k].count * sizeof(*plan->stages[k].steps));
    mem = plan->mem;
    belay_mem_free(&mem, plan, sizeof(*plan));
}

static void format_step(struct netsim_text *t, const struct netsim_step *step, bool is_first)
{
    if (!is_first) {
        netsim_text_put(t, "; at");
        netsim_text_put_time(t, (int64_t)step->at_ns);
    }
    netsim_text_put_words(t, &step->words);
}

size_t netsim_plan_format(const struct netsim_plan *plan, char *out, size_t size)
{
    struct netsim_text t = netsim_text_begin(out, size);

    for (unsigned k = 0; k < plan->count; k++) {
        const struct netsim_stage *stage = &plan->stages[k];

        if (k > 0)
            netsim_text_put(&t, "|");
        for (unsigned i = 0; i < stage->count; i++)
            format_step(&t, &stage->steps[i], i == 0);
    }
    return t.len;
}

const char *netsim_plan_note(const struct netsim_plan *plan, unsigned i)
{
    const struct netsim_words *words;
    struct netsim_words all = {.notes = 0};

    for (unsigned k = 0; (words = words_at(plan, k)) != NULL; k++)
        all.notes |= words->notes;
    return netsim_words_note(&all, i);
}

const char *netsim_plan_extension(const struct netsim_plan *plan)
{
    const struct netsim_words *words;

    for (unsigned i = 0; (words = words_at(plan, i)) != NULL; i++)
        if (netsim_words_extension(words) != NULL)
            return netsim_words_extension(words);
    if (plan->count > 1)
        return "a pipeline";
    return plan->stages[0].count > 1 ? "a schedule" : NULL;
}

bool netsim_plan_seed(const struct netsim_plan *plan, uint64_t *seed)
{
    const struct netsim_words *first = &plan->stages[0].steps[0].words;

    if (first->has_seed)
        *seed = first->seed;
    return first->has_seed;
}
