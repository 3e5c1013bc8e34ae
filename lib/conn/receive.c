/*
 * receive.c - packets in. A packet is found to be new, opened, parsed whole, and only then are
 * its frames dispatched, by a table.
 */
#include "conn/private.h"

#include <stdio.h>
#include <string.h>

#define ACK_DELAY_MIN_NS UINT64_C(1000000)

/* Of a peer that makes us answer for ever and acknowledges nothing: what is kept of our packets
 * until it does would grow for ever. An honest one acknowledges our PINGs, one a round trip. */
#define UNANSWERED_MAX  65536
#define UNANSWERED_PTOS 6

struct input {
    struct belay_connection *c;
    uint64_t now_ns;
    const struct belay_arrival *arrival;
    bool stop; /* the connection ended: the rest of the packet no longer matters */
};

static void violate(struct input *in, uint64_t code, const char *why)
{
    char text[160];

    snprintf(text, sizeof(text), "the peer broke the protocol: %s", why);
    belay_connection_log(in->c, 1, text);
    belay_connection_fail(in->c, BELAY_EPROTO, code, text);
    in->stop = true;
}

static void no_memory(struct input *in)
{
    belay_connection_fail(in->c, BELAY_ENOMEM, BELAY_CLOSE_MEMORY,
                          "no memory for what the peer sent");
    in->stop = true;
}

/* What the inbox said to a message of this size, or a part of it: the connection ends. */
static void refuse_message(struct input *in, const struct belay_frame *frame, uint64_t size,
                           int error, const char *why)
{
    const struct belay_core_config *config = in->c->env->config;
    bool in_limits =
        frame->message.channel < config->channels_max && size <= config->message_size_max;

    if (error == BELAY_ENOMEM)
        no_memory(in);
    else if (error == BELAY_ELIMIT)
        violate(in, BELAY_CLOSE_CREDIT, why);
    else
        violate(in, in_limits ? BELAY_CLOSE_PROTOCOL : BELAY_CLOSE_LIMIT, why);
}

/* ------------------------------------------------------------------ one function a frame */

static void on_ping(struct input *in, const struct belay_frame *frame)
{
    (void)in;
    (void)frame;
}

static void on_ack(struct input *in, const struct belay_frame *frame)
{
    struct belay_connection *c = in->c;
    struct belay_recovery_sink sink = {belay_connection_record_acked,
                                       belay_connection_record_lost, c};
    struct belay_range ranges[BELAY_ACK_RANGES_MAX];
    struct belay_ack_reader reader;
    uint64_t lo, hi, delay_us = frame->ack.delay_us, delay_ns;
    uint64_t ecn[3] = {frame->ack.ect0, frame->ack.ect1, frame->ack.ce};
    size_t count = 0;

    belay_ack_reader_init(&reader, frame);
    while (count < BELAY_ACK_RANGES_MAX && belay_ack_reader_next(&reader, &lo, &hi))
        ranges[count++] = (struct belay_range){lo, hi + 1};
    delay_ns = delay_us > UINT64_C(1) << 32 ? UINT64_C(1) << 42 : delay_us * 1000;
    if (belay_recovery_acked_ecn(&c->recovery, ranges, count, delay_ns,
                                 frame->type == BELAY_FRAME_ACK_ECN ? ecn : NULL, in->now_ns,
                                 &sink))
        violate(in, BELAY_CLOSE_PROTOCOL, "it acknowledged a packet that was never sent");
    else if (c->stage != BELAY_STAGE_OPEN)
        in->stop = true;
    if (count > 0)
        belay_keyring_acked(&c->keys, ranges[0].hi - 1);
}

static void on_max_data(struct input *in, const struct belay_frame *frame)
{
    belay_outbox_set_max_data(&in->c->outbox, frame->max_data.limit, frame->max_data.window);
}

static void on_max_messages(struct input *in, const struct belay_frame *frame)
{
    if (!belay_outbox_set_max_messages(&in->c->outbox, frame->max_messages.channel,
                                       frame->max_messages.mode, frame->max_messages.limit))
        violate(in, BELAY_CLOSE_PROTOCOL, "MAX_MESSAGES for a sequence never used");
}

static void on_data_blocked(struct input *in, const struct belay_frame *frame)
{
    (void)frame;
    in->c->due.max_data = true;
}

static void on_messages_blocked(struct input *in, const struct belay_frame *frame)
{
    belay_inbox_want_max_messages(&in->c->inbox, frame->max_messages.channel,
                                  frame->max_messages.mode);
}

static void on_fin(struct input *in, const struct belay_frame *frame)
{
    struct belay_connection *c = in->c;

    if (c->closing.peer_fin && c->closing.peer_messages != frame->fin.messages) {
        violate(in, BELAY_CLOSE_PROTOCOL, "FIN twice, with different counts");
        return;
    }
    c->closing.peer_fin = true;
    c->closing.peer_messages = frame->fin.messages;
}

/* All came and all was acknowledged, but for our FIN; a peer that is done had that too. */
static bool waits_for_fin_alone(const struct belay_connection *c)
{
    return c->closing.requested && c->outbox.messages_open == 0 && c->closing.peer_fin &&
           c->inbox.messages_completed == c->closing.peer_messages;
}

/*
 * CLOSE with NONE is the word of a peer that has our FIN, handed all of our messages to its app
 * and has all of its own acknowledged. ACKs of ours may have been lost for good (the packets
 * that they told of are forgotten here): this says it all again.
 */
static bool takes_peer_as_done(struct belay_connection *c)
{
    if (!c->closing.requested || !c->closing.peer_fin ||
        c->inbox.messages_completed != c->closing.peer_messages)
        return false;
    return c->outbox.messages_open == 0 || belay_outbox_acked_all(&c->outbox);
}

static void on_close(struct input *in, const struct belay_frame *frame)
{
    struct belay_connection *c = in->c;
    char text[BELAY_REASON_MAX + 1];

    if (frame->close.code == BELAY_CLOSE_NONE && takes_peer_as_done(c)) {
        c->closing.fin_acked = true;
        c->closing.peer_is_done = true;
        c->due.fin = false;
        return;
    }
    in->stop = true;
    memcpy(text, frame->close.reason, frame->close.reason_len);
    text[frame->close.reason_len] = '\0';
    if (text[0] == '\0')
        snprintf(text, sizeof(text), "the peer closed with code 0x%llx",
                 (unsigned long long)frame->close.code);
    belay_connection_end(c, BELAY_ERESET, frame->close.code, text);
}

static void on_new_cid(struct input *in, const struct belay_frame *frame)
{
    const char *why;

    if (belay_their_ids_offered(&in->c->their_ids, frame->new_cid.sequence,
                                frame->new_cid.retire_prior_to, frame->new_cid.cid,
                                frame->new_cid.token, &why))
        violate(in, BELAY_CLOSE_PROTOCOL, why);
    else
        belay_paths_ids_changed(in->c);
}

static void on_retire_cid(struct input *in, const struct belay_frame *frame)
{
    if (belay_own_ids_retired(&in->c->own_ids, frame->new_cid.sequence))
        violate(in, BELAY_CLOSE_PROTOCOL, "it gave up a connection ID that it never had");
    in->c->has_changed = true;
}

static void on_path_challenge(struct input *in, const struct belay_frame *frame)
{
    belay_paths_on_challenge(in->c, in->arrival, frame->path.data);
}

static void on_path_response(struct input *in, const struct belay_frame *frame)
{
    belay_paths_on_response(in->c, in->arrival, frame->path.data, in->now_ns);
}

static void on_message(struct input *in, const struct belay_frame *frame)
{
    const char *why = "";
    int error = belay_inbox_message(&in->c->inbox, frame->message.channel, frame->message.mode,
                                    frame->message.number, frame->message.data,
                                    frame->message.len, &why);

    if (error)
        refuse_message(in, frame, frame->message.len, error, why);
}

static void on_run(struct input *in, const struct belay_frame *frame)
{
    struct belay_run_reader reader;
    const uint8_t *data;
    size_t len;
    uint32_t number = frame->message.number;

    belay_run_reader_init(&reader, frame);
    while (!in->stop && belay_run_reader_next(&reader, &data, &len)) {
        const char *why = "";
        int error = belay_inbox_message(&in->c->inbox, frame->message.channel,
                                        frame->message.mode, number++, data, len, &why);

        if (error)
            refuse_message(in, frame, len, error, why);
    }
}

static void on_fragment(struct input *in, const struct belay_frame *frame)
{
    const char *why = "";
    int error =
        belay_inbox_part(&in->c->inbox, frame->message.channel, frame->message.mode,
                         frame->message.number, frame->message.total, frame->message.offset,
                         frame->message.data, frame->message.len, &why);

    if (error)
        refuse_message(in, frame, frame->message.total, error, why);
}

struct frame_rule {
    void (*on)(struct input *in, const struct belay_frame *frame);
    bool is_eliciting;
};

static const struct frame_rule rules[] = {
    [BELAY_FRAME_PING] = {on_ping, true},
    [BELAY_FRAME_ACK] = {on_ack, false},
    [BELAY_FRAME_ACK_ECN] = {on_ack, false},
    [BELAY_FRAME_MAX_DATA] = {on_max_data, true},
    [BELAY_FRAME_MAX_MESSAGES] = {on_max_messages, true},
    [BELAY_FRAME_DATA_BLOCKED] = {on_data_blocked, true},
    [BELAY_FRAME_MESSAGES_BLOCKED] = {on_messages_blocked, true},
    [BELAY_FRAME_FIN] = {on_fin, true},
    [BELAY_FRAME_CLOSE] = {on_close, false},
    [BELAY_FRAME_NEW_CONNECTION_ID] = {on_new_cid, true},
    [BELAY_FRAME_RETIRE_CONNECTION_ID] = {on_retire_cid, true},
    [BELAY_FRAME_PATH_CHALLENGE] = {on_path_challenge, false},
    [BELAY_FRAME_PATH_RESPONSE] = {on_path_response, false},
    [BELAY_FRAME_MESSAGE] = {on_message, true},
    [BELAY_FRAME_RUN] = {on_run, true},
    [BELAY_FRAME_FRAGMENT] = {on_fragment, true},
};

/* ------------------------------------------------------------------ the packet */

static const char *check_frames(const struct belay_frame *frames, size_t count, bool *eliciting)
{
    *eliciting = false;
    for (size_t i = 0; i < count; i++) {
        *eliciting |= rules[frames[i].type].is_eliciting;
        if (frames[i].type >= BELAY_FRAME_MESSAGE &&
            frames[i].message.mode > BELAY_RELIABLE_UNORDERED)
            return "a delivery mode that is not in this version";
    }
    return NULL;
}

/* Of a path where its sender perhaps is not. */
static bool is_probe(const struct belay_frame *frame)
{
    return frame->type == BELAY_FRAME_PATH_CHALLENGE ||
           frame->type == BELAY_FRAME_PATH_RESPONSE;
}

/* PADDING alone is no probe. */
static bool are_probes(const struct belay_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_probe(&frames[i]))
            return false;
    return count > 0;
}

/* Frames of an opened packet while the connection is open. */
static void take_frames(struct input *in, const uint8_t *data, size_t len, uint64_t number,
                        unsigned ecn)
{
    struct belay_connection *c = in->c;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why = "";
    bool eliciting;
    size_t count;

    if (belay_frames_parse(data, len, frames, &count, &why)) {
        violate(in, BELAY_CLOSE_PROTOCOL, why);
        return;
    }
    why = check_frames(frames, count, &eliciting);
    if (why != NULL) {
        violate(in, BELAY_CLOSE_PROTOCOL, why);
        return;
    }
    if (belay_acks_received(&c->acks, number, eliciting, ecn, in->now_ns)) {
        no_memory(in);
        return;
    }
    belay_paths_arrived(c, in->arrival, are_probes(frames, count), in->now_ns);
    for (size_t i = 0; i < count && !in->stop; i++)
        rules[frames[i].type].on(in, &frames[i]);
}

static bool acknowledges_nothing(const struct belay_connection *c)
{
    return c->unanswered > UNANSWERED_MAX && c->recovery.pto_count >= UNANSWERED_PTOS;
}

static bool fin_is_passed(const struct belay_connection *c)
{
    return c->closing.peer_fin && c->inbox.messages_completed > c->closing.peer_messages;
}

/* A peer whose address changes now is answered there all the same. */
static void answer_probes(struct belay_connection *c, const struct belay_frame *frames,
                          size_t count, const struct belay_arrival *arrival, uint64_t now_ns)
{
    struct input in = {c, now_ns, arrival, false};

    belay_paths_arrived(c, arrival, are_probes(frames, count), now_ns);
    for (size_t i = 0; i < count; i++)
        if (is_probe(&frames[i]))
            rules[frames[i].type].on(&in, &frames[i]);
}

/* A lingering connection answers; it takes nothing but the peer's own CLOSE, and probes. */
static void answer(struct belay_connection *c, const uint8_t *data, size_t len, uint64_t number,
                   const struct belay_arrival *arrival, unsigned ecn, uint64_t now_ns)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why;
    bool eliciting;
    size_t count;

    if (belay_frames_parse(data, len, frames, &count, &why))
        return;
    check_frames(frames, count, &eliciting);
    for (size_t i = 0; i < count; i++) {
        if (frames[i].type == BELAY_FRAME_CLOSE) {
            c->timers_ns[BELAY_TIMER_LINGER] = now_ns; /* both know: done */
            return;
        }
    }
    if (belay_acks_received(&c->acks, number, eliciting, ecn, now_ns))
        return;
    answer_probes(c, frames, count, arrival, now_ns);
    if (!eliciting)
        return;
    if (!c->closing.is_abort) {
        c->closing.answer_due = true;
        belay_connection_linger_begin(c, now_ns); /* as long as it asks */
    } else if (now_ns >= c->closing.next_answer_ns) {
        c->due.close = true;
        c->closing.next_answer_ns = now_ns + belay_recovery_pto_ns(&c->recovery);
    }
}

/* A quarter of a round trip: an ACK that waits longer holds up a sender with a small window. */
static void tune_acks(struct belay_connection *c, uint64_t now_ns)
{
    uint64_t delay_ns = c->recovery.rtt.smoothed_ns / 4;

    if (delay_ns < ACK_DELAY_MIN_NS)
        delay_ns = ACK_DELAY_MIN_NS;
    if (delay_ns > c->env->config->ack_delay_max_ns)
        delay_ns = c->env->config->ack_delay_max_ns;
    belay_acks_tune(&c->acks, c->recovery.rtt.smoothed_ns, delay_ns, now_ns);
}

static void take_packet(struct belay_connection *c, const uint8_t *frames, size_t frames_len,
                        uint64_t number, const struct belay_arrival *arrival, unsigned ecn,
                        uint64_t now_ns)
{
    struct input in = {c, now_ns, arrival, false};

    if (c->stage == BELAY_STAGE_HALF_OPEN)
        belay_connection_open(c, now_ns);
    belay_connection_note_received(c, now_ns);
    tune_acks(c, now_ns);
    take_frames(&in, frames, frames_len, number, ecn);
    if (c->stage == BELAY_STAGE_OPEN && fin_is_passed(c))
        violate(&in, BELAY_CLOSE_PROTOCOL, "it sent more messages than its FIN said");
    if (c->stage == BELAY_STAGE_OPEN && acknowledges_nothing(c))
        violate(&in, BELAY_CLOSE_PROTOCOL, "it wants answers and acknowledges none");
    if (c->stage == BELAY_STAGE_OPEN) {
        belay_inbox_tune(&c->inbox, c->recovery.rtt.smoothed_ns, now_ns);
        belay_connection_check_done(c);
    }
}

/* Opens the packet in place; its key may be of the phase before or after this one. */
static bool open_packet(struct belay_connection *c, const struct belay_data_header *header,
                        uint8_t *packet, size_t frames_len, uint64_t number, uint64_t now_ns)
{
    struct input in = {c, now_ns, NULL, false};
    int error =
        belay_keyring_open(&c->keys, header->key_phase, number, packet, header->header_len,
                           frames_len, belay_recovery_next_number(&c->recovery),
                           3 * belay_recovery_pto_ns(&c->recovery), now_ns);

    belay_timer_set(c, BELAY_TIMER_KEYS, c->keys.forget_ns);
    belay_connection_stay_awake(c, now_ns); /* a forged one took an expanded key, too */
    if (error == BELAY_ELIMIT)
        violate(&in, BELAY_CLOSE_PROTOCOL, "it changed keys too often, or forged too much");
    else if (error == BELAY_ENOMEM)
        no_memory(&in);
    return error == 0;
}

void belay_connection_on_data(struct belay_connection *c,
                              const struct belay_data_header *header, uint8_t *packet,
                              size_t len, const struct belay_path *path, unsigned ecn,
                              uint64_t now_ns)
{
    size_t frames_len = len - header->header_len - BELAY_TAG_SIZE;
    const uint8_t *frames = packet + header->header_len;
    uint64_t number = belay_number_expand(c->acks.next_expected, header->number_truncated,
                                          8 * header->number_bytes);
    const struct belay_arrival arrival = {.path = path,
                                          .cid = header->has_cid ? header->cid : NULL,
                                          .len = len,
                                          .is_highest = number >= c->acks.next_expected};
    enum belay_packet_novelty novelty;

    c->stats.datagrams_received++;
    c->stats.wire_bytes_received += len;
    if (c->stage == BELAY_STAGE_DIALING || c->stage == BELAY_STAGE_DEAD)
        return;
    if (!open_packet(c, header, packet, frames_len, number, now_ns)) {
        c->stats.packets_corrupt++;
        belay_connection_trace(c, false, 'D', number, len, frames, 0, "corrupt", now_ns);
        return;
    }
    novelty = belay_acks_check(&c->acks, number);
    if (novelty != BELAY_PACKET_NEW) {
        c->stats.packets_duplicate++;
        belay_connection_trace(c, false, 'D', number, len, frames, 0,
                               novelty == BELAY_PACKET_SEEN ? "duplicate" : "below floor",
                               now_ns);
        return;
    }
    c->stats.packets_received++;
    belay_connection_trace(c, false, 'D', number, len, frames, frames_len, "ok", now_ns);
    if (c->stage == BELAY_STAGE_LINGERING)
        answer(c, frames, frames_len, number, &arrival, ecn, now_ns);
    else
        take_packet(c, frames, frames_len, number, &arrival, ecn, now_ns);
}

void belay_connection_on_reset(struct belay_connection *c, bool replaced)
{
    if (c->stage == BELAY_STAGE_LINGERING) {
        c->stage = BELAY_STAGE_DEAD;
        return;
    }
    if (c->stage != BELAY_STAGE_OPEN)
        return;
    if (!replaced && waits_for_fin_alone(c)) {
        /* The peer was done and has forgotten us. */
        c->closing.fin_acked = c->closing.peer_is_done = true;
        c->due.fin = false;
        belay_connection_check_done(c);
        return;
    }
    belay_connection_end(c, BELAY_ERESET, BELAY_CLOSE_NONE,
                         replaced ? "the peer started again and opened a new connection"
                                  : "the peer has no such connection: it restarted");
}
