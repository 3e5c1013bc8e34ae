/*
 * records.h - what a packet carried, in the sent log's opaque words, so that each thing can be
 * settled or sent again when the packet's fate is known.
 *
 * word[0] number (message, or a limit); word[1] offset (part), count (run);
 * word[2] kind | mode << 8 | channel << 16 | length << 32.
 */
#ifndef BELAY_CONN_RECORDS_H
#define BELAY_CONN_RECORDS_H

#include "recovery/sentlog.h"

enum belay_record_kind {
    BELAY_RECORD_ACK, /* number: the largest that it acknowledged */
    BELAY_RECORD_RUN,
    BELAY_RECORD_PART,
    BELAY_RECORD_MAX_DATA,
    BELAY_RECORD_MAX_MESSAGES,
    BELAY_RECORD_DATA_BLOCKED,
    BELAY_RECORD_MESSAGES_BLOCKED,
    BELAY_RECORD_FIN,
    BELAY_RECORD_PING,
    BELAY_RECORD_NEW_CID, /* number: its sequence number */
    BELAY_RECORD_RETIRE_CID,
    BELAY_RECORD_MTU_PROBE,
};

static inline struct belay_record belay_record_make(enum belay_record_kind kind,
                                                    uint32_t channel, uint8_t mode,
                                                    uint64_t number, uint64_t offset,
                                                    uint64_t length)
{
    return (struct belay_record){
        {number, offset,
         (uint64_t)kind | (uint64_t)mode << 8 | (uint64_t)channel << 16 | length << 32}};
}

static inline enum belay_record_kind belay_record_kind(const struct belay_record *r)
{
    return (enum belay_record_kind)(r->word[2] & 0xff);
}

static inline uint8_t belay_record_mode(const struct belay_record *r)
{
    return (uint8_t)(r->word[2] >> 8);
}

static inline uint32_t belay_record_channel(const struct belay_record *r)
{
    return (uint32_t)(r->word[2] >> 16) & 0xffff;
}

static inline uint64_t belay_record_length(const struct belay_record *r)
{
    return r->word[2] >> 32;
}

#endif
