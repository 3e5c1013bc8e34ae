/*
 * afpacket.h - an interface of this network namespace by AF_PACKET. The kernel puts frames into
 * a ring of 16 MB that is shared with it: a socket's own buffer is too small for bursts unless
 * one is root. Linux only; elsewhere opening fails with ENOTSUP.
 */
#ifndef NETSIM_AFPACKET_H
#define NETSIM_AFPACKET_H

#include "netsim/live/interface.h"

/* The largest frame of an interface, bytes with its Ethernet header; 0 with errno. */
size_t netsim_afpacket_frame_max(const char *name);

/* 0, or -1 with errno and closed. Its frames are read into the pool's buffers. */
int netsim_afpacket_open(struct netsim_interface *interface, const char *name,
                         struct netsim_pool *pool);

#endif
