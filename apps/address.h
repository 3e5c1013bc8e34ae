/*
 * address.h - HOST[:PORT] as people write it: a name, 192.0.2.1, ::1, each with :PORT, an IPv6
 * address then in brackets.
 */
#ifndef BELAY_APPS_ADDRESS_H
#define BELAY_APPS_ADDRESS_H

#include <event2/util.h>

#include <sys/socket.h>

#define ADDRESS_PORT_DEFAULT 10000
#define ADDRESS_TEXT_MAX     64 /* what belay_format_address needs */

struct address {
    char host[256]; /* without brackets; empty: every address of this host */
    unsigned port;
};

/* NULL, or a sentence that says what is wrong and what would be right. */
const char *address_parse(const char *text, struct address *address);

/* 0, or an EAI_ code for evutil_gai_strerror. family: AF_UNSPEC, AF_INET or AF_INET6. Free
 * the list with evutil_freeaddrinfo. */
int address_resolve(const struct address *address, int family, struct evutil_addrinfo **list);

/* As belay_format_address, but an IPv4 address inside an IPv6 one is shown as IPv4. */
const char *address_format(const struct sockaddr *addr, socklen_t len,
                           char out[ADDRESS_TEXT_MAX]);
unsigned address_port(const struct sockaddr *addr);

#endif
