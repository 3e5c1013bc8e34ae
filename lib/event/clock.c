#include <belay/belay.h>

#include <time.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* Cannot fail where the clock exists at all, and the timerfd asks for the same one. */
uint64_t belay_now_ns(void)
{
    struct timespec now = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t belay_deadline_in_ms(uint64_t ms)
{
    uint64_t now_ns = belay_now_ns();

    if (ms >= (BELAY_NEVER - now_ns) / NS_PER_MS)
        return BELAY_NEVER;
    return now_ns + ms * NS_PER_MS;
}
