#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "payload.h"

/* Built by hand: number 1, filler the SplitMix64 output for seed 1; the CRCs by zlib.crc32. */
static void test_layout(void **state)
{
    (void)state;
    static const uint8_t filler[] = {0x91, 0x0a, 0x2d, 0xec, 0x89, 0x02, 0x5c, 0xc1};
    uint8_t out[20];
    payload_make(1, out, sizeof out);
    static const uint8_t number[] = {0, 0, 0, 0, 0, 0, 0, 1};
    assert_memory_equal(out, number, 8);
    assert_memory_equal(out + 12, filler, 8);

    payload_make(0x0102, out, 12);
    static const uint8_t bare[] = {0, 0, 0, 0, 0, 0, 1, 2, 0x92, 0x37, 0x8f, 0x04};
    assert_memory_equal(out, bare, 12);
    assert_int_equal(payload_number(out, 12, 0), 0x0102);
}

static void test_short_carries_low_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t number, near;
    } rows[] = {
        {1, 0, 0},
        {1, 5, 5},
        {1, 127, 0},
        {1, 255, 256},
        {1, 256, 256},
        {1, 256, 200},
        {1, 300, 320},
        {1, 1000, 1100},
        {2, 65535, 65536},
        {2, 65536, 65000},
        {2, 98304, 98000},
        {3, 16777216, 16777000},
        {7, 123456789, 0},
        {8, 1, 1000000},
        {8, UINT64_MAX, 0},
        {11, 77, 5},
        {1, UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t out[11];
        payload_make(rows[i].number, out, rows[i].size);
        assert_true(payload_number(out, rows[i].size, rows[i].near) == rows[i].number);
    }
    assert_true(payload_number("", 0, 42) == 42);
}

static void test_each_size_differs_by_number(void **state)
{
    (void)state;
    for (size_t size = 1; size < 100; size++) {
        uint8_t a[100], b[100];
        payload_make(7, a, size);
        payload_make(8, b, size);
        assert_memory_not_equal(a, b, size);
        payload_make(7, b, size);
        assert_memory_equal(a, b, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_short_carries_low_bytes),
        cmocka_unit_test(test_each_size_differs_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
