#include "crypto/mac.h"

#include <openssl/evp.h>
#include <string.h>

int belay_hmac(struct belay_suite *suite, const uint8_t key[32], const char *label,
               const uint8_t *text, size_t len, uint8_t out[BELAY_HMAC_SIZE])
{
    EVP_MAC_CTX *mac = suite->hmac_sha256;
    size_t out_len;

    return EVP_MAC_init(mac, key, 32, NULL) == 1 &&
                   EVP_MAC_update(mac, (const uint8_t *)label, strlen(label)) == 1 &&
                   EVP_MAC_update(mac, text, len) == 1 &&
                   EVP_MAC_final(mac, out, &out_len, BELAY_HMAC_SIZE) == 1
               ? BELAY_OK
               : BELAY_ENOMEM;
}

int belay_siphash(struct belay_suite *suite, const uint8_t key[BELAY_SIPHASH_KEY_SIZE],
                  const uint8_t *text, size_t len, uint8_t out[BELAY_SIPHASH_SIZE])
{
    EVP_MAC_CTX *mac = suite->siphash;
    size_t out_len;

    return EVP_MAC_init(mac, key, BELAY_SIPHASH_KEY_SIZE, NULL) == 1 &&
                   EVP_MAC_update(mac, text, len) == 1 &&
                   EVP_MAC_final(mac, out, &out_len, BELAY_SIPHASH_SIZE) == 1
               ? BELAY_OK
               : BELAY_ENOMEM;
}
