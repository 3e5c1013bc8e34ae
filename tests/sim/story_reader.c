/* Fast senders: to a reader that pauses, over a link that is slow or gone for a while. */
#include "sim/story.h"

static void reader_pauses_and_resumes(void **state)
{
    struct belay_core_config config;
    struct sim_series series = {.count = 400, .len = 3000, .channels = 2};

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 16384;
    config.window_initial = config.window_max = 65536;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 3%", &config);
        sim_pause(pair.conn->peer);
        sim_pump(pair.conn, sim_series, &series);
        sim_run_for(pair.sim, 5 * SIM_S);
        /* credit has stopped the sender, and nothing was dropped for it */
        must_be_in(pair.sim, sim_stats(pair.conn->peer).buffered_bytes, 20000, 65536);
        must_be_in(pair.sim, pair.conn->peer->delivered, 0, 0);
        must_be_in(pair.sim, sim_stats(pair.conn).credit_blocked, 1, UINT64_MAX);
        sim_resume(pair.conn->peer);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        pair_close(&pair);
    }
}

/* Pausing and resuming all the time, from inside of the events too. */
static void on_message_pause(struct sim_conn *conn, const struct belay_core_event *event);

static void resume_later(void *ctx)
{
    struct sim_conn *conn = ctx;
    if (conn->conn != NULL && conn->paused)
        sim_resume(conn);
}

static void on_message_pause(struct sim_conn *conn, const struct belay_core_event *event)
{
    if (event->type != BELAY_CORE_MESSAGE || conn->delivered % 7 != 0)
        return;
    sim_pause(conn);
    sim_at(conn->sim, conn->sim->now_ns + 3 * SIM_MS, resume_later, conn);
}

static void reader_stutters(void **state)
{
    struct sim_series series = {.count = 500, .len = 700, .channels = 5};

    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 5ms 1ms loss 2%", NULL);
        pair.server->on_event = on_message_pause;
        sim_pump(pair.conn, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        pair_close(&pair);
    }
}

/* The peer is gone while the reader is paused: what was acknowledged is still handed out, and
 * only then comes CLOSED. */
static void peer_ends_while_reader_is_paused(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    sim_pause(pair.conn->peer);
    for (unsigned i = 0; i < 10; i++)
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 3000) == 0);
    sim_run_for(pair.sim, SIM_S);
    must_be_in(pair.sim, pair.conn->out.reported, 10, 10);
    sim_abort(pair.conn, BELAY_CLOSE_APP, "gone");
    sim_run_for(pair.sim, 60 * SIM_S);
    must(pair.sim, !pair.conn->peer->closed && pair.conn->peer->delivered == 0);
    sim_resume(pair.conn->peer);
    must_become(pair.sim, sim_is_ended, pair.conn, SIM_S);
    must_be_in(pair.sim, pair.conn->peer->delivered, 10, 10);
    must(pair.sim, pair.conn->peer->error == BELAY_ERESET);
    sim_free(pair.sim);
}

/* 200 KB over 1 Mbit/s: 1.6 s at best; a queue of 20 packets is all that the link has. */
static void sender_faster_than_link(void **state)
{
    struct sim_series series = {.count = 200, .len = 1000};

    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 10ms rate 1mbit limit 20", NULL);
        uint64_t begin_ns = pair.sim->now_ns;
        sim_pump(pair.conn, sim_series, &series);
        must_become(pair.sim, sim_is_settled, pair.conn, 60 * SIM_S);
        must_be_in(pair.sim, pair.sim->now_ns - begin_ns, 1600 * SIM_MS, 4 * SIM_S);
        pair_close(&pair);
    }
}

static void set_down(struct pair *pair, bool down)
{
    sim_link_of(pair->client, pair->server)->down = down;
    sim_link_of(pair->server, pair->client)->down = down;
}

/* Twenty-five seconds of nothing; the PTO, at most 2 s, finds the link again within that. */
static void blackout_and_recovery(void **state)
{
    struct sim_series series = {.count = 300, .len = 1000};

    (void)state;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 20ms rate 10mbit", NULL);
        uint64_t back_ns;
        sim_pump(pair.conn, sim_series, &series);
        sim_pump(pair.conn->peer, sim_series, &series);
        sim_run_for(pair.sim, 100 * SIM_MS);
        set_down(&pair, true);
        sim_run_for(pair.sim, 25 * SIM_S);
        must(pair.sim, !pair.conn->closed && !pair.conn->peer->closed);
        set_down(&pair, false);
        back_ns = pair.sim->now_ns;
        must_become(pair.sim, sim_is_settled, pair.conn, 30 * SIM_S);
        must_be_in(pair.sim, pair.sim->now_ns - back_ns, 0, 3 * SIM_S);
        pair_close(&pair);
    }
}

/* A queue that was full is writable again at the low-water mark. */
static void queue_fills_and_drains(void **state)
{
    struct belay_core_config config;
    struct sim_series series = {.count = 2000, .len = 500};

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 10000;
    config.send_queue_max = 20000;
    STORY_SEEDS(seed, 3)
    {
        struct pair pair = pair_open(seed, "delay 10ms loss 1%", &config);
        sim_pump(pair.conn, sim_series, &series);
        must_be_in(pair.sim, belay_core_conn_queued_bytes(pair.conn->conn), 1, 20000);
        must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 500) == BELAY_EAGAIN);
        must_become(pair.sim, sim_is_settled, pair.conn, 120 * SIM_S);
        must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_WRITABLE], 10, UINT64_MAX);
        must_be_in(pair.sim, belay_core_conn_queued_bytes(pair.conn->conn), 0, 0);
        pair_close(&pair);
    }
}

STORIES(cmocka_unit_test(reader_pauses_and_resumes), cmocka_unit_test(reader_stutters),
        cmocka_unit_test(peer_ends_while_reader_is_paused),
        cmocka_unit_test(sender_faster_than_link), cmocka_unit_test(blackout_and_recovery),
        cmocka_unit_test(queue_fills_and_drains))
