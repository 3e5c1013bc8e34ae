/* Headers for packets that came without. */
#include "netsim/report/pcapng.h"

#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES  8
#define UDP        17
#define HOPS       64

struct side {
    bool v6;
    const uint8_t *address;
    uint8_t port[2]; /* as on the wire */
};

static bool is_mapped(const uint8_t address[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

/* IPv4 in IPv6's clothes travels as IPv4. */
static bool read_side(struct side *side, const struct sockaddr *sockaddr)
{
    const struct sockaddr_in *in = (const void *)sockaddr;
    const struct sockaddr_in6 *in6 = (const void *)sockaddr;

    if (sockaddr->sa_family == AF_INET) {
        side->v6 = false;
        side->address = (const uint8_t *)&in->sin_addr;
        memcpy(side->port, &in->sin_port, 2);
        return true;
    }
    if (sockaddr->sa_family != AF_INET6)
        return false;
    side->v6 = !is_mapped(in6->sin6_addr.s6_addr);
    side->address = in6->sin6_addr.s6_addr + (side->v6 ? 0 : 12);
    memcpy(side->port, &in6->sin6_port, 2);
    return true;
}

static void put_be16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* RFC 1071: the sum of 16-bit words, an odd last byte padded with zero. */
static uint64_t add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    return len % 2 == 1 ? sum + (uint32_t)(bytes[len - 1] << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put_ipv4(uint8_t *at, const struct side *from, const struct side *to, uint8_t ecn,
                     size_t total_len)
{
    memset(at, 0, IPV4_BYTES);
    at[0] = 0x45;
    at[1] = ecn & 3;
    put_be16(at + 2, total_len);
    at[6] = 0x40; /* don't fragment */
    at[8] = HOPS;
    at[9] = UDP;
    memcpy(at + 12, from->address, 4);
    memcpy(at + 16, to->address, 4);
    put_be16(at + 10, fold(add(0, at, IPV4_BYTES)));
}

static void put_ipv6(uint8_t *at, const struct side *from, const struct side *to, uint8_t ecn,
                     size_t payload_len)
{
    memset(at, 0, IPV6_BYTES);
    at[0] = 0x60;
    at[1] = (uint8_t)((ecn & 3) << 4); /* the low half of the traffic class */
    put_be16(at + 4, payload_len);
    at[6] = UDP;
    at[7] = HOPS;
    memcpy(at + 8, from->address, 16);
    memcpy(at + 24, to->address, 16);
}

/* RFC 768, RFC 8200 section 8.1: with the addresses, the protocol and the length once more. */
static void put_udp_checksum(uint8_t *udp, size_t len, const struct side *from,
                             const struct side *to)
{
    size_t address_len = from->v6 ? 16 : 4;
    uint64_t sum = UDP + len;
    uint16_t checksum;

    sum = add(sum, from->address, address_len);
    sum = add(sum, to->address, address_len);
    checksum = fold(add(sum, udp, len));
    put_be16(udp + 6, checksum != 0 ? checksum : 0xffff);
}

size_t netsim_pcapng_udp(uint8_t *out, size_t size, const struct sockaddr *from,
                         const struct sockaddr *to, uint8_t ecn, const void *payload,
                         size_t len)
{
    struct side source, target;
    size_t head, udp_len = UDP_BYTES + len;

    if (!read_side(&source, from) || !read_side(&target, to) || source.v6 != target.v6)
        return 0;
    head = source.v6 ? IPV6_BYTES : IPV4_BYTES;
    if (len > size || head + udp_len > size || (source.v6 ? 0 : head) + udp_len > UINT16_MAX)
        return 0;
    if (source.v6)
        put_ipv6(out, &source, &target, ecn, udp_len);
    else
        put_ipv4(out, &source, &target, ecn, head + udp_len);
    memcpy(out + head, source.port, 2);
    memcpy(out + head + 2, target.port, 2);
    put_be16(out + head + 4, udp_len);
    put_be16(out + head + 6, 0);
    if (len > 0)
        memcpy(out + head + UDP_BYTES, payload, len);
    put_udp_checksum(out + head, udp_len, &source, &target);
    return head + udp_len;
}
