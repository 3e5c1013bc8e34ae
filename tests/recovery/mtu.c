#include "recovery/story.h"

#define MINUTE (60000 * MS)

static uint64_t number; /* of the newest packet */

/* Searches on a path that takes fits_bytes, until there is nothing more to try; returns how
 * many probes that took. */
static unsigned search(struct belay_mtu *mtu, uint32_t fits_bytes, uint64_t now_ns)
{
    unsigned probes = 0;
    uint32_t bytes;

    while ((bytes = belay_mtu_next(mtu, UINT32_MAX, now_ns)) > 0) {
        assert_true(++probes < 100);
        belay_mtu_probe_sent(mtu, bytes);
        assert_int_equal(belay_mtu_next(mtu, UINT32_MAX, now_ns), 0); /* one at a time */
        if (bytes <= fits_bytes)
            belay_mtu_probe_acked(mtu, bytes);
        else
            belay_mtu_probe_lost(mtu, bytes);
    }
    return probes;
}

static void test_paths(void **state)
{
    static const struct {
        uint32_t start, most, fits, found;
        unsigned probes;
    } rows[] = {
        {1200, 65507, 65507, 65507, 7}, /* loopback */
        {1200, 65507, 1472, 1472, 9},   /* Ethernet: 1400, 1452, 1472, 3 x 4324, 3 x 1488 */
        {1200, 65507, 1452, 1452, 8},   /* PPPoE: 3 x 1472, 3 x 1468 */
        {1200, 65507, 8972, 8972, 12},  /* jumbo frames */
        {1200, 9000, 8972, 8972, 12},   /* 3 x 9000, 3 x 8988 */
        {1200, 65507, 1200, 1200, 6},   /* 3 x 1400, 3 x 1216 */
        {1200, 65507, 1252, 1250, 12},  /* and by halves */
        {1200, 65507, 1432, 1425, 9},    {1200, 65507, 20000, 0, 40},
        {1200, 65507, 3000, 0, 30},      {1200, 1200, 65507, 1200, 0}, /* no search */
        {9000, 9000, 1200, 9000, 0},     {1200, 1210, 65507, 1200, 0}, /* not worth it */
        {1200, 1300, 65507, 1300, 1},    {1500, 65507, 65507, 65507, 4},
        {65507, 65507, 65507, 65507, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_mtu mtu;
        unsigned probes;

        belay_mtu_init(&mtu, rows[i].start, rows[i].most);
        assert_int_equal(mtu.size_bytes, rows[i].start);
        probes = search(&mtu, rows[i].fits, 0);
        if (rows[i].found > 0)
            assert_int_equal(mtu.size_bytes, rows[i].found);
        else
            assert_in_range(mtu.size_bytes, rows[i].fits - BELAY_MTU_NEAR, rows[i].fits);
        assert_in_range(probes, 0, rows[i].probes);
    }
}

/* Whatever a path takes is found, within its nearness. */
static void test_any_path(void **state)
{
    (void)state;
    for (uint32_t fits = 1200; fits <= 65507; fits += 1 + fits / 97) {
        struct belay_mtu mtu;

        belay_mtu_init(&mtu, 1200, 65507);
        search(&mtu, fits, 0);
        assert_in_range(mtu.size_bytes, fits < 1216 ? 1200 : fits - BELAY_MTU_NEAR, fits);
    }
}

static void test_a_size_is_given_up_after_three(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    belay_mtu_init(&mtu, 1200, 65507);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1400);
        belay_mtu_probe_sent(&mtu, 1400);
        belay_mtu_probe_lost(&mtu, 1400);
    }
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1216);
    /* The first of them was only late. */
    belay_mtu_probe_acked(&mtu, 1400);
    assert_int_equal(mtu.size_bytes, 1400);
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1452);
}

static void test_a_probe_waits_for_room(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    belay_mtu_init(&mtu, 1200, 65507);
    assert_int_equal(belay_mtu_next(&mtu, 1399, 0), 0);
    assert_int_equal(belay_mtu_next(&mtu, 1400, 0), 1400);
}

static void test_ten_minutes_later(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    belay_mtu_init(&mtu, 1200, 65507);
    search(&mtu, 1472, 0);
    assert_int_equal(search(&mtu, 9000, 10 * MINUTE - 1), 0);
    assert_int_equal(mtu.size_bytes, 1472);
    assert_true(search(&mtu, 8972, 10 * MINUTE) > 0);
    assert_int_equal(mtu.size_bytes, 8972);
    assert_int_equal(mtu.black_holes, 0);
    /* All that there is needs no other search. */
    belay_mtu_init(&mtu, 1200, 65507);
    search(&mtu, 65507, 0);
    assert_int_equal(search(&mtu, 65507, 100 * MINUTE), 0);
}

/* ------------------------------------------------------------------ black holes */

static void found_9000(struct belay_mtu *mtu)
{
    belay_mtu_init(mtu, 1200, 65507);
    search(mtu, 8972, 0);
    assert_int_equal(mtu->size_bytes, 8972);
}

static void test_black_holes(void **state)
{
    /* '9' and '3': a packet of 8972 or 3000 bytes is acknowledged, '1': one of 1200; 'L', 'M',
     * 'S': the same lost; 'o': an older one than those acknowledged, of 8972, is lost; 'B': one
     * of 8972, of a flight of a hundred. */
    static const struct {
        const char *fates;
        bool is_hole;
    } rows[] = {
        {"9LLLLL", false},       {"9LLLLLL", true},  {"LLLLLL", true},    {"L1L1L1L1L1L", true},
        {"LLLLL9LLLLL", false},  {"LLL1LLL", true},  {"SSSSSSSS", false}, {"9oooooooo", false},
        {"MMMMMM", true},        {"MMM3MMM", false}, {"LLL3LLL", true},   {"LMLMLM", true},
        {"BBBBBBBBBBBB", false}, {"BBBBBBL", false}, {"LBBBBBB", true},   {"LMLM3LM", false},
        {"3oooooo", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_mtu mtu;

        found_9000(&mtu);
        number = 100;
        for (const char *f = rows[i].fates; *f != '\0'; f++) {
            number++;
            switch (*f) {
            case '9':
            case '3':
            case '1':
                belay_mtu_acked(&mtu, number, *f == '9' ? 8972 : *f == '3' ? 3000 : 1200);
                break;
            case 'o':
                belay_mtu_lost(&mtu, number - 50, 8972, number);
                break;
            case 'B':
                belay_mtu_lost(&mtu, number, 8972, 200);
                break;
            default:
                belay_mtu_lost(&mtu, number,
                               *f == 'L'   ? 8972
                               : *f == 'M' ? 3000
                                           : 1200,
                               number + 1);
            }
        }
        assert_int_equal(mtu.black_holes, rows[i].is_hole);
        assert_int_equal(mtu.size_bytes, rows[i].is_hole ? 1200 : 8972);
    }
}

static void test_silence(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    found_9000(&mtu);
    belay_mtu_silence(&mtu, 2);
    assert_int_equal(mtu.size_bytes, 8972);
    belay_mtu_silence(&mtu, 3);
    assert_int_equal(mtu.size_bytes, 1200);
    belay_mtu_silence(&mtu, 4);
    assert_int_equal(mtu.black_holes, 1);
    /* The search begins at once; what is lost of the larger ones of before is no news. */
    for (unsigned i = 0; i < 100; i++)
        belay_mtu_lost(&mtu, i, 8972, i + 1);
    search(&mtu, 1472, 0);
    for (unsigned i = 0; i < 100; i++)
        belay_mtu_lost(&mtu, i, 8972, i + 1);
    assert_int_equal(mtu.size_bytes, 1472);
    assert_int_equal(mtu.black_holes, 1);
    /* A size that is fixed stays. */
    belay_mtu_init(&mtu, 9000, 9000);
    belay_mtu_silence(&mtu, 9);
    for (unsigned i = 0; i < 100; i++)
        belay_mtu_lost(&mtu, i, 9000, i + 1);
    belay_mtu_restart(&mtu);
    assert_int_equal(mtu.size_bytes, 9000);
}

static void test_another_path(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    found_9000(&mtu);
    belay_mtu_restart(&mtu);
    assert_int_equal(mtu.size_bytes, 1200);
    assert_int_equal(mtu.black_holes, 0);
    search(&mtu, 1472, 0);
    assert_int_equal(mtu.size_bytes, 1472);
}

/* ------------------------------------------------------------------ what others say */

static void test_our_own_system_says_no(void **state)
{
    static const struct {
        uint32_t fits, said, found;
        unsigned probes;
    } rows[] = {
        {1472, 1472, 1472, 3}, /* 1400, 1452, 1472; the next size is refused */
        {1472, 0, 1472, 5},    /* refused without a number: the one above is, too */
        {8972, 8972, 8972, 6},
        {1300, 1300, 1300, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_mtu mtu;
        unsigned probes = 0;
        uint32_t bytes;

        belay_mtu_init(&mtu, 1200, 65507);
        for (; (bytes = belay_mtu_next(&mtu, UINT32_MAX, 0)) > 0; probes++) {
            belay_mtu_probe_sent(&mtu, bytes);
            if (bytes <= rows[i].fits)
                belay_mtu_probe_acked(&mtu, bytes);
            else
                belay_mtu_refused(&mtu, bytes, rows[i].said);
        }
        assert_int_equal(mtu.size_bytes, rows[i].found);
        assert_in_range(probes, 1, rows[i].probes + 1);
    }
}

/* The interface's MTU fell: no question of loss. */
static void test_refused_what_was_fine(void **state)
{
    struct belay_mtu mtu;

    (void)state;
    found_9000(&mtu);
    belay_mtu_refused(&mtu, 8972, 1472);
    assert_int_equal(mtu.size_bytes, 1200);
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1472);
    /* Nothing goes below the base. */
    belay_mtu_refused(&mtu, 1200, 600);
    belay_mtu_refused(&mtu, 1000, 600);
    assert_int_equal(mtu.size_bytes, 1200);
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1472);
}

static void test_a_hint_is_only_tried(void **state)
{
    static const uint32_t hints[] = {0, 68, 1199, 1200, 1472, 8971, 8972, UINT32_MAX};
    struct belay_mtu mtu;

    (void)state;
    belay_mtu_init(&mtu, 1200, 65507);
    belay_mtu_hint(&mtu, 1380);
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 1380);
    for (unsigned i = 0; i < 3; i++) {
        belay_mtu_probe_sent(&mtu, 1380);
        belay_mtu_probe_lost(&mtu, 1380);
    }
    assert_int_equal(mtu.size_bytes, 1200);
    /* None lowers what is proven. */
    found_9000(&mtu);
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        belay_mtu_hint(&mtu, hints[i]);
    assert_int_equal(mtu.size_bytes, 8972);
    assert_int_equal(belay_mtu_next(&mtu, UINT32_MAX, 0), 0);
}

/* ------------------------------------------------------------------ in recovery */

static uint64_t send_probe(struct story *s, uint32_t bytes)
{
    const struct belay_record record = {{7777, 0, 0}};
    uint64_t at = belay_recovery_next_number(&s->r);

    assert_int_equal(belay_mtu_next(&s->r.mtu, UINT32_MAX, s->now_ns), bytes);
    assert_int_equal(belay_recovery_reserve(&s->r, 1), 0);
    belay_recovery_sent(&s->r, bytes, BELAY_SENT_ELICITING | BELAY_SENT_MTU_PROBE, &record, 1,
                        s->now_ns);
    return at;
}

static void test_a_lost_probe_is_no_loss(void **state)
{
    struct story s;

    (void)state;
    story_start(&s, 0);
    belay_recovery_search_mtu(&s.r, 65507);
    story_round_trip(&s, 40 * MS);
    uint64_t window_bytes = belay_recovery_window_bytes(&s.r);
    uint64_t probe = send_probe(&s, 1400);
    assert_int_equal(s.r.in_flight_bytes, 0);
    assert_int_equal(belay_recovery_deadline(&s.r), BELAY_NEVER); /* no PTO for it */
    uint64_t first = story_send(&s, 4);
    story_wait(&s, 40 * MS);
    story_ack(&s, first, first + 4);
    assert_int_equal(s.lost_count, 1);
    assert_int_equal(s.lost[0], 7777);
    assert_int_equal(s.r.packets_lost, 0);
    assert_true(belay_recovery_window_bytes(&s.r) >= window_bytes);
    assert_int_equal(s.r.mtu.lost_probes, 1);

    /* It comes after all: no spurious loss, and the size is good. */
    story_ack(&s, probe, probe + 1);
    assert_int_equal(s.r.packets_spurious, 0);
    assert_int_equal(s.r.packet_threshold, 3);
    assert_int_equal(s.r.mtu.size_bytes, 1400);
    assert_int_equal(s.r.in_flight_bytes, 0);
    story_finish(&s);
}

static void test_a_probe_of_an_old_path_proves_nothing(void **state)
{
    struct story s;

    (void)state;
    story_start(&s, 0);
    belay_recovery_search_mtu(&s.r, 65507);
    story_round_trip(&s, 40 * MS);
    uint64_t probe = send_probe(&s, 1400);
    belay_recovery_new_path(&s.r, 0, s.now_ns);
    story_wait(&s, 40 * MS);
    story_ack(&s, probe, probe + 1);
    assert_int_equal(s.r.mtu.size_bytes, PACKET_BYTES);
    send_probe(&s, 1400);
    story_finish(&s);
}

static void test_probes_are_not_repeated(void **state)
{
    struct story s;

    (void)state;
    story_start(&s, 0);
    belay_recovery_search_mtu(&s.r, 65507);
    story_round_trip(&s, 40 * MS);
    send_probe(&s, 1400);
    story_send(&s, 1);
    s.now_ns = belay_recovery_deadline(&s.r);
    assert_int_equal(belay_recovery_timeout(&s.r, s.now_ns, &s.sink), 1);
    assert_true(belay_recovery_repeat_oldest(&s.r, &s.sink));
    assert_false(belay_recovery_repeat_oldest(&s.r, &s.sink));
    assert_int_equal(s.lost_count, 1);
    assert_int_not_equal(s.lost[0], 7777);
    story_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_any_path),
        cmocka_unit_test(test_a_size_is_given_up_after_three),
        cmocka_unit_test(test_a_probe_waits_for_room),
        cmocka_unit_test(test_ten_minutes_later),
        cmocka_unit_test(test_black_holes),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_another_path),
        cmocka_unit_test(test_our_own_system_says_no),
        cmocka_unit_test(test_refused_what_was_fine),
        cmocka_unit_test(test_a_hint_is_only_tried),
        cmocka_unit_test(test_a_lost_probe_is_no_loss),
        cmocka_unit_test(test_a_probe_of_an_old_path_proves_nothing),
        cmocka_unit_test(test_probes_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
