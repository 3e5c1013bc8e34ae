/* What a side counts, and how it is printed. */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <jansson.h>

#define ETHERNET_BYTES 14

uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * BENCH_SECOND_NS + (uint64_t)t.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ------------------------------------------------------------------ the window */

void bench_window_start(struct bench_window *window, const struct bench_options *options,
                        uint64_t start_ns)
{
    *window = (struct bench_window){
        .from_ns = start_ns + (uint64_t)(options->from_s * 1e9),
        .to_ns = start_ns + (uint64_t)(options->to_s * 1e9),
    };
}

void bench_window_look(struct bench_window *window, struct bench_side *side, uint64_t now_ns)
{
    uint64_t packets, wire_bytes;

    if (!window->has_begun && now_ns >= window->from_ns) {
        window->has_begun = true;
        window->began_ns = now_ns;
        window->cpu_s = cpu_s();
        window->messages = side->messages;
        window->bytes = side->bytes;
        bench_wire(&packets, &window->wire_bytes);
    } else if (window->has_begun && !window->has_ended && now_ns >= window->to_ns) {
        window->has_ended = true;
        side->window_s = (double)(now_ns - window->began_ns) / 1e9;
        side->window_cpu_s = cpu_s() - window->cpu_s;
        side->window_messages = side->messages - window->messages;
        side->window_bytes = side->bytes - window->bytes;
        bench_wire(&packets, &wire_bytes);
        side->window_wire_bytes = wire_bytes - window->wire_bytes;
    }
}

/* ------------------------------------------------------------------ latencies */

static uint64_t samples[BENCH_SAMPLES_MAX];

void bench_sample(struct bench_side *side, uint64_t ns)
{
    if (side->samples < BENCH_SAMPLES_MAX)
        samples[side->samples++] = ns;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double at_us(const struct bench_side *side, double share)
{
    uint64_t all = side->samples + side->missing;
    uint64_t rank = (uint64_t)(share * (double)all + 0.999999);

    rank = rank < 1 ? 1 : rank;
    return rank > side->samples ? -1 : (double)samples[rank - 1] / 1e3;
}

void bench_samples_sum(struct bench_side *side)
{
    if (side->samples + side->missing == 0)
        return;
    qsort(samples, side->samples, sizeof(samples[0]), compare);
    side->min_us = at_us(side, 0);
    side->p50_us = at_us(side, 0.5);
    side->p99_us = at_us(side, 0.99);
    side->p999_us = at_us(side, 0.999);
    side->max_us = at_us(side, 1);
}

/* ------------------------------------------------------------------ the wire */

void bench_wire(uint64_t *packets, uint64_t *bytes)
{
    FILE *file = fopen("/proc/net/dev", "re");
    char line[512], name[64];
    unsigned long long sent_bytes, sent_packets;

    *packets = *bytes = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, " %63[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %llu %llu", name,
                   &sent_bytes, &sent_packets) != 3 ||
            strcmp(name, "lo") == 0)
            continue;
        *packets += sent_packets;
        *bytes += sent_bytes - sent_packets * ETHERNET_BYTES;
    }
    if (file != NULL)
        fclose(file);
}

/* ------------------------------------------------------------------ JSON */

static json_t *number_or_null(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

static json_t *side_object(const struct bench_side *side)
{
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I}", "failed",
        (int)side->has_failed, "messages", (json_int_t)side->messages, "bytes",
        (json_int_t)side->bytes, "disordered", (json_int_t)side->disordered, "missing",
        (json_int_t)side->missing, "window_s", side->window_s, "window_messages",
        (json_int_t)side->window_messages, "window_bytes", (json_int_t)side->window_bytes,
        "window_wire_bytes", (json_int_t)side->window_wire_bytes, "window_cpu_s",
        side->window_cpu_s, "rtt_ms", side->rtt_ms, "retransmitted",
        (json_int_t)side->retransmitted, "wire_packets", (json_int_t)side->wire_packets,
        "wire_bytes", (json_int_t)side->wire_bytes);

    if (object == NULL || side->samples + side->missing == 0)
        return object;
    json_object_set_new(object, "samples", json_integer((json_int_t)side->samples));
    json_object_set_new(object, "min_us", number_or_null(side->min_us));
    json_object_set_new(object, "p50_us", number_or_null(side->p50_us));
    json_object_set_new(object, "p99_us", number_or_null(side->p99_us));
    json_object_set_new(object, "p999_us", number_or_null(side->p999_us));
    json_object_set_new(object, "max_us", number_or_null(side->max_us));
    return object;
}

int bench_print(const struct bench_options *options, const struct bench_side *server,
                const struct bench_side *client)
{
    static const char *const modes[] = {"bulk", "echo", "latency"};
    json_t *with = json_array(), *object;
    int error;

    for (const char *const *word = options->setup.words; *word != NULL; word++)
        json_array_append_new(with, json_string(*word));
    object = json_pack("{s:s, s:o, s:s, s:I, s:f}", "peer", bench_peer.name, "with", with,
                       "mode", modes[options->mode], "size", (json_int_t)options->size,
                       "seconds", options->seconds);
    if (server != NULL)
        json_object_set_new(object, "server", side_object(server));
    if (client != NULL)
        json_object_set_new(object, "client", side_object(client));
    error = object == NULL ? -1 : json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    putchar('\n');
    return fflush(stdout) == 0 ? error : -1;
}
