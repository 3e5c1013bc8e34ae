/*
 * A connection attacked by one who has its keys: frames of any kind are sealed in the name of
 * either side, between what honest apps send, losses, repetitions, new addresses and time.
 * Neither core fails, holds more than it may, sends much to where nobody proved to be, or
 * delivers a message twice, out of order or damaged; and in the end nothing is left of the
 * connection. Input: ops.h.
 */
#include "peer_story.h"

#include "ops.h"

#define OPS_MAX 200

/* ------------------------------------------------------------------ the apps */

static void take_send(struct peer_story *story, struct peer_end *end)
{
    uint8_t where = belay_read_u8(&story->in);
    size_t len = belay_read_u16(&story->in) % (SIDE_MESSAGE_MAX + 100);
    uint32_t channel = where & 3;
    uint8_t mode = where >> 2 & 1, *data = malloc(len + 1);
    uint64_t id;

    FUZZ_CHECK(data != NULL);
    if (end->conn != NULL && end->notify_count < SENDS_MAX && channel < SIDE_CHANNELS) {
        peer_fill(channel, mode, (uint32_t)(story->first_message + end->sent[channel][mode]), 0,
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

static void call_app(struct peer_story *story, struct peer_end *end, enum fuzz_app what)
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
        peer_take_reset(story);
        break;
    }
}

/* ------------------------------------------------------------------ the program */

static void take_repeat(struct peer_story *story)
{
    size_t which = belay_read_u8(&story->in);

    if (story->flight_count == 0)
        return;
    peer_deliver(story, &story->flight[which % story->flight_count]);
}

/* ------------------------------------------------------------------ addresses */

static void take_move(struct peer_end *end, uint8_t op)
{
    end->places.shift = op >> 5 & 3;
    end->places.is_strict = op & 0x80;
}

static void take_migrate(struct peer_story *story, struct peer_end *end)
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

static void take_steps(struct peer_story *story, uint8_t op)
{
    for (unsigned i = 0; i <= (op >> 4 & 7u); i++) {
        peer_step(story);
        if (op & 0x80)
            peer_exchange(story);
    }
}

static void take_op(struct peer_story *story)
{
    uint8_t op = belay_read_u8(&story->in);
    struct peer_end *end = &story->ends[op >> 4 & 1];

    switch ((enum fuzz_peer_op)((op & 15) % OP_PEER_END)) {
    case OP_FORGE:
        peer_take_forge(story, op, false);
        break;
    case OP_FORGE_LONG:
        peer_take_forge(story, op, true);
        break;
    case OP_SEND:
        take_send(story, end);
        break;
    case OP_EXCHANGE:
        peer_exchange(story);
        break;
    case OP_STEP:
        take_steps(story, op);
        break;
    case OP_SLEEP:
        story->now_ns += MS << (op >> 4);
        peer_run_timers(story);
        break;
    case OP_LOSE:
        peer_lose_all(story);
        break;
    case OP_REPEAT:
        take_repeat(story);
        break;
    case OP_FLIP:
        peer_take_damaged(story);
        break;
    case OP_APP:
        if (end->conn != NULL)
            call_app(story, end, (enum fuzz_app)(op >> 5));
        break;
    case OP_COLLECT:
        peer_collect(story, op >> 4 & 1);
        break;
    case OP_RAW:
        peer_take_raw(story, op >> 4 & 1);
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

static void begin(struct peer_story *story, struct belay_suite *suite)
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
        belay_core_set_trace(story->ends[who].side.core, peer_note_packet, &story->ends[who]);
        belay_core_set_keylog(story->ends[who].side.core, peer_note_secret, story);
    }
    if (!config.insecure && (setup & SETUP_SERVER_KEY))
        belay_core_set_server_key(story->ends[CLIENT].side.core,
                                  belay_core_key(story->ends[SERVER].side.core));
    belay_core_listen(story->ends[SERVER].side.core, true);
    path = (struct belay_path){.local = story->ends[CLIENT].side.address,
                               .remote = story->ends[SERVER].side.address};
    FUZZ_CHECK(belay_core_connect(story->ends[CLIENT].side.core, &path, setup & SETUP_SHARED,
                                  NULL, &story->ends[CLIENT].conn) == 0);
    peer_exchange(story);
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
static void finish(struct peer_story *story)
{
    uint64_t begin_ns = story->now_ns, soon_ns = 20 * (begin_ns - BEGIN_NS) + 300 * SECOND;

    for (unsigned who = CLIENT; who <= SERVER; who++) {
        if (story->ends[who].conn != NULL)
            belay_core_conn_free(story->ends[who].conn);
        story->ends[who].conn = NULL;
        story->ends[who].is_closed = true;
        peer_collect(story, who);
    }
    while (peer_deadline(story) != BELAY_NEVER) {
        peer_step(story);
        peer_lose_all(story);
        FUZZ_CHECK(story->now_ns - begin_ns < soon_ns);
    }
    for (unsigned who = CLIENT; who <= SERVER; who++)
        FUZZ_CHECK(belay_core_conn_count(story->ends[who].side.core) == 0);
}

static void dispose(struct peer_story *story)
{
    peer_lose_all(story);
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
    struct peer_story *story = calloc(1, sizeof(*story));

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
