#include "../fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/child.h"

/* Runs to the end; what it wrote to descriptor 1 in out. */
static int run(const struct netsim_child *child, char *out, size_t size)
{
    int pair[2], saved = dup(1), status;
    ssize_t len;
    pid_t pid;

    assert_int_equal(pipe(pair), 0);
    fflush(stdout);
    dup2(pair[1], 1);
    pid = netsim_child_start(child);
    dup2(saved, 1);
    close(saved);
    close(pair[1]);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    len = read(pair[0], out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    close(pair[0]);
    return status;
}

static struct netsim_child child_of(const char *command, const sigset_t *mask)
{
    return (struct netsim_child){
        .command = command, .net = -1, .mask = mask, .timer_slack_ns = 50000};
}

static void test_codes(void **state)
{
    static const struct {
        const char *command, *told;
        int code;
    } cases[] = {
        {"exit 0", "status 0", 0},
        {"exit 255", "status 255", 255},
        {"kill -9 $$", "signal 9 (Killed)", 137},
        {"/nonexistent/x 2>/dev/null", "status 127", 127},
        {"/etc/passwd 2>/dev/null", "status 126", 126},
    };
    sigset_t mask;
    char out[256], told[64];

    (void)state;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct netsim_child child = child_of(cases[i].command, &mask);
        int status = run(&child, out, sizeof(out));

        assert_int_equal(netsim_child_code(status), cases[i].code);
        netsim_child_describe(status, told, sizeof(told));
        assert_string_equal(told, cases[i].told);
    }
}

static void test_environment(void **state)
{
    const struct netsim_variable environment[] = {
        {"NETSIM_A", "a b"}, {"NETSIM_B", ""}, {NULL, ""}};
    struct netsim_child child;
    sigset_t mask;
    char out[256];

    (void)state;
    sigemptyset(&mask);
    child = child_of("echo \"[$NETSIM_A] [${NETSIM_B-unset}] [$NETSIM_C]\"", &mask);
    child.environment = environment;
    setenv("NETSIM_B", "from outside", 1);
    setenv("NETSIM_C", "kept", 1);
    run(&child, out, sizeof(out));
    assert_string_equal(out, "[a b] [unset] [kept]\n");
}

static void test_group_and_stdin(void **state)
{
    sigset_t mask;
    struct netsim_child child;
    char out[256];

    (void)state;
    sigemptyset(&mask);
    child = child_of("ps -o pgid= -p $$ >/dev/null 2>&1 || exit 3; cat; "
                     "[ $(ps -o pgid= -p $$) = $$ ] && echo own",
                     &mask);
    if (netsim_child_code(run(&child, out, sizeof(out))) == 3)
        skip(); /* no ps */
    assert_string_equal(out, "own\n");
}

/* A signal that is caught or blocked here is neither there; one that is ignored stays so. */
static void on_signal(int number)
{
    (void)number;
}

static void test_signals(void **state)
{
    struct netsim_child child;
    sigset_t mask, blocked;
    char out[256];
    int status;

    (void)state;
    sigemptyset(&mask);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    child = child_of("kill -HUP $$; echo on; kill -TERM $$; echo never", &mask);
    status = run(&child, out, sizeof(out));
    assert_string_equal(out, "on\n");
    assert_int_equal(netsim_child_code(status), 128 + SIGTERM);
    child = child_of("kill -PIPE $$; echo never", &mask);
    assert_int_equal(netsim_child_code(run(&child, out, sizeof(out))), 128 + SIGPIPE);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_group_and_stdin),
        cmocka_unit_test(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
