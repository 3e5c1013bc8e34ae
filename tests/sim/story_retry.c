/* Proof of address: what it costs an honest client, and what a flood costs the server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn/hellotag.h"
#include "sim/forge.h"

#define WAY (10 * SIM_MS) /* of the clean link here, one way */

static struct belay_core_config asking_from(uint32_t half_open)
{
    struct belay_core_config config;

    belay_core_config_init(&config);
    config.half_open_cookies = half_open;
    return config;
}

static struct belay_core_stats stats_of(const struct sim_host *host)
{
    struct belay_core_stats stats;

    belay_core_get_stats(host->core, &stats, sizeof(stats));
    return stats;
}

/* ------------------------------------------------------------------ the honest client */

static uint64_t packets_at_accept;

static void on_accepted(struct sim_conn *conn, const struct belay_core_event *event)
{
    const struct pair *pair = conn->host->ctx;

    if (event->type == BELAY_CORE_ACCEPTED)
        packets_at_accept = sim_link_of(pair->client, pair->server)->packets +
                            sim_link_of(pair->server, pair->client)->packets;
}

/* Two round trips and five datagrams; what is sent at once rides in the fifth. Without a
 * RETRY: story_connect.c. */
static void takes_five_datagrams(void **state)
{
    struct belay_core_config config = asking_from(0);
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", &config);

    (void)state;
    pair.server->on_event = on_accepted;
    pair.server->ctx = &pair;
    pair_connect(&pair);
    must(pair.sim, sim_send(pair.conn, 0, BELAY_RELIABLE_ORDERED, 100) == 0);
    must_become(pair.sim, sim_is_delivered, pair.conn, SIM_S);
    must_be_in(pair.sim, pair.sim->now_ns, 5 * WAY, 5 * WAY);
    must_be_in(pair.sim, packets_at_accept, 5, 5);
    must_be_in(pair.sim, pair.conn->opened_ns, 4 * WAY, 4 * WAY);
    must_be_in(pair.sim, pair.conn->peer->opened_ns, 5 * WAY, 5 * WAY);
    must_be_in(pair.sim, sim_stats(pair.conn).rtt_min_ns, 2 * WAY, 2 * WAY);
    pair_close(&pair);
}

static void lost_on_the_way(void **state)
{
    static const struct {
        char type;
        uint64_t first, last; /* which of its type are lost */
        unsigned late_ms;
    } rows[] = {
        {'T', 0, 0, 50},                   /* the next INIT gets another */
        {'T', 0, 2, 150}, {'I', 1, 1, 50}, /* the one with the cookie: the flight begins anew
                                              with it */
        {'I', 1, 3, 150}, {'I', 1, 6, 350}, {'A', 0, 0, 50}, {'A', 0, 1, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_core_config config = asking_from(0);
        struct pair pair = pair_new(story_seed_first(), "delay 10ms", &config);
        struct lose lose = {.type = rows[i].type, .first = rows[i].first, .last = rows[i].last};
        uint64_t expected_ns = 4 * WAY + rows[i].late_ms * SIM_MS;

        sim_filter_set(pair.client, pair.server, lose_some, &lose);
        sim_filter_set(pair.server, pair.client, lose_some, &lose);
        pair_connect(&pair);
        pair_wait_open(&pair);
        must_be_in(pair.sim, lose.lost, rows[i].last - rows[i].first + 1, 10);
        must_be_in(pair.sim, pair.conn->opened_ns, expected_ns, expected_ns);
        must_be_in(pair.sim, stats_of(pair.server).cookies_refused, 0, 0);
        pair_close(&pair);
    }
}

/* Copies of the first INIT are under way when the first RETRY comes: each is answered, and none
 * of the later answers is followed. */
static void a_long_way_makes_no_second_connection(void **state)
{
    struct belay_core_config config = asking_from(0);
    struct pair pair = pair_new(story_seed_first(), "delay 110ms", &config);

    (void)state;
    pair_connect(&pair);
    pair_wait_open(&pair);
    must_be_in(pair.sim, pair.conn->opened_ns, 440 * SIM_MS, 440 * SIM_MS);
    must_be_in(pair.sim, stats_of(pair.server).retries_sent, 5, 5);
    must_be_in(pair.sim, belay_core_conn_count(pair.server->core), 1, 1);
    must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_ACCEPTED], 1, 1);
    pair_close(&pair);
}

/* Loss, copies, disorder and damage, at any stage; and cookies sometimes asked for, so that the
 * same INIT is now answered with a RETRY, now with an ACCEPT. */
static void bad_links_only_delay_it(void **state)
{
    (void)state;
    STORY_SEEDS(seed, 60)
    {
        struct belay_core_config config = asking_from((uint32_t)(seed % 3));

        config.connect_timeout_ns = 30 * SIM_S;
        struct pair pair = pair_new(
            seed, "delay 30ms 25ms loss 25% duplicate 20% corrupt 5% reorder 20%", &config);
        struct sim_conn *conns[4];
        int error;

        for (unsigned i = 0; i < 4; i++) {
            conns[i] = sim_connect_from(pair.client, pair.server, 0, true, &error);
            must(pair.sim, conns[i] != NULL);
            must(pair.sim, sim_send(conns[i], 0, BELAY_RELIABLE_ORDERED, 2000) == 0);
        }
        for (unsigned i = 0; i < 4; i++)
            must_become(pair.sim, sim_is_settled, conns[i], 60 * SIM_S);
        must_be_in(pair.sim, pair.sim->counts.of[SIM_COUNT_ACCEPTED], 4, 4);
        sim_run_for(pair.sim, 31 * SIM_S); /* slots of lost handshakes expire */
        must_be_in(pair.sim, stats_of(pair.server).half_open, 0, 0);
        for (unsigned i = 0; i < 4; i++)
            must(pair.sim, sim_close(conns[i]) == 0);
        must_become(pair.sim, sim_is_all_ended, pair.sim, 60 * SIM_S);
        sim_free(pair.sim);
    }
}

/* ------------------------------------------------------------------ floods */

enum { ESTABLISHED = 100, FLOOD = 4000 };

/* Who sends INITs in the name of many ports of a host, one each so often. */
struct flood {
    struct pair *pair;
    struct sim_host *zombie;
    struct belay_suite suite;
    uint8_t init[BELAY_INIT_BYTES]; /* to make others of */
    unsigned sent;
    uint64_t gap_ns;
    bool has_cookies;
    uint8_t cookies[FLOOD][BELAY_COOKIE_BYTES_MAX];
    uint8_t cookie_lens[FLOOD];
    uint64_t accepts;
};

static bool note_answer(void *ctx, const struct sim_packet *packet)
{
    struct flood *flood = ctx;
    struct belay_hello hello;
    unsigned port = (unsigned)(packet->to_address.bytes[4] << 8 | packet->to_address.bytes[5]);
    unsigned i = port - SIM_FIRST_PORT;

    flood->accepts += packet->type == 'A';
    if (packet->type != 'T' || i >= FLOOD)
        return true;
    must(flood->pair->sim, belay_hello_parse(&hello, packet->bytes, packet->len) == 0);
    must(flood->pair->sim, packet->len < BELAY_INIT_BYTES);
    memcpy(flood->cookies[i], hello.cookie, hello.cookie_len);
    flood->cookie_lens[i] = (uint8_t)hello.cookie_len;
    return true;
}

/* The i-th INIT: another nonce, a cookie if there is one; the tag is right. */
static void send_init(struct flood *flood, unsigned i)
{
    struct belay_address from = sim_address(flood->zombie, i);
    struct belay_hello hello;
    uint8_t packet[BELAY_INIT_BYTES], nonce[BELAY_NONCE_BYTES] = {0xf1};

    nonce[6] = (uint8_t)(i >> 8);
    nonce[7] = (uint8_t)i;
    must(flood->pair->sim, belay_hello_parse(&hello, flood->init, sizeof(flood->init)) == 0);
    hello.nonce = nonce;
    hello.cookie = flood->cookies[i];
    hello.cookie_len = flood->has_cookies ? flood->cookie_lens[i] : 0;
    must(flood->pair->sim, belay_hello_build(&hello, packet, sizeof(packet)) > 0);
    must(flood->pair->sim, belay_hello_tag(&flood->suite, NULL, packet,
                                           sizeof(packet) - BELAY_TAG_BYTES, false) == 0);
    sim_inject(flood->pair->server, &from, NULL, packet, sizeof(packet));
}

static void flood_on(void *ctx)
{
    struct flood *flood = ctx;

    send_init(flood, flood->sent++);
    if (flood->sent < FLOOD)
        sim_at(flood->pair->sim, flood->pair->sim->now_ns + flood->gap_ns, flood_on, flood);
}

static bool is_flood_over(void *ctx)
{
    const struct flood *flood = ctx;
    return flood->sent == FLOOD;
}

static struct flood *flood_new(struct pair *pair)
{
    struct flood *flood = calloc(1, sizeof(*flood));
    struct keep keep = {.type = 'I'};
    int error;

    must(pair->sim, flood != NULL && belay_suite_init(&flood->suite) == 0);
    flood->pair = pair;
    flood->zombie = sim_host_new(pair->sim, "zombie", NULL);
    sim_filter_set(flood->zombie, pair->server, keep_and_lose, &keep);
    sim_filter_set(pair->server, flood->zombie, note_answer, flood);
    must(pair->sim,
         sim_connect_from(flood->zombie, pair->server, FLOOD, false, &error) != NULL);
    sim_run_for(pair->sim, SIM_MS);
    must_be_in(pair->sim, keep.count, 1, 1);
    memcpy(flood->init, keep.packets[0].bytes, sizeof(flood->init));
    sim_host_off(flood->zombie);
    keep_free(&keep);
    return flood;
}

static void flood_free(struct flood *flood)
{
    belay_suite_dispose(&flood->suite);
    free(flood);
}

static void flood_begin(struct flood *flood, uint64_t per_s)
{
    flood->sent = 0;
    flood->gap_ns = SIM_S / per_s;
    sim_at(flood->pair->sim, flood->pair->sim->now_ns, flood_on, flood);
}

/* An echo, and a client's next message when the one before came back. */
static void on_message(struct sim_conn *conn, const struct belay_core_event *event)
{
    if (event->type == BELAY_CORE_MESSAGE)
        must(conn->sim, sim_send(conn, 0, BELAY_RELIABLE_ORDERED, event->len) == 0);
}

struct town {
    struct pair pair;
    struct sim_conn *conns[ESTABLISHED];
    size_t memory_bytes; /* of the server with nobody but them */
};

static void town_open(struct town *town, const struct belay_core_config *config)
{
    int error;

    town->pair = pair_new(story_seed_first(), "delay 10ms", config);
    for (unsigned i = 0; i < ESTABLISHED; i++) {
        town->conns[i] =
            sim_connect_from(town->pair.client, town->pair.server, i, false, &error);
        must(town->pair.sim, town->conns[i] != NULL);
        must_become(town->pair.sim, sim_is_open, town->conns[i], SIM_S);
    }
    town->pair.client->on_event = on_message;
    town->pair.server->on_event = on_message;
    for (unsigned i = 0; i < ESTABLISHED; i++)
        must(town->pair.sim, sim_send(town->conns[i], 0, BELAY_RELIABLE_ORDERED, 100) == 0);
    sim_run_for(town->pair.sim, SIM_S);
    town->memory_bytes = belay_core_memory_bytes(town->pair.server->core);
}

static uint64_t echoes(const struct town *town, unsigned i)
{
    return town->conns[i]->delivered;
}

/* Each of them went on, message for message, one every round trip. */
static void town_must_live(struct town *town, const uint64_t *before, uint64_t since_ns)
{
    uint64_t round_trips = (town->pair.sim->now_ns - since_ns) / (2 * WAY);

    for (unsigned i = 0; i < ESTABLISHED; i++) {
        must(town->pair.sim, belay_core_conn_is_connected(town->conns[i]->conn));
        must_be_in(town->pair.sim, echoes(town, i) - before[i], round_trips - 1,
                   round_trips + 1);
    }
}

static void town_close(struct town *town)
{
    town->pair.client->on_event = NULL;
    town->pair.server->on_event = NULL;
    for (unsigned i = 0; i < ESTABLISHED; i++)
        must_become(town->pair.sim, sim_is_settled, town->conns[i], SIM_S);
    sim_free(town->pair.sim);
}

/* From forged addresses, 20,000 a second: few half-open ones, a RETRY for all others; who comes
 * in between gets in, a round trip later. */
static void forged_addresses_cost_little(void **state)
{
    struct belay_core_config config = asking_from(64);
    struct town town;
    struct flood *flood;
    struct sim_conn *late;
    uint64_t before[ESTABLISHED], since_ns;
    size_t grown;
    int error;

    (void)state;
    town_open(&town, &config);
    flood = flood_new(&town.pair);
    since_ns = town.pair.sim->now_ns;
    for (unsigned i = 0; i < ESTABLISHED; i++)
        before[i] = echoes(&town, i);
    flood_begin(flood, 20000);
    sim_run_for(town.pair.sim, 50 * SIM_MS);
    late = sim_connect_from(town.pair.client, town.pair.server, ESTABLISHED, false, &error);
    must(town.pair.sim, late != NULL);
    must_become(town.pair.sim, is_flood_over, flood, SIM_S);
    must(town.pair.sim, sim_is_open(late));
    must_be_in(town.pair.sim, late->opened_ns - since_ns, 50 * SIM_MS + 4 * WAY,
               50 * SIM_MS + 4 * WAY);
    town_must_live(&town, before, since_ns);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open, 64, 64);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open_evicted, 0, 0);
    must_be_in(town.pair.sim,
               stats_of(town.pair.server).retries_sent +
                   stats_of(town.pair.server).retries_dropped,
               FLOOD - 64 + 1, FLOOD - 64 + 1);
    grown = belay_core_memory_peak_bytes(town.pair.server->core) - town.memory_bytes;
    printf("server: %zu bytes with %d connections; %zu more at the most under %d INITs\n",
           town.memory_bytes, ESTABLISHED, grown, FLOOD);
    must_be_in(town.pair.sim, grown, 64 * 4096, 66 * 8192);
    sim_run_for(town.pair.sim, 11 * SIM_S); /* it is forgotten */
    must_be_in(town.pair.sim, belay_core_conn_count(town.pair.server->core), ESTABLISHED + 1,
               ESTABLISHED + 1);
    flood_free(flood);
    town_close(&town);
}

/* From addresses that answer, all with cookies: they take each other's places, nobody else's.
 */
static void owned_addresses_evict_each_other(void **state)
{
    struct belay_core_config config = asking_from(0);
    struct town town;
    struct flood *flood;
    struct sim_conn *late;
    uint64_t before[ESTABLISHED], since_ns;
    size_t grown;
    int error;

    (void)state;
    config.half_open_max = 256;
    town_open(&town, &config);
    flood = flood_new(&town.pair);
    flood_begin(flood, 20000);
    must_become(town.pair.sim, is_flood_over, flood, SIM_S);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open, 0, 0);
    flood->has_cookies = true;
    since_ns = town.pair.sim->now_ns;
    for (unsigned i = 0; i < ESTABLISHED; i++)
        before[i] = echoes(&town, i);
    flood_begin(flood, 5000);
    sim_run_for(town.pair.sim, 200 * SIM_MS);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open, 256, 256);
    late = sim_connect_from(town.pair.client, town.pair.server, ESTABLISHED, false, &error);
    must(town.pair.sim, late != NULL);
    must_become(town.pair.sim, is_flood_over, flood, SIM_S);
    must(town.pair.sim, sim_is_open(late)); /* its place was its own for 256 / 5000 s */
    town_must_live(&town, before, since_ns);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open, 256, 256);
    must_be_in(town.pair.sim, stats_of(town.pair.server).half_open_evicted, FLOOD - 256,
               FLOOD - 255);
    must_be_in(town.pair.sim, flood->accepts, FLOOD, FLOOD);
    grown = belay_core_memory_peak_bytes(town.pair.server->core) - town.memory_bytes;
    printf("server: %zu bytes with %d connections; %zu more at the most under %d handshakes\n",
           town.memory_bytes, ESTABLISHED, grown, FLOOD);
    must_be_in(town.pair.sim, grown, 256 * 4096, 258 * 8192);
    flood_free(flood);
    town_close(&town);
}

STORIES(cmocka_unit_test(takes_five_datagrams), cmocka_unit_test(lost_on_the_way),
        cmocka_unit_test(a_long_way_makes_no_second_connection),
        cmocka_unit_test(bad_links_only_delay_it),
        cmocka_unit_test(forged_addresses_cost_little),
        cmocka_unit_test(owned_addresses_evict_each_other))
