#include "netsim/run/scenario_keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/model/plan.h"
#include "netsim/model/units.h"
#include "netsim/run/profiles.h"

/* ------------------------------------------------------------------ errors and memory */

bool netsim_scenario_fail(struct netsim_scenario_parser *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    p->error->line = p->line;
    vsnprintf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
    return false;
}

bool netsim_scenario_fail_memory(struct netsim_scenario_parser *p)
{
    p->out_of_memory = true;
    return false;
}

/* p->error->error is filled, and points into words. */
static bool fail_words(struct netsim_scenario_parser *p, const char *key, const char *words)
{
    netsim_scenario_fail(p, "%s: %s", key, p->error->error.text);
    p->error->words = strdup(words);
    return p->error->words != NULL ? false : netsim_scenario_fail_memory(p);
}

static bool copy_text(struct netsim_scenario_parser *p, char **out, const char *text)
{
    size_t size = strlen(text) + 1;

    *out = belay_mem_alloc(&p->file->mem, size);
    if (*out == NULL)
        return netsim_scenario_fail_memory(p);
    memcpy(*out, text, size);
    return true;
}

void netsim_scenario_free_text(struct belay_mem *mem, char *text)
{
    if (text != NULL)
        belay_mem_free(mem, text, strlen(text) + 1);
}

void *netsim_scenario_grow(struct netsim_scenario_parser *p, void **array, size_t count,
                           size_t size)
{
    char *grown;

    if (count == NETSIM_SECTIONS_MAX) {
        netsim_scenario_fail(p, "there are more than %d of these", NETSIM_SECTIONS_MAX);
        return NULL;
    }
    grown = belay_mem_resize(&p->file->mem, *array, count * size, (count + 1) * size);
    if (grown == NULL) {
        netsim_scenario_fail_memory(p);
        return NULL;
    }
    *array = grown;
    memset(grown + count * size, 0, size);
    return grown + count * size;
}

/* ------------------------------------------------------------------ names and lines */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == '.';
}

bool netsim_scenario_name(struct netsim_scenario_parser *p, char out[NETSIM_NAME_SIZE],
                          const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (!is_name_char(text[i]) || (i == 0 && (text[i] == '-' || text[i] == '.')))
            return netsim_scenario_fail(
                p, "`%.60s` is no name: letters, digits, `_`, `-` and `.` make one", text);
    if (len == 0)
        return netsim_scenario_fail(p,
                                    "a name is missing; right would be: [scenario bad-wifi]");
    if (len >= NETSIM_NAME_SIZE)
        return netsim_scenario_fail(p, "`%.60s` is too long: %d letters at most", text,
                                    NETSIM_NAME_SIZE - 1);
    memcpy(out, text, len + 1);
    return true;
}

/* Of words and conditions: their lines are one. */
static bool join_lines(struct netsim_scenario_parser *p, char **out, const char *text)
{
    if (!copy_text(p, out, text))
        return false;
    for (char *c = *out; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    return true;
}

/* ------------------------------------------------------------------ keys of the top */

static bool take_seeds(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                       const char *value)
{
    const char *wrong = netsim_seeds_parse(&settings->seeds, value);

    return wrong == NULL || netsim_scenario_fail(p, "seeds: `%.60s` %s", value, wrong);
}

static bool take_backend(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                         const char *value)
{
    static const char *const names[] = {"auto", "kernel", "live", "proxy", "vm"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(value, names[i]) == 0) {
            snprintf(settings->backend, sizeof(settings->backend), "%s", value);
            return true;
        }
    return netsim_scenario_fail(
        p, "backend: `%.60s` is none; there are auto, kernel, live, proxy and vm", value);
}

static bool take_duration(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                          const char *value)
{
    size_t len = strlen(value), digits = strspn(value, "0123456789.");

    if (len == 0 || digits != len || len >= NETSIM_DURATION_SIZE || value[0] == '.' ||
        strchr(value, '.') != strrchr(value, '.') || !(strtod(value, NULL) > 0))
        return netsim_scenario_fail(
            p, "duration: `%.60s` is no number of seconds; right would be: 30", value);
    memcpy(settings->duration, value, len + 1);
    return true;
}

static bool take_number(struct netsim_scenario_parser *p, const char *key, uint64_t *out,
                        const char *value, uint64_t min, uint64_t max)
{
    const char *wrong = netsim_parse_u64(value, out);

    if (wrong != NULL)
        return netsim_scenario_fail(p, "%s: `%.60s` %s", key, value, wrong);
    if (*out < min || *out > max)
        return netsim_scenario_fail(p, "%s: `%.60s` is not from %u to %u", key, value,
                                    (unsigned)min, (unsigned)max);
    return true;
}

static bool take_jobs(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                      const char *value)
{
    return take_number(p, "jobs", &settings->jobs, value, 1, NETSIM_JOBS_MAX);
}

static bool take_mtu(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                     const char *value)
{
    return take_number(p, "mtu", &settings->mtu_bytes, value, NETSIM_MTU_MIN, NETSIM_MTU_MAX);
}

/* ------------------------------------------------------------------ keys of a scenario */

static bool take_link(struct netsim_scenario_parser *p, const char *key, char **out,
                      size_t *line, const char *value)
{
    struct netsim_plan *plan;
    uint64_t seed;
    int result;
    bool seeded;

    if (!join_lines(p, out, value))
        return false;
    *line = p->line;
    result = netsim_plan_parse(&plan, *out, p->memory, &p->error->error);
    if (result == BELAY_ENOMEM)
        return netsim_scenario_fail_memory(p);
    if (result != BELAY_OK)
        return fail_words(p, key, *out);
    seeded = netsim_plan_seed(plan, &seed);
    netsim_plan_free(plan);
    return !seeded || netsim_scenario_fail(
                          p,
                          "%s: with `seed` in the words all runs are the same one; take it "
                          "out, and say: seeds = 1-20",
                          key);
}

static struct netsim_scenario *this_scenario(const struct netsim_scenario_parser *p)
{
    return &p->file->scenarios[p->file->scenarios_count - 1];
}

static bool take_out(struct netsim_scenario_parser *p, const char *value)
{
    struct netsim_scenario *scenario = this_scenario(p);

    return take_link(p, "link", &scenario->link, &scenario->link_line, value);
}

static bool take_back(struct netsim_scenario_parser *p, const char *value)
{
    struct netsim_scenario *scenario = this_scenario(p);

    return take_link(p, "link-back", &scenario->link_back, &scenario->link_back_line, value);
}

static bool take_profile(struct netsim_scenario_parser *p, const char *value)
{
    if (netsim_profile_find(value) == NULL)
        return netsim_scenario_fail(
            p, "profile: there is no `%.60s`; belay-netsim profiles lists them", value);
    snprintf(this_scenario(p)->profile, NETSIM_NAME_SIZE, "%s", value);
    return true;
}

static bool take_conditions(struct netsim_scenario_parser *p, const char *key,
                            struct netsim_expect *expect, const char *value)
{
    char *line;
    bool good;

    if (!join_lines(p, &line, value))
        return false;
    good = netsim_expect_parse(expect, line, &p->error->error) == BELAY_OK ||
           fail_words(p, key, line);
    netsim_scenario_free_text(&p->file->mem, line);
    return good;
}

/* expect.NAME; whether there is such a command is seen at the end. */
static bool take_override(struct netsim_scenario_parser *p, const char *key, const char *name,
                          const char *value)
{
    struct netsim_scenario *scenario = this_scenario(p);
    struct netsim_scenario_expect *entry;
    void *entries = scenario->expects;

    for (size_t i = 0; i < scenario->expects_count; i++)
        if (strcmp(scenario->expects[i].command, name) == 0)
            return netsim_scenario_fail(p, "%s stands twice in this section", key);
    entry = netsim_scenario_grow(p, &entries, scenario->expects_count, sizeof(*entry));
    if (entry == NULL)
        return false;
    scenario->expects = entries;
    scenario->expects_count++;
    entry->line = p->line;
    return netsim_scenario_name(p, entry->command, name) &&
           take_conditions(p, key, &entry->expect, value);
}

/* ------------------------------------------------------------------ keys of a command */

static struct netsim_command *this_command(const struct netsim_scenario_parser *p)
{
    return &p->file->commands[p->file->commands_count - 1];
}

static bool take_shell(struct netsim_scenario_parser *p, const char *key, char **out,
                       const char *value)
{
    if (value[0] == '\0')
        return netsim_scenario_fail(p, "%s: a command is missing", key);
    return copy_text(p, out, value);
}

static bool take_server(struct netsim_scenario_parser *p, const char *value)
{
    return take_shell(p, "server", &this_command(p)->server, value);
}

static bool take_client(struct netsim_scenario_parser *p, const char *value)
{
    return take_shell(p, "client", &this_command(p)->client, value);
}

static bool take_expect(struct netsim_scenario_parser *p, const char *value)
{
    return take_conditions(p, "expect", &this_command(p)->expect, value);
}

/* ------------------------------------------------------------------ the table of keys */

static const struct key {
    const char *name;
    unsigned places;
    bool (*set)(struct netsim_scenario_parser *p, struct netsim_settings *settings,
                const char *value);
    bool (*take)(struct netsim_scenario_parser *p, const char *value);
} keys[] = {
    {"link", IN_SCENARIO, NULL, take_out},
    {"link-back", IN_SCENARIO, NULL, take_back},
    {"profile", IN_SCENARIO, NULL, take_profile},
    {"seeds", AT_TOP | IN_SCENARIO, take_seeds, NULL},
    {"backend", AT_TOP | IN_SCENARIO, take_backend, NULL},
    {"duration", AT_TOP | IN_SCENARIO, take_duration, NULL},
    {"jobs", AT_TOP | IN_SCENARIO, take_jobs, NULL},
    {"mtu", AT_TOP | IN_SCENARIO, take_mtu, NULL},
    {"server", IN_COMMAND, NULL, take_server},
    {"client", IN_COMMAND, NULL, take_client},
    {"expect", IN_COMMAND, NULL, take_expect},
};

#define KEYS            (sizeof(keys) / sizeof(keys[0]))
#define OVERRIDE_PREFIX "expect."

static const char *place_name(enum netsim_scenario_place place)
{
    return place == AT_TOP ? "the top" : place == IN_SCENARIO ? "a [scenario]" : "a [command]";
}

static bool fail_key(struct netsim_scenario_parser *p, const char *name)
{
    char there_are[160] = "";
    size_t at = 0;

    for (size_t i = 0; i < KEYS; i++)
        if ((keys[i].places & p->place) != 0)
            at += (size_t)snprintf(there_are + at, sizeof(there_are) - at, "%s%s",
                                   at > 0 ? ", " : "", keys[i].name);
    return netsim_scenario_fail(p, "`%.60s` is no key of %s; there are %s%s", name,
                                place_name(p->place), there_are,
                                p->place == IN_SCENARIO ? ", " OVERRIDE_PREFIX "COMMAND" : "");
}

static const struct key *find_key(const struct netsim_scenario_parser *p, const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0 && (keys[i].places & p->place) != 0)
            return &keys[i];
    return NULL;
}

/* An indented `key = value` goes on with the value above, which nobody means. Shells have
 * `key=value` too, so there only one with blanks is taken for it. */
static bool check_indents(struct netsim_scenario_parser *p, const char *value)
{
    const char *line = value;

    while ((line = strchr(line, '\n')) != NULL) {
        size_t len = strcspn(++line, "= \t\n"), blanks = strspn(line + len, " \t");

        if (line[len + blanks] != '=' || (p->place == IN_COMMAND && blanks == 0))
            continue;
        for (size_t i = 0; i < KEYS; i++)
            if (strlen(keys[i].name) == len && memcmp(keys[i].name, line, len) == 0)
                return netsim_scenario_fail(
                    p,
                    "`%s =` below is indented, so it goes on with this value; take the "
                    "blanks in front of it away",
                    keys[i].name);
    }
    return true;
}

bool netsim_scenario_take(void *arg, size_t line, const char *name, const char *value)
{
    struct netsim_scenario_parser *p = arg;
    const struct key *key = find_key(p, name);
    size_t prefix = strlen(OVERRIDE_PREFIX);

    p->line = line;
    if (!check_indents(p, value))
        return false;
    if (p->place == IN_SCENARIO && strncmp(name, OVERRIDE_PREFIX, prefix) == 0)
        return take_override(p, name, name + prefix, value);
    if (key == NULL)
        return fail_key(p, name);
    if ((p->seen & 1u << (key - keys)) != 0)
        return netsim_scenario_fail(p, "%s stands twice in this section", name);
    p->seen |= 1u << (key - keys);
    if (key->take != NULL)
        return key->take(p, value);
    return key->set(p, p->place == AT_TOP ? &p->file->settings : &this_scenario(p)->settings,
                    value);
}
