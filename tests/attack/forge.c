#include "forge.h"

#include "conn/hellotag.h"

#include <belay/core.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------ handshake packets */

static void *resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(p, new_size);
    free(p);
    return NULL;
}

static struct belay_core *new_core(bool insecure, struct test_random *random)
{
    const struct belay_memory memory = {resize, NULL};
    const struct belay_random fill = {test_random_fill, random};
    struct belay_core_config config;
    struct belay_core *core;

    belay_core_config_init(&config);
    config.insecure = insecure;
    core = belay_core_new(&config, &memory, &fill, NULL, NULL);
    if (core == NULL)
        errx(1, "out of memory");
    return core;
}

void forge_inits(uint8_t (*inits)[BELAY_INIT_BYTES], size_t count, bool insecure,
                 struct test_random *random)
{
    struct belay_core *core = new_core(insecure, random);

    for (size_t i = 0; i < count; i++) {
        struct belay_train train = {.buffer = inits[i], .capacity = BELAY_INIT_BYTES};
        struct belay_path path = {.remote = {.len = sizeof(i)}};
        struct belay_core_conn *conn;

        memcpy(path.remote.bytes, &i, sizeof(i));
        if (belay_core_connect(core, &path, false, NULL, &conn) != 0 ||
            belay_core_send(core, &train, 1) != 1 || train.len != BELAY_INIT_BYTES)
            errx(1, "could not make an INIT");
    }
    belay_core_free(core);
}

static size_t answer(struct belay_hello *hello, const uint8_t init[BELAY_INIT_BYTES],
                     uint8_t *out, size_t size)
{
    struct belay_suite suite;
    struct belay_hello asked;
    size_t len;

    if (belay_hello_parse(&asked, init, BELAY_INIT_BYTES) != 0 || belay_suite_init(&suite) != 0)
        errx(1, "not an INIT");
    hello->client_cid = asked.client_cid;
    hello->client_cid_len = asked.client_cid_len;
    hello->nonce = asked.nonce;
    len = belay_hello_build(hello, out, size - BELAY_TAG_BYTES);
    if (len == 0 || belay_hello_tag(&suite, asked.random, out, len, false) != 0)
        errx(1, "could not make an answer");
    belay_suite_dispose(&suite);
    return len + BELAY_TAG_BYTES;
}

size_t forge_refuse(const uint8_t init[BELAY_INIT_BYTES], uint8_t *out, size_t size)
{
    struct belay_hello hello = {.type = BELAY_PACKET_REFUSE,
                                .version = 1,
                                .code = BELAY_CLOSE_BUSY,
                                .reason = "forged",
                                .reason_len = 6};

    return answer(&hello, init, out, size);
}

size_t forge_versions(const uint8_t init[BELAY_INIT_BYTES], uint8_t *out, size_t size)
{
    static const uint8_t versions[] = {0, 0, 0, 9};
    struct belay_hello hello = {
        .type = BELAY_PACKET_VERSIONS, .versions = versions, .versions_count = 1};

    return answer(&hello, init, out, size);
}

/* ------------------------------------------------------------------ raw IP */

static void put_u16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static uint16_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    if (len % 2 != 0)
        sum += (uint32_t)data[len - 1] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* RFC 791; don't fragment. */
static void put_ip(uint8_t *out, struct in_addr from, struct in_addr to, uint8_t protocol,
                   size_t len)
{
    memset(out, 0, 20);
    out[0] = 0x45;
    put_u16(out + 2, (uint32_t)len);
    out[6] = 0x40;
    out[8] = 64;
    out[9] = protocol;
    memcpy(out + 12, &from, 4);
    memcpy(out + 16, &to, 4);
    put_u16(out + 10, checksum(out, 20));
}

static void put_udp(uint8_t *out, const struct forge_flow *flow, size_t len)
{
    memcpy(out, &flow->from_port, 2);
    memcpy(out + 2, &flow->to_port, 2);
    put_u16(out + 4, (uint32_t)(8 + len));
    put_u16(out + 6, 0);
}

size_t forge_udp(uint8_t *out, const struct forge_flow *flow, const uint8_t *data, size_t len)
{
    put_ip(out, flow->from, flow->to, IPPROTO_UDP, FORGE_HEADERS + len);
    put_udp(out + 20, flow, len);
    memcpy(out + FORGE_HEADERS, data, len);
    return FORGE_HEADERS + len;
}

/* RFC 792: what the error is about is the first 28 bytes of the datagram. */
size_t forge_icmp(uint8_t *out, const struct forge_flow *flow, uint8_t type, uint8_t code,
                  uint32_t rest)
{
    uint8_t *icmp = out + 20, *about = out + 28;
    size_t len = 20 + 8 + FORGE_HEADERS;

    put_ip(out, flow->to, flow->from, IPPROTO_ICMP, len);
    icmp[0] = type;
    icmp[1] = code;
    put_u16(icmp + 2, 0);
    put_u16(icmp + 4, rest >> 16);
    put_u16(icmp + 6, rest);
    put_ip(about, flow->from, flow->to, IPPROTO_UDP, 1228);
    put_udp(about + 20, flow, 1200);
    put_u16(icmp + 2, checksum(icmp, 8 + FORGE_HEADERS));
    return len;
}

/* ------------------------------------------------------------------ small things */

struct in_addr forge_address(const char *text)
{
    struct in_addr address;

    if (inet_pton(AF_INET, text, &address) != 1)
        errx(2, "'%s' is no IPv4 address", text);
    return address;
}

uint64_t forge_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void forge_pace(uint64_t at_ns)
{
    struct timespec at = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}
