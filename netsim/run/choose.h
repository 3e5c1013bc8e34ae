/*
 * choose.h - which backend: by trying, not by asking.
 */
#ifndef NETSIM_CHOOSE_H
#define NETSIM_CHOOSE_H

#include "netsim/run/run.h"

#define NETSIM_CHOOSE_STORY 2048

/* kernel, live, proxy, vm: all there are, in the order in which `auto` tries the first three.
 * NULL after the last. */
const struct netsim_backend *netsim_choose_at(unsigned i);
const struct netsim_backend *netsim_choose_named(const char *name);

/*
 * The first of order (NULL-terminated) that can do config here; NULL: none. story says why not
 * those before it: "kernel: this kernel has no netem; live: ..." or is empty.
 */
const struct netsim_backend *netsim_choose(const struct netsim_backend *const *order,
                                           const struct netsim_run_config *config,
                                           char story[NETSIM_CHOOSE_STORY]);

/* The order of `auto`, NULL-terminated. */
extern const struct netsim_backend *const netsim_choose_auto[];

#endif
