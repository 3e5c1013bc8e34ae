/* The kernel's TCP behind peer.h: NODELAY, messages with their length in front, one write a
 * batch. */
#define _GNU_SOURCE
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (512u * 1024)
#define TRIES        500 /* a listener may come a little later than its client */
#define TRY_US       10000

static int listener = -1, fd = -1;
static bool has_ended;
static char out[BUFFER_BYTES], in[BUFFER_BYTES];
static size_t out_start, out_end, in_len;
static void (*deliver)(const void *data, size_t len);

static int set_options(int sock, const struct bench_setup *setup)
{
    const char *cc = bench_word(setup, "cc");
    int on = 1;

    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (cc != NULL &&
        setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) != 0) {
        fprintf(stderr,
                "TCP: cc=%s: %s: see "
                "/proc/sys/net/ipv4/tcp_available_congestion_control\n",
                cc, strerror(errno));
        return -1;
    }
    return 0;
}

static int dial(const struct bench_setup *setup, const struct sockaddr_in *addr)
{
    for (int i = 0; i < TRIES; i++) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || set_options(fd, setup) != 0)
            return -1;
        if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
            return fcntl(fd, F_SETFL, O_NONBLOCK);
        close(fd);
        if (errno != ECONNREFUSED)
            break;
        bench_wait_fd(-1, 0, TRY_US);
    }
    perror("TCP: connect");
    return -1;
}

static int start(struct bench_setup *setup)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(setup->port)};
    socklen_t len = sizeof(addr);
    int on = 1;

    deliver = setup->on_message;
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    if (!setup->is_server)
        return dial(setup, &addr);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || set_options(listener, setup) != 0)
        return -1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&addr, &len)) {
        perror("TCP: bind");
        return -1;
    }
    setup->port = ntohs(addr.sin_port);
    return 0;
}

static bool ready(void)
{
    return fd >= 0;
}

static void flush(void)
{
    while (out_start < out_end) {
        ssize_t n = write(fd, out + out_start, out_end - out_start);

        if (n < 0) {
            has_ended |= errno != EAGAIN && errno != EINTR;
            return;
        }
        out_start += (size_t)n;
    }
    out_start = out_end = 0;
}

static bool send_message(const void *data, size_t len)
{
    uint32_t head = (uint32_t)len;

    if (out_end + sizeof(head) + len > sizeof(out)) {
        flush();
        memmove(out, out + out_start, out_end - out_start);
        out_end -= out_start;
        out_start = 0;
    }
    if (out_end + sizeof(head) + len > sizeof(out))
        return false;
    memcpy(out + out_end, &head, sizeof(head));
    memcpy(out + out_end + sizeof(head), data, len);
    out_end += sizeof(head) + len;
    return true;
}

static void deliver_whole(void)
{
    size_t at = 0;
    uint32_t len;

    while (in_len - at >= sizeof(len)) {
        memcpy(&len, in + at, sizeof(len));
        if (in_len - at - sizeof(len) < len)
            break;
        deliver(in + at + sizeof(len), len);
        at += sizeof(len) + len;
    }
    memmove(in, in + at, in_len - at);
    in_len -= at;
}

static void accept_one(const unsigned timeout_us)
{
    if (bench_wait_fd(listener, POLLIN, timeout_us))
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static bool poll_input(unsigned timeout_us)
{
    ssize_t n;

    if (fd < 0) {
        accept_one(timeout_us);
        return true;
    }
    if (timeout_us > 0)
        bench_wait_fd(fd, out_start < out_end ? POLLIN | POLLOUT : POLLIN, timeout_us);
    n = read(fd, in + in_len, sizeof(in) - in_len);
    has_ended |= n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n > 0) {
        in_len += (size_t)n;
        deliver_whole();
    }
    return !has_ended;
}

static void stats(struct bench_stats *all)
{
    struct tcp_info info = {.tcpi_rtt = 0};
    socklen_t len = sizeof(info);

    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    *all = (struct bench_stats){(uint64_t)info.tcpi_rtt * 1000, info.tcpi_total_retrans};
}

static void stop(void)
{
    if (fd >= 0)
        close(fd);
    if (listener >= 0)
        close(listener);
}

const struct bench_peer bench_peer = {
    .name = "TCP",
    .words = "cc",
    .start = start,
    .ready = ready,
    .send = send_message,
    .flush = flush,
    .poll = poll_input,
    .stats = stats,
    .stop = stop,
};
