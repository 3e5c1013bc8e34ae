#include "netsim/run/herd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* Those who left their groups; orphans are this process's. */
static void signal_children(int number)
{
    FILE *children = fopen("/proc/thread-self/children", "r"); /* Linux */
    long pid;

    if (children == NULL)
        return;
    while (fscanf(children, "%ld", &pid) == 1)
        kill((pid_t)pid, number);
    fclose(children);
}

void netsim_herd_signal(const struct netsim_guard *guard, int number)
{
    if (guard->namespaces) {
        kill(-1, number); /* all but process 1, which is this one */
        return;
    }
    for (int i = 0; i < 2; i++)
        if (guard->page->groups[i] > 0)
            kill(-guard->page->groups[i], number);
    signal_children(number);
}

bool netsim_herd_is_gone(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}
