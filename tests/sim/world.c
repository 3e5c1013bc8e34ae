/* What a random world is made of: configurations and links. */
#include <stdio.h>
#include <string.h>

#include "sim/chaos.h"

/* ------------------------------------------------------------------ configurations */

/* Most numbers start at 0; some just below where fewer bits would wrap. */
uint64_t chaos_first_number(struct chaos *chaos)
{
    static const unsigned bits[] = {7, 8, 14, 15, 16, 30, 31, 32, 62 - 2};
    if (chance(chaos, 60))
        return 0;
    return (UINT64_C(1) << PICK(chaos, bits)) - 1 - below(chaos, 60);
}

static void random_limits(struct chaos *chaos, struct belay_core_config *config)
{
    static const uint64_t updates[] = {50, 100, 300, 1000, 1u << 22};
    static const uint32_t datagrams[] = {1200, 1200, 1200, 1252, 1452, 9000, 65507};
    static const uint32_t messages[] = {100, 3000, 30000, 120000, 1u << 20};
    static const uint32_t numbers[] = {16, 17, 64, 1024, 16384};
    static const uint32_t ranges[] = {16, 16, 20, 64, 1024};
    static const uint32_t channels[] = {1, 2, 16, 17, 256, 65536};

    config->datagram_size = PICK(chaos, datagrams);
    config->message_size_max = PICK(chaos, messages);
    config->window_initial = below(chaos, 1 << (10 + below(chaos, 10)));
    config->window_max = config->window_initial + below(chaos, 1 << (10 + below(chaos, 12)));
    config->key_update_packets = updates[config->window_initial % 5];
    config->window_messages = PICK(chaos, numbers);
    config->send_queue_max = 1000 + below(chaos, 1 << (10 + below(chaos, 12)));
    config->channels_max = PICK(chaos, channels);
    config->ranges_max = PICK(chaos, ranges);
    config->half_open_max = 1 + (uint32_t)below(chaos, 8);
    config->half_open_cookies = (uint32_t)below(chaos, 4);
    config->ecn = chance(chaos, 80);
    if (chance(chaos, 30))
        config->datagram_size_max = config->datagram_size;
}

static void random_times(struct chaos *chaos, struct belay_core_config *config)
{
    static const uint64_t delays_ns[] = {0, SIM_MS, 10 * SIM_MS, 25 * SIM_MS, 100 * SIM_MS};

    config->ack_delay_max_ns = PICK(chaos, delays_ns);
    config->idle_timeout_ns = 3 * SIM_S + below(chaos, 30 * SIM_S);
    config->keepalive_ns = chance(chaos, 80) ? config->idle_timeout_ns / 3 : 0;
    config->close_timeout_ns = SIM_S + below(chaos, 12 * SIM_S);
    if (chaos->calm) {
        config->idle_timeout_ns = 120 * SIM_S;
        config->close_timeout_ns = 600 * SIM_S;
        config->connect_timeout_ns = 60 * SIM_S;
        config->half_open_max = 1024; /* else one of several dials may yield */
    }
}

struct belay_core_config chaos_config(struct chaos *chaos)
{
    static const char *const controllers[] = {"bbr", "cubic", "newreno"};
    struct belay_core_config config;

    belay_core_config_init(&config);
    random_limits(chaos, &config);
    random_times(chaos, &config);
    config.congestion = controllers[below(chaos, 3)]; /* drawn in any case: the same world */
    if (chaos->congestion != NULL)
        config.congestion = chaos->congestion;
    return config;
}

/* ------------------------------------------------------------------ links */

static unsigned delay_words(struct chaos *chaos, char *out, size_t size)
{
    unsigned kind = (unsigned)below(chaos, 10);
    unsigned delay = 1 + (unsigned)below(chaos, 120), other = (unsigned)below(chaos, 50);

    switch (kind) {
    case 0:
        return (unsigned)snprintf(out, size, "delay 0ms ");
    case 1: /* most packets overtake those that take seconds */
        return (unsigned)snprintf(out, size, "delay %us reorder %u%% ", 1 + delay % 10,
                                  chaos->calm ? 97 : 85 + other % 14);
    case 2:
    case 3:
        return (unsigned)snprintf(out, size, "delay %ums %ums distribution pareto ", delay,
                                  1 + other);
    case 4:
    case 5:
    case 6:
        return (unsigned)snprintf(out, size, "delay %ums reorder %u%% ", delay, 1 + other);
    default:
        return (unsigned)snprintf(out, size, "delay %ums %ums ", delay, 1 + other);
    }
}

static unsigned loss_words(struct chaos *chaos, char *out, size_t size)
{
    unsigned most = chaos->calm ? 30 : 50;
    switch (below(chaos, 5)) {
    case 0:
        return 0;
    case 1: /* bursts of two or four packets on average; of an idle side's those take long */
        return (unsigned)snprintf(out, size, "loss gemodel %u%% %u%% ",
                                  1 + (unsigned)below(chaos, 8), chaos->calm ? 50 : 25);
    case 2:
        return (unsigned)snprintf(out, size, "loss %u%% ",
                                  most / 2 + (unsigned)below(chaos, most / 2 + 1));
    default:
        return (unsigned)snprintf(out, size, "loss %u%% ", (unsigned)below(chaos, 20));
    }
}

/* Without a search nothing ever gets through that is smaller than what is sent. */
static unsigned mtu_words(struct chaos *chaos, const struct sim_host *from,
                          const struct sim_host *to, char *out, size_t size)
{
    static const uint32_t mtus[] = {1228, 1280, 1400, 1500, 5000, 9000, 65535};
    uint32_t most = to->config.datagram_size_max, start = from->config.datagram_size;
    uint32_t mtu = PICK(chaos, mtus);
    bool is_searched = from->config.datagram_size_max > start && most > start;

    if (!chance(chaos, 50) || (!is_searched && mtu < start + SIM_HEADER_BYTES))
        return 0;
    return (unsigned)snprintf(out, size, "x-mtu %u ", mtu);
}

void chaos_link(struct chaos *chaos, struct sim_host *from, struct sim_host *to)
{
    char words[256];
    unsigned at = delay_words(chaos, words, sizeof(words));

    at += loss_words(chaos, words + at, sizeof(words) - at);
    if (strstr(words, "loss") != NULL && strstr(words, "loss 0%") == NULL && chance(chaos, 30))
        at += (unsigned)snprintf(words + at, sizeof(words) - at, "ecn ");
    if (chance(chaos, 40))
        at += (unsigned)snprintf(words + at, sizeof(words) - at, "duplicate %u%% ",
                                 1 + (unsigned)below(chaos, 20));
    if (chance(chaos, 40))
        at += (unsigned)snprintf(words + at, sizeof(words) - at, "corrupt %u%% ",
                                 1 + (unsigned)below(chaos, 10));
    if (chance(chaos, 30))
        at += (unsigned)snprintf(words + at, sizeof(words) - at, "rate %ukbit ",
                                 (chaos->calm ? 1000 : 200) + (unsigned)below(chaos, 20000));
    at += mtu_words(chaos, from, to, words + at, sizeof(words) - at);
    if (!chaos->calm && chance(chaos, 40)) /* packets that take seconds can block it as long */
        snprintf(words + at, sizeof(words) - at, "limit %u ", 10 + (unsigned)below(chaos, 100));
    sim_link(from, to, words);
    if (chance(chaos, 10))
        sim_link_of(from, to)->truncate_permille = 20;
}
