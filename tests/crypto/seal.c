#include "support/hex.h"
#include "support/random.h"
#include "support/suite.h"

#include "crypto/keys.h"
#include "crypto/seal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static bool without_fast; /* libcrypto alone */

static int setup(void **state)
{
    if (suite_setup(state) != 0)
        return -1;
    if (without_fast)
        suite.fast = (struct belay_fast){0};
    return 0;
}

static struct belay_seal new_seal_of(enum belay_seal_algorithm algorithm, const uint8_t *key,
                                     const uint8_t *iv)
{
    struct belay_seal seal;
    assert_int_equal(belay_seal_init(&seal, &suite, algorithm, key, iv), 0);
    return seal;
}

static struct belay_seal new_seal(const uint8_t *key, const uint8_t *iv)
{
    return new_seal_of(BELAY_SEAL_GMAC, key, iv);
}

/* Packet number 0 leaves the iv as it is: the vectors of plain GMAC apply. */
static void test_published_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *key, *iv, *packet, *tag;
    } rows[] = {
        /* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 13. */
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        /* NIST CAVP, gcmEncryptExtIV256: PTlen 0, AADlen 128, Taglen 128, count 0. */
        {"78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
         "d79cf22d504cc793c3fb6c8a", "b96baa8c1c75a671bfb2d08d06be5f36",
         "3e5d486aa2e30b22e040b85723a06e76"},
        /* IEEE 802.1, MACsec GCM-AES test vectors, 2.1.2: 54-byte packet, authenticated. */
        {"e3c08a8f06c6e3ad95a70557b23f75483ce33021a9c72b7025666204c69c0b72",
         "12153524c0895e81b2c28465",
         "d609b1f056637a0d46df998d88e5222ab2c2846512153524c0895e810800"
         "0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233340001",
         "2f0bc5af409e06d609ea8b7d0fa5ea50"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key[32], iv[12], packet[128];
        test_hex(rows[i].key, key, sizeof(key));
        test_hex(rows[i].iv, iv, sizeof(iv));
        size_t len = test_hex(rows[i].packet, packet, sizeof(packet));
        struct belay_seal seal = new_seal(key, iv);
        assert_int_equal(belay_seal_packet(&seal, 0, packet, len / 3, len - len / 3), 0);
        test_assert_hex(packet, len, rows[i].packet);
        test_assert_hex(packet + len, BELAY_TAG_SIZE, rows[i].tag);
        assert_int_equal(belay_open_packet(&seal, 0, packet, len / 3, len - len / 3), 0);
        belay_seal_dispose(&seal);
    }
}

/* The same tag by libcrypto's other way to it, EVP_MAC. */
static void gmac(const uint8_t key[32], uint8_t nonce[12], const uint8_t *data, size_t len,
                 uint8_t tag[16])
{
    char cipher[] = "AES-256-GCM";
    size_t tag_len;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, nonce, 12),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "GMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    assert_int_equal(EVP_MAC_init(ctx, key, 32, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, tag, &tag_len, 16), 1);
    assert_int_equal(tag_len, 16);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

static void test_nonce_is_iv_xor_packet_number(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 1, 255, 256, 0x0102030405060708, UINT64_C(1) << 62, UINT64_MAX,
    };
    struct test_random random = {test_seed_from_env(20260106)};
    for (size_t i = 0; i < 200; i++) {
        uint8_t key[32], iv[12], nonce[12], packet[1500 + BELAY_TAG_SIZE], tag[16];
        uint64_t number =
            i < sizeof(numbers) / sizeof(numbers[0]) ? numbers[i] : test_random_u64(&random);
        size_t len = 1 + (size_t)test_random_below(&random, 1500);
        test_random_fill(&random, key, sizeof(key));
        test_random_fill(&random, iv, sizeof(iv));
        test_random_fill(&random, packet, sizeof(packet));
        memcpy(nonce, iv, sizeof(nonce));
        uint64_t rest = number;
        for (size_t at = 12; at-- > 4; rest >>= 8)
            nonce[at] = iv[at] ^ (rest & 0xff);

        struct belay_seal seal = new_seal(key, iv);
        assert_int_equal(belay_seal_packet(&seal, number, packet, 1, len - 1), 0);
        gmac(key, nonce, packet, len, tag);
        assert_memory_equal(packet + len, tag, sizeof(tag));
        belay_seal_dispose(&seal);
    }
}

struct sealed {
    enum belay_seal_algorithm algorithm;
    uint8_t key[32], iv[12], packet[1200];
    size_t header_len, payload_len;
};

static struct belay_seal open_seal(const struct sealed *s)
{
    return new_seal_of(s->algorithm, s->key, s->iv);
}

static struct sealed new_sealed(enum belay_seal_algorithm algorithm, size_t header_len,
                                size_t len, uint64_t number)
{
    struct test_random random = {7};
    struct sealed s = {.algorithm = algorithm,
                       .header_len = header_len,
                       .payload_len = len - BELAY_TAG_SIZE - header_len};
    test_random_fill(&random, s.key, sizeof(s.key));
    test_random_fill(&random, s.iv, sizeof(s.iv));
    test_random_fill(&random, s.packet, sizeof(s.packet));
    struct belay_seal seal = open_seal(&s);
    assert_int_equal(belay_seal_packet(&seal, number, s.packet, header_len, s.payload_len), 0);
    belay_seal_dispose(&seal);
    return s;
}

/* A copy is opened, for a refused packet is nothing any more. */
static int try_open(struct belay_seal *seal, const struct sealed *s, uint64_t number,
                    size_t header_len, size_t payload_len)
{
    uint8_t copy[1200];

    memcpy(copy, s->packet, sizeof(copy));
    return belay_open_packet(seal, number, copy, header_len, payload_len);
}

static void every_flipped_bit(enum belay_seal_algorithm algorithm)
{
    static const size_t sizes[] = {13 + BELAY_TAG_SIZE, 14 + BELAY_TAG_SIZE, 100, 1200};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct sealed s = new_sealed(algorithm, 13, sizes[i], 77);
        struct belay_seal seal = open_seal(&s);
        for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
            uint8_t mask = (uint8_t)(1u << bit % 8);
            s.packet[bit / 8] ^= mask;
            assert_int_equal(try_open(&seal, &s, 77, s.header_len, s.payload_len),
                             BELAY_EPROTO);
            s.packet[bit / 8] ^= mask;
        }
        /* A refused packet leaves the seal as good as before. */
        assert_int_equal(try_open(&seal, &s, 77, s.header_len, s.payload_len), 0);
        belay_seal_dispose(&seal);
    }
}

static void test_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (unsigned a = 0; a < BELAY_SEAL_ALGORITHMS; a++)
        every_flipped_bit((enum belay_seal_algorithm)a);
}

static void test_wrong_packet_number_is_refused(void **state)
{
    (void)state;
    for (unsigned a = 0; a < BELAY_SEAL_ALGORITHMS; a++) {
        struct sealed s = new_sealed((enum belay_seal_algorithm)a, 13, 200, 77);
        struct belay_seal seal = open_seal(&s);
        for (unsigned bit = 0; bit < 64; bit++)
            assert_int_equal(try_open(&seal, &s, 77 ^ UINT64_C(1) << bit, 13, s.payload_len),
                             BELAY_EPROTO);
        assert_int_equal(try_open(&seal, &s, 77, 13, s.payload_len), 0);
        belay_seal_dispose(&seal);
    }
}

static void test_wrong_length_is_refused(void **state)
{
    (void)state;
    for (unsigned a = 0; a < BELAY_SEAL_ALGORITHMS; a++) {
        struct sealed s = new_sealed((enum belay_seal_algorithm)a, 13, 200, 77);
        struct belay_seal seal = open_seal(&s);
        for (size_t len = 0; len < 400; len++)
            assert_int_equal(try_open(&seal, &s, 77, 13, len),
                             len == s.payload_len ? 0 : BELAY_EPROTO);
        belay_seal_dispose(&seal);
    }
}

static void test_wrong_key_or_iv_is_refused(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 3 * 8 * (32 + 12); bit++) {
        struct sealed s =
            new_sealed((enum belay_seal_algorithm)(bit % BELAY_SEAL_ALGORITHMS), 13, 200, 77);
        unsigned at = bit / BELAY_SEAL_ALGORITHMS;
        uint8_t *byte = at < 256 ? &s.key[at / 8] : &s.iv[at / 8 - 32];
        *byte ^= (uint8_t)(1u << at % 8);
        struct belay_seal seal = open_seal(&s);
        assert_int_equal(try_open(&seal, &s, 77, s.header_len, s.payload_len), BELAY_EPROTO);
        belay_seal_dispose(&seal);
    }
}

/* RFC 8439, 2.8.2 (its text and header), and McGrew and Viega's test case 16 for AES-256:
 * packet number 0 leaves the iv as it is. */
static void test_encryption_vectors(void **state)
{
    (void)state;
    static const struct {
        enum belay_seal_algorithm algorithm;
        const char *key, *iv, *aad, *plain, *sealed;
    } rows[] = {
        {BELAY_SEAL_CHACHA20_POLY1305,
         "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
         "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
         "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a"
         "204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865"
         "206675747572652c2073756e73637265656e20776f756c642062652069742e",
         "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282"
         "fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324"
         "e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"
         "1ae10b594f09e26a7e902ecbd0600691"},
        {BELAY_SEAL_AES_256_GCM,
         "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
         "0e2449a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0"
         "8b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key[32], iv[12], packet[256];
        size_t aad, len;

        test_hex(rows[i].key, key, sizeof(key));
        test_hex(rows[i].iv, iv, sizeof(iv));
        aad = test_hex(rows[i].aad, packet, sizeof(packet));
        len = test_hex(rows[i].plain, packet + aad, sizeof(packet) - aad);
        struct belay_seal seal = new_seal_of(rows[i].algorithm, key, iv);
        assert_int_equal(belay_seal_packet(&seal, 0, packet, aad, len), 0);
        test_assert_hex(packet, aad, rows[i].aad);
        test_assert_hex(packet + aad, len + BELAY_TAG_SIZE, rows[i].sealed);
        assert_int_equal(belay_open_packet(&seal, 0, packet, aad, len), 0);
        test_assert_hex(packet + aad, len, rows[i].plain);
        belay_seal_dispose(&seal);
    }
}

/* Two peers with derived keys; a packet sent back to its sender is refused. */
static void test_directions_differ(void **state)
{
    (void)state;
    static const uint8_t secret[16] = {1, 2, 3};
    struct belay_traffic_secrets keys;
    uint8_t key[2][32], iv[2][12];
    assert_int_equal(belay_keys_derive(&suite, secret, sizeof(secret), secret, 3, &keys), 0);
    assert_int_equal(belay_keys_packet(&suite, keys.client, key[0], iv[0]), 0);
    assert_int_equal(belay_keys_packet(&suite, keys.server, key[1], iv[1]), 0);
    for (unsigned a = 0; a < BELAY_SEAL_ALGORITHMS; a++) {
        enum belay_seal_algorithm algorithm = (enum belay_seal_algorithm)a;
        struct belay_seal client_out = new_seal_of(algorithm, key[0], iv[0]);
        struct belay_seal server_in = new_seal_of(algorithm, key[0], iv[0]);
        struct belay_seal client_in = new_seal_of(algorithm, key[1], iv[1]);
        for (uint64_t number = 0; number < 10; number++) {
            uint8_t packet[100] = "header payload", back[100];

            assert_int_equal(belay_seal_packet(&client_out, number, packet, 7, 50), 0);
            assert_int_equal(memcmp(packet + 7, "payload", 7) == 0,
                             algorithm == BELAY_SEAL_GMAC);
            memcpy(back, packet, sizeof(back));
            assert_int_equal(belay_open_packet(&server_in, number, packet, 7, 50), 0);
            assert_memory_equal(packet, "header payload", 14);
            assert_int_equal(belay_open_packet(&client_in, number, back, 7, 50), BELAY_EPROTO);
        }
        belay_seal_dispose(&client_out);
        belay_seal_dispose(&server_in);
        belay_seal_dispose(&client_in);
    }
}

static void test_dispose_of_nothing_and_twice(void **state)
{
    (void)state;
    static const uint8_t zeros[sizeof(struct belay_seal)];
    struct sealed s = new_sealed(BELAY_SEAL_AES_256_GCM, 13, 200, 0);
    struct belay_seal seal = {0};
    belay_seal_dispose(&seal);
    seal = new_seal(s.key, s.iv);
    belay_seal_dispose(&seal);
    assert_memory_equal(&seal, zeros, sizeof(seal));
    belay_seal_dispose(&seal);
}

/* What one seals the other opens, of every length, and the bytes are the same. */
static void test_both_ways_give_the_same_bytes(void **state)
{
    struct belay_suite slow = suite;
    (void)state;

    slow.fast = (struct belay_fast){0};
    if (!belay_fast_is_here(&suite.fast)) {
        print_message("SKIPPED ipsec-mb: not built in, or not for this processor\n");
        skip();
    }
    for (unsigned kind = BELAY_SEAL_GMAC; kind <= BELAY_SEAL_AES_256_GCM; kind++) {
        struct sealed s = new_sealed(kind, 13, 1200, 0);
        struct belay_seal a = open_seal(&s), b;

        assert_int_equal(belay_seal_init(&b, &slow, kind, s.key, s.iv), 0);
        assert_non_null(a.fast);
        assert_null(b.fast);
        for (size_t len = 0; len + 13 + BELAY_TAG_SIZE <= 1200; len++) {
            uint8_t plain[1200], by_a[1200], by_b[1200];

            memcpy(plain, s.packet, sizeof(plain));
            memcpy(by_a, plain, sizeof(plain));
            memcpy(by_b, plain, sizeof(plain));
            assert_int_equal(belay_seal_packet(&a, len, by_a, 13, len), 0);
            assert_int_equal(belay_seal_packet(&b, len, by_b, 13, len), 0);
            assert_memory_equal(by_a, by_b, sizeof(by_a));
            assert_int_equal(belay_open_packet(&b, len, by_a, 13, len), 0);
            assert_int_equal(belay_open_packet(&a, len, by_b, 13, len), 0);
            assert_memory_equal(by_a, plain, 13 + len);
            assert_memory_equal(by_b, plain, 13 + len);
        }
        belay_seal_dispose(&a);
        belay_seal_dispose(&b);
    }
}

static bool is_resting(const struct belay_seal *seal)
{
    return seal->fast == NULL && seal->ctx == NULL;
}

/* One packet after a rest has its key expanded in the suite's room, whoever's was there before;
 * the next one keeps its own. */
static void test_one_packet_after_a_rest(void **state)
{
    struct belay_seal seals[3];
    struct sealed s[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        s[i] = new_sealed((enum belay_seal_algorithm)i, 9, 100, 5);
        seals[i] = open_seal(&s[i]);
        belay_seal_rest(&seals[i]);
    }
    for (unsigned turn = 0; turn < 4; turn++)
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned packet = 0; packet < 3; packet++) {
                assert_int_equal(belay_seal_wake(&seals[i], &suite), 0);
                assert_int_equal(try_open(&seals[i], &s[i], 5, 9, s[i].payload_len), 0);
                belay_seal_nap(&seals[i], &suite);
                assert_int_equal(is_resting(&seals[i]), packet == 0);
            }
            belay_seal_rest(&seals[i]);
            assert_true(is_resting(&seals[i]));
        }
    for (unsigned i = 0; i < 3; i++)
        belay_seal_dispose(&seals[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_nonce_is_iv_xor_packet_number),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_wrong_packet_number_is_refused),
        cmocka_unit_test(test_wrong_length_is_refused),
        cmocka_unit_test(test_wrong_key_or_iv_is_refused),
        cmocka_unit_test(test_encryption_vectors),
        cmocka_unit_test(test_both_ways_give_the_same_bytes),
        cmocka_unit_test(test_directions_differ),
        cmocka_unit_test(test_one_packet_after_a_rest),
        cmocka_unit_test(test_dispose_of_nothing_and_twice),
    };
    const struct CMUnitTest slow[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_nonce_is_iv_xor_packet_number),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_wrong_packet_number_is_refused),
        cmocka_unit_test(test_wrong_length_is_refused),
        cmocka_unit_test(test_wrong_key_or_iv_is_refused),
        cmocka_unit_test(test_encryption_vectors),
        cmocka_unit_test(test_one_packet_after_a_rest),
        cmocka_unit_test(test_dispose_of_nothing_and_twice),
    };
    int failed = cmocka_run_group_tests_name("as it is", tests, setup, suite_teardown);

    without_fast = true;
    return failed + cmocka_run_group_tests_name("libcrypto", slow, setup, suite_teardown);
}
