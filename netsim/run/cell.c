#include "netsim/run/cell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/run/run.h"

/* ------------------------------------------------------------------ which there are */

static bool is_chosen(const struct netsim_scenario *scenario,
                      const struct netsim_command *command, const char *filter)
{
    char name[2 * NETSIM_NAME_SIZE + 1];

    snprintf(name, sizeof(name), "%s/%s", scenario->name, command->name);
    return filter == NULL || strstr(name, filter) != NULL;
}

static const struct netsim_seeds *seeds_of(const struct netsim_scenario *scenario,
                                           const struct netsim_cells_choice *choice)
{
    return choice->seeds != NULL ? choice->seeds : &scenario->settings.seeds;
}

static void add_runs(struct netsim_cells *cells, const struct netsim_scenario *scenario,
                     const struct netsim_command *command, const struct netsim_seeds *seeds)
{
    for (size_t i = 0; i < seeds->count; i++, cells->count++)
        if (cells->cells != NULL)
            cells->cells[cells->count] = (struct netsim_cell){
                .scenario = scenario,
                .command = command,
                .expect = netsim_scenario_expect(scenario, command),
                .seed = netsim_seeds_at(seeds, i),
            };
}

/* Without room for them they are only counted. */
static void add_all(struct netsim_cells *cells, const struct netsim_scenarios *file,
                    const struct netsim_cells_choice *choice)
{
    cells->count = 0;
    for (size_t i = 0; i < file->scenarios_count; i++)
        for (size_t k = 0; k < file->commands_count; k++)
            if (is_chosen(&file->scenarios[i], &file->commands[k], choice->filter))
                add_runs(cells, &file->scenarios[i], &file->commands[k],
                         seeds_of(&file->scenarios[i], choice));
}

bool netsim_cells_init(struct netsim_cells *cells, const struct netsim_scenarios *file,
                       const struct netsim_cells_choice *choice)
{
    *cells = (struct netsim_cells){NULL, 0};
    add_all(cells, file, choice);
    if (cells->count > NETSIM_CELLS_MAX)
        return false;
    cells->cells = calloc(cells->count + 1, sizeof(*cells->cells));
    if (cells->cells == NULL)
        return false;
    add_all(cells, file, choice);
    return true;
}

void netsim_cells_dispose(struct netsim_cells *cells)
{
    for (size_t i = 0; cells->cells != NULL && i < cells->count; i++) {
        json_decref(cells->cells[i].client);
        free(cells->cells[i].complaint);
    }
    free(cells->cells);
}

/* ------------------------------------------------------------------ what came of one */

bool netsim_cell_is_done(const struct netsim_cell *cell)
{
    return cell->state != NETSIM_CELL_WAITING && cell->state != NETSIM_CELL_RUNNING;
}

struct netsim_figures netsim_cell_figures(const struct netsim_cell *cell)
{
    return (struct netsim_figures){cell->exit, cell->seconds, cell->client};
}

static bool is_as_expected(const struct netsim_cell *cell)
{
    const struct netsim_figures figures = netsim_cell_figures(cell);
    double value;

    for (size_t i = 0; i < cell->expect->count; i++) {
        const struct netsim_condition *condition = &cell->expect->conditions[i];

        if (!netsim_figure_find(&figures, condition->figure, &value) ||
            !netsim_condition_holds(condition, value))
            return false;
    }
    return true;
}

void netsim_cell_judge(struct netsim_cell *cell)
{
    if (cell->exit >= NETSIM_EXIT_RUN && cell->exit <= NETSIM_EXIT_NOT_FOUND)
        cell->state = NETSIM_CELL_NOT_MADE;
    else
        cell->state = is_as_expected(cell) ? NETSIM_CELL_PASSED : NETSIM_CELL_FAILED;
}

/* ------------------------------------------------------------------ how to run it */

static void add(struct netsim_cell_args *args, size_t *count, const char *name,
                const char *value)
{
    args->argv[(*count)++] = name;
    if (value != NULL)
        args->argv[(*count)++] = value;
}

void netsim_cell_args(const struct netsim_cell *cell, const char *program,
                      struct netsim_cell_args *args)
{
    const struct netsim_scenario *scenario = cell->scenario;
    size_t count = 0;

    snprintf(args->seed, sizeof(args->seed), "%" PRIu64, cell->seed);
    snprintf(args->mtu, sizeof(args->mtu), "%" PRIu64, scenario->settings.mtu_bytes);
    add(args, &count, program, "run");
    add(args, &count, "--backend", scenario->settings.backend);
    if (scenario->profile[0] != '\0')
        add(args, &count, "--profile", scenario->profile);
    else
        add(args, &count, "--link", scenario->link != NULL ? scenario->link : "");
    if (scenario->link_back != NULL)
        add(args, &count, "--link-back", scenario->link_back);
    add(args, &count, "--seed", args->seed);
    if (scenario->settings.duration[0] != '\0')
        add(args, &count, "--duration", scenario->settings.duration);
    if (scenario->settings.mtu_bytes != 0)
        add(args, &count, "--mtu", args->mtu);
    add(args, &count, "--", cell->command->server != NULL ? cell->command->server : "");
    add(args, &count, ":", cell->command->client);
    args->argv[count] = NULL;
}

static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_./:=,";

    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

static void print_quoted(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (; *text != '\0'; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    fputc('\'', out);
}

char *netsim_cell_line(const struct netsim_cell *cell)
{
    struct netsim_cell_args args;
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);

    if (out == NULL)
        return NULL;
    netsim_cell_args(cell, "belay-netsim", &args);
    for (size_t i = 0; args.argv[i] != NULL; i++) {
        if (i > 0)
            fputc(' ', out);
        print_quoted(out, args.argv[i]);
    }
    if (fclose(out) == 0)
        return line;
    free(line);
    return NULL;
}
