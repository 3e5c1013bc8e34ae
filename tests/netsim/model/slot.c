#include "../fixture.h"

#include "netsim/model/slot.h"

static void begin(struct netsim_slot *slot, const struct netsim_words *words,
                  struct netsim_random *decisions, struct netsim_random *extra)
{
    netsim_random_init(decisions, 1);
    netsim_random_init(extra, 2);
    netsim_slot_init(slot, words, decisions, extra);
}

static void test_off(void **state)
{
    struct netsim_words words = words_of("delay 5ms");
    struct netsim_random decisions, extra;
    struct netsim_slot slot;

    (void)state;
    begin(&slot, &words, &decisions, &extra);
    assert_int_equal(netsim_slot_open_ns(&slot, -7, 0), -7);
    words = words_of("slot 0"); /* a slot of no time is none */
    begin(&slot, &words, &decisions, &extra);
    assert_int_equal(netsim_slot_open_ns(&slot, 9, 3), 9);
}

/* The first packet waits too; then two pass every 10 ms. */
static void test_packets(void **state)
{
    struct netsim_words words = words_of("slot 10ms packets 2");
    struct netsim_random decisions, extra;
    struct netsim_slot slot;
    int64_t ms = 1000000;

    (void)state;
    begin(&slot, &words, &decisions, &extra);
    assert_int_equal(netsim_slot_open_ns(&slot, 5 * ms, 5 * ms), 15 * ms);
    netsim_slot_use(&slot, 100, 15 * ms);
    assert_int_equal(netsim_slot_open_ns(&slot, 5 * ms, 15 * ms), 15 * ms);
    netsim_slot_use(&slot, 100, 15 * ms);
    assert_int_equal(netsim_slot_open_ns(&slot, 5 * ms, 15 * ms), 25 * ms);
    /* A turn that comes before the packet is due is lost, and the next one drawn. */
    assert_int_equal(netsim_slot_open_ns(&slot, 30 * ms, 26 * ms), 36 * ms);
}

static void test_bytes(void **state)
{
    struct netsim_words words = words_of("slot 10ms 20ms bytes 1000");
    struct netsim_random decisions, extra, mirror;
    struct netsim_slot slot;
    int64_t want;

    (void)state;
    begin(&slot, &words, &decisions, &extra);
    netsim_random_init(&mirror, 2);
    want = netsim_slot_open_ns(&slot, 1, 1);
    (void)netsim_random_draw(&mirror);
    netsim_slot_use(&slot, 999, want);
    assert_int_equal(netsim_slot_open_ns(&slot, 1, want), want);
    netsim_slot_use(&slot, 1500, want); /* passes the bound, and leaves */
    want += 10000000 + (int64_t)((uint64_t)netsim_random_draw(&mirror) * 10000000 >> 32);
    assert_int_equal(netsim_slot_open_ns(&slot, 1, 1), want);
}

/* Times of a distribution come from the link's decisions. */
static void test_distribution(void **state)
{
    struct netsim_words words = words_of("slot distribution normal 10ms 2ms packets 1");
    struct netsim_random decisions, extra, mirror;
    struct netsim_slot slot;
    struct netsim_table table;

    (void)state;
    begin(&slot, &words, &decisions, &extra);
    netsim_random_init(&mirror, 1);
    netsim_table_fill(&table, NETSIM_NORMAL);
    assert_int_equal(
        netsim_slot_open_ns(&slot, 1, 1),
        1 + netsim_table_delay_ns(&table, netsim_random_draw(&mirror), 10000000, 2000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_distribution),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
