/* Hosts and connections: made, used by their apps, switched off. */
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

static struct belay_address address_of(const struct sim_host *host, unsigned port)
{
    struct belay_address address = {.len = 6};
    address.bytes[0] = 10;
    address.bytes[2] = (uint8_t)(host->index >> 8);
    address.bytes[3] = (uint8_t)host->index;
    address.bytes[4] = (uint8_t)(port >> 8);
    address.bytes[5] = (uint8_t)port;
    return address;
}

struct belay_address sim_address(const struct sim_host *host, unsigned socket)
{
    return address_of(host, SIM_FIRST_PORT + socket);
}

struct belay_address sim_address_outside(const struct sim_host *host, unsigned socket)
{
    return address_of(host, SIM_FIRST_PORT + socket + host->rebinds * SIM_NAT_PORTS);
}

unsigned sim_socket_of(const struct belay_address *address)
{
    unsigned port = (unsigned)(address->bytes[4] << 8 | address->bytes[5]);
    return (port - SIM_FIRST_PORT) % SIM_NAT_PORTS;
}

void sim_host_rebind(struct sim_host *host)
{
    if (++host->rebinds > SIM_NAT_MAX)
        sim_fail(host->sim, "%s: rebound too often", host->name);
    host->sim->counts.of[SIM_COUNT_REBOUND]++;
}

struct sim_host *sim_host_at(struct sim *sim, const struct belay_address *address)
{
    size_t index = (size_t)address->bytes[2] << 8 | address->bytes[3];
    if (address->len != 6 || address->bytes[0] != 10 || index >= sim->host_count)
        return NULL;
    return sim->hosts[index];
}

/* ------------------------------------------------------------------ connections */

struct sim_conn *sim_conn_new(struct sim_host *host, struct belay_core_conn *core_conn)
{
    struct sim *sim = host->sim;
    struct sim_conn *conn = calloc(1, sizeof(*conn));

    sim->conns = realloc(sim->conns, (sim->conn_count + 1) * sizeof(struct sim_conn *));
    if (conn == NULL || sim->conns == NULL)
        abort();
    conn->sim = sim;
    conn->host = host;
    conn->conn = core_conn;
    conn->index = (unsigned)sim->conn_count;
    sim_outgoing_init(&conn->out, sim->seed * 7919 + conn->index);
    sim->conns[sim->conn_count++] = conn;
    return conn;
}

struct sim_conn *sim_connect_from(struct sim_host *client, struct sim_host *server,
                                  unsigned socket, bool shared, int *error)
{
    struct belay_path path = {sim_address(client, socket), sim_address_outside(server, 0),
                              socket};
    struct sim_conn *conn = sim_conn_new(client, NULL);

    conn->is_client = true;
    *error = belay_core_connect(client->core, &path, shared, conn, &conn->conn);
    sim_wake(client);
    if (*error == 0)
        return conn;
    conn->conn = NULL;
    conn->lost = true;
    return NULL;
}

struct sim_conn *sim_connect(struct sim_host *client, struct sim_host *server)
{
    int error;
    struct sim_conn *conn = sim_connect_from(client, server, 0, false, &error);
    if (conn == NULL)
        sim_fail(client->sim, "connect: %s", belay_strerror(error));
    return conn;
}

int sim_close(struct sim_conn *conn)
{
    int error = belay_core_conn_close(conn->conn);
    conn->close_asked |= error == 0;
    sim_wake(conn->host);
    return error;
}

int sim_migrate(struct sim_conn *conn, unsigned socket)
{
    struct belay_path path = *belay_core_conn_path(conn->conn);
    int error;

    path.socket = socket;
    path.local = sim_address(conn->host, socket);
    error = belay_core_conn_migrate(conn->conn, &path);
    conn->sim->counts.of[SIM_COUNT_MIGRATED] += error == 0;
    sim_wake(conn->host);
    return error;
}

void sim_abort(struct sim_conn *conn, uint64_t code, const char *reason)
{
    conn->aborted = true;
    belay_core_conn_abort(conn->conn, code, reason);
    sim_wake(conn->host);
}

void sim_conn_free(struct sim_conn *conn)
{
    struct belay_core_conn *core_conn = conn->conn;
    sim_note_stats(conn);
    conn->sim->counts.of[SIM_COUNT_FREED_OPEN] += conn->opened && !conn->closed;
    conn->freed = true;
    conn->conn = NULL;
    belay_core_conn_free(core_conn);
    sim_wake(conn->host);
}

void sim_pause(struct sim_conn *conn)
{
    conn->paused = true;
    conn->sim->counts.of[SIM_COUNT_PAUSED]++;
    belay_core_conn_pause(conn->conn);
}

void sim_resume(struct sim_conn *conn)
{
    conn->paused = false;
    belay_core_conn_resume(conn->conn);
    sim_wake(conn->host);
}

struct belay_stats sim_stats(const struct sim_conn *conn)
{
    struct belay_stats stats;
    if (conn->conn == NULL)
        return conn->watch.stats;
    belay_core_conn_stats(conn->conn, &stats, sizeof(stats));
    return stats;
}

/* ------------------------------------------------------------------ on and off */

static void random_fill(void *ctx, void *out, size_t len)
{
    test_random_fill(ctx, out, len);
}

void sim_host_on(struct sim_host *host)
{
    const struct belay_memory memory = {sim_memory_resize, &host->memory};
    const struct belay_random random = {random_fill, &host->random};
    int error;

    host->memory.fail_every = 0;
    host->core = belay_core_new(&host->config, &memory, &random, NULL, &error);
    if (host->core == NULL)
        sim_fail(host->sim, "%s: no core: %s", host->name, belay_strerror(error));
    belay_core_set_trace(host->core, sim_host_trace, host);
    belay_core_listen(host->core, host->listening);
    host->memory.uncounted =
        (long long)host->memory.used - (long long)belay_core_memory_bytes(host->core);
    sim_host_schedule(host);
}

void sim_host_sleep(struct sim_host *host, bool asleep)
{
    host->asleep = asleep;
    belay_heap_remove(&host->sim->heap, &host->node.heap);
    sim_wake(host);
}

void sim_host_off(struct sim_host *host)
{
    struct sim *sim = host->sim;
    for (size_t i = 0; i < sim->conn_count; i++) {
        struct sim_conn *conn = sim->conns[i];
        if (conn->host != host || conn->lost)
            continue;
        sim_note_stats(conn);
        conn->lost = true;
        conn->conn = NULL;
    }
    belay_heap_remove(&sim->heap, &host->node.heap);
    belay_core_free(host->core);
    host->core = NULL;
    if (host->memory.used > 0)
        sim_fail(sim, "%s: %zu bytes were not given back", host->name, host->memory.used);
}

struct sim_host *sim_host_new(struct sim *sim, const char *name,
                              const struct belay_core_config *config)
{
    struct sim_host *host = calloc(1, sizeof(*host));

    sim->hosts = realloc(sim->hosts, (sim->host_count + 1) * sizeof(struct sim_host *));
    if (host == NULL || sim->hosts == NULL)
        abort();
    host->node.kind = SIM_NODE_HOST;
    host->sim = sim;
    host->index = (unsigned)sim->host_count;
    sim->hosts[sim->host_count++] = host;
    snprintf(host->name, sizeof(host->name), "%s", name);
    belay_core_config_init(&host->config);
    if (config != NULL)
        host->config = *config;
    host->memory.sim = sim;
    host->memory.random.state = test_random_u64(&sim->random);
    host->random.state = test_random_u64(&sim->random);
    host->train_capacity = 65536;
    host->train_buffer = malloc(host->train_capacity);
    host->close_on_eof = true;
    sim_host_on(host);
    return host;
}

void sim_host_free(struct sim_host *host)
{
    host->node.heap.slot = 0; /* the heap is gone */
    if (host->core != NULL)
        sim_host_off(host);
    for (size_t i = 0; i < host->link_count; i++)
        sim_link_free(host->links[i]);
    free(host->links);
    free(host->train_buffer);
    free(host);
}

void sim_listen(struct sim_host *host)
{
    host->listening = true;
    belay_core_listen(host->core, true);
}
