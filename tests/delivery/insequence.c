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
    struct belay_in_slot *slot = belay_in_sequence_slot(seq, &room->pool, number);
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
        assert_int_equal(seq->top, rows[i].first);
        assert_int_equal(seq->page_capacity, 0); /* nothing while messages come in order */
        assert_null(belay_in_sequence_at(seq, rows[i].first));
        assert_null(belay_in_sequence_at(seq, UINT64_MAX));
        belay_in_sequence_free(seq, &room.mem, &room.pool);
        room_dispose(&room);
    }
}

/* In pages; the ring of pages has room for what lies between the page of first and that of far.
 */
static const struct {
    uint64_t first, distance;
    size_t page_capacity;
} growths[] = {
    {0, 0, 4},
    {0, 15, 4},
    {0, 63, 4},
    {0, 64, 8},
    {5, 58, 4},
    {5, 59, 8},
    {13, 128, 16},
    {31, 1000, 64},
    {UINT32_MAX - 3, 64, 8},
    {(UINT64_C(1) << 61) + 9, 500, 32},
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
        assert_int_equal(seq->page_capacity, 4);
        size_t occupied = seq->occupied;
        if (!is_there(seq, far)) {
            put(&room, seq, far);
            occupied++;
        }
        assert_int_equal(seq->occupied, occupied);
        assert_int_equal(seq->page_capacity, growths[i].page_capacity);
        for (uint64_t n = first; n < first + 2 * BELAY_IN_PAGE * seq->page_capacity; n++)
            assert_int_equal(is_there(seq, n),
                             n == far || (n < first + 16 && (n - first) % 3 == 0));
        belay_in_sequence_free(seq, &room.mem, &room.pool);
        room_dispose(&room);
    }
}

/* A window of a hundred slides over the ring again and again, with one in two there. */
static void test_ring_wraps(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    struct belay_in_sequence *seq = make(&room, UINT32_MAX - 20, 100);
    for (unsigned round = 0; round < 1000; round++) {
        seq->limit = seq->next + 100;
        if ((seq->next + 99) % 2 == 0)
            put(&room, seq, seq->next + 99);
        struct belay_in_slot *slot = belay_in_sequence_at(seq, seq->next);
        assert_int_equal(slot != NULL, round >= 99 && seq->next % 2 == 0);
        if (slot != NULL) {
            assert_int_equal(slot->data[0], byte_of(seq->next, 0));
            belay_pool_give(&room.pool, slot->data, slot->len);
            belay_in_sequence_empty(seq, slot);
            assert_null(belay_in_sequence_at(seq, seq->next));
        }
        belay_in_sequence_advance(seq, &room.pool);
        assert_true(seq->occupied <= 50);
    }
    assert_int_equal(seq->page_capacity, 8);
    belay_in_sequence_free(seq, &room.mem, &room.pool);
    room_dispose(&room);
}

/* What is in its turn takes no page; what was ahead gives them back as it is passed. */
static void test_pages_come_and_go(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    struct belay_in_sequence *seq = make(&room, 0, 4096);
    size_t bare = room.mem.used_bytes - room.pool.kept_bytes;
    for (unsigned i = 0; i < 50; i++)
        belay_in_sequence_advance(seq, &room.pool);
    assert_int_equal(seq->top, 50);
    assert_int_equal(room.mem.used_bytes, bare);

    put(&room, seq, 4000); /* a page and a ring of 256 */
    assert_true(room.mem.used_bytes - room.pool.kept_bytes <=
                bare + 64 + 256 + 256 * sizeof(void *));
    for (uint64_t n = 51; n < 51 + 512; n++)
        put(&room, seq, n);
    for (uint64_t n = 50; n < 51 + 512; n++) {
        struct belay_in_slot *slot = belay_in_sequence_at(seq, n);
        if (slot != NULL) {
            belay_pool_give(&room.pool, slot->data, slot->len);
            belay_in_sequence_empty(seq, slot);
        }
        belay_in_sequence_advance(seq, &room.pool);
    }
    assert_int_equal(seq->occupied, 1);
    assert_true(room.mem.used_bytes - room.pool.kept_bytes <=
                bare + 2 * 256 + 256 * sizeof(void *) + 64);
    struct belay_in_slot *far = belay_in_sequence_at(seq, 4000);
    assert_non_null(far);
    belay_pool_give(&room.pool, far->data, far->len);
    belay_in_sequence_empty(seq, far);
    belay_in_sequence_advance(seq, &room.pool);
    assert_int_equal(seq->page_capacity, 0);
    assert_int_equal(room.mem.used_bytes - room.pool.kept_bytes, bare);
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
        belay_in_sequence_fill(seq, belay_in_sequence_slot(seq, &room.pool, 10 * (i + 1)),
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
    assert_null(belay_in_sequence_slot(seq, &room.pool, 41));
    put(&room, seq, 41);
    room.memory.fail_at = (long)room.memory.calls + 1;
    assert_null(belay_in_sequence_slot(seq, &room.pool, 40 + 64));
    assert_int_equal(seq->page_capacity, 4);
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
        cmocka_unit_test(test_pages_come_and_go),
        cmocka_unit_test(test_free_lets_go_of_every_state),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
