/*
 * timer.h - one timer for a whole endpoint. On Linux a timerfd as a read event, since
 * libevent's own timers may be some milliseconds late and its precise mode is the base's
 * owner's choice; elsewhere an evtimer.
 *
 * Rule: armed_ns <= what was asked for last. A deadline that moves away costs nothing: the
 * timer fires early, the owner finds nothing due and arms it again. Each acknowledgement moves
 * the deadline away, so the fast path makes no system call here.
 */
#ifndef BELAY_EVENT_TIMER_H
#define BELAY_EVENT_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;

struct belay_timer {
    struct event *event;
    int fd;            /* -1: an evtimer */
    uint64_t armed_ns; /* BELAY_NEVER: not armed */
    void (*fired)(void *ctx);
    void *ctx;
};

/* 0 or -1 with errno. portable: no timerfd. */
int belay_timer_init(struct belay_timer *timer, struct event_base *base, bool portable,
                     void (*fired)(void *ctx), void *ctx);
void belay_timer_dispose(struct belay_timer *timer);

/* Fires at deadline_ns or earlier. */
void belay_timer_arm(struct belay_timer *timer, uint64_t deadline_ns, uint64_t now_ns);

#endif
