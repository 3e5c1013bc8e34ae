/*
 * checks.h - what must always hold, looked at while a simulation runs. A broken promise ends
 * it by sim_fail.
 *
 *     events     ACCEPTED or CONNECTED first, EOF after the last MESSAGE, nothing while
 *                paused that must wait, CLOSED last, silence after it
 *     messages   each once, whole, unchanged, in order where promised (message.h)
 *     reports    SENT once for each message that asked, before CLOSED, and no other
 *     accounts   after a graceful end everything that was sent has been delivered
 *     window     bytes in flight within the congestion window, but for two probes a PTO
 *     memory     what the core says that it holds is what it took; within a bound computed
 *                from its configuration
 *     deadline   after a turn it lies ahead; no busy loop
 */
#ifndef BELAY_TESTS_SIM_CHECKS_H
#define BELAY_TESTS_SIM_CHECKS_H

#include <belay/core.h>

struct sim;
struct sim_conn;
struct sim_host;
struct sim_packet;

/* A checker's notes on a connection. */
struct sim_watch {
    struct belay_stats stats; /* at the last look */
    uint64_t in_flight, room; /* as they were before this turn's packets, and with them */
    uint64_t probe_bytes;     /* that may still pass the window */
    uint64_t window_announced;
    uint32_t lost_kinds; /* of frames, bits: the last of them was lost */
    bool is_resting;
};

void sim_check_event(struct sim_conn *conn, const struct belay_core_event *event);
void sim_check_before_send(struct sim_host *host);
void sim_check_train(struct sim_host *host, const struct belay_train *train);
void sim_check_sent(struct sim_conn *conn, const struct sim_packet *packet);
void sim_check_turn(struct sim_host *host);
void sim_check_end(struct sim *sim);

/* The most that a core with this configuration and so many connections may hold. */
size_t sim_memory_bound(const struct belay_core_config *config, size_t connections);

/* Bookkeeping for the counts. */
void sim_note_out(struct sim_conn *conn, const struct sim_packet *packet);
void sim_note_lost(struct sim *sim, const struct sim_packet *packet, const char *why);
void sim_note_stats(struct sim_conn *conn);

#endif
