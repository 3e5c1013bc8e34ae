/* The header of DATA packets, RESET, packet numbers cut short, and varints. */
#include "fuzz.h"

#include "wire/packet.h"

static void check_type(const uint8_t *data)
{
    enum belay_packet_type type = belay_packet_type_of(data[0]);

    FUZZ_CHECK((type == BELAY_PACKET_DATA) == (data[0] >= 0xe0));
    FUZZ_CHECK((type == BELAY_PACKET_UNKNOWN) ==
               (data[0] < 0xc0 || (data[0] > 0xc5 && data[0] < 0xe0)));
    if (type < BELAY_PACKET_RESET)
        FUZZ_CHECK((unsigned)type == (data[0] & 0x1fu));
}

static void check_data(const uint8_t *data, size_t size)
{
    struct belay_data_header header;
    uint8_t built[BELAY_DATA_HEADER_BYTES_MAX];
    size_t len;

    if (belay_data_header_parse(&header, data, size) != 0)
        return;
    FUZZ_CHECK(header.header_len + 1 + BELAY_TAG_BYTES <= size);
    FUZZ_CHECK(header.number_bytes >= 1 && header.number_bytes <= 4);
    len =
        belay_data_header_build(built, sizeof(built), header.has_cid ? header.cid : NULL,
                                header.key_phase, header.number_truncated, header.number_bytes);
    FUZZ_CHECK(len == header.header_len);
    FUZZ_CHECK(memcmp(built, data, len) == 0);
    FUZZ_CHECK(belay_data_header_build(built, len - 1, header.has_cid ? header.cid : NULL,
                                       header.key_phase, 0, header.number_bytes) == 0);
    FUZZ_PLANT(header.has_cid && header.key_phase && header.cid[0] > 0x80);
}

/* What ICMP quotes of a packet may end anywhere behind its connection ID. */
static void check_cid(const uint8_t *data, size_t size)
{
    struct belay_data_header header;
    const uint8_t *cid;

    if (size < 1 + BELAY_CID_BYTES)
        return;
    if (belay_data_header_cid(data, &cid) != 0) {
        FUZZ_CHECK(belay_data_header_parse(&header, data, size) != 0);
        return;
    }
    FUZZ_CHECK(cid == NULL || fuzz_is_inside(cid, BELAY_CID_BYTES, data, size));
    if (belay_data_header_parse(&header, data, size) == 0)
        FUZZ_CHECK(header.has_cid == (cid != NULL) &&
                   (cid == NULL || memcmp(header.cid, cid, BELAY_CID_BYTES) == 0));
}

static void check_reset(const uint8_t *data, size_t size)
{
    const uint8_t *token = belay_reset_parse(data, size);
    uint8_t built[BELAY_RESET_BYTES];

    if (token == NULL)
        return;
    FUZZ_CHECK(fuzz_is_inside(token, BELAY_RESET_TOKEN_BYTES, data, size));
    FUZZ_CHECK(belay_reset_build(built, sizeof(built), token) == sizeof(built));
    FUZZ_CHECK(size == sizeof(built) && memcmp(built, data, size) == 0);
    FUZZ_CHECK(belay_reset_build(built, sizeof(built) - 1, token) == 0);
}

/* Whoever has all up to what was acknowledged, or up to the packet before, expands rightly. */
static void check_number(const uint8_t *data, size_t size)
{
    struct belay_reader in;
    uint64_t number, acked, first, cut;
    unsigned bytes;

    belay_reader_init(&in, data, size);
    number = belay_read_u64(&in) >> 2;
    acked = belay_read_u64(&in) >> (belay_read_u8(&in) & 63);
    first = belay_read_u8(&in);
    if (number < first ||
        (acked != UINT64_MAX && (acked >= number || number - acked > 1u << 30)))
        return;
    if (acked == UINT64_MAX && number - first > 1u << 30)
        return;
    bytes = belay_packet_number_bytes(number, acked, first);
    FUZZ_CHECK(bytes >= 2 && bytes <= 4);
    cut = number & (UINT64_MAX >> (64 - 8 * bytes));
    FUZZ_CHECK(belay_number_expand(number, cut, 8 * bytes) == number);
    for (unsigned shorter = 1; shorter < bytes; shorter++) /* sure only at the number itself */
        FUZZ_CHECK(belay_number_expand(number, cut, 8 * shorter) == number);
    FUZZ_CHECK(belay_number_expand(acked == UINT64_MAX ? first : acked + 1, cut, 8 * bytes) ==
               number);
}

static void check_varint(const uint8_t *data, size_t size)
{
    uint8_t built[8], wide[8];
    struct belay_reader in;
    struct belay_writer out;
    uint64_t value;

    belay_reader_init(&in, data, size);
    value = belay_read_varint_long(&in);
    FUZZ_CHECK(value <= BELAY_VARINT_MAX && (in.bad || in.at > data));
    belay_reader_init(&in, data, size);
    FUZZ_CHECK(belay_read_varint(&in) == value);
    belay_writer_init(&out, built, sizeof(built));
    belay_write_varint_long(&out, value);
    FUZZ_CHECK(!out.bad && (size_t)(out.at - built) == belay_varint_size(value));
    belay_reader_init(&in, built, sizeof(built));
    FUZZ_CHECK(belay_read_varint(&in) == value);
    belay_writer_init(&out, wide, sizeof(wide));
    belay_write_varint(&out, value | UINT64_C(1) << 62);
    FUZZ_CHECK(out.bad && out.at == wide);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    check_type(data);
    check_data(data, size);
    check_cid(data, size);
    check_reset(data, size);
    check_number(data, size);
    check_varint(data, size);
    return 0;
}
