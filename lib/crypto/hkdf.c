/* By the suite's HMAC: libcrypto's own HKDF takes three times as long to begin as to run, which
 * a flood of INITs would make us pay. */
#include "crypto/hkdf.h"

#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <string.h>

#define HASH BELAY_HKDF_KEY_SIZE

int belay_hkdf_extract(struct belay_suite *suite, const void *salt, size_t salt_len,
                       const void *ikm, size_t ikm_len, uint8_t key[BELAY_HKDF_KEY_SIZE])
{
    const struct belay_mac_part part = {ikm, ikm_len};

    return belay_mac(suite->hmac_sha256, salt, salt_len, &part, 1, key, HASH);
}

/* T(i) of section 2.3, in place of T(i - 1); T(0) is empty. */
static int next_block(struct belay_suite *suite, const uint8_t *key, const void *info,
                      size_t info_len, uint8_t i, uint8_t block[HASH])
{
    const struct belay_mac_part parts[] = {
        {block, i > 1 ? HASH : 0}, {info, info_len}, {&i, 1}};

    return belay_mac(suite->hmac_sha256, key, HASH, parts, 3, block, HASH);
}

int belay_hkdf_expand(struct belay_suite *suite, const uint8_t key[BELAY_HKDF_KEY_SIZE],
                      const void *info, size_t info_len, uint8_t *out, size_t out_len)
{
    uint8_t block[HASH] = {0};
    bool ok = out_len <= 255 * HASH;

    for (unsigned i = 1; ok && out_len > 0; i++) {
        size_t part = out_len < HASH ? out_len : HASH;

        ok = next_block(suite, key, info, info_len, (uint8_t)i, block) == 0;
        memcpy(out, block, part);
        out += part;
        out_len -= part;
    }
    OPENSSL_cleanse(block, sizeof(block));
    return ok ? BELAY_OK : BELAY_ENOMEM;
}
