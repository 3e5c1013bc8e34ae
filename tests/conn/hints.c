/* What ICMP says of sizes: kept for whom it is about, and worth one probe. */
#include "conn/pair.h"

#include "conn/hints.h"

static struct belay_path path_to(uint8_t remote, uint32_t socket)
{
    return (struct belay_path){.remote = {.len = 1, .bytes = {remote}}, .socket = socket};
}

static const uint8_t cid[8] = {1, 2, 3, 4, 5, 6, 7, 8}, other_cid[8] = {1, 2, 3, 4, 5, 6, 7, 9};
static const uint8_t quoted[] = {0xf1, 1, 2, 3, 4, 5, 6, 7, 8, 0x12},
                     without_id[] = {0xe1, 0x12, 0x34, 4, 5, 6, 7, 8, 9, 10},
                     init[] = {0xc0, 0, 0, 0, 1, 0, 1, 2, 3, 4};

static void only_whom_it_is_about_takes_it(void **state)
{
    static const struct {
        const uint8_t *packet;
        size_t len;
        const uint8_t *cid;
        uint8_t remote;
        uint32_t socket, taken;
    } rows[] = {
        {quoted, 10, cid, 1, 0, 1300},     {quoted, 9, cid, 1, 0, 1300},
        {quoted, 10, other_cid, 1, 0, 0},  {quoted, 10, NULL, 1, 0, 0},
        {quoted, 10, cid, 2, 0, 0},        {quoted, 10, cid, 1, 1, 0},
        {without_id, 9, NULL, 1, 0, 1300}, {without_id, 9, cid, 1, 0, 0},
        {NULL, 0, cid, 1, 0, 1300},        {NULL, 0, NULL, 1, 0, 1300},
        {NULL, 0, cid, 2, 0, 0},           {quoted, 8, other_cid, 1, 0, 1300}, /* too little */
        {init, 10, cid, 1, 0, 0},          {init, 10, NULL, 1, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_path to = path_to(1, 0), from = path_to(rows[i].remote, rows[i].socket);
        struct belay_hints hints = {.next = (unsigned)i % BELAY_HINTS};

        belay_hints_add(&hints, &to, rows[i].packet, rows[i].len, 1300);
        if (belay_hints_take(&hints, &from, rows[i].cid) != rows[i].taken)
            fail_msg("row %zu", i);
        assert_int_equal(belay_hints_take(&hints, &from, rows[i].cid), 0); /* once */
    }
}

static void the_newest_are_kept(void **state)
{
    struct belay_hints hints = {0};
    struct belay_path path = path_to(1, 0), strange = path_to(2, 0);

    (void)state;
    belay_hints_add(&hints, &path, NULL, 0, 1300);
    belay_hints_add(&hints, &path, NULL, 0, SIZE_MAX);
    assert_int_equal(belay_hints_take(&hints, &path, NULL), 65507);
    assert_int_equal(belay_hints_take(&hints, &path, NULL), 1300);
    belay_hints_add(&hints, &path, NULL, 0, 1300);
    for (unsigned i = 0; i < BELAY_HINTS - 1; i++)
        belay_hints_add(&hints, &strange, NULL, 0, 1300);
    assert_int_equal(belay_hints_take(&hints, &path, NULL), 1300);
    belay_hints_add(&hints, &path, NULL, 0, 1300);
    for (unsigned i = 0; i < BELAY_HINTS; i++)
        belay_hints_add(&hints, &strange, NULL, 0, 1300);
    assert_int_equal(belay_hints_take(&hints, &path, NULL), 0);
}

/* ------------------------------------------------------------------ on connections */

/* Both sides as they are when they share their sockets, or the client has one of its own. */
static void connect(struct pair *pair, bool shared)
{
    struct belay_core_config config;

    pair_config(&config);
    config.datagram_size_max = 65507;
    pair_init(pair, &config);
    pair_dial(pair, shared);
    pair_exchange(pair);
    pair_run(pair, 100 * MS);
    pair_forget_events(pair);
}

/* A message; what is longer than most is lost. */
static void transfer(struct pair *pair, struct pair_end *from, size_t most)
{
    pair_send(from, 0, 60000, 1);
    pair_run_mtu(pair, most, SECOND);
}

/* Of this side's next packet, as a router that takes no more than so much quotes it. */
static void quote(struct pair *pair, struct pair_end *from, size_t len, size_t fits)
{
    struct pair_packet *packet;
    struct belay_path path;

    pair_send(from, 0, 1000, 1);
    assert_true(pair_collect_from(from) > 0);
    packet = &pair->packets[pair->packet_count - 1];
    path = packet->path;
    belay_core_size_hint(from->core, &path, packet->data, len < packet->len ? len : packet->len,
                         fits);
    pair_exchange(pair);
}

static uint32_t size_of(const struct pair_end *end)
{
    return belay_core_conn_datagram_size(end->conn);
}

/* Of a server on its shared socket, of a client that shares its own, of one that does not. */
static void a_hint_is_the_next_probe(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct pair pair;
        struct pair_end *from;

        connect(&pair, i & 1);
        from = i & 2 ? &pair.server : &pair.client;
        quote(&pair, from, i & 4 ? 16 : 0, 1333);
        transfer(&pair, from, 1340);
        assert_int_equal(size_of(from), 1333); /* by known sizes and halves: another */
        pair_dispose(&pair);
    }
}

/* Anybody can send ICMP. Sizes of all kinds, for the right one and others: no size falls, no
 * message is lost, and what was not found before is found all the same. */
static void forged_hints_harm_nothing(void **state)
{
    static const size_t sizes[] = {0,    1,    68,   576,  1199, 1200,  1201,
                                   1280, 1400, 1471, 8000, 9000, 65507, SIZE_MAX};

    (void)state;
    for (unsigned shared = 0; shared < 2; shared++) {
        struct pair pair;

        connect(&pair, shared);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint32_t before = size_of(&pair.server);

            quote(&pair, &pair.server, i & 1 ? 16 : 0, sizes[i]);
            transfer(&pair, &pair.server, 1472);
            assert_true(size_of(&pair.server) >= before);
        }
        for (unsigned i = 0; i < 20; i++)
            transfer(&pair, &pair.server, 1472);
        assert_in_range(size_of(&pair.server), 1472 - 16, 1472);
        assert_true(belay_core_conn_is_connected(pair.server.conn));
        pair_dispose(&pair);
    }
}

/* After a fall it is what is tried first. */
static void a_hint_below_waits_for_the_fall(void **state)
{
    struct pair pair;
    struct belay_stats stats;

    (void)state;
    connect(&pair, true);
    for (unsigned i = 0; i < 8; i++)
        transfer(&pair, &pair.server, 1472);
    assert_int_equal(size_of(&pair.server), 1472);
    quote(&pair, &pair.server, 16, 1333);
    transfer(&pair, &pair.server, 1472);
    assert_int_equal(size_of(&pair.server), 1472); /* its word alone lowers nothing */
    for (unsigned i = 0; i < 8; i++)
        transfer(&pair, &pair.server, 1333);
    belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
    assert_int_equal(stats.mtu_black_holes, 1);
    assert_int_equal(size_of(&pair.server), 1333);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whom_it_is_about_takes_it),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(a_hint_is_the_next_probe),
        cmocka_unit_test(forged_hints_harm_nothing),
        cmocka_unit_test(a_hint_below_waits_for_the_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
