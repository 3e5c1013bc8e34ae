/* The endpoint's timer: what it is armed for, and that it comes. */
#include "fixture.h"

#include "event/timer.h"

struct count {
    struct belay_timer timer;
    unsigned fired;
};

static void on_fired(void *ctx)
{
    ++((struct count *)ctx)->fired;
}

/* Only an earlier deadline is worth a system call: a later one is met by firing early and
 * being armed again. */
static void only_an_earlier_deadline_rearms(void **state)
{
    struct count count = {.fired = 0};
    uint64_t now_ns = belay_now_ns(), hour_ns = UINT64_C(3600000000000);

    (void)state;
    assert_int_equal(belay_timer_init(&count.timer, base, portable, on_fired, &count), 0);
    assert_true(count.timer.armed_ns == BELAY_NEVER);
    belay_timer_arm(&count.timer, now_ns + hour_ns, now_ns);
    assert_true(count.timer.armed_ns == now_ns + hour_ns);
    belay_timer_arm(&count.timer, now_ns + 2 * hour_ns, now_ns);
    assert_true(count.timer.armed_ns == now_ns + hour_ns);
    belay_timer_arm(&count.timer, now_ns + hour_ns / 2, now_ns);
    assert_true(count.timer.armed_ns == now_ns + hour_ns / 2);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(count.fired, 0);
    belay_timer_dispose(&count.timer);
}

static void it_fires_once_and_not_before_its_time(void **state)
{
    static const uint64_t delays_ns[] = {0, 1, 999, 1000, 1500000, 20000000};

    (void)state;
    for (size_t i = 0; i < sizeof(delays_ns) / sizeof(delays_ns[0]); i++) {
        struct count count = {.fired = 0};
        uint64_t now_ns = belay_now_ns();

        assert_int_equal(belay_timer_init(&count.timer, base, portable, on_fired, &count), 0);
        belay_timer_arm(&count.timer, now_ns + delays_ns[i], now_ns);
        WAIT_FOR(count.fired > 0);
        assert_true(belay_now_ns() >= now_ns + delays_ns[i]);
        assert_true(count.timer.armed_ns == BELAY_NEVER);
        event_base_loop(base, EVLOOP_NONBLOCK);
        assert_int_equal(count.fired, 1);
        belay_timer_dispose(&count.timer);
    }
}

/* A deadline that has passed, even one at the clock's beginning, fires at once. */
static void the_past_fires_at_once(void **state)
{
    struct count count = {.fired = 0};

    (void)state;
    assert_int_equal(belay_timer_init(&count.timer, base, portable, on_fired, &count), 0);
    belay_timer_arm(&count.timer, 0, belay_now_ns());
    WAIT_FOR(count.fired == 1);
    belay_timer_dispose(&count.timer);
}

static void deadlines_do_not_overflow(void **state)
{
    (void)state;
    assert_true(belay_deadline_in_ms(UINT64_MAX) == BELAY_NEVER);
    assert_true(belay_deadline_in_ms(UINT64_MAX / 1000000) == BELAY_NEVER);
    assert_true(belay_deadline_in_ms(1000) > belay_now_ns());
}

int main(void)
{
    const struct CMUnitTest timer[] = {
        EVENT_TEST(only_an_earlier_deadline_rearms),
        EVENT_TEST(it_fires_once_and_not_before_its_time),
        EVENT_TEST(the_past_fires_at_once),
        EVENT_TEST(deadlines_do_not_overflow),
    };

    return RUN_BOTH(timer);
}
