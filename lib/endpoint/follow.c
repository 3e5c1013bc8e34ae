/*
 * follow.c - the maps by which packets find a connection whose addresses and connection IDs
 * change while it lives. The connection says what it is found by; here the maps follow.
 *
 *     by_cid      our IDs: the one in use, two spare, and the one given up last
 *     by_token    the tokens of the peer's IDs that we may still write to
 *     by_path     without an ID of our own: this path, the one that is tried, the one before
 *     by_socket   the same, for a server that changes its address
 *     by_peer     a peer without an ID: where it is now
 */
#include "endpoint/private.h"

#include "crypto/token.h"
#include "endpoint/shard.h"

#include <string.h>

#define CID_TRIES 16

/* ------------------------------------------------------------------ connection IDs */

int belay_slot_choose_cid(struct belay_core_conn *slot, unsigned entry,
                          uint8_t token[BELAY_RESET_TOKEN_BYTES])
{
    struct belay_core *core = slot->core;
    struct belay_slot_cid *at = &slot->cids[entry];
    int error;

    for (unsigned i = 0;; i++) {
        core->env.random.fill(core->env.random.ctx, at->cid, sizeof(at->cid));
        if (core->config.shard_count > 1)
            belay_shard_mark(at->cid, core->config.shard_key, core->config.shard_index);
        if (belay_map_find(&core->by_cid, at->cid, sizeof(at->cid)) == NULL)
            break;
        if (i == CID_TRIES)
            return BELAY_EINVAL; /* the random function is none */
    }
    at->slot = slot;
    error = belay_token_reset(&core->suite, core->config.reset_key, at->cid, sizeof(at->cid),
                              token);
    return error ? error : belay_map_add(&core->by_cid, &at->node, at->cid, sizeof(at->cid));
}

static void follow_cids(struct belay_core_conn *slot)
{
    uint8_t token[BELAY_RESET_TOKEN_BYTES];
    int entry;

    for (unsigned i = 0; i < BELAY_CONNECTION_CIDS; i++) {
        const uint8_t *cid = belay_connection_own_cid(slot->connection, i);

        if (cid == NULL || memcmp(cid, slot->cids[i].cid, BELAY_CID_BYTES) != 0)
            belay_map_remove(&slot->core->by_cid, &slot->cids[i].node);
    }
    /* Without memory the peer has fewer to spare. */
    while ((entry = belay_connection_wants_cid(slot->connection)) >= 0 &&
           belay_slot_choose_cid(slot, (unsigned)entry, token) == 0)
        belay_connection_give_cid(slot->connection, entry, slot->cids[entry].cid, token);
}

/* Without memory for them no RESET is understood: the connection ends by its timeout. */
static bool has_tokens(struct belay_core_conn *slot)
{
    size_t size = BELAY_CONNECTION_CIDS * sizeof(*slot->tokens);

    for (unsigned i = 0; i < BELAY_CONNECTION_CIDS && slot->tokens == NULL; i++)
        if (belay_connection_peer_token(slot->connection, i) != NULL)
            slot->tokens = belay_mem_zalloc(&slot->core->mem, size);
    return slot->tokens != NULL;
}

static void follow_tokens(struct belay_core_conn *slot)
{
    struct belay_map *map = &slot->core->by_token;

    if (!has_tokens(slot))
        return;
    for (unsigned i = 0; i < BELAY_CONNECTION_CIDS; i++) {
        const uint8_t *token = belay_connection_peer_token(slot->connection, i);
        struct belay_slot_token *at = &slot->tokens[i];

        if (token == NULL || memcmp(token, at->token, sizeof(at->token)) != 0)
            belay_map_remove(map, &at->node);
        if (token == NULL || at->node.linked ||
            belay_map_find(map, token, BELAY_RESET_TOKEN_BYTES) != NULL)
            continue;
        at->slot = slot;
        memcpy(at->token, token, sizeof(at->token));
        belay_map_add(map, &at->node, at->token, sizeof(at->token));
    }
}

/* ------------------------------------------------------------------ addresses */

static void enter(struct belay_map *map, struct belay_slot_path *at,
                  struct belay_core_conn *slot, const struct belay_path_key *key)
{
    if (at->node.linked && memcmp(&at->key, key, sizeof(*key)) == 0)
        return;
    belay_map_remove(map, &at->node);
    if (belay_map_find(map, key, sizeof(*key)) != NULL)
        return; /* another's, or of another entry */
    at->slot = slot;
    at->key = *key;
    belay_map_add(map, &at->node, &at->key, sizeof(at->key));
}

/* All are taken out first: they change places, and each address is in the map once. */
static void follow_paths(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;
    struct belay_path_key key;

    for (unsigned i = 0; i < BELAY_CONNECTION_PATHS; i++)
        belay_map_remove(&core->by_path, &slot->unshared->paths[i].node);
    for (unsigned i = 0; i < BELAY_CONNECTION_PATHS; i++) {
        const struct belay_path *path = belay_connection_path_at(slot->connection, i);

        if (path == NULL)
            continue;
        belay_path_key_make(&key, path, NULL);
        enter(&core->by_path, &slot->unshared->paths[i], slot, &key);
    }
    belay_socket_key_make(&key, belay_connection_path(slot->connection));
    enter(&core->by_socket, &slot->unshared->socket, slot, &key);
}

/* Whoever was there before is not: an address that a NAT gave to somebody else is no proof
 * that its earlier owner is gone. */
static void follow_peer(struct belay_core_conn *slot)
{
    struct belay_map *map = &slot->core->by_peer;
    struct belay_path_key key;
    struct belay_map_node *node;

    belay_path_key_make(&key, belay_connection_path(slot->connection), NULL);
    if (memcmp(&key, &slot->path_key, sizeof(key)) == 0)
        return;
    belay_map_remove(map, &slot->by_peer);
    node = belay_map_find(map, &key, sizeof(key));
    if (node != NULL)
        belay_map_remove(map, node);
    slot->path_key = key;
    belay_map_add(map, &slot->by_peer, &slot->path_key, sizeof(slot->path_key));
}

void belay_slot_follow(struct belay_core_conn *slot)
{
    follow_cids(slot);
    follow_tokens(slot);
    if (slot->unshared != NULL)
        follow_paths(slot);
    if (slot->by_peer.linked)
        follow_peer(slot);
}

void belay_slot_unfollow(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;

    for (unsigned i = 0; i < BELAY_CONNECTION_CIDS; i++) {
        belay_map_remove(&core->by_cid, &slot->cids[i].node);
        if (slot->tokens != NULL)
            belay_map_remove(&core->by_token, &slot->tokens[i].node);
    }
    if (slot->unshared == NULL)
        return;
    for (unsigned i = 0; i < BELAY_CONNECTION_PATHS; i++)
        belay_map_remove(&core->by_path, &slot->unshared->paths[i].node);
    belay_map_remove(&core->by_socket, &slot->unshared->socket.node);
}
