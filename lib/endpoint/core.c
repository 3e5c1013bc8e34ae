/* core.c - making an endpoint, and its app calls: core.h, glued to connections. */
#include "endpoint/private.h"

#include "crypto/dh.h"
#include "crypto/keys.h"
#include "crypto/noise_suite.h"
#include "crypto/seal.h"
#include "endpoint/shard.h"

#include <string.h>

#define MIB       (1024u * 1024u)
#define SECOND_NS UINT64_C(1000000000)
/* About a window's worth: less, and a bulk sender whose queue breathes is for ever in malloc.
 */
#define POOL_KEEP_BYTES (4 * MIB)

void belay_core_config_init(struct belay_core_config *config)
{
    *config = (struct belay_core_config){
        .datagram_size = BELAY_DATAGRAM_BYTES_MIN,
        .datagram_size_max = BELAY_DATAGRAM_BYTES_MAX,
        .message_size_max = 16 * MIB,
        .window_initial = MIB,
        .window_max = 32 * MIB,
        .window_messages = 4096,
        .send_queue_max = 32 * MIB,
        .channels_max = 256,
        .ranges_max = 1024,
        .connections_max = 65536,
        .half_open_max = 1024,
        .half_open_cookies = 64,
        .ack_delay_max_ns = SECOND_NS / 40,
        .idle_timeout_ns = 30 * SECOND_NS,
        .keepalive_ns = 15 * SECOND_NS,
        .connect_timeout_ns = 10 * SECOND_NS,
        .close_timeout_ns = 10 * SECOND_NS,
        .congestion = "bbr",
        .ecn = true,
        .aead = BELAY_AEAD_AES_256_GCM,
        .key_update_packets = BELAY_SEAL_PACKETS_MAX / 2,
    };
}

/* What each number must be within, and the sentence when it is not. */
const char *belay_core_config_check(const struct belay_core_config *c)
{
    if (c->datagram_size < BELAY_DATAGRAM_BYTES_MIN ||
        c->datagram_size > BELAY_DATAGRAM_BYTES_MAX)
        return "datagram_size must be 1200 to 65507 bytes";
    if (c->datagram_size_max < c->datagram_size ||
        c->datagram_size_max > BELAY_DATAGRAM_BYTES_MAX)
        return "datagram_size_max must be datagram_size to 65507 bytes";
    if (c->message_size_max > 1u << 30)
        return "message_size_max must be at most 2^30 bytes";
    if (c->window_messages < 16 || c->window_messages > 1u << 20)
        return "window_messages must be 16 to 2^20";
    if (c->channels_max < 1 || c->channels_max > 65536)
        return "channels_max must be 1 to 65536";
    if (c->ranges_max < 16 || c->ranges_max > 65536)
        return "ranges_max must be 16 to 65536";
    if (c->connections_max < 1 || c->half_open_max < 1)
        return "connections_max and half_open_max must be at least 1";
    if (c->ack_delay_max_ns > UINT64_C(16777216) * 1000)
        return "ack_delay_max_ns must be at most 16.7 s";
    if ((c->idle_timeout_ns > 0 && c->idle_timeout_ns < 1000000) ||
        c->idle_timeout_ns > (UINT64_C(1) << 32) * 1000000)
        return "idle_timeout_ns must be 0, or 1 ms to 2^32 ms";
    if (c->window_initial > UINT64_C(1) << 40 || c->window_max > UINT64_C(1) << 40)
        return "windows must be at most 2^40 bytes";
    if (c->connect_timeout_ns == 0 || c->close_timeout_ns == 0)
        return "connect_timeout_ns and close_timeout_ns must not be 0";
    if (c->first_packet_number > UINT64_C(1) << 61 || c->first_message_number > UINT64_C(1)
                                                                                    << 61)
        return "first numbers must be at most 2^61";
    if (c->aead != BELAY_AEAD_AES_256_GCM && c->aead != BELAY_AEAD_CHACHA20_POLY1305)
        return "aead must be AES-256-GCM or ChaCha20-Poly1305";
    if (c->key_update_packets < 1 || c->key_update_packets > BELAY_SEAL_PACKETS_MAX)
        return "key_update_packets must be 1 to 2^23";
    if (c->insecure && (c->has_private_key || c->has_server_key || c->has_psk || c->authorize))
        return "insecure excludes keys: without encryption they prove nothing";
    if (c->has_psk && c->authorize)
        return "psk and authorize exclude each other: one says who may connect";
    if (c->shard_count > BELAY_SHARDS_MAX ||
        (c->shard_count > 0 && c->shard_index >= c->shard_count))
        return "shard_count must be at most 256, and shard_index below it";
    if (c->congestion == NULL || belay_congestion_find(c->congestion) == NULL)
        return "congestion must be \"bbr\", \"cubic\" or \"newreno\"";
    return NULL;
}

static void init_tables(struct belay_core *core)
{
    struct belay_map *maps[] = {&core->by_cid,  &core->by_path, &core->by_socket,
                                &core->by_dial, &core->by_peer, &core->by_nonce,
                                &core->by_init, &core->by_token};
    uint64_t seed[2];

    core->env.random.fill(core->env.random.ctx, seed, sizeof(seed));
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        belay_map_init(maps[i], &core->mem, seed);
    belay_heap_init(&core->timers, &core->mem);
    belay_list_init(&core->work);
    belay_list_init(&core->events);
    belay_list_init(&core->all);
    belay_list_init(&core->half_open);
}

static void init_env(struct belay_core *core, const struct belay_random *random,
                     const struct belay_log *log)
{
    core->env = (struct belay_connection_env){
        .mem = &core->mem,
        .pool = &core->pool,
        .suite = &core->suite,
        .noise = &core->noise,
        .private_key = core->config.private_key,
        .server_key = core->config.has_server_key ? core->config.server_key : NULL,
        .public_key = core->public_key,
        .config = &core->config,
        .congestion = belay_congestion_find(core->config.congestion),
        .hints = &core->hints,
        .random = *random,
    };
    if (log != NULL)
        core->env.log = *log;
}

/* A key of its own for an endpoint that was given none: for as long as it lives. */
static int init_key(struct belay_core *core, const struct belay_random *random)
{
    if (!core->config.has_private_key)
        random->fill(random->ctx, core->config.private_key, sizeof(core->config.private_key));
    return belay_dh_public(core->config.private_key, core->public_key);
}

static int init_cookies(struct belay_core *core, const struct belay_random *random)
{
    uint8_t master[32];
    int error;

    if (core->config.has_cookie_key)
        memcpy(master, core->config.cookie_key, sizeof(master));
    else
        random->fill(random->ctx, master, sizeof(master));
    error = belay_cookie_keys_init(&core->cookies, &core->suite, master);
    belay_wipe(master, sizeof(master));
    return error;
}

static int init_crypto(struct belay_core *core, const struct belay_random *random)
{
    if (belay_suite_init(&core->suite) != 0)
        return BELAY_ENOMEM;
    if (belay_noise_suite_init(&core->noise, BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_SHA256) == 0 &&
        init_key(core, random) == 0 && init_cookies(core, random) == 0)
        return BELAY_OK;
    belay_noise_suite_dispose(&core->noise);
    belay_suite_dispose(&core->suite);
    return BELAY_ENOMEM;
}

struct belay_core *belay_core_new(const struct belay_core_config *config,
                                  const struct belay_memory *memory,
                                  const struct belay_random *random,
                                  const struct belay_log *log, int *error)
{
    struct belay_core_config defaults;
    struct belay_mem first;
    struct belay_core *core;
    int ignored;

    error = error ? error : &ignored;
    belay_core_config_init(&defaults);
    config = config ? config : &defaults;
    *error = BELAY_EINVAL;
    if (memory == NULL || random == NULL || belay_core_config_check(config) != NULL)
        return NULL;
    *error = BELAY_ENOMEM;
    belay_mem_init(&first, memory);
    core = belay_mem_zalloc(&first, sizeof(*core));
    if (core == NULL)
        return NULL;
    core->config = *config;
    core->mem = first;
    if (init_crypto(core, random) != 0) {
        belay_mem_free(&first, core, sizeof(*core));
        return NULL;
    }
    belay_pool_init(&core->pool, &core->mem, POOL_KEEP_BYTES);
    init_env(core, random, log);
    init_tables(core);
    if (!config->has_reset_key)
        random->fill(random->ctx, core->config.reset_key, sizeof(core->config.reset_key));
    *error = 0;
    return core;
}

void belay_core_free(struct belay_core *core)
{
    struct belay_list *node;
    struct belay_mem mem;

    if (core == NULL)
        return;
    while ((node = belay_list_first(&core->all)) != NULL)
        belay_slot_free(BELAY_CONTAINER(node, struct belay_core_conn, all));
    belay_map_dispose(&core->by_cid);
    belay_map_dispose(&core->by_path);
    belay_map_dispose(&core->by_socket);
    belay_map_dispose(&core->by_dial);
    belay_map_dispose(&core->by_peer);
    belay_map_dispose(&core->by_nonce);
    belay_map_dispose(&core->by_init);
    belay_map_dispose(&core->by_token);
    belay_heap_dispose(&core->timers);
    belay_pool_dispose(&core->pool);
    belay_suite_dispose(&core->suite);
    belay_noise_suite_dispose(&core->noise);
    belay_wipe(&core->config, sizeof(core->config)); /* keys */
    belay_wipe(&core->cookies, sizeof(core->cookies));
    mem = core->mem;
    belay_mem_free(&mem, core, sizeof(*core));
}

/* ------------------------------------------------------------------ of the endpoint */

void belay_core_listen(struct belay_core *core, bool on)
{
    core->is_listening = on;
}

size_t belay_core_conn_count(const struct belay_core *core)
{
    return core->conn_count;
}

size_t belay_core_memory_bytes(const struct belay_core *core)
{
    return core->mem.used_bytes;
}

size_t belay_core_memory_peak_bytes(const struct belay_core *core)
{
    return core->mem.peak_bytes;
}

void belay_core_get_stats(const struct belay_core *core, struct belay_core_stats *stats,
                          size_t size)
{
    struct belay_core_stats now = core->stats;

    now.half_open = core->half_open_count;
    memcpy(stats, &now, size < sizeof(now) ? size : sizeof(now));
}

void belay_core_set_trace(struct belay_core *core,
                          void (*trace)(void *ctx, const struct belay_core_conn *conn,
                                        const struct belay_trace *packet, uint64_t now_ns),
                          void *ctx)
{
    core->env.trace = trace;
    core->env.trace_ctx = ctx;
}

void belay_core_set_keylog(struct belay_core *core, void (*line)(void *ctx, const char *text),
                           void *ctx)
{
    core->env.keylog = line;
    core->env.keylog_ctx = ctx;
}

int belay_public_key(const uint8_t private_key[32], uint8_t public_key[32])
{
    return belay_dh_public(private_key, public_key);
}

const uint8_t *belay_core_key(const struct belay_core *core)
{
    return core->public_key;
}

void belay_core_set_server_key(struct belay_core *core, const uint8_t key[32])
{
    core->env.server_key = key == NULL ? NULL : core->config.server_key;
    if (key != NULL)
        memcpy(core->config.server_key, key, sizeof(core->config.server_key));
}

struct belay_core_conn *belay_core_next_conn(struct belay_core *core,
                                             struct belay_core_conn *conn)
{
    struct belay_list *node = conn == NULL ? core->all.next : conn->all.next;

    for (; node != &core->all; node = node->next) {
        struct belay_core_conn *slot = BELAY_CONTAINER(node, struct belay_core_conn, all);

        if (slot->is_held)
            return slot;
    }
    return NULL;
}

/* An unshared dial to this address must be the only one; one that is closed and only lingers
 * gives way. */
static bool address_is_free(struct belay_core *core, const struct belay_path_key *key)
{
    struct belay_map_node *node = belay_map_find(&core->by_path, key, sizeof(*key));
    struct belay_slot_path *earlier;

    if (node == NULL)
        return true;
    earlier = BELAY_CONTAINER(node, struct belay_slot_path, node);
    if (belay_connection_stage(earlier->slot->connection) != BELAY_STAGE_LINGERING)
        return false;
    belay_map_remove(&core->by_path, &earlier->node);
    return true;
}

static int enter_unshared(struct belay_core_conn *slot)
{
    struct belay_core *core = slot->core;
    struct belay_slot_path *first;

    slot->unshared = belay_mem_zalloc(&core->mem, sizeof(*slot->unshared));
    if (slot->unshared == NULL)
        return BELAY_ENOMEM;
    first = &slot->unshared->paths[0];
    *first = (struct belay_slot_path){.slot = slot, .key = slot->path_key};
    return belay_map_add(&core->by_path, &first->node, &first->key, sizeof(first->key));
}

/* Puts a dial into the maps that find it. */
static int enter_dial(struct belay_core_conn *slot, const struct belay_path *path, bool shared)
{
    struct belay_core *core = slot->core;
    int error;

    belay_path_key_make(&slot->path_key, path, NULL);
    belay_path_key_make(&slot->nonce_key, path, belay_connection_nonce(slot->connection));
    error = belay_map_add(&core->by_nonce, &slot->by_nonce, &slot->nonce_key,
                          sizeof(slot->nonce_key));
    if (!shared)
        return error ? error : enter_unshared(slot);
    /* Of the shared dials to one address, one gets the hints. */
    if (!error &&
        belay_map_find(&core->by_dial, &slot->path_key, sizeof(slot->path_key)) == NULL)
        error = belay_map_add(&core->by_dial, &slot->by_dial, &slot->path_key,
                              sizeof(slot->path_key));
    return error;
}

int belay_core_connect(struct belay_core *core, const struct belay_path *path, bool shared,
                       void *user, struct belay_core_conn **conn)
{
    struct belay_connection_self self;
    struct belay_core_conn *slot;
    struct belay_path_key key;

    if (core->conn_count >= core->config.connections_max)
        return BELAY_ELIMIT;
    if (path->remote.len == 0 || path->remote.len > BELAY_ADDRESS_MAX)
        return BELAY_EINVAL;
    belay_path_key_make(&key, path, NULL);
    if (!shared && !address_is_free(core, &key))
        return BELAY_EINVAL;
    slot = belay_slot_new(core, &self, shared);
    if (slot == NULL)
        return BELAY_ENOMEM;
    slot->connection = belay_connection_dial(&core->env, &self, path);
    if (slot->connection == NULL || enter_dial(slot, path, shared)) {
        belay_slot_free(slot);
        return BELAY_ENOMEM;
    }
    slot->is_held = true;
    slot->user = user;
    belay_slot_touch(slot);
    *conn = slot;
    return 0;
}

/* ------------------------------------------------------------------ of a connection */

void belay_core_conn_set_user(struct belay_core_conn *conn, void *user)
{
    conn->user = user;
}

void *belay_core_conn_user(const struct belay_core_conn *conn)
{
    return conn->user;
}

struct belay_core *belay_core_conn_core(const struct belay_core_conn *conn)
{
    return conn->core;
}

const struct belay_path *belay_core_conn_path(const struct belay_core_conn *conn)
{
    return belay_connection_path(conn->connection);
}

int belay_core_conn_send(struct belay_core_conn *conn, uint32_t channel, enum belay_mode mode,
                         const void *data, size_t len, unsigned flags, uint64_t deadline_ns,
                         uint64_t *message)
{
    int error = belay_connection_queue(conn->connection, channel, mode, data, NULL, len, flags,
                                       deadline_ns, message);

    if (!error && !belay_list_is_linked(&conn->work))
        belay_slot_touch(conn);
    return error;
}

int belay_core_conn_send_source(struct belay_core_conn *conn, uint32_t channel,
                                enum belay_mode mode, const struct belay_source *source,
                                size_t len, unsigned flags, uint64_t deadline_ns,
                                uint64_t *message)
{
    int error = belay_connection_queue(conn->connection, channel, mode, NULL, source, len,
                                       flags, deadline_ns, message);

    if (!error && !belay_list_is_linked(&conn->work))
        belay_slot_touch(conn);
    return error;
}

void belay_core_conn_pause(struct belay_core_conn *conn)
{
    belay_connection_pause(conn->connection, true);
}

void belay_core_conn_resume(struct belay_core_conn *conn)
{
    belay_connection_pause(conn->connection, false);
    belay_slot_touch(conn);
}

void belay_core_conn_set_watermarks(struct belay_core_conn *conn, size_t low, size_t high)
{
    belay_connection_set_watermarks(conn->connection, low, high);
    belay_slot_touch(conn);
}

int belay_core_conn_close(struct belay_core_conn *conn)
{
    int error = belay_connection_close(conn->connection);

    if (!error)
        belay_slot_touch(conn);
    return error;
}

void belay_core_conn_authorize(struct belay_core_conn *conn, bool yes)
{
    if (!conn->is_half_open)
        return;
    conn->is_held = false;
    belay_connection_authorize(conn->connection, yes);
    belay_slot_touch(conn);
}

int belay_core_conn_migrate(struct belay_core_conn *conn, const struct belay_path *path)
{
    int error = belay_connection_migrate(conn->connection, path);

    if (!error)
        belay_slot_touch(conn);
    return error;
}

static bool uses_socket(const struct belay_core_conn *slot, uint32_t socket)
{
    if (belay_connection_stage(slot->connection) == BELAY_STAGE_DEAD)
        return false;
    for (unsigned i = 0; i < BELAY_CONNECTION_PATHS; i++) {
        const struct belay_path *path = belay_connection_path_at(slot->connection, i);

        if (path != NULL && path->socket == socket)
            return true;
    }
    return false;
}

bool belay_core_uses_socket(const struct belay_core *core, uint32_t socket)
{
    const struct belay_list *node;

    for (node = core->all.next; node != &core->all; node = node->next)
        if (uses_socket(BELAY_CONTAINER(node, struct belay_core_conn, all), socket))
            return true;
    return false;
}

enum belay_aead belay_core_conn_aead(const struct belay_core_conn *conn)
{
    return belay_connection_aead(conn->connection);
}

const uint8_t *belay_core_conn_peer_key(const struct belay_core_conn *conn)
{
    return belay_connection_peer_key(conn->connection);
}

void belay_core_conn_abort(struct belay_core_conn *conn, uint64_t code, const char *reason)
{
    belay_connection_abort(conn->connection, code, reason);
    belay_slot_touch(conn);
}

void belay_core_conn_free(struct belay_core_conn *conn)
{
    if (conn == NULL)
        return;
    conn->is_held = false;
    belay_connection_abort(conn->connection, BELAY_CLOSE_ABORTED, "the peer's app let go");
    belay_connection_forget_events(conn->connection);
    belay_list_remove(&conn->events);
    belay_slot_touch(conn);
}

bool belay_core_conn_is_connected(const struct belay_core_conn *conn)
{
    return belay_connection_is_connected(conn->connection);
}

uint32_t belay_core_conn_datagram_size(const struct belay_core_conn *conn)
{
    return belay_connection_datagram_size(conn->connection);
}

size_t belay_core_conn_queued_bytes(const struct belay_core_conn *conn)
{
    return belay_connection_queued_bytes(conn->connection);
}

size_t belay_core_conn_message_size_max(const struct belay_core_conn *conn)
{
    return belay_connection_message_size_max(conn->connection);
}

void belay_core_conn_stats(const struct belay_core_conn *conn, struct belay_stats *stats,
                           size_t size)
{
    struct belay_stats all;

    belay_connection_stats(conn->connection, &all);
    memcpy(stats, &all, size < sizeof(all) ? size : sizeof(all));
}
