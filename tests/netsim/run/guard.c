/* Without namespaces; with them in run_cleanup.py. */
#include "../fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netsim/run/guard.h"
#include "netsim/run/run.h"

static int say(struct netsim_guard *guard, void *arg)
{
    snprintf(guard->page->why, NETSIM_WHY_SIZE, "%s", (const char *)arg);
    return 7;
}

static int die(struct netsim_guard *guard, void *arg)
{
    (void)guard;
    (void)arg;
    raise(SIGKILL);
    return 0;
}

/* The commands' groups go with inside. arg: a pipe that their process holds open. */
static int die_with_group(struct netsim_guard *guard, void *arg)
{
    int *pair = arg;
    pid_t pid = fork();

    if (pid == 0) {
        setpgid(0, 0);
        close(pair[0]);
        for (;;)
            pause();
    }
    setpgid(pid, pid);
    guard->page->groups[0] = pid;
    raise(SIGKILL);
    return 0;
}

/* Sends the guard a signal, and waits for it to come back. */
static int echo_signal(struct netsim_guard *guard, void *arg)
{
    int number;

    (void)arg;
    kill(getppid(), SIGTERM);
    return sigwait(&guard->signals, &number) == 0 ? number : 1;
}

static void test_code_and_why(void **state)
{
    char why[NETSIM_WHY_SIZE], text[] = "a sentence", none[] = "";

    (void)state;
    assert_int_equal(netsim_guard_run(false, say, text, why, sizeof(why)), 7);
    assert_string_equal(why, "a sentence");
    assert_int_equal(netsim_guard_run(false, say, none, why, sizeof(why)), 7);
    assert_string_equal(why, "");
}

static void test_killed(void **state)
{
    char why[NETSIM_WHY_SIZE];

    (void)state;
    assert_int_equal(netsim_guard_run(false, die, NULL, why, sizeof(why)), NETSIM_EXIT_RUN);
    assert_string_equal(why, "the process that held the run was killed by signal 9");
}

static void test_groups(void **state)
{
    char why[NETSIM_WHY_SIZE], byte;
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    netsim_guard_run(false, die_with_group, pair, why, sizeof(why));
    close(pair[1]);
    assert_int_equal(read(pair[0], &byte, 1), 0); /* its end, once nobody holds it */
    close(pair[0]);
}

static void test_signals(void **state)
{
    char why[NETSIM_WHY_SIZE];
    sigset_t before, after;

    (void)state;
    sigprocmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(netsim_guard_run(false, echo_signal, NULL, why, sizeof(why)), SIGTERM);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_and_why),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
