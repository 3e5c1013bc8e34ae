#include "tests/delivery/outroom.h"

static struct belay_out_sequence *make(struct room *room, uint64_t first)
{
    struct belay_out_sequence *seq = belay_out_sequence_new(&room->mem, 3, ORDERED, first);
    assert_non_null(seq);
    return seq;
}

/* A message without bytes of its own: len says its cost, id the end of its number. */
static void append(struct room *room, struct belay_out_sequence *seq, uint32_t len)
{
    assert_int_equal(belay_out_sequence_reserve(seq, &room->mem), 0);
    *belay_out_sequence_at(seq, seq->end) =
        (struct belay_out_message){.id = (uint32_t)seq->end, .len = len};
    seq->end++;
}

static void test_ring_grows_and_wraps(void **state)
{
    (void)state;
    static const struct {
        uint64_t first;
        unsigned in, out, rounds; /* each round */
        size_t capacity;
    } rows[] = {
        {0, 1, 1, 40, 16},
        {0, 16, 16, 3, 16},
        {5, 17, 17, 3, 32},
        {13, 5, 3, 20, 64},
        {UINT32_MAX - 7, 6, 5, 60, 128},
        {UINT64_C(1) << 62, 9, 0, 10, 128},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_out_sequence *seq = make(&room, rows[i].first);
        for (unsigned round = 0; round < rows[i].rounds; round++) {
            for (unsigned k = 0; k < rows[i].in; k++)
                append(&room, seq, 0);
            for (uint64_t n = seq->first; n < seq->end; n++)
                assert_true(belay_out_sequence_at(seq, n)->id == (uint32_t)n);
            seq->first += rows[i].out;
        }
        assert_int_equal(seq->capacity, rows[i].capacity);
        belay_out_sequence_free(seq, &room.mem);
        room_dispose(&room);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    room.memory.fail_at = 1;
    assert_null(belay_out_sequence_new(&room.mem, 3, ORDERED, 0));
    struct belay_out_sequence *seq = make(&room, 9);
    room.memory.fail_at = (long)room.memory.calls + 1;
    assert_int_equal(belay_out_sequence_reserve(seq, &room.mem), BELAY_ENOMEM);
    for (unsigned i = 0; i < 16; i++)
        append(&room, seq, 0);
    room.memory.fail_at = (long)room.memory.calls + 1;
    assert_int_equal(belay_out_sequence_reserve(seq, &room.mem), BELAY_ENOMEM);
    for (uint64_t n = 9; n < 25; n++)
        assert_int_equal(belay_out_sequence_at(seq, n)->id, n);
    append(&room, seq, 0);
    belay_out_sequence_free(seq, &room.mem);
    room_dispose(&room);
}

static void test_find(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin(&o);
    assert_null(belay_out_sequence_find(&o.box, 0, 0));
    outroom_push(&o, 5, 1, 10);
    const struct belay_out_sequence *seq = belay_out_sequence_find(&o.box, 5, ORDERED);
    assert_non_null(seq);
    assert_int_equal(seq->channel, 5);
    static const struct {
        uint32_t channel;
        uint8_t mode;
    } absent[] = {{4, ORDERED}, {5, UNORDERED}, {6, ORDERED}, {4, ORDERED + 4},
                  {5, 4},       {5, 255},       {255, 3},     {UINT32_MAX / 4, 3}};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_null(belay_out_sequence_find(&o.box, absent[i].channel, absent[i].mode));
    outroom_end(&o);
}

/* Six messages of 10 bytes, `next` of them started; those of the text's 's' are settled. */
static void test_advance(void **state)
{
    (void)state;
    static const struct {
        const char *settled;
        unsigned next, first;
    } rows[] = {
        {"......", 6, 0}, {"s.....", 6, 1}, {".sssss", 6, 0}, {"ss.sss", 6, 2},
        {"ssssss", 6, 6}, {"sss...", 3, 3}, {"ssssss", 3, 3}, {"......", 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct room room;
        room_init(&room);
        struct belay_out_sequence *seq = make(&room, 14); /* wraps */
        for (unsigned k = 0; k < 6; k++) {
            append(&room, seq, 10);
            belay_out_sequence_at(seq, 14 + k)->settled = rows[i].settled[k] == 's';
        }
        seq->next = 14 + rows[i].next;
        seq->held = UINT64_C(74) * rows[i].next;
        belay_out_sequence_advance(seq);
        assert_int_equal(seq->first, 14 + rows[i].first);
        assert_int_equal(seq->held, 74 * (rows[i].next - rows[i].first));
        belay_out_sequence_free(seq, &room.mem);
        room_dispose(&room);
    }
}

/* Six messages: 's' settled, 'l' lost, '.' neither. All are noted as lost, as they were once.
 */
static void test_due_forgets_what_was_settled(void **state)
{
    (void)state;
    static const struct {
        const char *messages;
        unsigned first;
        int due;        /* -1: none */
        unsigned noted; /* left in the set */
    } rows[] = {
        {"llllll", 0, 0, 6},  {"sslsss", 0, 2, 4}, {"..l.l.", 0, 2, 4},  {"ssssss", 0, -1, 0},
        {"......", 0, -1, 0}, {"ssssll", 4, 4, 2}, {"ssssss", 6, -1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_range range;
        uint64_t number;
        struct room room;
        room_init(&room);
        struct belay_out_sequence *seq = make(&room, 0);
        for (unsigned k = 0; k < 6; k++) {
            append(&room, seq, 10);
            belay_out_sequence_at(seq, k)->settled = rows[i].messages[k] == 's';
            belay_out_sequence_at(seq, k)->lost = rows[i].messages[k] == 'l';
        }
        assert_int_equal(belay_ranges_add(&seq->lost, 0, 6, NULL), 0);
        seq->next = 6;
        seq->first = rows[i].first;
        assert_int_equal(belay_out_sequence_due(seq, &number, &range), rows[i].due >= 0);
        if (rows[i].due >= 0)
            assert_int_equal(number, rows[i].due);
        assert_int_equal(belay_ranges_total(&seq->lost), rows[i].noted);
        belay_out_sequence_free(seq, &room.mem);
        room_dispose(&room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_grows_and_wraps),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_advance),
        cmocka_unit_test(test_due_forgets_what_was_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
