#include "../fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsim/run/ready.h"

static const struct {
    const char *line;
    unsigned port; /* 0: nobody waits */
    bool ipv6, loopback;
} lines[] = {
    /* As Linux writes them. */
    {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid", 0,
     false, false},
    {" 1234: 0100007F:270F 00000000:0000 07 00000000:00000000 00:00000000 00000000 0", 9999,
     false, true},
    {"    0: 00000000000000000000000000000000:2710 00000000000000000000000000000000:0000 07 00",
     10000, true, false},
    {"    0: 00000000000000000000000001000000:2710 00000000000000000000000000000000:0000 0A 00",
     10000, true, true},
    {"    0: 00000000000000000000000000000001:2710 00000000000000000000000000000000:0000 0A 00",
     10000, true, true},
    {"    0: 0000000000000000FFFF00000100007F:2710 00000000000000000000000000000000:0000 0A 00",
     10000, true, false},
    {"    0: 00000000:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000", 8888,
     false, false},
    {"    0: 010012C6:FFFF 00000000:0000 0A 00000000:00000000 00:00000000 00000000", 65535,
     false, false},
    /* Connected UDP; TCP on its way, and in TIME_WAIT; not bound. */
    {"    0: 0100007F:270F 0100007F:C350 01 00000000:00000000 00:00000000 00000000", 0, false,
     false},
    {"    0: 0100007F:C350 0100007F:270F 02 00000000:00000000 00:00000000 00000000", 0, false,
     false},
    {"    0: 0100007F:C350 0100007F:270F 06 00000000:00000000 00:00000000 00000000", 0, false,
     false},
    {"    0: 0100007F:0000 00000000:0000 07 00000000:00000000 00:00000000 00000000", 0, false,
     false},
    {"", 0, false, false},
    {"    0: 0100007F", 0, false, false},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct netsim_port port = {.tcp = true};

        assert_int_equal(netsim_ready_line(lines[i].line, &port), lines[i].port != 0);
        if (lines[i].port == 0)
            continue;
        assert_int_equal(port.number, lines[i].port);
        assert_int_equal(port.ipv6, lines[i].ipv6);
        assert_int_equal(port.loopback, lines[i].loopback);
        assert_true(port.tcp);
    }
}

/* Of the given type, at a port of the system's choice. */
static int open_socket(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, type, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The tables are read anew at each check. */
static void test_here(void **state)
{
    struct netsim_ready ready;
    struct netsim_port found;
    uint16_t port;
    int fd = open_socket(SOCK_STREAM, &port);

    (void)state;
    assert_int_equal(netsim_ready_open(&ready, port), 0);
    assert_false(netsim_ready_check(&ready)); /* bound, and does not listen */
    assert_int_equal(listen(fd, 1), 0);
    assert_true(netsim_ready_check(&ready));
    assert_int_equal(netsim_ready_list(&ready, &found, 1), 1);
    assert_true(found.tcp && found.loopback && !found.ipv6);
    assert_int_equal(found.number, port);
    close(fd);
    assert_false(netsim_ready_check(&ready));
    netsim_ready_close(&ready);
}

static void test_bounded(void **state)
{
    struct netsim_ready ready;
    struct netsim_port found[3] = {{.number = 0}, {.number = 0}, {.number = 0}};
    uint16_t port;
    int fds[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        fds[i] = open_socket(SOCK_DGRAM, &port);
    assert_int_equal(netsim_ready_open(&ready, 0), 0);
    assert_int_equal(netsim_ready_list(&ready, found, 2), 2);
    assert_true(found[0].number != 0 && found[1].number != 0 && found[2].number == 0);
    ready.port = port;
    assert_int_equal(netsim_ready_list(&ready, found, 3), 1);
    assert_false(found[0].tcp);
    assert_int_equal(found[0].number, port);
    netsim_ready_close(&ready);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_here),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
