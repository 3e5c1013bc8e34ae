#include "side.h"

#define TRAIN_BYTES 6000  /* a few datagrams */
#define TRAINS_MAX  10000 /* at one time */
#define TURNS_MAX   1000
#define TURN_NS     1000 /* hardly any time */

/*
 * The core and its tables; the pool's free blocks (1 MiB, endpoint/core.c); and for each
 * connection what it may hold of messages both ways, twice, as the pool rounds up, and what it
 * keeps about packets.
 */
#define CORE_BYTES (160 << 10)
#define POOL_BYTES (1 << 20)
#define CONNECTION_BYTES                                                                       \
    (2 * (SIDE_WINDOW_BYTES + SIDE_QUEUE_BYTES + 2 * SIDE_MESSAGE_MAX) + (64 << 10))

void fuzz_side_config(struct belay_core_config *config)
{
    belay_core_config_init(config);
    config->message_size_max = SIDE_MESSAGE_MAX;
    config->window_initial = config->window_max = SIDE_WINDOW_BYTES;
    config->window_messages = SIDE_NUMBERS;
    config->send_queue_max = SIDE_QUEUE_BYTES;
    config->channels_max = SIDE_CHANNELS;
    config->ranges_max = 16;
    config->connections_max = SIDE_CONNECTIONS;
    config->half_open_max = SIDE_CONNECTIONS / 2;
    config->has_reset_key = true;
}

struct belay_address fuzz_address(uint8_t name)
{
    struct belay_address address = {.len = 6};

    memset(address.bytes, name, address.len);
    return address;
}

void fuzz_side_init(struct fuzz_side *side, const struct belay_core_config *config,
                    uint8_t name)
{
    const struct belay_random random = {fuzz_random, &side->random};
    int error;

    *side =
        (struct fuzz_side){.config = *config, .random = name, .address = fuzz_address(name)};
    fuzz_memory_init(&side->memory,
                     CORE_BYTES + POOL_BYTES + SIDE_CONNECTIONS * CONNECTION_BYTES);
    side->core = belay_core_new(config, &side->memory.hook, &random, NULL, &error);
    side->train = malloc(TRAIN_BYTES);
    FUZZ_CHECK(side->core != NULL && side->train != NULL);
}

void fuzz_side_end(struct fuzz_side *side)
{
    belay_core_free(side->core);
    free(side->train);
    fuzz_memory_end(&side->memory);
}

static void cut_train(struct fuzz_side *side, const struct belay_train *train, fuzz_out *out,
                      void *ctx)
{
    FUZZ_CHECK(train->len > 0 && train->len <= train->capacity);
    FUZZ_CHECK(train->segment_size > 0 && train->segment_size <= train->len);
    FUZZ_CHECK(train->segment_size <= side->config.datagram_size_max);
    for (size_t at = 0; at < train->len; at += train->segment_size) {
        size_t left = train->len - at;

        out(ctx, side, &train->path, train->buffer + at,
            left < train->segment_size ? left : train->segment_size);
    }
}

void fuzz_side_send(struct fuzz_side *side, uint64_t now_ns, fuzz_out *out, void *ctx)
{
    unsigned trains = 0;

    for (;;) {
        struct belay_train train = {.buffer = side->train, .capacity = TRAIN_BYTES};

        if (belay_core_send(side->core, &train, now_ns) != 1)
            break;
        cut_train(side, &train, out, ctx);
        FUZZ_CHECK(++trains < TRAINS_MAX);
    }
    FUZZ_CHECK(!belay_core_has_work(side->core));
}

void fuzz_side_receive(struct fuzz_side *side, const struct belay_path *path,
                       const uint8_t *data, size_t len, size_t segment, uint64_t now_ns,
                       void (*poll)(void *ctx, struct fuzz_side *side), void *ctx)
{
    uint8_t *copy = fuzz_copy(data, len);

    belay_core_receive(side->core, path, copy, len, segment, 0, now_ns);
    poll(ctx, side);
    memset(copy, 0xee, len);
    free(copy);
}

void fuzz_side_timeout(struct fuzz_side *side, uint64_t now_ns)
{
    if (belay_core_deadline(side->core) > now_ns)
        return;
    belay_core_timeout(side->core, now_ns);
    side->turns = now_ns - side->timed_ns > TURN_NS ? 0 : side->turns + 1;
    side->timed_ns = now_ns;
    FUZZ_CHECK(side->turns < TURNS_MAX);
}
