/*
 * dh.h - X25519 (RFC 7748) by libcrypto. Keys are 32 bytes; any 32 bytes are a private key.
 */
#ifndef BELAY_CRYPTO_DH_H
#define BELAY_CRYPTO_DH_H

#include <belay/common.h>

#define BELAY_DH_SIZE 32

/* 0 or BELAY_ENOMEM. */
int belay_dh_public(const uint8_t private_key[BELAY_DH_SIZE],
                    uint8_t public_key[BELAY_DH_SIZE]);

/* What both sides compute. own_public is that of own_private, which would cost as much again to
 * find; peer_public is the other side's. 0, BELAY_ENOMEM, or BELAY_EPROTO: the peer's key is
 * one of the few that give zero whatever ours is (RFC 7748, section 6.1); then *secret is
 * wiped. */
int belay_dh(const uint8_t own_private[BELAY_DH_SIZE], const uint8_t own_public[BELAY_DH_SIZE],
             const uint8_t peer_public[BELAY_DH_SIZE], uint8_t secret[BELAY_DH_SIZE]);

#endif
