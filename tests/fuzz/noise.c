/*
 * Noise handshakes in every pattern. A true handshake takes place, and one of its messages may
 * be changed on its way, or be the input's own; one side may know a wrong secret. Input:
 *
 *     u8 pattern   u8 flags   u8 length of payloads   then, as flags say, edits or a message
 */
#include "fuzz.h"

#include "crypto/dh.h"
#include "crypto/noise.h"

#define MESSAGE_BYTES_MAX 2048

enum {
    ATTACK_SECOND = 1, /* else the first message */
    RAW = 2,           /* the rest is the message; else pairs of place and what to flip there */
    CUT = 4,           /* edits: the first byte of them says how much shorter it becomes */
    WRONG_PSK = 8,
    WRONG_SERVER = 16,
    SMALL_ROOM = 32, /* for what is read */
};

struct message {
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t len;
    bool is_changed;
};

struct story {
    const struct belay_noise_suite *suite;
    struct belay_noise client, server;
    enum belay_noise_pattern pattern;
    uint8_t flags;
    size_t payload_len;
    struct belay_reader in;
};

static const uint8_t payload[256] = "what both say to each other";

/* Looking algorithms up takes as long as a handshake: once for all inputs. */
static const struct belay_noise_suite *the_suite(void)
{
    static struct belay_noise_suite suite;

    if (suite.aead == NULL)
        FUZZ_CHECK(belay_noise_suite_init(&suite, BELAY_NOISE_CHACHAPOLY, BELAY_NOISE_SHA256) ==
                   0);
    return &suite;
}

/* ------------------------------------------------------------------ both sides */

static void begin_side(struct story *story, struct belay_noise *side, bool is_client)
{
    static const uint8_t ephemerals[2][32] = {{1, 2, 3}, {4, 5, 6}};
    static const uint8_t statics[2][32] = {{7, 8, 9}, {10, 11, 12}};
    uint8_t server_key[32], psk[BELAY_NOISE_PSK_SIZE] = {1};
    struct belay_noise_config config = {
        .pattern = story->pattern,
        .is_initiator = is_client,
        .prologue = "prologue",
        .prologue_len = 8,
        .own_private = statics[is_client],
        .peer_public = server_key,
        .psk = psk,
        .ephemeral_private = ephemerals[is_client],
    };

    FUZZ_CHECK(belay_dh_public(statics[0], server_key) == 0);
    if (is_client && (story->flags & WRONG_PSK))
        psk[31] = 1;
    if (is_client && (story->flags & WRONG_SERVER))
        FUZZ_CHECK(belay_dh_public(psk, server_key) == 0);
    FUZZ_CHECK(belay_noise_init(side, story->suite, &config) == 0);
}

static bool knows_server(const struct story *story)
{
    return story->pattern != BELAY_NOISE_NN && story->pattern != BELAY_NOISE_NNPSK0;
}

/* Would the server find out by the first message alone? */
static bool is_first_wrong(const struct story *story)
{
    return (story->pattern == BELAY_NOISE_NNPSK0 && (story->flags & WRONG_PSK)) ||
           (knows_server(story) && (story->flags & WRONG_SERVER));
}

/* ------------------------------------------------------------------ in between */

static void edit(struct story *story, struct message *message)
{
    size_t cut = story->flags & CUT ? belay_read_u8(&story->in) : 0;

    while (message->len > 0 && belay_reader_left(&story->in) > 1) {
        size_t at = belay_read_u8(&story->in) % message->len;

        message->bytes[at] ^= belay_read_u8(&story->in);
    }
    message->len -= cut < message->len ? cut : message->len;
}

static void attack(struct story *story, struct message *message)
{
    struct message before = *message;
    const uint8_t *raw;
    size_t len;

    if (story->flags & RAW) {
        raw = fuzz_rest(&story->in, &len);
        message->len = len < sizeof(message->bytes) ? len : sizeof(message->bytes);
        if (message->len > 0)
            memcpy(message->bytes, raw, message->len);
    } else {
        edit(story, message);
    }
    message->is_changed =
        message->len != before.len || memcmp(message->bytes, before.bytes, before.len) != 0;
}

/* ------------------------------------------------------------------ messages */

static int write(struct story *story, struct belay_noise *side, struct message *message)
{
    size_t overhead = belay_noise_overhead(side), len = story->payload_len + overhead;

    FUZZ_CHECK(belay_noise_is_our_turn(side) && overhead <= 96);
    FUZZ_CHECK(belay_noise_write(side, payload, story->payload_len, message->bytes, len - 1,
                                 &message->len) == BELAY_EINVAL);
    message->is_changed = false;
    return belay_noise_write(side, payload, story->payload_len, message->bytes, len,
                             &message->len);
}

static int read(struct story *story, struct belay_noise *side, const struct message *message)
{
    size_t overhead = belay_noise_overhead(side), len = 0;
    bool is_long_enough = message->len >= overhead;
    size_t room = is_long_enough ? message->len - overhead : 0;
    uint8_t *copy = fuzz_copy(message->bytes, message->len), *out;
    int error;

    if ((story->flags & SMALL_ROOM) && room > 0)
        room--;
    out = malloc(room > 0 ? room : 1);
    FUZZ_CHECK(out != NULL);
    error = belay_noise_read(side, copy, message->len, out, room, &len);
    if (!is_long_enough)
        FUZZ_CHECK(error == BELAY_EPROTO);
    if (error == 0) {
        FUZZ_CHECK(len == message->len - overhead);
        FUZZ_CHECK(message->is_changed || memcmp(out, payload, len) == 0);
        FUZZ_PLANT(!side->is_initiator && message->is_changed && len > 0 && len < 8);
    }
    free(out);
    free(copy);
    return error;
}

/* Whether a side that read what was changed, or knows another secret, was right to go on. */
static void check_read(const struct story *story, const struct message *message, int error,
                       bool must_fail)
{
    bool is_room_short =
        (story->flags & SMALL_ROOM) && (story->payload_len > 0 || message->is_changed);

    FUZZ_CHECK(error == 0 || error == BELAY_EPROTO || error == BELAY_EINVAL);
    FUZZ_CHECK(error != BELAY_EINVAL || is_room_short);
    FUZZ_CHECK(error != 0 || !must_fail);
    FUZZ_CHECK(error == 0 || must_fail || message->is_changed || is_room_short);
}

static void check_end(struct story *story)
{
    uint8_t keys[4][BELAY_NOISE_KEY_SIZE], hashes[2][BELAY_NOISE_HASH_MAX];

    FUZZ_CHECK(belay_noise_is_done(&story->client) && belay_noise_is_done(&story->server));
    FUZZ_CHECK(belay_noise_split(&story->client, keys[0], keys[1], hashes[0]) == 0);
    FUZZ_CHECK(belay_noise_split(&story->server, keys[2], keys[3], hashes[1]) == 0);
    FUZZ_CHECK(memcmp(keys[0], keys[2], 2 * BELAY_NOISE_KEY_SIZE) == 0);
    FUZZ_CHECK(memcmp(hashes[0], hashes[1], story->suite->hash_size) == 0);
    FUZZ_CHECK((belay_noise_peer_public(&story->server) != NULL) ==
               (story->pattern == BELAY_NOISE_IK));
    FUZZ_CHECK(belay_noise_overhead(&story->client) == 0);
}

/* Only NN's first message may change without being found out at once: it has no key. */
static bool first_message(struct story *story, struct message *message)
{
    int error;

    FUZZ_CHECK(write(story, &story->client, message) == 0);
    if (!(story->flags & ATTACK_SECOND))
        attack(story, message);
    error = read(story, &story->server, message);
    check_read(story, message, error,
               is_first_wrong(story) ||
                   (message->is_changed && story->pattern != BELAY_NOISE_NN));
    return error == 0;
}

static void second_message(struct story *story, bool is_first_changed)
{
    struct message message;
    bool is_wrong = story->pattern == BELAY_NOISE_NKPSK2 && (story->flags & WRONG_PSK);
    int error = write(story, &story->server, &message);

    FUZZ_CHECK(error == 0 || (error == BELAY_EPROTO && is_first_changed));
    if (error != 0)
        return; /* the client's key was none */
    if (story->flags & ATTACK_SECOND)
        attack(story, &message);
    error = read(story, &story->client, &message);
    check_read(story, &message, error, is_wrong || is_first_changed || message.is_changed);
    if (error == 0)
        check_end(story);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct story story = {.pattern = BELAY_NOISE_NN};
    struct message first;
    uint8_t keys[2][BELAY_NOISE_KEY_SIZE], hash[BELAY_NOISE_HASH_MAX];

    belay_reader_init(&story.in, data, size);
    story.pattern = (enum belay_noise_pattern)(belay_read_u8(&story.in) % 5);
    story.flags = belay_read_u8(&story.in);
    story.payload_len = belay_read_u8(&story.in);
    story.suite = the_suite();
    begin_side(&story, &story.client, true);
    begin_side(&story, &story.server, false);
    FUZZ_CHECK(belay_noise_split(&story.client, keys[0], keys[1], hash) == BELAY_EINVAL);
    if (first_message(&story, &first))
        second_message(&story, first.is_changed);
    belay_noise_dispose(&story.client);
    belay_noise_dispose(&story.server);
    return 0;
}
