#include "conn/pair.h"

#include "crypto/hkdf.h"
#include "crypto/token.h"

#include "crypto/keys.h"

static struct pair_end *other(struct pair_end *end)
{
    struct pair *pair = end->pair;
    return end == &pair->client ? &pair->server : &pair->client;
}

/* ------------------------------------------------------------------ beginning and end */

void pair_config(struct belay_core_config *config)
{
    belay_core_config_init(config);
    config->message_size_max = 1 << 20;
    config->has_reset_key = true;
    config->ecn = false; /* so that ACKs have no counts; ecn.c turns it on */
    config->datagram_size_max = config->datagram_size; /* no search; mtu.c turns it on */
}

static void trace(void *ctx, const struct belay_core_conn *conn,
                  const struct belay_trace *packet, uint64_t now_ns)
{
    struct pair_end *end = ctx;
    (void)conn;
    assert_int_equal(now_ns, end->pair->now_ns);
    if (!packet->outgoing) {
        snprintf(end->verdict, sizeof(end->verdict), "%s", packet->verdict);
    } else if (packet->type == 'D') {
        end->sent_number = packet->packet_number;
        end->sent_count++;
        assert_true(packet->frames_len <= sizeof(end->sent_frames));
        memcpy(end->sent_frames, packet->frames, packet->frames_len);
        end->sent_frames_len = packet->frames_len;
    }
}

static void log_line(void *ctx, int level, const struct belay_core_conn *conn,
                     const struct belay_address *remote, const char *text)
{
    struct pair_end *end = ctx;

    (void)conn;
    if (level > 1)
        return;
    end->log_count++;
    memset(&end->logged_of, 0, sizeof(end->logged_of));
    if (remote != NULL)
        end->logged_of = *remote;
    snprintf(end->logged, sizeof(end->logged), "%s", text);
}

static void end_init(struct pair *pair, struct pair_end *end,
                     const struct belay_core_config *config, uint8_t address)
{
    const struct belay_random random = {test_random_fill, &end->random};
    const struct belay_log log = {log_line, end};
    int error;

    end->pair = pair;
    end->config = *config;
    if (end->config.datagram_size_max < config->datagram_size)
        end->config.datagram_size_max = config->datagram_size;
    test_memory_init(&end->memory);
    end->random.state = address;
    end->address.len = 6;
    memset(end->address.bytes, address, 6);
    end->sent_number = config->first_packet_number - 1;
    end->events = calloc(PAIR_EVENTS_MAX, sizeof(*end->events));
    assert_non_null(end->events);
    end->core = belay_core_new(&end->config, &end->memory.hook, &random, &log, &error);
    assert_non_null(end->core);
    belay_core_set_trace(end->core, trace, end);
}

/* "BELAY_CLIENT_SECRET nonce secret" */
static void note_secret(void *ctx, const char *line)
{
    struct pair *pair = ctx;
    unsigned side = strncmp(line, "BELAY_SERVER", 12) == 0;

    assert_int_equal(strlen(line), 19 + 1 + 16 + 1 + 64);
    test_hex(line + 37, pair->secrets[side], sizeof(pair->secrets[side]));
    pair->has_keys = false;
}

void pair_init_two(struct pair *pair, const struct belay_core_config *client,
                   const struct belay_core_config *server)
{
    memset(pair, 0, sizeof(*pair));
    pair->now_ns = 1000 * SECOND;
    assert_int_equal(belay_suite_init(&pair->suite), 0);
    end_init(pair, &pair->client, client, 0xc1);
    end_init(pair, &pair->server, server, 0x5e);
    belay_core_listen(pair->server.core, true);
    belay_core_set_keylog(pair->client.core, note_secret, pair);
    belay_core_set_keylog(pair->server.core, note_secret, pair); /* it has them first */
}

void pair_init(struct pair *pair, const struct belay_core_config *config)
{
    struct belay_core_config defaults;

    pair_config(&defaults);
    pair_init_two(pair, config ? config : &defaults, config ? config : &defaults);
}

static void end_dispose(struct pair_end *end)
{
    belay_core_free(end->core);
    test_memory_assert_empty(&end->memory);
    free(end->events);
}

void pair_dispose(struct pair *pair)
{
    pair_drop_all(pair);
    free(pair->packets);
    belay_seal_dispose(&pair->client_seal);
    belay_seal_dispose(&pair->server_seal);
    belay_suite_dispose(&pair->suite);
    end_dispose(&pair->client);
    end_dispose(&pair->server);
}

struct belay_core_stats pair_stats(const struct pair_end *end)
{
    struct belay_core_stats stats;

    belay_core_get_stats(end->core, &stats, sizeof(stats));
    return stats;
}

struct belay_path pair_path(const struct pair_end *from, const struct pair_end *to)
{
    return (struct belay_path){.local = from->address, .remote = to->address};
}

void pair_dial(struct pair *pair, bool shared)
{
    struct belay_path path = pair_path(&pair->client, &pair->server);
    assert_int_equal(
        belay_core_connect(pair->client.core, &path, shared, NULL, &pair->client.conn), 0);
}

void pair_connect(struct pair *pair)
{
    pair_dial(pair, false);
    pair_exchange(pair);
    assert_int_equal(pair_count(&pair->client, BELAY_CORE_CONNECTED), 1);
    assert_int_equal(pair_count(&pair->server, BELAY_CORE_ACCEPTED), 1);
    pair_forget_events(pair);
}

void pair_begin(struct pair *pair, const struct belay_core_config *config)
{
    pair_init(pair, config);
    pair_connect(pair);
    pair_run(pair, 100 * MS);
    pair_forget_events(pair);
}

/* ------------------------------------------------------------------ packets out */

static void note_hello(struct pair *pair, const uint8_t *data, size_t len)
{
    if (data[0] == 0xc0) {
        memcpy(pair->init, data, len);
        pair->init_len = len;
        pair->has_keys = false;
    } else if (data[0] == 0xc1) {
        assert_true(len <= sizeof(pair->accept));
        memcpy(pair->accept, data, len);
        pair->accept_len = len;
        pair->has_keys = false;
    }
}

static void add_packet(struct pair_end *from, const uint8_t *data, size_t len,
                       const struct belay_train *train)
{
    struct pair *pair = from->pair;
    struct pair_packet *packet;

    if (pair->packet_count == pair->packet_capacity) {
        pair->packet_capacity = pair->packet_capacity ? 2 * pair->packet_capacity : 64;
        pair->packets = realloc(pair->packets, pair->packet_capacity * sizeof(*pair->packets));
        assert_non_null(pair->packets);
    }
    packet = &pair->packets[pair->packet_count++];
    *packet =
        (struct pair_packet){from, other(from), malloc(len), len, train->ecn, train->path};
    assert_non_null(packet->data);
    memcpy(packet->data, data, len);
    note_hello(pair, data, len);
}

/* What UDP_SEGMENT takes: segments of one size but for the last, not too many. */
static size_t add_train(struct pair_end *from, const struct belay_train *train)
{
    size_t count = 0;

    assert_true(train->len > 0 && train->len <= train->capacity);
    assert_true(train->segment_size > 0 && train->segment_size <= train->len);
    assert_true(train->segment_size <= from->config.datagram_size_max);
    assert_int_equal(train->path.remote.len, other(from)->address.len);
    for (size_t at = 0; at < train->len; at += train->segment_size, count++) {
        size_t left = train->len - at;
        add_packet(from, train->buffer + at,
                   left < train->segment_size ? left : train->segment_size, train);
    }
    assert_true(count <= PAIR_SEGMENTS_MAX);
    if (count > from->pair->train_segments_max)
        from->pair->train_segments_max = count;
    from->pair->train_count++;
    return count;
}

size_t pair_collect_from(struct pair_end *end)
{
    uint8_t *buffer = malloc(PAIR_TRAIN_BYTES);
    size_t count = 0;

    assert_non_null(buffer);
    for (;;) {
        struct belay_train train = {.buffer = buffer, .capacity = PAIR_TRAIN_BYTES};

        if (belay_core_send(end->core, &train, end->pair->now_ns) != 1)
            break;
        count += add_train(end, &train);
        assert_true(count < 100000); /* else it never ends */
    }
    assert_false(belay_core_has_work(end->core));
    free(buffer);
    pair_poll(end);
    return count;
}

size_t pair_collect(struct pair *pair)
{
    return pair_collect_from(&pair->client) + pair_collect_from(&pair->server);
}

/* ------------------------------------------------------------------ packets in */

void pair_receive_path(struct pair *pair, struct pair_end *to, const struct belay_path *path,
                       const uint8_t *data, size_t len, size_t segment, unsigned ecn)
{
    uint8_t *buffer = malloc(len > 0 ? len : 1);

    assert_non_null(buffer);
    if (len > 0)
        memcpy(buffer, data, len);
    belay_core_receive(to->core, path, buffer, len, segment, ecn, pair->now_ns);
    pair_poll(to);
    memset(buffer, 0xee, len);
    free(buffer);
}

void pair_receive(struct pair *pair, struct pair_end *from, struct pair_end *to,
                  const uint8_t *data, size_t len)
{
    struct belay_path path = pair_path(to, from);
    pair_receive_path(pair, to, &path, data, len, 0, 0);
}

void pair_repeat(struct pair *pair, size_t i)
{
    struct pair_packet packet;
    struct belay_path path;

    assert_true(i < pair->packet_count);
    packet = pair->packets[i];
    path = pair_path(packet.to, packet.from);
    pair_receive_path(pair, packet.to, &path, packet.data, packet.len, 0, packet.ecn);
}

void pair_drop(struct pair *pair, size_t i)
{
    assert_true(i < pair->packet_count);
    free(pair->packets[i].data);
    pair->packet_count--;
    memmove(&pair->packets[i], &pair->packets[i + 1],
            (pair->packet_count - i) * sizeof(*pair->packets));
}

void pair_drop_all(struct pair *pair)
{
    while (pair->packet_count > 0)
        pair_drop(pair, pair->packet_count - 1);
}

void pair_deliver(struct pair *pair, size_t i)
{
    pair_repeat(pair, i);
    pair_drop(pair, i);
}

void pair_exchange(struct pair *pair)
{
    unsigned rounds = 0;

    do {
        while (pair->packet_count > 0)
            pair_deliver(pair, 0);
        assert_true(++rounds < 100000);
    } while (pair_collect(pair) > 0);
}

/* ------------------------------------------------------------------ time */

uint64_t pair_deadline(const struct pair *pair)
{
    uint64_t a = belay_core_deadline(pair->client.core);
    uint64_t b = belay_core_deadline(pair->server.core);
    return a < b ? a : b;
}

void pair_step(struct pair *pair, uint64_t end_ns)
{
    uint64_t deadline_ns = pair_deadline(pair);
    struct pair_end *ends[] = {&pair->client, &pair->server};

    if (deadline_ns > end_ns)
        deadline_ns = end_ns;
    if (deadline_ns > pair->now_ns)
        pair->now_ns = deadline_ns;
    for (size_t i = 0; i < 2; i++) {
        if (belay_core_deadline(ends[i]->core) <= pair->now_ns)
            belay_core_timeout(ends[i]->core, pair->now_ns);
        pair_poll(ends[i]);
    }
}

/* A deadline that comes back at once, without anything done, would turn for ever. */
static void count_turns(unsigned *turns, uint64_t *before_ns, const struct pair *pair)
{
    *turns = pair->now_ns > *before_ns + 1000 ? 0 : *turns + 1;
    assert_true(*turns < 1000);
    *before_ns = pair->now_ns;
}

void pair_run(struct pair *pair, uint64_t ns)
{
    uint64_t end_ns = pair->now_ns + ns, before_ns = 0;
    unsigned turns = 0;

    for (;;) {
        pair_exchange(pair);
        if (pair->now_ns >= end_ns)
            return;
        pair_step(pair, end_ns);
        count_turns(&turns, &before_ns, pair);
    }
}

void pair_run_mtu(struct pair *pair, size_t most, uint64_t ns)
{
    for (uint64_t end_ns = pair->now_ns + ns; pair->now_ns < end_ns;) {
        while (pair_collect(pair) + pair->packet_count > 0) {
            if (pair->packets[0].len > most)
                pair_drop(pair, 0);
            else
                pair_deliver(pair, 0);
        }
        pair_step(pair, end_ns);
    }
}

void pair_run_silent(struct pair *pair, uint64_t ns)
{
    uint64_t end_ns = pair->now_ns + ns, before_ns = 0;
    unsigned turns = 0;

    for (;;) {
        pair_collect(pair);
        pair_drop_all(pair);
        if (pair->now_ns >= end_ns)
            return;
        pair_step(pair, end_ns);
        count_turns(&turns, &before_ns, pair);
    }
}

/* ------------------------------------------------------------------ events */

static void take_event(struct pair_end *end, const struct belay_core_event *event)
{
    struct pair_event *kept = &end->events[end->event_count];

    assert_true(end->event_count < PAIR_EVENTS_MAX);
    end->event_count++;
    assert_non_null(event->data);
    assert_non_null(event->reason);
    *kept = (struct pair_event){.type = event->type,
                                .conn = event->conn,
                                .channel = event->channel,
                                .mode = event->mode,
                                .len = event->len,
                                .sum = pair_sum(event->data, event->len),
                                .message = event->message,
                                .error = event->error,
                                .close_code = event->close_code};
    memcpy(kept->data, event->data,
           event->len < sizeof(kept->data) ? event->len : sizeof(kept->data));
    snprintf(kept->reason, sizeof(kept->reason), "%s", event->reason);
    if (event->type == BELAY_CORE_ACCEPTED)
        end->conn = event->conn;
    if (end->free_on_event && event->type == end->free_on && event->conn == end->conn) {
        belay_core_conn_free(end->conn);
        end->conn = NULL;
        end->is_event_seen = true;
    }
}

void pair_poll(struct pair_end *end)
{
    struct belay_core_event event;

    while (belay_core_poll(end->core, &event) == 1)
        take_event(end, &event);
}

void pair_forget_events(struct pair *pair)
{
    pair->client.event_count = pair->server.event_count = 0;
}

const struct pair_event *pair_find(const struct pair_end *end, enum belay_core_event_type type)
{
    for (size_t i = 0; i < end->event_count; i++)
        if (end->events[i].type == type)
            return &end->events[i];
    return NULL;
}

size_t pair_count(const struct pair_end *end, enum belay_core_event_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < end->event_count; i++)
        count += end->events[i].type == type;
    return count;
}

const struct pair_event *pair_closed(const struct pair_end *end)
{
    assert_int_equal(pair_count(end, BELAY_CORE_CLOSED), 1);
    assert_int_equal(end->events[end->event_count - 1].type, BELAY_CORE_CLOSED);
    return &end->events[end->event_count - 1];
}

/* ------------------------------------------------------------------ messages */

uint64_t pair_sum(const uint8_t *data, size_t len)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

void pair_fill(uint8_t *data, size_t len, unsigned i)
{
    struct test_random random = {i};
    test_random_fill(&random, data, len);
}

void pair_send_mode(struct pair_end *end, uint32_t channel, enum belay_mode mode, size_t len,
                    unsigned i)
{
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    pair_fill(data, len, i);
    assert_int_equal(belay_core_conn_send(end->conn, channel, mode, data, len,
                                          BELAY_SEND_NOTIFY, BELAY_NEVER, NULL),
                     0);
    memset(data, 0xdd, len);
    free(data);
}

void pair_send(struct pair_end *end, uint32_t channel, size_t len, unsigned i)
{
    pair_send_mode(end, channel, BELAY_RELIABLE_ORDERED, len, i);
}

void pair_assert_message(const struct pair_event *event, uint32_t channel, size_t len,
                         unsigned i)
{
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    pair_fill(data, len, i);
    assert_non_null(event);
    assert_int_equal(event->type, BELAY_CORE_MESSAGE);
    assert_int_equal(event->channel, channel);
    assert_int_equal(event->len, len);
    assert_int_equal(event->sum, pair_sum(data, len));
    free(data);
}

/* ------------------------------------------------------------------ forgery */

/* As both sides choose it: docs/protocol.md, "Transport parameters". */
static enum belay_seal_algorithm algorithm_of(const struct pair *pair)
{
    if (pair->client.config.insecure)
        return BELAY_SEAL_GMAC;
    return pair->client.config.aead == BELAY_AEAD_AES_256_GCM &&
                   pair->server.config.aead == BELAY_AEAD_AES_256_GCM
               ? BELAY_SEAL_AES_256_GCM
               : BELAY_SEAL_CHACHA20_POLY1305;
}

static void make_seal(struct pair *pair, const uint8_t *secret, struct belay_seal *seal)
{
    uint8_t key[32], iv[12];

    belay_seal_dispose(seal);
    assert_int_equal(belay_keys_packet(&pair->suite, secret, key, iv), 0);
    assert_int_equal(belay_seal_init(seal, &pair->suite, algorithm_of(pair), key, iv), 0);
}

static void derive(struct pair *pair)
{
    make_seal(pair, pair->secrets[0], &pair->client_seal);
    make_seal(pair, pair->secrets[1], &pair->server_seal);
    pair->has_keys = true;
}

static struct belay_seal *seal_of(struct pair *pair, const struct pair_end *end)
{
    if (!pair->has_keys)
        derive(pair);
    return end == &pair->client ? &pair->client_seal : &pair->server_seal;
}

/* The connection ID that packets to the server carry, as its ACCEPT said. */
static void server_cid(const struct pair *pair, uint8_t *cid)
{
    struct belay_hello hello;

    assert_int_equal(belay_hello_parse(&hello, pair->accept, pair->accept_len), 0);
    memcpy(cid, hello.server_cid, BELAY_CID_BYTES);
}

static void forge(struct pair *pair, struct pair_end *as, const struct belay_path *path,
                  uint64_t number, const uint8_t *frames, size_t len)
{
    uint8_t cid[BELAY_CID_BYTES], packet[PAIR_TRACED_BYTES];
    struct belay_seal *seal = seal_of(pair, as);
    size_t header_len;

    server_cid(pair, cid);
    header_len = belay_data_header_build(packet, sizeof(packet),
                                         as == &pair->client ? cid : NULL, false, number, 4);
    assert_true(header_len > 0 && len <= sizeof(packet) - header_len - BELAY_TAG_BYTES);
    memcpy(packet + header_len, frames, len);
    assert_int_equal(belay_seal_packet(seal, number, packet, header_len, len), 0);
    pair_receive_path(pair, other(as), path, packet, header_len + len + BELAY_TAG_BYTES, 0, 0);
}

void pair_forge_number(struct pair *pair, struct pair_end *as, uint64_t number,
                       const uint8_t *frames, size_t len)
{
    struct belay_path path = pair_path(other(as), as);
    forge(pair, as, &path, number, frames, len);
}

void pair_forge_from(struct pair *pair, struct pair_end *as, const struct belay_address *from,
                     const char *frames)
{
    struct belay_path path = {.local = other(as)->address, .remote = *from};
    uint8_t bytes[1024];
    size_t len = test_hex(frames, bytes, sizeof(bytes));

    forge(pair, as, &path, ++as->sent_number, bytes, len);
}

void pair_forge(struct pair *pair, struct pair_end *as, const uint8_t *frames, size_t len)
{
    pair_forge_number(pair, as, ++as->sent_number, frames, len);
}

void pair_forge_hex(struct pair *pair, struct pair_end *as, const char *frames)
{
    uint8_t bytes[1024];
    pair_forge(pair, as, bytes, test_hex(frames, bytes, sizeof(bytes)));
}

void pair_open(struct pair *pair, size_t i, struct belay_frame *frames, size_t *count)
{
    struct pair_packet *packet = &pair->packets[i];
    struct belay_data_header header;
    const char *why;
    uint64_t number;
    size_t frames_len;

    assert_true(i < pair->packet_count);
    assert_int_equal(belay_data_header_parse(&header, packet->data, packet->len), 0);
    number = belay_number_expand(packet->from->sent_number, header.number_truncated,
                                 8 * header.number_bytes);
    frames_len = packet->len - header.header_len - BELAY_TAG_BYTES;
    memcpy(pair->opened, packet->data, packet->len);
    assert_int_equal(belay_open_packet(seal_of(pair, packet->from), number, pair->opened,
                                       header.header_len, frames_len),
                     0);
    assert_int_equal(
        belay_frames_parse(pair->opened + header.header_len, frames_len, frames, count, &why),
        0);
}

/* GMAC under SHA-256("belay1 hello") and a nonce of zeros; or HMAC-SHA256, which is HKDF's
 * extract (RFC 5869, section 2.2). */
void pair_assert_hello_tag(struct pair *pair, const uint8_t *packet, size_t len,
                           const uint8_t *random)
{
    static const char label[] = "belay1 answer";
    uint8_t key[32], zeros[12] = {0}, text[sizeof(label) - 1 + 1200], full[32];
    struct belay_seal seal;

    assert_true(len > 16 && len <= 1200);
    memcpy(text, label, sizeof(label) - 1);
    memcpy(text + sizeof(label) - 1, packet, len);
    if (random != NULL) {
        assert_int_equal(belay_hkdf_extract(&pair->suite, random, 32, text,
                                            sizeof(label) - 1 + len - 16, full),
                         0);
        assert_memory_equal(packet + len - 16, full, 16);
        return;
    }
    test_hex("9fa6b182cf68ddb25090f2fd53b80dcb0be563a3c09847c2ba21d2ad20ab6dcc", key, 32);
    assert_int_equal(belay_seal_init(&seal, &pair->suite, BELAY_SEAL_GMAC, key, zeros), 0);
    assert_int_equal(belay_open_packet(&seal, 0, text + sizeof(label) - 1, len - 16, 0), 0);
    belay_seal_dispose(&seal);
}

void pair_server_token(struct pair *pair, uint8_t token[BELAY_RESET_TOKEN_BYTES])
{
    uint8_t cid[BELAY_CID_BYTES];

    assert_true(pair->server.config.has_reset_key);
    server_cid(pair, cid);
    assert_int_equal(
        belay_token_reset(&pair->suite, pair->server.config.reset_key, cid, sizeof(cid), token),
        0);
}
