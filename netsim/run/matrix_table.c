#include "netsim/run/matrix_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_PER_GROUP 5 /* of what went wrong, with its command; of the rest the seeds */
#define WORST_SIZE      400
#define PASSED_SIZE     48

/* ------------------------------------------------------------------ groups */

/* The runs of one command in one scenario: they stand side by side. */
struct group {
    const struct netsim_cell *first;
    size_t count, done, passed;
};

static bool next_group(const struct netsim_cells *cells, size_t *at, struct group *group)
{
    const struct netsim_cell *cell;

    if (*at == cells->count)
        return false;
    *group = (struct group){.first = &cells->cells[*at]};
    for (; *at < cells->count; (*at)++, group->count++) {
        cell = &cells->cells[*at];
        if (cell->scenario != group->first->scenario || cell->command != group->first->command)
            break;
        group->done += netsim_cell_is_done(cell);
        group->passed += cell->state == NETSIM_CELL_PASSED;
    }
    return true;
}

/* ------------------------------------------------------------------ figures of a group */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* Of the runs that were made; the lower one of two in the middle. -1: none was. */
static double median_seconds(const struct group *group)
{
    double *seconds = calloc(group->count, sizeof(*seconds)), median = -1;
    size_t count = 0;

    if (seconds == NULL)
        return -1;
    for (size_t i = 0; i < group->count; i++)
        if (netsim_cell_is_done(&group->first[i]) &&
            group->first[i].state != NETSIM_CELL_NOT_MADE)
            seconds[count++] = group->first[i].seconds;
    qsort(seconds, count, sizeof(*seconds), compare);
    if (count > 0)
        median = seconds[(count - 1) / 2];
    free(seconds);
    return median;
}

/* false: no run of the group has it. */
static bool find_worst(const struct group *group, const struct netsim_condition *condition,
                       double *worst)
{
    bool found = false;

    for (size_t i = 0; i < group->count; i++) {
        const struct netsim_figures figures = netsim_cell_figures(&group->first[i]);
        double value;

        if (!netsim_cell_is_done(&group->first[i]) ||
            group->first[i].state == NETSIM_CELL_NOT_MADE ||
            !netsim_figure_find(&figures, condition->figure, &value))
            continue;
        if (!found || netsim_condition_badness(condition, value) >
                          netsim_condition_badness(condition, *worst))
            *worst = value;
        found = true;
    }
    return found;
}

/* An exit code that is as it should be says nothing. */
static void format_worst(const struct group *group, char out[WORST_SIZE])
{
    const struct netsim_expect *expect = group->first->expect;
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < expect->count && at < WORST_SIZE; i++) {
        const struct netsim_condition *condition = &expect->conditions[i];
        char number[NETSIM_NUMBER_TEXT_SIZE] = "-";
        double worst;

        if (find_worst(group, condition, &worst)) {
            netsim_number_format(worst, number);
            if (strcmp(condition->figure, "exit") == 0 &&
                netsim_condition_holds(condition, worst))
                continue;
        }
        at += (size_t)snprintf(out + at, WORST_SIZE - at, "%s%s %s", at > 0 ? ", " : "",
                               condition->figure, number);
    }
}

/* ------------------------------------------------------------------ the table */

static void format_passed(const struct group *group, char out[PASSED_SIZE])
{
    snprintf(out, PASSED_SIZE, "%zu/%zu", group->passed, group->done);
}

struct widths {
    int scenario, command, passed;
};

static int wider(int width, const char *text)
{
    return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static struct widths measure(const struct netsim_cells *cells)
{
    struct widths widths = {(int)strlen("scenario"), (int)strlen("command"),
                            (int)strlen("passed")};
    struct group group;

    for (size_t at = 0; next_group(cells, &at, &group);) {
        char passed[PASSED_SIZE];

        format_passed(&group, passed);
        widths.scenario = wider(widths.scenario, group.first->scenario->name);
        widths.command = wider(widths.command, group.first->command->name);
        widths.passed = wider(widths.passed, passed);
    }
    return widths;
}

static void print_row(FILE *out, const struct widths *widths, const struct group *group)
{
    char worst[WORST_SIZE], passed[PASSED_SIZE], median[32] = "-";
    double seconds = median_seconds(group);

    if (seconds >= 0)
        snprintf(median, sizeof(median), "%.2f", seconds);
    format_worst(group, worst);
    format_passed(group, passed);
    fprintf(out, "%-*s  %-*s  %*s  %8s%s%s\n", widths->scenario, group->first->scenario->name,
            widths->command, group->first->command->name, widths->passed, passed, median,
            worst[0] != '\0' ? "  " : "", worst);
}

/* ------------------------------------------------------------------ what went wrong */

static bool is_bad(const struct netsim_cell *cell)
{
    return cell->state == NETSIM_CELL_FAILED || cell->state == NETSIM_CELL_NOT_MADE;
}

static void print_broken(FILE *out, const struct netsim_cell *cell)
{
    const struct netsim_figures figures = netsim_cell_figures(cell);
    const char *join = ": ";

    for (size_t i = 0; i < cell->expect->count; i++) {
        const struct netsim_condition *condition = &cell->expect->conditions[i];
        char text[NETSIM_CONDITION_TEXT_SIZE], number[NETSIM_NUMBER_TEXT_SIZE];
        double value;

        netsim_condition_format(condition, text);
        if (!netsim_figure_find(&figures, condition->figure, &value)) {
            fprintf(out, "%swanted %s, and the client printed no JSON with this", join, text);
        } else if (!netsim_condition_holds(condition, value)) {
            netsim_number_format(value, number);
            fprintf(out, "%swanted %s, got %s", join, text, number);
        } else {
            continue;
        }
        join = "; ";
    }
}

/* Control bytes of the client's would move the terminal's cursor. */
static void print_complaint(FILE *out, const char *complaint)
{
    fputs("\n  it said: ", out);
    for (size_t i = 0; complaint[i] != '\0' && i < 300; i++)
        fputc((unsigned char)complaint[i] < ' ' || complaint[i] == 0x7f ? ' ' : complaint[i],
              out);
}

static void print_bad(FILE *out, const struct netsim_cell *cell)
{
    char *line = netsim_cell_line(cell);
    bool is_made = cell->state != NETSIM_CELL_NOT_MADE;

    fprintf(out, "\n%s %s/%s seed %" PRIu64, is_made ? "FAILED" : "NOT MADE",
            cell->scenario->name, cell->command->name, cell->seed);
    if (is_made)
        print_broken(out, cell);
    else
        fprintf(out, ": exit code %d", cell->exit);
    if (cell->complaint != NULL)
        print_complaint(out, cell->complaint);
    fprintf(out, "\n  again: %s\n", line != NULL ? line : "(out of memory)");
    free(line);
}

static void print_bad_of(FILE *out, const struct group *group)
{
    size_t bad = 0;

    for (size_t i = 0; i < group->count; i++) {
        const struct netsim_cell *cell = &group->first[i];

        if (!is_bad(cell))
            continue;
        if (bad < SHOWN_PER_GROUP)
            print_bad(out, cell);
        else
            fprintf(out, "%s%" PRIu64, bad == SHOWN_PER_GROUP ? "and so with --seed " : ", ",
                    cell->seed);
        bad++;
    }
    if (bad > SHOWN_PER_GROUP)
        fputc('\n', out);
}

/* ------------------------------------------------------------------ all of it */

static void print_sum(FILE *out, const struct netsim_cells *cells)
{
    size_t counts[NETSIM_CELL_NOT_MADE + 1] = {0};

    for (size_t i = 0; i < cells->count; i++)
        counts[cells->cells[i].state]++;
    fprintf(out, "\n%zu of %zu runs passed", counts[NETSIM_CELL_PASSED], cells->count);
    if (counts[NETSIM_CELL_FAILED] > 0)
        fprintf(out, ", %zu failed", counts[NETSIM_CELL_FAILED]);
    if (counts[NETSIM_CELL_NOT_MADE] > 0)
        fprintf(out, ", %zu could not be made", counts[NETSIM_CELL_NOT_MADE]);
    if (counts[NETSIM_CELL_WAITING] > 0)
        fprintf(out, ", %zu were not tried", counts[NETSIM_CELL_WAITING]);
    fputc('\n', out);
}

void netsim_matrix_table_print(FILE *out, const struct netsim_cells *cells)
{
    struct widths widths = measure(cells);
    struct group group;

    fprintf(out, "%-*s  %-*s  %*s  %8s  %s\n", widths.scenario, "scenario", widths.command,
            "command", widths.passed, "passed", "median s", "worst");
    for (size_t at = 0; next_group(cells, &at, &group);)
        if (group.done > 0)
            print_row(out, &widths, &group);
    for (size_t at = 0; next_group(cells, &at, &group);)
        print_bad_of(out, &group);
    print_sum(out, cells);
}
