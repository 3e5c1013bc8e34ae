#include "../fixture.h"

#include "netsim/run/ini.h"

struct record {
    char *text; /* what was told, one line each */
    size_t size;
    FILE *out;
    const char *refuse; /* a key or a section */
};

static bool on_section(void *arg, size_t line, const char *name)
{
    struct record *record = arg;

    fprintf(record->out, "%zu[%s]\n", line, name);
    return record->refuse == NULL || strcmp(record->refuse, name) != 0;
}

static bool on_value(void *arg, size_t line, const char *key, const char *value)
{
    struct record *record = arg;

    fprintf(record->out, "%zu:%s=%s\n", line, key, value);
    return record->refuse == NULL || strcmp(record->refuse, key) != 0;
}

static void on_wrong(void *arg, size_t line, const char *text)
{
    struct record *record = arg;

    fprintf(record->out, "%zu!%s\n", line, text != NULL ? text : "memory");
}

/* To be freed. */
static char *read_text(const char *text, size_t len, const char *refuse, bool *all)
{
    struct record record = {.refuse = refuse};
    const struct netsim_ini_events events = {on_section, on_value, on_wrong, &record};

    record.out = open_memstream(&record.text, &record.size);
    assert_non_null(record.out);
    *all = netsim_ini_parse(text, len, &events);
    fclose(record.out);
    return record.text;
}

static void assert_told(const char *text, const char *want)
{
    bool all;
    char *got = read_text(text, strlen(text), NULL, &all);

    if (strstr(want, "!") == NULL) {
        assert_string_equal(got, want);
        assert_true(all);
    } else { /* up to the sentence */
        assert_memory_equal(got, want, strlen(want));
        assert_false(all);
    }
    free(got);
}

static void test_texts(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"\n\n", ""},
        {"a = 1", "1:a=1\n"},
        {"a=1\nb=2\n", "1:a=1\n2:b=2\n"},
        {"a = 1\r\nb = 2\r\n", "1:a=1\n2:b=2\n"},
        {"\xef\xbb\xbf"
         "a = 1\n",
         "1:a=1\n"},
        {"# x = 1\n; y = 2\n  # z = 3\na = 1\n", "4:a=1\n"},
        {"[s]\n[t u]\n a = 1\n", "1[s]\n2[t u]\n3!the line is indented"},
        {"[ s ]\na = 1\n[t]\na = 2\n", "1[s]\n2:a=1\n3[t]\n4:a=2\n"},
        {"a =\nb = 2\n", "1:a=\n2:b=2\n"},
        {"a\t=\t 1 \t\n", "1:a=1\n"},
        {"a = b = c\n", "1:a=b = c\n"},
        {"a = x ; at 5s y # z\n", "1:a=x ; at 5s y # z\n"},
        {"a = ;x\n", "1:a=;x\n"},
        {"a = #x\n", "1:a=#x\n"},
        {"a = x\n  y ; z\n\n# no\n\t[ -f w ]\nb = 1\n", "1:a=x\ny ; z\n[ -f w ]\n6:b=1\n"},
        {"a =\n  x\n  y\n[s]\n", "1:a=x\ny\n4[s]\n"},
        {"a = x\n  = y\n", "1:a=x\n= y\n"},
        {"+ = 1\n", "1:+=1\n"},
        {"a = \"x\"\n", "1:a=\"x\"\n"},
        {"a = \xc3\xa4\n", "1:a=\xc3\xa4\n"},
        {"a\n", "1!there is no `=`"},
        {"a = 1\nb\nc = 2\n", "1:a=1\n2!there is no `=`"},
        {"a = 1\nb", "1:a=1\n2!there is no `=`"},
        {"[s\n", "1!the `]`"},
        {"a = 1\n[s] x\n", "2!nothing may stand"},
        {" a = 1\n", "1!the line is indented"},
        {"a = \xff\n", "1!this is no text"},
        {"a = 1\nb = \x01\n", "2!this is no text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_told(rows[i][0], rows[i][1]);
}

static void test_no_text(void **state)
{
    bool all;
    char *got = read_text("a = 1\0b", 7, NULL, &all);

    (void)state;
    assert_false(all);
    assert_string_equal(got, "1!this is no text in UTF-8\n");
    free(got);
}

/* Every length, so that cuts come at every place of the pattern. */
static void test_long_lines(void **state)
{
    static const char pattern[] = "ab; c#  d\t=e :  ;";
    char text[2100], want[2100], value[2000];

    (void)state;
    for (size_t len = 1; len < 1000; len++) {
        for (size_t i = 0; i < len; i++)
            value[i] = pattern[i % (sizeof(pattern) - 1)];
        value[len - 1] = 'x';
        value[len] = '\0';
        sprintf(text, "# c\nkey = %s\n [%s\nb=1\n", value, value);
        sprintf(want, "2:key=%s\n[%s\n4:b=1\n", value, value);
        assert_told(text, want);
    }
}

static void test_long_names(void **state)
{
    char text[600], want[600];

    (void)state;
    sprintf(text, "%0300d = 1\n", 7);
    assert_told(text, "1!there is no `=`");
    sprintf(text, "[%0127d]\n", 7);
    sprintf(want, "1[%0127d]\n", 7);
    assert_told(text, want);
    sprintf(text, "[%0128d]\n", 7);
    assert_told(text, "1!the name of this section is too long");
}

static void test_refused(void **state)
{
    static const char text[] = "a = 1\nb = 2\n[s]\nc = 3\n[t]\nd = 4\n";
    static const char *const rows[][2] = {
        {"a", "1:a=1\n"},
        {"b", "1:a=1\n2:b=2\n"},
        {"s", "1:a=1\n2:b=2\n3[s]\n"},
        {"d", "1:a=1\n2:b=2\n3[s]\n4:c=3\n5[t]\n6:d=4\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool all;
        char *got = read_text(text, sizeof(text) - 1, rows[i][0], &all);

        assert_false(all);
        assert_string_equal(got, rows[i][1]);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_no_text),
        cmocka_unit_test(test_long_lines), cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
