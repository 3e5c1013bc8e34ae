#include "event/io.h"

#include "event/dial.h"
#include "event/endpoint.h"
#include "event/socket.h"

#include <event2/event.h>

#include <stdlib.h>
#include <string.h>

/*
 * Trains are laid one after the other into one buffer and leave in one call, so that many
 * connections with one small packet each cost no system call each. 65,507 bytes is the
 * largest payload of a datagram or train over IPv4.
 */
#define TRAIN_MAX    65507
#define TRAINS_MAX   32
#define BUFFER_SIZE  (4 * 65536)
#define MESSAGES_MAX 64

/* The queue of a network card empties in less; nothing tells when it has room again. */
#define ENOBUFS_WAIT_US 1000

struct outgoing {
    struct belay_train train;
    size_t sent; /* of train.len */
};

struct belay_sender {
    struct outgoing trains[TRAINS_MAX];
    unsigned first, count; /* those in [first, count) have bytes left */
    size_t used;           /* of buffer */
    bool blocked;
    bool retried; /* the next message failed once: now alone, from any local address */
    struct event *wait;
    uint8_t buffer[BUFFER_SIZE];
};

/* A system call's worth of messages. */
struct volley {
    unsigned count;
    unsigned train[MESSAGES_MAX];
    struct belay_mmsghdr headers[MESSAGES_MAX];
    struct iovec vectors[MESSAGES_MAX];
    union belay_sockaddr names[MESSAGES_MAX];
    union belay_control controls[MESSAGES_MAX];
};

static void on_wait_over(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    belay_send_ready(ctx);
}

struct belay_sender *belay_sender_new(struct belay_endpoint *endpoint)
{
    struct belay_sender *sender = malloc(sizeof(*sender));

    if (sender == NULL)
        return NULL;
    memset(sender, 0, offsetof(struct belay_sender, buffer));
    sender->wait = evtimer_new(endpoint->base, on_wait_over, endpoint);
    if (sender->wait != NULL)
        return sender;
    free(sender);
    return NULL;
}

void belay_sender_free(struct belay_sender *sender)
{
    if (sender == NULL)
        return;
    event_free(sender->wait);
    free(sender);
}

bool belay_sender_is_blocked(const struct belay_endpoint *endpoint)
{
    return endpoint->sender->blocked;
}

/* Lets the core lay trains into the buffer while a whole one has room. */
static void fill(struct belay_endpoint *endpoint, uint64_t now_ns)
{
    struct belay_sender *sender = endpoint->sender;

    sender->first = sender->count = 0;
    sender->used = 0;
    while (sender->count < TRAINS_MAX && BUFFER_SIZE - sender->used >= TRAIN_MAX) {
        struct outgoing *out = &sender->trains[sender->count];

        memset(out, 0, sizeof(*out));
        out->train.buffer = sender->buffer + sender->used;
        out->train.capacity = TRAIN_MAX;
        if (belay_core_send(endpoint->core, &out->train, now_ns) != 1)
            return;
        sender->used += out->train.len;
        sender->count++;
    }
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Adds the bytes [offset, offset + len) of a train as one message. */
static void load(struct volley *volley, const struct belay_socket *sock, unsigned index,
                 size_t offset, size_t len)
{
    const struct belay_sender *sender = sock->endpoint->sender;
    const struct belay_train *train = &sender->trains[index].train;
    struct belay_path path = train->path;
    unsigned i = volley->count++;
    struct msghdr *header = &volley->headers[i].msg_hdr;

    memset(header, 0, sizeof(*header));
    volley->train[i] = index;
    volley->vectors[i].iov_base = train->buffer + offset;
    volley->vectors[i].iov_len = len;
    header->msg_iov = &volley->vectors[i];
    header->msg_iovlen = 1;
    header->msg_namelen =
        belay_address_get_for(&train->path.remote, sock->family, &volley->names[i]);
    header->msg_name = &volley->names[i];
    /* The local address may be gone, as when a laptop changes networks. */
    if (sender->retried)
        path.local.len = 0;
    belay_socket_control(sock, header, &volley->controls[i], &path, train->ecn,
                         len > train->segment_size ? train->segment_size : 0);
}

/* Loads what the first socket in line can send in one call. */
static struct belay_socket *load_volley(struct belay_endpoint *endpoint, struct volley *volley)
{
    struct belay_sender *sender = endpoint->sender;
    uint32_t index = sender->trains[sender->first].train.path.socket;
    struct belay_socket *sock = endpoint->sockets[index];
    bool one = !endpoint->config.mmsg || sender->retried;
    unsigned max = one ? 1 : MESSAGES_MAX;

    volley->count = 0;
    for (unsigned i = sender->first; i < sender->count && volley->count < max; i++) {
        const struct outgoing *out = &sender->trains[i];
        size_t offset = out->sent;

        if (out->train.path.socket != index)
            break;
        while (offset < out->train.len && volley->count < max) {
            size_t left = out->train.len - offset;
            size_t len = sock->gso ? left : min_size(left, out->train.segment_size);

            load(volley, sock, i, offset, len);
            offset += len;
        }
    }
    return sock;
}

/* How many messages left, or -1 with errno, as sendmmsg. */
static int shoot(struct belay_socket *sock, struct volley *volley)
{
    sock->endpoint->stats.send_calls++;
#if BELAY_FAST_IO
    if (volley->count > 1)
        return sendmmsg(sock->fd, volley->headers, volley->count, 0);
#endif
    return sendmsg(sock->fd, &volley->headers[0].msg_hdr, 0) < 0 ? -1 : 1;
}

/* One message is dealt with: it left, or it is lost. */
static void advance(struct belay_endpoint *endpoint, const struct volley *volley, unsigned i,
                    bool left)
{
    struct belay_sender *sender = endpoint->sender;
    struct outgoing *out = &sender->trains[volley->train[i]];
    size_t len = volley->vectors[i].iov_len, segment = out->train.segment_size;

    out->sent += len;
    if (out->sent == out->train.len)
        sender->first = volley->train[i] + 1;
    sender->retried = false;
    if (!left)
        return;
    endpoint->sockets[out->train.path.socket]->gso_doubted = false;
    endpoint->stats.datagrams_sent += len > segment ? (len + segment - 1) / segment : 1;
    endpoint->stats.wire_bytes_sent += len;
}

static void wait_writable(struct belay_socket *sock)
{
    sock->endpoint->sender->blocked = true;
    sock->endpoint->stats.send_blocked++;
    event_add(sock->write, NULL);
}

static void wait_a_moment(struct belay_endpoint *endpoint)
{
    struct timeval moment = {0, ENOBUFS_WAIT_US};

    endpoint->sender->blocked = true;
    endpoint->stats.send_blocked++;
    event_add(endpoint->sender->wait, &moment);
}

/*
 * A datagram, alone, that the system refuses to send for its size: by its interface's MTU. The
 * core is told, unless it was an ICMP error of somebody that the call only reported: then the
 * error queue names no MTU of ours. A train that failed before it did for the same reason.
 */
static void on_too_big(struct belay_socket *sock, const struct outgoing *out, size_t len,
                       uint64_t now_ns)
{
    bool is_v4 = belay_address_family(&out->train.path.remote) == AF_INET;
    size_t headers = is_v4 ? 28 : 48, fits = 0;

    sock->refused_mtu = 0;
    belay_socket_read_errors(sock, now_ns);
#if defined(__linux__)
    if (sock->refused_mtu == 0 || sock->refused_mtu >= len + headers)
        return;
    fits = sock->refused_mtu - headers;
#endif
    sock->gso |= sock->gso_doubted;
    belay_core_too_big(sock->endpoint->core, &out->train.path, out->train.owner, len, fits,
                       now_ns);
}

/* The system took none of the volley: what about its first message? */
static void on_error(struct belay_socket *sock, const struct volley *volley, int error,
                     uint64_t now_ns)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    const struct outgoing *out = &endpoint->sender->trains[volley->train[0]];
    const struct belay_train *train = &out->train;
    bool is_train = volley->vectors[0].iov_len > train->segment_size;

    if (error == EINTR)
        return;
    if (error == ENOSYS && volley->count > 1) { /* sendmmsg, not the datagram */
        endpoint->config.mmsg = false;
    } else if (error == EAGAIN || error == EWOULDBLOCK) {
        wait_writable(sock);
    } else if (error == ENOBUFS || error == ENOMEM) {
        wait_a_moment(endpoint);
    } else if (!endpoint->sender->retried) {
        /* Perhaps an ICMP error of an earlier datagram, reported here once. */
        endpoint->sender->retried = true;
        belay_socket_read_errors(sock, now_ns);
    } else if (is_train && (error == EIO || error == EINVAL || error == EMSGSIZE)) {
        endpoint->sender->retried = false;
        sock->gso = false;
        sock->gso_doubted = true;
    } else {
        endpoint->stats.send_errors++;
        if (error == EMSGSIZE)
            on_too_big(sock, out, volley->vectors[0].iov_len, now_ns);
        if (belay_socket_hint(error) != 0) {
            belay_core_unreachable(endpoint->core, &train->path, belay_socket_hint(error),
                                   now_ns);
            belay_dial_hurry(endpoint, &train->path.remote);
        }
        advance(endpoint, volley, 0, false);
    }
}

/* Until nothing is left or the system takes no more. */
static void drain(struct belay_endpoint *endpoint, uint64_t now_ns)
{
    struct belay_sender *sender = endpoint->sender;
    struct volley volley;

    while (sender->first < sender->count && !sender->blocked) {
        struct belay_socket *sock = load_volley(endpoint, &volley);
        int count = shoot(sock, &volley);

        if (count < 0)
            on_error(sock, &volley, errno, now_ns);
        for (int i = 0; i < count; i++)
            advance(endpoint, &volley, (unsigned)i, true);
    }
}

void belay_sender_flush(struct belay_endpoint *endpoint, uint64_t now_ns)
{
    struct belay_sender *sender = endpoint->sender;

    while (!sender->blocked) {
        drain(endpoint, now_ns);
        if (sender->blocked)
            return;
        fill(endpoint, now_ns);
        if (sender->count == 0)
            return;
        now_ns = belay_now_ns();
    }
}

void belay_send_ready(struct belay_endpoint *endpoint)
{
    endpoint->sender->blocked = false;
    belay_endpoint_mark_work(endpoint);
}
