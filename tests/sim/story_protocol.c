/* A peer that has the keys and breaks the rules: closed with the code that the rule names. */
#include "sim/forge.h"

#define NUMBER 1000 /* of forged packets: not used by the real peer before */

static struct pair open_and_listen(struct forge *forge, const struct belay_core_config *config)
{
    struct pair pair = pair_new(story_seed_first(), "delay 10ms", config);
    static struct pair kept;

    kept = pair;
    forge_listen(forge, &kept);
    pair_connect(&kept);
    pair_wait_open(&kept);
    sim_run_for(kept.sim, SIM_S);
    forge_ready(forge);
    kept.sim->proto_is_fine = true;
    return kept;
}

static void broken_rules(void **state)
{
    static const struct {
        const char *name;
        uint64_t code;
        size_t len;
        uint8_t frames[24];
    } rows[] = {
        {"unknown type", BELAY_CLOSE_PROTOCOL, 1, {0x0e}},
        {"reserved: NEW_CONNECTION_ID", BELAY_CLOSE_PROTOCOL, 1, {0x0a}},
        {"reserved: REPAIR", BELAY_CLOSE_PROTOCOL, 1, {0x12}},
        {"after a good frame", BELAY_CLOSE_PROTOCOL, 2, {0x01, 0x3f}},
        {"ACK of a number never sent", BELAY_CLOSE_PROTOCOL, 8, {0x02, 0x80, 1, 0, 0, 0, 0, 0}},
        {"ACK range below zero", BELAY_CLOSE_PROTOCOL, 5, {0x02, 0, 0, 0, 1}},
        {"ACK cut short", BELAY_CLOSE_PROTOCOL, 3, {0x02, 0, 0}},
        {"channel not announced", BELAY_CLOSE_LIMIT, 9, {0x4f, 0x44, 0, 0, 0, 0, 0, 1, 2}},
        {"mode 2", BELAY_CLOSE_PROTOCOL, 6, {0x60, 0, 0, 0, 0, 1}},
        {"message number past the limit", BELAY_CLOSE_CREDIT, 6, {0x40, 0, 0x10, 0, 0, 1}},
        {"larger than message_size",
         BELAY_CLOSE_LIMIT,
         12,
         {0xc0, 0, 0, 0, 0, 0xbf, 0xff, 0xff, 0xff, 0, 1, 0xaa}},
        {"fragment past its total", BELAY_CLOSE_PROTOCOL, 9, {0xc0, 0, 0, 0, 0, 2, 1, 2, 0xaa}},
        {"empty fragment", BELAY_CLOSE_PROTOCOL, 8, {0xc0, 0, 0, 0, 0, 2, 0, 0}},
        {"run of none", BELAY_CLOSE_PROTOCOL, 7, {0x80, 0, 0, 0, 0, 0, 0}},
        {"MAX_MESSAGES of a sequence never used", BELAY_CLOSE_PROTOCOL, 4, {0x05, 9, 1, 0}},
        {"FIN with fewer messages than came",
         BELAY_CLOSE_PROTOCOL,
         8,
         {0x08, 0, 0x40, 0, 0, 0, 0, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct forge forge;
        struct pair pair = open_and_listen(&forge, NULL);
        struct sim_conn *server = pair.conn->peer;
        print_message("%s\n", rows[i].name);
        pair.conn->peer->peer_is_forged = true;
        forge_to_server(&forge, NUMBER, rows[i].frames, rows[i].len);
        must_become(pair.sim, sim_is_ended, pair.conn, 2 * SIM_S);
        must_be_in(pair.sim, server->close_code, rows[i].code, rows[i].code);
        must(pair.sim, server->error == BELAY_EPROTO);
        must(pair.sim, server->reason[0] != '\0');
        /* the real client hears of it, or of an ACK of a packet that it never sent */
        must(pair.sim, pair.conn->error == BELAY_EPROTO || pair.conn->error == BELAY_ERESET);
        sim_free(pair.sim);
        forge_dispose(&forge);
    }
}

/* More bytes than the window allows, message by message. */
static void more_than_credit(void **state)
{
    struct belay_core_config config;
    struct forge forge;
    uint64_t sent = 0;

    (void)state;
    belay_core_config_init(&config);
    config.message_size_max = 65536;
    config.window_initial = config.window_max = 131072;
    struct pair pair = open_and_listen(&forge, &config);
    pair.conn->peer->peer_is_forged = true;
    /* the first byte of messages 1, 2, 3 ... of 60,000 bytes each: memory follows what came */
    for (uint8_t number = 1; number < 10 && !pair.conn->peer->closed; number++) {
        uint8_t frame[] = {0xc0, 0, 0, 0, number, 0x80, 0, 0xea, 0x60, 0, 1, 0xaa};
        forge_to_server(&forge, NUMBER + number, frame, sizeof(frame));
        sent++;
    }
    must_be_in(pair.sim, sent, 3, 3);
    must_be_in(pair.sim, pair.conn->peer->close_code, BELAY_CLOSE_CREDIT, BELAY_CLOSE_CREDIT);
    must_be_in(pair.sim, belay_core_memory_peak_bytes(pair.server->core), 0, 512 << 10);
    sim_free(pair.sim);
    forge_dispose(&forge);
}

/* A message's total may not change; overlapping parts and repeated ones may come. */
static void total_changes(void **state)
{
    static const uint8_t part[] = {0xc1, 0, 0, 0, 0, 10, 0, 2, 0xaa, 0xbb};
    static const uint8_t overlap[] = {0xc1, 0, 0, 0, 0, 10, 1, 2, 0xbb, 0xcc};
    static const uint8_t other[] = {0xc1, 0, 0, 0, 0, 11, 3, 1, 0xdd};
    struct forge forge;
    struct pair pair = open_and_listen(&forge, NULL);

    (void)state;
    pair.conn->peer->peer_is_forged = true;
    forge_to_server(&forge, NUMBER, part, sizeof(part));
    forge_to_server(&forge, NUMBER + 1, part, sizeof(part));
    forge_to_server(&forge, NUMBER + 2, overlap, sizeof(overlap));
    must(pair.sim, !pair.conn->peer->closed);
    must_be_in(pair.sim, sim_stats(pair.conn->peer).fragments_duplicate, 1, 2);
    forge_to_server(&forge, NUMBER + 3, other, sizeof(other));
    must(pair.sim, pair.conn->peer->error == BELAY_EPROTO);
    sim_free(pair.sim);
    forge_dispose(&forge);
}

/* What a client must not believe either. */
static void client_is_as_strict(void **state)
{
    static const uint8_t ack[] = {0x02, 0x80, 1, 0, 0, 0, 0, 0};
    struct forge forge;
    struct pair pair = open_and_listen(&forge, NULL);

    (void)state;
    forge_to_client(&forge, NUMBER, ack, sizeof(ack));
    must_become(pair.sim, sim_is_ended, pair.conn, 2 * SIM_S);
    must(pair.sim, pair.conn->error == BELAY_EPROTO);
    must_be_in(pair.sim, pair.conn->close_code, BELAY_CLOSE_PROTOCOL, BELAY_CLOSE_PROTOCOL);
    sim_free(pair.sim);
    forge_dispose(&forge);
}

/* Legal, if unusual: nothing happens. */
static void tolerated(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        uint8_t frames[16];
    } rows[] = {
        {"padding alone", 5, {0, 0, 0, 0, 0}},    {"padding between", 3, {0x01, 0x00, 0x01}},
        {"MAX_DATA that falls", 3, {0x04, 1, 1}}, {"DATA_BLOCKED", 2, {0x06, 0}},
        {"MESSAGES_BLOCKED", 4, {0x07, 2, 0, 0}},
    };
    struct forge forge;
    struct pair pair = open_and_listen(&forge, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge_to_server(&forge, NUMBER + i, rows[i].frames, rows[i].len);
        forge_to_client(&forge, NUMBER + i, rows[i].frames, rows[i].len);
        must(pair.sim, !pair.conn->closed && !pair.conn->peer->closed);
    }
    forge_dispose(&forge);
    sim_free(pair.sim);
}

STORIES(cmocka_unit_test(broken_rules), cmocka_unit_test(more_than_credit),
        cmocka_unit_test(total_changes), cmocka_unit_test(client_is_as_strict),
        cmocka_unit_test(tolerated))
