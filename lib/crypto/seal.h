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

#include <belay/common.h>

#define BELAY_TAG_SIZE      16
#define BELAY_SEAL_KEY_SIZE 32
#define BELAY_SEAL_IV_SIZE  12

/* The values are those of transport parameter 9. */
enum belay_seal_algorithm {
    BELAY_SEAL_GMAC =
        0, /* NIST SP 800-38D with AES-256: all is authenticated, nothing hidden */
    BELAY_SEAL_AES_256_GCM = 1,       /* NIST SP 800-38D */
    BELAY_SEAL_CHACHA20_POLY1305 = 2, /* RFC 8439 */
    BELAY_SEAL_ALGORITHMS
};

struct belay_fast_key;
struct belay_suite;
struct evp_cipher_ctx_st;

/* One direction, one key. What is expanded from the key is large, and may be given back while
 * it is not needed. */
struct belay_seal {
    struct belay_fast_key *fast;   /* NULL: */
    struct evp_cipher_ctx_st *ctx; /* this, then; both NULL: it rests */
    uint8_t key[BELAY_SEAL_KEY_SIZE];
    uint8_t iv[BELAY_SEAL_IV_SIZE];
    uint8_t algorithm; /* enum belay_seal_algorithm */
    bool is_lent;      /* a packet was had with what is the suite's since it began to rest */
};

/*
 * Packets under one key, at most, before it is to be changed: RFC 9001, section 6.6 (2^23 for
 * AES-GCM; more for the others, which are changed as often). Packets that may fail to open
 * under one key before the connection must end: 2^36, the lowest of that section's.
 */
#define BELAY_SEAL_PACKETS_MAX  (UINT64_C(1) << 23)
#define BELAY_SEAL_FAILURES_MAX (UINT64_C(1) << 36)

/* 0 or BELAY_ENOMEM; then there is nothing to dispose. */
int belay_seal_init(struct belay_seal *seal, struct belay_suite *suite,
                    enum belay_seal_algorithm algorithm, const uint8_t key[BELAY_SEAL_KEY_SIZE],
                    const uint8_t iv[BELAY_SEAL_IV_SIZE]);

/* Wipes the key. A zeroed struct is fine, and a disposed one. */
void belay_seal_dispose(struct belay_seal *seal);

/*
 * rest: gives the expanded key back; a zeroed struct is fine. wake: before a packet that may be
 * the first since; 0 or BELAY_ENOMEM, and it rests still. nap: after that packet. One packet
 * has its key expanded in room of the suite's, until the nap: an idle connection's keepalive is
 * all there is for a while. The next one keeps what is expanded for it until the next rest.
 */
void belay_seal_rest(struct belay_seal *seal);
int belay_seal_wake(struct belay_seal *seal, struct belay_suite *suite);
void belay_seal_nap(struct belay_seal *seal, const struct belay_suite *suite);

/*
 * Encrypts the payload in place and writes the tag at packet[header_len + payload_len]; the
 * caller has left 16 bytes there.
 * A packet is at most 65535 bytes. 0 or BELAY_ENOMEM (libcrypto failed: do not send it).
 */
int belay_seal_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len);

/* The same on the other side; payload_len without the tag, which follows. 0, or BELAY_EPROTO
 * and the payload is nothing any more. */
int belay_open_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len);

#endif
