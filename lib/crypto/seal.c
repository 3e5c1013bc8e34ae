#include "crypto/seal.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define PACKET_SIZE_MAX 65535

int belay_seal_init(struct belay_seal *seal, struct belay_suite *suite,
                    const uint8_t key[BELAY_SEAL_KEY_SIZE],
                    const uint8_t iv[BELAY_SEAL_IV_SIZE])
{
    *seal = (struct belay_seal){.algorithm = BELAY_SEAL_GMAC, .ctx = EVP_CIPHER_CTX_new()};
    if (seal->ctx == NULL)
        return BELAY_ENOMEM;
    memcpy(seal->iv, iv, sizeof(seal->iv));
    if (EVP_EncryptInit_ex2(seal->ctx, suite->aes_256_gcm, key, NULL, NULL) != 1) {
        belay_seal_dispose(seal);
        return BELAY_ENOMEM;
    }
    return 0;
}

void belay_seal_dispose(struct belay_seal *seal)
{
    EVP_CIPHER_CTX_free(seal->ctx); /* wipes the key */
    OPENSSL_cleanse(seal, sizeof(*seal));
}

static void make_nonce(const struct belay_seal *seal, uint64_t packet_number,
                       uint8_t nonce[BELAY_SEAL_IV_SIZE])
{
    memcpy(nonce, seal->iv, BELAY_SEAL_IV_SIZE);
    for (unsigned i = 0; i < 8; i++)
        nonce[BELAY_SEAL_IV_SIZE - 1 - i] ^= (uint8_t)(packet_number >> (8 * i));
}

/* The key schedule stays in the context from one packet to the next; only the nonce is new. */
static bool gmac(struct belay_seal *seal, uint64_t packet_number, const uint8_t *data,
                 size_t len, uint8_t tag[BELAY_TAG_SIZE])
{
    uint8_t nonce[BELAY_SEAL_IV_SIZE], none[1];
    int n;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, BELAY_TAG_SIZE),
        OSSL_PARAM_construct_end(),
    };
    make_nonce(seal, packet_number, nonce);
    return EVP_EncryptInit_ex2(seal->ctx, NULL, NULL, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(seal->ctx, NULL, &n, data, (int)len) == 1 &&
           EVP_EncryptFinal_ex(seal->ctx, none, &n) == 1 &&
           EVP_CIPHER_CTX_get_params(seal->ctx, params) == 1;
}

int belay_seal_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len)
{
    size_t len = header_len + payload_len;
    assert(len <= PACKET_SIZE_MAX - BELAY_TAG_SIZE);
    switch (seal->algorithm) {
    case BELAY_SEAL_GMAC:
        if (gmac(seal, packet_number, packet, len, packet + len))
            return 0;
        break;
    }
    return BELAY_ENOMEM;
}

int belay_open_packet(struct belay_seal *seal, uint64_t packet_number, uint8_t *packet,
                      size_t header_len, size_t payload_len)
{
    size_t len = header_len + payload_len;
    uint8_t tag[BELAY_TAG_SIZE];
    assert(len <= PACKET_SIZE_MAX - BELAY_TAG_SIZE);
    switch (seal->algorithm) {
    case BELAY_SEAL_GMAC:
        if (gmac(seal, packet_number, packet, len, tag) &&
            CRYPTO_memcmp(tag, packet + len, sizeof(tag)) == 0)
            return 0;
        break;
    }
    return BELAY_EPROTO;
}
