/*
 * warnings.h - what these words do that few expect, for one set of words: each a sentence with
 * words that would do what was meant.
 */
#ifndef NETSIM_WARNINGS_H
#define NETSIM_WARNINGS_H

#include "netsim/report/forecast.h"

#define NETSIM_WARNINGS_MAX 24

struct netsim_warning {
    const char *id; /* for programs: "correlation", "jitter-reorders" ... */
    char text[512];
};

/* How many, at most NETSIM_WARNINGS_MAX. */
unsigned netsim_warnings(struct netsim_warning warnings[NETSIM_WARNINGS_MAX],
                         const struct netsim_words *words,
                         const struct netsim_forecast *forecast,
                         const struct netsim_traffic *traffic);

#endif
