/*
 * Cookies: one is made, and shown again by somebody, somewhere, some time later, with some of
 * its bytes changed. It is good only where, when and for whom it was made. Input:
 *
 *     u64 when, ns   u8 what is changed   then for each what it becomes
 */
#include "fuzz.h"

#include "crypto/cookie.h"

#define SECOND UINT64_C(1000000000)

enum { REMOTE = 1, LOCAL = 2, NONCE = 4, CLIENT_CID = 8, VERSION = 16, BYTES = 32, TIME = 64 };

/* Who holds a cookie; holder points into it. */
struct person {
    struct belay_path path;
    uint8_t nonce[BELAY_COOKIE_NONCE_SIZE], cid[255];
    struct belay_cookie_holder holder;
};

static void change_address(struct belay_reader *in, struct belay_address *address)
{
    address->len = belay_read_u8(in) % (BELAY_ADDRESS_MAX + 1);
    address->bytes[0] ^= belay_read_u8(in);
    address->bytes[5] ^= belay_read_u8(in);
}

static void person_init(struct person *person)
{
    *person = (struct person){
        .path = {.local = {.len = 6, .bytes = {1}}, .remote = {.len = 6, .bytes = {2}}},
        .holder = {.version = 1, .client_cid_len = 8},
    };
    person->holder.path = &person->path;
    person->holder.nonce = person->nonce;
    person->holder.client_cid = person->cid;
}

static void change_person(struct belay_reader *in, uint8_t what, struct person *person)
{
    if (what & REMOTE)
        change_address(in, &person->path.remote);
    if (what & LOCAL)
        change_address(in, &person->path.local);
    if (what & NONCE)
        person->nonce[belay_read_u8(in) % sizeof(person->nonce)] ^= belay_read_u8(in);
    if (what & CLIENT_CID) {
        person->holder.client_cid_len = belay_read_u8(in);
        person->cid[0] = belay_read_u8(in);
    }
    if (what & VERSION)
        person->holder.version = belay_read_u32(in);
}

static bool is_same_address(const struct belay_address *a, const struct belay_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool is_same_person(const struct person *a, const struct person *b)
{
    size_t cid_len = a->holder.client_cid_len;

    return is_same_address(&a->path.remote, &b->path.remote) &&
           is_same_address(&a->path.local, &b->path.local) &&
           memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0 &&
           cid_len == b->holder.client_cid_len && memcmp(a->cid, b->cid, cid_len) == 0 &&
           a->holder.version == b->holder.version;
}

/* May be longer or shorter after that. */
static size_t change_cookie(struct belay_reader *in, uint8_t cookie[64])
{
    size_t len = belay_read_u8(in) % 65;

    cookie[belay_read_u8(in) % 64] ^= belay_read_u8(in);
    cookie[belay_read_u8(in) % 4] ^= belay_read_u8(in);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t master[32] = {1, 2, 3};
    uint8_t made[64] = {0}, shown[64], what, *copy;
    size_t len = BELAY_COOKIE_SIZE;
    struct belay_cookie_keys keys;
    struct person one, other;
    static struct belay_suite suite; /* looked up once for all inputs */
    struct belay_reader in;
    uint64_t then_ns, now_ns;
    bool is_good, is_same, is_young;

    belay_reader_init(&in, data, size);
    then_ns = now_ns = belay_read_u64(&in);
    what = belay_read_u8(&in);
    person_init(&one);
    person_init(&other);
    change_person(&in, what, &other);
    if (suite.sha256 == NULL)
        FUZZ_CHECK(belay_suite_init(&suite) == 0);
    FUZZ_CHECK(belay_cookie_keys_init(&keys, &suite, master) == 0);
    FUZZ_CHECK(belay_cookie_make(&keys, &suite, &one.holder, then_ns, made) == 0);
    memcpy(shown, made, sizeof(shown));
    if (what & BYTES)
        len = change_cookie(&in, shown);
    if (what & TIME)
        now_ns += belay_read_u64(&in) >> (belay_read_u8(&in) & 63);
    copy = fuzz_copy(shown, len);
    is_good = belay_cookie_is_valid(&keys, &suite, &other.holder, copy, len, now_ns);
    free(copy);
    is_same = len == BELAY_COOKIE_SIZE && memcmp(shown, made, len) == 0 &&
              is_same_person(&one, &other);
    is_young =
        now_ns / SECOND - then_ns / SECOND <= BELAY_COOKIE_LIFE_S; /* huge: time to come */
    FUZZ_CHECK(is_good == (is_same && is_young));
    FUZZ_PLANT(is_good && now_ns - then_ns > 5 * SECOND && now_ns - then_ns < 15 * SECOND);
    return 0;
}
