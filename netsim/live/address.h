/*
 * address.h - socket addresses <-> "127.0.0.1:4433", "[::1]:4433", "localhost:4433".
 */
#ifndef NETSIM_ADDRESS_H
#define NETSIM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct netsim_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* NULL, or a sentence part saying what is wrong with text. Resolves names: blocks. */
const char *netsim_address_parse(struct netsim_address *address, const char *text,
                                 bool port_0_allowed);

#define NETSIM_ADDRESS_TEXT_SIZE 64
/* v4-mapped addresses are shown as IPv4. */
void netsim_address_format(const struct netsim_address *address,
                           char out[NETSIM_ADDRESS_TEXT_SIZE]);

/* IPv4, or IPv4 in IPv6's clothes. */
bool netsim_address_is_v4(const struct netsim_address *address);

#endif
