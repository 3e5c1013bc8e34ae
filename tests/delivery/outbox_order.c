/* What goes next: sequences in turn, and before them what was lost. */
#include "tests/delivery/outroom.h"

#include "delivery/outbox.h"

/* ------------------------------------------------------------------ turns */

static void test_sequences_take_turns(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    outroom_push(&o, 0, 0, MIB(1));
    for (unsigned i = 0; i < 30; i++)
        outroom_push(&o, 1, i, 296);
    outroom_push(&o, 2, 0, 50);
    uint64_t offset = 0;
    for (unsigned turn = 0; turn < 3; turn++) {
        expect_piece(&o, 0, 0, offset, 700, false);
        expect_piece(&o, 0, 0, offset + 700, 700, false);
        offset += 1400;
        for (unsigned i = 0; i < 4; i++)
            expect_piece(&o, 1, turn * 4 + i, 0, 296, false);
        if (turn == 0)
            expect_piece(&o, 2, 0, 0, 50, false);
    }
    outroom_end(&o);
}

static void test_a_large_message_is_not_starved_by_small_ones(void **state)
{
    (void)state;
    struct outroom o;
    uint64_t window = 10000 + 64, limit = window;
    outroom_begin_open(&o, window, 100000);
    unsigned large = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct belay_piece piece;
        /* The receiver consumed all that was sent up to the round before. */
        belay_outbox_set_max_data(&o.box, limit, window);
        limit = window + o.box.reserved;
        outroom_push(&o, 0, 0, 300);
        outroom_push(&o, 1, 0, 300);
        if (round == 3)
            outroom_push(&o, 2, 0, 10000);
        while (belay_outbox_peek(&o.box, &piece)) {
            large += piece.channel == 2;
            belay_outbox_take(&o.box, piece.len);
            belay_outbox_acked_run(&o.box, piece.channel, ORDERED, piece.number, 1);
        }
    }
    assert_int_equal(large, 1);
    assert_int_equal(o.box.messages_acked, 41);
    outroom_end(&o);
}

static void test_who_waits_longest_goes_first(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 164, 16);
    for (unsigned i = 0; i < 5; i++)
        outroom_push(&o, i, i, 100);
    expect_piece(&o, 0, 0, 0, 100, false);
    expect_nothing(&o);
    for (unsigned i = 1; i < 5; i += 2) {
        struct belay_piece piece, same;
        belay_outbox_set_max_data(&o.box, (i + 2) * 164, 164);
        /* Peeking changes nothing. */
        assert_true(belay_outbox_peek(&o.box, &piece));
        assert_true(belay_outbox_peek(&o.box, &same));
        assert_ptr_equal(piece.message, same.message);
        expect_piece(&o, i, 0, 0, 100, false);
        /* Who comes later waits behind, though it would fit. */
        outroom_push(&o, 5 + i, 9, 0);
        expect_piece(&o, i + 1, 0, 0, 100, false);
        expect_nothing(&o);
    }
    outroom_end(&o);
}

/* ------------------------------------------------------------------ losses */

static void test_lost_messages_go_again(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    for (unsigned i = 0; i < 6; i++)
        outroom_push(&o, 0, i, i == 3 ? 0 : 100);
    for (unsigned i = 0; i < 5; i++)
        expect_piece(&o, 0, i, 0, i == 3 ? 0 : 100, false);
    /* One acknowledged before, one never sent: neither is due. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 1, 1);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 100), 0);
    /* One acknowledged after all. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 2, 1);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_piece(&o, 0, 3, 0, 0, true);
    expect_piece(&o, 0, 4, 0, 100, true);
    expect_piece(&o, 0, 5, 0, 100, false);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 1), 0);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 1), 0);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 77, ORDERED, 0, 1), 0);
    outroom_end(&o);
}

static void test_lost_parts_are_cut_anew(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    struct belay_outbox *box = &o.box;
    outroom_push(&o, 0, 7, 5000);
    for (unsigned i = 0; i < 4; i++)
        expect_piece(&o, 0, 0, i * 1000, 1000, false);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 1000, 1000), 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 4000), 0);
    expect_piece(&o, 0, 0, 0, 300, true);
    /* Half of what is due next arrived late. */
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 500, 200), 0);
    expect_piece(&o, 0, 0, 300, 200, true);
    expect_piece(&o, 0, 0, 700, 300, true);
    expect_piece(&o, 0, 0, 2000, 2000, true);
    expect_piece(&o, 0, 0, 4000, 1000, false);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 700, 100), 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 750, 100), 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 0, 2000), 0);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 2000, 2999), 0);
    assert_int_equal(box->messages_acked, 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 4999, 1), 0);
    assert_int_equal(box->messages_acked, 1);
    expect_report(&o, 7, 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 5000), 0);
    expect_nothing(&o);
    outroom_end(&o);
}

static void test_a_whole_message_goes_again_in_parts(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    struct belay_outbox *box = &o.box;
    outroom_push(&o, 0, 7, 1000);
    expect_piece(&o, 0, 0, 0, 1000, false);
    assert_int_equal(belay_outbox_lost_run(box, 0, ORDERED, 0, 1), 0);
    expect_piece(&o, 0, 0, 0, 400, true);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 100), 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 900, 100), 0);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_piece(&o, 0, 0, 400, 500, true);
    expect_nothing(&o);
    /* The first copy arrives after all. */
    belay_outbox_acked_run(box, 0, ORDERED, 0, 1);
    assert_int_equal(box->messages_acked, 1);
    outroom_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences_take_turns),
        cmocka_unit_test(test_a_large_message_is_not_starved_by_small_ones),
        cmocka_unit_test(test_who_waits_longest_goes_first),
        cmocka_unit_test(test_lost_messages_go_again),
        cmocka_unit_test(test_lost_parts_are_cut_anew),
        cmocka_unit_test(test_a_whole_message_goes_again_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
