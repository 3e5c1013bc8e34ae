/*
 * The path's MTU over real sockets: a network namespace of this program's own, whose loopback
 * interface has the MTU that a test asks for.
 */
#include "fixture.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BIG 400000

static struct belay_listener *listener;
static struct side server, client;
static char *bytes;

static bool set_lo(int mtu)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool good;

    request.ifr_mtu = mtu;
    good = ioctl(fd, SIOCSIFMTU, &request) == 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags |= IFF_UP;
    good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return good;
}

static void open_pair(const char *address)
{
    listener = open_sides(address, NULL, &server, &client);
    server.echo = true;
}

static void close_pair(void)
{
    close_sides(listener, &server, &client);
}

static struct belay_stats stats_of(const struct side *side)
{
    struct belay_stats stats;

    belay_conn_get_stats(side->conn, &stats, sizeof(stats));
    return stats;
}

/* Messages there and back, all of them. */
static void transfer(unsigned count)
{
    unsigned before = client.messages;

    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(belay_conn_send(client.conn, 0, bytes, BIG), 0);
        WAIT_FOR(client.messages == before + i + 1);
    }
    assert_true(client.hash == server.hash);
}

/* Until both sides have found what there is, by messages that need it. */
static void find(uint32_t bytes_found)
{
    for (unsigned i = 0; i < 300 && (stats_of(&client).datagram_size != bytes_found ||
                                     stats_of(&server).datagram_size != bytes_found);
         i++)
        transfer(1);
    assert_int_equal(stats_of(&client).datagram_size, bytes_found);
    assert_int_equal(stats_of(&server).datagram_size, bytes_found);
}

static void the_size_of_the_interface_is_found(void **state)
{
    static const struct {
        const char *address;
        int mtu;
        uint32_t found;
    } rows[] = {
        {"127.0.0.1", 1500, 1472}, {"127.0.0.1", 9000, 8972},   {"127.0.0.1", 1380, 1352},
        {"::1", 1500, 1452},       {"127.0.0.1", 65536, 65507}, {"::1", 9000, 8952},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(set_lo(rows[i].mtu));
        if (rows[i].address[0] == ':' && !has_ipv6())
            continue;
        open_pair(rows[i].address);
        find(rows[i].found);
        transfer(10);
        /* The system answers: one probe is refused, and nothing else is. */
        assert_int_equal(stats_of(&client).mtu_probes_lost, rows[i].mtu < 65536);
        assert_int_equal(stats_of(&server).mtu_probes_lost, rows[i].mtu < 65536);
        assert_int_equal(stats_of(&client).mtu_black_holes, 0);
        close_pair();
    }
}

/* And trains go on: it was not they that failed. */
static void the_interface_changes_in_the_middle(void **state)
{
    struct belay_endpoint_stats before, after;
    struct belay_endpoint *endpoint;
    unsigned done;

    (void)state;
    assert_true(set_lo(9000));
    open_pair("127.0.0.1");
    endpoint = belay_conn_get_endpoint(client.conn);
    find(8972);
    done = client.messages;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(belay_conn_send(client.conn, 0, bytes, BIG), 0);
    assert_true(set_lo(1500));
    WAIT_FOR(client.messages == done + 10);
    find(1472);
    assert_in_range(stats_of(&client).mtu_black_holes, 1, 2);
    belay_endpoint_get_stats(endpoint, &before, sizeof(before));
    transfer(10);
    belay_endpoint_get_stats(endpoint, &after, sizeof(after));
    if (!portable)
        assert_true(after.datagrams_sent - before.datagrams_sent >
                    4 * (after.send_calls - before.send_calls));
    close_pair();
}

/* ------------------------------------------------------------------ ICMP */

#define HINTED 3000 /* no size that is tried of itself */

static unsigned hinted_packets;

static void on_trace(void *ctx, const struct belay_conn *conn, const struct belay_trace *packet,
                     uint64_t now_ns)
{
    (void)ctx;
    (void)conn;
    (void)now_ns;
    hinted_packets += packet->outgoing && packet->len == HINTED;
}

static uint16_t internet_checksum(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    sum = (sum >> 16) + (sum & 0xffff);
    return htons((uint16_t) ~(sum + (sum >> 16)));
}

/* "Fragmentation needed", as a router says it of a datagram between these ports of loopback. */
static void send_too_big(unsigned from, unsigned to, const uint8_t *payload, size_t len)
{
    struct {
        struct icmphdr icmp;
        struct iphdr ip;
        struct udphdr udp;
        uint8_t payload[16];
    } packet = {
        .icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED},
        .ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
        .udp = {.source = htons((uint16_t)from), .dest = htons((uint16_t)to)},
    };
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

    assert_true(fd >= 0);
    packet.icmp.un.frag.mtu = htons(HINTED + 28);
    packet.ip.tot_len = htons(9000);
    packet.ip.saddr = packet.ip.daddr = htonl(INADDR_LOOPBACK);
    packet.udp.len = htons(9000 - 20);
    memcpy(packet.payload, payload, len);
    packet.icmp.checksum = internet_checksum(&packet, sizeof(packet));
    assert_int_equal(
        sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&loopback, sizeof(loopback)),
        sizeof(packet));
    close(fd);
}

/* The server's socket has all its connections; what is quoted, and the address, say which is
 * meant. The client has no connection ID. */
static void a_router_is_heard_on_a_shared_socket(void **state)
{
    static const uint8_t quotes[2][16] = {{0xe1, 0, 1, 2}, {0xf1, 1, 2, 3, 4, 5, 6, 7, 8}};

    (void)state;
    assert_true(set_lo(65536));
    for (unsigned i = 0; i < 2; i++) {
        unsigned from, to;

        hinted_packets = 0;
        open_pair("127.0.0.1");
        from = port_of(belay_listener_get_fd(listener));
        to = port_of(belay_conn_get_fd(client.conn));
        belay_endpoint_set_trace_cb(belay_conn_get_endpoint(server.conn), on_trace, NULL);
        send_too_big(from, to, quotes[i], sizeof(quotes[i]));
        find(65507);
        assert_int_equal(hinted_packets > 0, i == 0); /* the other one is not ours */
        close_pair();
    }
}

int main(void)
{
    const struct CMUnitTest mtu[] = {
        EVENT_TEST(the_size_of_the_interface_is_found),
        EVENT_TEST(the_interface_changes_in_the_middle),
        EVENT_TEST(a_router_is_heard_on_a_shared_socket),
    };
    int failed;

    if ((unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) ||
        !set_lo(1500)) {
        printf("SKIPPED: no network namespace whose loopback can be changed\n");
        return 77;
    }
    bytes = calloc(1, BIG);
    failed = RUN_BOTH(mtu);
    free(bytes);
    return failed;
}
