/*
 * timer.h - one timer that is on time: timerfd on Linux (libevent's own are 1 to 5 ms late),
 * libevent's elsewhere. Times are of CLOCK_MONOTONIC.
 *
 * A process is woken late, by 50 to 150 us mostly. The timer learns by how much, goes off so
 * much earlier, and waits for the rest awake: it calls back never before the time, and mostly
 * a few us after it.
 */
#ifndef NETSIM_TIMER_H
#define NETSIM_TIMER_H

#include <stdint.h>

#include <event2/event.h>

struct netsim_timer {
    struct event *event;
    int fd;                    /* -1: libevent's timer */
    uint64_t set_ns, armed_ns; /* the time asked for, and when the system wakes us for it */
    uint64_t early_ns;         /* how late it wakes us, averaged */
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
