/*
 * A run: sends the messages when they are due and the transport takes them, checks what comes
 * back, and sums up.
 */
#include "client.h"

#include "payload.h"
#include "quote.h"
#include "run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>

#define BURST_MAX 64 /* messages sent before the loop may look around */

/* ------------------------------------------------------------------ out */

/* What message number carries: a short payload has its place in its channel. */
static uint64_t carried(const struct run *run, uint64_t number)
{
    return run->options->size < PAYLOAD_NUMBERED_MIN ? number / run->tally.channels : number;
}

static void make_payload(const struct run *run, uint64_t number, uint8_t *out)
{
    if (run->options->text)
        memcpy(out, run->options->text, run->options->size);
    else
        payload_make(carried(run, number), out, run->options->size);
}

/* False: not now, or nothing more. */
static bool send_next(struct run *run)
{
    const struct client_options *options = run->options;
    uint64_t number = run->tally.sent;
    uint64_t now_ns = belay_now_ns();
    if (number >= run->total || now_ns < run->started_ns + number * options->interval_ns)
        return false;

    make_payload(run, number, run->payload);
    unsigned channel = options->channel_first + (unsigned)(number % options->channels);
    int result = run->kind->send(run->transport, channel, run->payload, options->size);
    if (result != TRANSPORT_SENT) {
        run->blocked = true;
        return false;
    }
    tally_sent(&run->tally, now_ns);
    if (run->waiting_since_ns == BELAY_NEVER || number + 1 == run->total)
        run->waiting_since_ns = now_ns;
    return true;
}

static void send_due(struct run *run)
{
    if (!run->ready || run->blocked || run->closing)
        return;
    for (int i = 0; i < BURST_MAX; i++)
        if (!send_next(run))
            break;
    if (run_all_sent(run)) {
        run_arm(run->idle_timer, run_timeout_ns(run));
        return;
    }
    if (run->blocked)
        return;
    uint64_t due_ns = run->started_ns + run->tally.sent * run->options->interval_ns;
    uint64_t now_ns = belay_now_ns();
    run_arm(run->send_timer, due_ns > now_ns ? due_ns - now_ns : 0);
}

static void on_send_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    send_due(ctx);
}

static void on_writable(void *ctx)
{
    struct run *run = ctx;
    run->blocked = false;
    send_due(run);
}

static void start_series(struct run *run)
{
    const struct client_options *options = run->options;
    run->started_ns = belay_now_ns();
    run->ready = true;
    run->blocked = false;
    run->waiting_since_ns = BELAY_NEVER;
    run_arm(run->idle_timer, run_timeout_ns(run));
    if (options->text && !options->json && !options->quiet) {
        printf("sending ");
        quote_print(stdout, options->text, options->size);
        putchar('\n');
    } else if (!options->json && !options->quiet) {
        printf("sending %" PRIu64 " message%s of %zu bytes to %s over %s\n", options->count,
               options->count == 1 ? "" : "s", options->size, run->kind->peer(run->transport),
               run->kind->name);
    }
    fflush(stdout);
    send_due(run);
}

static void warn(struct run *run)
{
    struct transport_security security;
    run->kind->security(run->transport, &security);
    if (security.warning && !run->options->json && !run->options->quiet)
        fprintf(stderr, "%s: %s\n", CLIENT_NAME, security.warning);
}

static void on_ready(void *ctx)
{
    warn(ctx);
    start_series(ctx);
}

static void on_restarted(void *ctx)
{
    struct run *run = ctx;
    tally_reset(&run->tally);
    start_series(run);
}

/* ------------------------------------------------------------------ in */

/* Which message data is; false when it is none of those sent. */
static bool identify(struct run *run, unsigned channel, const void *data, size_t len,
                     uint64_t *number)
{
    const struct client_options *options = run->options;
    unsigned lane = channel - options->channel_first;
    if (len != options->size || lane >= options->channels)
        return false;
    *number = 0;
    if (!options->text && options->size >= PAYLOAD_NUMBERED_MIN)
        *number = payload_number(data, len, 0);
    else if (!options->text)
        *number = payload_number(data, len, run->tally.next[lane]) * options->channels + lane;
    if (!options->text && options->size == 0 && *number >= run->tally.sent)
        *number = lane; /* one more than were sent: some of them came twice */
    if (*number >= run->tally.sent || *number % options->channels != lane)
        return false;

    make_payload(run, *number, run->expected);
    return len == 0 || memcmp(data, run->expected, len) == 0;
}

static void on_received(void *ctx, unsigned channel, const void *data, size_t len)
{
    struct run *run = ctx;
    uint64_t now_ns = belay_now_ns();
    uint64_t number;
    bool first = run_heard_nothing(run);
    if (identify(run, channel, data, len, &number))
        tally_received(&run->tally, number, now_ns);
    else
        run->tally.corrupted++;
    if (run->options->text && !run->options->json && !run->options->quiet) {
        printf("received ");
        quote_print(stdout, data, len);
        putchar('\n');
        fflush(stdout);
    }

    bool waiting =
        run->kind->reliable ? run->tally.received < run->tally.sent : run_all_sent(run);
    run->waiting_since_ns = waiting ? now_ns : BELAY_NEVER;
    if (first && !run->closing)
        run_arm(run->idle_timer, run_timeout_ns(run)); /* which may be less from now on */
    if (run_is_complete(run) && !run->closing) {
        if (run_linger_ns(run) == 0)
            run_finish(run);
        else
            run_arm(run->idle_timer, run_linger_ns(run));
    }
}

static void on_ended(void *ctx, const char *failure)
{
    struct run *run = ctx;
    if (failure)
        run_fail(run, "%s", failure);
    run_give_up(run);
}

/* The first signal: send no more, wait for what is out. The second: stop. */
static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct run *run = ctx;
    if (run->total == run->tally.sent || run->closing || !run->ready) {
        run_fail(run, "interrupted");
        run_give_up(run);
        return;
    }
    run->total = run->tally.sent;
    event_del(run->send_timer);
    if (run->tally.received >= run->total)
        run_finish(run);
    else
        run_arm(run->idle_timer, run_timeout_ns(run));
}

/* ------------------------------------------------------------------ the whole */

static const struct transport_callbacks callbacks = {
    .ready = on_ready,
    .writable = on_writable,
    .received = on_received,
    .restarted = on_restarted,
    .ended = on_ended,
};

static struct event_base *new_base(void)
{
    /* Timers to the microsecond, not the millisecond that epoll counts in. */
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool run_init(struct run *run, const struct client_options *options)
{
    *run = (struct run){
        .options = options,
        .kind = options->kind,
        .total = options->count,
        .waiting_since_ns = belay_now_ns(), /* for the connection */
    };
    run->base = new_base();
    run->payload = malloc(options->size + 1);
    run->expected = malloc(options->size + 1);
    if (!run->base || !run->payload || !run->expected ||
        tally_init(&run->tally, options->count, options->channels) != 0)
        return false;
    run->send_timer = evtimer_new(run->base, on_send_timer, run);
    run->idle_timer = evtimer_new(run->base, run_check_idle, run);
    run->on_interrupt = evsignal_new(run->base, SIGINT, on_signal, run);
    run->on_terminate = evsignal_new(run->base, SIGTERM, on_signal, run);
    return run->send_timer && run->idle_timer && run->on_interrupt && run->on_terminate &&
           evsignal_add(run->on_interrupt, NULL) == 0 &&
           evsignal_add(run->on_terminate, NULL) == 0;
}

static void run_dispose(struct run *run)
{
    struct event *events[] = {run->send_timer, run->idle_timer, run->on_interrupt,
                              run->on_terminate};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    tally_dispose(&run->tally);
    free(run->payload);
    free(run->expected);
    if (run->base)
        event_base_free(run->base);
}

static void print_summary(struct run *run)
{
    const struct client_options *options = run->options;
    struct transport_security security;
    struct summary summary = {
        .peer = run->kind->peer(run->transport),
        .protocol = run->kind->name,
        .elapsed_ns = run->started_ns ? run->ended_ns - run->started_ns : 0,
    };
    run->kind->wire(run->transport, &summary.wire_bytes, &summary.retransmitted);
    summary.has_path = run->kind->path(run->transport, &summary.path);
    run->kind->security(run->transport, &security);
    summary.cipher = security.cipher;
    summary.is_authenticated = security.is_authenticated;
    if (options->json)
        tally_print_json(&run->tally, &summary);
    else if (!options->text)
        tally_print(&run->tally, &summary);
    fflush(stdout);
}

int client_run(const struct client_options *options)
{
    struct run run;
    if (!run_init(&run, options)) {
        fprintf(stderr, "%s: out of memory for %" PRIu64 " messages of %zu bytes\n",
                CLIENT_NAME, options->count, options->size);
        run_dispose(&run);
        return EXIT_FAILURE;
    }
    run.transport = run.kind->open(run.base, &options->transport, &callbacks, &run);
    if (run.transport) {
        run_arm(run.idle_timer, run_timeout_ns(&run));
        event_base_dispatch(run.base);
        print_summary(&run);
        run_judge(&run);
        run.kind->free(run.transport);
    }
    if (run.failure[0])
        fprintf(stderr, "%s: %s\n", CLIENT_NAME, run.failure);
    int code = run.transport == NULL || run.failure[0] ? EXIT_FAILURE : EXIT_SUCCESS;
    run_dispose(&run);
    return code;
}
