/* The timer of what is live: never before its time, set anew, set off. */
#include "../fixture.h"

#include "netsim/live/timer.h"

#define MS UINT64_C(1000000)

struct lab {
    struct event_base *base;
    struct netsim_timer timer;
    uint64_t when_ns;
    unsigned calls;
};

static void on_due(void *arg)
{
    struct lab *lab = arg;

    assert_true(netsim_now_ns() >= lab->when_ns);
    lab->calls++;
    event_base_loopbreak(lab->base);
}

static void begin(struct lab *lab)
{
    *lab = (struct lab){.base = event_base_new()};
    assert_int_equal(netsim_timer_init(&lab->timer, lab->base, on_due, lab), 0);
}

static void end(struct lab *lab)
{
    netsim_timer_dispose(&lab->timer);
    event_base_free(lab->base);
}

static void set(struct lab *lab, uint64_t after_ns)
{
    lab->when_ns = netsim_now_ns() + after_ns;
    netsim_timer_set(&lab->timer, lab->when_ns);
}

/* However much it has learnt to be early. */
static void test_never_before_its_time(void **state)
{
    struct lab lab;

    (void)state;
    begin(&lab);
    for (unsigned i = 0; i < 300; i++) {
        set(&lab, i % 7 * (MS / 4));
        event_base_dispatch(lab.base);
        assert_int_equal(lab.calls, i + 1);
    }
    end(&lab);
}

static void test_set_anew(void **state)
{
    struct lab lab;

    (void)state;
    begin(&lab);
    set(&lab, 3600 * 1000 * MS);
    set(&lab, MS);
    event_base_dispatch(lab.base);
    assert_int_equal(lab.calls, 1);
    end(&lab);
}

static void test_what_has_passed_is_due_at_once(void **state)
{
    struct lab lab;

    (void)state;
    begin(&lab);
    for (unsigned i = 0; i < 3; i++) {
        lab.when_ns = i;
        netsim_timer_set(&lab.timer, i);
        event_base_dispatch(lab.base);
        assert_int_equal(lab.calls, i + 1);
    }
    end(&lab);
}

static void test_set_off(void **state)
{
    struct lab lab;
    struct timeval at_most = {0, 20000};

    (void)state;
    begin(&lab);
    set(&lab, MS);
    netsim_timer_set(&lab.timer, UINT64_MAX);
    event_base_loopexit(lab.base, &at_most);
    event_base_dispatch(lab.base);
    assert_int_equal(lab.calls, 0);
    end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_before_its_time),
        cmocka_unit_test(test_set_anew),
        cmocka_unit_test(test_what_has_passed_is_due_at_once),
        cmocka_unit_test(test_set_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
