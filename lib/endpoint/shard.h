/*
 * shard.h - which of several cores at one address a connection ID belongs to.
 *
 *     cid[0] = shard ^ (word * key' >> 24)      word: cid[4..7], big endian; 32 bits
 *
 * key' is the group's key made odd, so that each of its bits counts. The rest of the ID is
 * random. It is a multiplication and no more because the kernel must do it: a classic BPF
 * program, which steers packets to the socket of their shard, has no better hash. It hides the
 * shard from who looks on in passing, which is all that it is for: no safety rests on it. What
 * is steered wrong is handed over.
 */
#ifndef BELAY_ENDPOINT_SHARD_H
#define BELAY_ENDPOINT_SHARD_H

#include <stdint.h>

#include "wire/packet.h"

#define BELAY_SHARDS_MAX 256

/* Makes cid, random so far, one of this shard's. */
void belay_shard_mark(uint8_t cid[BELAY_CID_BYTES], uint32_t key, uint32_t shard);
/* 0..255: whose it is; anything where nobody made it. */
uint32_t belay_shard_of(const uint8_t cid[BELAY_CID_BYTES], uint32_t key);

#endif
