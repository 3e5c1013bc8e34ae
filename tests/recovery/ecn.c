#include "recovery/story.h"

#define NONE UINT64_MAX /* in ect0: an ACK without counts */

struct step {
    unsigned sent;                  /* marked, before the ACK */
    uint64_t acked, ect0, ect1, ce; /* of the ACK */
    enum belay_ecn_state state;     /* after it */
    uint64_t congested;
};

static void play(const struct step *steps, size_t count)
{
    struct belay_ecn ecn;

    belay_ecn_init(&ecn, true);
    for (size_t i = 0; i < count && steps[i].sent + steps[i].acked > 0; i++) {
        const struct step *s = &steps[i];
        const uint64_t counts[3] = {s->ect0, s->ect1, s->ce};

        for (unsigned k = 0; k < s->sent; k++)
            belay_ecn_sent(&ecn);
        assert_int_equal(belay_ecn_acked(&ecn, s->ect0 == NONE ? NULL : counts, s->acked),
                         s->congested);
        assert_int_equal(ecn.state, s->state);
    }
}

/* Each row is a path, each step an ACK. */
static void test_paths(void **state)
{
    static const struct step rows[][4] = {
        /* marks get through, some as CE */
        {{5, 2, 2, 0, 0, BELAY_ECN_CAPABLE, 0},
         {5, 5, 5, 0, 2, BELAY_ECN_CAPABLE, 2},
         {9, 3, 7, 0, 3, BELAY_ECN_CAPABLE, 1}},
        /* all as CE */
        {{5, 5, 0, 0, 5, BELAY_ECN_CAPABLE, 5}},
        /* bleached: no counts, or too small ones, at once or later */
        {{5, 2, NONE, 0, 0, BELAY_ECN_FAILED, 0}},
        {{5, 3, 2, 0, 0, BELAY_ECN_FAILED, 0}},
        {{5, 3, 3, 0, 0, BELAY_ECN_CAPABLE, 0}, {5, 5, 3, 0, 0, BELAY_ECN_FAILED, 0}},
        /* and it stays so */
        {{5, 3, 2, 0, 0, BELAY_ECN_FAILED, 0}, {5, 2, 5, 0, 2, BELAY_ECN_FAILED, 0}},
        /* mangled to ECT(1), or from nothing to a mark */
        {{5, 2, 1, 1, 0, BELAY_ECN_FAILED, 0}},
        {{5, 2, 6, 0, 0, BELAY_ECN_FAILED, 0}},
        {{5, 2, 3, 0, 3, BELAY_ECN_FAILED, 0}},
        /* counts that fall */
        {{5, 2, 4, 0, 0, BELAY_ECN_CAPABLE, 0}, {5, 1, 3, 0, 3, BELAY_ECN_FAILED, 0}},
        {{5, 2, 3, 0, 2, BELAY_ECN_CAPABLE, 2}, {5, 1, 8, 0, 1, BELAY_ECN_FAILED, 0}},
        /* marks on what is never acknowledged are a proof, too; no counts are none */
        {{5, 0, NONE, 0, 0, BELAY_ECN_TESTING, 0}, {4, 0, 2, 0, 0, BELAY_ECN_CAPABLE, 0}},
        /* ten are a test; the rest waits for its result */
        {{10, 0, NONE, 0, 0, BELAY_ECN_WAITING, 0}, {0, 1, 1, 0, 0, BELAY_ECN_CAPABLE, 0}},
        {{10, 0, NONE, 0, 0, BELAY_ECN_WAITING, 0}, {0, 1, NONE, 0, 0, BELAY_ECN_FAILED, 0}},
        /* an earlier ACK counted what it had no room to tell */
        {{9, 2, 6, 0, 0, BELAY_ECN_CAPABLE, 0}, {0, 5, 7, 0, 0, BELAY_ECN_CAPABLE, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        play(rows[i], 4);
}

static void test_marks_follow_the_state(void **state)
{
    const uint64_t one[3] = {1, 0, 0};
    struct belay_ecn ecn;

    (void)state;
    belay_ecn_init(&ecn, false);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_restart(&ecn);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_init(&ecn, true);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_ECT0);
        belay_ecn_sent(&ecn);
    }
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_acked(&ecn, one, 1);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_ECT0);
    belay_ecn_acked(&ecn, NULL, 1);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_restart(&ecn);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_ECT0);
}

/* What one path did to the marks is not held against the next. */
static void test_another_path(void **state)
{
    static const uint64_t bleached[3] = {1, 0, 0}, then[3] = {3, 0, 1};
    struct belay_ecn ecn;

    (void)state;
    belay_ecn_init(&ecn, true);
    for (unsigned i = 0; i < 8; i++)
        belay_ecn_sent(&ecn);
    belay_ecn_acked(&ecn, bleached, 8);
    assert_int_equal(ecn.state, BELAY_ECN_FAILED);
    belay_ecn_restart(&ecn);
    for (unsigned i = 0; i < 3; i++)
        belay_ecn_sent(&ecn);
    assert_int_equal(belay_ecn_acked(&ecn, then, 3), 1);
    assert_int_equal(ecn.state, BELAY_ECN_CAPABLE);
}

/* A path that began to drop what is marked. */
static void test_silence(void **state)
{
    static const uint64_t one[3] = {1, 0, 0};
    struct belay_ecn ecn;

    (void)state;
    belay_ecn_init(&ecn, true);
    belay_ecn_sent(&ecn);
    belay_ecn_acked(&ecn, one, 1);
    belay_ecn_silence(&ecn, 2);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_ECT0);
    belay_ecn_silence(&ecn, 3);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_acked(&ecn, one, 0); /* an unmarked one got through */
    assert_int_equal(ecn.state, BELAY_ECN_TESTING);
    for (unsigned i = 0; i < 10; i++)
        belay_ecn_sent(&ecn);
    assert_int_equal(belay_ecn_mark(&ecn), BELAY_ECN_NOT);
    belay_ecn_silence(&ecn, 9); /* no test that is over begins anew */
    belay_ecn_acked(&ecn, one, 0);
    assert_int_equal(ecn.state, BELAY_ECN_WAITING);
}

/* ------------------------------------------------------------------ in recovery */

static void send_marked(struct story *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct belay_record record = {{belay_recovery_next_number(&s->r), 0, 0}};

        assert_int_equal(belay_recovery_reserve(&s->r, 1), 0);
        belay_recovery_sent(&s->r, PACKET_BYTES, BELAY_SENT_ELICITING | BELAY_SENT_MARKED,
                            &record, 1, s->now_ns);
    }
}

static void ack_counts(struct story *s, uint64_t lo, uint64_t hi, uint64_t ect0, uint64_t ce)
{
    const struct belay_range range = {lo, hi};
    const uint64_t counts[3] = {ect0, 0, ce};

    assert_int_equal(belay_recovery_acked_ecn(&s->r, &range, 1, 0, counts, s->now_ns, &s->sink),
                     0);
}

static void start_marking(struct story *s)
{
    const struct belay_recovery_config config = {.datagram_bytes = PACKET_BYTES,
                                                 .peer_ack_delay_ns = 25 * MS,
                                                 .congestion = &belay_newreno,
                                                 .ecn = true};

    story_start(s, 0);
    belay_recovery_dispose(&s->r);
    assert_int_equal(belay_recovery_init(&s->r, &config, &s->mem), 0);
}

static void test_a_mark_reduces_once_a_round_trip(void **state)
{
    struct story s;

    (void)state;
    start_marking(&s);
    send_marked(&s, 10);
    story_wait(&s, 40 * MS);
    ack_counts(&s, 0, 2, 1, 1);
    assert_int_equal(belay_recovery_window_bytes(&s.r), 6000); /* of 12000 */
    ack_counts(&s, 2, 10, 7, 3);                               /* sent before that */
    assert_int_equal(belay_recovery_window_bytes(&s.r), 6000);
    assert_int_equal(s.r.packets_ce, 3);
    story_wait(&s, MS);
    send_marked(&s, 2);
    story_wait(&s, 40 * MS);
    ack_counts(&s, 10, 12, 8, 4);
    assert_true(belay_recovery_window_bytes(&s.r) < 6000);
    assert_int_equal(s.r.packets_lost, 0);
    assert_int_equal(s.lost_count, 0);
    story_finish(&s);
}

/* The losses of a reduction were spurious, but a mark asked for it as well. */
static void test_a_mark_is_not_taken_back(void **state)
{
    const struct belay_range late = {0, 1};
    struct story s;

    (void)state;
    start_marking(&s);
    send_marked(&s, 10);
    story_wait(&s, 40 * MS);
    ack_counts(&s, 1, 10, 8, 1); /* and 0 is lost */
    assert_int_equal(s.r.packets_lost, 1);
    uint64_t window_bytes = belay_recovery_window_bytes(&s.r);
    const uint64_t counts[3] = {9, 0, 1};
    assert_int_equal(belay_recovery_acked_ecn(&s.r, &late, 1, 0, counts, s.now_ns, &s.sink), 0);
    assert_int_equal(s.r.packets_spurious, 1);
    assert_int_equal(belay_recovery_window_bytes(&s.r), window_bytes);
    story_finish(&s);
}

/* Counts of an ACK that was overtaken are older than what is known. */
static void test_old_counts_are_not_judged(void **state)
{
    struct story s;

    (void)state;
    start_marking(&s);
    send_marked(&s, 8);
    story_wait(&s, 40 * MS);
    ack_counts(&s, 2, 6, 6, 0);
    ack_counts(&s, 0, 2, 2, 0);
    assert_int_equal(s.r.ecn.state, BELAY_ECN_CAPABLE);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_marks_follow_the_state),
        cmocka_unit_test(test_another_path),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_mark_reduces_once_a_round_trip),
        cmocka_unit_test(test_a_mark_is_not_taken_back),
        cmocka_unit_test(test_old_counts_are_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
