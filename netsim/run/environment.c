#include "netsim/run/environment.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "netsim/run/run.h"

__attribute__((format(printf, 3, 4))) static struct netsim_variable *
set(struct netsim_variable *next, const char *name, const char *format, ...)
{
    va_list args;

    next->name = name;
    va_start(args, format);
    vsnprintf(next->value, sizeof(next->value), format, args);
    va_end(args);
    next[1].name = NULL;
    return next + 1;
}

static struct netsim_variable *set_ipv6(struct netsim_variable *next, const char *name,
                                        const struct netsim_ends *ends)
{
    if (ends->ipv6_host == NULL)
        return set(next, name, "%s", "");
    return set(next, name, "[%s]:%u", ends->ipv6_host, ends->server_port);
}

static void fill(struct netsim_variable *next, const struct netsim_ends *ends,
                 const char *backend, uint64_t seed, const char *host, uint16_t port)
{
    next = set(next, "NETSIM_LISTEN", "%s:%u", ends->listen_host, ends->listen_port);
    next = set(next, "NETSIM_SERVER", "%s:%u", ends->server_host, ends->server_port);
    next = set(next, "NETSIM_HOST", "%s", host);
    next = set(next, "NETSIM_PORT", "%u", port);
    next = set_ipv6(next, "NETSIM_LISTEN6", ends);
    next = set_ipv6(next, "NETSIM_SERVER6", ends);
    next = set(next, "NETSIM_BACKEND", "%s", backend);
    set(next, "NETSIM_SEED", "%" PRIu64, seed);
}

void netsim_environment_fill(struct netsim_environment *environment,
                             const struct netsim_ends *ends, const char *backend, uint64_t seed)
{
    fill(environment->server, ends, backend, seed, ends->listen_host, ends->listen_port);
    fill(environment->client, ends, backend, seed, ends->server_host, ends->server_port);
}

void netsim_environment_of_lab(struct netsim_environment *environment, bool has_ipv6,
                               const char *backend, uint64_t seed)
{
    const struct netsim_ends ends = {.listen_host = NETSIM_SERVER_IPV4,
                                     .server_host = NETSIM_SERVER_IPV4,
                                     .listen_port = NETSIM_PORT,
                                     .server_port = NETSIM_PORT,
                                     .ipv6_host = has_ipv6 ? NETSIM_SERVER_IPV6 : NULL};

    netsim_environment_fill(environment, &ends, backend, seed);
}
