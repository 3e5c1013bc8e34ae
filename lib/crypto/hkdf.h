/*
 * hkdf.h - HKDF (RFC 5869) with SHA-256: a pseudorandom key out of what is
 * secret (extract), and any number of keys out of that, one for each label (expand).
 */
#ifndef BELAY_CRYPTO_HKDF_H
#define BELAY_CRYPTO_HKDF_H

#include "crypto/suite.h"

#define BELAY_HKDF_KEY_SIZE 32

/* Section 2.2. salt and ikm are not empty. 0 or BELAY_ENOMEM. */
int belay_hkdf_extract(struct belay_suite *suite, const void *salt, size_t salt_len,
                       const void *ikm, size_t ikm_len, uint8_t key[BELAY_HKDF_KEY_SIZE]);

/* Section 2.3. info is not empty; out_len is 1 .. 255 * 32. 0 or BELAY_ENOMEM. */
int belay_hkdf_expand(struct belay_suite *suite, const uint8_t key[BELAY_HKDF_KEY_SIZE],
                      const void *info, size_t info_len, uint8_t *out, size_t out_len);

#endif
