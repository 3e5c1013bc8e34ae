/* Files of scenarios, and the expectations in them judged by some figures. The first byte: as
 * in plan.c. */
#include "fuzz.h"

#include "netsim/model/plan.h"
#include "netsim/run/scenario.h"

static void check_condition(const struct netsim_condition *condition,
                            const struct netsim_figures *figures)
{
    char text[NETSIM_CONDITION_TEXT_SIZE];
    struct netsim_words_error error;
    struct netsim_expect again;
    double value = 0;

    netsim_condition_format(condition, text);
    FUZZ_CHECK(netsim_expect_parse(&again, text, &error) == 0 && again.count == 1);
    FUZZ_CHECK(strcmp(again.conditions[0].figure, condition->figure) == 0);
    FUZZ_CHECK(again.conditions[0].relation == condition->relation);
    if (netsim_figure_find(figures, condition->figure, &value)) {
        netsim_condition_holds(condition, value);
        netsim_condition_badness(condition, value);
    }
}

static void check_expect(const struct netsim_expect *expect,
                         const struct netsim_figures *figures)
{
    FUZZ_CHECK(expect->count >= 1 && expect->count <= NETSIM_CONDITIONS_MAX);
    for (size_t i = 0; i < expect->count; i++)
        check_condition(&expect->conditions[i], figures);
}

/* A link in a file is not taken without having been read. */
static void check_link(const char *link, const struct belay_memory *memory)
{
    struct netsim_words_error error;
    struct netsim_plan *plan;

    if (link == NULL)
        return;
    FUZZ_CHECK(netsim_plan_parse(&plan, link, memory, &error) == 0);
    netsim_plan_free(plan);
}

static void check_settings(const struct netsim_settings *settings)
{
    FUZZ_CHECK(settings->seeds.count >= 1 && settings->seeds.count <= NETSIM_SEEDS_MAX);
    netsim_seeds_at(&settings->seeds, 0);
    netsim_seeds_at(&settings->seeds, settings->seeds.count - 1);
    FUZZ_CHECK(settings->jobs <= NETSIM_JOBS_MAX && settings->mtu_bytes <= NETSIM_MTU_MAX);
}

static void check(const struct netsim_scenarios *file, const struct belay_memory *memory)
{
    json_t *client = json_pack("{s:i, s:b, s:{s:f}}", "lost", 3, "ok", 1, "rtt_us", "p99", 1.5);
    struct netsim_figures figures = {.exit = 1, .seconds = 2.5, .client = client};

    FUZZ_CHECK(client != NULL && file->scenarios_count >= 1 && file->commands_count >= 1);
    check_settings(&file->settings);
    for (size_t i = 0; i < file->scenarios_count; i++) {
        check_settings(&file->scenarios[i].settings);
        check_link(file->scenarios[i].link, memory);
        check_link(file->scenarios[i].link_back, memory);
        for (size_t k = 0; k < file->commands_count; k++)
            check_expect(netsim_scenario_expect(&file->scenarios[i], &file->commands[k]),
                         &figures);
    }
    for (size_t k = 0; k < file->commands_count; k++) {
        FUZZ_CHECK(file->commands[k].client != NULL);
        FUZZ_PLANT(strlen(file->commands[k].client) > 16);
    }
    json_decref(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct netsim_scenarios *file = NULL;
    struct netsim_scenario_error error;
    struct fuzz_memory memory;
    uint8_t *text;
    int result;

    if (size == 0)
        return 0;
    text = fuzz_copy(data + 1, size - 1);
    fuzz_memory_init(&memory, 64 << 20);
    memory.fail_at = data[0] == 255 ? 0 : data[0] + 1u;
    result = netsim_scenarios_parse(&file, (const char *)text, size - 1, &memory.hook, &error);
    FUZZ_CHECK(result == 0 || result == BELAY_EINVAL ||
               (result == BELAY_ENOMEM && memory.fail_at > 0));
    memory.fail_at = 0;
    if (result == 0) {
        check(file, &memory.hook);
        netsim_scenarios_free(file);
    } else if (result == BELAY_EINVAL) {
        FUZZ_CHECK(error.text[0] != '\0' && memchr(error.text, 0, sizeof(error.text)));
        FUZZ_CHECK(error.words == NULL || error.error.at <= strlen(error.words));
        free(error.words);
    }
    fuzz_memory_end(&memory);
    free(text);
    return 0;
}
