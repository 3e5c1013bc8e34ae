/* The data of one connection: sent as the plan says, counted when it comes. */
#include "perf.h"

#include <endian.h>
#include <string.h>

#include <belay/belay.h>
#include <event2/event.h>

/* The queue holds what is not acknowledged, so it must be more than the window; little more, so
 * that it stays in a cache. */
#define QUEUE_MIN     (1024 * 1024)
#define QUEUE_WINDOWS 3
#define BURST_MAX     256 /* messages before the loop may look around */

/* ------------------------------------------------------------------ sending */

static int64_t difference(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b);
}

/* False: the queue is full, and perf_flow_writable comes. */
static bool send_on(struct perf_flow *flow, unsigned channel)
{
    return belay_conn_send(flow->conn, channel, flow->payload, flow->plan->size) == 0;
}

static unsigned next_channel(const struct perf_flow *flow)
{
    return 1 + (unsigned)(flow->sent % flow->plan->streams);
}

static void call_again(struct perf_flow *flow, uint64_t delay_ns)
{
    struct timeval delay = {.tv_sec = (time_t)(delay_ns / 1000000000),
                            .tv_usec = (suseconds_t)(delay_ns % 1000000000 / 1000)};
    event_add(flow->timer, &delay);
}

static void send_bulk(struct perf_flow *flow)
{
    for (int i = 0; i < BURST_MAX; i++) {
        if (!send_on(flow, next_channel(flow)))
            return;
        flow->sent++;
    }
    event_active(flow->timer, EV_TIMEOUT, 0);
}

static void send_due(struct perf_flow *flow)
{
    for (int i = 0; i < BURST_MAX; i++) {
        uint64_t due_ns = flow->started_ns + flow->sent * flow->plan->interval_ns;
        uint64_t now_ns = belay_now_ns();
        uint64_t head[2] = {htobe64(flow->sent), htobe64(due_ns)};
        if (due_ns > now_ns) {
            call_again(flow, due_ns - now_ns);
            return;
        }
        memcpy(flow->payload, head, sizeof head);
        if (!send_on(flow, next_channel(flow)))
            return;
        flow->sent++;
    }
    event_active(flow->timer, EV_TIMEOUT, 0);
}

/* A request or a response; one that does not go now is owed. */
static void send_turn(struct perf_flow *flow, unsigned channel)
{
    bool has_gone = send_on(flow, channel);
    flow->owed += !has_gone && !flow->owes[channel];
    flow->owed -= has_gone && flow->owes[channel];
    flow->owes[channel] = !has_gone;
    flow->sent += has_gone;
}

static void ask(struct perf_flow *flow, unsigned channel)
{
    flow->asked_ns[channel] = belay_now_ns();
    send_turn(flow, channel);
}

static void pay_debts(struct perf_flow *flow)
{
    for (unsigned channel = 1; flow->owed > 0 && channel <= flow->plan->streams; channel++)
        if (flow->owes[channel])
            send_turn(flow, channel);
}

static void send_more(struct perf_flow *flow)
{
    if (!flow->is_sending || flow->control_len > 0)
        return;
    if (flow->plan->mode == PERF_BULK)
        send_bulk(flow);
    else if (flow->plan->mode == PERF_RATE)
        send_due(flow);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    send_more(ctx);
}

/* ------------------------------------------------------------------ callbacks */

/* What is at the low mark leaves room for a message: else writable would come for nothing. */
static void set_queue(struct perf_flow *flow, size_t high)
{
    flow->queue_high = high;
    belay_conn_setwatermark(flow->conn, high / 2, high);
}

/* With a window that has grown the queue must, too. */
static void fit_queue(struct perf_flow *flow)
{
    struct belay_stats stats = {.window_bytes = 0};
    belay_conn_get_stats(flow->conn, &stats, sizeof stats);
    size_t wanted = QUEUE_WINDOWS * (size_t)stats.window_bytes + 2 * flow->plan->size;
    if (wanted >= flow->queue_high + flow->queue_high / 4)
        set_queue(flow, wanted);
}

void perf_flow_writable(struct perf_flow *flow)
{
    if (flow->control_len > 0 &&
        belay_conn_send(flow->conn, 0, flow->control, flow->control_len) == 0)
        flow->control_len = 0;
    fit_queue(flow);
    pay_debts(flow);
    send_more(flow);
}

/* A clock that is behind makes no time negative. */
static void note_latency(struct perf_flow *flow, const void *data, uint64_t now_ns)
{
    uint64_t head[2];
    memcpy(head, data, sizeof head);
    int64_t latency_ns = difference(now_ns, be64toh(head[1])) + flow->offset_ns;
    histogram_add(&flow->latency, latency_ns < 0 ? 0 : (uint64_t)latency_ns);
}

static bool is_expected(const struct perf_flow *flow, unsigned channel, size_t len)
{
    bool is_mine = flow->plan->mode == PERF_RR || flow->plan->reverse == flow->is_client;
    return is_mine && channel <= flow->plan->streams && len == flow->plan->size &&
           flow->payload;
}

bool perf_flow_message(struct perf_flow *flow, unsigned channel, const void *data, size_t len)
{
    if (!is_expected(flow, channel, len))
        return false;
    flow->received++;
    flow->received_bytes += len;
    if (flow->plan->mode == PERF_BULK)
        return true;
    flow->received_last_ns = belay_now_ns();
    if (flow->plan->mode == PERF_RATE) {
        note_latency(flow, data, flow->received_last_ns);
    } else if (!flow->is_client) {
        send_turn(flow, channel);
    } else {
        histogram_add(&flow->latency, flow->received_last_ns - flow->asked_ns[channel]);
        if (flow->is_sending)
            ask(flow, channel);
    }
    return true;
}

/* ------------------------------------------------------------------ life */

bool perf_flow_init(struct perf_flow *flow, struct event_base *base, struct belay_conn *conn,
                    const struct perf_plan *plan, bool is_client)
{
    flow->conn = conn;
    flow->plan = plan;
    flow->is_client = is_client;
    flow->timer = evtimer_new(base, on_timer, flow);
    return flow->timer != NULL;
}

void perf_flow_dispose(struct perf_flow *flow)
{
    if (flow->timer)
        event_free(flow->timer);
    flow->timer = NULL;
}

void perf_flow_go(struct perf_flow *flow, uint8_t *payload)
{
    const struct perf_plan *plan = flow->plan;
    flow->payload = payload;
    flow->started_ns = belay_now_ns();
    set_queue(flow, QUEUE_MIN + 2 * plan->size);
    flow->is_sending =
        plan->mode == PERF_RR ? flow->is_client : plan->reverse != flow->is_client;
    for (unsigned i = 1; plan->mode == PERF_RR && flow->is_client && i <= plan->streams; i++)
        ask(flow, i);
    send_more(flow);
}

void perf_flow_stop(struct perf_flow *flow)
{
    flow->is_sending = false;
    event_del(flow->timer);
}

void perf_flow_say(struct perf_flow *flow, const struct perf_control *control)
{
    char text[PERF_CONTROL_MAX];
    size_t len = perf_control_write(control, text);
    int error = len == 0 ? BELAY_ENOMEM : belay_conn_send(flow->conn, 0, text, len);
    if (error == BELAY_EAGAIN && flow->control_len == 0) {
        memcpy(flow->control, text, len);
        flow->control_len = len;
    } else if (error != 0) {
        belay_conn_abort(flow->conn, BELAY_CLOSE_APP, belay_strerror(error));
    }
}

void perf_flow_sum(const struct perf_flow *flow, struct perf_totals *totals)
{
    static const double shares[] = {0, 0.5, 0.99, 0.999, 1};
    struct belay_stats stats = {.packets_sent = 0};
    belay_conn_get_stats(flow->conn, &stats, sizeof stats);
    bool is_receiver = flow->plan->mode == PERF_RR || flow->plan->reverse == flow->is_client;
    totals->messages = is_receiver ? flow->received : flow->sent;
    totals->bytes = totals->messages * flow->plan->size;
    totals->packets_sent = stats.packets_sent;
    totals->retransmitted = stats.packets_retransmitted;
    totals->rtt_ns = stats.rtt_smoothed_ns;
    totals->rtt_min_ns = stats.rtt_min_ns;
    totals->latency_count = flow->latency.count;
    for (int i = 0; i < 5; i++)
        totals->latency_ns[i] =
            i == 0 ? flow->latency.min_ns : histogram_at_ns(&flow->latency, shares[i]);
}
