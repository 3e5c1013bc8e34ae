/*
 * cookie.h - a client's proof that it can be reached at its address, kept by nobody: a RETRY
 * carries the cookie to that address, and the client's next INIT brings it back.
 *
 *     key     first 16 bytes of HMAC-SHA256(master key, "belay1 cookie key" || period (u64))
 *     cookie  time (u32) || SipHash-2-4-128(key, time || version (u32) || nonce (8) ||
 *             socket (u32) || remote || local || client's ID)
 *
 * with a length byte before each of the last three. A flood makes us compute it for each INIT:
 * hence SipHash, which RFC 9018 has for the same purpose. The master key is random and never
 * leaves the core, so that a cookie says nothing about any other. time is in seconds, from a
 * start that only the master key tells: it gives no one's uptime away. A period is 60 s of the
 * core's clock, and the cookie's own time says in which one it was made: it is good for 30 s,
 * over the change of one key, and never under two.
 */
#ifndef BELAY_CRYPTO_COOKIE_H
#define BELAY_CRYPTO_COOKIE_H

#include "crypto/suite.h"

#include <belay/core.h>

#define BELAY_COOKIE_SIZE       20
#define BELAY_COOKIE_NONCE_SIZE 8
#define BELAY_COOKIE_LIFE_S     30
#define BELAY_COOKIE_PERIOD_S   60

struct belay_cookie_keys {
    uint8_t master[32];
    uint32_t start_s; /* added to the clock's seconds */
    struct {
        bool is_made;
        uint64_t period;
        uint8_t key[16];
    } of[2]; /* of the present period and the one before: derived once each */
};

/* Whom a cookie is for; all borrowed. An ID is at most 255 bytes. */
struct belay_cookie_holder {
    const struct belay_path *path;
    uint32_t version;
    const uint8_t *nonce; /* BELAY_COOKIE_NONCE_SIZE bytes of the INIT */
    const uint8_t *client_cid;
    size_t client_cid_len;
};

/* 0 or BELAY_ENOMEM. The caller wipes its copy of master, and in the end *keys. */
int belay_cookie_keys_init(struct belay_cookie_keys *keys, struct belay_suite *suite,
                           const uint8_t master[32]);

/* 0 or BELAY_ENOMEM. */
int belay_cookie_make(struct belay_cookie_keys *keys, struct belay_suite *suite,
                      const struct belay_cookie_holder *holder, uint64_t now_ns,
                      uint8_t cookie[BELAY_COOKIE_SIZE]);

/* Whether we made it for this holder, at most 30 s ago (in whole seconds). In a time that does
 * not depend on how much of it is right. */
bool belay_cookie_is_valid(struct belay_cookie_keys *keys, struct belay_suite *suite,
                           const struct belay_cookie_holder *holder, const uint8_t *cookie,
                           size_t len, uint64_t now_ns);

#endif
