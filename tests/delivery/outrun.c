#include "tests/delivery/outroom.h"

#include "support/random.h"

#define ROOM 5000 /* bytes of a run, at most */

static uint8_t bytes[ROOM];

/* Whether the box hands out, one by one, what the run says: each length and its bytes. */
static void assert_same(struct belay_outbox *box, const struct belay_piece *first,
                        struct belay_reader *r, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        struct belay_piece piece;
        uint8_t copy[ROOM];
        assert_true(belay_outbox_peek(box, &piece));
        assert_false(piece.again);
        assert_int_equal(piece.channel, first->channel);
        assert_int_equal(piece.number, first->number + i);
        assert_int_equal(piece.offset, 0);
        assert_int_equal(piece.len, piece.total);
        assert_int_equal(belay_read_varint(r), piece.len);
        belay_outbox_copy(&piece, 0, copy, piece.len);
        const uint8_t *data = belay_read_bytes(r, piece.len);
        assert_non_null(data);
        assert_memory_equal(copy, data, piece.len);
        belay_outbox_take(box, piece.len);
    }
}

/* The next piece of both boxes; then, of one, what may follow it as a run. False: none. */
static bool take_both(struct belay_outbox *plain, struct belay_outbox *fast, size_t room,
                      uint32_t most, uint32_t *in_runs)
{
    struct belay_piece a, b;
    struct belay_writer w;
    struct belay_reader r;
    bool any = belay_outbox_peek(plain, &a);
    assert_int_equal(belay_outbox_peek(fast, &b), any);
    if (!any)
        return false;
    assert_true(a.channel == b.channel && a.number == b.number && a.offset == b.offset &&
                a.len == b.len && a.again == b.again);
    belay_outbox_take(plain, a.len);
    belay_outbox_take(fast, b.len);
    belay_writer_init(&w, bytes, room);
    uint32_t count = belay_outbox_take_run(fast, b.number, &w, most);
    assert_true(count <= most && !w.bad);
    belay_reader_init(&r, bytes, room - belay_writer_left(&w));
    assert_same(plain, &a, &r, count);
    assert_int_equal(belay_reader_left(&r), 0);
    *in_runs += count;
    return true;
}

static void push_both(struct outroom *boxes, struct test_random *random)
{
    uint64_t id = test_random_u64(random) >> 8;
    uint32_t channel = (uint32_t)test_random_below(random, 3);
    size_t len =
        (size_t)test_random_below(random, test_random_below(random, 8) > 0 ? 80 : 2000);
    outroom_push(&boxes[0], channel, id, len);
    outroom_push(&boxes[1], channel, id, len);
}

static void settle_both(struct outroom *boxes, struct test_random *random)
{
    uint32_t channel = (uint32_t)test_random_below(random, 3);
    uint64_t number = test_random_below(random, 200);
    uint32_t count = (uint32_t)test_random_below(random, 40);
    bool lost = test_random_below(random, 4) == 0;
    for (unsigned i = 0; i < 2; i++) {
        if (lost)
            assert_int_equal(
                belay_outbox_lost_run(&boxes[i].box, channel, ORDERED, number, count), 0);
        else
            belay_outbox_acked_run(&boxes[i].box, channel, ORDERED, number, count);
    }
}

static void assert_equal_totals(const struct belay_outbox *a, const struct belay_outbox *b)
{
    assert_int_equal(a->reserved, b->reserved);
    assert_int_equal(a->numbers_open, b->numbers_open);
    assert_int_equal(a->queued_bytes, b->queued_bytes);
    for (uint32_t channel = 0; channel < 3; channel++) {
        const struct belay_out_sequence *s = belay_out_sequence_find(a, channel, ORDERED);
        const struct belay_out_sequence *t = belay_out_sequence_find(b, channel, ORDERED);
        assert_int_equal(s == NULL, t == NULL);
        if (s != NULL)
            assert_true(s->next == t->next && s->held == t->held &&
                        s->turn_bytes == t->turn_bytes);
    }
}

/* Two boxes to which the same happens hand out the same in the same order, whether one asks
 * for each message or for runs: under any limits, however much room there is. */
static void test_as_peek_and_take(void **state)
{
    (void)state;
    struct test_random random = {test_seed_from_env(1)};
    uint32_t in_runs = 0;
    for (unsigned world = 0; world < 200; world++) {
        struct outroom boxes[2];
        uint64_t max_data = 1000 + test_random_below(&random, 40000);
        uint32_t max_messages = 5 + (uint32_t)test_random_below(&random, 100);
        for (unsigned i = 0; i < 2; i++)
            outroom_begin_open(&boxes[i], max_data, max_messages);
        for (unsigned round = 0; round < 60; round++) {
            for (uint64_t n = test_random_below(&random, 12); n > 0; n--)
                push_both(boxes, &random);
            for (uint64_t n = test_random_below(&random, 6); n > 0; n--)
                take_both(&boxes[0].box, &boxes[1].box,
                          (size_t)test_random_below(&random, ROOM),
                          (uint32_t)test_random_below(&random, 50), &in_runs);
            settle_both(boxes, &random);
            assert_equal_totals(&boxes[0].box, &boxes[1].box);
            max_data += test_random_below(&random, 2000);
            for (unsigned i = 0; i < 2; i++)
                belay_outbox_set_max_data(&boxes[i].box, max_data, 20000);
        }
        outroom_end(&boxes[0]);
        outroom_end(&boxes[1]);
    }
    assert_true(in_runs > 5000);
}

static void read_nothing(void *ctx, uint64_t offset, void *out, size_t len)
{
    (void)ctx;
    (void)offset;
    memset(out, 0, len);
}

/* A message that only its source can read is no part of a run; an empty one needs none. */
static void test_what_is_not_in_memory(void **state)
{
    (void)state;
    for (size_t len = 0; len < 20; len += 10) {
        const struct belay_source source = {.read = read_nothing};
        struct outroom o;
        struct belay_piece piece;
        struct belay_writer w;
        outroom_begin_open(&o, PLENTY, 9);
        outroom_push(&o, 1, 1, 10);
        assert_int_equal(belay_outbox_push(&o.box, 1, ORDERED, NULL, &source, len, false, 2),
                         0);
        outroom_push(&o, 1, 3, 10);
        assert_true(belay_outbox_peek(&o.box, &piece));
        belay_outbox_take(&o.box, 10);
        belay_writer_init(&w, bytes, ROOM);
        assert_int_equal(belay_outbox_take_run(&o.box, 5, &w, 9), 0); /* not the one before */
        assert_int_equal(belay_outbox_take_run(&o.box, 0, &w, 9), len == 0 ? 2 : 0);
        assert_int_equal(ROOM - belay_writer_left(&w), len == 0 ? 1 + 11 : 0);
        assert_true(outroom_drain(&o) == (len == 0 ? 0 : 2));
        outroom_end(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_peek_and_take),
        cmocka_unit_test(test_what_is_not_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
