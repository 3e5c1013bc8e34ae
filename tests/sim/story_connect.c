/* Opening a connection: what it costs, when, and that no lost packet prevents it. */
#include "sim/story.h"

#define WAY (10 * SIM_MS) /* of the clean link here, one way */

static uint64_t packets_on_the_way(const struct pair *pair)
{
    return sim_link_of(pair->client, pair->server)->packets +
           sim_link_of(pair->server, pair->client)->packets;
}

static uint64_t packets_at_accept;

static void on_accepted(struct sim_conn *conn, const struct belay_core_event *event)
{
    struct pair *pair = conn->host->ctx;
    if (event->type == BELAY_CORE_ACCEPTED)
        packets_at_accept = packets_on_the_way(pair);
}

/* INIT, ACCEPT, and the client's first packet under the new keys. */
static void takes_three_datagrams(void **state)
{
    (void)state;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    pair.server->on_event = on_accepted;
    pair.server->ctx = &pair;
    pair_connect(&pair);
    pair_wait_open(&pair);
    must_be_in(pair.sim, packets_at_accept, 3, 3);
    must_be_in(pair.sim, pair.conn->opened_ns, 2 * WAY, 2 * WAY);
    must_be_in(pair.sim, pair.conn->peer->opened_ns, 3 * WAY, 3 * WAY);
    pair_close(&pair);
}

/* What the client sends at once rides in that third datagram. */
static void first_message_arrives_with_it(void **state)
{
    (void)state;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    pair_connect(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
    must_become(pair.sim, sim_is_delivered, pair.conn, SIM_S);
    must_be_in(pair.sim, pair.sim->now_ns, 3 * WAY, 3 * WAY);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ lost handshakes */

static void lost_in_handshake(void **state)
{
    static const struct {
        char type;
        bool to_server;
        uint64_t lost;       /* so many, from the first */
        uint64_t opened_max; /* at the client */
        uint64_t accepted_max;
    } rows[] = {
        {'I', true, 1, 50 * SIM_MS + 2 * WAY, 50 * SIM_MS + 3 * WAY},
        {'I', true, 2, 100 * SIM_MS + 2 * WAY, 100 * SIM_MS + 3 * WAY},
        {'I', true, 3, 150 * SIM_MS + 2 * WAY, 150 * SIM_MS + 3 * WAY},
        {'I', true, 8, 950 * SIM_MS + 2 * WAY, 950 * SIM_MS + 3 * WAY},
        {'A', false, 1, 50 * SIM_MS + 2 * WAY, 50 * SIM_MS + 3 * WAY},
        {'A', false, 2, 100 * SIM_MS + 2 * WAY, 100 * SIM_MS + 3 * WAY},
        {'A', false, 3, 150 * SIM_MS + 2 * WAY, 150 * SIM_MS + 3 * WAY},
        /* the client is connected, the server learns of it by the PTO */
        {'D', true, 1, 2 * WAY, 300 * SIM_MS},
        {'D', true, 2, 2 * WAY, 500 * SIM_MS},
        {'D', true, 3, 2 * WAY, 900 * SIM_MS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
        struct lose lose = {.type = rows[i].type, .last = rows[i].lost - 1};
        sim_filter_set(rows[i].to_server ? pair.client : pair.server,
                       rows[i].to_server ? pair.server : pair.client, lose_some, &lose);
        pair_connect(&pair);
        pair_wait_open(&pair);
        must_be_in(pair.sim, lose.lost, rows[i].lost, rows[i].lost);
        must_be_in(pair.sim, pair.conn->opened_ns, 2 * WAY, rows[i].opened_max);
        must_be_in(pair.sim, pair.conn->peer->opened_ns, 3 * WAY, rows[i].accepted_max);
        pair_close(&pair);
    }
}

/* Two INITs left before the answer to the first came: nobody knows which one it answers, but
 * the round trip takes no longer than since the first. So the PTO of a lost confirmation is 3
 * of it and the delay of an ACK, 205 ms, not the 325 ms of a path of which nothing is known. */
static void second_init_leaves_a_bound_of_the_round_trip(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 30ms", NULL);
    struct lose lose = {.type = 'D', .last = 0};

    (void)state;
    sim_filter_set(pair.client, pair.server, lose_some, &lose);
    pair_connect(&pair);
    pair_wait_open(&pair);
    must_be_in(pair.sim, lose.lost, 1, 1);
    must_be_in(pair.sim, pair.conn->opened_ns, 60 * SIM_MS, 60 * SIM_MS);
    must_be_in(pair.sim, pair.conn->peer->opened_ns, (60 + 205 + 30) * SIM_MS,
               (60 + 205 + 30) * SIM_MS);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ schedule of INIT */

struct times {
    size_t count;
    uint64_t ns[64];
};

static bool note_time(void *ctx, const struct sim_packet *packet)
{
    struct times *times = ctx;
    if (packet->type == 'I' && times->count < 64)
        times->ns[times->count++] = packet->sent_ns;
    return true;
}

static void first_flight_times(void **state)
{
    static const unsigned expected_ms[] = {0,   50,  100,  150,  200,  250,  350,
                                           550, 950, 1750, 3350, 5350, 7350, 9350};
    const size_t count = sizeof(expected_ms) / sizeof(expected_ms[0]);
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct times times = {0};

    (void)state;
    sim_filter_set(pair.client, pair.server, note_time, &times);
    pair_connect(&pair);
    must_become(pair.sim, sim_is_closed, pair.conn, 30 * SIM_S);
    must_be_in(pair.sim, times.count, count, count);
    for (size_t i = 0; i < count; i++)
        must_be_in(pair.sim, times.ns[i], expected_ms[i] * SIM_MS, expected_ms[i] * SIM_MS);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    must_be_in(pair.sim, pair.conn->closed_ns, 10 * SIM_S, 10 * SIM_S);
    sim_free(pair.sim);
}

/* The messages that were queued are named when the dial fails (the checkers look). */
static void failed_dial_gives_up_messages(void **state)
{
    (void)state;
    struct pair pair = pair_new(story_seed_first(), "delay 10ms loss 100%", NULL);

    pair_connect(&pair);
    for (unsigned i = 0; i < 10; i++)
        must(pair.sim, sim_send(pair.conn, i, BELAY_RELIABLE_UNORDERED, i * 1000) == 0);
    must_become(pair.sim, sim_is_closed, pair.conn, 30 * SIM_S);
    must(pair.sim, pair.conn->error == BELAY_ETIMEDOUT);
    must_be_in(pair.sim, pair.conn->out.reported, 10, 10);
    for (unsigned i = 0; i < 10; i++)
        must(pair.sim, pair.conn->out.messages[i].error != 0);
    sim_free(pair.sim);
}

/* ------------------------------------------------------------------ several */

static void many_clients_on_one_server(void **state)
{
    enum { CLIENTS = 40 };
    struct sim *sim = sim_new(story_seed_first());
    struct sim_host *server = sim_host_new(sim, "server", NULL);
    struct sim_conn *conns[CLIENTS];

    (void)state;
    sim_listen(server);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct sim_host *client = sim_host_new(sim, "client", NULL);
        sim_link(client, server, "delay 20ms loss 10%");
        sim_link(server, client, "delay 20ms loss 10%");
        conns[i] = sim_connect(client, server);
        for (unsigned k = 0; k < 20; k++)
            must(sim, sim_send(conns[i], k % 3, BELAY_RELIABLE_ORDERED, 300) == 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        must_become(sim, sim_is_settled, conns[i], 60 * SIM_S);
    for (unsigned i = 0; i < CLIENTS; i++)
        must(sim, sim_close(conns[i]) == 0);
    must_become(sim, sim_is_all_ended, sim, 60 * SIM_S);
    sim_free(sim);
}

/* Connections of one shared socket to one server are told apart by their IDs. */
static void several_from_one_socket(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms loss 10%", NULL);
    struct sim_conn *conns[5];
    int error;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        conns[i] = sim_connect_from(pair.client, pair.server, 0, true, &error);
        must(pair.sim, conns[i] != NULL);
        must(pair.sim, sim_send(conns[i], 0, BELAY_RELIABLE_ORDERED, 5000) == 0);
    }
    for (unsigned i = 0; i < 5; i++)
        must_become(pair.sim, sim_is_settled, conns[i], 30 * SIM_S);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 5, 5);
    for (unsigned i = 0; i < 5; i++)
        must(pair.sim, sim_close(conns[i]) == 0);
    must_become(pair.sim, sim_is_all_ended, pair.sim, 60 * SIM_S);
    sim_free(pair.sim);
}

static void second_unshared_dial_is_refused(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);
    int error;

    (void)state;
    must(pair.sim, sim_connect_from(pair.client, pair.server, 0, false, &error) == NULL);
    must(pair.sim, error == BELAY_EINVAL);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(takes_three_datagrams),
        cmocka_unit_test(first_message_arrives_with_it), cmocka_unit_test(lost_in_handshake),
        cmocka_unit_test(second_init_leaves_a_bound_of_the_round_trip),
        cmocka_unit_test(first_flight_times), cmocka_unit_test(failed_dial_gives_up_messages),
        cmocka_unit_test(many_clients_on_one_server), cmocka_unit_test(several_from_one_socket),
        cmocka_unit_test(second_unshared_dial_is_refused))
