#include "tests/delivery/outroom.h"

#include "delivery/outmessage.h"

static void source_read(void *ctx, uint64_t offset, void *out, size_t len)
{
    (void)ctx;
    (void)offset;
    memset(out, 0, len);
}

static void source_release(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void test_whose_bytes(void **state)
{
    (void)state;
    static uint8_t bytes[5000];
    static const struct {
        size_t len;
        bool with_source, readable; /* readable: the source has data in memory */
    } rows[] = {{0, false, false},  {1, false, false},   {5000, false, false},
                {5000, true, true}, {5000, true, false}, {0, true, false}};
    fill_message(1, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned released = 0;
        struct belay_source source = {.data = rows[i].readable ? bytes : NULL,
                                      .read = source_read,
                                      .release = source_release,
                                      .ctx = &released};
        struct belay_out_message m;
        struct room room;
        room_init(&room);
        assert_int_equal(belay_out_message_init(&m, &room.pool, bytes,
                                                rows[i].with_source ? &source : NULL,
                                                rows[i].len),
                         0);
        source.release = NULL; /* it has kept its own copy of the struct */
        assert_int_equal(m.len, rows[i].len);
        assert_int_equal(belay_out_message_cost(&m), rows[i].len + BELAY_MESSAGE_COST);
        const uint8_t *data = belay_out_message_data(&m);
        if (rows[i].readable)
            assert_ptr_equal(data, bytes);
        else if (!rows[i].with_source && rows[i].len > 0)
            assert_true(data != bytes && memcmp(data, bytes, rows[i].len) == 0);
        else
            assert_null(data);
        belay_out_message_release(&m, &room.pool);
        assert_true(m.settled);
        assert_int_equal(m.len, rows[i].len);
        assert_int_equal(released, rows[i].with_source);
        room_dispose(&room);
    }
}

static void test_no_memory_holds_nothing(void **state)
{
    (void)state;
    unsigned released = 0;
    const struct belay_source source = {.release = source_release, .ctx = &released};
    struct belay_out_message m;
    struct room room;
    room_init(&room);
    room.memory.fail_at = -1;
    assert_int_equal(belay_out_message_init(&m, &room.pool, "abc", NULL, 3), BELAY_ENOMEM);
    assert_int_equal(belay_out_message_init(&m, &room.pool, NULL, &source, 3), BELAY_ENOMEM);
    assert_int_equal(released, 0);
    assert_int_equal(belay_out_message_init(&m, &room.pool, NULL, NULL, 0), 0);
    belay_out_message_release(&m, &room.pool);
    room_dispose(&room);
}

/* ------------------------------------------------------------------ parts */

#define NONE                                                                                   \
    {                                                                                          \
        UINT64_MAX, UINT64_MAX                                                                 \
    }

enum verb { ACKED = 1, LOST, RESENT };

struct step {
    enum verb verb;
    uint64_t lo, hi; /* of RESENT: 0 and the count */
    int result;
};

/* Of a message of 100 bytes, so many of them handed out: what is due again in the end. */
static const struct {
    unsigned sent;
    struct step steps[5];
    struct belay_range due;
} stories[] = {
    {100, {{ACKED, 0, 100, 1}}, NONE},
    {100, {{ACKED, 0, 50, 0}, {ACKED, 50, 100, 1}}, NONE},
    {100, {{ACKED, 60, 100, 0}, {ACKED, 0, 40, 0}, {ACKED, 30, 70, 1}}, NONE},
    {100, {{ACKED, 50, 9999, 0}, {ACKED, 0, 50, 1}}, NONE}, /* clipped */
    {100, {{ACKED, 200, 300, 0}, {ACKED, 7, 7, 0}}, NONE},
    {100, {{LOST, 0, 100, 0}}, {0, 100}},
    {100, {{LOST, 20, 30, 0}}, {20, 30}},
    {100, {{LOST, 20, 30, 0}, {LOST, 10, 20, 0}}, {10, 30}},
    {100, {{LOST, 60, 70, 0}, {LOST, 10, 20, 0}}, {10, 20}},
    {100, {{LOST, 10, 20, 0}, {LOST, 60, 70, 0}, {RESENT, 0, 10, 0}}, {60, 70}},
    {100, {{LOST, 10, 20, 0}, {RESENT, 0, 4, 0}}, {14, 20}},
    {100, {{LOST, 10, 20, 0}, {RESENT, 0, 10, 0}}, NONE},
    {100, {{LOST, 10, 20, 0}, {ACKED, 10, 20, 0}}, NONE}, /* it was not lost after all */
    {100, {{LOST, 10, 20, 0}, {ACKED, 0, 15, 0}}, {15, 20}},
    {100, {{LOST, 10, 40, 0}, {ACKED, 20, 30, 0}, {RESENT, 0, 10, 0}}, {30, 40}},
    {100, {{ACKED, 20, 30, 0}, {LOST, 10, 40, 0}}, {10, 20}},
    {100, {{ACKED, 20, 30, 0}, {LOST, 20, 30, 0}}, NONE},
    {100, {{ACKED, 0, 30, 0}, {LOST, 0, 100, 0}}, {30, 100}},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 40, 0}}, {40, 100}},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 100, 0}}, NONE},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 40, 0}, {LOST, 0, 100, 0}}, {0, 100}},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 40, 0}, {LOST, 10, 20, 0}}, {10, 20}},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 40, 0}, {ACKED, 0, 40, 0}}, {40, 100}},
    {100, {{LOST, 0, 100, 0}, {RESENT, 0, 40, 0}, {ACKED, 30, 50, 0}}, {50, 100}},
    {100, {{LOST, 0, 100, 0}, {ACKED, 0, 100, 1}}, {0, 100}}, /* the caller settles it */
    /* from both ends */
    {100, {{ACKED, 70, 100, 0}, {ACKED, 30, 70, 0}, {ACKED, 0, 30, 1}}, NONE},
    {100,
     {{ACKED, 0, 20, 0}, {ACKED, 70, 100, 0}, {ACKED, 10, 40, 0}, {ACKED, 35, 75, 1}},
     NONE},
    {100,
     {{ACKED, 0, 30, 0}, {ACKED, 10, 20, 0}, {ACKED, 30, 99, 0}, {ACKED, 99, 100, 1}},
     NONE},
    {100, {{ACKED, 0, 20, 0}, {ACKED, 80, 100, 0}, {LOST, 10, 90, 0}}, {20, 80}},
    {100, {{ACKED, 80, 100, 0}, {LOST, 0, 100, 0}, {RESENT, 0, 50, 0}}, {50, 80}},
    {100,
     {{ACKED, 0, 20, 0}, {ACKED, 80, 100, 0}, {ACKED, 40, 60, 0}, {LOST, 0, 100, 0}},
     {20, 40}},
    {100,
     {{ACKED, 80, 100, 0}, {ACKED, 40, 60, 0}, {ACKED, 0, 40, 0}, {ACKED, 60, 80, 1}},
     NONE},
    {100, {{ACKED, 80, 100, 0}, {LOST, 0, 100, 0}, {ACKED, 0, 80, 1}}, NONE},
    {50, {{LOST, 0, 50, 0}}, {0, 50}},
    {50, {{LOST, 0, 100, 0}}, {0, 50}}, /* nobody lost what was not sent */
    {50, {{LOST, 50, 100, 0}}, NONE},
    {50, {{ACKED, 0, 50, 0}, {LOST, 40, 50, 0}}, NONE},
};

static void take_step(struct belay_out_message *m, struct room *room, const struct step *step)
{
    if (step->verb == ACKED)
        assert_int_equal(belay_out_message_acked(m, &room->pool, step->lo, step->hi),
                         step->result);
    else if (step->verb == LOST)
        assert_int_equal(belay_out_message_lost(m, &room->pool, step->lo, step->hi),
                         step->result);
    else if (step->verb == RESENT)
        belay_out_message_resent(m, step->hi);
}

static void test_what_is_due_again(void **state)
{
    (void)state;
    static const uint8_t bytes[100];
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct belay_range due = NONE;
        struct belay_out_message m;
        struct room room;
        room_init(&room);
        assert_int_equal(belay_out_message_init(&m, &room.pool, bytes, NULL, 100), 0);
        m.sent = stories[i].sent;
        for (size_t k = 0; k < 5; k++)
            take_step(&m, &room, &stories[i].steps[k]);
        bool any = belay_out_message_due(&m, &due);
        if (any != (stories[i].due.lo != UINT64_MAX) || due.lo != stories[i].due.lo ||
            due.hi != stories[i].due.hi)
            fail_msg("story %zu: [%d, %d)", i, (int)due.lo, (int)due.hi);
        belay_out_message_release(&m, &room.pool);
        room_dispose(&room);
    }
}

/* Pieces that are acknowledged in order, or the other way round, cost nothing to note. */
static void test_ends_take_no_memory(void **state)
{
    (void)state;
    static const uint8_t bytes[100];
    for (unsigned down = 0; down < 2; down++) {
        struct belay_out_message m;
        struct room room;
        room_init(&room);
        assert_int_equal(belay_out_message_init(&m, &room.pool, bytes, NULL, 100), 0);
        m.sent = 100;
        room_starve(&room);
        for (uint64_t i = 0; i < 10; i++) {
            uint64_t lo = 10 * (down ? 9 - i : i);
            assert_int_equal(belay_out_message_acked(&m, &room.pool, lo, lo + 10), i == 9);
        }
        room.memory.fail_at = 0;
        belay_out_message_release(&m, &room.pool);
        room_dispose(&room);
    }
}

static void test_an_empty_message(void **state)
{
    (void)state;
    struct belay_out_message m;
    struct belay_range due;
    struct room room;
    room_init(&room);
    assert_int_equal(belay_out_message_init(&m, &room.pool, NULL, NULL, 0), 0);
    assert_false(belay_out_message_due(&m, &due));
    assert_int_equal(belay_out_message_lost(&m, &room.pool, 0, 0), 0);
    assert_true(belay_out_message_due(&m, &due));
    assert_int_equal(due.lo, 0);
    assert_int_equal(due.hi, 0);
    belay_out_message_resent(&m, 0);
    assert_false(belay_out_message_due(&m, &due));
    assert_int_equal(belay_out_message_acked(&m, &room.pool, 0, 0), 1);
    belay_out_message_release(&m, &room.pool);
    room_dispose(&room);
}

/* Each of the calls for memory fails once; what is due stays, and the step succeeds later. */
static void test_parts_without_memory(void **state)
{
    (void)state;
    static const uint8_t bytes[100];
    static const struct step steps[] = {{ACKED, 30, 40, 0}, {LOST, 10, 20, 0}};
    for (size_t i = 0; i < 4; i++) {
        bool lost_whole = i >= 2;
        unsigned failures = 0;
        for (long call = 1; call < 6; call++) {
            struct belay_range due = NONE;
            struct belay_out_message m;
            struct room room;
            room_init(&room);
            assert_int_equal(belay_out_message_init(&m, &room.pool, bytes, NULL, 100), 0);
            m.sent = 100;
            if (lost_whole)
                belay_out_message_lost(&m, &room.pool, 0, 100);
            if (lost_whole)
                belay_out_message_resent(&m, 60);
            const struct step *step = &steps[i % 2];
            room.memory.fail_at = (long)room.memory.calls + call;
            int result = step->verb == ACKED
                             ? belay_out_message_acked(&m, &room.pool, step->lo, step->hi)
                             : belay_out_message_lost(&m, &room.pool, step->lo, step->hi);
            room.memory.fail_at = 0;
            if (result != 0) {
                failures++;
                assert_int_equal(result, BELAY_ENOMEM);
                assert_int_equal(belay_out_message_due(&m, &due), lost_whole);
                assert_int_equal(due.lo, lost_whole ? 60 : UINT64_MAX);
                take_step(&m, &room, step);
            }
            assert_int_equal(belay_out_message_due(&m, &due), lost_whole || i == 1);
            assert_int_equal(due.lo, i % 2 ? 10 : lost_whole ? 60 : UINT64_MAX);
            belay_out_message_release(&m, &room.pool);
            room_dispose(&room);
        }
        assert_true(failures >= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_bytes),
        cmocka_unit_test(test_no_memory_holds_nothing),
        cmocka_unit_test(test_what_is_due_again),
        cmocka_unit_test(test_ends_take_no_memory),
        cmocka_unit_test(test_an_empty_message),
        cmocka_unit_test(test_parts_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
