#include "netsim/run/scenario.h"

#include <string.h>

#include <belay/common.h>

#include "netsim/run/ini.h"
#include "netsim/run/scenario_keys.h"

/* ------------------------------------------------------------------ sections */

static bool begin_scenario(struct netsim_scenario_parser *p, const char *name)
{
    void *scenarios = p->file->scenarios;
    struct netsim_scenario *scenario;

    for (size_t i = 0; i < p->file->scenarios_count; i++)
        if (strcmp(p->file->scenarios[i].name, name) == 0)
            return netsim_scenario_fail(p, "there is a [scenario %.60s] in line %zu already",
                                        name, p->file->scenarios[i].line);
    scenario = netsim_scenario_grow(p, &scenarios, p->file->scenarios_count, sizeof(*scenario));
    if (scenario == NULL)
        return false;
    p->file->scenarios = scenarios;
    p->file->scenarios_count++;
    p->place = IN_SCENARIO;
    scenario->line = p->line;
    scenario->settings = p->file->settings;
    scenario->settings.jobs = 0;
    return netsim_scenario_name(p, scenario->name, name);
}

static bool begin_command(struct netsim_scenario_parser *p, const char *name)
{
    void *commands = p->file->commands;
    struct netsim_command *command;

    for (size_t i = 0; i < p->file->commands_count; i++)
        if (strcmp(p->file->commands[i].name, name) == 0)
            return netsim_scenario_fail(p, "there is a [command %.60s] in line %zu already",
                                        name, p->file->commands[i].line);
    command = netsim_scenario_grow(p, &commands, p->file->commands_count, sizeof(*command));
    if (command == NULL)
        return false;
    p->file->commands = commands;
    p->file->commands_count++;
    p->place = IN_COMMAND;
    command->line = p->line;
    netsim_expect_init(&command->expect);
    return netsim_scenario_name(p, command->name, name);
}

/* The name behind the kind, NULL: it is another kind. */
static const char *after_kind(const char *text, const char *kind)
{
    size_t len = strlen(kind);

    if (strncmp(text, kind, len) != 0 ||
        (text[len] != '\0' && strchr(" \t", text[len]) == NULL))
        return NULL;
    return text + len + strspn(text + len, " \t");
}

static bool on_section(void *arg, size_t line, const char *text)
{
    struct netsim_scenario_parser *p = arg;
    const char *name;

    p->line = line;
    p->seen = 0;
    if ((name = after_kind(text, "scenario")) != NULL)
        return begin_scenario(p, name);
    if ((name = after_kind(text, "command")) != NULL)
        return begin_command(p, name);
    return netsim_scenario_fail(
        p, "[%.60s] is no section; there are [scenario NAME] and [command NAME]", text);
}

static void on_wrong(void *arg, size_t line, const char *text)
{
    struct netsim_scenario_parser *p = arg;

    p->line = line;
    if (text == NULL)
        netsim_scenario_fail_memory(p);
    else
        netsim_scenario_fail(p, "%s", text);
}

/* ------------------------------------------------------------------ the whole */

static const struct netsim_command *find_command(const struct netsim_scenarios *file,
                                                 const char *name)
{
    for (size_t i = 0; i < file->commands_count; i++)
        if (strcmp(file->commands[i].name, name) == 0)
            return &file->commands[i];
    return NULL;
}

static bool check_scenario(struct netsim_scenario_parser *p,
                           const struct netsim_scenario *scenario)
{
    p->line = scenario->line;
    if (scenario->profile[0] != '\0' && (scenario->link != NULL || scenario->link_back != NULL))
        return netsim_scenario_fail(
            p, "[scenario %s] has a profile and a link; take one of them away", scenario->name);
    for (size_t i = 0; i < scenario->expects_count; i++) {
        p->line = scenario->expects[i].line;
        if (find_command(p->file, scenario->expects[i].command) == NULL)
            return netsim_scenario_fail(p, "expect.%s: there is no [command %s]",
                                        scenario->expects[i].command,
                                        scenario->expects[i].command);
    }
    return true;
}

static bool check_command(struct netsim_scenario_parser *p,
                          const struct netsim_command *command)
{
    p->line = command->line;
    if (command->client == NULL)
        return netsim_scenario_fail(p, "[command %s] has no client = COMMAND", command->name);
    return true;
}

static bool check(struct netsim_scenario_parser *p)
{
    p->line = 0;
    if (p->file->scenarios_count == 0)
        return netsim_scenario_fail(p, "there is no [scenario NAME] in this file");
    if (p->file->commands_count == 0)
        return netsim_scenario_fail(p, "there is no [command NAME] in this file");
    for (size_t i = 0; i < p->file->commands_count; i++)
        if (!check_command(p, &p->file->commands[i]))
            return false;
    for (size_t i = 0; i < p->file->scenarios_count; i++)
        if (!check_scenario(p, &p->file->scenarios[i]))
            return false;
    return true;
}

static struct netsim_scenarios *new_scenarios(const struct belay_memory *memory)
{
    struct belay_mem mem;
    struct netsim_scenarios *file;

    belay_mem_init(&mem, memory);
    file = belay_mem_zalloc(&mem, sizeof(*file));
    if (file == NULL)
        return NULL;
    file->mem = mem;
    file->settings.seeds = (struct netsim_seeds){.ranges = {{1, 1}}, 1, 1};
    strcpy(file->settings.backend, "auto");
    return file;
}

int netsim_scenarios_parse(struct netsim_scenarios **scenarios, const char *text, size_t len,
                           const struct belay_memory *memory,
                           struct netsim_scenario_error *error)
{
    struct netsim_scenario_parser p = {.memory = memory, .error = error, .place = AT_TOP};
    const struct netsim_ini_events events = {on_section, netsim_scenario_take, on_wrong, &p};

    *scenarios = NULL;
    *error = (struct netsim_scenario_error){.line = 0};
    p.file = new_scenarios(memory);
    if (p.file == NULL)
        return BELAY_ENOMEM;
    if (netsim_ini_parse(text, len, &events) && check(&p)) {
        *scenarios = p.file;
        return BELAY_OK;
    }
    netsim_scenarios_free(p.file);
    return p.out_of_memory ? BELAY_ENOMEM : BELAY_EINVAL;
}

static void free_scenario(struct belay_mem *mem, struct netsim_scenario *scenario)
{
    netsim_scenario_free_text(mem, scenario->link);
    netsim_scenario_free_text(mem, scenario->link_back);
    belay_mem_free(mem, scenario->expects,
                   scenario->expects_count * sizeof(*scenario->expects));
}

void netsim_scenarios_free(struct netsim_scenarios *file)
{
    struct belay_mem mem = file->mem;

    for (size_t i = 0; i < file->scenarios_count; i++)
        free_scenario(&mem, &file->scenarios[i]);
    for (size_t i = 0; i < file->commands_count; i++) {
        netsim_scenario_free_text(&mem, file->commands[i].server);
        netsim_scenario_free_text(&mem, file->commands[i].client);
    }
    belay_mem_free(&mem, file->scenarios, file->scenarios_count * sizeof(*file->scenarios));
    belay_mem_free(&mem, file->commands, file->commands_count * sizeof(*file->commands));
    belay_mem_free(&mem, file, sizeof(*file));
}

const struct netsim_expect *netsim_scenario_expect(const struct netsim_scenario *scenario,
                                                   const struct netsim_command *command)
{
    for (size_t i = 0; i < scenario->expects_count; i++)
        if (strcmp(scenario->expects[i].command, command->name) == 0)
            return &scenario->expects[i].expect;
    return &command->expect;
}
