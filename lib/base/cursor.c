#include "base/cursor.h"

#include <assert.h>

uint64_t belay_read_varint_long(struct belay_reader *r)
{
    if (belay_reader_left(r) == 0) {
        r->bad = true;
        return 0;
    }
    switch (*r->at >> 6) {
    case 0:
        return belay_read_u8(r);
    case 1:
        return belay_read_u16(r) & 0x3fff;
    case 2:
        return belay_read_u32(r) & 0x3fffffff;
    default:
        return belay_read_u64(r) & BELAY_VARINT_MAX;
    }
}

void belay_write_varint_long(struct belay_writer *w, uint64_t value)
{
    if (value > BELAY_VARINT_MAX) {
        w->end = w->at;
        w->bad = true;
        return;
    }
    switch (belay_varint_size(value)) {
    case 1:
        belay_write_u8(w, (uint8_t)value);
        break;
    case 2:
        belay_write_u16(w, (uint16_t)(value | 0x4000));
        break;
    case 4:
        belay_write_u32(w, (uint32_t)(value | 0x80000000));
        break;
    default:
        belay_write_u64(w, value | UINT64_C(3) << 62);
        break;
    }
}

uint64_t belay_number_expand(uint64_t expected, uint64_t truncated, unsigned bits)
{
    assert(bits > 0 && bits < 62);
    const uint64_t window = UINT64_C(1) << bits;
    const uint64_t half = window / 2;
    uint64_t candidate = (expected & ~(window - 1)) | (truncated & (window - 1));

    /* RFC 9000, appendix A.3, rearranged so that nothing underflows near zero. */
    if (expected >= half && candidate <= expected - half &&
        candidate <= BELAY_VARINT_MAX - window)
        return candidate + window;
    if (candidate > expected && candidate - expected > half && candidate >= window)
        return candidate - window;
    return candidate;
}
