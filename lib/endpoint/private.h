/* private.h - an endpoint's inside, for the files of this folder alone. */
#ifndef BELAY_ENDPOINT_PRIVATE_H
#define BELAY_ENDPOINT_PRIVATE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "conn/connection.h"
#include "crypto/cookie.h"

/* A socket and a remote address: how packets without a connection ID are told apart. */
struct belay_path_key {
    uint32_t socket;
    uint8_t len;
    uint8_t bytes[BELAY_ADDRESS_MAX];
    uint8_t nonce[BELAY_NONCE_BYTES]; /* of an INIT; zero in other maps */
    uint8_t zero[3];                  /* no padding: keys are compared as bytes */
};

_Static_assert(sizeof(struct belay_path_key) ==
                   sizeof(uint32_t) + 1 + BELAY_ADDRESS_MAX + BELAY_NONCE_BYTES + 3,
               "a key must have no padding");

/* Entries of a connection in the maps that change while it lives: follow.c. */
struct belay_slot_cid {
    struct belay_map_node node;
    struct belay_core_conn *slot;
    uint8_t cid[BELAY_CID_BYTES];
};

struct belay_slot_token {
    struct belay_map_node node;
    struct belay_core_conn *slot;
    uint8_t token[BELAY_RESET_TOKEN_BYTES];
};

struct belay_slot_path {
    struct belay_map_node node;
    struct belay_core_conn *slot;
    struct belay_path_key key;
};

/* A dial of ours without an ID: where its packets come. */
struct belay_slot_unshared {
    struct belay_slot_path paths[BELAY_CONNECTION_PATHS];
    struct belay_slot_path socket; /* up: from any address */
};

/* One connection in the endpoint's tables. What only some have is apart: there may be 100,000
 * of them that have nothing to do. */
struct belay_core_conn {
    struct belay_core *core;
    struct belay_connection *connection;
    void *user;
    bool is_held;      /* by the app: for good, or (half open) while it is asked */
    bool is_half_open; /* it has not been ACCEPTED */
    struct belay_slot_unshared *unshared;              /* NULL: it is none */
    struct belay_slot_cid cids[BELAY_CONNECTION_CIDS]; /* our connection IDs */
    /* What a RESET for it carries, BELAY_CONNECTION_CIDS of them; NULL: the peer has no ID. */
    struct belay_slot_token *tokens;
    struct belay_map_node
        by_dial; /* a shared dial not yet answered: one an address, for hints */
    struct belay_map_node by_peer;  /* a peer without one: tells that it started again */
    struct belay_map_node by_nonce; /* our INIT */
    struct belay_map_node
        by_init; /* the INIT that made it: apart, so that an endpoint may dial itself */
    struct belay_path_key path_key, nonce_key;
    struct belay_heap_node timer;
    struct belay_list work;   /* may have something to send */
    struct belay_list events; /* may have an event */
    struct belay_list all;
    struct belay_list half_open; /* in order of age; dead ones are not in it */
};

/* An answer without state: one small datagram, made when its cause came. */
#define BELAY_STATELESS_BYTES  320
#define BELAY_STATELESS_QUEUED 16
#define BELAY_STATELESS_PER_S  100

struct belay_stateless {
    struct belay_path path;
    char type; /* as struct belay_trace */
    uint8_t data[BELAY_STATELESS_BYTES];
    size_t len;
};

/* A RETRY, smaller still. As many as a train that UDP_GRO gives has INITs. */
#define BELAY_RETRY_BYTES  64
#define BELAY_RETRY_QUEUED 64

struct belay_retry {
    struct belay_path path;
    uint8_t data[BELAY_RETRY_BYTES];
    size_t len;
};

struct belay_core {
    struct belay_core_config config;
    struct belay_mem mem;
    struct belay_pool pool;
    struct belay_suite suite;
    struct belay_noise_suite noise;
    uint8_t public_key[32]; /* of config.private_key */
    struct belay_connection_env env;
    struct belay_hints hints;
    bool is_listening;
    uint64_t now_ns; /* the latest time that we were told */
    struct belay_map by_cid, by_path, by_socket, by_dial, by_peer, by_nonce, by_init, by_token;
    struct belay_heap timers;
    struct belay_list work, events, all, half_open;
    size_t conn_count, half_open_count;
    struct {
        struct belay_stateless queue[BELAY_STATELESS_QUEUED];
        size_t start, count;
        uint64_t second_ns; /* start of the second that is being counted */
        unsigned in_second;
    } stateless;
    struct belay_cookie_keys cookies;
    struct {
        struct belay_retry queue[BELAY_RETRY_QUEUED];
        size_t start, count;
    } retry;
    struct belay_core_stats stats; /* but for what is counted elsewhere */
};

/* slots.c */
void belay_path_key_make(struct belay_path_key *key, const struct belay_path *path,
                         const uint8_t *nonce);
/* The same for any remote address. */
void belay_socket_key_make(struct belay_path_key *key, const struct belay_path *path);
/* A slot with a connection ID and reset token of its own. NULL: no memory. */
struct belay_core_conn *belay_slot_new(struct belay_core *core,
                                       struct belay_connection_self *self, bool with_cid);
void belay_slot_free(struct belay_core_conn *slot);
/* It is confirmed or dead: none of the half-open ones that are counted. */
void belay_slot_leave_half_open(struct belay_core_conn *slot);
/* After anything was done to the connection: puts the slot where it belongs now. */
void belay_slot_touch(struct belay_core_conn *slot);
/* The same but for sending: asks for no send. Its timer is set to no_earlier_ns at least. */
void belay_slot_settle(struct belay_core_conn *slot, uint64_t no_earlier_ns);

/* follow.c: the maps follow what the connection says that it is found by. */
void belay_slot_follow(struct belay_core_conn *slot);
/* Another connection ID into an entry of the slot, which is in the maps then, and its reset
 * token. 0 or an error. */
int belay_slot_choose_cid(struct belay_core_conn *slot, unsigned entry,
                          uint8_t token[BELAY_RESET_TOKEN_BYTES]);
void belay_slot_unfollow(struct belay_core_conn *slot);

/* accept.c */
void belay_endpoint_on_init(struct belay_core *core, const struct belay_path *path,
                            uint8_t *packet, size_t len, uint64_t now_ns);
/* The half-open connection of this slot was confirmed. */
void belay_endpoint_confirmed(struct belay_core_conn *slot);

/* stateless.c: each is dropped when the queue is full or the second's number is used up */
void belay_stateless_versions(struct belay_core *core, const struct belay_path *path,
                              const struct belay_hello *init, uint64_t now_ns);
void belay_stateless_refuse(struct belay_core *core, const struct belay_path *path,
                            const struct belay_hello *init, uint64_t code, const char *reason,
                            uint64_t now_ns);
void belay_stateless_reset(struct belay_core *core, const struct belay_path *path,
                           const uint8_t *cid, size_t cause_len, uint64_t now_ns);
bool belay_stateless_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns);
/* What every answer has of init, whose bytes it points to; and such an answer with its tag, of
 * at most size bytes. 0: libcrypto has no memory. */
struct belay_hello belay_stateless_hello(const struct belay_hello *init,
                                         enum belay_packet_type type);
size_t belay_stateless_build(struct belay_core *core, const struct belay_hello *hello,
                             uint8_t *packet, size_t size);

/* retry.c; init's tag has been checked, but for is_shed */
/* True: so many RETRYs wait that this INIT would get none; it is counted and to be dropped. */
bool belay_retry_is_shed(struct belay_core *core, const struct belay_hello *init);
/* True when init may cost memory; else a RETRY has been queued, or dropped and counted. */
bool belay_retry_admits(struct belay_core *core, const struct belay_path *path,
                        const struct belay_hello *init, uint64_t now_ns);
/* True when init brings a valid cookie. */
bool belay_retry_is_proof(struct belay_core *core, const struct belay_path *path,
                          const struct belay_hello *init, uint64_t now_ns);
bool belay_retry_send(struct belay_core *core, struct belay_train *train, uint64_t now_ns);

#endif
