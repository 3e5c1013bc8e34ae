#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/chaos.h"

/* ------------------------------------------------------------------ traffic */

static size_t random_size(struct chaos *chaos, const struct chaos_app *app)
{
    size_t size;
    switch (below(chaos, 8)) {
    case 0:
        size = 0;
        break;
    case 1: /* around what a packet holds */
        size = 1130 + (size_t)below(chaos, 80);
        break;
    case 2:
        size = (size_t)below(chaos, 100000);
        break;
    case 3:
        size = (size_t)below(chaos, 5000);
        break;
    default:
        size = (size_t)below(chaos, 300);
    }
    if (size > app->size_max)
        size %= app->size_max + 1;
    return size < app->bytes_left ? size : app->bytes_left;
}

static bool next_message(void *ctx, uint64_t n, struct sim_shape *shape)
{
    static const enum sim_how hows[] = {SIM_COPY, SIM_COPY, SIM_DATA, SIM_READ};
    struct chaos_app *app = ctx;
    struct chaos *chaos = app->chaos;

    (void)n;
    if (app->left == 0)
        return false;
    app->left--;
    shape->channel = (uint32_t)below(chaos, app->channels);
    shape->mode = (enum belay_mode)below(chaos, 2);
    shape->len = random_size(chaos, app);
    shape->how = PICK(chaos, hows);
    shape->quiet = chance(chaos, 30);
    app->bytes_left -= shape->len;
    return true;
}

static void start_talking(struct chaos *chaos, struct sim_conn *conn)
{
    static const uint64_t counts[] = {0, 1, 10, 60, 200, 1000};
    uint32_t channels = conn->host->config.channels_max;
    struct chaos_app *app;

    if (chaos->app_count == sizeof(chaos->apps) / sizeof(chaos->apps[0]))
        sim_fail(chaos->sim, "more connections than were dialled");
    app = &chaos->apps[chaos->app_count++];
    *app = (struct chaos_app){.chaos = chaos, .conn = conn, .left = PICK(chaos, counts)};
    app->bytes_left = (size_t)below(chaos, 1000000);
    app->size_max = belay_core_conn_message_size_max(conn->conn);
    app->channels = 1 + (uint32_t)below(chaos, channels < 20 ? channels : 20);
    conn->ctx = app;
    sim_pump(conn, next_message, app);
}

/* ------------------------------------------------------------------ accidents */

static struct sim_conn *random_conn(struct chaos *chaos)
{
    struct sim_conn *conn;
    if (chaos->sim->conn_count == 0)
        return NULL;
    conn = chaos->sim->conns[below(chaos, chaos->sim->conn_count)];
    return conn->conn != NULL && !conn->closed ? conn : NULL;
}

static void pause_or_resume(struct chaos *chaos)
{
    struct sim_conn *conn = random_conn(chaos);
    if (conn == NULL)
        return;
    if (conn->paused)
        sim_resume(conn);
    else
        sim_pause(conn);
}

static void end_one(struct chaos *chaos)
{
    struct sim_conn *conn = random_conn(chaos);
    if (conn == NULL)
        return;
    switch (below(chaos, 6)) {
    case 0:
        sim_abort(conn, BELAY_CLOSE_APP + below(chaos, 1000), "chaos");
        break;
    case 1:
        sim_conn_free(conn);
        break;
    default:
        sim_close(conn);
    }
}

static void toggle_link(struct chaos *chaos)
{
    struct sim_host *client = chaos->clients[below(chaos, chaos->client_count)];
    struct sim_link *there = sim_link_of(client, chaos->server);
    struct sim_link *back = sim_link_of(chaos->server, client);
    if (chance(chaos, 50))
        there->down = !there->down;
    else
        back->down = !back->down;
}

/* The core dies; its successor knows nothing, or the reset key. */
static void restart_server(struct chaos *chaos)
{
    sim_host_off(chaos->server);
    sim_host_on(chaos->server);
}

static void hint(struct chaos *chaos)
{
    struct sim_host *client = chaos->clients[below(chaos, chaos->client_count)];
    sim_unreachable(client, chaos->server, chance(chaos, 50) ? BELAY_EREFUSED : BELAY_EUNREACH);
}

static void stop_listening(struct chaos *chaos)
{
    belay_core_listen(chaos->server->core, chance(chaos, 50));
}

static void wake_up(void *ctx)
{
    struct chaos *chaos = ctx;
    sim_host_sleep(chaos->asleep, false);
    chaos->asleep = NULL;
}

static void fall_asleep(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;
    if (chaos->asleep != NULL)
        return;
    chaos->asleep = sim->hosts[below(chaos, sim->host_count)];
    sim->counts.of[SIM_COUNT_SLEPT]++;
    sim_host_sleep(chaos->asleep, true);
    sim_at(sim, sim->now_ns + below(chaos, 60 * SIM_S), wake_up, chaos);
}

static void accident(void *ctx)
{
    struct chaos *chaos = ctx;
    uint64_t kind = below(chaos, 100);

    if (kind < 40)
        pause_or_resume(chaos);
    else if (kind < 65)
        end_one(chaos);
    else if (kind < 80)
        toggle_link(chaos);
    else if (kind < 82)
        fall_asleep(chaos);
    else if (kind < 86 && chaos->asleep == NULL)
        restart_server(chaos);
    else if (kind < 92)
        hint(chaos);
    else
        stop_listening(chaos);
}

/* A little stutter is no accident: it happens in calm worlds too. */
static void stutter(void *ctx)
{
    pause_or_resume(ctx);
}

/* So are addresses that change. Who never pings would not notice that nothing comes any more.
 */
static void rebind(void *ctx)
{
    struct chaos *chaos = ctx;
    struct sim_host *client = chaos->clients[below(chaos, chaos->client_count)];

    if (!chaos->calm || client->config.keepalive_ns > 0)
        sim_host_rebind(client);
}

static void migrate(void *ctx)
{
    struct chaos *chaos = ctx;
    struct sim_conn *conn = random_conn(chaos);

    if (conn != NULL)
        sim_migrate(conn, chaos->next_socket++);
}

static void close_all(void *ctx)
{
    struct chaos *chaos = ctx;
    for (size_t i = 0; i < chaos->sim->conn_count; i++) {
        struct sim_conn *conn = chaos->sim->conns[i];
        if (conn->conn == NULL || conn->closed)
            continue;
        if (conn->paused && (chaos->calm || chance(chaos, 70)))
            sim_resume(conn);
        if (!conn->close_asked && conn->pump.done)
            sim_close(conn);
        else if (!conn->close_asked && !chaos->calm)
            sim_close(conn);
    }
}

/* ------------------------------------------------------------------ an attacker */

static bool tap(void *ctx, const struct sim_packet *packet)
{
    struct chaos_tap *seen = ctx;
    struct sim_packet *copy = (struct sim_packet *)packet; /* its count of references */
    size_t place = seen->count++ % CHAOS_TAP_MAX;

    copy->refs++;
    sim_packet_unref(seen->seen[place]);
    seen->seen[place] = copy;
    return false;
}

static void mutate(struct chaos *chaos, uint8_t *bytes, size_t *len)
{
    uint64_t bit;

    switch (below(chaos, 4)) {
    case 0: /* a replay */
        break;
    case 1:
        bit = below(chaos, 8 * (uint64_t)*len);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        break;
    case 2:
        *len = (size_t)below(chaos, *len);
        break;
    default:
        test_random_fill(&chaos->random, bytes + 1, *len - 1);
    }
}

static void attack(void *ctx)
{
    struct chaos *chaos = ctx;
    struct chaos_tap *seen = &chaos->taps[below(chaos, 2 * (uint64_t)chaos->client_count)];
    struct sim_packet *packet = seen->seen[below(chaos, CHAOS_TAP_MAX)];
    uint8_t *bytes;
    size_t len;

    if (packet == NULL)
        return;
    len = packet->len;
    bytes = malloc(len);
    memcpy(bytes, packet->bytes, len);
    mutate(chaos, bytes, &len);
    chaos->sim->counts.of[SIM_COUNT_INJECTED]++;
    sim_inject(packet->to, &packet->from_address, packet->conn, bytes, len);
    free(bytes);
}

static void begin_attacks(struct chaos *chaos, uint64_t span_ns)
{
    for (unsigned i = 0; i < chaos->client_count; i++) {
        sim_filter_set(chaos->clients[i], chaos->server, tap, &chaos->taps[2 * i]);
        sim_filter_set(chaos->server, chaos->clients[i], tap, &chaos->taps[2 * i + 1]);
    }
    for (unsigned i = 0; i < 100; i++)
        sim_at(chaos->sim, below(chaos, span_ns), attack, chaos);
}

static void end_attacks(struct chaos *chaos)
{
    for (size_t i = 0; i < sizeof(chaos->taps) / sizeof(chaos->taps[0]); i++)
        for (size_t k = 0; k < CHAOS_TAP_MAX; k++)
            sim_packet_unref(chaos->taps[i].seen[k]);
}

/* CLOSED waits for an app that is paused and has messages to take. */
static void resume_all(void *ctx)
{
    struct chaos *chaos = ctx;
    for (size_t i = 0; i < chaos->sim->conn_count; i++) {
        struct sim_conn *conn = chaos->sim->conns[i];
        if (conn->conn != NULL && !conn->closed && conn->paused)
            sim_resume(conn);
    }
}

/* ------------------------------------------------------------------ the world */

static void on_event(struct sim_conn *conn, const struct belay_core_event *event)
{
    struct chaos *chaos = conn->host->ctx;

    if (event->type == BELAY_CORE_ACCEPTED && conn->conn != NULL)
        start_talking(chaos, conn);
    /* free inside of an event, now and then */
    if (!chaos->calm && conn->conn != NULL && below(chaos, 3000) == 0)
        sim_conn_free(conn);
}

static struct sim_host *random_host(struct chaos *chaos, const char *name)
{
    struct belay_core_config config = chaos_config(chaos);
    struct sim_host *host;

    config.has_reset_key = chance(chaos, 50);
    test_random_fill(&chaos->random, config.reset_key, sizeof(config.reset_key));
    host = sim_host_new(chaos->sim, name, &config);
    host->timer_late_ns = chance(chaos, 50) ? below(chaos, 5 * SIM_MS) : 0;
    host->coalesce = chance(chaos, 50);
    host->train_capacity = config.datagram_size;
    if (chance(chaos, 70))
        host->train_capacity = 65536;
    host->ctx = chaos;
    host->on_event = on_event;
    return host;
}

/* Both sides' numbers start alike. */
static void align_numbers(struct chaos *chaos)
{
    uint64_t packet = chaos_first_number(chaos), message = chaos_first_number(chaos);
    for (size_t i = 0; i < chaos->sim->host_count; i++) {
        struct sim_host *host = chaos->sim->hosts[i];
        sim_host_off(host);
        host->config.first_packet_number = packet;
        host->config.first_message_number = message;
        sim_host_on(host);
    }
}

static void dial(struct chaos *chaos)
{
    struct sim_host *client = chaos->clients[below(chaos, chaos->client_count)];
    unsigned socket = (unsigned)below(chaos, CHAOS_SOCKETS);
    struct sim_conn *conn;
    int error;

    conn = sim_connect_from(client, chaos->server, socket, chance(chaos, 40), &error);
    if (conn == NULL)
        return; /* that socket is taken */
    start_talking(chaos, conn);
}

static void build(struct chaos *chaos)
{
    chaos->server = random_host(chaos, "server");
    chaos->client_count = 1 + (unsigned)below(chaos, CHAOS_CLIENTS_MAX);
    for (unsigned i = 0; i < chaos->client_count; i++) {
        chaos->clients[i] = random_host(chaos, i == 0 ? "client" : "client 2");
        chaos_link(chaos, chaos->clients[i], chaos->server);
        chaos_link(chaos, chaos->server, chaos->clients[i]);
    }
    align_numbers(chaos);
    sim_listen(chaos->server);
    if (!chaos->calm && chance(chaos, 5))
        belay_core_listen(chaos->server->core, false);
}

static void schedule(struct chaos *chaos)
{
    uint64_t span_ns = SIM_S + below(chaos, 20 * SIM_S);
    unsigned accidents = chaos->calm ? 0 : (unsigned)below(chaos, 8);

    chaos->end_ns = span_ns;
    if (chance(chaos, 25))
        begin_attacks(chaos, span_ns);
    if (!chaos->calm && chance(chaos, 15))
        for (size_t i = 0; i < chaos->sim->host_count; i++)
            chaos->sim->hosts[i]->memory.fail_every = 20 + below(chaos, 3000);
    for (unsigned i = 0; i < accidents; i++)
        sim_at(chaos->sim, below(chaos, span_ns), accident, chaos);
    for (unsigned i = 0; i < 3; i++)
        sim_at(chaos->sim, below(chaos, span_ns), stutter, chaos);
    for (unsigned i = 0; i < (chaos->calm ? 200 : 1); i++)
        sim_at(chaos->sim, span_ns + i * 5 * SIM_S, close_all, chaos);
    sim_at(chaos->sim, span_ns + 100 * SIM_S, resume_all, chaos);
    for (unsigned i = 0, rebinds = chance(chaos, 30) ? 1 + (unsigned)below(chaos, 4) : 0;
         i < rebinds; i++)
        sim_at(chaos->sim, below(chaos, span_ns), rebind, chaos);
    for (unsigned i = 0, moves = chance(chaos, 30) ? 1 + (unsigned)below(chaos, 6) : 0;
         i < moves; i++)
        sim_at(chaos->sim, below(chaos, span_ns), migrate, chaos);
}

static void must_be_clean(struct chaos *chaos)
{
    for (size_t i = 0; i < chaos->sim->conn_count; i++) {
        const struct sim_conn *conn = chaos->sim->conns[i];
        bool all = conn->out.delivered + conn->out.refused == conn->out.count;
        if (conn->opened && (conn->error != 0 || !all))
            sim_fail(chaos->sim, "%s, connection %u: a calm world, but: %s (%s)",
                     conn->host->name, conn->index, belay_strerror(conn->error), conn->reason);
    }
}

static void free_all(struct chaos *chaos)
{
    for (size_t i = 0; i < chaos->sim->conn_count; i++)
        if (chaos->sim->conns[i]->conn != NULL)
            sim_conn_free(chaos->sim->conns[i]);
    sim_run_for(chaos->sim, 200 * SIM_S);
}

/* Whoever is left is let go of, and who came too late; then there is nothing to wait for. */
static void end(struct chaos *chaos)
{
    struct sim *sim = chaos->sim;

    if (!sim_run_until(sim, sim_is_all_ended, sim, 1500 * SIM_S))
        sim_fail(sim, "it does not end");
    if (chaos->calm)
        must_be_clean(chaos);
    free_all(chaos);
    free_all(chaos);
    for (size_t i = 0; i < sim->host_count; i++)
        if (belay_core_conn_count(sim->hosts[i]->core) > 0 ||
            belay_core_deadline(sim->hosts[i]->core) != BELAY_NEVER)
            sim_fail(sim, "%s: %zu connections are left behind", sim->hosts[i]->name,
                     belay_core_conn_count(sim->hosts[i]->core));
}

uint64_t chaos_run(uint64_t seed, const char *congestion, struct sim_counts *counts)
{
    struct chaos chaos = {.sim = sim_new(seed),
                          .random = {seed ^ UINT64_C(0x5851f42d4c957f2d)},
                          .congestion = congestion,
                          .next_socket = CHAOS_SOCKETS};
    uint64_t hash;

    chaos.sim->steps_max = 3000000;
    chaos.calm = seed % 4 == 0;
    build(&chaos);
    for (uint64_t i = 0, conns = 1 + below(&chaos, CHAOS_CONNS_MAX); i < conns; i++)
        dial(&chaos);
    schedule(&chaos);
    sim_run_for(chaos.sim, chaos.end_ns + SIM_MS);
    end(&chaos);
    hash = sim_hash(chaos.sim);
    sim_counts_add(counts, &chaos.sim->counts);
    end_attacks(&chaos);
    sim_free(chaos.sim);
    return hash;
}
