#include "tests/delivery/outroom.h"

#include "delivery/outturn.h"

static struct belay_out_sequence *sequence(struct outroom *o, uint32_t channel)
{
    struct belay_out_sequence *seq = belay_out_sequence_find(&o->box, channel, ORDERED);
    assert_non_null(seq);
    return seq;
}

static void test_fits(void **state)
{
    (void)state;
    static const struct {
        uint64_t max_data, reserved, cost;
        bool fits;
    } rows[] = {
        {0, 0, 0, true},
        {0, 0, 1, false},
        {100, 0, 100, true},
        {100, 0, 101, false},
        {100, 36, 64, true},
        {100, 37, 64, false},
        {100, 100, 1, false},
        {100, 200, 0, false}, /* the limit fell behind */
        {UINT64_MAX, 1, UINT64_MAX, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_outbox box = {.max_data = rows[i].max_data, .reserved = rows[i].reserved};
        assert_int_equal(belay_out_turn_fits(&box, rows[i].cost), rows[i].fits);
    }
}

/* Two sequences of messages of this length: after so many the other one's turn comes. A
 * message takes four bytes beside its own. */
static void test_a_turn_is_a_packet(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        unsigned turn;
    } rows[] = {{5000, 1}, {1196, 1}, {1195, 2}, {596, 2}, {595, 3}, {100, 12}, {0, 300}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_piece piece;
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 4000);
        for (unsigned k = 0; k < 2 * rows[i].turn; k++) {
            outroom_push(&o, 1, k, rows[i].len);
            outroom_push(&o, 2, k, rows[i].len);
        }
        for (unsigned k = 0; k < 4 * rows[i].turn; k++) {
            const struct belay_out_sequence *seq = belay_out_turn_pick(&o.box);
            assert_ptr_equal(seq, sequence(&o, k / rows[i].turn % 2 + 1));
            assert_true(belay_outbox_peek(&o.box, &piece));
            belay_outbox_take(&o.box, piece.len);
        }
        assert_null(belay_out_turn_pick(&o.box));
        outroom_end(&o);
    }
}

/* Two messages of this length in one sequence. After the first went: where it stands. */
static void test_what_stops_a_sequence(void **state)
{
    (void)state;
    static const struct {
        uint64_t max_data;
        uint32_t max_messages;
        size_t len;
        unsigned taken;
        enum belay_out_place place;
        uint64_t blocked;
    } rows[] = {
        {4000, 9, 100, 2, BELAY_OUT_IDLE, 0},
        {4000, 1, 100, 1, BELAY_OUT_WAITS_NUMBER, 1},
        {4000, 0, 100, 0, BELAY_OUT_WAITS_NUMBER, 1},
        {4 * 164, 9, 100, 2, BELAY_OUT_IDLE, 0}, /* half the window is both of them */
        {4 * 164 - 1, 9, 100, 1, BELAY_OUT_HELD, 0},
        {4000, 9, 2500, 1, BELAY_OUT_HELD, 0}, /* one alone may pass half the window */
        {2564, 9, 2500, 1, BELAY_OUT_HELD, 0},
        {2563, 9, 2500, 0, BELAY_OUT_WAITS_DATA, 1},
        {0, 9, 0, 0, BELAY_OUT_WAITS_DATA, 1},
        {0, 0, 0, 0, BELAY_OUT_WAITS_NUMBER, 1}, /* its own limits come first */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        outroom_begin(&o);
        outroom_push(&o, 1, 0, rows[i].len);
        assert_null(belay_out_turn_pick(&o.box)); /* not open */
        assert_int_equal(sequence(&o, 1)->place, BELAY_OUT_IDLE);
        belay_outbox_open(&o.box, rows[i].max_data, rows[i].max_messages, MIB(1), 256);
        outroom_push(&o, 1, 1, rows[i].len);
        assert_int_equal(sequence(&o, 1)->place, BELAY_OUT_READY);
        assert_int_equal(outroom_drain(&o), rows[i].taken);
        assert_int_equal(sequence(&o, 1)->place, rows[i].place);
        assert_int_equal(o.box.blocked_count, rows[i].blocked);
        assert_null(belay_out_turn_pick(&o.box)); /* asking again counts nothing */
        assert_int_equal(o.box.blocked_count, rows[i].blocked);
        outroom_end(&o);
    }
}

/* A sequence wakes from the place that it is in, and from no other. */
static void test_wake(void **state)
{
    (void)state;
    static const enum belay_out_place places[] = {BELAY_OUT_IDLE, BELAY_OUT_WAITS_NUMBER,
                                                  BELAY_OUT_HELD};
    static const struct {
        uint64_t max_data;
        uint32_t max_messages;
        enum belay_out_place place;
    } rows[] = {{PLENTY, 9, BELAY_OUT_IDLE},
                {PLENTY, 1, BELAY_OUT_WAITS_NUMBER},
                {200, 9, BELAY_OUT_HELD},
                {10, 9, BELAY_OUT_WAITS_DATA}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        outroom_begin_open(&o, rows[i].max_data, rows[i].max_messages);
        outroom_push(&o, 1, 0, 100);
        outroom_push(&o, 1, 1, 100);
        outroom_drain(&o);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(sequence(&o, 1)->place, rows[i].place);
            belay_out_turn_wake(&o.box, sequence(&o, 1), places[k]);
            assert_int_equal(sequence(&o, 1)->place,
                             places[k] == rows[i].place ? BELAY_OUT_READY : rows[i].place);
            outroom_drain(&o); /* nothing changed: it waits again */
        }
        outroom_end(&o);
    }
}

/* Channel 1 waits for credit with a large message, and channel 2 with a small one that would
 * fit. With this limit, who may start? */
static void test_credit_goes_to_the_first_of_the_stuck(void **state)
{
    (void)state;
    static const struct {
        uint64_t max_data;
        uint32_t picked; /* 0: nobody */
    } rows[] = {{501, 0}, {1063, 0}, {1064, 1}, {PLENTY, 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        outroom_begin_open(&o, 500, 9);
        outroom_push(&o, 1, 0, 1000);
        outroom_push(&o, 2, 0, 10);
        assert_null(belay_out_turn_pick(&o.box));
        assert_int_equal(sequence(&o, 2)->place, BELAY_OUT_WAITS_DATA);
        outroom_push(&o, 3, 0, 10); /* comes later: stands behind both */
        belay_outbox_set_max_data(&o.box, rows[i].max_data, rows[i].max_data);
        struct belay_out_sequence *seq = belay_out_turn_pick(&o.box);
        assert_ptr_equal(seq, rows[i].picked > 0 ? sequence(&o, rows[i].picked) : NULL);
        assert_ptr_equal(belay_out_turn_pick(&o.box), seq); /* until it is taken */
        assert_int_equal(outroom_drain(&o), rows[i].max_data == PLENTY ? 3 : rows[i].picked);
        outroom_end(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_a_turn_is_a_packet),
        cmocka_unit_test(test_what_stops_a_sequence),
        cmocka_unit_test(test_wake),
        cmocka_unit_test(test_credit_goes_to_the_first_of_the_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
