/*
 * The Noise handshakes against the published vectors of their patterns (tests/vectors/
 * noise-25519.json; another file of that format by BELAY_NOISE_VECTORS), and against what an
 * attacker may do to their messages.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "crypto/noise.h"

#define BYTES_MAX 4096

struct bytes {
    uint8_t data[BYTES_MAX];
    size_t len;
    bool there;
};

struct counts {
    unsigned vectors, other, patterns[5];
};

static struct bytes hex(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    struct bytes bytes = {.there = text != NULL};

    for (; text != NULL && text[0] != '\0'; text += 2) {
        unsigned value;

        assert_int_equal(sscanf(text, "%2x", &value), 1);
        assert_true(bytes.len < BYTES_MAX);
        bytes.data[bytes.len++] = (uint8_t)value;
    }
    return bytes;
}

static const uint8_t *or_null(const struct bytes *bytes)
{
    return bytes->there ? bytes->data : NULL;
}

static struct bytes first_psk(json_t *vector, const char *key)
{
    json_t *object =
        json_pack("{s:O?}", "psk", json_array_get(json_object_get(vector, key), 0));
    struct bytes bytes = hex(object, "psk");

    json_decref(object);
    return bytes;
}

/* Fills name's parts; false: not one of ours. */
static bool parse_name(const char *name, enum belay_noise_pattern *pattern,
                       struct belay_noise_suite *suite)
{
    char wanted[64];

    for (unsigned p = 0; p < 5; p++)
        for (unsigned c = 0; c < 2; c++)
            for (unsigned h = 0; h < 4; h++) {
                *pattern = (enum belay_noise_pattern)p;
                assert_int_equal(belay_noise_suite_init(suite, (enum belay_noise_cipher)c,
                                                        (enum belay_noise_hash)h),
                                 0);
                snprintf(wanted, sizeof(wanted), "Noise_%s_25519_%s_%s",
                         belay_noise_pattern_name(*pattern), suite->cipher_name,
                         suite->hash_name);
                if (strcmp(name, wanted) == 0)
                    return true;
                belay_noise_suite_dispose(suite);
            }
    return false;
}

/* A message of the handshake: written as recorded, and read back. */
static void exchange(struct belay_noise *from, struct belay_noise *to, json_t *message)
{
    struct bytes payload = hex(message, "payload"), wanted = hex(message, "ciphertext");
    uint8_t out[BYTES_MAX], read[BYTES_MAX];
    size_t len, read_len, overhead = belay_noise_overhead(from);

    assert_true(belay_noise_is_our_turn(from));
    assert_int_equal(belay_noise_overhead(to), overhead);
    assert_int_equal(belay_noise_write(from, payload.data, payload.len, out, sizeof(out), &len),
                     0);
    assert_int_equal(len, payload.len + overhead);
    assert_int_equal(len, wanted.len);
    assert_memory_equal(out, wanted.data, len);
    assert_int_equal(belay_noise_read(to, out, len, read, sizeof(read), &read_len), 0);
    assert_int_equal(read_len, payload.len);
    assert_memory_equal(read, payload.data, read_len);
}

/* Messages after the handshake, with the split keys. */
static void transport(const struct belay_noise_suite *suite, const uint8_t *key, uint64_t n,
                      json_t *message)
{
    struct bytes payload = hex(message, "payload"), wanted = hex(message, "ciphertext");
    uint8_t out[BYTES_MAX], back[BYTES_MAX];

    assert_int_equal(
        belay_noise_encrypt(suite, key, n, NULL, 0, payload.data, payload.len, out), 0);
    assert_int_equal(payload.len + BELAY_NOISE_TAG_SIZE, wanted.len);
    assert_memory_equal(out, wanted.data, wanted.len);
    assert_int_equal(belay_noise_decrypt(suite, key, n, NULL, 0, out, payload.len, back), 0);
    assert_memory_equal(back, payload.data, payload.len);
}

static void check_split(struct belay_noise *a, struct belay_noise *b, json_t *vector)
{
    uint8_t keys[2][2][BELAY_NOISE_KEY_SIZE], hash[2][BELAY_NOISE_HASH_MAX];
    struct bytes wanted = hex(vector, "handshake_hash");
    json_t *messages = json_object_get(vector, "messages");

    assert_true(belay_noise_is_done(a) && belay_noise_is_done(b));
    assert_int_equal(belay_noise_split(a, keys[0][0], keys[0][1], hash[0]), 0);
    assert_int_equal(belay_noise_split(b, keys[1][0], keys[1][1], hash[1]), 0);
    assert_memory_equal(keys[0], keys[1], sizeof(keys[0]));
    assert_memory_equal(hash[0], hash[1], a->suite->hash_size);
    if (wanted.there) {
        assert_int_equal(wanted.len, a->suite->hash_size);
        assert_memory_equal(hash[0], wanted.data, wanted.len);
    }
    for (size_t i = 2; i < json_array_size(messages); i++)
        transport(a->suite, keys[0][i % 2], i / 2 - 1, json_array_get(messages, i));
}

static void run_vector(json_t *vector, struct counts *counts)
{
    struct bytes prologue = hex(vector, "init_prologue");
    struct bytes resp_prologue = hex(vector, "resp_prologue");
    struct bytes init_e = hex(vector, "init_ephemeral"), resp_e = hex(vector, "resp_ephemeral");
    struct bytes init_s = hex(vector, "init_static"), resp_s = hex(vector, "resp_static");
    struct bytes rs = hex(vector, "init_remote_static");
    struct bytes init_psk = first_psk(vector, "init_psks");
    struct bytes resp_psk = first_psk(vector, "resp_psks");
    json_t *messages = json_object_get(vector, "messages");
    enum belay_noise_pattern pattern;
    struct belay_noise_suite suite;
    struct belay_noise a, b;

    if (!parse_name(json_string_value(json_object_get(vector, "protocol_name")), &pattern,
                    &suite)) {
        counts->other++;
        return;
    }
    counts->vectors++;
    counts->patterns[pattern]++;
    assert_int_equal(
        belay_noise_init(&a, &suite,
                         &(struct belay_noise_config){
                             pattern, true, prologue.data, prologue.len, or_null(&init_s), NULL,
                             or_null(&rs), or_null(&init_psk), init_e.data}),
        0);
    assert_int_equal(
        belay_noise_init(&b, &suite,
                         &(struct belay_noise_config){pattern, false, resp_prologue.data,
                                                      resp_prologue.len, or_null(&resp_s), NULL,
                                                      NULL, or_null(&resp_psk), resp_e.data}),
        0);
    exchange(&a, &b, json_array_get(messages, 0));
    if (pattern == BELAY_NOISE_IK)
        assert_memory_equal(belay_noise_peer_public(&b), a.s_public, BELAY_DH_SIZE);
    exchange(&b, &a, json_array_get(messages, 1));
    check_split(&a, &b, vector);
    belay_noise_dispose(&a);
    belay_noise_dispose(&b);
    belay_noise_suite_dispose(&suite);
}

static struct counts run_file(const char *file)
{
    struct counts counts = {0};
    json_error_t error;
    json_t *root = json_load_file(file, 0, &error), *vector;
    size_t i;

    if (root == NULL)
        fail_msg("%s: %s", file, error.text);
    json_array_foreach(json_object_get(root, "vectors"), i, vector)
    {
        run_vector(vector, &counts);
    }
    json_decref(root);
    print_message("%s: %u vectors, %u of other patterns\n", file, counts.vectors, counts.other);
    return counts;
}

static void test_vectors(void **state)
{
    struct counts counts = run_file(BELAY_TEST_VECTORS "/noise-25519.json");

    (void)state;
    for (unsigned i = 0; i < 5; i++) /* each with four hashes and two ciphers */
        assert_int_equal(counts.patterns[i], 8);
}

static void test_other_vectors(void **state)
{
    const char *file = getenv("BELAY_NOISE_VECTORS");

    (void)state;
    if (file == NULL)
        skip();
    assert_true(run_file(file).vectors > 0);
}

/* ------------------------------------------------------------------ what may go wrong */

/* Two sides with keys that fit, in every pattern; all bytes told apart. */
struct sides {
    struct belay_noise_suite suite;
    uint8_t s[2][32], s_public[2][32], e[2][32], psk[32];
    struct belay_noise_config config[2];
    struct belay_noise noise[2];
};

static void sides_init(struct sides *sides, enum belay_noise_pattern pattern)
{
    assert_int_equal(
        belay_noise_suite_init(&sides->suite, BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_SHA256), 0);
    memset(sides->psk, 7, sizeof(sides->psk));
    for (int i = 0; i < 2; i++) {
        memset(sides->s[i], 1 + i, 32);
        memset(sides->e[i], 3 + i, 32);
        assert_int_equal(belay_dh_public(sides->s[i], sides->s_public[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        sides->config[i] = (struct belay_noise_config){pattern,
                                                       i == 0,
                                                       "prologue",
                                                       8,
                                                       sides->s[i],
                                                       i == 0 ? NULL : sides->s_public[i],
                                                       sides->s_public[1 - i],
                                                       sides->psk,
                                                       sides->e[i]};
}

static void sides_begin(struct sides *sides)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(belay_noise_init(&sides->noise[i], &sides->suite, &sides->config[i]),
                         0);
}

static void sides_dispose(struct sides *sides)
{
    for (int i = 0; i < 2; i++)
        belay_noise_dispose(&sides->noise[i]);
    belay_noise_suite_dispose(&sides->suite);
}

/* Both messages, the first one's bit flipped (flip < its bits), then the second's: how it ends,
 * 0 when nobody found anything. A handshake whose first message is altered may be found only by
 * the reader of the second one. */
static int run_flipped(struct sides *sides, size_t flip, size_t *bits)
{
    uint8_t message[256], payload[256];
    size_t len, at = 0;
    int error = 0;

    sides_begin(sides);
    for (int i = 0; i < 2 && error == 0; i++) {
        assert_int_equal(
            belay_noise_write(&sides->noise[i], "payload", 7, message, sizeof(message), &len),
            0);
        if (flip >= at && flip < at + 8 * len)
            message[(flip - at) / 8] ^= (uint8_t)(1 << (flip - at) % 8);
        at += 8 * len;
        error = belay_noise_read(&sides->noise[1 - i], message, len, payload, sizeof(payload),
                                 &len);
    }
    *bits = at;
    return error;
}

static void test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 5; pattern++) {
        struct sides sides;
        size_t bits, total, kept = 0;

        sides_init(&sides, (enum belay_noise_pattern)pattern);
        assert_int_equal(run_flipped(&sides, SIZE_MAX, &total), 0);
        for (size_t flip = 0; flip < total; flip++)
            kept += run_flipped(&sides, flip, &bits) == 0;
        assert_int_equal(kept, 0);
        sides_dispose(&sides);
    }
}

static void test_truncated_and_extended(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 5; pattern++) {
        struct sides sides;
        uint8_t message[256] = {0}, payload[256];
        size_t len, ignored;

        sides_init(&sides, (enum belay_noise_pattern)pattern);
        sides_begin(&sides);
        assert_int_equal(
            belay_noise_write(&sides.noise[0], "x", 1, message, sizeof(message), &len), 0);
        for (size_t cut = 0; cut < len + 20; cut++) {
            struct belay_noise reader = sides.noise[1];

            /* Without a key yet, the payload's length is nobody's but the tag's to say. */
            bool open = pattern == BELAY_NOISE_NN && cut >= BELAY_DH_SIZE;
            int error =
                belay_noise_read(&reader, message, cut, payload, sizeof(payload), &ignored);

            assert_int_equal(error, open || cut == len ? 0 : BELAY_EPROTO);
        }
        sides_dispose(&sides);
    }
}

/* Whoever differs in prologue, psk or key ends with an error on one side. */
static void test_differences_are_found(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 5; pattern++)
        for (int what = 0; what < 3; what++) {
            struct sides sides;
            uint8_t other[32];
            size_t bits;
            bool matters =
                what == 0 ||
                (what == 1 &&
                 (pattern == BELAY_NOISE_NNPSK0 || pattern == BELAY_NOISE_NKPSK2)) ||
                (what == 2 && pattern != BELAY_NOISE_NN && pattern != BELAY_NOISE_NNPSK0);

            sides_init(&sides, (enum belay_noise_pattern)pattern);
            memset(other, 99, sizeof(other));
            if (what == 0)
                sides.config[1].prologue = "Prologue";
            else if (what == 1)
                sides.config[1].psk = other;
            else
                sides.config[0].peer_public = other;
            assert_int_equal(run_flipped(&sides, SIZE_MAX, &bits), matters ? BELAY_EPROTO : 0);
            sides_dispose(&sides);
        }
}

/* A peer's key of low order gives the same secret whatever ours is. */
static void test_low_order_keys_are_refused(void **state)
{
    struct sides sides;
    uint8_t message[48] = {0}, payload[64], out[128];
    size_t len;

    (void)state;
    sides_init(&sides, BELAY_NOISE_NN);
    sides_begin(&sides);
    assert_int_equal(
        belay_noise_read(&sides.noise[1], message, 40, payload, sizeof(payload), &len), 0);
    assert_int_equal(belay_noise_write(&sides.noise[1], "", 0, out, sizeof(out), &len),
                     BELAY_EPROTO);
    sides_dispose(&sides);
}

static void test_misuse(void **state)
{
    struct sides sides;
    uint8_t out[128];
    size_t len;

    (void)state;
    sides_init(&sides, BELAY_NOISE_IK);
    sides_begin(&sides);
    assert_null(belay_noise_peer_public(&sides.noise[1]));
    assert_int_equal(belay_noise_write(&sides.noise[1], "", 0, out, sizeof(out), &len),
                     BELAY_EINVAL);
    assert_int_equal(belay_noise_read(&sides.noise[0], out, 100, out, sizeof(out), &len),
                     BELAY_EINVAL);
    assert_int_equal(belay_noise_write(&sides.noise[0], "", 0, out, 95, &len), BELAY_EINVAL);
    assert_int_equal(belay_noise_split(&sides.noise[0], out, out + 32, out + 64), BELAY_EINVAL);
    assert_int_equal(belay_noise_write(&sides.noise[0], "", 0, out, 96, &len), 0);
    assert_int_equal(len, 96);
    sides_dispose(&sides);
    sides_init(&sides, BELAY_NOISE_IK);
    sides.config[0].own_private = NULL;
    assert_int_equal(belay_noise_init(&sides.noise[0], &sides.suite, &sides.config[0]),
                     BELAY_EINVAL);
    for (size_t i = 0; i < sizeof(sides.noise[0]); i++) /* what was copied is wiped */
        assert_int_equal(((uint8_t *)&sides.noise[0])[i], 0);
    belay_noise_suite_dispose(&sides.suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_other_vectors),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_truncated_and_extended),
        cmocka_unit_test(test_differences_are_found),
        cmocka_unit_test(test_low_order_keys_are_refused),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
