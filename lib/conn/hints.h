/*
 * hints.h - what somebody on the way said of sizes (ICMP), kept until a connection on that path
 * asks, as it is about to send a probe. Nothing finds the connection before: so a forged word
 * costs no search among connections, and at most changes the size of one probe, which the path
 * itself answers (RFC 8899, section 4.6.2). What ICMP quotes of the packet must be for the
 * connection ID that the peer has now; where nothing is quoted, the address decides alone.
 *
 *     add (endpoint) -> take (connection): each at most once. The newest few are kept.
 */
#ifndef BELAY_CONN_HINTS_H
#define BELAY_CONN_HINTS_H

#include <belay/core.h>

#include "wire/packet.h"

#define BELAY_HINTS 16

struct belay_size_hint {
    uint32_t fits_bytes; /* 0: none */
    uint32_t socket;
    struct belay_address remote;
    bool is_quoted, has_cid; /* has_cid: what is quoted has one */
    uint8_t cid[BELAY_CID_BYTES];
};

struct belay_hints {
    struct belay_size_hint hints[BELAY_HINTS];
    unsigned next;
};

/* packet: as much of ours as was quoted. One that is no DATA packet says nothing. */
void belay_hints_add(struct belay_hints *hints, const struct belay_path *path,
                     const uint8_t *packet, size_t len, size_t fits_bytes);
/* The newest for a connection there; cid: the peer's, NULL: it has none. 0: there is none. */
uint32_t belay_hints_take(struct belay_hints *hints, const struct belay_path *path,
                          const uint8_t *cid);

#endif
