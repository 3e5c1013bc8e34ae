/* cookie.c - a cookie is good for whom it was made, for as long as it says, and for nobody
 * else.
 */
#include "support/hex.h"

#include "crypto/cookie.h"
#include "crypto/keys.h"

#include <stdio.h>

#define SECOND UINT64_C(1000000000)

static const uint8_t nonce[8] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
static const uint8_t cid[8] = {1, 2, 3, 4, 5, 6, 7, 8};

struct fixture {
    struct belay_suite suite;
    struct belay_cookie_keys keys;
    struct belay_path path;
    struct belay_cookie_holder holder;
    uint8_t cookie[BELAY_COOKIE_SIZE];
};

static void set_address(struct belay_address *address, const char *hex)
{
    address->len = (uint8_t)test_hex(hex, address->bytes, sizeof(address->bytes));
}

static void set_up(struct fixture *f)
{
    uint8_t master[32];

    memset(f, 0, sizeof(*f));
    for (uint8_t i = 0; i < 32; i++)
        master[i] = i;
    assert_int_equal(belay_suite_init(&f->suite), 0);
    assert_int_equal(belay_cookie_keys_init(&f->keys, &f->suite, master), 0);
    set_address(&f->path.remote, "c0000201 ea60");
    set_address(&f->path.local, "c633640a 2710");
    f->path.socket = 3;
    f->holder = (struct belay_cookie_holder){
        .path = &f->path, .version = 1, .nonce = nonce, .client_cid = cid, .client_cid_len = 8};
}

static void tear_down(struct fixture *f)
{
    belay_suite_dispose(&f->suite);
}

static void make(struct fixture *f, uint64_t now_ns)
{
    assert_int_equal(belay_cookie_make(&f->keys, &f->suite, &f->holder, now_ns, f->cookie), 0);
}

static bool is_valid(struct fixture *f, uint64_t now_ns)
{
    return belay_cookie_is_valid(&f->keys, &f->suite, &f->holder, f->cookie, sizeof(f->cookie),
                                 now_ns);
}

/* Computed apart from this library, with Python's hmac and a SipHash of the authors' paper. */
static void test_vectors(void **state)
{
    static const struct {
        uint64_t now_s;
        uint32_t version, socket;
        const char *remote, *local;
        size_t cid_len;
        const char *cookie;
    } rows[] = {
        {1000, 1, 0, "c0000201ea60", "", 0, "56763903af157e2ea0a5180dbd7f056c70846948"},
        {1000, 1, 3, "c0000201ea60", "c633640a2710", 8,
         "56763903429b8d3d00c1990f0ee70e24eca37a4a"},
        {UINT64_C(1) << 33, 2, 0, "00000000000000000000000000000000000000000000000000000000",
         "", 0, "5676351bfec9504952d2a95f548bc5224195a7b9"},
        {0, 1, 0, "c0000201ea60", "", 0, "5676351b68ba061769368da531bad78b2e61328f"},
    };
    struct fixture f;

    (void)state;
    set_up(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_address(&f.path.remote, rows[i].remote);
        set_address(&f.path.local, rows[i].local);
        f.path.socket = rows[i].socket;
        f.holder.version = rows[i].version;
        f.holder.client_cid_len = rows[i].cid_len;
        make(&f, rows[i].now_s * SECOND + 999);
        test_assert_hex(f.cookie, sizeof(f.cookie), rows[i].cookie);
        assert_true(is_valid(&f, rows[i].now_s * SECOND));
    }
    tear_down(&f);
}

static void test_every_flipped_bit_is_refused(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    make(&f, 1000 * SECOND);
    for (unsigned bit = 0; bit < 8 * BELAY_COOKIE_SIZE; bit++) {
        f.cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* a low bit of its time makes it a little older: that is under the MAC, too */
        for (uint64_t s = 1000; s < 1040; s++)
            assert_false(is_valid(&f, s * SECOND));
        f.cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(is_valid(&f, 1000 * SECOND));
    for (size_t len = 0; len < 64; len++) {
        uint8_t longer[64] = {0};

        memcpy(longer, f.cookie, sizeof(f.cookie));
        assert_int_equal(
            belay_cookie_is_valid(&f.keys, &f.suite, &f.holder, longer, len, 1000 * SECOND),
            len == BELAY_COOKIE_SIZE);
    }
    tear_down(&f);
}

/* Each fact that it is bound to, changed by one bit or in its length. */
static void test_it_is_for_one_holder(void **state)
{
    static const uint8_t other_nonce[8] = {0x11, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17};
    static const uint8_t other_cid[8] = {1, 2, 3, 4, 5, 6, 7, 9};
    struct fixture f;
    struct belay_cookie_holder right;

    (void)state;
    set_up(&f);
    right = f.holder;
    make(&f, 1000 * SECOND);
    for (unsigned bit = 0; bit < 8 * 6; bit++) { /* address and port, theirs and ours */
        f.path.remote.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(is_valid(&f, 1000 * SECOND));
        f.path.remote.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        f.path.local.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(is_valid(&f, 1000 * SECOND));
        f.path.local.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    set_address(&f.path.remote, "c0000201 ea60 00");
    assert_false(is_valid(&f, 1000 * SECOND));
    /* the same bytes in a row, cut elsewhere */
    set_address(&f.path.remote, "c0000201 ea60 c6");
    set_address(&f.path.local, "33640a 2710");
    assert_false(is_valid(&f, 1000 * SECOND));
    set_address(&f.path.remote, "c0000201 ea60");
    set_address(&f.path.local, "c633640a 2710");
    f.path.socket = 2;
    assert_false(is_valid(&f, 1000 * SECOND));
    f.path.socket = 3;
    f.holder.nonce = other_nonce;
    assert_false(is_valid(&f, 1000 * SECOND));
    f.holder = right;
    f.holder.client_cid = other_cid;
    assert_false(is_valid(&f, 1000 * SECOND));
    f.holder = right;
    f.holder.client_cid_len = 0;
    assert_false(is_valid(&f, 1000 * SECOND));
    f.holder = right;
    f.holder.version = 2;
    assert_false(is_valid(&f, 1000 * SECOND));
    f.holder = right;
    assert_true(is_valid(&f, 1000 * SECOND));
    tear_down(&f);
}

/* At every second around its life, wherever in a key's period it was made. */
static void test_its_life(void **state)
{
    static const uint64_t made[] = {0, 1, 29, 30, 31, 59, 60, 61, 89, 90, 119, 120, 3599, 3600};
    struct fixture f;

    (void)state;
    set_up(&f);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        uint64_t first_ns = made[i] * SECOND;

        make(&f, first_ns + SECOND - 1); /* the last moment of its second */
        for (uint64_t s = 0; s <= made[i] + 300; s++)
            assert_int_equal(is_valid(&f, s * SECOND), s >= made[i] && s <= made[i] + 30);
        assert_true(is_valid(&f, first_ns + 31 * SECOND - 1));
        assert_false(is_valid(&f, first_ns + 31 * SECOND));
        assert_false(
            is_valid(&f, first_ns + (UINT64_C(1) << 32) * SECOND)); /* its time wraps */
    }
    tear_down(&f);
}

/* Keys are derived as they are needed: whatever was asked between, the answer is the same. */
static void test_rotation(void **state)
{
    struct fixture f;
    uint8_t early[BELAY_COOKIE_SIZE], late[BELAY_COOKIE_SIZE];

    (void)state;
    set_up(&f);
    make(&f, 59 * SECOND);
    memcpy(early, f.cookie, sizeof(early));
    make(&f, 60 * SECOND);
    memcpy(late, f.cookie, sizeof(late));
    assert_memory_not_equal(early + 4, late + 4, 16);
    for (unsigned i = 0; i < 4; i++) {
        memcpy(f.cookie, i % 2 ? late : early, sizeof(f.cookie));
        assert_true(is_valid(&f, 61 * SECOND));
        assert_true(is_valid(&f, 89 * SECOND));
        make(&f, (200 + 60 * i) * SECOND); /* other periods take their places */
    }
    tear_down(&f);
}

/* Another master key: what one core gives out is nothing to another. */
static void test_keys_differ(void **state)
{
    struct fixture f;
    struct belay_cookie_keys others;
    uint8_t master[32], other[BELAY_COOKIE_SIZE];

    (void)state;
    set_up(&f);
    make(&f, 1000 * SECOND);
    for (unsigned bit = 0; bit < 256; bit++) {
        for (uint8_t i = 0; i < 32; i++)
            master[i] = i;
        master[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(belay_cookie_keys_init(&others, &f.suite, master), 0);
        assert_false(belay_cookie_is_valid(&others, &f.suite, &f.holder, f.cookie,
                                           sizeof(f.cookie), 1000 * SECOND));
        assert_int_equal(belay_cookie_make(&others, &f.suite, &f.holder, 1000 * SECOND, other),
                         0);
        assert_memory_not_equal(other, f.cookie, 4); /* nor the same time */
    }
    tear_down(&f);
}

/*
 * What a client with many addresses sees: cookies that share their time and nothing else. None
 * is another's, nor differs from it as the addresses do.
 */
static void test_one_says_nothing_about_another(void **state)
{
    struct fixture f;
    uint8_t seen[256][BELAY_COOKIE_SIZE];

    (void)state;
    set_up(&f);
    for (unsigned i = 0; i < 256; i++) {
        f.path.remote.bytes[5] = (uint8_t)i;
        make(&f, 1000 * SECOND);
        memcpy(seen[i], f.cookie, sizeof(f.cookie));
        assert_memory_equal(seen[i], seen[0], 4);
        for (unsigned k = 0; k < i; k++) {
            unsigned same = 0;

            for (unsigned at = 4; at < BELAY_COOKIE_SIZE; at++)
                same += seen[i][at] == seen[k][at];
            assert_true(same < 8); /* of 16 */
        }
    }
    f.path.remote.bytes[5] = 7;
    for (unsigned i = 0; i < 256; i++) {
        memcpy(f.cookie, seen[i], sizeof(f.cookie));
        assert_int_equal(is_valid(&f, 1000 * SECOND), i == 7);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_it_is_for_one_holder),
        cmocka_unit_test(test_its_life),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_keys_differ),
        cmocka_unit_test(test_one_says_nothing_about_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
