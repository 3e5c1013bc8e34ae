/* Ends without grace: abort and free, in every state and inside of every event. */
#include "sim/story.h"

enum stage { DIALING, OPEN, SENDING, CLOSING, STAGES };

static void bring_to(struct pair *pair, enum stage stage)
{
    pair_connect(pair);
    if (stage == DIALING) {
        must(pair->sim, sim_send(pair->conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
        sim_run_for(pair->sim, 5 * SIM_MS);
        return;
    }
    pair_wait_open(pair);
    if (stage >= SENDING) {
        for (unsigned i = 0; i < 50; i++)
            must(pair->sim, sim_send(pair->conn, 0, BELAY_RELIABLE_ORDERED, 3000) == 0);
        sim_run_for(pair->sim, 25 * SIM_MS);
    }
    if (stage == CLOSING)
        must(pair->sim, sim_close(pair->conn) == 0);
}

static void abort_in_every_state(void **state)
{
    (void)state;
    for (enum stage stage = DIALING; stage < STAGES; stage++) {
        struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
        bring_to(&pair, stage);
        sim_abort(pair.conn, BELAY_CLOSE_APP + 7, "enough of this");
        must_become(pair.sim, sim_is_closed, pair.conn, SIM_S);
        must(pair.sim, pair.conn->error == BELAY_ECLOSED);
        must_be_in(pair.sim, pair.conn->close_code, BELAY_CLOSE_APP + 7, BELAY_CLOSE_APP + 7);
        if (stage == DIALING) {
            sim_run_for(pair.sim, 20 * SIM_S);
            must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_ACCEPTED], 0, 0);
        } else {
            must_become(pair.sim, sim_is_ended, pair.conn, SIM_S);
            must(pair.sim, pair.conn->peer->error == BELAY_ERESET);
            must_be_in(pair.sim, pair.conn->peer->close_code, BELAY_CLOSE_APP + 7,
                       BELAY_CLOSE_APP + 7);
            must(pair.sim, strcmp(pair.conn->peer->reason, "enough of this") == 0);
        }
        sim_free(pair.sim);
    }
}

/* The first CLOSE is lost: it is repeated, and on demand. */
static void abort_with_lost_close(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 2; lost++) {
        struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
        struct lose lose = {.kinds = 1u << SIM_CLOSE, .last = lost - 1};
        sim_filter_set(pair.client, pair.server, lose_some, &lose);
        sim_run_for(pair.sim, SIM_S);
        sim_abort(pair.conn, BELAY_CLOSE_APP, NULL);
        must_become(pair.sim, sim_is_ended, pair.conn, 2 * SIM_S);
        must(pair.sim, pair.conn->peer->error == BELAY_ERESET);
        must(pair.sim, pair.conn->peer->reason != NULL);
        sim_free(pair.sim);
    }
}

/* 300 bytes of reason: cut at 255, on both sides. */
static void long_reason_is_cut(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    char reason[301];

    (void)state;
    memset(reason, 'x', 300);
    reason[300] = '\0';
    sim_abort(pair.conn, BELAY_CLOSE_APP, reason);
    must_become(pair.sim, sim_is_ended, pair.conn, SIM_S);
    must_be_in(pair.sim, strlen(pair.conn->peer->reason), 255, 255);
    sim_free(pair.sim);
}

static void both_abort_at_once(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    sim_abort(pair.conn, BELAY_CLOSE_APP, "a");
    sim_abort(pair.conn->peer, BELAY_CLOSE_APP, "b");
    must_become(pair.sim, sim_is_ended, pair.conn, SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ECLOSED);
    must(pair.sim, pair.conn->peer->error == BELAY_ECLOSED);
    sim_free(pair.sim);
}

/* ------------------------------------------------------------------ free */

static void must_be_forgotten(struct pair *pair)
{
    sim_run_for(pair->sim, 30 * SIM_S);
    must_be_in(pair->sim, belay_core_conn_count(pair->client->core), 0, 0);
}

static void free_in_every_state(void **state)
{
    (void)state;
    for (enum stage stage = DIALING; stage < STAGES; stage++)
        for (unsigned side = 0; side < (stage == DIALING ? 1 : 2); side++) {
            struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
            struct sim_conn *freed, *other;
            bring_to(&pair, stage);
            freed = side == 0 ? pair.conn : pair.conn->peer;
            other = freed->peer;
            sim_conn_free(freed);
            must(pair.sim, belay_core_next_conn(freed->host->core, NULL) == NULL);
            if (other != NULL) {
                must_become(pair.sim, sim_is_closed, other, 2 * SIM_S);
                must(pair.sim, other->error == BELAY_ERESET);
                must_be_in(pair.sim, other->close_code, BELAY_CLOSE_ABORTED,
                           BELAY_CLOSE_ABORTED);
                sim_conn_free(other);
            }
            must_be_forgotten(&pair);
            sim_free(pair.sim);
        }
}

/* Frees the connection inside of its n-th event, whatever that is. */
struct killer {
    unsigned left;
    bool done;
};

static void on_event_free(struct sim_conn *conn, const struct belay_core_event *event)
{
    struct killer *killer = conn->host->ctx;
    (void)event;
    if (killer->done || killer->left-- > 0)
        return;
    killer->done = true;
    sim_conn_free(conn);
}

static void on_connected_send(struct sim_conn *conn, const struct belay_core_event *event)
{
    if (event->type == BELAY_CORE_CONNECTED || event->type == BELAY_CORE_ACCEPTED) {
        for (unsigned i = 0; i < 4; i++)
            sim_send(conn, i % 2, BELAY_RELIABLE_ORDERED, 400 * i);
        sim_close(conn);
    }
}

static void kill_at(unsigned n, bool client_side, bool *reached)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct killer killer = {.left = n};
    struct sim_host *victim = client_side ? pair.client : pair.server;
    struct sim_host *other = client_side ? pair.server : pair.client;

    victim->ctx = &killer;
    victim->on_event = on_event_free;
    other->on_event = on_connected_send;
    pair_connect(&pair);
    for (unsigned i = 0; i < 3; i++)
        sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 500);
    sim_close(pair.conn);
    sim_run_for(pair.sim, 60 * SIM_S);
    *reached = killer.done;
    for (size_t i = 0; i < pair.sim->conn_count; i++)
        if (pair.sim->conns[i]->conn != NULL) {
            must(pair.sim, pair.sim->conns[i]->closed);
            sim_conn_free(pair.sim->conns[i]);
        }
    must_be_forgotten(&pair);
    sim_free(pair.sim);
}

static void free_inside_every_event(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        bool reached = true;
        unsigned n = 0;
        for (; reached; n++)
            kill_at(n, side == 0, &reached);
        assert_in_range(n, 6, 100);
    }
}

STORIES(cmocka_unit_test(abort_in_every_state), cmocka_unit_test(abort_with_lost_close),
        cmocka_unit_test(long_reason_is_cut), cmocka_unit_test(both_abort_at_once),
        cmocka_unit_test(free_in_every_state), cmocka_unit_test(free_inside_every_event))
