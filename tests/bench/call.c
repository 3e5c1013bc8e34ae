/* The client's half of each mode: sends, and in echo measures. */
#include "bench.h"

#include <string.h>

#define RTT_LOOK_NS (BENCH_SECOND_NS / 10)

static struct {
    const struct bench_options *options;
    struct bench_side *side;
    struct bench_window window;
    uint64_t sent;
    bool is_done; /* the server has everything */
    uint64_t rtt_due_ns, rtt_sum_ns, rtt_count;
} call;

/* The next message; false: not now. */
static bool send_next(uint64_t due_ns)
{
    static char data[BENCH_SIZE_MAX];
    uint64_t head[2] = {call.sent, due_ns};

    memcpy(data, head, sizeof(head));
    if (!bench_peer.send(data, call.options->size))
        return false;
    call.sent++;
    return true;
}

/* Sends until the window is full again. */
static void fill_window(void)
{
    while (call.sent - call.side->messages < call.options->in_flight)
        if (!send_next(bench_now_ns()))
            return;
}

static void on_echo(const void *data, size_t len)
{
    struct bench_side *side = call.side;
    uint64_t head[2];

    memcpy(head, data, sizeof(head));
    side->disordered += len != call.options->size || head[0] != side->messages;
    if (call.window.has_begun && !call.window.has_ended)
        bench_sample(side, bench_now_ns() - head[1]);
    side->messages++;
    side->bytes += len;
    fill_window();
}

void bench_call_message(const void *data, size_t len)
{
    if (call.options->mode == BENCH_ECHO)
        on_echo(data, len);
    else if (len >= BENCH_SIZE_MIN)
        call.is_done = true;
}

static void look_at_rtt(uint64_t now_ns)
{
    struct bench_stats stats = {0, 0};

    if (bench_peer.stats == NULL || now_ns < call.rtt_due_ns)
        return;
    call.rtt_due_ns = now_ns + RTT_LOOK_NS;
    bench_peer.stats(&stats);
    call.side->retransmitted = stats.retransmitted;
    if (!call.window.has_begun || call.window.has_ended)
        return;
    call.rtt_sum_ns += stats.rtt_ns;
    call.rtt_count++;
    call.side->rtt_ms = (double)call.rtt_sum_ns / (double)call.rtt_count / 1e6;
}

/* ------------------------------------------------------------------ the modes */

static bool bulk_turn(uint64_t now_ns)
{
    size_t most = bench_peer.batch_bytes > 0 ? bench_peer.batch_bytes : BENCH_BATCH_BYTES;
    bool has_room = true;

    (void)now_ns;
    for (size_t bytes = 0; has_room && bytes < most; bytes += call.options->size)
        has_room = send_next(0);
    call.side->messages = call.sent;
    call.side->bytes = call.sent * call.options->size;
    bench_peer.flush();
    return bench_peer.poll(has_room ? 0 : BENCH_POLL_US);
}

static bool echo_turn(uint64_t now_ns)
{
    (void)now_ns;
    fill_window(); /* the first time, and after a full queue */
    bench_peer.flush();
    return bench_peer.poll(BENCH_POLL_US);
}

static bool latency_turn(uint64_t now_ns)
{
    uint64_t start_ns = call.window.from_ns, next_ns;

    while (call.sent < (uint64_t)(call.options->seconds * 1e9) / call.options->interval_ns) {
        next_ns = start_ns + call.sent * call.options->interval_ns;
        if (next_ns > now_ns) {
            bench_peer.flush();
            next_ns = next_ns - now_ns < BENCH_POLL_US * 1000 ? next_ns - now_ns
                                                              : BENCH_POLL_US * 1000;
            return bench_peer.poll((unsigned)(next_ns / 1000));
        }
        if (!send_next(next_ns))
            break;
    }
    call.side->messages = call.sent;
    bench_peer.flush();
    return bench_peer.poll(BENCH_POLL_US) && !call.is_done;
}

/* ------------------------------------------------------------------ a run */

static bool connect_peer(void)
{
    uint64_t until_ns = bench_now_ns() + BENCH_PATIENCE_S * BENCH_SECOND_NS;

    while (!bench_peer.ready())
        if (!bench_peer.poll(BENCH_POLL_US) || bench_now_ns() > until_ns || bench_is_told())
            return false;
    return true;
}

void bench_call(const struct bench_options *options, struct bench_side *side)
{
    static bool (*const turns[])(uint64_t) = {bulk_turn, echo_turn, latency_turn};
    uint64_t now_ns, end_ns, before[2];
    bool goes_on;

    call.options = options;
    call.side = side;
    bench_wire(&before[0], &before[1]);
    side->has_failed = !connect_peer();
    now_ns = bench_now_ns();
    end_ns = now_ns + (uint64_t)(options->seconds * 1e9);
    if (options->mode == BENCH_LATENCY)
        end_ns += (bench_peer.is_unreliable ? 1 : BENCH_PATIENCE_S) * BENCH_SECOND_NS;
    bench_window_start(&call.window, options, now_ns);
    goes_on = !side->has_failed;
    while (goes_on && now_ns < end_ns && !bench_is_told()) {
        goes_on = turns[options->mode](now_ns);
        now_ns = bench_now_ns();
        bench_window_look(&call.window, side, now_ns);
        look_at_rtt(now_ns);
    }
    side->has_failed |= !goes_on && !call.is_done;
    if (options->mode == BENCH_ECHO)
        bench_samples_sum(side);
    bench_wire(&side->wire_packets, &side->wire_bytes);
    side->wire_packets -= before[0];
    side->wire_bytes -= before[1];
}
