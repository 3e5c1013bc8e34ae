/* Credit: the deadlocks that whole messages and lost words about limits might bring. */
#include "sim/story.h"
#include "wire/frame.h"

#define MIB ((size_t)1 << 20)

/* Four messages that together pass the window, all begun at once: with plain byte credit each
 * would get its half, and none its end. */
static void four_halves(size_t message, uint64_t window, const char *words)
{
    struct belay_core_config config;

    belay_core_config_init(&config);
    config.message_size_max = (uint32_t)message;
    config.window_initial = config.window_max = window;
    config.send_queue_max = 5 * message;
    struct pair pair = pair_open(story_seed_first(), words, &config);
    for (unsigned i = 0; i < 4; i++)
        must(pair.sim, sim_send(pair.conn, i, BELAY_RELIABLE_ORDERED, message) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, 600 * SIM_S);
    must_be_in(pair.sim, belay_core_memory_peak_bytes(pair.server->core), message,
               window + message + 2 * MIB);
    pair_close(&pair);
}

static void four_half_messages(void **state)
{
    (void)state;
    four_halves(256 << 10, 512 << 10, "delay 10ms loss 5% reorder 20%");
    four_halves(256 << 10, (256 << 10) + 64, "delay 10ms loss 5%");
    four_halves(16 * MIB, 32 * MIB, "delay 5ms loss 1%");
}

/* ------------------------------------------------------------------ lost words */

static struct belay_core_config tiny(void)
{
    struct belay_core_config config;

    belay_core_config_init(&config);
    config.message_size_max = 2000;
    config.window_initial = config.window_max = 4128;
    config.window_messages = 16;
    return config;
}

static void lost_words(uint32_t kinds, uint64_t lost, size_t len)
{
    struct belay_core_config config = tiny();
    struct sim_series series = {.count = 200, .len = len, .channels = 2};
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    struct lose back = {.kinds = kinds, .last = lost - 1};

    sim_filter_set(pair.server, pair.client, lose_some, &back);
    sim_pump(pair.conn, sim_series, &series);
    must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
    must_be_in(pair.sim, back.lost, lost, lost);
    pair_close(&pair);
}

static void lost_max_data(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 7; lost += 2)
        lost_words(1u << SIM_MAX_DATA, lost, 1000);
}

static void lost_max_messages(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 7; lost += 2)
        lost_words(1u << SIM_MAX_MESSAGES, lost, 0);
}

/* And the words of who is blocked. */
static void lost_blocked(void **state)
{
    struct belay_core_config config = tiny();
    struct sim_series series = {.count = 100, .len = 1500};
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    struct lose blocked = {.kinds = 1u << SIM_DATA_BLOCKED | 1u << SIM_MESSAGES_BLOCKED,
                           .last = 2};

    (void)state;
    sim_filter_set(pair.client, pair.server, lose_some, &blocked);
    sim_pause(pair.conn->peer);
    sim_pump(pair.conn, sim_series, &series);
    sim_run_for(pair.sim, 15 * SIM_S);
    must_be_in(pair.sim, blocked.lost, 1, 3);
    sim_resume(pair.conn->peer);
    must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ both sides */

static void both_blocked_at_once(void **state)
{
    struct belay_core_config config = tiny();
    struct sim_series series = {.count = 150, .len = 1999, .channels = 3};

    (void)state;
    STORY_SEEDS(seed, 10)
    {
        struct pair pair =
            pair_open(seed, "delay 10ms 3ms loss 20% duplicate 3% reorder 10%", &config);
        sim_pause(pair.conn);
        sim_pause(pair.conn->peer);
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        sim_run_for(pair.sim, 8 * SIM_S);
        sim_resume(pair.conn);
        sim_run_for(pair.sim, 2 * SIM_S);
        sim_resume(pair.conn->peer);
        must_become(pair.sim, sim_is_settled, pair.conn, 300 * SIM_S);
        pair_close(&pair);
    }
}

/* ------------------------------------------------------------------ behind a gap */

/* Loses the first copies of message 0 of channel 0. */
static bool lose_first_message(void *ctx, const struct sim_packet *packet)
{
    unsigned *lost = ctx;
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why;
    size_t count;

    if (*lost == 12 || packet->type != 'D' ||
        belay_frames_parse(packet->frames, packet->frames_len, frames, &count, &why) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (frames[i].type >= BELAY_FRAME_MESSAGE && frames[i].message.channel == 0 &&
            frames[i].message.number == 0) {
            ++*lost;
            return true;
        }
    return false;
}

/* One sequence behind a gap may hold half of the window: another still gets through. */
static void stuck_sequence_leaves_room(void **state)
{
    struct belay_core_config config;
    unsigned lost = 0;

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 4000;
    config.window_initial = config.window_max = 32768;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    sim_filter_set(pair.client, pair.server, lose_first_message, &lost);
    for (unsigned i = 0; i < 100; i++)
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 1000) == 0);
    sim_run_for(pair.sim, 300 * SIM_MS);
    must_be_in(pair.sim, pair.conn->peer->delivered, 0, 0);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).buffered_bytes, 10000, 16384);
    for (unsigned i = 0; i < 3; i++)
        must(pair.sim, sim_send(pair.conn, 1, BELAY_RELIABLE_ORDERED, 1100) == 0);
    sim_run_for(pair.sim, 100 * SIM_MS);
    must_be_in(pair.sim, lost, 2, 11);
    must_be_in(pair.sim, pair.conn->peer->delivered, 3, 3);
    must_become(pair.sim, sim_is_settled, pair.conn, 30 * SIM_S);
    pair_close(&pair);
}

/* A window that is too small for the path grows while the app keeps up, to its maximum. */
static void window_is_tuned(void **state)
{
    struct belay_core_config config;
    struct sim_series series = {.count = 3000, .len = 1000};

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 8000;
    config.window_initial = 8064;
    config.window_max = 1 << 20;
    struct pair pair = pair_open(story_seed_first(), "delay 50ms", &config);
    sim_pump(pair.conn, sim_series, &series);
    must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
    must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_WINDOW_TUNED], 3, 10);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(four_half_messages), cmocka_unit_test(lost_max_data),
        cmocka_unit_test(lost_max_messages), cmocka_unit_test(lost_blocked),
        cmocka_unit_test(both_blocked_at_once), cmocka_unit_test(stuck_sequence_leaves_room),
        cmocka_unit_test(window_is_tuned))
