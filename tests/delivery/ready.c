#include "tests/delivery/room.h"

#include "delivery/ready.h"

struct fixture {
    struct room room;
    struct belay_inbox box;
};

static void begin(struct fixture *f)
{
    static const struct belay_inbox_config config = {.window_initial = 1000};
    room_init(&f->room);
    assert_int_equal(belay_inbox_init(&f->box, &f->room.mem, &f->room.pool, &config), 0);
}

static void end(struct fixture *f)
{
    belay_inbox_dispose(&f->box);
    room_dispose(&f->room);
}

static void add_owned(struct fixture *f, uint64_t id, uint32_t len)
{
    uint8_t *block = belay_pool_take(&f->room.pool, len);
    assert_non_null(block);
    fill_message(id, block, len);
    assert_int_equal(belay_ready_reserve(&f->box, 1), 0);
    f->box.buffered_bytes += len;
    belay_ready_add(&f->box, (uint32_t)id, 1, block, block, len);
}

static void add_borrowed(struct fixture *f, uint64_t id, const uint8_t *data, uint32_t len)
{
    assert_int_equal(belay_ready_reserve(&f->box, 1), 0);
    belay_ready_add(&f->box, (uint32_t)id, 0, data, NULL, len);
}

static void expect(struct fixture *f, uint64_t id, size_t len)
{
    struct belay_delivered d;
    assert_false(belay_inbox_is_empty(&f->box));
    assert_true(belay_inbox_pop(&f->box, &d));
    assert_int_equal(d.channel, id);
    assert_int_equal(d.len, len);
    assert_non_null(d.data);
    assert_part(id, 0, d.data, len);
}

/* So many in, so many out, again and again: the ring wraps, and grows when wrapped. */
static void test_order_through_wraps_and_growth(void **state)
{
    (void)state;
    static const struct {
        size_t in, out, rounds, left, capacity;
    } rows[] = {
        {1, 1, 40, 0, 16},  {16, 16, 3, 0, 16}, {5, 5, 30, 0, 16},
        {10, 4, 3, 18, 32}, {17, 17, 2, 0, 32}, {7, 3, 20, 80, 128},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f);
        uint64_t in = 0, out = 0;
        for (size_t round = 0; round < rows[i].rounds; round++) {
            for (size_t k = 0; k < rows[i].in; k++, in++)
                add_owned(&f, in, 20);
            for (size_t k = 0; k < rows[i].out; k++, out++)
                expect(&f, out, 20);
        }
        assert_int_equal(in - out, rows[i].left);
        assert_int_equal(f.box.ready.capacity, rows[i].capacity);
        assert_int_equal(f.box.buffered_bytes, 20 * rows[i].left);
        for (size_t k = 0; k < rows[i].left / 2; k++, out++)
            expect(&f, out, 20);
        end(&f); /* frees the rest */
    }
}

static void test_reserve(void **state)
{
    (void)state;
    static const struct {
        size_t count, promised, more, capacity;
        int result;
    } rows[] = {
        {0, 0, 1, 16, 0},
        {0, 0, 16, 16, 0},
        {0, 0, 17, 32, 0},
        {3, 12, 1, 16, 0},
        {3, 13, 1, 32, 0},
        {3, 0, 100, 128, 0},
        {3, 0, SIZE_MAX / 2, 16, BELAY_ENOMEM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        begin(&f);
        for (size_t k = 0; k < rows[i].count; k++)
            add_owned(&f, k, 5);
        f.box.ready.promised = rows[i].promised;
        assert_int_equal(belay_ready_reserve(&f.box, rows[i].more), rows[i].result);
        assert_int_equal(f.box.ready.capacity, rows[i].capacity);
        for (size_t k = 0; k < rows[i].count; k++)
            expect(&f, k, 5);
        end(&f);
    }
}

static void test_pop_counts_and_keeps_the_last(void **state)
{
    (void)state;
    struct fixture f;
    struct belay_delivered d;
    begin(&f);
    assert_true(belay_inbox_is_empty(&f.box));
    assert_false(belay_inbox_pop(&f.box, &d));
    add_owned(&f, 1, 300);
    add_borrowed(&f, 2, NULL, 0);
    assert_true(belay_inbox_pop(&f.box, &d));
    assert_part(1, 0, d.data, d.len);
    assert_int_equal(f.box.buffered_bytes, 0);
    assert_int_equal(f.box.consumed, 300 + 64);
    expect(&f, 2, 0);
    assert_int_equal(f.box.consumed, 300 + 64 + 64);
    assert_int_equal(f.box.messages_popped, 2);
    assert_int_equal(f.box.bytes_popped, 300);
    assert_true(belay_inbox_is_empty(&f.box));
    add_owned(&f, 3, 300);
    expect(&f, 3, 300);
    end(&f); /* frees what was popped last */
}

/* Items in the order of the text: Owned, Borrowed, Empty. own fails for the n-th block. */
static void test_own_copies_what_is_borrowed(void **state)
{
    (void)state;
    static const struct {
        const char *items;
        unsigned fail_at;
    } rows[] = {{"", 0},    {"O", 0},   {"B", 0},   {"E", 0},     {"OBBB", 0}, {"OEBEB", 0},
                {"BOB", 0}, {"EEE", 0}, {"OBB", 1}, {"OBEBB", 2}, {"BBB", 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t packet[8][50];
        struct fixture f;
        begin(&f);
        size_t count = strlen(rows[i].items), bytes = 0;
        for (size_t k = 0; k < count; k++) {
            uint32_t len = rows[i].items[k] == 'E' ? 0 : 50;
            bytes += len;
            fill_message(k, packet[k], 50);
            if (rows[i].items[k] == 'O')
                add_owned(&f, k, len);
            else
                add_borrowed(&f, k, packet[k], len);
        }
        if (rows[i].fail_at > 0) {
            f.room.memory.fail_at = (long)(f.room.memory.calls + rows[i].fail_at);
            assert_int_equal(belay_inbox_own(&f.box), BELAY_ENOMEM);
        }
        assert_int_equal(belay_inbox_own(&f.box), 0);
        assert_int_equal(f.box.ready.borrowed, 0);
        assert_int_equal(f.box.buffered_bytes, bytes);
        memset(packet, 0xee, sizeof(packet));
        for (size_t k = 0; k < count; k++)
            expect(&f, k, rows[i].items[k] == 'E' ? 0 : 50);
        end(&f);
    }
}

/* The items up to the first borrowed one stay. */
static void test_drop_borrowed(void **state)
{
    (void)state;
    static const struct {
        const char *items;
        size_t kept;
    } rows[] = {{"", 0},   {"O", 1},   {"OEO", 3},   {"B", 0},
                {"OB", 1}, {"OEB", 2}, {"OBOEB", 1}, {"BOE", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const uint8_t packet[50];
        struct fixture f;
        begin(&f);
        for (size_t k = 0; k < strlen(rows[i].items); k++) {
            if (rows[i].items[k] == 'O')
                add_owned(&f, k, 50);
            else
                add_borrowed(&f, k, packet, rows[i].items[k] == 'E' ? 0 : 50);
        }
        belay_inbox_drop_borrowed(&f.box);
        assert_int_equal(f.box.ready.borrowed, 0);
        for (size_t k = 0; k < rows[i].kept; k++)
            expect(&f, k, rows[i].items[k] == 'E' ? 0 : 50);
        assert_true(belay_inbox_is_empty(&f.box));
        assert_int_equal(f.box.buffered_bytes, 0);
        end(&f);
    }
}

static void test_no_memory_to_grow(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.room.memory.fail_at = 1;
    assert_int_equal(belay_ready_reserve(&f.box, 1), BELAY_ENOMEM);
    for (uint64_t id = 0; id < 16; id++)
        add_owned(&f, id, 10);
    expect(&f, 0, 10);
    f.room.memory.fail_at = -(long)(f.room.memory.calls + 1);
    assert_int_equal(belay_ready_reserve(&f.box, 1), 0);
    assert_int_equal(belay_ready_reserve(&f.box, 2), BELAY_ENOMEM);
    f.room.memory.fail_at = 0;
    for (uint64_t id = 1; id < 16; id++)
        expect(&f, id, 10);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_through_wraps_and_growth),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_pop_counts_and_keeps_the_last),
        cmocka_unit_test(test_own_copies_what_is_borrowed),
        cmocka_unit_test(test_drop_borrowed),
        cmocka_unit_test(test_no_memory_to_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
