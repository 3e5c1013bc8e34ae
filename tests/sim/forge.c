#include <stdlib.h>
#include <string.h>

#include "sim/forge.h"

/* ------------------------------------------------------------------ handshake packets */

static size_t seal_hello(struct belay_hello *hello, const uint8_t *ikm, size_t ikm_len,
                         uint8_t *out, size_t size)
{
    struct belay_suite suite;
    struct belay_seal seal;
    uint8_t key[32], iv[12];
    size_t len = belay_hello_build(hello, out, size - BELAY_TAG_BYTES);

    assert_true(len > 0);
    assert_int_equal(belay_suite_init(&suite), 0);
    assert_int_equal(belay_keys_hello(&suite, hello->version, ikm, ikm_len, key, iv), 0);
    assert_int_equal(belay_seal_init(&seal, &suite, key, iv), 0);
    assert_int_equal(
        belay_seal_packet(&seal, belay_packet_hello_number(hello->type), out, len, 0), 0);
    belay_seal_dispose(&seal);
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
    return seal_hello(&answer, asked.nonce, BELAY_NONCE_BYTES, out, size);
}

size_t forge_refuse(const uint8_t *init, uint64_t code, const char *reason, uint8_t *out,
                    size_t size)
{
    struct belay_hello asked = parse_init(init), answer = {.type = BELAY_PACKET_REFUSE};
    uint8_t ikm[BELAY_NONCE_BYTES + BELAY_HELLO_RANDOM_BYTES];

    memcpy(ikm, asked.nonce, BELAY_NONCE_BYTES);
    memcpy(ikm + BELAY_NONCE_BYTES, asked.random, BELAY_HELLO_RANDOM_BYTES);
    answer.version = BELAY_VERSION_1;
    answer.client_cid = asked.client_cid;
    answer.client_cid_len = asked.client_cid_len;
    answer.nonce = asked.nonce;
    answer.code = code;
    answer.reason = reason;
    answer.reason_len = strlen(reason);
    return seal_hello(&answer, ikm, sizeof(ikm), out, size);
}

/* ------------------------------------------------------------------ DATA packets */

void forge_listen(struct forge *forge, struct pair *pair)
{
    memset(forge, 0, sizeof(*forge));
    forge->pair = pair;
    forge->inits.type = 'I';
    forge->accepts.type = 'A';
    sim_filter_set(pair->client, pair->server, keep_copies, &forge->inits);
    sim_filter_set(pair->server, pair->client, keep_copies, &forge->accepts);
}

void forge_ready(struct forge *forge)
{
    struct belay_hello init, accept;
    struct belay_packet_keys keys;
    const uint8_t *i = forge->inits.packets[0].bytes, *a = forge->accepts.packets[0].bytes;
    size_t i_len = forge->inits.packets[0].len - BELAY_TAG_BYTES;
    size_t a_len = forge->accepts.packets[0].len - BELAY_TAG_BYTES;
    uint8_t secret[2 * BELAY_HELLO_RANDOM_BYTES], transcript[2 * BELAY_INIT_BYTES];

    sim_filter_set(forge->pair->client, forge->pair->server, NULL, NULL);
    sim_filter_set(forge->pair->server, forge->pair->client, NULL, NULL);
    assert_true(forge->inits.count > 0 && forge->accepts.count > 0);
    assert_int_equal(belay_hello_parse(&init, i, i_len + BELAY_TAG_BYTES), 0);
    assert_int_equal(belay_hello_parse(&accept, a, a_len + BELAY_TAG_BYTES), 0);
    assert_true(i_len + a_len <= sizeof(transcript));
    memcpy(secret, init.random, BELAY_HELLO_RANDOM_BYTES);
    memcpy(secret + BELAY_HELLO_RANDOM_BYTES, accept.random, BELAY_HELLO_RANDOM_BYTES);
    memcpy(transcript, i, i_len);
    memcpy(transcript + i_len, a, a_len);
    memcpy(forge->server_cid, accept.server_cid, BELAY_CID_BYTES);
    assert_int_equal(belay_suite_init(&forge->suite), 0);
    assert_int_equal(belay_keys_derive(&forge->suite, secret, sizeof(secret), transcript,
                                       i_len + a_len, &keys),
                     0);
    assert_int_equal(
        belay_seal_init(&forge->client, &forge->suite, keys.client_key, keys.client_iv), 0);
    assert_int_equal(
        belay_seal_init(&forge->server, &forge->suite, keys.server_key, keys.server_iv), 0);
}

void forge_dispose(struct forge *forge)
{
    belay_seal_dispose(&forge->client);
    belay_seal_dispose(&forge->server);
    belay_suite_dispose(&forge->suite);
    keep_free(&forge->inits);
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
