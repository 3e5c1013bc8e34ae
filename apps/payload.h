/*
 * payload.h - messages that prove themselves: what comes back is whole, and is which one.
 *
 *     0        8        12                 size
 *     | number | CRC-32 | filler from number |      big-endian; 12 bytes or more
 *
 * The CRC (zlib's crc32) is over number and filler. The number is the message's place in the
 * whole series. A shorter payload has no room for that: it is the low bytes, at most eight, of
 * its place among the messages of its channel, then filler; which one it is follows from what
 * is due, and it is compared with what was sent.
 */
#ifndef BELAY_APPS_PAYLOAD_H
#define BELAY_APPS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_NUMBERED_MIN 12

void payload_make(uint64_t number, void *out, size_t size);

/* The number that data claims; of a short one, the number closest to near that fits. */
uint64_t payload_number(const void *data, size_t size, uint64_t near);

#endif
