#include "netsim/live/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__linux__) && !NETSIM_PORTABLE_IO
#define HAS_MMSG 1
#else
#define HAS_MMSG 0
/* The same shape, filled by one call each. */
struct netsim_mmsghdr {
    struct msghdr msg_hdr;
    unsigned msg_len;
};
#define mmsghdr  netsim_mmsghdr
#endif

#define BUFFER_BYTES (4 << 20)

union control {
    char bytes[2 * CMSG_SPACE(sizeof(int))]; /* ECN, and receiving also the overflow */
    struct cmsghdr align;
};

struct netsim_udp_batch {
    int fd, count;
    struct netsim_datagram datagrams[NETSIM_UDP_BATCH];
    struct mmsghdr headers[NETSIM_UDP_BATCH];
    struct iovec iov[NETSIM_UDP_BATCH];
    union control control[NETSIM_UDP_BATCH];
    uint8_t data[NETSIM_UDP_BATCH][NETSIM_UDP_PAYLOAD_MAX];
};

/* ------------------------------------------------------------------ sockets */

static int open_socket(const struct netsim_sockets *sockets, int family)
{
    int fd = netsim_sockets_open(sockets, family, SOCK_DGRAM);

    if (fd < 0)
        return -1;
    netsim_socket_set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
    netsim_socket_set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
#ifdef SO_RCVBUFFORCE
    netsim_socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES); /* root passes the limit */
    netsim_socket_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
#endif
#ifdef SO_RXQ_OVFL
    netsim_socket_set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
#endif
    netsim_socket_set(fd, IPPROTO_IP, IP_RECVTOS, 1);
    if (family == AF_INET6)
        netsim_socket_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    return fd;
}

int netsim_udp_listen(const struct netsim_sockets *sockets, struct netsim_address *address)
{
    int fd = open_socket(sockets, address->storage.ss_family);

    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address->storage, address->len) != 0)
        return netsim_socket_close_failed(fd);
    address->len = sizeof(address->storage);
    if (getsockname(fd, (struct sockaddr *)&address->storage, &address->len) != 0)
        return netsim_socket_close_failed(fd);
    return fd;
}

int netsim_udp_connect(const struct netsim_sockets *sockets, const struct netsim_address *peer)
{
    int fd = open_socket(sockets, peer->storage.ss_family);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&peer->storage, peer->len) != 0)
        return netsim_socket_close_failed(fd);
    return fd;
}

/* ------------------------------------------------------------------ batches */

struct netsim_udp_batch *netsim_udp_batch_new(void)
{
    struct netsim_udp_batch *batch = malloc(sizeof(*batch));

    if (batch == NULL)
        return NULL;
    memset(batch, 0, offsetof(struct netsim_udp_batch, data)); /* data stays untouched pages */
    batch->fd = -1;
    for (int i = 0; i < NETSIM_UDP_BATCH; i++) {
        batch->datagrams[i].data = batch->data[i];
        batch->iov[i].iov_base = batch->data[i];
    }
    return batch;
}

void netsim_udp_batch_free(struct netsim_udp_batch *batch)
{
    free(batch);
}

struct netsim_datagram *netsim_udp_at(struct netsim_udp_batch *batch, int i)
{
    return &batch->datagrams[i];
}

/* The kernel's receive into slot i. */
static void prepare_receive(struct netsim_udp_batch *batch, int i)
{
    batch->iov[i].iov_len = NETSIM_UDP_PAYLOAD_MAX;
    batch->headers[i].msg_hdr = (struct msghdr){
        .msg_name = &batch->datagrams[i].peer.storage,
        .msg_namelen = sizeof(batch->datagrams[i].peer.storage),
        .msg_iov = &batch->iov[i],
        .msg_iovlen = 1,
        .msg_control = batch->control[i].bytes,
        .msg_controllen = sizeof(batch->control[i].bytes),
    };
}

/* IP_TOS comes as a byte, IPV6_TCLASS as an int. */
static void read_control(struct msghdr *header, struct netsim_datagram *d)
{
    int value;

    d->ecn = 0;
    d->overflowed = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP &&
            (c->cmsg_type == IP_TOS || c->cmsg_type == IP_RECVTOS)) {
            d->ecn = *CMSG_DATA(c) & 3;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            memcpy(&value, CMSG_DATA(c), sizeof(value));
            d->ecn = (uint8_t)(value & 3);
        }
#ifdef SO_RXQ_OVFL
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
            memcpy(&d->overflowed, CMSG_DATA(c), sizeof(d->overflowed));
#endif
    }
}

static int receive_messages(int fd, struct mmsghdr *headers, unsigned count)
{
#if HAS_MMSG
    return recvmmsg(fd, headers, count, 0, NULL);
#else
    unsigned got = 0;

    for (; got < count; got++) {
        ssize_t len = recvmsg(fd, &headers[got].msg_hdr, 0);

        if (len < 0)
            return got > 0 ? (int)got : -1;
        headers[got].msg_len = (unsigned)len;
    }
    return (int)got;
#endif
}

int netsim_udp_receive(int fd, struct netsim_udp_batch *batch)
{
    int count;

    for (int i = 0; i < NETSIM_UDP_BATCH; i++)
        prepare_receive(batch, i);
    count = receive_messages(fd, batch->headers, NETSIM_UDP_BATCH);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &batch->headers[i].msg_hdr;

        batch->datagrams[i].len = batch->headers[i].msg_len;
        batch->datagrams[i].peer.len = header->msg_namelen;
        read_control(header, &batch->datagrams[i]);
    }
    return count;
}

/* ECN bits ride along only where there are some. */
static void prepare_send(struct netsim_udp_batch *batch, int i)
{
    struct netsim_datagram *d = &batch->datagrams[i];
    struct msghdr *header = &batch->headers[i].msg_hdr;
    struct cmsghdr *c;
    int ecn = d->ecn;

    batch->iov[i].iov_len = d->len;
    *header = (struct msghdr){.msg_iov = &batch->iov[i], .msg_iovlen = 1};
    if (d->peer.len > 0) {
        header->msg_name = &d->peer.storage;
        header->msg_namelen = d->peer.len;
    }
    if (ecn == 0)
        return;
    memset(&batch->control[i], 0, sizeof(batch->control[i]));
    header->msg_control = batch->control[i].bytes;
    header->msg_controllen = CMSG_SPACE(sizeof(ecn));
    c = CMSG_FIRSTHDR(header);
    c->cmsg_level = d->v4 ? IPPROTO_IP : IPPROTO_IPV6;
    c->cmsg_type = d->v4 ? IP_TOS : IPV6_TCLASS;
    c->cmsg_len = CMSG_LEN(sizeof(ecn));
    memcpy(CMSG_DATA(c), &ecn, sizeof(ecn));
}

static int send_messages(int fd, struct mmsghdr *headers, unsigned count)
{
#if HAS_MMSG
    return sendmmsg(fd, headers, count, 0);
#else
    (void)count;
    return sendmsg(fd, &headers[0].msg_hdr, 0) < 0 ? -1 : 1;
#endif
}

static bool is_icmp(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
}

void netsim_udp_flush(struct netsim_udp_batch *batch, struct netsim_udp_counts *counts)
{
    int at = 0;
    bool told = false; /* a send tells of an older ICMP error once, instead of sending */

    for (int i = 0; i < batch->count; i++)
        prepare_send(batch, i);
    while (at < batch->count) {
        int sent = send_messages(batch->fd, batch->headers + at, (unsigned)(batch->count - at));

        if (sent > 0) {
            counts->sent += (uint64_t)sent;
            at += sent;
            told = false;
        } else if (errno == EINTR) {
            continue;
        } else if (is_icmp(errno) && !told) {
            counts->refused++;
            told = true;
        } else {
            counts->failed++;
            at++;
            told = false;
        }
    }
    batch->count = 0;
}

struct netsim_datagram *netsim_udp_put(struct netsim_udp_batch *batch, int fd,
                                       const struct netsim_datagram *datagram,
                                       struct netsim_udp_counts *counts)
{
    struct netsim_datagram *copy;
    int i;

    if (batch->count == NETSIM_UDP_BATCH || batch->fd != fd)
        netsim_udp_flush(batch, counts);
    batch->fd = fd;
    i = batch->count++;
    copy = &batch->datagrams[i];
    copy->len = datagram->len;
    copy->ecn = datagram->ecn;
    copy->v4 = datagram->v4;
    copy->peer = datagram->peer;
    memcpy(copy->data, datagram->data, datagram->len);
    return copy;
}
