/*
 * Raw UDP behind peer.h, the limit: nothing is acknowledged, what is lost stays lost. A call a
 * message, or with the word gso the kernel's segmentation both ways (UDP_SEGMENT, UDP_GRO).
 */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRAIN_BYTES    65507
#define TRAIN_SEGMENTS 64
#define BUFFER_BYTES   (8 * 1024 * 1024)
#define READS          64

static int fd = -1;
static bool uses_gso, is_connected, is_server;
static char train[TRAIN_BYTES], in[65536];
static size_t train_len, segment;
static void (*deliver)(const void *data, size_t len);

static int start(struct bench_setup *setup)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(setup->port)};
    socklen_t len = sizeof(addr);
    int error, on = 1, size = BUFFER_BYTES;

    deliver = setup->on_message;
    segment = setup->size;
    uses_gso = bench_word(setup, "gso") != NULL;
    is_server = setup->is_server;
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    error = is_server ? bind(fd, (struct sockaddr *)&addr, sizeof(addr))
                      : connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    if (uses_gso && error == 0)
        error = setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
    if (error != 0 || getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        perror("UDP");
        return -1;
    }
    is_connected = !is_server;
    if (is_server)
        setup->port = ntohs(addr.sin_port);
    return 0;
}

static bool ready(void)
{
    return is_connected;
}

/* Segments of equal size; false: no room. */
static bool send_train(void)
{
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec vector = {train, train_len};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    struct cmsghdr *cmsg;
    uint16_t size = (uint16_t)segment;

    if (train_len > segment) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        cmsg = CMSG_FIRSTHDR(&header);
        cmsg->cmsg_level = SOL_UDP;
        cmsg->cmsg_type = UDP_SEGMENT;
        cmsg->cmsg_len = CMSG_LEN(sizeof(size));
        memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
    }
    if (train_len > 0 && sendmsg(fd, &header, 0) < 0)
        return false;
    train_len = 0;
    return true;
}

static bool send_message(const void *data, size_t len)
{
    if (!uses_gso || len != segment)
        return send(fd, data, len, 0) >= 0;
    if ((train_len + len > sizeof(train) || train_len / segment == TRAIN_SEGMENTS) &&
        !send_train())
        return false;
    memcpy(train + train_len, data, len);
    train_len += len;
    return true;
}

static void flush(void)
{
    send_train();
}

static size_t segment_of(struct msghdr *header, size_t len)
{
    int size = (int)len;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
            memcpy(&size, CMSG_DATA(c), sizeof(size));
    return (size_t)size;
}

/* The client's address comes with its first message. */
static bool receive(void)
{
    char control[CMSG_SPACE(sizeof(int))];
    struct sockaddr_in from;
    struct iovec vector = {in, sizeof(in)};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control),
                            .msg_name = &from,
                            .msg_namelen = sizeof(from)};
    ssize_t len = recvmsg(fd, &header, 0);
    size_t size;

    if (len < 0)
        return false;
    if (!is_connected)
        is_connected = connect(fd, (struct sockaddr *)&from, sizeof(from)) == 0;
    size = segment_of(&header, (size_t)len);
    for (size_t at = 0; at < (size_t)len && size > 0; at += size)
        deliver(in + at, size < (size_t)len - at ? size : (size_t)len - at);
    return true;
}

static bool poll_input(unsigned timeout_us)
{
    if (timeout_us > 0)
        bench_wait_fd(fd, POLLIN, timeout_us);
    for (int i = 0; i < READS && receive(); i++)
        ;
    return true;
}

static void stop(void)
{
    close(fd);
}

const struct bench_peer bench_peer = {
    .name = "UDP",
    .words = "gso",
    .is_unreliable = true,
    .start = start,
    .ready = ready,
    .send = send_message,
    .flush = flush,
    .poll = poll_input,
    .stop = stop,
};
