#include "run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <belay/belay.h>
#include <event2/event.h>

#define TIMEOUT_PLAIN    (10 * SECOND)
#define TIMEOUT_RELIABLE (30 * SECOND)
#define CONNECT_MAX      (60 * SECOND)
#define CLOSE_MAX        (15 * SECOND) /* more than Belay's own close timeout */
#define PROGRESS_BYTES   1200

void run_fail(struct run *run, const char *format, ...)
{
    if (run->failure[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(run->failure, sizeof run->failure, format, args);
    va_end(args);
}

void run_arm(struct event *timer, uint64_t delay_ns)
{
    struct timeval delay = {.tv_sec = (time_t)(delay_ns / SECOND),
                            .tv_usec = (suseconds_t)(delay_ns % SECOND / 1000)};
    event_add(timer, &delay);
}

/* ------------------------------------------------------------------ the end */

void run_finish(struct run *run)
{
    if (run->closing)
        return;
    run->closing = true;
    run->ended_ns = belay_now_ns();
    event_del(run->send_timer);
    run->kind->close(run->transport);
    run_arm(run->idle_timer, CLOSE_MAX);
}

void run_give_up(struct run *run)
{
    if (run->ended_ns == 0)
        run->ended_ns = belay_now_ns();
    event_base_loopbreak(run->base);
}

bool run_all_sent(const struct run *run)
{
    return run->ready && run->tally.sent >= run->total;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

uint64_t run_linger_ns(const struct run *run)
{
    if (run->kind->reliable || run->options->text)
        return 0;
    return clamp(UINT64_C(2000) * run->tally.rtt_max_us, 20 * MS, SECOND);
}

bool run_is_complete(const struct run *run)
{
    return run_all_sent(run) && run->tally.received >= run->total;
}

bool run_heard_nothing(const struct run *run)
{
    return run->tally.received + run->tally.corrupted == 0;
}

uint64_t run_timeout_ns(const struct run *run)
{
    if (!run->ready) /* Belay has a timeout of its own for this; names may take their time */
        return run->options->transport.timeout_ns + CONNECT_MAX;
    if (run->options->transport.timeout_ns)
        return run->options->transport.timeout_ns;
    if (run->kind->reliable)
        return TIMEOUT_RELIABLE;
    if (run_heard_nothing(run) || !run_all_sent(run))
        return TIMEOUT_PLAIN;
    return clamp(UINT64_C(4000) * run->tally.rtt_max_us, SECOND, TIMEOUT_PLAIN);
}

static void explain_silence(struct run *run)
{
    const char *target = run->options->transport.target;
    double seconds = (double)run_timeout_ns(run) / 1e9;
    if (run_heard_nothing(run) && !run->kind->reliable)
        run_fail(run,
                 "no reply from %s within %g s: "
                 "plain UDP can't tell a lost packet from a missing server",
                 target, seconds);
    else if (run_heard_nothing(run))
        run_fail(run, "no reply from %s within %g s: check host, port and firewall", target,
                 seconds);
    else if (run->kind->reliable)
        run_fail(run, "%s has not replied for %g s", target, seconds);
}

/* Whether something came that is more than a few keepalives: a large message takes its time. */
static bool made_progress(struct run *run)
{
    uint64_t before = run->heard_bytes;
    run->heard_bytes = run->kind->heard_bytes(run->transport);
    return run->ready && run->heard_bytes - before >= PROGRESS_BYTES;
}

void run_check_idle(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct run *run = ctx;
    uint64_t now_ns = belay_now_ns();
    if (run->closing) {
        run_fail(run, "%s did not confirm the close", run->options->transport.target);
        run_give_up(run);
        return;
    }
    bool complete = run_is_complete(run);
    uint64_t limit_ns = complete ? run_linger_ns(run) : run_timeout_ns(run);
    uint64_t since_ns = run->waiting_since_ns;
    if (since_ns == BELAY_NEVER || now_ns - since_ns < limit_ns) {
        uint64_t waited_ns = since_ns == BELAY_NEVER ? 0 : now_ns - since_ns;
        made_progress(run); /* from now on */
        run_arm(run->idle_timer, limit_ns - waited_ns);
        return;
    }
    if (run->kind->reliable && made_progress(run)) {
        run_arm(run->idle_timer, limit_ns);
        return;
    }
    if (!complete)
        explain_silence(run);
    if (run->kind->reliable)
        run_give_up(run);
    else
        run_finish(run);
}

/* ------------------------------------------------------------------ the verdict */

void run_judge(struct run *run)
{
    const struct tally *tally = &run->tally;
    uint64_t lost = tally->sent - tally->received;
    const char *why = run->kind->reliable ? "" : ": plain UDP promises nothing";
    if (lost > 0)
        run_fail(run, "%" PRIu64 " of %" PRIu64 " messages did not come back whole%s", lost,
                 tally->sent, why);
    if (tally->corrupted > 0)
        run_fail(run, "%" PRIu64 " messages came back corrupted%s", tally->corrupted, why);
    if (tally->duplicates > 0)
        run_fail(run, "%" PRIu64 " messages came back more than once%s", tally->duplicates,
                 why);
    if (tally->out_of_order > 0 && !run->options->transport.unordered)
        run_fail(run, "%" PRIu64 " messages came back out of order%s", tally->out_of_order,
                 why);
    if (tally->sent == 0)
        run_fail(run, "nothing was sent");
}
