/*
 * resolver.h - host names to addresses, by libevent's evdns.
 *
 * A cancelled evdns request still calls back, later, from the loop; so a lookup is an object
 * of its own that outlives its dial, and the resolver outlives its lookups.
 */
#ifndef BELAY_EVENT_RESOLVER_H
#define BELAY_EVENT_RESOLVER_H

struct belay_dial;
struct belay_lookup;
struct belay_resolver;
struct event_base;
struct evdns_base;

/* With the system's settings: resolv.conf where there is one, and the hosts file. */
struct belay_resolver *belay_resolver_new(struct event_base *base);
void belay_resolver_free(struct belay_resolver *resolver);

/* Sets dial->lookups[i] while it is pending; the answer, belay_dial_on_addresses, may come
 * from inside. dns NULL: the endpoint's resolver. 0 or BELAY_ENOMEM. */
int belay_lookup_start(struct belay_dial *dial, unsigned i, struct evdns_base *dns);
void belay_lookup_cancel(struct belay_lookup *lookup);

#endif
