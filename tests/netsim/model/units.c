#include "../fixture.h"

#include "netsim/model/units.h"

static void test_percent(void **state)
{
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {
        {"0", 0},
        {"0%", 0},
        {"100%", UINT32_MAX},
        {"100", UINT32_MAX},
        {"1e2", UINT32_MAX},
        {"50%", 2147483648}, /* 2147483647.5 to even */
        {"10%", 429496730},  /* 429496729.5 to even */
        {".5%", 21474836},
        {"5.", 214748365},
    };
    static const char *const bad[] = {"",      "%",   "5%%",   "5 %", "101%", "100.0001",
                                      "-1%",   "+5%", "nan",   "inf", "0x10", "5e",
                                      "1e999", "5ms", "5.5.5", "e5%", ".",    "--5"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        double share;

        assert_null(netsim_parse_percent(good[i].text, &share));
        assert_int_equal(netsim_share_to_u32(share), good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        double share;

        if (netsim_parse_percent(bad[i], &share) == NULL)
            fail_msg("`%s` was taken", bad[i]);
    }
}

static void test_time(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"20ms", 20000000},
        {"1s", 1000000000},
        {"1.5s", 1500000000},
        {"7", 7},
        {"0", 0},
        {"3us", 3000},
        {"9ns", 9},
        {"1MS", 1000000},
        {"2secs", 2000000000},
        {"2msecs", 2000000},
        {"4usec", 4000},
        {"1e3ms", 1000000000},
        {"1.9ns", 1},
        {"1.005ms", 1004999}, /* cut, as by tc */
    };
    static const char *const bad[] = {"",      "ms",    "20 ms", "20m",  "-1ms",
                                      "1e30s", "20msx", "0x1s",  "1min", "4e10s"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ns;

        assert_null(netsim_parse_time(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ns;

        if (netsim_parse_time(bad[i], &ns) == NULL)
            fail_msg("`%s` was taken", bad[i]);
    }
}

static void test_rate(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes_per_s;
    } good[] = {
        {"8", 1},
        {"10mbit", 1250000},
        {"1gbit", 125000000},
        {"1Kbit", 125},
        {"100bps", 100},
        {"1kbps", 1000},
        {"1mbps", 1000000},
        {"1kibit", 128},
        {"1mibps", 1 << 20},
        {"1.5mbit", 187500},
        {"15bit", 1},
    };
    static const char *const bad[] = {"",       "7",   "0",        "10mb",
                                      "-1mbit", "10%", "1e30gbit", "mbit"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t rate;

        assert_null(netsim_parse_rate(good[i].text, &rate));
        assert_int_equal(rate, good[i].bytes_per_s);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t rate;

        if (netsim_parse_rate(bad[i], &rate) == NULL)
            fail_msg("`%s` was taken", bad[i]);
    }
}

static void test_integers(void **state)
{
    static const char *const bad64[] = {"",   "-1", "+1", "18446744073709551616",
                                        "1x", "0x", " 1", "1 "};
    static const char *const bad_size[] = {"1.5", "4294967296", "4g", "1q", "-1", ""};
    uint64_t u64;
    uint32_t u32;
    int32_t i32;

    (void)state;
    assert_null(netsim_parse_u64("18446744073709551615", &u64));
    assert_true(u64 == UINT64_MAX);
    assert_null(netsim_parse_u64("0xff", &u64));
    assert_int_equal(u64, 255);
    assert_null(netsim_parse_u64("010", &u64));
    assert_int_equal(u64, 10);
    for (size_t i = 0; i < sizeof(bad64) / sizeof(bad64[0]); i++)
        assert_non_null(netsim_parse_u64(bad64[i], &u64));
    assert_non_null(netsim_parse_u32("4294967296", &u32));
    assert_null(netsim_parse_size("16k", &u32));
    assert_int_equal(u32, 16384);
    assert_null(netsim_parse_size("1.5k", &u32));
    assert_int_equal(u32, 1536);
    for (size_t i = 0; i < sizeof(bad_size) / sizeof(bad_size[0]); i++)
        assert_non_null(netsim_parse_size(bad_size[i], &u32));
    assert_null(netsim_parse_signed("-20", 100, &i32));
    assert_int_equal(i32, -20);
    assert_non_null(netsim_parse_signed("-101", 100, &i32));
    assert_non_null(netsim_parse_signed("--1", 100, &i32));
}

/* What is written is read back as the same number. */
static void test_format(void **state)
{
    struct netsim_random random;
    char text[NETSIM_UNIT_TEXT_SIZE];

    (void)state;
    netsim_random_init(&random, 5);
    for (int i = 0; i < 2000; i++) {
        uint32_t value = i == 0 ? UINT32_MAX : netsim_random_draw(&random) >> (i % 32);
        int64_t ns = (int64_t)value * (i % 3 == 0 ? 1000000 : 1), ns_back;
        uint64_t rate = (uint64_t)value * (i % 2 == 0 ? 125 : 1) + 1, rate_back;
        double share;

        netsim_format_percent(value, text);
        assert_null(netsim_parse_percent(text, &share));
        assert_int_equal(netsim_share_to_u32(share), value);
        netsim_format_time(ns, text);
        assert_null(netsim_parse_time(text, &ns_back));
        assert_int_equal(ns_back, ns);
        netsim_format_rate(rate, text);
        assert_null(netsim_parse_rate(text, &rate_back));
        assert_int_equal(rate_back, rate);
    }
    netsim_format_percent(429496730, text);
    assert_string_equal(text, "10%");
    netsim_format_time(20500000, text);
    assert_string_equal(text, "20.5ms");
    netsim_format_rate(1250000, text);
    assert_string_equal(text, "10mbit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent), cmocka_unit_test(test_time),
        cmocka_unit_test(test_rate),    cmocka_unit_test(test_integers),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
