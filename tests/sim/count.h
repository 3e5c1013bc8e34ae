/*
 * count.h - how often the rare things happened. A test that never met them proves nothing
 * about them: the property run prints these and fails when one stayed at zero.
 */
#ifndef BELAY_TESTS_SIM_COUNT_H
#define BELAY_TESTS_SIM_COUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* name, what it says */
#define SIM_COUNTS(X)                                                                          \
    X(ACCEPTED, "connections accepted")                                                        \
    X(DELIVERED, "messages delivered")                                                         \
    X(MESSAGE_EMPTY, "empty messages delivered")                                               \
    X(MESSAGE_LARGE, "messages of many packets delivered")                                     \
    X(INIT_LOST, "INIT lost")                                                                  \
    X(RETRY_SENT, "RETRY sent")                                                                \
    X(RETRY_LOST, "RETRY lost")                                                                \
    X(ACCEPT_LOST, "ACCEPT lost")                                                              \
    X(DATA_LOST, "DATA packets lost")                                                          \
    X(PACKET_DUPLICATED, "packets duplicated by a link")                                       \
    X(PACKET_REORDERED, "packets reordered by a link")                                         \
    X(PACKET_DAMAGED, "packets damaged by a link")                                             \
    X(PACKET_TRUNCATED, "packets cut short by a link")                                         \
    X(PACKET_LIMIT, "packets dropped by a full queue")                                         \
    X(DUPLICATE_DROPPED, "duplicate packets dropped")                                          \
    X(CORRUPT_DROPPED, "damaged packets dropped")                                              \
    X(FLOOR_DROPPED, "packets below the floor dropped")                                        \
    X(TRAIN_SENT, "trains of several datagrams sent")                                          \
    X(TRAIN_RECEIVED, "trains of several datagrams received")                                  \
    X(PTO, "probe timeouts")                                                                   \
    X(LOSS_DECLARED, "packets declared lost")                                                  \
    X(LOSS_SPURIOUS, "losses that proved spurious")                                            \
    X(THRESHOLD_GROWN, "packet thresholds grown")                                              \
    X(PERSISTENT, "windows collapsed by persistent congestion")                                \
    X(RANGE_EVICTED, "packet ranges forgotten")                                                \
    X(PART_DUPLICATE, "message parts received twice")                                          \
    X(DATA_BLOCKED, "senders blocked by MAX_DATA")                                             \
    X(MESSAGES_BLOCKED, "senders blocked by MAX_MESSAGES")                                     \
    X(WINDOW_TUNED, "windows raised by tuning")                                                \
    X(QUEUE_FULL, "sends refused by a full queue")                                             \
    X(WRITABLE, "queues writable again")                                                       \
    X(PAUSED, "readers paused")                                                                \
    X(SENT_AGAIN_PING, "PING lost and sent again")                                             \
    X(SENT_AGAIN_ACK, "ACK lost and sent again")                                               \
    X(SENT_AGAIN_MAX_DATA, "MAX_DATA lost and sent again")                                     \
    X(SENT_AGAIN_MAX_MESSAGES, "MAX_MESSAGES lost and sent again")                             \
    X(SENT_AGAIN_DATA_BLOCKED, "DATA_BLOCKED lost and sent again")                             \
    X(SENT_AGAIN_MESSAGES_BLOCKED, "MESSAGES_BLOCKED lost and sent again")                     \
    X(SENT_AGAIN_FIN, "FIN lost and sent again")                                               \
    X(SENT_AGAIN_CLOSE, "CLOSE lost and sent again")                                           \
    X(SENT_AGAIN_NEW_CONNECTION_ID, "NEW_CONNECTION_ID lost and sent again")                   \
    X(SENT_AGAIN_RETIRE_CONNECTION_ID, "RETIRE_CONNECTION_ID lost and sent again")             \
    X(SENT_AGAIN_PATH_CHALLENGE, "PATH_CHALLENGE lost and sent again")                         \
    X(SENT_AGAIN_PATH_RESPONSE, "PATH_RESPONSE lost and sent again")                           \
    X(SENT_AGAIN_MESSAGE, "MESSAGE lost and sent again")                                       \
    X(SENT_AGAIN_RUN, "RUN lost and sent again")                                               \
    X(SENT_AGAIN_FRAGMENT, "FRAGMENT lost and sent again")                                     \
    X(CLOSED_CLEANLY, "connections closed by both sides")                                      \
    X(CLOSE_TIMEOUT, "closes that timed out")                                                  \
    X(IDLE_TIMEOUT, "idle timeouts")                                                           \
    X(CONNECT_TIMEOUT, "connects that timed out")                                              \
    X(REFUSED, "connects refused")                                                             \
    X(RESET, "connections reset")                                                              \
    X(ABORTED, "connections aborted by their app")                                             \
    X(ABORTED_BY_PEER, "connections aborted by the peer")                                      \
    X(FREED_OPEN, "connections freed while open")                                              \
    X(NO_MEMORY, "connections ended for want of memory")                                       \
    X(INJECTED, "packets injected by an attacker")                                             \
    X(REBOUND, "NATs that forgot a host's ports")                                              \
    X(MIGRATED, "moves to another socket asked for")                                           \
    X(PATH_CHANGED, "connections moved to another path")                                       \
    X(MARKED_CE, "packets marked instead of lost")                                             \
    X(MTU_RAISED, "larger datagrams found to get through")                                     \
    X(MTU_PROBE_LOST, "probes for larger datagrams lost")                                      \
    X(BLACK_HOLE, "black holes found")                                                         \
    X(RESTED, "connections that rested for a while")                                           \
    X(SLEPT, "hosts suspended for a while")                                                    \
    X(GIVEN_UP, "messages given up")

enum sim_count {
#define SIM_COUNT_ENUM(name, text) SIM_COUNT_##name,
    SIM_COUNTS(SIM_COUNT_ENUM)
#undef SIM_COUNT_ENUM
        SIM_COUNT_MAX
};

struct sim_counts {
    uint64_t of[SIM_COUNT_MAX];
};

void sim_counts_add(struct sim_counts *sum, const struct sim_counts *more);
/* Prints all; returns how many are zero. */
unsigned sim_counts_print(const struct sim_counts *counts, FILE *out);

#endif
