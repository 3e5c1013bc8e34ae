#include "../fixture.h"

#include "netsim/model/parser.h"

struct reader {
    struct netsim_words words;
    struct netsim_words_error error;
    struct netsim_parser parser;
};

static struct netsim_parser *begin(struct reader *reader, const char *text)
{
    memset(reader, 0, sizeof(*reader));
    reader->parser.text = text;
    reader->parser.end = strlen(text);
    reader->parser.words = &reader->words;
    reader->parser.error = &reader->error;
    return &reader->parser;
}

/* Each text has the tokens a, bc and def, or a part of them. */
static void test_tokens(void **state)
{
    static const struct {
        const char *text;
        unsigned count;
    } rows[] = {{"", 0},     {" \t\r\n", 0},     {"a", 1},        {" a ", 1},
                {"a bc", 2}, {"\ta\nbc\r\n", 2}, {"a bc def", 3}, {"a  bc\t def ", 3}};
    static const char *const tokens[] = {"a", "bc", "def"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reader reader;
        struct netsim_parser *p = begin(&reader, rows[i].text);

        for (unsigned k = 0; k < rows[i].count; k++) {
            struct netsim_span next = netsim_parser_peek(p);

            assert_true(netsim_parser_next_is(p, tokens[k]));
            assert_false(netsim_parser_next_is(p, "d"));
            assert_true(netsim_parser_take(p));
            assert_string_equal(p->word, tokens[k]);
            assert_true(p->token.at == next.at && p->token.len == next.len);
            assert_memory_equal(rows[i].text + next.at, tokens[k], next.len);
        }
        assert_int_equal(netsim_parser_peek(p).len, 0);
        assert_false(netsim_parser_take(p));
        assert_false(netsim_parser_take(p)); /* the end stays the end */
        assert_int_equal(p->token.at, strlen(rows[i].text));
    }
}

static void test_what_begins_like_a_number(void **state)
{
    static const struct {
        const char *text;
        bool number;
    } rows[] = {{"0", true},  {" 9x", true}, {"-1%", true},  {".5", false}, {"", false},
                {"-", false}, {".", false},  {"-.5", false}, {"+1", false}, {"x1", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reader reader;

        assert_int_equal(netsim_parser_next_is_number(begin(&reader, rows[i].text)),
                         rows[i].number);
    }
}

static void test_a_long_token_is_cut(void **state)
{
    struct reader reader;
    char text[200];
    struct netsim_parser *p;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[150] = ' ';
    text[199] = '\0';
    p = begin(&reader, text);
    assert_true(netsim_parser_take(p));
    assert_int_equal(strlen(p->word), NETSIM_WORD_SIZE - 1);
    assert_int_equal(p->token.len, 150);
    assert_int_equal(netsim_parser_peek(p).at, 151);
}

static void test_errors_point(void **state)
{
    char what[400];
    struct reader reader;
    struct netsim_parser *p = begin(&reader, "one  two ");

    (void)state;
    assert_int_equal(netsim_parser_need(p, "it", "try"), 0);
    assert_int_equal(netsim_parser_need(p, "it", "try"), 0);
    assert_int_equal(netsim_parser_fail(p, "is wrong", "try this"), BELAY_EINVAL);
    assert_string_equal(reader.error.text, "`two` is wrong");
    assert_string_equal(reader.error.hint, "try this");
    assert_true(reader.error.at == 5 && reader.error.len == 3);
    assert_int_equal(netsim_parser_need(p, "a third", "one two three"), BELAY_EINVAL);
    assert_string_equal(reader.error.text, "a third is missing");
    assert_true(reader.error.at == 9 && reader.error.len == 1); /* the end has a place too */
    memset(what, 'x', sizeof(what) - 1);
    what[sizeof(what) - 1] = '\0';
    assert_int_equal(netsim_parser_fail(p, what, what), BELAY_EINVAL);
    assert_int_equal(strlen(reader.error.text), sizeof(reader.error.text) - 1);
    assert_int_equal(strlen(reader.error.hint), sizeof(reader.error.hint) - 1);
}

/* Each function takes one token, right or wrong; errors are about that token. */
static void test_values(void **state)
{
    struct reader reader;
    struct netsim_parser *p = begin(&reader, "50% 100% 2ms 4k 0x10 x x x x x");
    double share;
    uint32_t value;
    int64_t ns;

    (void)state;
    assert_int_equal(netsim_parser_take_share(p, &share, "v", ""), 0);
    assert_true(share == 0.5);
    assert_int_equal(netsim_parser_take_percent(p, &value, "v", ""), 0);
    assert_int_equal(value, UINT32_MAX);
    assert_int_equal(netsim_parser_take_time(p, &ns, "v", ""), 0);
    assert_int_equal(ns, 2000000);
    assert_int_equal(netsim_parser_take_size(p, &value, "v", ""), 0);
    assert_int_equal(value, 4096);
    assert_int_equal(netsim_parser_take_u32(p, &value, "v", ""), 0);
    assert_int_equal(value, 16);
    for (unsigned i = 0; i < 5; i++) {
        int result = i == 0   ? netsim_parser_take_share(p, &share, "v", "")
                     : i == 1 ? netsim_parser_take_percent(p, &value, "v", "")
                     : i == 2 ? netsim_parser_take_time(p, &ns, "v", "")
                     : i == 3 ? netsim_parser_take_size(p, &value, "v", "")
                              : netsim_parser_take_u32(p, &value, "v", "");

        assert_int_equal(result, BELAY_EINVAL);
        assert_int_equal(reader.error.at, 21 + 2 * i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_what_begins_like_a_number),
        cmocka_unit_test(test_a_long_token_is_cut),
        cmocka_unit_test(test_errors_point),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
