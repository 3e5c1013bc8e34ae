/*
 * fast.h - AES-256-GCM by ipsec-mb (Intel's, as DPDK and VPP use it), where it was there when
 * this was built and the processor has AES and AVX. One packet costs a third of what it costs
 * through libcrypto's EVP, which does without wide AES and looks parameters up by name.
 *
 * Where it is not, belay_fast_init says so, and seal.c takes libcrypto. Both give the same
 * bytes.
 */
#ifndef BELAY_CRYPTO_FAST_H
#define BELAY_CRYPTO_FAST_H

#include <belay/common.h>

/* ipsec-mb's own names: who includes us need not include it. */
struct gcm_key_data;
struct gcm_context_data;

typedef void belay_fast_gcm(const struct gcm_key_data *key, struct gcm_context_data *ctx,
                            uint8_t *out, const uint8_t *in, uint64_t len, const uint8_t *iv,
                            const uint8_t *aad, uint64_t aad_len, uint8_t *tag,
                            uint64_t tag_len);

struct belay_fast {
    belay_fast_gcm *encrypt, *decrypt; /* NULL: not here */
    void (*expand)(const void *key, struct gcm_key_data *data);
};

/* An expanded key; NULL: none. */
struct belay_fast_key;

/* Finds the processor's best, and has it test itself. Costs about 0.1 ms. */
void belay_fast_init(struct belay_fast *fast);
static inline bool belay_fast_is_here(const struct belay_fast *fast)
{
    return fast->encrypt != NULL;
}

/* NULL: no memory (libcrypto's, as its own contexts). */
struct belay_fast_key *belay_fast_key_new(const struct belay_fast *fast, const uint8_t key[32]);
void belay_fast_key_free(struct belay_fast_key *key); /* wipes */
/* Another in the place of the one before. */
void belay_fast_key_set(struct belay_fast_key *made, const uint8_t key[32]);

/* data: aad_len bytes that are authenticated, then len bytes that are encrypted in place too.
 */
void belay_fast_encrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16]);
/* The tag that data should have had is written to tag, and len bytes are decrypted. */
void belay_fast_decrypt(const struct belay_fast_key *key, const uint8_t nonce[12],
                        uint8_t *data, size_t aad_len, size_t len, uint8_t tag[16]);

#endif
