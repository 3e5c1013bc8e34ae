/* Packets out: what they hold, how large they are, what trains they make. */
#include "conn/pair.h"

static void a_small_message_costs_32_bytes_at_most(void **state)
{
    struct pair pair;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 100, 1);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    assert_true(pair.packets[0].len <= 132);
    pair_deliver(&pair, 0);
    pair_assert_message(&pair.server.events[0], 0, 100, 1);
    pair_dispose(&pair);
}

/* header (C, 2 number bytes) 11, tag 16, MESSAGE 5: what is left of 1200 is one message. */
#define EXACT (1200 - 11 - 16 - 5)

static void a_message_fills_its_packet_exactly(void **state)
{
    static const struct {
        size_t len;
        size_t packets;
        enum belay_frame_type type; /* of the first packet's only frame */
    } rows[] = {
        {EXACT - 5, 1, BELAY_FRAME_MESSAGE},  {EXACT - 4, 1, BELAY_FRAME_MESSAGE},
        {EXACT - 1, 1, BELAY_FRAME_MESSAGE},  {EXACT, 1, BELAY_FRAME_MESSAGE},
        {EXACT + 1, 2, BELAY_FRAME_FRAGMENT}, {3 * EXACT, 4, BELAY_FRAME_FRAGMENT},
        {0, 1, BELAY_FRAME_MESSAGE},          {1, 1, BELAY_FRAME_MESSAGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        struct belay_frame frames[BELAY_FRAMES_MAX];
        size_t count;
        pair_begin(&pair, NULL);
        pair_send(&pair.client, 3, rows[i].len, (unsigned)i);
        assert_int_equal(pair_collect_from(&pair.client), rows[i].packets);
        pair_open(&pair, 0, frames, &count);
        assert_int_equal(count, 1);
        assert_int_equal(frames[0].type, rows[i].type);
        if (rows[i].len >= EXACT)
            assert_int_equal(pair.packets[0].len, 1200);
        pair_exchange(&pair);
        pair_assert_message(&pair.server.events[0], 3, rows[i].len, (unsigned)i);
        pair_dispose(&pair);
    }
}

static void many_small_messages_are_one_run(void **state)
{
    struct pair pair;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count;
    (void)state;
    pair_begin(&pair, NULL);
    for (unsigned i = 0; i < 200; i++)
        pair_send(&pair.client, 0, i % 4, i);
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair_open(&pair, 0, frames, &count);
    assert_int_equal(count, 1);
    assert_int_equal(frames[0].type, BELAY_FRAME_RUN);
    assert_int_equal(frames[0].message.count, 200);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 200);
    for (unsigned i = 0; i < 200; i++)
        pair_assert_message(&pair.server.events[i], 0, i % 4, i);
    pair_dispose(&pair);
}

/* A few bytes on more channels than a packet may have frames; the sizes fall from packet to
 * packet, so that a train would be padded. */
static void a_packet_has_no_more_than_64_frames(void **state)
{
    struct pair pair;
    (void)state;
    pair_begin(&pair, NULL);
    for (unsigned channel = 0; channel < 250; channel++)
        pair_send(&pair.client, channel, 10 - channel / 60, channel);
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 250);
    pair_dispose(&pair);
}

static void trains_have_segments_of_one_size(void **state)
{
    static const size_t lens[] = {1, 100, 1168, 1169, 1500, 5000, 100000, 500000};
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct pair pair;
        struct belay_core_config config;
        size_t count = 600000 / lens[i] < 1000 ? 600000 / lens[i] : 1000;
        pair_config(&config);
        config.window_initial = 2 << 20;
        pair_begin(&pair, &config);
        for (size_t k = 0; k < count; k++)
            pair_send(&pair.client, (uint32_t)k % 3, lens[i], (unsigned)k);
        pair_run(&pair, 10 * SECOND); /* add_train checks each */
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), count);
        if (lens[i] >= 5000)
            assert_true(pair.train_segments_max > 8);
        pair_dispose(&pair);
    }
}

static void a_train_stays_within_its_buffer(void **state)
{
    struct pair pair;
    uint8_t buffer[3000];
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 100000, 1);
    assert_int_equal(belay_core_send(pair.client.core, &train, pair.now_ns), 1);
    assert_int_equal(train.segment_size, 1200);
    assert_int_equal(train.len, 2400);
    train.capacity = 1199; /* less than a datagram: nothing can be sent */
    assert_int_equal(belay_core_send(pair.client.core, &train, pair.now_ns), 0);
    pair_dispose(&pair);
}

static void datagrams_are_as_large_as_both_take(void **state)
{
    static const uint32_t sizes[][2] = {{9000, 1500}, {1200, 65507}, {65507, 65507}};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct pair pair;
        struct belay_core_config client, server;
        struct belay_stats stats;
        pair_config(&client);
        server = client;
        client.datagram_size = sizes[i][0];
        server.datagram_size = sizes[i][1];
        pair_init_two(&pair, &client, &server);
        pair_connect(&pair);
        belay_core_conn_stats(pair.client.conn, &stats, sizeof(stats));
        assert_int_equal(stats.datagram_size,
                         sizes[i][0] < sizes[i][1] ? sizes[i][0] : sizes[i][1]);
        for (unsigned k = 0; k < 20; k++) {
            pair_send(&pair.client, k % 3, 50000 * k, k);
            pair_send(&pair.server, k % 3, 777 * k, k);
        }
        for (unsigned k = 0; k < 400; k++) {
            pair_collect(&pair);
            while (pair.packet_count > 0) {
                assert_true(pair.packets[0].len <= stats.datagram_size);
                pair_deliver(&pair, 0);
            }
            pair_step(&pair, pair.now_ns + 50 * MS);
        }
        assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 20);
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_MESSAGE), 20);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ losses */

static void what_is_lost_is_cut_anew(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    (void)state;
    pair_config(&config);
    pair_begin(&pair, &config);
    pair_send(&pair.client, 0, 6000, 1);
    pair_send(&pair.client, 1, 10, 2);
    assert_int_equal(pair_collect_from(&pair.client), 6);
    pair_drop(&pair, 4);
    pair_drop(&pair, 2);
    pair_drop(&pair, 0);
    for (unsigned i = 3; i < 30; i++) /* more, that shares packets with the repeats */
        pair_send(&pair.client, 1, 300, i);
    pair_run(&pair, 5 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 29);
    for (size_t i = 0; i < pair.server.event_count; i++)
        if (pair.server.events[i].channel == 0)
            pair_assert_message(&pair.server.events[i], 0, 6000, 1);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_SENT), 29);
    pair_dispose(&pair);
}

/* Every packet of a short transfer lost in turn, and every pair of neighbours. */
static void any_packet_may_be_lost(void **state)
{
    (void)state;
    for (size_t lost = 0; lost < 40; lost++) {
        for (size_t width = 1; width <= 2; width++) {
            struct pair pair;
            size_t seen = 0;
            pair_init(&pair, NULL);
            pair_dial(&pair, lost % 2 == 0);
            pair_send(&pair.client, 0, 4000, 1);
            pair_send_mode(&pair.client, 1, BELAY_RELIABLE_UNORDERED, 20, 2);
            assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
            for (uint64_t end_ns = pair.now_ns + 30 * SECOND; pair.now_ns < end_ns;) {
                pair_collect(&pair);
                while (pair.packet_count > 0) {
                    if (seen >= lost && seen < lost + width)
                        pair_drop(&pair, 0);
                    else
                        pair_deliver(&pair, 0);
                    seen++;
                }
                if (pair.server.conn != NULL && pair_count(&pair.server, BELAY_CORE_EOF))
                    belay_core_conn_close(pair.server.conn);
                if (pair_collect(&pair) == 0)
                    pair_step(&pair, end_ns);
            }
            assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 2);
            assert_int_equal(pair_find(&pair.client, BELAY_CORE_CLOSED)->error, 0);
            assert_int_equal(pair_find(&pair.server, BELAY_CORE_CLOSED)->error, 0);
            pair_dispose(&pair);
        }
    }
}

static void probes_repeat_what_waits_longest(void **state)
{
    struct pair pair;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    struct belay_stats stats;
    size_t count;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 50, 1);
    pair_collect(&pair);
    pair_drop_all(&pair);
    pair_step(&pair, pair.now_ns + 10 * SECOND); /* the PTO */
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair_open(&pair, 0, frames, &count);
    assert_int_equal(frames[count - 1].type, BELAY_FRAME_MESSAGE);
    pair_drop_all(&pair);
    pair_step(&pair, pair.now_ns + 10 * SECOND);
    assert_int_equal(pair_collect_from(&pair.client), 2); /* from the second on, two */
    pair_drop_all(&pair);
    belay_core_conn_stats(pair.client.conn, &stats, sizeof(stats));
    assert_int_equal(stats.probe_timeouts, 2);
    pair_run(&pair, 10 * SECOND);
    pair_assert_message(&pair.server.events[0], 0, 50, 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ credit */

static void a_lost_limit_is_said_again(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    (void)state;
    pair_config(&config);
    config.message_size_max = 10000;
    config.window_initial = config.window_max = 10064; /* one message at a time */
    pair_begin(&pair, &config);
    for (unsigned i = 0; i < 20; i++)
        pair_send(&pair.client, 0, 10000, i);
    for (unsigned turn = 0; turn < 400; turn++) { /* every third of the server's is lost */
        pair_collect(&pair);
        for (unsigned k = 0; pair.packet_count > 0; k++) {
            if (pair.packets[0].from == &pair.server && (turn + k) % 3 == 0)
                pair_drop(&pair, 0);
            else
                pair_deliver(&pair, 0);
        }
        if (pair_collect(&pair) == 0)
            pair_step(&pair, pair.now_ns + 2 * SECOND);
    }
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 20);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_SENT), 20);
    pair_dispose(&pair);
}

static void who_is_stopped_asks_and_is_not_forgotten(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    struct belay_stats stats;
    (void)state;
    pair_config(&config);
    config.message_size_max = 1000;
    config.window_initial = config.window_max = 4000;
    config.idle_timeout_ns = 0;
    pair_begin(&pair, &config);
    belay_core_conn_pause(pair.server.conn);
    for (unsigned i = 0; i < 50; i++)
        pair_send(&pair.client, i % 2, 1000, i);
    pair_run(&pair, 3600 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 0);
    belay_core_conn_stats(pair.client.conn, &stats, sizeof(stats));
    assert_true(stats.packets_sent < 5000); /* an hour of asking, not more than each 2 s */
    belay_core_conn_resume(pair.server.conn);
    pair_run(&pair, 10 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 50);
    pair_dispose(&pair);
}

static void message_numbers_have_a_window_too(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    (void)state;
    pair_config(&config);
    config.window_messages = 16;
    pair_begin(&pair, &config);
    for (unsigned i = 0; i < 500; i++)
        pair_send_mode(&pair.client, i % 3, i % 2, 3, i);
    pair_run(&pair, 60 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 500);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_CLOSED), 0);
    pair_dispose(&pair);
}

/* Nothing of the server arrives for a while; and then, now and again, nothing of the client. */
static void who_lacks_numbers_asks(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    uint64_t mute_until_ns;
    bool asked = false;
    (void)state;
    pair_config(&config);
    config.window_messages = 16;
    pair_begin(&pair, &config);
    for (unsigned i = 0; i < 90; i++)
        pair_send_mode(&pair.client, 0, i % 2, 30, i);
    mute_until_ns = pair.now_ns + 3 * SECOND;
    for (unsigned turn = 0; turn < 1000; turn++) {
        pair_collect(&pair);
        for (size_t i = 0; pair.packet_count > 0; i++) {
            struct belay_frame frames[BELAY_FRAMES_MAX];
            size_t count;
            pair_open(&pair, 0, frames, &count);
            for (size_t k = 0; k < count; k++)
                asked |= frames[k].type == BELAY_FRAME_MESSAGES_BLOCKED;
            if (pair.packets[0].from == &pair.server ? pair.now_ns < mute_until_ns
                                                     : (turn + i) % 4 == 3)
                pair_drop(&pair, 0);
            else
                pair_deliver(&pair, 0);
        }
        if (pair_collect(&pair) == 0)
            pair_step(&pair, pair.now_ns + SECOND);
    }
    assert_true(asked);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 90);
    assert_int_equal(pair_count(&pair.client, BELAY_CORE_SENT), 90);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ a pure receiver */

static void a_pure_receiver_asks_for_confirmation(void **state)
{
    struct pair pair;
    struct belay_stats stats;
    (void)state;
    pair_begin(&pair, NULL);
    for (unsigned i = 0; i < 400; i++) {
        pair_send(&pair.client, 0, 1000, i);
        pair_run(&pair, 10 * MS);
        if (i % 40 == 20) { /* a hole each now and then */
            pair_send(&pair.client, 0, 1000, i);
            pair_collect(&pair);
            pair_drop_all(&pair);
        }
    }
    pair_run(&pair, SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 410);
    /* The last ACK repeats no old holes: ten of them would be there. */
    pair_send(&pair.client, 0, 10, 0);
    pair_send(&pair.client, 0, 10, 0);
    pair_run(&pair, SECOND);
    assert_true(pair.server.sent_frames_len < 20);
    belay_core_conn_stats(pair.server.conn, &stats, sizeof(stats));
    assert_true(stats.packets_sent < 800);
    pair_dispose(&pair);
}

static void two_idle_sides_fall_silent(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    uint64_t before;
    (void)state;
    pair_config(&config);
    config.keepalive_ns = 0;
    config.idle_timeout_ns = 0;
    pair_begin(&pair, &config);
    for (unsigned i = 0; i < 50; i++) {
        pair_send(&pair.client, 0, 10, i);
        pair_send(&pair.server, 0, 10, i);
        pair_run(&pair, 7 * MS);
    }
    pair_run(&pair, 10 * SECOND);
    before = pair.client.sent_count + pair.server.sent_count;
    pair_run(&pair, 1000 * SECOND);
    assert_int_equal(pair.client.sent_count + pair.server.sent_count, before);
    assert_int_equal(pair_deadline(&pair), BELAY_NEVER);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_message_costs_32_bytes_at_most),
        cmocka_unit_test(a_message_fills_its_packet_exactly),
        cmocka_unit_test(many_small_messages_are_one_run),
        cmocka_unit_test(a_packet_has_no_more_than_64_frames),
        cmocka_unit_test(trains_have_segments_of_one_size),
        cmocka_unit_test(a_train_stays_within_its_buffer),
        cmocka_unit_test(datagrams_are_as_large_as_both_take),
        cmocka_unit_test(what_is_lost_is_cut_anew),
        cmocka_unit_test(any_packet_may_be_lost),
        cmocka_unit_test(probes_repeat_what_waits_longest),
        cmocka_unit_test(a_lost_limit_is_said_again),
        cmocka_unit_test(who_is_stopped_asks_and_is_not_forgotten),
        cmocka_unit_test(message_numbers_have_a_window_too),
        cmocka_unit_test(who_lacks_numbers_asks),
        cmocka_unit_test(a_pure_receiver_asks_for_confirmation),
        cmocka_unit_test(two_idle_sides_fall_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
