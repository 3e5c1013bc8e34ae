/*
 * build.c - packets out. A packet is a table of writers run in order, each adding what is due
 * of its frame; a train is packets of one size until nothing more is due or allowed.
 *
 * What may go: an ACK always; a probe past the window; anything else when the congestion
 * window and the pacer have room for a whole packet.
 */
#include "conn/build.h"

#include <string.h>

#define TRAIN_SEGMENTS_MAX 64
#define SKIP_FIRST         256 /* packets; doubled with each */
#define SKIP_LAST          65536

bool belay_build_has_room(const struct belay_build *b)
{
    return b->record_count < BELAY_BUILD_RECORDS_MAX && b->frame_count < BELAY_FRAMES_MAX;
}

bool belay_build_keep(struct belay_build *b, uint8_t *mark, enum belay_record_kind kind,
                      uint32_t channel, uint8_t mode, uint64_t number, uint64_t offset,
                      uint64_t len)
{
    if (b->w.bad) {
        b->w.at = mark;
        b->w.bad = false;
        return false;
    }
    b->records[b->record_count++] = belay_record_make(kind, channel, mode, number, offset, len);
    b->frame_count++;
    if (kind != BELAY_RECORD_ACK)
        b->eliciting = true;
    return true;
}

/* Is there anything that asks for an eliciting packet? */
static bool wants_eliciting(struct belay_connection *c)
{
    struct belay_piece piece;

    if (c->stage != BELAY_STAGE_OPEN)
        return false;
    return c->due.ping || c->due.fin || c->due.max_data || c->due.data_blocked ||
           c->due.messages_blocked || belay_inbox_is_credit_due(&c->inbox) ||
           belay_outbox_peek(&c->outbox, &piece);
}

/* Of a window that is small beside what the path takes, at least two datagrams are made: with
 * one on its way at a time nothing ever tells that it is lost, but a timeout. */
size_t belay_build_limit(const struct belay_connection *c)
{
    uint64_t half = belay_recovery_window_bytes(&c->recovery) / 2;

    if (half >= c->datagram_size)
        return c->datagram_size;
    return half > BELAY_DATAGRAM_BYTES_MIN ? (size_t)half : BELAY_DATAGRAM_BYTES_MIN;
}

/* Bytes that window and pacer allow for one packet now; 0: wait. */
static size_t allowance(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t window = belay_recovery_window_left(&c->recovery);
    uint64_t want = belay_build_limit(c);

    if (c->pacing_ns < now_ns)
        belay_recovery_woken_late(&c->recovery, now_ns - c->pacing_ns);
    c->pacing_ns = BELAY_NEVER;
    if (window < want)
        want = window;
    if (want < 128)
        return 0;
    if (belay_recovery_pacer_left(&c->recovery, now_ns) < want) {
        c->pacing_ns = belay_recovery_pacer_time(&c->recovery);
        if (c->pacing_ns <= now_ns)
            c->pacing_ns = now_ns + 1;
        return 0;
    }
    return (size_t)want;
}

static size_t write_header(const struct belay_connection *c, const uint8_t *cid, uint8_t *out,
                           size_t size)
{
    uint64_t number = belay_recovery_next_number(&c->recovery);
    unsigned bytes = belay_packet_number_bytes(number, c->recovery.largest_acked,
                                               c->env->config->first_packet_number);

    return belay_data_header_build(out, size, cid, c->keys.phase_out, number, bytes);
}

/* Seals and logs what was built; returns the packet's length, 0 on failure. */
static size_t finish(struct belay_build *b, uint8_t *packet, size_t header_len)
{
    struct belay_connection *c = b->c;
    uint64_t number = belay_recovery_next_number(&c->recovery);
    size_t frames_len = (size_t)(b->w.at - packet) - header_len;
    size_t len = header_len + frames_len + BELAY_TAG_SIZE;
    unsigned flags =
        (b->eliciting ? BELAY_SENT_ELICITING : 0) | (b->is_probe ? BELAY_SENT_PROBE : 0) |
        (b->is_marked ? BELAY_SENT_MARKED : 0) | (b->is_mtu_probe ? BELAY_SENT_MTU_PROBE : 0);

    belay_connection_trace(c, true, 'D', number, len, packet + header_len, frames_len, "ok",
                           b->now_ns);
    if (belay_keyring_seal(&c->keys, number, packet, header_len, frames_len)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "libcrypto could not seal");
        return 0;
    }
    belay_recovery_sent(&c->recovery, len, flags, b->records, b->record_count, b->now_ns);
    belay_connection_stay_awake(c, b->now_ns);
    if (b->has_ack)
        belay_acks_sent(&c->acks);
    if (b->has_close)
        c->due.close = c->closing.answer_due = false;
    c->unanswered += !b->eliciting;
    if (b->eliciting && !b->is_mtu_probe) {
        c->acks.since_eliciting = 0;
        c->due.ping = false;
        c->last_eliciting_sent_ns = b->now_ns;
    }
    c->stats.packets_sent++;
    c->stats.datagrams_sent++;
    c->stats.wire_bytes_sent += len;
    c->stats.packets_retransmitted += b->again;
    return len;
}

/* Ever rarer, at a place that the peer can't know: RFC 9000, section 21.4. */
static bool skip_number(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t number = belay_recovery_next_number(&c->recovery), random;

    if (number < c->skip_number)
        return true;
    if (belay_recovery_reserve(&c->recovery, 0))
        return false;
    if (c->skip_period > 0)
        belay_recovery_skip(&c->recovery, now_ns);
    c->env->random.fill(c->env->random.ctx, &random, sizeof(random));
    c->skip_period = c->skip_period == 0 ? SKIP_FIRST : 2 * c->skip_period;
    if (c->skip_period > SKIP_LAST)
        c->skip_period = SKIP_LAST;
    c->skip_number = number + 1 + c->skip_period / 2 + random % c->skip_period;
    return true;
}

/* New keys in time, before the old ones have sealed too much. False: the connection ended. */
static bool keys_are_fresh(struct belay_connection *c)
{
    uint64_t most = c->env->config->key_update_packets;
    int error = 0;

    if (!belay_keyring_is_update_due(&c->keys, most))
        return true;
    if (belay_keyring_may_update(&c->keys))
        error = belay_keyring_update(&c->keys, belay_recovery_next_number(&c->recovery));
    else if (belay_keyring_is_update_due(&c->keys, BELAY_SEAL_PACKETS_MAX))
        error = BELAY_ELIMIT;
    if (error == 0)
        return true;
    belay_connection_end(c, error, BELAY_CLOSE_NONE,
                         error == BELAY_ELIMIT ? "the peer does not follow a change of keys"
                                               : "no memory for new keys");
    return false;
}

/* Decides what this packet may be. False: nothing may go now. */
static bool begin(struct belay_build *b, size_t *size)
{
    struct belay_connection *c = b->c;

    if (c->due.probes > 0 && c->stage == BELAY_STAGE_OPEN) {
        struct belay_recovery_sink sink = {belay_connection_record_acked,
                                           belay_connection_record_lost, c};

        belay_recovery_repeat_oldest(&c->recovery, &sink);
        /* Unless there was no memory to note what is repeated. */
        b->is_probe = b->may_elicit = c->stage == BELAY_STAGE_OPEN;
    } else if (wants_eliciting(c)) {
        size_t allowed = allowance(c, b->now_ns);

        b->may_elicit = allowed > 0;
        if (b->may_elicit && allowed < *size)
            *size = allowed;
        belay_recovery_set_app_limited(&c->recovery, false);
    } else {
        c->pacing_ns = BELAY_NEVER;
        belay_recovery_set_app_limited(&c->recovery, true);
    }
    if (c->stage == BELAY_STAGE_LINGERING)
        return c->due.close || c->closing.answer_due; /* an ACK goes with those alone */
    return b->may_elicit || belay_acks_is_due(&c->acks, b->now_ns);
}

static void write_frames(struct belay_build *b)
{
    belay_build_frames(b);
    if (!b->may_elicit || b->c->stage != BELAY_STAGE_OPEN || !belay_build_messages(b))
        belay_build_ping(b);
}

/*
 * Segments of a train have one size. A packet that is a little smaller than the first, with
 * more to come, is padded, so that the train goes on.
 */
static void pad_to_segment(struct belay_build *b, size_t segment_frames)
{
    size_t frames = b->capacity - belay_writer_left(&b->w);

    if (b->is_closed || !b->eliciting || b->frame_count >= BELAY_FRAMES_MAX ||
        frames >= segment_frames || segment_frames - frames > segment_frames / 8 ||
        segment_frames > b->capacity)
        return;
    if (wants_eliciting(b->c) && belay_recovery_window_left(&b->c->recovery) > 2 * b->capacity)
        belay_frame_write_padding(&b->w, segment_frames - frames);
}

/* Keys, a number, a header, and a writer for what follows it. The header's length, 0: nothing
 * can be sent. */
static size_t prepare(struct belay_build *b, const uint8_t *cid, uint8_t *out, size_t size)
{
    struct belay_connection *c = b->c;
    size_t header_len;

    if (!keys_are_fresh(c))
        return 0;
    if (!skip_number(c, b->now_ns) ||
        belay_recovery_reserve(&c->recovery, BELAY_BUILD_RECORDS_MAX)) {
        belay_connection_end(c, BELAY_ENOMEM, BELAY_CLOSE_NONE, "no memory to send");
        return 0;
    }
    header_len = write_header(c, cid, out, size);
    if (header_len == 0 || size < header_len + BELAY_TAG_SIZE + 1)
        return 0;
    b->capacity = size - header_len - BELAY_TAG_SIZE;
    b->full_capacity = belay_build_limit(c) - header_len - BELAY_TAG_SIZE;
    belay_writer_init(&b->w, out + header_len, b->capacity);
    return header_len;
}

/* One packet of at most size bytes into out; segment: the train's, 0 for its first. 0: nothing
 * (more) to send. */
static size_t build_packet(struct belay_connection *c, uint8_t *out, size_t size,
                           size_t segment, uint64_t now_ns)
{
    struct belay_build b;
    size_t header_len;

    memset(&b, 0, offsetof(struct belay_build, records));
    b.c = c;
    b.now_ns = now_ns;
    b.is_marked = belay_recovery_ecn_mark(&c->recovery) != BELAY_ECN_NOT;
    if (!begin(&b, &size))
        return 0;
    header_len = prepare(&b, c->peer_has_cid ? c->peer_cid : NULL, out, size);
    if (header_len == 0)
        return 0;
    write_frames(&b);
    if (b.frame_count == 0)
        return 0;
    if (!b.eliciting && !b.has_close && !belay_acks_is_due(&c->acks, now_ns))
        return 0; /* an ACK alone that can still wait */
    if (segment > 0)
        pad_to_segment(&b, segment - header_len - BELAY_TAG_SIZE);
    if (b.is_probe)
        c->due.probes--;
    return finish(&b, out, header_len);
}

/* A packet of probes alone, to wherever its path leads: nobody waits for it. */
static size_t build_probe(struct belay_connection *c, const struct belay_probe *probe,
                          struct belay_train *train, uint64_t now_ns)
{
    struct belay_build b;
    size_t len;

    memset(&b, 0, offsetof(struct belay_build, records));
    b.c = c;
    b.now_ns = now_ns;
    len = prepare(&b, probe->cid, train->buffer, train->capacity);
    if (len == 0)
        return 0;
    if (probe->response != NULL)
        belay_frame_write_path(&b.w, BELAY_FRAME_PATH_RESPONSE, probe->response);
    if (probe->challenge != NULL)
        belay_frame_write_path(&b.w, BELAY_FRAME_PATH_CHALLENGE, probe->challenge);
    len = b.w.bad ? 0 : finish(&b, train->buffer, len);
    if (len > 0)
        belay_paths_sent(c, probe, len, now_ns);
    return len;
}

/* The size of the next probe, on which somebody on the way may have a word; 0: none is due. */
static size_t probe_size(struct belay_connection *c, size_t limit, uint64_t now_ns)
{
    struct belay_mtu *mtu = &c->recovery.mtu;
    uint32_t fits, size = belay_mtu_next(mtu, (uint32_t)limit, now_ns);

    if (size == 0)
        return 0;
    fits = belay_hints_take(c->env->hints, &c->path, c->peer_has_cid ? c->peer_cid : NULL);
    belay_mtu_hint(mtu, fits);
    return fits == 0 ? size : belay_mtu_next(mtu, (uint32_t)limit, now_ns);
}

/*
 * One datagram of PING and PADDING, as large as the search asks for, alone in its train; and no
 * larger than half the window, since larger ones would not be filled.
 */
static size_t build_mtu_probe(struct belay_connection *c, struct belay_train *train,
                              uint64_t now_ns)
{
    uint64_t half = belay_recovery_window_bytes(&c->recovery) / 2;
    size_t limit = half < train->capacity ? (size_t)half : train->capacity;
    struct belay_build b;
    uint8_t *mark;
    size_t len;

    if (!c->mtu_wanted || c->stage != BELAY_STAGE_OPEN || c->due.probes > 0)
        return 0;
    len = probe_size(c, limit, now_ns);
    if (len == 0 || allowance(c, now_ns) == 0)
        return 0;
    memset(&b, 0, offsetof(struct belay_build, records));
    b.c = c;
    b.now_ns = now_ns;
    b.is_mtu_probe = true;
    b.is_marked = belay_recovery_ecn_mark(&c->recovery) != BELAY_ECN_NOT;
    len = prepare(&b, c->peer_has_cid ? c->peer_cid : NULL, train->buffer, len);
    if (len == 0)
        return 0;
    mark = b.w.at;
    belay_frame_write_ping(&b.w);
    belay_build_keep(&b, mark, BELAY_RECORD_MTU_PROBE, 0, 0, 0, 0, 0);
    belay_frame_write_padding(&b.w, belay_writer_left(&b.w));
    c->mtu_wanted = false;
    c->stats.mtu_probes_sent++;
    return finish(&b, train->buffer, len);
}

/* What the search found since the last train is used from this one on. */
static void follow_mtu(struct belay_connection *c, uint64_t now_ns)
{
    uint32_t size = c->recovery.mtu.size_bytes;

    if (c->stage != BELAY_STAGE_OPEN || size == c->datagram_size)
        return;
    c->datagram_size = size;
    belay_recovery_set_datagram_bytes(&c->recovery, size, now_ns);
}

/* More than one datagram took: a larger one would have taken more. Those that are far from full
 * hold as many frames as a packet may. */
static bool is_too_small(struct belay_connection *c, const struct belay_train *train)
{
    struct belay_piece piece;

    return 2 * train->segment_size > c->datagram_size &&
           (train->len > train->segment_size || belay_outbox_peek(&c->outbox, &piece));
}

/* Until there is nothing left to send: then nobody waits for larger ones. */
static void want_mtu(struct belay_connection *c, const struct belay_train *train)
{
    if (train->len > 0)
        c->mtu_wanted |= is_too_small(c, train);
    else
        c->mtu_wanted &= wants_eliciting(c);
}

int belay_connection_build_train(struct belay_connection *c, struct belay_train *train,
                                 uint64_t now_ns)
{
    struct belay_probe probe;
    size_t limit;

    train->len = train->segment_size = 0;
    train->ecn = 0;
    train->path = c->path;
    if (belay_paths_next(c, &probe)) {
        train->path = probe.path;
        train->len = train->segment_size = build_probe(c, &probe, train, now_ns);
        return train->len > 0;
    }
    train->ecn = (unsigned)belay_recovery_ecn_mark(&c->recovery);
    follow_mtu(c, now_ns);
    train->len = train->segment_size = build_mtu_probe(c, train, now_ns);
    if (train->len > 0)
        return true;
    limit = belay_build_limit(c);
    limit = limit < train->capacity ? limit : train->capacity;
    for (unsigned i = 0; i < TRAIN_SEGMENTS_MAX; i++) {
        size_t left = train->capacity - train->len;
        size_t len = build_packet(c, train->buffer + train->len, left < limit ? left : limit,
                                  train->segment_size, now_ns);

        if (len == 0)
            break;
        train->len += len;
        if (i == 0)
            train->segment_size = limit = len;
        if (len < train->segment_size || train->capacity - train->len < limit ||
            train->ecn != (unsigned)belay_recovery_ecn_mark(&c->recovery))
            break;
    }
    want_mtu(c, train);
    return train->len > 0;
}
