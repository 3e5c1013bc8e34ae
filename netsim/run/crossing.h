/*
 * crossing.h - did a run use its link? A client that calls the wrong address may well succeed,
 * and would have tested nothing.
 */
#ifndef NETSIM_CROSSING_H
#define NETSIM_CROSSING_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct netsim_crossing {
    uint64_t out_in, out, back_in, back; /* packets that came into a link, and left it */
    bool has_in;                         /* out_in and back_in are known */
};

/* The exit code of a run whose client ended with code: 125 when that was 0 and no packet came
 * through to the server. Then, and when the client failed without any, a sentence in why if
 * none is there yet; a client that was not found has said so. */
int netsim_crossing_judge(const struct netsim_crossing *crossing, int code, char *why,
                          size_t size);

/* "belay-netsim: live, seed 3: out 60 packets (63 came in), back 57 (60 came in)" */
void netsim_crossing_print(const struct netsim_crossing *crossing, const char *backend,
                           uint64_t seed, FILE *out);

#endif
