/* What frames are taken for, and that changes keep checksums right. */
#include "frames.h"

#include "netsim/live/frame.h"

/* ------------------------------------------------------------------ reading */

/* As multicast listener reports are: behind a router alert. */
static struct builder hop_by_hop(uint8_t next, const uint8_t *bytes, size_t len)
{
    struct builder b = {.len = 0};

    add_ethernet(&b, 0x86dd);
    add_ipv6(&b, 0, 8 + len, 0);
    add(&b, (uint8_t[]){next, 0, 5, 2, 0, 0, 1, 0}, 8);
    add(&b, bytes, len);
    return b;
}

static void test_upkeep(void **state)
{
    static const uint8_t report[8] = {143}, echo[8] = {128}, query[8] = {130};
    const struct {
        const char *what;
        struct builder b;
        enum netsim_frame_kind kind;
    } rows[] = {
        {"ARP", with_type(0x0806), NETSIM_FRAME_UPKEEP},
        {"router solicitation", icmp6(133), NETSIM_FRAME_UPKEEP},
        {"router advertisement", icmp6(134), NETSIM_FRAME_UPKEEP},
        {"neighbour solicitation", icmp6(135), NETSIM_FRAME_UPKEEP},
        {"neighbour advertisement", icmp6(136), NETSIM_FRAME_UPKEEP},
        {"redirect", icmp6(137), NETSIM_FRAME_UPKEEP},
        {"MLD query", hop_by_hop(58, query, 8), NETSIM_FRAME_UPKEEP},
        {"MLDv2 report", hop_by_hop(58, report, 8), NETSIM_FRAME_UPKEEP},
        {"echo behind options", hop_by_hop(58, echo, 8), NETSIM_FRAME_IP},
        {"ICMPv6 138", icmp6(138), NETSIM_FRAME_IP},
        {"ICMPv6 129", icmp6(129), NETSIM_FRAME_IP},
        {"ICMPv6 error", icmp6(1), NETSIM_FRAME_IP},
        {"UDP over IPv4", udp4(1, 2, ""), NETSIM_FRAME_IP},
        {"UDP over IPv6", udp6(1, 2, ""), NETSIM_FRAME_IP},
        {"LLDP", with_type(0x88cc), NETSIM_FRAME_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_frame view;

        netsim_frame_read(&view, rows[i].b.data, rows[i].b.len);
        if (view.kind != rows[i].kind)
            fail_msg("%s: %d", rows[i].what, (int)view.kind);
    }
}

static void test_where_udp_is(void **state)
{
    struct netsim_frame view;
    struct builder b = udp4(40000, 53, "abc");

    (void)state;
    netsim_frame_read(&view, b.data, b.len);
    assert_int_equal(view.version, 4);
    assert_int_equal(view.udp_at, 34);
    assert_int_equal(netsim_frame_port(&view, b.data, NETSIM_FRAME_SOURCE), 40000);
    assert_int_equal(netsim_frame_port(&view, b.data, NETSIM_FRAME_DESTINATION), 53);

    b.len = 0; /* IPv4 options */
    add_ethernet(&b, 0x0800);
    add_ipv4(&b, 17, 8, 40, 0, 0);
    add_udp(&b, 14, 1, 2, "");
    netsim_frame_read(&view, b.data, b.len);
    assert_int_equal(view.udp_at, 74);

    static const unsigned fragments[] = {0x2000, 0x0001, 0x2001, 0x1fff};
    for (size_t i = 0; i < 4; i++) { /* only the first one has ports */
        b.len = 0;
        add_ethernet(&b, 0x0800);
        add_ipv4(&b, 17, 8, 0, fragments[i], 0);
        add_udp(&b, 14, 1, 2, "");
        netsim_frame_read(&view, b.data, b.len);
        assert_int_equal(view.udp_at, i == 0 ? 34 : 0);
        assert_int_equal(view.kind, NETSIM_FRAME_IP);
    }
    for (unsigned offset = 0; offset < 3; offset++) { /* IPv6: 1 is the flag "more" */
        b.len = 0;
        add_ethernet(&b, 0x86dd);
        add_ipv6(&b, 44, 16, 0);
        add(&b, (uint8_t[]){17, 0, 0, (uint8_t)(offset << 3 | 1), 0, 0, 0, 9}, 8);
        add_udp(&b, 14, 1, 2, "");
        netsim_frame_read(&view, b.data, b.len);
        assert_int_equal(view.udp_at, offset == 0 ? 62 : 0);
    }
}

/* Cut at every length: never a view that points past the end (under ASan, never a read). */
static void test_cut_short(void **state)
{
    struct builder rows[] = {udp4(1, 2, "abc"), udp6(1, 2, "abc"), icmp6(135),
                             with_type(0x0806), hop_by_hop(17, (const uint8_t *)"12345678", 8)};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t len = 0; len <= rows[i].len; len++) {
            uint8_t *exact = malloc(len > 0 ? len : 1);
            struct netsim_frame view;

            memcpy(exact, rows[i].data, len);
            netsim_frame_read(&view, exact, len);
            assert_true(view.ip_at == 0 || view.ip_at + (view.version == 4 ? 20 : 40) <= len);
            assert_true(view.transport_at < len || len == 0);
            assert_true(view.udp_at == 0 || view.udp_at + 8 <= len);
            assert_true(netsim_frame_quoted_udp(&view, exact, len) <= len);
            free(exact);
        }
}

/* Bytes of chance, some with a type in place: only that nothing is read past the end. */
static void test_noise(void **state)
{
    struct netsim_random random;

    (void)state;
    netsim_random_init(&random, 1);
    for (int i = 0; i < 200000; i++) {
        size_t len = netsim_random_below(&random, 120) + 1;
        uint8_t *frame = malloc(len);
        struct netsim_frame view;

        for (size_t k = 0; k < len; k++)
            frame[k] = (uint8_t)(netsim_random_draw(&random) >> 24);
        if (len > 20) {
            frame[12] = i % 2 ? 0x08 : 0x86;
            frame[13] = i % 2 ? 0x00 : 0xdd;
            frame[20] = i % 4 < 2 ? frame[20] : (uint8_t[]){0, 43, 44, 60}[i / 4 % 4];
        }
        netsim_frame_read(&view, frame, len);
        netsim_frame_quoted_udp(&view, frame, len);
        if (view.udp_at != 0)
            netsim_frame_set_port(&view, frame, NETSIM_FRAME_SOURCE, 1);
        free(frame);
    }
}

/* ------------------------------------------------------------------ changing */

static void test_checksum_change(void **state)
{
    (void)state;
    /* RFC 1624, section 4: a header whose sum is 0xcd7a but for a word that changes. */
    assert_int_equal(netsim_checksum_change(0xdd2f, 0x5555, 0x3285), 0x0000);
    for (uint32_t old = 0; old < 0x10000; old += 251)
        for (uint32_t now = 0; now < 0x10000; now += 257) {
            uint8_t words[4] = {0x12, 0x34, (uint8_t)(old >> 8), (uint8_t)old};
            uint16_t before = (uint16_t)~sum(words, 4, 0), after;

            after = netsim_checksum_change(before, (uint16_t)old, (uint16_t)now);
            words[2] = (uint8_t)(now >> 8);
            words[3] = (uint8_t)now;
            assert_int_equal(sum(words, 4, after), 0xffff);
        }
}

static void test_mark_ce(void **state)
{
    (void)state;
    for (unsigned tos = 0; tos < 256; tos++) {
        struct netsim_frame view;
        struct builder four = {.len = 0}, six = {.len = 0};

        add_ethernet(&four, 0x0800);
        add_ipv4(&four, 17, 8, 8, 0, (uint8_t)tos);
        add_udp(&four, 14, 1, 2, "");
        netsim_frame_read(&view, four.data, four.len);
        assert_int_equal(view.ecn, tos & 3);
        netsim_frame_mark_ce(&view, four.data);
        assert_int_equal(four.data[15], tos | 3);
        assert_int_equal(sum(four.data + 14, 28, 0), 0xffff);

        add_ethernet(&six, 0x86dd);
        add_ipv6(&six, 17, 8, (uint8_t)tos);
        add_udp(&six, 14, 1, 2, "");
        netsim_frame_read(&view, six.data, six.len);
        assert_int_equal(view.ecn, tos & 3);
        netsim_frame_mark_ce(&view, six.data);
        assert_int_equal((six.data[14] << 4 | six.data[15] >> 4) & 0xff, tos | 3);
        assert_int_equal(six.data[15] & 15, 0x0a);
    }
}

static void test_ports(void **state)
{
    (void)state;
    for (unsigned port = 0; port < 65536; port += 13) {
        struct builder rows[] = {udp4(40000, 53, "odd"), udp6(40000, 53, "even")};

        for (int i = 0; i < 2; i++) {
            struct netsim_frame view;
            enum netsim_frame_end end =
                port % 2 == 0 ? NETSIM_FRAME_SOURCE : NETSIM_FRAME_DESTINATION;

            netsim_frame_read(&view, rows[i].data, rows[i].len);
            netsim_frame_set_port(&view, rows[i].data, end, (uint16_t)port);
            assert_int_equal(netsim_frame_port(&view, rows[i].data, end), port);
            assert_udp_right(&rows[i], view.udp_at);
            assert_true(rows[i].data[view.udp_at + 6] != 0 ||
                        rows[i].data[view.udp_at + 7] != 0);
        }
    }
}

static void test_no_checksum_stays_none(void **state)
{
    struct builder b = udp4(1, 2, "x");
    struct netsim_frame view;

    (void)state;
    b.data[40] = b.data[41] = 0;
    netsim_frame_read(&view, b.data, b.len);
    netsim_frame_set_port(&view, b.data, NETSIM_FRAME_SOURCE, 999);
    assert_int_equal(b.data[40] << 8 | b.data[41], 0);
}

static void test_flip(void **state)
{
    uint8_t frame[4] = {0};

    (void)state;
    for (uint64_t bit = 0; bit < 64; bit++) {
        netsim_frame_flip(frame, sizeof(frame), bit);
        for (uint64_t i = 0; i < 32; i++)
            assert_int_equal(frame[i / 8] >> (i % 8) & 1, i == bit);
        netsim_frame_flip(frame, sizeof(frame), bit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upkeep),
        cmocka_unit_test(test_where_udp_is),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_checksum_change),
        cmocka_unit_test(test_mark_ce),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_no_checksum_stays_none),
        cmocka_unit_test(test_flip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
