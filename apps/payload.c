#include "payload.h"

#include <string.h>

#include <zlib.h>

static void put_big_endian(uint8_t *out, uint64_t value, size_t len)
{
    while (len-- > 0) {
        out[len] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get_big_endian(const uint8_t *in, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | in[i];
    return value;
}

/* SplitMix64 (Steele, Lea, Flood 2014), one step an eight bytes. */
static void fill(uint64_t seed, uint8_t *out, size_t len)
{
    while (len > 0) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;

        uint8_t word[8];
        put_big_endian(word, z, sizeof word);
        size_t part = len < sizeof word ? len : sizeof word;
        memcpy(out, word, part);
        out += part;
        len -= part;
    }
}

static uint32_t checksum(const uint8_t *payload, size_t size)
{
    uLong crc = crc32_z(0, payload, 8);
    return (uint32_t)crc32_z(crc, payload + PAYLOAD_NUMBERED_MIN, size - PAYLOAD_NUMBERED_MIN);
}

static size_t short_digits(size_t size)
{
    return size < 8 ? size : 8;
}

void payload_make(uint64_t number, void *out, size_t size)
{
    uint8_t *bytes = out;
    if (size < PAYLOAD_NUMBERED_MIN) {
        size_t digits = short_digits(size);
        put_big_endian(bytes, number, digits);
        fill(number, bytes + digits, size - digits);
        return;
    }
    put_big_endian(bytes, number, 8);
    fill(number, bytes + PAYLOAD_NUMBERED_MIN, size - PAYLOAD_NUMBERED_MIN);
    put_big_endian(bytes + 8, checksum(bytes, size), 4);
}

uint64_t payload_number(const void *data, size_t size, uint64_t near)
{
    if (size == 0)
        return near;
    uint64_t low = get_big_endian(data, short_digits(size));
    if (size >= 8)
        return low;

    /* As truncated packet numbers are decoded (RFC 9000, appendix A.3). */
    uint64_t span = UINT64_C(1) << (8 * size);
    uint64_t number = (near & ~(span - 1)) | low;
    if (number < near && near - number >= span / 2 && number <= UINT64_MAX - span)
        return number + span;
    if (number > near && number - near > span / 2 && number >= span)
        return number - span;
    return number;
}
