/*
 * demux.c - the five of core.h's grammar: receive finds the connection of each packet; send
 * goes round those with work; deadline, timeout and poll.
 */
#include "endpoint/private.h"

#include "crypto/token.h"

#include <string.h>

/* Then the caller is asked back, so that packets get their turn. */
#define TIMERS_PER_CALL 1024

/* Time never goes back here, whatever a caller says: an ACK from before its packet would make a
 * round trip of centuries. */
static uint64_t forward(struct belay_core *core, uint64_t now_ns)
{
    if (now_ns > core->now_ns)
        core->now_ns = now_ns;
    return core->now_ns;
}

static struct belay_core_conn *find_data(struct belay_core *core, const struct belay_path *path,
                                         const struct belay_data_header *header)
{
    struct belay_map_node *node;
    struct belay_path_key key;

    if (header->has_cid) {
        node = belay_map_find(&core->by_cid, header->cid, sizeof(header->cid));
        return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_slot_cid, node)->slot;
    }
    belay_path_key_make(&key, path, NULL);
    node = belay_map_find(&core->by_path, &key, sizeof(key));
    if (node == NULL) { /* a server that has another address now */
        belay_socket_key_make(&key, path);
        node = belay_map_find(&core->by_socket, &key, sizeof(key));
    }
    return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_slot_path, node)->slot;
}

static void on_data(struct belay_core *core, const struct belay_path *path, uint8_t *packet,
                    size_t len, unsigned ecn, uint64_t now_ns)
{
    struct belay_data_header header;
    struct belay_core_conn *slot;

    if (belay_data_header_parse(&header, packet, len))
        return;
    slot = find_data(core, path, &header);
    if (slot == NULL) {
        if (header.has_cid)
            belay_stateless_reset(core, path, header.cid, len, now_ns);
        return;
    }
    belay_connection_on_data(slot->connection, &header, packet, len, path, ecn, now_ns);
    if (slot->is_half_open && belay_connection_stage(slot->connection) != BELAY_STAGE_HALF_OPEN)
        belay_endpoint_confirmed(slot);
    belay_slot_touch(slot);
}

/* ACCEPT, RETRY, REFUSE, VERSIONS: for the dial whose nonce they echo. */
static void on_answer(struct belay_core *core, const struct belay_path *path, uint8_t *packet,
                      size_t len, uint64_t now_ns)
{
    struct belay_map_node *node;
    struct belay_core_conn *slot;
    struct belay_path_key key;
    struct belay_hello hello;

    if (belay_hello_parse(&hello, packet, len))
        return;
    belay_path_key_make(&key, path, hello.nonce);
    node = belay_map_find(&core->by_nonce, &key, sizeof(key));
    if (node == NULL)
        return;
    slot = BELAY_CONTAINER(node, struct belay_core_conn, by_nonce);
    belay_connection_on_hello(slot->connection, &hello, packet, len, now_ns);
    belay_slot_touch(slot);
}

static void on_reset(struct belay_core *core, const uint8_t *packet, size_t len)
{
    const uint8_t *token = belay_reset_parse(packet, len);
    struct belay_map_node *node;
    struct belay_slot_token *entry;

    if (token == NULL)
        return;
    node = belay_map_find(&core->by_token, token, BELAY_RESET_TOKEN_BYTES);
    if (node == NULL)
        return;
    entry = BELAY_CONTAINER(node, struct belay_slot_token, node);
    if (!belay_token_equal(entry->token, token, BELAY_RESET_TOKEN_BYTES))
        return;
    belay_connection_on_reset(entry->slot->connection, false);
    belay_slot_touch(entry->slot);
}

static void receive_one(struct belay_core *core, const struct belay_path *path, uint8_t *packet,
                        size_t len, unsigned ecn, uint64_t now_ns)
{
    if (len == 0 || len > BELAY_DATAGRAM_BYTES_MAX)
        return;
    switch (belay_packet_type_of(packet[0])) {
    case BELAY_PACKET_DATA:
        on_data(core, path, packet, len, ecn, now_ns);
        break;
    case BELAY_PACKET_INIT:
        belay_endpoint_on_init(core, path, packet, len, now_ns);
        break;
    case BELAY_PACKET_ACCEPT:
    case BELAY_PACKET_RETRY:
    case BELAY_PACKET_REFUSE:
    case BELAY_PACKET_VERSIONS:
        on_answer(core, path, packet, len, now_ns);
        break;
    case BELAY_PACKET_RESET:
        on_reset(core, packet, len);
        break;
    case BELAY_PACKET_UNKNOWN:
        break;
    }
}

void belay_core_receive(struct belay_core *core, const struct belay_path *path, uint8_t *data,
                        size_t len, size_t segment_size, unsigned ecn, uint64_t now_ns)
{
    now_ns = forward(core, now_ns);
    if (segment_size == 0)
        segment_size = len;
    while (len > 0) {
        size_t one = len < segment_size ? len : segment_size;

        receive_one(core, path, data, one, ecn, now_ns);
        data += one;
        len -= one;
    }
}

/* One of our connection IDs that it has now; a number that fits none when it has none. */
static uint64_t owner_of(const struct belay_core_conn *slot)
{
    uint64_t owner = 0;

    for (unsigned i = 0; i < BELAY_CONNECTION_CIDS && owner == 0; i++)
        if (slot->cids[i].node.linked)
            memcpy(&owner, slot->cids[i].cid, sizeof(owner));
    return owner;
}

int belay_core_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns)
{
    struct belay_list *node;

    if (train->capacity < core->config.datagram_size)
        return 0;
    now_ns = forward(core, now_ns);
    train->owner = 0;
    if (belay_stateless_send(core, train, now_ns) || belay_retry_send(core, train, now_ns))
        return 1;
    while ((node = belay_list_first(&core->work)) != NULL) {
        struct belay_core_conn *slot = BELAY_CONTAINER(node, struct belay_core_conn, work);
        int sent = belay_connection_send(slot->connection, train, now_ns);

        train->owner = owner_of(slot);
        belay_list_remove(&slot->work);
        if (sent) /* to the end: everyone gets a train in turn */
            belay_list_append(&core->work, &slot->work);
        belay_slot_settle(slot, 0);
        if (sent)
            return 1;
    }
    return 0;
}

uint64_t belay_core_deadline(const struct belay_core *core)
{
    /* A send may end a connection (no memory): that event waits for the caller's next poll. */
    if (!belay_list_is_empty(&core->events))
        return 0;
    return belay_heap_first_key(&core->timers); /* none: BELAY_NEVER */
}

void belay_core_timeout(struct belay_core *core, uint64_t now_ns)
{
    struct belay_heap_node *first;

    now_ns = forward(core, now_ns);
    for (unsigned i = 0; i < TIMERS_PER_CALL; i++) {
        struct belay_core_conn *slot;

        first = belay_heap_first(&core->timers);
        if (first == NULL || belay_heap_first_key(&core->timers) > now_ns)
            return;
        slot = BELAY_CONTAINER(first, struct belay_core_conn, timer);
        belay_connection_on_timeout(slot->connection, now_ns);
        if (!belay_list_is_linked(&slot->work))
            belay_list_append(&core->work, &slot->work);
        /* What is due now and only a send can do (an ACK, a paced packet) must not come round
         * again: the send that follows sets the timer right. */
        belay_slot_settle(slot, now_ns + 1);
    }
}

bool belay_core_has_work(const struct belay_core *core)
{
    return core->stateless.count > 0 || core->retry.count > 0 ||
           !belay_list_is_empty(&core->work);
}

/* A message that was taken makes work once: the send to come says all. */
static bool is_credit_news(const struct belay_core_conn *slot)
{
    return !belay_list_is_linked(&slot->work) &&
           belay_connection_wants_credit(slot->connection);
}

int belay_core_poll(struct belay_core *core, struct belay_core_event *event)
{
    struct belay_list *node;

    while ((node = belay_list_first(&core->events)) != NULL) {
        struct belay_core_conn *slot = BELAY_CONTAINER(node, struct belay_core_conn, events);

        if (belay_connection_poll(slot->connection, event)) {
            event->conn = slot;
            event->user = slot->user;
            if (event->type == BELAY_CORE_AUTHORIZE)
                slot->is_held = true; /* until the answer */
            if (event->type != BELAY_CORE_MESSAGE || is_credit_news(slot))
                belay_slot_touch(slot);
            return 1;
        }
        belay_list_remove(&slot->events);
        belay_slot_touch(slot);
    }
    return 0;
}

void belay_core_unreachable(struct belay_core *core, const struct belay_path *path, int error,
                            uint64_t now_ns)
{
    struct belay_map_node *node;
    struct belay_path_key key;

    (void)now_ns;
    belay_path_key_make(&key, path, NULL);
    node = belay_map_find(&core->by_path, &key, sizeof(key));
    if (node != NULL) {
        belay_connection_on_unreachable(
            BELAY_CONTAINER(node, struct belay_slot_path, node)->slot->connection, error);
        return;
    }
    node = belay_map_find(&core->by_dial, &key, sizeof(key));
    if (node != NULL)
        belay_connection_on_unreachable(
            BELAY_CONTAINER(node, struct belay_core_conn, by_dial)->connection, error);
}

void belay_core_size_hint(struct belay_core *core, const struct belay_path *path,
                          const uint8_t *packet, size_t len, size_t fits)
{
    belay_hints_add(&core->hints, path, packet, len, fits);
}

static struct belay_core_conn *find_owner(struct belay_core *core,
                                          const struct belay_path *path, uint64_t owner)
{
    struct belay_map_node *node;
    struct belay_path_key key;

    if (owner != 0) {
        node = belay_map_find(&core->by_cid, &owner, sizeof(owner));
        return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_slot_cid, node)->slot;
    }
    belay_path_key_make(&key, path, NULL);
    node = belay_map_find(&core->by_path, &key, sizeof(key));
    return node == NULL ? NULL : BELAY_CONTAINER(node, struct belay_slot_path, node)->slot;
}

void belay_core_too_big(struct belay_core *core, const struct belay_path *path, uint64_t owner,
                        size_t size, size_t fits, uint64_t now_ns)
{
    struct belay_core_conn *slot = find_owner(core, path, owner);

    forward(core, now_ns);
    if (slot == NULL)
        return;
    belay_connection_too_big(slot->connection, path, size, fits);
    belay_slot_touch(slot);
}
