/*
 * cell.h - the cells of a matrix: one run each of a command in a scenario with a seed, and what
 * came of it.
 */
#ifndef NETSIM_CELL_H
#define NETSIM_CELL_H

#include "netsim/run/scenario.h"

#define NETSIM_CELLS_MAX 1000000

enum netsim_cell_state {
    NETSIM_CELL_WAITING,
    NETSIM_CELL_RUNNING,
    NETSIM_CELL_PASSED,
    NETSIM_CELL_FAILED,   /* an expectation did not hold */
    NETSIM_CELL_NOT_MADE, /* there was no such run: no permission, no program */
};

struct netsim_cell {
    const struct netsim_scenario *scenario;
    const struct netsim_command *command;
    const struct netsim_expect *expect;
    uint64_t seed;

    enum netsim_cell_state state;
    int exit;         /* of the run */
    double seconds;   /* wall time, setting up included */
    char backend[16]; /* empty: it did not say */
    json_t *client;   /* the last object on a line of its own, or NULL */
    char *complaint;  /* the last lines of its errors, malloc'd, or NULL */
};

struct netsim_cells {
    struct netsim_cell *cells; /* scenarios, in them commands, in them seeds, as in the file */
    size_t count;
};

struct netsim_cells_choice {
    const char *filter;               /* in SCENARIO/COMMAND; NULL: all */
    const struct netsim_seeds *seeds; /* instead of the file's, or NULL */
};

/* false: out of memory, or more than NETSIM_CELLS_MAX (count tells how many). */
bool netsim_cells_init(struct netsim_cells *cells, const struct netsim_scenarios *file,
                       const struct netsim_cells_choice *choice);
void netsim_cells_dispose(struct netsim_cells *cells);

bool netsim_cell_is_done(const struct netsim_cell *cell);

/* Decides on the state, from exit, seconds and client. */
void netsim_cell_judge(struct netsim_cell *cell);
struct netsim_figures netsim_cell_figures(const struct netsim_cell *cell);

/* The arguments of `belay-netsim run`, program first, NULL last. They point into the cell and
 * to seed_text. */
#define NETSIM_CELL_ARGS_MAX  20
#define NETSIM_SEED_TEXT_SIZE 24
struct netsim_cell_args {
    const char *argv[NETSIM_CELL_ARGS_MAX];
    char seed[NETSIM_SEED_TEXT_SIZE], mtu[NETSIM_SEED_TEXT_SIZE];
};
void netsim_cell_args(const struct netsim_cell *cell, const char *program,
                      struct netsim_cell_args *args);

/* The same as a line for a shell, malloc'd. NULL: out of memory. */
char *netsim_cell_line(const struct netsim_cell *cell);

#endif
