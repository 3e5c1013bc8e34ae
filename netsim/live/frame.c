#include "netsim/live/frame.h"

#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_ARP  0x0806

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_IGMP = 2,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_DESTINATION = 60,
};

#define IPV4_HEADER    20
#define IPV6_HEADER    40
#define UDP_HEADER     8
#define ICMP_HEADER    8 /* of an error, in front of what it quotes */
#define EXTENSIONS_MAX 8

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

uint16_t netsim_checksum_change(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
    uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* ------------------------------------------------------------------ reading */

/* Neighbour and router discovery and redirects (RFC 4861), MLD (RFC 2710, RFC 3810). */
static bool is_upkeep_icmpv6(uint8_t type)
{
    return (type >= 133 && type <= 137) || (type >= 130 && type <= 132) || type == 143;
}

/* The transport header of an IPv4 packet at ip_at; view->protocol is set. */
static size_t skip_ipv4(struct netsim_frame *view, const uint8_t *frame, size_t ip_at,
                        size_t len)
{
    size_t header = (size_t)(frame[ip_at] & 15) * 4;

    view->protocol = frame[ip_at + 9];
    if (header < IPV4_HEADER || ip_at + header > len)
        return 0;
    return (get16(frame + ip_at + 6) & 0x1fff) == 0 ? ip_at + header : 0;
}

/* The same for IPv6, behind the extension headers that have a length. */
static size_t skip_ipv6(struct netsim_frame *view, const uint8_t *frame, size_t ip_at,
                        size_t len)
{
    size_t at = ip_at + IPV6_HEADER;

    view->protocol = frame[ip_at + 6];
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint8_t extension = view->protocol;

        if (extension != PROTOCOL_HOP_BY_HOP && extension != PROTOCOL_ROUTING &&
            extension != PROTOCOL_FRAGMENT && extension != PROTOCOL_DESTINATION)
            return at <= len ? at : 0;
        if (at + 8 > len)
            return 0;
        view->protocol = frame[at];
        if (extension != PROTOCOL_FRAGMENT)
            at += 8 + (size_t)frame[at + 1] * 8;
        else if ((get16(frame + at + 2) & 0xfff8) == 0)
            at += 8;
        else
            return 0; /* not the first fragment */
    }
    return 0;
}

static void read_ip(struct netsim_frame *view, const uint8_t *frame, size_t len)
{
    size_t at = NETSIM_FRAME_HEADER;

    view->kind = NETSIM_FRAME_IP;
    view->ip_at = at;
    if (view->version == 4) {
        view->ecn = frame[at + 1] & 3;
        view->transport_at = skip_ipv4(view, frame, at, len);
    } else {
        view->ecn = frame[at + 1] >> 4 & 3;
        view->transport_at = skip_ipv6(view, frame, at, len);
    }
    if (view->transport_at == 0 || view->transport_at >= len) {
        view->transport_at = 0;
        return;
    }
    if (view->protocol == PROTOCOL_UDP && view->transport_at + UDP_HEADER <= len)
        view->udp_at = view->transport_at;
    if (view->version == 4
            ? view->protocol == PROTOCOL_IGMP
            : view->protocol == PROTOCOL_ICMPV6 && is_upkeep_icmpv6(frame[view->transport_at]))
        view->kind = NETSIM_FRAME_UPKEEP;
}

void netsim_frame_read(struct netsim_frame *view, const uint8_t *frame, size_t len)
{
    uint16_t type;

    *view = (struct netsim_frame){.kind = NETSIM_FRAME_OTHER};
    if (len < NETSIM_FRAME_HEADER)
        return;
    type = get16(frame + 12);
    if (type == TYPE_ARP)
        view->kind = NETSIM_FRAME_UPKEEP;
    if (type == TYPE_IPV4 && len >= NETSIM_FRAME_HEADER + IPV4_HEADER)
        view->version = 4;
    if (type == TYPE_IPV6 && len >= NETSIM_FRAME_HEADER + IPV6_HEADER)
        view->version = 6;
    if (view->version != 0)
        read_ip(view, frame, len);
}

/* ------------------------------------------------------------------ changing */

void netsim_frame_mark_ce(const struct netsim_frame *view, uint8_t *frame)
{
    uint8_t *ip = frame + view->ip_at;
    uint16_t before = get16(ip);

    if (view->version == 6)
        ip[1] |= 3 << 4;
    if (view->version != 4)
        return;
    ip[1] |= 3;
    put16(ip + 10, netsim_checksum_change(get16(ip + 10), before, get16(ip)));
}

uint16_t netsim_frame_port(const struct netsim_frame *view, const uint8_t *frame,
                           enum netsim_frame_end end)
{
    return get16(frame + view->udp_at + (size_t)end);
}

void netsim_frame_set_port(const struct netsim_frame *view, uint8_t *frame,
                           enum netsim_frame_end end, uint16_t port)
{
    uint8_t *udp = frame + view->udp_at;
    uint16_t checksum = get16(udp + 6), before = get16(udp + (size_t)end);

    put16(udp + (size_t)end, port);
    if (checksum == 0)
        return;
    checksum = netsim_checksum_change(checksum, before, port);
    put16(udp + 6, checksum != 0 ? checksum : 0xffff);
}

static bool is_error(const struct netsim_frame *view, uint8_t type)
{
    if (view->version == 4)
        return view->protocol == PROTOCOL_ICMP &&
               (type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
    return view->version == 6 && view->protocol == PROTOCOL_ICMPV6 && type >= 1 && type <= 4;
}

size_t netsim_frame_quoted_udp(const struct netsim_frame *view, const uint8_t *frame,
                               size_t len)
{
    size_t ip_at = view->transport_at + ICMP_HEADER, udp_at;
    size_t header = view->version == 4 ? IPV4_HEADER : IPV6_HEADER;
    struct netsim_frame quoted = {.version = view->version};

    if (view->transport_at == 0 || !is_error(view, frame[view->transport_at]) ||
        ip_at + header > len)
        return 0;
    udp_at = view->version == 4 ? skip_ipv4(&quoted, frame, ip_at, len)
                                : skip_ipv6(&quoted, frame, ip_at, len);
    return udp_at != 0 && quoted.protocol == PROTOCOL_UDP && udp_at + UDP_HEADER <= len ? udp_at
                                                                                        : 0;
}

/* Headers are multiples of 4 bytes, so the port is a word of the message's sum. */
void netsim_frame_set_quoted_port(const struct netsim_frame *view, uint8_t *frame,
                                  size_t quoted_at, enum netsim_frame_end end, uint16_t port)
{
    uint8_t *checksum = frame + view->transport_at + 2, *at = frame + quoted_at + (size_t)end;

    put16(checksum, netsim_checksum_change(get16(checksum), get16(at), port));
    put16(at, port);
}

void netsim_frame_flip(uint8_t *frame, size_t len, uint64_t bit)
{
    if (bit / 8 < len)
        frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}
