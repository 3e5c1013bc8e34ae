/* peer_traffic.c - both ends of the peer target: messages, events, packets, time. */
#include "peer_story.h"

/* ------------------------------------------------------------------ messages */

/* Byte i of a message: its number, then what follows from that. */
static uint8_t byte_of(uint32_t channel, uint8_t mode, uint32_t number, uint64_t i)
{
    if (i < 4)
        return (uint8_t)(number >> 8 * i);
    return (uint8_t)(channel * 59 + mode * 101u + number * 37 + i + (i >> 8) * 3);
}

void peer_fill(uint32_t channel, uint8_t mode, uint32_t number, uint64_t offset,
               const uint8_t *place, size_t len)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)place; /* in a packet of ours */

    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_of(channel, mode, number, offset + i);
}

/* Unordered: it says itself which it is. False: too short for that. */
static bool take_number(struct peer_end *end, const struct belay_core_event *event,
                        uint32_t *number)
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

static void on_message(struct peer_story *story, struct peer_end *end,
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

static void on_event(struct peer_story *story, struct peer_end *end,
                     const struct belay_core_event *event)
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
    struct peer_story *story = ctx;
    struct peer_end *end =
        side == &story->ends[CLIENT].side ? &story->ends[CLIENT] : &story->ends[SERVER];
    struct belay_core_event event;

    while (belay_core_poll(side->core, &event) == 1)
        on_event(story, end, &event);
}

/* ------------------------------------------------------------------ packets on their way */

/* At the socket of the other. */
static void arrive(struct peer_story *story, unsigned from, unsigned place, uint32_t socket,
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
void peer_arrive_made(struct peer_story *story, unsigned from, const uint8_t *data, size_t len,
                      bool is_proof)
{
    struct fuzz_places *places = &story->ends[from].places;
    unsigned place = fuzz_places_of(places, 0);

    fuzz_places_came(places, place, len, is_proof);
    arrive(story, from, place, story->ends[!from].socket, data, len);
}

void peer_deliver(struct peer_story *story, const struct peer_packet *packet)
{
    struct peer_end *from = &story->ends[packet->from], *to = &story->ends[!packet->from];
    uint32_t socket = fuzz_places_socket(&to->places, packet->place);
    unsigned place = fuzz_places_of(&from->places, packet->socket);

    if (to->places.is_strict && !belay_core_uses_socket(to->side.core, socket))
        return;
    to->places.place[packet->place].is_told = true;
    fuzz_places_came(&from->places, place, packet->len, false);
    arrive(story, packet->from, place, socket, packet->data, packet->len);
}

static void lose(struct peer_story *story, size_t i)
{
    free(story->flight[i].data);
    story->flight[i] = story->flight[--story->flight_count];
}

static void note_ids(struct peer_story *story, const uint8_t *data, size_t len)
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
    struct peer_story *story = ctx;
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
        (struct peer_packet){from, place, path->socket, fuzz_copy(data, len), len};
}

void peer_collect(struct peer_story *story, unsigned who)
{
    fuzz_side_send(&story->ends[who].side, story->now_ns, on_out, story);
    poll(story, &story->ends[who].side);
}

void peer_exchange(struct peer_story *story)
{
    for (unsigned rounds = 0; rounds < 64; rounds++) {
        size_t count = story->flight_count;
        struct peer_packet flight[FLIGHT_MAX];

        memcpy(flight, story->flight, sizeof(flight));
        story->flight_count = 0;
        for (size_t i = 0; i < count; i++) {
            peer_deliver(story, &flight[i]);
            free(flight[i].data);
        }
        peer_collect(story, CLIENT);
        peer_collect(story, SERVER);
        if (story->flight_count == 0)
            break;
    }
}

void peer_lose_all(struct peer_story *story)
{
    while (story->flight_count > 0)
        lose(story, 0);
}

/* ------------------------------------------------------------------ time */

uint64_t peer_deadline(const struct peer_story *story)
{
    uint64_t a = belay_core_deadline(story->ends[CLIENT].side.core);
    uint64_t b = belay_core_deadline(story->ends[SERVER].side.core);

    return a < b ? a : b;
}

void peer_run_timers(struct peer_story *story)
{
    for (unsigned who = CLIENT; who <= SERVER; who++) {
        fuzz_side_timeout(&story->ends[who].side, story->now_ns);
        poll(story, &story->ends[who].side);
        peer_collect(story, who);
    }
}

void peer_step(struct peer_story *story)
{
    uint64_t at_ns = peer_deadline(story);

    if (at_ns == BELAY_NEVER)
        return;
    if (at_ns > story->now_ns)
        story->now_ns = at_ns;
    peer_run_timers(story);
}
