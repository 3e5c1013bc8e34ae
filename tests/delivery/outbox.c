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

/* ------------------------------------------------------------------ limits */

static void test_data_limit_is_exact(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        struct outroom o;
        outroom_begin_open(&o, 2 * (1000 + 64) - missing, 16);
        outroom_push(&o, 0, 0, 1000);
        outroom_push(&o, 1, 1, 1000);
        expect_piece(&o, 0, 0, 0, 1000, false);
        if (missing == 0) {
            expect_piece(&o, 1, 0, 0, 1000, false);
            assert_int_equal(o.box.blocked_count, 0);
        } else {
            expect_nothing(&o);
            assert_true(belay_outbox_is_data_blocked(&o.box));
            assert_int_equal(o.box.blocked_count, 1);
            /* An older, smaller limit says nothing. */
            belay_outbox_set_max_data(&o.box, 100, 100);
            expect_nothing(&o);
            belay_outbox_set_max_data(&o.box, 2 * (1000 + 64), 5000);
            assert_false(belay_outbox_is_data_blocked(&o.box));
            expect_piece(&o, 1, 0, 0, 1000, false);
        }
        outroom_end(&o);
    }
}

static void test_one_sequence_holds_half_the_window(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 2 * 3 * (100 + 64), 1000);
    for (unsigned i = 0; i < 5; i++)
        outroom_push(&o, 0, i, 100);
    outroom_push(&o, 1, 9, 100);
    for (unsigned i = 0; i < 3; i++)
        expect_piece(&o, 0, i, 0, 100, false);
    expect_piece(&o, 1, 0, 0, 100, false);
    expect_nothing(&o);
    assert_false(belay_outbox_is_data_blocked(&o.box));
    /* What is behind the gap still counts. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 1, 2);
    expect_nothing(&o);
    belay_outbox_set_max_data(&o.box, 20 * 164, 6 * 164);
    belay_outbox_acked_run(&o.box, 1, ORDERED, 0, 1);
    expect_nothing(&o);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 1);
    expect_piece(&o, 0, 3, 0, 100, false);
    expect_piece(&o, 0, 4, 0, 100, false);
    outroom_end(&o);
}

static void test_one_large_message_may_pass_half_the_window(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 10000 + 64, 16);
    outroom_push(&o, 0, 0, 10000);
    outroom_push(&o, 0, 1, 0);
    expect_piece(&o, 0, 0, 0, 9000, false);
    expect_piece(&o, 0, 0, 9000, 1000, false);
    belay_outbox_set_max_data(&o.box, 20000, 10064);
    expect_nothing(&o);
    belay_outbox_acked_part(&o.box, 0, ORDERED, 0, 0, 5000);
    expect_nothing(&o);
    belay_outbox_acked_part(&o.box, 0, ORDERED, 0, 5000, 5000);
    expect_piece(&o, 0, 1, 0, 0, false);
    outroom_end(&o);
}

/* A receiver that acknowledges all but the first message, with limits as large as it likes. */
static void test_a_sequence_does_not_run_away_from_its_first(void **state)
{
    const uint64_t most = UINT64_C(1) << 20;
    struct outroom o;
    (void)state;
    outroom_begin_open(&o, PLENTY, (uint32_t)most);
    outroom_push(&o, 0, 1, 0);
    expect_piece(&o, 0, 0, 0, 0, false);
    assert_true(belay_outbox_set_max_messages(&o.box, 0, ORDERED, PLENTY));
    for (uint64_t number = 1; number < most + 2; number++) {
        assert_int_equal(
            belay_outbox_push(&o.box, 0, ORDERED, NULL, NULL, 0, false, number + 1), 0);
        if (number >= most)
            continue;
        expect_piece(&o, 0, number, 0, 0, false);
        belay_outbox_acked_run(&o.box, 0, ORDERED, number, 1);
    }
    expect_nothing(&o);
    belay_outbox_acked_run(&o.box, 0, ORDERED, 0, 1);
    expect_piece(&o, 0, most, 0, 0, false);
    outroom_end(&o);
}

/* Of all sequences together; acknowledgements alone make room, not credit. */
static void test_numbers_that_may_be_open(void **state)
{
    const uint64_t most = 16384;
    struct outroom o;
    (void)state;
    outroom_begin_open(&o, PLENTY, 4000);
    for (uint64_t i = 0; i <= most; i++)
        assert_int_equal(
            belay_outbox_push(&o.box, (uint32_t)(i % 8), ORDERED, NULL, NULL, 0, false, i + 1),
            0);
    for (uint64_t i = 0; i < most; i++) {
        struct belay_piece piece;
        assert_true(belay_outbox_peek(&o.box, &piece));
        belay_outbox_take(&o.box, 0);
    }
    assert_int_equal(o.box.numbers_open, most);
    expect_nothing(&o);
    assert_false(belay_outbox_is_data_blocked(&o.box));
    assert_false(belay_outbox_is_messages_blocked(&o.box));
    belay_outbox_acked_run(&o.box, 3, ORDERED, 1, 1); /* its first is open still */
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 3, ORDERED, 0, 1), 0);
    expect_piece(&o, 3, 0, 0, 0, true); /* what is lost goes again all the same */
    belay_outbox_acked_run(&o.box, 3, ORDERED, 0, 1);
    assert_int_equal(o.box.numbers_open, most - 2);
    expect_piece(&o, 7, most / 8 - 1, 0, 0, false); /* the last whose turn came */
    expect_nothing(&o);
    belay_outbox_abandon_all(&o.box, BELAY_ECLOSED);
    assert_int_equal(o.box.numbers_open, 0);
    outroom_end(&o);
}

static void test_number_limit(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 2);
    uint32_t channel;
    uint8_t mode;
    uint64_t limit;
    for (unsigned i = 0; i < 4; i++) {
        outroom_push(&o, 5, i, 10);
        outroom_push(&o, 6, i, 10);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct belay_piece piece;
        assert_true(belay_outbox_peek(&o.box, &piece));
        assert_true(piece.number < 2);
        belay_outbox_take(&o.box, piece.len);
    }
    expect_nothing(&o);
    assert_true(belay_outbox_is_messages_blocked(&o.box));
    bool seen[2] = {false, false};
    for (unsigned i = 0; i < 2; i++) {
        assert_true(belay_outbox_messages_blocked(&o.box, &channel, &mode, &limit));
        assert_int_equal(mode, ORDERED);
        assert_int_equal(limit, 2);
        seen[channel - 5] = true;
    }
    assert_true(seen[0] && seen[1]);

    assert_false(belay_outbox_set_max_messages(&o.box, 7, ORDERED, 9));
    assert_false(belay_outbox_set_max_messages(&o.box, 5, UNORDERED, 9));
    assert_false(belay_outbox_set_max_messages(&o.box, 5, 255, 9));
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 1));
    expect_nothing(&o);
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 3));
    expect_piece(&o, 5, 2, 0, 10, false);
    expect_nothing(&o);
    assert_true(belay_outbox_set_max_messages(&o.box, 6, ORDERED, 9));
    expect_piece(&o, 6, 2, 0, 10, false);
    expect_piece(&o, 6, 3, 0, 10, false);
    assert_true(belay_outbox_is_messages_blocked(&o.box)); /* 5 still is */
    assert_true(belay_outbox_set_max_messages(&o.box, 5, ORDERED, 9));
    assert_false(belay_outbox_is_messages_blocked(&o.box));
    outroom_end(&o);
}

/* ------------------------------------------------------------------ turns */

static void test_sequences_take_turns(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    outroom_push(&o, 0, 0, MIB(1));
    for (unsigned i = 0; i < 30; i++)
        outroom_push(&o, 1, i, 296);
    outroom_push(&o, 2, 0, 50);
    uint64_t offset = 0;
    for (unsigned turn = 0; turn < 3; turn++) {
        expect_piece(&o, 0, 0, offset, 700, false);
        expect_piece(&o, 0, 0, offset + 700, 700, false);
        offset += 1400;
        for (unsigned i = 0; i < 4; i++)
            expect_piece(&o, 1, turn * 4 + i, 0, 296, false);
        if (turn == 0)
            expect_piece(&o, 2, 0, 0, 50, false);
    }
    outroom_end(&o);
}

static void test_a_large_message_is_not_starved_by_small_ones(void **state)
{
    (void)state;
    struct outroom o;
    uint64_t window = 10000 + 64, limit = window;
    outroom_begin_open(&o, window, 100000);
    unsigned large = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct belay_piece piece;
        /* The receiver consumed all that was sent up to the round before. */
        belay_outbox_set_max_data(&o.box, limit, window);
        limit = window + o.box.reserved;
        outroom_push(&o, 0, 0, 300);
        outroom_push(&o, 1, 0, 300);
        if (round == 3)
            outroom_push(&o, 2, 0, 10000);
        while (belay_outbox_peek(&o.box, &piece)) {
            large += piece.channel == 2;
            belay_outbox_take(&o.box, piece.len);
            belay_outbox_acked_run(&o.box, piece.channel, ORDERED, piece.number, 1);
        }
    }
    assert_int_equal(large, 1);
    assert_int_equal(o.box.messages_acked, 41);
    outroom_end(&o);
}

static void test_who_waits_longest_goes_first(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, 164, 16);
    for (unsigned i = 0; i < 5; i++)
        outroom_push(&o, i, i, 100);
    expect_piece(&o, 0, 0, 0, 100, false);
    expect_nothing(&o);
    for (unsigned i = 1; i < 5; i += 2) {
        struct belay_piece piece, same;
        belay_outbox_set_max_data(&o.box, (i + 2) * 164, 164);
        /* Peeking changes nothing. */
        assert_true(belay_outbox_peek(&o.box, &piece));
        assert_true(belay_outbox_peek(&o.box, &same));
        assert_ptr_equal(piece.message, same.message);
        expect_piece(&o, i, 0, 0, 100, false);
        /* Who comes later waits behind, though it would fit. */
        outroom_push(&o, 5 + i, 9, 0);
        expect_piece(&o, i + 1, 0, 0, 100, false);
        expect_nothing(&o);
    }
    outroom_end(&o);
}

/* ------------------------------------------------------------------ losses */

static void test_lost_messages_go_again(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    for (unsigned i = 0; i < 6; i++)
        outroom_push(&o, 0, i, i == 3 ? 0 : 100);
    for (unsigned i = 0; i < 5; i++)
        expect_piece(&o, 0, i, 0, i == 3 ? 0 : 100, false);
    /* One acknowledged before, one never sent: neither is due. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 1, 1);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 100), 0);
    /* One acknowledged after all. */
    belay_outbox_acked_run(&o.box, 0, ORDERED, 2, 1);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_piece(&o, 0, 3, 0, 0, true);
    expect_piece(&o, 0, 4, 0, 100, true);
    expect_piece(&o, 0, 5, 0, 100, false);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 1), 0);
    assert_int_equal(belay_outbox_lost_run(&o.box, 0, ORDERED, 0, 1), 0);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 77, ORDERED, 0, 1), 0);
    outroom_end(&o);
}

static void test_lost_parts_are_cut_anew(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    struct belay_outbox *box = &o.box;
    outroom_push(&o, 0, 7, 5000);
    for (unsigned i = 0; i < 4; i++)
        expect_piece(&o, 0, 0, i * 1000, 1000, false);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 1000, 1000), 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 4000), 0);
    expect_piece(&o, 0, 0, 0, 300, true);
    /* Half of what is due next arrived late. */
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 500, 200), 0);
    expect_piece(&o, 0, 0, 300, 200, true);
    expect_piece(&o, 0, 0, 700, 300, true);
    expect_piece(&o, 0, 0, 2000, 2000, true);
    expect_piece(&o, 0, 0, 4000, 1000, false);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 700, 100), 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 750, 100), 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 0, 2000), 0);
    expect_nothing(&o);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 2000, 2999), 0);
    assert_int_equal(box->messages_acked, 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 4999, 1), 0);
    assert_int_equal(box->messages_acked, 1);
    expect_report(&o, 7, 0);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 5000), 0);
    expect_nothing(&o);
    outroom_end(&o);
}

static void test_a_whole_message_goes_again_in_parts(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 1000);
    struct belay_outbox *box = &o.box;
    outroom_push(&o, 0, 7, 1000);
    expect_piece(&o, 0, 0, 0, 1000, false);
    assert_int_equal(belay_outbox_lost_run(box, 0, ORDERED, 0, 1), 0);
    expect_piece(&o, 0, 0, 0, 400, true);
    assert_int_equal(belay_outbox_lost_part(box, 0, ORDERED, 0, 0, 100), 0);
    assert_int_equal(belay_outbox_acked_part(box, 0, ORDERED, 0, 900, 100), 0);
    expect_piece(&o, 0, 0, 0, 100, true);
    expect_piece(&o, 0, 0, 400, 500, true);
    expect_nothing(&o);
    /* The first copy arrives after all. */
    belay_outbox_acked_run(box, 0, ORDERED, 0, 1);
    assert_int_equal(box->messages_acked, 1);
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
        cmocka_unit_test(test_data_limit_is_exact),
        cmocka_unit_test(test_one_sequence_holds_half_the_window),
        cmocka_unit_test(test_one_large_message_may_pass_half_the_window),
        cmocka_unit_test(test_a_sequence_does_not_run_away_from_its_first),
        cmocka_unit_test(test_numbers_that_may_be_open),
        cmocka_unit_test(test_number_limit),
        cmocka_unit_test(test_sequences_take_turns),
        cmocka_unit_test(test_a_large_message_is_not_starved_by_small_ones),
        cmocka_unit_test(test_who_waits_longest_goes_first),
        cmocka_unit_test(test_lost_messages_go_again),
        cmocka_unit_test(test_lost_parts_are_cut_anew),
        cmocka_unit_test(test_a_whole_message_goes_again_in_parts),
        cmocka_unit_test(test_open_gives_up_what_the_peer_refuses),
        cmocka_unit_test(test_abandon_all),
        cmocka_unit_test(test_memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
