/* What the client of belay-perf says: as text, or with --json one object a line. */
#include "perf.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

/* Takes object. */
static void print_json(json_t *object)
{
    if (object)
        json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    putchar('\n');
    fflush(stdout);
}

static double mbit_s(uint64_t bytes, double seconds)
{
    return seconds > 0 ? (double)bytes * 8e-6 / seconds : 0;
}

void perf_print_start(const struct perf_options *options, const char *peer, const char *cipher)
{
    const struct perf_plan *plan = &options->plan;
    const char *warning = security_warning(&options->security);
    if (options->json) {
        print_json(json_pack("{s:s, s:s, s:s, s:b, s:s, s:b, s:I, s:i, s:i, s:I}", "event",
                             "start", "peer", peer, "cipher", cipher, "authenticated",
                             (int)security_knows_server(&options->security), "mode",
                             perf_mode_name(plan->mode), "reverse", (int)plan->reverse, "size",
                             (json_int_t)plan->size, "streams", (int)plan->streams,
                             "connections", (int)options->connections, "seconds",
                             (json_int_t)plan->seconds));
        return;
    }
    if (warning && !options->quiet)
        fprintf(stderr, "%s: %s\n", PERF_NAME, warning);
    printf("%s%s %s, cipher %s: messages of %zu bytes, %u connection%s, %u stream%s, %" PRIu64
           " s\n%12s %14s %12s %9s %10s %10s\n",
           perf_mode_name(plan->mode), plan->reverse ? " from" : " to", peer, cipher,
           plan->size, options->connections, options->connections == 1 ? "" : "s",
           plan->streams, plan->streams == 1 ? "" : "s", plan->seconds, "seconds", "bytes",
           "Mbit/s", "resent", "rtt ms", "cwnd KiB");
    fflush(stdout);
}

static void print_interval_json(const struct perf_interval *i)
{
    json_t *object = json_pack(
        "{s:s, s:f, s:f, s:I, s:I, s:f, s:f}", "event", "interval", "from_s", i->from_s, "to_s",
        i->to_s, "bytes", (json_int_t)i->bytes, "messages", (json_int_t)i->messages,
        "mbit_per_s", mbit_s(i->bytes, i->to_s - i->from_s), "rtt_ms", (double)i->rtt_ns / 1e6);
    json_object_set_new(object, "retransmitted",
                        i->is_sender ? json_integer((json_int_t)i->retransmitted)
                                     : json_null());
    json_object_set_new(object, "window_bytes",
                        i->is_sender ? json_integer((json_int_t)i->window_bytes) : json_null());
    print_json(object);
}

void perf_print_interval(const struct perf_options *options, const struct perf_interval *i)
{
    char resent[24] = "-", window[24] = "-";
    if (options->json) {
        print_interval_json(i);
        return;
    }
    if (i->is_sender) {
        snprintf(resent, sizeof resent, "%" PRIu64, i->retransmitted);
        snprintf(window, sizeof window, "%" PRIu64, i->window_bytes / 1024);
    }
    printf("%5.1f-%-6.1f %14" PRIu64 " %12.2f %9s %10.3f %10s\n", i->from_s, i->to_s, i->bytes,
           mbit_s(i->bytes, i->to_s - i->from_s), resent, (double)i->rtt_ns / 1e6, window);
    fflush(stdout);
}

static double percent(double cpu_s, double seconds)
{
    return seconds > 0 ? 100 * cpu_s / seconds : 0;
}

static void print_result_json(const struct perf_options *options, const struct perf_result *r)
{
    static const char *const names[] = {"min", "p50", "p99", "p999", "max"};
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "event",
        "totals", "mode", perf_mode_name(options->plan.mode), "messages",
        (json_int_t)r->receiver.messages, "bytes", (json_int_t)r->receiver.bytes, "seconds",
        r->receiver.seconds, "mbit_per_s", mbit_s(r->receiver.bytes, r->receiver.seconds),
        "packets_sent", (json_int_t)r->sender.packets_sent, "retransmitted",
        (json_int_t)r->sender.retransmitted, "rtt_ms", (double)r->sender.rtt_ns / 1e6,
        "rtt_min_ms", (double)r->sender.rtt_min_ns / 1e6, "client_cpu_s", r->client_cpu_s,
        "server_cpu_s", r->server_cpu_s, "client_cpu_percent",
        percent(r->client_cpu_s, r->client_s), "server_cpu_percent",
        percent(r->server_cpu_s, r->server_s));
    json_t *latency = r->receiver.latency_count > 0 ? json_object() : json_null();
    for (int i = 0; i < 5 && json_is_object(latency); i++)
        json_object_set_new(latency, names[i],
                            json_real((double)r->receiver.latency_ns[i] / 1e6));
    json_object_set_new(object, "latency_ms", latency);
    json_object_set_new(object, "clock_error_ms",
                        options->plan.mode == PERF_RATE
                            ? json_real((double)r->clock_error_ns / 1e6)
                            : json_null());
    print_json(object);
}

static void print_latency(const struct perf_options *options, const struct perf_result *r)
{
    const uint64_t *ns = r->receiver.latency_ns;
    if (r->receiver.latency_count == 0)
        return;
    printf("%s min/p50/p99/p99.9/max = %.3f/%.3f/%.3f/%.3f/%.3f ms",
           options->plan.mode == PERF_RR ? "response time" : "one-way latency",
           (double)ns[0] / 1e6, (double)ns[1] / 1e6, (double)ns[2] / 1e6, (double)ns[3] / 1e6,
           (double)ns[4] / 1e6);
    if (options->plan.mode == PERF_RATE && !r->has_same_clock)
        printf(", clocks compared to within %.3f ms", (double)r->clock_error_ns / 1e6);
    putchar('\n');
}

void perf_print_result(const struct perf_options *options, const struct perf_result *r)
{
    if (options->json) {
        print_result_json(options, r);
        return;
    }
    printf("--- %" PRIu64 " messages, %" PRIu64 " bytes arrived in %.3f s: %.2f Mbit/s, %.0f "
           "messages/s ---\n",
           r->receiver.messages, r->receiver.bytes, r->receiver.seconds,
           mbit_s(r->receiver.bytes, r->receiver.seconds),
           r->receiver.seconds > 0 ? (double)r->receiver.messages / r->receiver.seconds : 0);
    printf("%" PRIu64 " of %" PRIu64
           " packets carried something again, rtt %.3f ms, at least %.3f ms\n",
           r->sender.retransmitted, r->sender.packets_sent, (double)r->sender.rtt_ns / 1e6,
           (double)r->sender.rtt_min_ns / 1e6);
    print_latency(options, r);
    printf("CPU of a core: client %.1f %%, server %.1f %%\n",
           percent(r->client_cpu_s, r->client_s), percent(r->server_cpu_s, r->server_s));
}
