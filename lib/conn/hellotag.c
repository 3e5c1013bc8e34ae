#include "conn/hellotag.h"

#include "crypto/keys.h"
#include "crypto/seal.h"

#include <string.h>

int belay_hello_tag(struct belay_suite *suite, enum belay_packet_type type, uint32_t version,
                    const uint8_t *nonce, const uint8_t *random, uint8_t *packet, size_t len,
                    bool check)
{
    uint8_t key[BELAY_SEAL_KEY_SIZE], iv[BELAY_SEAL_IV_SIZE];
    uint8_t material[BELAY_NONCE_BYTES + BELAY_HELLO_RANDOM_BYTES];
    size_t material_len = BELAY_NONCE_BYTES;
    uint64_t number = belay_packet_hello_number(type);
    struct belay_seal seal = {0};
    int error;

    memcpy(material, nonce, BELAY_NONCE_BYTES);
    if (type == BELAY_PACKET_ACCEPT || type == BELAY_PACKET_RETRY ||
        type == BELAY_PACKET_REFUSE) {
        memcpy(material + BELAY_NONCE_BYTES, random, BELAY_HELLO_RANDOM_BYTES);
        material_len += BELAY_HELLO_RANDOM_BYTES;
    }
    error = belay_keys_hello(suite, version, material, material_len, key, iv);
    if (!error)
        error = belay_seal_init(&seal, suite, BELAY_SEAL_GMAC, key, iv);
    if (!error)
        error = check ? belay_open_packet(&seal, number, packet, len, 0)
                      : belay_seal_packet(&seal, number, packet, len, 0);
    belay_seal_dispose(&seal);
    belay_wipe(material, sizeof(material));
    belay_wipe(key, sizeof(key));
    return error;
}
