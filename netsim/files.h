/* files.h - reads the files that a plan names: distributions and traces. */
#ifndef NETSIM_FILES_H
#define NETSIM_FILES_H

#include "netsim/model/plan.h"

#define NETSIM_FILES_TEXT 512

/*
 * Fills in the tables and traces of all words. A distribution's name without a `/` is
 * NAME.dist in $TC_LIB_DIR when that is set, else in /usr/lib/tc, /usr/lib/MACHINE/tc,
 * /usr/lib64/tc or /usr/share/tc, as tc looks; one with a `/` is a path. Files of at most
 * 16 MiB; one that is named several times is read once.
 *
 * 0, or -1 with a sentence in wrong: which file, which line, what is wrong and what would be
 * right.
 */
int netsim_files_load(struct netsim_plan *plan, char wrong[NETSIM_FILES_TEXT]);

#endif
