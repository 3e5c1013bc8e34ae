/*
 * profiles.h - known networks as a link's words. Published numbers only; the numbers that a
 * source gives and those that follow from them (half of a round trip each way) are told apart
 * in `source`.
 */
#ifndef NETSIM_PROFILES_H
#define NETSIM_PROFILES_H

#include <stddef.h>

struct netsim_profile {
    const char *name, *about;     /* about: a few words */
    const char *link, *link_back; /* words for netsim_plan_parse: client to server, and back */
    const char *source;           /* title, place, date; what it says; what was made of it */
};

/* NULL: there is none of that name. */
const struct netsim_profile *netsim_profile_find(const char *name);
/* The i-th; NULL after the last. */
const struct netsim_profile *netsim_profile_at(size_t i);

#endif
