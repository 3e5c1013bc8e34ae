// UDT behind peer.h: messages, reliable and in order.
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <udt/udt.h>

#include <cstdio>

namespace
{

const int buffer_bytes = 8 * 1024 * 1024;
const unsigned select_us = 10000; // its select's waits end late by as much

UDTSOCKET listener = UDT::INVALID_SOCK, sock = UDT::INVALID_SOCK;
bool wants_room;
void (*deliver)(const void *data, size_t len);

void set_options(UDTSOCKET s, bool is_connected)
{
    bool no = false;
    linger off = {0, 0};

    if (!is_connected) {
        UDT::setsockopt(s, 0, UDT_SNDBUF, &buffer_bytes, sizeof(buffer_bytes));
        UDT::setsockopt(s, 0, UDT_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
        UDT::setsockopt(s, 0, UDT_LINGER, &off, sizeof(off));
        return;
    }
    UDT::setsockopt(s, 0, UDT_RCVSYN, &no, sizeof(no));
    UDT::setsockopt(s, 0, UDT_SNDSYN, &no, sizeof(no));
}

int start(bench_setup *setup)
{
    sockaddr_in addr = {};
    int len = sizeof(addr), error;

    deliver = setup->on_message;
    addr.sin_family = AF_INET;
    addr.sin_port = htons(setup->port);
    inet_pton(AF_INET, setup->host, &addr.sin_addr);
    UDT::startup();
    UDTSOCKET s = UDT::socket(AF_INET, SOCK_DGRAM, 0);
    set_options(s, false);
    if (setup->is_server) {
        listener = s;
        error = UDT::bind(s, reinterpret_cast<sockaddr *>(&addr), sizeof(addr));
        if (error == 0)
            error = UDT::listen(s, 1);
        UDT::getsockname(s, reinterpret_cast<sockaddr *>(&addr), &len);
        setup->port = ntohs(addr.sin_port);
    } else {
        sock = s;
        error = UDT::connect(s, reinterpret_cast<sockaddr *>(&addr), sizeof(addr));
    }
    set_options(s, true);
    if (error == 0)
        return 0;
    fprintf(stderr, "UDT: %s\n", UDT::getlasterror().getErrorMessage());
    return -1;
}

bool ready()
{
    return sock != UDT::INVALID_SOCK;
}

bool send_message(const void *data, size_t len)
{
    int n =
        UDT::sendmsg(sock, static_cast<const char *>(data), static_cast<int>(len), -1, true);
    wants_room = n <= 0;
    return !wants_room;
}

void flush()
{
}

bool wait_events(UDTSOCKET s, unsigned timeout_us)
{
    timeval timeout = {timeout_us / 1000000, timeout_us % 1000000};
    UDT::UDSET in, out;

    UD_SET(s, &in);
    if (wants_room)
        UD_SET(s, &out);
    return UDT::select(0, &in, wants_room ? &out : nullptr, nullptr, &timeout) > 0;
}

bool poll_input(unsigned timeout_us)
{
    static char data[65536];
    int len;

    if (sock == UDT::INVALID_SOCK) {
        if (wait_events(listener, timeout_us))
            sock = UDT::accept(listener, nullptr, nullptr);
        if (sock != UDT::INVALID_SOCK)
            set_options(sock, true);
        return true;
    }
    if (timeout_us >= select_us)
        wait_events(sock, timeout_us);
    else if (timeout_us > 0)
        bench_wait_fd(-1, 0, timeout_us);
    wants_room = false;
    while ((len = UDT::recvmsg(sock, data, sizeof(data))) > 0)
        deliver(data, static_cast<size_t>(len));
    return UDT::getsockstate(sock) == CONNECTED;
}

void stats(bench_stats *out)
{
    UDT::TRACEINFO all = {};

    UDT::perfmon(sock, &all, false);
    out->rtt_ns = static_cast<uint64_t>(all.msRTT * 1e6);
    out->retransmitted = static_cast<uint64_t>(all.pktRetransTotal);
}

void stop()
{
    if (sock != UDT::INVALID_SOCK)
        UDT::close(sock);
    if (listener != UDT::INVALID_SOCK)
        UDT::close(listener);
    UDT::cleanup();
}

} // namespace

// Declared extern "C" in peer.h.
const struct bench_peer bench_peer = {
    "UDT", "", false, 0, start, ready, send_message, flush, poll_input, stats, stop,
};
