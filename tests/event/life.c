#include "life.h"

#include <event2/buffer.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct life lives[LIVES];
unsigned life_calls[LIFE_CALLS];
bool life_in_call;

/*
 * What a message begins with. From 0: to all of an endpoint. Shorter ones say nothing. The
 * process, because a dial may find another's server at a port that was one of ours: of its
 * lives nothing is known here.
 */
struct mark {
    uint32_t process, from, number, is_ordered;
};

static uint8_t message[LIFE_MESSAGE_SIZE], pattern[LIFE_MESSAGE_SIZE + 256];

/* ------------------------------------------------------------------ messages */

static void write_message(const struct mark *mark, size_t len)
{
    if (pattern[0] == 0)
        for (size_t i = 0; i < sizeof(pattern); i++)
            pattern[i] = (uint8_t)(1 + i * i / 7);
    memcpy(message, pattern + mark->number % 251, len);
    if (len >= sizeof(*mark))
        memcpy(message, mark, sizeof(*mark));
}

static bool is_whole(const uint8_t *data, size_t len, const struct mark *mark)
{
    return memcmp(data + sizeof(*mark), pattern + mark->number % 251 + sizeof(*mark),
                  len - sizeof(*mark)) == 0;
}

static void link_peers(struct life *life, uint32_t from)
{
    struct life *peer = from <= LIVES ? &lives[from - 1] : NULL;

    if (peer == NULL || peer->id == 0 || peer == life || peer->is_dialed == life->is_dialed)
        life_broken(life, "a message of %u", from);
    if (life->peer == NULL && peer->peer == NULL) {
        life->peer = peer;
        peer->peer = life;
    }
    if (life->peer != peer)
        life_broken(life, "a message of %u, whose peer is %u; its own is %u", from,
                    peer->peer != NULL ? peer->peer->id : 0,
                    life->peer != NULL ? life->peer->id : 0);
}

static void take_unordered(struct life *life, uint32_t number)
{
    if (number >= LIFE_MESSAGES || life->has_unordered[number])
        life_broken(life, "unordered message %u came twice", number);
    life->has_unordered[number] = true;
}

static void take(struct life *life, unsigned channel, const uint8_t *data, size_t len)
{
    struct mark mark = {.is_ordered = true};

    if (len >= sizeof(mark))
        memcpy(&mark, data, sizeof(mark));
    if (len >= sizeof(mark) && !is_whole(data, len, &mark))
        life_broken(life, "a message of %zu bytes is damaged", len);
    life->delivered++;
    if (len >= sizeof(mark) && mark.process != (uint32_t)getpid())
        return;
    if (mark.from != 0)
        link_peers(life, mark.from);
    if (!mark.is_ordered)
        take_unordered(life, mark.number);
    else if (life->received[channel]++ != mark.number && mark.from != 0)
        life_broken(life, "message %u on channel %u where %u is due", mark.number, channel,
                    life->received[channel] - 1);
}

/* ------------------------------------------------------------------ callbacks */

void life_enter(enum life_call call)
{
    if (life_in_call)
        life_broken(NULL, "a callback from inside a call");
    life_calls[call]++;
}

static struct life *enter(void *ctx, const struct belay_conn *conn, enum life_call call)
{
    struct life *life = ctx;

    life_enter(call);
    if (life->is_freed)
        life_broken(life, "a callback after it was freed");
    if (life->is_closed)
        life_broken(life, "a callback after CLOSED");
    if (!life->is_unattended && life->conn != conn)
        life_broken(life, "a callback with another's connection");
    return life;
}

static void on_message(struct belay_conn *conn, unsigned channel, const void *data, size_t len,
                       void *ctx)
{
    struct life *life = enter(ctx, conn, LIFE_MESSAGE);
    uint64_t hash = hash_bytes(0, data, len);

    if (!life->is_connected || life->has_eof || channel >= LIFE_CHANNELS)
        life_broken(life, "a message at the wrong time or place");
    take(life, channel, data, len);
    life_whim(life);
    if (hash_bytes(0, data, len) != hash) /* borrowed until now, whatever was freed */
        life_broken(life, "a message changed in its callback");
}

static void on_write(struct belay_conn *conn, void *ctx)
{
    struct life *life = enter(ctx, conn, LIFE_WRITE);

    life->is_starved = false;
    life_whim(life);
}

static void on_sent(struct belay_conn *conn, uint64_t number, int error, void *ctx)
{
    struct life *life = enter(ctx, conn, LIFE_SENT);

    (void)error;
    if (number == 0 || number > life->accepted || life->is_reported[number - 1])
        life_broken(life, "message %u of %u is reported, or twice", (unsigned)number,
                    life->accepted);
    life->is_reported[number - 1] = true;
    life->reported++;
    life_whim(life);
}

static void check_received(const struct life *life)
{
    const struct life *peer = life->peer;

    if (peer == NULL)
        return;
    if (!peer->is_closing && !peer->is_unattended)
        life_broken(life, "its peer, %u, has closed, and did not", peer->id);
    if (life->delivered != peer->accepted)
        life_broken(life, "%u messages came of %u", life->delivered, peer->accepted);
}

static void check_abort(const struct life *life)
{
    uint64_t code = belay_conn_get_close_code(life->conn);

    if (belay_conn_get_error(life->conn) == BELAY_ERESET && life->peer != NULL &&
        (code == BELAY_CLOSE_ABORTED || code == BELAY_CLOSE_APP) && !life->peer->is_aborting)
        life_broken(life, "aborted by its peer, %u, which did not", life->peer->id);
}

static void on_closed(struct life *life, short what)
{
    bool failed = (what & BELAY_EVENT_ERROR) != 0;
    struct belay_stats stats;

    belay_conn_get_stats(life->conn, &stats, sizeof(stats));
    if (failed != (belay_conn_get_error(life->conn) != 0))
        life_broken(life, "CLOSED says that it failed, or not, and the getter does not");
    if (life->reported != life->accepted)
        life_broken(life, "%u sent callbacks for %u messages", life->reported, life->accepted);
    if (!failed && stats.messages_acknowledged != life->accepted)
        life_broken(life, "closed with %u messages of %u acknowledged",
                    (unsigned)stats.messages_acknowledged, life->accepted);
    if (!failed)
        check_received(life);
    check_abort(life);
    life->is_closed = true;
    life_on_end(life);
}

static void on_event(struct belay_conn *conn, short what, void *ctx)
{
    bool is_up = (what & BELAY_EVENT_CONNECTED) != 0, is_eof = (what & BELAY_EVENT_EOF) != 0;
    struct life *life = enter(ctx, conn,
                              is_up                               ? LIFE_CONNECTED
                              : is_eof                            ? LIFE_EOF
                              : (what & BELAY_EVENT_REBOUND) != 0 ? LIFE_REBOUND
                                                                  : LIFE_CLOSED);

    if ((what & BELAY_EVENT_CLOSED) != 0) {
        on_closed(life, what);
        return;
    }
    if (is_up == life->is_connected || (is_eof && life->has_eof))
        life_broken(life, "event 0x%x at the wrong time", (unsigned)what);
    life->is_connected = true;
    life->has_eof |= is_eof;
    if (is_eof)
        check_received(life);
    life_whim(life);
}

/* ------------------------------------------------------------------ lives */

void lives_clear(void)
{
    memset(lives, 0, sizeof(lives));
}

bool lives_have_room(void)
{
    return lives[LIVES - 1].id == 0;
}

struct life *life_begin(struct belay_conn *conn, unsigned flags, bool is_dialed)
{
    struct life *life = lives;

    if (conn == NULL)
        return NULL;
    while (life->id != 0)
        life++;
    life->id = (unsigned)(life - lives) + 1;
    life->conn = conn;
    life->endpoint = belay_conn_get_endpoint(conn);
    life->flags = flags;
    life->is_dialed = is_dialed;
    life->is_connected = !is_dialed;
    life_attend(life, true);
    belay_conn_set_sent_cb(conn, on_sent);
    return life;
}

void life_attend(struct life *life, bool with_messages)
{
    belay_conn_setcb(life->conn, with_messages ? on_message : NULL, on_write, on_event, life);
}

void life_leave_alone(struct life *life)
{
    belay_conn_setcb(life->conn, on_message, on_write, NULL, life);
    life->is_unattended = true;
    life->conn = NULL;
}

bool life_is_open(const struct life *life)
{
    return life->conn != NULL && !life->is_closed;
}

static int send_buffer(struct life *life, unsigned channel, enum belay_mode mode, size_t len,
                       uint64_t *number)
{
    struct evbuffer *buffer = evbuffer_new();
    int error;

    evbuffer_add(buffer, message, len / 3);
    evbuffer_add(buffer, message + len / 3, len - len / 3);
    error = belay_conn_send_buffer(life->conn, channel, mode, buffer, 0, BELAY_NEVER, number);
    if (evbuffer_get_length(buffer) != (error == 0 ? 0 : len) ||
        (error != 0 && len > 0 && memcmp(evbuffer_pullup(buffer, -1), message, len) != 0))
        life_broken(life, "the buffer is not as it was, or not empty");
    evbuffer_free(buffer);
    return error;
}

static void note_sent(struct life *life, uint64_t number, int error)
{
    if (error == 0 && (life->is_closing || life->is_closed || number != life->accepted + 1))
        life_broken(life, "message %u was taken as number %u", life->accepted + 1,
                    (unsigned)number);
    if (error == BELAY_ECLOSED ? !life->is_closing
                               : error != 0 && error != BELAY_EAGAIN && error != BELAY_ENOTCONN)
        life_broken(life, "send says: %s", belay_strerror(error));
    if (error == 0)
        life->accepted++;
    life->is_starved |= error == BELAY_EAGAIN;
}

int life_send(struct life *life, unsigned channel, bool is_ordered, size_t len, bool as_buffer)
{
    enum belay_mode mode = is_ordered ? BELAY_RELIABLE_ORDERED : BELAY_RELIABLE_UNORDERED;
    unsigned *sent = is_ordered ? &life->sent[channel] : &life->sent_unordered;
    struct mark mark;
    uint64_t number = 0;
    int error;

    if (life->accepted + 1 >= LIFE_MESSAGES)
        return BELAY_EAGAIN;
    if (!is_ordered && len < sizeof(mark))
        len = sizeof(mark);
    memset(&mark, 0, sizeof(mark));
    mark.process = (uint32_t)getpid();
    mark.from = life->id;
    mark.number = *sent;
    mark.is_ordered = is_ordered;
    write_message(&mark, len);
    error = as_buffer ? send_buffer(life, channel, mode, len, &number)
                      : belay_conn_send_message(life->conn, channel, mode, message, len, 0,
                                                BELAY_NEVER, &number);
    note_sent(life, number, error);
    *sent += error == 0;
    return error;
}

static uint64_t taken_by(const struct life *life)
{
    struct belay_stats stats;

    belay_conn_get_stats(life->conn, &stats, sizeof(stats));
    return stats.messages_sent;
}

/* Which ones took it is told by their own count. */
void life_broadcast(struct belay_endpoint *endpoint, unsigned channel, size_t len)
{
    struct mark mark = {.process = (uint32_t)getpid(), .is_ordered = true};
    uint64_t before[LIVES] = {0};
    size_t taken, counted = 0;

    for (size_t i = 0; i < LIVES; i++) {
        if (lives[i].endpoint == endpoint && lives[i].accepted + 1 >= LIFE_MESSAGES)
            return;
        if (lives[i].endpoint == endpoint && lives[i].is_unattended)
            return; /* it cannot be asked */
        if (lives[i].endpoint == endpoint && lives[i].conn != NULL)
            before[i] = taken_by(&lives[i]);
    }
    write_message(&mark, len);
    taken = belay_endpoint_broadcast(endpoint, channel, BELAY_RELIABLE_ORDERED, message, len);
    for (size_t i = 0; i < LIVES; i++) {
        if (lives[i].endpoint != endpoint || lives[i].conn == NULL ||
            taken_by(&lives[i]) == before[i])
            continue;
        counted++;
        lives[i].accepted++;
        lives[i].sent[channel]++;
    }
    if (counted != taken)
        life_broken(NULL, "a broadcast says %zu, and %zu have it", taken, counted);
}

void life_close(struct life *life)
{
    int error = belay_conn_close(life->conn);

    if (error == 0 ? life->is_closing || life->is_closed
                   : error != BELAY_ENOTCONN && (error != BELAY_ECLOSED || !life->is_closing))
        life_broken(life, "close says: %s", belay_strerror(error));
    life->is_closing = true;
}

void life_abort(struct life *life)
{
    belay_conn_abort(life->conn, BELAY_CLOSE_APP, "a whim");
    life->is_closing = life->is_aborting = true;
}

void life_free(struct life *life, bool keep_reference)
{
    struct belay_conn *conn = life->conn;

    life->conn = NULL;
    life->is_freed = life->is_closing = true;
    life->is_aborting |= (life->flags & BELAY_OPT_CLOSE_ON_FREE) == 0;
    if (keep_reference) {
        belay_conn_incref(conn);
        life->reference = conn;
    }
    belay_conn_free(conn);
}

void lives_lose(const struct belay_endpoint *endpoint)
{
    for (struct life *life = lives; life < lives + LIVES; life++) {
        if (life->id == 0 || life->endpoint != endpoint)
            continue;
        life->conn = NULL;
        life->endpoint = NULL;
        life->is_freed = life->is_closing = life->is_aborting = true;
    }
}
