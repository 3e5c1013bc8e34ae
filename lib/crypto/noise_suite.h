/*
 * noise_suite.h - the primitives of the Noise protocol framework (revision 34, section 4), by
 * libcrypto. Belay's handshake is 25519_ChaChaPoly_SHA256; the others are here so that every
 * published vector checks the wiring.
 *
 * One thread at a time, as the core that owns it.
 */
#ifndef BELAY_CRYPTO_NOISE_SUITE_H
#define BELAY_CRYPTO_NOISE_SUITE_H

#include <belay/common.h>

#define BELAY_NOISE_HASH_MAX 64
#define BELAY_NOISE_KEY_SIZE 32
#define BELAY_NOISE_TAG_SIZE 16

enum belay_noise_cipher { BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_AESGCM };
enum belay_noise_hash {
    BELAY_NOISE_SHA256,
    BELAY_NOISE_SHA512,
    BELAY_NOISE_BLAKE2S,
    BELAY_NOISE_BLAKE2B,
};

struct evp_cipher_st;
struct evp_mac_st;
struct evp_md_st;

struct belay_noise_suite {
    const char *cipher_name, *hash_name; /* "ChaChaPoly", "SHA256" */
    size_t hash_size;                    /* HASHLEN: 32 or 64 */
    enum belay_noise_cipher cipher;
    const char *digest; /* libcrypto's name of the hash */
    struct evp_cipher_st *aead;
    struct evp_md_st *md;
    struct evp_mac_st *hmac;
};

/* 0, or BELAY_ENOMEM: libcrypto lacks memory or an algorithm; nothing is left to dispose. */
int belay_noise_suite_init(struct belay_noise_suite *suite, enum belay_noise_cipher cipher,
                           enum belay_noise_hash hash);
/* A zeroed struct is fine. */
void belay_noise_suite_dispose(struct belay_noise_suite *suite);

/* HASH(a || b). 0 or BELAY_ENOMEM. */
int belay_noise_hash(const struct belay_noise_suite *suite, const void *a, size_t a_len,
                     const void *b, size_t b_len, uint8_t out[BELAY_NOISE_HASH_MAX]);

/* HKDF(chaining_key, input, count) of section 4.3: count outputs of hash_size, 2 or 3, one
 * after the other. chaining_key is hash_size long. 0, or BELAY_ENOMEM and out wiped. */
int belay_noise_hkdf(const struct belay_noise_suite *suite, const uint8_t *chaining_key,
                     const void *input, size_t input_len, unsigned count,
                     uint8_t out[3 * BELAY_NOISE_HASH_MAX]);

/* ENCRYPT(k, n, ad, plaintext): writes len + 16 bytes. out may be in. 0 or BELAY_ENOMEM. */
int belay_noise_encrypt(const struct belay_noise_suite *suite,
                        const uint8_t key[BELAY_NOISE_KEY_SIZE], uint64_t n, const void *ad,
                        size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);

/* DECRYPT: in has len + 16 bytes. out may be in. 0, BELAY_ENOMEM, or BELAY_EPROTO: not what was
 * sealed; then out is wiped. */
int belay_noise_decrypt(const struct belay_noise_suite *suite,
                        const uint8_t key[BELAY_NOISE_KEY_SIZE], uint64_t n, const void *ad,
                        size_t ad_len, const uint8_t *in, size_t len, uint8_t *out);

#endif
