/*
 * timer.h - one timer that is on time: timerfd on Linux (libevent's own are 1 to 5 ms late),
 * libevent's elsewhere. Times are of CLOCK_MONOTONIC.
 */
#ifndef NETSIM_TIMER_H
#define NETSIM_TIMER_H

#include <stdint.h>

#include <event2/event.h>

struct netsim_timer {
    struct event *event;
    int fd; /* -1: libevent's timer */
    uint64_t set_ns;
    void (*due)(void *arg);
    void *arg;
};

uint64_t netsim_now_ns(void);

/* 0 or -1, errno. */
int netsim_timer_init(struct netsim_timer *timer, struct event_base *base,
                      void (*due)(void *arg), void *arg);
void netsim_timer_dispose(struct netsim_timer *timer);

/* UINT64_MAX: never. */
void netsim_timer_set(struct netsim_timer *timer, uint64_t when_ns);

#endif
