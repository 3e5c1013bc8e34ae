/* The relay between two network namespaces: real sockets, what the links decide, real frames.
 */
#include "../fixture.h"
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <event2/event.h>

#include "netsim/cli.h"
#include "netsim/live/relay.h"

#define PORT       10000
#define PACKETS    400
#define HEADERS    42 /* Ethernet, IPv4, UDP */
#define PATIENCE_S 20

struct lab {
    struct netns ns;
    struct event_base *base;
    struct netsim_plan *out, *back;
    struct netsim_relay *relay;
    FILE *log;
    int client, server;
    struct event *client_event, *server_event, *deadline;
    unsigned at_server, at_client; /* datagrams that arrived */
    unsigned copies[PACKETS];      /* by their first two bytes, at the server */
    int order[2 * PACKETS];
    bool damaged, marked;
    struct sockaddr_storage peer; /* of the last one at the server */
    socklen_t peer_len;
};

static void too_late(evutil_socket_t fd, short what, void *arg)
{
    const struct lab *lab = arg;

    (void)fd;
    (void)what;
    netsim_relay_report(lab->relay, stderr);
    fail_msg("%u datagrams at the server, %u at the client, and nothing more", lab->at_server,
             lab->at_client);
}

static bool has_mark(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c))
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
            return (*CMSG_DATA(c) & 3) == 3;
    return false;
}

/* The payload: the number in two bytes, then the number's low byte again and again. */
static void take_at_server(struct lab *lab, const uint8_t *data, ssize_t len)
{
    unsigned id = (unsigned)(data[0] << 8 | data[1]);

    for (ssize_t i = 2; i < len; i++)
        lab->damaged |= data[i] != data[1];
    if (len < 2 || id >= PACKETS || lab->at_server >= 2 * PACKETS) {
        lab->damaged = true;
        return;
    }
    lab->copies[id]++;
    lab->order[lab->at_server++] = (int)id;
}

static void on_server(evutil_socket_t fd, short what, void *arg)
{
    struct lab *lab = arg;
    uint8_t data[65536], control[128];
    struct iovec iov = {data, sizeof(data)};
    ssize_t len;

    (void)what;
    for (;;) {
        struct msghdr message = {.msg_name = &lab->peer,
                                 .msg_namelen = sizeof(lab->peer),
                                 .msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};

        len = recvmsg(fd, &message, 0);
        if (len < 0)
            return;
        lab->peer_len = message.msg_namelen;
        lab->marked |= has_mark(&message);
        take_at_server(lab, data, len);
    }
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
    struct lab *lab = arg;
    uint8_t data[65536];

    (void)what;
    while (recv(fd, data, sizeof(data), 0) >= 0)
        lab->at_client++;
}

static struct netsim_plan *plan_of(const char *text)
{
    struct netsim_words_error error;
    struct netsim_plan *plan;

    if (netsim_plan_parse(&plan, text, &netsim_cli_memory, &error) != 0)
        fail_msg("`%s`: %s", text, error.text);
    return plan;
}

static socklen_t server_address(struct sockaddr_storage *address, int family)
{
    memset(address, 0, sizeof(*address));
    address->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)address;

        in->sin_port = htons(PORT);
        inet_pton(AF_INET, "198.18.0.1", &in->sin_addr);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

    in6->sin6_port = htons(PORT);
    inet_pton(AF_INET6, "fd42:198:18::1", &in6->sin6_addr);
    return sizeof(*in6);
}

/* For all that a test sends: relay and receivers share a thread, and where it was not woken for
 * a while, all comes at once. */
static void make_room(int fd)
{
    int bytes = 4 << 20;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static void open_sockets(struct lab *lab, int family)
{
    struct sockaddr_storage address;
    socklen_t len = server_address(&address, family);
    int on = 1;

    lab->server = netns_socket(&lab->ns, NETNS_SERVER, family, SOCK_DGRAM);
    lab->client = netns_socket(&lab->ns, NETNS_CLIENT, family, SOCK_DGRAM);
    make_room(lab->server);
    make_room(lab->client);
    setsockopt(lab->server, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(lab->server, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
    assert_int_equal(bind(lab->server, (struct sockaddr *)&address, len), 0);
    assert_int_equal(connect(lab->client, (struct sockaddr *)&address, len), 0);
    lab->server_event = event_new(lab->base, lab->server, EV_READ | EV_PERSIST, on_server, lab);
    lab->client_event = event_new(lab->base, lab->client, EV_READ | EV_PERSIST, on_client, lab);
    event_add(lab->server_event, NULL);
    event_add(lab->client_event, NULL);
}

static void begin_with(struct lab *lab, const char *out, const char *back, int family,
                       struct netsim_pcapng *pcap)
{
    struct timeval patience = {PATIENCE_S, 0};
    struct netsim_relay_config config = {
        .client_if = "ca", .server_if = "sb", .out_seed = 7, .back_seed = 8};
    struct netns ns = lab->ns;

    *lab = (struct lab){.ns = ns, .base = event_base_new(), .log = tmpfile()};
    config.out = lab->out = plan_of(out);
    config.back = lab->back = plan_of(back);
    config.log = lab->log;
    config.pcap = pcap;
    lab->relay = netsim_relay_new(lab->base, &config);
    if (lab->relay == NULL)
        fail_msg("no relay: %s", strerror(errno));
    open_sockets(lab, family);
    lab->deadline = event_new(lab->base, -1, 0, too_late, lab);
    event_add(lab->deadline, &patience);
}

static void begin(struct lab *lab, const char *out, const char *back, int family)
{
    begin_with(lab, out, back, family, NULL);
}

static void end(struct lab *lab)
{
    assert_int_equal(netsim_relay_error(lab->relay), 0);
    event_free(lab->client_event);
    event_free(lab->server_event);
    event_free(lab->deadline);
    close(lab->client);
    close(lab->server);
    netsim_relay_free(lab->relay);
    event_base_free(lab->base);
    netsim_plan_free(lab->out);
    netsim_plan_free(lab->back);
    fclose(lab->log);
}

static void turn(struct lab *lab)
{
    assert_int_equal(event_base_loop(lab->base, EVLOOP_ONCE), 0);
}

static void send_one(struct lab *lab, unsigned id, size_t len)
{
    uint8_t data[65536];

    memset(data, (int)(id & 255), len);
    data[0] = (uint8_t)(id >> 8);
    data[1] = (uint8_t)id;
    assert_int_equal(send(lab->client, data, len, 0), len);
}

static struct netsim_relay_counts counts(const struct lab *lab)
{
    struct netsim_relay_counts now;

    netsim_relay_counts(lab->relay, &now);
    return now;
}

/* ------------------------------------------------------------------ clean */

static void test_clean(void **state)
{
    static const size_t lens[] = {2, 100, 1400, 1473, 9000, 60000}; /* the last are fragments */
    static const int families[] = {AF_INET, AF_INET6};
    struct lab *lab = *state;

    for (int f = 0; f < 2; f++) {
        begin(lab, "", "", families[f]);
        for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
            send_one(lab, i, lens[i]);
            while (lab->at_server < i + 1)
                turn(lab);
            assert_int_equal(lab->copies[i], 1);
            sendto(lab->server, "back", 4, 0, (struct sockaddr *)&lab->peer, lab->peer_len);
            while (lab->at_client < i + 1)
                turn(lab);
        }
        assert_false(lab->damaged);
        assert_true(counts(lab).out > sizeof(lens) / sizeof(lens[0]));
        assert_int_equal(counts(lab).back, sizeof(lens) / sizeof(lens[0]));
        end(lab);
    }
}

/* ------------------------------------------------------------------ what the links decide */

struct want {
    unsigned copies[PACKETS];
    bool corrupt_delivered[PACKETS]; /* the bit is one that no receiver minds */
    unsigned total, flipped;
};

/* A wrong source address of Ethernet hurts nobody, and neither does the group bit. */
static bool is_minded(uint64_t bit)
{
    return bit / 8 < 6 ? bit != 0 : bit / 8 >= 12;
}

/* The same words and seed in virtual time. */
static struct want predict(const char *words, size_t payload)
{
    struct netsim_plan *plan = plan_of(words);
    struct netsim_pipeline *pipeline = netsim_pipeline_new(plan, 7, 14, &netsim_cli_memory);
    struct netsim_outcome o;
    struct want want = {.total = 0};

    for (unsigned id = 0; id < PACKETS; id++) {
        struct netsim_packet packet = {.id = id, .len = (uint32_t)payload + HEADERS};

        netsim_pipeline_send(pipeline, &packet, id);
    }
    while (netsim_pipeline_poll(pipeline, BELAY_NEVER, &o)) {
        if (o.why != NETSIM_NOT_DROPPED)
            continue;
        want.flipped += o.corrupt_bits;
        if (o.corrupt_bits > 0 && is_minded(o.corrupt_bit[0]))
            continue;
        want.copies[o.id]++;
        want.total++;
    }
    netsim_pipeline_free(pipeline);
    netsim_plan_free(plan);
    return want;
}

static void run_all(struct lab *lab, size_t payload, const struct want *want)
{
    for (unsigned id = 0; id < PACKETS; id++) {
        send_one(lab, id, payload);
        event_base_loop(lab->base, EVLOOP_NONBLOCK);
    }
    while (counts(lab).out_in < PACKETS || lab->at_server < want->total)
        turn(lab);
    for (unsigned id = 0; id < PACKETS; id++)
        if (lab->copies[id] != want->copies[id])
            fail_msg("packet %u arrived %u times, not %u", id, lab->copies[id],
                     want->copies[id]);
}

/* So that ARP is spoken again. */
static void forget_neighbours(struct lab *lab)
{
    netns_enter(&lab->ns, NETNS_CLIENT);
    netns_run("ip neigh flush dev net0");
    netns_enter(&lab->ns, NETNS_MIDDLE);
}

/* ARP and the like take no draws, or the packets would be others. */
static void test_same_packets_as_in_virtual_time(void **state)
{
    static const char *const rows[] = {
        "loss 30%",
        "loss gemodel 10% 40%",
        "duplicate 30%",
        "duplicate 20% loss 20%",
        "corrupt 100%",
        "corrupt 50% duplicate 50%",
        "delay 1ms loss 10% | loss 10%",
        "x-drop 3,5-9,399",
        "loss 20% delay 3ms 2ms duplicate 10% reorder 25%",
    };
    struct lab *lab = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct want want = predict(rows[i], 100);

        forget_neighbours(lab);
        begin(lab, rows[i], "", AF_INET);
        run_all(lab, 100, &want);
        assert_false(lab->damaged);
        end(lab);
    }
}

static void test_order(void **state)
{
    struct lab *lab = *state;
    struct want want = predict("delay 2ms", 100);
    unsigned out_of_order = 0;

    begin(lab, "delay 2ms", "", AF_INET);
    run_all(lab, 100, &want);
    for (unsigned i = 0; i < PACKETS; i++)
        assert_int_equal(lab->order[i], i);
    end(lab);
    begin(lab, "delay 2ms reorder 25%", "", AF_INET);
    run_all(lab, 100, &want);
    for (unsigned i = 1; i < PACKETS; i++)
        out_of_order += lab->order[i] < lab->order[i - 1];
    assert_true(out_of_order > 0);
    end(lab);
}

/* More than any socket's buffer holds, while the relay does not run: nothing is lost before the
 * link, and no privilege is needed for it. */
static void test_burst(void **state)
{
    struct lab *lab = *state;
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    begin(lab, "loss 100%", "", AF_INET);
    for (unsigned i = 0; i < 5000; i++)
        send_one(lab, i % PACKETS, 1400);
    while (counts(lab).out_in < 5000)
        turn(lab);
    netsim_relay_report(lab->relay, out);
    fclose(out);
    assert_null(strstr(text, "faster than read"));
    end(lab);
}

static void test_mark(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct lab *lab = *state;
    int ect = 2;

    for (int f = 0; f < 2; f++) {
        begin(lab, "loss 100% ecn", "", families[f]);
        setsockopt(lab->client, f == 0 ? IPPROTO_IP : IPPROTO_IPV6,
                   f == 0 ? IP_TOS : IPV6_TCLASS, &ect, sizeof(ect));
        send_one(lab, 0, 100);
        while (lab->at_server < 1)
            turn(lab);
        assert_true(lab->marked);
        assert_false(lab->damaged);
        end(lab);
    }
}

static void test_mtu_counts_the_ip_packet(void **state)
{
    struct lab *lab = *state;

    begin(lab, "x-mtu 500", "", AF_INET);
    send_one(lab, 0, 473);
    send_one(lab, 1, 472);
    send_one(lab, 2, 473);
    send_one(lab, 3, 100);
    while (lab->at_server < 2)
        turn(lab);
    assert_int_equal(lab->order[0], 1);
    assert_int_equal(lab->order[1], 3);
    assert_int_equal(counts(lab).out_in, 4);
    assert_int_equal(counts(lab).out, 2);
    end(lab);
}

/* ------------------------------------------------------------------ x-rebind */

static in_port_t *port_of(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? &((struct sockaddr_in *)address)->sin_port
                                         : &((struct sockaddr_in6 *)address)->sin6_port;
}

static void answer(struct lab *lab, const struct sockaddr_storage *peer)
{
    assert_int_equal(
        sendto(lab->server, "back", 4, 0, (const struct sockaddr *)peer, lab->peer_len), 4);
}

/* Until the server sees another port than the client's own, which is then for nobody. */
static void test_rebind(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct lab *lab = *state;

    for (int f = 0; f < 2; f++) {
        struct sockaddr_storage own;
        socklen_t len = sizeof(own);
        unsigned answers = 0;

        begin(lab, "x-rebind 50ms", "", families[f]);
        assert_int_equal(getsockname(lab->client, (struct sockaddr *)&own, &len), 0);
        do {
            lab->at_server = 0;
            send_one(lab, 1, 3000); /* in fragments */
            while (lab->at_server < 1)
                turn(lab);
            answer(lab, &lab->peer);
            answers++;
        } while (*port_of(&lab->peer) == *port_of(&own));
        *port_of(&lab->peer) = *port_of(&own);
        answer(lab, &lab->peer);
        while (counts(lab).back_in < answers + 1 || lab->at_client < counts(lab).back)
            turn(lab);
        assert_false(lab->damaged);
        assert_true(lab->at_client > 0 && lab->at_client <= answers);
        assert_int_equal(lab->at_client, counts(lab).back);
        end(lab);
    }
}

/* The server's kernel answers a datagram to a closed port by ICMP, which quotes the port that
 * the NAT gave: the client's socket must still learn of it. */
static void test_icmp_through_rebind(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct lab *lab = *state;

    for (int f = 0; f < 2; f++) {
        unsigned refused = 0;

        begin(lab, "x-rebind 1ns", "", families[f]);
        event_del(lab->server_event);
        event_del(lab->client_event);
        close(lab->server);
        lab->server = -1;
        while (refused == 0) {
            char byte = 0;

            refused += send(lab->client, &byte, 1, 0) < 0 && errno == ECONNREFUSED;
            turn(lab);
            refused += recv(lab->client, &byte, 1, 0) < 0 && errno == ECONNREFUSED;
        }
        end(lab);
    }
}

/* ------------------------------------------------------------------ what is told */

static void test_log_and_report(void **state)
{
    struct lab *lab = *state;
    struct want want = predict("loss 30%", 100);
    char line[256], text[4096] = "";
    unsigned tx = 0, rx = 0, drop = 0;

    begin(lab, "loss 30%", "", AF_INET);
    run_all(lab, 100, &want);
    rewind(lab->log);
    while (fgets(line, sizeof(line), lab->log) != NULL) {
        assert_non_null(strstr(line, "\"link\":\"out\""));
        assert_non_null(strstr(line, "\"len\":142"));
        tx += strstr(line, "\"event\":\"tx\"") != NULL;
        rx += strstr(line, "\"event\":\"rx\"") != NULL;
        drop += strstr(line, "\"event\":\"drop\"") != NULL &&
                strstr(line, "\"why\":\"loss\"") != NULL;
    }
    assert_int_equal(tx, PACKETS);
    assert_int_equal(rx, want.total);
    assert_int_equal(drop, PACKETS - want.total);
    FILE *out = fmemopen(text, sizeof(text), "w");
    netsim_relay_report(lab->relay, out);
    fclose(out);
    snprintf(line, sizeof(line), "out: loss 30%%\n Sent %u bytes %u pkt (dropped %u,",
             want.total * 142, want.total, PACKETS - want.total);
    if (strstr(text, line) == NULL)
        fail_msg("no `%s` in\n%s", line, text);
    assert_non_null(strstr(text, "back: clean\n Sent 0 bytes 0 pkt"));
    end(lab);
}

/* How often text stands in the capture. */
static unsigned count_in(const char *file, const char *text)
{
    static uint8_t data[1 << 16];
    FILE *in = fopen(file, "rb");
    size_t len = fread(data, 1, sizeof(data), in);
    unsigned count = 0;

    fclose(in);
    assert_true(len > 0 && len < sizeof(data));
    for (const uint8_t *at = data;
         (at = memmem(at, len - (size_t)(at - data), text, strlen(text))) != NULL;
         at += strlen(text))
        count++;
    return count;
}

static void test_capture(void **state)
{
    struct lab *lab = *state;
    char file[] = "/tmp/netsim-relay-XXXXXX";

    close(mkstemp(file));
    struct netsim_pcapng *pcap = netsim_pcapng_open(file, NETSIM_PCAPNG_ETHERNET, 0, "", "");
    assert_non_null(pcap);
    begin_with(lab, "x-drop 1 duplicate 100%", "", AF_INET, pcap);
    for (unsigned id = 0; id < 3; id++)
        send_one(lab, id, 10);
    while (lab->at_server < 4)
        turn(lab);
    end(lab);
    assert_int_equal(netsim_pcapng_close(pcap), 0);
    assert_int_equal(count_in(file, "dropped: x-drop"), 1);
    assert_int_equal(count_in(file, "duplicate"), 2);
    assert_int_equal(count_in(file, "\x01\x01\x01\x01\x01\x01\x01\x01"), 1); /* payloads */
    assert_int_equal(count_in(file, "\x02\x02\x02\x02\x02\x02\x02\x02"), 2);
    unlink(file);
}

static void test_no_such_interface(void **state)
{
    static const char *const rows[][2] = {
        {"nowhere", "sb"}, {"ca", "nowhere"}, {"ca", "a name that is far too long"}};
    struct lab *lab = *state;

    begin(lab, "", "", AF_INET);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_relay_config config = {.client_if = rows[i][0],
                                             .server_if = rows[i][1],
                                             .out = lab->out,
                                             .back = lab->back};

        assert_null(netsim_relay_new(lab->base, &config));
        assert_int_equal(errno, ENODEV);
    }
    end(lab);
}

int main(void)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    int failed;

    netns_begin(&lab->ns);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_clean, lab),
        cmocka_unit_test_prestate(test_same_packets_as_in_virtual_time, lab),
        cmocka_unit_test_prestate(test_order, lab),
        cmocka_unit_test_prestate(test_burst, lab),
        cmocka_unit_test_prestate(test_mark, lab),
        cmocka_unit_test_prestate(test_mtu_counts_the_ip_packet, lab),
        cmocka_unit_test_prestate(test_rebind, lab),
        cmocka_unit_test_prestate(test_icmp_through_rebind, lab),
        cmocka_unit_test_prestate(test_log_and_report, lab),
        cmocka_unit_test_prestate(test_capture, lab),
        cmocka_unit_test_prestate(test_no_such_interface, lab),
    };
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(lab);
    return failed;
}
