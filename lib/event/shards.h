/*
 * shards.h - endpoints of several threads at one address: what each other's sockets got is
 * handed over through a bounded queue and an eventfd. The lock of a queue is held for a few
 * pointers.
 */
#ifndef BELAY_EVENT_SHARDS_H
#define BELAY_EVENT_SHARDS_H

#include <belay/belay.h>

struct belay_socket;

/* What a socket got, a datagram or a train, to the cores that it is for. */
void belay_shards_receive(struct belay_socket *sock, const struct belay_path *path,
                          uint8_t *data, size_t len, size_t segment_size, unsigned ecn,
                          uint64_t now_ns);
/* The endpoint goes; what waits for it is dropped. */
void belay_shards_leave(struct belay_endpoint *endpoint);

#endif
