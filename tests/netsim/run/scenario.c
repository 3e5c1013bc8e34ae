#include "../fixture.h"

#include <belay/common.h>

#include "netsim/run/scenario.h"

#define COMMAND "[command c]\nserver = s\nclient = k\n"

static struct netsim_scenarios *read_file(const char *text, struct counted *counted)
{
    struct belay_memory memory = {counted_resize, counted};
    struct netsim_scenario_error error;
    struct netsim_scenarios *file;

    if (netsim_scenarios_parse(&file, text, strlen(text), &memory, &error) != BELAY_OK)
        fail_msg("line %zu: %s", error.line, error.text);
    return file;
}

static void test_whole_file(void **state)
{
    static const char text[] = "# what this is\n"
                               "seeds = 1-3,7\n"
                               "backend = live\n"
                               "duration = 12.5\n"
                               "jobs = 4\n"
                               "[scenario bad-wifi]\n"
                               "link = rate 10mbit limit 25 |\n"
                               "  delay 15ms ; at 5s delay 15ms loss 30%\n"
                               "link-back = delay 15ms\n"
                               "seeds = 9\n"
                               "backend = proxy\n"
                               "duration = 1\n"
                               "jobs = 1\n"
                               "mtu = 1280\n"
                               "expect.plain = lost > 0\n"
                               "[command echo]\n"
                               "server = server --port 0 ; true\n"
                               "client = for i in 1 2; do\n"
                               "    client $i # not a comment\n"
                               "  done\n"
                               "expect = exit == 0,\n"
                               "  lost == 0\n"
                               "[command plain]\n"
                               "server = s\n"
                               "client = c\n"
                               "[scenario clean]\n";
    struct counted counted = {0};
    struct netsim_scenarios *file = read_file(text, &counted);
    const struct netsim_scenario *bad = &file->scenarios[0], *clean = &file->scenarios[1];
    const struct netsim_command *echo = &file->commands[0], *plain = &file->commands[1];

    (void)state;
    assert_int_equal(file->scenarios_count, 2);
    assert_int_equal(file->commands_count, 2);
    assert_string_equal(bad->name, "bad-wifi");
    assert_string_equal(bad->link,
                        "rate 10mbit limit 25 | delay 15ms ; at 5s delay 15ms loss 30%");
    assert_int_equal(bad->link_line, 7);
    assert_string_equal(bad->link_back, "delay 15ms");
    assert_int_equal(bad->settings.seeds.count, 1);
    assert_string_equal(bad->settings.backend, "proxy");
    assert_string_equal(bad->settings.duration, "1");
    assert_int_equal(bad->settings.jobs, 1);
    assert_int_equal(bad->settings.mtu_bytes, 1280);
    assert_string_equal(clean->name, "clean");
    assert_int_equal(clean->line, 26);
    assert_true(clean->link == NULL && clean->link_back == NULL && clean->profile[0] == '\0');
    assert_int_equal(clean->settings.seeds.count, 4);
    assert_string_equal(clean->settings.backend, "live");
    assert_string_equal(clean->settings.duration, "12.5");
    assert_int_equal(clean->settings.jobs, 0);
    assert_int_equal(file->settings.jobs, 4);
    assert_int_equal(clean->settings.mtu_bytes, 0);
    assert_string_equal(echo->server, "server --port 0 ; true");
    assert_string_equal(echo->client, "for i in 1 2; do\nclient $i # not a comment\ndone");
    assert_int_equal(echo->expect.count, 2);
    assert_string_equal(echo->expect.conditions[1].figure, "lost");
    assert_int_equal(plain->expect.count, 1);
    assert_string_equal(plain->expect.conditions[0].figure, "exit");
    assert_ptr_equal(netsim_scenario_expect(bad, echo), &echo->expect);
    assert_ptr_equal(netsim_scenario_expect(clean, plain), &plain->expect);
    assert_int_equal(netsim_scenario_expect(bad, plain)->conditions[0].relation, NETSIM_MORE);
    netsim_scenarios_free(file);
    assert_int_equal(counted.bytes, 0);
}

static void test_defaults(void **state)
{
    struct counted counted = {0};
    struct netsim_scenarios *file =
        read_file("[command b]\nclient = x\n[scenario a]\n", &counted);
    const struct netsim_settings *settings = &file->scenarios[0].settings;

    (void)state;
    assert_int_equal(settings->seeds.count, 1);
    assert_true(netsim_seeds_at(&settings->seeds, 0) == 1);
    assert_string_equal(settings->backend, "auto");
    assert_string_equal(settings->duration, "");
    assert_true(settings->jobs == 0 && settings->mtu_bytes == 0);
    assert_null(file->commands[0].server);
    netsim_scenarios_free(file);
}

static const struct {
    const char *text;
    size_t line;
    const char *wrong;
} refusals[] = {
    {"", 0, "there is no [scenario NAME]"},
    {COMMAND, 0, "there is no [scenario NAME]"},
    {"[scenario a]\n", 0, "there is no [command NAME]"},
    {"link = loss 5%\n", 1, "`link` is no key of the top; there are seeds, backend, duration"},
    {"[scenario a]\nlnk = x\n", 2,
     "`lnk` is no key of a [scenario]; there are link, link-back, profile, seeds, backend, "
     "duration, jobs, mtu, expect.COMMAND"},
    {"[scenario a]\nclient = x\n", 2, "`client` is no key of a [scenario]"},
    {"[command a]\nlink = x\n", 2,
     "`link` is no key of a [command]; there are server, client, expect"},
    {"[command a]\nexpect.a = x\n", 2, "`expect.a` is no key of a [command]"},
    {"\n[scenarios a]\n", 2, "[scenarios a] is no section; there are [scenario NAME] and"},
    {"[x]\n", 1, "[x] is no section"},
    {"[scenario]\n", 1, "a name is missing"},
    {"[command  ]\n", 1, "a name is missing"},
    {"[scenario a b]\n", 1, "`a b` is no name: letters, digits"},
    {"[scenario ../x]\n", 1, "`../x` is no name"},
    {"[scenario -x]\n", 1, "`-x` is no name"},
    {"[command a123456789b123456789c123456789d123456789e]\n", 1, "is too long"},
    {"[scenario a]\n[command b]\n[scenario a]\n", 3,
     "there is a [scenario a] in line 1 already"},
    {"[command b]\n[command b]\n", 2, "there is a [command b] in line 1 already"},
    {"seeds = 1\nseeds = 2\n", 2, "seeds stands twice"},
    {"[scenario a]\nlink = loss 5%\nlink = loss 6%\n", 3, "link stands twice"},
    {"[scenario a]\nexpect.c = a == 1\nexpect.c = b == 1\n", 3, "expect.c stands twice"},
    {"seeds = 5-1\n", 1, "seeds: `5-1` has a range that ends before it begins"},
    {"seeds = all\n", 1, "seeds: `all` is no list of seeds; right would be: 1-20"},
    {"backend = qemu\n", 1, "backend: `qemu` is none; there are auto, kernel, live, proxy"},
    {"duration = 5s\n", 1, "duration: `5s` is no number of seconds"},
    {"duration = 0\n", 1, "duration: `0` is no number"},
    {"duration = 0.0\n", 1, "duration: `0.0` is no number"},
    {"duration = -1\n", 1, "duration: `-1` is no number"},
    {"duration = 1.2.3\n", 1, "duration: `1.2.3` is no number"},
    {"duration =\n", 1, "duration: `` is no number"},
    {"duration = 1234567890123456789012345\n", 1, "is no number of seconds"},
    {"jobs = 0\n", 1, "jobs: `0` is not from 1 to 1024"},
    {"jobs = many\n", 1, "jobs: `many`"},
    {"[scenario a]\nmtu = 67\n", 2, "mtu: `67` is not from 68 to 65535"},
    {"[scenario a]\nprofile = nowhere-at-all\n", 2, "profile: there is no `nowhere-at-all`"},
    {"[scenario a]\nlink = seed 5 loss 1%\n", 2, "link: with `seed` in the words all runs"},
    {"[scenario a]\nlink-back = seed 5\n", 2, "link-back: with `seed`"},
    {"[scenario a]\nlink = loss 1%\n  jobs = 3\n", 2, "`jobs =` below is indented"},
    {"[scenario a]\nlink = loss 1%\n  jobs=3\n", 2, "`jobs =` below is indented"},
    {"[command a]\nserver = x\n  client = y\n", 2, "`client =` below is indented"},
    {"[command a]\nserver =\n", 2, "server: a command is missing"},
    {"[command a]\nserver = x\n[scenario s]\n", 1, "[command a] has no client = COMMAND"},
    {COMMAND "[scenario a]\nexpect.d = x == 1\n", 5, "expect.d: there is no [command d]"},
    {"[scenario a]\nnonsense\n", 2, "there is no `=` in this line"},
};

static void test_refusals(void **state)
{
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct netsim_scenario_error error;
        struct netsim_scenarios *file;
        const char *text = refusals[i].text;

        if (netsim_scenarios_parse(&file, text, strlen(text), &memory, &error) != BELAY_EINVAL)
            fail_msg("%s: is taken", text);
        assert_null(file);
        if (error.line != refusals[i].line || strstr(error.text, refusals[i].wrong) == NULL)
            fail_msg("%s: line %zu: %s", text, error.line, error.text);
        assert_null(error.words);
        assert_int_equal(counted.bytes, 0);
    }
}

/* Words and conditions come with the place of what is wrong. */
static void test_carets(void **state)
{
    static const struct {
        const char *text;
        size_t line;
        const char *wrong, *words;
        size_t at, len;
    } rows[] = {
        {"[scenario a]\nlink = delay 5ms\n  loss 101%\n", 2, "link: ", "delay 5ms loss 101%",
         15, 4},
        {"[scenario a]\nlink-back = gap 5\n", 2, "link-back: gap needs a reorder", "gap 5", 0,
         3},
        {"[command a]\nexpect = lost = 1\n", 2, "expect: `=` compares nothing", "lost = 1", 5,
         1},
        {"[scenario a]\nexpect.c = 5\n", 2, "expect.c: here wants to be ==", "5", 1, 1},
        {"[command a]\nexpect =\n", 2, "expect: the name of a figure is missing", "", 0, 1},
    };
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_scenario_error error;
        struct netsim_scenarios *file;

        assert_int_equal(
            netsim_scenarios_parse(&file, rows[i].text, strlen(rows[i].text), &memory, &error),
            BELAY_EINVAL);
        if (error.line != rows[i].line || strstr(error.text, rows[i].wrong) != error.text)
            fail_msg("%s: line %zu: %s", rows[i].text, error.line, error.text);
        assert_non_null(error.words);
        assert_string_equal(error.words, rows[i].words);
        assert_true(error.error.at == rows[i].at && error.error.len == rows[i].len);
        free(error.words);
        assert_int_equal(counted.bytes, 0);
    }
}

/* An assignment of the shell is no key. */
static void test_shell_assignments(void **state)
{
    struct counted counted = {0};
    struct netsim_scenarios *file =
        read_file("[command c]\nserver = s\nclient = cd /\n  jobs=3 x\n"
                  "[scenario a]\n",
                  &counted);

    (void)state;
    assert_string_equal(file->commands[0].client, "cd /\njobs=3 x");
    netsim_scenarios_free(file);
}

static void test_out_of_memory(void **state)
{
    static const char text[] =
        COMMAND "expect = a == 1\n[scenario a]\nlink = loss 5% | delay 1ms\n"
                "link-back = loss 1%\nexpect.c = b == 1\n[scenario b]\n";
    struct counted counted = {0};
    struct belay_memory memory = {counted_resize, &counted};
    struct netsim_scenario_error error;
    struct netsim_scenarios *file;
    int result = BELAY_ENOMEM, failures = 0;

    (void)state;
    for (counted.bytes_max = 1; result != BELAY_OK; counted.bytes_max += 64) {
        result = netsim_scenarios_parse(&file, text, strlen(text), &memory, &error);
        if (result == BELAY_OK)
            break;
        assert_int_equal(result, BELAY_ENOMEM);
        assert_null(file);
        assert_int_equal(counted.bytes, 0);
        failures++;
    }
    assert_true(failures > 10);
    netsim_scenarios_free(file);
    assert_int_equal(counted.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_carets),
        cmocka_unit_test(test_shell_assignments), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
