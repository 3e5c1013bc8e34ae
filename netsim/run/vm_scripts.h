/*
 * vm_scripts.h - where the scripts of the virtual machine are: boot.sh and setup.sh.
 *
 * $BELAY_NETSIM_VM names their folder; else they lie beside the installed program, in
 * ../libexec/belay-netsim; else in the source tree that the program was built from.
 */
#ifndef NETSIM_VM_SCRIPTS_H
#define NETSIM_VM_SCRIPTS_H

#include <stddef.h>

#define NETSIM_VM_PATH 4096

/* 0 with the path of the script, or -1 with a sentence in why. */
int netsim_vm_script(const char *name, char path[NETSIM_VM_PATH], char *why, size_t size);

/* This program's own path. 0, or -1, errno. */
int netsim_vm_self(char path[NETSIM_VM_PATH]);

/* Becomes the script, argv[0] and all. Comes back only when that fails, with a sentence. */
void netsim_vm_exec(const char *name, char **argv, char *why, size_t size);

#endif
