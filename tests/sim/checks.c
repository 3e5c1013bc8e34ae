#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn/private.h"
#include "endpoint/private.h"
#include "sim/sim.h"

static _Noreturn void broken(const struct sim_conn *conn, const char *what)
{
    sim_fail(conn->sim, "%s, connection %u: %s", conn->host->name, conn->index, what);
}

static void expect(const struct sim_conn *conn, bool truth, const char *else_what)
{
    if (!truth)
        broken(conn, else_what);
}

/* ------------------------------------------------------------------ events */

static void check_opened(struct sim_conn *conn, bool connected)
{
    expect(conn, !conn->opened, "it opened twice");
    expect(conn, conn->is_client == connected, "ACCEPTED and CONNECTED are confused");
    conn->opened = true;
    conn->opened_ns = conn->sim->now_ns;
    conn->sim->counts.of[SIM_COUNT_ACCEPTED] += !connected;
}

static void check_message(struct sim_conn *conn, const struct belay_core_event *event)
{
    struct sim_message *message = NULL;
    const char *wrong;
    char text[160];

    expect(conn, conn->opened, "MESSAGE before it opened");
    expect(conn, !conn->paused, "MESSAGE while paused");
    expect(conn, !conn->saw_eof, "MESSAGE after EOF");
    expect(conn, event->data != NULL, "MESSAGE without data");
    expect(conn, conn->peer != NULL, "MESSAGE from nobody");
    conn->delivered++;
    conn->delivered_bytes += event->len;
    conn->sim->counts.of[SIM_COUNT_DELIVERED]++;
    conn->sim->counts.of[SIM_COUNT_MESSAGE_EMPTY] += event->len == 0;
    conn->sim->counts.of[SIM_COUNT_MESSAGE_LARGE] += event->len > 65536;
    if (conn->peer_is_forged)
        return;
    wrong = sim_message_take(&conn->peer->out, event, &message);
    if (wrong == NULL)
        return;
    snprintf(
        text, sizeof(text), "%s (channel %u, mode %d, %zu bytes; expected index %lld, %zu)",
        wrong, event->channel, (int)event->mode, event->len,
        message != NULL ? (long long)message->index : -1, message != NULL ? message->len : 0);
    broken(conn, text);
}

static void check_report(struct sim_conn *conn, const struct belay_core_event *event)
{
    struct sim_message *message;

    expect(conn, event->message >= 1 && event->message <= conn->out.count,
           "SENT of a message that was never sent");
    message = &conn->out.messages[event->message - 1];
    expect(conn, !message->reported, "SENT twice for one message");
    expect(conn,
           message->notify || event->error == BELAY_EMSGSIZE || event->error == BELAY_EINVAL,
           "SENT that nobody asked for");
    expect(conn, event->error <= 0, "SENT with a positive error");
    expect(conn, event->error == 0 || !message->notify || event->error != BELAY_EAGAIN,
           "SENT with EAGAIN");
    message->reported = true;
    message->error = event->error;
    conn->out.reported += message->notify;
    conn->out.refused += event->error == BELAY_EMSGSIZE || event->error == BELAY_EINVAL;
    conn->sim->counts.of[SIM_COUNT_GIVEN_UP] += event->error != 0;
}

static bool all_is_delivered(const struct sim_outgoing *out)
{
    return out->delivered + out->refused == out->count;
}

static void check_eof(struct sim_conn *conn)
{
    expect(conn, conn->opened, "EOF before it opened");
    expect(conn, !conn->paused, "EOF while paused");
    expect(conn, !conn->saw_eof, "EOF twice");
    conn->saw_eof = true;
    conn->eof_ns = conn->sim->now_ns;
    if (conn->peer == NULL)
        return;
    expect(conn, conn->peer->close_asked, "EOF, though the peer has not closed");
    expect(conn, all_is_delivered(&conn->peer->out), "EOF before the last message");
}

/* Nothing was lost on the way to a graceful end. */
static void check_clean_end(struct sim_conn *conn)
{
    struct belay_stats stats = sim_stats(conn);

    expect(conn, conn->close_asked, "CLOSED without an error, though nobody asked");
    expect(conn, conn->saw_eof, "CLOSED without an error before EOF");
    expect(conn, stats.messages_acknowledged + conn->out.refused == stats.messages_sent,
           "CLOSED without an error, messages not acknowledged");
    for (size_t i = 0; i < conn->out.count; i++)
        expect(conn,
               !conn->out.messages[i].notify || conn->out.messages[i].error == 0 ||
                   conn->out.messages[i].error == BELAY_EMSGSIZE ||
                   conn->out.messages[i].error == BELAY_EINVAL,
               "CLOSED without an error, a message was given up");
}

static void count_end(struct sim_conn *conn)
{
    struct sim_counts *counts = &conn->sim->counts;
    switch (conn->error) {
    case 0:
        counts->of[SIM_COUNT_CLOSED_CLEANLY]++;
        break;
    case BELAY_ETIMEDOUT:
        counts->of[conn->close_asked && conn->close_code == BELAY_CLOSE_TIMEOUT
                       ? SIM_COUNT_CLOSE_TIMEOUT
                   : conn->opened ? SIM_COUNT_IDLE_TIMEOUT
                                  : SIM_COUNT_CONNECT_TIMEOUT]++;
        break;
    case BELAY_ENOMEM:
        counts->of[SIM_COUNT_NO_MEMORY]++;
        break;
    case BELAY_EREFUSED:
        counts->of[SIM_COUNT_REFUSED]++;
        break;
    case BELAY_ERESET:
        counts->of[conn->peer != NULL && (conn->peer->aborted || conn->peer->freed)
                       ? SIM_COUNT_ABORTED_BY_PEER
                       : SIM_COUNT_RESET]++;
        break;
    default:
        break;
    }
    counts->of[SIM_COUNT_ABORTED] += conn->aborted;
}

static void check_closed(struct sim_conn *conn, const struct belay_core_event *event)
{
    expect(conn, event->reason != NULL, "CLOSED without a reason's text");
    expect(conn, strlen(event->reason) < sizeof(conn->reason), "CLOSED with a reason too long");
    expect(conn, conn->out.reported == conn->out.notified,
           "CLOSED before each message was reported");
    conn->error = event->error;
    conn->close_code = event->close_code;
    snprintf(conn->reason, sizeof(conn->reason), "%s", event->reason);
    sim_note_stats(conn);
    count_end(conn);
    if (event->error == 0)
        check_clean_end(conn);
    expect(conn, event->error != BELAY_EPROTO || conn->sim->proto_is_fine,
           "CLOSED with EPROTO: the peer broke the protocol");
    conn->closed = true;
    conn->closed_ns = conn->sim->now_ns;
}

void sim_check_event(struct sim_conn *conn, const struct belay_core_event *event)
{
    expect(conn, !conn->freed, "an event after it was freed");
    expect(conn, !conn->closed, "an event after CLOSED");
    expect(conn, event->conn == conn->conn, "an event with another connection's handle");
    switch (event->type) {
    case BELAY_CORE_ACCEPTED:
    case BELAY_CORE_CONNECTED:
        check_opened(conn, event->type == BELAY_CORE_CONNECTED);
        break;
    case BELAY_CORE_MESSAGE:
        check_message(conn, event);
        break;
    case BELAY_CORE_SENT:
        check_report(conn, event);
        break;
    case BELAY_CORE_WRITABLE:
        conn->want_writable = false;
        conn->sim->counts.of[SIM_COUNT_WRITABLE]++;
        break;
    case BELAY_CORE_REBOUND:
        expect(conn, conn->opened, "REBOUND before it opened");
        expect(conn, sim_stats(conn).path_changes > conn->rebounds, "REBOUND without a move");
        conn->rebounds = (unsigned)sim_stats(conn).path_changes;
        break;
    case BELAY_CORE_EOF:
        check_eof(conn);
        break;
    case BELAY_CORE_CLOSED:
        check_closed(conn, event);
        break;
    case BELAY_CORE_AUTHORIZE:
        expect(conn, false, "AUTHORIZE, which nobody asked for");
        break;
    }
}

/* ------------------------------------------------------------------ window */

/* More than so many connections on a host are not looked at one by one. */
#define LOOKED_AT_MAX 8

static bool is_looked_at(const struct sim_host *host)
{
    return belay_core_conn_count(host->core) <= LOOKED_AT_MAX;
}

void sim_check_before_send(struct sim_host *host)
{
    if (!is_looked_at(host))
        return;
    for (struct belay_core_conn *c = belay_core_next_conn(host->core, NULL); c != NULL;
         c = belay_core_next_conn(host->core, c)) {
        struct sim_conn *conn = belay_core_conn_user(c);
        if (conn == NULL)
            continue;
        uint64_t timeouts = conn->watch.stats.probe_timeouts;
        sim_note_stats(conn);
        if (conn->watch.stats.probe_timeouts > timeouts)
            conn->watch.probe_bytes = 2 * (uint64_t)conn->watch.stats.datagram_size;
        conn->watch.in_flight = conn->watch.stats.in_flight_bytes;
        conn->watch.room = conn->watch.stats.window_bytes;
    }
}

/* Follows each packet: what it adds to the bytes in flight must fit, or be a probe. Who says
 * CLOSE waits for nothing any more: that is not in flight, whatever rides with it. */
void sim_check_sent(struct sim_conn *conn, const struct sim_packet *packet)
{
    struct sim_watch *watch = &conn->watch;
    uint64_t over;

    if (packet->type != 'D' || (packet->kinds & SIM_ELICITING) == 0 ||
        sim_packet_has(packet, SIM_CLOSE) || sim_packet_is_mtu_probe(packet) ||
        conn->conn == NULL || !is_looked_at(conn->host))
        return;
    watch->in_flight += packet->len;
    if (watch->in_flight <= watch->room)
        return;
    over = watch->in_flight - watch->room;
    if (over > packet->len)
        over = packet->len;
    if (over > watch->probe_bytes) {
        char text[400];
        sim_frames_text(packet, text, sizeof(text));
        sim_fail(conn->sim, "%s: %" PRIu64 " bytes in flight with %s, the window is %" PRIu64,
                 conn->host->name, watch->in_flight, text, watch->room);
    }
    watch->probe_bytes -= over;
}

void sim_check_train(struct sim_host *host, const struct belay_train *train)
{
    size_t last = train->segment_size > 0 ? train->len % train->segment_size : 0;
    bool good = train->len > 0 && train->len <= host->train_capacity &&
                train->segment_size > 0 && train->segment_size <= train->len &&
                train->ecn <= 3 && train->path.remote.len > 0 && train->segment_size <= 65507;
    if (!good)
        sim_fail(host->sim, "%s: a train of %zu bytes, segments of %zu, last %zu", host->name,
                 train->len, train->segment_size, last);
}

/* ------------------------------------------------------------------ memory */

/*
 * What the configuration promises, with the overhead that small messages cost:
 *     received  window_max (a message of n bytes costs n + 64 there) and again for the books
 *               of each, and one more message that is being made one piece
 *     queued    send_queue_max, one message beyond it, and the books
 *     numbers   ranges of 16 bytes, doubled when they grow
 *     pool      blocks kept for reuse: 1 MiB
 *     packets   the logs of what is in flight, by the window: at most what is queued, again
 */
size_t sim_memory_bound(const struct belay_core_config *config, size_t connections)
{
    size_t one = config->message_size_max + 64u;
    size_t received = config->window_max > one ? (size_t)config->window_max : one;
    size_t queued = config->send_queue_max > one ? (size_t)config->send_queue_max : one;
    size_t each =
        4 * received + one + 4 * queued + one + 64 * (size_t)config->ranges_max + 262144;
    return connections * each + config->half_open_max * (size_t)8192 + (1 << 20) + 262144;
}

void sim_check_turn(struct sim_host *host)
{
    size_t told = belay_core_memory_bytes(host->core);
    size_t bound = sim_memory_bound(&host->config, belay_core_conn_count(host->core));

    if ((long long)host->memory.used - (long long)told != host->memory.uncounted)
        sim_fail(host->sim, "%s: the core says that it holds %zu bytes, it took %zu",
                 host->name, told, host->memory.used);
    if (told > bound)
        sim_fail(host->sim, "%s: the core holds %zu bytes, the bound is %zu", host->name, told,
                 bound);
}

/* ------------------------------------------------------------------ the end */

/* After a graceful end on both sides every message was delivered. */
void sim_check_end(struct sim *sim)
{
    for (size_t i = 0; i < sim->conn_count; i++) {
        struct sim_conn *conn = sim->conns[i];
        const struct sim_conn *peer = conn->peer;
        if (conn->conn != NULL)
            sim_note_stats(conn);
        if (peer == NULL || !conn->closed || !peer->closed || conn->error != 0)
            continue;
        expect(conn,
               peer->error != 0 ||
                   (all_is_delivered(&conn->out) && all_is_delivered(&peer->out)),
               "both sides closed, and not all was delivered");
    }
}

/* ------------------------------------------------------------------ counts */

/* A frame that was lost, and one of its kind that follows later. */
static void note_sent_again(struct sim_conn *conn, uint32_t kinds)
{
    static const enum sim_count counts[SIM_KINDS] = {
        [SIM_PING] = SIM_COUNT_SENT_AGAIN_PING,
        [SIM_ACK] = SIM_COUNT_SENT_AGAIN_ACK,
        [SIM_MAX_DATA] = SIM_COUNT_SENT_AGAIN_MAX_DATA,
        [SIM_MAX_MESSAGES] = SIM_COUNT_SENT_AGAIN_MAX_MESSAGES,
        [SIM_DATA_BLOCKED] = SIM_COUNT_SENT_AGAIN_DATA_BLOCKED,
        [SIM_MESSAGES_BLOCKED] = SIM_COUNT_SENT_AGAIN_MESSAGES_BLOCKED,
        [SIM_FIN] = SIM_COUNT_SENT_AGAIN_FIN,
        [SIM_CLOSE] = SIM_COUNT_SENT_AGAIN_CLOSE,
        [SIM_NEW_CONNECTION_ID] = SIM_COUNT_SENT_AGAIN_NEW_CONNECTION_ID,
        [SIM_RETIRE_CONNECTION_ID] = SIM_COUNT_SENT_AGAIN_RETIRE_CONNECTION_ID,
        [SIM_PATH_CHALLENGE] = SIM_COUNT_SENT_AGAIN_PATH_CHALLENGE,
        [SIM_PATH_RESPONSE] = SIM_COUNT_SENT_AGAIN_PATH_RESPONSE,
        [SIM_MESSAGE] = SIM_COUNT_SENT_AGAIN_MESSAGE,
        [SIM_RUN] = SIM_COUNT_SENT_AGAIN_RUN,
        [SIM_FRAGMENT] = SIM_COUNT_SENT_AGAIN_FRAGMENT,
    };
    uint32_t again = conn->watch.lost_kinds & kinds;

    for (unsigned kind = SIM_PING; kind < SIM_KINDS; kind++)
        conn->sim->counts.of[counts[kind]] += again >> kind & 1;
    conn->watch.lost_kinds &= ~again;
}

void sim_note_out(struct sim_conn *conn, const struct sim_packet *packet)
{
    struct sim_counts *counts = &conn->sim->counts;
    note_sent_again(conn, packet->kinds);
    counts->of[SIM_COUNT_DATA_BLOCKED] += sim_packet_has(packet, SIM_DATA_BLOCKED);
    counts->of[SIM_COUNT_MESSAGES_BLOCKED] += sim_packet_has(packet, SIM_MESSAGES_BLOCKED);
    if (sim_packet_has(packet, SIM_MAX_DATA)) {
        uint64_t window = sim_window_announced(packet);
        counts->of[SIM_COUNT_WINDOW_TUNED] +=
            conn->watch.window_announced > 0 && window > conn->watch.window_announced;
        conn->watch.window_announced = window;
    }
}

void sim_note_lost(struct sim *sim, const struct sim_packet *packet, const char *why)
{
    sim->counts.of[SIM_COUNT_INIT_LOST] += packet->type == 'I';
    sim->counts.of[SIM_COUNT_RETRY_LOST] += packet->type == 'T';
    sim->counts.of[SIM_COUNT_ACCEPT_LOST] += packet->type == 'A';
    sim->counts.of[SIM_COUNT_DATA_LOST] += packet->type == 'D';
    sim->counts.of[SIM_COUNT_PACKET_LIMIT] += strcmp(why, "limit") == 0;
    if (packet->conn != NULL)
        packet->conn->watch.lost_kinds |= packet->kinds;
}

/* A rest counts when it is over. */
static void note_rest(struct sim_conn *conn)
{
    const struct belay_keyring *keys = &conn->conn->connection->keys;
    bool is_resting = keys->is_ready && keys->out.fast == NULL && keys->out.ctx == NULL;

    conn->sim->counts.of[SIM_COUNT_RESTED] += conn->watch.is_resting && !is_resting;
    conn->watch.is_resting = is_resting;
}

void sim_note_stats(struct sim_conn *conn)
{
    struct belay_stats *old = &conn->watch.stats, new;
    struct sim_counts *counts = &conn->sim->counts;

    if (conn->conn == NULL)
        return;
    belay_core_conn_stats(conn->conn, &new, sizeof(new));
    counts->of[SIM_COUNT_PTO] += new.probe_timeouts - old->probe_timeouts;
    counts->of[SIM_COUNT_LOSS_DECLARED] += new.packets_lost - old->packets_lost;
    counts->of[SIM_COUNT_LOSS_SPURIOUS] += new.packets_spurious - old->packets_spurious;
    counts->of[SIM_COUNT_RANGE_EVICTED] += new.ranges_evicted - old->ranges_evicted;
    counts->of[SIM_COUNT_PATH_CHANGED] += new.path_changes - old->path_changes;
    counts->of[SIM_COUNT_MTU_PROBE_LOST] += new.mtu_probes_lost - old->mtu_probes_lost;
    counts->of[SIM_COUNT_MTU_RAISED] += new.datagram_size > old->datagram_size;
    counts->of[SIM_COUNT_BLACK_HOLE] += new.mtu_black_holes - old->mtu_black_holes;
    counts->of[SIM_COUNT_MARKED_CE] += new.packets_ce - old->packets_ce;
    counts->of[SIM_COUNT_PART_DUPLICATE] += new.fragments_duplicate - old->fragments_duplicate;
    counts->of[SIM_COUNT_THRESHOLD_GROWN] +=
        old->packet_threshold > 0 && new.packet_threshold > old->packet_threshold;
    /* Halving takes more than one step from there to two datagrams. */
    counts->of[SIM_COUNT_PERSISTENT] +=
        old->window_bytes >= 6 * (uint64_t) new.datagram_size &&new.datagram_size > 0 &&
        new.window_bytes <= 2 * (uint64_t) new.datagram_size;
    *old = new;
    note_rest(conn);
}
