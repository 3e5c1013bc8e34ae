/*
 * seal.h - packet protection: an AEAD over a packet in place, a 16-byte tag at its end.
 *
 *     packet: | header, header_len | payload, payload_len | tag, 16 |
 *     nonce:  iv XOR packet_number, big-endian in its last 8 bytes (RFC 9001, section 5.3)
 *
 * A packet number is sealed at most once under a key: a nonce used twice gives the key of
 * GMAC away (NIST SP 800-38D, appendix A). After a failed open the packet is to be dropped.
 */
#ifndef BELAY_CRYPTO_SEAL_H
#define BELAY_CRYPTO_SEAL_H

#include "crypto/suite.h"

#define BELAY_TAG_SIZE      16
#define BELAY_SEAL_KEY_SIZE 32
#define BELAY_SEAL_IV_SIZE  12

/* AES-256-GCM with encryption and ChaCha20-Poly1305 get their rows here and in seal.c. */
enum belay_seal_algorithm {
    BELAY_SEAL_GMAC, /* NIST SP 800-38D with AES-256: all is authenticated, nothing hidden */
};

struct evp_cipher_ctx_st;

/* One direction, one key. */
struct belay_seal {
    enum belay_seal_algorithm algorithm;
    struct evp_cipher_ctx_st *ctx;
    uint8_t iv[BELAY_SEAL_IV_SIZE];
};

/* 0 or BELAY_ENOMEM; then there is nothing to dispose. */
int belay_seal_init(struct belay_seal *seal, struct belay_suite *suite,
                    const uint8_t key[BELAY_SEAL_KEY_SIZE],
                    const uint8_t iv[BELAY_SEAL_IV_SIZE]);

/* Wipes the key. A zeroed struct is fine, and a disposed one. */
void belay_seal_dispose(struct belay_seal *seal);

/*
 * Writes the tag at packet[header_len + payload_len]; the caller has left 16 bytes there.
 * A packet is at most 65535 bytes. 0 or BELAY_ENOMEM (libcrypto failed: do not send it).
 */
int belay_seal_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len);

/* The same on the other side; payload_len without the tag, which follows. 0 or
 * BELAY_EPROTO. */
int belay_open_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len);

#endif
