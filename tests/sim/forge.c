#include <stdlib.h>
#include <string.h>

#include "sim/forge.h"
#include "conn/hellotag.h"
#include "support/hex.h"

/* ------------------------------------------------------------------ handshake packets */

static size_t seal_hello(struct belay_hello *hello, const uint8_t *random, uint8_t *out,
                         size_t size)
{
    struct belay_suite suite;
    size_t len = belay_hello_build(hello, out, size - BELAY_TAG_BYTES);

    assert_true(len > 0);
    assert_int_equal(belay_suite_init(&suite), 0);
    assert_int_equal(belay_hello_tag(&suite, random, out, len, false), 0);
    belay_suite_dispose(&suite);
    return len + BELAY_TAG_BYTES;
}

static struct belay_hello parse_init(const uint8_t *init)
{
    struct belay_hello hello;
    assert_int_equal(belay_hello_parse(&hello, init, BELAY_INIT_BYTES), 0);
    return hello;
}

size_t forge_versions(const uint8_t *init, const uint32_t *versions, size_t count, uint8_t *out,
                      size_t size)
{
    struct belay_hello asked = parse_init(init), answer = {.type = BELAY_PACKET_VERSIONS};
    uint8_t list[64];

    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < 4; k++)
            list[4 * i + k] = (uint8_t)(versions[i] >> (24 - 8 * k));
    answer.client_cid = asked.client_cid;
    answer.client_cid_len = asked.client_cid_len;
    answer.nonce = asked.nonce;
    answer.versions = list;
    answer.versions_count = count;
    return seal_hello(&answer, NULL, out, size);
}

size_t forge_refuse(const uint8_t *init, uint64_t code, const char *reason, uint8_t *out,
                    size_t size)
{
    struct belay_hello asked = parse_init(init), answer = {.type = BELAY_PACKET_REFUSE};

    answer.version = BELAY_VERSION_1;
    answer.client_cid = asked.client_cid;
    answer.client_cid_len = asked.client_cid_len;
    answer.nonce = asked.nonce;
    answer.code = code;
    answer.reason = reason;
    answer.reason_len = strlen(reason);
    return seal_hello(&answer, asked.random, out, size);
}

/* ------------------------------------------------------------------ DATA packets */

/* "BELAY_CLIENT_SECRET nonce secret" */
static void note_secret(void *ctx, const char *line)
{
    struct forge *forge = ctx;
    unsigned side = strncmp(line, "BELAY_SERVER", 12) == 0;

    assert_int_equal(strlen(line), 19 + 1 + 16 + 1 + 64);
    test_hex(line + 37, forge->secrets[side], sizeof(forge->secrets[side]));
}

void forge_listen(struct forge *forge, struct pair *pair)
{
    memset(forge, 0, sizeof(*forge));
    forge->pair = pair;
    forge->accepts.type = 'A';
    sim_filter_set(pair->server, pair->client, keep_copies, &forge->accepts);
    belay_core_set_keylog(pair->client->core, note_secret, forge);
}

static void make_seal(struct forge *forge, const uint8_t *secret, struct belay_seal *seal)
{
    uint8_t key[32], iv[12];

    assert_int_equal(belay_keys_packet(&forge->suite, secret, key, iv), 0);
    assert_int_equal(belay_seal_init(seal, &forge->suite, forge->algorithm, key, iv), 0);
}

void forge_ready(struct forge *forge)
{
    struct belay_hello accept;

    sim_filter_set(forge->pair->server, forge->pair->client, NULL, NULL);
    belay_core_set_keylog(forge->pair->client->core, NULL, NULL);
    assert_true(forge->accepts.count > 0);
    assert_int_equal(belay_hello_parse(&accept, forge->accepts.packets[0].bytes,
                                       forge->accepts.packets[0].len),
                     0);
    memcpy(forge->server_cid, accept.server_cid, BELAY_CID_BYTES);
    assert_int_equal(belay_suite_init(&forge->suite), 0);
    forge->algorithm = (enum belay_seal_algorithm)belay_core_conn_aead(forge->pair->conn->conn);
    make_seal(forge, forge->secrets[0], &forge->client);
    make_seal(forge, forge->secrets[1], &forge->server);
}

void forge_dispose(struct forge *forge)
{
    belay_seal_dispose(&forge->client);
    belay_seal_dispose(&forge->server);
    belay_suite_dispose(&forge->suite);
    keep_free(&forge->accepts);
}

static void put(struct belay_seal *seal, struct sim_host *to, struct sim_host *from,
                const uint8_t *cid, uint64_t number, const uint8_t *frames, size_t len)
{
    size_t size = BELAY_DATA_HEADER_BYTES_MAX + len + BELAY_TAG_BYTES;
    struct belay_address address = sim_address(from, 0);
    uint8_t *packet = malloc(size);
    size_t header = belay_data_header_build(packet, size, cid, false, number, 4);

    memcpy(packet + header, frames, len);
    assert_int_equal(belay_seal_packet(seal, number, packet, header, len), 0);
    sim_inject(to, &address, NULL, packet, header + len + BELAY_TAG_BYTES);
    free(packet);
}

void forge_to_server(struct forge *forge, uint64_t number, const uint8_t *frames, size_t len)
{
    put(&forge->client, forge->pair->server, forge->pair->client, forge->server_cid, number,
        frames, len);
}

void forge_to_client(struct forge *forge, uint64_t number, const uint8_t *frames, size_t len)
{
    put(&forge->server, forge->pair->client, forge->pair->server, NULL, number, frames, len);
}
