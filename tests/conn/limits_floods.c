/* limits_floods.c - what a peer that asks for ever, and answers nothing, can make us do. */
#include "conn/pen.h"

/* How many frames of this type the server sends now. */
static size_t answers(struct pair *pair, enum belay_frame_type type)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count, found = 0;

    pair_collect_from(&pair->server);
    for (size_t i = 0; i < pair->packet_count; i++) {
        pair_open(pair, i, frames, &count);
        for (size_t k = 0; k < count; k++)
            found += frames[k].type == type;
    }
    pair_drop_all(pair);
    return found;
}

static void blocked_by_data(struct pen *pen)
{
    pen_room(pen, 16);
    belay_frame_write_data_blocked(&pen->w, 1);
}

static void blocked_by_numbers(struct pen *pen)
{
    pen_max_messages(pen, BELAY_FRAME_MESSAGES_BLOCKED, pen->frames % 32);
}

static void blocked_where_nothing_came(struct pen *pen)
{
    pen_max_messages(pen, BELAY_FRAME_MESSAGES_BLOCKED, 100 + pen->frames % 32);
}

/* However often it is asked: one answer of a kind, and one a sequence. */
static const struct {
    void (*frame)(struct pen *pen);
    enum belay_frame_type answer;
    size_t most;
} floods[] = {
    {blocked_by_data, BELAY_FRAME_MAX_DATA, 1},
    {blocked_by_numbers, BELAY_FRAME_MAX_MESSAGES, 32},
    {blocked_where_nothing_came, BELAY_FRAME_MAX_MESSAGES, 0},
};

static void test_floods_of_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct pair pair;
        struct pen pen;

        pen_begin(&pair, &pen);
        for (uint32_t channel = 0; channel < 32; channel++)
            pen_message(&pen, channel, ORDERED, 0);
        pen_send(&pen);
        pair_collect_from(&pair.server);
        pair_drop_all(&pair);
        for (unsigned k = 0; k < 10000; k++)
            floods[i].frame(&pen);
        pen_assert_open(&pen);
        assert_true(pen.most_bytes < 32 << 10);
        assert_int_equal(answers(&pair, floods[i].answer), floods[i].most);
        pair_dispose(&pair);
    }
}

/* Each of its packets asks for an answer, and it acknowledges none: what is under way stays
 * within the congestion window, what is kept of it is bounded, and some day it is enough. */
static void test_who_never_acknowledges(void **state)
{
    const struct pair_event *end;
    struct belay_stats stats;
    struct pair pair;
    struct pen pen;

    (void)state;
    pen_begin(&pair, &pen);
    for (unsigned i = 0; i < 700000 && pair_find(&pair.server, BELAY_CORE_CLOSED) == NULL;
         i++) {
        blocked_by_data(&pen);
        pen_send(&pen);
        pair_sleep(&pair, MS / 4);
        belay_core_timeout(pair.server.core, pair.now_ns);
        pair_collect_from(&pair.server);
        pair_drop_all(&pair);
        belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
        assert_true(stats.in_flight_bytes <= stats.window_bytes + 4 * 1200);
    }
    end = pair_find(&pair.server, BELAY_CORE_CLOSED);
    assert_non_null(end);
    assert_int_equal(end->close_code, BELAY_CLOSE_PROTOCOL);
    assert_non_null(strstr(end->reason, "acknowledges none"));
    print_message("never acknowledged: %zu bytes of frames, %zu held at most\n", pen.sent_bytes,
                  pen.most_bytes);
    assert_true(pen.most_bytes < 12 << 20);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods_of_questions),
        cmocka_unit_test(test_who_never_acknowledges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
