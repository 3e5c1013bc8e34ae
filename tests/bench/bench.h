/*
 * bench.h - a run of one peer: options, what both sides count, and the modes.
 *
 * A message begins with its number and the time when it was due (CLOCK_MONOTONIC is one clock
 * for all processes of a machine), 8 bytes each, in the machine's byte order. The receiver
 * checks that numbers come in order, each once.
 */
#ifndef BELAY_BENCH_BENCH_H
#define BELAY_BENCH_BENCH_H

#include "peer.h"

#include <sys/types.h>

#define BENCH_SECOND_NS   UINT64_C(1000000000)
#define BENCH_SIZE_MIN    16
#define BENCH_SIZE_MAX    65536
#define BENCH_SAMPLES_MAX (1u << 22) /* later ones are not kept */
#define BENCH_PATIENCE_S  20         /* for a connection, and for what is late */
#define BENCH_POLL_US     10000
#define BENCH_BATCH_BYTES 131072 /* of messages, sent before a flush */

enum bench_mode { BENCH_BULK, BENCH_ECHO, BENCH_LATENCY };
enum bench_role { BENCH_BOTH, BENCH_SERVER, BENCH_CLIENT };

struct bench_options {
    enum bench_mode mode;
    enum bench_role role;
    size_t size;
    double seconds, from_s, to_s; /* what counts is between from and to */
    uint64_t interval_ns;         /* of latency */
    uint64_t in_flight;           /* of echo */
    bool is_pinned;               /* server and client: a core each */
    struct bench_setup setup;
};

/* One side's result; latencies are of the side that measures them. */
struct bench_side {
    bool has_failed;          /* never connected, or ended before its time */
    uint64_t messages, bytes; /* all: received by a server, sent (bulk) or echoed by a client */
    uint64_t disordered;      /* not the one that was due */
    uint64_t missing;         /* latency: due, and never came */
    double window_s;          /* between from and to, as it was */
    uint64_t window_messages, window_bytes, window_wire_bytes;
    double window_cpu_s; /* of this process */
    uint64_t samples;
    double min_us, p50_us, p99_us, p999_us, max_us; /* -1: it never came */
    double rtt_ms; /* by the peer, mean of the window; 0: unknown */
    uint64_t retransmitted;
    uint64_t wire_packets, wire_bytes; /* IP, sent by this network namespace, lo left out */
};

/* ------------------------------------------------------------------ side.c */

uint64_t bench_now_ns(void);

/* Begins to count at from and ends at to, seconds after start_ns. */
struct bench_window {
    uint64_t from_ns, to_ns, began_ns;
    double cpu_s;
    uint64_t messages, bytes, wire_bytes;
    bool has_begun, has_ended;
};
void bench_window_start(struct bench_window *window, const struct bench_options *options,
                        uint64_t start_ns);
void bench_window_look(struct bench_window *window, struct bench_side *side, uint64_t now_ns);

void bench_sample(struct bench_side *side, uint64_t ns);
/* Fills in the percentiles, by nearest rank; what is missing took longer than all others. */
void bench_samples_sum(struct bench_side *side);

/* IP packets and bytes that all interfaces but lo have sent. */
void bench_wire(uint64_t *packets, uint64_t *bytes);

/* One line of JSON; NULL: that side ran elsewhere. 0, or -1. */
int bench_print(const struct bench_options *options, const struct bench_side *server,
                const struct bench_side *client);

/* ------------------------------------------------------------------ serve.c, call.c */

/* The peer has been started with the callback of that side. */
void bench_serve(const struct bench_options *options, struct bench_side *side);
void bench_serve_message(const void *data, size_t len);
void bench_call(const struct bench_options *options, struct bench_side *side);
void bench_call_message(const void *data, size_t len);

/* SIGTERM or SIGINT came: sum up and end. */
bool bench_is_told(void);

#endif
