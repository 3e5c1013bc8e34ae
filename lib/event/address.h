/*
 * address.h - socket addresses in the form that the core compares byte by byte: a sockaddr_in
 * or sockaddr_in6 with every unused byte cleared, IPv4-mapped addresses turned into IPv4.
 */
#ifndef BELAY_EVENT_ADDRESS_H
#define BELAY_EVENT_ADDRESS_H

#include "event/platform.h"

#include <belay/core.h>

#define BELAY_ADDRESS_TEXT 64 /* bytes for belay_address_format */

union belay_sockaddr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* False, and out empty, for what is no IP address or too short. */
bool belay_address_set(struct belay_address *out, const struct sockaddr *addr, size_t len);
void belay_address_set_in(struct belay_address *out, struct in_addr addr, in_port_t net_port);
void belay_address_set_in6(struct belay_address *out, const struct in6_addr *addr,
                           in_port_t net_port, uint32_t scope);

/* As sockaddr; returns its length, 0 for an empty address. */
socklen_t belay_address_get(const struct belay_address *address, union belay_sockaddr *out);
/* The same for sendmsg on a socket of this family: IPv4 becomes IPv4-mapped for AF_INET6. */
socklen_t belay_address_get_for(const struct belay_address *address, int socket_family,
                                union belay_sockaddr *out);
/* For callers of the API: at most *len bytes, *len becomes the whole length. */
bool belay_address_copy(const struct belay_address *address, struct sockaddr *out, int *len);

int belay_address_family(const struct belay_address *address); /* AF_UNSPEC when empty */
in_port_t belay_address_net_port(const struct belay_address *address);
bool belay_address_is_wildcard(const struct belay_address *address);
bool belay_address_is_equal(const struct belay_address *a, const struct belay_address *b);
const char *belay_address_format(const struct belay_address *address,
                                 char out[BELAY_ADDRESS_TEXT]);

#endif
