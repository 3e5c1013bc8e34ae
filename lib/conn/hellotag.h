/*
 * hellotag.h - the tags of handshake packets: docs/protocol.md, "Tags and keys".
 *
 * INIT and VERSIONS have one that everybody can make: it finds damage. That of ACCEPT, RETRY
 * and REFUSE takes what the client drew for its INIT. It is a MAC without a nonce, as one INIT
 * may have several RETRYs: who saw these, but not the INIT, makes no other answer.
 */
#ifndef BELAY_CONN_HELLOTAG_H
#define BELAY_CONN_HELLOTAG_H

#include "crypto/suite.h"

/*
 * Writes (check false) or checks the tag behind the len bytes of packet, whose first one is a
 * handshake packet's. random is the client's; it is used for ACCEPT, RETRY and REFUSE only,
 * else it may be NULL. 0; BELAY_EPROTO when the tag is wrong; BELAY_ENOMEM.
 */
int belay_hello_tag(struct belay_suite *suite, const uint8_t *random, uint8_t *packet,
                    size_t len, bool check);

#endif
