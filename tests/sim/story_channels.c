/* Channels do not wait for each other, and nobody waits for ever. */
#include "sim/story.h"
#include "wire/frame.h"

/* ------------------------------------------------------------------ one is stuck */

struct jam {
    uint32_t channel;
    uint64_t copies; /* to be lost */
    uint64_t lost;
};

/* Loses the first packets that carry anything of that channel. */
static bool jam_channel(void *ctx, const struct sim_packet *packet)
{
    struct jam *jam = ctx;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why;
    size_t count;

    if (jam->lost == jam->copies || packet->type != 'D' ||
        belay_frames_parse(packet->frames, packet->frames_len, frames, &count, &why) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (frames[i].type >= BELAY_FRAME_MESSAGE &&
            frames[i].message.channel == jam->channel) {
            jam->lost++;
            return true;
        }
    return false;
}

/* A large message is lost again and again; messages of a packet's size on other channels, one
 * every 10 ms, do not mind. */
static void one_stuck_while_others_flow(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 10ms", NULL);
        struct jam jam = {.channel = 3, .copies = 8};
        uint64_t stuck = 0;
        sim_filter_set(pair.client, pair.server, jam_channel, &jam);
        for (unsigned i = 0; i < 200; i++) {
            if (i == 10)
                must(pair.sim, sim_send(pair.conn, 3, BELAY_RELIABLE_ORDERED, 1100) == 0);
            must(pair.sim, sim_send(pair.conn, 4 + i % 4, BELAY_RELIABLE_ORDERED, 1100) == 0);
            sim_run_for(pair.sim, 10 * SIM_MS);
            stuck += i >= 10 && !pair.conn->out.messages[10].delivered;
            must_be_in(pair.sim, pair.conn->peer->delivered, i > 20 ? i - 20 : 0, i + 2);
        }
        must_be_in(pair.sim, jam.lost, 8, 8);
        must_be_in(pair.sim, stuck, 20, 100);
        must_become(pair.sim, sim_is_settled, pair.conn, 20 * SIM_S);
        pair_close(&pair);
    }
}

/* A gap in one ordered channel holds back what follows in it, and nothing else. */
static void gap_holds_back_its_own_channel_only(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    struct jam jam = {.channel = 1, .copies = 1};

    (void)state;
    sim_run_for(pair.sim, SIM_S);
    sim_filter_set(pair.client, pair.server, jam_channel, &jam);
    must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 10) == 0);
    sim_run_for(pair.sim, SIM_MS);
    must_be_in(pair.sim, jam.lost, 1, 1);
    for (unsigned i = 0; i < 10; i++) {
        must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 10) == 0);
        must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_UNORDERED, 10) == 0);
        must(pair.sim, sim_send(pair.conn, 2, BELAY_RELIABLE_ORDERED, 10) == 0);
    }
    sim_run_for(pair.sim, 10 * SIM_MS);
    must_be_in(pair.sim, pair.conn->peer->delivered, 20, 20);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    pair_close(&pair);
}

static void all_of_256(void **state)
{
    struct sim_series series = {.count = 2560, .len = 100, .channels = 256};

    (void)state;
    STORY_SEEDS(seed, 2)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 5% reorder 10%", NULL);
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        pair_close(&pair);
    }
}

static void the_last_of_65536(void **state)
{
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.channels_max = 65536;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    must(pair.sim, sim_send(pair.conn, 65535, BELAY_RELIABLE_ORDERED, 5000) == 0);
    must(pair.sim, sim_send(pair.conn, 65535, BELAY_RELIABLE_UNORDERED, 0) == 0);
    must(pair.sim, sim_send(pair.conn, 15, BELAY_RELIABLE_UNORDERED, 1) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    pair_close(&pair);
}

/* A large message leaves room for small ones of other channels. */
static void large_and_small_share_the_link(void **state)
{
    struct belay_core_config config;

    (void)state;
    belay_core_config_init(&config);
    config.datagram_size_max = 1472; /* the link counts packets, not bytes */
    struct pair pair =
        pair_open(story_seed_first(), "delay 10ms rate 10mbit limit 60", &config);
    uint64_t begin_ns = pair.sim->now_ns;

    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 4 << 20) == 0);
    sim_run_for(pair.sim, 500 * SIM_MS);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t sent_ns = pair.sim->now_ns;
        must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 100) == 0);
        while (pair.conn->peer->delivered < i + 1)
            must(pair.sim, sim_step(pair.sim) && pair.sim->now_ns - sent_ns < 500 * SIM_MS);
    }
    must(pair.sim, pair.sim->now_ns - begin_ns < 3200 * SIM_MS); /* before the large one */
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(one_stuck_while_others_flow),
        cmocka_unit_test(gap_holds_back_its_own_channel_only), cmocka_unit_test(all_of_256),
        cmocka_unit_test(the_last_of_65536), cmocka_unit_test(large_and_small_share_the_link))
