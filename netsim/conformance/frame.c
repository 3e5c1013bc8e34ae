#include "netsim/conformance/frame.h"

#include <string.h>

#define ETHERNET 14
#define PAYLOAD  42

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned ip_checksum(const uint8_t *header)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < 20; i += 2)
        sum += (uint32_t)(header[i] << 8 | header[i + 1]);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/*
 * Marking a packet lowers the checksum by 1. The identification is chosen so that this changes
 * eight bits of it at least: else a mark could look like a flipped bit.
 */
static void spread_checksum(uint8_t *ip)
{
    uint8_t ecn = ip[1];

    ip[1] = 2;
    put16(ip + 4, ip_checksum(ip) & 0xff);
    ip[1] = ecn;
    put16(ip + 10, ip_checksum(ip));
}

void frame_build(uint8_t *frame, size_t len, uint32_t id, bool ect, bool ce)
{
    static const uint8_t ethernet[ETHERNET] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0};
    static const uint8_t addresses[8] = {198, 18, 0, 1, 198, 18, 0, 2};
    uint8_t *ip = frame + ETHERNET, *udp = ip + 20;

    memset(frame, 0, PAYLOAD);
    memcpy(frame, ethernet, ETHERNET);
    ip[0] = 0x45;
    ip[1] = ce ? 3 : ect ? 2 : 0;
    put16(ip + 2, (unsigned)len - ETHERNET);
    ip[6] = 0x40; /* don't fragment */
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, addresses, sizeof(addresses));
    spread_checksum(ip);
    put16(udp, 10001);
    put16(udp + 2, 10000);
    put16(udp + 4, (unsigned)len - ETHERNET - 20);
    for (size_t i = PAYLOAD; i < len; i++)
        frame[i] = (uint8_t)(id >> 8 * (3 - (i - PAYLOAD) % 4));
}

static uint32_t id_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* How many bits differ; *bit is one of them. */
static unsigned compare(const uint8_t *got, const uint8_t *sent, size_t len, int32_t *bit)
{
    unsigned count = 0;

    for (size_t i = 0; i < len; i++)
        for (unsigned b = 0; b < 8; b++)
            if (((got[i] ^ sent[i]) >> b & 1) != 0) {
                count++;
                *bit = (int32_t)(8 * i + b);
            }
    return count;
}

bool frame_read(const uint8_t *frame, size_t len, bool ect, struct frame_seen *seen)
{
    uint8_t sent[FRAME_MAX];
    uint32_t a, b, c;

    if (len < FRAME_MIN || len > FRAME_MAX)
        return false;
    a = id_at(frame + PAYLOAD);
    b = id_at(frame + PAYLOAD + 4);
    c = id_at(frame + PAYLOAD + 8);
    seen->id = a == b || a == c ? a : b; /* one flipped bit spoils one of them */
    for (unsigned most = 0; most <= 1; most++)
        for (unsigned ce = 0; ce <= (ect ? 1 : 0); ce++) {
            seen->ce = ce == 1;
            seen->bit = -1;
            frame_build(sent, len, seen->id, ect, seen->ce);
            if (compare(frame, sent, len, &seen->bit) <= most)
                return true;
        }
    return false;
}
