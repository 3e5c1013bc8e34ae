/* packet.c - which packet a first byte announces; RESET, which is no more than its token. */
#include "wire/packet.h"

#include <string.h>

/* The first byte of each type; a DATA packet's has flags below. */
static const uint8_t first_bytes[] = {
    [BELAY_PACKET_INIT] = 0xC0,   [BELAY_PACKET_ACCEPT] = 0xC1,   [BELAY_PACKET_RETRY] = 0xC2,
    [BELAY_PACKET_REFUSE] = 0xC3, [BELAY_PACKET_VERSIONS] = 0xC4, [BELAY_PACKET_RESET] = 0xC5,
    [BELAY_PACKET_DATA] = 0xE0,
};

enum belay_packet_type belay_packet_type_of(uint8_t first_byte)
{
    if (first_byte >= first_bytes[BELAY_PACKET_DATA])
        return BELAY_PACKET_DATA;
    for (unsigned type = BELAY_PACKET_INIT; type < BELAY_PACKET_DATA; type++)
        if (first_bytes[type] == first_byte)
            return (enum belay_packet_type)type;
    return BELAY_PACKET_UNKNOWN;
}

size_t belay_reset_build(uint8_t *out, size_t size, const uint8_t *token)
{
    if (size < BELAY_RESET_BYTES)
        return 0;
    out[0] = first_bytes[BELAY_PACKET_RESET];
    memcpy(out + 1, token, BELAY_RESET_TOKEN_BYTES);
    return BELAY_RESET_BYTES;
}

const uint8_t *belay_reset_parse(const uint8_t *packet, size_t len)
{
    if (len != BELAY_RESET_BYTES || packet[0] != first_bytes[BELAY_PACKET_RESET])
        return NULL;
    return packet + 1;
}
