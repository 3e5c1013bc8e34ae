/*
 * relay.c - who is on the path: passes datagrams between clients and a server, and meddles.
 *
 *     attack_relay ADDRESS PORT pass|mangle|forge [RECORD]
 *
 *     pass     every datagram as it is
 *     mangle   before each, copies of it: with a bit flipped, cut short, spliced with the one
 *              before it, and with bytes at its end; one in twenty is then not sent itself
 *     forge    with each, forgeries to both sides: RESET, CLOSE, REFUSE, VERSIONS, ACCEPT, DATA
 *              with all that the path shows, and old datagrams again
 *
 * Prints "relay PORT". RECORD gets what clients sent: for each the length, u16, and the bytes.
 * Ends by SIGTERM with a count of what it did. IPv4.
 */
#include "forge.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS_MAX   256
#define DATAGRAM    65536
#define OLD         16 /* datagrams kept of each direction */
#define KEEP_ONE_IN 20

struct kept {
    uint8_t bytes[2048];
    size_t len;
};

/* A client and the socket that stands for it before the server. */
struct flow {
    struct sockaddr_in client;
    int fd;
    uint8_t init[BELAY_INIT_BYTES];
    uint8_t refuse[512], versions[512]; /* in answer to it */
    size_t refuse_len, versions_len;
    bool has_init;
    struct kept old[2][OLD]; /* from the client, from the server */
    unsigned old_count[2];
};

struct relay {
    int fd;
    struct sockaddr_in server;
    struct flow *flows[FLOWS_MAX];
    unsigned flow_count;
    bool mangles, forges;
    FILE *record;
    struct test_random random;
    unsigned long passed, withheld, mangled, forged;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

/* ------------------------------------------------------------------ flows */

static struct flow *flow_of(struct relay *r, const struct sockaddr_in *client)
{
    struct flow *flow;

    for (unsigned i = 0; i < r->flow_count; i++)
        if (r->flows[i]->client.sin_port == client->sin_port &&
            r->flows[i]->client.sin_addr.s_addr == client->sin_addr.s_addr)
            return r->flows[i];
    if (r->flow_count == FLOWS_MAX || (flow = calloc(1, sizeof(*flow))) == NULL)
        return NULL;
    flow->client = *client;
    flow->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (flow->fd < 0)
        err(1, "socket");
    return r->flows[r->flow_count++] = flow;
}

/* to_server, or back to the client. */
static void send_to(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                    size_t len)
{
    if (to_server)
        sendto(flow->fd, data, len, 0, (struct sockaddr *)&r->server, sizeof(r->server));
    else
        sendto(r->fd, data, len, 0, (struct sockaddr *)&flow->client, sizeof(flow->client));
}

static const struct kept *last_of(const struct flow *flow, bool to_server)
{
    unsigned count = flow->old_count[to_server];

    return count == 0 ? NULL : &flow->old[to_server][(count - 1) % OLD];
}

static void keep(struct flow *flow, bool to_server, const uint8_t *data, size_t len)
{
    struct kept *kept = &flow->old[to_server][flow->old_count[to_server]++ % OLD];

    kept->len = len < sizeof(kept->bytes) ? len : sizeof(kept->bytes);
    memcpy(kept->bytes, data, kept->len);
    if (to_server && len == BELAY_INIT_BYTES && data[0] == 0xc0 &&
        memcmp(flow->init, data, len) != 0) {
        memcpy(flow->init, data, len);
        flow->refuse_len = forge_refuse(data, flow->refuse, sizeof(flow->refuse));
        flow->versions_len = forge_versions(data, flow->versions, sizeof(flow->versions));
        flow->has_init = true;
    }
}

/* ------------------------------------------------------------------ mangling */

static void send_mangled(struct relay *r, struct flow *flow, bool to_server,
                         const uint8_t *data, size_t len)
{
    send_to(r, flow, to_server, data, len);
    r->mangled++;
}

static void mangle(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                   size_t len)
{
    const struct kept *before = last_of(flow, to_server);
    uint8_t copy[DATAGRAM + 64];
    size_t bit = test_random_below(&r->random, 8 * len), cut;

    memcpy(copy, data, len);
    copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    send_mangled(r, flow, to_server, copy, len);
    send_mangled(r, flow, to_server, data, test_random_below(&r->random, len));
    memcpy(copy, data, len);
    test_random_fill(&r->random, copy + len, 64);
    send_mangled(r, flow, to_server, copy, len + 1 + test_random_below(&r->random, 64));
    if (before == NULL)
        return;
    cut = test_random_below(&r->random, len);
    memcpy(copy, data, cut);
    if (before->len > cut)
        memcpy(copy + cut, before->bytes + cut, before->len - cut);
    send_mangled(r, flow, to_server, copy, before->len > cut ? before->len : cut);
}

/* ------------------------------------------------------------------ forging */

static void send_forged(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                        size_t len)
{
    send_to(r, flow, to_server, data, len);
    r->forged++;
}

static void forge_reset(struct relay *r, struct flow *flow, bool to_server)
{
    uint8_t packet[BELAY_RESET_BYTES];

    test_random_fill(&r->random, packet, sizeof(packet));
    packet[0] = 0xc5;
    send_forged(r, flow, to_server, packet, sizeof(packet));
}

/* A CLOSE of NONE, and of PROTOCOL, in a packet whose header is that of the one that passes:
 * its connection ID, and a number or two more. */
static void forge_close(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                        size_t len)
{
    struct belay_data_header header;
    uint8_t packet[128];

    if (belay_data_header_parse(&header, data, len) != 0)
        return;
    memcpy(packet, data, header.header_len);
    packet[header.header_len - 1]++;
    memcpy(packet + header.header_len, "\x09\x00\x00", 3);
    test_random_fill(&r->random, packet + header.header_len + 3, 16);
    send_forged(r, flow, to_server, packet, header.header_len + 19);
    packet[header.header_len - 1]++;
    packet[0] ^= 0x08; /* as if the keys had changed */
    packet[header.header_len + 1] = 0x01;
    send_forged(r, flow, to_server, packet, header.header_len + 19);
}

static void forge_old(struct relay *r, struct flow *flow, bool to_server)
{
    unsigned count = flow->old_count[to_server];
    const struct kept *kept;

    if (count == 0)
        return;
    kept = &flow->old[to_server][test_random_below(&r->random, count < OLD ? count : OLD)];
    send_forged(r, flow, to_server, kept->bytes, kept->len);
}

/* What only the server says, under the tags that who saw the INIT can make. */
static void forge_hellos(struct relay *r, struct flow *flow, const uint8_t *data, size_t len)
{
    uint8_t packet[512];

    if (!flow->has_init)
        return;
    send_forged(r, flow, false, flow->refuse, flow->refuse_len);
    send_forged(r, flow, false, flow->versions, flow->versions_len);
    send_forged(r, flow, true, flow->init, sizeof(flow->init));
    if (data[0] != 0xc1 || len > sizeof(packet))
        return;
    memcpy(packet, data, len);
    packet[20] ^= 1; /* another connection ID */
    send_forged(r, flow, false, packet, len);
}

static void forge(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                  size_t len)
{
    forge_hellos(r, flow, data, len);
    for (unsigned i = 0; i < 2; i++) {
        forge_reset(r, flow, i == 0);
        forge_old(r, flow, i == 0);
    }
    if (data[0] >= 0xe0)
        forge_close(r, flow, to_server, data, len);
}

/* ------------------------------------------------------------------ passing */

static void record(struct relay *r, const uint8_t *data, size_t len)
{
    const uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

    if (r->record == NULL)
        return;
    if (fwrite(head, 2, 1, r->record) != 1 || fwrite(data, len, 1, r->record) != 1)
        err(1, "the record");
}

static void pass(struct relay *r, struct flow *flow, bool to_server, const uint8_t *data,
                 size_t len)
{
    if (len == 0)
        return;
    if (to_server)
        record(r, data, len);
    if (r->mangles)
        mangle(r, flow, to_server, data, len);
    if (r->forges)
        forge(r, flow, to_server, data, len);
    keep(flow, to_server, data, len);
    if (r->mangles && test_random_below(&r->random, KEEP_ONE_IN) == 0) {
        r->withheld++;
        return;
    }
    send_to(r, flow, to_server, data, len);
    r->passed++;
}

static void from_clients(struct relay *r, uint8_t *buffer)
{
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len;

    while ((len = recvfrom(r->fd, buffer, DATAGRAM, MSG_DONTWAIT, (struct sockaddr *)&from,
                           &from_len)) >= 0) {
        struct flow *flow = flow_of(r, &from);

        if (flow != NULL)
            pass(r, flow, true, buffer, (size_t)len);
        from_len = sizeof(from);
    }
}

static void from_server(struct relay *r, struct flow *flow, uint8_t *buffer)
{
    ssize_t len;

    while ((len = recv(flow->fd, buffer, DATAGRAM, MSG_DONTWAIT)) >= 0)
        pass(r, flow, false, buffer, (size_t)len);
}

static void turn(struct relay *r, uint8_t *buffer, const sigset_t *waiting)
{
    struct pollfd polls[FLOWS_MAX + 1] = {{.fd = r->fd, .events = POLLIN}};
    unsigned count = r->flow_count;

    for (unsigned i = 0; i < count; i++)
        polls[i + 1] = (struct pollfd){.fd = r->flows[i]->fd, .events = POLLIN};
    if (ppoll(polls, count + 1, NULL, waiting) < 0 && errno != EINTR)
        err(1, "poll");
    for (unsigned i = 0; i < count && !ended; i++)
        if (polls[i + 1].revents != 0)
            from_server(r, r->flows[i], buffer);
    if (polls[0].revents != 0 && !ended)
        from_clients(r, buffer);
}

static void start(struct relay *r, char **argv)
{
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t len = sizeof(local);

    r->server = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_addr = forge_address(argv[1]),
                                     .sin_port = htons((uint16_t)atoi(argv[2]))};
    r->mangles = strcmp(argv[3], "mangle") == 0;
    r->forges = strcmp(argv[3], "forge") == 0;
    if (argv[4] != NULL && (r->record = fopen(argv[4], "wb")) == NULL)
        err(1, "%s", argv[4]);
    r->random.state = 42;
    local.sin_addr.s_addr = htonl(INADDR_ANY);
    r->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&local, sizeof(local)) != 0 ||
        getsockname(r->fd, (struct sockaddr *)&local, &len) != 0)
        err(1, "a socket");
    printf("relay %u\n", ntohs(local.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct relay *r = calloc(1, sizeof(*r));
    uint8_t *buffer = malloc(DATAGRAM);
    sigset_t blocked, waiting;

    if (argc < 4 || argc > 5 || r == NULL || buffer == NULL)
        errx(2, "ADDRESS PORT pass|mangle|forge [RECORD]");
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &waiting); /* let through while poll waits */
    sigaction(SIGTERM, &action, NULL);
    start(r, argv);
    while (!ended)
        turn(r, buffer, &waiting);
    if (r->record != NULL && fclose(r->record) != 0)
        err(1, "the record");
    printf("passed %lu withheld %lu mangled %lu forged %lu\n", r->passed, r->withheld,
           r->mangled, r->forged);
    for (unsigned i = 0; i < r->flow_count; i++) {
        close(r->flows[i]->fd);
        free(r->flows[i]);
    }
    free(buffer);
    free(r);
    return 0;
}
