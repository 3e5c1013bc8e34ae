#include "netsim/live/loopback.h"

#include <errno.h>
#include <stdlib.h>

#include "netsim/cli.h"
#include "netsim/live/proxy.h"
#include "netsim/live/tcp.h"

#define CLIENTS_MAX 1024

/* UDP is a proxy with nothing wrong in it. */
struct netsim_loopback {
    struct netsim_plan *clean;
    struct netsim_proxy *udp;
    struct netsim_tcp *tcp;
};

static bool begin_udp(struct netsim_loopback *loopback, struct event_base *base,
                      const struct netsim_loopback_config *c)
{
    struct netsim_proxy_config config = {
        .listen = c->listen,
        .to = c->to,
        .sockets = c->sockets,
        .clients_max = CLIENTS_MAX,
        .quiet = true,
    };

    if (netsim_plan_parse(&loopback->clean, "", &netsim_cli_memory, NULL) != 0) {
        errno = ENOMEM;
        return false;
    }
    config.out = config.back = loopback->clean;
    loopback->udp = netsim_proxy_new(base, &config);
    return loopback->udp != NULL;
}

struct netsim_loopback *netsim_loopback_new(struct event_base *base,
                                            const struct netsim_loopback_config *config)
{
    struct netsim_loopback *loopback = calloc(1, sizeof(*loopback));
    int error;

    if (loopback == NULL)
        return NULL;
    if (config->tcp)
        loopback->tcp = netsim_tcp_new(base, &config->sockets, &config->listen, &config->to);
    if ((!config->tcp || loopback->tcp != NULL) &&
        (!config->udp || begin_udp(loopback, base, config)))
        return loopback;
    error = errno;
    netsim_loopback_free(loopback);
    errno = error;
    return NULL;
}

void netsim_loopback_free(struct netsim_loopback *loopback)
{
    if (loopback->udp != NULL)
        netsim_proxy_free(loopback->udp);
    if (loopback->tcp != NULL)
        netsim_tcp_free(loopback->tcp);
    netsim_plan_free(loopback->clean);
    free(loopback);
}
