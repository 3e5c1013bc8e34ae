/*
 * Messages put together from whatever comes, beside a model that is told the same: each is
 * delivered once, whole, in order where promised, and what is held is bounded. Input: ops.h.
 */
#include "fuzz.h"

#include "delivery/assembly.h"
#include "delivery/inbox.h"
#include "ops.h"

#define MS             UINT64_C(1000000)
#define CHANNELS       3
#define SEQUENCES      (2 * CHANNELS)
#define WINDOW_NUMBERS 80
#define SIZE_MAX_BYTES 150000
#define WINDOW_BYTES   300000
#define WORK_BYTES_MAX (2 << 20)
#define OPS_MAX        200
#define NUMBERS        (OPS_MAX + 2 * WINDOW_NUMBERS)
#define RANGES_MAX     1000 /* more than all sections of a message may have */
/* The window, as the pool rounds it up, its free blocks, and lists. */
#define MEMORY_BYTES_MAX (2 * WINDOW_BYTES + 65536 + 262144)

/* ------------------------------------------------------------------ the model */

struct parts {
    size_t count;
    struct {
        size_t lo, hi;
    } range[RANGES_MAX];
};

struct model_message {
    bool is_known, is_done;
    size_t total;
    struct parts *parts; /* of one that is known and not done */
};

struct model_sequence {
    bool is_used;
    uint64_t next, limit;
    uint64_t top;                           /* one past the highest that something came of */
    struct model_message messages[NUMBERS]; /* by number - first */
};

struct delivery {
    unsigned sequence;
    uint64_t number;
    size_t len;
};

struct model {
    uint64_t first;
    struct model_sequence sequences[SEQUENCES];
    struct delivery queue[OPS_MAX]; /* one message an operation at most */
    size_t queue_start, queue_end;
    uint64_t charged, consumed, announced;
};

struct arrival {
    uint32_t channel;
    uint8_t mode;
    uint64_t number; /* of 64 bits; may be impossible */
    uint64_t total, offset;
    size_t len;
    bool is_part;
};

static uint8_t byte_of(unsigned sequence, uint64_t number, uint64_t i)
{
    return (uint8_t)(sequence * 101 + number * 37 + i + (i >> 8) * 3 + (i >> 16) * 5);
}

static void deliver(struct model *m, unsigned sequence, uint64_t number, size_t len)
{
    FUZZ_CHECK(m->queue_end < sizeof(m->queue) / sizeof(m->queue[0]));
    m->queue[m->queue_end++] = (struct delivery){sequence, number, len};
}

static struct model_message *message_at(struct model *m, unsigned sequence, uint64_t number)
{
    FUZZ_CHECK(number >= m->first && number - m->first < NUMBERS);
    return &m->sequences[sequence].messages[number - m->first];
}

static void complete(struct model *m, unsigned sequence, uint64_t number)
{
    struct model_sequence *s = &m->sequences[sequence];
    struct model_message *message = message_at(m, sequence, number);
    bool is_ordered = sequence < CHANNELS;

    free(message->parts);
    message->parts = NULL;
    message->is_done = true;
    if (!is_ordered)
        deliver(m, sequence, number, message->total);
    for (; message_at(m, sequence, s->next)->is_done; s->next++)
        if (is_ordered)
            deliver(m, sequence, s->next, message_at(m, sequence, s->next)->total);
}

/* Puts [lo, hi) among the parts. */
static void add_part(struct parts *parts, size_t lo, size_t hi)
{
    size_t kept = 0, at;

    for (size_t i = 0; i < parts->count; i++) {
        if (parts->range[i].hi < lo || parts->range[i].lo > hi) {
            parts->range[kept++] = parts->range[i];
            continue;
        }
        lo = lo < parts->range[i].lo ? lo : parts->range[i].lo;
        hi = hi > parts->range[i].hi ? hi : parts->range[i].hi;
    }
    for (at = kept; at > 0 && parts->range[at - 1].lo > lo; at--)
        parts->range[at] = parts->range[at - 1];
    parts->range[at].lo = lo;
    parts->range[at].hi = hi;
    parts->count = kept + 1;
}

/* In any of its sections. */
static bool has_too_many_gaps(const struct model_message *message)
{
    for (size_t at = 0; at < message->total; at += BELAY_ASSEMBLY_SECTION) {
        size_t left = message->total - at, count = 0;
        size_t bytes = left < BELAY_ASSEMBLY_SECTION ? left : BELAY_ASSEMBLY_SECTION;

        for (size_t i = 0; i < message->parts->count; i++)
            count +=
                message->parts->range[i].lo < at + bytes && message->parts->range[i].hi > at;
        if (count > BELAY_ASSEMBLY_RANGES_MAX(bytes))
            return true;
    }
    return false;
}

/* What must come of an arrival: 0, or the error. */
static int expect(struct model *m, const struct arrival *a)
{
    unsigned sequence = a->channel + (a->mode == 1 ? CHANNELS : 0);
    struct model_message *message;
    struct model_sequence *s;

    if (a->is_part &&
        (a->total == 0 || a->len == 0 || a->len > a->total || a->offset > a->total - a->len))
        return BELAY_EPROTO;
    if (a->channel >= CHANNELS || a->mode > 1)
        return BELAY_EPROTO;
    s = &m->sequences[sequence];
    s->is_used = true;
    if (a->total > SIZE_MAX_BYTES)
        return BELAY_EPROTO;
    if (a->number < s->next)
        return 0;
    if (a->number >= s->limit)
        return BELAY_ELIMIT;
    message = message_at(m, sequence, a->number);
    if (message->is_done)
        return 0;
    if (message->is_known && message->total != a->total)
        return BELAY_EPROTO;
    if (!message->is_known && a->total + 64 > m->announced - m->charged)
        return BELAY_ELIMIT;
    m->charged += message->is_known ? 0 : a->total + 64;
    message->is_known = true;
    s->top = s->top > a->number ? s->top : a->number + 1;
    message->total = (size_t)a->total;
    if (a->len == a->total) {
        complete(m, sequence, a->number);
        return 0;
    }
    if (message->parts == NULL)
        message->parts = calloc(1, sizeof(*message->parts));
    FUZZ_CHECK(message->parts != NULL);
    add_part(message->parts, (size_t)a->offset, (size_t)a->offset + a->len);
    if (has_too_many_gaps(message))
        return BELAY_ELIMIT;
    if (message->parts->range[0].lo == 0 && message->parts->range[0].hi == a->total)
        complete(m, sequence, a->number);
    return 0;
}

/* ------------------------------------------------------------------ both */

struct story {
    struct model model;
    struct fuzz_memory memory;
    struct belay_mem mem;
    struct belay_pool pool;
    struct belay_inbox box;
    struct belay_reader in;
    uint64_t now_ns;
    size_t work_bytes;
    bool is_over;
};

static void check_popped(struct model *m, const struct belay_delivered *got)
{
    const struct delivery *wanted = &m->queue[m->queue_start++];

    FUZZ_CHECK(m->queue_start <= m->queue_end);
    FUZZ_CHECK(got->channel == wanted->sequence % CHANNELS);
    FUZZ_CHECK(got->mode == wanted->sequence / CHANNELS);
    FUZZ_CHECK(got->len == wanted->len && got->data != NULL);
    for (size_t i = 0; i < got->len; i++)
        FUZZ_CHECK(got->data[i] == byte_of(wanted->sequence, wanted->number, i));
    m->consumed += got->len + 64;
}

static void pop(struct story *story, unsigned count)
{
    struct belay_delivered got;

    while (count-- > 0 && belay_inbox_pop(&story->box, &got))
        check_popped(&story->model, &got);
    if (belay_inbox_is_empty(&story->box))
        FUZZ_CHECK(story->model.queue_start == story->model.queue_end);
}

static void check_totals(const struct story *story)
{
    const struct belay_inbox *box = &story->box;
    const struct model *m = &story->model;
    uint64_t open = 0;

    FUZZ_CHECK(box->charged == m->charged && m->charged <= m->announced);
    FUZZ_CHECK(box->consumed == m->consumed && box->announced == m->announced);
    FUZZ_CHECK(box->messages_completed >= m->queue_end);
    FUZZ_CHECK(box->buffered_bytes <= m->charged - m->consumed);
    for (unsigned i = 0; i < SEQUENCES; i++)
        if (m->sequences[i].top > m->sequences[i].next)
            open += m->sequences[i].top - m->sequences[i].next;
    FUZZ_CHECK(box->numbers_open == open);
}

/* The packet is gone when this returns. */
static void arrive(struct story *story, const struct arrival *a, bool pops, bool drops)
{
    unsigned sequence = a->channel + (a->mode == 1 ? CHANNELS : 0);
    uint8_t *data = malloc(a->len > 0 ? a->len : 1);
    const char *why = NULL;
    int result, wanted = expect(&story->model, a);

    FUZZ_CHECK(data != NULL);
    for (size_t i = 0; i < a->len; i++)
        data[i] = byte_of(sequence, a->number, a->offset + i);
    result = a->is_part
                 ? belay_inbox_part(&story->box, a->channel, a->mode, (uint32_t)a->number,
                                    a->total, a->offset, data, a->len, &why)
                 : belay_inbox_message(&story->box, a->channel, a->mode, (uint32_t)a->number,
                                       data, a->len, &why);
    FUZZ_CHECK(result == wanted || (result == BELAY_ENOMEM && story->memory.fail_at > 0));
    FUZZ_CHECK(result == 0 || result == BELAY_ENOMEM || why != NULL);
    story->is_over = result != 0 || drops; /* a connection ends with its first error */
    if (story->is_over)
        belay_inbox_drop_borrowed(&story->box);
    else if (pops)
        pop(story, 4);
    if (belay_inbox_own(&story->box) != 0) {
        FUZZ_CHECK(story->memory.fail_at > 0);
        belay_inbox_drop_borrowed(&story->box);
        story->is_over = true;
    }
    free(data);
    if (!story->is_over)
        check_totals(story);
}

/* ------------------------------------------------------------------ the program */

static void read_sequence(struct story *story, struct arrival *a)
{
    uint8_t where = belay_read_u8(&story->in);

    a->channel = where & 3;
    a->mode = where >> 2 & (where & 0x80 ? 3 : 1);
}

static uint64_t number_near(const struct story *story, const struct arrival *a, int8_t by)
{
    bool is_right = a->channel < CHANNELS && a->mode < 2;
    uint64_t next = is_right ? story->model.sequences[a->channel + a->mode * CHANNELS].next
                             : story->model.first;

    /* Below zero there is no number: what is meant is 2^32 above. */
    return by < 0 && next < (uint64_t)-by ? next + (UINT64_C(1) << 32) - (uint64_t)-by
                                          : next + (uint64_t)(int64_t)by;
}

static void take_arrival(struct story *story, uint8_t op)
{
    struct arrival a = {.is_part = (op & 7) != OP_MESSAGE};
    uint8_t size;

    read_sequence(story, &a);
    a.number = number_near(story, &a, (int8_t)belay_read_u8(&story->in));
    size = belay_read_u8(&story->in);
    a.total = size < 128 ? size * 8u : (size - 127u) * 1200u;
    a.len = (size_t)a.total;
    if (a.is_part) {
        a.offset = belay_read_u16(&story->in) * (a.total / 65536 + 1);
        a.len = belay_read_u16(&story->in);
        if ((op & 7) == OP_PART_WITHIN) {
            a.offset %= a.total + 1;
            a.len = (size_t)(a.len % (a.total - a.offset + 1));
        }
    }
    story->work_bytes += a.len;
    if (story->work_bytes < WORK_BYTES_MAX)
        arrive(story, &a, op & OP_ARRIVAL_POPS, op & OP_ARRIVAL_ENDS);
    FUZZ_PLANT(!story->is_over && a.is_part && a.mode == 1 && a.channel == 2 &&
               a.number > story->model.first);
}

static void take_credit(struct story *story, bool wants)
{
    struct model *m = &story->model;
    uint64_t limit, window;
    uint32_t channel;
    uint8_t mode;

    if (belay_inbox_max_data_due(&story->box, wants, &limit, &window)) {
        FUZZ_CHECK(limit >= m->announced && limit - m->consumed == window);
        FUZZ_CHECK(window <= WINDOW_BYTES);
        m->announced = limit;
    }
    while (belay_inbox_max_messages_due(&story->box, &channel, &mode, &limit)) {
        struct model_sequence *s = &m->sequences[channel + mode * CHANNELS];

        FUZZ_CHECK(s->is_used && limit >= s->limit && limit == s->next + WINDOW_NUMBERS);
        s->limit = limit;
    }
    FUZZ_CHECK(!wants || !belay_inbox_is_credit_due(&story->box));
}

static void take_op(struct story *story)
{
    uint8_t op = belay_read_u8(&story->in);
    struct arrival a = {0};

    switch (op & 7) {
    case OP_MESSAGE:
    case OP_PART:
    case OP_PART_WITHIN:
        take_arrival(story, op);
        break;
    case OP_POP:
        pop(story, op >> 3);
        break;
    case OP_CREDIT:
        take_credit(story, op >> 3 & 1);
        break;
    case OP_WANT:
        read_sequence(story, &a);
        belay_inbox_want_max_messages(&story->box, a.channel, a.mode);
        break;
    case OP_TUNE:
        story->now_ns += belay_read_u8(&story->in) * MS;
        belay_inbox_tune(&story->box, (op >> 3) * MS, story->now_ns);
        break;
    }
}

static void begin(struct story *story)
{
    static const uint64_t firsts[] = {0, 5, UINT32_MAX - 3, UINT64_C(1) << 32,
                                      (UINT64_C(1) << 40) - 9};
    struct belay_inbox_config config = {
        .message_size_max = SIZE_MAX_BYTES,
        .window_initial = WINDOW_BYTES / 2 + 64,
        .window_max = WINDOW_BYTES,
        .window_messages = WINDOW_NUMBERS,
        .channels_max = CHANNELS,
    };
    uint8_t head = belay_read_u8(&story->in);

    config.first_number = story->model.first = firsts[(head & 7) % 5];
    fuzz_memory_init(&story->memory, MEMORY_BYTES_MAX);
    story->memory.fail_at = head & 8 ? belay_read_u8(&story->in) + 1u : 0;
    belay_mem_init(&story->mem, &story->memory.hook);
    belay_pool_init(&story->pool, &story->mem, 65536);
    FUZZ_CHECK(belay_inbox_init(&story->box, &story->mem, &story->pool, &config) == 0);
    story->now_ns = 1000 * MS;
    story->model.announced = config.window_initial;
    for (unsigned i = 0; i < SEQUENCES; i++) {
        story->model.sequences[i].next = config.first_number;
        story->model.sequences[i].limit = config.first_number + WINDOW_NUMBERS;
    }
}

static void end(struct story *story)
{
    belay_inbox_dispose(&story->box);
    belay_pool_dispose(&story->pool);
    fuzz_memory_end(&story->memory);
    for (unsigned i = 0; i < SEQUENCES; i++)
        for (size_t k = 0; k < NUMBERS; k++)
            free(story->model.sequences[i].messages[k].parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct story *story = calloc(1, sizeof(*story));

    FUZZ_CHECK(story != NULL);
    belay_reader_init(&story->in, data, size);
    begin(story);
    for (unsigned i = 0; i < OPS_MAX && !story->is_over && belay_reader_left(&story->in) > 0;
         i++)
        take_op(story);
    if (!story->is_over)
        pop(story, UINT32_MAX);
    end(story);
    free(story);
    return 0;
}
