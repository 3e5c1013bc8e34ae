/*
 * state.c - all changes of a connection's stage: opening, the graceful close, the end.
 *
 *     DIALING ---- ACCEPT ----+
 *                             +--> OPEN --> LINGERING --> DEAD
 *     HALF_OPEN -- first DATA +      \____________________^
 *
 * A connection lingers when it closed but owes the peer an answer: the repetition of a CLOSE,
 * or of the last ACK.
 */
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define LINGER_PTOS   3
#define LINGER_NS     UINT64_C(6000000000) /* after a graceful close: 3 of the longest PTO */
#define CLOSE_REPEATS 2 /* unasked: one CLOSE may be lost, and nobody acknowledges it */
#define REST_NS       UINT64_C(1000000000)
#define REST_GRAIN_NS (UINT64_C(1) << 24)
#define FIN_PTOS      4 /* with all else settled: then the peer is gone, as we let it go */

void belay_connection_log(const struct belay_connection *c, int level, const char *text)
{
    if (c->env->log.line != NULL)
        c->env->log.line(c->env->log.ctx, level, c->self.handle, &c->path.remote, text);
}

void belay_connection_trace(const struct belay_connection *c, bool outgoing, char type,
                            uint64_t number, size_t len, const uint8_t *frames,
                            size_t frames_len, const char *verdict, uint64_t now_ns)
{
    struct belay_trace packet = {.outgoing = outgoing,
                                 .type = type,
                                 .packet_number = number,
                                 .len = len,
                                 .frames = frames,
                                 .frames_len = frames_len,
                                 .verdict = verdict};

    if (c->env->trace != NULL)
        c->env->trace(c->env->trace_ctx, c->self.handle, &packet, now_ns);
}

/* ------------------------------------------------------------------ opening */

static uint64_t smaller_nonzero(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a | b;
    return a < b ? a : b;
}

void belay_connection_open(struct belay_connection *c, uint64_t now_ns)
{
    const struct belay_core_config *config = c->env->config;
    const struct belay_handshake *h = c->handshake;
    uint64_t rtt_ns = h->flight_count == 1 ? now_ns - h->flight_sent_ns : 0;

    c->stage = BELAY_STAGE_OPEN;
    c->datagram_size = config->datagram_size < h->peer.datagram_size ? config->datagram_size
                                                                     : h->peer.datagram_size;
    belay_recovery_set_peer(&c->recovery, (uint64_t)h->peer.ack_delay_us * 1000,
                            c->datagram_size, rtt_ns, now_ns);
    belay_recovery_search_mtu(&c->recovery, config->datagram_size_max < h->peer.datagram_size
                                                ? config->datagram_size_max
                                                : h->peer.datagram_size);
    belay_outbox_open(&c->outbox, h->peer.max_data, h->peer.max_messages, h->peer.message_size,
                      h->peer.channels);
    c->idle_ns =
        smaller_nonzero(config->idle_timeout_ns, h->peer.idle_timeout_ms * UINT64_C(1000000));
    belay_timer_set(c, BELAY_TIMER_HELLO, BELAY_NEVER);
    belay_timer_set(c, BELAY_TIMER_CONNECT, BELAY_NEVER);
    belay_connection_note_received(c, now_ns);
    c->due.ping = c->is_client; /* the server waits for a DATA packet */
    c->event.up = true;
    belay_own_ids_init(&c->own_ids, c->self.cid_len > 0 ? c->self.cid : NULL);
    belay_their_ids_init(&c->their_ids, c->peer_has_cid ? c->peer_cid : NULL,
                         h->peer.has_reset_token ? h->peer.reset_token : NULL);
    c->has_changed = true;
    belay_handshake_drop(c);
}

void belay_connection_keep_alive(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t keepalive_ns = c->env->config->keepalive_ns;
    uint64_t close_ns = c->env->config->close_timeout_ns / 4;

    if (keepalive_ns > c->idle_ns / 2 && c->idle_ns > 0)
        keepalive_ns = c->idle_ns / 2; /* the peer may be less patient than we thought */
    /* Who only waits for the peer's end may have another address by now, and not know it. */
    if (c->closing.requested && keepalive_ns > close_ns)
        keepalive_ns = close_ns;
    /* The side that was dialed waits half as long again, so that one side pings. */
    if (keepalive_ns > 0)
        belay_timer_set(c, BELAY_TIMER_KEEPALIVE,
                        belay_time_add(now_ns, c->is_client ? keepalive_ns
                                                            : keepalive_ns + keepalive_ns / 2));
}

void belay_connection_note_received(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t pto3_ns = 3 * belay_recovery_pto_ns(&c->recovery);

    c->last_received_ns = now_ns;
    if (c->idle_ns > 0)
        belay_timer_set(c, BELAY_TIMER_IDLE,
                        belay_time_add(now_ns, c->idle_ns > pto3_ns ? c->idle_ns : pto3_ns));
    belay_connection_keep_alive(c, now_ns);
    belay_connection_stay_awake(c, now_ns);
}

/* Not while it lingers: that ends soon anyway. In grains of 17 ms, so that many connections
 * rest at one wake-up of the core, and a busy one need not move its timer for each packet. */
void belay_connection_stay_awake(struct belay_connection *c, uint64_t now_ns)
{
    if (c->stage == BELAY_STAGE_OPEN)
        belay_timer_set(c, BELAY_TIMER_REST,
                        belay_time_add(now_ns, REST_NS) | (REST_GRAIN_NS - 1));
}

/* ------------------------------------------------------------------ the end */

/* A copy. Without memory the connection ends all the same, and says what kind of error it was.
 */
static void set_reason(struct belay_connection *c, int error, const char *reason)
{
    size_t len = strlen(reason);

    len = len < BELAY_REASON_MAX ? len : BELAY_REASON_MAX;
    c->event.reason = error != 0 ? belay_strerror(error) : "";
    c->event.reason_room = belay_mem_alloc(&c->mem, len + 1);
    if (c->event.reason_room == NULL)
        return;
    memcpy(c->event.reason_room, reason, len);
    c->event.reason_room[len] = '\0';
    c->event.reason_bytes = len + 1;
    c->event.reason = c->event.reason_room;
}

static void set_closed(struct belay_connection *c, int error, uint64_t code, const char *reason)
{
    c->event.closed = true;
    c->event.error = error;
    c->event.code = code;
    if (c->event.reason == NULL)
        set_reason(c, error, reason);
}

static void stop_timers(struct belay_connection *c)
{
    for (unsigned i = 0; i < BELAY_TIMER_COUNT; i++)
        c->timers_ns[i] = BELAY_NEVER;
}

/* How the messages that remain are reported when a connection ends with this error. */
static int message_error(int error)
{
    return error ? error : BELAY_ECLOSED;
}

void belay_connection_end(struct belay_connection *c, int error, uint64_t code,
                          const char *reason)
{
    if (c->event.closed || c->event.closed_polled) {
        c->stage = BELAY_STAGE_DEAD;
        stop_timers(c);
        return;
    }
    if (c->event.ending)
        return;
    c->event.ending = true;
    belay_outbox_abandon_all(&c->outbox, message_error(error));
    set_closed(c, error, code, reason);
    stop_timers(c);
    belay_handshake_drop(c);
    memset(&c->due, 0, sizeof(c->due));
    c->stage = BELAY_STAGE_DEAD;
}

/* Starts to linger, at the next send: only that knows the time. A path may still be validated:
 * the answers must reach a peer whose address has just changed. */
static void linger(struct belay_connection *c)
{
    uint64_t path_ns = c->timers_ns[BELAY_TIMER_PATH];

    stop_timers(c);
    belay_timer_set(c, BELAY_TIMER_PATH, path_ns);
    c->stage = BELAY_STAGE_LINGERING;
    belay_timer_set(c, BELAY_TIMER_LINGER, 0);
}

void belay_connection_fail(struct belay_connection *c, int error, uint64_t code,
                           const char *reason)
{
    bool tell = c->stage == BELAY_STAGE_OPEN;
    uint64_t path_ns = c->timers_ns[BELAY_TIMER_PATH];

    if (c->stage == BELAY_STAGE_LINGERING || c->stage == BELAY_STAGE_DEAD)
        return;
    belay_connection_end(c, error, code, reason);
    if (!tell)
        return;
    belay_timer_set(c, BELAY_TIMER_PATH, path_ns);
    linger(c);
    c->due.close = true;
    c->closing.is_abort = true;
    c->closing.repeats = CLOSE_REPEATS;
}

void belay_connection_linger_begin(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t pto_ns = belay_recovery_pto_ns(&c->recovery);
    uint64_t linger_ns = LINGER_PTOS * pto_ns;

    /* A peer that missed our last ACKs asks again by its PTO, which may be backed off: without
     * an answer it would report messages as lost that we have delivered. */
    if (c->event.error == BELAY_OK && linger_ns < LINGER_NS)
        linger_ns = LINGER_NS;
    if (c->closing.linger_end_ns == 0)
        c->closing.linger_end_ns =
            belay_time_add(now_ns, linger_ns + c->env->config->close_timeout_ns);
    linger_ns = belay_time_add(now_ns, linger_ns);
    belay_timer_set(c, BELAY_TIMER_LINGER,
                    linger_ns < c->closing.linger_end_ns ? linger_ns
                                                         : c->closing.linger_end_ns);
    if (c->closing.repeats > 0)
        belay_timer_set(c, BELAY_TIMER_REPEAT, belay_time_add(now_ns, pto_ns));
    c->closing.next_answer_ns = belay_time_add(now_ns, pto_ns);
}

/* ------------------------------------------------------------------ the graceful close */

static bool all_is_delivered(const struct belay_connection *c)
{
    return c->closing.peer_fin && c->inbox.messages_popped == c->closing.peer_messages;
}

/* Only the acknowledgement of our FIN is missing: nothing is lost without it. */
static bool only_fin_is_open(const struct belay_connection *c)
{
    return c->closing.requested && c->outbox.messages_open == 0 && all_is_delivered(c) &&
           c->closing.eof_polled;
}

static bool is_over(const struct belay_connection *c)
{
    return only_fin_is_open(c) && c->closing.fin_acked;
}

void belay_connection_check_done(struct belay_connection *c)
{
    if (c->stage != BELAY_STAGE_OPEN || !is_over(c))
        return;
    set_closed(c, BELAY_OK, BELAY_CLOSE_NONE, "closed by both sides");
    if (c->closing.peer_is_done) {
        stop_timers(c);
        c->stage = BELAY_STAGE_DEAD;
    } else {
        linger(c);
        c->closing.answer_due = belay_acks_is_pending(&c->acks);
        c->closing.repeats = c->closing.answer_due ? CLOSE_REPEATS : 0;
    }
}

static void on_close_timeout(struct belay_connection *c)
{
    char text[128];

    if (only_fin_is_open(c)) {
        belay_connection_fail(c, BELAY_OK, BELAY_CLOSE_NONE, "closed by both sides");
        return;
    }
    snprintf(text, sizeof(text),
             "the close took too long: %llu messages not acknowledged, the peer has %s",
             (unsigned long long)c->outbox.messages_open,
             c->closing.peer_fin ? "closed" : "not closed");
    belay_connection_fail(c, BELAY_ETIMEDOUT, BELAY_CLOSE_TIMEOUT, text);
}

/* ------------------------------------------------------------------ timers */

void belay_connection_update_blocked(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t wait_ns;
    bool blocked = belay_outbox_is_data_blocked(&c->outbox) ||
                   belay_outbox_is_messages_blocked(&c->outbox);

    if (!blocked) {
        c->blocked_backoff = 0;
        belay_timer_set(c, BELAY_TIMER_BLOCKED, BELAY_NEVER);
        return;
    }
    if (c->timers_ns[BELAY_TIMER_BLOCKED] != BELAY_NEVER)
        return;
    wait_ns = belay_recovery_pto_ns(&c->recovery)
              << (c->blocked_backoff < 16 ? c->blocked_backoff : 16);
    if (wait_ns > UINT64_C(2000000000))
        wait_ns = UINT64_C(2000000000);
    belay_timer_set(c, BELAY_TIMER_BLOCKED, belay_time_add(now_ns, wait_ns));
}

static void on_blocked(struct belay_connection *c, uint64_t now_ns)
{
    belay_timer_set(c, BELAY_TIMER_BLOCKED, BELAY_NEVER);
    c->due.data_blocked = belay_outbox_is_data_blocked(&c->outbox);
    c->due.messages_blocked = true;
    c->blocked_backoff++;
    belay_connection_update_blocked(c, now_ns);
}

static void on_recovery(struct belay_connection *c, uint64_t now_ns)
{
    struct belay_recovery_sink sink = {belay_connection_record_acked,
                                       belay_connection_record_lost, c};
    unsigned probes = belay_recovery_timeout(&c->recovery, now_ns, &sink);

    if (probes > c->due.probes)
        c->due.probes = probes;
    if (probes > 0)
        belay_paths_on_silence(c, now_ns);
    if (probes > 0 && c->recovery.pto_count > FIN_PTOS && only_fin_is_open(c))
        belay_connection_fail(c, BELAY_OK, BELAY_CLOSE_NONE, "closed by both sides");
}

/* Of 100,000 connections most are idle: what one of them needs for packets alone is given back.
 * While something is in flight there is a PTO to come, and after it another rest. */
static void on_rest(struct belay_connection *c, uint64_t now_ns)
{
    belay_timer_set(c, BELAY_TIMER_REST, BELAY_NEVER);
    if (c->recovery.eliciting_in_flight > 0)
        return;
    belay_keyring_rest(&c->keys);
    belay_recovery_rest(&c->recovery, now_ns);
    belay_paths_rest(c);
}

static void on_lingering(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t linger_ns = c->timers_ns[BELAY_TIMER_LINGER];

    if (now_ns >= c->timers_ns[BELAY_TIMER_KEYS])
        belay_timer_set(c, BELAY_TIMER_KEYS, BELAY_NEVER);
    belay_paths_on_timer(c, now_ns);
    if (linger_ns != 0 && now_ns >= linger_ns) {
        c->stage = BELAY_STAGE_DEAD;
        stop_timers(c);
        c->due.close = false;
    } else if (now_ns >= c->timers_ns[BELAY_TIMER_REPEAT]) {
        belay_timer_set(c, BELAY_TIMER_REPEAT, BELAY_NEVER);
        if (c->closing.repeats > 0) {
            c->closing.repeats--;
            c->due.close = c->closing.is_abort;
            c->closing.answer_due = !c->closing.is_abort;
            belay_timer_set(c, BELAY_TIMER_REPEAT,
                            belay_time_add(now_ns, belay_recovery_pto_ns(&c->recovery)));
        }
    }
}

static void on_open_timers(struct belay_connection *c, uint64_t now_ns)
{
    char text[96];

    if (now_ns >= c->timers_ns[BELAY_TIMER_IDLE]) {
        snprintf(text, sizeof(text), "nothing came from the peer for %.1f s",
                 (double)(now_ns - c->last_received_ns) / 1e9);
        belay_connection_end(c, BELAY_ETIMEDOUT, BELAY_CLOSE_NONE, text);
        return;
    }
    if (now_ns >= c->timers_ns[BELAY_TIMER_CLOSE]) {
        on_close_timeout(c);
        return;
    }
    if (now_ns >= c->timers_ns[BELAY_TIMER_KEEPALIVE]) {
        belay_timer_set(c, BELAY_TIMER_KEEPALIVE, BELAY_NEVER);
        c->due.ping = true;
    }
    if (now_ns >= c->timers_ns[BELAY_TIMER_BLOCKED])
        on_blocked(c, now_ns);
    belay_paths_on_timer(c, now_ns);
    if (now_ns >= c->timers_ns[BELAY_TIMER_KEYS]) {
        belay_keyring_forget(&c->keys, now_ns);
        belay_timer_set(c, BELAY_TIMER_KEYS, BELAY_NEVER);
    }
    if (now_ns >= belay_recovery_deadline(&c->recovery))
        on_recovery(c, now_ns);
    if (now_ns >= c->timers_ns[BELAY_TIMER_REST])
        on_rest(c, now_ns);
}

void belay_connection_on_timeout(struct belay_connection *c, uint64_t now_ns)
{
    switch (c->stage) {
    case BELAY_STAGE_DIALING:
    case BELAY_STAGE_HALF_OPEN:
        belay_handshake_on_timer(c, now_ns);
        break;
    case BELAY_STAGE_OPEN:
        on_open_timers(c, now_ns);
        break;
    case BELAY_STAGE_LINGERING:
        on_lingering(c, now_ns);
        break;
    case BELAY_STAGE_DEAD:
        break;
    }
}

uint64_t belay_connection_deadline(const struct belay_connection *c)
{
    uint64_t deadline_ns = BELAY_NEVER;

    if (c->stage == BELAY_STAGE_DEAD)
        return BELAY_NEVER;
    for (unsigned i = 0; i < BELAY_TIMER_COUNT; i++)
        if (c->timers_ns[i] < deadline_ns)
            deadline_ns = c->timers_ns[i];
    if (c->stage == BELAY_STAGE_OPEN) {
        uint64_t recovery_ns = belay_recovery_deadline(&c->recovery);

        if (recovery_ns < deadline_ns)
            deadline_ns = recovery_ns;
        if (c->acks.deadline_ns < deadline_ns)
            deadline_ns = c->acks.deadline_ns;
        if (c->pacing_ns < deadline_ns)
            deadline_ns = c->pacing_ns;
    }
    return deadline_ns;
}
