/* Numbers that pass each place where fewer bits would wrap. */
#include "sim/story.h"

static void passes(uint64_t packet, uint64_t message, const char *words)
{
    struct belay_core_config config;
    struct sim_series series = {.count = 300, .len = 400, .channels = 2};

    belay_core_config_init(&config);
    config.first_packet_number = packet;
    config.first_message_number = message;
    struct pair pair = pair_open(story_seed_first(), words, &config);
    sim_pump(pair.conn, sim_series, &series);
    sim_pump(pair.conn->peer, sim_series, &series);
    for (unsigned i = 0; i < 20; i++) {
        must(pair.sim, sim_send(pair.conn, 5, BELAY_RELIABLE_UNORDERED, 3000) == 0);
        must(pair.sim, sim_send(pair.conn->peer, 5, BELAY_RELIABLE_UNORDERED, i) == 0);
    }
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    pair_close(&pair);
}

static void packet_and_message_numbers(void **state)
{
    static const unsigned bits[] = {7, 8, 14, 15, 16, 24, 30, 31, 32, 40};
    static const char *const links[] = {"delay 10ms", "delay 20ms 10ms loss 10% reorder 25%"};

    (void)state;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        for (size_t k = 0; k < 2; k++) {
            uint64_t wrap = UINT64_C(1) << bits[i];
            passes(wrap - 50, wrap - 100, links[k]);
            passes(wrap - 1, wrap - 1, links[k]);
        }
}

/* Long enough that a packet number of 2 bytes comes around, and of messages 2^16. */
static void many_messages(void **state)
{
    struct sim_series series = {.count = 70000, .len = 3};

    (void)state;
    struct pair pair = pair_open(story_seed_first(), "delay 2ms loss 2%", NULL);
    sim_pump(pair.conn, sim_series, &series);
    must_become(pair.sim, sim_is_settled, pair.conn, 600 * SIM_S);
    pair_close(&pair);
}

static void many_packets(void **state)
{
    struct belay_core_config config;
    struct sim_series series = {.count = 70000, .len = 1100};

    (void)state;
    belay_core_config_init(&config);
    config.ranges_max = 64;
    config.datagram_size_max = config.datagram_size;
    struct pair pair =
        pair_open(story_seed_first(), "delay 1ms rate 200mbit limit 200", &config);
    sim_pump(pair.conn, sim_series, &series);
    must_become(pair.sim, sim_is_settled, pair.conn, 600 * SIM_S);
    must_be_in(pair.sim, sim_stats(pair.conn).packets_sent, 65537, UINT64_MAX);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(packet_and_message_numbers), cmocka_unit_test(many_messages),
        cmocka_unit_test(many_packets))
