/* INIT, ACCEPT, RETRY, REFUSE and VERSIONS. An INIT is filled up with zeros to its one size, so
 * that inputs stay short. */
#include "fuzz.h"

#include "wire/packet.h"

static void check_pointers(const struct belay_hello *hello, const uint8_t *data, size_t size)
{
    FUZZ_CHECK(fuzz_is_inside(hello->client_cid, hello->client_cid_len, data, size));
    FUZZ_CHECK(fuzz_is_inside(hello->nonce, BELAY_NONCE_BYTES, data, size));
    FUZZ_CHECK(fuzz_is_inside(hello->cookie, hello->cookie_len, data, size));
    FUZZ_CHECK(fuzz_is_inside(hello->params, hello->params_len, data, size));
    FUZZ_CHECK(fuzz_is_inside(hello->reason, hello->reason_len, data, size));
    FUZZ_CHECK(fuzz_is_inside(hello->versions, 4 * hello->versions_count, data, size));
    if (hello->random != NULL)
        FUZZ_CHECK(fuzz_is_inside(hello->random, BELAY_HELLO_RANDOM_BYTES, data, size));
    if (hello->server_cid != NULL)
        FUZZ_CHECK(fuzz_is_inside(hello->server_cid, BELAY_CID_BYTES, data, size));
    FUZZ_CHECK(hello->client_cid_len <= BELAY_CID_BYTES_ANY);
    FUZZ_CHECK(hello->cookie_len <= BELAY_COOKIE_BYTES_MAX);
}

/* A code may have been written longer than it need be; all else is written in one way. */
static bool is_same_when_built(const struct belay_hello *hello)
{
    return hello->type != BELAY_PACKET_REFUSE;
}

static void check_built(const struct belay_hello *hello, const uint8_t *data, size_t size)
{
    uint8_t *built = malloc(size);
    size_t len;

    FUZZ_CHECK(built != NULL);
    len = belay_hello_build(hello, built, size - BELAY_TAG_BYTES);
    FUZZ_CHECK(len > 0 && len <= size - BELAY_TAG_BYTES);
    if (is_same_when_built(hello))
        FUZZ_CHECK(len == size - BELAY_TAG_BYTES && memcmp(built, data, len) == 0);
    FUZZ_CHECK(belay_hello_build(hello, built, len - 1) == 0);
    free(built);
}

static void check(const uint8_t *data, size_t size)
{
    struct belay_hello hello;
    int error = belay_hello_parse(&hello, data, size);

    if (error == BELAY_EVERSION) {
        FUZZ_CHECK(data[0] == 0xc0 && hello.version != BELAY_VERSION_1);
        FUZZ_CHECK(fuzz_is_inside(hello.client_cid, hello.client_cid_len, data, size));
        FUZZ_CHECK(fuzz_is_inside(hello.nonce, BELAY_NONCE_BYTES, data, size));
    }
    if (error != 0)
        return;
    FUZZ_CHECK(hello.type <= BELAY_PACKET_VERSIONS);
    check_pointers(&hello, data, size);
    check_built(&hello, data, size);
    FUZZ_PLANT(hello.type == BELAY_PACKET_RETRY && hello.cookie_len > 1 &&
               hello.cookie_len < 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t init[BELAY_INIT_BYTES] = {0};

    if (size > 0 && data[0] == 0xc0 && size < sizeof(init)) {
        memcpy(init, data, size);
        check(init, sizeof(init));
    } else {
        check(data, size);
    }
    return 0;
}
