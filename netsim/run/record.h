/*
 * record.h - a run of a matrix as one JSON line.
 *
 *     {"scenario":"bad","command":"echo","seed":3,"backend":"live","exit":0,"seconds":1.25,
 *      "pass":true,"expect":[{"is":"lost == 0","value":0,"pass":true}],"client":{"lost":0},
 *      "run":"belay-netsim run --backend live ..."}
 *
 * backend, value and client are null where there is none. pass is null where there was no such
 * run; then, and for what failed, "error" is the last line of the run's errors.
 */
#ifndef NETSIM_RECORD_H
#define NETSIM_RECORD_H

#include <stdio.h>

#include "netsim/run/cell.h"

/* 0, or -1: not written (errno). */
int netsim_record_write(FILE *out, const struct netsim_cell *cell);

#endif
