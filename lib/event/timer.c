#include "event/timer.h"

#include "event/platform.h"

#include <belay/belay.h>

#include <event2/event.h>

#if BELAY_FAST_IO
#include <sys/timerfd.h>
#endif

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct belay_timer *timer = ctx;
    uint64_t count;

    (void)what;
    /* A count that cannot be read means that someone re-armed it meanwhile: fire anyway. */
    if (fd >= 0 && read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
        event_del(timer->event);
    timer->armed_ns = BELAY_NEVER;
    timer->fired(timer->ctx);
}

static int open_fd(bool portable)
{
#if BELAY_FAST_IO
    return portable ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
#else
    (void)portable;
    return -1;
#endif
}

int belay_timer_init(struct belay_timer *timer, struct event_base *base, bool portable,
                     void (*fired)(void *ctx), void *ctx)
{
    timer->fired = fired;
    timer->ctx = ctx;
    timer->armed_ns = BELAY_NEVER;
    timer->fd = open_fd(portable);
    if (timer->fd < 0) {
        timer->event = evtimer_new(base, on_timer, timer);
    } else {
        timer->event = event_new(base, timer->fd, EV_READ | EV_PERSIST, on_timer, timer);
        if (timer->event != NULL && event_add(timer->event, NULL) != 0) {
            event_free(timer->event);
            timer->event = NULL;
        }
    }
    if (timer->event != NULL)
        return 0;
    belay_timer_dispose(timer);
    errno = ENOMEM;
    return -1;
}

void belay_timer_dispose(struct belay_timer *timer)
{
    if (timer->event != NULL)
        event_free(timer->event);
    if (timer->fd >= 0)
        close(timer->fd);
    timer->event = NULL;
    timer->fd = -1;
}

static void arm_fd(int fd, uint64_t deadline_ns)
{
#if BELAY_FAST_IO
    struct itimerspec when = {{0, 0}, {0, 0}};

    when.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_S);
    when.it_value.tv_nsec = (long)(deadline_ns % NS_PER_S);
    if (deadline_ns == 0)
        when.it_value.tv_nsec = 1; /* zero would disarm */
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
#else
    (void)fd;
    (void)deadline_ns;
#endif
}

void belay_timer_arm(struct belay_timer *timer, uint64_t deadline_ns, uint64_t now_ns)
{
    uint64_t wait_us;
    struct timeval wait;

    if (timer->event == NULL || timer->armed_ns <= deadline_ns)
        return;
    timer->armed_ns = deadline_ns;
    if (timer->fd >= 0) {
        arm_fd(timer->fd, deadline_ns);
        return;
    }
    /* Rounded up: a timer that fires before its time would spin. */
    wait_us = deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns - 1) / NS_PER_US + 1;
    wait.tv_sec = (time_t)(wait_us / 1000000);
    wait.tv_usec = (suseconds_t)(wait_us % 1000000);
    event_add(timer->event, &wait);
}
