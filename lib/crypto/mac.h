/*
 * mac.h - short texts under a key, by contexts that the suite keeps: HMAC-SHA256 (RFC 2104),
 * and SipHash-2-4 with 16 bytes of output, which costs a sixth of it. HKDF and Noise make
 * theirs by belay_mac, too.
 */
#ifndef BELAY_CRYPTO_MAC_H
#define BELAY_CRYPTO_MAC_H

#include "crypto/suite.h"

#define BELAY_HMAC_SIZE        32
#define BELAY_SIPHASH_KEY_SIZE 16
#define BELAY_SIPHASH_SIZE     16

struct belay_mac_part {
    const void *data;
    size_t len;
};

/* Of the parts, one after the other; ctx is ready but for the key, and so again for the next.
 * key is not empty; size is what ctx makes. 0 or BELAY_ENOMEM. */
int belay_mac(struct evp_mac_ctx_st *ctx, const void *key, size_t key_len,
              const struct belay_mac_part *parts, size_t count, uint8_t *out, size_t size);

/* Of label, without its zero, and text behind it. key is not empty. 0 or BELAY_ENOMEM. */
int belay_hmac(struct belay_suite *suite, const uint8_t key[32], const char *label,
               const uint8_t *text, size_t len, uint8_t out[BELAY_HMAC_SIZE]);

/* A MAC for short texts, as its authors meant it; RFC 9018 makes DNS cookies by it. 0 or
 * BELAY_ENOMEM. */
int belay_siphash(struct belay_suite *suite, const uint8_t key[BELAY_SIPHASH_KEY_SIZE],
                  const uint8_t *text, size_t len, uint8_t out[BELAY_SIPHASH_SIZE]);

#endif
