/* Ports behind a NAT that forgets, alone and in whole frames. */
#include "frames.h"

#include "netsim/live/frame.h"
#include "netsim/live/nat.h"

static void test_nat_of_ports(void **state)
{
    struct netsim_nat *nat = netsim_nat_new();
    uint8_t used[65536] = {0};
    uint16_t inside, outside;

    (void)state;
    for (unsigned port = 0; port < 65536; port += 7) { /* at first nothing changes */
        assert_int_equal(netsim_nat_out(nat, (uint16_t)port), port);
        assert_true(netsim_nat_back(nat, (uint16_t)port, &inside));
        assert_int_equal(inside, port);
    }
    for (uint64_t rebinds = 1; rebinds < 20; rebinds++) {
        uint8_t now[65536] = {0};

        netsim_nat_rebind(nat, rebinds);
        for (unsigned port = 40000; port < 42000; port++) {
            outside = netsim_nat_out(nat, (uint16_t)port);
            assert_int_equal(netsim_nat_out(nat, (uint16_t)port), outside); /* stays */
            assert_true(outside >= 1024);
            assert_false(now[outside]);  /* nobody else's */
            assert_false(used[outside]); /* nor of the binding before */
            now[outside] = 1;
            assert_true(netsim_nat_back(nat, outside, &inside));
            assert_int_equal(inside, port);
        }
        for (unsigned port = 0; port < 65536; port++)
            assert_int_equal(netsim_nat_back(nat, (uint16_t)port, &inside), now[port]);
        memcpy(used, now, sizeof(used));
        netsim_nat_rebind(nat, rebinds - 1); /* time does not go back */
        assert_int_equal(netsim_nat_back(nat, outside, &inside), true);
    }
    netsim_nat_free(nat);
}

/* More clients than ports: the longest idle changes hands, and each still has one. */
static void test_nat_is_full(void **state)
{
    struct netsim_nat *nat = netsim_nat_new();
    uint16_t inside;

    (void)state;
    netsim_nat_rebind(nat, 1);
    for (unsigned port = 0; port < 65536; port++) {
        uint16_t outside = netsim_nat_out(nat, (uint16_t)port);

        assert_true(netsim_nat_back(nat, outside, &inside));
        assert_int_equal(inside, port);
    }
    assert_true(netsim_nat_back(nat, netsim_nat_out(nat, 0), &inside));
    assert_int_equal(inside, 0); /* its port had gone to another one, and it took a new one */
    netsim_nat_free(nat);
}

static void swap_ports(struct builder *b, size_t at)
{
    uint8_t from[2];

    memcpy(from, b->data + at, 2);
    memcpy(b->data + at, b->data + at + 2, 2);
    memcpy(b->data + at + 2, from, 2);
}

static void test_nat_of_frames(void **state)
{
    struct netsim_nat *nat = netsim_nat_new();

    (void)state;
    for (uint64_t rebinds = 0; rebinds < 5; rebinds++) {
        struct builder rows[] = {udp4(40000, 53, "odd"), udp6(40001, 53, "even")};

        netsim_nat_rebind(nat, rebinds);
        for (int i = 0; i < 2; i++) {
            struct builder b = rows[i], old;
            struct netsim_frame view;

            netsim_frame_read(&view, b.data, b.len);
            netsim_nat_frame_out(nat, b.data, b.len);
            assert_udp_right(&b, view.udp_at);
            assert_int_equal(memcmp(b.data, rows[i].data, b.len) == 0, rebinds == 0);
            swap_ports(&b, view.udp_at);
            old = b;
            assert_true(netsim_nat_frame_back(nat, b.data, b.len));
            assert_udp_right(&b, view.udp_at);
            assert_int_equal(netsim_frame_port(&view, b.data, NETSIM_FRAME_DESTINATION),
                             40000 + i);
            netsim_nat_rebind(nat, ++rebinds);
            assert_false(netsim_nat_frame_back(nat, old.data, old.len));
            netsim_nat_frame_out(nat, rows[i].data, rows[i].len);
        }
    }
    netsim_nat_free(nat);
}

/* An ICMP error that quotes a datagram with the port outside. */
static struct builder icmp_error(bool v4, const struct builder *quoted)
{
    struct builder b = {.len = 0};
    size_t len = 8 + quoted->len - 14, at;
    uint32_t start = 0;
    uint16_t check;

    add_ethernet(&b, v4 ? 0x0800 : 0x86dd);
    if (v4)
        add_ipv4(&b, 1, len, 0, 0, 0);
    else
        add_ipv6(&b, 58, len, 0);
    at = b.len;
    add(&b, (uint8_t[]){v4 ? 3 : 1, v4 ? 3 : 4, 0, 0, 0, 0, 0, 0}, 8);
    add(&b, quoted->data + 14, quoted->len - 14);
    if (!v4)
        start = sum(b.data + 22, 32, (uint32_t)len + 58);
    check = (uint16_t)~sum(b.data + at, len, start);
    b.data[at + 2] = (uint8_t)(check >> 8);
    b.data[at + 3] = (uint8_t)check;
    return b;
}

static void test_nat_of_icmp_errors(void **state)
{
    (void)state;
    for (int v4 = 0; v4 < 2; v4++) {
        struct netsim_nat *nat = netsim_nat_new();
        struct builder sent = v4 ? udp4(40000, 53, "abc") : udp6(40000, 53, "abc"), error;
        size_t at = v4 ? 34 : 54, quoted = at + 8 + at - 14;
        uint32_t start = 0;

        netsim_nat_rebind(nat, 1);
        netsim_nat_frame_out(nat, sent.data, sent.len);
        error = icmp_error(v4, &sent);
        assert_int_not_equal(error.data[quoted] << 8 | error.data[quoted + 1], 40000);
        assert_true(netsim_nat_frame_back(nat, error.data, error.len));
        assert_int_equal(error.data[quoted] << 8 | error.data[quoted + 1], 40000);
        if (!v4)
            start = sum(error.data + 22, 32, (uint32_t)(error.len - at) + 58);
        assert_int_equal(sum(error.data + at, error.len - at, start), 0xffff);
        netsim_nat_rebind(nat, 2);
        error = icmp_error(v4, &sent);
        assert_false(netsim_nat_frame_back(nat, error.data, error.len));
        netsim_nat_free(nat);
    }
}

static void test_nat_lets_others_pass(void **state)
{
    struct netsim_nat *nat = netsim_nat_new();
    struct builder rows[] = {with_type(0x0806), icmp6(128), icmp6(1)}, before;

    (void)state;
    netsim_nat_rebind(nat, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        before = rows[i];
        netsim_nat_frame_out(nat, rows[i].data, rows[i].len);
        assert_true(netsim_nat_frame_back(nat, rows[i].data, rows[i].len));
        assert_memory_equal(before.data, rows[i].data, rows[i].len);
    }
    netsim_nat_free(nat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nat_of_ports),         cmocka_unit_test(test_nat_is_full),
        cmocka_unit_test(test_nat_of_frames),        cmocka_unit_test(test_nat_of_icmp_errors),
        cmocka_unit_test(test_nat_lets_others_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
