/* SRT behind peer.h: its file congestion control with messages, reliable, nothing dropped when
 * late. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <srt.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_BYTES (8 * 1024 * 1024)
#define EPOLL_US     10000 /* its epoll's waits end late by as much */

static SRTSOCKET listener = SRT_INVALID_SOCK, sock = SRT_INVALID_SOCK;
static int epoll = -1;
static bool wants_room;
static void (*deliver)(const void *data, size_t len);

static void set_options(SRTSOCKET s)
{
    SRT_TRANSTYPE type = SRTT_FILE;
    int off = 0, size = BUFFER_BYTES;
    bool yes = true;

    srt_setsockflag(s, SRTO_TRANSTYPE, &type, sizeof(type));
    srt_setsockflag(s, SRTO_MESSAGEAPI, &yes, sizeof(yes));
    srt_setsockflag(s, SRTO_SNDBUF, &size, sizeof(size));
    srt_setsockflag(s, SRTO_RCVBUF, &size, sizeof(size));
    srt_setsockflag(s, SRTO_LINGER, &off, sizeof(off));
}

static void set_nonblocking(SRTSOCKET s)
{
    bool no = false;
    int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;

    srt_setsockflag(s, SRTO_RCVSYN, &no, sizeof(no));
    srt_setsockflag(s, SRTO_SNDSYN, &no, sizeof(no));
    srt_epoll_add_usock(epoll, s, &events);
}

static int start(struct bench_setup *setup)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(setup->port)};
    int len = sizeof(addr), error;
    SRTSOCKET s;

    deliver = setup->on_message;
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    srt_startup();
    srt_setloglevel(0);
    epoll = srt_epoll_create();
    srt_epoll_set(epoll, SRT_EPOLL_ENABLE_EMPTY);
    s = srt_create_socket();
    set_options(s);
    if (setup->is_server) {
        listener = s;
        error = srt_bind(s, (struct sockaddr *)&addr, sizeof(addr));
        error |= srt_listen(s, 1) | srt_getsockname(s, (struct sockaddr *)&addr, &len);
        setup->port = ntohs(addr.sin_port);
    } else {
        sock = s;
        error = srt_connect(s, (struct sockaddr *)&addr, sizeof(addr));
    }
    set_nonblocking(s);
    if (error != 0)
        fprintf(stderr, "SRT: %s\n", srt_getlasterror_str());
    return error == 0 ? 0 : -1;
}

static bool ready(void)
{
    return sock != SRT_INVALID_SOCK;
}

static bool send_message(const void *data, size_t len)
{
    wants_room = srt_sendmsg(sock, data, (int)len, -1, 1) < 0;
    return !wants_room;
}

static void flush(void)
{
}

static void wait_events(SRTSOCKET s, unsigned timeout_us)
{
    int events = SRT_EPOLL_IN | SRT_EPOLL_ERR | (wants_room ? SRT_EPOLL_OUT : 0);
    SRT_EPOLL_EVENT event;

    srt_epoll_update_usock(epoll, s, &events);
    srt_epoll_uwait(epoll, &event, 1, (int64_t)(timeout_us + 999) / 1000);
}

static bool poll_input(unsigned timeout_us)
{
    static char data[65536];
    int len;

    if (sock == SRT_INVALID_SOCK) {
        wait_events(listener, timeout_us);
        sock = srt_accept(listener, NULL, NULL);
        if (sock != SRT_INVALID_SOCK)
            set_nonblocking(sock);
        return true;
    }
    if (timeout_us >= EPOLL_US)
        wait_events(sock, timeout_us);
    else if (timeout_us > 0)
        bench_wait_fd(-1, 0, timeout_us);
    wants_room = false;
    while ((len = srt_recvmsg(sock, data, sizeof(data))) > 0)
        deliver(data, (size_t)len);
    return srt_getsockstate(sock) == SRTS_CONNECTED;
}

static void stats(struct bench_stats *out)
{
    SRT_TRACEBSTATS all;

    memset(&all, 0, sizeof(all));
    srt_bstats(sock, &all, 0);
    *out = (struct bench_stats){(uint64_t)(all.msRTT * 1e6), (uint64_t)all.pktRetransTotal};
}

static void stop(void)
{
    if (sock != SRT_INVALID_SOCK)
        srt_close(sock);
    if (listener != SRT_INVALID_SOCK)
        srt_close(listener);
    srt_cleanup();
}

const struct bench_peer bench_peer = {
    .name = "SRT",
    .words = "",
    .start = start,
    .ready = ready,
    .send = send_message,
    .flush = flush,
    .poll = poll_input,
    .stats = stats,
    .stop = stop,
};
