#include "tests/delivery/outroom.h"

struct read_from {
    uint64_t id;
    unsigned reads;
};

static void source_read(void *ctx, uint64_t offset, void *out, size_t len)
{
    struct read_from *from = ctx;
    from->reads++;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = byte_of(from->id, offset + i);
}

static struct belay_piece peek(struct outroom *o)
{
    struct belay_piece piece, same;
    assert_true(belay_outbox_peek(&o->box, &piece));
    assert_true(belay_outbox_peek(&o->box, &same)); /* it changes nothing */
    assert_true(same.channel == piece.channel && same.mode == piece.mode &&
                same.again == piece.again && same.number == piece.number &&
                same.total == piece.total && same.offset == piece.offset &&
                same.len == piece.len && same.data == piece.data &&
                same.message == piece.message);
    return piece;
}

/* A message of 1000 bytes, cut so: each piece is what is left. */
static void test_cuts(void **state)
{
    (void)state;
    static const size_t cuts[][5] = {
        {1000}, {999, 1}, {1, 999}, {1, 1, 998}, {500, 500}, {100, 200, 300, 399, 1},
    };
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 9);
        outroom_push(&o, 1, 7, 1000);
        uint64_t offset = 0;
        for (size_t k = 0; k < 5 && cuts[i][k] > 0; k++) {
            struct belay_piece piece = peek(&o);
            assert_int_equal(piece.total, 1000);
            assert_int_equal(piece.offset, offset);
            assert_int_equal(piece.len, 1000 - offset);
            assert_false(piece.again);
            assert_part(7, offset, piece.data, piece.len);
            belay_outbox_take(&o.box, cuts[i][k]);
            assert_int_equal(o.box.reserved, 1064); /* by its first piece, all of it */
            offset += cuts[i][k];
        }
        assert_int_equal(outroom_drain(&o), 0);
        outroom_end(&o);
    }
}

static void test_copy(void **state)
{
    (void)state;
    static const struct {
        uint64_t skip;
        size_t len;
    } rows[] = {{0, 0}, {0, 1}, {0, 600}, {599, 1}, {600, 0}, {100, 250}};
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        bool readable = i % 2;
        static uint8_t bytes[1000];
        uint8_t out[601];
        struct read_from from = {.id = 3};
        const struct belay_source source = {
            .data = readable ? bytes : NULL, .read = source_read, .ctx = &from};
        struct outroom o;
        fill_message(3, bytes, sizeof(bytes));
        outroom_begin_open(&o, PLENTY, 9);
        assert_int_equal(
            belay_outbox_push(&o.box, 1, UNORDERED, NULL, &source, sizeof(bytes), false, 0), 0);
        peek(&o);
        belay_outbox_take(&o.box, 400);
        struct belay_piece piece = peek(&o);
        assert_int_equal(piece.mode, UNORDERED);
        assert_ptr_equal(piece.data, readable ? bytes + 400 : NULL);
        memset(out, 0xee, sizeof(out));
        belay_outbox_copy(&piece, rows[i / 2].skip, out, rows[i / 2].len);
        assert_part(3, 400 + rows[i / 2].skip, out, rows[i / 2].len);
        assert_int_equal(out[rows[i / 2].len], 0xee);
        assert_int_equal(from.reads, !readable && rows[i / 2].len > 0);
        outroom_end(&o);
    }
}

static void test_an_empty_message_is_a_piece(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 9);
    outroom_push(&o, 1, 0, 0);
    for (unsigned again = 0; again < 2; again++) {
        struct belay_piece piece = peek(&o);
        uint8_t out = 0xee;
        assert_int_equal(piece.total, 0);
        assert_int_equal(piece.len, 0);
        assert_int_equal(piece.again, again);
        belay_outbox_copy(&piece, 0, &out, 0);
        assert_int_equal(out, 0xee);
        belay_outbox_take(&o.box, 0);
        assert_int_equal(outroom_drain(&o), 0);
        assert_int_equal(o.box.reserved, 64);
        belay_outbox_lost_run(&o.box, 1, ORDERED, 0, 1);
    }
    outroom_end(&o);
}

/* What is lost goes before what is new, and costs no credit again. */
static void test_lost_goes_first(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 9);
    outroom_push(&o, 1, 0, 300);
    peek(&o);
    belay_outbox_take(&o.box, 200);
    assert_int_equal(belay_outbox_lost_part(&o.box, 1, ORDERED, 0, 50, 100), 0);
    struct belay_piece piece = peek(&o);
    assert_true(piece.again);
    assert_int_equal(piece.offset, 50);
    assert_int_equal(piece.len, 100);
    assert_part(0, 50, piece.data, 100);
    belay_outbox_take(&o.box, 30);
    piece = peek(&o);
    assert_int_equal(piece.offset, 80);
    assert_int_equal(piece.len, 70);
    belay_outbox_take(&o.box, 70);
    piece = peek(&o);
    assert_false(piece.again);
    assert_int_equal(piece.offset, 200);
    assert_int_equal(o.box.reserved, 364);
    outroom_end(&o);
}

/* What was acknowledged after it was lost is passed over. */
static void test_settled_losses_are_skipped(void **state)
{
    (void)state;
    static const struct {
        uint64_t acked, count;
        int next; /* the message that goes again; -1: none */
    } rows[] = {{0, 0, 0}, {0, 1, 1}, {0, 2, 2}, {1, 2, 0}, {0, 3, -1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        struct belay_piece piece;
        outroom_begin_open(&o, PLENTY, 9);
        for (uint64_t id = 0; id < 3; id++)
            outroom_push(&o, 1, id, 100);
        outroom_drain(&o);
        assert_int_equal(belay_outbox_lost_run(&o.box, 1, ORDERED, 0, 3), 0);
        belay_outbox_acked_run(&o.box, 1, ORDERED, rows[i].acked, (uint32_t)rows[i].count);
        assert_int_equal(belay_outbox_peek(&o.box, &piece), rows[i].next >= 0);
        if (rows[i].next >= 0)
            assert_int_equal(piece.number, rows[i].next);
        assert_int_equal(outroom_drain(&o), 3 - rows[i].count);
        outroom_end(&o);
    }
}

/* Two sequences with much to say again, in pieces of this size: after so many the other one's
 * turn comes. */
static void test_losses_take_turns(void **state)
{
    (void)state;
    static const struct {
        uint64_t len;
        unsigned turn;
    } rows[] = {{2000, 1}, {1200, 1}, {1199, 2}, {600, 2}, {500, 3}, {100, 12}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 9);
        outroom_push(&o, 1, 0, KIB(100));
        outroom_push(&o, 2, 0, KIB(100));
        outroom_drain(&o);
        assert_int_equal(belay_outbox_lost_run(&o.box, 1, ORDERED, 0, 1), 0);
        assert_int_equal(belay_outbox_lost_run(&o.box, 2, ORDERED, 0, 1), 0);
        for (unsigned k = 0; k < 6 * rows[i].turn; k++) {
            assert_int_equal(peek(&o).channel, k / rows[i].turn % 2 + 1);
            belay_outbox_take(&o.box, rows[i].len);
        }
        outroom_end(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_an_empty_message_is_a_piece),
        cmocka_unit_test(test_lost_goes_first),
        cmocka_unit_test(test_settled_losses_are_skipped),
        cmocka_unit_test(test_losses_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
