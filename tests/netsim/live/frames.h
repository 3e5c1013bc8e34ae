/* Ethernet frames built by hand, for the tests that read and change them. */
#ifndef TESTS_NETSIM_FRAMES_H
#define TESTS_NETSIM_FRAMES_H

#include "../fixture.h"

struct builder {
    uint8_t data[2048];
    size_t len;
};

static inline void add(struct builder *b, const uint8_t *bytes, size_t len)
{
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
}

static inline void add16(struct builder *b, unsigned value)
{
    add(b, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static inline void add_ethernet(struct builder *b, unsigned type)
{
    static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

    add(b, addresses, sizeof(addresses));
    add16(b, type);
}

/* The sum of 16-bit words, not yet inverted. */
static inline uint32_t sum(const uint8_t *data, size_t len, uint32_t start)
{
    for (size_t i = 0; i < len; i++)
        start += (uint32_t)data[i] << (i % 2 == 0 ? 8 : 0);
    while (start >> 16 != 0)
        start = (start & 0xffff) + (start >> 16);
    return start;
}

/* len: of what follows. options: bytes, a multiple of 4. */
static inline void add_ipv4(struct builder *b, uint8_t protocol, size_t len, size_t options,
                            unsigned fragment, uint8_t tos)
{
    size_t at = b->len, header = 20 + options;
    uint8_t bytes[60] = {0};

    memset(bytes, 1, sizeof(bytes)); /* options: no operation */
    bytes[0] = (uint8_t)(0x40 | header / 4);
    bytes[1] = tos;
    bytes[2] = (uint8_t)((header + len) >> 8);
    bytes[3] = (uint8_t)(header + len);
    bytes[6] = (uint8_t)(fragment >> 8);
    bytes[7] = (uint8_t)fragment;
    bytes[9] = protocol;
    bytes[10] = bytes[11] = 0;
    memcpy(bytes + 12, (uint8_t[]){198, 18, 0, 2, 198, 18, 0, 1}, 8);
    add(b, bytes, header);
    uint16_t check = (uint16_t)~sum(b->data + at, header, 0);
    b->data[at + 10] = (uint8_t)(check >> 8);
    b->data[at + 11] = (uint8_t)check;
}

static inline void add_ipv6(struct builder *b, uint8_t next, size_t len, uint8_t class)
{
    uint8_t bytes[40] = {0};

    bytes[0] = (uint8_t)(0x60 | class >> 4);
    bytes[1] = (uint8_t)(class << 4 | 0x0a); /* a flow label beside it */
    bytes[4] = (uint8_t)(len >> 8);
    bytes[5] = (uint8_t)len;
    bytes[6] = next;
    memcpy(bytes + 8, (uint8_t[]){0xfd, 0x42, 1, 0x98, 0, 0x18}, 6);
    memcpy(bytes + 24, (uint8_t[]){0xfd, 0x42, 1, 0x98, 0, 0x18}, 6);
    bytes[23] = 2;
    bytes[39] = 1;
    add(b, bytes, sizeof(bytes));
}

/* Of the UDP datagram at at, up to the end, with its pseudo-header. */
static inline uint16_t udp_sum(const struct builder *b, size_t ip_at, size_t at)
{
    size_t len = b->len - at;
    bool v4 = b->data[ip_at] >> 4 == 4;
    uint32_t s = sum(b->data + ip_at + (v4 ? 12 : 8), v4 ? 8 : 32, (uint32_t)len + 17);

    return (uint16_t)sum(b->data + at, len, s);
}

static inline void add_udp(struct builder *b, size_t ip_at, uint16_t from, uint16_t to,
                           const char *payload)
{
    size_t at = b->len, len = strlen(payload);
    uint16_t check;

    add16(b, from);
    add16(b, to);
    add16(b, (unsigned)len + 8);
    add16(b, 0);
    add(b, (const uint8_t *)payload, len);
    check = (uint16_t)~udp_sum(b, ip_at, at);
    check = check == 0 ? 0xffff : check;
    b->data[at + 6] = (uint8_t)(check >> 8);
    b->data[at + 7] = (uint8_t)check;
}

static inline struct builder udp4(uint16_t from, uint16_t to, const char *payload)
{
    struct builder b = {.len = 0};

    add_ethernet(&b, 0x0800);
    add_ipv4(&b, 17, 8 + strlen(payload), 0, 0, 0);
    add_udp(&b, 14, from, to, payload);
    return b;
}

static inline struct builder udp6(uint16_t from, uint16_t to, const char *payload)
{
    struct builder b = {.len = 0};

    add_ethernet(&b, 0x86dd);
    add_ipv6(&b, 17, 8 + strlen(payload), 0);
    add_udp(&b, 14, from, to, payload);
    return b;
}

static inline void assert_udp_right(const struct builder *b, size_t at)
{
    assert_int_equal(udp_sum(b, 14, at), 0xffff);
}

static inline struct builder with_type(unsigned type)
{
    struct builder b = {.len = 0};

    add_ethernet(&b, type);
    memset(b.data + b.len, 0, 46);
    b.len += 46;
    return b;
}

static inline struct builder icmp6(uint8_t type)
{
    struct builder b = {.len = 0};

    add_ethernet(&b, 0x86dd);
    add_ipv6(&b, 58, 8, 0);
    add(&b, (uint8_t[]){type, 0, 0, 0, 0, 0, 0, 0}, 8);
    return b;
}

#endif
