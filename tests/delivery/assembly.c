#include "tests/delivery/room.h"

#include "delivery/assembly.h"

#define SECTION BELAY_ASSEMBLY_SECTION
#define CHUNK   BELAY_ASSEMBLY_CHUNK

/* Parts of `step` bytes, each beginning `overlap` bytes before the end of its neighbour. */
static const struct {
    size_t total, step, overlap;
    bool backward;
} orders[] = {
    {1, 1, 0, false},
    {100, 1, 0, false},
    {100, 7, 0, true},
    {SECTION - 1, 1200, 0, true},
    {SECTION, 1200, 0, false},
    {SECTION, 1200, 300, true},
    {SECTION + 1, 1200, 0, true},
    {SECTION + 1, SECTION, 0, false},
    {2 * SECTION, 1200, 1199, false},
    {3 * SECTION + 7, 1200, 0, false},
    {3 * SECTION + 7, 5000, 400, true},
    {3 * SECTION + 7, 3 * SECTION, 0, true}, /* one part over three borders */
    {SECTION, 100, 0, true},                 /* in chunks: no part pays for more */
    {SECTION, 100, 99, false},
    {2 * SECTION + CHUNK + 7, 1000, 0, true},
    {2 * SECTION + CHUNK + 7, 15, 0, false},
    {129, 1, 0, true},
};

static void put_together(struct room *room, size_t i, const uint8_t *message)
{
    size_t total = orders[i].total, step = orders[i].step;
    size_t count = (total + step - 1) / step;
    struct belay_assembly *a = belay_assembly_new(&room->pool, total);
    assert_non_null(a);
    for (size_t k = 0; k < count; k++) {
        size_t lo = (orders[i].backward ? count - 1 - k : k) * step;
        size_t hi = total - lo > step ? lo + step : total;
        lo -= orders[i].overlap < lo ? orders[i].overlap : lo;
        assert_false(belay_assembly_is_complete(a));
        assert_int_equal(belay_assembly_add(a, &room->pool, lo, message + lo, hi - lo), 1);
        assert_int_equal(belay_assembly_add(a, &room->pool, lo, message + lo, hi - lo), 0);
    }
    assert_true(belay_assembly_is_complete(a));
    assert_int_equal(a->held, total);
    uint8_t *data = belay_assembly_finish(a, &room->pool);
    assert_non_null(data);
    assert_memory_equal(data, message, total);
    belay_pool_give(&room->pool, data, total);
}

static void test_any_order_gives_the_message(void **state)
{
    (void)state;
    static uint8_t message[4 * SECTION];
    fill_message(1, message, sizeof(message));
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct room room;
        room_init(&room);
        put_together(&room, i, message);
        room_dispose(&room);
    }
}

/* What one part makes us hold, of a message of this size. */
static const struct {
    size_t total, offset, len, held;
} holdings[] = {
    {100, 0, 1, 100},
    {127, 126, 1, 127},
    {128, 126, 1, 128}, /* one chunk */
    {128, 126, 2, 128}, /* paid for */
    {SECTION, 0, SECTION / 64, SECTION},
    {SECTION, 0, SECTION / 64 - 1, CHUNK},
    {SECTION, SECTION - 1, 1, CHUNK},
    {SECTION, CHUNK - 1, 2, 2 * CHUNK},
    {SECTION + 1, SECTION, 1, 1}, /* the last section is short */
    {SECTION + 1, SECTION - 1, 2, CHUNK + 1},
    {SECTION + 1, SECTION - 1023, 1024, SECTION + 1},
    {4 * SECTION, SECTION - 1, 2, 2 * CHUNK},
    {4 * SECTION, SECTION - 1, 1200, 2 * SECTION}, /* a part pays for all that it opens */
    {4 * SECTION, 0, 3 * SECTION + 1, 4 * SECTION},
    {1u << 30, (1u << 30) - 1, 1, CHUNK},
};

static void test_memory_comes_with_the_parts(void **state)
{
    (void)state;
    static const uint8_t bytes[4 * SECTION];
    for (size_t i = 0; i < sizeof(holdings) / sizeof(holdings[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_assembly *a = belay_assembly_new(&room.pool, holdings[i].total);
        assert_non_null(a);
        assert_int_equal(a->held, 0);
        assert_int_equal(
            belay_assembly_add(a, &room.pool, holdings[i].offset, bytes, holdings[i].len), 1);
        assert_int_equal(a->held, holdings[i].held);
        assert_true(room.mem.used_bytes >= a->held);
        belay_assembly_free(a, &room.pool);
        room_dispose(&room);
    }
}

static void test_gaps_are_bounded(void **state)
{
    (void)state;
    static const struct {
        size_t total, from, bytes; /* of the section that begins at from */
    } rows[] = {
        {1000, 0, 1000},
        {SECTION, 0, SECTION},
        {2 * SECTION, SECTION, SECTION},
        {2 * SECTION + 700, 2 * SECTION, 700},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_assembly *a = belay_assembly_new(&room.pool, rows[i].total);
        size_t max = BELAY_ASSEMBLY_RANGES_MAX(rows[i].bytes), from = rows[i].from;
        const uint8_t *x = (const uint8_t *)"x";
        for (size_t k = 0; k < max; k++)
            assert_int_equal(belay_assembly_add(a, &room.pool, from + 2 * k, x, 1), 1);
        /* Closing a gap is welcome still, opening one more than there were is not. */
        assert_int_equal(belay_assembly_add(a, &room.pool, from + 1, x, 1), 1);
        assert_int_equal(belay_assembly_add(a, &room.pool, from + 2 * max, x, 1), 1);
        assert_int_equal(belay_assembly_add(a, &room.pool, from + 2 * max + 2, x, 1),
                         BELAY_ELIMIT);
        belay_assembly_free(a, &room.pool);
        room_dispose(&room);
    }
}

static uint8_t *finish_at_last(struct room *room, struct belay_assembly *a)
{
    uint8_t *data = belay_assembly_finish(a, &room->pool);
    if (data != NULL)
        return data;
    room->memory.fail_at = 0;
    return belay_assembly_finish(a, &room->pool);
}

/* Whatever call fails, the same step succeeds once there is memory. */
static void test_memory_may_fail_anywhere(void **state)
{
    (void)state;
    enum { TOTAL = 2 * SECTION + 5 };
    static uint8_t message[TOTAL];
    fill_message(2, message, TOTAL);
    long failures = 0;
    for (long call = 1; call < 12; call++) {
        struct room room;
        room_init(&room);
        room.memory.fail_at = call;
        struct belay_assembly *a = belay_assembly_new(&room.pool, TOTAL);
        failures += a == NULL;
        if (a == NULL)
            a = belay_assembly_new(&room.pool, TOTAL);
        assert_non_null(a);
        static const size_t cuts[] = {0, 10, SECTION - 4, SECTION + 4, TOTAL};
        static const size_t order[] = {2, 0, 3, 1};
        for (size_t k = 0; k < 4; k++) {
            size_t lo = cuts[order[k]], len = cuts[order[k] + 1] - lo;
            int result = belay_assembly_add(a, &room.pool, lo, message + lo, len);
            failures += result == BELAY_ENOMEM;
            if (result == BELAY_ENOMEM)
                result = belay_assembly_add(a, &room.pool, lo, message + lo, len);
            assert_int_equal(result, 1);
        }
        assert_true(belay_assembly_is_complete(a));
        uint8_t *data = finish_at_last(&room, a);
        failures += (long)room.memory.calls >= call && room.memory.fail_at == 0;
        assert_non_null(data);
        assert_memory_equal(data, message, TOTAL);
        belay_pool_give(&room.pool, data, TOTAL);
        room_dispose(&room);
    }
    assert_true(failures >= 6); /* assembly, its sections, their ranges, chunks, the join */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_gives_the_message),
        cmocka_unit_test(test_memory_comes_with_the_parts),
        cmocka_unit_test(test_gaps_are_bounded),
        cmocka_unit_test(test_memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
