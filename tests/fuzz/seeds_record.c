/* seeds_record.c - true connections, recorded: what was said, as programs for the peer. */
#include "seeds.h"

#include <stdio.h>

#include "ops.h"
#include "side.h"
#include "wire/packet.h"

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
    seed_write("hello", name, data, len);
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
        seed_write("frames", name, packet->frames, len);
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
    belay_write_u8(seed_begin(&r->program), setup);
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
    seed_end(&r->program, "peer", name);
    fuzz_side_end(&r->sides[0]);
    fuzz_side_end(&r->sides[1]);
    free(r);
}

void seeds_record(void)
{
    record("true-nn", 0, 0);
    record("true-nk-lossy", SETUP_SERVER_KEY, 5);
    record("true-insecure", SETUP_INSECURE | SETUP_SHARED, 7);
}
