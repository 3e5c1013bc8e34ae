/*
 * Plain UDP, as it is: nothing is sent again, nothing is sorted.
 *
 * One connected socket, so that the kernel tells us of refusals. A host name's addresses are
 * tried one after the other until one does not refuse. Without an interval of the caller's,
 * at most WINDOW_MESSAGES and WINDOW_BYTES are without reply; when none comes for
 * WINDOW_WAIT_NS, what is out is taken for lost and the next ones go: more would only measure
 * how full a socket buffer gets.
 */
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#define WINDOW_MESSAGES 64
#define WINDOW_BYTES    (128 * 1024)
#define WINDOW_WAIT_US  100000
#define BLOCKED_WAIT_US 1000 /* ENOBUFS: the socket may call itself writable all along */
#define READ_BUDGET     64
#define DATAGRAM_MAX    65536

struct transport {
    const struct transport_options *options;
    const struct transport_callbacks *callbacks;
    void *ctx;
    struct event_base *base;
    struct evutil_addrinfo *addresses, *next;
    int fd;
    struct event *readable;
    struct event *wake; /* calls back from the loop: now, or after a wait */
    unsigned window, in_flight;
    int pending_error; /* of a send, handled in the loop */
    bool started, heard, closing;
    uint64_t sent_bytes, heard_bytes;
    char peer[ADDRESS_TEXT_MAX];
    char failure[256];
    uint8_t buffer[DATAGRAM_MAX];
};

static const char *name_error(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "connection refused: no program listens on that UDP port";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "no route to it: check the network";
    case EINVAL:
        return "not an address to send to (fe80::1 needs its interface, as in fe80::1%eth0)";
    default:
        return evutil_socket_error_to_string(error);
    }
}

static void fail_socket(struct transport *t, int error)
{
    if (error == EMSGSIZE)
        snprintf(t->failure, sizeof t->failure,
                 "a message of %zu bytes is too large for one UDP datagram: 65507 bytes is the "
                 "most (65527 over IPv6)",
                 t->options->message_size);
    else
        snprintf(t->failure, sizeof t->failure, "%s (%s): %s", t->options->target, t->peer,
                 name_error(error));
}

/* ------------------------------------------------------------------ the socket */

static void close_socket(struct transport *t)
{
    if (t->readable)
        event_free(t->readable);
    if (t->fd >= 0)
        close(t->fd);
    t->readable = NULL;
    t->fd = -1;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx);

/* errno, or 0. */
static int open_address(struct transport *t, const struct evutil_addrinfo *address)
{
    address_format(address->ai_addr, address->ai_addrlen, t->peer);
    t->fd = socket(address->ai_family, SOCK_DGRAM, 0);
    if (t->fd < 0)
        return errno;
    evutil_make_socket_nonblocking(t->fd);
    evutil_make_socket_closeonexec(t->fd);
    if (connect(t->fd, address->ai_addr, address->ai_addrlen) != 0)
        return errno;
    t->readable = event_new(t->base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
    if (!t->readable || event_add(t->readable, NULL) != 0)
        return ENOMEM;
    return 0;
}

/* Moves on to the next address that opens. False, with the last one's error: none is left. */
static bool open_next(struct transport *t, int error)
{
    while (t->next) {
        struct evutil_addrinfo *address = t->next;
        t->next = address->ai_next;
        close_socket(t);
        error = open_address(t, address);
        if (error == 0)
            return true;
    }
    fail_socket(t, error);
    return false;
}

/* What comes through the socket is a hint; with replies already heard it is let go. */
static void handle_error(struct transport *t, int error)
{
    if (t->heard && error != EMSGSIZE) {
        event_active(t->wake, EV_TIMEOUT, 0);
        return;
    }
    t->in_flight = 0;
    if (error == ECONNREFUSED && open_next(t, error)) {
        t->callbacks->restarted(t->ctx);
        return;
    }
    fail_socket(t, error);
    t->callbacks->ended(t->ctx, t->failure);
}

/* ------------------------------------------------------------------ events */

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct transport *t = ctx;
    if (t->pending_error) {
        int error = t->pending_error;
        t->pending_error = 0;
        handle_error(t, error);
        return;
    }
    bool was_full = t->in_flight >= t->window;
    for (int i = 0; i < READ_BUDGET; i++) {
        ssize_t n = recv(fd, t->buffer, sizeof t->buffer, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0) {
            handle_error(t, errno);
            return; /* the socket may be another one by now */
        }
        t->heard = true;
        t->heard_bytes += (uint64_t)n;
        t->in_flight -= t->in_flight > 0;
        t->callbacks->received(t->ctx, 0, t->buffer, (size_t)n);
    }
    if (was_full && t->in_flight < t->window && !t->closing) {
        event_del(t->wake);
        t->callbacks->writable(t->ctx);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct transport *t = ctx;
    if (t->closing) {
        t->callbacks->ended(t->ctx, NULL);
    } else if (!t->started) {
        t->started = true;
        t->callbacks->ready(t->ctx);
    } else {
        if (t->in_flight >= t->window) /* waited for replies in vain */
            t->in_flight = 0;
        t->callbacks->writable(t->ctx);
    }
}

static void wake_in(struct transport *t, long us)
{
    struct timeval delay = {.tv_sec = 0, .tv_usec = us};
    event_add(t->wake, &delay);
}

static int plain_send(struct transport *t, unsigned channel, const void *data, size_t len)
{
    (void)channel;
    if (!t->options->paced && t->in_flight >= t->window) {
        wake_in(t, WINDOW_WAIT_US);
        return TRANSPORT_WAIT;
    }
    if (send(t->fd, data, len, 0) >= 0) {
        t->in_flight++;
        t->sent_bytes += len;
        return TRANSPORT_SENT;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
        wake_in(t, BLOCKED_WAIT_US);
    } else {
        t->pending_error = errno;
        event_active(t->readable, EV_READ, 0);
    }
    return TRANSPORT_WAIT;
}

/* ------------------------------------------------------------------ life */

static void plain_free(struct transport *t)
{
    close_socket(t);
    if (t->wake)
        event_free(t->wake);
    if (t->addresses)
        evutil_freeaddrinfo(t->addresses);
    free(t);
}

static struct transport *plain_open(struct event_base *base,
                                    const struct transport_options *options,
                                    const struct transport_callbacks *callbacks, void *ctx)
{
    struct transport *t = calloc(1, sizeof *t);
    if (t == NULL) {
        fprintf(stderr, "%s: out of memory\n", options->program);
        return NULL;
    }
    *t = (struct transport){
        .options = options, .callbacks = callbacks, .ctx = ctx, .base = base, .fd = -1};
    size_t fit = WINDOW_BYTES / (options->message_size + 1);
    t->window = fit < 1 ? 1 : fit > WINDOW_MESSAGES ? WINDOW_MESSAGES : (unsigned)fit;

    t->wake = evtimer_new(base, on_wake, t);

    int error = address_resolve(&options->address, options->family, &t->addresses);
    t->next = t->addresses;
    if (error) {
        fprintf(stderr, "%s: unknown host '%s': %s\n", options->program, options->address.host,
                evutil_gai_strerror(error));
    } else if (t->wake && open_next(t, EADDRNOTAVAIL)) {
        event_active(t->wake, EV_TIMEOUT, 0);
        return t;
    } else {
        fprintf(stderr, "%s: %s\n", options->program, t->wake ? t->failure : "out of memory");
    }
    plain_free(t);
    return NULL;
}

static void plain_close(struct transport *t)
{
    t->closing = true;
    event_active(t->wake, EV_TIMEOUT, 0);
}

static void plain_wire(struct transport *t, uint64_t *bytes, uint64_t *retransmitted)
{
    *bytes = t->sent_bytes + t->heard_bytes;
    *retransmitted = 0;
}

static bool plain_path(struct transport *t, struct summary_path *path)
{
    (void)t, (void)path;
    return false;
}

static uint64_t plain_heard_bytes(struct transport *t)
{
    return t->heard_bytes;
}

static const char *plain_peer(struct transport *t)
{
    return t->peer;
}

static void plain_security(struct transport *t, struct transport_security *security)
{
    (void)t;
    *security = (struct transport_security){.cipher = "none"};
}

const struct transport_kind transport_plain = {
    .name = "plain UDP",
    .reliable = false,
    .open = plain_open,
    .send = plain_send,
    .close = plain_close,
    .wire = plain_wire,
    .path = plain_path,
    .heard_bytes = plain_heard_bytes,
    .peer = plain_peer,
    .security = plain_security,
    .free = plain_free,
};
