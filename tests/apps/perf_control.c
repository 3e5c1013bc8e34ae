/* belay-perf's control messages: what is written is read, and what is wrong is refused. */
#include "perf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct perf_control through(const struct perf_control *control)
{
    char text[PERF_CONTROL_MAX];
    struct perf_control read;
    size_t len = perf_control_write(control, text);
    assert_true(len > 0);
    assert_null(perf_control_read(text, len, &read));
    assert_int_equal(read.event, control->event);
    return read;
}

static void hello_comes_through(void **state)
{
    struct perf_control hello = {
        .event = PERF_HELLO,
        .plan = {.mode = PERF_RATE,
                 .reverse = true,
                 .size = 100,
                 .streams = 255,
                 .interval_ns = 10000000,
                 .seconds = 7},
        .boot = "0d1b",
        .clock_ns = UINT64_C(1) << 60,
    };
    (void)state;
    struct perf_control read = through(&hello);
    assert_memory_equal(&read.plan, &hello.plan, sizeof read.plan);
    assert_string_equal(read.boot, "0d1b");
    assert_int_equal(read.clock_ns, hello.clock_ns);
}

static void the_others_come_through(void **state)
{
    struct perf_control go = {.event = PERF_GO, .offset_ns = -5};
    struct perf_control end = {.event = PERF_END, .messages = 1u << 31};
    struct perf_control totals = {.event = PERF_TOTALS,
                                  .totals = {.messages = 1,
                                             .bytes = 2,
                                             .seconds = 3.5,
                                             .cpu_s = 0.25,
                                             .packets_sent = 4,
                                             .retransmitted = 5,
                                             .rtt_ns = 6,
                                             .rtt_min_ns = 7,
                                             .latency_count = 8,
                                             .latency_ns = {9, 10, 11, 12, 13}}};
    (void)state;
    assert_int_equal(through(&go).offset_ns, -5);
    assert_int_equal(through(&end).messages, end.messages);
    struct perf_totals read = through(&totals).totals;
    assert_int_equal(read.retransmitted, 5);
    assert_int_equal(read.latency_ns[4], 13);
    assert_true(read.seconds > 3.4 && read.seconds < 3.6);
}

#define HELLO(version, mode, reverse, size, streams, interval)                                 \
    "{\"event\":\"hello\",\"version\":" version ",\"mode\":\"" mode "\",\"reverse\":" reverse  \
    ",\"size\":" size ",\"streams\":" streams ",\"interval_ns\":" interval                     \
    ",\"seconds\":1,\"boot\":\"\",\"clock_ns\":1}"

static void what_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *text, *why; /* NULL: it is right */
    } rows[] = {
        {HELLO("1", "bulk", "false", "1", "1", "0"), NULL},
        {HELLO("2", "bulk", "false", "1", "1", "0"), "another version"},
        {HELLO("1", "most", "false", "1", "1", "0"), "without a plan"},
        {HELLO("1", "bulk", "false", "0", "1", "0"), "can't be carried out"},
        {HELLO("1", "bulk", "false", "-1", "1", "0"), "without a plan"},
        {HELLO("1", "bulk", "false", "2000000000", "1", "0"), "without a plan"},
        {HELLO("1", "bulk", "false", "1", "0", "0"), "can't be carried out"},
        {HELLO("1", "bulk", "false", "1", "256", "0"), "without a plan"},
        {HELLO("1", "rate", "false", "15", "1", "9"), "can't be carried out"},
        {HELLO("1", "rate", "false", "16", "1", "0"), "can't be carried out"},
        {HELLO("1", "rate", "false", "16", "1", "1"), NULL},
        {HELLO("1", "rr", "true", "16", "1", "0"), "can't be carried out"},
        {"{\"event\":\"end\"}", "members missing"},
        {"{\"event\":\"ready\"}", "members missing"},
        {"{\"event\":\"totals\"}", "members missing"},
        {"{\"event\":\"stop\"}", "is the other side belay-perf"},
        {"{}", "is the other side belay-perf"},
        {"", "is the other side belay-perf"},
        {"This is the message.", "is the other side belay-perf"},
    };
    struct perf_control control;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = perf_control_read(rows[i].text, strlen(rows[i].text), &control);
        if ((why == NULL) != (rows[i].why == NULL) || (why && !strstr(why, rows[i].why)))
            fail_msg("%s: %s", rows[i].text, why ? why : "accepted");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_comes_through),
        cmocka_unit_test(the_others_come_through),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
