#include "base/map.h"

#include <assert.h>
#include <string.h>

#define BUCKETS_FIRST 16

/* The finaliser of MurmurHash3 by Austin Appleby (public domain): every bit of x flips each
 * bit of the result about half of the time, and no two x give the same. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/*
 * A keyed mixing hash, fast on our short keys. It is not cryptographic, and nothing proves
 * that it withstands one who sees its results. Nobody does: they leave this file only as the
 * time that a lookup takes. Where that is not enough, the place for a real PRF is here.
 */
static uint64_t hash_of(const struct belay_map *map, const void *key, size_t len)
{
    const uint8_t *p = key;
    uint64_t h = mix(map->seed[0] ^ len);
    while (len > 0) {
        uint64_t word = 0;
        size_t n = len < sizeof(word) ? len : sizeof(word);
        memcpy(&word, p, n);
        h = mix(h ^ word) + map->seed[1];
        p += n;
        len -= n;
    }
    return mix(h);
}

void belay_map_init(struct belay_map *map, struct belay_mem *mem, const uint64_t seed[2])
{
    *map = (struct belay_map){.mem = mem, .seed = {seed[0], seed[1]}};
}

void belay_map_dispose(struct belay_map *map)
{
    belay_mem_free(map->mem, map->buckets, map->bucket_count * sizeof(*map->buckets));
    map->buckets = NULL;
    map->bucket_count = map->count = 0;
}

static struct belay_map_node **bucket_of(const struct belay_map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static void link_node(struct belay_map *map, struct belay_map_node *node)
{
    struct belay_map_node **bucket = bucket_of(map, node->hash);
    node->next = *bucket;
    *bucket = node;
}

static int grow(struct belay_map *map)
{
    struct belay_map_node **old = map->buckets;
    size_t old_count = map->bucket_count;
    if (old_count > SIZE_MAX / 2 / sizeof(*old))
        return BELAY_ENOMEM;
    size_t new_count = old_count > 0 ? old_count * 2 : BUCKETS_FIRST;
    struct belay_map_node **buckets = belay_mem_alloc(map->mem, new_count * sizeof(*buckets));
    if (buckets == NULL)
        return BELAY_ENOMEM;
    for (size_t i = 0; i < new_count; i++)
        buckets[i] = NULL;
    map->buckets = buckets;
    map->bucket_count = new_count;
    for (size_t i = 0; i < old_count; i++) {
        struct belay_map_node *node = old[i];
        while (node != NULL) {
            struct belay_map_node *next = node->next;
            link_node(map, node);
            node = next;
        }
    }
    belay_mem_free(map->mem, old, old_count * sizeof(*old));
    return 0;
}

int belay_map_add(struct belay_map *map, struct belay_map_node *node, const void *key,
                  size_t key_len)
{
    assert(!node->linked);
    if (map->count >= map->bucket_count && grow(map) != 0)
        return BELAY_ENOMEM;
    *node = (struct belay_map_node){
        .hash = hash_of(map, key, key_len), .key = key, .key_len = key_len, .linked = true};
    link_node(map, node);
    map->count++;
    return 0;
}

void belay_map_remove(struct belay_map *map, struct belay_map_node *node)
{
    if (!node->linked)
        return;
    struct belay_map_node **at = bucket_of(map, node->hash);
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    node->linked = false;
    map->count--;
}

static bool has_key(const struct belay_map_node *node, uint64_t hash, const void *key,
                    size_t len)
{
    return node->hash == hash && node->key_len == len &&
           (len == 0 || memcmp(node->key, key, len) == 0);
}

struct belay_map_node *belay_map_find(const struct belay_map *map, const void *key,
                                      size_t key_len)
{
    if (map->count == 0)
        return NULL;
    uint64_t hash = hash_of(map, key, key_len);
    struct belay_map_node *node = *bucket_of(map, hash);
    while (node != NULL && !has_key(node, hash, key, key_len))
        node = node->next;
    return node;
}
