/*
 * storm.c - one flooder: datagrams from spoofed addresses at a pace.
 *
 *     attack_storm INTERFACE MAC ADDRESS PORT KIND PACKETS_PER_S SECONDS
 *
 * KIND: init (right in every byte), damaged (INITs whose tags are wrong), data (of connections
 * that do not exist), versions (INITs of a version that nobody speaks), noise. Sources are all
 * of 11.0.0.0/8 and ports from 1024 on. Prints what was sent and how fast.
 */
#include "forge.h"

#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH   32
#define SAMPLES 1024 /* different packets; a source is drawn for each that is sent */

struct storm {
    int fd;
    struct sockaddr_ll to;
    struct forge_flow flow;
    struct test_random random;
    uint8_t samples[SAMPLES][BELAY_INIT_BYTES];
    size_t sample_len;
    uint8_t frames[BATCH][FORGE_HEADERS + BELAY_INIT_BYTES];
    struct iovec vectors[BATCH];
    struct mmsghdr headers[BATCH];
};

/* ------------------------------------------------------------------ what is sent */

static void damage(struct storm *s)
{
    for (size_t i = 0; i < SAMPLES; i++)
        s->samples[i][BELAY_INIT_BYTES - 1 - i % BELAY_TAG_BYTES] ^= 0x10;
}

static void change_version(struct storm *s)
{
    for (size_t i = 0; i < SAMPLES; i++)
        s->samples[i][4] = 9;
}

static void fill(struct storm *s, uint8_t first, size_t len)
{
    s->sample_len = len;
    for (size_t i = 0; i < SAMPLES; i++) {
        test_random_fill(&s->random, s->samples[i], len);
        if (first != 0)
            s->samples[i][0] = first;
    }
}

static void choose(struct storm *s, const char *kind)
{
    s->sample_len = BELAY_INIT_BYTES;
    if (strcmp(kind, "data") == 0) {
        fill(s, 0xf1, 100);
        return;
    }
    if (strcmp(kind, "noise") == 0) {
        fill(s, 0, 500);
        return;
    }
    forge_inits(s->samples, SAMPLES, false, &s->random);
    if (strcmp(kind, "damaged") == 0)
        damage(s);
    else if (strcmp(kind, "versions") == 0)
        change_version(s);
    else if (strcmp(kind, "init") != 0)
        errx(2, "'%s' is no kind: init, damaged, data, versions, noise", kind);
}

static void spoof(struct storm *s)
{
    uint64_t random = test_random_u64(&s->random);

    s->flow.from.s_addr = htonl(0x0b000000 | (uint32_t)(random & 0xffffff));
    s->flow.from_port = htons((uint16_t)(20000 + (random >> 24) % 40000));
}

/* ------------------------------------------------------------------ sending */

static void open_socket(struct storm *s, const char *interface, const char *mac)
{
    unsigned b[6];
    int on = 1;

    if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        errx(2, "'%s' is no hardware address", mac);
    s->fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    if (s->fd < 0)
        err(77, "a packet socket");
    setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
    s->to = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                 .sll_protocol = htons(ETH_P_IP),
                                 .sll_ifindex = (int)if_nametoindex(interface),
                                 .sll_halen = 6};
    for (unsigned i = 0; i < 6; i++)
        s->to.sll_addr[i] = (uint8_t)b[i];
    for (unsigned i = 0; i < BATCH; i++) {
        s->vectors[i].iov_base = s->frames[i];
        s->headers[i].msg_hdr = (struct msghdr){.msg_name = &s->to,
                                                .msg_namelen = sizeof(s->to),
                                                .msg_iov = &s->vectors[i],
                                                .msg_iovlen = 1};
    }
}

/* How many of BATCH went; those that did not are none of ours. */
static unsigned send_batch(struct storm *s)
{
    int sent;

    for (unsigned i = 0; i < BATCH; i++) {
        const uint8_t *sample = s->samples[test_random_below(&s->random, SAMPLES)];

        spoof(s);
        s->vectors[i].iov_len = forge_udp(s->frames[i], &s->flow, sample, s->sample_len);
    }
    sent = sendmmsg(s->fd, s->headers, BATCH, 0);
    if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
        err(1, "sendmmsg");
    return sent < 0 ? 0 : (unsigned)sent;
}

int main(int argc, char **argv)
{
    struct storm *s = calloc(1, sizeof(*s));
    uint64_t start_ns, now_ns, end_ns, sent = 0, due;
    double rate, seconds;

    if (argc != 8 || s == NULL)
        errx(2, "INTERFACE MAC ADDRESS PORT KIND PACKETS_PER_S SECONDS");
    s->random.state = 4711;
    s->flow.to = forge_address(argv[3]);
    s->flow.to_port = htons((uint16_t)atoi(argv[4]));
    rate = atof(argv[6]);
    seconds = atof(argv[7]);
    choose(s, argv[5]);
    open_socket(s, argv[1], argv[2]);

    start_ns = now_ns = forge_now_ns();
    end_ns = start_ns + (uint64_t)(seconds * 1e9);
    while (now_ns < end_ns) {
        due = (uint64_t)((double)(now_ns - start_ns) * rate / 1e9);
        if (due >= sent + BATCH)
            sent += send_batch(s);
        else
            forge_pace(start_ns + (uint64_t)((double)(sent + BATCH) * 1e9 / rate));
        now_ns = forge_now_ns();
    }
    printf("sent %llu rate %.0f\n", (unsigned long long)sent,
           (double)sent * 1e9 / (double)(now_ns - start_ns));
    close(s->fd);
    free(s);
    return 0;
}
