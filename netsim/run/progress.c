#include "netsim/run/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BAR_COLUMNS 24
#define CLEAR_LINE  "\r\033[K"

void netsim_progress_init(struct netsim_progress *progress, FILE *out, size_t total)
{
    *progress = (struct netsim_progress){
        .out = out, .is_terminal = out != NULL && isatty(fileno(out)), .total = total};
}

static const char *state_name(enum netsim_cell_state state)
{
    return state == NETSIM_CELL_PASSED   ? "passed"
           : state == NETSIM_CELL_FAILED ? "FAILED"
                                         : "NOT MADE";
}

static void print_line(const struct netsim_progress *progress, const struct netsim_cell *cell)
{
    fprintf(progress->out, "%zu/%zu %s %s/%s seed %" PRIu64 " (%.2f s)\n", progress->done,
            progress->total, state_name(cell->state), cell->scenario->name, cell->command->name,
            cell->seed, cell->seconds);
}

/* Short, so that it stays on one line. */
static void print_bar(const struct netsim_progress *progress, const struct netsim_cell *cell)
{
    char bar[BAR_COLUMNS + 1];
    size_t full = progress->total > 0 ? BAR_COLUMNS * progress->done / progress->total : 0;

    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', full);
    bar[BAR_COLUMNS] = '\0';
    fprintf(progress->out, CLEAR_LINE "[%s] %zu/%zu", bar, progress->done, progress->total);
    if (progress->bad > 0)
        fprintf(progress->out, ", %zu bad", progress->bad);
    fprintf(progress->out, "  %.20s/%.20s", cell->scenario->name, cell->command->name);
}

void netsim_progress_show(struct netsim_progress *progress, const struct netsim_cell *cell)
{
    bool is_done = netsim_cell_is_done(cell), is_bad = cell->state != NETSIM_CELL_PASSED;

    progress->done += is_done;
    progress->bad += is_done && is_bad;
    if (progress->out == NULL)
        return;
    if (is_done && (is_bad || !progress->is_terminal)) {
        if (progress->is_terminal)
            fputs(CLEAR_LINE, progress->out);
        print_line(progress, cell);
    }
    if (progress->is_terminal)
        print_bar(progress, cell);
    fflush(progress->out);
}

void netsim_progress_end(struct netsim_progress *progress)
{
    if (progress->out == NULL || !progress->is_terminal)
        return;
    fputs(CLEAR_LINE, progress->out);
    fflush(progress->out);
}
