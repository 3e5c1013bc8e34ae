/*
 * wire.h - the two ends of a veth pair as packet sockets, with the kernel's time stamps: of a
 * packet sent when it comes to the queueing discipline, of one received when it comes out of
 * the pair. Both are of the same clock.
 */
#ifndef NETSIM_CONFORMANCE_WIRE_H
#define NETSIM_CONFORMANCE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    int send_fd, receive_fd;
    unsigned send_index; /* of the interface */
};

/* Between interfaces that are up. false: errno says why. */
bool wire_open(struct wire *wire, const char *from, const char *to);
void wire_close(struct wire *wire);

bool wire_send(const struct wire *wire, const void *frame, size_t len);

/* The next one that came: its length, 0 when none is there, -1 on errors. */
long wire_receive(const struct wire *wire, void *frame, size_t size, uint64_t *time_ns);

/* The next time stamp of a packet sent, which was the index-th of this wire. As receive. */
long wire_sent(const struct wire *wire, uint32_t *index, uint64_t *time_ns);

/* Has anything come in this time? */
bool wire_wait(const struct wire *wire, int milliseconds);

#endif
