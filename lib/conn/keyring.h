/*
 * keyring.h - the keys of a connection's DATA packets, and their change (RFC 9001, section 6).
 *
 * Each direction has a secret; each packet says by one bit under which of two phases of it it
 * was sealed. A side changes its keys by sealing under the next phase. Whoever opens a packet
 * of the next phase follows with its own direction. Nobody changes again before the peer has
 * acknowledged a packet of this phase and the keys before are gone; a peer whose 3 PTO are
 * shorter than ours may seem hasty, and is borne with for a while.
 *
 *     seal          counts packets; when is_update_due and may_update: update
 *     open          finds the key by phase and packet number; 0, or what is wrong
 *     acked         the peer has a packet of ours with this number
 *     rest          nothing comes or goes for a while: keys are expanded again when needed, for
 *                   a single packet in room that all connections share
 *     deadline      when the keys before are to be forgotten: 3 PTO after a change
 */
#ifndef BELAY_CONN_KEYRING_H
#define BELAY_CONN_KEYRING_H

#include "base/memory.h"
#include "crypto/keys.h"
#include "crypto/seal.h"

/* There while keys change. */
struct belay_keyring_more {
    struct belay_seal before; /* of in, for packets that come late; has_before */
    struct belay_seal next;   /* of in, made when first asked for; has_next */
    uint8_t secret_next[BELAY_SECRET_SIZE];
};

struct belay_keyring {
    struct belay_mem *mem;
    struct belay_suite *suite;
    enum belay_seal_algorithm algorithm;
    uint8_t secret_out[BELAY_SECRET_SIZE], secret_in[BELAY_SECRET_SIZE];
    struct belay_seal out, in;
    struct belay_keyring_more *more; /* NULL: neither before nor next */
    bool is_ready, has_before, has_next;
    bool phase_out, phase_in;     /* differ while the peer has not followed us */
    bool is_confirmed;            /* the peer acknowledged a packet of phase_out */
    uint64_t first_out, first_in; /* the lowest packet numbers of these phases */
    uint64_t forget_ns;           /* when before goes; BELAY_NEVER */
    uint64_t sealed, failed;      /* packets under out; packets that no key opened */
    uint64_t updates;
    unsigned hasty; /* changes of the peer's, in a row, while we still kept the keys before */
};

/* 0 or BELAY_ENOMEM; dispose in any case. first: of both directions' packet numbers. */
int belay_keyring_init(struct belay_keyring *ring, struct belay_mem *mem,
                       struct belay_suite *suite, enum belay_seal_algorithm algorithm,
                       const uint8_t secret_out[BELAY_SECRET_SIZE],
                       const uint8_t secret_in[BELAY_SECRET_SIZE], uint64_t first);
/* Wipes. A zeroed struct is fine. */
void belay_keyring_dispose(struct belay_keyring *ring);

/* Has as many packets been sealed under one key? */
bool belay_keyring_is_update_due(const struct belay_keyring *ring, uint64_t packets_max);
bool belay_keyring_may_update(const struct belay_keyring *ring);
/* The next packet, number, and all after it are of the next phase. 0 or BELAY_ENOMEM, and
 * nothing has changed. */
int belay_keyring_update(struct belay_keyring *ring, uint64_t number);

/* As belay_seal_packet. The packet's phase bit is ring->phase_out. BELAY_ENOMEM, too, when
 * there is no memory to wake from rest. */
int belay_keyring_seal(struct belay_keyring *ring, uint64_t number, uint8_t *packet,
                       size_t header_len, size_t payload_len);

/*
 * As belay_open_packet; a first packet of the next phase changes the keys of both directions:
 * forget_ns is then now + keep_ns and our next packet, next_out, begins our next phase. 0,
 * BELAY_EPROTO: not for these keys; BELAY_ELIMIT: the peer changes keys too often, or too many
 * packets did not open: the connection is to end. BELAY_ENOMEM.
 */
int belay_keyring_open(struct belay_keyring *ring, bool phase, uint64_t number, uint8_t *packet,
                       size_t header_len, size_t payload_len, uint64_t next_out,
                       uint64_t keep_ns, uint64_t now_ns);

void belay_keyring_acked(struct belay_keyring *ring, uint64_t number);
/* Gives the expanded keys back: a kilobyte each. seal and open take them again. */
void belay_keyring_rest(struct belay_keyring *ring);
void belay_keyring_forget(struct belay_keyring *ring, uint64_t now_ns);

#endif
