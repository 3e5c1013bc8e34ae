/*
 * echo.c - the echo of small messages over loopback: a server process and a client process,
 * one core each, a window of messages in flight, one flush a batch on both sides. Prints one
 * line: peer, messages a second, and the CPU time of both processes per message.
 *
 *     bench_echo_PEER COUNT SIZE IN_FLIGHT
 */
#define _GNU_SOURCE
#include "peer.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_BYTES 65536
#define QUEUE_MAX      65536

static unsigned long received, sent, count, in_flight;
static size_t size;
static bool is_wrong;
/* The server's replies that did not fit: how many messages wait to be echoed. */
static char *waiting;
static size_t waiting_count;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Sends until the window is full again. */
static void fill_window(void)
{
    static char data[SIZE_MAX_BYTES];

    while (sent < count && sent - received < in_flight) {
        memcpy(data, &sent, sizeof(sent));
        if (!bench_peer.send(data, size))
            return;
        sent++;
    }
}

static void on_reply(const void *data, size_t len)
{
    unsigned long number;

    memcpy(&number, data, sizeof(number));
    is_wrong |= len != size || number != received;
    received++;
    fill_window();
}

static void on_request(const void *data, size_t len)
{
    if (waiting_count > 0 || !bench_peer.send(data, len)) {
        if (waiting_count == QUEUE_MAX || len != size)
            abort();
        memcpy(waiting + waiting_count++ * size, data, len);
    }
}

static void echo_waiting(void)
{
    size_t sent = 0;

    while (sent < waiting_count && bench_peer.send(waiting + sent * size, size))
        sent++;
    memmove(waiting, waiting + sent * size, (waiting_count - sent) * size);
    waiting_count -= sent;
}

static int serve(int port_pipe)
{
    uint16_t port = 0;

    pin(0);
    waiting = malloc(QUEUE_MAX * size);
    if (waiting == NULL || bench_peer.start(true, &port, on_request) != 0 ||
        write(port_pipe, &port, sizeof(port)) != sizeof(port))
        return 1;
    while (!bench_peer.ended()) {
        bench_peer.wait();
        echo_waiting();
        bench_peer.flush();
    }
    bench_peer.stop();
    return 0;
}

static double run(uint16_t port)
{
    double start;

    pin(1);
    if (bench_peer.start(false, &port, on_reply) != 0)
        return -1;
    while (!bench_peer.ready() && !bench_peer.ended())
        bench_peer.wait();
    start = now_s();
    while (received < count && !bench_peer.ended()) {
        fill_window(); /* the first time, and after a full queue */
        bench_peer.flush();
        bench_peer.wait();
    }
    start = now_s() - start;
    bench_peer.stop();
    return received == count ? start : -1;
}

static double cpu_s(int who)
{
    struct rusage u;

    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    int port_pipe[2];
    double elapsed;
    pid_t server;

    count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    in_flight = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    if (argc != 4 || count == 0 || in_flight == 0 || size < 8 || size > SIZE_MAX_BYTES) {
        fprintf(stderr, "usage: %s COUNT SIZE IN_FLIGHT (SIZE 8 to %d)\n", argv[0],
                SIZE_MAX_BYTES);
        return 2;
    }
    if (pipe(port_pipe) != 0 || (server = fork()) < 0)
        return 1;
    if (server == 0)
        _exit(serve(port_pipe[1]));
    if (read(port_pipe[0], &port, sizeof(port)) != sizeof(port))
        return 1;
    elapsed = run(port);
    waitpid(server, NULL, 0);
    if (elapsed < 0 || is_wrong) {
        fprintf(stderr, "%s: %s\n", bench_peer.name,
                is_wrong ? "wrong or disordered replies" : "the connection ended early");
        return 1;
    }
    printf("%s %.0f %.0f\n", bench_peer.name, (double)count / elapsed,
           (cpu_s(RUSAGE_SELF) + cpu_s(RUSAGE_CHILDREN)) / (double)count * 1e9);
    return 0;
}
