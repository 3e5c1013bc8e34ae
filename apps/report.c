#include "report.h"

#include "address.h"
#include "quote.h"

#include <inttypes.h>
#include <stdio.h>

#include <event2/event.h>
#include <jansson.h>

static void flush_now(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what, (void)ctx;
    fflush(stdout);
}

int report_init(struct report *report, struct event_base *base)
{
    report->flush = event_new(base, -1, 0, flush_now, NULL);
    return report->flush ? 0 : -1;
}

void report_dispose(struct report *report)
{
    if (report->flush)
        event_free(report->flush);
    report->flush = NULL;
}

/* Takes object. */
static void print_json(json_t *object)
{
    if (object)
        json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* Behind the events that are at hand now; asking again for what is due changes nothing. */
static void flush_soon(struct report *report)
{
    event_active(report->flush, EV_TIMEOUT, 0);
}

void report_listening(struct report *report, int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    char text[ADDRESS_TEXT_MAX];
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return;
    address_format((struct sockaddr *)&addr, len, text);
    if (report->json)
        print_json(json_pack("{s:s, s:s, s:i}", "event", "listening", "address", text, "port",
                             (int)address_port((struct sockaddr *)&addr)));
    else
        printf("listening on %s\n", text);
    fflush(stdout);
}

void report_clients(struct report *report, const char *command, const char *key,
                    bool is_temporary, const char *remark)
{
    if (report->quiet)
        return;
    if (report->json) {
        print_json(json_pack("{s:s, s:s, s:s?, s:b}", "event", "clients", "command", command,
                             "key", key, "temporary", (int)is_temporary));
    } else {
        if (remark)
            printf("%s\n", remark);
        printf("clients: %s\n", command);
    }
    fflush(stdout);
}

void report_connected(struct report *report, const char *peer, const char *name)
{
    report->connections++;
    if (report->quiet)
        return;
    if (report->json && name)
        print_json(
            json_pack("{s:s, s:s, s:s}", "event", "connected", "peer", peer, "name", name));
    else if (report->json)
        print_json(json_pack("{s:s, s:s}", "event", "connected", "peer", peer));
    else
        printf("%s connected%s%s\n", peer, name ? " as " : "", name ? name : "");
    flush_soon(report);
}

void report_moved(struct report *report, const char *peer, const char *to)
{
    if (report->quiet)
        return;
    if (report->json)
        print_json(json_pack("{s:s, s:s, s:s}", "event", "moved", "peer", peer, "to", to));
    else
        printf("%s moved to %s\n", peer, to);
    flush_soon(report);
}

void report_closed(struct report *report, const char *peer, const char *reason)
{
    char text[256];
    report->failed += reason != NULL;
    if (report->quiet)
        return;
    if (report->json && reason)
        print_json(json_pack("{s:s, s:s, s:s}", "event", "failed", "peer", peer, "reason",
                             quote_clean(reason, text, sizeof text)));
    else if (report->json)
        print_json(json_pack("{s:s, s:s}", "event", "closed", "peer", peer));
    else if (reason)
        printf("%s failed: %s\n", peer, quote_clean(reason, text, sizeof text));
    else
        printf("%s closed\n", peer);
    flush_soon(report);
}

static void print_message(struct report *report, const char *event, const char *peer,
                          unsigned channel, size_t len)
{
    json_t *object =
        json_pack("{s:s, s:I, s:s}", "event", event, "bytes", (json_int_t)len, "peer", peer);
    if (object && !report->plain)
        json_object_set_new(object, "channel", json_integer((json_int_t)channel));
    print_json(object);
}

void report_received(struct report *report, const char *peer, unsigned channel, size_t len)
{
    report->received++;
    report->received_bytes += len;
    if (report->quiet)
        return;
    if (report->json)
        print_message(report, "received", peer, channel, len);
    else
        printf("received %zu bytes from %s\n", len, peer);
    flush_soon(report);
}

void report_sent(struct report *report, const char *peer, unsigned channel, size_t len)
{
    report->sent++;
    report->sent_bytes += len;
    if (report->quiet)
        return;
    if (report->json)
        print_message(report, "sent", peer, channel, len);
    else
        printf("sent %zu bytes back to %s\n", len, peer);
    flush_soon(report);
}

static void print_summary_json(const struct report *report)
{
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I}", "event", "summary", "received",
        (json_int_t)report->received, "received_bytes", (json_int_t)report->received_bytes,
        "sent", (json_int_t)report->sent, "sent_bytes", (json_int_t)report->sent_bytes,
        "unanswered", (json_int_t)report->unanswered);
    if (object && report->plain)
        json_object_set_new(object, "ignored", json_integer((json_int_t)report->ignored));
    if (object && !report->plain) {
        json_object_set_new(object, "connections",
                            json_integer((json_int_t)report->connections));
        json_object_set_new(object, "failed", json_integer((json_int_t)report->failed));
    }
    print_json(object);
}

void report_summary(const struct report *report)
{
    if (report->json) {
        print_summary_json(report);
    } else {
        printf("--- %" PRIu64 " messages (%" PRIu64 " bytes) received, %" PRIu64 " (%" PRIu64
               " bytes) sent back, %" PRIu64 " not answered",
               report->received, report->received_bytes, report->sent, report->sent_bytes,
               report->unanswered);
        if (report->plain)
            printf(", %" PRIu64 " ignored ---\n", report->ignored);
        else
            printf(", %" PRIu64 " connections, %" PRIu64 " failed ---\n", report->connections,
                   report->failed);
    }
    fflush(stdout);
}
