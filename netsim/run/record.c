#include "netsim/run/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* JSON's integers are signed here; greater seeds are texts. */
static json_t *seed_json(uint64_t seed)
{
    char text[NETSIM_SEED_TEXT_SIZE];

    if (seed <= INT64_MAX)
        return json_integer((json_int_t)seed);
    snprintf(text, sizeof(text), "%" PRIu64, seed);
    return json_string(text);
}

static json_t *number_json(double value)
{
    bool is_whole = value >= -1e15 && value <= 1e15 && value == (double)(json_int_t)value;

    return is_whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *condition_json(const struct netsim_condition *condition,
                              const struct netsim_figures *figures)
{
    char text[NETSIM_CONDITION_TEXT_SIZE];
    double value;
    bool is_there = netsim_figure_find(figures, condition->figure, &value);

    netsim_condition_format(condition, text);
    return json_pack("{s:s, s:o, s:b}", "is", text, "value",
                     is_there ? number_json(value) : json_null(), "pass",
                     is_there && netsim_condition_holds(condition, value));
}

static json_t *expect_json(const struct netsim_cell *cell)
{
    const struct netsim_figures figures = netsim_cell_figures(cell);
    json_t *list = json_array();

    for (size_t i = 0; i < cell->expect->count; i++)
        if (json_array_append_new(
                list, condition_json(&cell->expect->conditions[i], &figures)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *pass_json(const struct netsim_cell *cell)
{
    if (cell->state == NETSIM_CELL_NOT_MADE)
        return json_null();
    return json_boolean(cell->state == NETSIM_CELL_PASSED);
}

/* A client may print anything. */
static json_t *complaint_json(const char *complaint)
{
    json_t *text = json_string(complaint);

    return text != NULL ? text : json_string("(no text in UTF-8)");
}

static json_t *cell_json(const struct netsim_cell *cell)
{
    char *line = netsim_cell_line(cell);
    json_t *record = json_pack(
        "{s:s, s:s, s:o, s:s?, s:i, s:o, s:o, s:o, s:O?, s:s}", "scenario",
        cell->scenario->name, "command", cell->command->name, "seed", seed_json(cell->seed),
        "backend", cell->backend[0] != '\0' ? cell->backend : NULL, "exit", cell->exit,
        "seconds", json_real((double)(json_int_t)(cell->seconds * 1e6 + 0.5) / 1e6), "pass",
        pass_json(cell), "expect", expect_json(cell), "client", cell->client, "run",
        line != NULL ? line : "");

    free(line);
    if (cell->state != NETSIM_CELL_PASSED && cell->complaint != NULL && record != NULL)
        json_object_set_new(record, "error", complaint_json(cell->complaint));
    return record;
}

int netsim_record_write(FILE *out, const struct netsim_cell *cell)
{
    json_t *record = cell_json(cell);
    int bad;

    if (record == NULL)
        return -1;
    bad = json_dumpf(record, out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0 ||
          fputc('\n', out) == EOF || fflush(out) != 0;
    json_decref(record);
    return bad ? -1 : 0;
}
