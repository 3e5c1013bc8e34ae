/*
 * usrsctp behind peer.h: SCTP over UDP (RFC 6951), messages, NODELAY. Words: buffer, bytes of
 * both buffers [8 MiB]; tuned, a minimal RTO of 100 ms and acknowledgements after 10 ms. A
 * large buffer full of small messages costs it much: 256 KiB is best over loopback.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usrsctp.h>

#define BUFFER_BYTES (8 * 1024 * 1024)
#define SCTP_PORT    9899
#define RTO_MIN_MS   100
#define SACK_MS      10

static struct socket *listener, *sock;
static bool is_ready, wants_room;
static int wake = -1;
static void (*deliver)(const void *data, size_t len);

/* From a thread of the library's. */
static void on_event(struct socket *s, void *arg, int flags)
{
    (void)s;
    (void)arg;
    (void)flags;
    eventfd_write(wake, 1);
}

/* It takes no 0 for "any port". */
static uint16_t free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int error = bind(fd, (struct sockaddr *)&addr, sizeof(addr));

    error |= getsockname(fd, (struct sockaddr *)&addr, &len);
    close(fd);
    return error == 0 ? ntohs(addr.sin_port) : 0;
}

static void tune(const struct bench_setup *setup)
{
    const char *buffer = bench_word(setup, "buffer");
    uint32_t bytes = buffer == NULL ? BUFFER_BYTES : (uint32_t)strtoul(buffer, NULL, 10);

    usrsctp_sysctl_set_sctp_sendspace(bytes);
    usrsctp_sysctl_set_sctp_recvspace(bytes);
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(1u << 20);
    usrsctp_sysctl_set_sctp_blackhole(2);
    if (bench_word(setup, "tuned") == NULL)
        return;
    usrsctp_sysctl_set_sctp_rto_min_default(RTO_MIN_MS);
    usrsctp_sysctl_set_sctp_rto_initial_default(RTO_MIN_MS);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(SACK_MS);
}

static void adopt(struct socket *s)
{
    int on = 1;

    usrsctp_set_non_blocking(s, 1);
    usrsctp_set_upcall(s, on_event, NULL);
    usrsctp_setsockopt(s, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof(on));
}

static int dial(struct socket *s, struct sockaddr_in *addr, uint16_t udp_port)
{
    struct sctp_udpencaps encaps = {.sue_port = htons(udp_port)};

    encaps.sue_address.ss_family = AF_INET;
    usrsctp_setsockopt(s, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encaps, sizeof(encaps));
    if (usrsctp_connect(s, (struct sockaddr *)addr, sizeof(*addr)) != 0 && errno != EINPROGRESS)
        return -1;
    sock = s;
    return 0;
}

static int start(struct bench_setup *setup)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(SCTP_PORT)};
    uint16_t port = setup->is_server && setup->port != 0 ? setup->port : free_port();
    struct socket *s;
    int error;

    deliver = setup->on_message;
    wake = eventfd(0, EFD_NONBLOCK);
    usrsctp_init(port, NULL, NULL);
    tune(setup);
    s = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (s == NULL)
        return -1;
    adopt(s);
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    if (!setup->is_server) {
        error = dial(s, &addr, setup->port);
    } else {
        listener = s;
        setup->port = port;
        error = usrsctp_bind(s, (struct sockaddr *)&addr, sizeof(addr)) | usrsctp_listen(s, 1);
    }
    if (error != 0)
        perror("usrsctp");
    return error == 0 ? 0 : -1;
}

static bool ready(void)
{
    return is_ready;
}

static bool send_message(const void *data, size_t len)
{
    struct sctp_sndinfo info = {.snd_sid = 0};

    wants_room =
        usrsctp_sendv(sock, data, len, NULL, 0, &info, sizeof(info), SCTP_SENDV_SNDINFO, 0) < 0;
    return !wants_room;
}

static void flush(void)
{
}

/* False: it has ended. */
static bool receive(void)
{
    static char data[65536];
    struct sctp_rcvinfo info;
    socklen_t info_len = sizeof(info), from_len = 0;
    unsigned type = 0;
    int flags = 0;
    ssize_t len;

    while ((len = usrsctp_recvv(sock, data, sizeof(data), NULL, &from_len, &info, &info_len,
                                &type, &flags)) > 0) {
        deliver(data, (size_t)len);
        info_len = sizeof(info);
        flags = 0;
    }
    return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool poll_input(unsigned timeout_us)
{
    eventfd_t count;
    int events = sock == NULL ? 0 : usrsctp_get_events(sock);
    int wanted = SCTP_EVENT_READ | (wants_room || !is_ready ? SCTP_EVENT_WRITE : 0);

    if (timeout_us > 0 && (events & wanted) == 0)
        bench_wait_fd(wake, POLLIN, timeout_us);
    (void)eventfd_read(wake, &count);
    if (sock == NULL) {
        sock = usrsctp_accept(listener, NULL, NULL);
        if (sock != NULL)
            adopt(sock);
        is_ready = sock != NULL;
        return true;
    }
    events = usrsctp_get_events(sock);
    is_ready |= (events & SCTP_EVENT_WRITE) != 0;
    if (!is_ready)
        return (events & SCTP_EVENT_ERROR) == 0;
    return (events & SCTP_EVENT_READ) == 0 || receive();
}

static void stop(void)
{
    if (sock != NULL)
        usrsctp_close(sock);
    if (listener != NULL)
        usrsctp_close(listener);
    /* usrsctp_finish waits for associations to end; the process ends anyway. */
}

const struct bench_peer bench_peer = {
    .name = "SCTP",
    .words = "buffer tuned",
    .start = start,
    .ready = ready,
    .send = send_message,
    .flush = flush,
    .poll = poll_input,
    .stop = stop,
};
