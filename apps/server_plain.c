/*
 * Plain UDP echo (RFC 862, at any port): each datagram goes back to where it came from, from
 * the address that it was sent to. A reply that the socket does not take is dropped, as UDP
 * may, and counted.
 *
 * Two echo services would play one datagram for ever (CVE-1999-0103, CVE-2024-2169). What comes
 * from a port of the well-known answering services, or from our own port number, is ignored.
 */
#include "server.h"

#include "report.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#define READ_BUDGET  64
#define SOCKETS_MAX  16
#define DATAGRAM_MAX 65536

struct plain_socket {
    struct server *server;
    int fd;
    unsigned port;
    struct event *readable;
};

struct server {
    struct event_base *base;
    struct report *report;
    struct plain_socket sockets[SOCKETS_MAX];
    size_t socket_count;
    uint8_t buffer[DATAGRAM_MAX];
};

/* ------------------------------------------------------------------ one datagram */

static bool answers_by_itself(unsigned port)
{
    /* none, echo, qotd, chargen, time, dns, ntp */
    static const unsigned ports[] = {0, 7, 17, 19, 37, 53, 123};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* Whether the reply needs its interface named. */
static bool is_link_local(const struct in6_addr *addr)
{
    return IN6_IS_ADDR_LINKLOCAL(addr) || IN6_IS_ADDR_MC_LINKLOCAL(addr);
}

/* Makes of where a datagram was sent to where its answer comes from. Other control messages
 * and multicast destinations are left out. */
static void turn_control(struct msghdr *message)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);
    bool usable = false;
    if (cmsg && cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(cmsg), sizeof info);
        info.ipi_ifindex = 0;
        usable = true; /* ipi_spec_dst is an address of ours, also after a broadcast */
        memcpy(CMSG_DATA(cmsg), &info, sizeof info);
    } else if (cmsg && cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(cmsg), sizeof info);
        if (!is_link_local(&info.ipi6_addr))
            info.ipi6_ifindex = 0;
        usable = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
        memcpy(CMSG_DATA(cmsg), &info, sizeof info);
    }
    if (!usable)
        message->msg_controllen = 0;
    if (message->msg_controllen == 0)
        message->msg_control = NULL;
}

static void answer(struct plain_socket *sock, struct msghdr *message, size_t len)
{
    struct report *report = sock->server->report;
    char peer[ADDRESS_TEXT_MAX];
    address_format(message->msg_name, message->msg_namelen, peer);
    unsigned port = address_port(message->msg_name);
    if (answers_by_itself(port) || port == sock->port) {
        report->ignored++;
        return;
    }
    report_received(report, peer, 0, len);
    message->msg_iov->iov_len = len;
    turn_control(message);
    if (sendmsg(sock->fd, message, 0) < 0)
        report->unanswered++;
    else
        report_sent(report, peer, 0, len);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct plain_socket *sock = ctx;
    for (int i = 0; i < READ_BUDGET; i++) {
        struct sockaddr_storage from;
        union {
            struct cmsghdr align;
            char space[256];
        } control;
        struct iovec iov = {.iov_base = sock->server->buffer, .iov_len = DATAGRAM_MAX};
        struct msghdr message = {
            .msg_name = &from,
            .msg_namelen = sizeof from,
            .msg_iov = &iov,
            .msg_iovlen = 1,
            .msg_control = &control,
            .msg_controllen = sizeof control,
        };
        ssize_t n = recvmsg(fd, &message, 0);
        if (n >= 0)
            answer(sock, &message, (size_t)n);
        else if (errno == EAGAIN)
            return;
        /* Else: an error of an earlier reply. It tells nothing of the next datagram. */
    }
}

/* ------------------------------------------------------------------ sockets */

static void ask_for_destination(int fd, int family)
{
    int on = 1;
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

/* 0 or errno. v6only: an IPv6 socket leaves IPv4 to others. */
static int add_socket(struct server *server, const struct evutil_addrinfo *address, int v6only)
{
    if (server->socket_count == SOCKETS_MAX)
        return 0;
    int fd = socket(address->ai_family, SOCK_DGRAM, 0);
    if (fd < 0)
        return errno;
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
    ask_for_destination(fd, address->ai_family);
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    struct plain_socket *sock = &server->sockets[server->socket_count];
    *sock = (struct plain_socket){
        .server = server, .fd = fd, .port = address_port((struct sockaddr *)&bound)};
    sock->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, sock);
    if (!sock->readable || event_add(sock->readable, NULL) != 0) {
        close(fd);
        return ENOMEM;
    }
    server->socket_count++;
    report_listening(server->report, fd);
    return 0;
}

/* One socket for both families; where there is no IPv6, one for IPv4. */
static int bind_any(struct server *server, const struct evutil_addrinfo *list)
{
    static const int families[] = {AF_INET6, AF_INET};
    int error = EAFNOSUPPORT;
    for (size_t i = 0; i < 2 && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL); i++)
        for (const struct evutil_addrinfo *a = list; a; a = a->ai_next)
            if (a->ai_family == families[i])
                error = add_socket(server, a, 0);
    return error;
}

/* 0 or errno of an address that failed. */
static int bind_all(struct server *server, const struct evutil_addrinfo *list)
{
    int error = 0;
    for (const struct evutil_addrinfo *a = list; a && !error; a = a->ai_next)
        error = add_socket(server, a, 1);
    return error;
}

/* ------------------------------------------------------------------ life */

static void plain_free(struct server *server)
{
    for (size_t i = 0; i < server->socket_count; i++) {
        event_free(server->sockets[i].readable);
        close(server->sockets[i].fd);
    }
    free(server);
}

static struct server *plain_open(struct event_base *base, const struct server_options *options,
                                 struct report *report)
{
    struct server *server = calloc(1, sizeof *server);
    struct evutil_addrinfo *list = NULL;
    if (server == NULL) {
        server_complain(options, ENOMEM);
        return NULL;
    }
    server->base = base;
    server->report = report;
    int error = address_resolve(&options->address, AF_UNSPEC, &list);
    if (error) {
        fprintf(stderr, "%s: unknown host '%s': %s\n", SERVER_NAME, options->address.host,
                evutil_gai_strerror(error));
        plain_free(server);
        return NULL;
    }
    error = options->address.host[0] ? bind_all(server, list) : bind_any(server, list);
    evutil_freeaddrinfo(list);
    if (error == 0)
        return server;
    server_complain(options, error);
    plain_free(server);
    return NULL;
}

/* There is nothing open to wait for. */
static void plain_drain(struct server *server)
{
    event_base_loopbreak(server->base);
}

const struct server_kind server_plain = {
    .open = plain_open, .drain = plain_drain, .free = plain_free};
