/* peer_forge.c - the attacker of the peer target: what it seals, damages and overhears. */
#include "peer_story.h"

#include "crypto/token.h"
#include "wire/frame.h"

/* The seal of a side's phase; the secret of each follows from the one before. */
static struct belay_seal *seal_of(struct peer_story *story, unsigned who, unsigned phase)
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
            peer_fill(frame->message.channel, frame->message.mode, number++, 0, data, len);
    } else {
        peer_fill(frame->message.channel, frame->message.mode, number, frame->message.offset,
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

static void forge(struct peer_story *story, unsigned who, unsigned phase, const uint8_t *frames,
                  size_t len)
{
    uint8_t packet[1500];
    uint64_t number = story->ends[who].newest;
    size_t header_len;
    const struct peer_end *to = &story->ends[!who];
    bool is_proof;

    header_len = belay_data_header_build(
        packet, sizeof(packet), to->has_id ? to->ids[to->id] : NULL, phase & 1, number, 4);
    if (len > 0)
        memcpy(packet + header_len, frames, len);
    is_proof = make_all_honest(packet + header_len, len);
    FUZZ_CHECK(belay_seal_packet(seal_of(story, who, phase), number, packet, header_len, len) ==
               0);
    peer_arrive_made(story, who, packet, header_len + len + BELAY_TAG_BYTES, is_proof);
}

void peer_take_forge(struct peer_story *story, uint8_t op, bool is_long)
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

void peer_take_reset(struct peer_story *story)
{
    uint8_t token[BELAY_RESET_TOKEN_BYTES], packet[BELAY_RESET_BYTES];
    const struct peer_end *server = &story->ends[SERVER];

    FUZZ_CHECK(belay_token_reset(story->suite, server->side.config.reset_key,
                                 server->ids[server->id], BELAY_CID_BYTES, token) == 0);
    FUZZ_CHECK(belay_reset_build(packet, sizeof(packet), token) == sizeof(packet));
    peer_arrive_made(story, SERVER, packet, sizeof(packet), false);
}

void peer_take_damaged(struct peer_story *story)
{
    size_t which = belay_read_u8(&story->in), bit = belay_read_u16(&story->in);
    struct peer_packet *packet;

    if (story->flight_count == 0)
        return;
    packet = &story->flight[which % story->flight_count];
    bit %= 8 * packet->len;
    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    peer_arrive_made(story, packet->from, packet->data, packet->len, false);
    packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

void peer_take_raw(struct peer_story *story, unsigned who)
{
    size_t len = belay_read_u8(&story->in);
    const uint8_t *data = fuzz_take(&story->in, len, &len);

    peer_arrive_made(story, who, data, len, false);
}

/* ------------------------------------------------------------------ what it overhears */

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* "BELAY_CLIENT_SECRET nonce secret" */
void peer_note_secret(void *ctx, const char *line)
{
    struct peer_story *story = ctx;
    unsigned who = strncmp(line, "BELAY_SERVER", 12) == 0 ? SERVER : CLIENT;
    const char *hex = strrchr(line, ' ') + 1;

    for (unsigned i = 0; i < BELAY_SECRET_SIZE; i++)
        story->secrets[who][i] =
            (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static void note_new_ids(struct peer_end *end, const struct belay_trace *packet)
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

void peer_note_packet(void *ctx, const struct belay_core_conn *conn,
                      const struct belay_trace *packet, uint64_t now_ns)
{
    struct peer_end *end = ctx;

    (void)conn;
    (void)now_ns;
    if (!packet->outgoing || packet->type != 'D')
        return;
    if (packet->packet_number > end->newest)
        end->newest = packet->packet_number;
    note_new_ids(end, packet);
}
