#include "event/conn.h"

#include "event/dial.h"
#include "event/endpoint.h"
#include "event/socket.h"

#include <event2/event.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ life */

struct belay_conn *belay_conn_new(struct belay_endpoint *endpoint)
{
    struct belay_conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    conn->endpoint = endpoint;
    conn->references = 1;
    conn->enabled = EV_READ | EV_WRITE;
    conn->born_ns = belay_now_ns();
    belay_list_append(&endpoint->conns, &conn->node);
    endpoint->conn_count++;
    return conn;
}

void belay_conn_unref(struct belay_conn *conn)
{
    if (--conn->references > 0)
        return;
    free(conn->refused);
    free(conn);
}

void belay_conn_attach(struct belay_conn *conn, struct belay_core_conn *core)
{
    conn->core = core;
    belay_core_conn_set_user(core, conn);
    if (conn->low != 0 || conn->high != 0)
        belay_core_conn_set_watermarks(core, conn->low, conn->high);
    belay_conn_update_reading(conn);
}

void belay_conn_detach(struct belay_conn *conn)
{
    if (conn->core == NULL)
        return;
    conn->path = *belay_core_conn_path(conn->core);
    belay_core_conn_stats(conn->core, &conn->stats, sizeof(conn->stats));
    belay_core_conn_set_user(conn->core, NULL);
    belay_core_conn_free(conn->core);
    conn->core = NULL;
}

/* A freed one closes in the background: what comes is thrown away, so that it can end. */
void belay_conn_update_reading(struct belay_conn *conn)
{
    if (conn->core == NULL)
        return;
    if (conn->freed || (conn->on_message != NULL && (conn->enabled & EV_READ) != 0))
        belay_core_conn_resume(conn->core);
    else
        belay_core_conn_pause(conn->core);
    belay_endpoint_mark_work(conn->endpoint);
}

void belay_conn_make_ready(struct belay_conn *conn)
{
    if (!belay_list_is_linked(&conn->ready))
        belay_list_append(&conn->endpoint->ready, &conn->ready);
    belay_endpoint_mark_work(conn->endpoint);
}

void belay_conn_write_later(struct belay_conn *conn)
{
    conn->write_due = true;
    if ((conn->enabled & EV_WRITE) != 0)
        belay_conn_make_ready(conn);
}

void belay_conn_bury(struct belay_conn *conn)
{
    belay_list_remove(&conn->ready);
    belay_list_remove(&conn->node);
    belay_list_append(&conn->endpoint->dead, &conn->node);
}

void belay_conn_fail(struct belay_conn *conn, int error, int system_error, const char *format,
                     ...)
{
    va_list args;

    if (conn->closed)
        return;
    va_start(args, format);
    vsnprintf(conn->reason, sizeof(conn->reason), format, args);
    va_end(args);
    conn->error = error;
    conn->system_error = system_error;
    conn->closed = conn->closed_due = true;
    if (conn->dial != NULL) {
        belay_hold_give_up(&conn->dial->hold, conn, error);
        belay_dial_free(conn->dial);
    }
    belay_conn_detach(conn);
    if (conn->freed) /* in the background: nobody to tell */
        belay_conn_bury(conn);
    else
        belay_conn_make_ready(conn);
}

void belay_reap(struct belay_endpoint *endpoint)
{
    struct belay_list *node;

    while ((node = belay_list_first(&endpoint->dead)) != NULL) {
        struct belay_conn *conn = (struct belay_conn *)(void *)node;

        belay_list_remove(node);
        if (conn->dial != NULL)
            belay_dial_free(conn->dial);
        belay_conn_detach(conn);
        conn->endpoint = NULL;
        belay_conn_unref(conn);
    }
}

/* Whether it goes on without its owner, to close gracefully. */
static bool close_in_background(struct belay_conn *conn)
{
    if ((conn->endpoint->flags & BELAY_OPT_CLOSE_ON_FREE) == 0 || conn->closed)
        return false;
    belay_conn_close(conn); /* or was asked to before */
    belay_conn_update_reading(conn);
    belay_list_remove(&conn->ready);
    belay_list_remove(&conn->node);
    belay_list_append(&conn->endpoint->closing, &conn->node);
    return true;
}

static void free_as(struct belay_conn *conn, bool may_close)
{
    struct belay_endpoint *endpoint = conn->endpoint;

    if (conn->freed || endpoint == NULL)
        return;
    conn->freed = true;
    endpoint->conn_count--;
    belay_endpoint_mark_work(endpoint);
    if (may_close && close_in_background(conn))
        return;
    belay_conn_bury(conn);
    if (endpoint->busy > 0)
        return;
    belay_reap(endpoint);
    belay_endpoint_release_unused(endpoint);
}

void belay_conn_free(struct belay_conn *conn)
{
    if (conn != NULL)
        free_as(conn, true);
}

void belay_conn_incref(struct belay_conn *conn)
{
    conn->references++;
}

void belay_conn_decref(struct belay_conn *conn)
{
    belay_conn_unref(conn);
}

/* ------------------------------------------------------------------ ending */

int belay_conn_close(struct belay_conn *conn)
{
    int error;

    if (conn->endpoint == NULL || conn->closed)
        return BELAY_ENOTCONN;
    if (conn->dial != NULL) {
        if (conn->dial->close_asked)
            return BELAY_ECLOSED;
        conn->dial->close_asked = true;
        return 0;
    }
    error = belay_core_conn_close(conn->core);
    belay_endpoint_mark_work(conn->endpoint);
    return error;
}

void belay_conn_abort(struct belay_conn *conn, uint64_t code, const char *reason)
{
    if (conn->endpoint == NULL || conn->closed)
        return;
    if (conn->dial != NULL) {
        conn->close_code = code != 0 ? code : BELAY_CLOSE_ABORTED;
        belay_conn_fail(conn, BELAY_ECLOSED, 0, "%s",
                        reason != NULL ? reason : "aborted by the app");
        return;
    }
    belay_core_conn_abort(conn->core, code, reason);
    belay_endpoint_mark_work(conn->endpoint);
}

void belay_conn_reject(struct belay_conn *conn, uint64_t code, const char *reason)
{
    belay_conn_abort(conn, code, reason);
    free_as(conn, false);
}

/* ------------------------------------------------------------------ switches */

void belay_conn_setcb(struct belay_conn *conn, belay_message_cb message, belay_write_cb write,
                      belay_event_cb event, void *ctx)
{
    conn->on_message = message;
    conn->on_write = write;
    conn->on_event = event;
    conn->unattended = event == NULL;
    conn->ctx = ctx;
    belay_conn_update_reading(conn);
}

void belay_conn_set_sent_cb(struct belay_conn *conn, belay_sent_cb sent)
{
    conn->on_sent = sent;
}

int belay_conn_enable(struct belay_conn *conn, short events)
{
    if ((events & ~(EV_READ | EV_WRITE)) != 0)
        return BELAY_EINVAL;
    conn->enabled |= events;
    belay_conn_update_reading(conn);
    if ((events & EV_WRITE) != 0 && conn->write_due && !conn->closed && !conn->freed)
        belay_conn_make_ready(conn);
    return 0;
}

int belay_conn_disable(struct belay_conn *conn, short events)
{
    if ((events & ~(EV_READ | EV_WRITE)) != 0)
        return BELAY_EINVAL;
    conn->enabled &= (short)~events;
    belay_conn_update_reading(conn);
    return 0;
}

void belay_conn_setwatermark(struct belay_conn *conn, size_t low, size_t high)
{
    conn->low = low;
    conn->high = high;
    if (conn->core != NULL)
        belay_core_conn_set_watermarks(conn->core, low, high);
    if (conn->endpoint != NULL)
        belay_endpoint_mark_work(conn->endpoint);
}
