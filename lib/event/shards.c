#include "event/shards.h"

#include "event/conn.h"
#include "event/endpoint.h"
#include "event/hooks.h"
#include "event/socket.h"
#include "event/steer.h"

#include <event2/event.h>
#include <openssl/crypto.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS_MAX 256
/* What waits for one endpoint at most: a burst, not a backlog. */
#define PARCELS_MAX      1024
#define PARCEL_BYTES_MAX (4u << 20)

/* A datagram on its way to another thread. */
struct parcel {
    struct parcel *next;
    struct belay_path path; /* socket: the place in the group */
    unsigned ecn;
    size_t len;
    uint8_t bytes[];
};

struct shard {
    pthread_mutex_t lock; /* of all that follows but wake */
    struct parcel *first, **last;
    unsigned count;
    size_t bytes;
    bool is_open; /* its endpoint is there */
    int wake_fd;
    struct event *wake;
    struct belay_endpoint *endpoint; /* of its own thread alone */
};

struct belay_shards {
    pthread_mutex_t lock;
    unsigned refs; /* endpoints, and who made it */
    unsigned count;
    unsigned places; /* addresses bound */
    struct belay_config config;
    struct shard shards[];
};

/* ------------------------------------------------------------------ the group */

static void init_shard(struct shard *shard)
{
    pthread_mutex_init(&shard->lock, NULL);
    shard->last = &shard->first;
    shard->wake_fd = -1;
}

/* So that all understand each other's cookies, resets and connection IDs, and have one key. */
static void share_keys(struct belay_core_config *core, unsigned count)
{
    const struct belay_random *random = &belay_hooks_random;

    if (!core->insecure && !core->has_private_key)
        random->fill(random->ctx, core->private_key, sizeof(core->private_key));
    core->has_private_key = !core->insecure;
    if (!core->has_reset_key)
        random->fill(random->ctx, core->reset_key, sizeof(core->reset_key));
    core->has_reset_key = true;
    if (!core->has_cookie_key)
        random->fill(random->ctx, core->cookie_key, sizeof(core->cookie_key));
    core->has_cookie_key = true;
    random->fill(random->ctx, &core->shard_key, sizeof(core->shard_key));
    core->shard_count = count;
}

struct belay_shards *belay_shards_new(const struct belay_config *config, unsigned count)
{
    struct belay_shards *shards;

    if (!belay_steer_can()) {
        errno = ENOTSUP;
        return NULL;
    }
    if (count == 0 || count > SHARDS_MAX) {
        errno = EINVAL;
        return NULL;
    }
    shards = calloc(1, sizeof(*shards) + count * sizeof(shards->shards[0]));
    if (shards == NULL)
        return NULL;
    if (config != NULL)
        shards->config = *config;
    else
        belay_config_init(&shards->config);
    share_keys(&shards->config.core, count);
    pthread_mutex_init(&shards->lock, NULL);
    shards->refs = 1;
    shards->count = count;
    for (unsigned i = 0; i < count; i++)
        init_shard(&shards->shards[i]);
    return shards;
}

static void release(struct belay_shards *shards)
{
    unsigned refs;

    pthread_mutex_lock(&shards->lock);
    refs = --shards->refs;
    pthread_mutex_unlock(&shards->lock);
    if (refs > 0)
        return;
    for (unsigned i = 0; i < shards->count; i++) {
        pthread_mutex_destroy(&shards->shards[i].lock);
        belay_steer_wake_close(shards->shards[i].wake_fd);
    }
    pthread_mutex_destroy(&shards->lock);
    OPENSSL_cleanse(&shards->config, sizeof(shards->config));
    free(shards);
}

void belay_shards_free(struct belay_shards *shards)
{
    if (shards != NULL)
        release(shards);
}

/* ------------------------------------------------------------------ what is handed over */

static void free_parcels(struct parcel *parcel)
{
    while (parcel != NULL) {
        struct parcel *next = parcel->next;

        free(parcel);
        parcel = next;
    }
}

static struct parcel *take_parcels(struct shard *shard)
{
    struct parcel *first;

    pthread_mutex_lock(&shard->lock);
    first = shard->first;
    shard->first = NULL;
    shard->last = &shard->first;
    shard->count = 0;
    shard->bytes = 0;
    pthread_mutex_unlock(&shard->lock);
    return first;
}

/* Ours at the same address. */
static const struct belay_socket *socket_at(const struct belay_endpoint *endpoint,
                                            uint32_t place)
{
    for (unsigned i = 0; i < endpoint->socket_count; i++)
        if (endpoint->sockets[i]->shard_place == place && endpoint->sockets[i]->fd >= 0)
            return endpoint->sockets[i];
    return NULL;
}

static void unpack(struct belay_endpoint *endpoint, struct parcel *parcel, uint64_t now_ns)
{
    const struct belay_socket *sock = socket_at(endpoint, parcel->path.socket);

    if (sock == NULL)
        return;
    parcel->path.socket = sock->index;
    belay_core_receive(endpoint->core, &parcel->path, parcel->bytes, parcel->len, 0,
                       parcel->ecn, now_ns);
    belay_dispatch(endpoint);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct shard *shard = ctx;
    struct belay_endpoint *endpoint = shard->endpoint;
    uint64_t now_ns = belay_now_ns();
    struct parcel *first, *parcel;

    (void)what;
    belay_steer_wake_clear(fd);
    first = take_parcels(shard);
    belay_endpoint_enter(endpoint);
    for (parcel = first; parcel != NULL && !endpoint->freed; parcel = parcel->next)
        unpack(endpoint, parcel, now_ns);
    belay_endpoint_mark_work(endpoint);
    belay_endpoint_leave(endpoint);
    free_parcels(first);
}

/* False: it has no room for it, or is gone. */
static bool put(struct shard *shard, struct parcel *parcel)
{
    bool is_first = false, fits;

    pthread_mutex_lock(&shard->lock);
    fits = shard->is_open && shard->count < PARCELS_MAX &&
           parcel->len <= PARCEL_BYTES_MAX - shard->bytes;
    if (fits) {
        is_first = shard->count++ == 0;
        shard->bytes += parcel->len;
        *shard->last = parcel;
        shard->last = &parcel->next;
    }
    /* Within the lock: the descriptor lives as long as the endpoint does. */
    if (is_first)
        belay_steer_wake(shard->wake_fd);
    pthread_mutex_unlock(&shard->lock);
    return fits;
}

static void hand_over(const struct belay_socket *sock, uint32_t to,
                      const struct belay_path *path, const uint8_t *data, size_t len,
                      unsigned ecn)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    struct parcel *parcel = malloc(sizeof(*parcel) + len);

    endpoint->stats.handed_over++;
    if (parcel == NULL) {
        endpoint->stats.handovers_dropped++;
        return;
    }
    parcel->next = NULL;
    parcel->path = *path;
    parcel->path.socket = sock->shard_place;
    parcel->ecn = ecn;
    parcel->len = len;
    memcpy(parcel->bytes, data, len);
    if (put(&endpoint->shards->shards[to], parcel))
        return;
    endpoint->stats.handovers_dropped++;
    free(parcel);
}

/* How many bytes from data on, whole datagrams, are for this endpoint. */
static size_t ours(const struct belay_endpoint *endpoint, const uint8_t *data, size_t len,
                   size_t segment_size, uint32_t *other)
{
    size_t done = 0;

    while (done < len) {
        size_t left = len - done;
        uint32_t shard = belay_core_shard_of(endpoint->core, data + done,
                                             left < segment_size ? left : segment_size);

        if (shard != endpoint->config.core.shard_index) {
            *other = shard;
            return done;
        }
        done += left < segment_size ? left : segment_size;
    }
    return done;
}

void belay_shards_receive(struct belay_socket *sock, const struct belay_path *path,
                          uint8_t *data, size_t len, size_t segment_size, unsigned ecn,
                          uint64_t now_ns)
{
    struct belay_endpoint *endpoint = sock->endpoint;
    size_t segment = segment_size > 0 ? segment_size : len;
    uint32_t other = 0;

    while (len > 0) {
        size_t part = sock->shard_place > 0 ? ours(endpoint, data, len, segment, &other) : len;

        if (part > 0) {
            belay_core_receive(endpoint->core, path, data, part, segment_size, ecn, now_ns);
        } else {
            part = len < segment ? len : segment;
            hand_over(sock, other, path, data, part, ecn);
        }
        data += part;
        len -= part;
    }
}

/* ------------------------------------------------------------------ endpoints */

static int open_wake(struct shard *shard, struct event_base *base)
{
    shard->wake_fd = belay_steer_wake_open();
    if (shard->wake_fd < 0)
        return -1;
    shard->wake = event_new(base, shard->wake_fd, EV_READ | EV_PERSIST, on_wake, shard);
    return shard->wake != NULL && event_add(shard->wake, NULL) == 0 ? 0 : -1;
}

static void close_wake(struct shard *shard)
{
    int saved = errno;

    if (shard->wake != NULL)
        event_free(shard->wake);
    shard->wake = NULL;
    belay_steer_wake_close(shard->wake_fd);
    shard->wake_fd = -1;
    errno = saved;
}

static void join(struct belay_shards *shards, struct shard *shard,
                 struct belay_endpoint *endpoint)
{
    endpoint->shards = shards;
    shard->endpoint = endpoint;
    pthread_mutex_lock(&shard->lock);
    shard->is_open = true;
    pthread_mutex_unlock(&shard->lock);
    pthread_mutex_lock(&shards->lock);
    shards->refs++;
    pthread_mutex_unlock(&shards->lock);
}

struct belay_endpoint *belay_shards_endpoint(struct belay_shards *shards, unsigned index,
                                             struct event_base *base, unsigned flags)
{
    struct belay_config config = shards->config;
    struct belay_endpoint *endpoint;
    struct shard *shard;

    if (index >= shards->count || shards->shards[index].endpoint != NULL || base == NULL) {
        errno = EINVAL;
        return NULL;
    }
    shard = &shards->shards[index];
    config.core.shard_index = index;
    if (open_wake(shard, base) != 0) {
        close_wake(shard);
        return NULL;
    }
    endpoint = belay_endpoint_new(base, &config, flags | BELAY_OPT_REUSEABLE_PORT);
    OPENSSL_cleanse(&config, sizeof(config));
    if (endpoint == NULL)
        close_wake(shard);
    else
        join(shards, shard, endpoint);
    return endpoint;
}

void belay_shards_leave(struct belay_endpoint *endpoint)
{
    struct belay_shards *shards = endpoint->shards;
    struct shard *shard;

    if (shards == NULL)
        return;
    shard = &shards->shards[endpoint->config.core.shard_index];
    pthread_mutex_lock(&shard->lock);
    shard->is_open = false;
    pthread_mutex_unlock(&shard->lock);
    free_parcels(take_parcels(shard));
    close_wake(shard);
    endpoint->shards = NULL;
    release(shards);
}

/* ------------------------------------------------------------------ sockets */

/* And none is gone again. */
static bool are_all_made(const struct belay_shards *shards)
{
    for (unsigned i = 0; i < shards->count; i++)
        if (!shards->shards[i].is_open)
            return false;
    return true;
}

/* Takes back what was bound for a place, and those after it. */
static void unbind(struct belay_shards *shards, uint32_t place)
{
    int saved = errno;

    for (unsigned i = 0; i < shards->count; i++) {
        struct belay_endpoint *endpoint = shards->shards[i].endpoint;

        for (unsigned s = 0; s < endpoint->socket_count; s++)
            if (endpoint->sockets[s]->shard_place >= place) {
                belay_socket_shut(endpoint->sockets[s]);
                endpoint->sockets[s]->shard_place = 0;
            }
    }
    errno = saved;
}

/* The first endpoint has this socket: the others get theirs, in their order, as the kernel
 * counts them. */
static int bind_others(struct belay_shards *shards, struct belay_socket *first)
{
    for (unsigned i = 1; i < shards->count; i++) {
        struct belay_endpoint *endpoint = shards->shards[i].endpoint;
        struct belay_socket *sock;
        int error = belay_socket_bind(endpoint, &first->local, first->v6only, &sock);

        if (error != 0)
            return error;
        sock->shard_place = first->shard_place;
    }
    /* Without it the kernel goes by addresses alone, and more is handed over. */
    belay_steer_attach(first->fd, shards->config.core.shard_key);
    return 0;
}

static bool is_new(const struct belay_socket *sock)
{
    return sock->shard_place == 0 && !sock->is_spare && sock->fd >= 0;
}

/* The first endpoint has bound its sockets. */
static int spread(struct belay_shards *shards)
{
    struct belay_endpoint *first = shards->shards[0].endpoint;
    unsigned before = shards->places;

    for (unsigned i = 0; i < first->socket_count; i++)
        if (is_new(first->sockets[i]))
            first->sockets[i]->shard_place = ++shards->places;
    for (unsigned i = 0; i < first->socket_count; i++) {
        int error = first->sockets[i]->shard_place > before
                        ? bind_others(shards, first->sockets[i])
                        : 0;

        if (error == 0)
            continue;
        unbind(shards, before + 1);
        shards->places = before;
        return error;
    }
    return 0;
}

int belay_shards_bind(struct belay_shards *shards, const struct sockaddr *addr, int socklen)
{
    struct belay_endpoint *first = shards->shards[0].endpoint;
    int error = BELAY_EINVAL;

    if (are_all_made(shards))
        error = belay_endpoint_bind(first, addr, socklen);
    return error != 0 ? error : spread(shards);
}

int belay_shards_bind_any(struct belay_shards *shards, unsigned port)
{
    struct belay_endpoint *first = shards->shards[0].endpoint;
    int error = BELAY_EINVAL;

    if (are_all_made(shards))
        error = belay_endpoint_bind_any(first, port);
    return error != 0 ? error : spread(shards);
}
