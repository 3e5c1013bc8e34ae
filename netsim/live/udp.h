/*
 * udp.h - UDP sockets in batches: recvmmsg and sendmmsg where they are, one by one elsewhere
 * (or with NETSIM_PORTABLE_IO). ECN bits come in and go out with each datagram.
 */
#ifndef NETSIM_UDP_H
#define NETSIM_UDP_H

#include <stdint.h>

#include "netsim/live/address.h"
#include "netsim/live/sockets.h"

#define NETSIM_UDP_BATCH       32
#define NETSIM_UDP_PAYLOAD_MAX 65535

/* A bound (or, with peer, connected) nonblocking socket with big buffers; -1 with errno.
 * *address becomes the one that was chosen. */
int netsim_udp_listen(const struct netsim_sockets *sockets, struct netsim_address *address);
int netsim_udp_connect(const struct netsim_sockets *sockets, const struct netsim_address *peer);

struct netsim_datagram {
    uint8_t *data;
    uint32_t len;
    uint8_t ecn;         /* 0..3 of RFC 3168 */
    bool v4;             /* on sending: travels as IPv4 */
    uint32_t overflowed; /* on receiving: what this socket lost before for want of room */
    struct netsim_address peer; /* len 0 on sending: the connected one */
};

struct netsim_udp_batch; /* room for NETSIM_UDP_BATCH datagrams of any size */

struct netsim_udp_batch *netsim_udp_batch_new(void); /* NULL: no memory */
void netsim_udp_batch_free(struct netsim_udp_batch *batch);

/* Datagrams read, up to a batch; 0: none waits; -1: an error was pending on the socket (ICMP)
 * and is taken away, errno. They are valid until the next call with this batch. */
int netsim_udp_receive(int fd, struct netsim_udp_batch *batch);
struct netsim_datagram *netsim_udp_at(struct netsim_udp_batch *batch, int i);

/* What happened to sent datagrams. */
struct netsim_udp_counts {
    uint64_t sent, failed; /* failed: the system took no more, or refused */
    uint64_t refused;      /* ICMP errors that came to light */
};

/*
 * Puts a datagram into the batch by copy, and returns the copy for changes. A batch holds
 * datagrams of one socket: a full one, or one of another socket, is flushed first.
 */
struct netsim_datagram *netsim_udp_put(struct netsim_udp_batch *batch, int fd,
                                       const struct netsim_datagram *datagram,
                                       struct netsim_udp_counts *counts);
void netsim_udp_flush(struct netsim_udp_batch *batch, struct netsim_udp_counts *counts);

#endif
