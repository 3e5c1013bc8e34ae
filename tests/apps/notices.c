#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notices.h"

#define MS UINT64_C(1000000)

struct room {
    struct notices notices;
    FILE *out;
    char *text;
    size_t size;
};

static void begin(struct room *room)
{
    room->out = open_memstream(&room->text, &room->size);
    assert_non_null(room->out);
    notices_init(&room->notices, room->out, "p");
}

static void end(struct room *room, const char *wanted)
{
    notices_finish(&room->notices);
    fclose(room->out);
    assert_string_equal(room->text, wanted);
    free(room->text);
}

static void test_the_same_again(void **state)
{
    (void)state;
    struct room room;
    begin(&room);
    notices_print(&room.notices, "a", 5000 * MS);
    notices_print(&room.notices, "a", 5999 * MS);
    notices_print(&room.notices, "b", 5999 * MS);
    notices_print(&room.notices, "b", 6998 * MS);
    notices_print(&room.notices, "b", 6999 * MS);
    end(&room, "p: a\np: b\np: b\n");
}

static void test_too_many(void **state)
{
    (void)state;
    struct room room;
    char wanted[512] = "";
    begin(&room);
    for (int i = 0; i < NOTICES_PER_S + 7; i++) {
        char text[16], line[24];
        snprintf(text, sizeof text, "n%d", i);
        notices_print(&room.notices, text, 5000 * MS);
        snprintf(line, sizeof line, "p: %s\n", text);
        if (i < NOTICES_PER_S)
            strcat(wanted, line);
    }
    notices_print(&room.notices, "later", 6000 * MS);
    strcat(wanted, "p: 7 more such lines were left out\np: later\n");
    end(&room, wanted);
}

static void test_what_is_left_out_at_the_end(void **state)
{
    (void)state;
    struct room room;
    begin(&room);
    room.notices.in_second = NOTICES_PER_S;
    room.notices.second_ns = 5000 * MS;
    notices_print(&room.notices, "x", 5001 * MS);
    end(&room, "p: 1 more such lines were left out\n");
}

static void test_text_of_others(void **state)
{
    (void)state;
    struct room room;
    char text[2 * NOTICES_BYTES_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin(&room);
    notices_print(&room.notices, "a\n\x1b[2J", 5000 * MS);
    notices_print(&room.notices, text, 5000 * MS);
    char wanted[3 * NOTICES_BYTES_MAX];
    snprintf(wanted, sizeof wanted, "p: a??[2J\np: %.*s\n", NOTICES_BYTES_MAX - 1, text);
    end(&room, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_what_is_left_out_at_the_end),
        cmocka_unit_test(test_text_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
