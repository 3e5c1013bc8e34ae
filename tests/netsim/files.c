/* Distributions and traces from a folder of their own: found, shared, and refused in words. */
#include "fixture.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netsim/files.h"
#include "netsim/model/table.h"
#include "netsim/model/trace.h"
#include "support/memory.h"

/* The tests run in a folder that is made and removed for them. */
static char folder[] = "/tmp/netsim-files-XXXXXX";

static const char *const files[] = {"a.dist",  "b.dist", "bad.dist", "empty.dist", "t.trace",
                                    "x.trace", "secret", "long",     "full.dist",  "fifo"};

static void write_file(const char *name, const char *text, size_t len)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir("sub", 0755) != 0)
        return -1;
    write_file("a.dist", "# mine\n-8192 0\n8192\n", 20);
    write_file("b.dist", "1 2 3 4", 7);
    write_file("bad.dist", "1\n2\nx\n", 6);
    write_file("empty.dist", "", 0);
    write_file("t.trace", "0\n5\n10\n", 7);
    write_file("x.trace",
               "\x7f"
               "ELF\0\0\1",
               7);
    write_file("secret", "1\n", 2);
    write_file("long", "", 0);
    if (mkfifo("fifo", 0600) != 0)
        return -1;
    if (truncate("long", (16 << 20) + 1) != 0 || chmod("secret", 0) != 0)
        return -1;
    return setenv("TC_LIB_DIR", folder, 1);
}

static int remove_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(files[i]);
    rmdir("sub");
    return chdir("/") | rmdir(folder);
}

static struct netsim_plan *plan_of(const char *text, struct test_memory *memory)
{
    struct netsim_plan *plan;
    struct netsim_words_error error;

    test_memory_init(memory);
    if (netsim_plan_parse(&plan, text, &memory->hook, &error) != 0)
        fail_msg("`%s`: %s", text, error.text);
    return plan;
}

static void test_found(void **state)
{
    char wrong[NETSIM_FILES_TEXT];
    struct test_memory memory;
    struct netsim_plan *plan = plan_of("delay 5ms 1ms distribution a "
                                       "slot distribution ./b.dist 1ms 1ms ; at 1s "
                                       "delay 5ms 1ms distribution ./b.dist | x-trace t.trace "
                                       "; at 1s delay 1ms 1ms distribution a x-trace t.trace",
                                       &memory);
    const struct netsim_words *w[] = {
        &plan->stages[0].steps[0].words, &plan->stages[0].steps[1].words,
        &plan->stages[1].steps[0].words, &plan->stages[1].steps[1].words};

    (void)state;
    if (netsim_files_load(plan, wrong) != 0)
        fail_msg("%s", wrong);
    assert_int_equal(w[0]->distribution_table->size, 3);
    assert_int_equal(w[0]->distribution_table->value[0], -8192);
    assert_int_equal(w[0]->slot_distribution_table->size, 4);
    assert_int_equal(w[2]->trace->count, 3);
    assert_int_equal(w[2]->trace->round_ms, 10);
    assert_ptr_equal(w[1]->distribution_table, w[0]->slot_distribution_table); /* read once */
    assert_ptr_equal(w[3]->distribution_table, w[0]->distribution_table);
    assert_ptr_equal(w[3]->trace, w[2]->trace);
    assert_null(w[2]->distribution_table);
    assert_int_equal(memory.used, sizeof(*plan) + 4 * sizeof(struct netsim_step) +
                                      2 * sizeof(struct netsim_table) +
                                      sizeof(struct netsim_trace) + 3 * sizeof(uint64_t));
    netsim_plan_free(plan);
    test_memory_assert_empty(&memory);
}

/* As a shell's <(COMMAND) is. */
static void test_pipe(void **state)
{
    struct test_memory memory;
    struct netsim_plan *plan;
    char text[64], wrong[NETSIM_FILES_TEXT] = "";
    int ends[2];

    (void)state;
    if (access("/dev/fd", X_OK) != 0)
        skip();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "7 8\n", 4), 4);
    close(ends[1]);
    snprintf(text, sizeof(text), "delay 1ms 1ms distribution /dev/fd/%d", ends[0]);
    plan = plan_of(text, &memory);
    if (netsim_files_load(plan, wrong) != 0)
        fail_msg("%s", wrong);
    assert_int_equal(plan->stages[0].steps[0].words.distribution_table->size, 2);
    netsim_plan_free(plan);
    close(ends[0]);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *part[2];
    } rows[] = {
        {"delay 1ms 1ms distribution gauss", {"distribution gauss", "./gauss"}},
        {"delay 1ms 1ms distribution Normal", {"no such .dist file", "normal, pareto"}},
        {"delay 1ms 1ms distribution ./gauss", {"./gauss: ", "No such file"}},
        {"delay 1ms 1ms distribution bad", {"bad.dist:3: ", "whole numbers"}},
        {"delay 1ms 1ms distribution empty", {"empty.dist:1: ", "no numbers"}},
        {"delay 1ms 1ms distribution ./sub", {"./sub", "is a directory"}},
        {"delay 1ms 1ms distribution ./fifo", {"distribution ./fifo", "is a FIFO"}},
        {"delay 1ms 1ms distribution ./long", {"./long", "longer than 16 MiB"}},
        {"delay 1ms 1ms distribution /dev/zero", {"/dev/zero", "longer than 16 MiB"}},
        {"slot distribution nope 1ms 1ms", {"distribution nope", ".dist"}},
        {"x-trace nope", {"nope: ", "No such file"}},
        {"x-trace fifo", {"x-trace fifo", "nobody writes to it"}},
        {"x-trace sub", {"sub", "is a directory"}},
        {"x-trace x.trace", {"x.trace:1: ", "whole number of milliseconds"}},
        {"x-trace empty.dist", {"empty.dist:1: ", "no times"}},
        {"x-trace long", {"long", "longer than 16 MiB"}},
        {"x-trace t.trace | loss 1% ; at 1s x-trace a.dist", {"a.dist:2: ", "whole number"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char wrong[NETSIM_FILES_TEXT] = "";
        struct test_memory memory;
        struct netsim_plan *plan = plan_of(rows[i].text, &memory);

        if (netsim_files_load(plan, wrong) == 0)
            fail_msg("`%s` was taken", rows[i].text);
        for (unsigned k = 0; k < 2; k++)
            if (strstr(wrong, rows[i].part[k]) == NULL)
                fail_msg("`%s`: %s", rows[i].text, wrong);
        assert_true(memory.peak < 40 << 20);
        netsim_plan_free(plan);
        test_memory_assert_empty(&memory);
    }
}

static void test_not_readable(void **state)
{
    char wrong[NETSIM_FILES_TEXT];
    struct test_memory memory;
    struct netsim_plan *plan = plan_of("x-trace secret", &memory);

    (void)state;
    if (geteuid() != 0) { /* root reads all */
        assert_int_equal(netsim_files_load(plan, wrong), -1);
        assert_non_null(strstr(wrong, "secret: Permission denied"));
    }
    netsim_plan_free(plan);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (long fail_at = 3;; fail_at++) {
        char wrong[NETSIM_FILES_TEXT] = "";
        struct test_memory memory;
        struct netsim_plan *plan =
            plan_of("delay 1ms 1ms distribution a x-trace t.trace", &memory);
        int result;

        memory.fail_at = fail_at;
        result = netsim_files_load(plan, wrong);
        netsim_plan_free(plan);
        test_memory_assert_empty(&memory);
        if (result == 0) {
            assert_int_equal(fail_at, 7); /* two buffers, a table, a trace */
            return;
        }
        assert_non_null(strstr(wrong, "memory"));
    }
}

/* Without the variable: what this system's tc has, or a sentence. */
static void test_the_systems_own(void **state)
{
    char wrong[NETSIM_FILES_TEXT] = "";
    struct test_memory memory;
    struct netsim_plan *plan = plan_of("delay 1ms 1ms distribution experimental", &memory);

    (void)state;
    unsetenv("TC_LIB_DIR");
    if (netsim_files_load(plan, wrong) == 0)
        assert_true(plan->stages[0].steps[0].words.distribution_table->size > 0);
    else
        assert_non_null(strstr(wrong, "/usr/lib/tc"));
    netsim_plan_free(plan);
    test_memory_assert_empty(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pipe),          cmocka_unit_test(test_not_readable),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_the_systems_own),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
