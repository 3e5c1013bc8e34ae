/* Dials that fail: nobody there, not listening, full, another version; and the hints that an
 * attacker may send in vain. */
#include "sim/forge.h"

static bool count_inits(void *ctx, const struct sim_packet *packet)
{
    *(uint64_t *)ctx += packet->type == 'I';
    return false;
}

/* A hint ends a dial only after three more attempts. */
static void not_listening(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    uint64_t inits = 0;

    (void)state;
    belay_core_listen(pair.server->core, false);
    sim_filter_set(pair.client, pair.server, count_inits, &inits);
    pair_connect(&pair);
    must_become(pair.sim, sim_is_closed, pair.conn, SIM_S);
    must(pair.sim, pair.conn->error == BELAY_EREFUSED);
    must(pair.sim, pair.conn->close_code == BELAY_CLOSE_NOT_LISTENING);
    must(pair.sim, pair.conn->reason[0] != '\0');
    must_be_in(pair.sim, inits, 4, 5);
    must_be_in(pair.sim, pair.conn->closed_ns, 150 * SIM_MS, 250 * SIM_MS);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 0, 0);
    sim_free(pair.sim);
}

/* Refused at first, but somebody begins to listen in time: a valid answer wins. */
static void start_listening(void *ctx)
{
    sim_listen(ctx);
}

static void listening_in_time(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    belay_core_listen(pair.server->core, false);
    sim_at(pair.sim, 100 * SIM_MS, start_listening, pair.server);
    pair_connect(&pair);
    pair_wait_open(&pair);
    pair_close(&pair);
}

static void server_is_full(void **state)
{
    struct belay_core_config config;
    struct sim_conn *third;
    struct pair pair;
    int error;

    (void)state;
    belay_core_config_init(&config);
    config.connections_max = 2;
    pair = pair_open(story_seed_first(), "delay 10ms", &config);
    struct sim_host *other = sim_host_new(pair.sim, "other", NULL);
    struct sim_conn *second = sim_connect(other, pair.server);
    must_become(pair.sim, sim_is_open, second, SIM_S);
    third = sim_connect_from(other, pair.server, 1, false, &error);
    must(pair.sim, third != NULL);
    must_become(pair.sim, sim_is_closed, third, 10 * SIM_S);
    must(pair.sim, third->error == BELAY_EREFUSED);
    must(pair.sim, third->close_code == BELAY_CLOSE_BUSY);
    /* when one leaves there is room again */
    must(pair.sim, sim_close(second) == 0);
    must_become(pair.sim, sim_is_ended, second, 10 * SIM_S);
    sim_conn_free(second);
    sim_conn_free(second->peer);
    sim_run_for(pair.sim, 5 * SIM_S);
    third = sim_connect_from(other, pair.server, 2, false, &error);
    must(pair.sim, third != NULL);
    must_become(pair.sim, sim_is_open, third, 10 * SIM_S);
    sim_free(pair.sim);
}

static void own_limit_of_connections(void **state)
{
    struct belay_core_config config;
    int error;

    (void)state;
    belay_core_config_init(&config);
    config.connections_max = 2;
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", &config);
    must(pair.sim, sim_connect_from(pair.client, pair.server, 1, false, &error) != NULL);
    must(pair.sim, sim_connect_from(pair.client, pair.server, 2, false, &error) == NULL);
    must(pair.sim, error == BELAY_ELIMIT);
    sim_free(pair.sim);
}

/* ------------------------------------------------------------------ made by hand */

/* Answers each INIT with a packet of its own, and loses the INIT. */
struct answerer {
    struct sim_host *client, *server;
    size_t (*make)(const uint8_t *init, uint8_t *out, size_t size);
    uint64_t inits;
    uint8_t answer[2000];
    size_t len;
};

static void answer_now(void *ctx)
{
    struct answerer *a = ctx;
    struct belay_address from = sim_address(a->server, 0);
    sim_inject(a->client, &from, NULL, a->answer, a->len);
}

static bool answer(void *ctx, const struct sim_packet *packet)
{
    struct answerer *a = ctx;
    if (packet->type != 'I')
        return false;
    a->inits++;
    a->len = a->make(packet->bytes, a->answer, sizeof(a->answer));
    sim_at(a->client->sim, a->client->sim->now_ns + 20 * SIM_MS, answer_now, a);
    return true;
}

static size_t make_versions(const uint8_t *init, uint8_t *out, size_t size)
{
    static const uint32_t versions[] = {2, 0xbabababa};
    return forge_versions(init, versions, 2, out, size);
}

static size_t make_refuse(const uint8_t *init, uint8_t *out, size_t size)
{
    return forge_refuse(init, 0x123, "not today", out, size);
}

/* One bit is wrong: no hint at all. */
static size_t make_damaged(const uint8_t *init, uint8_t *out, size_t size)
{
    size_t len = make_refuse(init, out, size);
    out[len - 20] ^= 0x10;
    return len;
}

static void hint_made_by_hand(void **state)
{
    static const struct {
        size_t (*make)(const uint8_t *init, uint8_t *out, size_t size);
        int error;
        uint64_t code, inits_min, inits_max;
        const char *reason;
    } rows[] = {
        {make_versions, BELAY_EVERSION, 0, 4, 5, ""},
        {make_refuse, BELAY_EREFUSED, 0x123, 4, 5, "not today"},
        {make_damaged, BELAY_ETIMEDOUT, 0, 14, 14, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
        struct answerer a = {
            .client = pair.client, .server = pair.server, .make = rows[i].make};
        sim_filter_set(pair.client, pair.server, answer, &a);
        pair_connect(&pair);
        must_become(pair.sim, sim_is_closed, pair.conn, 20 * SIM_S);
        must(pair.sim, pair.conn->error == rows[i].error);
        must_be_in(pair.sim, a.inits, rows[i].inits_min, rows[i].inits_max);
        must(pair.sim, strstr(pair.conn->reason, rows[i].reason) != NULL);
        if (rows[i].code != 0)
            must_be_in(pair.sim, pair.conn->close_code, rows[i].code, rows[i].code);
        sim_free(pair.sim);
    }
}

/* Hints come for each INIT, but the server is there: its ACCEPT wins. */
static void accept_wins_over_hints(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);
    struct keep keep = {.type = 'I'};
    uint8_t packet[2000];
    size_t len;

    (void)state;
    sim_filter_set(pair.client, pair.server, keep_copies, &keep);
    sim_link_of(pair.server, pair.client)->down = true;
    pair_connect(&pair);
    sim_run_for(pair.sim, 60 * SIM_MS);
    struct belay_address from = sim_address(pair.server, 0);
    len = make_refuse(keep.packets[0].bytes, packet, sizeof(packet));
    sim_inject(pair.client, &from, NULL, packet, len);
    sim_link_of(pair.server, pair.client)->down = false;
    pair_wait_open(&pair);
    pair_close(&pair);
    keep_free(&keep);
}

/* ------------------------------------------------------------------ ICMP */

static void unreachable_hint_ends_a_dial(void **state)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    sim_host_off(pair.server);
    pair_connect(&pair);
    for (unsigned i = 0; i < 8 && !pair.conn->closed; i++) {
        sim_run_for(pair.sim, 20 * SIM_MS);
        if (!pair.conn->closed)
            sim_unreachable(pair.client, pair.server, BELAY_EREFUSED);
        sim_run_for(pair.sim, 30 * SIM_MS);
    }
    must_become(pair.sim, sim_is_closed, pair.conn, SIM_S);
    must(pair.sim, pair.conn->error == BELAY_EREFUSED);
    must_be_in(pair.sim, pair.conn->closed_ns, 150 * SIM_MS, 400 * SIM_MS);
    sim_free(pair.sim);
}

static void unreachable_hint_ends_no_open_connection(void **state)
{
    struct pair pair = pair_open(story_seed_first(), "delay 10ms", NULL);

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        sim_unreachable(pair.client, pair.server, i % 2 ? BELAY_EREFUSED : BELAY_EUNREACH);
        sim_run_for(pair.sim, 100 * SIM_MS);
    }
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 5000) == 0);
    must_become(pair.sim, sim_is_settled, pair.conn, SIM_S);
    pair_close(&pair);
}

STORIES(cmocka_unit_test(not_listening), cmocka_unit_test(listening_in_time),
        cmocka_unit_test(server_is_full), cmocka_unit_test(own_limit_of_connections),
        cmocka_unit_test(hint_made_by_hand), cmocka_unit_test(accept_wins_over_hints),
        cmocka_unit_test(unreachable_hint_ends_a_dial),
        cmocka_unit_test(unreachable_hint_ends_no_open_connection))
