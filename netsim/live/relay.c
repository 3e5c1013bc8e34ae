#include "netsim/live/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/live/afpacket.h"
#include "netsim/live/direction.h"
#include "netsim/live/frame.h"
#include "netsim/live/nat.h"
#include "netsim/live/timer.h"
#include "netsim/live/tun.h"

/* Of one interface in one turn of the loop, so that both have theirs. */
#define BATCHES_MAX 16

/* One interface, and where its frames go. */
struct side {
    struct netsim_relay *relay;
    struct netsim_interface port;
    struct event *event;
    struct netsim_direction *direction;
    struct side *other;
    uint64_t last_ns; /* the latest time of which its direction has heard */
};

struct netsim_relay {
    struct netsim_relay_config config;
    struct event_base *base;
    uint64_t start_ns;
    struct netsim_timer timer;
    struct netsim_pool pool;
    struct side client, server;
    struct netsim_direction out, back;
    struct netsim_record record;
    struct netsim_nat *nat; /* NULL: no x-rebind in either plan */
    uint64_t unknown_port, no_memory;
};

static uint64_t clock_ns(const struct netsim_relay *relay)
{
    return netsim_now_ns() - relay->start_ns;
}

/* ------------------------------------------------------------------ out of a link */

static void rebind(struct netsim_relay *relay, uint64_t now)
{
    netsim_nat_rebind(relay->nat, netsim_pipeline_rebinds(relay->out.pipeline, now) +
                                      netsim_pipeline_rebinds(relay->back.pipeline, now));
}

/* What the link did to the frame's bytes. false: the NAT knows nobody for it. */
static bool change(struct netsim_relay *relay, bool back, const struct netsim_outcome *outcome,
                   struct netsim_buffer *frame)
{
    struct netsim_frame view;

    netsim_frame_read(&view, frame->data, frame->len);
    if (outcome->ce)
        netsim_frame_mark_ce(&view, frame->data);
    for (unsigned i = 0; i < outcome->corrupt_bits; i++)
        netsim_frame_flip(frame->data, frame->len, outcome->corrupt_bit[i]);
    if (!back || relay->nat == NULL)
        return true;
    rebind(relay, outcome->t_ns);
    return netsim_nat_frame_back(relay->nat, frame->data, frame->len);
}

/* Others may hold the frame, so changes are made in a copy. */
static struct netsim_buffer *copy_of(struct netsim_relay *relay,
                                     const struct netsim_buffer *frame)
{
    struct netsim_buffer *copy = netsim_pool_take(&relay->pool);

    if (copy == NULL)
        return NULL;
    copy->len = frame->len;
    memcpy(copy->data, frame->data, frame->len);
    return copy;
}

static void leave(struct netsim_relay *relay, struct side *to, struct netsim_direction *from,
                  const struct netsim_outcome *outcome, uint64_t now)
{
    struct netsim_buffer *frame = outcome->user, *copy = NULL;
    bool back = from == &relay->back;
    const char *lost = NULL;

    if (outcome->ce || outcome->corrupt_bits > 0 || (back && relay->nat != NULL)) {
        copy = copy_of(relay, frame);
        if (copy == NULL) {
            relay->no_memory++;
            lost = "memory";
        } else if (!change(relay, back, outcome, copy)) {
            relay->unknown_port++;
            lost = "x-rebind";
        }
    }
    if (copy != NULL)
        frame = copy;
    if (lost == NULL)
        netsim_interface_put(&to->port, frame);
    netsim_direction_tell(from, outcome, lost, now, frame->data, frame->len);
    if (copy != NULL)
        netsim_pool_give(&relay->pool, copy);
}

/* Frames of side's direction leave by the other one. */
static void pump(struct netsim_relay *relay, struct side *side, uint64_t now)
{
    struct netsim_outcome outcome;

    side->last_ns = now;
    while (netsim_direction_poll(side->direction, now, &outcome)) {
        struct netsim_buffer *frame = outcome.user;

        if (outcome.why == NETSIM_NOT_DROPPED)
            leave(relay, side->other, side->direction, &outcome, now);
        else
            netsim_direction_tell(side->direction, &outcome, NULL, now, frame->data,
                                  frame->len);
        if (outcome.last)
            netsim_pool_give(&relay->pool, frame);
    }
}

/* Everything that is due leaves, and the timer is set for what comes next. */
static void pump_all(struct netsim_relay *relay)
{
    uint64_t now = clock_ns(relay), out, back, next;

    pump(relay, &relay->client, now);
    pump(relay, &relay->server, now);
    netsim_interface_flush(&relay->client.port);
    netsim_interface_flush(&relay->server.port);
    out = netsim_pipeline_deadline(relay->out.pipeline);
    back = netsim_pipeline_deadline(relay->back.pipeline);
    next = out < back ? out : back;
    netsim_timer_set(&relay->timer, next == BELAY_NEVER ? next : relay->start_ns + next);
}

static void on_timer(void *arg)
{
    pump_all(arg);
}

/* ------------------------------------------------------------------ into a link */

/* When a frame came, not when it was read, but never back in time for its direction. */
static uint64_t arrival_ns(const struct side *side, const struct netsim_buffer *frame,
                           uint64_t now)
{
    uint64_t start = side->relay->start_ns, t = frame->t_ns > start ? frame->t_ns - start : 0;

    t = t < now ? t : now;
    return t > side->last_ns ? t : side->last_ns;
}

static void enter(struct side *side, struct netsim_buffer *frame, uint64_t now)
{
    struct netsim_relay *relay = side->relay;
    struct netsim_frame view;

    pump(relay, side, now);
    netsim_frame_read(&view, frame->data, frame->len);
    if (view.kind != NETSIM_FRAME_IP) {
        netsim_direction_pass_by(side->direction, now, frame->data, frame->len);
        netsim_interface_put(&side->other->port, frame);
        netsim_pool_give(&relay->pool, frame);
        return;
    }
    if (relay->nat != NULL && side == &relay->client) {
        rebind(relay, now);
        netsim_nat_frame_out(relay->nat, frame->data, frame->len);
    }
    netsim_direction_enter(
        side->direction,
        (struct netsim_packet){.len = frame->len, .ect = view.ecn != 0, .user = frame}, now);
    pump(relay, side, now);
}

static void on_frames(evutil_socket_t fd, short what, void *arg)
{
    struct side *side = arg;
    struct netsim_relay *relay = side->relay;

    (void)fd;
    (void)what;
    for (int turn = 0; turn < BATCHES_MAX; turn++) {
        struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];
        unsigned count = netsim_interface_receive(&side->port, frames);
        uint64_t now = clock_ns(relay);

        for (unsigned i = 0; i < count; i++)
            enter(side, frames[i], arrival_ns(side, frames[i], now));
        pump(relay, side->other, now);
        if (count < NETSIM_FRAMES_BATCH)
            break;
    }
    pump_all(relay);
}

/* ------------------------------------------------------------------ begin and end */

static bool has_rebind(const struct netsim_plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++)
        for (unsigned k = 0; k < plan->stages[i].count; k++)
            if (plan->stages[i].steps[k].words.has_rebind)
                return true;
    return false;
}

static bool init_model(struct netsim_relay *relay)
{
    const struct netsim_relay_config *c = &relay->config;

    if (has_rebind(c->out) || has_rebind(c->back)) {
        relay->nat = netsim_nat_new();
        if (relay->nat == NULL)
            return false;
    }
    return netsim_direction_init(&relay->out, false, c->out, c->out_seed, NETSIM_FRAME_HEADER,
                                 &relay->record) &&
           netsim_direction_init(&relay->back, true, c->back, c->back_seed, NETSIM_FRAME_HEADER,
                                 &relay->record);
}

static bool init_side(struct netsim_relay *relay, struct side *side, const char *interface,
                      const struct netsim_tun *tun)
{
    int result = tun != NULL ? netsim_tun_open(&side->port, tun, &relay->pool)
                             : netsim_afpacket_open(&side->port, interface, &relay->pool);

    if (result != 0)
        return false;
    side->event = event_new(relay->base, side->port.fd, EV_READ | EV_PERSIST, on_frames, side);
    return side->event != NULL && event_add(side->event, NULL) == 0;
}

/* false: there is no such interface. */
static bool size_pool(struct netsim_relay *relay)
{
    const struct netsim_relay_config *c = &relay->config;
    size_t client_max = c->client_tun != NULL ? c->client_tun->frame_max
                                              : netsim_afpacket_frame_max(c->client_if);
    size_t server_max = c->server_tun != NULL ? c->server_tun->frame_max
                                              : netsim_afpacket_frame_max(c->server_if);

    relay->pool.size_bytes = client_max > server_max ? client_max : server_max;
    return client_max > 0 && server_max > 0;
}

static bool init(struct netsim_relay *relay)
{
    const struct netsim_relay_config *c = &relay->config;

    if (!size_pool(relay))
        return false;
    if (!init_model(relay)) {
        errno = ENOMEM;
        return false;
    }
    return netsim_timer_init(&relay->timer, relay->base, on_timer, relay) == 0 &&
           init_side(relay, &relay->client, c->client_if, c->client_tun) &&
           init_side(relay, &relay->server, c->server_if, c->server_tun);
}

struct netsim_relay *netsim_relay_new(struct event_base *base,
                                      const struct netsim_relay_config *config)
{
    struct netsim_relay *relay = calloc(1, sizeof(*relay));

    if (relay == NULL)
        return NULL;
    relay->config = *config;
    relay->base = base;
    relay->start_ns = netsim_now_ns();
    relay->timer.fd = -1;
    relay->record = (struct netsim_record){.log = config->log, .pcap = config->pcap};
    relay->client = (struct side){
        .relay = relay, .port.fd = -1, .direction = &relay->out, .other = &relay->server};
    relay->server = (struct side){
        .relay = relay, .port.fd = -1, .direction = &relay->back, .other = &relay->client};
    if (!init(relay)) {
        int error = errno;

        netsim_relay_free(relay);
        errno = error;
        return NULL;
    }
    return relay;
}

static void free_side(struct side *side)
{
    if (side->event != NULL)
        event_free(side->event);
    netsim_interface_close(&side->port);
}

static void let_go(void *arg, void *user)
{
    netsim_pool_give(arg, user);
}

void netsim_relay_free(struct netsim_relay *relay)
{
    free_side(&relay->client);
    free_side(&relay->server);
    netsim_direction_dispose(&relay->out, let_go, &relay->pool);
    netsim_direction_dispose(&relay->back, let_go, &relay->pool);
    netsim_timer_dispose(&relay->timer);
    netsim_nat_free(relay->nat);
    netsim_pool_dispose(&relay->pool);
    free(relay);
}

void netsim_relay_counts(const struct netsim_relay *relay, struct netsim_relay_counts *counts)
{
    *counts = (struct netsim_relay_counts){
        .out = relay->out.left,
        .back = relay->back.left,
        .out_in = relay->out.came,
        .back_in = relay->back.came,
    };
}

int netsim_relay_error(const struct netsim_relay *relay)
{
    return relay->record.error;
}

static void report_side(const struct side *from, const struct side *to, FILE *out)
{
    uint64_t overran = netsim_interface_overran(&from->port);

    netsim_direction_report(from->direction, "", out);
    if (overran + from->port.too_long + from->port.no_memory + to->port.failed > 0)
        fprintf(out,
                " outside the link: came faster than read %" PRIu64
                ", longer than the MTU (offloads on?) %" PRIu64 ", no memory %" PRIu64
                ", not taken by the system %" PRIu64 "\n",
                overran, from->port.too_long, from->port.no_memory, to->port.failed);
}

void netsim_relay_report(const struct netsim_relay *relay, FILE *out)
{
    report_side(&relay->client, &relay->server, out);
    report_side(&relay->server, &relay->client, out);
    if (relay->unknown_port > 0)
        fprintf(out, "for a port that the NAT forgot: %" PRIu64 "\n", relay->unknown_port);
    if (relay->no_memory > 0)
        fprintf(out, "no memory: %" PRIu64 "\n", relay->no_memory);
    if (!relay->config.quiet && relay->out.passed_by + relay->back.passed_by > 0)
        fprintf(out, "passed the links by (ARP, neighbour discovery): %" PRIu64 "\n",
                relay->out.passed_by + relay->back.passed_by);
}
