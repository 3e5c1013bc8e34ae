#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "conn/records.h"

/* Each word keeps its place at the largest of every field, and at zero beside it. */
static void every_field_comes_back(void **state)
{
    static const struct {
        enum belay_record_kind kind;
        uint32_t channel;
        uint8_t mode;
        uint64_t number, offset, length;
    } rows[] = {
        {BELAY_RECORD_ACK, 0, 0, 0, 0, 0},
        {BELAY_RECORD_ACK, 0, 0, (UINT64_C(1) << 62) - 1, 0, 0},
        {BELAY_RECORD_RUN, 65535, 1, UINT64_MAX, 16384, 0},
        {BELAY_RECORD_PART, 65535, 3, UINT64_MAX, UINT64_C(1) << 30, UINT64_C(1) << 30},
        {BELAY_RECORD_PART, 1, 0, 1, 0, UINT32_MAX},
        {BELAY_RECORD_PART, 0, 3, 0, UINT64_MAX, 0},
        {BELAY_RECORD_MAX_DATA, 0, 0, UINT64_C(1) << 61, 0, 0},
        {BELAY_RECORD_MAX_MESSAGES, 65535, 0, 7, 0, 0},
        {BELAY_RECORD_PING, 0, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct belay_record r =
            belay_record_make(rows[i].kind, rows[i].channel, rows[i].mode, rows[i].number,
                              rows[i].offset, rows[i].length);
        assert_int_equal(belay_record_kind(&r), rows[i].kind);
        assert_int_equal(belay_record_channel(&r), rows[i].channel);
        assert_int_equal(belay_record_mode(&r), rows[i].mode);
        assert_int_equal(belay_record_length(&r), rows[i].length);
        assert_int_equal(r.word[0], rows[i].number);
        assert_int_equal(r.word[1], rows[i].offset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_field_comes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
