/* What the peer allows: data, half of it a sequence, numbers, and how many may be open. */
#include "tests/delivery/outroom.h"

#include "delivery/outbox.h"

static void test_data_limit_is_exact(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        struct outroom o;
        outroom_begin_open(&o, 2 * (1000 + 64) - missing, 16);
        outroom_push(&o, 0, 0, 1000);
        outroom_push(&o, 1, 1, 1000);
        expect_piece(&o, 0, 0, 0, 1000, false);
        if (missing == 0) {
            expect_piece(&o, 1, 0, 0, 1000, false);
            assert_int_equal(o.box.blocked_count, 0);
        } else {
            expect_nothing(&o);
            assert_true(belay_outbox_is_data_blocked(&o.box));
            assert_int_equal(o.box.blocked_count, 1);
            /* An older, smaller limit says nothing. */
            belay_outbox_set_max_data(&o.box, 100, 100);
            expect_nothing(&o);
            belay_outbox_set_max_data(&o.box, 2 * (1000 + 64), 5000);
            assert_false(belay_outbox_is_data_blocked(&o.box));
            expect_piece(&o, 1, 0, 0, 1000, false);
        }
        outroom_end(&o);
    }
}

static void test_one_sequence_holds_half_the_window(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 2 * 3 * (100 + 64), 1000);
    for (unsigned i = 0; i < 5; i++)
        outroom_push(&o, 0, i, 100);
    outroom_push(&o, 1, 9, 100);
    for (unsigned i = 0; i < 3; i++)
        expect_piece(&o, 0, i, 0, 100, false);
    expect_piece(&o, 1, 0, 0, 100, false);
    expect_nothing(&o);
    assert_false(belay_outbox_is_data_blocked(&o.box));
    /* What is behind the gap still counts. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 1, 2);
    expect_nothing(&o);
    belay_outbox_set_max_data(&o.box, 20 * 164, 6 * 164);
    belay_outbox_acked_run(&o.box, 1, ORDERED, 0, 1);
    expect_nothing(&o);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 1);
    expect_piece(&o, 0, 3, 0, 100, false);
    expect_piece(&o, 0, 4, 0, 100, false);
    outroom_end(&o);
}

static void test_one_large_message_may_pass_half_the_window(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 10000 + 64, 16);
    outroom_push(&o, 0, 0, 10000);
    outroom_push(&o, 0, 1, 0);
    expect_piece(&o, 0, 0, 0, 9000, false);
    expect_piece(&o, 0, 0, 9000, 1000, false);
    belay_outbox_set_max_data(&o.box, 20000, 10064);
    expect_nothing(&o);
    belay_outbox_acked_part(&o.box, 0, ORDERED, 0, 0, 5000);
    expect_nothing(&o);
    belay_outbox_acked_part(&o.box, 0, ORDERED, 0, 5000, 5000);
    expect_piece(&o, 0, 1, 0, 0, false);
    outroom_end(&o);
}

/* A receiver that acknowledges all but the first message, with limits as large as it likes. */
static void test_a_sequence_does_not_run_away_from_its_first(void **state)
{
    const uint64_t most = UINT64_C(1) << 20;
    struct outroom o;
    (void)state;
    outroom_begin_open(&o, PLENTY, (uint32_t)most);
    outroom_push(&o, 0, 1, 0);
    expect_piece(&o, 0, 0, 0, 0, false);
    assert_true(belay_outbox_set_max_messages(&o.box, 0, ORDERED, PLENTY));
    for (uint64_t number = 1; number < most + 2; number++) {
        assert_int_equal(
            belay_outbox_push(&o.box, 0, ORDERED, NULL, NULL, 0, false, number + 1), 0);
        if (number >= most)
            continue;
        expect_piece(&o, 0, number, 0, 0, false);
        belay_outbox_acked_run(&o.box, 0, ORDERED, number, 1);
    }
    expect_nothing(&o);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 1);
    expect_piece(&o, 0, most, 0, 0, false);
    outroom_end(&o);
}

/* Of all sequences together; acknowledgements alone make room, not credit. */
static void test_numbers_that_may_be_open(void **state)
{
    const uint64_t most = 16384;
    struct outroom o;
    (void)state;
    outroom_begin_open(&o, PLENTY, 4000);
    for (uint64_t i = 0; i <= most; i++)
        assert_int_equal(
            belay_outbox_push(&o.box, (uint32_t)(i % 8), ORDERED, NULL, NULL, 0, false, i + 1),
            0);
    for (uint64_t i = 0; i < most; i++) {
        struct belay_piece piece;
        assert_true(belay_outbox_peek(&o.box, &piece));
        belay_outbox_take(&o.box, 0);
    }
    assert_int_equal(o.box.numbers_open, most);
    expect_nothing(&o);
    assert_false(belay_outbox_is_data_blocked(&o.box));
    assert_false(belay_outbox_is_messages_blocked(&o.box));
    belay_outbox_acked_run(&o.box, 3, ORDERED, 1, 1); /* its first is open still */
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 3, ORDERED, 0, 1), 0);
    expect_piece(&o, 3, 0, 0, 0, true); /* what is lost goes again all the same */
    belay_outbox_acked_run(&o.box, 3, ORDERED, 0, 1);
    assert_int_equal(o.box.numbers_open, most - 2);
    expect_piece(&o, 7, most / 8 - 1, 0, 0, false); /* the last whose turn came */
    expect_nothing(&o);
    belay_outbox_abandon_all(&o.box, BELAY_ECLOSED);
    assert_int_equal(o.box.numbers_open, 0);
    outroom_end(&o);
}

static void test_number_limit(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 2);
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;
    for (unsigned i = 0; i < 4; i++) {
        outroom_push(&o, 5, i, 10);
        outroom_push(&o, 6, i, 10);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct belay_piece piece;
        assert_true(belay_outbox_peek(&o.box, &piece));
        assert_true(piece.number < 2);
        belay_outbox_take(&o.box, piece.len);
    }
    expect_nothing(&o);
    assert_true(belay_outbox_is_messages_blocked(&o.box));
    bool seen[2] = {false, false};
    for (unsigned i = 0; i < 2; i++) {
        assert_true(belay_outbox_messages_blocked(&o.box, &channel, &mode, &limit));
        assert_int_equal(mode, ORDERED);
        assert_int_equal(limit, 2);
        seen[channel - 5] = true;
    }
    assert_true(seen[0] && seen[1]);

    assert_false(belay_outbox_set_max_messages(&o.box, 7, ORDERED, 9));
    assert_false(belay_outbox_set_max_messages(&o.box, 5, UNORDERED, 9));
    assert_false(belay_outbox_set_max_messages(&o.box, 5, 255, 9));
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 1));
    expect_nothing(&o);
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 3));
    expect_piece(&o, 5, 2, 0, 10, false);
    expect_nothing(&o);
    assert_true(belay_outbox_set_max_messages(&o.box, 6, ORDERED, 9));
    expect_piece(&o, 6, 2, 0, 10, false);
    expect_piece(&o, 6, 3, 0, 10, false);
    assert_true(belay_outbox_is_messages_blocked(&o.box)); /* 5 still is */
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 9));
    assert_false(belay_outbox_is_messages_blocked(&o.box));
    outroom_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_limit_is_exact),
        cmocka_unit_test(test_one_sequence_holds_half_the_window),
        cmocka_unit_test(test_one_large_message_may_pass_half_the_window),
        cmocka_unit_test(test_a_sequence_does_not_run_away_from_its_first),
        cmocka_unit_test(test_numbers_that_may_be_open),
        cmocka_unit_test(test_number_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
