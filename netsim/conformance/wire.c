#include "netsim/conformance/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>

#define BUFFER_BYTES (64 << 20) /* all packets of a line wait in it */

static int open_packets(unsigned index, int protocol)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)index};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int bytes = BUFFER_BYTES;

    if (fd < 0)
        return -1;
    address.sll_protocol = htons((uint16_t)protocol);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

bool wire_open(struct wire *wire, const char *from, const char *to)
{
    int on = 1, stamps = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_SOFTWARE |
                         SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;

    wire->send_index = if_nametoindex(from);
    wire->receive_fd = open_packets(if_nametoindex(to), ETH_P_ALL);
    wire->send_fd = open_packets(wire->send_index, 0); /* 0: receives nothing */
    if (wire->receive_fd >= 0 && wire->send_fd >= 0 &&
        setsockopt(wire->receive_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
        setsockopt(wire->receive_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ==
            0 &&
        setsockopt(wire->send_fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)) == 0)
        return true;
    wire_close(wire);
    return false;
}

void wire_close(struct wire *wire)
{
    int keep = errno;

    if (wire->send_fd >= 0)
        close(wire->send_fd);
    if (wire->receive_fd >= 0)
        close(wire->receive_fd);
    errno = keep;
}

/* A packet that netem drops is no error of the sender. */
bool wire_send(const struct wire *wire, const void *frame, size_t len)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)wire->send_index,
                             .sll_protocol = htons(ETH_P_IP)};

    return sendto(wire->send_fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) >= 0 ||
           errno == ENOBUFS;
}

static uint64_t ns_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

static void read_control(struct msghdr *message, uint32_t *index, uint64_t *time_ns)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        struct timespec time;
        struct sock_extended_err error;

        if (c->cmsg_level == SOL_SOCKET &&
            (c->cmsg_type == SCM_TIMESTAMPNS || c->cmsg_type == SCM_TIMESTAMPING)) {
            memcpy(&time, CMSG_DATA(c), sizeof(time));
            *time_ns = ns_of(&time);
        } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_TX_TIMESTAMP) {
            memcpy(&error, CMSG_DATA(c), sizeof(error));
            *index = error.ee_data;
        }
    }
}

static long receive(int fd, int flags, void *data, size_t size, uint32_t *index,
                    uint64_t *time_ns)
{
    _Alignas(struct cmsghdr) char control[256];
    struct iovec piece = {data, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    long len = recvmsg(fd, &message, flags | MSG_DONTWAIT);

    if (len < 0)
        return errno == EAGAIN ? 0 : -1;
    *time_ns = 0;
    read_control(&message, index, time_ns);
    return *time_ns == 0 ? -1 : len;
}

long wire_receive(const struct wire *wire, void *frame, size_t size, uint64_t *time_ns)
{
    uint32_t none;

    return receive(wire->receive_fd, 0, frame, size, &none, time_ns);
}

long wire_sent(const struct wire *wire, uint32_t *index, uint64_t *time_ns)
{
    struct pollfd poll_fd = {.fd = wire->send_fd};
    char none[1];

    /* Such a message has no bytes, so its length doesn't say that it is there. */
    if (poll(&poll_fd, 1, 0) <= 0 || (poll_fd.revents & POLLERR) == 0)
        return 0;
    return receive(wire->send_fd, MSG_ERRQUEUE, none, sizeof(none), index, time_ns) < 0 ? -1
                                                                                        : 1;
}

bool wire_wait(const struct wire *wire, int milliseconds)
{
    struct pollfd poll_fd = {.fd = wire->receive_fd, .events = POLLIN};

    return poll(&poll_fd, 1, milliseconds) > 0;
}
