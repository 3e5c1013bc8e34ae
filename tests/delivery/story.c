/*
 * An outbox and an inbox with a bad link between them: pieces cut at random are dropped,
 * duplicated and reordered, losses are declared late or wrongly, credit frames get lost.
 * Every message must arrive exactly once, whole, in order where promised; everything must
 * come to an end, and all memory back.
 */
#include "tests/delivery/room.h"

#include "delivery/inbox.h"
#include "delivery/outbox.h"

#define FLYING_MAX   256
#define CHANNELS     8
#define SEQUENCES    (CHANNELS * 2)
#define MESSAGES_MAX 600
#define STEPS_MAX    3000000

struct plan {
    uint64_t first_number;
    uint64_t window_initial, window_max;
    uint32_t window_messages;
    unsigned channels, messages;
    size_t size_max;                                 /* most are small, a few up to this */
    unsigned drop, duplicate, spurious, credit_loss; /* of 100 */
    unsigned pause; /* the app reads nothing in this many of 100 stretches of 500 steps */
};

struct flight { /* one piece under way */
    uint32_t channel;
    uint8_t mode;
    uint64_t number, total, offset;
    size_t len;
    uint8_t *data;
    bool arrived;
};

struct sequence {
    uint64_t pushed, popped;
    size_t size[MESSAGES_MAX];
    bool seen[MESSAGES_MAX];
};

struct story {
    const struct plan *plan;
    struct test_random random;
    struct room room;
    struct belay_outbox out;
    struct belay_inbox in;
    struct sequence sequences[SEQUENCES];
    struct flight flying[FLYING_MAX];
    size_t flying_count;
    bool want_data, want_messages[SEQUENCES];
    unsigned pushed, reported;
    uint64_t seen_again, seen_part_again, seen_number_blocked; /* rare things happen */
};

static uint64_t below(struct story *s, uint64_t bound)
{
    return test_random_below(&s->random, bound);
}

static bool chance(struct story *s, unsigned percent)
{
    return below(s, 100) < percent;
}

static uint64_t id_of(unsigned key, uint64_t index)
{
    return key * 1000 + index;
}

/* Index and key go in front, so that what comes unordered can be told apart. */
static void fill(uint64_t id, uint8_t *out, size_t len)
{
    fill_message(id, out, len);
    for (size_t i = 0; i < 4 && len >= 4; i++)
        out[i] = (uint8_t)(id >> 8 * i);
}

static size_t random_size(struct story *s)
{
    if (chance(s, 5))
        return 0;
    uint64_t bound = chance(s, 70) ? 300 : chance(s, 80) ? 5000 : s->plan->size_max;
    return (size_t)below(s, (bound < s->plan->size_max ? bound : s->plan->size_max) + 1);
}

static void step_push(struct story *s)
{
    if (s->pushed == s->plan->messages)
        return;
    unsigned key = (unsigned)below(s, s->plan->channels * 2);
    struct sequence *seq = &s->sequences[key];
    size_t size = random_size(s);
    /* Unordered messages carry their id. */
    if (key % 2 == BELAY_RELIABLE_UNORDERED && size < 4)
        size = 4;
    uint8_t *data = malloc(size + 1);
    fill(id_of(key, seq->pushed), data, size);
    assert_int_equal(belay_outbox_push(&s->out, key / 2, key % 2, data, NULL, size, true,
                                       id_of(key, seq->pushed)),
                     0);
    free(data);
    seq->size[seq->pushed++] = size;
    s->pushed++;
}

static void step_take(struct story *s)
{
    struct belay_piece piece;
    if (s->flying_count == FLYING_MAX || !belay_outbox_peek(&s->out, &piece))
        return;
    uint64_t len = piece.len;
    if (len > 1 && chance(s, piece.len > 1200 ? 95 : 20)) {
        len = 1 + piece.total / 64 + below(s, 1400);
        if (len > piece.len)
            len = piece.len;
    }
    struct flight *flight = &s->flying[s->flying_count++];
    *flight = (struct flight){
        .channel = piece.channel,
        .mode = piece.mode,
        .number = piece.number,
        .total = piece.total,
        .offset = piece.offset,
        .len = (size_t)len,
        .data = malloc((size_t)len + 1),
    };
    belay_outbox_copy(&piece, 0, flight->data, flight->len);
    belay_outbox_take(&s->out, len);
    s->seen_again += piece.again;
    s->seen_part_again += piece.again && len < piece.total;
    assert_true(s->out.reserved <= s->out.max_data);
}

static void arrive(struct story *s, struct flight *flight)
{
    const char *why = "";
    int result;
    /* A copy, so that whoever keeps a pointer into the packet is found out. */
    uint8_t *packet = malloc(flight->len + 1);
    memcpy(packet, flight->data, flight->len);
    if (flight->len == flight->total && chance(s, 90))
        result = belay_inbox_message(&s->in, flight->channel, flight->mode,
                                     (uint32_t)flight->number, packet, flight->len, &why);
    else if (flight->total == 0)
        result = belay_inbox_message(&s->in, flight->channel, flight->mode,
                                     (uint32_t)flight->number, packet, 0, &why);
    else
        result =
            belay_inbox_part(&s->in, flight->channel, flight->mode, (uint32_t)flight->number,
                             flight->total, flight->offset, packet, flight->len, &why);
    if (result != 0)
        fail_msg("inbox: %d %s", result, why);
    assert_int_equal(belay_inbox_own(&s->in), 0);
    free(packet);
    flight->arrived = true;
    assert_true(s->in.charged - s->in.consumed <= s->in.window);
}

static void acknowledge(struct story *s, const struct flight *f)
{
    if (f->len == f->total)
        belay_outbox_acked_run(&s->out, f->channel, f->mode, f->number, 1);
    else
        assert_int_equal(
            belay_outbox_acked_part(&s->out, f->channel, f->mode, f->number, f->offset, f->len),
            0);
}

static void lose(struct story *s, const struct flight *f)
{
    if (f->len == f->total)
        assert_int_equal(belay_outbox_lost_run(&s->out, f->channel, f->mode, f->number, 1), 0);
    else
        assert_int_equal(
            belay_outbox_lost_part(&s->out, f->channel, f->mode, f->number, f->offset, f->len),
            0);
}

/* Something happens to one of the pieces under way. */
static void step_link(struct story *s)
{
    if (s->flying_count == 0)
        return;
    size_t i = (size_t)below(s, s->flying_count);
    struct flight *flight = &s->flying[i];
    if (!flight->arrived && !chance(s, s->plan->drop)) {
        arrive(s, flight);
        if (chance(s, s->plan->duplicate))
            arrive(s, flight);
        return;
    }
    if (chance(s, s->plan->spurious)) {
        lose(s, flight); /* and yet it may arrive, and be acknowledged */
        return;
    }
    if (flight->arrived)
        acknowledge(s, flight);
    else
        lose(s, flight);
    free(flight->data);
    *flight = s->flying[--s->flying_count];
}

static void step_credit(struct story *s)
{
    uint64_t limit, window;
    uint32_t channel;
    uint8_t mode;
    belay_inbox_tune(&s->in, 1000000, 1 + below(s, 1000000));
    /* What a sender says when it is stopped, now and then. */
    if (chance(s, 5)) {
        s->want_data |= belay_outbox_is_data_blocked(&s->out);
        if (belay_outbox_messages_blocked(&s->out, &channel, &mode, &limit)) {
            belay_inbox_want_max_messages(&s->in, channel, mode);
            s->seen_number_blocked++;
        }
    }
    if (belay_inbox_max_data_due(&s->in, s->want_data, &limit, &window)) {
        s->want_data = chance(s, s->plan->credit_loss);
        if (!s->want_data)
            belay_outbox_set_max_data(&s->out, limit, window);
    }
    while (belay_inbox_max_messages_due(&s->in, &channel, &mode, &limit)) {
        unsigned key = channel * 2 + mode;
        s->want_messages[key] = chance(s, s->plan->credit_loss);
        if (!s->want_messages[key])
            assert_true(belay_outbox_set_max_messages(&s->out, channel, mode, limit));
    }
    for (unsigned key = 0; key < SEQUENCES; key++) {
        if (s->want_messages[key])
            belay_inbox_want_max_messages(&s->in, key / 2, key % 2);
        s->want_messages[key] = false;
    }
}

static void check_delivered(struct story *s, const struct belay_delivered *d)
{
    unsigned key = d->channel * 2 + d->mode;
    struct sequence *seq = &s->sequences[key];
    uint64_t index = seq->popped;
    if (d->mode == BELAY_RELIABLE_UNORDERED) {
        assert_true(d->len >= 4);
        uint64_t id = d->data[0] | (uint64_t)d->data[1] << 8 | (uint64_t)d->data[2] << 16 |
                      (uint64_t)d->data[3] << 24;
        index = id - id_of(key, 0);
    }
    assert_true(index < seq->pushed);
    assert_false(seq->seen[index]);
    seq->seen[index] = true;
    seq->popped++;
    assert_int_equal(d->len, seq->size[index]);
    uint8_t *expected = malloc(d->len + 1);
    fill(id_of(key, index), expected, d->len);
    assert_memory_equal(d->data, expected, d->len);
    free(expected);
}

static void step_app(struct story *s)
{
    struct belay_delivered delivered;
    struct belay_out_report report;
    for (uint64_t n = 1 + below(s, 4); n > 0 && belay_inbox_pop(&s->in, &delivered); n--)
        check_delivered(s, &delivered);
    while (belay_outbox_report(&s->out, &report)) {
        assert_int_equal(report.error, 0);
        s->reported++;
    }
}

static bool is_over(const struct story *s)
{
    return s->pushed == s->plan->messages && s->in.messages_popped == s->pushed &&
           s->reported == s->pushed && s->flying_count == 0;
}

static void begin(struct story *s, const struct plan *plan, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    s->plan = plan;
    s->random.state = seed;
    room_init(&s->room);
    struct belay_inbox_config config = {
        .first_number = plan->first_number,
        .message_size_max = plan->size_max,
        .window_initial = plan->window_initial,
        .window_max = plan->window_max,
        .window_messages = plan->window_messages,
        .channels_max = plan->channels,
    };
    assert_int_equal(belay_inbox_init(&s->in, &s->room.mem, &s->room.pool, &config), 0);
    assert_int_equal(belay_outbox_init(&s->out, &s->room.mem, &s->room.pool, plan->first_number,
                                       plan->channels),
                     0);
}

static void open_outbox(struct story *s)
{
    belay_outbox_open(&s->out, s->plan->window_initial, s->plan->window_messages,
                      s->plan->size_max, s->plan->channels);
}

static void end(struct story *s)
{
    assert_int_equal(s->out.queued_bytes, 0);
    assert_int_equal(s->out.messages_open, 0);
    assert_int_equal(s->in.buffered_bytes, 0);
    assert_int_equal(s->in.charged, s->in.consumed);
    assert_int_equal(s->in.charged, s->out.reserved);
    assert_int_equal(s->in.ready.promised, 0);
    assert_int_equal(s->out.reports.promised, 0);
    belay_outbox_dispose(&s->out);
    belay_inbox_dispose(&s->in);
    room_dispose(&s->room);
}

static void run(struct story *s, const struct plan *plan, uint64_t seed)
{
    begin(s, plan, seed);
    for (unsigned i = 0; i < 5; i++)
        step_push(s);
    open_outbox(s);
    bool paused = false;
    unsigned steps = 0;
    for (; !is_over(s); steps++) {
        if (steps == STEPS_MAX)
            fail_msg("no end after %u steps: %u pushed, %u popped", steps, s->pushed,
                     (unsigned)s->in.messages_popped);
        if (steps % 500 == 0)
            paused = chance(s, plan->pause);
        if (chance(s, 20))
            step_push(s);
        step_take(s);
        step_link(s);
        step_link(s);
        if (chance(s, 20))
            step_credit(s);
        if (!paused)
            step_app(s);
    }
    end(s);
}

#define WRAP(bits) ((UINT64_C(1) << (bits)) - 3)

static const struct plan plans[] = {
    /* first, window, most, numbers, channels, messages, size, drop, dup, spurious, credit,
       pause */
    {0, MIB(1), MIB(4), 1000, 4, 600, 20000, 0, 0, 0, 0, 0},
    {0, MIB(1), MIB(4), 1000, 4, 600, 20000, 10, 10, 5, 10, 0},
    {0, MIB(1), MIB(4), 1000, 8, 600, 200000, 30, 5, 5, 30, 20},
    {0, 300064, 300064, 16, 8, 400, 300000, 20, 20, 20, 50, 30},
    {0, 5064, 5064, 2, 3, 400, 5000, 30, 30, 30, 50, 10},
    {0, 364, 364, 1, 8, 300, 300, 50, 10, 10, 70, 0},
    {WRAP(7), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(8), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(14), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(15), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(16), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(30), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(31), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
    {WRAP(32), 40000, 80000, 16, 4, 300, 20000, 20, 10, 10, 20, 10},
};

static struct story story; /* large */

static void test_exactly_once_over_a_bad_link(void **state)
{
    (void)state;
    uint64_t seed = test_seed_from_env(1);
    uint64_t again = 0, part_again = 0, data_blocked = 0, number_blocked = 0, duplicates = 0;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        run(&story, &plans[i], seed + i);
        again += story.seen_again;
        part_again += story.seen_part_again;
        data_blocked += story.out.blocked_count;
        number_blocked += story.seen_number_blocked;
        duplicates += story.in.parts_duplicate;
    }
    printf("again %u, parts again %u, blocked %u, by number %u, duplicates %u\n",
           (unsigned)again, (unsigned)part_again, (unsigned)data_blocked,
           (unsigned)number_blocked, (unsigned)duplicates);
    /* A run in which one of these never happened tests less than it says. */
    assert_true(again > 0 && part_again > 0 && data_blocked > 0 && number_blocked > 0 &&
                duplicates > 0);
}

/* ------------------------------------------------------------------ deadlocks */

static void push_sized(struct story *s, unsigned key, size_t size)
{
    struct sequence *seq = &s->sequences[key];
    uint8_t *data = malloc(size + 1);
    fill(id_of(key, seq->pushed), data, size);
    assert_int_equal(belay_outbox_push(&s->out, key / 2, key % 2, data, NULL, size, true,
                                       id_of(key, seq->pushed)),
                     0);
    free(data);
    seq->size[seq->pushed++] = size;
    s->pushed++;
}

/* A perfect link, packet by packet, but for the messages that hold says. Returns packets. */
static unsigned carry(struct story *s, int held_key)
{
    struct belay_piece piece;
    unsigned packets = 0;
    while (belay_outbox_peek(&s->out, &piece)) {
        struct flight flight = {
            .channel = piece.channel,
            .mode = piece.mode,
            .number = piece.number,
            .total = piece.total,
            .offset = piece.offset,
            .len = piece.len < 1150 ? (size_t)piece.len : 1150,
        };
        uint8_t data[1150];
        flight.data = data;
        belay_outbox_copy(&piece, 0, data, flight.len);
        belay_outbox_take(&s->out, flight.len);
        packets++;
        if (held_key == (int)(piece.channel * 2 + piece.mode) && piece.number == 0)
            continue;
        arrive(s, &flight);
        acknowledge(s, &flight);
    }
    return packets;
}

static void carry_all(struct story *s)
{
    for (unsigned round = 0; round < 1000; round++) {
        s->want_data = true;
        step_credit(s);
        step_app(s);
        carry(s, -1);
        if (is_over(s))
            return;
    }
    fail_msg("%u of %u messages popped", (unsigned)s->in.messages_popped, s->pushed);
}

static void test_four_large_messages_in_a_window_of_two(void **state)
{
    (void)state;
    static const struct plan plan = {0, MIB(32), MIB(32), 16, 4, 4, MIB(16), 0, 0, 0, 0, 0};
    begin(&story, &plan, 1);
    for (unsigned key = 0; key < 4; key++)
        push_sized(&story, key * 2, MIB(16));
    open_outbox(&story);
    /* One fits with its cost; half of the second would be the start of a deadlock. */
    carry(&story, -1);
    assert_int_equal(story.out.reserved, MIB(16) + 64);
    assert_true(belay_outbox_is_data_blocked(&story.out));
    carry_all(&story);
    end(&story);
}

static void test_a_stuck_sequence_leaves_room_for_others(void **state)
{
    (void)state;
    static const struct plan plan = {0, KIB(64), KIB(64), 1000, 4, 420, KIB(32), 0, 0, 0, 0, 0};
    begin(&story, &plan, 1);
    open_outbox(&story);
    for (unsigned i = 0; i < 400; i++)
        push_sized(&story, 0, 1000);
    carry(&story, 0);
    assert_int_equal(story.in.messages_popped, 0);
    assert_true(story.out.reserved <= KIB(32));
    for (unsigned i = 0; i < 20; i++) {
        push_sized(&story, 2 + i % 6, 10000);
        carry(&story, 0);
        step_app(&story);
        story.want_data = true;
        step_credit(&story);
        assert_int_equal(story.in.messages_popped, i + 1);
    }
    assert_int_equal(story.sequences[0].popped, 0);
    /* The gap closes. */
    assert_int_equal(belay_outbox_lost_run(&story.out, 0, 0, 0, 1), 0);
    carry_all(&story);
    end(&story);
}

static void test_a_paused_reader_stops_its_sender(void **state)
{
    (void)state;
    static const struct plan plan = {0, KIB(64), KIB(64), 1000, 4, 500, KIB(32), 0, 0, 0, 0, 0};
    begin(&story, &plan, 1);
    open_outbox(&story);
    for (unsigned i = 0; i < 500; i++)
        push_sized(&story, i % 8, 1000);
    for (unsigned i = 0; i < 10; i++) {
        carry(&story, -1);
        step_credit(&story);
    }
    assert_true(story.in.buffered_bytes <= KIB(64));
    assert_true(story.in.buffered_bytes >= 60000);
    assert_true(belay_outbox_is_data_blocked(&story.out));
    assert_int_equal(carry(&story, -1), 0);
    carry_all(&story);
    end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_once_over_a_bad_link),
        cmocka_unit_test(test_four_large_messages_in_a_window_of_two),
        cmocka_unit_test(test_a_stuck_sequence_leaves_room_for_others),
        cmocka_unit_test(test_a_paused_reader_stops_its_sender),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
