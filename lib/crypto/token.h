/*
 * token.h - the token by which an endpoint that lost a connection's state can end it: known
 * to the peer from the handshake, made again from a key and the connection ID alone (as RFC
 * 9000, section 10.3.2).
 */
#ifndef BELAY_CRYPTO_TOKEN_H
#define BELAY_CRYPTO_TOKEN_H

#include "crypto/suite.h"

#define BELAY_TOKEN_SIZE 16

/* The first 16 bytes of HMAC-SHA256(key, "belay1 reset" || cid). 0 or BELAY_ENOMEM. */
int belay_token_reset(struct belay_suite *suite, const uint8_t key[32], const uint8_t *cid,
                      size_t cid_len, uint8_t out[BELAY_TOKEN_SIZE]);

/* In a time that does not depend on the bytes. */
bool belay_token_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
