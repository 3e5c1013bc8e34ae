#include "tests/delivery/outroom.h"

#include "delivery/outreport.h"

static void expect(struct outroom *o, uint64_t id)
{
    expect_report(o, id, id % 3 == 0 ? 0 : BELAY_ETIMEDOUT);
}

static void add(struct outroom *o, uint64_t id)
{
    belay_out_report_add(&o->box, id, id % 3 == 0 ? 0 : BELAY_ETIMEDOUT);
}

/* Each round: promise, add, read so many. Ring wraps and growth, with promises open. */
static void test_order_through_wraps_and_growth(void **state)
{
    (void)state;
    static const struct {
        unsigned promise, add, read, rounds;
        size_t capacity;
    } rows[] = {
        {1, 1, 1, 50, 16},  {16, 16, 16, 4, 16}, {5, 5, 5, 20, 16},  {17, 17, 17, 2, 32},
        {6, 6, 2, 20, 128}, {8, 3, 3, 10, 64},   {16, 16, 0, 2, 32}, {9, 5, 2, 10, 128},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outroom o;
        uint64_t in = 0, out = 0;
        outroom_begin(&o);
        for (unsigned round = 0; round < rows[i].rounds; round++) {
            for (unsigned k = 0; k < rows[i].promise; k++)
                assert_int_equal(belay_out_report_promise(&o.box), 0);
            for (unsigned k = 0; k < rows[i].add; k++)
                add(&o, in++);
            for (unsigned k = 0; k < rows[i].read; k++)
                expect(&o, out++);
        }
        assert_int_equal(o.box.reports.capacity, rows[i].capacity);
        while (out < in)
            expect(&o, out++);
        struct belay_out_report report;
        assert_false(belay_outbox_report(&o.box, &report));
        outroom_end(&o);
    }
}

static void test_what_is_promised_needs_no_memory(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin(&o);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(belay_out_report_promise(&o.box), 0);
    room_starve(&o.room);
    for (uint64_t id = 0; id < 40; id++)
        add(&o, id);
    for (uint64_t id = 0; id < 40; id++)
        expect(&o, id);
    outroom_end(&o);
}

static void test_a_waived_one_makes_room(void **state)
{
    (void)state;
    struct outroom o;
    outroom_begin(&o);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(belay_out_report_promise(&o.box), 0);
    room_starve(&o.room);
    assert_int_equal(belay_out_report_promise(&o.box), BELAY_ENOMEM);
    belay_out_report_waive(&o.box);
    assert_int_equal(belay_out_report_promise(&o.box), 0);
    assert_int_equal(belay_out_report_promise(&o.box), BELAY_ENOMEM);
    for (uint64_t id = 0; id < 16; id++)
        add(&o, id);
    expect(&o, 0); /* one that is read makes room too */
    assert_int_equal(belay_out_report_promise(&o.box), 0);
    add(&o, 16);
    for (uint64_t id = 1; id < 17; id++)
        expect(&o, id);
    outroom_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_through_wraps_and_growth),
        cmocka_unit_test(test_what_is_promised_needs_no_memory),
        cmocka_unit_test(test_a_waived_one_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
