/* connection.c - making and freeing a connection, its getters, app calls and outputs. */
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define UNPROVEN_FACTOR 3

/* ------------------------------------------------------------------ beginning and end */

static uint64_t at_least(uint64_t value, uint64_t floor)
{
    return value > floor ? value : floor;
}

static int init_rooms(struct belay_connection *c)
{
    const struct belay_core_config *config = c->env->config;
    uint64_t one_message = (uint64_t)config->message_size_max + BELAY_MESSAGE_COST;
    struct belay_inbox_config in = {
        .first_number = config->first_message_number,
        .message_size_max = config->message_size_max,
        .window_initial = at_least(config->window_initial, one_message),
        .window_messages = config->window_messages,
        .channels_max = config->channels_max,
    };
    struct belay_recovery_config rec = {
        .first_packet_number = config->first_packet_number,
        .datagram_bytes = config->datagram_size,
        .congestion = c->env->congestion,
        .ecn = config->ecn,
    };
    int error;

    in.window_max = at_least(config->window_max, in.window_initial);
    belay_acks_init(&c->acks, &c->mem, config->first_packet_number, config->ranges_max,
                    config->ack_delay_max_ns);
    error = belay_inbox_init(&c->inbox, &c->mem, c->env->pool, &in);
    if (!error)
        error = belay_outbox_init(&c->outbox, &c->mem, c->env->pool,
                                  config->first_message_number, config->channels_max);
    if (!error)
        error = belay_recovery_init(&c->recovery, &rec, &c->mem);
    return error;
}

static struct belay_connection *connection_new(const struct belay_connection_env *env,
                                               const struct belay_connection_self *self,
                                               const struct belay_path *path)
{
    struct belay_connection *c = belay_mem_zalloc(env->mem, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->env = env;
    c->self = *self;
    c->path = *path;
    belay_mem_init_child(&c->mem, env->mem);
    for (unsigned i = 0; i < BELAY_TIMER_COUNT; i++)
        c->timers_ns[i] = BELAY_NEVER;
    c->pacing_ns = BELAY_NEVER;
    c->datagram_size = env->config->datagram_size;
    c->next_message = 1;
    c->high_water =
        env->config->send_queue_max > SIZE_MAX ? SIZE_MAX : (size_t)env->config->send_queue_max;
    c->handshake = belay_mem_zalloc(&c->mem, sizeof(*c->handshake));
    if (init_rooms(c) || c->handshake == NULL) {
        belay_connection_free(c);
        return NULL;
    }
    belay_transport_params_init(&c->handshake->peer);
    return c;
}

struct belay_connection *belay_connection_dial(const struct belay_connection_env *env,
                                               const struct belay_connection_self *self,
                                               const struct belay_path *path)
{
    struct belay_connection *c = connection_new(env, self, path);

    if (c == NULL)
        return NULL;
    c->is_client = true;
    c->stage = BELAY_STAGE_DIALING;
    if (belay_handshake_start(c)) {
        belay_connection_free(c);
        return NULL;
    }
    return c;
}

struct belay_connection *
belay_connection_accept(const struct belay_connection_env *env,
                        const struct belay_connection_self *self, const struct belay_path *path,
                        const struct belay_hello *init, const uint8_t *packet, size_t len,
                        uint64_t now_ns, int *error, uint64_t *code, const char **why)
{
    struct belay_connection *c = connection_new(env, self, path);

    *error = BELAY_ENOMEM;
    if (c == NULL)
        return NULL;
    c->stage = BELAY_STAGE_HALF_OPEN;
    *error = belay_handshake_answer(c, init, packet, why);
    *code = *error == BELAY_EKEY ? BELAY_CLOSE_KEY : BELAY_CLOSE_PROTOCOL;
    if (*error) {
        belay_connection_free(c);
        return NULL;
    }
    c->stats.datagrams_received++;
    c->stats.wire_bytes_received += len;
    c->handshake->unproven.is_limited = true;
    c->handshake->unproven.received_bytes = len;
    belay_timer_set(c, BELAY_TIMER_HELLO,
                    belay_time_add(now_ns, env->config->connect_timeout_ns));
    return c;
}

void belay_connection_free(struct belay_connection *c)
{
    struct belay_mem *parent;

    if (c == NULL)
        return;
    parent = c->env->mem;
    belay_handshake_drop(c);
    belay_keyring_dispose(&c->keys);
    belay_outbox_dispose(&c->outbox);
    belay_inbox_dispose(&c->inbox);
    belay_recovery_dispose(&c->recovery);
    belay_acks_dispose(&c->acks);
    belay_paths_dispose(c);
    belay_mem_free(&c->mem, c->event.reason_room, c->event.reason_bytes);
    belay_mem_free(parent, c, sizeof(*c));
}

/* ------------------------------------------------------------------ getters */

enum belay_connection_stage belay_connection_stage(const struct belay_connection *c)
{
    return c->stage;
}

const struct belay_path *belay_connection_path(const struct belay_connection *c)
{
    return &c->path;
}

_Static_assert(BELAY_CONNECTION_CIDS == BELAY_IDS_MAX, "an entry each");

bool belay_connection_take_changes(struct belay_connection *c)
{
    bool has_changed = c->has_changed;

    c->has_changed = false;
    return has_changed;
}

const struct belay_path *belay_connection_path_at(const struct belay_connection *c, unsigned i)
{
    const struct belay_path *const paths[BELAY_CONNECTION_PATHS] = {
        &c->path,
        belay_paths_candidate(c),
        belay_paths_previous(c),
    };

    return paths[i];
}

const uint8_t *belay_connection_own_cid(const struct belay_connection *c, unsigned i)
{
    return c->own_ids.ids[i].is_used ? c->own_ids.ids[i].cid : NULL;
}

int belay_connection_wants_cid(const struct belay_connection *c)
{
    return c->stage == BELAY_STAGE_OPEN ? belay_own_ids_wanted(&c->own_ids) : -1;
}

void belay_connection_give_cid(struct belay_connection *c, int entry, const uint8_t *cid,
                               const uint8_t *token)
{
    belay_own_ids_give(&c->own_ids, entry, cid, token);
}

const uint8_t *belay_connection_peer_token(const struct belay_connection *c, unsigned i)
{
    const struct belay_id *id = &c->their_ids.ids[i];

    return id->is_used && id->has_token ? id->token : NULL;
}

bool belay_connection_peer_is_unshared(const struct belay_connection *c)
{
    return !c->peer_has_cid;
}

const uint8_t *belay_connection_nonce(const struct belay_connection *c)
{
    return c->nonce;
}

void belay_connection_too_big(struct belay_connection *c, const struct belay_path *path,
                              size_t size, size_t fits)
{
    uint32_t most = BELAY_DATAGRAM_BYTES_MAX;

    if (c->stage != BELAY_STAGE_OPEN || path->socket != c->path.socket ||
        path->remote.len != c->path.remote.len ||
        memcmp(path->remote.bytes, c->path.remote.bytes, path->remote.len) != 0)
        return;
    belay_mtu_refused(&c->recovery.mtu, size < most ? (uint32_t)size : most,
                      fits < most ? (uint32_t)fits : most);
}

bool belay_connection_is_connected(const struct belay_connection *c)
{
    return c->stage == BELAY_STAGE_OPEN;
}

uint32_t belay_connection_datagram_size(const struct belay_connection *c)
{
    return c->datagram_size;
}

size_t belay_connection_queued_bytes(const struct belay_connection *c)
{
    return (size_t)c->outbox.queued_bytes;
}

size_t belay_connection_message_size_max(const struct belay_connection *c)
{
    uint64_t max = c->env->config->message_size_max;

    if (c->outbox.open && c->outbox.message_size_max < max)
        max = c->outbox.message_size_max;
    return (size_t)max;
}

void belay_connection_stats(const struct belay_connection *c, struct belay_stats *stats)
{
    const struct belay_recovery *r = &c->recovery;

    memset(stats, 0, sizeof(*stats));
    stats->message_bytes_sent = c->stats.message_bytes_sent;
    stats->packets_sent = c->stats.packets_sent;
    stats->packets_received = c->stats.packets_received;
    stats->packets_retransmitted = c->stats.packets_retransmitted;
    stats->packets_duplicate = c->stats.packets_duplicate;
    stats->packets_corrupt = c->stats.packets_corrupt;
    stats->datagrams_sent = c->stats.datagrams_sent;
    stats->datagrams_received = c->stats.datagrams_received;
    stats->wire_bytes_sent = c->stats.wire_bytes_sent;
    stats->wire_bytes_received = c->stats.wire_bytes_received;
    stats->path_changes = c->stats.path_changes;
    stats->mtu_probes_sent = c->stats.mtu_probes_sent;
    stats->mtu_probes_lost = c->stats.mtu_probes_lost;
    stats->messages_sent = c->outbox.messages_accepted;
    stats->messages_acknowledged = c->outbox.messages_acked;
    stats->messages_abandoned = c->outbox.messages_abandoned;
    stats->messages_delivered = c->inbox.messages_popped;
    stats->message_bytes_delivered = c->inbox.bytes_popped;
    stats->packets_lost = r->packets_lost;
    stats->packets_spurious = r->packets_spurious;
    stats->probe_timeouts = r->probe_timeouts;
    stats->fragments_duplicate = c->inbox.parts_duplicate;
    stats->rtt_smoothed_ns = r->rtt.smoothed_ns;
    stats->rtt_variance_ns = r->rtt.variance_ns;
    stats->rtt_min_ns = r->rtt.has_sample ? r->rtt.min_ns : 0;
    stats->rtt_latest_ns = r->rtt.latest_ns;
    stats->window_bytes = belay_recovery_window_bytes(r);
    stats->in_flight_bytes = r->in_flight_bytes;
    stats->queued_bytes = c->outbox.queued_bytes;
    stats->buffered_bytes = c->inbox.buffered_bytes;
    stats->memory_bytes = sizeof(*c) + c->mem.used_bytes;
    stats->ranges_evicted = c->acks.evicted;
    stats->credit_blocked = c->outbox.blocked_count;
    stats->datagram_size = c->datagram_size;
    stats->packet_threshold = r->packet_threshold;
    stats->packets_ce = r->packets_ce;
    stats->mtu_black_holes = r->mtu.black_holes;
    stats->is_ecn_capable = r->ecn.state == BELAY_ECN_CAPABLE;
}

enum belay_aead belay_connection_aead(const struct belay_connection *c)
{
    return (enum belay_aead)c->keys.algorithm;
}

const uint8_t *belay_connection_peer_key(const struct belay_connection *c)
{
    return c->has_peer_key ? c->peer_key : NULL;
}

/* ------------------------------------------------------------------ app calls */

static bool has_room(const struct belay_connection *c, uint64_t cost)
{
    uint64_t queued = c->outbox.queued_bytes;

    return queued == 0 || (queued < c->high_water && cost <= c->high_water - queued);
}

static int check_send(struct belay_connection *c, uint32_t channel, enum belay_mode mode,
                      size_t len, unsigned flags, uint64_t deadline_ns)
{
    uint32_t channels = c->outbox.open ? c->outbox.channels_max : c->env->config->channels_max;

    if (c->stage == BELAY_STAGE_LINGERING || c->stage == BELAY_STAGE_DEAD || c->event.ending)
        return BELAY_ENOTCONN;
    if (c->closing.requested)
        return BELAY_ECLOSED;
    if (channel >= channels || channel >= c->env->config->channels_max ||
        (mode != BELAY_RELIABLE_ORDERED && mode != BELAY_RELIABLE_UNORDERED) ||
        (flags & ~BELAY_SEND_NOTIFY) || deadline_ns != BELAY_NEVER)
        return BELAY_EINVAL;
    if (len > c->env->config->message_size_max ||
        (c->outbox.open && len > c->outbox.message_size_max))
        return BELAY_EMSGSIZE;
    if (has_room(c, len + BELAY_MESSAGE_COST))
        return 0;
    c->want_writable = true;
    c->refused_cost = len + BELAY_MESSAGE_COST;
    return BELAY_EAGAIN;
}

int belay_connection_queue(struct belay_connection *c, uint32_t channel, enum belay_mode mode,
                           const void *data, const struct belay_source *source, size_t len,
                           unsigned flags, uint64_t deadline_ns, uint64_t *message)
{
    int error = check_send(c, channel, mode, len, flags, deadline_ns);

    if (error) {
        if (source != NULL && source->release != NULL)
            source->release(source->ctx);
        return error;
    }
    error = belay_outbox_push(&c->outbox, channel, (uint8_t)mode, data, source, len,
                              (flags & BELAY_SEND_NOTIFY) != 0, c->next_message);
    if (error)
        return error;
    if (message != NULL)
        *message = c->next_message;
    c->next_message++;
    c->stats.message_bytes_sent += len;
    if (c->outbox.queued_bytes > c->low_water)
        c->want_writable = true;
    return 0;
}

void belay_connection_pause(struct belay_connection *c, bool paused)
{
    c->paused = paused;
}

void belay_connection_set_watermarks(struct belay_connection *c, size_t low, size_t high)
{
    uint64_t most = c->env->config->send_queue_max;

    c->low_water = low;
    c->high_water =
        high == 0 || high > most ? (size_t)(most > SIZE_MAX ? SIZE_MAX : most) : high;
}

int belay_connection_close(struct belay_connection *c)
{
    if (c->stage == BELAY_STAGE_LINGERING || c->stage == BELAY_STAGE_DEAD)
        return BELAY_ENOTCONN;
    if (c->closing.requested)
        return BELAY_ECLOSED;
    c->closing.requested = true;
    c->closing.timer_due = true;
    c->due.fin = true;
    return 0;
}

void belay_connection_abort(struct belay_connection *c, uint64_t code, const char *reason)
{
    if (code > BELAY_VARINT_MAX)
        code = BELAY_VARINT_MAX;
    if (code == BELAY_CLOSE_NONE)
        code = BELAY_CLOSE_ABORTED; /* NONE on the wire means that all was delivered */
    if (c->stage == BELAY_STAGE_HALF_OPEN || c->stage == BELAY_STAGE_DIALING)
        belay_connection_end(c, BELAY_ECLOSED, code, reason ? reason : "aborted by the app");
    else
        belay_connection_fail(c, BELAY_ECLOSED, code, reason ? reason : "");
}

/* ------------------------------------------------------------------ outputs */

static void start_timers(struct belay_connection *c, uint64_t now_ns)
{
    if (c->stage == BELAY_STAGE_OPEN && c->closing.timer_due) {
        c->closing.timer_due = false;
        belay_timer_set(c, BELAY_TIMER_CLOSE,
                        belay_time_add(now_ns, c->env->config->close_timeout_ns));
        belay_connection_keep_alive(c, now_ns);
    }
    if (c->stage == BELAY_STAGE_LINGERING && c->timers_ns[BELAY_TIMER_LINGER] == 0)
        belay_connection_linger_begin(c, now_ns);
}

static int send_in_stage(struct belay_connection *c, struct belay_train *train, uint64_t now_ns)
{
    int sent;

    switch (c->stage) {
    case BELAY_STAGE_DIALING:
    case BELAY_STAGE_HALF_OPEN:
        return belay_handshake_send(c, train, now_ns);
    case BELAY_STAGE_OPEN:
    case BELAY_STAGE_LINGERING:
        sent = belay_connection_build_train(c, train, now_ns);
        if (c->stage == BELAY_STAGE_OPEN)
            belay_connection_update_blocked(c, now_ns);
        return sent;
    case BELAY_STAGE_DEAD:
        break;
    }
    return 0;
}

/* Who has not proven its address gets no more than three times what came from there, whatever
 * there is to send (RFC 9000, section 8.1): spoofed packets hurt nobody more than they cost. */
static size_t allowance_bytes(const struct belay_connection *c)
{
    const struct belay_handshake *h = c->handshake;
    uint64_t most, left;

    if (h == NULL || !h->unproven.is_limited)
        return SIZE_MAX;
    most = UNPROVEN_FACTOR * h->unproven.received_bytes;
    left = most > h->unproven.sent_bytes ? most - h->unproven.sent_bytes : 0;
    return left > SIZE_MAX ? SIZE_MAX : (size_t)left;
}

int belay_connection_send(struct belay_connection *c, struct belay_train *train,
                          uint64_t now_ns)
{
    size_t capacity = train->capacity, most = allowance_bytes(c);
    int sent;

    start_timers(c, now_ns);
    train->capacity = capacity < most ? capacity : most;
    sent = send_in_stage(c, train, now_ns);
    train->capacity = capacity;
    if (sent && c->handshake != NULL)
        c->handshake->unproven.sent_bytes += train->len;
    return sent;
}

static bool poll_message(struct belay_connection *c, struct belay_core_event *event)
{
    struct belay_delivered delivered;

    if (c->paused || !belay_inbox_pop(&c->inbox, &delivered))
        return false;
    event->type = BELAY_CORE_MESSAGE;
    event->channel = delivered.channel;
    event->mode = (enum belay_mode)delivered.mode;
    event->data = delivered.data;
    event->len = delivered.len;
    return true;
}

static bool poll_sent(struct belay_connection *c, struct belay_core_event *event)
{
    struct belay_out_report report;

    if (!belay_outbox_report(&c->outbox, &report))
        return false;
    event->type = BELAY_CORE_SENT;
    event->message = report.id;
    event->error = report.error;
    return true;
}

/* What was refused must fit, or who tries it again at once would do so for ever. */
static bool writable_is_due(const struct belay_connection *c)
{
    return c->want_writable && c->stage == BELAY_STAGE_OPEN && !c->closing.requested &&
           c->outbox.queued_bytes <= c->low_water && has_room(c, c->refused_cost);
}

static bool eof_is_due(const struct belay_connection *c)
{
    return !c->paused && !c->closing.eof_polled && c->closing.peer_fin &&
           c->stage == BELAY_STAGE_OPEN && belay_inbox_is_empty(&c->inbox) &&
           c->inbox.messages_popped == c->closing.peer_messages;
}

static bool poll_authorize(struct belay_connection *c, struct belay_core_event *event)
{
    if (!c->event.authorize)
        return false;
    c->event.authorize = false;
    event->type = BELAY_CORE_AUTHORIZE;
    event->data = c->peer_key;
    event->len = sizeof(c->peer_key);
    return true;
}

static bool poll_up(struct belay_connection *c, struct belay_core_event *event)
{
    if (!c->event.up)
        return false;
    c->event.up = false;
    event->type = c->is_client ? BELAY_CORE_CONNECTED : BELAY_CORE_ACCEPTED;
    return true;
}

static bool poll_rebound(struct belay_connection *c, struct belay_core_event *event)
{
    if (!c->event.rebound)
        return false;
    c->event.rebound = false;
    event->type = BELAY_CORE_REBOUND;
    return true;
}

static bool poll_writable(struct belay_connection *c, struct belay_core_event *event)
{
    if (!writable_is_due(c))
        return false;
    c->want_writable = false;
    c->refused_cost = 0;
    event->type = BELAY_CORE_WRITABLE;
    return true;
}

static bool poll_eof(struct belay_connection *c, struct belay_core_event *event)
{
    if (!eof_is_due(c))
        return false;
    c->closing.eof_polled = true;
    event->type = BELAY_CORE_EOF;
    belay_connection_check_done(c);
    return true;
}

/* Not while a paused app has messages to take: the peer was told that they arrived. */
static bool closed_is_due(const struct belay_connection *c)
{
    return c->event.closed && (!c->paused || belay_inbox_is_empty(&c->inbox));
}

static bool poll_closed(struct belay_connection *c, struct belay_core_event *event)
{
    if (!closed_is_due(c))
        return false;
    c->event.closed = false;
    c->event.closed_polled = true;
    event->type = BELAY_CORE_CLOSED;
    event->error = c->event.error;
    event->close_code = c->event.code;
    event->reason = c->event.reason;
    return true;
}

/* In the order in which an app may expect them. */
static bool (*const polls[])(struct belay_connection *c, struct belay_core_event *event) = {
    poll_authorize, poll_up,       poll_rebound, poll_message,
    poll_sent,      poll_writable, poll_eof,     poll_closed,
};
#define POLL_MESSAGE 3

/* The first that may have something: those before messages are rare. */
static size_t first_poll(const struct belay_connection *c)
{
    return c->event.authorize || c->event.up || c->event.rebound ? 0 : POLL_MESSAGE;
}

int belay_connection_poll(struct belay_connection *c, struct belay_core_event *event)
{
    memset(event, 0, sizeof(*event));
    event->data = (const uint8_t *)"";
    event->reason = "";
    if (c->event.closed_polled)
        return 0;
    for (size_t i = first_poll(c); i < sizeof(polls) / sizeof(polls[0]); i++)
        if (polls[i](c, event))
            return 1;
    /* What stays must not point into a packet that will be overwritten. */
    if (belay_inbox_own(&c->inbox)) {
        belay_inbox_drop_borrowed(&c->inbox);
        belay_connection_fail(c, BELAY_ENOMEM, BELAY_CLOSE_MEMORY,
                              "no memory to keep what a paused app does not take");
        return belay_connection_poll(c, event);
    }
    return 0;
}

bool belay_connection_has_events(const struct belay_connection *c)
{
    if (c->event.closed_polled)
        return false;
    /* The last: for poll to copy what a paused app leaves in the packet. */
    return c->event.authorize || c->event.up || c->event.rebound ||
           (!c->paused && !belay_inbox_is_empty(&c->inbox)) || c->outbox.reports.count > 0 ||
           writable_is_due(c) || eof_is_due(c) || closed_is_due(c) ||
           c->inbox.ready.borrowed > 0;
}

void belay_connection_forget_events(struct belay_connection *c)
{
    c->event.closed = c->event.up = c->event.authorize = c->event.rebound = false;
    c->event.closed_polled = true;
}

bool belay_connection_wants_credit(const struct belay_connection *c)
{
    return belay_inbox_is_credit_due(&c->inbox);
}
