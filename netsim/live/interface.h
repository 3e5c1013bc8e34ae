/*
 * interface.h - Ethernet frames of a network interface, in batches, whatever way they come: by
 * AF_PACKET from an interface of this namespace (afpacket.h), or from a TUN device whose
 * interface is in another one (tun.h). They are read into buffers of a pool, in which they wait
 * and from which they are sent.
 */
#ifndef NETSIM_INTERFACE_H
#define NETSIM_INTERFACE_H

#include <stddef.h>
#include <stdint.h>

#define NETSIM_FRAMES_BATCH 64
#define NETSIM_VLAN_TAG     4 /* a frame may be longer by it */

/* ------------------------------------------------------------------ buffers */

struct netsim_buffer {
    struct netsim_buffer *next; /* in the pool */
    uint32_t len, holders;
    uint64_t t_ns; /* of one received: when it came, on CLOCK_MONOTONIC */
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

struct netsim_interface;

/* What differs: see the functions below. */
struct netsim_interface_kind {
    unsigned (*receive)(struct netsim_interface *interface,
                        struct netsim_buffer *frames[NETSIM_FRAMES_BATCH]);
    void (*put)(struct netsim_interface *interface, struct netsim_buffer *frame);
    void (*flush)(struct netsim_interface *interface);
    uint64_t (*overran)(const struct netsim_interface *interface);
    void (*close)(struct netsim_interface *interface);
};

struct netsim_interface {
    const struct netsim_interface_kind *kind; /* NULL: not open */
    int fd;                                   /* readable when frames wait */
    struct netsim_pool *pool;
    uint64_t too_long, failed, no_memory; /* frames that were dropped, and why */
    void *own;                            /* its kind's */
};

/* Also of one that is all zero. */
void netsim_interface_close(struct netsim_interface *interface);

/* Reads what waits, a batch at most. The caller holds the buffers. */
unsigned netsim_interface_receive(struct netsim_interface *interface,
                                  struct netsim_buffer *frames[NETSIM_FRAMES_BATCH]);

/* Sends at the next flush at the latest, and holds the frame until then. */
void netsim_interface_put(struct netsim_interface *interface, struct netsim_buffer *frame);
void netsim_interface_flush(struct netsim_interface *interface);

/* Frames that came faster than read. */
uint64_t netsim_interface_overran(const struct netsim_interface *interface);

#endif
