/* text.h - writes words one after the other into a buffer that may be too small: under
 * words_format.c and plan.c. */
#ifndef NETSIM_TEXT_H
#define NETSIM_TEXT_H

#include "netsim/model/words.h"

struct netsim_text {
    char *out;
    size_t size, len; /* len: what there would be with room enough */
};

struct netsim_text netsim_text_begin(char *out, size_t size);
/* Appends, with a blank in front of all but the first. */
void netsim_text_put(struct netsim_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, without the blank. */
void netsim_text_join(struct netsim_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void netsim_text_put_percent(struct netsim_text *t, uint32_t value);
void netsim_text_put_time(struct netsim_text *t, int64_t ns);
void netsim_text_put_words(struct netsim_text *t, const struct netsim_words *words);

#endif
