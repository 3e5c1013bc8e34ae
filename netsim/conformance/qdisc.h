/*
 * qdisc.h - netem on an interface: set and removed by tc, and asked of the kernel itself, whose
 * numbers are exact where tc prints six digits.
 */
#ifndef NETSIM_CONFORMANCE_QDISC_H
#define NETSIM_CONFORMANCE_QDISC_H

#include <stdint.h>
#include <stdio.h>

/* `tc qdisc add dev DEVICE root netem WORDS` and its exit status; 127: it can't be run. What
 * it says goes to our stderr, or with quiet nowhere. */
int qdisc_add(const char *device, const char *words, int quiet);
int qdisc_delete(const char *device);

/* Appends what `tc -j -s qdisc show` says to the file. Exit status as above. */
int qdisc_show(const char *device, FILE *out);

/* Appends a JSON object with the options as the kernel has them. How many packets are queued,
 * or -1: there is no netem or the kernel doesn't answer. out may be NULL. */
long qdisc_dump(unsigned index, FILE *out);

#endif
