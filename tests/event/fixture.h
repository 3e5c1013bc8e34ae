/*
 * fixture.h - both ends of real connections over loopback, in one event loop. Nothing sleeps:
 * a test turns the loop until something is true (WAIT_FOR), and fails when that takes longer
 * than a guard that is far beyond any healthy run.
 *
 * Every test runs twice, with the system's fast paths and with portable_io.
 */
#ifndef BELAY_TESTS_EVENT_FIXTURE_H
#define BELAY_TESTS_EVENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <belay/belay.h>

#include <event2/event.h>

extern struct event_base *base; /* of the running test */
extern bool portable;

/* One end of a connection, or all server ends of a listener: what its callbacks saw. */
struct side {
    struct belay_conn *conn; /* the last one */
    unsigned accepted, connected, rebounds, messages, eofs, closed, writes, sents, sent_errors;
    short closed_what;
    size_t bytes;  /* of all messages */
    uint64_t hash; /* of all messages, lengths and order */
    uint64_t last_sent;
    size_t last_len;
    char last[256]; /* the beginning of the last message */
    char addr[64];  /* as the accept callback was given it */
    int error;      /* at CLOSED */
    uint64_t close_code;
    char reason[400];
    bool echo; /* answer each message with itself */
    bool close_at_eof;
    bool keep_closed; /* do not free at CLOSED */
    /* Before anything else of a callback is done; true: the connection is gone. */
    bool (*hook)(struct side *side, struct belay_conn *conn, const char *where);
    void *hook_ctx;
};

void side_init(struct side *side);
void side_adopt(struct side *side, struct belay_conn *conn);
/* An accept callback; ctx is the side of all accepted. */
void side_accept(struct belay_listener *listener, struct belay_conn *conn,
                 const struct sockaddr *addr, int socklen, void *ctx);

struct belay_config test_config(void); /* the defaults, and the mode of this run */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);

/* "127.0.0.1" or "::1", port in host order; returns the length. */
int make_address(const char *text, unsigned port, struct sockaddr_storage *out);
unsigned port_of(evutil_socket_t fd);
bool has_ipv6(void);

/* A port of 127.0.0.1 and, where there is IPv6, ::1 where nobody listens, nor can before it is
 * freed: its sockets hear themselves alone, so who else sends there is told that it is closed.
 */
struct closed_port {
    unsigned port;
    int fds[2];
};
struct closed_port closed_port(void);
void closed_port_free(const struct closed_port *closed);

/* A listener on text:0 whose connections are side's. */
struct belay_listener *listen_on(const char *text, const struct belay_config *config,
                                 unsigned flags, struct side *side);
struct belay_conn *dial(const char *text, unsigned port, const struct belay_config *config,
                        unsigned flags, struct side *side);

/* A listener on text:0 and a client of it, connected; and their orderly end. */
struct belay_listener *open_sides(const char *text, const struct belay_config *config,
                                  struct side *server, struct side *client);
void close_sides(struct belay_listener *listener, struct side *server, struct side *client);

/* One turn of the loop; fails the test when the guard's time is over. */
void turn_loop(const char *file, int line, const char *what);
#define WAIT_FOR(condition)                                                                    \
    do {                                                                                       \
        while (!(condition))                                                                   \
            turn_loop(__FILE__, __LINE__, #condition);                                         \
    } while (0)

int set_up(void **state);
int tear_down(void **state);
#define EVENT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Runs the tests in both modes. */
int run_both(const char *name, const struct CMUnitTest *tests, size_t count);
#define RUN_BOTH(tests) run_both(#tests, tests, sizeof(tests) / sizeof((tests)[0]))

#endif
