/* slots.c - a connection's places in the endpoint's tables: maps, timers, work and events. */
#include "endpoint/private.h"

#include <string.h>

void belay_path_key_make(struct belay_path_key *key, const struct belay_path *path,
                         const uint8_t *nonce)
{
    memset(key, 0, sizeof(*key));
    key->socket = path->socket;
    key->len = path->remote.len;
    memcpy(key->bytes, path->remote.bytes, path->remote.len);
    if (nonce != NULL)
        memcpy(key->nonce, nonce, BELAY_NONCE_BYTES);
}

void belay_socket_key_make(struct belay_path_key *key, const struct belay_path *path)
{
    memset(key, 0, sizeof(*key));
    key->socket = path->socket;
}

static int choose_cid(struct belay_core_conn *slot, struct belay_connection_self *self)
{
    int error = belay_slot_choose_cid(slot, 0, self->reset_token);

    memcpy(self->cid, slot->cids[0].cid, sizeof(self->cid));
    self->cid_len = sizeof(self->cid);
    return error;
}

struct belay_core_conn *belay_slot_new(struct belay_core *core,
                                       struct belay_connection_self *self, bool with_cid)
{
    struct belay_core_conn *slot = belay_mem_zalloc(&core->mem, sizeof(*slot));

    memset(self, 0, sizeof(*self));
    if (slot == NULL)
        return NULL;
    slot->core = core;
    self->handle = slot;
    belay_list_append(&core->all, &slot->all);
    core->conn_count++;
    if (belay_heap_reserve(&core->timers, core->conn_count) ||
        (with_cid && choose_cid(slot, self))) {
        belay_slot_free(slot);
        return NULL;
    }
    return slot;
}

void belay_slot_leave_half_open(struct belay_core_conn *slot)
{
    if (!belay_list_is_linked(&slot->half_open))
        return;
    belay_list_remove(&slot->half_open);
    slot->core->half_open_count--;
}

/* Nothing from the network is for it any more: out of the maps, into silence. */
static void retire(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;

    belay_slot_unfollow(slot);
    belay_map_remove(&core->by_dial, &slot->by_dial);
    belay_map_remove(&core->by_peer, &slot->by_peer);
    belay_map_remove(&core->by_nonce, &slot->by_nonce);
    belay_map_remove(&core->by_init, &slot->by_init);
    belay_list_remove(&slot->work);
    belay_slot_leave_half_open(slot);
}

void belay_slot_free(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;

    retire(slot);
    belay_heap_remove(&core->timers, &slot->timer);
    belay_list_remove(&slot->events);
    belay_list_remove(&slot->all);
    core->conn_count--;
    belay_connection_free(slot->connection);
    belay_mem_free(&core->mem, slot->unshared, sizeof(*slot->unshared));
    belay_mem_free(&core->mem, slot->tokens, BELAY_CONNECTION_CIDS * sizeof(*slot->tokens));
    belay_mem_free(&core->mem, slot, sizeof(*slot));
}

void belay_slot_settle(struct belay_core_conn *slot, uint64_t no_earlier_ns)
{
    struct belay_core *core = slot->core;
    uint64_t deadline_ns = belay_connection_deadline(slot->connection);
    bool is_dead = belay_connection_stage(slot->connection) == BELAY_STAGE_DEAD;

    /* Half open and not held: no app ever knew of it, or it has given it back. */
    if (is_dead && !slot->is_held &&
        (slot->is_half_open || !belay_connection_has_events(slot->connection))) {
        belay_slot_free(slot);
        return;
    }
    if (is_dead)
        retire(slot);
    else if (belay_connection_take_changes(slot->connection))
        belay_slot_follow(slot);
    if (belay_connection_stage(slot->connection) != BELAY_STAGE_DIALING)
        belay_map_remove(&core->by_dial, &slot->by_dial);
    if (deadline_ns < no_earlier_ns)
        deadline_ns = no_earlier_ns;
    if (deadline_ns == BELAY_NEVER)
        belay_heap_remove(&core->timers, &slot->timer);
    else
        belay_heap_set(&core->timers, &slot->timer, deadline_ns); /* room was reserved */
    if (!belay_list_is_linked(&slot->events) && belay_connection_has_events(slot->connection))
        belay_list_append(&core->events, &slot->events);
}

void belay_slot_touch(struct belay_core_conn *slot)
{
    if (!belay_list_is_linked(&slot->work) &&
        belay_connection_stage(slot->connection) != BELAY_STAGE_DEAD)
        belay_list_append(&slot->core->work, &slot->work);
    belay_slot_settle(slot, 0);
}
