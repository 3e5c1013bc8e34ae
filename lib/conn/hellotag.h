/*
 * hellotag.h - the tags of handshake packets, under keys made of what the INIT carried:
 * docs/protocol.md, "Tags and keys".
 */
#ifndef BELAY_CONN_HELLOTAG_H
#define BELAY_CONN_HELLOTAG_H

#include "crypto/suite.h"
#include "wire/packet.h"

/*
 * Writes (check false) or checks the tag behind the len bytes of packet. nonce and random are
 * the client's; random is used for ACCEPT, RETRY and REFUSE only, else it may be NULL. 0;
 * BELAY_EPROTO when the tag is wrong; BELAY_ENOMEM.
 */
int belay_hello_tag(struct belay_suite *suite, enum belay_packet_type type, uint32_t version,
                    const uint8_t *nonce, const uint8_t *random, uint8_t *packet, size_t len,
                    bool check);

#endif
