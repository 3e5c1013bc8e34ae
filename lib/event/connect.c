/* Dialing: an address at once, a name by way of a dial (dial.h). */
#include "event/conn.h"
#include "event/dial.h"
#include "event/endpoint.h"
#include "event/socket.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int belay_endpoint_dial(struct belay_endpoint *endpoint, const struct belay_address *remote,
                        struct belay_conn *conn, struct belay_core_conn **core)
{
    int family = belay_address_family(remote);
    struct belay_socket *sock = belay_socket_for(endpoint, family);
    /* A private socket is used for this dial only, and tries each address once. */
    bool shared = endpoint->owner != BELAY_OWNER_CONN;
    struct belay_path path = {.remote = *remote};
    int error;

    if (sock == NULL) {
        error = belay_socket_open(endpoint, family, &sock);
        if (error != 0)
            return error;
    }
    path.socket = sock->index;
    if (!sock->wildcard)
        path.local = sock->local;
    error = belay_core_connect(endpoint->core, &path, shared, conn, core);
    endpoint->has_dialed |= error == 0;
    if (error == 0)
        belay_endpoint_mark_work(endpoint);
    return error;
}

static void set_errno(int error)
{
    if (error == BELAY_EINVAL)
        errno = EINVAL;
    else if (error == BELAY_ELIMIT)
        errno = EMFILE;
    else if (error != BELAY_ESYS)
        errno = ENOMEM;
}

/* Undoes belay_conn_new; the endpoint stays. */
static void discard(struct belay_conn *conn)
{
    struct belay_endpoint *endpoint = conn->endpoint;
    int saved = errno;

    conn->freed = true;
    endpoint->conn_count--;
    belay_endpoint_enter(endpoint);
    belay_conn_bury(conn);
    if (endpoint->busy == 1)
        belay_reap(endpoint);
    endpoint->busy--; /* not _leave: a private endpoint is its maker's to free */
    errno = saved;
}

struct belay_conn *belay_endpoint_connect(struct belay_endpoint *endpoint,
                                          const struct sockaddr *addr, int socklen)
{
    struct belay_address remote;
    struct belay_core_conn *core;
    struct belay_conn *conn;
    int error;

    if (socklen < 0 || !belay_address_set(&remote, addr, (size_t)socklen) ||
        belay_address_net_port(&remote) == 0) {
        errno = EINVAL;
        return NULL;
    }
    conn = belay_conn_new(endpoint);
    if (conn == NULL)
        return NULL;
    error = belay_endpoint_dial(endpoint, &remote, conn, &core);
    if (error == 0) {
        belay_conn_attach(conn, core);
        return conn;
    }
    set_errno(error);
    discard(conn);
    return NULL;
}

/* 1: an address, in *out; 0: a name; -1: an address, but not of this family. */
static int parse_numeric(const char *host, int family, int port, struct belay_address *out)
{
    struct evutil_addrinfo hints, *list = NULL;
    union belay_sockaddr u;

    memset(&hints, 0, sizeof(hints));
    hints.ai_flags = EVUTIL_AI_NUMERICHOST;
    hints.ai_socktype = SOCK_DGRAM;
    if (evutil_getaddrinfo(host, NULL, &hints, &list) != 0 || list == NULL)
        return 0;
    memset(&u, 0, sizeof(u));
    memcpy(&u, list->ai_addr, list->ai_addrlen < sizeof(u) ? list->ai_addrlen : sizeof(u));
    if (u.sa.sa_family == AF_INET6)
        u.in6.sin6_port = htons((uint16_t)port);
    else
        u.in.sin_port = htons((uint16_t)port);
    belay_address_set(out, &u.sa, list->ai_addrlen);
    evutil_freeaddrinfo(list);
    return family == AF_UNSPEC || family == u.sa.sa_family ? 1 : -1;
}

static struct belay_conn *connect_name(struct belay_endpoint *endpoint, struct evdns_base *dns,
                                       int family, const char *host, int port)
{
    struct belay_conn *conn = belay_conn_new(endpoint);
    int error;

    if (conn == NULL)
        return NULL;
    error = belay_dial_new(conn, dns, family, host, port);
    if (error == 0)
        return conn;
    set_errno(error);
    discard(conn);
    return NULL;
}

static struct belay_conn *refuse_family(struct belay_endpoint *endpoint, const char *host,
                                        int family)
{
    struct belay_conn *conn = belay_conn_new(endpoint);

    if (conn != NULL)
        belay_conn_fail(conn, BELAY_EHOST, 0, "%s is not an %s address", host,
                        family == AF_INET6 ? "IPv6" : "IPv4");
    return conn;
}

struct belay_conn *belay_endpoint_connect_hostname(struct belay_endpoint *endpoint,
                                                   struct evdns_base *dns, int family,
                                                   const char *host, int port)
{
    bool family_known = family == AF_UNSPEC || family == AF_INET || family == AF_INET6;
    struct belay_address remote;
    union belay_sockaddr u;
    int numeric;

    if (host == NULL || host[0] == '\0' || strlen(host) >= BELAY_DIAL_HOST_MAX ||
        !family_known || port < 1 || port > UINT16_MAX) {
        errno = EINVAL;
        return NULL;
    }
    numeric = parse_numeric(host, family, port, &remote);
    if (numeric < 0)
        return refuse_family(endpoint, host, family);
    if (numeric > 0)
        return belay_endpoint_connect(endpoint, &u.sa, (int)belay_address_get(&remote, &u));
    return connect_name(endpoint, dns, family, host, port);
}

/* ------------------------------------------------------------------ private endpoints */

static struct belay_conn *conn_or_free(struct belay_endpoint *endpoint, struct belay_conn *conn)
{
    int saved = errno;

    if (conn == NULL)
        belay_endpoint_free(endpoint);
    errno = saved;
    return conn;
}

struct belay_conn *belay_connect(struct event_base *base, const struct belay_config *config,
                                 unsigned flags, const struct sockaddr *addr, int socklen)
{
    struct belay_endpoint *endpoint =
        belay_endpoint_new_for(base, config, flags, BELAY_OWNER_CONN);

    if (endpoint == NULL)
        return NULL;
    return conn_or_free(endpoint, belay_endpoint_connect(endpoint, addr, socklen));
}

struct belay_conn *belay_connect_hostname(struct event_base *base,
                                          const struct belay_config *config, unsigned flags,
                                          struct evdns_base *dns, int family, const char *host,
                                          int port)
{
    struct belay_endpoint *endpoint =
        belay_endpoint_new_for(base, config, flags, BELAY_OWNER_CONN);

    if (endpoint == NULL)
        return NULL;
    return conn_or_free(endpoint,
                        belay_endpoint_connect_hostname(endpoint, dns, family, host, port));
}
