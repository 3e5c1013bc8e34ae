/* sentences.h - the sentences of explain: one set of words, in the order of what happens. */
#ifndef NETSIM_SENTENCES_H
#define NETSIM_SENTENCES_H

#include <stdio.h>

#include "netsim/report/forecast.h"

/* A label and what follows it, broken at 78 columns. */
void netsim_sentence(FILE *out, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void netsim_sentences(FILE *out, const struct netsim_words *words,
                      const struct netsim_forecast *forecast,
                      const struct netsim_traffic *traffic);

#endif
