#include "event/socket.h"

#include "event/endpoint.h"
#include "event/hooks.h"
#include "event/io.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void switch_on(int fd, int level, int option)
{
    int on = 1;

    setsockopt(fd, level, option, &on, sizeof(on));
}

/* What is missing on a system is done without: nothing here is an error. IPv4 options are
 * set on IPv6 sockets too, for their IPv4-mapped traffic. */
static void set_options_v4(int fd)
{
#if defined(IP_PMTUDISC_PROBE)
    int probe = IP_PMTUDISC_PROBE;
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
#elif defined(IP_DONTFRAG)
    switch_on(fd, IPPROTO_IP, IP_DONTFRAG);
#endif
#if defined(IP_RECVERR)
    switch_on(fd, IPPROTO_IP, IP_RECVERR);
#endif
#if defined(IP_RECVTOS)
    switch_on(fd, IPPROTO_IP, IP_RECVTOS);
#endif
}

static void set_options_v6(int fd)
{
#if defined(IPV6_PMTUDISC_PROBE)
    int probe = IPV6_PMTUDISC_PROBE;
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
#elif defined(IPV6_DONTFRAG)
    switch_on(fd, IPPROTO_IPV6, IPV6_DONTFRAG);
#endif
#if defined(IPV6_RECVERR)
    switch_on(fd, IPPROTO_IPV6, IPV6_RECVERR);
#endif
#if defined(IPV6_RECVTCLASS)
    switch_on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS);
#endif
}

static void ask_for_local_address(const struct belay_socket *sock)
{
    if (sock->family == AF_INET6) {
#if defined(IPV6_RECVPKTINFO)
        switch_on(sock->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
#endif
    } else {
#if defined(IP_PKTINFO)
        switch_on(sock->fd, IPPROTO_IP, IP_PKTINFO);
#elif defined(IP_RECVDSTADDR)
        switch_on(sock->fd, IPPROTO_IP, IP_RECVDSTADDR);
#endif
    }
}

/* Linux answers with twice of what it granted. */
static void set_buffer(struct belay_socket *sock, int option, const char *limit)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    int asked = endpoint->config.socket_buffer_bytes, got = 0;
    socklen_t len = sizeof(got);

    setsockopt(sock->fd, SOL_SOCKET, option, &asked, sizeof(asked));
    if (getsockopt(sock->fd, SOL_SOCKET, option, &got, &len) != 0)
        return;
#if defined(__linux__)
    got /= 2;
#endif
    if (got >= asked || endpoint->buffer_warned)
        return;
    endpoint->buffer_warned = true;
    belay_endpoint_log(endpoint, 1, NULL,
                       "socket buffer is %d bytes, %d were asked for: raise net.core.%s", got,
                       asked, limit);
}

static void probe_fast_paths(struct belay_socket *sock)
{
#if BELAY_FAST_IO
    int value = 0;
    socklen_t len = sizeof(value);

    sock->gso = sock->endpoint->config.gso &&
                getsockopt(sock->fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
    value = 1;
    sock->gro = sock->endpoint->config.gro &&
                setsockopt(sock->fd, SOL_UDP, UDP_GRO, &value, sizeof(value)) == 0;
#else
    (void)sock;
#endif
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    belay_receive_ready(ctx);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct belay_socket *sock = ctx;

    (void)fd;
    (void)what;
    belay_send_ready(sock->endpoint);
}

static bool read_name(struct belay_socket *sock)
{
    union belay_sockaddr name;
    socklen_t len = sizeof(name);

    memset(&name, 0, sizeof(name));
    if (getsockname(sock->fd, &name.sa, &len) != 0)
        return false;
    sock->family = name.sa.sa_family;
    if (!belay_address_set(&sock->local, &name.sa, len)) {
        errno = EAFNOSUPPORT;
        return false;
    }
    sock->wildcard = belay_address_is_wildcard(&sock->local);
    if (sock->family == AF_INET6) {
        int on = 0;

        len = sizeof(on);
        getsockopt(sock->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
        sock->v6only = on != 0 || !sock->wildcard;
    }
    return true;
}

static bool add_events(struct belay_socket *sock)
{
    struct event_base *base = sock->endpoint->base;

    sock->read = event_new(base, sock->fd, EV_READ | EV_PERSIST, on_readable, sock);
    sock->write = event_new(base, sock->fd, EV_WRITE, on_writable, sock);
    return sock->read != NULL && sock->write != NULL && event_add(sock->read, NULL) == 0;
}

/* The place of one that was shut while its endpoint lives. */
static bool take_place(struct belay_endpoint *endpoint, struct belay_socket *sock)
{
    for (unsigned i = 0; i < endpoint->socket_count; i++) {
        if (endpoint->sockets[i]->fd >= 0)
            continue;
        free(endpoint->sockets[i]);
        sock->index = i;
        endpoint->sockets[i] = sock;
        return true;
    }
    return false;
}

static bool append(struct belay_endpoint *endpoint, struct belay_socket *sock)
{
    size_t size = (endpoint->socket_count + 1) * sizeof(*endpoint->sockets);
    struct belay_socket **sockets;

    if (take_place(endpoint, sock))
        return true;
    sockets = realloc(endpoint->sockets, size);
    if (sockets == NULL)
        return false;
    endpoint->sockets = sockets;
    sock->index = endpoint->socket_count;
    sockets[endpoint->socket_count++] = sock;
    return true;
}

/* sock->fd is bound. On failure fd is left alone. */
static int set_up(struct belay_socket *sock)
{
    if (!read_name(sock))
        return BELAY_ESYS;
    set_options_v4(sock->fd);
    if (sock->family == AF_INET6)
        set_options_v6(sock->fd);
    if (sock->wildcard)
        ask_for_local_address(sock);
    if (sock->endpoint->config.socket_buffer_bytes > 0) {
        set_buffer(sock, SO_RCVBUF, "rmem_max");
        set_buffer(sock, SO_SNDBUF, "wmem_max");
    }
    probe_fast_paths(sock);
    if (add_events(sock) && append(sock->endpoint, sock))
        return 0;
    errno = ENOMEM;
    return BELAY_ENOMEM;
}

static int adopt(struct belay_endpoint *endpoint, int fd, bool close_fd,
                 struct belay_socket **out)
{
    struct belay_socket *sock = calloc(1, sizeof(*sock));
    int error;

    if (sock == NULL)
        return BELAY_ENOMEM;
    sock->endpoint = endpoint;
    sock->fd = fd;
    error = set_up(sock);
    if (error == 0) {
        sock->close_fd = close_fd;
        *out = sock;
        return 0;
    }
    sock->fd = -1;
    belay_socket_shut(sock);
    free(sock);
    return error;
}

int belay_socket_adopt(struct belay_endpoint *endpoint, int fd, bool close_fd)
{
    struct belay_socket *sock;
    return adopt(endpoint, fd, close_fd, &sock);
}

static int open_bound(const struct belay_address *addr, bool v6only, bool share_port)
{
    union belay_sockaddr name;
    socklen_t len = belay_address_get(addr, &name);
    int only = v6only, saved;
    int fd = socket(name.sa.sa_family, SOCK_DGRAM, 0);

    if (fd < 0)
        return -1;
    if (evutil_make_socket_nonblocking(fd) != 0 || evutil_make_socket_closeonexec(fd) != 0)
        goto fail;
    if (name.sa.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0)
        goto fail;
#if defined(SO_REUSEPORT)
    if (share_port)
        switch_on(fd, SOL_SOCKET, SO_REUSEPORT);
#endif
    if (bind(fd, &name.sa, len) == 0)
        return fd;
fail:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int belay_socket_bind(struct belay_endpoint *endpoint, const struct belay_address *addr,
                      bool v6only, struct belay_socket **out)
{
    bool share_port = (endpoint->flags & BELAY_OPT_REUSEABLE_PORT) != 0;
    int error, saved, fd = open_bound(addr, v6only, share_port);
    struct belay_socket *sock;

    if (fd < 0)
        return BELAY_ESYS;
    error = adopt(endpoint, fd, true, &sock);
    if (error != 0) {
        saved = errno;
        close(fd);
        errno = saved;
        return error;
    }
    if (out != NULL)
        *out = sock;
    return 0;
}

int belay_socket_open(struct belay_endpoint *endpoint, int family, struct belay_socket **out)
{
    struct in6_addr any6 = IN6ADDR_ANY_INIT;
    struct in_addr any = {.s_addr = htonl(INADDR_ANY)};
    struct belay_address address;
    int error;

    if (family == AF_INET6)
        belay_address_set_in6(&address, &any6, 0, 0);
    else
        belay_address_set_in(&address, any, 0);
    error = belay_socket_bind(endpoint, &address, true, out);
    if (error == 0)
        (*out)->is_spare = true;
    return error;
}

void belay_socket_shut_unused(struct belay_endpoint *endpoint)
{
    for (unsigned i = 0; i < endpoint->socket_count; i++) {
        struct belay_socket *sock = endpoint->sockets[i];

        if (sock->is_spare && sock->fd >= 0 && sock != endpoint->reading &&
            !belay_core_uses_socket(endpoint->core, i))
            belay_socket_shut(sock);
    }
}

void belay_socket_shut(struct belay_socket *sock)
{
    /* The sender waits for it: what is next in line may be for another socket. */
    if (sock->write != NULL && event_pending(sock->write, EV_WRITE, NULL))
        belay_send_ready(sock->endpoint);
    if (sock->read != NULL)
        event_free(sock->read);
    if (sock->write != NULL)
        event_free(sock->write);
    if (sock->fd >= 0 && sock->close_fd)
        close(sock->fd);
    sock->read = sock->write = NULL;
    sock->fd = -1;
}

struct belay_socket *belay_socket_for(struct belay_endpoint *endpoint, int family)
{
    struct belay_socket *dual = NULL;

    for (unsigned i = 0; i < endpoint->socket_count; i++) {
        struct belay_socket *sock = endpoint->sockets[i];

        /* What answers a dial may come to another socket of a group. */
        if (sock->fd < 0 || sock->shard_place > 0)
            continue;
        if (sock->family == family)
            return sock;
        if (sock->family == AF_INET6 && family == AF_INET && !sock->v6only)
            dual = sock;
    }
    return dual;
}
