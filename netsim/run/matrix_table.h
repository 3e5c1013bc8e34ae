/*
 * matrix_table.h - what came of a matrix, for people: a line for each command in each scenario,
 * and how to make again what went wrong.
 */
#ifndef NETSIM_MATRIX_TABLE_H
#define NETSIM_MATRIX_TABLE_H

#include <stdio.h>

#include "netsim/run/cell.h"

/* Runs that are not done are left out, and told in the last line. */
void netsim_matrix_table_print(FILE *out, const struct netsim_cells *cells);

#endif
