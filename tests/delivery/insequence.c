#include "tests/delivery/room.h"

#include "delivery/insequence.h"

static struct belay_in_sequence *make(struct room *room, uint64_t first, uint32_t window)
{
    struct belay_in_sequence *seq =
        belay_in_sequence_new(&room->mem, 7, BELAY_RELIABLE_ORDERED, first, window);
    assert_non_null(seq);
    return seq;
}

/* Number waits with one byte of its own. */
static void put(struct room *room, struct belay_in_sequence *seq, uint64_t number)
{
    struct belay_in_slot *slot = belay_in_sequence_slot(seq, &room->mem, number);
    assert_non_null(slot);
    uint8_t *data = belay_pool_take(&room->pool, 1);
    data[0] = byte_of(number, 0);
    belay_in_sequence_fill(
        seq, slot, (struct belay_in_slot){.data = data, .len = 1, .state = BELAY_IN_WAITING});
}

static bool is_there(const struct belay_in_sequence *seq, uint64_t number)
{
    const struct belay_in_slot *slot = belay_in_sequence_at(seq, number);
    if (slot != NULL)
        assert_int_equal(slot->data[0], byte_of(number, 0));
    return slot != NULL;
}

static void test_limits_of_a_new_one(void **state)
{
    (void)state;
    static const struct {
        uint64_t first;
        uint32_t window;
        uint64_t limit, due_from;
    } rows[] = {
        {0, 1, 1, 1},
        {0, 4, 4, 1},
        {0, 5, 5, 1},
        {0, 8, 8, 2},
        {1000, 100, 1100, 1025},
        {UINT32_MAX, UINT32_MAX, UINT64_C(2) * UINT32_MAX, UINT32_MAX + UINT64_C(0x3fffffff)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_in_sequence *seq = make(&room, rows[i].first, rows[i].window);
        assert_int_equal(seq->next, rows[i].first);
        assert_int_equal(seq->limit, rows[i].limit);
        assert_int_equal(seq->due_from, rows[i].due_from);
        assert_int_equal(seq->channel, 7);
        assert_int_equal(seq->capacity, 0); /* no slots while messages come in order */
        assert_null(belay_in_sequence_at(seq, rows[i].first));
        assert_null(belay_in_sequence_at(seq, UINT64_MAX));
        belay_in_sequence_free(seq, &room.mem, &room.pool);
        room_dispose(&room);
    }
}

static const struct {
    uint64_t first, distance;
    size_t capacity;
} growths[] = {
    {0, 0, 16},
    {0, 15, 16},
    {0, 16, 32},
    {5, 31, 32},
    {13, 32, 64},
    {31, 1000, 1024},
    {UINT32_MAX - 3, 16, 32},
    {(UINT64_C(1) << 61) + 9, 500, 512},
};

/* Every third of the first sixteen is there; then one far away makes the ring grow. */
static void test_growth_keeps_what_came(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++) {
        uint64_t first = growths[i].first, far = first + growths[i].distance;
        struct room room;
        room_init(&room);
        struct belay_in_sequence *seq = make(&room, first, 2000);
        for (uint64_t n = first; n < first + 16; n += 3)
            put(&room, seq, n);
        assert_int_equal(seq->capacity, 16);
        size_t occupied = seq->occupied;
        if (!is_there(seq, far)) {
            put(&room, seq, far);
            occupied++;
        }
        assert_int_equal(seq->occupied, occupied);
        assert_int_equal(seq->capacity, growths[i].capacity);
        for (uint64_t n = first; n < first + 2 * seq->capacity; n++)
            assert_int_equal(is_there(seq, n),
                             n == far || (n < first + 16 && (n - first) % 3 == 0));
        belay_in_sequence_free(seq, &room.mem, &room.pool);
        room_dispose(&room);
    }
}

/* A window of ten slides over the ring again and again, with one in two there. */
static void test_ring_wraps(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    struct belay_in_sequence *seq = make(&room, UINT32_MAX - 20, 10);
    for (unsigned round = 0; round < 100; round++) {
        seq->limit = seq->next + 10;
        if ((seq->next + 9) % 2 == 0)
            put(&room, seq, seq->next + 9);
        struct belay_in_slot *slot = belay_in_sequence_at(seq, seq->next);
        assert_int_equal(slot != NULL, round >= 9 && seq->next % 2 == 0);
        if (slot != NULL) {
            assert_int_equal(slot->data[0], byte_of(seq->next, 0));
            belay_pool_give(&room.pool, slot->data, slot->len);
            belay_in_sequence_empty(seq, slot);
            assert_null(belay_in_sequence_at(seq, seq->next));
        }
        seq->next++;
        assert_true(seq->occupied <= 5);
    }
    assert_int_equal(seq->capacity, 16);
    belay_in_sequence_free(seq, &room.mem, &room.pool);
    room_dispose(&room);
}

static void test_free_lets_go_of_every_state(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    struct belay_in_sequence *seq = make(&room, 0, 100);
    put(&room, seq, 1);
    const struct belay_in_slot values[] = {
        {.state = BELAY_IN_DONE, .len = 50},
        {.state = BELAY_IN_WAITING}, /* an empty message holds no block */
        {.assembly = belay_assembly_new(&room.pool, 200),
         .len = 200,
         .state = BELAY_IN_PARTIAL},
        {.assembly = belay_assembly_new(&room.pool, KIB(200)),
         .len = KIB(200),
         .state = BELAY_IN_PARTIAL},
    };
    for (uint64_t i = 0; i < 4; i++)
        belay_in_sequence_fill(seq, belay_in_sequence_slot(seq, &room.mem, 10 * (i + 1)),
                               values[i]);
    /* Filling again counts once. */
    belay_in_sequence_fill(seq, belay_in_sequence_at(seq, 10), values[0]);
    assert_int_equal(seq->occupied, 5);
    belay_in_sequence_free(seq, &room.mem, &room.pool);
    room_dispose(&room);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    room.memory.fail_at = 1;
    assert_null(belay_in_sequence_new(&room.mem, 0, 0, 0, 1));
    struct belay_in_sequence *seq = make(&room, 40, 100);
    room.memory.fail_at = (long)room.memory.calls + 1;
    assert_null(belay_in_sequence_slot(seq, &room.mem, 41));
    put(&room, seq, 41);
    room.memory.fail_at = (long)room.memory.calls + 1;
    assert_null(belay_in_sequence_slot(seq, &room.mem, 40 + 16));
    assert_int_equal(seq->capacity, 16);
    assert_int_equal(seq->occupied, 1);
    assert_true(is_there(seq, 41));
    belay_in_sequence_free(seq, &room.mem, &room.pool);
    room_dispose(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_a_new_one),
        cmocka_unit_test(test_growth_keeps_what_came),
        cmocka_unit_test(test_ring_wraps),
        cmocka_unit_test(test_free_lets_go_of_every_state),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
