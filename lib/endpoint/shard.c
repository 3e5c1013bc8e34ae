#include "endpoint/shard.h"

#include "endpoint/private.h"

static uint8_t mask_of(const uint8_t cid[BELAY_CID_BYTES], uint32_t key)
{
    uint32_t word = (uint32_t)cid[4] << 24 | (uint32_t)cid[5] << 16 | (uint32_t)cid[6] << 8 |
                    (uint32_t)cid[7];

    return (uint8_t)(word * (key | 1) >> 24);
}

void belay_shard_mark(uint8_t cid[BELAY_CID_BYTES], uint32_t key, uint32_t shard)
{
    cid[0] = (uint8_t)(shard ^ mask_of(cid, key));
}

uint32_t belay_shard_of(const uint8_t cid[BELAY_CID_BYTES], uint32_t key)
{
    return cid[0] ^ mask_of(cid, key);
}

uint32_t belay_core_shard_of(const struct belay_core *core, const uint8_t *packet, size_t len)
{
    const struct belay_core_config *config = &core->config;
    struct belay_data_header header;
    uint32_t shard;

    if (config->shard_count < 2 || len == 0 ||
        belay_packet_type_of(packet[0]) != BELAY_PACKET_DATA ||
        belay_data_header_parse(&header, packet, len) != 0 || !header.has_cid)
        return config->shard_index;
    shard = belay_shard_of(header.cid, config->shard_key);
    return shard < config->shard_count ? shard : config->shard_index;
}
