/*
 * probe.c - small attacks on a live server, a word each:
 *
 *     attack_probe amplify ADDRESS PORT WAIT_MS   what comes back for each kind of datagram,
 *                                                 from one that proves nothing
 *     attack_probe replay ADDRESS PORT FILE       a session that attack_relay recorded, three
 *                                                 times, once from a new port each
 *     attack_probe expire ADDRESS PORT MOST_S     half-open handshakes until cookies are asked
 *                                                 for; then until they are no more
 *     attack_probe icmp ADDRESS PORT CLIENT       ports of its clients on standard input:
 * forged ICMP errors to both sides attack_probe reflect ADDRESS PORT PORT      what one server
 * would say, to the other
 */
#include "forge.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MS 200 /* an answer on this machine comes sooner, or is missed by nobody */

static struct test_random dice = {99};

static struct sockaddr_in address_of(const char *host, const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr = forge_address(host),
                                .sin_port = htons((uint16_t)atoi(port))};
}

static int socket_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
        err(1, "a socket");
    return fd;
}

/* What came within so long of the last that came: bytes, datagrams, the first byte of the
 * first.
 */
struct heard {
    size_t bytes, count;
    uint8_t first;
};

static void listen_for(int fd, int wait_ms, struct heard *heard)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    uint8_t buffer[65536];

    while (poll(&poll_fd, 1, wait_ms) > 0) {
        ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

        if (len <= 0)
            continue; /* an ICMP error */
        heard->first = heard->count++ == 0 ? buffer[0] : heard->first;
        heard->bytes += (size_t)len;
    }
}

static size_t say(int fd, const uint8_t *data, size_t len)
{
    ssize_t sent = send(fd, data, len, 0);

    if (sent < 0)
        sent = send(fd, data, len, 0); /* an earlier ICMP error */
    return sent > 0 ? (size_t)sent : 0;
}

/* ------------------------------------------------------------------ amplify */

static void report(const char *kind, size_t sent, const struct heard *heard)
{
    printf("answer %s sent %zu received %zu datagrams %zu first 0x%02x ratio %.3f\n", kind,
           sent, heard->bytes, heard->count, heard->first,
           sent > 0 ? (double)heard->bytes / (double)sent : 0);
}

static void ask(const struct sockaddr_in *to, const char *kind, const uint8_t *data, size_t len,
                unsigned times, int wait_ms)
{
    struct heard heard = {0};
    int fd = socket_to(to);
    size_t sent = 0;

    for (unsigned i = 0; i < times; i++)
        sent += say(fd, data, len);
    listen_for(fd, wait_ms, &heard);
    report(kind, sent, &heard);
    close(fd);
}

static void ask_with_data(const struct sockaddr_in *to)
{
    static const size_t lengths[] = {1, 17, 18, 26, 27, 28, 40, 100, 1200, 9000};
    uint8_t packet[9000];
    char kind[32];

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        test_random_fill(&dice, packet, sizeof(packet));
        packet[0] = 0xf1; /* with a connection ID, two bytes of number */
        snprintf(kind, sizeof(kind), "data-%zu", lengths[i]);
        ask(to, kind, packet, lengths[i], 1, ANSWER_MS);
    }
}

static int amplify(const struct sockaddr_in *to, const char *wait_ms)
{
    static uint8_t inits[80][BELAY_INIT_BYTES], plain[1][BELAY_INIT_BYTES];
    uint8_t packet[BELAY_INIT_BYTES];
    int fds[72];

    forge_inits(inits, 80, false, &dice);
    forge_inits(plain, 1, true, &dice);
    ask(to, "init", inits[0], BELAY_INIT_BYTES, 1, atoi(wait_ms));
    ask(to, "init-6-times", inits[1], BELAY_INIT_BYTES, 6, ANSWER_MS);
    ask(to, "insecure-init", plain[0], BELAY_INIT_BYTES, 1, ANSWER_MS);
    memcpy(packet, inits[2], sizeof(packet));
    packet[4] = 9;
    ask(to, "version-9", packet, sizeof(packet), 1, ANSWER_MS);
    ask(to, "version-9-short", packet, 1199, 1, ANSWER_MS);
    ask_with_data(to);
    test_random_fill(&dice, packet, sizeof(packet));
    packet[0] = 0xc5;
    ask(to, "reset", packet, BELAY_RESET_BYTES, 1, ANSWER_MS);
    for (unsigned i = 0; i < 72; i++) { /* until a cookie is asked for */
        fds[i] = socket_to(to);
        say(fds[i], inits[i + 3], BELAY_INIT_BYTES);
    }
    ask(to, "init-for-retry", inits[79], BELAY_INIT_BYTES, 1, 5 * ANSWER_MS);
    for (unsigned i = 0; i < 72; i++)
        close(fds[i]);
    return 0;
}

/* ------------------------------------------------------------------ replay */

static void replay_once(const struct sockaddr_in *to, FILE *file, struct heard *heard,
                        unsigned long *sent)
{
    uint8_t head[2], data[65536];
    int fd = socket_to(to);

    rewind(file);
    while (fread(head, 2, 1, file) == 1) {
        size_t len = (size_t)head[0] << 8 | head[1];

        if (fread(data, len, 1, file) != 1)
            errx(1, "the record is cut short");
        say(fd, data, len);
        ++*sent;
    }
    listen_for(fd, ANSWER_MS, heard);
    close(fd);
}

static int replay(const struct sockaddr_in *to, const char *name)
{
    FILE *file = fopen(name, "rb");
    struct heard heard = {0};
    unsigned long sent = 0;

    if (file == NULL)
        err(1, "%s", name);
    for (unsigned i = 0; i < 3; i++)
        replay_once(to, file, &heard, &sent);
    printf("replayed %lu answers %zu\n", sent, heard.count);
    fclose(file);
    return 0;
}

/* ------------------------------------------------------------------ expire */

/* The first byte of the answer to an INIT from a port of its own. */
static uint8_t answer_to(const struct sockaddr_in *to, const uint8_t init[BELAY_INIT_BYTES])
{
    struct heard heard = {0};
    int fd = socket_to(to);

    say(fd, init, BELAY_INIT_BYTES);
    listen_for(fd, ANSWER_MS, &heard);
    close(fd);
    return heard.first;
}

/* Half-open ones are what makes a server ask for cookies: when it asks no more, they are gone.
 * While it asks, a question takes no slot. */
static int expire(const struct sockaddr_in *to, const char *most_s)
{
    static uint8_t inits[1000][BELAY_INIT_BYTES];
    uint64_t start_ns, most_ns = (uint64_t)atoi(most_s) * 1000000000u;
    uint8_t first = 0;
    unsigned i;

    forge_inits(inits, 1000, false, &dice);
    for (i = 0; i < 400 && first != 0xc2;) {
        for (unsigned end = i + 79; i < end; i++) {
            int fd = socket_to(to);

            say(fd, inits[i], BELAY_INIT_BYTES);
            close(fd);
        }
        first = answer_to(to, inits[i++]); /* none, while so much comes in one go */
    }
    start_ns = forge_now_ns();
    printf("half-open %u then 0x%02x\n", i, first);
    while (first == 0xc2 && i < 1000 && forge_now_ns() - start_ns < most_ns)
        first = answer_to(to, inits[i++]);
    printf("expired %s %.1f\n", first == 0xc1 ? "after" : "never",
           (double)(forge_now_ns() - start_ns) / 1e9);
    return first == 0xc1 ? 0 : 1;
}

/* ------------------------------------------------------------------ icmp */

static const struct {
    uint8_t type, code;
    uint32_t rest;
} errors[] = {
    {3, 0, 0}, {3, 1, 0},  {3, 2, 0},  {3, 3, 0},    {3, 13, 0},    /* unreachable */
    {3, 4, 0}, {3, 4, 68}, {3, 4, 28}, {3, 4, 1199}, {3, 4, 65535}, /* too big */
    {4, 0, 0}, {11, 0, 0}, {11, 1, 0}, {12, 0, 0},
};

static int raw_socket(void)
{
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

    if (fd < 0)
        err(77, "a raw socket");
    return fd;
}

static unsigned long send_raw(int fd, struct in_addr to, const uint8_t *packet, size_t len)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = to};

    return sendto(fd, packet, len, 0, (struct sockaddr *)&name, sizeof(name)) > 0;
}

static int icmp(const struct sockaddr_in *to, const char *client)
{
    struct in_addr clients = forge_address(client);
    unsigned long sent = 0;
    int fd = raw_socket();
    unsigned port;

    while (scanf("%u", &port) == 1) {
        struct forge_flow there = {.from = clients,
                                   .to = to->sin_addr,
                                   .from_port = htons((uint16_t)port),
                                   .to_port = to->sin_port};
        struct forge_flow back = {.from = there.to,
                                  .to = there.from,
                                  .from_port = there.to_port,
                                  .to_port = there.from_port};

        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
            uint8_t packet[256];
            size_t len =
                forge_icmp(packet, &there, errors[i].type, errors[i].code, errors[i].rest);

            sent += send_raw(fd, clients, packet, len);
            len = forge_icmp(packet, &back, errors[i].type, errors[i].code, errors[i].rest);
            sent += send_raw(fd, to->sin_addr, packet, len);
        }
    }
    printf("icmp %lu\n", sent);
    close(fd);
    return 0;
}

/* ------------------------------------------------------------------ reflect */

/* One of everything that a server might answer, as if the other had sent it. */
static int reflect(const struct sockaddr_in *to, const char *other)
{
    static uint8_t inits[8][BELAY_INIT_BYTES], plain[4][BELAY_INIT_BYTES];
    struct forge_flow flow = {.from = to->sin_addr,
                              .to = to->sin_addr,
                              .from_port = htons((uint16_t)atoi(other)),
                              .to_port = to->sin_port};
    uint8_t packet[FORGE_HEADERS + BELAY_INIT_BYTES], answer[BELAY_INIT_BYTES];
    int fd = raw_socket();
    unsigned long sent = 0;

    forge_inits(inits, 8, false, &dice);
    forge_inits(plain, 4, true, &dice);
    for (unsigned i = 0; i < 256; i++) {
        size_t len = i < 12 ? BELAY_INIT_BYTES : 40 + 3 * i;

        test_random_fill(&dice, answer, sizeof(answer));
        answer[0] = (uint8_t)i; /* every first byte, with the rest of no sense */
        if (i < 8)
            memcpy(answer, inits[i], BELAY_INIT_BYTES);
        else if (i < 12)
            memcpy(answer, plain[i - 8], BELAY_INIT_BYTES);
        if (i == 7)
            answer[4] = 9;
        if (i == 20)
            len = forge_refuse(inits[0], answer, sizeof(answer));
        if (i == 21)
            len = forge_versions(inits[0], answer, sizeof(answer));
        sent += send_raw(fd, to->sin_addr, packet, forge_udp(packet, &flow, answer, len));
    }
    printf("reflected %lu\n", sent);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct sockaddr_in *to, const char *more);
    } words[] = {
        {"amplify", amplify}, {"replay", replay},   {"expire", expire},
        {"icmp", icmp},       {"reflect", reflect},
    };
    struct sockaddr_in to;

    if (argc != 5)
        errx(2, "amplify|replay|expire|icmp|reflect ADDRESS PORT MORE");
    to = address_of(argv[2], argv[3]);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(&to, argv[4]);
    errx(2, "'%s' is none of amplify, replay, expire, icmp, reflect", argv[1]);
}
