/*
 * tally.h - what became of the messages of a series.
 *
 * received: came back whole, each counted once. lost: sent - received. duplicates: came back
 * whole again. corrupted: came back damaged (its message then counts as lost unless it comes
 * whole as well). out_of_order: came, for the first time, after a later one of its channel
 * (type-P-reordered, RFC 4737, 3.3).
 *
 * Memory: 4 bytes and 1 bit a message, 8 bytes a channel; touched as the series goes on.
 */
#ifndef BELAY_APPS_TALLY_H
#define BELAY_APPS_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally {
    uint64_t count;    /* messages planned */
    unsigned channels; /* message n goes over channel n % channels */
    uint64_t sent, received, duplicates, out_of_order, corrupted;
    uint32_t rtt_max_us;
    uint64_t *next;    /* of each channel: place in it after the largest seen */
    uint32_t *time_us; /* when sent, on a clock that wraps after 71 minutes; once seen: RTT */
    uint8_t *seen;     /* bits */
};

/* 0, or -1 when memory lacks. */
int tally_init(struct tally *tally, uint64_t count, unsigned channels);
void tally_dispose(struct tally *tally);
/* As after tally_init. */
void tally_reset(struct tally *tally);

/* Message number tally->sent leaves now. */
void tally_sent(struct tally *tally, uint64_t now_ns);
/* A whole message came back; number < tally->sent. */
void tally_received(struct tally *tally, uint64_t number, uint64_t now_ns);

struct tally_rtt {
    uint32_t min_us, p50_us, p99_us, p999_us, max_us;
};
/* Percentiles by nearest rank. False when nothing came. The tally is used up. */
bool tally_rtt(struct tally *tally, struct tally_rtt *rtt);

/* What a Belay connection learnt of its path. */
struct summary_path {
    uint32_t datagram_bytes; /* the largest UDP payload in use */
    uint64_t packets_lost, packets_spurious, changes;
    bool is_ecn_capable;
};

/* The sum to be printed. */
struct summary {
    const char *peer, *protocol;
    uint64_t wire_bytes, retransmitted, elapsed_ns;
    const char *cipher;
    bool is_authenticated;
    bool has_path;
    struct summary_path path;
};
void tally_print(struct tally *tally, const struct summary *summary);
/* One object on one line. 0, or -1. */
int tally_print_json(struct tally *tally, const struct summary *summary);

#endif
