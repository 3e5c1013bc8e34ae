/* counters.h - packets that an interface has received, from /proc/net/dev. */
#ifndef NETSIM_COUNTERS_H
#define NETSIM_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Of interface in a whole text of /proc/net/dev. false: it is not there. */
bool netsim_counters_parse(const char *text, const char *interface, uint64_t *received);

/* In a network namespace (the caller comes back to here). 0, or -1 with errno. */
int netsim_counters_read(int net, int here, const char *interface, uint64_t *received);

#endif
