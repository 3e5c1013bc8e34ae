/*
 * bulk_sim.c - bulk goodput in virtual time: two cores (or several pairs) and netsim's links.
 *
 *     bench_bulk_sim                          the table: each controller, five kinds of path
 *     bench_bulk_sim --cc bbr,cubic --flows 2 ...    one bottleneck shared: a row for each flow
 *
 * Deterministic: the same options and the same seed print the same figures on every machine.
 * `share` is payload bits delivered of the bottleneck's rate, in percent; `sent` is IP bytes
 * sent for each byte delivered; `spurious` counts packets declared lost that came after all,
 * after the first second; `queue` is the wait in the bottleneck, of all flows.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bulk.h"

struct options {
    const char *cc, *link, *way, *rtt;
    double rate_mbit, queue_bdp, seconds, from, stagger;
    uint64_t flows, seed, datagram, message, late_us, trace_ms;
    bool encrypted;
};

struct column {
    const char *name, *way;
};

static const struct column columns[] = {
    {"no loss", ""},
    {"loss 0.1 %", "loss 0.1% limit 1000000"},
    {"loss 1 %", "loss 1% limit 1000000"},
    {"loss 5 %", "loss 5% limit 1000000"},
    {"25 % 10 ms late", "delay 10ms reorder 75% limit 1000000"},
    {"25 % 10 ms early", "delay 10ms reorder 25% limit 1000000"},
};

static void usage(void)
{
    puts("Usage: bench_bulk_sim [OPTION...]\n"
         "  --cc LIST        controllers, one flow each in turn [newreno,cubic,bbr]\n"
         "  --way WORDS      more stages both ways, instead of the table's columns\n"
         "  --link WORDS     the bottleneck, instead of --rate and --queue\n"
         "  --rate MBIT      [100]\n"
         "  --queue BDP      of the first flow's round trip [1]\n"
         "  --rtt LIST       round trips in ms, one flow each in turn [50]\n"
         "  --flows N        that share the bottleneck [one for each controller by itself]\n"
         "  --stagger S      seconds between the starts of flows [0]\n"
         "  --seconds S      [30]; measured from --from S [5] to 5 s before the end\n"
         "  --datagram N     UDP payload bytes [1472]    --message N  bytes [16384]\n"
         "  --late US        timers are up to so late [0]\n"
         "  --seed N [1]     --encrypted    --trace MS   print the flows' state so often");
}

static _Noreturn void fail(const char *name, const char *text, const char *right)
{
    fprintf(stderr, "bench_bulk_sim: --%s '%s': not %s\n", name, text, right);
    exit(2);
}

static double number(const char *name, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0 && value <= most))
        fail(name, text, "a number from 0 to a sensible one");
    return value;
}

static void set_option(struct options *o, const char *name, const char *text)
{
    struct {
        const char *name;
        const char **text;
        double *real;
        uint64_t *whole;
    } const rows[] = {
        {"cc", &o->cc, NULL, NULL},           {"way", &o->way, NULL, NULL},
        {"link", &o->link, NULL, NULL},       {"rtt", &o->rtt, NULL, NULL},
        {"rate", NULL, &o->rate_mbit, NULL},  {"queue", NULL, &o->queue_bdp, NULL},
        {"seconds", NULL, &o->seconds, NULL}, {"from", NULL, &o->from, NULL},
        {"stagger", NULL, &o->stagger, NULL}, {"flows", NULL, NULL, &o->flows},
        {"seed", NULL, NULL, &o->seed},       {"datagram", NULL, NULL, &o->datagram},
        {"message", NULL, NULL, &o->message}, {"late", NULL, NULL, &o->late_us},
        {"trace", NULL, NULL, &o->trace_ms},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].text != NULL)
            *rows[i].text = text;
        else if (rows[i].real != NULL)
            *rows[i].real = number(name, text, 1e6);
        else
            *rows[i].whole = (uint64_t)number(name, text, 1e15);
    }
}

static struct options parse(int argc, char **argv)
{
    static const struct option longs[] = {
        {"cc", 1, NULL, 0},        {"way", 1, NULL, 0},  {"link", 1, NULL, 0},
        {"rtt", 1, NULL, 0},       {"rate", 1, NULL, 0}, {"queue", 1, NULL, 0},
        {"seconds", 1, NULL, 0},   {"from", 1, NULL, 0}, {"stagger", 1, NULL, 0},
        {"flows", 1, NULL, 0},     {"seed", 1, NULL, 0}, {"datagram", 1, NULL, 0},
        {"message", 1, NULL, 0},   {"late", 1, NULL, 0}, {"trace", 1, NULL, 0},
        {"encrypted", 0, NULL, 1}, {"help", 0, NULL, 2}, {NULL, 0, NULL, 0},
    };
    struct options o = {.cc = "newreno,cubic,bbr",
                        .rtt = "50",
                        .rate_mbit = 100,
                        .queue_bdp = 1,
                        .seconds = 30,
                        .from = 5,
                        .seed = 1,
                        .datagram = 1472,
                        .message = 16384};
    int key, index;
    while ((key = getopt_long(argc, argv, "", longs, &index)) >= 0) {
        if (key == 2) {
            usage();
            exit(0);
        }
        if (key == '?')
            exit(2);
        if (key == 1)
            o.encrypted = true;
        else
            set_option(&o, longs[index].name, optarg);
    }
    if (optind < argc) {
        fprintf(stderr, "bench_bulk_sim: '%s': only options are known; see --help\n",
                argv[optind]);
        exit(2);
    }
    if (o.flows > BULK_FLOWS_MAX || o.seconds < o.from + 5.5 || o.rate_mbit <= 0) {
        fprintf(stderr, "bench_bulk_sim: at most %d flows, a rate, and 5.5 s after --from\n",
                BULK_FLOWS_MAX);
        exit(2);
    }
    return o;
}

/* The i-th of a list by commas, from its start again after its end. */
static const char *nth(const char *list, size_t i, char *out, size_t size)
{
    size_t count = 1;
    for (const char *c = list; *c; c++)
        count += *c == ',';
    for (i %= count; i > 0; i--)
        list = strchr(list, ',') + 1;
    snprintf(out, size, "%.*s", (int)strcspn(list, ","), list);
    return out;
}

static size_t list_count(const char *list)
{
    size_t count = 1;
    for (; *list; list++)
        count += *list == ',';
    return count;
}

static void trace(struct bulk *bulk, void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < bulk->config.flow_count; i++) {
        struct bulk_flow *flow = &bulk->flows[i];
        struct belay_stats s = bulk_stats(flow);
        printf("%9.3f flow %zu window %8llu in flight %8llu srtt %6.2f min %6.2f sent %7llu "
               "lost %6llu spurious %5llu delivered %.2f MB dropped %llu threshold %u\n",
               (double)bulk->now_ns / 1e9, i, (unsigned long long)s.window_bytes,
               (unsigned long long)s.in_flight_bytes, (double)s.rtt_smoothed_ns / 1e6,
               (double)s.rtt_min_ns / 1e6, (unsigned long long)s.packets_sent,
               (unsigned long long)s.packets_lost, (unsigned long long)s.packets_spurious,
               (double)flow->total.payload_bytes / 1e6, (unsigned long long)flow->total.dropped,
               s.packet_threshold);
    }
}

struct text {
    char congestion[BULK_FLOWS_MAX][32];
    char bottleneck[256];
};

static struct bulk *run(const struct options *o, const char *cc, size_t flows, const char *way,
                        struct text *text)
{
    struct bulk_config config = {
        .bottleneck = o->link,
        .way = way,
        .seed = o->seed,
        .datagram_bytes = (uint32_t)o->datagram,
        .message_bytes = o->message,
        .from_ns = (uint64_t)(o->from * 1e9),
        .to_ns = (uint64_t)((o->seconds - 5) * 1e9),
        .timer_late_ns = o->late_us * 1000,
        .encrypted = o->encrypted,
        .flow_count = flows,
    };
    char word[32];
    for (size_t i = 0; i < flows; i++) {
        config.flows[i].congestion =
            nth(cc, i, text->congestion[i], sizeof(text->congestion[i]));
        config.flows[i].rtt_ns =
            (uint64_t)(number("rtt", nth(o->rtt, i, word, sizeof(word)), 1e5) * 1e6);
        config.flows[i].start_ns = (uint64_t)(1 + o->stagger * (double)i * 1e9);
    }
    if (o->link == NULL) {
        double bdp = o->rate_mbit * 1e6 / 8 * (double)config.flows[0].rtt_ns / 1e9;
        double packets = o->queue_bdp * bdp / (double)(o->datagram + BULK_HEADER);
        snprintf(text->bottleneck, sizeof(text->bottleneck), "rate %.0fbit limit %.0f",
                 o->rate_mbit * 1e6, packets < 2 ? 2 : packets);
        config.bottleneck = text->bottleneck;
    }
    struct bulk *bulk = bulk_new(&config);
    if (o->trace_ms > 0) {
        bulk->on_interval = trace;
        bulk->interval_ns = o->trace_ms * 1000000;
    }
    bulk_run(bulk, (uint64_t)(o->seconds * 1e9));
    return bulk;
}

static void print_flow(const struct options *o, struct bulk *bulk, size_t i, const char *name,
                       const char *column)
{
    const struct bulk_counts *w = &bulk->flows[i].window, *first = &bulk->flows[i].first_second;
    printf("| %-8s | %-16s | %6.2f | %5.3f | %6.2f | %7.2f | %6.2f | %6.2f | %6.2f | %5.2f |\n",
           name, column, bulk_goodput(bulk, i) / o->rate_mbit / 1e4,
           w->payload_bytes > 0 ? (double)w->sent_bytes / (double)w->payload_bytes : 0,
           bulk_spurious_percent(bulk, i),
           first->sent_packets > 0 ? 100 * (double)first->dropped / (double)first->sent_packets
                                   : 0,
           w->sent_packets > 0 ? 100 * (double)w->dropped / (double)w->sent_packets : 0,
           bulk_delay_mean_ms(bulk), bulk_delay_percentile_ms(bulk, 95),
           w->acks > 0 ? (double)w->passed / (double)w->acks : 0);
}

static void print_head(void)
{
    puts("| cc       | path             |  share |  sent | spur.% | start d% | drop % | queue "
         " |    p95 | p/ack |\n"
         "|----------|------------------|-------:|------:|-------:|--------:|-------:|-------:"
         "|-------:|------:|");
}

/* Jain's index of the flows' shares. */
static void print_fairness(const struct options *o, struct bulk *bulk)
{
    double sum = 0, squares = 0;
    size_t n = bulk->config.flow_count;
    for (size_t i = 0; i < n; i++) {
        double share = bulk_goodput(bulk, i) / o->rate_mbit / 1e4;
        sum += share;
        squares += share * share;
    }
    printf("sum %.2f %%, Jain's index %.3f, of it in percent:", sum,
           squares > 0 ? sum * sum / ((double)n * squares) : 0);
    for (size_t i = 0; i < n; i++)
        printf(" %.1f", 100 * bulk_goodput(bulk, i) / o->rate_mbit / 1e4 / sum);
    putchar('\n');
}

static void run_shared(const struct options *o)
{
    static struct text text;
    struct bulk *bulk = run(o, o->cc, o->flows, o->way != NULL ? o->way : "", &text);
    print_head();
    for (size_t i = 0; i < o->flows; i++)
        print_flow(o, bulk, i, text.congestion[i], "shared");
    print_fairness(o, bulk);
    bulk_free(bulk);
}

static void run_one(const struct options *o, const char *cc, const struct column *column)
{
    static struct text text;
    struct bulk *bulk = run(o, cc, 1, column->way, &text);
    print_flow(o, bulk, 0, cc, column->name);
    fflush(stdout);
    bulk_free(bulk);
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    char cc[32];
    if (o.flows > 0) {
        run_shared(&o);
        return 0;
    }
    print_head();
    for (size_t i = 0; i < list_count(o.cc); i++) {
        const struct column own = {"--way", o.way};
        nth(o.cc, i, cc, sizeof(cc));
        if (o.way != NULL)
            run_one(&o, cc, &own);
        for (size_t j = 0; o.way == NULL && j < sizeof(columns) / sizeof(columns[0]); j++)
            run_one(&o, cc, &columns[j]);
    }
    return 0;
}
