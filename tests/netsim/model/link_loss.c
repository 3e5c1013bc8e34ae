/* What a link does to packets: it loses, marks, copies and damages them. */
#include "linkroom.h"

static void test_duplicate(void **state)
{
    struct netsim_link *link = linkroom_begin("duplicate 100% delay 5ms");
    struct netsim_delivery out;
    struct netsim_fate fate;

    (void)state;
    fate = send_id(link, 3, 100, 0);
    assert_int_equal(fate.queued, 2);
    assert_true(netsim_link_receive(link, 5 * MS, &out));
    assert_true(out.id == 3 && out.duplicate && !out.last); /* the copy leaves first */
    assert_true(netsim_link_receive(link, 5 * MS, &out));
    assert_true(out.id == 3 && !out.duplicate && out.last);
    linkroom_end(link);
}

/* Duplicated and lost leaves one, and no drop. */
static void test_duplicate_and_lost(void **state)
{
    struct netsim_link *link = linkroom_begin("duplicate 100% loss 100%");
    struct netsim_fate fate = send_id(link, 0, 100, 0);
    struct netsim_stats stats;

    (void)state;
    assert_int_equal(fate.queued, 1);
    assert_int_equal(fate.dropped, 0);
    netsim_link_stats(link, &stats);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(stats.duplicated, 0);
    linkroom_end(link);
}

static void test_loss_names(void **state)
{
    static const struct {
        const char *words;
        enum netsim_why why;
        const char *name;
    } rows[] = {
        {"loss 100%", NETSIM_DROP_LOSS, "loss"},
        {"loss state 100% 0%", NETSIM_DROP_STATE, "state"},
        {"loss gemodel 0% 0% 100% 100%", NETSIM_DROP_GEMODEL, "gemodel"},
        {"limit 0", NETSIM_DROP_LIMIT, "limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_link *link = linkroom_begin(rows[i].words);
        struct netsim_fate fate = send_id(link, 0, 100, 0);
        struct netsim_stats stats;

        assert_int_equal(fate.queued, 0);
        assert_int_equal(fate.dropped, 1);
        assert_int_equal(fate.drops[0].why, rows[i].why);
        assert_string_equal(netsim_why_name(fate.drops[0].why), rows[i].name);
        netsim_link_stats(link, &stats);
        assert_int_equal(stats.dropped, 1);
        assert_int_equal(stats.dropped_loss + stats.dropped_limit, 1);
        assert_int_equal(stats.overlimits, stats.dropped_limit);
        linkroom_end(link);
    }
}

/* The queue is measured before the copy goes in, so a duplicate may make it limit + 1. */
static void test_limit(void **state)
{
    struct netsim_link *link = linkroom_begin("limit 3 delay 10ms");
    struct netsim_fate fate;

    (void)state;
    for (uint64_t id = 0; id < 3; id++)
        assert_int_equal(send_id(link, id, 100, 0).queued, 1);
    fate = send_id(link, 3, 100, 0);
    assert_true(fate.queued == 0 && fate.drops[0].why == NETSIM_DROP_LIMIT);
    assert_receives(link, 0, 10 * MS);
    assert_int_equal(send_id(link, 4, 100, 10 * MS).queued, 1);
    linkroom_end(link);

    link = linkroom_begin("limit 3 delay 10ms duplicate 100%");
    assert_int_equal(send_id(link, 0, 100, 0).queued, 2);
    assert_int_equal(send_id(link, 1, 100, 0).queued, 2);
    assert_int_equal(netsim_link_queued(link), 4);
    fate = send_id(link, 2, 100, 0);
    assert_true(fate.queued == 0 && fate.dropped == 1); /* both, as one */
    linkroom_end(link);

    link = linkroom_begin("limit 1 delay 10ms duplicate 100%");
    fate = send_id(link, 0, 100, 0); /* the original saw an empty queue, so did the copy */
    assert_true(fate.queued == 2 && fate.dropped == 0);
    linkroom_end(link);
}

static void test_ecn(void **state)
{
    struct netsim_link *link = linkroom_begin("loss 100% ecn");
    struct netsim_packet packet = {.id = 1, .len = 100, .ect = true};
    struct netsim_delivery out;
    struct netsim_stats stats;

    (void)state;
    assert_int_equal(send_id(link, 0, 100, 0).dropped, 1); /* not capable */
    assert_int_equal(netsim_link_send(link, &packet, 0).queued, 1);
    assert_true(netsim_link_receive(link, 0, &out) && out.id == 1 && out.ce);
    netsim_link_stats(link, &stats);
    assert_int_equal(stats.marked, 1);
    assert_int_equal(stats.dropped, 2); /* as netem counts */
    linkroom_end(link);
}

/* A copy has its bytes in common with the original, and so the marks. */
static void test_ecn_of_copies(void **state)
{
    struct netsim_link *link = linkroom_begin("loss 50% ecn duplicate 100%");
    struct netsim_delivery out[2];
    uint64_t marked = 0;

    (void)state;
    for (uint64_t id = 0; id < 100; id++) {
        struct netsim_packet packet = {.id = id, .len = 100, .ect = true};

        netsim_link_send(link, &packet, id);
        assert_true(netsim_link_receive(link, id, &out[0]));
        assert_true(netsim_link_receive(link, id, &out[1]));
        assert_int_equal(out[0].ce, out[1].ce);
        marked += out[0].ce;
    }
    assert_binomial((long)marked, 100, 0.75, "either of them would be lost");
    linkroom_end(link);
}

static void test_corrupt(void **state)
{
    struct netsim_link *link = linkroom_begin("corrupt 100% duplicate 100%");
    struct netsim_delivery out;
    long halves[2] = {0, 0};

    (void)state;
    for (uint64_t id = 0; id < 5000; id++) {
        send_id(link, id, 10, id);
        for (int i = 0; i < 2; i++) {
            assert_true(netsim_link_receive(link, id, &out));
            assert_in_range(out.corrupt_bit, 0, 79);
            halves[out.corrupt_bit / 40]++;
        }
    }
    assert_binomial(halves[0], 10000, 0.5, "first half");
    send_id(link, 0, 0, 6000); /* there is nothing to flip */
    assert_true(netsim_link_receive(link, 6000, &out) && out.corrupt_bit == -1);
    linkroom_end(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicate),  cmocka_unit_test(test_duplicate_and_lost),
        cmocka_unit_test(test_loss_names), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_ecn),        cmocka_unit_test(test_ecn_of_copies),
        cmocka_unit_test(test_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
