#include "sim/sim.h"

/* ------------------------------------------------------------------ contents */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t sequence_key(uint64_t key, uint32_t channel, unsigned mode)
{
    return mix(key + ((uint64_t)channel << 2 | mode) * UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t content_word(uint64_t sequence, uint64_t index, uint64_t place)
{
    if (place == 0)
        return sequence ^ index;
    return mix(sequence + index * UINT64_C(0xd1342543de82ef95) + place);
}

static uint8_t content_byte(uint64_t sequence, uint64_t index, uint64_t offset)
{
    return (uint8_t)(content_word(sequence, index, offset / 8) >> offset % 8 * 8);
}

static void content_fill(uint64_t sequence, uint64_t index, uint64_t offset, uint8_t *out,
                         size_t len)
{
    for (; len > 0 && offset % 8 != 0; len--)
        *out++ = content_byte(sequence, index, offset++);
    for (; len >= 8; len -= 8, offset += 8) {
        uint64_t word = content_word(sequence, index, offset / 8);
        for (unsigned i = 0; i < 8; i++, word >>= 8)
            *out++ = (uint8_t)word;
    }
    for (; len > 0; len--)
        *out++ = content_byte(sequence, index, offset++);
}

static bool content_is(uint64_t sequence, uint64_t index, const uint8_t *data, size_t len)
{
    uint8_t block[256];
    for (size_t at = 0; at < len;) {
        size_t n = len - at < sizeof(block) ? len - at : sizeof(block);
        content_fill(sequence, index, at, block, n);
        if (memcmp(block, data + at, n) != 0)
            return false;
        at += n;
    }
    return true;
}

/* ------------------------------------------------------------------ the books */

static void *grown(void *p, size_t *capacity, size_t needed, size_t size)
{
    size_t room = *capacity > 0 ? *capacity : 16;
    if (needed <= *capacity)
        return p;
    while (room < needed)
        room *= 2;
    p = realloc(p, room * size);
    if (p == NULL)
        abort();
    memset((char *)p + *capacity * size, 0, (room - *capacity) * size);
    *capacity = room;
    return p;
}

static struct sim_sequence *sequence_of(struct sim_outgoing *out, uint32_t channel,
                                        unsigned mode)
{
    size_t place = (size_t)channel * 2 + mode;
    out->sequences =
        grown(out->sequences, &out->sequence_count, place + 1, sizeof(*out->sequences));
    return &out->sequences[place];
}

void sim_outgoing_init(struct sim_outgoing *out, uint64_t key)
{
    memset(out, 0, sizeof(*out));
    out->key = key;
}

void sim_outgoing_dispose(struct sim_outgoing *out)
{
    for (size_t i = 0; i < out->sequence_count; i++)
        free(out->sequences[i].messages);
    free(out->sequences);
    free(out->messages);
}

static void remember(struct sim_outgoing *out, const struct sim_shape *shape)
{
    struct sim_sequence *sequence = sequence_of(out, shape->channel, shape->mode);
    struct sim_message *message;

    out->messages =
        grown(out->messages, &out->capacity, out->count + 1, sizeof(*out->messages));
    sequence->messages = grown(sequence->messages, &sequence->capacity, sequence->count + 1,
                               sizeof(*sequence->messages));
    message = &out->messages[out->count];
    *message = (struct sim_message){.index = sequence->count,
                                    .len = shape->len,
                                    .channel = shape->channel,
                                    .mode = (uint8_t)shape->mode,
                                    .notify = !shape->quiet};
    sequence->messages[sequence->count++] = (uint32_t)out->count++;
    out->notified += !shape->quiet;
}

/* ------------------------------------------------------------------ sending */

/* What a message's bytes are read from until its release. */
struct source {
    struct sim_conn *conn;
    uint64_t sequence, index;
    size_t len;
    uint8_t *data;
};

static void source_read(void *ctx, uint64_t offset, void *out, size_t len)
{
    struct source *source = ctx;
    if (offset > source->len || len > source->len - offset)
        sim_fail(source->conn->sim, "a source was read past its end");
    content_fill(source->sequence, source->index, offset, out, len);
}

static void source_release(void *ctx)
{
    struct source *source = ctx; /* a second release is a use after free */
    source->conn->out.sources_open--;
    free(source->data);
    free(source);
}

static int send_source(struct sim_conn *conn, const struct sim_shape *shape, uint64_t sequence,
                       uint64_t index, unsigned flags, uint64_t *number)
{
    struct source *source = calloc(1, sizeof(*source));
    struct belay_source given = {.release = source_release, .ctx = source};

    *source = (struct source){conn, sequence, index, shape->len, NULL};
    if (shape->how == SIM_DATA) {
        source->data = malloc(shape->len > 0 ? shape->len : 1);
        content_fill(sequence, index, 0, source->data, shape->len);
        given.data = source->data;
    } else {
        given.read = source_read;
    }
    conn->out.sources_open++;
    return belay_core_conn_send_source(conn->conn, shape->channel, shape->mode, &given,
                                       shape->len, flags, BELAY_NEVER, number);
}

static int send_copy(struct sim_conn *conn, const struct sim_shape *shape, uint64_t sequence,
                     uint64_t index, unsigned flags, uint64_t *number)
{
    uint8_t *data = malloc(shape->len > 0 ? shape->len : 1);
    int error;

    content_fill(sequence, index, 0, data, shape->len);
    error = belay_core_conn_send(conn->conn, shape->channel, shape->mode, data, shape->len,
                                 flags, BELAY_NEVER, number);
    free(data);
    return error;
}

int sim_send_shape(struct sim_conn *conn, const struct sim_shape *shape)
{
    uint64_t number = 0, key = sequence_key(conn->out.key, shape->channel, shape->mode);
    uint64_t index = sequence_of(&conn->out, shape->channel, shape->mode & 1)->count;
    unsigned flags = shape->quiet ? 0 : BELAY_SEND_NOTIFY;
    size_t open = conn->out.sources_open;
    int error = shape->how == SIM_COPY ? send_copy(conn, shape, key, index, flags, &number)
                                       : send_source(conn, shape, key, index, flags, &number);

    sim_wake(conn->host);
    if (error != 0) {
        if (conn->out.sources_open != open)
            sim_fail(conn->sim, "a refused send did not release its source");
        if (error == BELAY_EAGAIN)
            conn->want_writable = true;
        conn->sim->counts.of[SIM_COUNT_QUEUE_FULL] += error == BELAY_EAGAIN;
        return error;
    }
    remember(&conn->out, shape);
    if (number != conn->out.count)
        sim_fail(conn->sim, "message %zu was given the number %llu", conn->out.count,
                 (unsigned long long)number);
    return 0;
}

int sim_send(struct sim_conn *conn, uint32_t channel, enum belay_mode mode, size_t len)
{
    struct sim_shape shape = {channel, mode, len, len > 65536 ? SIM_READ : SIM_COPY, false};
    return sim_send_shape(conn, &shape);
}

void sim_pump_go_on(struct sim_conn *conn)
{
    struct sim_pump *pump = &conn->pump;
    while (pump->next != NULL && !pump->done) {
        if (!pump->pending)
            pump->pending = pump->next(pump->ctx, pump->sent, &pump->shape);
        pump->done = !pump->pending;
        if (pump->done)
            break;
        int error = sim_send_shape(conn, &pump->shape);
        if (error == BELAY_EAGAIN)
            break;
        if (error != 0) { /* closed meanwhile */
            pump->done = true;
            break;
        }
        pump->pending = false;
        pump->sent++;
    }
}

void sim_pump(struct sim_conn *conn, sim_next *next, void *ctx)
{
    conn->pump = (struct sim_pump){.next = next, .ctx = ctx};
    sim_pump_go_on(conn);
}

bool sim_series(void *ctx, uint64_t n, struct sim_shape *shape)
{
    const struct sim_series *series = ctx;
    uint32_t channels = series->channels > 0 ? series->channels : 1;
    *shape = (struct sim_shape){(uint32_t)(n % channels), series->mode, series->len,
                                series->len > 65536 ? SIM_READ : SIM_COPY, false};
    return n < series->count;
}

/* ------------------------------------------------------------------ receiving */

static struct sim_message *take_ordered(struct sim_outgoing *out, struct sim_sequence *sequence)
{
    while (sequence->next < sequence->count) {
        struct sim_message *message = &out->messages[sequence->messages[sequence->next++]];
        /* passed a limit of the peer: given up when the connection opened, without a number */
        if (message->error != BELAY_EMSGSIZE && message->error != BELAY_EINVAL)
            return message;
    }
    return NULL;
}

/* Without room for an index in it, the first alike that is missing. */
static struct sim_message *take_small(struct sim_outgoing *out, struct sim_sequence *sequence,
                                      uint64_t key, const struct belay_core_event *event)
{
    bool all = true;
    for (size_t i = sequence->next; i < sequence->count; i++) {
        struct sim_message *message = &out->messages[sequence->messages[i]];
        if (!message->delivered && message->len == event->len &&
            content_is(key, i, event->data, event->len))
            return message;
        all = all && message->delivered;
        if (all)
            sequence->next = i + 1;
    }
    return NULL;
}

static struct sim_message *take_unordered(struct sim_outgoing *out,
                                          struct sim_sequence *sequence, uint64_t key,
                                          const struct belay_core_event *event)
{
    uint64_t index = 0;
    if (event->len < 8)
        return take_small(out, sequence, key, event);
    for (unsigned i = 0; i < 8; i++)
        index |= (uint64_t)event->data[i] << 8 * i;
    index ^= key;
    return index < sequence->count ? &out->messages[sequence->messages[index]] : NULL;
}

const char *sim_message_take(struct sim_outgoing *out, const struct belay_core_event *event,
                             struct sim_message **taken)
{
    uint64_t key = sequence_key(out->key, event->channel, event->mode);
    struct sim_sequence *sequence;
    struct sim_message *message;

    if ((unsigned)event->mode > 1 ||
        (size_t)event->channel * 2 + event->mode >= out->sequence_count)
        return "a message came on a channel that was never used";
    sequence = &out->sequences[(size_t)event->channel * 2 + event->mode];
    message = event->mode == BELAY_RELIABLE_ORDERED ? take_ordered(out, sequence)
                                                    : take_unordered(out, sequence, key, event);
    *taken = message;
    if (message == NULL)
        return "a message came that was never sent";
    if (message->delivered)
        return "a message came twice";
    if (message->len != event->len)
        return "a message has another length (or the order is wrong)";
    if (!content_is(key, message->index, event->data, event->len))
        return "a message has other bytes (or the order is wrong)";
    message->delivered = true;
    out->delivered++;
    return NULL;
}
