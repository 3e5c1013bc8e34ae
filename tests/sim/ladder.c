/* The last packets as a sequence diagram, and the words for what is in them. */
#include <inttypes.h>
#include <stdarg.h>

#include "sim/sim.h"
#include "wire/frame.h"

static const char *const kind_names[SIM_KINDS] = {
    [SIM_PADDING] = "PADDING",
    [SIM_PING] = "PING",
    [SIM_ACK] = "ACK",
    [SIM_MAX_DATA] = "MAX_DATA",
    [SIM_MAX_MESSAGES] = "MAX_MESSAGES",
    [SIM_DATA_BLOCKED] = "DATA_BLOCKED",
    [SIM_MESSAGES_BLOCKED] = "MESSAGES_BLOCKED",
    [SIM_FIN] = "FIN",
    [SIM_CLOSE] = "CLOSE",
    [SIM_NEW_CONNECTION_ID] = "NEW_CONNECTION_ID",
    [SIM_RETIRE_CONNECTION_ID] = "RETIRE_CONNECTION_ID",
    [SIM_PATH_CHALLENGE] = "PATH_CHALLENGE",
    [SIM_PATH_RESPONSE] = "PATH_RESPONSE",
    [SIM_MESSAGE] = "MESSAGE",
    [SIM_RUN] = "RUN",
    [SIM_FRAGMENT] = "FRAGMENT",
};

const char *sim_kind_name(enum sim_kind kind)
{
    return kind_names[kind];
}

static enum sim_kind kind_of(enum belay_frame_type type)
{
    switch (type) {
    case BELAY_FRAME_PADDING:
        return SIM_PADDING;
    case BELAY_FRAME_PING:
        return SIM_PING;
    case BELAY_FRAME_ACK:
    case BELAY_FRAME_ACK_ECN:
        return SIM_ACK;
    case BELAY_FRAME_MAX_DATA:
        return SIM_MAX_DATA;
    case BELAY_FRAME_MAX_MESSAGES:
        return SIM_MAX_MESSAGES;
    case BELAY_FRAME_DATA_BLOCKED:
        return SIM_DATA_BLOCKED;
    case BELAY_FRAME_MESSAGES_BLOCKED:
        return SIM_MESSAGES_BLOCKED;
    case BELAY_FRAME_FIN:
        return SIM_FIN;
    case BELAY_FRAME_CLOSE:
        return SIM_CLOSE;
    case BELAY_FRAME_NEW_CONNECTION_ID:
        return SIM_NEW_CONNECTION_ID;
    case BELAY_FRAME_RETIRE_CONNECTION_ID:
        return SIM_RETIRE_CONNECTION_ID;
    case BELAY_FRAME_PATH_CHALLENGE:
        return SIM_PATH_CHALLENGE;
    case BELAY_FRAME_PATH_RESPONSE:
        return SIM_PATH_RESPONSE;
    case BELAY_FRAME_MESSAGE:
        return SIM_MESSAGE;
    case BELAY_FRAME_RUN:
        return SIM_RUN;
    case BELAY_FRAME_FRAGMENT:
        return SIM_FRAGMENT;
    }
    return SIM_PADDING;
}

uint32_t sim_frames_kinds(const uint8_t *data, size_t len)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    uint32_t kinds = 0;
    const char *why;
    size_t count;

    if (belay_frames_parse(data, len, frames, &count, &why) != 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        kinds |= 1u << kind_of(frames[i].type);
    return kinds;
}

uint64_t sim_window_announced(const struct sim_packet *packet)
{
    struct belay_frame frames[BELAY_FRAMES_MAX];
    const char *why;
    size_t count;

    if (belay_frames_parse(packet->frames, packet->frames_len, frames, &count, &why) != 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (frames[i].type == BELAY_FRAME_MAX_DATA)
            return frames[i].max_data.window;
    return 0;
}

/* ------------------------------------------------------------------ text */

struct text {
    char *at;
    size_t left;
};

static void put(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(struct text *text, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text->at, text->left, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= text->left)
        n = text->left > 0 ? (int)text->left - 1 : 0;
    text->at += n;
    text->left -= (size_t)n;
}

static void put_ack(struct text *text, const struct belay_frame *frame)
{
    struct belay_ack_reader reader;
    uint64_t lo, hi;

    belay_ack_reader_init(&reader, frame);
    for (unsigned i = 0; i < 4 && belay_ack_reader_next(&reader, &lo, &hi); i++)
        if (lo == hi)
            put(text, "%s%" PRIu64, i > 0 ? "," : " ", hi);
        else
            put(text, "%s%" PRIu64 "-%" PRIu64, i > 0 ? "," : " ", hi, lo);
    if (frame->ack.range_count > 4)
        put(text, ",+%u", frame->ack.range_count - 4);
}

static void put_message(struct text *text, const struct belay_frame *frame)
{
    put(text, " c%u%s#%u", frame->message.channel, frame->message.mode == 0 ? "" : "u",
        frame->message.number);
    if (frame->type == BELAY_FRAME_RUN)
        put(text, " x%u", frame->message.count);
    else if (frame->type == BELAY_FRAME_FRAGMENT)
        put(text, " %" PRIu64 "+%zu/%" PRIu64, frame->message.offset, frame->message.len,
            frame->message.total);
    else
        put(text, " %zuB", frame->message.len);
}

static void put_frame(struct text *text, const struct belay_frame *frame)
{
    enum sim_kind kind = kind_of(frame->type);
    put(text, " %s", kind_names[kind]);
    if (kind == SIM_ACK)
        put_ack(text, frame);
    else if (kind == SIM_MAX_DATA || kind == SIM_DATA_BLOCKED)
        put(text, " %" PRIu64, frame->max_data.limit);
    else if (kind == SIM_MAX_MESSAGES || kind == SIM_MESSAGES_BLOCKED)
        put(text, " c%u/%u %" PRIu64, frame->max_messages.channel, frame->max_messages.mode,
            frame->max_messages.limit);
    else if (kind == SIM_FIN)
        put(text, " %" PRIu64, frame->fin.messages);
    else if (kind == SIM_CLOSE)
        put(text, " %" PRIu64 " \"%.*s\"", frame->close.code, (int)frame->close.reason_len,
            frame->close.reason);
    else if (kind == SIM_NEW_CONNECTION_ID || kind == SIM_RETIRE_CONNECTION_ID)
        put(text, " %" PRIu64, frame->new_cid.sequence);
    else if (kind == SIM_PATH_CHALLENGE || kind == SIM_PATH_RESPONSE)
        put(text, " %02x%02x", frame->path.data[0], frame->path.data[1]);
    else if (kind >= SIM_MESSAGE)
        put_message(text, frame);
}

void sim_frames_text(const struct sim_packet *packet, char *out, size_t size)
{
    static const char *const types[][2] = {{"I", "INIT"},     {"A", "ACCEPT"}, {"R", "REFUSE"},
                                           {"V", "VERSIONS"}, {"S", "RESET"},  {"D", NULL}};
    struct belay_frame frames[BELAY_FRAMES_MAX];
    struct text text = {out, size};
    const char *why;
    size_t count;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (packet->type == types[i][0][0] && types[i][1] != NULL) {
            put(&text, "%s", types[i][1]);
            return;
        }
    put(&text, "%" PRIu64 ":", packet->number);
    if (belay_frames_parse(packet->frames, packet->frames_len, frames, &count, &why) != 0) {
        put(&text, " bad frames: %s", why);
        return;
    }
    for (size_t i = 0; i < count; i++)
        put_frame(&text, &frames[i]);
}

/* ------------------------------------------------------------------ ladder */

void sim_ladder_add(struct sim *sim, struct sim_packet *packet)
{
    size_t place = sim->ladder_count++ % SIM_LADDER_MAX;
    sim_packet_unref(sim->ladder[place]);
    packet->refs++;
    sim->ladder[place] = packet;
}

static void put_fate(struct text *text, const struct sim_packet *packet)
{
    if (packet->arrived > 0)
        put(text, "at %.3f", (double)packet->arrived_ns / 1e6);
    if (packet->verdict != NULL && strcmp(packet->verdict, "ok") != 0)
        put(text, ", %s", packet->verdict);
    if (packet->copies > 0)
        put(text, "%sunder way", packet->arrived > 0 ? ", " : "");
    if (packet->lost != NULL)
        put(text, "%sLOST (%s)", packet->arrived + packet->copies > 0 ? ", a copy " : "",
            packet->lost);
    if (packet->duplicated)
        put(text, ", duplicated");
    if (packet->reordered)
        put(text, ", reordered");
    if (packet->damaged)
        put(text, ", damaged");
    if (packet->ecn != 0)
        put(text, ", ect %u", packet->ecn);
}

static void print_rung(const struct sim *sim, const struct sim_packet *packet)
{
    bool lost = packet->arrived == 0 && packet->copies == 0;
    bool right = packet->from == NULL || packet->from->index < packet->to->index;
    char frames[72], fate[160];
    struct text text = {fate, sizeof(fate)};

    sim_frames_text(packet, frames, sizeof(frames));
    put_fate(&text, packet);
    printf("%12.3f  %8s %s %-72s %s %-8s %5zu  %s\n", (double)packet->sent_ns / 1e6,
           right ? (packet->from != NULL ? packet->from->name : "?") : packet->to->name,
           right ? "|--" : (lost ? "|X-" : "|<-"), frames,
           right ? (lost ? "-X|" : "->|") : "--|",
           right ? packet->to->name : packet->from->name, packet->len, fate);
    (void)sim;
}

void sim_ladder_print(const struct sim *sim)
{
    const char *text = getenv("BELAY_SIM_LADDER");
    uint64_t wanted = text != NULL ? strtoull(text, NULL, 0) : 60, first;

    if (wanted > SIM_LADDER_MAX)
        wanted = SIM_LADDER_MAX;
    first = sim->ladder_count > wanted ? sim->ladder_count - wanted : 0;
    printf("%12s  the last %" PRIu64 " of %" PRIu64 " packets\n", "ms",
           sim->ladder_count - first, sim->ladder_count);
    for (uint64_t i = first; i < sim->ladder_count; i++)
        print_rung(sim, sim->ladder[i % SIM_LADDER_MAX]);
    fflush(stdout);
}
