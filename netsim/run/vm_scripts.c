#include "netsim/run/vm_scripts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NETSIM_VM_SOURCE
#define NETSIM_VM_SOURCE "netsim/vm"
#endif
#ifndef NETSIM_VM_INSTALLED /* seen from the program's folder */
#define NETSIM_VM_INSTALLED "../libexec/belay-netsim"
#endif

int netsim_vm_self(char path[NETSIM_VM_PATH])
{
    ssize_t len = readlink("/proc/self/exe", path, NETSIM_VM_PATH - 1);

    if (len < 0)
        return -1;
    path[len] = '\0';
    return 0;
}

static bool is_there(char path[NETSIM_VM_PATH], const char *folder, const char *name)
{
    int len = snprintf(path, NETSIM_VM_PATH, "%s/%s", folder, name);

    return len < NETSIM_VM_PATH && access(path, X_OK) == 0;
}

static bool is_installed(char path[NETSIM_VM_PATH], const char *name)
{
    char self[NETSIM_VM_PATH], folder[NETSIM_VM_PATH + sizeof(NETSIM_VM_INSTALLED)];
    char *slash;

    if (netsim_vm_self(self) != 0 || (slash = strrchr(self, '/')) == NULL)
        return false;
    *slash = '\0';
    snprintf(folder, sizeof(folder), "%s/" NETSIM_VM_INSTALLED, self);
    return is_there(path, folder, name);
}

int netsim_vm_script(const char *name, char path[NETSIM_VM_PATH], char *why, size_t size)
{
    const char *folder = getenv("BELAY_NETSIM_VM");

    if (folder != NULL && is_there(path, folder, name))
        return 0;
    if (folder != NULL)
        snprintf(why, size, "$BELAY_NETSIM_VM is %s, and there is no %s", folder, name);
    else if (is_installed(path, name) || is_there(path, NETSIM_VM_SOURCE, name))
        return 0;
    else
        snprintf(why, size,
                 "the virtual machine's scripts are not installed; $BELAY_NETSIM_VM tells the "
                 "folder with %s",
                 name);
    return -1;
}

void netsim_vm_exec(const char *name, char **argv, char *why, size_t size)
{
    char path[NETSIM_VM_PATH];

    if (netsim_vm_script(name, path, why, size) != 0)
        return;
    argv[0] = path;
    execv(path, argv);
    snprintf(why, size, "%s can't be run: %s%s", path, strerror(errno),
             errno == ENOENT ? " (it needs bash)" : "");
}
