#include "netsim/live/timer.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/timerfd.h>
#endif

#define NS_PER_S   UINT64_C(1000000000)
#define EARLY_MAX  UINT64_C(150000) /* what a wake-up may cost awake */
#define EARLY_PART 16               /* of the moving average */

uint64_t netsim_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Neither a time that had passed when it was set nor a process that was stopped teaches. */
static void learn(struct netsim_timer *timer, uint64_t now_ns)
{
    uint64_t late_ns = now_ns > timer->armed_ns ? now_ns - timer->armed_ns : 0;

    if (late_ns > EARLY_MAX)
        late_ns = EARLY_MAX;
    timer->early_ns -= timer->early_ns / EARLY_PART;
    timer->early_ns += late_ns / EARLY_PART;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    struct netsim_timer *timer = arg;
    uint64_t count;

    (void)what;
    if (timer->fd >= 0) {
        if (read(fd, &count, sizeof(count)) < 0)
            return; /* set anew meanwhile */
        if (timer->armed_ns > 0)
            learn(timer, netsim_now_ns());
        while (netsim_now_ns() < timer->set_ns)
            continue;
    }
    timer->set_ns = UINT64_MAX;
    timer->due(timer->arg);
}

int netsim_timer_init(struct netsim_timer *timer, struct event_base *base,
                      void (*due)(void *arg), void *arg)
{
    *timer = (struct netsim_timer){.fd = -1, .set_ns = UINT64_MAX, .due = due, .arg = arg};
#ifdef __linux__
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd < 0)
        return -1;
#endif
    timer->event =
        event_new(base, timer->fd, timer->fd >= 0 ? EV_READ | EV_PERSIST : 0, on_due, timer);
    if (timer->event == NULL || (timer->fd >= 0 && event_add(timer->event, NULL) != 0)) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void netsim_timer_dispose(struct netsim_timer *timer)
{
    if (timer->event != NULL)
        event_free(timer->event);
    if (timer->fd >= 0)
        close(timer->fd);
}

static void set_event(struct netsim_timer *timer, uint64_t when_ns)
{
    uint64_t now = netsim_now_ns(), us = when_ns > now ? (when_ns - now + 999) / 1000 : 0;
    struct timeval after = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};

    if (when_ns == UINT64_MAX)
        event_del(timer->event);
    else
        event_add(timer->event, &after);
}

void netsim_timer_set(struct netsim_timer *timer, uint64_t when_ns)
{
    if (when_ns == timer->set_ns)
        return;
    timer->set_ns = when_ns;
    if (timer->fd < 0) {
        set_event(timer, when_ns);
        return;
    }
#ifdef __linux__
    struct itimerspec at = {.it_value = {0, 0}}; /* zero disarms */

    if (when_ns != UINT64_MAX) {
        uint64_t wake_ns = when_ns > timer->early_ns ? when_ns - timer->early_ns : 1;

        timer->armed_ns = wake_ns > netsim_now_ns() ? wake_ns : 0;
        at.it_value.tv_sec = (time_t)(wake_ns / NS_PER_S);
        at.it_value.tv_nsec = (long)(wake_ns % NS_PER_S);
    }
    timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &at, NULL);
#endif
}
