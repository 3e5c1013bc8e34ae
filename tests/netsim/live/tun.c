/* A TUN device's frames: read, written back, counted when nobody reads them in time. */
#include "../fixture.h"
#include "netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "netsim/live/frame.h"
#include "netsim/live/tun.h"

#define MTU        1500
#define PORT       10000
#define HEADERS    42 /* Ethernet, IPv4, UDP */
#define PATIENCE_S 20

struct device {
    struct netsim_tun tun;
    struct netsim_pool pool;
    struct netsim_interface interface;
    int udp; /* in its namespace, bound to PORT */
};

static const struct sockaddr_in peer = {.sin_family = AF_INET};

static void send_one(const struct device *d, const char *text)
{
    struct sockaddr_in to = peer;

    to.sin_port = htons(PORT);
    inet_pton(AF_INET, "198.18.0.1", &to.sin_addr);
    assert_int_equal(sendto(d->udp, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)),
                     strlen(text));
}

/* ARP and IPv6 would send frames of their own. */
static void begin(struct device *d, unsigned queue)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    memset(d, 0, sizeof(*d));
    if (unshare(CLONE_NEWNET) != 0)
        netns_skip("no network namespaces");
    netns_run(
        "! test -e /proc/sys/net/ipv6 || sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
    if (netsim_tun_new(&d->tun, "net0", MTU) != 0)
        netns_skip(NETSIM_TUN_FILE);
    netns_run("ip link set net0 txqueuelen %u arp off address 02:00:00:00:00:02 up && "
              "ip addr add 198.18.0.2/24 dev net0 && "
              "ip neigh replace 198.18.0.1 lladdr 02:00:00:00:00:01 dev net0 nud permanent",
              queue);
    d->pool.size_bytes = d->tun.frame_max;
    d->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(d->udp, (struct sockaddr *)&here, sizeof(here)), 0);
}

static void open_it(struct device *d)
{
    assert_int_equal(netsim_tun_open(&d->interface, &d->tun, &d->pool), 0);
}

static void end(struct device *d)
{
    netsim_interface_close(&d->interface);
    netsim_pool_dispose(&d->pool);
    netsim_tun_free(&d->tun);
    close(d->udp);
}

static void wait_for(int fd)
{
    struct pollfd at = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&at, 1, PATIENCE_S * 1000), 1);
}

static struct netsim_buffer *receive_one(struct device *d)
{
    struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];

    wait_for(d->interface.fd);
    assert_int_equal(netsim_interface_receive(&d->interface, frames), 1);
    return frames[0];
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = a[i];

        a[i] = b[i];
        b[i] = byte;
    }
}

/* Its two ends are exchanged; its checksums are sums of both, so they stay right. */
static void turn_round(struct netsim_buffer *frame)
{
    swap(frame->data, frame->data + 6, 6);
    swap(frame->data + 26, frame->data + 30, 4);
}

static void expect(struct device *d, const char *text)
{
    char came[16] = "";

    wait_for(d->udp);
    assert_int_equal(recv(d->udp, came, sizeof(came), 0), strlen(text));
    assert_string_equal(came, text);
}

static void test_there_and_back(void **state)
{
    struct device d;
    struct netsim_buffer *frame;

    (void)state;
    begin(&d, 100);
    open_it(&d);
    send_one(&d, "hello");
    frame = receive_one(&d);
    assert_int_equal(frame->len, HEADERS + 5);
    assert_memory_equal(frame->data + HEADERS, "hello", 5);
    assert_true(frame->t_ns > 0);
    turn_round(frame);
    netsim_interface_put(&d.interface, frame);
    netsim_interface_flush(&d.interface);
    netsim_pool_give(&d.pool, frame);
    expect(&d, "hello");
    end(&d);
}

/* A damaged one does not: the kernel looks at checksums. */
static void test_damaged(void **state)
{
    struct device d;
    struct netsim_buffer *frame;

    (void)state;
    begin(&d, 100);
    open_it(&d);
    for (int damaged = 1; damaged >= 0; damaged--) {
        send_one(&d, damaged ? "first" : "second");
        frame = receive_one(&d);
        turn_round(frame);
        if (damaged)
            netsim_frame_flip(frame->data, frame->len, 8 * HEADERS);
        netsim_interface_put(&d.interface, frame);
        netsim_pool_give(&d.pool, frame);
    }
    expect(&d, "second");
    end(&d);
}

/* What was sent before it was opened is nobody's. */
static void test_before(void **state)
{
    struct device d;
    struct netsim_buffer *frame;

    (void)state;
    begin(&d, 2);
    for (int i = 0; i < 5; i++)
        send_one(&d, "early");
    open_it(&d);
    assert_int_equal(netsim_interface_overran(&d.interface), 0);
    send_one(&d, "in time");
    frame = receive_one(&d);
    assert_memory_equal(frame->data + HEADERS, "in time", 7);
    netsim_pool_give(&d.pool, frame);
    end(&d);
}

static void test_too_fast(void **state)
{
    struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];
    struct device d;
    unsigned came;

    (void)state;
    begin(&d, 4);
    open_it(&d);
    for (int i = 0; i < 10; i++)
        send_one(&d, "fast");
    wait_for(d.interface.fd);
    came = netsim_interface_receive(&d.interface, frames);
    assert_true(came > 0 && came < 10);
    assert_int_equal(came + netsim_interface_overran(&d.interface), 10);
    for (unsigned i = 0; i < came; i++)
        netsim_pool_give(&d.pool, frames[i]);
    end(&d);
}

/* Longer than the pool has room for: dropped, and counted. */
static void test_too_long(void **state)
{
    struct netsim_buffer *frames[NETSIM_FRAMES_BATCH];
    struct device d;

    (void)state;
    begin(&d, 100);
    d.pool.size_bytes = HEADERS + 6;
    open_it(&d);
    send_one(&d, "123456");
    send_one(&d, "12345");
    wait_for(d.interface.fd);
    assert_int_equal(netsim_interface_receive(&d.interface, frames), 1);
    assert_int_equal(frames[0]->len, HEADERS + 5);
    assert_int_equal(d.interface.too_long, 1);
    netsim_pool_give(&d.pool, frames[0]);
    end(&d);
}

static void test_no_such_name(void **state)
{
    struct netsim_tun tun;

    (void)state;
    assert_int_equal(netsim_tun_new(&tun, "a-name-that-is-too-long", MTU), -1);
    assert_int_equal(tun.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_before),         cmocka_unit_test(test_too_fast),
        cmocka_unit_test(test_too_long),       cmocka_unit_test(test_no_such_name),
    };

    netns_become_root();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
