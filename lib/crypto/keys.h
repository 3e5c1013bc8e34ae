/*
 * keys.h - the keys of packets, by HKDF-SHA256 (RFC 5869).
 *
 *     salt  SHA-256(transcript)            the handshake's packets, as both sides saw them
 *     ikm   secret                         what both sides know
 *     info  "belay1 client key" (32 bytes), "belay1 client iv" (12),
 *           "belay1 server key" (32), "belay1 server iv" (12)
 *
 * "client key" is the key that the client seals with.
 *
 * Today the secret is both sides' handshake nonces, which travel in the clear. Who sees the
 * handshake can compute these keys. Who does not, cannot: the tag then stops corruption, stray
 * packets, and forgers off the path. No more until a handshake agrees on a real secret.
 */
#ifndef BELAY_CRYPTO_KEYS_H
#define BELAY_CRYPTO_KEYS_H

#include "crypto/suite.h"

struct belay_packet_keys {
    uint8_t client_key[32], client_iv[12], server_key[32], server_iv[12];
};

/* secret_len > 0. 0, or BELAY_ENOMEM and *out wiped. The caller wipes *out when done. */
int belay_keys_derive(struct belay_suite *suite, const uint8_t *secret, size_t secret_len,
                      const uint8_t *transcript, size_t transcript_len,
                      struct belay_packet_keys *out);

/*
 * For the tag of handshake packets sent before both nonces are known: HKDF with salt
 * "belay1 hello" || version (4 bytes, big-endian), ikm the packet's own nonce, info "key" and
 * "iv". Everything that it is made of is in the packet: the tag detects corruption, it
 * authenticates nobody. nonce_len > 0. 0, or BELAY_ENOMEM and key and iv wiped.
 */
int belay_keys_hello(struct belay_suite *suite, uint32_t version, const uint8_t *nonce,
                     size_t nonce_len, uint8_t key[32], uint8_t iv[12]);

/* Clears memory that held a secret; the compiler cannot leave it out. */
void belay_wipe(void *p, size_t size);

#endif
