#include "tests/delivery/outroom.h"

#include "delivery/outbox.h"

/* ------------------------------------------------------------------ bytes */

struct source {
    uint64_t id;
    unsigned released;
};

static void source_read(void *ctx, uint64_t offset, void *out, size_t len)
{
    const struct source *source = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = byte_of(source->id, offset + i);
}

static void source_release(void *ctx)
{
    ((struct source *)ctx)->released++;
}

static void take_all_and_check(struct outroom *o, uint64_t id, size_t size, size_t cut)
{
    uint8_t out[2000];
    struct belay_piece piece;
    size_t offset = 0;
    do {
        assert_true(belay_outbox_peek(&o->box, &piece));
        assert_int_equal(piece.total, size);
        assert_int_equal(piece.offset, offset);
        assert_int_equal(piece.len, size - offset);
        size_t len = piece.len < cut ? piece.len : cut, half = len / 2;
        belay_outbox_copy(&piece, 0, out, half);
        belay_outbox_copy(&piece, half, out + half, len - half);
        assert_part(id, offset, out, len);
        belay_outbox_take(&o->box, len);
        offset += len;
    } while (offset < size);
    expect_nothing(o);
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 16);
        outroom_push(&o, 3, i, sizes[i]);
        assert_int_equal(o.box.queued_bytes, sizes[i] + 64);
        take_all_and_check(&o, i, sizes[i], 1150);
        assert_int_equal(o.box.reserved, sizes[i] + 64);
        belay_outbox_acked_run(&o.box, 3, ORDERED, 0, 1);
        expect_report(&o, i, 0);
        assert_int_equal(o.box.queued_bytes, 0);
        assert_int_equal(o.box.messages_open, 0);
        outroom_end(&o);
    }
}

static void test_sources_are_read_and_released_once(void **state)
{
    (void)state;
    uint8_t bytes[3000];
    fill_message(1, bytes, sizeof(bytes));
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 16);
    for (unsigned i = 0; i < 4; i++) {
        struct source ctx = {.id = 1};
        struct belay_source source = {
            .data = i % 2 ? bytes : NULL,
            .read = i % 2 ? NULL : source_read,
            .release = source_release,
            .ctx = &ctx,
        };
        assert_int_equal(
            belay_outbox_push(&o.box, 0, ORDERED, NULL, &source, sizeof(bytes), false, 0), 0);
        take_all_and_check(&o, 1, sizeof(bytes), 700);
        assert_int_equal(ctx.released, 0);
        if (i < 2)
            belay_outbox_acked_run(&o.box, 0, ORDERED, i, 1);
        else
            belay_outbox_abandon_all(&o.box, BELAY_ERESET);
        assert_int_equal(ctx.released, 1);
        belay_outbox_acked_run(&o.box, 0, ORDERED, i, 1);
        assert_int_equal(ctx.released, 1);
    }
    outroom_end(&o);
}

static void test_refused_messages(void **state)
{
    (void)state;
    struct source ctx = {0};
    struct belay_source source = {.read = source_read, .release = source_release, .ctx = &ctx};
    struct belay_source nothing = {.release = source_release, .ctx = &ctx};
    const struct {
        uint32_t channel;
        uint8_t mode;
        const struct belay_source *source;
        size_t len;
        int error;
    } rows[] = {
        {256, ORDERED, &source, 1, BELAY_EINVAL},
        {0, 2, &source, 1, BELAY_EINVAL},
        {0, 3, &source, 1, BELAY_EINVAL},
        {0, 255, &source, 1, BELAY_EINVAL},
        {0, ORDERED, &nothing, 1, BELAY_EINVAL},
        {0, ORDERED, &source, MIB(16) + 1, BELAY_EMSGSIZE},
    };
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 16);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(belay_outbox_push(&o.box, rows[i].channel, rows[i].mode, NULL,
                                           rows[i].source, rows[i].len, true, 0),
                         rows[i].error);
        assert_int_equal(ctx.released, i + 1);
    }
    assert_int_equal(o.box.messages_accepted, 0);
    outroom_end(&o);
}

/* A source's release is the app's code: it may queue the next message. */
struct chain {
    struct belay_outbox *box;
    unsigned left;
};

static void chain_release(void *ctx)
{
    struct chain *chain = ctx;
    if (chain->left == 0)
        return;
    chain->left--;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(belay_outbox_push(chain->box, 0, ORDERED, "x", NULL, 1, true, 100 + i),
                         0);
}

static void test_release_may_push(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    struct chain chain = {&o.box, 3};
    struct belay_source source = {.data = "abc", .release = chain_release, .ctx = &chain};
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(belay_outbox_push(&o.box, 0, ORDERED, NULL, &source, 3, true, i), 0);
    for (unsigned i = 0; i < 16; i++)
        expect_piece(&o, 0, i, 0, 3, false);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 16);
    assert_int_equal(o.box.messages_acked, 16);
    assert_int_equal(o.box.messages_open, 60);
    for (unsigned i = 0; i < 16; i++)
        expect_report(&o, i, 0);
    outroom_end(&o);
}

/* ------------------------------------------------------------------ opening, giving up */

static void test_open_gives_up_what_the_peer_refuses(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin(&o);
    const size_t lens[] = {10, 2000, 20, 3000, 30};
    uint8_t data[3000];
    for (unsigned i = 0; i < 5; i++) {
        fill_message(i, data, lens[i]);
        assert_int_equal(belay_outbox_push(&o.box, 0, ORDERED, data, NULL, lens[i], i == 4, i),
                         0);
        assert_int_equal(belay_outbox_push(&o.box, 9, UNORDERED, data, NULL, 5, false, 10 + i),
                         0);
    }
    expect_nothing(&o);
    belay_outbox_open(&o.box, PLENTY, 16, 1000, 9);
    expect_report(&o, 1, BELAY_EMSGSIZE);
    expect_report(&o, 3, BELAY_EMSGSIZE);
    for (unsigned i = 0; i < 5; i++)
        expect_report(&o, 10 + i, BELAY_EINVAL);
    assert_int_equal(o.box.messages_abandoned, 7);
    assert_int_equal(o.box.messages_open, 3);
    assert_int_equal(o.box.queued_bytes, 60 + 3 * 64);
    for (unsigned i = 0; i < 3; i++) {
        struct belay_piece piece;
        uint8_t out[100];
        assert_true(belay_outbox_peek(&o.box, &piece));
        assert_int_equal(piece.number, i);
        belay_outbox_copy(&piece, 0, out, piece.len);
        assert_part(2 * i, 0, out, piece.len);
        belay_outbox_take(&o.box, piece.len);
    }
    expect_nothing(&o);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 3);
    expect_report(&o, 4, 0);
    struct belay_out_report report;
    assert_false(belay_outbox_report(&o.box, &report));
    assert_int_equal(o.box.reports.promised, 0);
    outroom_end(&o);
}

static void test_abandon_all(void **state)
{
    (void)state;
    for (unsigned opened = 0; opened < 2; opened++) {
        struct outroom o;
        outroom_begin(&o);
        if (opened)
            belay_outbox_open(&o.box, 2000, 16, MIB(16), 256);
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal(
                belay_outbox_push(&o.box, i % 3, ORDERED, sizes, NULL, sizeof(sizes), i % 2, i),
                0);
        struct belay_piece piece;
        for (unsigned i = 0; opened && belay_outbox_peek(&o.box, &piece); i++)
            belay_outbox_take(&o.box, piece.len - i % 2);
        assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 1), 0);
        belay_outbox_abandon_all(&o.box, BELAY_ETIMEDOUT);
        expect_nothing(&o);
        assert_int_equal(o.box.messages_abandoned, 8);
        assert_int_equal(o.box.messages_open, 0);
        assert_int_equal(o.box.queued_bytes, 0);
        assert_int_equal(o.box.reports.promised, 0);
        assert_int_equal(o.box.reports.count, 4);
        assert_false(belay_outbox_is_data_blocked(&o.box));
        assert_int_equal(belay_outbox_lost_part(&o.box, 0, ORDERED, 0, 0, 10), 0);
        expect_nothing(&o);
        outroom_end(&o);
    }
}

/* ------------------------------------------------------------------ no memory */

/* A little of everything; ends at the first error. */
static int exercise(struct outroom *o)
{
    struct belay_outbox *box = &o->box;
    uint8_t data[600] = {0};
    struct belay_piece piece;
    int error = 0;
    for (unsigned i = 0; i < 40 && error == 0; i++)
        error = belay_outbox_push(box, i % 5, i % 2, data, NULL, 16 * i % 600, true, i);
    if (error != 0)
        return error;
    belay_outbox_open(box, PLENTY, 100, 10000, 256);
    while (belay_outbox_peek(box, &piece))
        belay_outbox_take(box, piece.len > 200 ? 200 : piece.len);
    for (uint64_t number = 0; number < 4 && error == 0; number++) {
        error = belay_outbox_lost_part(box, 4, 0, number, 0, 200);
        if (error == 0)
            error = belay_outbox_acked_part(box, 4, 0, number, 100, 10);
        if (error == 0)
            error = belay_outbox_lost_run(box, 3, 1, number, 1);
    }
    while (belay_outbox_peek(box, &piece))
        belay_outbox_take(box, piece.len > 99 ? 99 : piece.len);
    return error;
}

static void test_memory_may_fail_anywhere(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin(&o);
    assert_int_equal(exercise(&o), 0);
    long calls = (long)o.room.memory.calls;
    outroom_end(&o);
    assert_true(calls > 20);
    unsigned failures = 0;
    for (long at = 1; at <= calls; at++) {
        outroom_begin(&o);
        o.room.memory.fail_at = at;
        int error = exercise(&o);
        failures += error == BELAY_ENOMEM;
        assert_true(error == 0 || error == BELAY_ENOMEM);
        /* What was accepted is all accounted for. */
        o.room.memory.fail_at = 0;
        uint64_t open = o.box.messages_open;
        belay_outbox_abandon_all(&o.box, BELAY_ENOMEM);
        struct belay_out_report report;
        uint64_t reports = 0;
        while (belay_outbox_report(&o.box, &report))
            reports++;
        assert_int_equal(reports, open);
        outroom_end(&o);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sources_are_read_and_released_once),
        cmocka_unit_test(test_refused_messages),
        cmocka_unit_test(test_release_may_push),
        cmocka_unit_test(test_open_gives_up_what_the_peer_refuses),
        cmocka_unit_test(test_abandon_all),
        cmocka_unit_test(test_memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
