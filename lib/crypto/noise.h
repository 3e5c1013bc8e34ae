/*
 * noise.h - the handshakes of the Noise protocol framework, revision 34, that Belay uses: two
 * messages each, from the initiator (the client), then from the responder (the server).
 *
 *     NN       -> e                          <- e, ee
 *     NK       -> e, es                      <- e, ee               client knows the server's
 * key NNpsk0   -> psk, e                     <- e, ee               both know a secret NKpsk2
 * -> e, es                      <- e, ee, psk          both IK       -> e, es, s, ss <- e, ee,
 * se           and the server the client's
 *
 *     init(noise, suite, config)
 *     write / read, in turns, each with a payload, until is_done
 *     split(noise, ...)                      keys, and the hash of all that was said
 *     dispose                                wipes; also after an error
 *
 * An error ends a handshake for good: dispose it. Payloads before the first DH (the first
 * message of NN) travel in the clear. A message is at most 65535 bytes.
 */
#ifndef BELAY_CRYPTO_NOISE_H
#define BELAY_CRYPTO_NOISE_H

#include "crypto/dh.h"
#include "crypto/noise_suite.h"

#define BELAY_NOISE_MESSAGE_MAX 65535
#define BELAY_NOISE_PSK_SIZE    32

enum belay_noise_pattern {
    BELAY_NOISE_NN,
    BELAY_NOISE_NK,
    BELAY_NOISE_NNPSK0,
    BELAY_NOISE_NKPSK2,
    BELAY_NOISE_IK,
};

/* What init copies. A key that the pattern does not use may be NULL. */
struct belay_noise_config {
    enum belay_noise_pattern pattern;
    bool is_initiator;
    const void *prologue; /* both sides' must be equal */
    size_t prologue_len;
    const uint8_t *own_private;       /* s: NK and NKpsk2 the responder, IK both */
    const uint8_t *own_public;        /* of own_private; NULL: computed, at the price of a DH */
    const uint8_t *peer_public;       /* rs: NK, NKpsk2 and IK the initiator */
    const uint8_t *psk;               /* NNpsk0, NKpsk2 */
    const uint8_t *ephemeral_private; /* e: 32 random bytes, never used twice */
};

struct belay_noise {
    const struct belay_noise_suite *suite;
    enum belay_noise_pattern pattern;
    bool is_initiator, has_psk, has_key;
    unsigned messages; /* written and read so far, of 2 */
    uint64_t n;
    uint8_t h[BELAY_NOISE_HASH_MAX], ck[BELAY_NOISE_HASH_MAX], k[BELAY_NOISE_KEY_SIZE];
    uint8_t psk[BELAY_NOISE_PSK_SIZE];
    uint8_t s_private[BELAY_DH_SIZE], s_public[BELAY_DH_SIZE], rs[BELAY_DH_SIZE];
    uint8_t e_private[BELAY_DH_SIZE], e_public[BELAY_DH_SIZE], re[BELAY_DH_SIZE];
};

/* "NKpsk2" */
const char *belay_noise_pattern_name(enum belay_noise_pattern pattern);

/* 0, BELAY_EINVAL: a key that the pattern uses is missing, BELAY_ENOMEM. suite must live as
 * long. */
int belay_noise_init(struct belay_noise *noise, const struct belay_noise_suite *suite,
                     const struct belay_noise_config *config);
void belay_noise_dispose(struct belay_noise *noise);

bool belay_noise_is_done(const struct belay_noise *noise);
/* Ours to write; else to read, or done. */
bool belay_noise_is_our_turn(const struct belay_noise *noise);
/* How much longer than its payload the i-th message (0 or 1) of a pattern is: at most 96; and
 * the next message of this one. */
size_t belay_noise_overhead_of(enum belay_noise_pattern pattern, unsigned i);
size_t belay_noise_overhead(const struct belay_noise *noise);

/* Writes payload_len + overhead bytes to out, which may not overlap the payload. 0,
 * BELAY_EINVAL: not our turn, or longer than size or than a message may be; BELAY_ENOMEM, or
 * BELAY_EPROTO: the peer's key is not one (see dh.h). */
int belay_noise_write(struct belay_noise *noise, const void *payload, size_t payload_len,
                      uint8_t *out, size_t size, size_t *len);

/* Reads a message of len bytes, whole; writes its payload of len - overhead bytes to out, which
 * may not overlap the message. 0, BELAY_EINVAL: not their turn, or size is too small;
 * BELAY_EPROTO: not a message that our peer sent in answer to ours; BELAY_ENOMEM. */
int belay_noise_read(struct belay_noise *noise, const uint8_t *message, size_t len,
                     uint8_t *out, size_t size, size_t *payload_len);

/* IK, after its first message was read: the client's public key. Else NULL. */
const uint8_t *belay_noise_peer_public(const struct belay_noise *noise);

/* When done: the key of what the initiator sends, that of what the responder sends, and the
 * handshake's hash (suite->hash_size bytes). The caller wipes them. 0, BELAY_EINVAL: not done;
 * BELAY_ENOMEM. */
int belay_noise_split(struct belay_noise *noise, uint8_t initiator_key[BELAY_NOISE_KEY_SIZE],
                      uint8_t responder_key[BELAY_NOISE_KEY_SIZE],
                      uint8_t hash[BELAY_NOISE_HASH_MAX]);

#endif
