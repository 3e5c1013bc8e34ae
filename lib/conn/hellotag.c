#include "conn/hellotag.h"

#include "crypto/keys.h"
#include "crypto/mac.h"
#include "crypto/token.h"
#include "wire/packet.h"

#include <string.h>

_Static_assert(BELAY_HMAC_SIZE >= BELAY_TAG_BYTES, "a tag is the beginning of an HMAC");

static bool is_answer(enum belay_packet_type type)
{
    return type == BELAY_PACKET_ACCEPT || type == BELAY_PACKET_RETRY ||
           type == BELAY_PACKET_REFUSE;
}

static int tag_answer(struct belay_suite *suite, const uint8_t *random, uint8_t *packet,
                      size_t len, bool check)
{
    uint8_t full[BELAY_HMAC_SIZE];
    int error = belay_hmac(suite, random, "belay1 answer", packet, len, full);

    if (error == 0 && check && !belay_token_equal(full, packet + len, BELAY_TAG_BYTES))
        error = BELAY_EPROTO;
    if (error == 0 && !check)
        memcpy(packet + len, full, BELAY_TAG_BYTES);
    belay_wipe(full, sizeof(full));
    return error;
}

int belay_hello_tag(struct belay_suite *suite, const uint8_t *random, uint8_t *packet,
                    size_t len, bool check)
{
    if (is_answer(belay_packet_type_of(packet[0])))
        return tag_answer(suite, random, packet, len, check);
    return check ? belay_open_packet(&suite->hello, 0, packet, len, 0)
                 : belay_seal_packet(&suite->hello, 0, packet, len, 0);
}
