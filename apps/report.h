/*
 * report.h - what the server says on stdout, and its counts.
 *
 * As text:                                  With --json, one object a line:
 *
 *     listening on [::]:10000               {"event":"listening","address":"[::]:10000",
 *                                            "port":10000}
 *     clients: belay-echo-client ...        {"event":"clients","command":...,"key":...,
 *                                            "temporary":false}
 *     127.0.0.1:57870 connected             {"event":"connected","peer":"127.0.0.1:57870"}
 *     127.0.0.1:57870 connected as alice    {"event":"connected","peer":...,"name":"alice"}
 *     received 42 bytes from 127.0.0.1:57870
 *                                           {"event":"received","bytes":42,"peer":...,
 *                                            "channel":0}
 *     sent 42 bytes back to 127.0.0.1:57870 {"event":"sent",...}
 *     127.0.0.1:57870 closed                {"event":"closed","peer":...}
 *     127.0.0.1:57870 failed: REASON        {"event":"failed","peer":...,"reason":...}
 *
 * and a summary. The first line is always "listening", flushed; with --quiet only it and the
 * summary are printed. Scripts may rely on these forms. Lines are flushed when the loop has
 * nothing more at hand.
 */
#ifndef BELAY_APPS_REPORT_H
#define BELAY_APPS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;

struct report {
    bool quiet, json, plain;
    struct event *flush;
    uint64_t connections, failed; /* Belay */
    uint64_t received, received_bytes;
    uint64_t sent, sent_bytes;
    uint64_t unanswered; /* plain: the socket did not take it; Belay: came after our close */
    uint64_t ignored;    /* plain: from a port that would echo the echo */
};

/* 0, or -1 when memory lacks. */
int report_init(struct report *report, struct event_base *base);
void report_dispose(struct report *report);

/* The bound address of fd. */
void report_listening(struct report *report, int fd);
/* How a client connects: its command line. key: the server's public text, NULL where clients
 * need none. remark: a line before it, or NULL. */
void report_clients(struct report *report, const char *command, const char *key,
                    bool is_temporary, const char *remark);
/* name: whose key the peer showed; NULL: nobody asked. */
void report_connected(struct report *report, const char *peer, const char *name);
/* Its address changed: a NAT forgot it, or it left its network. */
void report_moved(struct report *report, const char *peer, const char *to);
/* reason NULL: a clean end. */
void report_closed(struct report *report, const char *peer, const char *reason);
void report_received(struct report *report, const char *peer, unsigned channel, size_t len);
void report_sent(struct report *report, const char *peer, unsigned channel, size_t len);
void report_summary(const struct report *report);

#endif
