/* seeds_packets.c - packets and parts of them, by the builders. */
#include "seeds.h"

#include <stdio.h>

#include "ops.h"
#include "wire/packet.h"

static void header_seeds(void)
{
    static const uint8_t cid[BELAY_CID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t token[BELAY_RESET_TOKEN_BYTES] = {9, 8, 7};
    uint8_t packet[64] = {0};
    char name[32];

    for (unsigned i = 0; i < 8; i++) {
        size_t len = belay_data_header_build(packet, sizeof(packet), i & 1 ? cid : NULL, i & 2,
                                             0x12345678 + i, 1 + i / 2);

        snprintf(name, sizeof(name), "data-%u", i);
        seed_write("header", name, packet, len + 1 + BELAY_TAG_BYTES);
    }
    seed_write("header", "reset", packet, belay_reset_build(packet, sizeof(packet), token));
    for (unsigned type = 0xc0; type <= 0xc6; type++) {
        packet[0] = (uint8_t)type;
        snprintf(name, sizeof(name), "first-%02x", type);
        seed_write("header", name, packet, 20);
    }
    BYTES("header", "number", 0x00, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 5, 0);
    BYTES("header", "number-far", 0x40, 0, 0, 0, 0, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0,
          0);
    BYTES("header", "number-first", 0, 0, 0, 0, 0, 4, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0, 9);
}

static void write_hello(const struct belay_hello *hello, const char *name)
{
    uint8_t packet[BELAY_INIT_BYTES] = {0};
    size_t len = belay_hello_build(hello, packet, sizeof(packet) - BELAY_TAG_BYTES);

    FUZZ_CHECK(len > 0);
    len += BELAY_TAG_BYTES;
    if (hello->type == BELAY_PACKET_INIT) /* the target puts its zeros back */
        while (packet[len - 1] == 0)
            len--;
    seed_write("hello", name, packet, len);
}

static void hello_seeds(void)
{
    static const uint8_t bytes[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct belay_hello hello = {
        .type = BELAY_PACKET_INIT,
        .version = BELAY_VERSION_1,
        .client_cid = bytes,
        .nonce = bytes,
        .server_cid = bytes,
        .cookie = bytes,
        .random = bytes,
        .params = bytes,
        .params_len = 12,
        .code = 0x100,
        .reason = "not today",
        .reason_len = 9,
        .versions = bytes,
        .versions_count = 3,
    };

    write_hello(&hello, "init");
    hello.version = 77;
    write_hello(&hello, "init-of-another-version");
    hello.version = BELAY_VERSION_1;
    hello.client_cid_len = 8;
    hello.cookie_len = BELAY_COOKIE_BYTES_MAX;
    hello.handshake = BELAY_HANDSHAKE_IK;
    write_hello(&hello, "init-with-all");
    hello.type = BELAY_PACKET_ACCEPT;
    write_hello(&hello, "accept");
    hello.type = BELAY_PACKET_RETRY;
    hello.cookie_len = 20;
    write_hello(&hello, "retry");
    hello.type = BELAY_PACKET_REFUSE;
    write_hello(&hello, "refuse");
    hello.type = BELAY_PACKET_VERSIONS;
    hello.version = 0;
    hello.client_cid_len = BELAY_CID_BYTES_ANY;
    write_hello(&hello, "versions");
}

static void params_seeds(void)
{
    struct belay_transport_params params;
    struct seed seed;
    uint8_t bytes[256];

    belay_transport_params_init(&params);
    seed_write("params", "absent", bytes,
               belay_transport_params_build(&params, bytes, sizeof(bytes)));
    params.has_reset_token = true;
    params.aeads_count = 2;
    params.aeads[0] = 1;
    params.aeads[1] = 2;
    params.idle_timeout_ms = 30000;
    params.max_data = 1 << 20;
    seed_write("params", "all", bytes,
               belay_transport_params_build(&params, bytes, sizeof(bytes)));
    seed_begin(&seed);
    belay_write_varint(&seed.w, 77); /* unknown */
    belay_write_varint(&seed.w, 2);
    belay_write_u16(&seed.w, 7);
    seed_end(&seed, "params", "unknown");
    BYTES("params", "twice", 5, 1, 3, 5, 1, 3);
    BYTES("params", "cut-off", 5, 4, 3);
    BYTES("params", "long-value", 5, 2, 3, 0);
    BYTES("params", "no-channels", 5, 1, 0);
    BYTES("params", "short-token", 8, 2, 0, 0);
    BYTES("params", "no-aeads", 9, 0);
    BYTES("params", "little-credit", 3, 2, 0x40, 0x40, 2, 2, 0x50, 0);
}

static void noise_seeds(void)
{
    struct seed seed;
    char name[32];

    for (unsigned pattern = 0; pattern < 5; pattern++)
        for (unsigned flags = 0; flags < 64; flags += flags < 8 ? 1 : flags) {
            seed_begin(&seed);
            belay_write_u8(&seed.w, (uint8_t)pattern);
            belay_write_u8(&seed.w, (uint8_t)flags);
            belay_write_u8(&seed.w, 20);
            if (flags < 8 && flags > 1) {
                belay_write_u16(&seed.w, 0x0501);
                belay_write_u16(&seed.w, 0x2102);
            }
            snprintf(name, sizeof(name), "pattern-%u-flags-%02u", pattern, flags);
            if (flags < 8 || pattern == 4 || flags == 8)
                seed_end(&seed, "noise", name);
        }
    seed_begin(&seed); /* a key that is none */
    belay_write_bytes(&seed.w, "\0\2\0", 3);
    memset(belay_write_skip(&seed.w, 40), 0, 40);
    seed_end(&seed, "noise", "low-order");
}

static void cookie_seeds(void)
{
#define THEN 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0 /* about 1000 s */
    BYTES("cookie", "good", THEN, 0);
    BYTES("cookie", "other-remote", THEN, 1, 6, 1, 0);
    BYTES("cookie", "longer-remote", THEN, 1, 28, 0, 0);
    BYTES("cookie", "other-local", THEN, 2, 6, 0, 1);
    BYTES("cookie", "other-nonce", THEN, 4, 3, 1);
    BYTES("cookie", "other-id", THEN, 8, 9, 0);
    BYTES("cookie", "other-version", THEN, 16, 0, 0, 0, 2);
    BYTES("cookie", "other-bytes", THEN, 32, 20, 19, 1, 0, 0);
    BYTES("cookie", "other-time-in-it", THEN, 32, 20, 0, 0, 3, 5);
    BYTES("cookie", "other-length", THEN, 32, 21, 0, 0, 0, 0);
    BYTES("cookie", "young", THEN, 64, 0, 0, 0, 4, 0, 0, 0, 0, 0);
    BYTES("cookie", "old", THEN, 64, 0, 0, 0, 9, 0, 0, 0, 0, 0);
    BYTES("cookie", "much-later", THEN, 64, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0);
#undef THEN
}

void seeds_packets(void)
{
    header_seeds();
    hello_seeds();
    params_seeds();
    noise_seeds();
    cookie_seeds();
}
