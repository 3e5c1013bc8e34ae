/* Control messages <-> JSON. */
#include "perf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#define BOOT_PATH "/proc/sys/kernel/random/boot_id"

static const char *const events[] = {"hello", "ready", "go", "end", "totals"};

const char *perf_mode_name(enum perf_mode mode)
{
    static const char *const names[] = {"bulk", "rr", "rate"};
    return names[mode];
}

void perf_boot(char out[PERF_BOOT_MAX])
{
    FILE *file = fopen(BOOT_PATH, "re");
    out[0] = '\0';
    if (file && fgets(out, PERF_BOOT_MAX, file) == NULL)
        out[0] = '\0';
    if (file)
        fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

/* ------------------------------------------------------------------ out */

static json_t *hello_object(const struct perf_control *control)
{
    const struct perf_plan *plan = &control->plan;
    return json_pack("{s:s, s:i, s:s, s:b, s:I, s:i, s:I, s:I, s:s, s:I}", "event", "hello",
                     "version", PERF_VERSION, "mode", perf_mode_name(plan->mode), "reverse",
                     (int)plan->reverse, "size", (json_int_t)plan->size, "streams",
                     (int)plan->streams, "interval_ns", (json_int_t)plan->interval_ns,
                     "seconds", (json_int_t)plan->seconds, "boot", control->boot, "clock_ns",
                     (json_int_t)control->clock_ns);
}

static json_t *totals_object(const struct perf_totals *totals)
{
    json_t *latency = json_array();
    for (int i = 0; i < 5; i++)
        json_array_append_new(latency, json_integer((json_int_t)totals->latency_ns[i]));
    return json_pack("{s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:o}", "event",
                     "totals", "messages", (json_int_t)totals->messages, "bytes",
                     (json_int_t)totals->bytes, "seconds", totals->seconds, "cpu_s",
                     totals->cpu_s, "packets_sent", (json_int_t)totals->packets_sent,
                     "retransmitted", (json_int_t)totals->retransmitted, "rtt_ns",
                     (json_int_t)totals->rtt_ns, "rtt_min_ns", (json_int_t)totals->rtt_min_ns,
                     "latency_count", (json_int_t)totals->latency_count, "latency_ns", latency);
}

static json_t *control_object(const struct perf_control *control)
{
    switch (control->event) {
    case PERF_HELLO:
        return hello_object(control);
    case PERF_READY:
        return json_pack("{s:s, s:s, s:I}", "event", "ready", "boot", control->boot, "clock_ns",
                         (json_int_t)control->clock_ns);
    case PERF_GO:
        return json_pack("{s:s, s:I}", "event", "go", "offset_ns",
                         (json_int_t)control->offset_ns);
    case PERF_END:
        return json_pack("{s:s, s:I}", "event", "end", "messages",
                         (json_int_t)control->messages);
    case PERF_TOTALS:
        return totals_object(&control->totals);
    }
    return NULL;
}

size_t perf_control_write(const struct perf_control *control, char out[PERF_CONTROL_MAX])
{
    json_t *object = control_object(control);
    size_t len = object ? json_dumpb(object, out, PERF_CONTROL_MAX, JSON_COMPACT) : 0;
    json_decref(object);
    return len <= PERF_CONTROL_MAX ? len : 0;
}

/* ------------------------------------------------------------------ in */

/* A whole number that is no less than 0; false: it is none. */
static bool get_number(json_t *object, const char *name, uint64_t max, uint64_t *value)
{
    json_t *member = json_object_get(object, name);
    json_int_t number = json_integer_value(member);
    *value = (uint64_t)number;
    return json_is_integer(member) && number >= 0 && (uint64_t)number <= max;
}

static bool read_mode(const char *name, enum perf_mode *mode)
{
    for (int i = PERF_BULK; i <= PERF_RATE; i++) {
        *mode = (enum perf_mode)i;
        if (strcmp(name, perf_mode_name(*mode)) == 0)
            return true;
    }
    return false;
}

static void read_boot(json_t *object, struct perf_control *control)
{
    const char *boot = json_string_value(json_object_get(object, "boot"));
    snprintf(control->boot, sizeof control->boot, "%s", boot ? boot : "");
}

static const char *read_hello(json_t *object, struct perf_control *control)
{
    struct perf_plan *plan = &control->plan;
    const char *mode = json_string_value(json_object_get(object, "mode"));
    uint64_t version, size, streams;
    if (!get_number(object, "version", PERF_VERSION, &version) || version != PERF_VERSION)
        return "another version of belay-perf: use the same on both sides";
    if (mode == NULL || !read_mode(mode, &plan->mode) ||
        !get_number(object, "size", UINT64_C(1) << 30, &size) ||
        !get_number(object, "streams", PERF_STREAMS_MAX, &streams) ||
        !get_number(object, "interval_ns", INT64_MAX, &plan->interval_ns) ||
        !get_number(object, "seconds", PERF_TIME_MAX_S, &plan->seconds) ||
        !get_number(object, "clock_ns", INT64_MAX, &control->clock_ns))
        return "a hello without a plan";
    plan->size = (size_t)size;
    plan->streams = (unsigned)streams;
    plan->reverse = json_is_true(json_object_get(object, "reverse"));
    read_boot(object, control);
    bool is_rate = plan->mode == PERF_RATE;
    if (size < (is_rate ? PERF_RATE_SIZE : 1) || streams < 1 ||
        (is_rate && plan->interval_ns == 0) || (plan->mode == PERF_RR && plan->reverse))
        return "a plan that can't be carried out";
    return NULL;
}

static const char *read_totals(json_t *object, struct perf_totals *totals)
{
    json_t *latency = json_object_get(object, "latency_ns");
    bool is_right = get_number(object, "messages", INT64_MAX, &totals->messages) &&
                    get_number(object, "bytes", INT64_MAX, &totals->bytes) &&
                    get_number(object, "packets_sent", INT64_MAX, &totals->packets_sent) &&
                    get_number(object, "retransmitted", INT64_MAX, &totals->retransmitted) &&
                    get_number(object, "rtt_ns", INT64_MAX, &totals->rtt_ns) &&
                    get_number(object, "rtt_min_ns", INT64_MAX, &totals->rtt_min_ns) &&
                    get_number(object, "latency_count", INT64_MAX, &totals->latency_count) &&
                    json_array_size(latency) == 5;
    for (size_t i = 0; is_right && i < 5; i++)
        totals->latency_ns[i] = (uint64_t)json_integer_value(json_array_get(latency, i));
    totals->seconds = json_number_value(json_object_get(object, "seconds"));
    totals->cpu_s = json_number_value(json_object_get(object, "cpu_s"));
    return is_right ? NULL : "totals with members missing";
}

static const char *read_object(json_t *object, struct perf_control *control)
{
    bool is_right = true;
    switch (control->event) {
    case PERF_HELLO:
        return read_hello(object, control);
    case PERF_READY:
        read_boot(object, control);
        is_right = get_number(object, "clock_ns", INT64_MAX, &control->clock_ns);
        break;
    case PERF_GO:
        control->offset_ns = json_integer_value(json_object_get(object, "offset_ns"));
        break;
    case PERF_END:
        is_right = get_number(object, "messages", INT64_MAX, &control->messages);
        break;
    case PERF_TOTALS:
        return read_totals(object, &control->totals);
    }
    return is_right ? NULL : "a control message with members missing";
}

const char *perf_control_read(const void *data, size_t len, struct perf_control *control)
{
    *control = (struct perf_control){.event = PERF_HELLO};
    json_t *object = len <= PERF_CONTROL_MAX ? json_loadb(data, len, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(object, "event"));
    const char *wrong = "no control message: is the other side belay-perf?";
    for (int i = PERF_HELLO; event && i <= PERF_TOTALS; i++) {
        if (strcmp(event, events[i]) != 0)
            continue;
        control->event = (enum perf_event)i;
        wrong = read_object(object, control);
    }
    json_decref(object);
    return wrong;
}
