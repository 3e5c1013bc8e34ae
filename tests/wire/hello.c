#include "wire/exact.h"

#include <stdio.h>

#include <belay/common.h>

#include "base/cursor.h"
#include "support/random.h"
#include "wire/packet.h"

/* ------------------------------------------------------------------ packets by hand */

#define VERSION 0, 0, 0, 1
#define CID     0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8
#define CID20   CID, CID, 0xD1, 0xD2, 0xD3, 0xD4
#define NONCE   0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8
#define SERVER  0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58
#define RANDOM8 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8
#define RANDOM  RANDOM8, RANDOM8, RANDOM8, RANDOM8
#define PARAMS  5, 1, 9
#define COOKIE  0xE1, 0xE2, 0xE3

static const uint8_t cid20[] = {CID20}, nonce[] = {NONCE}, server[] = {SERVER};
static const uint8_t random32[] = {RANDOM}, params[] = {PARAMS}, cookie[] = {COOKIE};
static const uint8_t versions2[] = {0, 0, 0, 1, 0xFA, 0xCE, 0xB0, 0x0C};

#define PREFIX(type_, version_, cid_len_)                                                      \
    .type = BELAY_PACKET_##type_, .version = version_, .client_cid = cid20,                    \
    .client_cid_len = cid_len_, .nonce = nonce

/* bytes: up to the tag, and for INIT up to its padding. */
static const struct sample {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    struct belay_hello hello;
} samples[] = {
    {"INIT",
     BYTES(0xC0, VERSION, 8, CID, NONCE, 0, 0, 2, 0, 35, RANDOM, PARAMS),
     {PREFIX(INIT, 1, 8), .handshake = 2, .random = random32, .params = params,
      .params_len = 3}},
    {"INIT, no connection ID, no parameters",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 0, 0, 0, 32, RANDOM),
     {PREFIX(INIT, 1, 0), .random = random32}},
    {"ACCEPT",
     BYTES(0xC1, VERSION, 8, CID, NONCE, SERVER, 0, 35, RANDOM, PARAMS),
     {PREFIX(ACCEPT, 1, 8), .server_cid = server, .random = random32, .params = params,
      .params_len = 3}},
    {"ACCEPT, no connection ID, no parameters",
     BYTES(0xC1, VERSION, 0, NONCE, SERVER, 0, 32, RANDOM),
     {PREFIX(ACCEPT, 1, 0), .server_cid = server, .random = random32}},
    {"REFUSE",
     BYTES(0xC3, VERSION, 8, CID, NONCE, 0x07, 4, 'f', 'u', 'l', 'l'),
     {PREFIX(REFUSE, 1, 8), .code = 7, .reason = "full", .reason_len = 4}},
    {"REFUSE by the app, no connection ID, no reason",
     BYTES(0xC3, VERSION, 0, NONCE, 0x41, 0x00, 0),
     {PREFIX(REFUSE, 1, 0), .code = 0x100}},
    {"INIT with a cookie, of a handshake that is unknown",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 3, COOKIE, 0xFF, 0, 32, RANDOM),
     {PREFIX(INIT, 1, 0), .cookie = cookie, .cookie_len = 3, .handshake = 0xFF,
      .random = random32}},
    {"RETRY",
     BYTES(0xC2, VERSION, 8, CID, NONCE, 3, COOKIE),
     {PREFIX(RETRY, 1, 8), .cookie = cookie, .cookie_len = 3}},
    {"VERSIONS",
     BYTES(0xC4, 0, 0, 0, 0, 0, NONCE, 1, VERSION),
     {PREFIX(VERSIONS, 0, 0), .versions = versions2, .versions_count = 1}},
    {"VERSIONS, two, and the longest connection ID",
     BYTES(0xC4, 0, 0, 0, 0, 20, CID20, NONCE, 2, VERSION, 0xFA, 0xCE, 0xB0, 0x0C),
     {PREFIX(VERSIONS, 0, 20), .versions = versions2, .versions_count = 2}},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static size_t tagged_len(const struct sample *s)
{
    return s->bytes[0] == 0xC0 ? BELAY_INIT_BYTES : s->len + BELAY_TAG_BYTES;
}

/* The whole datagram, of a length that may be wrong; its tag and what is beyond are 0xEE. */
static struct exact datagram_of_len(const struct sample *s, size_t len)
{
    struct exact e = exact_room(len);
    const size_t tag_at = tagged_len(s) - BELAY_TAG_BYTES;
    for (size_t i = 0; i < len; i++)
        e.bytes[i] = i < s->len ? s->bytes[i] : i < tag_at ? 0 : 0xEE;
    return e;
}

static void assert_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    assert_int_equal(a_len, b_len);
    if (a_len > 0)
        assert_memory_equal(a, b, a_len);
}

static void assert_same(const struct belay_hello *a, const struct belay_hello *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->version, b->version);
    assert_bytes(a->client_cid, a->client_cid_len, b->client_cid, b->client_cid_len);
    assert_memory_equal(a->nonce, b->nonce, BELAY_NONCE_BYTES);
    assert_int_equal(a->server_cid != NULL, b->server_cid != NULL);
    if (a->server_cid != NULL)
        assert_memory_equal(a->server_cid, b->server_cid, BELAY_CID_BYTES);
    assert_bytes(a->cookie, a->cookie_len, b->cookie, b->cookie_len);
    assert_int_equal(a->handshake, b->handshake);
    assert_int_equal(a->random != NULL, b->random != NULL);
    if (a->random != NULL)
        assert_memory_equal(a->random, b->random, BELAY_HELLO_RANDOM_BYTES);
    assert_bytes(a->params, a->params_len, b->params, b->params_len);
    assert_true(a->code == b->code);
    assert_bytes(a->reason, a->reason_len, b->reason, b->reason_len);
    assert_bytes(a->versions, 4 * a->versions_count, b->versions, 4 * b->versions_count);
}

/* ------------------------------------------------------------------ both directions */

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct exact e = datagram_of_len(&samples[i], tagged_len(&samples[i]));
        struct belay_hello hello;
        int error = belay_hello_parse(&hello, e.bytes, e.len);
        if (error != BELAY_OK)
            fail_msg("%s: %d", samples[i].name, error);
        assert_same(&hello, &samples[i].hello);
        exact_free(&e);
    }
}

static void test_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const size_t whole = tagged_len(&samples[i]) - BELAY_TAG_BYTES;
        struct exact expected = datagram_of_len(&samples[i], whole);
        for (size_t room = 0; room <= whole + 1; room++) {
            struct exact e = exact_room(room);
            memset(e.bytes, 0xDD, room);
            size_t len = belay_hello_build(&samples[i].hello, e.bytes, room);
            assert_int_equal(len, room < whole ? 0 : whole);
            assert_memory_equal(e.bytes, expected.bytes, len);
            exact_free(&e);
        }
        exact_free(&expected);
    }
}

/* Every other length than the right one is refused: each byte has its place. */
static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const size_t whole = tagged_len(&samples[i]);
        for (size_t len = 0; len <= whole + 2; len++) {
            struct exact e = datagram_of_len(&samples[i], len);
            struct belay_hello hello;
            assert_int_equal(belay_hello_parse(&hello, e.bytes, e.len),
                             len == whole ? BELAY_OK : BELAY_EPROTO);
            exact_free(&e);
        }
    }
}

/* A flip is refused, or is another valid packet, which builds back to the same bytes; but for
 * REFUSE, whose code may have become a longer varint than we write: there the fields agree. */
static void check_flipped(const struct exact *e)
{
    struct belay_hello hello, again;
    uint8_t room[BELAY_INIT_BYTES];

    int error = belay_hello_parse(&hello, e->bytes, e->len);
    if (error == BELAY_EPROTO)
        return;
    if (error == BELAY_EVERSION) {
        assert_int_equal(hello.type, BELAY_PACKET_INIT);
        assert_int_not_equal(hello.version, 1);
        return;
    }
    assert_int_equal(error, BELAY_OK);
    size_t len = belay_hello_build(&hello, room, sizeof(room));
    assert_true(len > 0 && len + BELAY_TAG_BYTES <= sizeof(room));
    if (hello.type != BELAY_PACKET_REFUSE) {
        assert_int_equal(len, e->len - BELAY_TAG_BYTES);
        assert_memory_equal(room, e->bytes, len);
    }
    memset(room + len, 0, BELAY_TAG_BYTES);
    assert_int_equal(belay_hello_parse(&again, room, len + BELAY_TAG_BYTES), BELAY_OK);
    assert_same(&hello, &again);
}

static void test_bit_flips(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct exact e = datagram_of_len(&samples[i], tagged_len(&samples[i]));
        for (size_t bit = 0; bit < 8 * e.len; bit++) {
            e.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            check_flipped(&e);
            e.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        exact_free(&e);
    }
}

/* ------------------------------------------------------------------ single rules */

/* Bytes up to the tag, of INIT up to its padding. Each breaks one rule only. */
static const struct sample refused[] = {
    {"type 0xC6", BYTES(0xC6, VERSION, 8, CID, NONCE, SERVER, 0, 32, RANDOM), {0}},
    {"RETRY without a cookie", BYTES(0xC2, VERSION, 0, NONCE, 0), {0}},
    {"RETRY, cookie of 65", BYTES(0xC2, VERSION, 0, NONCE, 65, RANDOM, RANDOM, 1), {0}},
    {"RETRY, a byte after the cookie", BYTES(0xC2, VERSION, 0, NONCE, 1, 1, 1), {0}},
    {"type 0xC5", BYTES(0xC5, VERSION, 8, CID, NONCE, SERVER, 0, 32, RANDOM), {0}},
    {"DATA", BYTES(0xE0, VERSION, 8, CID, NONCE, SERVER, 0, 32, RANDOM), {0}},
    {"INIT, connection ID of 7",
     BYTES(0xC0, VERSION, 7, 1, 2, 3, 4, 5, 6, 7, NONCE, 0, 0, 0, 0, 32, RANDOM),
     {0}},
    {"INIT, connection ID of 20",
     BYTES(0xC0, VERSION, 20, CID20, NONCE, 0, 0, 0, 0, 32, RANDOM),
     {0}},
    {"INIT, cookie of 65",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 65, RANDOM, RANDOM, 1, 0, 0, 32, RANDOM),
     {0}},
    {"INIT, cookie of 256", BYTES(0xC0, VERSION, 0, NONCE, 1, 0, 0, 0, 32, RANDOM), {0}},
    {"INIT, cookie past the end",
     BYTES(0xC0, VERSION, 0, NONCE, 0xFF, 0xFF, 0, 0, 32, RANDOM),
     {0}},
    {"INIT, payload of 31",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 0, 0, 0, 31, RANDOM8, RANDOM8, RANDOM8, 1, 2, 3, 4, 5, 6,
           7),
     {0}},
    {"INIT, payload of 0", BYTES(0xC0, VERSION, 0, NONCE, 0, 0, 0, 0, 0), {0}},
    {"INIT, payload past the end",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 0, 0, 0xFF, 0xFF, RANDOM),
     {0}},
    {"INIT, padding not zero",
     BYTES(0xC0, VERSION, 0, NONCE, 0, 0, 0, 0, 32, RANDOM, 0, 0, 1),
     {0}},
    {"ACCEPT, version 2", BYTES(0xC1, 0, 0, 0, 2, 0, NONCE, SERVER, 0, 32, RANDOM), {0}},
    {"ACCEPT, connection ID of 9",
     BYTES(0xC1, VERSION, 9, CID, 9, NONCE, SERVER, 0, 32, RANDOM),
     {0}},
    {"ACCEPT, payload of 31",
     BYTES(0xC1, VERSION, 0, NONCE, SERVER, 0, 31, RANDOM8, RANDOM8, RANDOM8, 1, 2, 3, 4, 5, 6,
           7),
     {0}},
    {"ACCEPT, a byte after the payload",
     BYTES(0xC1, VERSION, 0, NONCE, SERVER, 0, 32, RANDOM, 0),
     {0}},
    {"ACCEPT, payload past the end",
     BYTES(0xC1, VERSION, 0, NONCE, SERVER, 0, 33, RANDOM),
     {0}},
    {"REFUSE, version 0", BYTES(0xC3, 0, 0, 0, 0, 0, NONCE, 7, 0), {0}},
    {"REFUSE, connection ID of 1", BYTES(0xC3, VERSION, 1, 1, NONCE, 7, 0), {0}},
    {"REFUSE, reason past the end", BYTES(0xC3, VERSION, 0, NONCE, 7, 2, 'x'), {0}},
    {"REFUSE, a byte after the reason", BYTES(0xC3, VERSION, 0, NONCE, 7, 1, 'x', 'y'), {0}},
    {"VERSIONS, version 1", BYTES(0xC4, VERSION, 0, NONCE, 1, VERSION), {0}},
    {"VERSIONS, none", BYTES(0xC4, 0, 0, 0, 0, 0, NONCE, 0), {0}},
    {"VERSIONS, cut", BYTES(0xC4, 0, 0, 0, 0, 0, NONCE, 2, VERSION), {0}},
    {"VERSIONS, a byte too many", BYTES(0xC4, 0, 0, 0, 0, 0, NONCE, 1, VERSION, 0), {0}},
    {"VERSIONS, connection ID of 21",
     BYTES(0xC4, 0, 0, 0, 0, 21, CID20, 0, NONCE, 1, VERSION),
     {0}},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct exact e = datagram_of_len(&refused[i], tagged_len(&refused[i]));
        struct belay_hello hello;
        int error = belay_hello_parse(&hello, e.bytes, e.len);
        if (error != BELAY_EPROTO)
            fail_msg("%s: %d", refused[i].name, error);
        exact_free(&e);
    }
}

/* Each byte of the padding, first and last included. */
static void test_padding(void **state)
{
    struct exact e = datagram_of_len(&samples[0], BELAY_INIT_BYTES);
    struct belay_hello hello;
    (void)state;
    for (size_t i = samples[0].len; i < BELAY_INIT_BYTES - BELAY_TAG_BYTES; i++) {
        e.bytes[i] = 0x80;
        assert_int_equal(belay_hello_parse(&hello, e.bytes, e.len), BELAY_EPROTO);
        e.bytes[i] = 0;
    }
    assert_int_equal(belay_hello_parse(&hello, e.bytes, e.len), BELAY_OK);
    exact_free(&e);
}

/* What is behind the nonce may be anything in another version; the size may not. */
static void test_unknown_versions(void **state)
{
    static const uint32_t others[] = {0, 2, 0x01000000, 0x0A0A0A0A, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < 5 * 22; i++) {
        const uint32_t version = others[i / 22];
        const uint8_t cid_len = i % 22;
        for (size_t len = BELAY_INIT_BYTES - 1; len <= BELAY_INIT_BYTES + 1; len++) {
            struct exact e = exact_room(len);
            struct belay_hello hello;
            memset(e.bytes, 0xFF, len);
            e.bytes[0] = 0xC0;
            for (unsigned n = 0; n < 4; n++)
                e.bytes[1 + n] = (uint8_t)(version >> (24 - 8 * n));
            e.bytes[5] = cid_len;
            memcpy(e.bytes + 6, cid20, cid_len < 20 ? cid_len : 20);
            memcpy(e.bytes + 6 + cid_len, nonce, BELAY_NONCE_BYTES);

            int error = belay_hello_parse(&hello, e.bytes, len);
            if (len == BELAY_INIT_BYTES && cid_len <= 20) {
                assert_int_equal(error, BELAY_EVERSION);
                assert_int_equal(hello.type, BELAY_PACKET_INIT);
                assert_int_equal(hello.version, version);
                assert_bytes(hello.client_cid, hello.client_cid_len, cid20, cid_len);
                assert_memory_equal(hello.nonce, nonce, BELAY_NONCE_BYTES);
            } else {
                assert_int_equal(error, BELAY_EPROTO);
            }
            exact_free(&e);
        }
    }
}

/* An INIT filled to its last byte by parameters, and one byte more. */
static void test_full_init(void **state)
{
    static uint8_t filler[BELAY_INIT_BYTES];
    struct belay_hello init = samples[0].hello, hello;
    struct exact e = exact_room(BELAY_INIT_BYTES);
    (void)state;

    memset(e.bytes, 0, e.len);
    memset(filler, 0x3C, sizeof(filler));
    init.params = filler;
    init.params_len = BELAY_INIT_BYTES - BELAY_TAG_BYTES - (1 + 4 + 9 + 8 + 2 + 1 + 2 + 32);
    assert_int_equal(belay_hello_build(&init, e.bytes, e.len), 1184);
    assert_int_equal(belay_hello_parse(&hello, e.bytes, e.len), BELAY_OK);
    assert_same(&hello, &init);
    init.params_len++;
    assert_int_equal(belay_hello_build(&init, e.bytes, e.len), 0);
    exact_free(&e);
}

/* What parse would refuse, build does not make. */
static void test_unbuildable(void **state)
{
    static uint8_t room[70000];
    struct belay_hello h = samples[4].hello;
    (void)state;

    h.reason = (const char *)room;
    h.reason_len = 255;
    assert_int_equal(belay_hello_build(&h, room + 1000, 2000), 22 + 1 + 1 + 255);
    h.reason_len = 256;
    assert_int_equal(belay_hello_build(&h, room + 1000, 2000), 0);
    h = samples[4].hello;
    h.code = BELAY_VARINT_MAX + 1;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h = samples[7].hello;
    h.cookie_len = 0;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h.cookie_len = BELAY_COOKIE_BYTES_MAX + 1;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h = samples[8].hello;
    h.versions_count = 0;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h.versions_count = 256;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h = samples[8].hello;
    h.client_cid_len = 21;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h = samples[0].hello;
    h.cookie = room;
    h.cookie_len = BELAY_COOKIE_BYTES_MAX + 1;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h = samples[2].hello;
    h.params_len = 65536 - 32;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
    h.type = BELAY_PACKET_DATA;
    assert_int_equal(belay_hello_build(&h, room, sizeof(room)), 0);
}

static void test_random(void **state)
{
    struct test_random random = {test_seed_from_env(3)};
    (void)state;
    for (unsigned round = 0; round < 50000; round++) {
        struct exact e = exact_room(round % 4 == 0 ? BELAY_INIT_BYTES
                                                   : (size_t)test_random_below(&random, 120));
        struct belay_data_header header;
        test_random_fill(&random, e.bytes, e.len);
        if (e.len > 10 && round % 2 == 0) { /* past the first checks */
            e.bytes[0] = (uint8_t)(0xC0 + test_random_below(&random, 6));
            memcpy(e.bytes + 1, (const uint8_t[]){0, 0, 0, e.bytes[0] != 0xC4, 0}, 5);
        }
        check_flipped(&e);
        (void)belay_data_header_parse(&header, e.bytes, e.len);
        (void)belay_reset_parse(e.bytes, e.len);
        exact_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),       cmocka_unit_test(test_build),
        cmocka_unit_test(test_lengths),     cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_padding),
        cmocka_unit_test(test_full_init),   cmocka_unit_test(test_unknown_versions),
        cmocka_unit_test(test_unbuildable), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
