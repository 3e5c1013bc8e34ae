/* A host's driver: what include/belay/core.h asks of who calls a core. */
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

/* ------------------------------------------------------------------ events */

/* A new connection is the other end of the one whose packet has just arrived. */
static struct sim_conn *accept_conn(struct sim_host *host, const struct belay_core_event *event)
{
    struct sim_conn *conn = sim_conn_new(host, event->conn);
    struct sim_conn *peer = host->arriving_count > 0 ? host->arriving[0]->conn : NULL;

    belay_core_conn_set_user(event->conn, conn);
    if (peer != NULL && peer->peer != NULL && !peer->peer->lost)
        sim_fail(host->sim, "%s: one connection was accepted twice", host->name);
    conn->peer = peer;
    if (peer != NULL)
        peer->peer = conn;
    return conn;
}

static void take_event(struct sim_host *host, const struct belay_core_event *event)
{
    struct sim_conn *conn = event->user;

    if (conn == NULL && event->type != BELAY_CORE_ACCEPTED)
        sim_fail(host->sim, "%s: event %d of a connection that nobody knows", host->name,
                 (int)event->type);
    if (conn == NULL)
        conn = accept_conn(host, event);
    sim_check_event(conn, event);
    if (event->type == BELAY_CORE_WRITABLE)
        sim_pump_go_on(conn);
    if (host->on_event != NULL)
        host->on_event(conn, event);
    if (event->type == BELAY_CORE_EOF && host->close_on_eof && !conn->close_asked &&
        conn->conn != NULL)
        sim_close(conn);
}

static unsigned poll_events(struct sim_host *host)
{
    struct belay_core_event event;
    unsigned count = 0;
    while (belay_core_poll(host->core, &event) == 1) {
        take_event(host, &event);
        if (++count > 10000000)
            sim_fail(host->sim, "%s: poll never ends", host->name);
    }
    return count;
}

/* ------------------------------------------------------------------ packets out */

static void trace_out(struct sim_host *host, const struct belay_core_conn *conn,
                      const struct belay_trace *trace)
{
    struct sim_packet *packet = sim_packet_new(host->sim);

    if (host->traced_count == sizeof(host->traced) / sizeof(host->traced[0]))
        sim_fail(host->sim, "%s: packets traced that no train has", host->name);
    packet->type = trace->type;
    host->sim->counts.of[SIM_COUNT_RETRY_SENT] += trace->type == 'T';
    packet->number = trace->packet_number;
    packet->conn = conn != NULL ? belay_core_conn_user(conn) : NULL;
    packet->len = trace->len;
    if (trace->type == 'D') {
        packet->frames_len = trace->frames_len;
        packet->frames = malloc(trace->frames_len > 0 ? trace->frames_len : 1);
        memcpy(packet->frames, trace->frames, trace->frames_len);
        packet->kinds = sim_frames_kinds(packet->frames, packet->frames_len);
        if (packet->kinds == 0) {
            char text[200];
            sim_frames_text(packet, text, sizeof(text));
            sim_fail(host->sim, "%s: sends a packet with bad frames: %s", host->name, text);
        }
    }
    host->traced[host->traced_count++] = packet;
}

static void trace_in(struct sim_host *host, const struct belay_trace *trace)
{
    static const struct {
        const char *verdict;
        enum sim_count count;
    } known[] = {{"duplicate", SIM_COUNT_DUPLICATE_DROPPED},
                 {"corrupt", SIM_COUNT_CORRUPT_DROPPED},
                 {"below floor", SIM_COUNT_FLOOR_DROPPED}};
    struct sim_packet *packet;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(trace->verdict, known[i].verdict) == 0)
            host->sim->counts.of[known[i].count]++;
    if (host->arriving_next >= host->arriving_count)
        return;
    packet = host->arriving[host->arriving_next++];
    packet->verdict = trace->verdict;
}

void sim_host_trace(void *ctx, const struct belay_core_conn *conn,
                    const struct belay_trace *trace, uint64_t now_ns)
{
    struct sim_host *host = ctx;
    if (now_ns != host->sim->now_ns)
        sim_fail(host->sim, "%s: a trace has the wrong time", host->name);
    if (trace->outgoing)
        trace_out(host, conn, trace);
    else
        trace_in(host, trace);
}

/* The next datagram of a train: who sent what is known from the trace. */
static struct sim_packet *packet_of(struct sim_host *host, const struct belay_train *train,
                                    size_t at, size_t len, size_t i)
{
    struct sim_packet *packet;

    if (i >= host->traced_count)
        sim_fail(host->sim, "%s: a train has a packet that was not traced", host->name);
    packet = host->traced[i];
    if (packet->len != len)
        sim_fail(host->sim, "%s: traced %zu bytes, the train has %zu", host->name, packet->len,
                 len);
    packet->from = host;
    packet->to = sim_host_at(host->sim, &train->path.remote);
    packet->from_address = sim_address_outside(host, train->path.socket);
    packet->to_address = train->path.remote;
    packet->ecn = train->ecn;
    packet->bytes = malloc(len);
    memcpy(packet->bytes, train->buffer + at, len);
    return packet;
}

static void digest(struct sim *sim, const struct sim_packet *packet)
{
    uint64_t h = sim->hash ^ packet->sent_ns;
    for (size_t i = 0; i<packet->len; i += packet->len - i> 16 ? 7 : 1)
        h = (h ^ packet->bytes[i]) * UINT64_C(0x100000001b3);
    sim->hash = (h ^ packet->len) * UINT64_C(0x9e3779b97f4a7c15);
    sim->hash ^= sim->hash >> 29;
}

static void send_train(struct sim_host *host, const struct belay_train *train)
{
    size_t count = 0, left;

    sim_check_train(host, train);
    for (size_t at = 0; at < train->len; at += train->segment_size, count++) {
        left = train->len - at;
        packet_of(host, train, at, left < train->segment_size ? left : train->segment_size,
                  count);
    }
    if (count != host->traced_count)
        sim_fail(host->sim, "%s: %zu packets traced, %zu in the train", host->name,
                 host->traced_count, count);
    host->sim->counts.of[SIM_COUNT_TRAIN_SENT] += count > 1;
    host->traced_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_packet *packet = host->traced[i];
        digest(host->sim, packet);
        if (packet->conn != NULL) {
            sim_note_out(packet->conn, packet);
            sim_check_sent(packet->conn, packet);
        }
        if (packet->to != NULL)
            sim_link_send(sim_link_of(host, packet->to), packet);
        else
            sim_packet_unref(packet);
    }
}

static unsigned send_all(struct sim_host *host)
{
    unsigned count = 0;
    sim_check_before_send(host);
    for (;;) {
        struct belay_train train = {.buffer = host->train_buffer,
                                    .capacity = host->train_capacity};
        if (belay_core_send(host->core, &train, host->sim->now_ns) != 1)
            break;
        send_train(host, &train);
        if (++count > 1000000)
            sim_fail(host->sim, "%s: send never ends", host->name);
    }
    if (host->traced_count > 0)
        sim_fail(host->sim, "%s: a packet was traced and not sent", host->name);
    return count;
}

/* ------------------------------------------------------------------ turns */

void sim_host_schedule(struct sim_host *host)
{
    uint64_t deadline = belay_core_deadline(host->core);
    if (deadline != BELAY_NEVER && host->timer_late_ns > 0)
        deadline += test_random_below(&host->random, host->timer_late_ns + 1);
    belay_heap_set(&host->sim->heap, &host->node.heap, deadline);
}

/* A turn of an event loop: poll, send, until the deadline lies ahead. */
static unsigned turn(struct sim_host *host)
{
    struct sim *sim = host->sim;
    unsigned done = 0;

    host->in_turn = true;
    for (unsigned rounds = 0;; rounds++) {
        done += poll_events(host);
        done += send_all(host);
        if (belay_core_deadline(host->core) > sim->now_ns)
            break;
        if (rounds > 8)
            sim_fail(sim, "%s: the deadline stays in the past: a busy loop", host->name);
        belay_core_timeout(host->core, sim->now_ns);
    }
    host->in_turn = false;
    sim_check_turn(host);
    sim_host_schedule(host);
    return done;
}

/* Timers that come to nothing are rare; many in a short time are a busy loop. */
static void check_idle(struct sim_host *host, unsigned done)
{
    if (done > 0) {
        host->idle_turns = 0;
        return;
    }
    if (host->idle_turns++ == 0)
        host->idle_since_ns = host->sim->now_ns;
    if (host->idle_turns > 100 && host->sim->now_ns - host->idle_since_ns < SIM_S)
        sim_fail(host->sim, "%s: %u timers came to nothing: a busy loop", host->name,
                 host->idle_turns);
}

void sim_host_run(struct sim_host *host)
{
    if (host->core == NULL)
        return;
    if (belay_core_deadline(host->core) <= host->sim->now_ns)
        belay_core_timeout(host->core, host->sim->now_ns);
    check_idle(host, turn(host));
}

void sim_wake(struct sim_host *host)
{
    if (host->core != NULL && !host->in_turn && !host->asleep)
        belay_heap_set(&host->sim->heap, &host->node.heap, host->sim->now_ns);
}

static void note_arrivals(struct sim_host *host)
{
    for (size_t i = 0; i < host->arriving_count; i++) {
        const struct sim_packet *packet = host->arriving[i];
        if (packet->conn != NULL && packet->conn->peer != NULL && packet->verdict != NULL &&
            strcmp(packet->verdict, "ok") == 0)
            packet->conn->peer->last_arrival_ns = host->sim->now_ns;
    }
}

void sim_host_receive(struct sim_host *host, struct sim_packet **packets, size_t count,
                      uint8_t *bytes, size_t len, size_t segment_size, unsigned ecn)
{
    unsigned socket = sim_socket_of(&packets[0]->to_address);
    struct belay_path path = {sim_address(host, socket), packets[0]->from_address, socket};

    if (host->core == NULL || host->asleep)
        return;
    host->arriving = packets;
    host->arriving_count = count;
    host->arriving_next = 0;
    belay_core_receive(host->core, &path, bytes, len, segment_size, ecn, host->sim->now_ns);
    host->in_turn = true;
    poll_events(host);
    note_arrivals(host);
    /* From here on nothing of the packet may be read. */
    memset(bytes, 0xdd, len);
    turn(host);
    host->arriving_count = 0;
}

void sim_inject(struct sim_host *to, const struct belay_address *from, struct sim_conn *conn,
                const void *bytes, size_t len)
{
    struct sim_packet *packet = sim_packet_new(to->sim);
    uint8_t *copy = malloc(len > 0 ? len : 1);

    memcpy(copy, bytes, len);
    packet->type = '?';
    packet->conn = conn;
    packet->frames = calloc(1, 1);
    packet->to = to;
    packet->len = len;
    packet->from_address = *from;
    packet->to_address = sim_address_outside(to, 0);
    packet->arrived = 1;
    packet->arrived_ns = to->sim->now_ns;
    sim_ladder_add(to->sim, packet);
    sim_host_receive(to, &packet, 1, copy, len, 0, 0);
    free(copy);
    sim_packet_unref(packet);
}

void sim_unreachable(struct sim_host *host, struct sim_host *remote, int error)
{
    struct belay_path path = {sim_address(host, 0), sim_address_outside(remote, 0), 0};
    belay_core_unreachable(host->core, &path, error, host->sim->now_ns);
    sim_wake(host);
}
