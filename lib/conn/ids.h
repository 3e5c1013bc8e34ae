/*
 * ids.h - the connection IDs that two sides gave each other (RFC 9000, section 5.1): so that
 * one that changes its address on purpose can take a fresh one, and nobody links the two paths.
 *
 * Each ID has a sequence number, from 0, the handshake's. Of ours the peer has one in use and
 * two spare; one that it gave up is replaced, and still understood until the next is given up,
 * since packets may be late. The endpoint makes ours, since it finds connections by them:
 *
 *     own      wanted, give    an entry to be filled, and what with
 *              due, lost       those to be announced
 *              retired         the peer gave one up
 *     theirs   offered         the peer's announcement
 *              fresh, use      take one that was never used; the one before is given up
 *              retiring, lost, acked     those that are to be told as given up
 *
 * A side that has the empty ID has none to give: both structs stay empty then.
 */
#ifndef BELAY_CONN_IDS_H
#define BELAY_CONN_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/packet.h"

#define BELAY_IDS_SPARE        2
#define BELAY_IDS_MAX          4 /* entries; what a peer may give us at a time */
#define BELAY_IDS_RETIRING_MAX 8 /* given up, and the peer has not said that it knows */

struct belay_id {
    bool is_used; /* the entry; else all else is void */
    bool is_live; /* not given up */
    bool is_due;  /* own: to be announced. theirs: never used */
    bool has_token;
    uint64_t sequence;
    uint8_t cid[BELAY_CID_BYTES];
    uint8_t token[BELAY_RESET_TOKEN_BYTES];
};

struct belay_own_ids {
    struct belay_id ids[BELAY_IDS_MAX];
    uint64_t next_sequence; /* 0: we have none to give */
};

struct belay_their_ids {
    struct belay_id ids[BELAY_IDS_MAX];
    unsigned active; /* entry */
    bool has_any;
    /* Given up, and the peer has not said that it knows: bits of entries of retiring. */
    uint8_t retiring_used, retiring_due;
    /* Sequence numbers that came: all below floor, and floor + i for each bit i. */
    uint64_t floor, seen;
    uint64_t retire_prior_to;
    uint64_t retiring[BELAY_IDS_RETIRING_MAX]; /* sequence numbers */
};

void belay_own_ids_init(struct belay_own_ids *own, const uint8_t *cid);
/* The entry for one more, or -1: there are enough. */
int belay_own_ids_wanted(const struct belay_own_ids *own);
void belay_own_ids_give(struct belay_own_ids *own, int entry, const uint8_t *cid,
                        const uint8_t *token);
/* One to be announced (the caller clears is_due), or NULL. */
struct belay_id *belay_own_ids_due(struct belay_own_ids *own);
void belay_own_ids_lost(struct belay_own_ids *own, uint64_t sequence);
/* 0, or BELAY_EPROTO: the peer never had it. */
int belay_own_ids_retired(struct belay_own_ids *own, uint64_t sequence);
/* The sequence number of one of ours, UINT64_MAX when it is none. */
uint64_t belay_own_ids_find(const struct belay_own_ids *own, const uint8_t *cid);

/* token NULL: none. */
void belay_their_ids_init(struct belay_their_ids *theirs, const uint8_t *cid,
                          const uint8_t *token);
/* 0, or BELAY_EPROTO with *why. The active one may have been given up: it is another then. */
int belay_their_ids_offered(struct belay_their_ids *theirs, uint64_t sequence,
                            uint64_t retire_prior_to, const uint8_t *cid, const uint8_t *token,
                            const char **why);
/* The entry of one that was never used, from now on taken; -1: there is none. */
int belay_their_ids_fresh(struct belay_their_ids *theirs);
/* The entry is the active one; the one before is given up. 0 or BELAY_EPROTO, as retire. */
int belay_their_ids_use(struct belay_their_ids *theirs, int entry);
/* 0, or BELAY_EPROTO: the peer does not acknowledge what was given up before. */
int belay_their_ids_retire(struct belay_their_ids *theirs, int entry);
/* True, and *sequence, of one to be told as given up; it is no longer due. */
bool belay_their_ids_retiring(struct belay_their_ids *theirs, uint64_t *sequence);
void belay_their_ids_retire_lost(struct belay_their_ids *theirs, uint64_t sequence);
void belay_their_ids_retire_acked(struct belay_their_ids *theirs, uint64_t sequence);

#endif
