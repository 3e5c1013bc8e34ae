#include "tests/delivery/room.h"

#include "delivery/assembly.h"
#include "delivery/inbox.h"

#define ORDERED   BELAY_RELIABLE_ORDERED
#define UNORDERED BELAY_RELIABLE_UNORDERED

struct fixture {
    struct room room;
    struct belay_inbox box;
    const char *why;
};

static const struct belay_inbox_config roomy = {
    .first_number = 0,
    .message_size_max = 16 * 1024 * 1024,
    .window_initial = 64 * 1024 * 1024,
    .window_max = 64 * 1024 * 1024,
    .window_messages = 1000,
    .channels_max = 256,
};

static void begin(struct fixture *f, const struct belay_inbox_config *config)
{
    room_init(&f->room);
    f->why = NULL;
    assert_int_equal(belay_inbox_init(&f->box, &f->room.mem, &f->room.pool, config), 0);
}

static void end(struct fixture *f)
{
    belay_inbox_dispose(&f->box);
    room_dispose(&f->room);
}

/* Message id is number id of its sequence. The bytes are gone when this returns. */
static int message(struct fixture *f, uint32_t channel, uint8_t mode, uint64_t id, size_t len)
{
    uint8_t *data = malloc(len + 1);
    fill_message(id, data, len);
    int result = belay_inbox_message(&f->box, channel, mode, (uint32_t)id, data, len, &f->why);
    if (result == 0)
        assert_int_equal(belay_inbox_own(&f->box), 0);
    free(data);
    return result;
}

static int part(struct fixture *f, uint32_t channel, uint8_t mode, uint64_t id, uint64_t total,
                uint64_t offset, size_t len)
{
    uint8_t *data = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        data[i] = byte_of(id, offset + i);
    int result = belay_inbox_part(&f->box, channel, mode, (uint32_t)id, total, offset, data,
                                  len, &f->why);
    if (result == 0)
        assert_int_equal(belay_inbox_own(&f->box), 0);
    free(data);
    return result;
}

static void expect(struct fixture *f, uint32_t channel, uint64_t id, size_t len)
{
    struct belay_delivered delivered;
    assert_true(belay_inbox_pop(&f->box, &delivered));
    assert_int_equal(delivered.channel, channel);
    assert_int_equal(delivered.len, len);
    assert_non_null(delivered.data);
    assert_part(id, 0, delivered.data, len);
}

static void expect_nothing(struct fixture *f)
{
    struct belay_delivered delivered;
    assert_true(belay_inbox_is_empty(&f->box));
    assert_false(belay_inbox_pop(&f->box, &delivered));
}

/* ------------------------------------------------------------------ putting together */

static void test_sizes_whole_and_in_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct fixture f;
        begin(&f, &roomy);
        size_t size = sizes[i];
        assert_int_equal(message(&f, 3, ORDERED, 0, size), 0);
        expect(&f, 3, 0, size);
        if (size > 1) {
            /* Every other piece, then the rest from behind, each overlapping its neighbour. */
            size_t cut = size / 60 + 1, pieces = (size + cut - 1) / cut;
            for (size_t k = 0; k < 2 * pieces; k++) {
                size_t at = k < pieces ? k * cut : (2 * pieces - 1 - k) * cut;
                size_t len = size - at < cut + 1 ? size - at : cut + 1;
                if ((k < pieces) == (at / cut % 2 == 0))
                    assert_int_equal(part(&f, 3, ORDERED, 1, size, at, len), 0);
                assert_true(k + 2 < 2 * pieces || pieces == 1 || !belay_inbox_is_empty(&f.box));
            }
            expect(&f, 3, 1, size);
        }
        expect_nothing(&f);
        assert_int_equal(f.box.buffered_bytes, 0);
        end(&f);
    }
}

static void test_memory_of_a_large_message_follows_its_parts(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    assert_int_equal(part(&f, 0, ORDERED, 0, MIB(16), MIB(8), 1), 0);
    assert_true(f.room.mem.used_bytes < KIB(4) + 8192);
    assert_int_equal(part(&f, 0, ORDERED, 0, MIB(16), MIB(8) + KIB(64) - 1, 2), 0);
    assert_true(f.room.mem.used_bytes < KIB(12) + 8192);
    assert_int_equal(f.box.buffered_bytes, KIB(12));
    assert_int_equal(part(&f, 0, ORDERED, 0, MIB(16), 0, 1200), 0); /* pays for its 64 KiB */
    assert_int_equal(f.box.buffered_bytes, KIB(12) + KIB(64));
    assert_int_equal(f.box.charged, MIB(16) + 64);
    end(&f);
}

static void test_whole_message_after_some_of_its_parts(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(part(&f, 0, ORDERED, i, 5000, 100, 700), 0);
        assert_int_equal(f.box.charged, (i + 1) * 5064);
        if (i == 0)
            assert_int_equal(message(&f, 0, ORDERED, i, 5000), 0);
        else
            assert_int_equal(part(&f, 0, ORDERED, i, 5000, 0, 5000), 0);
        assert_int_equal(f.box.charged, (i + 1) * 5064);
        assert_int_equal(part(&f, 0, ORDERED, i, 5000, 100, 700), 0);
        expect(&f, 0, i, 5000);
        expect_nothing(&f);
    }
    assert_int_equal(f.box.parts_duplicate, 2);
    end(&f);
}

static void test_what_is_next_is_borrowed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    uint8_t packet[64];
    struct belay_delivered delivered;
    fill_message(0, packet, sizeof(packet));
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(belay_inbox_message(&f.box, 0, ORDERED, i, packet + i, 10, &f.why), 0);
    assert_true(belay_inbox_pop(&f.box, &delivered));
    assert_ptr_equal(delivered.data, packet);
    assert_int_equal(f.box.buffered_bytes, 0);
    assert_int_equal(belay_inbox_own(&f.box), 0);
    assert_int_equal(f.box.buffered_bytes, 30);
    memset(packet, 0xff, sizeof(packet));
    for (unsigned i = 1; i < 4; i++) {
        assert_true(belay_inbox_pop(&f.box, &delivered));
        assert_part(0, i, delivered.data, 10);
    }
    expect_nothing(&f);
    end(&f);
}

/* ------------------------------------------------------------------ order, exactly once */

static void test_order(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    static const unsigned came[] = {3, 1, 1, 4, 7, 0, 3, 2, 0, 7, 6, 5, 5};
    static const unsigned out[] = {3, 1, 4, 7, 0, 2, 6, 5};
    for (size_t i = 0; i < sizeof(came) / sizeof(came[0]); i++) {
        assert_int_equal(message(&f, 0, ORDERED, came[i], came[i] * 10), 0);
        assert_int_equal(message(&f, 1, UNORDERED, came[i], came[i] * 10), 0);
    }
    unsigned next[2] = {0, 0};
    struct belay_delivered delivered;
    while (belay_inbox_pop(&f.box, &delivered)) {
        unsigned *n = &next[delivered.channel];
        unsigned id = delivered.channel == 0 ? *n : out[*n];
        assert_int_equal(delivered.mode, delivered.channel);
        assert_int_equal(delivered.len, id * 10);
        assert_part(id, 0, delivered.data, delivered.len);
        ++*n;
    }
    assert_int_equal(next[0], 8);
    assert_int_equal(next[1], 8);
    assert_int_equal(f.box.parts_duplicate, 2 * 5);
    assert_int_equal(f.box.messages_completed, 16);
    end(&f);
}

/* Numbers of 64 bits inside and 32 on the wire. */
static void test_wraps(void **state)
{
    (void)state;
    static const unsigned bits[] = {7, 8, 14, 15, 16, 30, 31, 32, 33, 40};
    for (size_t b = 0; b < sizeof(bits) / sizeof(bits[0]); b++) {
        struct belay_inbox_config config = roomy;
        struct fixture f;
        config.first_number = (UINT64_C(1) << bits[b]) - 5;
        begin(&f, &config);
        uint64_t first = config.first_number;
        /* Below the first: never accepted. */
        assert_int_equal(message(&f, 0, ORDERED, first - 1, 8), 0);
        expect_nothing(&f);
        for (uint64_t i = 0; i < 10; i += 2) {
            assert_int_equal(message(&f, 0, ORDERED, first + i + 1, 8), 0);
            assert_int_equal(message(&f, 0, ORDERED, first + i, 8), 0);
            assert_int_equal(message(&f, 0, ORDERED, first + i, 8), 0);
            expect(&f, 0, first + i, 8);
            expect(&f, 0, first + i + 1, 8);
            expect_nothing(&f);
        }
        assert_int_equal(f.box.parts_duplicate, 6);
        assert_int_equal(message(&f, 0, ORDERED, first + 999, 8), 0);
        assert_int_equal(message(&f, 0, ORDERED, first + 1000, 8), BELAY_ELIMIT);
        end(&f);
    }
}

static void test_numbers_before_zero(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    int result = message(&f, 0, ORDERED, UINT32_MAX, 8);
    assert_int_equal(result, BELAY_ELIMIT);
    expect_nothing(&f);
    end(&f);
}

/* ------------------------------------------------------------------ broken rules */

static void test_broken_rules(void **state)
{
    (void)state;
    static const struct {
        uint32_t channel;
        uint8_t mode;
        uint32_t number;
        uint64_t total, offset;
        size_t len;
        int result;
    } rows[] = {
        {256, 0, 0, 100, 0, 50, BELAY_EPROTO},
        {UINT32_MAX, 0, 0, 100, 0, 50, BELAY_EPROTO},
        {0, 2, 0, 100, 0, 50, BELAY_EPROTO},
        {0, 255, 0, 100, 0, 50, BELAY_EPROTO},
        {0, 0, 0, 16 * 1024 * 1024 + 1, 0, 50, BELAY_EPROTO},
        {0, 0, 0, UINT64_MAX, UINT64_MAX - 50, 50, BELAY_EPROTO},
        {0, 0, 0, 100, 51, 50, BELAY_EPROTO},
        {0, 0, 0, 100, UINT64_MAX, 50, BELAY_EPROTO},
        {0, 0, 0, 0, 0, 50, BELAY_EPROTO},
        {0, 0, 0, 100, 10, 0, BELAY_EPROTO},
        {0, 0, 1000, 100, 0, 50, BELAY_ELIMIT},
        {0, 0, 0, 100, 50, 50, 0},
        {0, 0, 0, 101, 0, 50, BELAY_EPROTO}, /* against the row before */
        {0, 0, 0, 99, 0, 99, BELAY_EPROTO},
        {0, 0, 999, 100, 0, 50, 0},
    };
    struct fixture f;
    begin(&f, &roomy);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f.why = NULL;
        assert_int_equal(part(&f, rows[i].channel, rows[i].mode, rows[i].number, rows[i].total,
                              rows[i].offset, rows[i].len),
                         rows[i].result);
        assert_int_equal(f.why != NULL, rows[i].result != 0);
    }
    expect_nothing(&f);
    end(&f);
}

static void test_gaps_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    size_t total = MIB(1), max = BELAY_ASSEMBLY_RANGES_MAX(KIB(64));
    assert_int_equal(max, 128 + 64);
    for (size_t i = 0; i < max; i++)
        assert_int_equal(part(&f, 0, ORDERED, 0, total, 2 * i, 1), 0);
    assert_int_equal(part(&f, 0, ORDERED, 0, total, 1, 1), 0);
    assert_int_equal(part(&f, 0, ORDERED, 0, total, 2 * max, 1), 0);
    assert_int_equal(part(&f, 0, ORDERED, 0, total, KIB(64), 1), 0); /* the next section's */
    assert_int_equal(part(&f, 0, ORDERED, 0, total, 2 * max + 2, 1), BELAY_ELIMIT);
    assert_non_null(f.why);
    end(&f);
}

/* ------------------------------------------------------------------ credit */

static void test_credit_is_exact(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        struct belay_inbox_config config = roomy;
        struct fixture f;
        config.window_initial = config.window_max = 4 * (100 + 64);
        config.message_size_max = 500;
        begin(&f, &config);
        uint64_t limit, window;
        assert_int_equal(message(&f, 0, ORDERED, 0, 100), 0);
        assert_int_equal(message(&f, 0, ORDERED, 2, 100), 0);
        assert_int_equal(part(&f, 1, UNORDERED, 0, 100, 50, 1), 0);
        assert_int_equal(message(&f, 2, UNORDERED, 5, 100 + over), over ? BELAY_ELIMIT : 0);
        /* What was charged once may come again. */
        assert_int_equal(part(&f, 1, UNORDERED, 0, 100, 51, 1), 0);
        assert_int_equal(message(&f, 0, ORDERED, 0, 100), 0);
        assert_false(belay_inbox_is_credit_due(&f.box));
        assert_false(belay_inbox_max_data_due(&f.box, false, &limit, &window));
        expect(&f, 0, 0, 100);
        assert_true(belay_inbox_is_credit_due(&f.box));
        assert_true(belay_inbox_max_data_due(&f.box, false, &limit, &window));
        assert_int_equal(limit, 5 * 164);
        assert_int_equal(window, 4 * 164);
        assert_false(belay_inbox_max_data_due(&f.box, false, &limit, &window));
        assert_true(belay_inbox_max_data_due(&f.box, true, &limit, &window));
        assert_int_equal(limit, 5 * 164);
        end(&f);
    }
}

static void test_max_messages_follows_the_lowest_incomplete(void **state)
{
    (void)state;
    struct belay_inbox_config config = roomy;
    config.window_messages = 16;
    struct fixture f;
    begin(&f, &config);
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;
    for (unsigned i = 1; i < 16; i++)
        assert_int_equal(message(&f, 4, UNORDERED, i, 3), 0);
    assert_int_equal(message(&f, 4, UNORDERED, 16, 3), BELAY_ELIMIT);
    assert_false(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));
    assert_int_equal(message(&f, 4, UNORDERED, 0, 3), 0);
    assert_true(belay_inbox_is_credit_due(&f.box));
    assert_int_equal(message(&f, 4, UNORDERED, 16, 3), BELAY_ELIMIT);
    assert_true(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));
    assert_int_equal(channel, 4);
    assert_int_equal(mode, UNORDERED);
    assert_int_equal(limit, 32);
    assert_false(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));
    assert_int_equal(message(&f, 4, UNORDERED, 31, 3), 0);
    for (unsigned i = 16; i < 19; i++)
        assert_int_equal(message(&f, 4, UNORDERED, i, 3), 0);
    assert_false(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));

    belay_inbox_want_max_messages(&f.box, 4, UNORDERED);
    belay_inbox_want_max_messages(&f.box, 4, UNORDERED);
    belay_inbox_want_max_messages(&f.box, 5, UNORDERED);
    belay_inbox_want_max_messages(&f.box, UINT32_MAX, 255);
    assert_true(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));
    assert_int_equal(limit, 35);
    assert_false(belay_inbox_max_messages_due(&f.box, &channel, &mode, &limit));
    end(&f);
}

static void test_window_grows_with_a_fast_reader(void **state)
{
    (void)state;
    /* A window of 1 MiB; so many KiB are consumed in each round trip of 100 ms. */
    static const struct {
        unsigned kib, round_trips;
        size_t window_least, window_most;
    } rows[] = {
        {100, 20, MIB(1), MIB(1)},  {240, 20, MIB(1), MIB(1)},  {300, 20, MIB(2), MIB(2)},
        {600, 20, MIB(4), MIB(4)},  {1024, 1, MIB(2), MIB(2)},  {4096, 1, MIB(2), MIB(2)},
        {4096, 20, MIB(8), MIB(8)}, {20000, 9, MIB(8), MIB(8)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_inbox_config config = roomy;
        struct fixture f;
        config.window_initial = MIB(1);
        config.window_max = MIB(8);
        config.window_messages = 1u << 20;
        begin(&f, &config);
        uint64_t rtt_ns = 100000000, now_ns = 12345, number = 0, limit, window;
        belay_inbox_tune(&f.box, rtt_ns, now_ns);
        for (unsigned t = 0; t < rows[i].round_trips; t++) {
            for (unsigned k = 0; k < rows[i].kib; k++) {
                assert_int_equal(message(&f, 0, ORDERED, number, 960), 0);
                expect(&f, 0, number++, 960);
                belay_inbox_max_data_due(&f.box, false, &limit, &window);
            }
            now_ns += rtt_ns + 1000;
            belay_inbox_tune(&f.box, rtt_ns, now_ns);
        }
        assert_in_range(f.box.window, rows[i].window_least, rows[i].window_most);
        end(&f);
    }
}

/* Numbers between the lowest incomplete and the highest seen, of all sequences together. */
static void test_open_numbers_are_bounded(void **state)
{
    (void)state;
    struct belay_inbox_config config = roomy;
    config.window_messages = 10000;
    for (unsigned over = 0; over < 2; over++) {
        struct fixture f;
        begin(&f, &config);
        for (uint32_t channel = 0; channel < 4; channel++)
            assert_int_equal(message(&f, channel, UNORDERED, 9998, 1), 0); /* 9999 each */
        assert_int_equal(f.box.numbers_open, 4 * 9999);
        assert_int_equal(message(&f, 0, UNORDERED, 500, 1), 0); /* is open already */
        assert_int_equal(part(&f, 4, ORDERED, 0, 2, 0, 1), 0);  /* next: always */
        assert_int_equal(part(&f, 4, ORDERED, 2, 2, 0, 1), 0);
        assert_int_equal(f.box.numbers_open, 40000 - 4 + 3);
        assert_int_equal(message(&f, 4, ORDERED, 3 + over, 1), over ? BELAY_ELIMIT : 0);
        /* What is completed in order opens nothing and closes what it can. */
        if (!over) {
            assert_int_equal(message(&f, 5, ORDERED, 0, 1), 0);
            assert_int_equal(message(&f, 5, ORDERED, 2, 1), BELAY_ELIMIT);
            assert_int_equal(message(&f, 0, UNORDERED, 0, 1), 0);
            assert_int_equal(f.box.numbers_open, 39999);
            assert_int_equal(message(&f, 4, ORDERED, 4, 1), 0);
        }
        end(&f);
    }
}

/* ------------------------------------------------------------------ no memory */

static int exercise(struct fixture *f)
{
    static uint8_t data[200000];
    struct belay_inbox *box = &f->box;
    const char **why = &f->why;
    int error = 0;
    for (unsigned i = 40; i-- > 0 && error == 0;) {
        error = belay_inbox_message(box, i % 3, i % 2, i / 6, data, i * 10, why);
        if (error == 0)
            error = belay_inbox_own(box);
    }
    for (unsigned i = 0; i < 200 && error == 0; i++) {
        unsigned at = (i * 77) % 200;
        error = belay_inbox_part(box, 9, 0, 1, sizeof(data), at * 1000, data, 1000, why);
        if (error == 0 && at < 6)
            error = belay_inbox_part(box, 9, 1, i % 9, 6000, at * 1000, data, 1000, why);
    }
    if (error == 0)
        error = belay_inbox_message(box, 9, 0, 0, data, 10, why);
    return error != 0 ? error : belay_inbox_own(box);
}

static void test_memory_may_fail_anywhere(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &roomy);
    assert_int_equal(exercise(&f), 0);
    long calls = (long)f.room.memory.calls;
    uint64_t completed = f.box.messages_completed;
    end(&f);
    assert_true(calls > 20);
    for (long at = 1; at <= calls; at++) {
        begin(&f, &roomy);
        f.room.memory.fail_at = at;
        assert_int_equal(exercise(&f), BELAY_ENOMEM);
        /* All the same again finds nothing lost, nothing twice. */
        assert_int_equal(exercise(&f), 0);
        struct belay_delivered delivered;
        uint64_t popped = 0;
        while (belay_inbox_pop(&f.box, &delivered))
            popped++;
        assert_int_equal(f.box.messages_completed, completed);
        assert_int_equal(popped, f.box.messages_popped);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_whole_and_in_parts),
        cmocka_unit_test(test_memory_of_a_large_message_follows_its_parts),
        cmocka_unit_test(test_whole_message_after_some_of_its_parts),
        cmocka_unit_test(test_what_is_next_is_borrowed),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_wraps),
        cmocka_unit_test(test_numbers_before_zero),
        cmocka_unit_test(test_broken_rules),
        cmocka_unit_test(test_gaps_are_bounded),
        cmocka_unit_test(test_credit_is_exact),
        cmocka_unit_test(test_open_numbers_are_bounded),
        cmocka_unit_test(test_max_messages_follows_the_lowest_incomplete),
        cmocka_unit_test(test_window_grows_with_a_fast_reader),
        cmocka_unit_test(test_memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
