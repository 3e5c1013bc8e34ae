/*
 * sim.h - the deterministic simulator: cores on hosts, links of netsim's model between them,
 * virtual time. Everything follows from one seed: the links' fates, what the cores draw, late
 * timers, message contents. The same seed gives the same run, byte for byte (sim_hash).
 *
 *     sim = sim_new(seed)
 *     a = sim_host_new(sim, "client", NULL); b = sim_host_new(sim, "server", NULL);
 *     sim_link(a, b, "delay 20ms loss 5%"); sim_link(b, a, "delay 20ms");
 *     sim_listen(b); conn = sim_connect(a, b);
 *     sim_send(conn, channel, mode, size);
 *     assert_true(sim_run_until(sim, sim_is_delivered, conn, 10 * SIM_S));
 *     sim_free(sim);
 *
 * Checkers (checks.h) look at every event, packet and turn of every host. The first broken
 * promise prints what, when, how to replay it, and the ladder of the last packets (60, or
 * BELAY_SIM_LADDER in the environment); then sim_stop ends the test.
 *
 * A driver's duties are played as include/belay/core.h says: a received buffer is freed after
 * the poll, so that a sanitizer sees who reads it later.
 */
#ifndef BELAY_TESTS_SIM_H
#define BELAY_TESTS_SIM_H

#include <belay/core.h>

#include "base/heap.h"
#include "netsim/model/link.h"
#include "sim/checks.h"
#include "sim/count.h"
#include "sim/message.h"
#include "support/random.h"

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S  UINT64_C(1000000000)

#define SIM_HEADER_BYTES 28 /* IPv4 and UDP, as a link counts them */
#define SIM_FIRST_PORT   10000
#define SIM_NAT_PORTS    1000 /* sockets of a host, and how far its ports jump when rebound */
#define SIM_NAT_MAX      50
#define SIM_LADDER_MAX   4096 /* packets remembered */

struct sim;
struct sim_host;
struct sim_conn;

/* ------------------------------------------------------------------ what happens when */

enum sim_node_kind { SIM_NODE_HOST, SIM_NODE_LINK, SIM_NODE_ACTION };

struct sim_node {
    struct belay_heap_node heap; /* first: a heap node is a sim_node */
    enum sim_node_kind kind;
};

/* ------------------------------------------------------------------ packets and links */

struct sim_packet {
    unsigned refs;
    uint64_t id, sent_ns;
    struct sim_host *from, *to;
    struct belay_address from_address, to_address;
    struct sim_conn *conn; /* who sent it, NULL: no connection's (a stateless answer) */
    char type;             /* as struct belay_trace */
    uint64_t number;
    unsigned ecn;
    size_t len, frames_len;
    uint8_t *bytes, *frames;
    uint32_t kinds; /* of frames in it: bits of enum sim_kind */
    /* what became of it */
    unsigned copies; /* on the way */
    unsigned arrived;
    const char *lost; /* why the last lost copy was */
    const char *verdict;
    uint64_t arrived_ns;
    bool duplicated, reordered, damaged;
};

enum sim_kind {
    SIM_PADDING,
    SIM_PING,
    SIM_ACK,
    SIM_MAX_DATA,
    SIM_MAX_MESSAGES,
    SIM_DATA_BLOCKED,
    SIM_MESSAGES_BLOCKED,
    SIM_FIN,
    SIM_CLOSE,
    SIM_NEW_CONNECTION_ID,
    SIM_RETIRE_CONNECTION_ID,
    SIM_PATH_CHALLENGE,
    SIM_PATH_RESPONSE,
    SIM_MESSAGE,
    SIM_RUN,
    SIM_FRAGMENT,
    SIM_KINDS,
};
#define SIM_ELICITING                                                                          \
    (~(1u << SIM_PADDING | 1u << SIM_ACK | 1u << SIM_CLOSE | 1u << SIM_PATH_CHALLENGE |        \
       1u << SIM_PATH_RESPONSE) &                                                              \
     ((1u << SIM_KINDS) - 1))

static inline bool sim_packet_has(const struct sim_packet *packet, enum sim_kind kind)
{
    return packet->kinds >> kind & 1;
}

/* One of the search for larger datagrams: a PING that fills its packet, in no window. */
static inline bool sim_packet_is_mtu_probe(const struct sim_packet *packet)
{
    return packet->kinds == 1u << SIM_PING && packet->frames_len > 1;
}

/* True: the packet is lost. */
typedef bool sim_filter(void *ctx, const struct sim_packet *packet);

struct sim_link {
    struct sim_node node;
    struct sim *sim;
    struct sim_host *from, *to;
    struct netsim_link *model;
    sim_filter *filter;
    void *filter_ctx;
    bool down;                  /* a blackout: all is lost */
    uint32_t mtu_bytes;         /* x-mtu: longer IP packets are lost; 0: none are */
    unsigned truncate_permille; /* datagrams cut short at a random length */
    uint64_t packets;           /* came in, lost ones too */
};

/* ------------------------------------------------------------------ hosts */

struct sim_memory {
    struct sim *sim;
    size_t used, peak, calls;
    size_t fail_every; /* every n-th call on average finds no memory; 0: never */
    struct test_random random;
    long long uncounted; /* taken, but not told by belay_core_memory_bytes: constant */
};

typedef void sim_on_event(struct sim_conn *conn, const struct belay_core_event *event);

struct sim_host {
    struct sim_node node; /* its core's deadline */
    struct sim *sim;
    unsigned index;
    char name[16];
    struct belay_core_config config;
    struct belay_core *core; /* NULL: switched off */
    struct sim_memory memory;
    struct test_random random;
    struct sim_link **links;
    size_t link_count;
    /* how its driver behaves */
    uint64_t timer_late_ns; /* at most this late, at random */
    size_t train_capacity;  /* [65536] */
    bool coalesce;          /* hands on trains, as GRO does */
    uint8_t *train_buffer;
    /* its app */
    bool listening;
    bool close_on_eof; /* [true] */
    sim_on_event *on_event;
    void *ctx;
    /* packets told by trace and not yet seen in a train */
    struct sim_packet *traced[1024];
    size_t traced_count;
    /* being received */
    struct sim_packet **arriving;
    size_t arriving_count, arriving_next;
    bool in_turn;
    unsigned rebinds;    /* of the NAT before it: the ports that others see */
    bool asleep;         /* a suspended laptop: neither packets nor timers */
    unsigned idle_turns; /* of the timer, one after the other, that came to nothing */
    uint64_t idle_since_ns;
};

/* ------------------------------------------------------------------ connections */

struct sim_conn {
    struct sim *sim;
    struct sim_host *host;
    struct belay_core_conn *conn; /* NULL: freed, or gone with its core */
    struct sim_conn *peer;        /* NULL: not known yet */
    unsigned index;
    bool is_client;
    /* what it was told (checks.c) */
    bool opened, saw_eof, closed, freed, lost; /* lost: its host was switched off */
    bool paused, want_writable;
    bool peer_is_forged; /* its messages are not ours to check */
    int error;           /* of CLOSED */
    uint64_t close_code;
    char reason[256];
    uint64_t opened_ns, closed_ns, eof_ns;
    /* what it did */
    bool close_asked, aborted;
    struct sim_outgoing out;
    uint64_t delivered, delivered_bytes; /* by MESSAGE events */
    unsigned rebounds;
    uint64_t last_arrival_ns; /* of a packet that was taken */
    struct sim_pump pump;
    /* for the checkers */
    struct sim_watch watch;
    void *ctx; /* the story's */
};

/* ------------------------------------------------------------------ the whole */

struct sim_action {
    struct sim_node node;
    void (*act)(void *ctx);
    void *ctx;
    struct sim_action *next;
};

struct sim {
    uint64_t seed, now_ns, steps, steps_now, steps_max;
    uint64_t hash;
    struct test_random random;
    struct belay_mem mem;
    struct belay_heap heap;
    struct sim_host **hosts;
    size_t host_count;
    struct sim_conn **conns;
    size_t conn_count;
    struct sim_action *actions;
    uint64_t next_packet_id;
    struct sim_packet *ladder[SIM_LADDER_MAX];
    uint64_t ladder_count;
    struct sim_counts counts;
    bool proto_is_fine; /* a story in which somebody does break the protocol */
};

struct sim *sim_new(uint64_t seed);
/* Frees all; checks that every byte came back and every source was released. */
void sim_free(struct sim *sim);

/* config NULL: the defaults. */
struct sim_host *sim_host_new(struct sim *sim, const char *name,
                              const struct belay_core_config *config);
/* Power off, at once: its connections are lost; packets to it vanish. And on again. */
void sim_host_off(struct sim_host *host);
void sim_host_on(struct sim_host *host);
void sim_listen(struct sim_host *host);
/* A NAT before it forgets its ports: what it sends comes from others now, and what is sent to
 * the former ones is lost. */
void sim_host_rebind(struct sim_host *host);
/* Suspends it: packets to it are lost, its timers wait. And wakes it up. */
void sim_host_sleep(struct sim_host *host, bool asleep);

/* The way from one to the other, in netem's words, and x-mtu; asked again: other words, and
 * what is under way is lost. Hosts without it have clean links of 10 ms. */
struct sim_link *sim_link(struct sim_host *from, struct sim_host *to, const char *words);
struct sim_link *sim_link_of(struct sim_host *from, struct sim_host *to);
void sim_filter_set(struct sim_host *from, struct sim_host *to, sim_filter *filter, void *ctx);

struct sim_conn *sim_connect(struct sim_host *client, struct sim_host *server);
/* From the client's socket n (each has a port); shared as in belay_core_connect. NULL: refused.
 */
struct sim_conn *sim_connect_from(struct sim_host *client, struct sim_host *server,
                                  unsigned socket, bool shared, int *error);

/* At now or later; runs act(ctx) once. */
void sim_at(struct sim *sim, uint64_t time_ns, void (*act)(void *ctx), void *ctx);

/* A datagram that somebody else puts before a host, now, from an address of his choice. conn:
 * who sent its original, if it is a copy that may arrive first; else NULL. */
void sim_inject(struct sim_host *to, const struct belay_address *from, struct sim_conn *conn,
                const void *bytes, size_t len);
void sim_unreachable(struct sim_host *host, struct sim_host *remote, int error);

/* One thing happens; false: nothing ever will. */
bool sim_step(struct sim *sim);
/* Until condition(ctx) is true (true), or limit_ns more have passed, or nothing is left. */
bool sim_run_until(struct sim *sim, bool (*condition)(void *ctx), void *ctx, uint64_t limit_ns);
void sim_run_for(struct sim *sim, uint64_t time_ns);

/* Call after app calls made from outside of an event: the core's send is due. */
void sim_wake(struct sim_host *host);

/* Apps: these wrap core's calls of the same name and keep the books. */
int sim_close(struct sim_conn *conn);
/* To the host's socket n. */
int sim_migrate(struct sim_conn *conn, unsigned socket);
void sim_abort(struct sim_conn *conn, uint64_t code, const char *reason);
void sim_conn_free(struct sim_conn *conn);
void sim_pause(struct sim_conn *conn);
void sim_resume(struct sim_conn *conn);
struct belay_stats sim_stats(const struct sim_conn *conn);

/* Conditions for sim_run_until. ctx is a struct sim_conn, or a struct sim for _all. */
bool sim_is_open(void *conn);      /* CONNECTED or ACCEPTED, here and there */
bool sim_is_delivered(void *conn); /* all that was sent has reached the peer's app */
bool sim_is_exchanged(void *conn); /* in both directions */
bool sim_is_settled(void *conn);   /* and all is acknowledged */
bool sim_is_closed(void *conn);    /* here */
bool sim_is_ended(void *conn);     /* here and there, if there is a peer */
bool sim_is_all_ended(void *sim);

/* A digest of every packet sent so far and when. */
uint64_t sim_hash(const struct sim *sim);

/* ------------------------------------------------------------------ when a promise breaks */

/* Prints the sentence, the virtual time, how to replay, the ladder; ends the test. */
_Noreturn void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_ladder_print(const struct sim *sim);

/* The program's own: how a replay is asked for, and how a test ends. */
void sim_print_replay(uint64_t seed);
_Noreturn void sim_stop(void);

/* ------------------------------------------------------------------ between its files */

struct sim_packet *sim_packet_new(struct sim *sim);
void sim_packet_unref(struct sim_packet *packet);
uint32_t sim_frames_kinds(const uint8_t *frames, size_t len);
void sim_ladder_add(struct sim *sim, struct sim_packet *packet);
void sim_frames_text(const struct sim_packet *packet, char *out, size_t size);
uint64_t sim_window_announced(const struct sim_packet *packet);
const char *sim_kind_name(enum sim_kind kind);

void sim_link_send(struct sim_link *link, struct sim_packet *packet);
void sim_link_run(struct sim_link *link);
void sim_link_free(struct sim_link *link);

void sim_host_receive(struct sim_host *host, struct sim_packet **packets, size_t count,
                      uint8_t *bytes, size_t len, size_t segment_size, unsigned ecn);
void sim_host_run(struct sim_host *host);
void sim_host_schedule(struct sim_host *host);
void sim_host_trace(void *ctx, const struct belay_core_conn *conn,
                    const struct belay_trace *trace, uint64_t now_ns);
void sim_host_free(struct sim_host *host);
struct belay_address sim_address(const struct sim_host *host, unsigned socket);
/* The same as others see it. */
struct belay_address sim_address_outside(const struct sim_host *host, unsigned socket);
unsigned sim_socket_of(const struct belay_address *address);
struct sim_host *sim_host_at(struct sim *sim, const struct belay_address *address);
struct sim_conn *sim_conn_new(struct sim_host *host, struct belay_core_conn *conn);
void *sim_memory_resize(void *ctx, void *p, size_t old_size, size_t new_size);

#endif
