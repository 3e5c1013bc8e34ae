/* Plans, stages and changes in time: what parses is written, read again, and is the same. The
 * first byte: the call for memory that fails; 255: none. */
#include "fuzz.h"

#include "netsim/model/plan.h"
#include "netsim/model/table.h"
#include "netsim/model/trace.h"

static void check_written(const struct netsim_plan *plan, struct fuzz_memory *memory)
{
    struct netsim_words_error error;
    struct netsim_plan *again;
    size_t len = netsim_plan_format(plan, NULL, 0);
    char *text = malloc(len + 1), *same = malloc(len + 1);

    FUZZ_CHECK(text != NULL && same != NULL);
    FUZZ_CHECK(netsim_plan_format(plan, text, len + 1) == len && strlen(text) == len);
    FUZZ_CHECK(netsim_plan_parse(&again, text, &memory->hook, &error) == 0);
    FUZZ_CHECK(netsim_plan_format(again, same, len + 1) == len && strcmp(text, same) == 0);
    FUZZ_CHECK(again->count == plan->count);
    netsim_plan_free(again);
    free(text);
    free(same);
}

/* As netsim/files.h does, but that all files are the same: words that name one share it, and
 * netsim_plan_free frees it once. */
static void read_files(struct netsim_plan *plan)
{
    struct netsim_table *table = NULL;
    struct netsim_trace *trace = NULL;
    const char *wrong;
    size_t line;

    for (unsigned i = 0; i < plan->count; i++)
        for (unsigned k = 0; k < plan->stages[i].count; k++) {
            struct netsim_words *words = &plan->stages[i].steps[k].words;
            bool has_table = words->distribution == NETSIM_FROM_FILE;
            bool has_slot_table = words->slot_distribution == NETSIM_FROM_FILE;

            if (table == NULL && (has_table || has_slot_table))
                table = belay_mem_zalloc(&plan->mem, sizeof(*table));
            if (trace == NULL && words->trace_file[0] != '\0')
                trace = netsim_trace_parse("5", 1, &plan->mem, &wrong, &line);
            words->distribution_table = has_table ? table : NULL;
            words->slot_distribution_table = has_slot_table ? table : NULL;
            words->trace = words->trace_file[0] != '\0' ? trace : NULL;
        }
}

static void check(const struct netsim_plan *plan)
{
    uint64_t seed;

    FUZZ_CHECK(plan->count >= 1 && plan->count <= NETSIM_STAGES_MAX);
    for (unsigned i = 0; i < plan->count; i++) {
        FUZZ_CHECK(plan->stages[i].count >= 1 && plan->stages[i].count <= NETSIM_STEPS_MAX);
        FUZZ_CHECK(plan->stages[i].steps[0].at_ns == 0);
        for (unsigned k = 1; k < plan->stages[i].count; k++)
            FUZZ_CHECK(plan->stages[i].steps[k].at_ns > plan->stages[i].steps[k - 1].at_ns);
    }
    for (unsigned i = 0; netsim_plan_note(plan, i) != NULL; i++)
        FUZZ_CHECK(i < 64);
    netsim_plan_extension(plan);
    netsim_plan_seed(plan, &seed);
    FUZZ_PLANT(plan->count == 2 && plan->stages[1].count == 2 &&
               plan->stages[1].steps[1].words.fifo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct netsim_words_error error;
    struct fuzz_memory memory;
    struct netsim_plan *plan = NULL;
    char *text;
    int result;

    if (size == 0)
        return 0;
    text = fuzz_text(data + 1, size - 1);
    fuzz_memory_init(&memory, 16 << 20);
    memory.fail_at = data[0] == 255 ? 0 : data[0] + 1u;
    result = netsim_plan_parse(&plan, text, &memory.hook, &error);
    FUZZ_CHECK(result == 0 || result == BELAY_EINVAL ||
               (result == BELAY_ENOMEM && memory.fail_at > 0));
    memory.fail_at = 0;
    if (result == 0) {
        check(plan);
        check_written(plan, &memory);
        read_files(plan);
        netsim_plan_free(plan);
    } else if (result == BELAY_EINVAL) {
        FUZZ_CHECK(error.len >= 1 && error.at <= strlen(text) && error.text[0] != '\0');
    }
    fuzz_memory_end(&memory);
    free(text);
    return 0;
}
