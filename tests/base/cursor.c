#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/random.h"

#include "base/cursor.h"

static void test_fields_are_big_endian(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                       0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 'h',  'i'};
    uint8_t bytes[sizeof(expected)];
    struct belay_writer w;
    belay_writer_init(&w, bytes, sizeof(bytes));
    belay_write_u8(&w, 0x01);
    belay_write_u16(&w, 0x0203);
    belay_write_u32(&w, 0x04050607);
    belay_write_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(belay_writer_left(&w), 2);
    belay_write_bytes(&w, "hi", 2);
    assert_false(w.bad);
    assert_memory_equal(bytes, expected, sizeof(expected));

    struct belay_reader r;
    belay_reader_init(&r, bytes, sizeof(bytes));
    assert_int_equal(belay_read_u8(&r), 0x01);
    assert_int_equal(belay_read_u16(&r), 0x0203);
    assert_int_equal(belay_read_u32(&r), 0x04050607);
    assert_int_equal(belay_read_u64(&r), UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(belay_reader_left(&r), 2);
    assert_memory_equal(belay_read_bytes(&r, 2), "hi", 2);
    assert_int_equal(belay_reader_left(&r), 0);
    assert_false(r.bad);
}

/* Reads one field of `size` bytes. 0: a varint of that size's first byte. */
static uint64_t read_field(struct belay_reader *r, size_t size)
{
    switch (size) {
    case 1:
        return belay_read_u8(r);
    case 2:
        return belay_read_u16(r);
    case 4:
        return belay_read_u32(r);
    case 8:
        return belay_read_u64(r);
    default:
        return belay_read_varint(r);
    }
}

static void write_field(struct belay_writer *w, size_t size)
{
    switch (size) {
    case 1:
        belay_write_u8(w, 0xff);
        break;
    case 2:
        belay_write_u16(w, 0xffff);
        break;
    case 4:
        belay_write_u32(w, 0xffffffff);
        break;
    default:
        belay_write_u64(w, UINT64_MAX);
        break;
    }
}

static void test_overrun_is_bad_for_good(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 4, 8};
    uint8_t bytes[8];
    for (size_t i = 0; i < 4; i++) {
        for (size_t left = 0; left < sizes[i]; left++) {
            struct belay_reader r;
            memset(bytes, 0xff, sizeof(bytes));
            belay_reader_init(&r, bytes, left);
            assert_int_equal(read_field(&r, sizes[i]), 0);
            assert_true(r.bad);
            assert_int_equal(belay_read_u8(&r), 0); /* although a byte was left */
            assert_int_equal(belay_read_varint(&r), 0);
            assert_null(belay_read_bytes(&r, 0));
            assert_int_equal(belay_reader_left(&r), 0);
            assert_true(r.bad);

            struct belay_writer w;
            memset(bytes, 0x55, sizeof(bytes));
            belay_writer_init(&w, bytes, left);
            write_field(&w, sizes[i]);
            assert_true(w.bad);
            belay_write_u8(&w, 1);
            belay_write_varint(&w, 1);
            belay_write_bytes(&w, "x", 1);
            assert_null(belay_write_skip(&w, 0));
            assert_ptr_equal(w.at, bytes);
            assert_int_equal(belay_writer_left(&w), 0);
            for (size_t k = 0; k < sizeof(bytes); k++)
                assert_int_equal(bytes[k], 0x55);
        }
    }
}

static void test_huge_lengths_do_not_wrap(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    struct belay_reader r;
    struct belay_writer w;
    belay_reader_init(&r, bytes, sizeof(bytes));
    assert_null(belay_read_bytes(&r, SIZE_MAX));
    assert_true(r.bad);
    belay_writer_init(&w, bytes, sizeof(bytes));
    assert_null(belay_write_skip(&w, SIZE_MAX));
    assert_true(w.bad);
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct belay_reader r;
    struct belay_writer w;
    belay_reader_init(&r, NULL, 0);
    assert_non_null(belay_read_bytes(&r, 0));
    assert_false(r.bad);
    belay_writer_init(&w, NULL, 0);
    belay_write_bytes(&w, NULL, 0);
    assert_false(w.bad);
    belay_write_varint(&w, 0);
    assert_true(w.bad);
}

static void test_skip_is_filled_by_the_caller(void **state)
{
    (void)state;
    uint8_t bytes[4];
    struct belay_writer w;
    belay_writer_init(&w, bytes, sizeof(bytes));
    uint8_t *hole = belay_write_skip(&w, 3);
    belay_write_u8(&w, 9);
    memcpy(hole, "abc", 3);
    assert_memory_equal(bytes, "abc\x09", 4);
}

/* ------------------------------------------------------------------ varints */

static void test_varint_vectors(void **state)
{
    (void)state;
    /* RFC 9000, appendix A.1, and the borders of each length. */
    static const struct {
        uint64_t value;
        size_t size;
        uint8_t bytes[8];
    } rows[] = {
        {0, 1, {0x00}},
        {37, 1, {0x25}},
        {63, 1, {0x3f}},
        {64, 2, {0x40, 0x40}},
        {15293, 2, {0x7b, 0xbd}},
        {16383, 2, {0x7f, 0xff}},
        {16384, 4, {0x80, 0x00, 0x40, 0x00}},
        {494878333, 4, {0x9d, 0x7f, 0x3e, 0x7d}},
        {1073741823, 4, {0xbf, 0xff, 0xff, 0xff}},
        {1073741824, 8, {0xc0, 0, 0, 0, 0x40, 0, 0, 0}},
        {UINT64_C(151288809941952652), 8, {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
        {BELAY_VARINT_MAX, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[8];
        struct belay_writer w;
        assert_int_equal(belay_varint_size(rows[i].value), rows[i].size);
        belay_writer_init(&w, bytes, sizeof(bytes));
        belay_write_varint(&w, rows[i].value);
        assert_false(w.bad);
        assert_int_equal(w.at - bytes, rows[i].size);
        assert_memory_equal(bytes, rows[i].bytes, rows[i].size);

        struct belay_reader r;
        belay_reader_init(&r, rows[i].bytes, rows[i].size);
        assert_int_equal(belay_read_varint(&r), rows[i].value);
        assert_int_equal(belay_reader_left(&r), 0);
        assert_false(r.bad);

        /* One byte short, both ways. */
        belay_reader_init(&r, rows[i].bytes, rows[i].size - 1);
        assert_int_equal(belay_read_varint(&r), 0);
        assert_true(r.bad);
        belay_writer_init(&w, bytes, rows[i].size - 1);
        belay_write_varint(&w, rows[i].value);
        assert_true(w.bad);
        assert_ptr_equal(w.at, bytes);
    }
}

static void test_varint_longer_than_needed_is_read(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t bytes[8];
    } rows[] = {
        {2, {0x40, 0x25}},
        {4, {0x80, 0, 0, 0x25}},
        {8, {0xc0, 0, 0, 0, 0, 0, 0, 0x25}},
    };
    for (size_t i = 0; i < 3; i++) {
        struct belay_reader r;
        belay_reader_init(&r, rows[i].bytes, rows[i].size);
        assert_int_equal(belay_read_varint(&r), 37);
        assert_int_equal(belay_reader_left(&r), 0);
        assert_false(r.bad);
    }
}

static void test_varint_above_the_maximum_is_bad(void **state)
{
    (void)state;
    static const uint64_t values[] = {BELAY_VARINT_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[16];
        struct belay_writer w;
        belay_writer_init(&w, bytes, sizeof(bytes));
        belay_write_varint(&w, values[i]);
        assert_true(w.bad);
        belay_write_u8(&w, 1);
        assert_ptr_equal(w.at, bytes);
    }
}

/* ------------------------------------------------------------------ truncated numbers */

/* The nearest number with these low bits, by trying the three that can be. */
static uint64_t nearest(uint64_t expected, uint64_t truncated, unsigned bits)
{
    uint64_t window = UINT64_C(1) << bits;
    uint64_t base = (expected / window) * window + truncated;
    uint64_t best = base, best_distance = UINT64_MAX;
    for (int i = -1; i <= 1; i++) {
        if ((i < 0 && base < window) || (i > 0 && base + window > BELAY_VARINT_MAX))
            continue;
        uint64_t candidate = i < 0 ? base - window : i > 0 ? base + window : base;
        uint64_t distance = candidate > expected ? candidate - expected : expected - candidate;
        if (distance <= best_distance) { /* the higher of two */
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

static const unsigned all_bits[] = {8, 16, 24, 32};

static void test_number_expand_known(void **state)
{
    (void)state;
    static const struct {
        uint64_t expected, truncated;
        unsigned bits;
        uint64_t number;
    } rows[] = {
        {UINT64_C(0xa82f30eb), 0x9b32, 16, UINT64_C(0xa82f9b32)}, /* RFC 9000, A.3 */
        {0, 0, 8, 0},
        {0, 127, 8, 127},
        {0, 255, 8, 255}, /* nothing below zero */
        {128, 0, 8, 256}, /* equally near: the higher */
        {127, 0, 8, 0},
        {256, 128, 8, 384},
        {256, 129, 8, 129},
        {300, 43, 8, 299},
        {BELAY_VARINT_MAX, 0, 8, BELAY_VARINT_MAX - 255}, /* nothing above the maximum */
        {BELAY_VARINT_MAX, 255, 8, BELAY_VARINT_MAX},
        {BELAY_VARINT_MAX, 0, 32, BELAY_VARINT_MAX - UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(belay_number_expand(rows[i].expected, rows[i].truncated, rows[i].bits),
                         rows[i].number);
}

static void test_number_expand_at_every_border(void **state)
{
    (void)state;
    static const unsigned powers[] = {0,  1,  6,  7,  8,  9,  14, 15, 16, 17, 22, 23,
                                      24, 25, 30, 31, 32, 33, 40, 47, 48, 56, 60, 61};
    static const int64_t near[] = {-2, -1, 0, 1, 2};
    for (size_t b = 0; b < 4; b++) {
        uint64_t window = UINT64_C(1) << all_bits[b], half = window / 2;
        const int64_t steps[] = {0, 1, 2, (int64_t)half / 2, (int64_t)half - 1, (int64_t)half};
        for (size_t p = 0; p < sizeof(powers) / sizeof(powers[0]); p++) {
            for (size_t n = 0; n < 5; n++) {
                int64_t expected = (int64_t)(UINT64_C(1) << powers[p]) + near[n];
                for (size_t s = 0; s < 2 * sizeof(steps) / sizeof(steps[0]); s++) {
                    int64_t number = expected + (s % 2 == 0 ? steps[s / 2] : -steps[s / 2]);
                    if (expected < 0 || number < 0 || (uint64_t)number > BELAY_VARINT_MAX)
                        continue;
                    uint64_t truncated = (uint64_t)number & (window - 1);
                    uint64_t got =
                        belay_number_expand((uint64_t)expected, truncated, all_bits[b]);
                    assert_int_equal(got, nearest((uint64_t)expected, truncated, all_bits[b]));
                    /* Nearer than half a window, it comes back. */
                    if (number - expected > -(int64_t)half)
                        assert_int_equal(got, number);
                }
            }
        }
    }
}

static void test_number_expand_random(void **state)
{
    (void)state;
    struct test_random random = {test_seed_from_env(20260103)};
    for (int i = 0; i < 200000; i++) {
        unsigned bits = all_bits[test_random_below(&random, 4)];
        uint64_t window = UINT64_C(1) << bits;
        uint64_t expected =
            (test_random_u64(&random) & BELAY_VARINT_MAX) >> test_random_below(&random, 62);
        if (test_random_below(&random, 4) == 0)
            expected = BELAY_VARINT_MAX - expected;
        uint64_t truncated = test_random_u64(&random) & (window - 1);
        assert_int_equal(belay_number_expand(expected, truncated, bits),
                         nearest(expected, truncated, bits));
    }
}

static void test_varint_random(void **state)
{
    (void)state;
    struct test_random random = {test_seed_from_env(20260104)};
    for (int i = 0; i < 100000; i++) {
        uint64_t value = test_random_u64(&random) >> (2 + test_random_below(&random, 62));
        uint8_t bytes[8];
        struct belay_writer w;
        struct belay_reader r;
        belay_writer_init(&w, bytes, sizeof(bytes));
        belay_write_varint(&w, value);
        size_t size = (size_t)(w.at - bytes);
        assert_int_equal(size, belay_varint_size(value));
        belay_reader_init(&r, bytes, size);
        assert_int_equal(read_field(&r, 0), value);
        assert_false(r.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_are_big_endian),
        cmocka_unit_test(test_overrun_is_bad_for_good),
        cmocka_unit_test(test_huge_lengths_do_not_wrap),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_skip_is_filled_by_the_caller),
        cmocka_unit_test(test_varint_vectors),
        cmocka_unit_test(test_varint_longer_than_needed_is_read),
        cmocka_unit_test(test_varint_above_the_maximum_is_bad),
        cmocka_unit_test(test_number_expand_known),
        cmocka_unit_test(test_number_expand_at_every_border),
        cmocka_unit_test(test_number_expand_random),
        cmocka_unit_test(test_varint_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
