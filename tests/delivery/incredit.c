#include "tests/delivery/room.h"

#include "delivery/insequence.h"

#define MS      UINT64_C(1000000)
#define ORDERED BELAY_RELIABLE_ORDERED

struct fixture {
    struct room room;
    struct belay_inbox box;
};

static void begin(struct fixture *f, uint64_t window, uint64_t window_max,
                  uint32_t window_messages)
{
    const struct belay_inbox_config config = {
        .message_size_max = KIB(16),
        .window_initial = window,
        .window_max = window_max,
        .window_messages = window_messages,
        .channels_max = 16,
    };
    room_init(&f->room);
    assert_int_equal(belay_inbox_init(&f->box, &f->room.mem, &f->room.pool, &config), 0);
}

static void end(struct fixture *f)
{
    belay_inbox_dispose(&f->box);
    room_dispose(&f->room);
}

/* Due at a quarter of the window, and not again until the next. */
static void test_max_data(void **state)
{
    (void)state;
    static const struct {
        uint64_t consumed;
        bool want, due;
    } rows[] = {
        {0, false, false},    {999, false, false},  {1000, false, true}, {1000, false, false},
        {1000, true, true},   {1999, false, false}, {1999, true, true},  {2000, false, false},
        {2998, false, false}, {2999, false, true},
    };
    struct fixture f;
    begin(&f, 4000, 4000, 8);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t limit = 0, window = 0;
        f.box.consumed = rows[i].consumed;
        assert_int_equal(belay_inbox_is_credit_due(&f.box), rows[i].due && !rows[i].want);
        assert_int_equal(belay_inbox_max_data_due(&f.box, rows[i].want, &limit, &window),
                         rows[i].due);
        assert_int_equal(limit, rows[i].due ? rows[i].consumed + 4000 : 0);
        assert_int_equal(window, rows[i].due ? 4000 : 0);
        assert_false(belay_inbox_is_credit_due(&f.box));
    }
    end(&f);
}

/* A larger window is due by itself, when it is larger by a quarter. */
static void test_a_grown_window_is_due(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t limit, window;
    begin(&f, 4000, 9000, 8);
    f.box.window = 8000;
    assert_true(belay_inbox_is_credit_due(&f.box));
    assert_true(belay_inbox_max_data_due(&f.box, false, &limit, &window));
    assert_int_equal(limit, 8000);
    assert_int_equal(window, 8000);
    end(&f);
}

static void receive(struct fixture *f, uint32_t channel, uint32_t count)
{
    static const uint8_t byte[1];
    const char *why;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = f->box.sequence_capacity > channel * 4 &&
                                  f->box.sequences[channel * 4 + ORDERED] != NULL
                              ? (uint32_t)f->box.sequences[channel * 4 + ORDERED]->next
                              : 0;
        assert_int_equal(belay_inbox_message(&f->box, channel, ORDERED, number, byte, 1, &why),
                         0);
    }
}

static void expect_max_messages(struct fixture *f, uint32_t channel, uint64_t limit)
{
    uint32_t c;
    uint8_t mode;
    uint64_t l;
    assert_true(belay_inbox_is_credit_due(&f->box));
    assert_true(belay_inbox_max_messages_due(&f->box, &c, &mode, &l));
    assert_int_equal(c, channel);
    assert_int_equal(mode, ORDERED);
    assert_int_equal(l, limit);
}

static void expect_none(struct fixture *f)
{
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;
    assert_false(belay_inbox_max_messages_due(&f->box, &channel, &mode, &limit));
    assert_false(belay_inbox_is_credit_due(&f->box));
}

static void test_max_messages_at_a_quarter(void **state)
{
    (void)state;
    static const struct {
        uint32_t window, due_after;
    } rows[] = {{1, 1}, {3, 1}, {4, 1}, {7, 1}, {8, 2}, {100, 25}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f, MIB(1), MIB(1), rows[i].window);
        for (uint64_t round = 1; round < 4; round++) {
            receive(&f, 3, rows[i].due_after - 1);
            expect_none(&f);
            receive(&f, 3, 1);
            expect_max_messages(&f, 3, round * rows[i].due_after + rows[i].window);
            expect_none(&f);
        }
        end(&f);
    }
}

static void test_max_messages_in_turn_and_when_wanted(void **state)
{
    (void)state;
    static const struct {
        uint32_t channel;
        uint8_t mode;
    } unknown[] = {{9, ORDERED},
                   {5, BELAY_RELIABLE_UNORDERED},
                   {5, 4},
                   {5, 255},
                   {UINT32_MAX / 4, ORDERED}};
    struct fixture f;
    begin(&f, MIB(1), MIB(1), 8);
    receive(&f, 5, 3);
    receive(&f, 1, 2);
    receive(&f, 5, 1);
    expect_max_messages(&f, 5, 12);
    expect_max_messages(&f, 1, 10);
    expect_none(&f);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        belay_inbox_want_max_messages(&f.box, unknown[i].channel, unknown[i].mode);
        expect_none(&f);
    }
    belay_inbox_want_max_messages(&f.box, 1, ORDERED);
    belay_inbox_want_max_messages(&f.box, 1, ORDERED); /* asked twice, said once */
    receive(&f, 1, 1);
    expect_max_messages(&f, 1, 11);
    expect_none(&f);
    end(&f);
}

/* The first tune at 1 s begins to measure; then so much is consumed, and it is this late. */
static void test_tune(void **state)
{
    (void)state;
    static const struct {
        size_t window, window_max, consumed;
        uint64_t elapsed_ns;
        size_t expected;
    } rows[] = {
        {KIB(64), MIB(1), 0, 20 * MS, KIB(64)},
        {KIB(64), MIB(1), KIB(32) - 1, 1 * MS, KIB(64)}, /* not half yet */
        {KIB(64), MIB(1), KIB(32), 1 * MS, KIB(128)},
        {KIB(64), MIB(1), KIB(32), 20 * MS, KIB(128)}, /* in two round trips */
        {KIB(64), MIB(1), KIB(32), 21 * MS, KIB(64)},
        {KIB(64), MIB(1), KIB(64), 40 * MS, KIB(128)}, /* the same pace */
        {KIB(64), MIB(1), KIB(64), 41 * MS, KIB(64)},
        {KIB(64), KIB(100), KIB(64), 1 * MS, KIB(100)}, /* what there is to grow */
        {KIB(64), KIB(64), KIB(64), 1 * MS, KIB(64)},
        {KIB(64), KIB(32), KIB(64), 1 * MS, KIB(64)}, /* never shrinks */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f, rows[i].window, rows[i].window_max, 8);
        f.box.consumed = KIB(500); /* before the measure begins: does not count */
        belay_inbox_tune(&f.box, 10 * MS, 1000 * MS);
        assert_int_equal(f.box.window, rows[i].window);
        f.box.consumed += rows[i].consumed;
        belay_inbox_tune(&f.box, 10 * MS, 1000 * MS + rows[i].elapsed_ns);
        assert_int_equal(f.box.window, rows[i].expected);
        end(&f);
    }
}

/* A slow start must not hide a fast end: after two idle round trips the measure begins anew.
 * Within them it goes on. */
static void test_tune_measures_anew(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, KIB(64), MIB(1), 8);
    belay_inbox_tune(&f.box, 10 * MS, 1000 * MS);
    belay_inbox_tune(&f.box, 10 * MS, 1500 * MS);
    f.box.consumed += KIB(16);
    belay_inbox_tune(&f.box, 10 * MS, 1510 * MS);
    assert_int_equal(f.box.window, KIB(64));
    f.box.consumed += KIB(16);
    belay_inbox_tune(&f.box, 10 * MS, 1519 * MS);
    assert_int_equal(f.box.window, KIB(128));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_data),
        cmocka_unit_test(test_a_grown_window_is_due),
        cmocka_unit_test(test_max_messages_at_a_quarter),
        cmocka_unit_test(test_max_messages_in_turn_and_when_wanted),
        cmocka_unit_test(test_tune),
        cmocka_unit_test(test_tune_measures_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
