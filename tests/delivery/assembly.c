#include "tests/delivery/room.h"

#include "delivery/assembly.h"

#define CHUNK BELAY_INBOX_CHUNK

/* Parts of `step` bytes, each beginning `overlap` bytes before the end of its neighbour. */
static const struct {
    size_t total, step, overlap;
    bool backward;
} orders[] = {
    {1, 1, 0, false},
    {100, 1, 0, false},
    {100, 7, 0, true},
    {CHUNK - 1, 1200, 0, true},
    {CHUNK, 1200, 0, false},
    {CHUNK, 1200, 300, true},
    {CHUNK + 1, 1200, 0, true},
    {CHUNK + 1, CHUNK, 0, false},
    {2 * CHUNK, 1200, 1199, false},
    {3 * CHUNK + 7, 1200, 0, false},
    {3 * CHUNK + 7, 5000, 400, true},
    {3 * CHUNK + 7, 3 * CHUNK, 0, true}, /* one part over three borders */
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
    static uint8_t message[4 * CHUNK];
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
    size_t total, offset, len, held_before, held;
} holdings[] = {
    {100, 0, 1, 100, 100},
    {CHUNK, CHUNK - 1, 1, CHUNK, CHUNK},
    {CHUNK + 1, 0, 1, 0, CHUNK},
    {CHUNK + 1, CHUNK, 1, 0, 1}, /* the last chunk is short */
    {CHUNK + 1, CHUNK - 1, 2, 0, CHUNK + 1},
    {2 * CHUNK, CHUNK - 1, 1, 0, CHUNK},
    {2 * CHUNK, CHUNK, 1, 0, CHUNK},
    {4 * CHUNK, CHUNK - 1, 2, 0, 2 * CHUNK},
    {4 * CHUNK, 0, 3 * CHUNK + 1, 0, 4 * CHUNK},
    {1u << 30, (1u << 30) - 1, 1, 0, CHUNK},
};

static void test_chunks_come_with_their_parts(void **state)
{
    (void)state;
    static const uint8_t bytes[4 * CHUNK];
    for (size_t i = 0; i < sizeof(holdings) / sizeof(holdings[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_assembly *a = belay_assembly_new(&room.pool, holdings[i].total);
        assert_non_null(a);
        assert_int_equal(a->held, holdings[i].held_before);
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
    static const size_t totals[] = {1000, CHUNK, CHUNK + 1};
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_assembly *a = belay_assembly_new(&room.pool, totals[i]);
        size_t max = BELAY_ASSEMBLY_RANGES_MAX(totals[i]);
        for (size_t k = 0; k < max; k++)
            assert_int_equal(belay_assembly_add(a, &room.pool, 2 * k, (const uint8_t *)"x", 1),
                             1);
        /* Closing a gap is welcome still, opening one more than there were is not. */
        assert_int_equal(belay_assembly_add(a, &room.pool, 1, (const uint8_t *)"x", 1), 1);
        assert_int_equal(belay_assembly_add(a, &room.pool, 2 * max, (const uint8_t *)"x", 1),
                         1);
        assert_int_equal(
            belay_assembly_add(a, &room.pool, 2 * max + 2, (const uint8_t *)"x", 1),
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
    enum { TOTAL = 2 * CHUNK + 5 };
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
        static const size_t cuts[] = {0, 10, CHUNK - 4, CHUNK + 4, TOTAL};
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
    assert_true(failures >= 6); /* assembly, chunk table, three chunks, ranges or the join */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_gives_the_message),
        cmocka_unit_test(test_chunks_come_with_their_parts),
        cmocka_unit_test(test_gaps_are_bounded),
        cmocka_unit_test(test_memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
