#include "tests/delivery/outroom.h"

#include "delivery/outsettle.h"

enum verb { ACK = 1, ACK_PART, LOSE, LOSE_PART, ACK_ALL };

struct step {
    enum verb verb;
    uint64_t number, a, b; /* a run: count; a part: offset and length */
};

/*
 * Channel 1 has five messages of 100 bytes; 0, 1 and 2 were handed out, 60 bytes of 3, none of
 * 4. After the steps: which have ended, in that order, and what goes again, as message and
 * bytes.
 */
static const struct {
    struct step steps[6];
    const char *ended, *again;
} stories[] = {
    {{{0, 0, 0, 0}}, "", ""},
    {{{ACK, 0, 1, 0}}, "0", ""},
    {{{ACK, 0, 3, 0}}, "012", ""},
    {{{ACK, 2, 1, 0}, {ACK, 0, 2, 0}}, "201", ""},
    {{{ACK, 1, 1, 0}, {ACK, 0, 3, 0}}, "102", ""}, /* none twice */
    {{{ACK, 0, UINT32_MAX, 0}}, "012", ""},        /* not what was not handed out fully */
    {{{ACK, 3, 2, 0}}, "", ""},
    {{{ACK, UINT64_MAX - 1, 5, 0}}, "", ""},
    {{{ACK, 1, 0, 0}}, "", ""},
    {{{ACK_PART, 0, 0, 100}}, "0", ""},
    {{{ACK_PART, 0, 0, 60}, {ACK_PART, 0, 60, 40}}, "0", ""},
    {{{ACK_PART, 0, 50, 50}, {ACK_PART, 0, 50, 50}}, "", ""},
    {{{ACK_PART, 3, 0, 60}}, "", ""}, /* the rest is to come */
    {{{ACK_PART, 4, 0, 100}}, "", ""},
    {{{ACK_PART, 9, 0, 100}}, "", ""},
    {{{ACK_PART, 0, UINT64_MAX - 1, 5}}, "", ""},
    {{{LOSE, 0, 1, 0}}, "", "0:0-100 "},
    {{{LOSE, 0, 9, 0}}, "", "0:0-100 1:0-100 2:0-100 "},
    {{{LOSE, 2, 1, 0}, {LOSE, 0, 1, 0}}, "", "0:0-100 2:0-100 "}, /* the lowest first */
    {{{LOSE, 0, 3, 0}, {ACK, 1, 1, 0}}, "1", "0:0-100 2:0-100 "},
    {{{ACK, 1, 1, 0}, {LOSE, 0, 3, 0}}, "1", "0:0-100 2:0-100 "},
    {{{LOSE, 1, 1, 0}, {LOSE, 1, 1, 0}}, "", "1:0-100 "},
    {{{LOSE_PART, 1, 20, 30}}, "", "1:20-50 "},
    {{{LOSE_PART, 1, 20, 30}, {ACK_PART, 1, 30, 10}}, "", "1:20-30 1:40-50 "},
    {{{LOSE_PART, 1, 20, 30}, {ACK_PART, 1, 20, 30}}, "", ""},
    {{{ACK_PART, 1, 20, 30}, {LOSE, 1, 1, 0}}, "", "1:0-20 1:50-100 "},
    {{{LOSE_PART, 1, 0, 50}, {ACK, 1, 1, 0}}, "1", ""},
    {{{LOSE_PART, 3, 0, 60}}, "", "3:0-60 "},
    {{{LOSE_PART, 3, 30, 999}}, "", "3:30-60 "},
    {{{LOSE_PART, 4, 0, 100}, {LOSE, 4, 1, 0}}, "", ""},
    {{{LOSE, 0, 1, 0}, {ACK_PART, 0, 0, 50}, {ACK_PART, 0, 50, 50}}, "0", ""},
    {{{ACK_ALL, 0, 0, 0}}, "", ""}, /* refused: 3 and 4 have bytes to go */
};

static void take_step(struct outroom *o, const struct step *s)
{
    if (s->verb == ACK)
        belay_outbox_acked_run(&o->box, 1, ORDERED, s->number, (uint32_t)s->a);
    else if (s->verb == ACK_PART)
        assert_int_equal(belay_outbox_acked_part(&o->box, 1, ORDERED, s->number, s->a, s->b),
                         0);
    else if (s->verb == LOSE)
        assert_int_equal(belay_outbox_lost_run(&o->box, 1, ORDERED, s->number, (uint32_t)s->a),
                         0);
    else if (s->verb == LOSE_PART)
        assert_int_equal(belay_outbox_lost_part(&o->box, 1, ORDERED, s->number, s->a, s->b), 0);
    else if (s->verb == ACK_ALL)
        assert_false(belay_outbox_acked_all(&o->box));
}

static void begin_story(struct outroom *o)
{
    struct belay_piece piece;
    outroom_begin_open(o, PLENTY, 9);
    for (uint64_t id = 0; id < 5; id++)
        outroom_push(o, 1, id, 100);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(belay_outbox_peek(&o->box, &piece));
        belay_outbox_take(&o->box, i < 3 ? 100 : 60);
    }
}

static void test_stories(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        char ended[8] = "", again[80] = "";
        struct belay_out_report report;
        struct belay_piece piece;
        struct outroom o;
        begin_story(&o);
        for (size_t k = 0; k < 6; k++)
            take_step(&o, &stories[i].steps[k]);
        for (size_t n = 0; belay_outbox_report(&o.box, &report); n++) {
            assert_int_equal(report.error, 0);
            ended[n] = (char)('0' + report.id);
        }
        while (belay_outbox_peek(&o.box, &piece) && piece.again) {
            size_t at = strlen(again);
            snprintf(again + at, sizeof(again) - at, "%u:%u-%u ", (unsigned)piece.number,
                     (unsigned)piece.offset, (unsigned)(piece.offset + piece.len));
            belay_outbox_take(&o.box, piece.len);
        }
        if (strcmp(ended, stories[i].ended) != 0 || strcmp(again, stories[i].again) != 0)
            fail_msg("story %zu: ended `%s`, again `%s`", i, ended, again);
        assert_int_equal(o.box.messages_acked, strlen(ended));
        assert_int_equal(o.box.messages_open, 5 - strlen(ended));
        assert_int_equal(o.box.queued_bytes, 164 * (5 - strlen(ended)));
        outroom_end(&o);
    }
}

static void test_unknown_sequences_are_ignored(void **state)
{
    (void)state;
    static const struct {
        uint32_t channel;
        uint8_t mode;
    } rows[] = {{1, UNORDERED}, {2, ORDERED}, {1, 5}, {255, 3}};
    struct outroom o;
    begin_story(&o);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t c = rows[i].channel;
        uint8_t mode = rows[i].mode;
        belay_outbox_acked_run(&o.box, c, mode, 0, 3);
        assert_int_equal(belay_outbox_acked_part(&o.box, c, mode, 0, 0, 100), 0);
        assert_int_equal(belay_outbox_lost_run(&o.box, c, mode, 0, 3), 0);
        assert_int_equal(belay_outbox_lost_part(&o.box, c, mode, 0, 0, 10), 0);
    }
    assert_int_equal(o.box.messages_open, 5);
    assert_true(belay_list_is_empty(&o.box.resend));
    outroom_end(&o);
}

static void test_acked_all(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 9);
    assert_true(belay_outbox_acked_all(&o.box)); /* there is nothing */
    outroom_push(&o, 1, 0, 10);
    outroom_push(&o, 9, 1, 0);
    assert_false(belay_outbox_acked_all(&o.box));
    outroom_drain(&o);
    assert_int_equal(belay_outbox_lost_run(&o.box, 1, ORDERED, 0, 1), 0);
    assert_true(belay_outbox_acked_all(&o.box)); /* it had come after all */
    assert_int_equal(o.box.messages_acked, 2);
    assert_int_equal(outroom_drain(&o), 0);
    outroom_end(&o);
}

/* The next in turn, of which nothing went: a lying peer settles nothing. */
static void test_what_was_not_sent_stays(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin_open(&o, PLENTY, 9);
    outroom_push(&o, 1, 0, 100);
    belay_outbox_acked_run(&o.box, 1, ORDERED, 0, 1);
    assert_int_equal(belay_outbox_acked_part(&o.box, 1, ORDERED, 0, 0, 100), 0);
    assert_int_equal(belay_outbox_lost_part(&o.box, 1, ORDERED, 0, 0, 100), 0);
    assert_int_equal(o.box.messages_open, 1);
    assert_true(belay_list_is_empty(&o.box.resend));
    assert_int_equal(outroom_drain(&o), 1);
    outroom_end(&o);
}

/* Half the window holds one message: the next goes when the first is settled, however. */
static void test_acks_make_room(void **state)
{
    (void)state;
    static const struct step steps[] = {{ACK, 0, 1, 0}, {ACK_PART, 0, 0, 100}};
    for (size_t i = 0; i < 2; i++) {
        struct outroom o;
        outroom_begin_open(&o, 2 * 164, 9);
        outroom_push(&o, 1, 0, 100);
        outroom_push(&o, 1, 1, 100);
        assert_int_equal(outroom_drain(&o), 1);
        take_step(&o, &steps[i]);
        assert_int_equal(outroom_drain(&o), 1);
        outroom_end(&o);
    }
}

static void test_settle_counts_and_reports(void **state)
{
    (void)state;
    static const struct {
        int error;
        bool notify;
    } rows[] = {{0, true}, {0, false}, {BELAY_ETIMEDOUT, true}, {BELAY_ERESET, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_out_report report;
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 9);
        assert_int_equal(
            belay_outbox_push(&o.box, 1, ORDERED, "abc", NULL, 3, rows[i].notify, 77), 0);
        const struct belay_out_sequence *seq = belay_out_sequence_find(&o.box, 1, ORDERED);
        belay_out_settle(&o.box, belay_out_sequence_at(seq, 0), rows[i].error);
        assert_true(belay_out_sequence_at(seq, 0)->settled);
        assert_int_equal(o.box.messages_open, 0);
        assert_int_equal(o.box.queued_bytes, 0);
        assert_int_equal(o.box.messages_acked, rows[i].error == 0);
        assert_int_equal(o.box.messages_abandoned, rows[i].error != 0);
        assert_int_equal(belay_outbox_report(&o.box, &report), rows[i].notify);
        if (rows[i].notify)
            assert_true(report.id == 77 && report.error == rows[i].error);
        outroom_end(&o);
    }
}

static void count_release(void *ctx)
{
    ++*(unsigned *)ctx;
}

/* Of nine messages, 'p' are plain, 'n' want a report, 's' have a source, 'a' have a part that
 * was acknowledged in their middle, 'g' were acknowledged before: one ACK ends them all, once.
 */
static void test_a_run_of_all_kinds(void **state)
{
    (void)state;
    static const char *const rows[] = {"ppppppppp", "npppppppp", "ppppppppn", "sspppasnp",
                                       "gpgpnpspa", "agggggggp", "aaaaaaaaa", "ggggggggg"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned released = 0, sources = 0, notes = 0;
        const struct belay_source source = {
            .data = (const uint8_t *)"abc", .release = count_release, .ctx = &released};
        struct belay_out_report report;
        struct outroom o;
        outroom_begin_open(&o, PLENTY, 9);
        for (uint64_t k = 0; k < 9; k++) {
            char kind = rows[i][k];
            sources += kind == 's';
            notes += kind == 'n';
            assert_int_equal(belay_outbox_push(&o.box, 1, ORDERED, "abc",
                                               kind == 's' ? &source : NULL, 3, kind == 'n', k),
                             0);
        }
        assert_int_equal(outroom_drain(&o), 9);
        for (uint64_t k = 0; k < 9; k++) {
            if (rows[i][k] == 'g')
                belay_outbox_acked_run(&o.box, 1, ORDERED, k, 1);
            if (rows[i][k] == 'a')
                assert_int_equal(belay_outbox_acked_part(&o.box, 1, ORDERED, k, 1, 1), 0);
        }
        for (unsigned again = 0; again < 2; again++) {
            belay_outbox_acked_run(&o.box, 1, ORDERED, 0, 9);
            assert_int_equal(o.box.messages_acked, 9);
            assert_int_equal(o.box.messages_open, 0);
            assert_int_equal(o.box.queued_bytes, 0);
            assert_int_equal(o.box.numbers_open, 0);
            assert_int_equal(belay_out_sequence_find(&o.box, 1, ORDERED)->held, 0);
            assert_int_equal(released, sources);
        }
        for (; notes > 0; notes--)
            assert_true(belay_outbox_report(&o.box, &report) && rows[i][report.id] == 'n');
        assert_false(belay_outbox_report(&o.box, &report));
        outroom_end(&o);
    }
}

static void test_no_memory_for_a_part(void **state)
{
    (void)state;
    struct outroom o;
    begin_story(&o);
    room_starve(&o.room);
    assert_int_equal(belay_outbox_acked_part(&o.box, 1, ORDERED, 0, 10, 10), BELAY_ENOMEM);
    assert_int_equal(belay_outbox_lost_part(&o.box, 1, ORDERED, 0, 10, 10), BELAY_ENOMEM);
    assert_int_equal(belay_outbox_lost_run(&o.box, 1, ORDERED, 0, 1), 0); /* one range */
    assert_int_equal(belay_outbox_lost_run(&o.box, 1, ORDERED, 2, 1), BELAY_ENOMEM);
    belay_outbox_acked_run(&o.box, 1, ORDERED, 0, 3); /* whole ones need none */
    assert_int_equal(o.box.messages_acked, 3);
    outroom_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_unknown_sequences_are_ignored),
        cmocka_unit_test(test_acked_all),
        cmocka_unit_test(test_what_was_not_sent_stays),
        cmocka_unit_test(test_acks_make_room),
        cmocka_unit_test(test_settle_counts_and_reports),
        cmocka_unit_test(test_a_run_of_all_kinds),
        cmocka_unit_test(test_no_memory_for_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
