/* How a tally is shown. */
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

static void print_path(const struct summary_path *path)
{
    printf("path: datagrams up to %" PRIu32 " bytes, %" PRIu64 " packets lost (%" PRIu64
           " spurious), %s, %" PRIu64 " changes of address\n",
           path->datagram_bytes, path->packets_lost, path->packets_spurious,
           path->is_ecn_capable ? "ECN works" : "no ECN", path->changes);
}

void tally_print(struct tally *tally, const struct summary *summary)
{
    uint64_t lost = tally->sent - tally->received;
    printf("--- %s, echo over %s ---\n", summary->peer, summary->protocol);
    printf("%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost (%.1f %%), %" PRIu64
           " duplicated, %" PRIu64 " out of order, %" PRIu64 " corrupted, %.3f s\n",
           tally->sent, tally->received, lost,
           tally->sent ? 100.0 * (double)lost / (double)tally->sent : 0.0, tally->duplicates,
           tally->out_of_order, tally->corrupted, (double)summary->elapsed_ns / 1e9);
    struct tally_rtt rtt;
    if (tally_rtt(tally, &rtt))
        printf("rtt min/p50/p99/p99.9/max = %.3f/%.3f/%.3f/%.3f/%.3f ms\n", rtt.min_us / 1e3,
               rtt.p50_us / 1e3, rtt.p99_us / 1e3, rtt.p999_us / 1e3, rtt.max_us / 1e3);
    printf("%" PRIu64 " bytes on the wire, %" PRIu64 " packets retransmitted\n",
           summary->wire_bytes, summary->retransmitted);
    if (summary->has_path)
        print_path(&summary->path);
}

static json_t *rtt_object(struct tally *tally)
{
    struct tally_rtt rtt;
    if (!tally_rtt(tally, &rtt))
        return json_pack("{s:n, s:n, s:n, s:n, s:n}", "min", "p50", "p99", "p999", "max");
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "min", (json_int_t)rtt.min_us, "p50",
                     (json_int_t)rtt.p50_us, "p99", (json_int_t)rtt.p99_us, "p999",
                     (json_int_t)rtt.p999_us, "max", (json_int_t)rtt.max_us);
}

/* Nulls where nothing is known of it. Takes object. */
static json_t *with_path(json_t *object, const struct summary *summary)
{
    const struct summary_path *path = &summary->path;
    json_t *members =
        summary->has_path
            ? json_pack("{s:I, s:I, s:I, s:b, s:I}", "datagram_bytes",
                        (json_int_t)path->datagram_bytes, "packets_lost",
                        (json_int_t)path->packets_lost, "packets_spurious",
                        (json_int_t)path->packets_spurious, "ecn", (int)path->is_ecn_capable,
                        "path_changes", (json_int_t)path->changes)
            : json_pack("{s:n, s:n, s:n, s:n, s:n}", "datagram_bytes", "packets_lost",
                        "packets_spurious", "ecn", "path_changes");
    if (object && members)
        json_object_update(object, members);
    json_decref(members);
    return object;
}

int tally_print_json(struct tally *tally, const struct summary *summary)
{
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:s, s:b}", "sent",
        (json_int_t)tally->sent, "received", (json_int_t)tally->received, "lost",
        (json_int_t)(tally->sent - tally->received), "duplicates",
        (json_int_t)tally->duplicates, "out_of_order", (json_int_t)tally->out_of_order,
        "corrupted", (json_int_t)tally->corrupted, "rtt_us", rtt_object(tally), "wire_bytes",
        (json_int_t)summary->wire_bytes, "retransmitted", (json_int_t)summary->retransmitted,
        "cipher", summary->cipher, "server_authenticated", (int)summary->is_authenticated);
    object = with_path(object, summary);
    int error = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;
    json_decref(object);
    putchar('\n');
    return error;
}
