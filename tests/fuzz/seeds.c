/*
 * seeds.c - writes the first inputs of every target, by the builders and from true connections:
 *
 *     fuzz_seeds DIR          to DIR/TARGET/NAME; the same bytes every time
 *
 * corpus/ has them, and beside them what fuzzers found (run.sh --keep), by its hash.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ops.h"
#include "seed_texts.h"
#include "side.h"
#include "wire/frame.h"
#include "wire/packet.h"

#define SEED_BYTES 1000

struct seed {
    uint8_t bytes[SEED_BYTES];
    struct belay_writer w;
};

static const char *folder;

/* ------------------------------------------------------------------ files */

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static void write_seed(const char *target, const char *name, const void *bytes, size_t len)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, target);
    make_folder(path);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static struct belay_writer *begin(struct seed *seed)
{
    belay_writer_init(&seed->w, seed->bytes, sizeof(seed->bytes));
    return &seed->w;
}

static void end(struct seed *seed, const char *target, const char *name)
{
    FUZZ_CHECK(!seed->w.bad);
    write_seed(target, name, seed->bytes, (size_t)(seed->w.at - seed->bytes));
}

/* What is written in C as numbers. */
#define BYTES(target, name, ...)                                                               \
    do {                                                                                       \
        static const uint8_t bytes_[] = {__VA_ARGS__};                                         \
        write_seed(target, name, bytes_, sizeof(bytes_));                                      \
    } while (0)

/* ------------------------------------------------------------------ packets */

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
        write_seed("header", name, packet, len + 1 + BELAY_TAG_BYTES);
    }
    write_seed("header", "reset", packet, belay_reset_build(packet, sizeof(packet), token));
    for (unsigned type = 0xc0; type <= 0xc6; type++) {
        packet[0] = (uint8_t)type;
        snprintf(name, sizeof(name), "first-%02x", type);
        write_seed("header", name, packet, 20);
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
    write_seed("hello", name, packet, len);
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
    write_seed("params", "absent", bytes,
               belay_transport_params_build(&params, bytes, sizeof(bytes)));
    params.has_reset_token = true;
    params.aeads_count = 2;
    params.aeads[0] = 1;
    params.aeads[1] = 2;
    params.idle_timeout_ms = 30000;
    params.max_data = 1 << 20;
    write_seed("params", "all", bytes,
               belay_transport_params_build(&params, bytes, sizeof(bytes)));
    begin(&seed);
    belay_write_varint(&seed.w, 77); /* unknown */
    belay_write_varint(&seed.w, 2);
    belay_write_u16(&seed.w, 7);
    end(&seed, "params", "unknown");
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
            begin(&seed);
            belay_write_u8(&seed.w, (uint8_t)pattern);
            belay_write_u8(&seed.w, (uint8_t)flags);
            belay_write_u8(&seed.w, 20);
            if (flags < 8 && flags > 1) {
                belay_write_u16(&seed.w, 0x0501);
                belay_write_u16(&seed.w, 0x2102);
            }
            snprintf(name, sizeof(name), "pattern-%u-flags-%02u", pattern, flags);
            if (flags < 8 || pattern == 4 || flags == 8)
                end(&seed, "noise", name);
        }
    begin(&seed); /* a key that is none */
    belay_write_bytes(&seed.w, "\0\2\0", 3);
    memset(belay_write_skip(&seed.w, 40), 0, 40);
    end(&seed, "noise", "low-order");
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

/* ------------------------------------------------------------------ a true connection */

struct recorder {
    struct fuzz_side sides[2];
    struct belay_core_conn *conns[2];
    uint64_t now_ns;
    struct {
        unsigned from;
        uint8_t data[1500];
        size_t len;
    } flight[64];
    size_t flight_count;
    unsigned loses; /* one in so many */
    unsigned datagrams;
    struct seed program; /* for the peer: what the client said */
    unsigned frames_count, hellos_count;
    const char *name;
};

static void poll(void *ctx, struct fuzz_side *side)
{
    struct recorder *r = ctx;
    struct belay_core_event event;

    while (belay_core_poll(side->core, &event) == 1)
        if (event.type == BELAY_CORE_ACCEPTED)
            r->conns[1] = event.conn;
}

static void record_hello(struct recorder *r, const uint8_t *data, size_t len)
{
    char name[64];

    if (data[0] == 0xc0)
        len = 250; /* the rest is zero but for the tag, which nobody reads */
    snprintf(name, sizeof(name), "%s-%u", r->name, r->hellos_count++);
    write_seed("hello", name, data, len);
}

static void on_out(void *ctx, struct fuzz_side *from, const struct belay_path *path,
                   uint8_t *data, size_t len)
{
    struct recorder *r = ctx;

    (void)path;
    if (data[0] < 0xe0 && r->hellos_count < 4)
        record_hello(r, data, len);
    if (r->datagrams++ > 4 && r->loses > 0 && r->datagrams % r->loses == 0)
        return;
    FUZZ_CHECK(r->flight_count < 64 && len <= sizeof(r->flight[0].data));
    r->flight[r->flight_count].from = from == &r->sides[1];
    r->flight[r->flight_count].len = len;
    memcpy(r->flight[r->flight_count++].data, data, len);
}

/* The frames of a packet: a seed, and if they are the client's, a part of the program. */
static void on_trace(void *ctx, const struct belay_core_conn *conn,
                     const struct belay_trace *packet, uint64_t now_ns)
{
    struct recorder *r = ctx;
    size_t len = packet->frames_len;
    char name[64];

    (void)now_ns;
    if (packet->type != 'D' || !packet->outgoing || len > 400)
        return;
    if (r->frames_count < 12) {
        snprintf(name, sizeof(name), "%s-%02u", r->name, r->frames_count++);
        write_seed("frames", name, packet->frames, len);
    }
    if (belay_core_conn_core(conn) != r->sides[0].core ||
        belay_writer_left(&r->program.w) < len + 4)
        return;
    belay_write_u8(&r->program.w, OP_FORGE_LONG);
    belay_write_u16(&r->program.w, (uint16_t)len);
    belay_write_bytes(&r->program.w, packet->frames, len);
    belay_write_u8(&r->program.w, OP_COLLECT | 0x10);
}

static void exchange(struct recorder *r)
{
    do {
        for (size_t i = 0; i < r->flight_count; i++) {
            unsigned from = r->flight[i].from;
            struct belay_path path = {.local = r->sides[!from].address,
                                      .remote = r->sides[from].address};

            fuzz_side_receive(&r->sides[!from], &path, r->flight[i].data, r->flight[i].len, 0,
                              r->now_ns, poll, r);
        }
        r->flight_count = 0;
        for (unsigned i = 0; i < 2; i++)
            fuzz_side_send(&r->sides[i], r->now_ns, on_out, r);
    } while (r->flight_count > 0);
}

static void run(struct recorder *r, unsigned steps)
{
    for (; steps > 0; steps--) {
        uint64_t a = belay_core_deadline(r->sides[0].core);
        uint64_t b = belay_core_deadline(r->sides[1].core);

        exchange(r);
        if ((a < b ? a : b) == BELAY_NEVER)
            return;
        r->now_ns = (a < b ? a : b) > r->now_ns ? (a < b ? a : b) : r->now_ns + MS;
        for (unsigned i = 0; i < 2; i++) {
            fuzz_side_timeout(&r->sides[i], r->now_ns);
            poll(r, &r->sides[i]);
        }
    }
}

static void send_some(struct recorder *r, unsigned side)
{
    static const uint16_t sizes[] = {0, 1, 30, 100, 300, 1500, 5000};
    static const uint8_t data[5000];

    for (unsigned i = 0; i < 7; i++)
        for (unsigned k = 0; k < 2; k++)
            (void)belay_core_conn_send(r->conns[side], i % SIDE_CHANNELS,
                                       k ? BELAY_RELIABLE_UNORDERED : BELAY_RELIABLE_ORDERED,
                                       data, sizes[i], 0, BELAY_NEVER, NULL);
}

/* setup: enum fuzz_peer_setup, as far as it is about the handshake. */
static void record(const char *name, uint8_t setup, unsigned loses)
{
    struct recorder *r = calloc(1, sizeof(*r));
    struct belay_core_config config;
    struct belay_path path;

    FUZZ_CHECK(r != NULL);
    r->name = name;
    r->loses = loses;
    r->now_ns = 1000 * SECOND;
    belay_write_u8(begin(&r->program), setup);
    fuzz_side_config(&config);
    config.insecure = setup & SETUP_INSECURE;
    for (unsigned i = 0; i < 2; i++) {
        fuzz_side_init(&r->sides[i], &config, (uint8_t)(1 + i));
        belay_core_set_trace(r->sides[i].core, on_trace, r);
    }
    if (setup & SETUP_SERVER_KEY)
        belay_core_set_server_key(r->sides[0].core, belay_core_key(r->sides[1].core));
    belay_core_listen(r->sides[1].core, true);
    path = (struct belay_path){.local = r->sides[0].address, .remote = r->sides[1].address};
    FUZZ_CHECK(belay_core_connect(r->sides[0].core, &path, setup & SETUP_SHARED, NULL,
                                  &r->conns[0]) == 0);
    exchange(r);
    FUZZ_CHECK(r->conns[1] != NULL);
    send_some(r, 0);
    send_some(r, 1);
    run(r, 20);
    belay_core_conn_close(r->conns[0]);
    belay_core_conn_close(r->conns[1]);
    run(r, 20);
    end(&r->program, "peer", name);
    fuzz_side_end(&r->sides[0]);
    fuzz_side_end(&r->sides[1]);
    free(r);
}

/* ------------------------------------------------------------------ frames by hand */

/* Those that a true connection seldom sends. */
static const struct frame_seed {
    const char *name;
    uint8_t len, bytes[30];
} frame_seeds[] = {
    {"padding-ping", 3, {0, 0, 1}},
    {"ack-ranges", 9, {2, 0x20, 5, 2, 1, 0, 0, 3, 4}},
    {"ack-ecn", 8, {3, 0x20, 5, 0, 1, 1, 2, 3}},
    {"ack-never-sent", 8, {2, 0x80, 1, 0, 0, 5, 0, 0}},
    {"ack-below-zero", 5, {2, 1, 0, 0, 2}},
    {"ack-many-ranges", 6, {2, 0x20, 0, 0x41, 0x01, 0}},
    {"max-data", 7, {4, 0x80, 1, 0, 0, 0x50, 0}},
    {"max-messages", 4, {5, 0, 0, 0x20}},
    {"max-messages-unused", 4, {5, 2, 1, 0x20}},
    {"max-messages-channel", 7, {5, 0x80, 1, 0, 0, 0, 1}},
    {"max-messages-mode", 4, {5, 0, 4, 1}},
    {"data-blocked", 3, {6, 0x41, 0}},
    {"messages-blocked", 4, {7, 1, 0, 0x10}},
    {"fin", 2, {8, 5}},
    {"fin-twice", 4, {8, 5, 8, 6}},
    {"close", 7, {9, 0x41, 0, 3, 'b', 'y', 'e'}},
    {"close-none", 3, {9, 0, 0}},
    {"close-long", 4, {9, 1, 0x41, 0}},
    {"unknown", 1, {0x0a}},
    {"cut-off", 3, {5, 0, 0}},
    {"message", 8, {0x40, 0, 0, 0, 0, 'a', 'b', 'c'}},
    {"message-channel", 9, {0x4f, 2, 0, 0, 0, 0, 'a', 'b', 'c'}},
    {"message-channel-far", 9, {0x4f, 0x80, 1, 0, 0, 0, 0, 0, 0}},
    {"message-reserved-mode", 6, {0x60, 0, 0, 0, 0, 'a'}},
    {"message-out-of-order", 8, {0x41, 0, 0, 0, 3, 'a', 'b', 'c'}},
    {"message-unordered", 10, {0x51, 0, 0, 0, 3, 3, 0, 0, 0, 'c'}},
    {"message-past-window", 6, {0x40, 0, 0, 1, 0, 'a'}},
    {"run", 14, {0x80, 0, 0, 0, 0, 0, 3, 0, 1, 'a', 2, 'b', 'c', 1}},
    {"run-empty", 7, {0x80, 0, 0, 0, 0, 0, 0}},
    {"run-of-nothing", 11, {0x90, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0}},
    {"run-long-lengths", 12, {0x80, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 1, 'a'}},
    {"run-past-end", 9, {0x80, 0, 0, 0, 0, 0, 1, 9, 1}},
    {"fragment", 12, {0xc0, 0, 0, 0, 0, 9, 2, 4, 'a', 'b', 'c', 'd'}},
    {"fragment-late", 12, {0xd2, 0, 0, 0, 2, 9, 5, 4, 'a', 'b', 'c', 'd'}},
    {"fragment-large", 10, {0xc0, 0, 0, 0, 0, 0x7f, 0xff, 0, 1, 'a'}},
    {"fragment-too-large", 12, {0xc0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 1, 'a'}},
    {"fragment-empty", 8, {0xc0, 0, 0, 0, 0, 9, 2, 0}},
    {"fragment-outside", 9, {0xc0, 0, 0, 0, 0, 9, 9, 1, 'a'}},
    {"fragment-past-end", 9, {0xc0, 0, 0, 0, 0, 9, 2, 5, 'a'}},
    {"new-id", 27, {0x0a, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"new-id-retires-itself", 27, {0x0a, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"retire-id", 2, {0x0b, 1}},
    {"retire-id-never-given", 2, {0x0b, 0x20}},
    {"path-challenge", 9, {0x0c, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"path-response", 9, {0x0d, 1, 2, 3, 4, 5, 6, 7, 8}},
    {"path-both", 18, {0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4, 5, 6, 7, 8}},
};

#define FRAME_SEEDS (sizeof(frame_seeds) / sizeof(frame_seeds[0]))

/* And for the peer: sealed, by either side, after some traffic; some phases on, and often. */
static void forge_seed(const struct frame_seed *frame, unsigned i)
{
    struct seed seed;
    uint8_t setup = i % 3 == 0 ? 0 : SETUP_INSECURE | (i % 3 == 1 ? SETUP_SHARED : 0);
    uint8_t who = i % 2 ? 0x10 : 0;
    char name[64];

    belay_write_u8(begin(&seed), setup);
    belay_write_bytes(&seed.w, (uint8_t[]){OP_SEND, 0, 0, 30, OP_SEND | 0x10, 5, 8, 0}, 8);
    belay_write_u8(&seed.w, OP_EXCHANGE);
    belay_write_u8(&seed.w, (uint8_t)(OP_FORGE | who | (i % 5 == 4 ? 0x80 : 0)));
    if (i % 5 == 4)
        belay_write_u8(&seed.w, 50);
    belay_write_u8(&seed.w, frame->len);
    belay_write_bytes(&seed.w, frame->bytes, frame->len);
    belay_write_u8(&seed.w, OP_STEP | 0xb0);
    snprintf(name, sizeof(name), "forged-%s", frame->name);
    end(&seed, "peer", name);
}

static void frames_seeds(void)
{
    struct seed seed;

    for (unsigned i = 0; i < FRAME_SEEDS; i++) {
        write_seed("frames", frame_seeds[i].name, frame_seeds[i].bytes, frame_seeds[i].len);
        forge_seed(&frame_seeds[i], i);
    }
    begin(&seed);
    for (unsigned i = 0; i < 33; i++)
        belay_write_u16(&seed.w, 0x0001); /* PADDING, PING */
    end(&seed, "frames", "too-many");
    begin(&seed);
    for (unsigned i = 0; i < 2; i++) {
        belay_write_bytes(&seed.w, "\x80\0\0\0\0\1\x40", 7);
        memset(belay_write_skip(&seed.w, 0x140), 0, 0x140);
    }
    end(&seed, "frames", "two-runs");
}

/* ------------------------------------------------------------------ programs by hand */

static void peer_seeds(void)
{
    struct seed seed;

#define SEND_SOME OP_SEND, 1, 0, 60, OP_SEND | 0x10, 4, 20, 0, OP_SEND, 2, 0x4e, 0
#define RUN       OP_STEP | 0xf0, OP_STEP | 0xf0
    BYTES("peer", "quiet", 0, SEND_SOME, RUN, OP_APP, OP_APP | 0x10, RUN);
    BYTES("peer", "lossy", SETUP_SERVER_KEY, SEND_SOME, OP_COLLECT, OP_LOSE, RUN, SEND_SOME,
          OP_COLLECT | 0x10, OP_LOSE, RUN, OP_APP, OP_APP | 0x10, RUN);
    BYTES("peer", "repeated", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, OP_COLLECT, OP_REPEAT,
          1, OP_REPEAT, 0, OP_REPEAT, 2, OP_EXCHANGE, RUN);
    BYTES("peer", "flipped", SETUP_CHACHA, SEND_SOME, OP_COLLECT, OP_FLIP, 0, 0, 3, OP_FLIP, 1,
          0, 90, OP_FLIP, 0, 0, 4, RUN);
    BYTES("peer", "updates", SETUP_UPDATES, SEND_SOME, RUN, SEND_SOME, RUN, SEND_SOME, RUN,
          OP_FORGE | 0x40, 1, 1, 1, RUN, OP_FORGE | 0x50, 2, 1, 1, RUN);
    BYTES("peer", "phases", SETUP_INSECURE, OP_FORGE | 0x40, 1, 1, 1, RUN, OP_FORGE | 0x40, 2,
          1, 1, RUN, OP_FORGE | 0x40, 3, 1, 1, RUN);
    BYTES("peer", "wraps", SETUP_WRAPS, SEND_SOME, RUN, SEND_SOME, RUN, OP_FORGE | 0x20, 9, 1,
          1, RUN);
    BYTES("peer", "idle", 0, OP_SLEEP | 0xe0, OP_SLEEP | 0xf0, RUN);
    BYTES("peer", "never-idle", SETUP_NO_IDLE, SEND_SOME, OP_SLEEP | 0xf0, OP_SLEEP | 0xf0,
          RUN);
    BYTES("peer", "paused", 0, OP_APP | APP_PAUSE << 5 | 0x10, SEND_SOME, SEND_SOME, SEND_SOME,
          SEND_SOME, RUN, OP_APP | APP_RESUME << 5 | 0x10, RUN, RUN);
    BYTES("peer", "aborted", 0, SEND_SOME, OP_COLLECT, OP_APP | APP_ABORT << 5, 9, RUN);
    BYTES("peer", "freed", 0, SEND_SOME, OP_COLLECT, OP_APP | APP_FREE << 5 | 0x10, RUN);
    BYTES("peer", "marks", 0, OP_APP | APP_WATERMARKS << 5, 10, 0, 40, SEND_SOME, RUN,
          SEND_SOME, RUN);
    BYTES("peer", "reset", SETUP_SHARED, SEND_SOME, OP_APP | APP_RESET << 5, RUN);
    BYTES("peer", "icmp", 0, SEND_SOME, OP_APP | APP_UNREACHABLE << 5, RUN);
    BYTES("peer", "pings", SETUP_INSECURE, OP_FORGE | 0x80, 250, 1, 1, OP_COLLECT | 0x10,
          OP_FORGE | 0x80, 250, 1, 1, OP_COLLECT | 0x10, OP_LOSE, RUN);
    BYTES("peer", "gaps", SETUP_INSECURE, OP_FORGE | 0xa0, 3, 100, 1, 1, OP_COLLECT | 0x10,
          OP_FORGE | 0xa0, 1, 100, 1, 1, RUN);
    BYTES("peer", "raw", 0, OP_RAW, 20, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8,
          9, 10, OP_RAW | 0x10, 5, 0xe0, 1, 2, 3, 4, RUN);
    for (uint8_t i = 0; i < 12; i++) {
        char name[32];

        belay_write_u8(begin(&seed), SETUP_NO_MEMORY | SETUP_INSECURE);
        belay_write_u16(&seed.w, i < 8 ? i : 5u * i - 28);
        belay_write_bytes(&seed.w, (uint8_t[]){SEND_SOME, OP_SEND, 0, 0x1e, 0, RUN}, 18);
        snprintf(name, sizeof(name), "no-memory-%02u", i);
        end(&seed, "peer", name);
    }
}

/* One side, or both, at other addresses: because of a NAT, on purpose, or as an attacker says.
 */
static void path_seeds(void)
{
#define MOVE(who, shift)         OP_MOVE | (who) << 4 | (shift) << 5
#define STRICT(who, shift)       OP_MOVE | (who) << 4 | (shift) << 5 | 0x80
#define MIGRATE(who, where)      OP_MIGRATE | (who) << 4, where
#define FORGE(who, jump, frames) OP_FORGE | (who) << 4 | 0x20, jump, frames
#define PING                     1, 1
#define PATH(type)               9, type, 1, 2, 3, 4, 5, 6, 7, 8
#define DEAF                     OP_STEP | 0x30, OP_LOSE
    BYTES("peer", "rebound", 0, SEND_SOME, RUN, MOVE(0, 1), SEND_SOME, RUN, RUN);
    BYTES("peer", "rebound-twice", SETUP_SHARED | SETUP_CHACHA, SEND_SOME, RUN, STRICT(0, 1),
          SEND_SOME, RUN, STRICT(0, 2), SEND_SOME, RUN, MOVE(0, 0), SEND_SOME, RUN);
    BYTES("peer", "rebound-both", SETUP_SHARED, SEND_SOME, RUN, MOVE(0, 1), MOVE(1, 2),
          SEND_SOME, RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN, SEND_SOME, RUN,
          MIGRATE(0, 2), RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated-unshared", 0, SEND_SOME, RUN, MIGRATE(0, 1), SEND_SOME, RUN);
    BYTES("peer", "migrated-lossy", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), OP_COLLECT,
          OP_LOSE, DEAF, RUN, SEND_SOME, OP_COLLECT, OP_COLLECT | 0x10, OP_LOSE, RUN);
    BYTES("peer", "migrated-server", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(1, 1), RUN,
          SEND_SOME, RUN);
    BYTES("peer", "migrated-to-nobody", SETUP_SHARED, SEND_SOME, RUN, STRICT(1, 0),
          MIGRATE(0, 4), RUN, SEND_SOME, RUN);
    BYTES("peer", "migrated-nowhere", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 0), RUN);
    BYTES("peer", "migrated-too-soon", 0, MIGRATE(1, 1), MIGRATE(1, 2), MIGRATE(1, 3), RUN);
    BYTES("peer", "migrated-after-close", 0, OP_APP, OP_COLLECT, MIGRATE(0, 1), OP_APP | 0x10,
          OP_COLLECT | 0x10, OP_EXCHANGE, MIGRATE(0, 1), RUN);
    BYTES("peer", "migrated-and-back", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN,
          SEND_SOME, DEAF, DEAF, DEAF, DEAF, DEAF, RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-closing", SETUP_SHARED, SEND_SOME, RUN, OP_APP, OP_APP | 0x10,
          OP_EXCHANGE, MOVE(0, 1), FORGE(0, 9, PING), OP_EXCHANGE, FORGE(0, 1, PING), RUN);
    BYTES("peer", "moved-aborting", SETUP_SHARED, SEND_SOME, RUN,
          OP_APP | 0x10 | APP_ABORT << 5, 9, OP_COLLECT | 0x10, OP_LOSE, MOVE(0, 1),
          FORGE(0, 9, PING), OP_EXCHANGE, FORGE(0, 1, PING), RUN);
    BYTES("peer", "moved-by-forgery", SETUP_INSECURE, SEND_SOME, RUN, MOVE(0, 1),
          FORGE(0, 9, PING), RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-about", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN, MOVE(0, 1),
          FORGE(0, 9, PING), MOVE(0, 2), FORGE(0, 9, PING), OP_COLLECT | 0x10, MOVE(0, 3),
          FORGE(0, 9, PATH(0x0c)), OP_COLLECT | 0x10, MOVE(0, 0), RUN);
    BYTES("peer", "moved-unheard", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN, STRICT(0, 1),
          FORGE(0, 9, PING), STRICT(0, 3), RUN, SEND_SOME, RUN);
    BYTES("peer", "challenged", SETUP_INSECURE, MOVE(0, 1), FORGE(0, 9, PATH(0x0c)),
          FORGE(0, 9, PATH(0x0c)), FORGE(0, 9, PATH(0x0d)), RUN, MOVE(0, 2),
          FORGE(0, 9, PATH(0x0d)), FORGE(0, 9, PING), RUN);
    BYTES("peer", "challenged-where-it-left", SETUP_SHARED, SEND_SOME, RUN, MIGRATE(0, 1), RUN,
          OP_EXCHANGE, MIGRATE(0, 2), OP_COLLECT, FORGE(1, 9, PATH(0x0c)), OP_EXCHANGE,
          FORGE(1, 9, PATH(0x0c)), RUN);
    BYTES("peer", "moved-to-other-id", SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN,
          OP_TAKE_ID, 1, MOVE(0, 1), FORGE(0, 9, PING), RUN, OP_TAKE_ID, 2, MOVE(0, 2),
          FORGE(0, 9, PING), RUN, SEND_SOME, RUN);
    BYTES("peer", "moved-while-memory-ends", SETUP_NO_MEMORY | SETUP_INSECURE, 0, 2, SEND_SOME,
          RUN, MOVE(0, 1), SEND_SOME, RUN);
#undef MOVE
#undef STRICT
#undef MIGRATE
#undef PING
#undef DEAF
}

/* Connection IDs given and given up in the name of a side. */
static void id_seeds(void)
{
#define NEW_ID(sequence, prior, x)                                                             \
    27, 0x0a, sequence, prior, x, x, x, x, x, x, x, x, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,  \
        9, 9, 9
#define BEGIN            SETUP_INSECURE | SETUP_SHARED, SEND_SOME, RUN
#define RETIRE(sequence) 2, 0x0b, sequence
    struct seed seed;

    BYTES("peer", "ids-replaced", BEGIN, FORGE(0, 9, NEW_ID(3, 3, 7)), RUN,
          FORGE(0, 9, NEW_ID(4, 4, 8)), RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-late", BEGIN, FORGE(0, 9, NEW_ID(5, 5, 7)), FORGE(0, 9, NEW_ID(4, 0, 8)),
          OP_COLLECT | 0x10, OP_LOSE, RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-too-many", BEGIN, FORGE(0, 9, NEW_ID(3, 0, 7)),
          FORGE(0, 9, NEW_ID(4, 0, 8)), RUN);
    BYTES("peer", "ids-again", BEGIN, FORGE(0, 9, NEW_ID(3, 0, 7)),
          FORGE(0, 9, NEW_ID(3, 0, 7)), FORGE(0, 9, NEW_ID(3, 0, 8)), RUN);
    BYTES("peer", "ids-the-first-again", BEGIN, FORGE(0, 9, NEW_ID(0, 0, 7)), RUN);
    BYTES("peer", "ids-far", BEGIN, FORGE(0, 9, NEW_ID(63, 0, 7)), RUN, FORGE(0, 9, 28), 0x0a,
          0x40, 0x80, 0, 7, 7, 7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
          RUN);
    BYTES("peer", "ids-from-who-has-none", SETUP_INSECURE, FORGE(0, 9, NEW_ID(1, 0, 7)), RUN);
    BYTES("peer", "ids-retired", BEGIN, FORGE(0, 9, RETIRE(0)), FORGE(0, 9, RETIRE(0)),
          OP_TAKE_ID, 1, FORGE(0, 9, RETIRE(1)), RUN, OP_TAKE_ID, 2, FORGE(0, 9, RETIRE(2)),
          RUN);
    BYTES("peer", "ids-retired-and-lost", BEGIN, FORGE(0, 9, RETIRE(1)), OP_COLLECT | 0x10,
          OP_LOSE, RUN, FORGE(0, 9, RETIRE(9)), RUN);
    BYTES("peer", "ids-retired-of-the-client", BEGIN, FORGE(1, 9, RETIRE(0)), RUN,
          FORGE(1, 9, NEW_ID(3, 2, 7)), RUN, SEND_SOME, RUN);
    BYTES("peer", "ids-retired-under-a-candidate", BEGIN, OP_TAKE_ID, 1, OP_MOVE | 0x20,
          FORGE(0, 9, PATH(0x0c)), FORGE(0, 9, NEW_ID(3, 3, 7)), RUN,
          FORGE(0, 9, NEW_ID(4, 0, 8)), RUN);
    belay_write_bytes(begin(&seed), (uint8_t[]){BEGIN}, 15);
    for (uint8_t i = 3; i < 14; i++)
        belay_write_bytes(
            &seed.w, (uint8_t[]){FORGE(0, 1, NEW_ID(i, i, i)), OP_COLLECT | 0x10, OP_LOSE}, 32);
    end(&seed, "peer", "ids-not-let-go");
#undef FORGE
#undef PATH
#undef NEW_ID
#undef BEGIN
#undef RETIRE
#undef SEND_SOME
#undef RUN
}

static void inbox_seeds(void)
{
    struct seed seed;

    BYTES("inbox", "in-order", 0, OP_MESSAGE, 0, 0, 5, OP_MESSAGE, 0, 0, 100, OP_POP | 0x10,
          OP_MESSAGE | OP_ARRIVAL_POPS, 0, 0, 0, OP_CREDIT | 8);
    BYTES("inbox", "out-of-order", 1, OP_MESSAGE, 1, 2, 5, OP_MESSAGE, 1, 1, 6, OP_MESSAGE, 5,
          2, 9, OP_MESSAGE, 1, 0, 7, OP_MESSAGE, 5, 0, 8, OP_POP | 0xf8);
    BYTES("inbox", "duplicates", 2, OP_MESSAGE, 0, 0, 5, OP_MESSAGE, 0, 0xff, 5, OP_MESSAGE, 0,
          3, 5, OP_MESSAGE, 0, 3, 5);
    BYTES("inbox", "below-zero", 0, OP_MESSAGE, 0, 0xff, 5);
    BYTES("inbox", "past-window", 3, OP_MESSAGE, 0, 80, 5);
    BYTES("inbox", "wrong-channel", 0, OP_MESSAGE, 3, 0, 5);
    BYTES("inbox", "wrong-mode", 0, OP_MESSAGE, 0x88, 0, 5);
    BYTES("inbox", "too-large", 0, OP_PART, 0, 0, 255, 0, 0, 4, 0);
    BYTES("inbox", "total-changes", 0, OP_PART, 0, 0, 200, 0, 0, 4, 0, OP_PART, 0, 0, 201, 0, 0,
          4, 0);
    BYTES("inbox", "outside", 0, OP_PART, 0, 0, 10, 0, 70, 0, 20);
    BYTES("inbox", "parts", 0, OP_PART, 4, 0, 20, 0, 80, 0, 80, OP_PART, 4, 0, 20, 0, 40, 0, 80,
          OP_PART, 4, 0, 20, 0, 0, 0, 40, OP_POP | 8);
    BYTES("inbox", "whole-after-parts", 0, OP_PART, 4, 0, 20, 0, 80, 0, 70, OP_MESSAGE, 4, 0,
          20, OP_POP | 8);
    BYTES("inbox", "ended", 0, OP_MESSAGE, 0, 0, 9, OP_MESSAGE | OP_ARRIVAL_ENDS, 0, 0, 9);
    BYTES("inbox", "no-memory", 8, 3, OP_MESSAGE, 0, 0, 9, OP_PART, 1, 5, 200, 0, 9, 9, 9);
    BYTES("inbox", "tuned", 0, OP_TUNE | 0x50, 1, OP_MESSAGE, 0, 0, 190, OP_POP | 8,
          OP_TUNE | 0xf8, 1, OP_CREDIT, OP_WANT, 0, OP_CREDIT | 8);
    begin(&seed); /* two sections, from behind; the first part pays for neither */
    belay_write_bytes(&seed.w, (uint8_t[]){0, OP_PART, 0, 0, 191, 0, 10, 0, 5}, 9);
    for (unsigned i = 5; i-- > 0;) {
        belay_write_bytes(&seed.w, (uint8_t[]){OP_PART, 0, 0, 191}, 4);
        belay_write_u16(&seed.w, (uint16_t)(i * 8000));
        belay_write_u16(&seed.w, i == 4 ? 12800 : 16000);
    }
    belay_write_u8(&seed.w, OP_POP | 8);
    end(&seed, "inbox", "sections");
    begin(&seed); /* numbers far apart */
    belay_write_u8(&seed.w, 2);
    for (int i = 79; i > 0; i -= 6)
        belay_write_bytes(&seed.w, (uint8_t[]){OP_MESSAGE, 0, (uint8_t)i, 1}, 4);
    for (unsigned i = 0; i < 80; i++)
        belay_write_bytes(&seed.w, (uint8_t[]){OP_MESSAGE, 0, 0, 1}, 4);
    end(&seed, "inbox", "far");
    begin(&seed); /* more gaps than a message may have */
    belay_write_u8(&seed.w, 0);
    for (unsigned i = 0; i < 70; i++) {
        belay_write_bytes(&seed.w, (uint8_t[]){OP_PART, 0, 0, 100}, 4);
        belay_write_u16(&seed.w, (uint16_t)(10 * i));
        belay_write_u16(&seed.w, 1);
    }
    end(&seed, "inbox", "gaps");
}

/* ------------------------------------------------------------------ the core's */

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

        belay_write_u8(begin(&seed), rows[i].setup | CORE_LISTENS);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_CALL | answer << 4), 0}, 2);
        put_client(&seed.w, rows[i].how, 1, rows[i].kind, rows[i].aeads);
        put_client(&seed.w, rows[i].how, 1, rows[i].kind, rows[i].aeads);
        belay_write_u8(&seed.w, OP_TIMERS | 0x20);
        end(&seed, "core", rows[i].name);
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
        belay_write_u8(begin(&seed), rows[i].setup);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_DIAL | (i & 1) << 4), 2}, 2);
        belay_write_bytes(&seed.w, (uint8_t[]){(uint8_t)(OP_SERVER | rows[i].how), 0}, 2);
        put_params(&seed.w, rows[i].aeads);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_CALL | CALL_SEND << 4, 0, 1, 0, 200}, 5);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_TIMERS | 0xf0, OP_CALL, 0, OP_TIMERS | 0xf0},
                          4);
        end(&seed, "core", rows[i].name);
    }
}

static void core_seeds(void)
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
    belay_write_u8(begin(&seed), CORE_COOKIES | CORE_LISTENS);
    put_client(&seed.w, 0, 1, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 1, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 2, BELAY_HANDSHAKE_NN, "\1");
    end(&seed, "core", "cookies");
    belay_write_u8(begin(&seed), CORE_LISTENS); /* the last bring a cookie */
    for (uint8_t i = 0; i < 7; i++)
        put_client(&seed.w, 0, i, BELAY_HANDSHAKE_NN, "\1");
    put_client(&seed.w, 0x80, 6, BELAY_HANDSHAKE_NN, "\1");
    belay_write_u8(&seed.w, OP_TIMERS | 0xf0);
    end(&seed, "core", "crowd");
    for (uint8_t i = 0; i < 12; i++) {
        char name[32];

        belay_write_u8(begin(&seed), CORE_NO_MEMORY | CORE_LISTENS);
        belay_write_u16(&seed.w, i < 8 ? i : 4u * i - 20);
        belay_write_bytes(&seed.w, (uint8_t[]){OP_DIAL, 1, MIRROR(0, 1)}, 6);
        snprintf(name, sizeof(name), "no-memory-%02u", i);
        end(&seed, "core", name);
    }
#undef ECHO
#undef MIRROR
}

/* ------------------------------------------------------------------ netsim's texts */

static void text_seeds(void)
{
    char name[32], text[SEED_BYTES];

    for (size_t i = 0; seed_texts[i].target != NULL; i++) {
        size_t len = strlen(seed_texts[i].text);

        snprintf(name, sizeof(name), "text-%02zu", i);
        if (strcmp(seed_texts[i].target, "words") == 0 ||
            strcmp(seed_texts[i].target, "table") == 0) {
            write_seed(seed_texts[i].target, name, seed_texts[i].text, len);
            continue;
        }
        text[0] = (char)255; /* memory does not fail */
        FUZZ_CHECK(len < sizeof(text));
        memcpy(text + 1, seed_texts[i].text, len);
        write_seed(seed_texts[i].target, name, text, len + 1);
        snprintf(name, sizeof(name), "text-%02zu-no-memory", i);
        text[0] = (char)(i % 4);
        if (i % 4 == 1)
            write_seed(seed_texts[i].target, name, text, len + 1);
    }
    for (uint8_t i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "formula-%u", i);
        write_seed("table", name, &i, 1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds DIR\n");
        return 2;
    }
    folder = argv[1];
    make_folder(folder);
    header_seeds();
    hello_seeds();
    params_seeds();
    noise_seeds();
    cookie_seeds();
    frames_seeds();
    record("true-nn", 0, 0);
    record("true-nk-lossy", SETUP_SERVER_KEY, 5);
    record("true-insecure", SETUP_INSECURE | SETUP_SHARED, 7);
    peer_seeds();
    path_seeds();
    id_seeds();
    inbox_seeds();
    core_seeds();
    text_seeds();
    return 0;
}
