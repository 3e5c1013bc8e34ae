/* Captures, parsed back from their bytes. With a file as argument: writes a capture for
 * pcap_tshark.py there. */
#include "../fixture.h"

#include "netsim/report/pcapng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define EPOCH_NS UINT64_C(1767225600000000000) /* 2026-01-01 */
#define FILE_MAX (1 << 20)

/* ------------------------------------------------------------------ reading back */

struct reader {
    uint8_t bytes[FILE_MAX];
    size_t len, at;
};

struct block {
    uint32_t type;
    const uint8_t *body;
    size_t len;
};

static uint32_t le16(const uint8_t *at)
{
    return (uint32_t)(at[0] | at[1] << 8);
}

static uint32_t le32(const uint8_t *at)
{
    return le16(at) | le16(at + 2) << 16;
}

/* Each block has its length at both ends, a multiple of 4. */
static bool next_block(struct reader *reader, struct block *block)
{
    const uint8_t *at = reader->bytes + reader->at;
    uint32_t size;

    if (reader->at == reader->len)
        return false;
    assert_true(reader->len - reader->at >= 12);
    size = le32(at + 4);
    assert_true(size >= 12 && size % 4 == 0 && size <= reader->len - reader->at);
    assert_int_equal(le32(at + size - 4), size);
    *block = (struct block){le32(at), at + 8, size - 12};
    reader->at += size;
    return true;
}

/* The value of an option, NULL: it is not there. Checks the whole list. */
static const uint8_t *find_option(const uint8_t *list, size_t size, uint32_t code, size_t *len)
{
    const uint8_t *found = NULL;
    size_t at = 0;

    while (at < size) {
        uint32_t this_code = le16(list + at);
        size_t this_len = le16(list + at + 2), padded = (this_len + 3) / 4 * 4;

        assert_true(at + 4 + padded <= size);
        if (this_code == 0) {
            assert_int_equal(this_len, 0);
            assert_int_equal(at + 4, size);
            return found;
        }
        for (size_t i = this_len; i < padded; i++)
            assert_int_equal(list[at + 4 + i], 0);
        if (this_code == code) {
            assert_null(found);
            found = list + at + 4;
            *len = this_len;
        }
        at += 4 + padded;
    }
    assert_int_equal(size, 0); /* a list without an end is no list */
    return NULL;
}

static void assert_option(const struct block *block, size_t fixed, uint32_t code,
                          const char *want)
{
    size_t len = 0;
    const uint8_t *value = find_option(block->body + fixed, block->len - fixed, code, &len);

    if (want == NULL) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(value, want, len);
}

/* ------------------------------------------------------------------ a file to write */

static void name_file(char name[32])
{
    int fd;

    strcpy(name, "/tmp/netsim-pcapng-XXXXXX");
    fd = mkstemp(name);
    assert_true(fd >= 0);
    close(fd);
}

static struct reader *read_file(const char *name)
{
    struct reader *reader = malloc(sizeof(*reader));
    FILE *file = fopen(name, "rb");

    assert_non_null(reader);
    assert_non_null(file);
    reader->len = fread(reader->bytes, 1, sizeof(reader->bytes), file);
    assert_true(reader->len < sizeof(reader->bytes));
    reader->at = 0;
    fclose(file);
    unlink(name);
    return reader;
}

static void assert_head(struct reader *reader, uint32_t link, const char *out, const char *back)
{
    static const uint8_t version[4] = {1, 0, 0, 0};
    static const char *const names[] = {"out", "out dropped", "back", "back dropped"};
    struct block block;

    assert_true(next_block(reader, &block));
    assert_int_equal(block.type, 0x0a0d0d0a);
    assert_int_equal(le32(block.body), 0x1a2b3c4d);
    assert_memory_equal(block.body + 4, version, 4);
    assert_true(le32(block.body + 8) == UINT32_MAX && le32(block.body + 12) == UINT32_MAX);
    assert_option(&block, 16, 4, "belay-netsim " BELAY_VERSION);
    for (int i = 0; i < 4; i++) {
        assert_true(next_block(reader, &block));
        assert_int_equal(block.type, 1);
        assert_int_equal(le16(block.body), link);
        assert_int_equal(le16(block.body + 2), 0);
        assert_int_equal(le32(block.body + 4), 0);
        assert_option(&block, 8, 2, names[i]);
        assert_option(&block, 8, 3, i < 2 ? out : back);
        assert_option(&block, 8, 9, "\x09");
    }
}

static void assert_packet(struct reader *reader, enum netsim_pcapng_interface interface,
                          uint64_t t_ns, const void *packet, size_t len, const char *comment)
{
    struct block block;
    uint64_t at_ns;

    assert_true(next_block(reader, &block));
    assert_int_equal(block.type, 6);
    assert_int_equal(le32(block.body), interface);
    at_ns = (uint64_t)le32(block.body + 4) << 32 | le32(block.body + 8);
    assert_true(at_ns == EPOCH_NS + t_ns);
    assert_int_equal(le32(block.body + 12), len);
    assert_int_equal(le32(block.body + 16), len);
    assert_memory_equal(block.body + 20, packet, len);
    for (size_t i = len; i % 4 != 0; i++)
        assert_int_equal(block.body[20 + i], 0);
    assert_option(&block, 20 + (len + 3) / 4 * 4, 1, comment);
}

/* ------------------------------------------------------------------ tests of files */

static void test_blocks(void **state)
{
    static const struct {
        enum netsim_pcapng_interface interface;
        uint64_t t_ns;
        const char *packet, *comment;
    } rows[] = {
        {NETSIM_PCAPNG_OUT, 0, "", NULL},
        {NETSIM_PCAPNG_OUT_DROPPED, 1, "a", "1"},
        {NETSIM_PCAPNG_BACK, 20000000, "ab", "12"},
        {NETSIM_PCAPNG_BACK_DROPPED, UINT64_C(5000000001), "abc", "123"},
        {NETSIM_PCAPNG_OUT, UINT64_C(1) << 40, "abcd", "1234"},
        {NETSIM_PCAPNG_OUT, 3, "abcde", ""}, /* times need not ascend; no empty comment */
    };
    struct netsim_pcapng *pcap;
    struct reader *reader;
    struct block block;
    char name[32];

    (void)state;
    name_file(name);
    pcap = netsim_pcapng_open(name, NETSIM_PCAPNG_ETHERNET, EPOCH_NS, "loss 5%", "");
    assert_non_null(pcap);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(netsim_pcapng_write(pcap, rows[i].interface, rows[i].t_ns,
                                             rows[i].packet, strlen(rows[i].packet),
                                             rows[i].comment),
                         0);
    assert_int_equal(netsim_pcapng_close(pcap), 0);
    reader = read_file(name);
    assert_head(reader, 1, "loss 5%", "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_packet(
            reader, rows[i].interface, rows[i].t_ns, rows[i].packet, strlen(rows[i].packet),
            rows[i].comment != NULL && rows[i].comment[0] != '\0' ? rows[i].comment : NULL);
    assert_false(next_block(reader, &block));
    free(reader);
}

static void test_long_texts_are_cut(void **state)
{
    struct netsim_pcapng *pcap;
    struct reader *reader;
    char name[32], *text = malloc(70001);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 70000);
    text[70000] = '\0';
    name_file(name);
    pcap = netsim_pcapng_open(name, NETSIM_PCAPNG_RAW_IP, EPOCH_NS, text, NULL);
    assert_non_null(pcap);
    assert_int_equal(netsim_pcapng_write(pcap, NETSIM_PCAPNG_OUT, 0, "p", 1, text), 0);
    assert_int_equal(netsim_pcapng_close(pcap), 0);
    reader = read_file(name);
    text[65535] = '\0';
    assert_head(reader, 101, text, "");
    assert_packet(reader, NETSIM_PCAPNG_OUT, 0, "p", 1, text);
    free(reader);
    free(text);
}

static void test_what_cannot_be_written_is_told(void **state)
{
    static const uint8_t packet[4096];
    struct netsim_pcapng *pcap;
    int bad = 0;

    (void)state;
    errno = 0;
    assert_null(netsim_pcapng_open("/nonexistent/x", NETSIM_PCAPNG_RAW_IP, 0, "", ""));
    assert_int_equal(errno, ENOENT);
    if (access("/dev/full", W_OK) != 0)
        return;
    assert_null(netsim_pcapng_open("/dev/full", NETSIM_PCAPNG_RAW_IP, 0, "", ""));
    assert_int_equal(errno, ENOSPC);
    pcap = netsim_pcapng_open("/dev/null", NETSIM_PCAPNG_RAW_IP, 0, "", "");
    assert_non_null(pcap);
    for (int i = 0; i < 100; i++)
        bad |= netsim_pcapng_write(pcap, NETSIM_PCAPNG_OUT, 0, packet, sizeof(packet), NULL);
    assert_int_equal(bad, 0);
    assert_int_equal(netsim_pcapng_write(pcap, NETSIM_PCAPNG_OUT, 0, packet, SIZE_MAX, NULL),
                     -1);
    assert_int_equal(netsim_pcapng_write(pcap, NETSIM_PCAPNG_OUT, 0, packet, 1, NULL), -1);
    assert_int_equal(netsim_pcapng_close(pcap), -1);
    assert_int_equal(errno, EMSGSIZE);
}

/* ------------------------------------------------------------------ headers */

struct address {
    struct sockaddr_storage storage;
};

static struct address address_of(const char *text, uint16_t port)
{
    struct address address = {0};
    struct sockaddr_in *in = (void *)&address.storage;
    struct sockaddr_in6 *in6 = (void *)&address.storage;

    if (strchr(text, ':') != NULL) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    } else {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    }
    return address;
}

static size_t wrap(uint8_t *out, size_t size, const char *from, const char *to, uint8_t ecn,
                   const void *payload, size_t len)
{
    struct address source = address_of(from, 0x1234), target = address_of(to, 4433);

    return netsim_pcapng_udp(out, size, (struct sockaddr *)&source.storage,
                             (struct sockaddr *)&target.storage, ecn, payload, len);
}

/* Written here another way than in the code: by subtracting the carry at once. */
static uint32_t ones_complement(uint32_t sum, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = sum > 0xffff ? sum - 0xffff : sum;
    }
    return sum;
}

/* What a receiver checks: with the checksum itself, the sum is 0xffff. */
static void assert_udp(const uint8_t *ip, size_t len)
{
    size_t head = ip[0] >> 4 == 4 ? 20 : 40;
    uint32_t sum = 17 + (uint32_t)(len - head);

    sum = ones_complement(sum, head == 20 ? ip + 12 : ip + 8, head == 20 ? 8 : 32);
    assert_int_equal(ones_complement(sum, ip + head, len - head), 0xffff);
    assert_true(ip[head + 6] != 0 || ip[head + 7] != 0);
    if (head == 20)
        assert_int_equal(ones_complement(0, ip, head), 0xffff);
}

static void test_ipv4_bytes(void **state)
{
    static const uint8_t want[] = {
        0x45, 0x02, 0x00, 0x1f, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xae, 0xa4, /* checksum */
        198,  18,   0,    2,    198,  18,   0,    1,                            /* from, to */
        0x12, 0x34, 0x11, 0x51, 0x00, 0x0b, 0x8b, 0xc8, 'a',  'b',  'c',
    };
    uint8_t out[64];

    (void)state;
    assert_int_equal(wrap(out, sizeof(out), "198.18.0.2", "198.18.0.1", 2, "abc", 3),
                     sizeof(want));
    assert_udp(out, sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void test_ipv6_bytes(void **state)
{
    uint8_t out[64];

    (void)state;
    assert_int_equal(wrap(out, sizeof(out), "fd42:198:18::2", "fd42:198:18::1", 3, "abc", 3),
                     51);
    assert_true(out[0] == 0x60 && out[1] == 0x30 && out[2] == 0 && out[3] == 0);
    assert_true(out[4] == 0 && out[5] == 11 && out[6] == 17 && out[7] == 64);
    assert_true(out[8] == 0xfd && out[23] == 2 && out[24] == 0xfd && out[39] == 1);
    assert_memory_equal(out + 40, "\x12\x34\x11\x51\x00\x0b", 6);
    assert_memory_equal(out + 48, "abc", 3);
    assert_udp(out, 51);
}

static void test_checksums(void **state)
{
    static uint8_t out[65536], payload[1501];

    (void)state;
    for (size_t len = 0; len < sizeof(payload); len++) {
        const char *from = len % 3 == 0 ? "::1" : len % 3 == 1 ? "127.0.0.1" : "::ffff:1.2.3.4";
        const char *to = len % 3 == 0 ? "ff02::1" : "255.255.255.255";
        size_t size = wrap(out, sizeof(out), from, to, (uint8_t)(len % 4), payload, len);

        assert_int_equal(size, len + (len % 3 == 0 ? 48 : 28));
        assert_udp(out, size);
        for (size_t i = 0; i < sizeof(payload); i++)
            payload[i] = (uint8_t)(payload[i] * 5 + i + len);
    }
}

/* A checksum that comes out as 0 is sent as 0xffff: 0 says that there is none. */
static void test_no_zero_checksum(void **state)
{
    uint8_t out[64], payload[2] = {0, 0};
    size_t size = wrap(out, sizeof(out), "127.0.0.1", "127.0.0.1", 0, payload, 2);

    (void)state;
    assert_int_equal(size, 30);
    payload[0] = out[26]; /* what it lacks to 0xffff: now the sum is full */
    payload[1] = out[27];
    assert_int_equal(wrap(out, sizeof(out), "127.0.0.1", "127.0.0.1", 0, payload, 2), 30);
    assert_true(out[26] == 0xff && out[27] == 0xff);
}

static void test_mapped_is_ipv4(void **state)
{
    uint8_t out[64], want[64];

    (void)state;
    assert_int_equal(wrap(want, sizeof(want), "1.2.3.4", "5.6.7.8", 1, "x", 1), 29);
    assert_int_equal(wrap(out, sizeof(out), "::ffff:1.2.3.4", "::ffff:5.6.7.8", 1, "x", 1), 29);
    assert_memory_equal(out, want, 29);
    assert_int_equal(wrap(out, sizeof(out), "1.2.3.4", "::ffff:5.6.7.8", 1, "x", 1), 29);
    assert_memory_equal(out, want, 29);
}

static void test_what_does_not_fit(void **state)
{
    static uint8_t out[70000], payload[70000];
    const struct sockaddr unix_socket = {.sa_family = AF_UNIX};

    (void)state;
    assert_int_equal(wrap(out, 30, "1.2.3.4", "5.6.7.8", 0, "abc", 3), 0);
    assert_int_equal(wrap(out, 31, "1.2.3.4", "5.6.7.8", 0, "abc", 3), 31);
    assert_int_equal(wrap(out, 50, "::1", "::2", 0, "abc", 3), 0);
    assert_int_equal(wrap(out, 51, "::1", "::2", 0, "abc", 3), 51);
    assert_int_equal(wrap(out, sizeof(out), "1.2.3.4", "::2", 0, "abc", 3), 0);
    assert_int_equal(wrap(out, sizeof(out), "1.2.3.4", "5.6.7.8", 0, payload, 65508), 0);
    assert_int_equal(wrap(out, sizeof(out), "1.2.3.4", "5.6.7.8", 0, payload, 65507), 65535);
    assert_int_equal(wrap(out, sizeof(out), "::1", "::2", 0, payload, 65528), 0);
    assert_int_equal(wrap(out, sizeof(out), "::1", "::2", 0, payload, 65527), 65575);
    assert_int_equal(wrap(out, sizeof(out), "::1", "::2", 0, payload, SIZE_MAX), 0);
    assert_int_equal(
        netsim_pcapng_udp(out, sizeof(out), &unix_socket, &unix_socket, 0, "abc", 3), 0);
}

/* ------------------------------------------------------------------ a capture for others */

static const struct {
    enum netsim_pcapng_interface interface;
    const char *from, *to;
    uint8_t ecn;
    const char *comment;
} sample[] = {
    {NETSIM_PCAPNG_OUT, "198.18.0.2", "198.18.0.1", 0, "delivered after 20 ms"},
    {NETSIM_PCAPNG_OUT_DROPPED, "198.18.0.2", "198.18.0.1", 2, "dropped: loss"},
    {NETSIM_PCAPNG_BACK, "fd42:198:18::1", "fd42:198:18::2", 3, "marked CE"},
    {NETSIM_PCAPNG_BACK_DROPPED, "fd42:198:18::1", "fd42:198:18::2", 1, "dropped: limit"},
};

static int write_sample(const char *name)
{
    struct netsim_pcapng *pcap = netsim_pcapng_open(name, NETSIM_PCAPNG_RAW_IP, EPOCH_NS,
                                                    "delay 20ms loss 5%", "delay 1ms");
    int bad = 0;

    if (pcap == NULL)
        return 1;
    for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++) {
        uint8_t out[100];
        size_t len = wrap(out, sizeof(out), sample[i].from, sample[i].to, sample[i].ecn,
                          "0123456789", 10 - i);

        bad |= netsim_pcapng_write(pcap, sample[i].interface, i * MS + 1, out, len,
                                   sample[i].comment);
    }
    return netsim_pcapng_close(pcap) != 0 || bad != 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_what_cannot_be_written_is_told),
        cmocka_unit_test(test_ipv4_bytes),
        cmocka_unit_test(test_ipv6_bytes),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_no_zero_checksum),
        cmocka_unit_test(test_mapped_is_ipv4),
        cmocka_unit_test(test_what_does_not_fit),
    };

    if (argc == 2)
        return write_sample(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
