/* belay-netsim vm: the scripts in netsim/vm, which know the options and tell them. */
#include <stdbool.h>
#include <string.h>

#include "netsim/cli.h"
#include "netsim/run/guard.h"
#include "netsim/run/run.h"
#include "netsim/run/vm_scripts.h"

/* Takes --setup out of the options, which end at the command. */
static bool take_setup(char **argv)
{
    for (char **word = argv + 1; *word != NULL && **word == '-' && strcmp(*word, "--") != 0;
         word++)
        if (strcmp(*word, "--setup") == 0) {
            for (; *word != NULL; word++)
                word[0] = word[1];
            return true;
        }
    return false;
}

int netsim_cmd_vm(int argc, char **argv)
{
    char why[NETSIM_WHY_SIZE];

    (void)argc;
    netsim_vm_exec(take_setup(argv) ? "setup.sh" : "boot.sh", argv, why, sizeof(why));
    netsim_cli_fail("%s", why);
    return NETSIM_EXIT_RUN;
}
