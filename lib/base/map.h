/*
 * map.h - a hash table of intrusive nodes keyed by bytes, under a secret seed, so that who
 * chooses keys cannot choose collisions. Chains in a power of two of buckets, grown at load 1,
 * one bucket's worth of work at a time is not needed at our sizes: growth rehashes at once.
 */
#ifndef BELAY_BASE_MAP_H
#define BELAY_BASE_MAP_H

#include "base/memory.h"

struct belay_map_node {
    struct belay_map_node *next;
    uint64_t hash;
    const void *key; /* in the owner; must not change while in the map */
    size_t key_len;
    bool linked;
};

struct belay_map {
    struct belay_mem *mem;
    struct belay_map_node **buckets;
    size_t bucket_count, count;
    uint64_t seed[2];
};

void belay_map_init(struct belay_map *map, struct belay_mem *mem, const uint64_t seed[2]);
void belay_map_dispose(struct belay_map *map); /* the table, not the nodes */

/* 0, or BELAY_ENOMEM. The key must not be in the map yet, nor the node. */
int belay_map_add(struct belay_map *map, struct belay_map_node *node, const void *key,
                  size_t key_len);
void belay_map_remove(struct belay_map *map, struct belay_map_node *node); /* or no-op */
struct belay_map_node *belay_map_find(const struct belay_map *map, const void *key,
                                      size_t key_len);

#endif
