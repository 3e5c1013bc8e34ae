/*
 * herd.h - all processes that a run has started, and those that they have.
 */
#ifndef NETSIM_HERD_H
#define NETSIM_HERD_H

#include <stdbool.h>

#include "netsim/run/guard.h"

/* To all: in namespaces that is exact; else it goes to the commands' groups and to what is or
 * has become this process's child (Linux). */
void netsim_herd_signal(const struct netsim_guard *guard, int number);

/* No child is left, dead ones that nobody has waited for included. */
bool netsim_herd_is_gone(void);

#endif
