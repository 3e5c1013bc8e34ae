/* By the suite's HMAC: libcrypto's own HKDF takes three times as long to begin as to run, which
 * a flood of INITs would make us pay. */
#include "crypto/hkdf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define HASH BELAY_HKDF_KEY_SIZE

int belay_hkdf_extract(struct belay_suite *suite, const void *salt, size_t salt_len,
                       const void *ikm, size_t ikm_len, uint8_t key[BELAY_HKDF_KEY_SIZE])
{
    EVP_MAC_CTX *mac = suite->hmac_sha256;
    size_t len;

    return EVP_MAC_init(mac, salt, salt_len, NULL) == 1 &&
                   EVP_MAC_update(mac, ikm, ikm_len) == 1 &&
                   EVP_MAC_final(mac, key, &len, HASH) == 1
               ? BELAY_OK
               : BELAY_ENOMEM;
}

/* T(i) of section 2.3, in place of T(i - 1); T(0) is empty. */
static bool next_block(EVP_MAC_CTX *mac, const uint8_t *key, const void *info, size_t info_len,
                       uint8_t i, uint8_t block[HASH])
{
    size_t len;

    return EVP_MAC_init(mac, key, HASH, NULL) == 1 &&
           EVP_MAC_update(mac, block, i > 1 ? HASH : 0) == 1 &&
           EVP_MAC_update(mac, info, info_len) == 1 && EVP_MAC_update(mac, &i, 1) == 1 &&
           EVP_MAC_final(mac, block, &len, HASH) == 1;
}

int belay_hkdf_expand(struct belay_suite *suite, const uint8_t key[BELAY_HKDF_KEY_SIZE],
                      const void *info, size_t info_len, uint8_t *out, size_t out_len)
{
    uint8_t block[HASH] = {0};
    bool ok = out_len <= 255 * HASH;

    for (unsigned i = 1; ok && out_len > 0; i++) {
        size_t part = out_len < HASH ? out_len : HASH;

        ok = next_block(suite->hmac_sha256, key, info, info_len, (uint8_t)i, block);
        memcpy(out, block, part);
        out += part;
        out_len -= part;
    }
    OPENSSL_cleanse(block, sizeof(block));
    return ok ? BELAY_OK : BELAY_ENOMEM;
}
