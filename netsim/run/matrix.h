/*
 * matrix.h - makes the runs of a matrix, several at a time, each by a child `belay-netsim run`.
 */
#ifndef NETSIM_MATRIX_H
#define NETSIM_MATRIX_H

#include "netsim/run/cell.h"

struct netsim_matrix_config {
    const char *program; /* that makes a run: argv[0] */
    const char *keep;    /* a folder for the runs' output, or NULL */
    size_t jobs;         /* at a time, at least 1 */
    /* A run began or was done; its state tells. */
    void (*on_change)(void *arg, const struct netsim_cell *cell);
    void *arg;
};

/*
 * Runs all that wait, in their order. 0: all are done. Or the number of the signal (SIGINT,
 * SIGTERM, SIGHUP) that ended it: the runs were told to end, and those that were not done wait
 * again. Or -1 with errno: a child could not be started.
 */
int netsim_matrix_run(struct netsim_cells *cells, const struct netsim_matrix_config *config);

#endif
