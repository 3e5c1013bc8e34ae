/* Keys of DATA packets, and their change: docs/protocol.md, "Key update". */
#include "support/hex.h"
#include "support/memory.h"
#include "support/suite.h"

#include "conn/keyring.h"

#define PTO3   300
#define HEADER 5
#define LEN    40

struct side {
    struct belay_keyring ring;
    uint64_t next; /* packet number */
};

struct packet {
    uint64_t number;
    bool phase;
    uint8_t data[HEADER + LEN + BELAY_TAG_SIZE];
};

static struct test_memory memory;
static struct belay_mem mem;
static bool always_rest; /* before each packet: nothing else may be different */

static void begin(struct side *a, struct side *b, enum belay_seal_algorithm algorithm)
{
    uint8_t one[32], two[32];

    test_memory_init(&memory);
    belay_mem_init(&mem, &memory.hook);
    memset(one, 1, sizeof(one));
    memset(two, 2, sizeof(two));
    a->next = b->next = 100;
    assert_int_equal(belay_keyring_init(&a->ring, &mem, &suite, algorithm, one, two, 100), 0);
    assert_int_equal(belay_keyring_init(&b->ring, &mem, &suite, algorithm, two, one, 100), 0);
}

static void end(struct side *a, struct side *b)
{
    static const uint8_t zeros[sizeof(a->ring)];

    belay_keyring_dispose(&a->ring);
    belay_keyring_dispose(&b->ring);
    test_memory_assert_empty(&memory);
    assert_memory_equal(&a->ring, zeros, sizeof(zeros));
}

static struct packet make(struct side *from)
{
    struct packet packet = {.number = from->next++, .phase = from->ring.phase_out};

    memset(packet.data, (int)packet.number, HEADER + LEN);
    if (always_rest)
        belay_keyring_rest(&from->ring);
    assert_int_equal(belay_keyring_seal(&from->ring, packet.number, packet.data, HEADER, LEN),
                     0);
    return packet;
}

static int take(struct side *to, struct packet packet, uint64_t now_ns)
{
    int error;

    if (always_rest)
        belay_keyring_rest(&to->ring);
    error = belay_keyring_open(&to->ring, packet.phase, packet.number, packet.data, HEADER, LEN,
                               to->next, PTO3, now_ns);

    for (size_t i = 0; error == 0 && i < HEADER + LEN; i++)
        assert_int_equal(packet.data[i], packet.number & 0xff);
    return error;
}

/* from sends, to takes it and acknowledges. */
static void pass(struct side *from, struct side *to, uint64_t now_ns)
{
    struct packet packet = make(from);

    assert_int_equal(take(to, packet, now_ns), 0);
    belay_keyring_acked(&from->ring, packet.number);
}

static void test_both_ways_in_every_algorithm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BELAY_SEAL_ALGORITHMS; i++) {
        struct side a, b;

        begin(&a, &b, (enum belay_seal_algorithm)i);
        pass(&a, &b, 0);
        pass(&b, &a, 0);
        assert_int_equal(take(&a, make(&a), 0), BELAY_EPROTO); /* its own, sent back */
        end(&a, &b);
    }
}

static void test_one_changes_and_the_other_follows(void **state)
{
    struct side a, b;
    struct packet late;

    (void)state;
    begin(&a, &b, BELAY_SEAL_AES_256_GCM);
    assert_false(belay_keyring_may_update(&a.ring)); /* nothing acknowledged yet */
    pass(&a, &b, 0);
    assert_true(belay_keyring_may_update(&a.ring));
    assert_false(belay_keyring_is_update_due(&a.ring, 2));
    late = make(&a);
    assert_true(belay_keyring_is_update_due(&a.ring, 2));
    assert_int_equal(belay_keyring_update(&a.ring, a.next), 0);
    assert_true(a.ring.phase_out);
    assert_false(belay_keyring_may_update(&a.ring));
    pass(&b, &a, 0); /* of the old phase, still */
    pass(&a, &b, 1000);
    assert_true(b.ring.phase_in && b.ring.phase_out);
    assert_int_equal(take(&b, late, 1000 + PTO3 - 1), 0);
    assert_int_equal(take(&b, late, 1000 + PTO3), BELAY_EPROTO);
    pass(&b, &a, 1000);
    assert_true(a.ring.phase_in);
    assert_false(belay_keyring_may_update(&a.ring)); /* the keys before are not gone */
    belay_keyring_forget(&a.ring, 1000 + PTO3);
    assert_true(belay_keyring_may_update(&a.ring));
    assert_int_equal(a.ring.updates, 1);
    assert_int_equal(b.ring.updates, 1);
    end(&a, &b);
}

static void test_both_change_at_a_time(void **state)
{
    struct side a, b;
    struct packet from_a, from_b;

    (void)state;
    begin(&a, &b, BELAY_SEAL_CHACHA20_POLY1305);
    pass(&a, &b, 0);
    pass(&b, &a, 0);
    assert_int_equal(belay_keyring_update(&a.ring, a.next), 0);
    assert_int_equal(belay_keyring_update(&b.ring, b.next), 0);
    from_a = make(&a);
    from_b = make(&b);
    assert_int_equal(take(&a, from_b, 0), 0);
    assert_int_equal(take(&b, from_a, 0), 0);
    assert_int_equal(a.ring.updates, 1); /* nobody followed twice */
    assert_int_equal(b.ring.updates, 1);
    pass(&a, &b, 0);
    pass(&b, &a, 0);
    end(&a, &b);
}

/* Packets of the new phase overtake each other: the number tells old from next. */
static void test_reordered_around_the_change(void **state)
{
    struct side a, b;
    struct packet old[3], new[3];

    (void)state;
    begin(&a, &b, BELAY_SEAL_AES_256_GCM);
    pass(&a, &b, 0);
    for (int i = 0; i < 3; i++)
        old[i] = make(&a);
    assert_int_equal(belay_keyring_update(&a.ring, a.next), 0);
    for (int i = 0; i < 3; i++)
        new[i] = make(&a);
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(take(&b, new[i], 0), 0);
        assert_int_equal(take(&b, old[i], 0), 0);
    }
    end(&a, &b);
}

static void test_a_forged_phase_changes_nothing(void **state)
{
    struct side a, b;
    struct packet forged;

    (void)state;
    begin(&a, &b, BELAY_SEAL_AES_256_GCM);
    pass(&a, &b, 0);
    for (int i = 0; i < 100; i++) {
        forged = make(&a);
        forged.phase = true;
        assert_int_equal(take(&b, forged, 0), BELAY_EPROTO);
    }
    assert_false(b.ring.phase_in || b.ring.phase_out);
    assert_int_equal(b.ring.failed, 100);
    pass(&a, &b, 0);
    pass(&b, &a, 0);
    end(&a, &b);
}

static void test_a_peer_that_changes_all_the_time_is_stopped(void **state)
{
    struct side a, b;
    int error = 0, changes = 0;

    (void)state;
    begin(&a, &b, BELAY_SEAL_AES_256_GCM);
    for (; error == 0 && changes < 1000; changes++) {
        assert_int_equal(belay_keyring_update(&a.ring, a.next), 0); /* against the rule */
        error = take(&b, make(&a), 0);
    }
    assert_int_equal(error, BELAY_ELIMIT);
    assert_true(changes > 2 && changes < 100);
    end(&a, &b);
}

static void test_too_many_failures_end_it(void **state)
{
    struct side a, b;
    struct packet packet;

    (void)state;
    begin(&a, &b, BELAY_SEAL_AES_256_GCM);
    packet = make(&a);
    packet.data[0] ^= 1;
    b.ring.failed = BELAY_SEAL_FAILURES_MAX - 2;
    assert_int_equal(take(&b, packet, 0), BELAY_EPROTO);
    assert_int_equal(take(&b, packet, 0), BELAY_ELIMIT);
    end(&a, &b);
}

static void test_rests_change_nothing(void **state)
{
    always_rest = true;
    test_both_ways_in_every_algorithm(state);
    test_one_changes_and_the_other_follows(state);
    test_both_change_at_a_time(state);
    test_reordered_around_the_change(state);
    test_a_forged_phase_changes_nothing(state);
    test_a_peer_that_changes_all_the_time_is_stopped(state);
    test_too_many_failures_end_it(state);
    always_rest = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways_in_every_algorithm),
        cmocka_unit_test(test_one_changes_and_the_other_follows),
        cmocka_unit_test(test_both_change_at_a_time),
        cmocka_unit_test(test_reordered_around_the_change),
        cmocka_unit_test(test_a_forged_phase_changes_nothing),
        cmocka_unit_test(test_a_peer_that_changes_all_the_time_is_stopped),
        cmocka_unit_test(test_too_many_failures_end_it),
        cmocka_unit_test(test_rests_change_nothing),
    };
    return cmocka_run_group_tests(tests, suite_setup, suite_teardown);
}
