/*
 * record.c - what the kernel's netem does with packets, as JSON, one object a line.
 *
 *     record LINES... >RESULT        as root, where tc and the module sch_netem are
 *
 * A veth pair, netem on its one end for each line anew, so that its seed begins anew. Packets
 * leave at their times whatever becomes of them; then the queue drains. For each packet the
 * time at which it came to netem, for each delivery its number, time and flipped bit.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "netsim/conformance/frame.h"
#include "netsim/conformance/lines.h"
#include "netsim/conformance/qdisc.h"
#include "netsim/conformance/wire.h"

#define FROM      "nsrec0"
#define TO        "nsrec1"
#define COUNT_MAX 10000
#define QUIET_MS  50 /* between two looks at a queue that drains */

static void die(const char *what)
{
    fprintf(stderr, "record: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Nothing but our packets may draw: no IPv6, no addresses, so no neighbours and no groups. */
static void make_pair(void)
{
    static const char *const commands[] = {
        "ip link del " FROM " 2>/dev/null; ip link add " FROM " type veth peer name " TO,
        "for i in " FROM " " TO "; do f=/proc/sys/net/ipv6/conf/$i/disable_ipv6;"
        " [ ! -e $f ] || echo 1 >$f; done",
        "ip link set " FROM " up && ip link set " TO " up",
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (system(commands[i]) != 0)
            die(commands[i]);
}

static void wait_until(const struct timespec *start, uint64_t after_ns)
{
    uint64_t ns = (uint64_t)start->tv_nsec + after_ns;
    struct timespec at = {start->tv_sec + (time_t)(ns / 1000000000), (long)(ns % 1000000000)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

static void send_one(const struct wire *wire, const struct line *line, uint32_t id)
{
    uint8_t frame[FRAME_MAX];
    uint32_t size = line_size(line, id);

    frame_build(frame, size, id, line->ect, false);
    if (!wire_send(wire, frame, size))
        die("sending");
}

static void send_all(const struct wire *wire, const struct line *line)
{
    struct timespec start;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint32_t id = 0; id < line->count; id++) {
        wait_until(&start, (uint64_t)(id + 1) * line->interval_us * 1000);
        send_one(wire, line, id);
    }
}

static void drain(const struct wire *wire)
{
    long queued;

    while ((queued = qdisc_dump(wire->send_index, NULL)) > 0) {
        struct timespec at = {0, QUIET_MS * 1000000};

        nanosleep(&at, NULL);
    }
    if (queued < 0)
        die("asking the kernel for netem");
}

static void put_sent(const struct wire *wire, const struct line *line)
{
    static uint64_t sent_ns[COUNT_MAX];
    uint64_t time_ns;
    uint32_t index, count = 0;
    long more;

    while ((more = wire_sent(wire, &index, &time_ns)) > 0)
        if (index < line->count && ++count > 0)
            sent_ns[index] = time_ns;
    if (more < 0 || count != line->count)
        die("time stamps of packets sent");
    printf(",\"sent\":[");
    for (uint32_t i = 0; i < count; i++)
        printf("%s%" PRIu64, i > 0 ? "," : "", sent_ns[i]);
    printf("]");
}

/* id, time, flipped bit or -1, marked. */
static void put_received(const struct wire *wire, const struct line *line)
{
    uint8_t frame[FRAME_MAX + 1];
    struct frame_seen seen;
    const char *comma = "";
    uint64_t time_ns;
    long len;

    printf(",\"received\":[");
    while ((len = wire_receive(wire, frame, sizeof(frame), &time_ns)) > 0) {
        if (!frame_read(frame, (size_t)len, line->ect, &seen) || seen.id >= line->count)
            die("a packet that nobody sent");
        printf("%s[%" PRIu32 ",%" PRIu64 ",%" PRId32 ",%d]", comma, seen.id, time_ns, seen.bit,
               seen.ce);
        comma = ",";
    }
    if (len < 0)
        die("receiving");
    printf("]");
}

static void open_pair(struct wire *wire)
{
    if (!wire_open(wire, FROM, TO))
        die("packet sockets");
}

static void add(const struct line *line)
{
    if (qdisc_add(FROM, line->words, 0) == 0)
        return;
    fprintf(stderr, "record: tc refuses: %s\n", line->words);
    exit(1);
}

static void put_line(const struct line *line)
{
    fprintf(stderr, "%s\n", line->words);
    printf("{\"words\":\"%s\",\"interval_us\":%" PRIu32 ",\"size\":[%" PRIu32 ",%" PRIu32
           "],\"count\":%" PRIu32 ",\"flags\":\"%s\"",
           line->words, line->interval_us, line->size_min, line->size_max, line->count,
           line->flags);
}

static void record_line(const struct line *line)
{
    struct wire wire;

    put_line(line);
    add(line);
    open_pair(&wire);
    send_all(&wire, line);
    drain(&wire);
    put_sent(&wire, line);
    put_received(&wire, line);
    printf(",\"kernel\":");
    if (qdisc_dump(wire.send_index, stdout) < 0)
        die("asking the kernel for netem");
    printf(",\"tc\":");
    if (qdisc_show(FROM, stdout) != 0)
        die("tc qdisc show");
    printf("}\n");
    wire_close(&wire);
    qdisc_delete(FROM);
}

/* One packet of each netem: what a fresh one begins with. Its delay, or -1. */
static void record_again(const struct line *line)
{
    uint8_t frame[FRAME_MAX + 1];
    uint64_t sent_ns, received_ns;
    struct wire wire;
    uint32_t index;

    put_line(line);
    printf(",\"delays\":[");
    for (uint32_t id = 0; id < line->count; id++) {
        add(line);
        open_pair(&wire);
        send_one(&wire, line, id);
        while (qdisc_dump(wire.send_index, NULL) > 0)
            (void)wire_wait(&wire, QUIET_MS);
        if (wire_sent(&wire, &index, &sent_ns) <= 0)
            die("time stamp of a packet sent");
        if (wire_receive(&wire, frame, sizeof(frame), &received_ns) <= 0)
            received_ns = sent_ns - 1;
        printf("%s%" PRId64, id > 0 ? "," : "", (int64_t)(received_ns - sent_ns));
        wire_close(&wire);
        qdisc_delete(FROM);
    }
    printf("]}\n");
}

/* What tc and the kernel make of words. */
static void record_ask(const struct line *line)
{
    int status = qdisc_add(FROM, line->words, 1);

    printf("{\"asked\":\"%s\",\"status\":%d", line->words, status);
    if (status == 0) {
        printf(",\"kernel\":");
        if (qdisc_dump(if_nametoindex(FROM), stdout) < 0)
            die("asking the kernel for netem");
        qdisc_delete(FROM);
    }
    printf("}\n");
}

static void record_file(const char *name)
{
    FILE *file = fopen(name, "r");
    struct line line;
    int more;

    if (file == NULL)
        die(name);
    while ((more = line_next(file, &line)) > 0) {
        if (line.count > COUNT_MAX)
            line.count = COUNT_MAX;
        if (line.ask)
            record_ask(&line);
        else if (line.again)
            record_again(&line);
        else
            record_line(&line);
        fflush(stdout);
    }
    fclose(file);
    if (more < 0)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: record LINES... >RESULT\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1UL); /* else timers are 50 us late */
    make_pair();
    for (int i = 1; i < argc; i++)
        record_file(argv[i]);
    return system("ip link del " FROM) == 0 ? 0 : 1;
}
