#include "netsim/run/localhost6.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsim/live/loopback.h"
#include "netsim/run/namespaces.h"
#include "netsim/run/run.h"

struct side {
    const struct netsim_lab *lab;
    int net;
};

struct netsim_localhost6 {
    struct side client, server;
    unsigned count;
    struct netsim_loopback *halves[2 * NETSIM_PORTS_MAX];
};

/* A socket stays in the namespace that it was made in. */
static int open_there(void *arg, int domain, int type)
{
    const struct side *side = arg;
    int fd, error;

    if (netsim_namespaces_join(side->net) != 0)
        return -1;
    fd = socket(domain, type, 0);
    error = errno;
    if (netsim_namespaces_join(side->lab->middle) != 0) {
        error = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    errno = error;
    return fd;
}

static void add_half(struct netsim_localhost6 *l, struct event_base *base, struct side *side,
                     const char *from, const char *to, const struct netsim_port *port)
{
    struct netsim_loopback_config config = {
        .sockets = {open_there, side}, .udp = !port->tcp, .tcp = port->tcp};
    char text[NETSIM_ADDRESS_TEXT_SIZE];

    snprintf(text, sizeof(text), "[%s]:%u", from, port->number);
    netsim_address_parse(&config.listen, text, false);
    snprintf(text, sizeof(text), "[%s]:%u", to, port->number);
    netsim_address_parse(&config.to, text, false);
    l->halves[l->count] = netsim_loopback_new(base, &config);
    if (l->halves[l->count] != NULL)
        l->count++;
}

static void add_port(struct netsim_localhost6 *l, struct event_base *base,
                     const struct netsim_port *port)
{
    if (!port->ipv6)
        return;
    add_half(l, base, &l->client, "::1", NETSIM_SERVER_IPV6, port);
    if (port->loopback)
        add_half(l, base, &l->server, NETSIM_SERVER_IPV6, "::1", port);
}

struct netsim_localhost6 *netsim_localhost6_new(struct event_base *base,
                                                const struct netsim_lab *lab,
                                                struct netsim_ready *ready)
{
    struct netsim_port ports[NETSIM_PORTS_MAX];
    unsigned count = netsim_ready_list(ready, ports, NETSIM_PORTS_MAX);
    struct netsim_localhost6 *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->client = (struct side){lab, lab->client};
    l->server = (struct side){lab, lab->server};
    for (unsigned i = 0; i < count; i++)
        add_port(l, base, &ports[i]);
    return l;
}

void netsim_localhost6_free(struct netsim_localhost6 *localhost6)
{
    for (unsigned i = 0; localhost6 != NULL && i < localhost6->count; i++)
        netsim_loopback_free(localhost6->halves[i]);
    free(localhost6);
}
