/*
 * mac.h - short texts under a key, by contexts that the suite keeps: HMAC-SHA256 (RFC 2104),
 * and SipHash-2-4 with 16 bytes of output, which costs a sixth of it.
 */
#ifndef BELAY_CRYPTO_MAC_H
#define BELAY_CRYPTO_MAC_H

#include "crypto/suite.h"

#define BELAY_HMAC_SIZE        32
#define BELAY_SIPHASH_KEY_SIZE 16
#define BELAY_SIPHASH_SIZE     16

/* Of label, without its zero, and text behind it. key is not empty. 0 or BELAY_ENOMEM. */
int belay_hmac(struct belay_suite *suite, const uint8_t key[32], const char *label,
               const uint8_t *text, size_t len, uint8_t out[BELAY_HMAC_SIZE]);

/* A MAC for short texts, as its authors meant it; RFC 9018 makes DNS cookies by it. 0 or
 * BELAY_ENOMEM. */
int belay_siphash(struct belay_suite *suite, const uint8_t key[BELAY_SIPHASH_KEY_SIZE],
                  const uint8_t *text, size_t len, uint8_t out[BELAY_SIPHASH_SIZE]);

#endif
