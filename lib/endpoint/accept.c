/* accept.c - INIT packets: the half-open connections of a listening endpoint. */
#include "endpoint/private.h"

#include "conn/hellotag.h"

#include <stdio.h>
#include <string.h>

static struct belay_core_conn *find_init(struct belay_core *core,
                                         const struct belay_path_key *key)
{
    struct belay_map_node *node = belay_map_find(&core->by_init, key, sizeof(*key));

    return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_core_conn, by_init);
}

/* The tag comes first: a damaged INIT is no reason to answer anything. */
static bool tag_is_right(struct belay_core *core, uint8_t *packet, size_t len)
{
    return belay_hello_tag(&core->suite, NULL, packet, len - BELAY_TAG_BYTES, true) == 0;
}

/* Said before anything is kept: nobody accepts here, or not what the client asks for. */
static bool is_taken(struct belay_core *core, const struct belay_path *path,
                     const struct belay_hello *init, uint64_t now_ns)
{
    uint64_t code = BELAY_CLOSE_NOT_LISTENING;
    const char *why = core->is_listening
                          ? belay_connection_refuses(&core->config, init->handshake, &code)
                          : "the endpoint accepts no connections";

    if (why != NULL)
        belay_stateless_refuse(core, path, init, code, why, now_ns);
    return why == NULL;
}

/* It ends. One that waits for the app's answer stays, dead, as the app has it: CLOSED tells. */
static void give_up(struct belay_core_conn *slot, uint64_t code, const char *why)
{
    belay_connection_abort(slot->connection, code, why);
    belay_slot_touch(slot);
}

static bool is_full(const struct belay_core *core)
{
    return core->conn_count >= core->config.connections_max;
}

/* To end what the app has makes no room among all connections, only among those half open. */
static bool must_yield(const struct belay_core_conn *oldest)
{
    const struct belay_core *core = oldest->core;

    return core->half_open_count >= core->config.half_open_max ||
           (is_full(core) && !oldest->is_held);
}

static bool make_room(struct belay_core *core, const struct belay_path *path,
                      const struct belay_hello *init, uint64_t now_ns)
{
    struct belay_core_conn *oldest = core->half_open_count == 0
                                         ? NULL
                                         : BELAY_CONTAINER(belay_list_first(&core->half_open),
                                                           struct belay_core_conn, half_open);

    if (oldest != NULL && must_yield(oldest)) {
        core->stats.half_open_evicted++;
        give_up(oldest, BELAY_CLOSE_BUSY, "the handshake gave way to newer ones");
    }
    if (is_full(core)) {
        belay_stateless_refuse(core, path, init, BELAY_CLOSE_BUSY,
                               "the server has as many connections as it takes", now_ns);
        return false;
    }
    return true;
}

static void open_half(struct belay_core *core, const struct belay_path *path,
                      const struct belay_path_key *key, const struct belay_hello *init,
                      uint8_t *packet, size_t len, uint64_t now_ns)
{
    struct belay_connection_self self;
    struct belay_core_conn *slot = belay_slot_new(core, &self, true);
    const char *why = "";
    uint64_t code = 0;
    int error = 0;

    if (slot == NULL)
        return;
    slot->nonce_key = *key;
    slot->connection = belay_connection_accept(&core->env, &self, path, init, packet, len,
                                               now_ns, &error, &code, &why);
    if (slot->connection == NULL) {
        belay_slot_free(slot);
        if (error == BELAY_EPROTO || error == BELAY_EKEY)
            belay_stateless_refuse(core, path, init, code, why, now_ns);
        return;
    }
    if (belay_map_add(&core->by_init, &slot->by_init, &slot->nonce_key,
                      sizeof(slot->nonce_key))) {
        belay_slot_free(slot);
        return;
    }
    slot->is_half_open = true;
    core->half_open_count++;
    belay_list_append(&core->half_open, &slot->half_open);
    belay_slot_touch(slot);
}

/*
 * True when the INIT is one of our own, sent back by a UDP echo; an answer to it would come
 * back too. Where we listen as well it may be an endpoint that dials itself.
 */
static bool is_reflected(struct belay_core *core, const struct belay_path_key *key)
{
    struct belay_map_node *node = belay_map_find(&core->by_nonce, key, sizeof(*key));

    if (core->is_listening || node == NULL)
        return false;
    belay_connection_on_reflected(
        BELAY_CONTAINER(node, struct belay_core_conn, by_nonce)->connection);
    return true;
}

/*
 * True when the client has followed a RETRY since: its INIT now is another, with a new key, and
 * the ACCEPT of the earlier one (which came when no cookie was asked for) is of no use to it.
 */
static bool supersedes(struct belay_core_conn *slot, const struct belay_path *path,
                       const struct belay_hello *init, uint8_t *packet, size_t len,
                       uint64_t now_ns)
{
    struct belay_core *core = slot->core;

    return slot->is_half_open && init->cookie_len > 0 &&
           !belay_connection_is_from(slot->connection, init) &&
           tag_is_right(core, packet, len) && belay_retry_is_proof(core, path, init, now_ns);
}

void belay_endpoint_on_init(struct belay_core *core, const struct belay_path *path,
                            uint8_t *packet, size_t len, uint64_t now_ns)
{
    struct belay_path_key key;
    struct belay_core_conn *slot;
    struct belay_hello init;
    int error = belay_hello_parse(&init, packet, len);

    if (error == BELAY_EVERSION)
        belay_stateless_versions(core, path, &init, now_ns);
    if (error || init.type != BELAY_PACKET_INIT)
        return;
    belay_path_key_make(&key, path, init.nonce);
    slot = find_init(core, &key);
    if (slot != NULL && !supersedes(slot, path, &init, packet, len, now_ns)) {
        belay_connection_on_init_again(slot->connection, len);
        belay_slot_touch(slot);
        return;
    }
    if (slot != NULL)
        give_up(slot, BELAY_CLOSE_ABORTED, "the client began the handshake anew");
    if (is_reflected(core, &key) || belay_retry_is_shed(core, &init) ||
        !tag_is_right(core, packet, len))
        return;
    if (is_taken(core, path, &init, now_ns) && belay_retry_admits(core, path, &init, now_ns) &&
        make_room(core, path, &init, now_ns))
        open_half(core, path, &key, &init, packet, len, now_ns);
}

/* A peer without a connection ID has its socket for itself: another one from there is gone. */
static void replace_earlier(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;
    struct belay_map_node *node;

    belay_path_key_make(&slot->path_key, belay_connection_path(slot->connection), NULL);
    node = belay_map_find(&core->by_peer, &slot->path_key, sizeof(slot->path_key));
    if (node != NULL) {
        struct belay_core_conn *earlier =
            BELAY_CONTAINER(node, struct belay_core_conn, by_peer);

        belay_map_remove(&core->by_peer, &earlier->by_peer);
        belay_connection_on_reset(earlier->connection, true);
        belay_slot_touch(earlier);
    }
    belay_map_add(&core->by_peer, &slot->by_peer, &slot->path_key, sizeof(slot->path_key));
}

void belay_endpoint_confirmed(struct belay_core_conn *slot)
{
    belay_slot_leave_half_open(slot);
    slot->is_half_open = false;
    slot->is_held = true; /* ACCEPTED hands it to the app */
    if (belay_connection_peer_is_unshared(slot->connection))
        replace_earlier(slot);
}
