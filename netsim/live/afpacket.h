/*
 * afpacket.h - Ethernet frames of a network interface by AF_PACKET, in batches. The kernel puts
 * frames into a ring of 16 MB that is shared with it: a socket's own buffer is too small for
 * bursts unless one is root. From there they go into buffers of a pool, in which they wait and
 * from which they are sent. Linux only; elsewhere opening fails with ENOTSUP.
 */
#ifndef NETSIM_AFPACKET_H
#define NETSIM_AFPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETSIM_FRAMES_BATCH 64

/* ------------------------------------------------------------------ buffers */

struct netsim_buffer {
    struct netsim_buffer *next; /* in the pool */
    uint32_t len, holders;
    uint64_t t_ns; /* of one received: when it came, by the kernel, on CLOCK_MONOTONIC */
    uint8_t data[];
};

/* Buffers of one size, taken from the heap as needed and kept. */
struct netsim_pool {
    struct netsim_buffer *free;
    size_t size_bytes;
};

/* Held by the caller alone. NULL: no memory. */
struct netsim_buffer *netsim_pool_take(struct netsim_pool *pool);
/* One holder less; the last one gives it back. */
void netsim_pool_give(struct netsim_pool *pool, struct netsim_buffer *buffer);
void netsim_pool_dispose(struct netsim_pool *pool);

/* ------------------------------------------------------------------ an interface */

struct netsim_afpacket_batch; /* what is to be sent */

struct netsim_afpacket {
    int fd;
    struct netsim_pool *pool;
    uint8_t *ring;            /* NULL: none */
    size_t slots, slot_bytes; /* of the ring */
    size_t next;              /* slot to be read */
    struct netsim_afpacket_batch *out;
    unsigned waiting; /* frames in it */
    uint64_t overran; /* frames that came faster than read */
    uint64_t too_long, failed, no_memory;
};

/* The largest frame of an interface, bytes with its Ethernet header; 0 with errno. */
size_t netsim_afpacket_frame_max(const char *interface);

/* 0, or -1 with errno. Its frames are read into the pool's buffers. */
int netsim_afpacket_open(struct netsim_afpacket *port, const char *interface,
                         struct netsim_pool *pool);
/* Also of one that is all zero but for fd -1. */
void netsim_afpacket_close(struct netsim_afpacket *port);

/* Reads what waits, a batch at most. The caller holds the buffers. */
unsigned netsim_afpacket_receive(struct netsim_afpacket *port,
                                 struct netsim_buffer *frames[NETSIM_FRAMES_BATCH]);

/* Sends at the next flush, or when a batch is full, and holds the frame until then. */
void netsim_afpacket_put(struct netsim_afpacket *port, struct netsim_buffer *frame);
void netsim_afpacket_flush(struct netsim_afpacket *port);

#endif
