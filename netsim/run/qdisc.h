/*
 * qdisc.h - puts the kernel's netem on an interface, by tc.
 *
 * Distributions are netsim's own tables, or those read from the files that the words name: tc
 * finds them in a folder in memory that only it sees and that goes with it.
 */
#ifndef NETSIM_QDISC_H
#define NETSIM_QDISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netsim/model/words.h"

#define NETSIM_QDISC_WORDS 1024

/* The words as tc takes them, tables under the names they have for it; seed NULL: without.
 * 0, or -1: too long. */
int netsim_qdisc_words(const struct netsim_words *words, const uint64_t *seed,
                       char out[NETSIM_QDISC_WORDS]);

/* At the root of interface in a network namespace. The words' own seed counts before seed;
 * NULL: the kernel's own randomness. 0, or -1 with a sentence. */
int netsim_qdisc_add(int net, const char *interface, const struct netsim_words *words,
                     const uint64_t *seed, char *why, size_t size);

/* Do tc and this kernel know `seed`? Asked of a netem in the namespace, on interface, which is
 * left there. -1 with a sentence: no netem at all. */
int netsim_qdisc_try(int net, const char *interface, bool *has_seed, char *why, size_t size);

/* `tc -s qdisc show` of an interface, on stderr. */
void netsim_qdisc_show(int net, const char *interface, const char *title);

#endif
