/* The client of belay-perf: dials, runs the plan, sums up what both ends saw. */
#include "perf.h"

#include "keylog.h"
#include "options.h"
#include "quote.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>
#include <openssl/crypto.h>

#define SECOND_NS  UINT64_C(1000000000)
#define PATIENCE_S 60 /* for what is on its way when the time is over */

struct call;

struct line { /* one connection */
    struct call *call;
    struct belay_conn *conn;
    struct perf_flow flow;
    uint64_t hello_ns;
    bool is_ready, has_totals, is_done;
    struct perf_totals totals; /* the server's */
};

struct call {
    const struct perf_options *options;
    struct event_base *base;
    struct event *tick, *interrupt, *terminate;
    struct line *lines;
    unsigned ready, done, closed;
    uint8_t *payload;
    char boot[PERF_BOOT_MAX], peer[ADDRESS_TEXT_MAX];
    struct perf_result result;
    struct keylog keylog;
    uint64_t started_ns, ended_ns, second;
    double cpu_s;
    struct perf_interval before; /* sums at the last line */
    double before_s;
    bool is_ending, has_failed;
};

/* ------------------------------------------------------------------ the end */

static void fail(struct call *call, const char *text)
{
    if (!call->has_failed)
        fprintf(stderr, "%s: %s\n", PERF_NAME, text);
    call->has_failed = true;
    event_base_loopbreak(call->base);
}

/* Why a connection ended, in a sentence; a failed dial's reason has the address in it. The
 * peer may have worded it. */
static void fail_ended(struct line *line)
{
    char text[512], reason[320];
    const char *name = belay_strerror(belay_conn_get_error(line->conn));
    bool was_connected = line->hello_ns != 0;
    quote_clean(belay_conn_get_reason(line->conn), reason, sizeof reason);
    if (reason[0] && !was_connected)
        snprintf(text, sizeof text, "%s", reason);
    else
        snprintf(text, sizeof text, "%s: %s%s%s", line->call->options->target, name,
                 reason[0] ? ": " : "", reason);
    fail(line->call, text);
}

static void add_totals(struct perf_totals *sum, const struct perf_totals *one)
{
    sum->messages += one->messages;
    sum->bytes += one->bytes;
    sum->seconds = one->seconds > sum->seconds ? one->seconds : sum->seconds;
    sum->packets_sent += one->packets_sent;
    sum->retransmitted += one->retransmitted;
    sum->rtt_ns = one->rtt_ns > sum->rtt_ns ? one->rtt_ns : sum->rtt_ns;
    if (sum->rtt_min_ns == 0 || one->rtt_min_ns < sum->rtt_min_ns)
        sum->rtt_min_ns = one->rtt_min_ns;
}

static void set_latency(struct perf_totals *totals, const struct histogram *histogram)
{
    static const double shares[] = {0, 0.5, 0.99, 0.999, 1};
    totals->latency_count = histogram->count;
    for (int i = 0; i < 5; i++)
        totals->latency_ns[i] =
            i == 0 ? histogram->min_ns : histogram_at_ns(histogram, shares[i]);
}

/* Of several connections that the server measured, the slowest one's percentiles. */
static void take_latency(struct perf_totals *sum, const struct perf_totals *one)
{
    sum->latency_count += one->latency_count;
    if (one->latency_count > 0 && one->latency_ns[2] >= sum->latency_ns[2])
        memcpy(sum->latency_ns, one->latency_ns, sizeof sum->latency_ns);
}

static void sum_up(struct call *call)
{
    struct perf_result *result = &call->result;
    bool reverse = call->options->plan.reverse;
    static struct histogram latency;
    for (unsigned i = 0; i < call->options->connections; i++) {
        struct line *line = &call->lines[i];
        struct perf_totals own = {.seconds = (double)(call->ended_ns - call->started_ns) / 1e9};
        perf_flow_sum(&line->flow, &own);
        add_totals(reverse ? &result->receiver : &result->sender, &own);
        add_totals(reverse ? &result->sender : &result->receiver, &line->totals);
        if (line->totals.cpu_s > result->server_cpu_s)
            result->server_cpu_s = line->totals.cpu_s;
        if (line->totals.seconds > result->server_s)
            result->server_s = line->totals.seconds;
        histogram_merge(&latency, &line->flow.latency);
        take_latency(&result->receiver, &line->totals);
    }
    if (latency.count > 0)
        set_latency(&result->receiver, &latency);
    result->client_s = (double)(call->ended_ns - call->started_ns) / 1e9;
    result->client_cpu_s = perf_cpu_s() - call->cpu_s;
}

/* All that was sent has come, and both ends have said so. */
static void check_done(struct line *line)
{
    struct call *call = line->call;
    bool reverse = call->options->plan.reverse;
    if (!line->has_totals || line->is_done ||
        (reverse && line->flow.received < line->totals.messages))
        return;
    line->is_done = true;
    call->done++;
    if (call->done < call->options->connections)
        return;
    call->ended_ns = belay_now_ns();
    sum_up(call);
    event_del(call->tick);
    for (unsigned i = 0; i < call->options->connections; i++)
        belay_conn_close(call->lines[i].conn);
}

/* ------------------------------------------------------------------ lines a second */

static void sum_lines(struct call *call, struct perf_interval *sum)
{
    for (unsigned i = 0; i < call->options->connections; i++) {
        const struct line *line = &call->lines[i];
        struct belay_stats stats = {.rtt_smoothed_ns = 0};
        belay_conn_get_stats(line->conn, &stats, sizeof stats);
        bool receives = call->options->plan.reverse || call->options->plan.mode == PERF_RR;
        sum->messages += receives ? line->flow.received : stats.messages_acknowledged;
        sum->bytes += receives ? line->flow.received_bytes
                               : stats.message_bytes_sent - stats.queued_bytes;
        sum->retransmitted += stats.packets_retransmitted;
        sum->window_bytes += stats.window_bytes;
        if (stats.rtt_smoothed_ns > sum->rtt_ns)
            sum->rtt_ns = stats.rtt_smoothed_ns;
    }
}

static void print_line(struct call *call)
{
    struct perf_interval now = {.is_sender = !call->options->plan.reverse}, shown;
    double now_s = (double)(belay_now_ns() - call->started_ns) / 1e9;
    sum_lines(call, &now);
    shown = now;
    shown.from_s = call->before_s;
    shown.to_s = now_s;
    shown.bytes = now.bytes > call->before.bytes ? now.bytes - call->before.bytes : 0;
    shown.messages =
        now.messages > call->before.messages ? now.messages - call->before.messages : 0;
    shown.retransmitted -= call->before.retransmitted;
    call->before = now;
    call->before_s = now_s;
    perf_print_interval(call->options, &shown);
}

static void say_end(struct call *call)
{
    call->is_ending = true;
    for (unsigned i = 0; i < call->options->connections; i++) {
        struct line *line = &call->lines[i];
        struct perf_control end = {.event = PERF_END};
        perf_flow_stop(&line->flow);
        end.messages = line->flow.sent;
        perf_flow_say(&line->flow, &end);
    }
}

static void arm_tick(struct call *call)
{
    uint64_t due_ns = call->started_ns + (call->second + 1) * SECOND_NS;
    uint64_t now_ns = belay_now_ns();
    uint64_t wait_us = due_ns > now_ns ? (due_ns - now_ns) / 1000 : 0;
    struct timeval delay = {.tv_sec = (time_t)(wait_us / 1000000),
                            .tv_usec = (suseconds_t)(wait_us % 1000000)};
    event_add(call->tick, &delay);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct call *call = ctx;
    uint64_t seconds = call->options->plan.seconds;
    call->second++;
    if (!call->is_ending && !call->options->quiet)
        print_line(call);
    if (!call->is_ending && call->second >= seconds)
        say_end(call);
    if (call->second >= seconds + PATIENCE_S)
        fail(call, "what was sent has not all arrived 60 s after the end: the path may be too "
                   "slow for it");
    else
        arm_tick(call);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct call *call = ctx;
    if (call->is_ending || call->started_ns == 0)
        fail(call, "ended by a signal");
    else
        say_end(call);
}

/* ------------------------------------------------------------------ the beginning */

/* Where the clocks differ, the answer was written half a round trip ago. */
static int64_t clock_offset(struct line *line, const struct perf_control *ready)
{
    struct perf_result *result = &line->call->result;
    uint64_t now_ns = belay_now_ns(), half_ns = (now_ns - line->hello_ns) / 2;
    result->has_same_clock = ready->boot[0] && strcmp(ready->boot, line->call->boot) == 0;
    if (result->has_same_clock)
        return 0;
    if (half_ns > result->clock_error_ns)
        result->clock_error_ns = half_ns;
    return (int64_t)(ready->clock_ns - (line->hello_ns + half_ns));
}

static void go(struct call *call)
{
    if (!call->options->quiet)
        perf_print_start(call->options, call->peer, belay_conn_get_cipher(call->lines[0].conn));
    call->started_ns = belay_now_ns();
    call->cpu_s = perf_cpu_s();
    for (unsigned i = 0; i < call->options->connections; i++) {
        struct line *line = &call->lines[i];
        struct perf_control control = {.event = PERF_GO, .offset_ns = line->flow.offset_ns};
        perf_flow_say(&line->flow, &control);
        perf_flow_go(&line->flow, call->payload);
    }
    arm_tick(call);
}

static void on_ready(struct line *line, const struct perf_control *control)
{
    if (line->is_ready)
        return;
    line->is_ready = true;
    line->flow.offset_ns = clock_offset(line, control);
    if (++line->call->ready == line->call->options->connections)
        go(line->call);
}

static void on_control(struct line *line, const void *data, size_t len)
{
    struct perf_control control;
    const char *wrong = perf_control_read(data, len, &control);
    if (wrong) {
        fail(line->call, wrong);
    } else if (control.event == PERF_HELLO) {
        fail(line->call, "our own words come back: is the other side an echo server?");
    } else if (control.event == PERF_READY) {
        on_ready(line, &control);
    } else if (control.event == PERF_TOTALS && line->call->is_ending) {
        line->totals = control.totals;
        line->has_totals = true;
        check_done(line);
    }
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    (void)conn;
    struct line *line = ctx;
    if (channel == 0)
        on_control(line, data, len);
    else if (!perf_flow_message(&line->flow, channel, data, len))
        fail(line->call, "the server sent what was not asked for");
    else if (line->has_totals)
        check_done(line);
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    (void)conn;
    struct line *line = ctx;
    perf_flow_writable(&line->flow);
}

static void on_connected(struct line *line)
{
    struct call *call = line->call;
    struct perf_control hello = {.event = PERF_HELLO, .plan = call->options->plan};
    struct sockaddr_storage addr;
    int len = sizeof addr;
    if (call->options->plan.size > belay_conn_get_message_size_max(line->conn)) {
        char text[160];
        snprintf(text, sizeof text,
                 "--size %zu: too large: %zu bytes is the most that both sides take",
                 call->options->plan.size, belay_conn_get_message_size_max(line->conn));
        fail(call, text);
        return;
    }
    if (belay_conn_get_peer(line->conn, (struct sockaddr *)&addr, &len) == 0)
        address_format((struct sockaddr *)&addr, (socklen_t)len, call->peer);
    memcpy(hello.boot, call->boot, sizeof hello.boot);
    line->hello_ns = hello.clock_ns = belay_now_ns();
    perf_flow_say(&line->flow, &hello);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    (void)conn;
    struct line *line = ctx;
    struct call *call = line->call;
    if (what & BELAY_EVENT_CONNECTED)
        on_connected(line);
    if ((what & BELAY_EVENT_EOF) && !line->is_done)
        fail(call, "the server closed the connection before the end");
    if (!(what & BELAY_EVENT_CLOSED))
        return;
    if (!line->is_done)
        fail_ended(line);
    else if (++call->closed == call->options->connections)
        event_base_loopbreak(call->base);
}

/* ------------------------------------------------------------------ life */

static bool dial(struct call *call, const struct belay_config *config, struct line *line)
{
    const struct perf_options *options = call->options;
    line->call = call;
    line->conn = belay_connect_hostname(call->base, config, 0, NULL, options->family,
                                        options->address.host, (int)options->address.port);
    if (line->conn == NULL) {
        fprintf(stderr, "%s: %s: %s\n", PERF_NAME, options->target, strerror(errno));
        return false;
    }
    if (options->security.key_log)
        belay_endpoint_set_keylog_cb(belay_conn_get_endpoint(line->conn), keylog_line,
                                     &call->keylog);
    if (!perf_flow_init(&line->flow, call->base, line->conn, &options->plan, true))
        return false;
    belay_conn_setcb(line->conn, on_message, on_write, on_event, line);
    return true;
}

static bool dial_all(struct call *call)
{
    struct belay_config config;
    const struct security_options *security = &call->options->security;
    perf_configure(call->options, &config);
    bool is_right =
        security_load(PERF_NAME, security, &config.core) &&
        (!security->key_log || keylog_open(&call->keylog, PERF_NAME, security->key_log));
    for (unsigned i = 0; is_right && i < call->options->connections; i++)
        is_right = dial(call, &config, &call->lines[i]);
    OPENSSL_cleanse(&config, sizeof config);
    return is_right;
}

static bool prepare(struct call *call)
{
    call->lines = calloc(call->options->connections, sizeof *call->lines);
    call->payload = calloc(1, call->options->plan.size);
    call->tick = evtimer_new(call->base, on_tick, call);
    call->interrupt = evsignal_new(call->base, SIGINT, on_signal, call);
    call->terminate = evsignal_new(call->base, SIGTERM, on_signal, call);
    if (call->lines && call->payload && call->tick && call->interrupt && call->terminate &&
        evsignal_add(call->interrupt, NULL) == 0 && evsignal_add(call->terminate, NULL) == 0)
        return true;
    fprintf(stderr, "%s: out of memory\n", PERF_NAME);
    return false;
}

static void dispose(struct call *call)
{
    struct event *events[] = {call->tick, call->interrupt, call->terminate};
    for (unsigned i = 0; call->lines && i < call->options->connections; i++) {
        perf_flow_dispose(&call->lines[i].flow);
        if (call->lines[i].conn)
            belay_conn_free(call->lines[i].conn);
    }
    for (unsigned i = 0; i < 3; i++)
        if (events[i])
            event_free(events[i]);
    event_base_loop(call->base, EVLOOP_NONBLOCK); /* tells the servers */
    event_base_free(call->base);
    keylog_close(&call->keylog);
    free(call->lines);
    free(call->payload);
}

int perf_call(const struct perf_options *options)
{
    struct call call = {.options = options, .base = perf_base_new(), .keylog = {.fd = -1}};
    if (call.base == NULL)
        return EXIT_FAILURE;
    perf_boot(call.boot);
    bool is_right = prepare(&call) && dial_all(&call);
    if (is_right)
        event_base_dispatch(call.base);
    is_right = is_right && !call.has_failed && call.done == options->connections;
    if (is_right)
        perf_print_result(options, &call.result);
    dispose(&call);
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
