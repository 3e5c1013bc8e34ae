/* ICMP errors, from the socket's error queue (socket.h). Without one (BSD) there are none on
 * an unconnected socket, and dials to closed ports end by time. */
#include "event/socket.h"

#include "event/conn.h"
#include "event/dial.h"
#include "event/endpoint.h"

#include <string.h>

#if defined(__linux__)
#include <linux/types.h>
#include <linux/errqueue.h>

/* More wait for the next call: a flood of ICMP is no reason to stay here. */
#define ERRORS_AT_ONCE 64

#define HEADERS_V4 28 /* IP and UDP */
#define HEADERS_V6 48

#define QUOTE_BYTES 16 /* more than a DATA packet's connection ID needs */

/* False: there is none. *headers: what an MTU in it has besides the payload. */
static bool find_error(struct msghdr *header, struct sock_extended_err *error, size_t *headers)
{
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
        bool v4 = cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR;
        bool v6 = cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR;

        if ((v4 || v6) && cmsg->cmsg_len >= CMSG_LEN(sizeof(*error))) {
            memcpy(error, CMSG_DATA(cmsg), sizeof(*error));
            *headers = v4 ? HEADERS_V4 : HEADERS_V6;
            return true;
        }
    }
    return false;
}

/* Our own system's word is for the send that failed; anybody else's is a hint, and quotes. */
static void on_too_big(struct belay_socket *sock, const struct belay_path *path,
                       const struct sock_extended_err *error, size_t headers,
                       const uint8_t *quote, size_t len)
{
    if (error->ee_info <= headers)
        return;
    if (error->ee_origin == SO_EE_ORIGIN_LOCAL)
        sock->refused_mtu = error->ee_info;
    else if (path->remote.len > 0)
        belay_core_size_hint(sock->endpoint->core, path, quote, len, error->ee_info - headers);
}

/* False when there is no more. The name is where our datagram went; of the datagram itself the
 * beginning is wanted. */
static bool read_one(struct belay_socket *sock, uint64_t now_ns)
{
    union belay_control control;
    union belay_sockaddr name;
    struct belay_path path = {.socket = sock->index};
    uint8_t quote[QUOTE_BYTES];
    struct iovec vector = {quote, sizeof(quote)};
    struct msghdr header = {.msg_name = &name,
                            .msg_namelen = sizeof(name),
                            .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    struct sock_extended_err error;
    size_t headers;
    ssize_t len;
    int hint;

    memset(&name, 0, sizeof(name));
    len = recvmsg(sock->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (len < 0)
        return errno == EINTR;
    if (!find_error(&header, &error, &headers))
        return true;
    if (!belay_address_set(&path.remote, &name.sa, header.msg_namelen))
        path.remote.len = 0;
    if (error.ee_errno == EMSGSIZE)
        on_too_big(sock, &path, &error, headers, quote, (size_t)len);
    hint = belay_socket_hint((int)error.ee_errno);
    if (hint == 0 || path.remote.len == 0)
        return true;
    belay_core_unreachable(sock->endpoint->core, &path, hint, now_ns);
    belay_dial_hurry(sock->endpoint, &path.remote);
    belay_stop_lingering(sock->endpoint, &path.remote);
    return true;
}

void belay_socket_read_errors(struct belay_socket *sock, uint64_t now_ns)
{
    for (unsigned i = 0; i < ERRORS_AT_ONCE && read_one(sock, now_ns); i++)
        continue;
}

#else

void belay_socket_read_errors(struct belay_socket *sock, uint64_t now_ns)
{
    (void)sock;
    (void)now_ns;
}

#endif
