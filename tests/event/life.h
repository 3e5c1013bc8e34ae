/*
 * life.h - a connection as its app sees it, and what belay.h promises of it, checked in every
 * callback: none from inside a call, none after it was freed or has ended; one CLOSED; every
 * message once, whole, in order, from the one peer; one sent callback for each, before CLOSED;
 * at EOF all that the peer sent has come, and at an end without an error it has both ways; who
 * closes gracefully, by belay_conn_free too, aborts nothing.
 */
#ifndef BELAY_TESTS_EVENT_LIFE_H
#define BELAY_TESTS_EVENT_LIFE_H

#include "fixture.h"

#include <stdio.h>

#define LIVES             160
#define LIFE_CHANNELS     3
#define LIFE_MESSAGES     4096 /* of one life */
#define LIFE_MESSAGE_SIZE 60000

struct life {
    unsigned id;                     /* 1 and up; 0: nobody's yet */
    struct belay_conn *conn;         /* NULL: freed, or unattended */
    struct belay_conn *reference;    /* kept past that */
    struct belay_endpoint *endpoint; /* also when it is freed, until the endpoint is */
    unsigned flags;                  /* the endpoint's, BELAY_OPT_* */
    struct life *peer;               /* when a message has told */
    bool is_dialed, is_unattended, is_connected, is_starved;
    bool is_closing, is_aborting, is_closed, is_freed, has_eof;
    unsigned accepted, delivered, reported;                /* messages */
    unsigned sent[LIFE_CHANNELS], received[LIFE_CHANNELS]; /* ordered ones */
    unsigned sent_unordered;
    bool has_unordered[LIFE_MESSAGES], is_reported[LIFE_MESSAGES];
};

extern struct life lives[LIVES];

enum life_call {
    LIFE_MESSAGE,
    LIFE_WRITE,
    LIFE_SENT,
    LIFE_CONNECTED,
    LIFE_REBOUND,
    LIFE_EOF,
    LIFE_CLOSED,
    LIFE_ACCEPT,
    LIFE_AUTHORIZE,
    LIFE_DRAINED,
    LIFE_CALLS
};

extern unsigned life_calls[LIFE_CALLS]; /* how many came */
extern bool life_in_call;               /* the app is calling the library */

/* What the app does in a callback of this life, and what it does when it has ended. */
void life_whim(struct life *life);
void life_on_end(struct life *life);
/* Prints what was promised and does not return. */
void life_broken(const struct life *life, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
/* At the start of every callback that is of no life. */
void life_enter(enum life_call call);

/* All as they were never. */
void lives_clear(void);
bool lives_have_room(void);
/* A new one; NULL conn gives NULL. */
struct life *life_begin(struct belay_conn *conn, unsigned flags, bool is_dialed);
/* Its callbacks, with messages or without. */
void life_attend(struct life *life, bool with_messages);
/* No event callback, and no pointer to it: it looks after itself. */
void life_leave_alone(struct life *life);
/* One message; the error that came. */
int life_send(struct life *life, unsigned channel, bool is_ordered, size_t len, bool as_buffer);
void life_broadcast(struct belay_endpoint *endpoint, unsigned channel, size_t len);
void life_close(struct life *life);
void life_abort(struct life *life);
void life_free(struct life *life, bool keep_reference);
/* Its connections went with it. */
void lives_lose(const struct belay_endpoint *endpoint);
bool life_is_open(const struct life *life);

#endif
