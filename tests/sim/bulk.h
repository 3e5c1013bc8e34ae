/*
 * bulk.h - bulk senders in virtual time, each with two cores of its own, that share one
 * bottleneck:
 *
 *     client 0 --+                        +-- way --> server 0 -- way back --> client 0
 *     client 1 --+--> the bottleneck -----+-- way --> server 1 -- way back --> client 1
 *
 *     bulk = bulk_new(&config)
 *     bulk_run(bulk, 25 * BULK_S)
 *     bulk->flows[0].window.payload_bytes ...     what happened in [from, to)
 *     bulk_free(bulk)
 *
 * The bottleneck is netsim's words (`rate 100mbit limit 416`, with changes in time), a way is
 * half of the flow's round trip and more words (`loss 1%`) in stages of their own. Same seed,
 * same run. Without the checkers of sim.h: a hundred megabits a second for half a minute are
 * done in two seconds.
 */
#ifndef BELAY_TESTS_SIM_BULK_H
#define BELAY_TESTS_SIM_BULK_H

#include <belay/core.h>

#include "netsim/model/pipeline.h"
#include "support/random.h"

#define BULK_MS        UINT64_C(1000000)
#define BULK_S         UINT64_C(1000000000)
#define BULK_FLOWS_MAX 32
#define BULK_HEADER    28 /* IPv4 and UDP, as a link counts them */

struct bulk_flow_config {
    const char *congestion; /* NULL: the default */
    uint64_t rtt_ns;
    uint64_t start_ns;
};

struct bulk_config {
    const char *bottleneck; /* words */
    const char *way;        /* words of more stages, both ways; "": none */
    uint64_t seed;
    uint32_t datagram_bytes; /* UDP payload */
    size_t message_bytes;
    uint64_t from_ns, to_ns; /* what is counted in `window` */
    uint64_t timer_late_ns;  /* at most so late, at random */
    bool encrypted;          /* else --insecure: quicker to run */
    struct bulk_flow_config flows[BULK_FLOWS_MAX];
    size_t flow_count;
};

/* Of one flow. Bytes sent and queue delay are those of the way there. */
struct bulk_counts {
    uint64_t payload_bytes;            /* delivered to the app */
    uint64_t sent_packets, sent_bytes; /* with IP and UDP headers */
    uint64_t lost, spurious;           /* as the sender's statistics say */
    uint64_t dropped;                  /* by the bottleneck's full queue */
    uint64_t passed;                   /* the bottleneck */
    uint64_t acks;                     /* packets on the way back */
};

#define BULK_DELAYS 20000 /* of 50 us each: 1 s */

struct bulk_end {
    struct belay_core *core;
    struct belay_core_conn *conn;
    struct test_random random;
    uint64_t late_ns; /* of the present deadline */
    uint64_t deadline_ns;
};

struct bulk_flow {
    struct bulk *bulk;
    struct bulk_flow_config config;
    struct bulk_end client, server;
    struct netsim_plan *way_plan;
    struct netsim_pipeline *way, *back;
    bool started;
    struct bulk_counts total, first_second, before, window;
};

struct bulk {
    struct bulk_config config;
    uint64_t now_ns;
    struct netsim_plan *plan;
    struct netsim_pipeline *bottleneck;
    struct bulk_flow flows[BULK_FLOWS_MAX];
    uint64_t delays[BULK_DELAYS + 1]; /* of packets that passed in [from, to), by 50 us */
    uint64_t delay_count, delay_sum_ns;
    uint8_t *train;
    uint8_t *message;
    /* Called every interval_ns of virtual time, if set. */
    void (*on_interval)(struct bulk *bulk, void *ctx);
    void *interval_ctx;
    uint64_t interval_ns, next_interval_ns;
};

/* Prints and exits when the words are wrong. */
struct bulk *bulk_new(const struct bulk_config *config);
void bulk_run(struct bulk *bulk, uint64_t until_ns);
void bulk_free(struct bulk *bulk);

struct belay_stats bulk_stats(const struct bulk_flow *flow);
/* In ms, of all that passed the bottleneck in the window. */
double bulk_delay_mean_ms(const struct bulk *bulk);
double bulk_delay_percentile_ms(const struct bulk *bulk, double percent);
/* Payload bits a second of a flow in the window. */
double bulk_goodput(const struct bulk *bulk, size_t flow);
/* Lost without need, of all packets sent after the flow's first second, in percent. */
double bulk_spurious_percent(const struct bulk *bulk, size_t flow);

#endif
