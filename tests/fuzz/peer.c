/*
 * A connection attacked by one who has its keys: frames of any kind are sealed in the name of
 * either side, between what honest apps send, losses, repetitions, new addresses and time.
 * Neither core fails, holds more than it may, sends much to where nobody proved to be, or
 * delivers a message twice, out of order or damaged; and in the end nothing is left of the
 * connection. Input: ops.h.
 */
#include "crypto/keys.h"
#include "crypto/seal.h"
#include "crypto/token.h"
#include "ops.h"
#include "places.h"
#include "side.h"
#include "wire/frame.h"
#include "wire/packet.h"

#define BEGIN_NS     (1000 * SECOND)
#define OPS_MAX      200
#define FORGED_MAX   1000
#define FLIGHT_MAX   64
#define PHASES       4
#define SEEN_NUMBERS 32768 /* more than all that can be forged */
#define SENDS_MAX    256
#define IDS          4 /* the newest are kept */

enum { CLIENT, SERVER };

struct packet {
    unsigned from, place; /* place: of the other, where it goes */
    uint32_t socket;      /* where it left */
    uint8_t *data;
    size_t len;
};

struct end {
    struct fuzz_side side;
    struct belay_core_conn *conn; /* NULL: not yet, or freed */
    bool is_closed;
    uint64_t newest; /* packet number */
    struct fuzz_places places;
    uint32_t socket; /* that it sent from last */
    uint8_t ids[IDS][BELAY_CID_BYTES];
    bool has_id;
    unsigned id; /* that the attacker writes to */
    /* messages, by channel and mode */
    uint64_t sent[SIDE_CHANNELS][2], delivered[SIDE_CHANNELS][2];
    uint8_t seen[SIDE_CHANNELS][SEEN_NUMBERS / 8];
    bool is_reported[SENDS_MAX];
    uint64_t notify_count;
};

struct story {
    struct belay_reader in;
    struct end ends[2];
    uint64_t now_ns, first_message;
    struct packet flight[FLIGHT_MAX];
    size_t flight_count, forged;
    /* the attacker's */
    struct belay_suite *suite;
    uint8_t secrets[2][BELAY_SECRET_SIZE];
    struct belay_seal seals[2][PHASES];
    bool has_seal[2][PHASES];
    enum belay_seal_algorithm algorithm;
};

/* ------------------------------------------------------------------ messages */

/* Byte i of a message: its number, then what follows from that. */
static uint8_t byte_of(uint32_t channel, uint8_t mode, uint32_t number, uint64_t i)
{
    if (i < 4)
        return (uint8_t)(number >> 8 * i);
    return (uint8_t)(channel * 59 + mode * 101u + number * 37 + i + (i >> 8) * 3);
}

static void fill(uint32_t channel, uint8_t mode, uint32_t number, uint64_t offset,
                 const uint8_t *place, size_t len)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)place; /* in a packet of ours */

    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_of(channel, mode, number, offset + i);
}

/* Unordered: it says itself which it is. False: too short for that. */
static bool take_number(struct end *end, const struct belay_core_event *event, uint32_t *number)
{
    uint8_t *seen = end->seen[event->channel];

    if (event->len < 4)
        return false;
    *number = (uint32_t)event->data[0] | (uint32_t)event->data[1] << 8 |
              (uint32_t)event->data[2] << 16 | (uint32_t)event->data[3] << 24;
    FUZZ_CHECK(!(seen[*number % SEEN_NUMBERS / 8] & 1u << *number % 8));
    seen[*number % SEEN_NUMBERS / 8] |= (uint8_t)(1u << *number % 8);
    return true;
}

static void on_message(struct story *story, struct end *end,
                       const struct belay_core_event *event)
{
    uint32_t number;

    FUZZ_CHECK(event->channel < SIDE_CHANNELS && event->mode <= BELAY_RELIABLE_UNORDERED);
    FUZZ_CHECK(event->len <= SIDE_MESSAGE_MAX && event->data != NULL);
    number = (uint32_t)(story->first_message + end->delivered[event->channel][event->mode]++);
    FUZZ_PLANT(event->channel == 2 && event->mode == 1 && event->len > 5000);
    if (event->mode == BELAY_RELIABLE_UNORDERED && !take_number(end, event, &number))
        return;
    for (size_t i = 0; i < event->len; i++)
        FUZZ_CHECK(event->data[i] == byte_of(event->channel, (uint8_t)event->mode, number, i));
}

/* ------------------------------------------------------------------ events */

static void on_event(struct story *story, struct end *end, const struct belay_core_event *event)
{
    if (event->type == BELAY_CORE_ACCEPTED) {
        FUZZ_CHECK(end == &story->ends[SERVER]);
        if (end->conn != NULL || end->is_closed) {
            belay_core_conn_free(event->conn); /* who dials again is of no interest */
            return;
        }
        end->conn = event->conn;
    }
    FUZZ_CHECK(event->conn == end->conn && !end->is_closed);
    switch (event->type) {
    case BELAY_CORE_MESSAGE:
        on_message(story, end, event);
        break;
    case BELAY_CORE_SENT:
        FUZZ_CHECK(event->message >= 1 && event->message <= SENDS_MAX);
        FUZZ_CHECK(!end->is_reported[event->message - 1]);
        end->is_reported[event->message - 1] = true;
        break;
    case BELAY_CORE_CLOSED:
        FUZZ_CHECK(event->reason != NULL);
        end->is_closed = true;
        break;
    case BELAY_CORE_ACCEPTED:
    case BELAY_CORE_CONNECTED:
    case BELAY_CORE_WRITABLE:
    case BELAY_CORE_EOF:
    case BELAY_CORE_AUTHORIZE:
    case BELAY_CORE_REBOUND:
        break;
    }
}

static void poll(void *ctx, struct fuzz_side *side)
{
    struct story *story = ctx;
    struct end *end =
        side == &story->ends[CLIENT].side ? &story->ends[CLIENT] : &story->ends[SERVER];
    struct belay_core_event event;

    while (belay_core_poll(side->core, &event) == 1)
        on_event(story, end, &event);
}

/* ------------------------------------------------------------------ packets on their way */

/* At the socket of the other. */
static void arrive(struct story *story, unsigned from, unsigned place, uint32_t socket,
                   const uint8_t *data, size_t len)
{
    struct fuzz_side *to = &story->ends[!from].side;
    struct belay_path path = {
        .local = to->address,
        .remote = fuzz_places_address(&story->ends[from].places, place),
        .socket = socket,
    };

    fuzz_side_receive(to, &path, data, len, 0, story->now_ns, poll, story);
}

/* What the attacker made, or changed; is_proof: as in places.h. */
static void arrive_made(struct story *story, unsigned from, const uint8_t *data, size_t len,
                        bool is_proof)
{
    struct fuzz_places *places = &story->ends[from].places;
    unsigned place = fuzz_places_of(places, 0);

    fuzz_places_came(places, place, len, is_proof);
    arrive(story, from, place, story->ends[!from].socket, data, len);
}

static void deliver(struct story *story, const struct packet *packet)
{
    struct end *from = &story->ends[packet->from], *to = &story->ends[!packet->from];
    uint32_t socket = fuzz_places_socket(&to->places, packet->place);
    unsigned place = fuzz_places_of(&from->places, packet->socket);

    if (to->places.is_strict && !belay_core_uses_socket(to->side.core, socket))
        return;
    to->places.place[packet->place].is_told = true;
    fuzz_places_came(&from->places, place, packet->len, false);
    arrive(story, packet->from, place, socket, packet->data, packet->len);
}

static void lose(struct story *story, size_t i)
{
    free(story->flight[i].data);
    story->flight[i] = story->flight[--story->flight_count];
}

static void note_ids(struct story *story, const uint8_t *data, size_t len)
{
    struct belay_hello hello;

    if (data[0] != 0xc1 || belay_hello_parse(&hello, data, len) != 0)
        return;
    memcpy(story->ends[SERVER].ids[0], hello.server_cid, BELAY_CID_BYTES);
    story->ends[SERVER].has_id = true;
    story->ends[CLIENT].has_id = hello.client_cid_len == BELAY_CID_BYTES;
    if (story->ends[CLIENT].has_id)
        memcpy(story->ends[CLIENT].ids[0], hello.client_cid, BELAY_CID_BYTES);
}

static void on_out(void *ctx, struct fuzz_side *side, const struct belay_path *path,
                   uint8_t *data, size_t len)
{
    struct story *story = ctx;
    unsigned from = side == &story->ends[SERVER].side;
    struct fuzz_places *to = &story->ends[!from].places;
    unsigned place = fuzz_places_find(to, &path->remote);

    FUZZ_CHECK(path->socket < PLACES);
    fuzz_places_went(to, place, len);
    note_ids(story, data, len);
    story->ends[from].socket = path->socket;
    if (story->flight_count == FLIGHT_MAX)
        lose(story, 0);
    story->flight[story->flight_count++] =
        (struct packet){from, place, path->socket, fuzz_copy(data, len), len};
}

static void collect(struct story *story, unsigned who)
{
    fuzz_side_send(&story->ends[who].side, story->now_ns, on_out, story);
    poll(story, &story->ends[who].side);
}

static void exchange(struct story *story)
{
    for (unsigned rounds = 0; rounds < 64; rounds++) {
        size_t count = story->flight_count;
        struct packet flight[FLIGHT_MAX];

        memcpy(flight, story->flight, sizeof(flight));
        story->flight_count = 0;
        for (size_t i = 0; i < count; i++) {
            deliver(story, &flight[i]);
            free(flight[i].data);
        }
        collect(story, CLIENT);
        collect(story, SERVER);
        if (story->flight_count == 0)
            break;
    }
}

static void lose_all(struct story *story)
{
    while (story->flight_count > 0)
        lose(story, 0);
}

/* ------------------------------------------------------------------ time */

static uint64_t deadline(const struct story *story)
{
    uint64_t a = belay_core_deadline(story->ends[CLIENT].side.core);
    uint64_t b = belay_core_deadline(story->ends[SERVER].side.core);

    return a < b ? a : b;
}

static void run_timers(struct story *story)
{
    for (unsigned who = CLIENT; who <= SERVER; who++) {
        fuzz_side_timeout(&story->ends[who].side, story->now_ns);
        poll(story, &story->ends[who].side);
        collect(story, who);
    }
}

static void step(struct story *story)
{
    uint64_t at_ns = deadline(story);

    if (at_ns == BELAY_NEVER)
        return;
    if (at_ns > story->now_ns)
        story->now_ns = at_ns;
    run_timers(story);
}

/* ------------------------------------------------------------------ forgery */

/* The seal of a side's phase; the secret of each follows from the one before. */
static struct belay_seal *seal_of(struct story *story, unsigned who, unsigned phase)
{
    uint8_t secret[BELAY_SECRET_SIZE], key[32], iv[12];

    if (story->has_seal[who][phase])
        return &story->seals[who][phase];
    memcpy(secret, story->secrets[who], sizeof(secret));
    for (unsigned i = 0; i < phase; i++)
        FUZZ_CHECK(belay_keys_update(story->suite, secret) == 0);
    FUZZ_CHECK(belay_keys_packet(story->suite, secret, key, iv) == 0);
    FUZZ_CHECK(belay_seal_init(&story->seals[who][phase], story->suite, story->algorithm, key,
                               iv) == 0);
    story->has_seal[who][phase] = true;
    return &story->seals[who][phase];
}

/* What an app would send under these numbers: then whatever is delivered can be told right. */
static void make_honest(const struct belay_frame *frame)
{
    struct belay_run_reader reader;
    const uint8_t *data;
    uint32_t number = frame->message.number;
    size_t len;

    if (frame->type == BELAY_FRAME_RUN) {
        belay_run_reader_init(&reader, frame);
        while (belay_run_reader_next(&reader, &data, &len))
            fill(frame->message.channel, frame->message.mode, number++, 0, data, len);
    } else {
        fill(frame->message.channel, frame->message.mode, number, frame->message.offset,
             frame->message.data, frame->message.len);
    }
}

/* Is there an answer to a challenge? */
static bool make_all_honest(uint8_t *frames, size_t len)
{
    struct belay_frame parsed[BELAY_FRAMES_MAX];
    const char *why;
    size_t count;
    bool is_proof = false;

    if (belay_frames_parse(frames, len, parsed, &count, &why) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (parsed[i].type >= BELAY_FRAME_MESSAGE)
            make_honest(&parsed[i]);
        is_proof |= parsed[i].type == BELAY_FRAME_PATH_RESPONSE;
    }
    return is_proof;
}

static void forge(struct story *story, unsigned who, unsigned phase, const uint8_t *frames,
                  size_t len)
{
    uint8_t packet[1500];
    uint64_t number = story->ends[who].newest;
    size_t header_len;
    const struct end *to = &story->ends[!who];
    bool is_proof;

    header_len = belay_data_header_build(
        packet, sizeof(packet), to->has_id ? to->ids[to->id] : NULL, phase & 1, number, 4);
    if (len > 0)
        memcpy(packet + header_len, frames, len);
    is_proof = make_all_honest(packet + header_len, len);
    FUZZ_CHECK(belay_seal_packet(seal_of(story, who, phase), number, packet, header_len, len) ==
               0);
    arrive_made(story, who, packet, header_len + len + BELAY_TAG_BYTES, is_proof);
}

static void take_forge(struct story *story, uint8_t op, bool is_long)
{
    unsigned who = op >> 4 & 1, phase = 0, times = 1;
    uint64_t jump = op & 0x20 ? belay_read_u8(&story->in) : 0;
    const uint8_t *frames;
    size_t len;

    if (op & 0x40)
        phase = belay_read_u8(&story->in) % PHASES;
    if (op & 0x80)
        times = belay_read_u8(&story->in);
    len = is_long ? belay_read_u16(&story->in) % 1400u : belay_read_u8(&story->in);
    frames = fuzz_take(&story->in, len, &len);
    for (; times > 0 && story->forged < FORGED_MAX; times--, story->forged++) {
        story->ends[who].newest += 1 + jump;
        forge(story, who, phase, frames, len);
    }
}

/* ------------------------------------------------------------------ the apps */

static void take_send(struct story *story, struct end *end)
{
    uint8_t where = belay_read_u8(&story->in);
    size_t len = belay_read_u16(&story->in) % (SIDE_MESSAGE_MAX + 100);
    uint32_t channel = where & 3;
    uint8_t mode = where >> 2 & 1, *data = malloc(len + 1);
    uint64_t id;

    FUZZ_CHECK(data != NULL);
    if (end->conn != NULL && end->notify_count < SENDS_MAX && channel < SIDE_CHANNELS) {
        fill(channel, mode, (uint32_t)(story->first_message + end->sent[channel][mode]), 0,
             data, len);
        if (belay_core_conn_send(end->conn, channel, (enum belay_mode)mode, data, len,
                                 BELAY_SEND_NOTIFY, BELAY_NEVER, &id) == 0) {
            FUZZ_CHECK(len <= SIDE_MESSAGE_MAX);
            FUZZ_CHECK(id == ++end->notify_count);
            end->sent[channel][mode]++;
        }
    }
    free(data);
}

static void take_reset(struct story *story)
{
    uint8_t token[BELAY_RESET_TOKEN_BYTES], packet[BELAY_RESET_BYTES];
    const struct end *server = &story->ends[SERVER];

    FUZZ_CHECK(belay_token_reset(story->suite, server->side.config.reset_key,
                                 server->ids[server->id], BELAY_CID_BYTES, token) == 0);
    FUZZ_CHECK(belay_reset_build(packet, sizeof(packet), token) == sizeof(packet));
    arrive_made(story, SERVER, packet, sizeof(packet), false);
}

static void call_app(struct story *story, struct end *end, enum fuzz_app what)
{
    struct belay_path path = {.local = end->side.address};

    switch (what) {
    case APP_CLOSE:
        belay_core_conn_close(end->conn);
        break;
    case APP_ABORT:
        belay_core_conn_abort(end->conn, belay_read_u8(&story->in), "the app's");
        break;
    case APP_PAUSE:
        belay_core_conn_pause(end->conn);
        break;
    case APP_RESUME:
        belay_core_conn_resume(end->conn);
        break;
    case APP_WATERMARKS:
        belay_core_conn_set_watermarks(end->conn, belay_read_u8(&story->in),
                                       belay_read_u16(&story->in));
        break;
    case APP_FREE:
        belay_core_conn_free(end->conn);
        end->conn = NULL;
        end->is_closed = true;
        break;
    case APP_UNREACHABLE:
        path.remote = story->ends[end == &story->ends[CLIENT]].side.address;
        belay_core_unreachable(end->side.core, &path, BELAY_EUNREACH, story->now_ns);
        belay_core_size_hint(end->side.core, &path, NULL, 0, 1300);
        belay_core_too_big(end->side.core, &path, 1, 1400, 0, story->now_ns);
        break;
    case APP_RESET:
        take_reset(story);
        break;
    }
}

/* ------------------------------------------------------------------ the program */

static void take_damaged(struct story *story)
{
    size_t which = belay_read_u8(&story->in), bit = belay_read_u16(&story->in);
    struct packet *packet;

    if (story->flight_count == 0)
        return;
    packet = &story->flight[which % story->flight_count];
    bit %= 8 * packet->len;
    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    arrive_made(story, packet->from, packet->data, packet->len, false);
    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void take_repeat(struct story *story)
{
    size_t which = belay_read_u8(&story->in);

    if (story->flight_count == 0)
        return;
    deliver(story, &story->flight[which % story->flight_count]);
}

static void take_raw(struct story *story, unsigned who)
{
    size_t len = belay_read_u8(&story->in);
    const uint8_t *data = fuzz_take(&story->in, len, &len);

    arrive_made(story, who, data, len, false);
}

/* ------------------------------------------------------------------ addresses */

static void take_move(struct end *end, uint8_t op)
{
    end->places.shift = op >> 5 & 3;
    end->places.is_strict = op & 0x80;
}

static void take_migrate(struct story *story, struct end *end)
{
    struct fuzz_places *others = &story->ends[end == &story->ends[CLIENT]].places;
    uint8_t where = belay_read_u8(&story->in);
    unsigned place = where >> 2 & 3;
    struct belay_path path = {.local = end->side.address,
                              .remote = fuzz_places_address(others, place),
                              .socket = where & 3};

    if (end->conn != NULL && belay_core_conn_migrate(end->conn, &path) == 0)
        others->place[place].is_proved = true;
}

static void take_steps(struct story *story, uint8_t op)
{
    for (unsigned i = 0; i <= (op >> 4 & 7u); i++) {
        step(story);
        if (op & 0x80)
            exchange(story);
    }
}

static void take_op(struct story *story)
{
    uint8_t op = belay_read_u8(&story->in);
    struct end *end = &story->ends[op >> 4 & 1];

    switch ((enum fuzz_peer_op)((op & 15) % OP_PEER_END)) {
    case OP_FORGE:
        take_forge(story, op, false);
        break;
    case OP_FORGE_LONG:
        take_forge(story, op, true);
        break;
    case OP_SEND:
        take_send(story, end);
        break;
    case OP_EXCHANGE:
        exchange(story);
        break;
    case OP_STEP:
        take_steps(story, op);
        break;
    case OP_SLEEP:
        story->now_ns += MS << (op >> 4);
        run_timers(story);
        break;
    case OP_LOSE:
        lose_all(story);
        break;
    case OP_REPEAT:
        take_repeat(story);
        break;
    case OP_FLIP:
        take_damaged(story);
        break;
    case OP_APP:
        if (end->conn != NULL)
            call_app(story, end, (enum fuzz_app)(op >> 5));
        break;
    case OP_COLLECT:
        collect(story, op >> 4 & 1);
        break;
    case OP_RAW:
        take_raw(story, op >> 4 & 1);
        break;
    case OP_MOVE:
        take_move(end, op);
        break;
    case OP_MIGRATE:
        take_migrate(story, end);
        break;
    case OP_TAKE_ID:
        story->ends[!(op >> 4 & 1)].id = belay_read_u8(&story->in) % IDS;
        break;
    case OP_PEER_END:
        break;
    }
}

/* ------------------------------------------------------------------ beginning and end */

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "BELAY_CLIENT_SECRET nonce secret" */
static void note_secret(void *ctx, const char *line)
{
    struct story *story = ctx;
    unsigned who = strncmp(line, "BELAY_SERVER", 12) == 0 ? SERVER : CLIENT;
    const char *hex = strrchr(line, ' ') + 1;

    for (unsigned i = 0; i < BELAY_SECRET_SIZE; i++)
        story->secrets[who][i] =
            (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static void note_new_ids(struct end *end, const struct belay_trace *packet)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why;
    size_t count;

    if (belay_frames_parse(packet->frames, packet->frames_len, frames, &count, &why) != 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (frames[i].type == BELAY_FRAME_NEW_CONNECTION_ID)
            memcpy(end->ids[frames[i].new_cid.sequence % IDS], frames[i].new_cid.cid,
                   BELAY_CID_BYTES);
}

static void note_packet(void *ctx, const struct belay_core_conn *conn,
                        const struct belay_trace *packet, uint64_t now_ns)
{
    struct end *end = ctx;

    (void)conn;
    (void)now_ns;
    if (!packet->outgoing || packet->type != 'D')
        return;
    if (packet->packet_number > end->newest)
        end->newest = packet->packet_number;
    note_new_ids(end, packet);
}

static void set_up(struct belay_core_config *config, uint8_t setup)
{
    fuzz_side_config(config);
    config->insecure = setup & SETUP_INSECURE;
    if (setup & SETUP_CHACHA)
        config->aead = BELAY_AEAD_CHACHA20_POLY1305;
    if (setup & SETUP_UPDATES)
        config->key_update_packets = 3;
    if (setup & SETUP_WRAPS)
        config->first_packet_number = config->first_message_number = UINT32_MAX - 2;
    if (setup & SETUP_NO_IDLE)
        config->idle_timeout_ns = config->keepalive_ns = 0;
}

static void begin(struct story *story, struct belay_suite *suite)
{
    uint8_t setup = belay_read_u8(&story->in);
    struct belay_core_config config;
    struct belay_path path;

    set_up(&config, setup);
    story->suite = suite;
    story->now_ns = BEGIN_NS;
    story->first_message = config.first_message_number;
    for (unsigned who = CLIENT; who <= SERVER; who++) {
        fuzz_side_init(&story->ends[who].side, &config, (uint8_t)(0xc1 + who));
        fuzz_places_init(&story->ends[who].places, (uint8_t)(0xc1 + who));
        belay_core_set_trace(story->ends[who].side.core, note_packet, &story->ends[who]);
        belay_core_set_keylog(story->ends[who].side.core, note_secret, story);
    }
    if (!config.insecure && (setup & SETUP_SERVER_KEY))
        belay_core_set_server_key(story->ends[CLIENT].side.core,
                                  belay_core_key(story->ends[SERVER].side.core));
    belay_core_listen(story->ends[SERVER].side.core, true);
    path = (struct belay_path){.local = story->ends[CLIENT].side.address,
                               .remote = story->ends[SERVER].side.address};
    FUZZ_CHECK(belay_core_connect(story->ends[CLIENT].side.core, &path, setup & SETUP_SHARED,
                                  NULL, &story->ends[CLIENT].conn) == 0);
    exchange(story);
    FUZZ_CHECK(story->ends[SERVER].conn != NULL);
    FUZZ_CHECK(belay_core_conn_is_connected(story->ends[CLIENT].conn));
    if (setup & SETUP_NO_MEMORY)
        fuzz_memory_fail(&story->ends[SERVER].side.memory, belay_read_u16(&story->in));
    story->algorithm =
        (enum belay_seal_algorithm)belay_core_conn_aead(story->ends[CLIENT].conn);
}

/* The apps let go, and the network is dead: soon there are no connections any more. Soon is
 * three PTO, and these may have become as long as all that went before, and its half four
 * times. */
static void finish(struct story *story)
{
    uint64_t begin_ns = story->now_ns, soon_ns = 20 * (begin_ns - BEGIN_NS) + 300 * SECOND;

    for (unsigned who = CLIENT; who <= SERVER; who++) {
        if (story->ends[who].conn != NULL)
            belay_core_conn_free(story->ends[who].conn);
        story->ends[who].conn = NULL;
        story->ends[who].is_closed = true;
        collect(story, who);
    }
    while (deadline(story) != BELAY_NEVER) {
        step(story);
        lose_all(story);
        FUZZ_CHECK(story->now_ns - begin_ns < soon_ns);
    }
    for (unsigned who = CLIENT; who <= SERVER; who++)
        FUZZ_CHECK(belay_core_conn_count(story->ends[who].side.core) == 0);
}

static void dispose(struct story *story)
{
    lose_all(story);
    for (unsigned who = CLIENT; who <= SERVER; who++) {
        fuzz_side_end(&story->ends[who].side);
        for (unsigned phase = 0; phase < PHASES; phase++)
            belay_seal_dispose(&story->seals[who][phase]);
    }
    free(story);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct belay_suite suite; /* looked up once for all inputs */
    struct story *story = calloc(1, sizeof(*story));

    FUZZ_CHECK(story != NULL);
    if (suite.sha256 == NULL)
        FUZZ_CHECK(belay_suite_init(&suite) == 0);
    belay_reader_init(&story->in, data, size);
    begin(story, &suite);
    for (unsigned i = 0; i < OPS_MAX && belay_reader_left(&story->in) > 0; i++)
        take_op(story);
    finish(story);
    dispose(story);
    return 0;
}
