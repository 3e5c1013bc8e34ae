/* Messages that were sent before a dial by name had a winner (dial.h). */
#include "event/dial.h"

#include "event/conn.h"

#include <stdlib.h>

void belay_hold_init(struct belay_hold *hold)
{
    *hold = (struct belay_hold){.last = &hold->first};
}

static void release(const struct belay_source *source)
{
    if (source->release != NULL)
        source->release(source->ctx);
}

static struct belay_held *pop(struct belay_hold *hold)
{
    struct belay_held *held = hold->first;

    if (held == NULL)
        return NULL;
    hold->first = held->next;
    if (hold->first == NULL)
        hold->last = &hold->first;
    hold->bytes -= held->len + BELAY_HELD_COST;
    return held;
}

void belay_hold_dispose(struct belay_hold *hold)
{
    struct belay_held *held;

    while ((held = pop(hold)) != NULL) {
        release(&held->source);
        free(held);
    }
}

int belay_hold_add(struct belay_hold *hold, const struct belay_held *message)
{
    struct belay_held *held = malloc(sizeof(*held));

    if (held == NULL)
        return BELAY_ENOMEM;
    *held = *message;
    held->next = NULL;
    *hold->last = held;
    hold->last = &held->next;
    hold->bytes += held->len + BELAY_HELD_COST;
    hold->count++;
    return 0;
}

/* The core counts what it accepts; the app was told numbers that count what was held. Its
 * callback comes from the ready list: here we may be in the middle of anything. */
static void note_refused(struct belay_conn *conn, const struct belay_held *held,
                         uint64_t number, int error)
{
    size_t size = (conn->refused_count + 1) * sizeof(*conn->refused);
    struct belay_refused *refused = realloc(conn->refused, size);

    if (refused == NULL)
        return; /* later numbers are one off: the lesser evil */
    conn->refused = refused;
    refused += conn->refused_count++;
    refused->number = number;
    refused->error = error;
    refused->notify = (held->flags & BELAY_SEND_NOTIFY) != 0;
}

/* Only the limits that the peer has told us, or memory, can refuse now what was accepted
 * then. */
void belay_hold_hand_over(struct belay_hold *hold, struct belay_conn *conn)
{
    struct belay_held *held;

    for (uint64_t number = 1; (held = pop(hold)) != NULL; number++) {
        int error =
            belay_core_conn_send_source(conn->core, held->channel, held->mode, &held->source,
                                        held->len, held->flags, BELAY_NEVER, NULL);

        if (error != 0)
            note_refused(conn, held, number, error);
        free(held);
    }
}

void belay_hold_give_up(struct belay_hold *hold, struct belay_conn *conn, int error)
{
    struct belay_held *held;

    for (uint64_t number = 1; (held = pop(hold)) != NULL; number++) {
        note_refused(conn, held, number, error);
        release(&held->source);
        free(held);
    }
}

uint64_t belay_hold_number(const struct belay_conn *conn, uint64_t core_number)
{
    uint64_t number = core_number;

    for (size_t i = 0; i < conn->refused_count && conn->refused[i].number <= number; i++)
        number++;
    return number;
}
