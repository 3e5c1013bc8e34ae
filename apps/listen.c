#include "listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void listen_complain(const char *program, const char *text, int error)
{
    const char *why = error == EADDRINUSE ? "the port is in use: stop who uses it or choose "
                                            "another"
                      : error == EADDRNOTAVAIL ? "this host has no such address"
                      : error == EACCES ? "permission denied: ports below 1024 are the system's"
                                        : strerror(error);
    fprintf(stderr, "%s: %s: %s\n", program, text, why);
}

static bool bind_all(const struct listen_target *target, struct belay_endpoint *endpoint)
{
    const struct address *address = target->address;
    struct evutil_addrinfo *list = NULL;
    int error = 0;
    if (address->host[0] == '\0') {
        error = belay_endpoint_bind_any(endpoint, address->port);
    } else if ((error = address_resolve(address, AF_UNSPEC, &list)) != 0) {
        fprintf(stderr, "%s: unknown host '%s': %s\n", target->program, address->host,
                evutil_gai_strerror(error));
        return false;
    }
    for (struct evutil_addrinfo *a = list; a && error == 0; a = a->ai_next)
        error = belay_endpoint_bind(endpoint, a->ai_addr, (int)a->ai_addrlen);
    int reason = error == BELAY_ESYS ? errno : EINVAL;
    if (list)
        evutil_freeaddrinfo(list);
    if (error)
        listen_complain(target->program, target->text, reason);
    return error == 0;
}

bool listen_open(const struct listen_target *target, struct belay_endpoint *endpoint,
                 belay_accept_cb on_accept, void *ctx)
{
    if (!bind_all(target, endpoint))
        return false;
    if (belay_endpoint_listen(endpoint, on_accept, ctx) != NULL)
        return true;
    listen_complain(target->program, target->text, errno);
    return false;
}

void *listen_accept(struct belay_conn *conn, size_t size)
{
    void *peer = calloc(1, size);
    if (peer == NULL)
        belay_conn_reject(conn, BELAY_CLOSE_APP, "the server is out of memory");
    else
        belay_conn_set_user(conn, peer);
    return peer;
}
