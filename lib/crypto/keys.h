/*
 * keys.h - the keys of packets, by HKDF-SHA256 (RFC 5869).
 *
 *     salt  SHA-256(transcript)            what both sides saw of the handshake
 *     ikm   secret                         what both sides know
 *     info  "belay1 client", "belay1 server": a secret of 32 bytes for what each side sends
 *
 *     key    expand(secret, "belay1 key")     32 bytes
 *     iv     expand(secret, "belay1 iv")      12 bytes
 *     next   expand(secret, "belay1 update")  32 bytes: the secret of the next key phase
 *
 * With a Noise handshake the secret is both its split keys and the transcript its hash. In the
 * insecure mode the secret is both sides' randoms, which travel in the clear: who sees the
 * handshake can compute these keys. Who does not, cannot: the tag then stops corruption, stray
 * packets, and forgers off the path, and no more.
 */
#ifndef BELAY_CRYPTO_KEYS_H
#define BELAY_CRYPTO_KEYS_H

#include "crypto/suite.h"

#define BELAY_SECRET_SIZE 32

/* One for each direction; the caller wipes them. */
struct belay_traffic_secrets {
    uint8_t client[BELAY_SECRET_SIZE], server[BELAY_SECRET_SIZE];
};

/* secret_len > 0. 0, or BELAY_ENOMEM and *out wiped. */
int belay_keys_derive(struct belay_suite *suite, const uint8_t *secret, size_t secret_len,
                      const uint8_t *transcript, size_t transcript_len,
                      struct belay_traffic_secrets *out);

/* What packets are sealed with under a secret. 0, or BELAY_ENOMEM and key and iv wiped. */
int belay_keys_packet(struct belay_suite *suite, const uint8_t secret[BELAY_SECRET_SIZE],
                      uint8_t key[32], uint8_t iv[12]);

/* secret becomes that of the next key phase. 0, or BELAY_ENOMEM and secret as it was. */
int belay_keys_update(struct belay_suite *suite, uint8_t secret[BELAY_SECRET_SIZE]);

/* Clears memory that held a secret; the compiler cannot leave it out. */
void belay_wipe(void *p, size_t size);

#endif
