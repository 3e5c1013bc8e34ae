#include "netsim/live/direction.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/live/verdict.h"
#include "netsim/report/log.h"

bool netsim_direction_init(struct netsim_direction *direction, bool back,
                           const struct netsim_plan *plan, uint64_t seed, uint32_t headers,
                           struct netsim_record *record)
{
    *direction = (struct netsim_direction){
        .name = back ? "back" : "out",
        .interface = back ? NETSIM_PCAPNG_BACK : NETSIM_PCAPNG_OUT,
        .plan = plan,
        .pipeline = netsim_pipeline_new(plan, seed, headers, &netsim_cli_memory),
        .record = record,
    };
    if (direction->pipeline == NULL)
        return false;
    direction->rebind_ns = netsim_pipeline_next_rebind(direction->pipeline, 0);
    return true;
}

void netsim_direction_dispose(struct netsim_direction *direction,
                              void (*let_go)(void *arg, void *user), void *arg)
{
    struct netsim_outcome outcome;

    if (direction->pipeline == NULL)
        return;
    while (netsim_pipeline_poll(direction->pipeline, BELAY_NEVER, &outcome))
        if (outcome.last)
            let_go(arg, outcome.user);
    netsim_pipeline_free(direction->pipeline);
    direction->pipeline = NULL;
}

/* ------------------------------------------------------------------ log and capture */

static void fail(struct netsim_record *record, const char *what)
{
    record->error = errno != 0 ? errno : EIO;
    netsim_cli_fail("the %s can't be written: %s", what, strerror(record->error));
}

static void write_log(struct netsim_direction *direction, struct netsim_event event)
{
    struct netsim_record *record = direction->record;

    event.link = direction->name;
    if (record->log == NULL || record->error != 0)
        return;
    if (netsim_log_write(record->log, &event) != 0)
        fail(record, "log");
}

static void tell_rebinds(struct netsim_direction *direction, uint64_t now_ns)
{
    while (direction->rebind_ns <= now_ns) {
        write_log(direction, netsim_event_rebind(direction->rebind_ns));
        direction->rebind_ns =
            netsim_pipeline_next_rebind(direction->pipeline, direction->rebind_ns);
    }
}

static struct netsim_event event_of(const struct netsim_direction *direction,
                                    const struct netsim_outcome *outcome, const char *lost,
                                    uint64_t now_ns)
{
    struct netsim_event event =
        netsim_event_outcome(outcome, netsim_pipeline_stages(direction->pipeline), now_ns);

    if (lost != NULL && outcome->why == NETSIM_NOT_DROPPED) {
        event.event = "drop";
        event.why = lost;
    }
    return event;
}

static void capture(struct netsim_direction *direction, bool dropped, uint64_t now_ns,
                    const void *packet, size_t len, const char *comment)
{
    struct netsim_record *record = direction->record;
    unsigned interface = (unsigned)direction->interface + dropped;

    if (record->pcap == NULL || record->error != 0 || packet == NULL)
        return;
    if (netsim_pcapng_write(record->pcap, (enum netsim_pcapng_interface)interface, now_ns,
                            packet, len, comment[0] != '\0' ? comment : NULL) != 0)
        fail(record, "capture");
}

/* ------------------------------------------------------------------ packets */

void netsim_direction_enter(struct netsim_direction *direction, struct netsim_packet packet,
                            uint64_t now_ns)
{
    tell_rebinds(direction, now_ns);
    packet.id = direction->came++;
    write_log(direction,
              (struct netsim_event){
                  .t_ns = now_ns, .id = packet.id, .event = "tx", .len = packet.len});
    netsim_pipeline_send(direction->pipeline, &packet, now_ns);
}

bool netsim_direction_poll(struct netsim_direction *direction, uint64_t now_ns,
                           struct netsim_outcome *outcome)
{
    tell_rebinds(direction, now_ns);
    return netsim_pipeline_poll(direction->pipeline, now_ns, outcome);
}

void netsim_direction_tell(struct netsim_direction *direction,
                           const struct netsim_outcome *outcome, const char *lost,
                           uint64_t now_ns, const void *packet, size_t len)
{
    const char *why = lost;
    char text[NETSIM_VERDICT_SIZE];

    if (outcome->why != NETSIM_NOT_DROPPED)
        why = netsim_why_name(outcome->why);
    direction->left += why == NULL;
    write_log(direction, event_of(direction, outcome, lost, now_ns));
    if (direction->record->pcap != NULL)
        capture(direction, why != NULL, now_ns, packet, len,
                netsim_verdict(outcome, lost, now_ns, text));
}

void netsim_direction_pass_by(struct netsim_direction *direction, uint64_t now_ns,
                              const void *packet, size_t len)
{
    direction->passed_by++;
    capture(direction, false, now_ns, packet, len, "passed the link by");
}

/* ------------------------------------------------------------------ the report */

static void add_count(FILE *out, const char *name, uint64_t count)
{
    if (count > 0)
        fprintf(out, ", %s %" PRIu64, name, count);
}

static void report_stage(const struct netsim_stats *s, const char *note, FILE *out)
{
    fprintf(out,
            " came in %" PRIu64 ", lost %" PRIu64 ", limit %" PRIu64 ", marked %" PRIu64
            ", duplicated %" PRIu64 ", corrupted %" PRIu64 "%s",
            s->packets, s->dropped_loss, s->dropped_limit, s->marked, s->duplicated,
            s->corrupted, note);
    add_count(out, "x-drop", s->dropped_listed);
    add_count(out, "blackout", s->dropped_blackout);
    add_count(out, "mtu", s->dropped_mtu);
    add_count(out, "queue", s->dropped_queue);
    add_count(out, "codel", s->dropped_codel);
}

/* What left the last stage, and all drops. */
static void report_sum(const struct netsim_pipeline *pipeline, FILE *out)
{
    struct netsim_stats s = {0};
    uint64_t dropped = 0, overlimits = 0, requeues = 0;

    for (unsigned i = 0; i < netsim_pipeline_stages(pipeline); i++) {
        netsim_pipeline_stats(pipeline, i, &s);
        dropped += s.dropped;
        overlimits += s.overlimits;
        requeues += s.requeues;
    }
    fprintf(out,
            " Sent %" PRIu64 " bytes %" PRIu64 " pkt (dropped %" PRIu64 ", overlimits %" PRIu64
            " requeues %" PRIu64 ")\n",
            s.delivered_bytes, s.delivered, dropped, overlimits, requeues);
}

void netsim_direction_report(const struct netsim_direction *direction, const char *note,
                             FILE *out)
{
    unsigned stages = netsim_pipeline_stages(direction->pipeline);
    char text[1024];

    netsim_plan_format(direction->plan, text, sizeof(text));
    fprintf(out, "%s: %s\n", direction->name, text[0] != '\0' ? text : "clean");
    report_sum(direction->pipeline, out);
    for (unsigned i = 0; i < stages; i++) {
        struct netsim_stats stats;

        netsim_pipeline_stats(direction->pipeline, i, &stats);
        if (stages > 1)
            fprintf(out, " stage %u:", i + 1);
        report_stage(&stats, i + 1 == stages ? note : "", out);
        if (i + 1 == stages)
            fprintf(out, ", still inside %zu", netsim_pipeline_queued(direction->pipeline));
        fputc('\n', out);
    }
}
