/* header.c - the header of a DATA packet, and how many bytes of its number travel. */
#include "wire/packet.h"

#include <assert.h>
#include <string.h>

#include <belay/common.h>

#include "base/cursor.h"

#define FIRST_BYTE   0xE0
#define HAS_CID      0x10
#define KEY_PHASE    0x08
#define RESERVED     0x04
#define NUMBER_BYTES 0x03 /* minus one */

int belay_data_header_parse(struct belay_data_header *header, const uint8_t *packet, size_t len)
{
    if (len == 0 || packet[0] < FIRST_BYTE)
        return BELAY_EPROTO;

    const uint8_t first = packet[0];
    if (first & RESERVED)
        return BELAY_EPROTO;

    const bool has_cid = (first & HAS_CID) != 0;
    const unsigned number_bytes = (first & NUMBER_BYTES) + 1;
    const size_t header_len = 1 + (has_cid ? BELAY_CID_BYTES : 0) + number_bytes;
    if (len < header_len + 1 + BELAY_TAG_BYTES)
        return BELAY_EPROTO;

    uint32_t number = 0;
    for (size_t i = header_len - number_bytes; i < header_len; i++)
        number = number << 8 | packet[i];

    header->has_cid = has_cid;
    if (has_cid)
        memcpy(header->cid, packet + 1, BELAY_CID_BYTES);
    else
        memset(header->cid, 0, BELAY_CID_BYTES);
    header->key_phase = (first & KEY_PHASE) != 0;
    header->number_truncated = number;
    header->number_bytes = number_bytes;
    header->header_len = header_len;
    return BELAY_OK;
}

int belay_data_header_cid(const uint8_t *packet, const uint8_t **cid)
{
    if (packet[0] < FIRST_BYTE || packet[0] & RESERVED)
        return BELAY_EPROTO;
    *cid = packet[0] & HAS_CID ? packet + 1 : NULL;
    return BELAY_OK;
}

size_t belay_data_header_build(uint8_t *out, size_t size, const uint8_t *cid, bool key_phase,
                               uint64_t number, unsigned number_bytes)
{
    assert(number_bytes >= 1 && number_bytes <= 4);

    struct belay_writer w;
    unsigned first = FIRST_BYTE | (number_bytes - 1);
    if (cid != NULL)
        first |= HAS_CID;
    if (key_phase)
        first |= KEY_PHASE;

    belay_writer_init(&w, out, size);
    belay_write_u8(&w, (uint8_t)first);
    if (cid != NULL)
        belay_write_bytes(&w, cid, BELAY_CID_BYTES);
    for (unsigned i = number_bytes; i-- > 0;)
        belay_write_u8(&w, (uint8_t)(number >> 8 * i));
    return w.bad ? 0 : (size_t)(w.at - out);
}

unsigned belay_packet_number_bytes(uint64_t number, uint64_t largest_acked, uint64_t first)
{
    const uint64_t distance =
        largest_acked == UINT64_MAX ? number - first + 1 : number - largest_acked;

    /* "More than twice the distance" (RFC 9000, section 17.1), so below half the range. */
    if (distance < UINT64_C(1) << 15)
        return 2;
    return distance < UINT64_C(1) << 23 ? 3 : 4;
}
