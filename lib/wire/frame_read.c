/*
 * frame_read.c - taking frames: a table by type, whose rows check all of a frame. Each row
 * returns NULL or what is wrong; that a frame ends past its packet is seen in one place, by
 * the reader that went bad.
 */
#include "wire/frame.h"

#include <belay/common.h>

#define MODE_MAX        3
#define CHANNEL_FOLLOWS 15   /* in a message frame's type */
#define MESSAGE_SPAN    0xC0 /* of the type: MESSAGE, RUN or FRAGMENT */

/* A length that may not fit into a size_t is found too large. */
static const char *past_end(struct belay_reader *r)
{
    r->bad = true;
    return "a frame ends past its packet";
}

/* ------------------------------------------------------------------ ACK */

void belay_ack_reader_init(struct belay_ack_reader *r, const struct belay_frame *frame)
{
    belay_reader_init(&r->bytes, frame->ack.ranges, frame->ack.ranges_len);
    r->next_hi = frame->ack.largest;
    r->left = frame->ack.range_count;
    r->first = true;
}

/* RFC 9000, section 19.3.1. After the first range next_hi is the lowest number so far. */
bool belay_ack_reader_next(struct belay_ack_reader *r, uint64_t *lo, uint64_t *hi)
{
    if (r->left == 0)
        return false;
    uint64_t down = r->first ? 0 : belay_read_varint(&r->bytes) + 2;
    uint64_t len = belay_read_varint(&r->bytes);
    if (r->bytes.bad || down > r->next_hi || len > r->next_hi - down) {
        r->left = 0;
        return false;
    }
    *hi = r->next_hi - down;
    *lo = *hi - len;
    r->next_hi = *lo;
    r->first = false;
    r->left--;
    return true;
}

static const char *read_ack_ranges(struct belay_reader *r, struct belay_frame *frame)
{
    struct belay_ack_reader ranges = {*r, frame->ack.largest, frame->ack.range_count, true};
    uint32_t taken = 0;
    uint64_t lo, hi;

    while (belay_ack_reader_next(&ranges, &lo, &hi))
        taken++;
    frame->ack.ranges = r->at;
    frame->ack.ranges_len = (size_t)(ranges.bytes.at - r->at);
    *r = ranges.bytes;
    return taken == frame->ack.range_count ? NULL : "an ACK range goes below zero";
}

static const char *read_ack(struct belay_reader *r, struct belay_frame *frame)
{
    frame->ack.largest = belay_read_varint(r);
    frame->ack.delay_us = belay_read_varint(r);
    uint64_t further = belay_read_varint(r);
    if (further >= BELAY_ACK_RANGES_MAX)
        return "an ACK has too many ranges";
    frame->ack.range_count = (uint32_t)further + 1;
    frame->ack.ect0 = frame->ack.ect1 = frame->ack.ce = 0;
    return read_ack_ranges(r, frame);
}

static const char *read_ack_ecn(struct belay_reader *r, struct belay_frame *frame)
{
    const char *wrong = read_ack(r, frame);
    if (wrong != NULL)
        return wrong;
    frame->ack.ect0 = belay_read_varint(r);
    frame->ack.ect1 = belay_read_varint(r);
    frame->ack.ce = belay_read_varint(r);
    return NULL;
}

/* ------------------------------------------------------------------ other plain frames */

static const char *read_type_only(struct belay_reader *r, struct belay_frame *frame)
{
    (void)r;
    (void)frame;
    return NULL;
}

static const char *read_max_data(struct belay_reader *r, struct belay_frame *frame)
{
    frame->max_data.limit = belay_read_varint(r);
    frame->max_data.window = belay_read_varint(r);
    return NULL;
}

static const char *read_data_blocked(struct belay_reader *r, struct belay_frame *frame)
{
    frame->max_data.limit = belay_read_varint(r);
    frame->max_data.window = 0;
    return NULL;
}

static const char *read_max_messages(struct belay_reader *r, struct belay_frame *frame)
{
    uint64_t channel = belay_read_varint(r);
    uint8_t mode = belay_read_u8(r);
    if (channel >= BELAY_CHANNELS_MAX)
        return "a channel is out of range";
    if (mode > MODE_MAX)
        return "a delivery mode is out of range";
    frame->max_messages.channel = (uint32_t)channel;
    frame->max_messages.mode = mode;
    frame->max_messages.limit = belay_read_varint(r);
    return NULL;
}

static const char *read_fin(struct belay_reader *r, struct belay_frame *frame)
{
    frame->fin.messages = belay_read_varint(r);
    return NULL;
}

static const char *read_close(struct belay_reader *r, struct belay_frame *frame)
{
    frame->close.code = belay_read_varint(r);
    uint64_t len = belay_read_varint(r);
    if (len > BELAY_REASON_MAX)
        return "a CLOSE has too long a reason";
    frame->close.reason_len = (size_t)len;
    frame->close.reason = (const char *)belay_read_bytes(r, (size_t)len);
    return NULL;
}

static const char *read_new_cid(struct belay_reader *r, struct belay_frame *frame)
{
    frame->new_cid.sequence = belay_read_varint(r);
    frame->new_cid.retire_prior_to = belay_read_varint(r);
    frame->new_cid.cid = belay_read_bytes(r, BELAY_CID_BYTES);
    frame->new_cid.token = belay_read_bytes(r, BELAY_RESET_TOKEN_BYTES);
    if (frame->new_cid.retire_prior_to > frame->new_cid.sequence)
        return "a NEW_CONNECTION_ID retires itself";
    return NULL;
}

static const char *read_retire_cid(struct belay_reader *r, struct belay_frame *frame)
{
    frame->new_cid.sequence = belay_read_varint(r);
    frame->new_cid.retire_prior_to = 0;
    frame->new_cid.cid = frame->new_cid.token = NULL;
    return NULL;
}

static const char *read_path(struct belay_reader *r, struct belay_frame *frame)
{
    frame->path.data = belay_read_bytes(r, BELAY_PATH_DATA_BYTES);
    return NULL;
}

static const char *(*const plain_frames[])(struct belay_reader *, struct belay_frame *) = {
    [BELAY_FRAME_PADDING] = read_type_only,
    [BELAY_FRAME_PING] = read_type_only,
    [BELAY_FRAME_ACK] = read_ack,
    [BELAY_FRAME_ACK_ECN] = read_ack_ecn,
    [BELAY_FRAME_MAX_DATA] = read_max_data,
    [BELAY_FRAME_MAX_MESSAGES] = read_max_messages,
    [BELAY_FRAME_DATA_BLOCKED] = read_data_blocked,
    [BELAY_FRAME_MESSAGES_BLOCKED] = read_max_messages,
    [BELAY_FRAME_FIN] = read_fin,
    [BELAY_FRAME_CLOSE] = read_close,
    [BELAY_FRAME_NEW_CONNECTION_ID] = read_new_cid,
    [BELAY_FRAME_RETIRE_CONNECTION_ID] = read_retire_cid,
    [BELAY_FRAME_PATH_CHALLENGE] = read_path,
    [BELAY_FRAME_PATH_RESPONSE] = read_path,
};

#define PLAIN_FRAMES (sizeof(plain_frames) / sizeof(plain_frames[0]))

/* ------------------------------------------------------------------ RUN */

/*
 * The next message of a run: its place, and *len; NULL when it ends past end. Ten million
 * times a second: lengths of one and two bytes are read right here, in registers.
 */
static inline const uint8_t *take_of_run(const uint8_t *at, const uint8_t *end, size_t *len)
{
    uint64_t size;
    if (end - at >= 2 && at[0] < 0x80) {
        size = at[0] < 0x40 ? at[0] : (at[0] & 0x3Fu) << 8 | at[1];
        at += 1 + (at[0] >> 6);
    } else {
        struct belay_reader r;
        belay_reader_init(&r, at, (size_t)(end - at));
        size = belay_read_varint(&r);
        if (r.bad)
            return NULL;
        at = r.at;
    }
    if (size > (size_t)(end - at))
        return NULL;
    *len = (size_t)size;
    return at;
}

void belay_run_reader_init(struct belay_run_reader *r, const struct belay_frame *frame)
{
    belay_reader_init(&r->bytes, frame->message.data, frame->message.len);
    r->left = frame->message.count;
}

bool belay_run_reader_next(struct belay_run_reader *r, const uint8_t **data, size_t *len)
{
    if (r->left == 0)
        return false;
    *data = take_of_run(r->bytes.at, r->bytes.end, len);
    if (*data == NULL) {
        r->left = 0;
        return false;
    }
    r->bytes.at = *data + *len;
    r->left--;
    return true;
}

static const char *read_run(struct belay_reader *r, struct belay_frame *frame)
{
    const uint32_t count = belay_read_u16(r);
    if (count < 1 || count > BELAY_RUN_COUNT_MAX)
        return "a RUN's count is out of range";

    const uint8_t *at = r->at, *const end = r->end;
    for (uint32_t i = 0; i < count; i++) {
        size_t len;
        at = take_of_run(at, end, &len);
        if (at == NULL)
            return past_end(r);
        at += len;
    }
    frame->message.count = count;
    frame->message.data = r->at;
    frame->message.len = (size_t)(at - r->at);
    r->at = at;
    return NULL;
}

/* ------------------------------------------------------------------ MESSAGE, FRAGMENT */

static const char *read_fragment(struct belay_reader *r, struct belay_frame *frame)
{
    const uint64_t total = belay_read_varint(r);
    const uint64_t offset = belay_read_varint(r);
    const uint64_t len = belay_read_varint(r);
    if (len < 1)
        return "a FRAGMENT is empty";
    if (offset > total || len > total - offset)
        return "a FRAGMENT ends past its message";
    if (len > belay_reader_left(r))
        return past_end(r);
    frame->message.total = total;
    frame->message.offset = offset;
    frame->message.len = (size_t)len;
    frame->message.data = belay_read_bytes(r, (size_t)len);
    return NULL;
}

static const char *read_message(struct belay_reader *r, struct belay_frame *frame,
                                uint8_t first)
{
    uint64_t channel = first & 0x0F;
    if (channel == CHANNEL_FOLLOWS)
        channel = belay_read_varint(r);
    if (channel >= BELAY_CHANNELS_MAX)
        return "a channel is out of range";

    frame->type = (enum belay_frame_type)(first & MESSAGE_SPAN);
    frame->message.channel = (uint32_t)channel;
    frame->message.mode = first >> 4 & MODE_MAX;
    frame->message.number = belay_read_u32(r);
    frame->message.count = 1;
    frame->message.total = frame->message.offset = 0;
    if (frame->type == BELAY_FRAME_RUN)
        return read_run(r, frame);
    if (frame->type == BELAY_FRAME_FRAGMENT)
        return read_fragment(r, frame);
    frame->message.len = belay_reader_left(r);
    frame->message.data = belay_read_bytes(r, frame->message.len);
    return NULL;
}

/* ------------------------------------------------------------------ the packet's frames */

int belay_frame_parse(struct belay_reader *r, struct belay_frame *frame, const char **why)
{
    const uint8_t first = belay_read_u8(r);
    const char *wrong;

    if (first >= BELAY_FRAME_MESSAGE) {
        wrong = read_message(r, frame, first);
    } else if (first < PLAIN_FRAMES) {
        frame->type = (enum belay_frame_type)first;
        wrong = plain_frames[first](r, frame);
    } else {
        wrong = "a frame's type is unknown";
    }
    if (r->bad)
        wrong = past_end(r); /* whatever the zeros read there were taken for */
    if (wrong == NULL)
        return BELAY_OK;
    *why = wrong;
    return BELAY_EPROTO;
}

static void skip_padding(struct belay_reader *r)
{
    while (r->at < r->end && *r->at == BELAY_FRAME_PADDING)
        r->at++;
}

/* Messages that begin or continue in a frame. */
static uint32_t message_count(const struct belay_frame *frame)
{
    return frame->type >= BELAY_FRAME_MESSAGE ? frame->message.count : 0;
}

int belay_frames_parse(const uint8_t *data, size_t len, struct belay_frame *frames,
                       size_t *count, const char **why)
{
    struct belay_reader r;
    size_t kept = 0, paddings = 0;
    uint32_t messages = 0;

    belay_reader_init(&r, data, len);
    if (len == 0) {
        *why = "a packet has no frames";
        return BELAY_EPROTO;
    }
    while (belay_reader_left(&r) > 0) {
        if (kept + paddings == BELAY_FRAMES_MAX) {
            *why = "a packet has too many frames";
            return BELAY_EPROTO;
        }
        if (*r.at == BELAY_FRAME_PADDING) {
            skip_padding(&r);
            paddings++;
            continue;
        }
        if (belay_frame_parse(&r, &frames[kept], why) != BELAY_OK)
            return BELAY_EPROTO;
        messages += message_count(&frames[kept++]);
        if (messages > BELAY_PACKET_MESSAGES_MAX) {
            *why = "a packet has too many messages";
            return BELAY_EPROTO;
        }
    }
    *count = kept;
    return BELAY_OK;
}
