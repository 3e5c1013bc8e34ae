/*
 * proxy_inside.h - what the parts of the proxy share: proxy.c begins and ends it, proxy_in.c
 * takes datagrams from sockets into the links, proxy_out.c from the links to sockets.
 */
#ifndef NETSIM_PROXY_INSIDE_H
#define NETSIM_PROXY_INSIDE_H

#include "netsim/live/clients.h"
#include "netsim/live/direction.h"
#include "netsim/live/proxy.h"
#include "netsim/live/timer.h"
#include "netsim/live/udp.h"

#define HEADERS_V4   28 /* IPv4 20, UDP 8 */
#define HEADERS_V6   48 /* IPv6 40, UDP 8 */
#define CAPTURED_MAX (HEADERS_V6 + NETSIM_UDP_PAYLOAD_MAX)

/* One datagram inside a link; freed when its last copy is out. */
struct netsim_proxy_packet {
    uint64_t client;  /* its serial */
    uint64_t rebinds; /* of the socket to the server by which it goes or came */
    uint32_t len, headers;
    uint8_t ecn;
    uint8_t data[];
};

struct netsim_proxy_way {
    struct netsim_direction direction;
    struct netsim_udp_batch *sending;
    struct netsim_udp_counts counts;
    uint64_t corrupt_headers, no_client, unknown_port, no_memory, overflowed;
};

struct netsim_proxy {
    struct netsim_proxy_config config;
    struct event_base *base;
    uint64_t start_ns;
    int fd;
    uint32_t overflowed; /* of fd, when last told */
    struct event *event;
    struct netsim_timer timer;
    struct netsim_udp_batch *receiving;
    struct netsim_clients clients;
    uint64_t yielded, icmp_received;
    struct netsim_record record;
    uint8_t *captured; /* room for a datagram with headers; NULL: no capture */
    struct netsim_proxy_way out, back;
};

/* How often the NAT has forgotten its ports by now. */
uint64_t netsim_proxy_rebinds(const struct netsim_proxy *proxy, uint64_t now_ns);

/* What is due of one way, by now, is put into its batch. */
void netsim_proxy_pump(struct netsim_proxy *proxy, struct netsim_proxy_way *way,
                       uint64_t now_ns);
/* Everything that is due leaves, and the timer is set for what comes next. */
void netsim_proxy_pump_all(struct netsim_proxy *proxy);

/* The listening socket can be read. */
void netsim_proxy_on_client(evutil_socket_t fd, short what, void *proxy);

static inline uint64_t netsim_proxy_clock_ns(const struct netsim_proxy *proxy)
{
    return netsim_now_ns() - proxy->start_ns;
}

#endif
