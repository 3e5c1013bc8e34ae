/* Opening, closing, silence: the stages of a connection, and their timers. */
#include "conn/pair.h"

static uint64_t pto_ns(const struct pair_end *end)
{
    struct belay_stats stats;

    belay_core_conn_stats(end->conn, &stats, sizeof(stats));
    return stats.rtt_smoothed_ns +
           (4 * stats.rtt_variance_ns > MS ? 4 * stats.rtt_variance_ns : MS) +
           end->config.ack_delay_max_ns;
}

/* ------------------------------------------------------------------ the graceful close */

static void both_close_and_nothing_is_lost(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 3; first++) { /* the client, the server, both at once */
        struct pair pair;
        pair_begin(&pair, NULL);
        pair_send(&pair.client, 0, 30000, 1);
        pair_send(&pair.server, 0, 30000, 2);
        if (first != 1)
            assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
        if (first != 0)
            assert_int_equal(belay_core_conn_close(pair.server.conn), 0);
        pair_run(&pair, SECOND);
        assert_int_equal(pair_count(&pair.client, BELAY_CORE_CLOSED), first == 2);
        if (first == 0)
            assert_int_equal(belay_core_conn_close(pair.server.conn), 0);
        if (first == 1)
            assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
        pair_run(&pair, SECOND);
        for (unsigned i = 0; i < 2; i++) {
            struct pair_end *end = i ? &pair.client : &pair.server;
            assert_int_equal(pair_closed(end)->error, 0);
            assert_int_equal(pair_count(end, BELAY_CORE_MESSAGE), 1);
            assert_int_equal(pair_count(end, BELAY_CORE_EOF), 1);
            assert_int_equal(pair_find(end, BELAY_CORE_SENT)->error, 0);
        }
        pair_dispose(&pair);
    }
}

static void a_close_that_takes_too_long_says_so(void **state)
{
    struct pair pair;
    uint64_t start_ns;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 10, 1);
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    start_ns = pair.now_ns;
    while (pair_count(&pair.client, BELAY_CORE_CLOSED) == 0) {
        pair_exchange(&pair);
        pair_step(&pair, pair.now_ns + SECOND);
    }
    assert_int_equal(pair.now_ns - start_ns, pair.client.config.close_timeout_ns);
    assert_int_equal(pair_closed(&pair.client)->error, BELAY_ETIMEDOUT);
    assert_non_null(strstr(pair_closed(&pair.client)->reason, "the peer has not closed"));
    pair_exchange(&pair);
    assert_int_equal(pair_closed(&pair.server)->error, BELAY_ERESET);
    assert_int_equal(pair_closed(&pair.server)->close_code, BELAY_CLOSE_TIMEOUT);
    pair_dispose(&pair);
}

/* The last words of a peer that vanished: nothing is lost, so the end is clean. */
static void who_waits_for_its_fin_alone_ends_cleanly(void **state)
{
    struct pair pair;
    (void)state;
    pair_begin(&pair, NULL);
    pair_forge_hex(&pair, &pair.server, "08 00");
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    pair_run_silent(&pair, 9 * SECOND); /* before the close timeout */
    assert_int_equal(pair_closed(&pair.client)->error, 0);
    pair_dispose(&pair);
}

static void who_lingers_answers(void **state)
{
    struct pair pair;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count;
    (void)state;
    pair_begin(&pair, NULL);
    pair_forge_hex(&pair, &pair.server, "08 00");
    pair_collect(&pair);
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    pair_collect(&pair);
    pair_drop_all(&pair);
    /* An acknowledgement of the FIN: the client is done. */
    assert_true(pair.client.sent_number < 64);
    {
        uint8_t ack[] = {0x02, (uint8_t)pair.client.sent_number, 0, 0, 0};
        pair_forge(&pair, &pair.server, ack, sizeof(ack));
    }
    assert_int_equal(pair_closed(&pair.client)->error, 0);
    pair_collect(&pair);
    pair_drop_all(&pair);
    for (unsigned i = 0; i < 3; i++) { /* its FIN again: it did not hear our ACK */
        pair_forge_hex(&pair, &pair.server, "08 00");
        assert_int_equal(pair_collect(&pair), 1);
        pair_open(&pair, 0, frames, &count);
        assert_int_equal(count, 2);
        assert_int_equal(frames[0].type, BELAY_FRAME_ACK);
        assert_int_equal(frames[0].ack.largest, pair.server.sent_number);
        assert_int_equal(frames[1].type, BELAY_FRAME_CLOSE);
        assert_int_equal(frames[1].close.code, BELAY_CLOSE_NONE);
        pair_drop_all(&pair);
    }
    belay_core_conn_free(pair.client.conn);
    for (unsigned i = 0; i < 4; i++) { /* not for ever, however often it asks: 6 s and 10 */
        assert_int_equal(belay_core_conn_count(pair.client.core), 1);
        pair_forge_hex(&pair, &pair.server, "01");
        pair_run_silent(&pair, 4 * SECOND);
    }
    assert_int_equal(belay_core_conn_count(pair.client.core), 0);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ abort */

static void an_abort_is_repeated_and_then_over(void **state)
{
    struct pair pair;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    size_t count, sent = 0;
    uint64_t start_ns, pto, deadline_ns;
    (void)state;
    pair_begin(&pair, NULL);
    pair_send(&pair.client, 0, 5000, 1);
    pair_collect(&pair);
    pair_drop_all(&pair);
    start_ns = pair.now_ns;
    pto = pto_ns(&pair.client);
    belay_core_conn_abort(pair.client.conn, 0x123, "enough");
    pair_poll(&pair.client);
    assert_int_equal(pair_find(&pair.client, BELAY_CORE_SENT)->error, BELAY_ECLOSED);
    assert_int_equal(pair_closed(&pair.client)->error, BELAY_ECLOSED);
    while ((deadline_ns = belay_core_deadline(pair.client.core)) != BELAY_NEVER || sent == 0) {
        if (pair_collect_from(&pair.client) > 0) {
            assert_int_equal(pair.packet_count, 1);
            pair_open(&pair, 0, frames, &count);
            assert_int_equal(frames[count - 1].type, BELAY_FRAME_CLOSE);
            assert_int_equal(frames[count - 1].close.code, 0x123);
            assert_memory_equal(frames[count - 1].close.reason, "enough", 6);
            assert_int_equal(pair.now_ns, start_ns + sent * pto); /* 0, 1, 2 PTO */
            pair_drop_all(&pair);
            sent++;
        }
        deadline_ns = belay_core_deadline(pair.client.core);
        if (deadline_ns == BELAY_NEVER)
            break;
        assert_true(deadline_ns >= pair.now_ns);
        pair.now_ns = deadline_ns;
        belay_core_timeout(pair.client.core, pair.now_ns);
    }
    assert_int_equal(sent, 3);
    assert_int_equal(pair.now_ns, start_ns + 3 * pto);
    pair_dispose(&pair);
}

static void an_abort_answers_one_packet_a_pto(void **state)
{
    struct pair pair;
    uint64_t pto;
    (void)state;
    pair_begin(&pair, NULL);
    pto = pto_ns(&pair.client);
    belay_core_conn_abort(pair.client.conn, 0x123, "enough");
    assert_int_equal(pair_collect_from(&pair.client), 1);
    pair_forge_hex(&pair, &pair.server, "01");
    assert_int_equal(pair_collect_from(&pair.client), 0);
    pair_sleep(&pair, pto);
    pair_forge_hex(&pair, &pair.server, "01");
    assert_int_equal(pair_collect_from(&pair.client), 1);
    for (unsigned i = 0; i < 5; i++)
        pair_forge_hex(&pair, &pair.server, "01");
    assert_int_equal(pair_collect_from(&pair.client), 0);
    pair_dispose(&pair);
}

static void a_reason_and_a_code_of_any_size_can_be_told(void **state)
{
    const uint64_t most = (UINT64_C(1) << 62) - 1;
    /* NONE is the word of who is done, not of who aborts */
    const struct {
        uint64_t code, told;
    } rows[] = {{BELAY_CLOSE_NONE, BELAY_CLOSE_ABORTED},
                {0x100, 0x100},
                {most, most},
                {most + 1, most},
                {UINT64_MAX, most}};
    char reason[400];
    (void)state;
    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair;
        pair_begin(&pair, NULL);
        belay_core_conn_abort(pair.client.conn, rows[i].code, reason);
        pair_exchange(&pair);
        assert_int_equal(pair_closed(&pair.server)->error, BELAY_ERESET);
        assert_int_equal(pair_closed(&pair.server)->close_code, rows[i].told);
        assert_int_equal(strlen(pair_closed(&pair.server)->reason), 255);
        pair_dispose(&pair);
    }
}

/* ------------------------------------------------------------------ silence */

static void silence_is_noticed_in_time(void **state)
{
    struct pair pair;
    struct belay_core_config client, server;
    uint64_t last_ns;
    (void)state;
    pair_config(&client);
    server = client;
    client.idle_timeout_ns = 7 * SECOND;
    server.idle_timeout_ns = 5 * SECOND; /* the smaller counts for both */
    client.keepalive_ns = server.keepalive_ns = 0;
    pair_init_two(&pair, &client, &server);
    pair_connect(&pair);
    pair_run(&pair, 100 * MS);
    pair_forge_hex(&pair, &pair.server, "01");
    last_ns = pair.now_ns;
    while (pair_count(&pair.client, BELAY_CORE_CLOSED) == 0) {
        pair_collect(&pair);
        pair_drop_all(&pair);
        pair_step(&pair, pair.now_ns + SECOND);
    }
    assert_int_equal(pair.now_ns - last_ns, 5 * SECOND);
    assert_int_equal(pair_closed(&pair.client)->error, BELAY_ETIMEDOUT);
    pair_dispose(&pair);
}

static void one_side_pings(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    uint64_t client_before, server_before;
    (void)state;
    pair_config(&config);
    config.keepalive_ns = 10 * SECOND;
    pair_begin(&pair, &config);
    client_before = pair.client.sent_count;
    server_before = pair.server.sent_count;
    pair_run(&pair, 65 * SECOND);
    assert_int_equal(pair.client.sent_count - client_before, 6);
    assert_int_equal(pair.server.sent_count - server_before, 6); /* ACKs */
    assert_int_equal(pair.server.sent_frames[0], BELAY_FRAME_ACK);
    assert_int_equal(pair.server.event_count, 0);
    pair_dispose(&pair);
}

static void without_a_timeout_a_connection_waits_for_ever(void **state)
{
    struct pair pair;
    struct belay_core_config config;
    (void)state;
    pair_config(&config);
    config.keepalive_ns = config.idle_timeout_ns = 0;
    pair_begin(&pair, &config);
    pair_send(&pair.client, 0, 10, 1);
    pair_run_silent(&pair, 100000 * SECOND);
    assert_int_equal(pair.client.event_count, 0);
    pair_run(&pair, 10 * SECOND);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_MESSAGE), 1);
    pair_dispose(&pair);
}

/* ------------------------------------------------------------------ reset */

static void a_reset_ends_a_lingering_connection_for_good(void **state)
{
    struct pair pair;
    uint8_t packet[17] = {0xc5};
    (void)state;
    pair_begin(&pair, NULL);
    pair_server_token(&pair, packet + 1);
    belay_core_conn_abort(pair.client.conn, 0x100, "");
    pair_collect(&pair);
    pair_drop_all(&pair);
    assert_int_equal(pair_closed(&pair.client)->error, BELAY_ECLOSED);
    pair_receive(&pair, &pair.server, &pair.client, packet, sizeof(packet));
    pair_collect_from(&pair.client);
    /* It is dead, the app still holds it, and no timer turns for it. */
    assert_int_equal(belay_core_conn_count(pair.client.core), 1);
    assert_int_equal(belay_core_deadline(pair.client.core), BELAY_NEVER);
    belay_core_conn_free(pair.client.conn);
    assert_int_equal(belay_core_conn_count(pair.client.core), 0);
    pair_dispose(&pair);
}

/* It had been done, and forgot us: only the end of our FIN was missing. */
static void a_reset_ends_the_wait_for_the_fin(void **state)
{
    struct pair pair;
    uint8_t packet[17] = {0xc5};
    (void)state;
    pair_begin(&pair, NULL);
    pair_server_token(&pair, packet + 1);
    pair_forge_hex(&pair, &pair.server, "08 00");
    assert_int_equal(belay_core_conn_close(pair.client.conn), 0);
    pair_collect_from(&pair.client);
    pair_receive(&pair, &pair.server, &pair.client, packet, sizeof(packet));
    assert_int_equal(pair_closed(&pair.client)->error, 0);
    assert_int_equal(belay_core_deadline(pair.client.core), BELAY_NEVER);
    pair_dispose(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_close_and_nothing_is_lost),
        cmocka_unit_test(a_close_that_takes_too_long_says_so),
        cmocka_unit_test(who_waits_for_its_fin_alone_ends_cleanly),
        cmocka_unit_test(who_lingers_answers),
        cmocka_unit_test(an_abort_is_repeated_and_then_over),
        cmocka_unit_test(an_abort_answers_one_packet_a_pto),
        cmocka_unit_test(a_reason_and_a_code_of_any_size_can_be_told),
        cmocka_unit_test(silence_is_noticed_in_time),
        cmocka_unit_test(one_side_pings),
        cmocka_unit_test(without_a_timeout_a_connection_waits_for_ever),
        cmocka_unit_test(a_reset_ends_a_lingering_connection_for_good),
        cmocka_unit_test(a_reset_ends_the_wait_for_the_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
