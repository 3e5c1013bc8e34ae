/* seeds_core.c - programs for the core: clients, servers and others, by hand. */
#include "seeds.h"

#include <stdio.h>

#include "ops.h"
#include "wire/packet.h"

/* What it says of ciphers: nothing when insecure; else these. */
static void put_params(struct belay_writer *w, const char *aeads)
{
    struct belay_transport_params params;
    uint8_t bytes[256];
    size_t len;

    belay_transport_params_init(&params);
    params.channels = 3;
    params.has_reset_token = true;
    params.aeads_count = strlen(aeads);
    memcpy(params.aeads, aeads, params.aeads_count);
    len = belay_transport_params_build(&params, bytes, sizeof(bytes));
    belay_write_u8(w, (uint8_t)len);
    belay_write_bytes(w, bytes, len);
}

static void put_client(struct belay_writer *w, uint8_t how, uint8_t who, uint8_t kind,
                       const char *aeads)
{
    belay_write_bytes(w, (uint8_t[]){(uint8_t)(OP_CLIENT | how), who, kind, who}, 4);
    put_params(w, aeads);
}

/* Every kind of client at every kind of server, with the right secrets and with wrong ones. */
static void client_seeds(void)
{
    static const struct {
        const char *name;
        uint8_t setup, kind, how;
        const char *aeads;
        bool is_kept_out;
    } rows[] = {
        {"client-insecure", CORE_INSECURE, BELAY_HANDSHAKE_INSECURE, 0, "", false},
        {"client-insecure-refused", 0, BELAY_HANDSHAKE_INSECURE, 0, "", false},
        {"client-nn", 0, BELAY_HANDSHAKE_NN, 0x40, "\2\1", false},
        {"client-nn-refused", CORE_INSECURE, BELAY_HANDSHAKE_NN, 0x40, "\1\2", false},
        {"client-nn-for-psk", CORE_PSK, BELAY_HANDSHAKE_NN, 0x40, "\1\2", false},
        {"client-nn-aes", 0, BELAY_HANDSHAKE_NN, 0, "\3\1", false},
        {"client-nn-no-cipher", 0, BELAY_HANDSHAKE_NN, 0, "\3", false},
        {"client-nk", CORE_OWN_KEY, BELAY_HANDSHAKE_NK, 0, "\1\2", false},
        {"client-nk-other-key", CORE_OWN_KEY, BELAY_HANDSHAKE_NK, 0x20, "\1\2", false},
        {"client-nk-unasked", CORE_AUTHORIZE, BELAY_HANDSHAKE_NK, 0x20, "\1\2", false},
        {"client-nnpsk0", CORE_PSK, BELAY_HANDSHAKE_NNPSK0, 0, "\1", false},
        {"client-nnpsk0-other", CORE_PSK, BELAY_HANDSHAKE_NNPSK0, 0x10, "\1", false},
        {"client-nkpsk2", CORE_PSK, BELAY_HANDSHAKE_NKPSK2, 0, "\2", false},
        {"client-ik", CORE_AUTHORIZE, BELAY_HANDSHAKE_IK, 0, "\2", false},
        {"client-ik-kept-out", CORE_AUTHORIZE, BELAY_HANDSHAKE_IK, 0x40, "\2", true},
        {"client-ik-not-asked", 0, BELAY_HANDSHAKE_IK, 0, "\2", false},
        {"client-unknown", 0, 9, 0, "", false},
        {"client-mismatch", 0, BELAY_HANDSHAKE_NNPSK0, 0, "\2", false},
    };
    struct seed seed;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum fuzz_call answer = rows[i].is_kept_out ? CALL_KEEP_OUT : CALL_LET_IN;

        belay_write_u8(seed_begin(&seed), rows[i].setup | CORE_LISTENS);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_CALL | answer << 4), 0}, 2);
        put_client(&seed.w, rows[i].how, 1, rows[i].kind, rows[i].aeads);
        put_client(&seed.w, rows[i].how, 1, rows[i].kind, rows[i].aeads);
        belay_write_u8(&seed.w, OP_TIMERS | 0x20);
        seed_end(&seed, "core", rows[i].name);
    }
}

static void server_seeds(void)
{
    static const struct {
        const char *name;
        uint8_t setup, how;
        const char *aeads;
    } rows[] = {
        {"server-insecure", CORE_INSECURE, 0, ""},
        {"server-nn", 0, 0, "\1"},
        {"server-nn-two-ciphers", 0, 0, "\1\2"},
        {"server-nk", CORE_SERVER_KEY, 0, "\2"},
        {"server-ik", CORE_SERVER_KEY | CORE_OWN_KEY, 0, "\2"},
        {"server-nnpsk0", CORE_PSK, 0, "\2"},
        {"server-nkpsk2", CORE_PSK | CORE_SERVER_KEY, 0, "\2"},
        {"server-nkpsk2-other", CORE_PSK | CORE_SERVER_KEY, 0x10, "\2"},
    };
    struct seed seed;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        belay_write_u8(seed_begin(&seed), rows[i].setup);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_DIAL | (i & 1) << 4), 2}, 2);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_SERVER | rows[i].how), 0}, 2);
        put_params(&seed.w, rows[i].aeads);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_CALL | CALL_SEND << 4, 0, 1, 0, 200}, 5);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_TIMERS | 0xf0, OP_CALL, 0, OP_TIMERS | 0xf0},
                          4);
        seed_end(&seed, "core", rows[i].name);
    }
}

void seeds_core(void)
{
#define ECHO(which, who)   OP_ECHO, which, who, 0
#define MIRROR(which, who) OP_ECHO | 0x10, which, who, 0
    struct seed seed;

    BYTES("core", "silence", 0, OP_DIAL, 1, OP_TIMERS | 0xf0, OP_TIMERS | 0xf0);
    BYTES("core", "icmp", 0, OP_DIAL, 1, OP_ICMP, 1, OP_DIAL | 0x10, 2, OP_ICMP | 0x10, 2,
          OP_TIMERS | 0xf0);
    BYTES("core", "reflected", 0, OP_DIAL, 1, ECHO(0, 1), OP_TIMERS | 0xf0);
    /* It dials itself: INIT, ACCEPT, then DATA both ways. */
    BYTES("core", "itself", CORE_LISTENS, OP_DIAL | 0x10, 1, MIRROR(0, 1),
          OP_CALL | CALL_SEND << 4, 0, 1, 1, 0, MIRROR(4, 1), OP_TIMERS | 0x10,
          OP_CALL | CALL_FREE << 4, 0, MIRROR(7, 1), MIRROR(8, 1));
    BYTES("core", "itself-from-elsewhere", CORE_LISTENS | CORE_INSECURE, OP_DIAL, 1,
          MIRROR(0, 2), ECHO(1, 1), ECHO(2, 2), ECHO(3, 3), ECHO(4, 1), OP_CALL, 0, OP_CALL, 1,
          ECHO(5, 1), OP_TIMERS | 0xf0);
    /* Again and again, until there are as many as may be; and one that takes another's place.
     */
    BYTES("core", "itself-too-often", CORE_LISTENS | CORE_INSECURE, OP_DIAL | 0x10, 1,
          MIRROR(0, 1), OP_DIAL | 0x10, 2, OP_ECHO | 0x10, 3, 2, 0, OP_DIAL | 0x10, 3,
          OP_ECHO | 0x10, 6, 3, 0, OP_DIAL, 4, OP_ECHO | 0x10, 9, 4, 0, OP_TIMERS | 0xf0);
    BYTES("core", "itself-replaced", CORE_LISTENS, OP_DIAL, 1, MIRROR(0, 1),
          OP_CALL | CALL_FREE << 4, 0, OP_TIMERS | 0xf0, OP_DIAL, 1, MIRROR(31, 1));
    BYTES("core", "damaged", CORE_LISTENS, OP_DIAL, 1, ECHO(0, 1), OP_ECHO, 1, 1, 1, 0, 99,
          OP_ECHO, 0, 2, 1, 0, 99, ECHO(1, 1), OP_ECHO, 2, 1, 1, 0, 99);
    BYTES("core", "unknown-data", CORE_LISTENS, OP_DATAGRAM, 1, 40, 0xf3, 1, 2, 3, 4, 5, 6, 7,
          8, OP_DATAGRAM | 0x10, 1, 20, 60, 0xf3, 1);
    BYTES("core", "other-version", CORE_LISTENS, OP_HELLO, 1, 0, 20, 0xc0, 0, 0, 0, 9, 0, 1, 2,
          3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 40, 0);
    BYTES("core", "not-listening", 0, OP_HELLO, 1, 0, 20, 0xc0, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6,
          7, 8, 0, 0, 1, 0, 40, 0);
    BYTES("core", "refused", 0, OP_DIAL, 1, OP_HELLO | 0x10, 1, 0, 18, 0xc3, 0, 0, 0, 1, 0, 1,
          2, 3, 4, 5, 6, 7, 8, 6, 2, 'n', 'o', OP_TIMERS | 0xf0);
    BYTES("core", "versions", 0, OP_DIAL, 1, OP_HELLO | 0x10, 1, 0, 19, 0xc4, 0, 0, 0, 0, 0, 1,
          2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0, 9, OP_TIMERS | 0xf0);
    BYTES("core", "retry", 0, OP_DIAL, 1, OP_HELLO | 0x10, 1, 0, 18, 0xc2, 0, 0, 0, 1, 0, 1, 2,
          3, 4, 5, 6, 7, 8, 3, 7, 7, 7, OP_TIMERS | 0xf0);
    BYTES("core", "no-key", CORE_LISTENS, OP_HELLO, 1, 0, 20, 0xc0, 0, 0, 0, 1, 0, 1, 2, 3, 4,
          5, 6, 7, 8, 0, 0, 1, 0, 40, 0);
    BYTES("core", "many-answers", 0, OP_DIAL, 1, OP_HELLO | 0x10, 1, 0, 18, 0xc3, 0, 0, 0, 1, 0,
          1, 2, 3, 4, 5, 6, 7, 8, 6, 2, 'n', 'o', OP_HELLO | 0x10, 1, 0, 23, 0xc4, 0, 0, 0, 0,
          0, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 0, 0, 9, 0, 0, 0, 1, OP_HELLO | 0x10, 1, 0, 16, 0xc3,
          0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 6, 0, OP_TIMERS | 0xf0);
    client_seeds();
    server_seeds();
    belay_write_u8(seed_begin(&seed), CORE_COOKIES | CORE_LISTENS);
    put_client(&seed.w, 0, 1, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 1, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 2, BELAY_HANDSHAKE_NN, "\1");
    seed_end(&seed, "core", "cookies");
    belay_write_u8(seed_begin(&seed), CORE_LISTENS); /* the last bring a cookie */
    for (uint8_t i = 0; i < 7; i++)
        put_client(&seed.w, 0, i, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 6, BELAY_HANDSHAKE_NN, "\1");
    belay_write_u8(&seed.w, OP_TIMERS | 0xf0);
    seed_end(&seed, "core", "crowd");
    for (uint8_t i = 0; i < 12; i++) {
        char name[32];

        belay_write_u8(seed_begin(&seed), CORE_NO_MEMORY | CORE_LISTENS);
        belay_write_u16(&seed.w, i < 8 ? i : 4u * i - 20);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_DIAL, 1, MIRROR(0, 1)}, 6);
        snprintf(name, sizeof(name), "no-memory-%02u", i);
        seed_end(&seed, "core", name);
    }
#undef ECHO
#undef MIRROR
}
