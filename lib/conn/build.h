/* build.h - a packet that is being written; for the files build*.c alone. */
#ifndef BELAY_CONN_BUILD_H
#define BELAY_CONN_BUILD_H

#include "conn/private.h"
#include "conn/records.h"

#define BELAY_BUILD_RECORDS_MAX 64

struct belay_build {
    struct belay_connection *c;
    struct belay_writer w;
    uint64_t now_ns;
    size_t capacity;      /* of frames in this packet */
    size_t full_capacity; /* of frames in the largest packet */
    bool is_probe;
    bool is_marked; /* with ECT(0) */
    bool is_mtu_probe;
    bool may_elicit; /* window and pacer allow it, or it is a probe */
    bool eliciting, again;
    bool has_ack, has_close;
    bool is_closed; /* ends with a MESSAGE: nothing can follow */
    unsigned frame_count;
    uint32_t message_count;
    size_t record_count;
    struct belay_record records[BELAY_BUILD_RECORDS_MAX];
};

/* Room for one more frame and its record. */
bool belay_build_has_room(const struct belay_build *b);
/* Notes a frame that was written, unless it did not fit: then the writer goes back to mark. */
bool belay_build_keep(struct belay_build *b, uint8_t *mark, enum belay_record_kind kind,
                      uint32_t channel, uint8_t mode, uint64_t number, uint64_t offset,
                      uint64_t len);

/* build.c: the most that a datagram is filled with now. */
size_t belay_build_limit(const struct belay_connection *c);

/* build_frames.c: all that is due but messages. */
void belay_build_frames(struct belay_build *b);
/* After the frames, when there are no messages: a PING if one is needed. */
void belay_build_ping(struct belay_build *b);

/* build_messages.c: as many as fit. False: there are none to send now. */
bool belay_build_messages(struct belay_build *b);

#endif
