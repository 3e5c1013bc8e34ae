/* What every controller must do, whatever its law: each table runs through the same cases. */
#include "support/memory.h"

#include <stdalign.h>

#include "recovery/congestion.h"

static const struct {
    const char *name;
    bool by_loss; /* a loss by itself is a reason to reduce */
} laws[] = {{"newreno", true}, {"cubic", true}, {"bbr", false}};

enum { DATAGRAM = 1200 };

struct controller {
    const struct belay_congestion *table;
    alignas(16) unsigned char state[BELAY_CONGESTION_STATE_BYTES + 16];
};

static void start(struct controller *c, const char *name)
{
    c->table = belay_congestion_find(name);
    assert_non_null(c->table);
    memset(c->state, 0xee, sizeof(c->state));
    c->table->init(c->state, DATAGRAM);
}

static void ack(struct controller *c, uint64_t bytes, uint64_t sent_ns, bool app_limited)
{
    const struct belay_congestion_acked acked = {
        .bytes = bytes,
        .in_flight_bytes = bytes,
        .sent_ns = sent_ns,
        .rtt_ns = 1000000,
        .rtt_min_ns = 1000000,
        .rtt_smoothed_ns = 1000000,
        .app_limited = app_limited,
    };
    c->table->on_acked(c->state, &acked, sent_ns + 1000000);
}

static void lose(struct controller *c, uint64_t sent_ns, bool persistent)
{
    const struct belay_congestion_lost lost = {
        .bytes = DATAGRAM, .sent_ns = sent_ns, .persistent = persistent};
    c->table->on_lost(c->state, &lost, sent_ns + 1000000);
}

static uint64_t window(const struct controller *c)
{
    return c->table->window_bytes(c->state);
}

static void run(const char *name, bool by_loss)
{
    struct controller c;
    start(&c, name);
    assert_string_equal(c.table->name, name);
    uint64_t first = window(&c);
    assert_in_range(first, 2 * DATAGRAM, 14720); /* RFC 9002, section 7.2 */

    ack(&c, first, 10, true);
    assert_int_equal(window(&c), first); /* section 7.8 */
    ack(&c, first, 10, false);
    uint64_t grown = window(&c);
    assert_true(grown > first);

    lose(&c, 20, false);
    uint64_t reduced = window(&c);
    assert_true(by_loss ? reduced < grown : reduced == grown);
    lose(&c, 30, false); /* sent before the reduction: it was answered already */
    assert_int_equal(window(&c), reduced);
    c.table->on_spurious(c.state, 40);
    assert_true(window(&c) >= grown);

    for (uint64_t i = 1; i <= 64; i++) /* each a reduction of its own */
        lose(&c, i * 10000000, false);
    assert_in_range(window(&c), 2 * DATAGRAM, grown);
    lose(&c, UINT64_C(1) << 40, true);
    assert_in_range(window(&c), 2 * DATAGRAM, first);
    uint64_t collapsed = window(&c);
    c.table->set_datagram_bytes(c.state, 8 * DATAGRAM);
    assert_int_equal(window(&c), collapsed);
    lose(&c, UINT64_C(1) << 50, true); /* the least is counted in the new ones */
    assert_int_equal(window(&c), 4 * 8 * DATAGRAM);
    for (size_t i = BELAY_CONGESTION_STATE_BYTES; i < sizeof(c.state); i++)
        assert_int_equal(c.state[i], 0xee);
}

static void test_every_controller(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++)
        run(laws[i].name, laws[i].by_loss);
}

static void test_find(void **state)
{
    (void)state;
    assert_ptr_equal(belay_congestion_find("newreno"), &belay_newreno);
    assert_ptr_equal(belay_congestion_find("cubic"), &belay_cubic);
    assert_ptr_equal(belay_congestion_find("bbr"), &belay_bbr);
    assert_null(belay_congestion_find("NewReno"));
    assert_null(belay_congestion_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_every_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
