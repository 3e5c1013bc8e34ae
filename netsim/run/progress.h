/*
 * progress.h - how far a matrix is: a bar on a terminal, elsewhere a line for each run.
 */
#ifndef NETSIM_PROGRESS_H
#define NETSIM_PROGRESS_H

#include <stdio.h>

#include "netsim/run/cell.h"

struct netsim_progress {
    FILE *out; /* NULL: quiet */
    bool is_terminal;
    size_t total, done, bad;
};

void netsim_progress_init(struct netsim_progress *progress, FILE *out, size_t total);
/* A run began, or is done. */
void netsim_progress_show(struct netsim_progress *progress, const struct netsim_cell *cell);
/* Takes the bar away. */
void netsim_progress_end(struct netsim_progress *progress);

#endif
