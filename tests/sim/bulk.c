#include "sim/bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/plain.h"

#define TRAIN_BYTES 65536
#define DELAY_UNIT  (BULK_S / BULK_DELAYS)

struct packet {
    struct bulk_flow *flow;
    uint64_t entered_ns; /* the bottleneck */
    size_t len;
    uint8_t bytes[];
};

static const struct belay_memory memory = {plain_resize, NULL};

static void random_fill(void *ctx, void *out, size_t len)
{
    test_random_fill(ctx, out, len);
}

static void *must_have(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "bulk: no memory\n");
        exit(1);
    }
    return p;
}

/* ------------------------------------------------------------------ building */

static struct netsim_plan *parse(const char *words)
{
    struct netsim_words_error error;
    struct netsim_plan *plan;
    if (netsim_plan_parse(&plan, words, &memory, &error) != 0) {
        fprintf(stderr, "bulk: '%s': at %zu: %s %s\n", words, error.at, error.text, error.hint);
        exit(2);
    }
    return plan;
}

static void core_open(struct bulk *bulk, struct bulk_end *end, const char *congestion,
                      uint64_t seed)
{
    const struct belay_random random = {random_fill, &end->random};
    struct belay_core_config config;
    int error;

    belay_core_config_init(&config);
    config.datagram_size = config.datagram_size_max = bulk->config.datagram_bytes;
    config.insecure = !bulk->config.encrypted;
    config.window_messages = 1 << 16;
    config.window_max = config.send_queue_max = 128 << 20;
    if (congestion != NULL)
        config.congestion = congestion;
    end->random.state = seed;
    end->core = belay_core_new(&config, &memory, &random, NULL, &error);
    if (end->core == NULL) {
        const char *why = belay_core_config_check(&config);
        fprintf(stderr, "bulk: no core: %s\n", why != NULL ? why : belay_strerror(error));
        exit(2);
    }
}

static struct belay_path path_of(const struct bulk_flow *flow, bool to_server)
{
    struct belay_path path = {.socket = 0};
    struct belay_address a = {.len = 2, .bytes = {1, (uint8_t)(flow - flow->bulk->flows)}};
    struct belay_address b = {.len = 2, .bytes = {2, (uint8_t)(flow - flow->bulk->flows)}};
    path.local = to_server ? a : b;
    path.remote = to_server ? b : a;
    return path;
}

static void flow_open(struct bulk *bulk, struct bulk_flow *flow, size_t i)
{
    struct test_random seeds = {bulk->config.seed + 1000 * i};
    char words[1024];

    flow->bulk = bulk;
    flow->config = bulk->config.flows[i];
    core_open(bulk, &flow->client, flow->config.congestion, test_random_u64(&seeds));
    core_open(bulk, &flow->server, flow->config.congestion, test_random_u64(&seeds));
    belay_core_listen(flow->server.core, true);
    snprintf(words, sizeof(words), "delay %lluns limit 1000000%s%s",
             (unsigned long long)flow->config.rtt_ns / 2, bulk->config.way[0] ? " | " : "",
             bulk->config.way);
    flow->way_plan = parse(words);
    flow->way =
        must_have(netsim_pipeline_new(flow->way_plan, test_random_u64(&seeds), 0, &memory));
    flow->back =
        must_have(netsim_pipeline_new(flow->way_plan, test_random_u64(&seeds), 0, &memory));
    flow->client.deadline_ns = flow->config.start_ns;
    flow->server.deadline_ns = BELAY_NEVER;
}

struct bulk *bulk_new(const struct bulk_config *config)
{
    struct bulk *bulk = must_have(calloc(1, sizeof(*bulk)));

    bulk->config = *config;
    bulk->next_interval_ns = BELAY_NEVER;
    bulk->now_ns = 1;
    bulk->train = must_have(malloc(TRAIN_BYTES));
    bulk->message = must_have(calloc(1, config->message_bytes + 1));
    bulk->plan = parse(config->bottleneck);
    bulk->bottleneck = must_have(netsim_pipeline_new(bulk->plan, config->seed, 0, &memory));
    for (size_t i = 0; i < config->flow_count; i++)
        flow_open(bulk, &bulk->flows[i], i);
    return bulk;
}

static void pipeline_close(struct netsim_pipeline *pipeline)
{
    struct netsim_outcome out;
    while (netsim_pipeline_poll(pipeline, BELAY_NEVER, &out))
        if (out.last)
            free(out.user);
    netsim_pipeline_free(pipeline);
}

void bulk_free(struct bulk *bulk)
{
    pipeline_close(bulk->bottleneck);
    netsim_plan_free(bulk->plan);
    for (size_t i = 0; i < bulk->config.flow_count; i++) {
        struct bulk_flow *flow = &bulk->flows[i];
        belay_core_free(flow->client.core);
        belay_core_free(flow->server.core);
        pipeline_close(flow->way);
        pipeline_close(flow->back);
        netsim_plan_free(flow->way_plan);
    }
    free(bulk->train);
    free(bulk->message);
    free(bulk);
}

/* ------------------------------------------------------------------ ends */

static bool is_in_window(const struct bulk *bulk)
{
    return bulk->now_ns >= bulk->config.from_ns && bulk->now_ns < bulk->config.to_ns;
}

static void send_packet(struct bulk_flow *flow, bool to_server, const uint8_t *bytes,
                        size_t len)
{
    struct packet *packet = must_have(malloc(sizeof(*packet) + len));
    const struct netsim_packet given = {.len = (uint32_t)len + BULK_HEADER, .user = packet};
    struct bulk *bulk = flow->bulk;

    packet->flow = flow;
    packet->entered_ns = bulk->now_ns;
    packet->len = len;
    memcpy(packet->bytes, bytes, len);
    if (!to_server) {
        flow->total.acks++;
        netsim_pipeline_send(flow->back, &given, bulk->now_ns);
        return;
    }
    flow->total.sent_packets++;
    flow->total.sent_bytes += given.len;
    netsim_pipeline_send(bulk->bottleneck, &given, bulk->now_ns);
}

static void fill(struct bulk_flow *flow)
{
    const struct belay_source source = {.data = flow->bulk->message};
    if (flow->client.conn == NULL)
        return;
    while (belay_core_conn_send_source(flow->client.conn, 0, BELAY_RELIABLE_ORDERED, &source,
                                       flow->bulk->config.message_bytes, 0, BELAY_NEVER,
                                       NULL) == 0)
        ;
}

static void poll_end(struct bulk_flow *flow, struct bulk_end *end)
{
    struct belay_core_event event;
    while (belay_core_poll(end->core, &event) == 1) {
        if (event.type == BELAY_CORE_MESSAGE)
            flow->total.payload_bytes += event.len;
        else if (event.type == BELAY_CORE_WRITABLE)
            fill(flow);
        else if (event.type == BELAY_CORE_ACCEPTED)
            end->conn = event.conn;
        else if (event.type == BELAY_CORE_CLOSED) {
            fprintf(stderr, "bulk: flow %zu ended: %s\n", (size_t)(flow - flow->bulk->flows),
                    event.reason);
            exit(1);
        }
    }
}

static void send_all(struct bulk_flow *flow, struct bulk_end *end)
{
    struct bulk *bulk = flow->bulk;
    for (;;) {
        struct belay_train train = {.buffer = bulk->train, .capacity = TRAIN_BYTES};
        if (belay_core_send(end->core, &train, bulk->now_ns) != 1)
            return;
        for (size_t at = 0; at < train.len; at += train.segment_size) {
            size_t left = train.len - at;
            send_packet(flow, end == &flow->client, train.buffer + at,
                        left < train.segment_size ? left : train.segment_size);
        }
    }
}

static void turn(struct bulk_flow *flow, struct bulk_end *end)
{
    struct bulk *bulk = flow->bulk;
    do {
        if (belay_core_deadline(end->core) <= bulk->now_ns)
            belay_core_timeout(end->core, bulk->now_ns);
        poll_end(flow, end);
        send_all(flow, end);
        poll_end(flow, end);
        end->deadline_ns = belay_core_deadline(end->core);
    } while (end->deadline_ns <= bulk->now_ns);
    if (bulk->config.timer_late_ns > 0 && end->deadline_ns != BELAY_NEVER)
        end->deadline_ns += test_random_below(&end->random, bulk->config.timer_late_ns + 1);
}

static void start(struct bulk_flow *flow)
{
    const struct belay_path path = path_of(flow, true);
    flow->started = true;
    if (belay_core_connect(flow->client.core, &path, false, NULL, &flow->client.conn) != 0) {
        fprintf(stderr, "bulk: no connection\n");
        exit(1);
    }
    belay_core_conn_set_watermarks(flow->client.conn, 96 << 20, 0);
    fill(flow);
}

static void run_end(struct bulk_flow *flow, struct bulk_end *end)
{
    if (!flow->started)
        start(flow);
    turn(flow, end);
}

/* ------------------------------------------------------------------ links */

static void note_passed(struct bulk *bulk, const struct packet *packet, uint64_t t_ns)
{
    uint64_t delay_ns = t_ns - packet->entered_ns, unit = delay_ns / DELAY_UNIT;
    packet->flow->total.passed++;
    if (!is_in_window(bulk))
        return;
    bulk->delays[unit < BULK_DELAYS ? unit : BULK_DELAYS]++;
    bulk->delay_count++;
    bulk->delay_sum_ns += delay_ns;
}

static void run_bottleneck(struct bulk *bulk)
{
    struct netsim_outcome out;
    while (netsim_pipeline_poll(bulk->bottleneck, bulk->now_ns, &out)) {
        struct packet *packet = out.user;
        const struct netsim_packet given = {.len = out.len, .user = packet};
        if (out.why != NETSIM_NOT_DROPPED) {
            packet->flow->total.dropped++;
            free(packet);
            continue;
        }
        note_passed(bulk, packet, out.t_ns);
        netsim_pipeline_send(packet->flow->way, &given, bulk->now_ns);
    }
}

static void run_way(struct bulk_flow *flow, struct netsim_pipeline *pipeline,
                    struct bulk_end *end)
{
    const struct belay_path path = path_of(flow, end == &flow->client);
    struct netsim_outcome out;
    bool any = false;
    while (netsim_pipeline_poll(pipeline, flow->bulk->now_ns, &out)) {
        struct packet *packet = out.user;
        if (out.why == NETSIM_NOT_DROPPED) {
            belay_core_receive(end->core, &path, packet->bytes, packet->len, 0, 0,
                               flow->bulk->now_ns);
            poll_end(flow, end);
            any = true;
        }
        free(packet);
    }
    if (any)
        turn(flow, end);
}

/* ------------------------------------------------------------------ time */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_ns(const struct bulk *bulk)
{
    uint64_t next = smaller(netsim_pipeline_deadline(bulk->bottleneck), bulk->next_interval_ns);
    for (size_t i = 0; i < bulk->config.flow_count; i++) {
        const struct bulk_flow *flow = &bulk->flows[i];
        next = smaller(next, smaller(flow->client.deadline_ns, flow->server.deadline_ns));
        next = smaller(next, smaller(netsim_pipeline_deadline(flow->way),
                                     netsim_pipeline_deadline(flow->back)));
    }
    return next;
}

static void run_flow(struct bulk_flow *flow)
{
    uint64_t now_ns = flow->bulk->now_ns;
    if (netsim_pipeline_deadline(flow->way) <= now_ns)
        run_way(flow, flow->way, &flow->server);
    if (netsim_pipeline_deadline(flow->back) <= now_ns)
        run_way(flow, flow->back, &flow->client);
    if (flow->client.deadline_ns <= now_ns)
        run_end(flow, &flow->client);
    if (flow->server.deadline_ns <= now_ns)
        run_end(flow, &flow->server);
}

static struct bulk_counts counts_now(const struct bulk_flow *flow)
{
    struct bulk_counts counts = flow->total;
    struct belay_stats stats = bulk_stats(flow);
    counts.lost = stats.packets_lost;
    counts.spurious = stats.packets_spurious;
    return counts;
}

static struct bulk_counts difference(const struct bulk_counts *a, const struct bulk_counts *b)
{
    return (struct bulk_counts){
        .payload_bytes = a->payload_bytes - b->payload_bytes,
        .sent_packets = a->sent_packets - b->sent_packets,
        .sent_bytes = a->sent_bytes - b->sent_bytes,
        .lost = a->lost - b->lost,
        .spurious = a->spurious - b->spurious,
        .dropped = a->dropped - b->dropped,
        .passed = a->passed - b->passed,
        .acks = a->acks - b->acks,
    };
}

/* Books at the marks of time, before what happens then. */
static void pass_marks(struct bulk *bulk, uint64_t before_ns, uint64_t now_ns)
{
    for (size_t i = 0; i < bulk->config.flow_count; i++) {
        struct bulk_flow *flow = &bulk->flows[i];
        uint64_t second_ns = flow->config.start_ns + BULK_S;
        struct bulk_counts counts;
        if (before_ns < second_ns && now_ns >= second_ns)
            flow->first_second = counts_now(flow);
        if (before_ns < bulk->config.from_ns && now_ns >= bulk->config.from_ns)
            flow->before = counts_now(flow);
        if (before_ns < bulk->config.to_ns && now_ns >= bulk->config.to_ns) {
            counts = counts_now(flow);
            flow->window = difference(&counts, &flow->before);
        }
    }
}

void bulk_run(struct bulk *bulk, uint64_t until_ns)
{
    if (bulk->next_interval_ns == BELAY_NEVER && bulk->interval_ns > 0)
        bulk->next_interval_ns = bulk->now_ns;
    while (next_ns(bulk) <= until_ns) {
        uint64_t now_ns = next_ns(bulk);
        if (now_ns > bulk->now_ns) {
            pass_marks(bulk, bulk->now_ns, now_ns);
            bulk->now_ns = now_ns;
        }
        if (bulk->next_interval_ns <= now_ns) {
            bulk->on_interval(bulk, bulk->interval_ctx);
            bulk->next_interval_ns += bulk->interval_ns;
        }
        run_bottleneck(bulk);
        for (size_t i = 0; i < bulk->config.flow_count; i++)
            run_flow(&bulk->flows[i]);
    }
    pass_marks(bulk, bulk->now_ns, until_ns);
    bulk->now_ns = until_ns;
}

/* ------------------------------------------------------------------ figures */

struct belay_stats bulk_stats(const struct bulk_flow *flow)
{
    struct belay_stats stats = {0};
    if (flow->client.conn != NULL)
        belay_core_conn_stats(flow->client.conn, &stats, sizeof(stats));
    return stats;
}

double bulk_delay_mean_ms(const struct bulk *bulk)
{
    if (bulk->delay_count == 0)
        return 0;
    return (double)bulk->delay_sum_ns / (double)bulk->delay_count / 1e6;
}

double bulk_delay_percentile_ms(const struct bulk *bulk, double percent)
{
    double below = 0;
    for (size_t i = 0; i <= BULK_DELAYS; i++) {
        below += (double)bulk->delays[i];
        if (below >= (double)bulk->delay_count * percent / 100)
            return (double)i * (double)DELAY_UNIT / 1e6;
    }
    return 0;
}

double bulk_goodput(const struct bulk *bulk, size_t flow)
{
    double seconds = (double)(bulk->config.to_ns - bulk->config.from_ns) / 1e9;
    return 8 * (double)bulk->flows[flow].window.payload_bytes / seconds;
}

double bulk_spurious_percent(const struct bulk *bulk, size_t i)
{
    const struct bulk_flow *flow = &bulk->flows[i];
    struct bulk_counts now = counts_now(flow);
    struct bulk_counts since = difference(&now, &flow->first_second);
    return since.sent_packets == 0 ? 0
                                   : 100 * (double)since.spurious / (double)since.sent_packets;
}
