/*
 * environment.h - what the commands of a run find in their environment.
 *
 *     NETSIM_LISTEN    198.18.0.1:10000   what the server should bind
 *     NETSIM_SERVER    198.18.0.1:10000   what the client should call
 *     NETSIM_HOST, NETSIM_PORT            the parts of it: the server's of LISTEN, the client's
 *                                         of SERVER
 *     NETSIM_LISTEN6, NETSIM_SERVER6      [fd42:198:18::1]:10000, where there is IPv6
 *     NETSIM_BACKEND, NETSIM_SEED
 */
#ifndef NETSIM_ENVIRONMENT_H
#define NETSIM_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "netsim/run/child.h"

#define NETSIM_ENVIRONMENT_SIZE 16

struct netsim_environment {
    struct netsim_variable server[NETSIM_ENVIRONMENT_SIZE], client[NETSIM_ENVIRONMENT_SIZE];
};

struct netsim_ends {
    const char *listen_host, *server_host; /* numeric IPv4 */
    uint16_t listen_port, server_port;
    const char *ipv6_host; /* of both, with server_port; NULL: none */
};

void netsim_environment_fill(struct netsim_environment *environment,
                             const struct netsim_ends *ends, const char *backend,
                             uint64_t seed);

/* Of the backends with namespaces. */
void netsim_environment_of_lab(struct netsim_environment *environment, bool has_ipv6,
                               const char *backend, uint64_t seed);

#endif
