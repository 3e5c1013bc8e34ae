/*
 * A core that listens and dials among strangers: any datagrams, hellos with right tags, clients
 * and servers that speak every kind of handshake and say what the input wants, and the core's
 * own packets sent back to it. It does not fail, holds no more than it may, and sends to an
 * address that proved nothing at most three times what came from there. Input: ops.h.
 */
#include "conn/hellotag.h"
#include "crypto/dh.h"
#include "crypto/noise.h"
#include "ops.h"
#include "side.h"
#include "wire/packet.h"

#define OPS_MAX     150
#define ADDRESSES   8
#define SENT_MAX    32
#define INITS_MAX   8
#define CONNS_MAX   SIDE_CONNECTIONS
#define TIMES_BYTES 3 /* to who has not proved to be there; RFC 9000, section 8.1 */

struct address {
    size_t in_bytes, out_bytes;
    bool is_proved; /* or dialed */
};

struct datagram {
    uint8_t *data;
    size_t len;
    unsigned to;
};

struct story {
    struct belay_reader in;
    struct fuzz_side side;
    uint64_t now_ns;
    struct address addresses[ADDRESSES];
    struct datagram sent[SENT_MAX];
    size_t sent_count; /* in all; the newest SENT_MAX are kept */
    uint8_t inits[INITS_MAX][BELAY_INIT_BYTES], init_to[INITS_MAX];
    size_t init_count;
    uint8_t cookie[BELAY_COOKIE_BYTES_MAX];
    size_t cookie_len;
    enum { SILENT, LETS_IN, KEEPS_OUT } app; /* what it says to AUTHORIZE, at once */
    struct belay_suite *suite;
    const struct belay_noise_suite *noise;
};

static const uint8_t our_private[32] = {0x40, 1}, core_private[32] = {0x40, 2}, psk[32] = {3};

/* ------------------------------------------------------------------ what the core does */

static void poll(void *ctx, struct fuzz_side *side)
{
    struct story *story = ctx;
    struct belay_core_event event;

    while (belay_core_poll(side->core, &event) == 1) {
        FUZZ_CHECK(event.conn != NULL && event.data != NULL);
        if (event.type == BELAY_CORE_AUTHORIZE && story->app != SILENT)
            belay_core_conn_authorize(event.conn, story->app == LETS_IN);
        if (event.type == BELAY_CORE_CLOSED) {
            FUZZ_CHECK(event.reason != NULL);
            belay_core_conn_free(event.conn);
        }
    }
    FUZZ_CHECK(belay_core_conn_count(side->core) <= SIDE_CONNECTIONS);
}

static void keep_hello(struct story *story, unsigned to, const uint8_t *data, size_t len)
{
    struct belay_hello hello;

    if (belay_hello_parse(&hello, data, len) != 0)
        return;
    FUZZ_PLANT(hello.type == BELAY_PACKET_ACCEPT && to == 7);
    if (hello.type == BELAY_PACKET_INIT) {
        memcpy(story->inits[story->init_count % INITS_MAX], data, len);
        story->init_to[story->init_count++ % INITS_MAX] = (uint8_t)to;
    } else if (hello.type == BELAY_PACKET_RETRY) {
        story->cookie_len = hello.cookie_len;
        memcpy(story->cookie, hello.cookie, hello.cookie_len);
    }
}

static void on_out(void *ctx, struct fuzz_side *from, const struct belay_path *path,
                   uint8_t *data, size_t len)
{
    struct story *story = ctx;
    struct datagram *place = &story->sent[story->sent_count++ % SENT_MAX];
    unsigned to = path->remote.bytes[0] % ADDRESSES;
    struct address *address = &story->addresses[to];

    (void)from;
    address->out_bytes += len;
    FUZZ_CHECK(address->is_proved || address->out_bytes <= TIMES_BYTES * address->in_bytes);
    free(place->data);
    *place = (struct datagram){fuzz_copy(data, len), len, to};
    keep_hello(story, to, data, len);
}

static void collect(struct story *story)
{
    fuzz_side_send(&story->side, story->now_ns, on_out, story);
    poll(story, &story->side);
}

/* ------------------------------------------------------------------ what comes to it */

static void arrive(struct story *story, unsigned from, const uint8_t *data, size_t len,
                   size_t segment)
{
    struct belay_path path = {.local = story->side.address,
                              .remote = fuzz_address((uint8_t)(from % ADDRESSES))};

    story->addresses[from % ADDRESSES].in_bytes += len;
    fuzz_side_receive(&story->side, &path, data, len, segment, story->now_ns, poll, story);
    collect(story);
}

static void take_datagram(struct story *story, uint8_t op)
{
    unsigned from = belay_read_u8(&story->in);
    size_t segment = op & 0x10 ? belay_read_u8(&story->in) : 0, len;
    const uint8_t *data;

    len = belay_read_u8(&story->in);
    data = fuzz_take(&story->in, len, &len);
    arrive(story, from, data, len, segment);
}

/* The INIT that an answer is meant for, and whom it comes from; NULL: none was sent. */
static const uint8_t *read_dial(struct story *story, struct belay_hello *init, unsigned *to)
{
    size_t which = belay_read_u8(&story->in);
    size_t kept = story->init_count < INITS_MAX ? story->init_count : INITS_MAX;
    const uint8_t *packet;

    if (kept == 0)
        return NULL;
    packet = story->inits[which % kept];
    *to = story->init_to[which % kept];
    FUZZ_CHECK(belay_hello_parse(init, packet, BELAY_INIT_BYTES) == 0);
    return packet;
}

/* With the tag that belongs to it; len without it. */
static void arrive_hello(struct story *story, unsigned from, const uint8_t *random,
                         uint8_t *packet, size_t len)
{
    struct belay_hello hello;
    int error = belay_hello_parse(&hello, packet, len + BELAY_TAG_BYTES);

    if (error == 0)
        FUZZ_CHECK(belay_hello_tag(story->suite, random, packet, len, false) == 0);
    arrive(story, from, packet, len + BELAY_TAG_BYTES, 0);
}

static void echo_dial(uint8_t *packet, size_t len, const struct belay_hello *init)
{
    size_t cid_len = init->client_cid_len;

    if (len < 6 + cid_len + BELAY_NONCE_BYTES)
        return;
    packet[5] = (uint8_t)cid_len;
    memcpy(packet + 6, init->client_cid, cid_len);
    memcpy(packet + 6 + cid_len, init->nonce, BELAY_NONCE_BYTES);
}

static void take_hello(struct story *story, uint8_t op)
{
    static const uint8_t zero[BELAY_HELLO_RANDOM_BYTES];
    uint8_t packet[BELAY_INIT_BYTES] = {0};
    unsigned from = belay_read_u8(&story->in), to;
    struct belay_hello init;
    bool is_known = read_dial(story, &init, &to) != NULL;
    size_t len = belay_read_u8(&story->in);
    const uint8_t *bytes = fuzz_take(&story->in, len, &len);

    if (len > 0)
        memcpy(packet, bytes, len);
    if (packet[0] == 0xc0)
        len = BELAY_INIT_BYTES - BELAY_TAG_BYTES;
    if (is_known && (op & 0x10))
        echo_dial(packet, len, &init);
    arrive_hello(story, is_known && (op & 0x10) ? to : from, is_known ? init.random : zero,
                 packet, len);
}

/* ------------------------------------------------------------------ handshakes */

/* Both can be the other's: what they share, they know. */
struct speaker {
    enum belay_handshake_kind kind;
    bool is_client;
    const uint8_t *prologue;
    size_t prologue_len;
    uint8_t seed;
    uint8_t op; /* 0x10: another secret, 0x20: another key of the server's */
};

static enum belay_noise_pattern pattern_of(enum belay_handshake_kind kind)
{
    static const enum belay_noise_pattern patterns[] = {
        BELAY_NOISE_NN,     BELAY_NOISE_NN,     BELAY_NOISE_NK,
        BELAY_NOISE_NNPSK0, BELAY_NOISE_NKPSK2, BELAY_NOISE_IK,
    };

    return patterns[kind];
}

static void begin_noise(struct story *story, const struct speaker *speaker,
                        struct belay_noise *noise)
{
    uint8_t ephemeral[32] = {1, 2, 3, speaker->seed}, secret[32], key[32];
    struct belay_noise_config config = {
        .pattern = pattern_of(speaker->kind),
        .is_initiator = speaker->is_client,
        .prologue = speaker->prologue,
        .prologue_len = speaker->prologue_len,
        .own_private = our_private,
        .peer_public = key,
        .psk = secret,
        .ephemeral_private = ephemeral,
    };

    memcpy(secret, psk, sizeof(secret));
    secret[0] ^= (speaker->op & 0x10) != 0;
    memcpy(key, belay_core_key(story->side.core), sizeof(key));
    key[0] ^= (speaker->op & 0x20) != 0;
    FUZZ_CHECK(belay_noise_init(noise, story->noise, &config) == 0);
}

/* A hello whose payload is what 32 bytes drawn, and the parameters, become. */
static void build_hello(struct belay_hello *hello, uint8_t *packet, uint8_t *payload,
                        size_t len)
{
    size_t size = hello->type == BELAY_PACKET_INIT ? BELAY_INIT_BYTES : 600;

    hello->version = BELAY_VERSION_1;
    hello->random = payload;
    hello->params = payload + BELAY_HELLO_RANDOM_BYTES;
    hello->params_len = len - BELAY_HELLO_RANDOM_BYTES;
    FUZZ_CHECK(belay_hello_build(hello, packet, size - BELAY_TAG_BYTES) > 0);
}

/* What of a packet is the prologue: all in front of its payload. */
static size_t prologue_len_of(const uint8_t *packet, size_t size)
{
    struct belay_hello hello;

    FUZZ_CHECK(belay_hello_parse(&hello, packet, size) == 0);
    return (size_t)(hello.random - packet);
}

static void take_client(struct story *story, uint8_t op)
{
    uint8_t packet[BELAY_INIT_BYTES] = {0}, payload[400] = {0}, nonce[8] = {0}, cid[8] = {7};
    struct belay_hello hello = {.type = BELAY_PACKET_INIT, .nonce = nonce, .client_cid = cid};
    struct speaker speaker = {.is_client = true, .prologue = packet, .op = op};
    unsigned from = belay_read_u8(&story->in);
    struct belay_noise noise;
    const uint8_t *params;
    size_t len;

    hello.handshake = belay_read_u8(&story->in);
    speaker.seed = nonce[0] = belay_read_u8(&story->in);
    hello.client_cid_len = op & 0x40 ? sizeof(cid) : 0;
    hello.cookie = story->cookie;
    hello.cookie_len = op & 0x80 ? story->cookie_len : 0;
    len = belay_read_u8(&story->in);
    params = fuzz_take(&story->in, len, &len);
    speaker.kind = (enum belay_handshake_kind)hello.handshake;
    if (hello.handshake == BELAY_HANDSHAKE_INSECURE || hello.handshake >= BELAY_HANDSHAKES) {
        if (len > 0)
            memcpy(payload + BELAY_HELLO_RANDOM_BYTES, params, len);
        build_hello(&hello, packet, payload, BELAY_HELLO_RANDOM_BYTES + len);
    } else {
        /* Twice: the prologue has the payload's length in it. */
        size_t full = len + belay_noise_overhead_of(pattern_of(speaker.kind), 0);

        build_hello(&hello, packet, payload, full);
        speaker.prologue_len = prologue_len_of(packet, sizeof(packet));
        begin_noise(story, &speaker, &noise);
        FUZZ_CHECK(belay_noise_write(&noise, params, len, payload, sizeof(payload), &full) ==
                   0);
        build_hello(&hello, packet, payload, full);
        belay_noise_dispose(&noise);
    }
    arrive_hello(story, from, NULL, packet, sizeof(packet) - BELAY_TAG_BYTES);
}

static void write_accept(const struct belay_hello *init, uint8_t *payload, size_t len,
                         uint8_t *packet, size_t *packet_len)
{
    static const uint8_t cid[BELAY_CID_BYTES] = {9};
    struct belay_hello hello = {
        .type = BELAY_PACKET_ACCEPT,
        .client_cid = init->client_cid,
        .client_cid_len = init->client_cid_len,
        .nonce = init->nonce,
        .server_cid = cid,
    };

    build_hello(&hello, packet, payload, len);
    *packet_len =
        1 + 4 + 1 + init->client_cid_len + BELAY_NONCE_BYTES + BELAY_CID_BYTES + 2 + len;
}

/* False: the INIT does not open under these secrets. */
static bool answer(struct story *story, struct speaker *speaker, const struct belay_hello *init,
                   const uint8_t *params, size_t len, uint8_t *payload, size_t *payload_len)
{
    uint8_t read[BELAY_INIT_BYTES];
    struct belay_noise noise;
    size_t read_len;
    bool is_read;

    begin_noise(story, speaker, &noise);
    is_read =
        belay_noise_read(&noise, init->random, BELAY_HELLO_RANDOM_BYTES + init->params_len,
                         read, sizeof(read), &read_len) == 0;
    if (is_read)
        FUZZ_CHECK(belay_noise_write(&noise, params, len, payload, 400, payload_len) == 0);
    belay_noise_dispose(&noise);
    return is_read;
}

static void take_server(struct story *story, uint8_t op)
{
    uint8_t packet[600], payload[400] = {0};
    struct belay_hello init;
    struct speaker speaker = {.op = op};
    const uint8_t *params;
    size_t len, payload_len, packet_len;
    unsigned from;

    speaker.prologue = read_dial(story, &init, &from);
    if (speaker.prologue == NULL)
        return;
    len = belay_read_u8(&story->in);
    params = fuzz_take(&story->in, len, &len);
    payload_len = BELAY_HELLO_RANDOM_BYTES + len;
    if (init.handshake == BELAY_HANDSHAKE_INSECURE) {
        if (len > 0)
            memcpy(payload + BELAY_HELLO_RANDOM_BYTES, params, len);
    } else {
        speaker.kind = (enum belay_handshake_kind)init.handshake;
        speaker.prologue_len = (size_t)(init.random - speaker.prologue);
        if (!answer(story, &speaker, &init, params, len, payload, &payload_len))
            return;
    }
    write_accept(&init, payload, payload_len, packet, &packet_len);
    arrive_hello(story, from, init.random, packet, packet_len);
}

/* ------------------------------------------------------------------ time and calls */

static void take_dial(struct story *story, bool shared)
{
    unsigned to = belay_read_u8(&story->in) % ADDRESSES;
    struct belay_path path = {.local = story->side.address,
                              .remote = fuzz_address((uint8_t)to)};
    struct belay_core_conn *conn;

    if (belay_core_connect(story->side.core, &path, shared, NULL, &conn) == 0)
        story->addresses[to].is_proved = true;
    collect(story);
}

static void take_timers(struct story *story, unsigned times)
{
    for (; times > 0; times--) {
        uint64_t at_ns = belay_core_deadline(story->side.core);

        if (at_ns == BELAY_NEVER)
            return;
        if (at_ns > story->now_ns)
            story->now_ns = at_ns;
        fuzz_side_timeout(&story->side, story->now_ns);
        poll(story, &story->side);
        collect(story);
    }
}

/* The i-th datagram that was sent comes back, to who said it: so may a handshake be confirmed,
 * and an address proved. */
static void echo(struct story *story, size_t i, unsigned from, size_t bit)
{
    const struct datagram *datagram = &story->sent[i % SENT_MAX];
    size_t len = datagram->len;
    uint8_t *copy = fuzz_copy(datagram->data, len);

    if (bit != SIZE_MAX)
        copy[bit / 8 % len] ^= (uint8_t)(1u << bit % 8);
    if (copy[0] >= 0xe0)
        story->addresses[from].is_proved = true;
    arrive(story, from, copy, len, 0);
    free(copy);
}

static void take_echo(struct story *story, bool mirrors)
{
    size_t which = belay_read_u8(&story->in);
    size_t kept = story->sent_count < SENT_MAX ? story->sent_count : SENT_MAX;
    unsigned from = belay_read_u8(&story->in) % ADDRESSES;
    uint8_t flips = belay_read_u8(&story->in);
    size_t bit = flips & 1 ? belay_read_u16(&story->in) : SIZE_MAX, next = story->sent_count;

    if (kept == 0)
        return;
    echo(story, which % kept, from, bit);
    for (unsigned i = 0; mirrors && i < SENT_MAX && next < story->sent_count; i++, next++)
        echo(story, next, story->sent[next % SENT_MAX].to, SIZE_MAX);
}

static struct belay_core_conn *read_conn(struct story *story)
{
    size_t which = belay_read_u8(&story->in) % CONNS_MAX;
    struct belay_core_conn *conn = belay_core_next_conn(story->side.core, NULL);

    while (which-- > 0 && conn != NULL)
        conn = belay_core_next_conn(story->side.core, conn);
    return conn;
}

static void send(struct story *story, struct belay_core_conn *conn)
{
    static const uint8_t data[4096];
    uint32_t channel = belay_read_u8(&story->in);
    size_t len = belay_read_u16(&story->in) % sizeof(data);

    (void)belay_core_conn_send(conn, channel, BELAY_RELIABLE_ORDERED, data, len, 0, BELAY_NEVER,
                               NULL);
}

static void take_call(struct story *story, enum fuzz_call call)
{
    struct belay_core_conn *conn = read_conn(story);
    uint8_t key[32];

    if (call == CALL_LET_IN || call == CALL_KEEP_OUT)
        story->app = call == CALL_LET_IN ? LETS_IN : KEEPS_OUT;
    FUZZ_CHECK(belay_dh_public(our_private, key) == 0);
    if (call == CALL_SET_KEY && !story->side.config.insecure)
        belay_core_set_server_key(story->side.core, conn != NULL ? key : NULL);
    if (conn == NULL)
        return;
    if (call == CALL_LET_IN || call == CALL_KEEP_OUT) /* late, if it waits at all */
        belay_core_conn_authorize(conn, call == CALL_LET_IN);
    if (call == CALL_CLOSE)
        belay_core_conn_close(conn);
    if (call == CALL_ABORT)
        belay_core_conn_abort(conn, 7, "enough");
    if (call == CALL_FREE)
        belay_core_conn_free(conn);
    if (call == CALL_SEND)
        send(story, conn);
}

static void take_icmp(struct story *story, bool unreachable)
{
    struct belay_path path = {
        .local = story->side.address,
        .remote = fuzz_address((uint8_t)(belay_read_u8(&story->in) % ADDRESSES))};

    belay_core_unreachable(story->side.core, &path,
                           unreachable ? BELAY_EUNREACH : BELAY_EREFUSED, story->now_ns);
    /* The same of the size: a hint with a figure, and the own system's word of a stranger. */
    belay_core_size_hint(story->side.core, &path, NULL, 0, unreachable ? 1300 : 68);
    belay_core_too_big(story->side.core, &path, 1, 65507, 0, story->now_ns);
}

/* ------------------------------------------------------------------ the program */

static void take_op(struct story *story)
{
    uint8_t op = belay_read_u8(&story->in);

    switch ((enum fuzz_core_op)((op & 15) % OP_CORE_END)) {
    case OP_DATAGRAM:
        take_datagram(story, op);
        break;
    case OP_HELLO:
        take_hello(story, op);
        break;
    case OP_CLIENT:
        take_client(story, op);
        break;
    case OP_SERVER:
        take_server(story, op);
        break;
    case OP_DIAL:
        take_dial(story, op & 0x10);
        break;
    case OP_TIMERS:
        take_timers(story, 1 + (op >> 4));
        break;
    case OP_PASS:
        story->now_ns += MS << (op >> 4);
        fuzz_side_timeout(&story->side, story->now_ns);
        poll(story, &story->side);
        break;
    case OP_ECHO:
        take_echo(story, op & 0x10);
        break;
    case OP_CALL:
        take_call(story, (enum fuzz_call)((op >> 4) % CALL_ENDS));
        break;
    case OP_LISTEN:
        belay_core_listen(story->side.core, op & 0x10);
        break;
    case OP_ICMP:
        take_icmp(story, op & 0x10);
        break;
    case OP_CORE_END:
        break;
    }
    collect(story);
}

static void begin(struct story *story)
{
    uint8_t setup = belay_read_u8(&story->in);
    struct belay_core_config config;

    fuzz_side_config(&config);
    config.insecure = setup & CORE_INSECURE;
    if (!config.insecure) {
        config.has_psk = setup & CORE_PSK;
        config.authorize = !config.has_psk && (setup & CORE_AUTHORIZE);
        config.has_server_key = setup & CORE_SERVER_KEY;
        config.has_private_key = setup & CORE_OWN_KEY;
    }
    if (setup & CORE_COOKIES)
        config.half_open_cookies = 0;
    memcpy(config.psk, psk, sizeof(psk));
    memcpy(config.private_key, core_private, sizeof(core_private));
    FUZZ_CHECK(belay_dh_public(our_private, config.server_key) == 0);
    story->now_ns = 1000 * SECOND;
    fuzz_side_init(&story->side, &config, 0xc0);
    belay_core_listen(story->side.core, setup & CORE_LISTENS);
    if (setup & CORE_NO_MEMORY)
        fuzz_memory_fail(&story->side.memory, belay_read_u16(&story->in));
}

static void look_up(struct story *story)
{
    static struct belay_suite suite; /* once for all inputs */
    static struct belay_noise_suite noise;

    if (suite.sha256 == NULL) {
        FUZZ_CHECK(belay_suite_init(&suite) == 0);
        FUZZ_CHECK(belay_noise_suite_init(&noise, BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_SHA256) ==
                   0);
    }
    story->suite = &suite;
    story->noise = &noise;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct story *story = calloc(1, sizeof(*story));

    FUZZ_CHECK(story != NULL);
    look_up(story);
    belay_reader_init(&story->in, data, size);
    begin(story);
    for (unsigned i = 0; i < OPS_MAX && belay_reader_left(&story->in) > 0; i++)
        take_op(story);
    fuzz_side_end(&story->side);
    for (size_t i = 0; i < SENT_MAX; i++)
        free(story->sent[i].data);
    free(story);
    return 0;
}
