#include "crypto/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SHA256_SIZE 32

int belay_token_reset(struct belay_suite *suite, const uint8_t key[32], const uint8_t *cid,
                      size_t cid_len, uint8_t out[BELAY_TOKEN_SIZE])
{
    static const char label[] = "belay1 reset";
    uint8_t full[SHA256_SIZE];
    size_t len;
    EVP_MAC_CTX *mac = suite->hmac_sha256;
    if (EVP_MAC_init(mac, key, 32, NULL) != 1 ||
        EVP_MAC_update(mac, (const uint8_t *)label, sizeof(label) - 1) != 1 ||
        EVP_MAC_update(mac, cid, cid_len) != 1 ||
        EVP_MAC_final(mac, full, &len, sizeof(full)) != 1)
        return BELAY_ENOMEM;
    memcpy(out, full, BELAY_TOKEN_SIZE);
    OPENSSL_cleanse(full, sizeof(full));
    return 0;
}

bool belay_token_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
