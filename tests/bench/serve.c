/* The server's half of each mode: counts, checks order, answers. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 65536

static struct {
    const struct bench_options *options;
    struct bench_side *side;
    struct bench_window window;
    uint64_t due, expected; /* the number that comes next; of latency: how many there are */
    /* Replies that did not fit: how many messages wait to be echoed. */
    char *waiting;
    size_t waiting_count;
} serve;

static void echo(const void *data, size_t len)
{
    if (serve.waiting_count == 0 && bench_peer.send(data, len))
        return;
    if (serve.waiting_count == WAITING_MAX || len != serve.options->size)
        abort();
    memcpy(serve.waiting + serve.waiting_count++ * len, data, len);
}

static void echo_waiting(void)
{
    size_t size = serve.options->size, sent = 0;

    while (sent < serve.waiting_count && bench_peer.send(serve.waiting + sent * size, size))
        sent++;
    memmove(serve.waiting, serve.waiting + sent * size, (serve.waiting_count - sent) * size);
    serve.waiting_count -= sent;
}

static void take(const void *data, size_t len)
{
    struct bench_side *side = serve.side;
    uint64_t head[2];

    memcpy(head, data, sizeof(head));
    if (side->messages == 0)
        bench_window_start(&serve.window, serve.options, bench_now_ns());
    /* An unreliable peer may lose messages; to swap or double them is still an error. */
    side->disordered += len != serve.options->size ||
                        (bench_peer.is_unreliable ? head[0] < serve.due : head[0] != serve.due);
    serve.due = head[0] + 1;
    side->messages++;
    side->bytes += len;
    if (serve.options->mode == BENCH_ECHO)
        echo(data, len);
    else if (serve.options->mode == BENCH_LATENCY)
        bench_sample(side, bench_now_ns() - head[1]);
}

void bench_serve_message(const void *data, size_t len)
{
    if (serve.side != NULL && len >= BENCH_SIZE_MIN)
        take(data, len);
}

static bool is_done(void)
{
    if (serve.options->mode == BENCH_LATENCY)
        return serve.side->messages == serve.expected;
    return false;
}

/* A client that waits for the last message learns that it came. */
static void say_done(void)
{
    uint64_t head[2] = {serve.expected, 0};

    while (!bench_peer.send(head, sizeof(head)) && bench_peer.poll(BENCH_POLL_US))
        ;
    bench_peer.flush();
    while (bench_peer.poll(BENCH_POLL_US) && !bench_is_told())
        bench_peer.flush();
}

void bench_serve(const struct bench_options *options, struct bench_side *side)
{
    serve.options = options;
    serve.side = side;
    serve.expected = (uint64_t)(options->seconds * 1e9) / options->interval_ns;
    serve.waiting = malloc(WAITING_MAX * options->size);
    if (serve.waiting == NULL)
        abort();
    while (!is_done() && !bench_is_told() && bench_peer.poll(BENCH_POLL_US)) {
        if (serve.waiting_count > 0)
            echo_waiting();
        bench_peer.flush();
        if (side->messages > 0)
            bench_window_look(&serve.window, side, bench_now_ns());
    }
    if (options->mode == BENCH_LATENCY) {
        side->missing = serve.expected - side->messages;
        bench_samples_sum(side);
    }
    if (is_done())
        say_done();
    side->has_failed |= options->mode != BENCH_LATENCY && !serve.window.has_ended;
    free(serve.waiting);
}
