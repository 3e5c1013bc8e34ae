/* The sentence behind belay_conn_get_reason: the core's, with the address that only the driver
 * can print. */
#include "event/address.h"
#include "event/conn.h"

#include <stdio.h>

static void format_failed_dial(char *out, const struct belay_core_event *event,
                               const char *address, double tried_s)
{
    switch (event->error) {
    case BELAY_ETIMEDOUT:
        snprintf(out, BELAY_REASON_MAX, "nobody answers at %s (tried for %.1f s)", address,
                 tried_s);
        break;
    case BELAY_EREFUSED:
        /* Without a code it was ICMP, not the peer's library. */
        if (event->close_code == BELAY_CLOSE_NONE)
            snprintf(out, BELAY_REASON_MAX, "connection refused: nothing listens at %s",
                     address);
        else
            snprintf(out, BELAY_REASON_MAX, "%s refused the connection: %.200s", address,
                     event->reason);
        break;
    case BELAY_EUNREACH:
        snprintf(out, BELAY_REASON_MAX, "no way to %s: check the network", address);
        break;
    default:
        snprintf(out, BELAY_REASON_MAX, "cannot connect to %s: %.200s", address,
                 event->reason[0] != '\0' ? event->reason : belay_strerror(event->error));
        break;
    }
}

void belay_reason_format(char *out, const struct belay_core_event *event, bool was_connected,
                         const struct belay_address *remote, uint64_t tried_ns)
{
    char address[BELAY_ADDRESS_TEXT];

    if (!was_connected && event->error != 0 && event->error != BELAY_ECLOSED)
        format_failed_dial(out, event, belay_address_format(remote, address),
                           (double)tried_ns / 1e9);
    else if (event->reason[0] != '\0')
        snprintf(out, BELAY_REASON_MAX, "%s", event->reason);
    else
        snprintf(out, BELAY_REASON_MAX, "%s", belay_strerror(event->error));
}
