/* Connection IDs given out, taken, given up: each rule by hand, from docs/protocol.md. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <belay/common.h>

#include "conn/ids.h"

/* The ID with this number, and its token. */
static const uint8_t *cid(uint8_t n)
{
    static uint8_t bytes[256][BELAY_CID_BYTES];
    memset(bytes[n], n, sizeof(bytes[n]));
    return bytes[n];
}

static const uint8_t *token(uint8_t n)
{
    static uint8_t bytes[256][BELAY_RESET_TOKEN_BYTES];
    memset(bytes[n], 0x80 ^ n, sizeof(bytes[n]));
    return bytes[n];
}

/* ------------------------------------------------------------------ ours */

static uint64_t give(struct belay_own_ids *own, uint8_t n)
{
    int entry = belay_own_ids_wanted(own);

    assert_in_range(entry, 0, BELAY_IDS_MAX - 1);
    belay_own_ids_give(own, entry, cid(n), token(n));
    return own->ids[entry].sequence;
}

static unsigned due_count(struct belay_own_ids *own)
{
    unsigned count = 0;
    struct belay_id *id;

    while ((id = belay_own_ids_due(own)) != NULL) {
        id->is_due = false;
        count++;
    }
    return count;
}

static void two_are_spare(void **state)
{
    struct belay_own_ids own;
    (void)state;
    belay_own_ids_init(&own, cid(0));
    assert_null(belay_own_ids_due(&own)); /* the peer has the first */
    assert_int_equal(give(&own, 1), 1);
    assert_int_equal(give(&own, 2), 2);
    assert_int_equal(belay_own_ids_wanted(&own), -1);
    assert_int_equal(due_count(&own), 2);
    assert_int_equal(belay_own_ids_find(&own, cid(2)), 2);
    assert_true(belay_own_ids_find(&own, cid(3)) == UINT64_MAX);
}

static void who_has_the_empty_one_gives_none(void **state)
{
    struct belay_own_ids own;
    (void)state;
    belay_own_ids_init(&own, NULL);
    assert_int_equal(belay_own_ids_wanted(&own), -1);
    assert_int_equal(belay_own_ids_retired(&own, 0), BELAY_EPROTO);
}

/* The one given up last is understood still; then the next takes its place. */
static void one_given_up_is_replaced(void **state)
{
    struct belay_own_ids own;
    (void)state;
    belay_own_ids_init(&own, cid(0));
    for (uint8_t n = 1; n <= 2; n++)
        give(&own, n);
    due_count(&own);
    for (uint8_t n = 0; n < 200; n++) {
        assert_int_equal(belay_own_ids_retired(&own, n), 0);
        assert_int_equal(belay_own_ids_retired(&own, n), 0); /* told again */
        assert_int_equal(give(&own, n + 3), n + 3u);
        assert_int_equal(belay_own_ids_wanted(&own), -1);
        assert_int_equal(belay_own_ids_find(&own, cid(n)), n);
        if (n > 0)
            assert_true(belay_own_ids_find(&own, cid(n - 1)) == UINT64_MAX);
        assert_int_equal(due_count(&own), 1);
    }
    assert_int_equal(belay_own_ids_retired(&own, 203), BELAY_EPROTO);
}

static void a_lost_announcement_is_repeated_while_it_holds(void **state)
{
    struct belay_own_ids own;
    (void)state;
    belay_own_ids_init(&own, cid(0));
    give(&own, 1);
    give(&own, 2);
    due_count(&own);
    belay_own_ids_lost(&own, 2);
    assert_int_equal(belay_own_ids_due(&own)->sequence, 2);
    assert_int_equal(due_count(&own), 1);
    belay_own_ids_retired(&own, 1);
    belay_own_ids_lost(&own, 1);
    belay_own_ids_lost(&own, 77);
    assert_int_equal(due_count(&own), 0);
}

/* ------------------------------------------------------------------ the peer's */

static int offer(struct belay_their_ids *theirs, uint64_t sequence, uint64_t prior_to)
{
    const char *why;
    return belay_their_ids_offered(theirs, sequence, prior_to, cid((uint8_t)sequence),
                                   token((uint8_t)sequence), &why);
}

static void start(struct belay_their_ids *theirs)
{
    belay_their_ids_init(theirs, cid(0), token(0));
}

static uint64_t active(const struct belay_their_ids *theirs)
{
    assert_true(theirs->ids[theirs->active].is_used);
    return theirs->ids[theirs->active].sequence;
}

static unsigned retiring_count(struct belay_their_ids *theirs)
{
    unsigned count = 0;
    uint64_t sequence;

    while (belay_their_ids_retiring(theirs, &sequence))
        count++;
    return count;
}

static void each_is_taken_once(void **state)
{
    struct belay_their_ids theirs;
    uint64_t sequence;
    int entry;
    (void)state;
    start(&theirs);
    assert_int_equal(belay_their_ids_fresh(&theirs), -1);
    assert_int_equal(offer(&theirs, 2, 0), 0); /* reordered: the lowest first all the same */
    assert_int_equal(offer(&theirs, 1, 0), 0);
    entry = belay_their_ids_fresh(&theirs);
    assert_int_equal(theirs.ids[entry].sequence, 1);
    assert_int_equal(theirs.ids[belay_their_ids_fresh(&theirs)].sequence, 2);
    assert_int_equal(belay_their_ids_fresh(&theirs), -1);
    assert_int_equal(belay_their_ids_use(&theirs, entry), 0);
    assert_int_equal(active(&theirs), 1);
    assert_true(belay_their_ids_retiring(&theirs, &sequence));
    assert_int_equal(sequence, 0);
    assert_false(belay_their_ids_retiring(&theirs, &sequence));
    belay_their_ids_retire_lost(&theirs, 0);
    assert_int_equal(retiring_count(&theirs), 1);
    belay_their_ids_retire_acked(&theirs, 0);
    belay_their_ids_retire_lost(&theirs, 0);
    assert_int_equal(retiring_count(&theirs), 0);
}

/* Four at a time; an announcement that comes again is none, of a live one or a dead one. */
static void a_fifth_is_one_too_many(void **state)
{
    struct belay_their_ids theirs;
    (void)state;
    start(&theirs);
    for (uint64_t n = 1; n < BELAY_IDS_MAX; n++) {
        assert_int_equal(offer(&theirs, n, 0), 0);
        assert_int_equal(offer(&theirs, n, 0), 0);
    }
    assert_int_equal(belay_their_ids_use(&theirs, belay_their_ids_fresh(&theirs)), 0);
    assert_int_equal(belay_their_ids_use(&theirs, belay_their_ids_fresh(&theirs)), 0);
    assert_int_equal(offer(&theirs, 1, 0), 0); /* late, and given up before */
    assert_int_equal(offer(&theirs, 4, 0), 0);
    assert_int_equal(offer(&theirs, 5, 0), 0);
    assert_int_equal(offer(&theirs, 6, 0), BELAY_EPROTO);
}

static void what_is_wrong_is_refused(void **state)
{
    struct belay_their_ids theirs;
    const char *why;
    (void)state;
    start(&theirs);
    assert_int_equal(offer(&theirs, 1, 0), 0);
    assert_int_equal(belay_their_ids_offered(&theirs, 1, 0, cid(9), token(1), &why),
                     BELAY_EPROTO);
    assert_int_equal(belay_their_ids_offered(&theirs, 1, 0, cid(1), token(9), &why),
                     BELAY_EPROTO);
    assert_int_equal(offer(&theirs, 0, 0), BELAY_EPROTO);
    assert_int_equal(offer(&theirs, 2 + 63, 0), 0);
    assert_int_equal(offer(&theirs, 2 + 64, 0), BELAY_EPROTO);
    belay_their_ids_init(&theirs, NULL, NULL);
    assert_int_equal(offer(&theirs, 1, 0), BELAY_EPROTO);
}

/* The peer may have all of its IDs given up, the active one too, but not for ever. */
static void retiring_is_bounded(void **state)
{
    struct belay_their_ids theirs;
    uint64_t n = 1;
    (void)state;
    start(&theirs);
    for (; n <= BELAY_IDS_RETIRING_MAX; n++) {
        assert_int_equal(offer(&theirs, n, n), 0);
        assert_int_equal(active(&theirs), n);
    }
    assert_int_equal(retiring_count(&theirs), BELAY_IDS_RETIRING_MAX);
    assert_int_equal(offer(&theirs, n, n), BELAY_EPROTO);
    start(&theirs);
    for (n = 1; n < 200; n++) {
        assert_int_equal(offer(&theirs, n, n), 0);
        belay_their_ids_retire_acked(&theirs, n - 1);
    }
}

/* Told to give up what has not come yet: it is given up as it comes. */
static void one_that_comes_too_late_is_given_up(void **state)
{
    struct belay_their_ids theirs;
    (void)state;
    start(&theirs);
    assert_int_equal(offer(&theirs, 3, 3), 0);
    assert_int_equal(retiring_count(&theirs), 1);
    assert_int_equal(offer(&theirs, 2, 0), 0);
    assert_int_equal(retiring_count(&theirs), 1);
    assert_int_equal(active(&theirs), 3);
    assert_int_equal(belay_their_ids_fresh(&theirs), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_are_spare),
        cmocka_unit_test(who_has_the_empty_one_gives_none),
        cmocka_unit_test(one_given_up_is_replaced),
        cmocka_unit_test(a_lost_announcement_is_repeated_while_it_holds),
        cmocka_unit_test(each_is_taken_once),
        cmocka_unit_test(a_fifth_is_one_too_many),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(retiring_is_bounded),
        cmocka_unit_test(one_that_comes_too_late_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
