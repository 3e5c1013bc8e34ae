/*
 * tun.h - a network interface whose other end is a descriptor: a device of Linux's TUN driver
 * in its Ethernet mode (TAP), so that frames are the same as over veth. The interface is in the
 * namespace in which it was made; the descriptor works from any. For where veth or AF_PACKET
 * can't be had. It needs /dev/net/tun. Linux only; elsewhere making one fails with ENOTSUP.
 *
 * Frames have no time stamp of the kernel: they came when they were read.
 */
#ifndef NETSIM_TUN_H
#define NETSIM_TUN_H

#include "netsim/live/interface.h"

#define NETSIM_TUN_FILE "/dev/net/tun"

struct netsim_tun {
    int fd;       /* -1: none */
    int counters; /* /proc/net/dev of its namespace, or -1 */
    char name[16];
    size_t frame_max; /* bytes with the Ethernet header, and one more */
};

/* Makes the interface, down, in this network namespace. 0, or -1 with errno. */
int netsim_tun_new(struct netsim_tun *tun, const char *name, uint32_t mtu);
/* With it the interface goes. */
void netsim_tun_free(struct netsim_tun *tun);

/* Its frames from now on, in the pool's buffers. The tun must live longer. 0, or -1 with errno.
 */
int netsim_tun_open(struct netsim_interface *interface, const struct netsim_tun *tun,
                    struct netsim_pool *pool);

#endif
