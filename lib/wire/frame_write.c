/* frame_write.c - frames to bytes. Sizes are known beforehand; see docs/protocol.md. */
#include "wire/frame.h"

#include <assert.h>
#include <string.h>

#define CHANNEL_FOLLOWS 15 /* in a message frame's type */

/* ------------------------------------------------------------------ plain frames */

void belay_frame_write_ping(struct belay_writer *w)
{
    belay_write_u8(w, BELAY_FRAME_PING);
}

void belay_frame_write_padding(struct belay_writer *w, size_t len)
{
    uint8_t *place = belay_write_skip(w, len);
    if (place != NULL && len > 0)
        memset(place, BELAY_FRAME_PADDING, len);
}

void belay_frame_write_max_data(struct belay_writer *w, uint64_t limit, uint64_t window)
{
    belay_write_u8(w, BELAY_FRAME_MAX_DATA);
    belay_write_varint(w, limit);
    belay_write_varint(w, window);
}

void belay_frame_write_max_messages(struct belay_writer *w, enum belay_frame_type type,
                                    uint32_t channel, uint8_t mode, uint64_t limit)
{
    assert(type == BELAY_FRAME_MAX_MESSAGES || type == BELAY_FRAME_MESSAGES_BLOCKED);
    assert(channel < BELAY_CHANNELS_MAX && mode <= 3);
    belay_write_u8(w, (uint8_t)type);
    belay_write_varint(w, channel);
    belay_write_u8(w, mode);
    belay_write_varint(w, limit);
}

void belay_frame_write_data_blocked(struct belay_writer *w, uint64_t limit)
{
    belay_write_u8(w, BELAY_FRAME_DATA_BLOCKED);
    belay_write_varint(w, limit);
}

void belay_frame_write_fin(struct belay_writer *w, uint64_t messages)
{
    belay_write_u8(w, BELAY_FRAME_FIN);
    belay_write_varint(w, messages);
}

void belay_frame_write_close(struct belay_writer *w, uint64_t code, const char *reason,
                             size_t reason_len)
{
    assert(reason_len <= BELAY_REASON_MAX);
    belay_write_u8(w, BELAY_FRAME_CLOSE);
    belay_write_varint(w, code);
    belay_write_varint(w, reason_len);
    belay_write_bytes(w, reason, reason_len);
}

void belay_frame_write_new_cid(struct belay_writer *w, uint64_t sequence,
                               uint64_t retire_prior_to, const uint8_t *cid,
                               const uint8_t *token)
{
    assert(retire_prior_to <= sequence);
    belay_write_u8(w, BELAY_FRAME_NEW_CONNECTION_ID);
    belay_write_varint(w, sequence);
    belay_write_varint(w, retire_prior_to);
    belay_write_bytes(w, cid, BELAY_CID_BYTES);
    belay_write_bytes(w, token, BELAY_RESET_TOKEN_BYTES);
}

void belay_frame_write_retire_cid(struct belay_writer *w, uint64_t sequence)
{
    belay_write_u8(w, BELAY_FRAME_RETIRE_CONNECTION_ID);
    belay_write_varint(w, sequence);
}

void belay_frame_write_path(struct belay_writer *w, enum belay_frame_type type,
                            const uint8_t *data)
{
    assert(type == BELAY_FRAME_PATH_CHALLENGE || type == BELAY_FRAME_PATH_RESPONSE);
    belay_write_u8(w, (uint8_t)type);
    belay_write_bytes(w, data, BELAY_PATH_DATA_BYTES);
}

/* ------------------------------------------------------------------ ACK */

struct ack_source {
    bool (*get)(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi);
    const void *ctx;
};

/* How many of the ranges fit into room bytes; fixed is what the frame has without its ranges
 * and their count. */
static size_t count_ranges(const struct ack_source *source, size_t fixed, size_t room)
{
    size_t used = fixed, n = 0;
    uint64_t lo, hi, above = 0;

    while (n < BELAY_ACK_RANGES_MAX && source->get(source->ctx, n, &lo, &hi)) {
        assert(lo <= hi && (n == 0 || hi + 2 <= above));
        used += belay_varint_size(hi - lo) + (n > 0 ? belay_varint_size(above - hi - 2) : 0);
        if (used + belay_varint_size(n) > room)
            break;
        above = lo;
        n++;
    }
    return n;
}

static void write_ranges(struct belay_writer *w, const struct ack_source *source, size_t count)
{
    uint64_t lo = 0, hi = 0, above = 0;

    for (size_t i = 0; i < count && source->get(source->ctx, i, &lo, &hi); i++) {
        if (i > 0)
            belay_write_varint(w, above - hi - 2);
        belay_write_varint(w, hi - lo);
        above = lo;
    }
}

size_t belay_frame_write_ack(struct belay_writer *w, uint64_t delay_us, const uint64_t *ecn,
                             bool (*get)(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi),
                             const void *ctx)
{
    const struct ack_source source = {get, ctx};
    uint64_t lo, largest;

    if (w->bad || !get(ctx, 0, &lo, &largest))
        return 0;
    size_t fixed = 1 + belay_varint_size(largest) + belay_varint_size(delay_us);
    for (size_t i = 0; ecn != NULL && i < 3; i++)
        fixed += belay_varint_size(ecn[i]);
    size_t count = count_ranges(&source, fixed, belay_writer_left(w));
    if (count == 0)
        return 0;

    belay_write_u8(w, ecn != NULL ? BELAY_FRAME_ACK_ECN : BELAY_FRAME_ACK);
    belay_write_varint(w, largest);
    belay_write_varint(w, delay_us);
    belay_write_varint(w, count - 1);
    write_ranges(w, &source, count);
    for (size_t i = 0; ecn != NULL && i < 3; i++)
        belay_write_varint(w, ecn[i]);
    return count;
}

/* ------------------------------------------------------------------ MESSAGE, RUN, FRAGMENT */

size_t belay_frame_message_size(uint32_t channel)
{
    return 1 + (channel < CHANNEL_FOLLOWS ? 0 : belay_varint_size(channel)) + 4;
}

size_t belay_frame_run_size(uint32_t channel)
{
    return belay_frame_message_size(channel) + 2;
}

size_t belay_frame_fragment_size(uint32_t channel, uint64_t total, uint64_t offset, size_t len)
{
    return belay_frame_message_size(channel) + belay_varint_size(total) +
           belay_varint_size(offset) + belay_varint_size(len);
}

static void write_head(struct belay_writer *w, enum belay_frame_type span, uint32_t channel,
                       uint8_t mode, uint64_t number)
{
    assert(channel < BELAY_CHANNELS_MAX && mode <= 3);
    uint32_t in_type = channel < CHANNEL_FOLLOWS ? channel : CHANNEL_FOLLOWS;
    belay_write_u8(w, (uint8_t)(span | (unsigned)mode << 4 | in_type));
    if (channel >= CHANNEL_FOLLOWS)
        belay_write_varint(w, channel);
    belay_write_u32(w, (uint32_t)number);
}

void belay_frame_write_message(struct belay_writer *w, uint32_t channel, uint8_t mode,
                               uint64_t number)
{
    write_head(w, BELAY_FRAME_MESSAGE, channel, mode, number);
}

uint8_t *belay_frame_write_run(struct belay_writer *w, uint32_t channel, uint8_t mode,
                               uint64_t number)
{
    write_head(w, BELAY_FRAME_RUN, channel, mode, number);
    return belay_write_skip(w, 2);
}

void belay_frame_set_run_count(uint8_t *place, unsigned count)
{
    assert(count >= 1 && count <= BELAY_RUN_COUNT_MAX);
    place[0] = (uint8_t)(count >> 8);
    place[1] = (uint8_t)count;
}

void belay_frame_write_fragment(struct belay_writer *w, uint32_t channel, uint8_t mode,
                                uint64_t number, uint64_t total, uint64_t offset, size_t len)
{
    assert(len > 0 && offset <= total && len <= total - offset);
    write_head(w, BELAY_FRAME_FRAGMENT, channel, mode, number);
    belay_write_varint(w, total);
    belay_write_varint(w, offset);
    belay_write_varint(w, len);
}
