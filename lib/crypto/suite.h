/*
 * suite.h - the algorithms, looked up once in libcrypto for a core; a lookup costs more than
 * a packet. One thread at a time, like the core that owns it.
 *
 * libcrypto allocates for itself, outside of the core's memory function: about 4 KiB for a
 * suite and 1 KiB for each struct belay_seal.
 */
#ifndef BELAY_CRYPTO_SUITE_H
#define BELAY_CRYPTO_SUITE_H

#include "crypto/fast.h"
#include "crypto/seal.h"

#include <belay/common.h>

/* libcrypto's own names of EVP_CIPHER and so on: who includes us need not include OpenSSL. */
struct evp_cipher_st;
struct evp_mac_ctx_st;
struct evp_md_st;

struct belay_suite {
    struct evp_cipher_st *aes_256_gcm, *chacha20_poly1305;
    struct evp_md_st *sha256;
    struct evp_mac_ctx_st *hmac_sha256, *siphash; /* ready but for the key */
    struct belay_fast fast;                       /* AES-256-GCM, where it is here */
    /* Room for an expanded key that one packet needs: one of them, as in struct belay_seal. */
    struct belay_fast_key *spare_fast;
    struct evp_cipher_ctx_st *spare_ctx;
    struct belay_seal hello; /* GMAC under the public hello key of docs/protocol.md */
};

/* 0, or BELAY_ENOMEM: libcrypto lacks memory or an algorithm; nothing is left to dispose. */
int belay_suite_init(struct belay_suite *suite);

/* After every seal made from it. A zeroed struct is fine. */
void belay_suite_dispose(struct belay_suite *suite);

#endif
