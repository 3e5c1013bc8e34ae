/* What is said to an address that has proven nothing is less than what came from there, and
 * nobody answers an answer. */
#include "retryroom.h"

#include "conn/private.h"
#include "endpoint/private.h"

/* Whatever arrives for a half-open connection, and however long it waits. */
static void a_half_open_connection_sends_less_than_it_got(void **state)
{
    struct pair pair;
    uint64_t received = 0, sent = 0;

    (void)state;
    pair_init(&pair, NULL);
    dial_and_lose(&pair);
    for (unsigned i = 0; i < 200; i++) {
        if (i % 3 == 0) {
            pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
            received += pair.init_len;
        } else if (i % 3 == 1 && pair.accept_len > 0) { /* a DATA packet that does not open */
            uint8_t data[100] = {0xf1};

            memcpy(data + 1, pair.accept + 1 + 4 + 1 + 8 + 8, 8);
            pair_receive(&pair, &pair.client, &pair.server, data, sizeof(data));
        }
        pair_collect_from(&pair.server);
        for (size_t k = 0; k < pair.packet_count; k++) {
            assert_int_equal(type_of(&pair, k), 0xc1);
            sent += pair.packets[k].len;
        }
        pair_drop_all(&pair);
        assert_true(sent < received);
        pair_sleep(&pair, 49 * MS);
        pair_step(&pair, pair.now_ns);
    }
    assert_int_equal(pair_stats(&pair.server).half_open, 1);
    assert_int_equal(pair.server.event_count, 0);
    pair_dispose(&pair);
}

/* By counters, whatever there may be to send some day: here, ever more ACCEPTs. */
static void three_times_is_a_wall(void **state)
{
    struct pair pair;
    struct belay_connection *c;
    uint8_t buffer[2000];
    struct belay_train train = {.buffer = buffer, .capacity = sizeof(buffer)};
    uint64_t sent, size;

    (void)state;
    pair_init(&pair, NULL);
    pair_dial(&pair, true);
    client_to_server(&pair);
    sent = size = pair.packets[0].len;
    c = BELAY_CONTAINER(belay_list_first(&pair.server.core->half_open), struct belay_core_conn,
                        half_open)
            ->connection;
    for (uint64_t received = 1200; received <= 2 * 1200; received += 1200) {
        for (unsigned i = 0; i < 100; i++) {
            c->handshake->send_due = true;
            if (belay_connection_send(c, &train, pair.now_ns))
                sent += train.len;
            assert_int_equal(train.capacity, sizeof(buffer));
        }
        assert_true(sent <= 3 * received);
        assert_true(sent > 3 * received - size);
        pair_receive(&pair, &pair.client, &pair.server, pair.init, pair.init_len);
    }
    pair_exchange(&pair);
    assert_int_equal(pair_count(&pair.server, BELAY_CORE_ACCEPTED), 1);
    pair_send(&pair.server, 0, 100000, 1); /* who has confirmed is proven */
    pair_send(&pair.client, 0, 1, 1);
    pair_run(&pair, SECOND);
    pair_assert_message(pair_find(&pair.client, BELAY_CORE_MESSAGE), 0, 100000, 1);
    pair_dispose(&pair);
}

/* Every packet that one server can be made to say, said to another and to itself. */
static void nobody_answers_an_answer(void **state)
{
    enum { VERSIONS, REFUSE, RESET, RETRY, ACCEPT, CAUSES };
    static const uint8_t first_byte[CAUSES] = {0xc4, 0xc3, 0xc5, 0xc2, 0xc1};

    (void)state;
    for (unsigned cause = 0; cause < CAUSES; cause++) {
        struct pair pair;
        uint8_t packet[1200] = {0};
        size_t len = 1200;

        init_asking(&pair, cause == RETRY ? 0 : 64);
        belay_core_listen(pair.client.core, true);
        belay_core_listen(pair.server.core, cause != REFUSE);
        pair_dial(&pair, true);
        pair_collect_from(&pair.client);
        memcpy(packet, pair.init, 1200);
        if (cause == VERSIONS)
            packet[4] = 9;
        if (cause == RESET) {
            packet[0] = 0xf1;
            len = 100;
        }
        pair_drop_all(&pair);
        belay_core_conn_free(pair.client.conn); /* nobody here waits for it */
        pair_receive(&pair, &pair.client, &pair.server, packet, len);
        assert_int_equal(pair_collect(&pair), 1);
        assert_int_equal(type_of(&pair, 0), first_byte[cause]);
        assert_true(pair.packets[0].len < len);
        pair_receive(&pair, &pair.client, &pair.server, pair.packets[0].data,
                     pair.packets[0].len); /* its own comes back */
        pair_deliver(&pair, 0);
        assert_int_equal(pair_collect(&pair), 0);
        pair_dispose(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_half_open_connection_sends_less_than_it_got),
        cmocka_unit_test(three_times_is_a_wall),
        cmocka_unit_test(nobody_answers_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
