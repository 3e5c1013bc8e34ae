#include "event/io.h"

#include "event/conn.h"
#include "event/endpoint.h"
#include "event/ports.h"
#include "event/shards.h"
#include "event/socket.h"

#include <stdlib.h>
#include <string.h>

/* 8 buffers of 64 KiB: with GRO up to 512 datagrams a call. Pages that no datagram reaches
 * are never touched. */
#define BATCH       8
#define BUFFER_SIZE 65536

/* Datagrams a wake-up, empty ones included, before the loop's other events have their turn:
 * a flood at this socket must not starve them. */
#define BUDGET 256

struct belay_receiver {
    unsigned batch;
    struct belay_mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    union belay_sockaddr names[BATCH];
    union belay_control controls[BATCH];
    uint8_t buffers[];
};

struct belay_receiver *belay_receiver_new(bool batches)
{
    unsigned batch = batches ? BATCH : 1;
    struct belay_receiver *receiver = malloc(sizeof(*receiver) + (size_t)batch * BUFFER_SIZE);

    if (receiver == NULL)
        return NULL;
    memset(receiver, 0, sizeof(*receiver));
    receiver->batch = batch;
    for (unsigned i = 0; i < batch; i++) {
        struct msghdr *header = &receiver->headers[i].msg_hdr;

        receiver->vectors[i].iov_base = receiver->buffers + (size_t)i * BUFFER_SIZE;
        receiver->vectors[i].iov_len = BUFFER_SIZE;
        header->msg_iov = &receiver->vectors[i];
        header->msg_iovlen = 1;
        header->msg_name = &receiver->names[i];
        header->msg_control = receiver->controls[i].bytes;
        header->msg_namelen = sizeof(receiver->names[i]);
        header->msg_controllen = sizeof(receiver->controls[i].bytes);
    }
    return receiver;
}

void belay_receiver_free(struct belay_receiver *receiver)
{
    free(receiver);
}

static int receive_one(struct belay_socket *sock, struct belay_mmsghdr *header)
{
    ssize_t len = recvmsg(sock->fd, &header->msg_hdr, 0);

    if (len < 0)
        return -1;
    header->msg_len = (unsigned)len;
    return 1;
}

/* How many came, or -1 with errno. */
static int receive_batch(struct belay_socket *sock)
{
    struct belay_receiver *receiver = sock->endpoint->receiver;

    sock->endpoint->stats.receive_calls++;
#if BELAY_FAST_IO
    if (receiver->batch > 1)
        return recvmmsg(sock->fd, receiver->headers, receiver->batch, 0, NULL);
#endif
    return receive_one(sock, receiver->headers);
}

/* Who only listens has no business with such ports; who dialed one wants its answer. */
static bool is_from_bad_port(const struct belay_endpoint *endpoint,
                             const struct belay_address *remote)
{
    return !endpoint->has_dialed && belay_port_is_bad(belay_address_net_port(remote));
}

static void give(struct belay_socket *sock, const struct belay_path *path, uint8_t *data,
                 size_t len, size_t segment_size, unsigned ecn, uint64_t now_ns)
{
    struct belay_endpoint *endpoint = sock->endpoint;

    if (endpoint->shards != NULL)
        belay_shards_receive(sock, path, data, len, segment_size, ecn, now_ns);
    else
        belay_core_receive(endpoint->core, path, data, len, segment_size, ecn, now_ns);
}

/* Gives one datagram or train to the core and its events to the callbacks; returns how many
 * datagrams it was. */
static unsigned take(struct belay_socket *sock, unsigned i, uint64_t now_ns)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    struct belay_receiver *receiver = endpoint->receiver;
    struct msghdr *header = &receiver->headers[i].msg_hdr;
    struct belay_path path = {.socket = sock->index};
    size_t len = receiver->headers[i].msg_len;
    struct belay_arrival arrival;
    unsigned count = 1;
    bool usable;

    usable = len > 0 && (header->msg_flags & MSG_TRUNC) == 0 &&
             belay_address_set(&path.remote, &receiver->names[i].sa, header->msg_namelen);
    belay_socket_parse(sock, header, &arrival);
    if ((header->msg_flags & MSG_TRUNC) != 0)
        endpoint->stats.receive_truncated++;
    header->msg_namelen = sizeof(receiver->names[i]);
    header->msg_controllen = sizeof(receiver->controls[i].bytes);
    header->msg_flags = 0;
    if (arrival.segment_size > 0 && arrival.segment_size < len)
        count = (unsigned)((len + arrival.segment_size - 1) / arrival.segment_size);
    endpoint->stats.datagrams_received += count;
    endpoint->stats.wire_bytes_received += len;
    if (!usable)
        return count;
    if (is_from_bad_port(endpoint, &path.remote)) {
        endpoint->stats.datagrams_from_bad_ports += count;
        return count;
    }
    path.local = arrival.local;
    give(sock, &path, receiver->vectors[i].iov_base, len, count > 1 ? arrival.segment_size : 0,
         arrival.ecn, now_ns);
    belay_dispatch(endpoint);
    return count;
}

/* One batch. False when the socket is empty or the endpoint gone. */
static bool take_batch(struct belay_socket *sock, unsigned *taken)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    int count = receive_batch(sock);
    uint64_t now_ns = belay_now_ns(); /* now: an older one makes round trips too short */

    if (count < 0) {
        bool is_empty = errno == EAGAIN || errno == EWOULDBLOCK;

        if (errno == EINTR)
            return true;
        if (errno == ENOSYS && endpoint->receiver->batch > 1) {
            endpoint->receiver->batch = 1;
            return true;
        }
        /* An ICMP error takes the place of a datagram once; it counts as one, so that a flood
         * of them ends this turn too. */
        *taken += 1;
        belay_socket_read_errors(sock, now_ns);
        belay_dispatch(endpoint);
        return !is_empty && !endpoint->freed;
    }
    for (unsigned i = 0; i < (unsigned)count && !endpoint->freed; i++)
        *taken += take(sock, i, now_ns);
    if (endpoint->freed)
        return false;
    return endpoint->receiver->batch == 1 || (unsigned)count == endpoint->receiver->batch;
}

void belay_receive_ready(struct belay_socket *sock)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    unsigned taken = 0;

    belay_endpoint_enter(endpoint);
    endpoint->reading = sock;
    /* The read event is level-triggered: what is left over makes it active again. */
    while (taken < BUDGET && take_batch(sock, &taken))
        continue;
    endpoint->reading = NULL;
    belay_endpoint_mark_work(endpoint);
    belay_endpoint_leave(endpoint);
}
