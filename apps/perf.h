/*
 * perf.h - belay-perf: what both ends share.
 *
 * On each connection channel 0 carries control messages, JSON objects; data goes over channels
 * 1 to streams.
 *
 *     client                              server
 *     {"event":"hello", the plan} ->
 *                                     <-  {"event":"ready"}
 *     {"event":"go"} ->                   both take the time; data flows
 *     {"event":"end","messages":N} ->     all N have come (reverse: stops sending)
 *                                     <-  {"event":"totals", ...}
 *
 * Nothing is allocated for a message.
 */
#ifndef BELAY_APPS_PERF_H
#define BELAY_APPS_PERF_H

#include "address.h"
#include "histogram.h"
#include "security.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERF_NAME        "belay-perf"
#define PERF_VERSION     1
#define PERF_STREAMS_MAX 255  /* channel 0 is for control */
#define PERF_CONTROL_MAX 2048 /* bytes of a control message */
#define PERF_RATE_SIZE   16   /* of mode rate: number and due time, big-endian */
#define PERF_BOOT_MAX    64   /* text that tells machines apart */
#define PERF_TIME_MAX_S  86400

struct belay_config;
struct belay_conn;
struct event;
struct event_base;

enum perf_mode { PERF_BULK, PERF_RR, PERF_RATE };
const char *perf_mode_name(enum perf_mode mode);

/* What is measured; the client says it to the server. */
struct perf_plan {
    enum perf_mode mode;
    bool reverse;
    size_t size;
    unsigned streams;
    uint64_t interval_ns; /* between messages of a connection; PERF_RATE */
    uint64_t seconds;
};

struct perf_options {
    bool is_server, json, quiet;
    const char *target; /* --listen or HOST, as the user wrote it */
    struct address address;
    int family;
    unsigned connections;
    const char *congestion; /* NULL: the default */
    uint32_t datagram_size; /* 0: the default */
    struct perf_plan plan;
    struct security_options security;
};

/* The exit code. */
int perf_serve(const struct perf_options *options);
int perf_call(const struct perf_options *options);

/* Both sides' configuration, but for the keys. */
void perf_configure(const struct perf_options *options, struct belay_config *config);
/* With timers of a microsecond. NULL: no memory. */
struct event_base *perf_base_new(void);
/* Of this process, so far. */
double perf_cpu_s(void);

/* ------------------------------------------------------------------ perf_control.c */

enum perf_event { PERF_HELLO, PERF_READY, PERF_GO, PERF_END, PERF_TOTALS };

/* What one end saw of one connection. */
struct perf_totals {
    uint64_t messages, bytes; /* received; in reverse sent, on the server's side */
    double seconds, cpu_s;
    uint64_t packets_sent, retransmitted, rtt_ns, rtt_min_ns;
    uint64_t latency_count, latency_ns[5]; /* min, p50, p99, p99.9, max */
};

/* A control message; which members count follows from event. */
struct perf_control {
    enum perf_event event;
    struct perf_plan plan;    /* hello */
    char boot[PERF_BOOT_MAX]; /* hello, ready: of a machine whose clock is this one */
    uint64_t clock_ns;        /* hello, ready: the sender's clock */
    int64_t offset_ns;        /* go: the server's clock is so much ahead of the client's */
    uint64_t messages;        /* end */
    struct perf_totals totals;
};

/* The length; 0: no memory. */
size_t perf_control_write(const struct perf_control *control, char out[PERF_CONTROL_MAX]);
/* NULL, or why it is none. */
const char *perf_control_read(const void *data, size_t len, struct perf_control *control);
void perf_boot(char out[PERF_BOOT_MAX]);

/* ------------------------------------------------------------------ perf_flow.c */

/* The data of one connection, as either end sees it. */
struct perf_flow {
    struct belay_conn *conn;
    const struct perf_plan *plan;
    uint8_t *payload; /* plan->size bytes, shared by all flows */
    struct event *timer;
    bool is_client, is_sending;
    uint64_t started_ns, sent, received, received_bytes, received_last_ns;
    int64_t offset_ns; /* the peer's clock is so much ahead of ours */
    size_t queue_high;
    uint64_t asked_ns[PERF_STREAMS_MAX + 1]; /* rr, client: when, by channel */
    bool owes[PERF_STREAMS_MAX + 1];         /* rr: a message that the queue did not take */
    unsigned owed;
    struct histogram latency;
    char control[PERF_CONTROL_MAX]; /* one that the queue did not take */
    size_t control_len;
};

/* False: no memory. The flow stays where it is. */
bool perf_flow_init(struct perf_flow *flow, struct event_base *base, struct belay_conn *conn,
                    const struct perf_plan *plan, bool is_client);
void perf_flow_dispose(struct perf_flow *flow);

/* payload: at least plan->size bytes, whose first are written to. */
void perf_flow_go(struct perf_flow *flow, uint8_t *payload);
void perf_flow_stop(struct perf_flow *flow); /* sends no more */

/* The connection's callbacks. False: no data was expected. */
bool perf_flow_message(struct perf_flow *flow, unsigned channel, const void *data, size_t len);
void perf_flow_writable(struct perf_flow *flow);

/* Sends a control message, now or when the queue has room. */
void perf_flow_say(struct perf_flow *flow, const struct perf_control *control);
/* What this end knows. seconds and cpu_s are the caller's. */
void perf_flow_sum(const struct perf_flow *flow, struct perf_totals *totals);

/* ------------------------------------------------------------------ perf_print.c */

struct perf_interval {
    double from_s, to_s;
    uint64_t bytes, messages;
    bool is_sender; /* knows of retransmissions and window */
    uint64_t retransmitted, rtt_ns, window_bytes;
};

/* The sum of all connections. */
struct perf_result {
    struct perf_totals receiver, sender;
    double client_cpu_s, server_cpu_s, client_s, server_s;
    bool has_same_clock;
    uint64_t clock_error_ns; /* of one-way latencies, at most, when it has not */
};

void perf_print_start(const struct perf_options *options, const char *peer, const char *cipher);
void perf_print_interval(const struct perf_options *options,
                         const struct perf_interval *interval);
void perf_print_result(const struct perf_options *options, const struct perf_result *result);

#endif
