/* The frames of a packet: read, written anew, read again. */
#include "fuzz.h"

#include "wire/frame.h"

#define BUILT_BYTES_MAX 70000

/* ------------------------------------------------------------------ reading */

struct ranges {
    uint64_t lo[BELAY_ACK_RANGES_MAX], hi[BELAY_ACK_RANGES_MAX];
    size_t count;
};

static void read_ranges(const struct belay_frame *frame, struct ranges *ranges)
{
    struct belay_ack_reader reader;
    uint64_t lo, hi;

    ranges->count = 0;
    belay_ack_reader_init(&reader, frame);
    while (belay_ack_reader_next(&reader, &lo, &hi)) {
        FUZZ_CHECK(ranges->count < BELAY_ACK_RANGES_MAX && lo <= hi);
        FUZZ_CHECK(ranges->count == 0 ? hi == frame->ack.largest
                                      : hi + 1 < ranges->lo[ranges->count - 1]);
        ranges->lo[ranges->count] = lo;
        ranges->hi[ranges->count++] = hi;
    }
    FUZZ_CHECK(ranges->count == frame->ack.range_count);
}

static size_t read_run(const struct belay_frame *frame, const uint8_t *data, size_t size)
{
    struct belay_run_reader reader;
    const uint8_t *message;
    size_t len, count = 0;

    belay_run_reader_init(&reader, frame);
    while (belay_run_reader_next(&reader, &message, &len)) {
        FUZZ_CHECK(fuzz_is_inside(message, len, data, size));
        count++;
    }
    FUZZ_CHECK(count == frame->message.count);
    return count;
}

static void check_message(const struct belay_frame *frame, const uint8_t *data, size_t size,
                          size_t *messages)
{
    FUZZ_CHECK(frame->message.channel < BELAY_CHANNELS_MAX && frame->message.mode <= 3);
    FUZZ_CHECK(fuzz_is_inside(frame->message.data, frame->message.len, data, size));
    if (frame->type == BELAY_FRAME_RUN)
        *messages += read_run(frame, data, size);
    else
        ++*messages;
    if (frame->type == BELAY_FRAME_FRAGMENT)
        FUZZ_CHECK(frame->message.len > 0 && frame->message.len <= frame->message.total &&
                   frame->message.offset <= frame->message.total - frame->message.len);
}

static void check_frame(const struct belay_frame *frame, const uint8_t *data, size_t size,
                        size_t *messages)
{
    struct ranges ranges;

    if (frame->type == BELAY_FRAME_ACK || frame->type == BELAY_FRAME_ACK_ECN)
        read_ranges(frame, &ranges);
    if (frame->type == BELAY_FRAME_CLOSE)
        FUZZ_CHECK(frame->close.reason_len <= BELAY_REASON_MAX &&
                   fuzz_is_inside(frame->close.reason, frame->close.reason_len, data, size));
    if (frame->type >= BELAY_FRAME_MESSAGE)
        check_message(frame, data, size, messages);
}

/* ------------------------------------------------------------------ writing */

static bool get_range(const void *ctx, size_t i, uint64_t *lo, uint64_t *hi)
{
    const struct ranges *ranges = ctx;

    if (i >= ranges->count)
        return false;
    *lo = ranges->lo[i];
    *hi = ranges->hi[i];
    return true;
}

static void write_ack(struct belay_writer *w, const struct belay_frame *frame)
{
    const uint64_t ecn[3] = {frame->ack.ect0, frame->ack.ect1, frame->ack.ce};
    struct belay_writer small = {w->at, w->at + frame->ack.range_count, false};
    struct ranges ranges;
    size_t some;

    read_ranges(frame, &ranges);
    some = belay_frame_write_ack(&small, frame->ack.delay_us, ecn, get_range, &ranges);
    FUZZ_CHECK(some <= ranges.count && !small.bad);
    FUZZ_CHECK(belay_frame_write_ack(w, frame->ack.delay_us,
                                     frame->type == BELAY_FRAME_ACK_ECN ? ecn : NULL, get_range,
                                     &ranges) == ranges.count);
}

static void write_run(struct belay_writer *w, const struct belay_frame *frame)
{
    const uint8_t *begin = w->at, *data;
    uint8_t *count = belay_frame_write_run(w, frame->message.channel, frame->message.mode,
                                           frame->message.number);
    struct belay_run_reader reader;
    size_t len;

    FUZZ_CHECK((size_t)(w->at - begin) == belay_frame_run_size(frame->message.channel));
    belay_frame_set_run_count(count, frame->message.count);
    belay_run_reader_init(&reader, frame);
    while (belay_run_reader_next(&reader, &data, &len)) {
        belay_write_varint(w, len);
        belay_write_bytes(w, data, len);
    }
}

static void write_message(struct belay_writer *w, const struct belay_frame *frame)
{
    const uint8_t *begin = w->at;
    uint32_t channel = frame->message.channel;
    uint64_t total = frame->message.total, offset = frame->message.offset;
    size_t len = frame->message.len, head;

    if (frame->type == BELAY_FRAME_MESSAGE) {
        belay_frame_write_message(w, channel, frame->message.mode, frame->message.number);
        head = belay_frame_message_size(channel);
    } else {
        belay_frame_write_fragment(w, channel, frame->message.mode, frame->message.number,
                                   total, offset, len);
        head = belay_frame_fragment_size(channel, total, offset, len);
    }
    FUZZ_CHECK((size_t)(w->at - begin) == head);
    belay_write_bytes(w, frame->message.data, len);
}

static void write_frame(struct belay_writer *w, const struct belay_frame *frame)
{
    switch (frame->type) {
    case BELAY_FRAME_PADDING:
        break;
    case BELAY_FRAME_PING:
        belay_frame_write_ping(w);
        break;
    case BELAY_FRAME_ACK:
    case BELAY_FRAME_ACK_ECN:
        write_ack(w, frame);
        break;
    case BELAY_FRAME_MAX_DATA:
        belay_frame_write_max_data(w, frame->max_data.limit, frame->max_data.window);
        break;
    case BELAY_FRAME_MAX_MESSAGES:
    case BELAY_FRAME_MESSAGES_BLOCKED:
        belay_frame_write_max_messages(w, frame->type, frame->max_messages.channel,
                                       frame->max_messages.mode, frame->max_messages.limit);
        break;
    case BELAY_FRAME_DATA_BLOCKED:
        belay_frame_write_data_blocked(w, frame->max_data.limit);
        break;
    case BELAY_FRAME_FIN:
        belay_frame_write_fin(w, frame->fin.messages);
        break;
    case BELAY_FRAME_CLOSE:
        belay_frame_write_close(w, frame->close.code, frame->close.reason,
                                frame->close.reason_len);
        break;
    case BELAY_FRAME_NEW_CONNECTION_ID:
        belay_frame_write_new_cid(w, frame->new_cid.sequence, frame->new_cid.retire_prior_to,
                                  frame->new_cid.cid, frame->new_cid.token);
        break;
    case BELAY_FRAME_RETIRE_CONNECTION_ID:
        belay_frame_write_retire_cid(w, frame->new_cid.sequence);
        break;
    case BELAY_FRAME_PATH_CHALLENGE:
    case BELAY_FRAME_PATH_RESPONSE:
        belay_frame_write_path(w, frame->type, frame->path.data);
        break;
    case BELAY_FRAME_RUN:
        write_run(w, frame);
        break;
    case BELAY_FRAME_MESSAGE:
    case BELAY_FRAME_FRAGMENT:
        write_message(w, frame);
        break;
    }
}

/* ------------------------------------------------------------------ and both */

/* The bytes that frames make; padding is put in front, where it is lost again. */
static size_t write_all(const struct belay_frame *frames, size_t count, uint8_t *out)
{
    struct belay_writer w;

    belay_writer_init(&w, out, BUILT_BYTES_MAX);
    belay_frame_write_padding(&w, 1);
    for (size_t i = 0; i < count; i++)
        write_frame(&w, &frames[i]);
    FUZZ_CHECK(!w.bad);
    return (size_t)(w.at - out);
}

/* Written, read and written again: the same bytes. */
static void check_built(const struct belay_frame *frames, size_t count, size_t size)
{
    uint8_t *built = malloc(2 * BUILT_BYTES_MAX), *again = built + BUILT_BYTES_MAX;
    struct belay_frame read[BELAY_FRAMES_MAX];
    size_t len, read_count;
    const char *why;

    FUZZ_CHECK(built != NULL);
    len = write_all(frames, count, built);
    FUZZ_CHECK(len <= size + 1); /* never longer than what was read */
    if (count < BELAY_FRAMES_MAX) {
        FUZZ_CHECK(belay_frames_parse(built, len, read, &read_count, &why) == 0);
        FUZZ_CHECK(read_count == count);
        FUZZ_CHECK(write_all(read, count, again) == len && memcmp(built, again, len) == 0);
    }
    free(built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why = NULL;
    size_t count = 0, messages = 0;

    if (belay_frames_parse(data, size, frames, &count, &why) != 0) {
        FUZZ_CHECK(why != NULL && why[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(size > 0 && count <= BELAY_FRAMES_MAX);
    for (size_t i = 0; i < count; i++)
        check_frame(&frames[i], data, size, &messages);
    FUZZ_CHECK(messages <= BELAY_PACKET_MESSAGES_MAX);
    check_built(frames, count, size);
    FUZZ_PLANT(count == 2 && frames[0].type == BELAY_FRAME_FIN &&
               frames[1].type >= BELAY_FRAME_MESSAGE);
    return 0;
}
