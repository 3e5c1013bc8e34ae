/*
 * tool.h - runs ip and tc, which iproute2 has, and keeps what they say.
 */
#ifndef NETSIM_TOOL_H
#define NETSIM_TOOL_H

#include <stddef.h>

#define NETSIM_TOOL_OUTPUT 4096

struct netsim_tool {
    const char *const *argv; /* NULL-terminated */
    const char *input;       /* its standard input, short; NULL: nothing */
    int net;                 /* the network namespace it runs in; -1: the caller's */
    /* Called in the child before the program begins; 0, or -1 with errno. NULL: nothing. */
    int (*prepare)(void *arg);
    void *arg;
};

/* What it wrote to either output, cut at size, in output. 0 when it ended with 0; else -1 with
 * a sentence in why. It is also looked for where only root's PATH leads. */
int netsim_tool_run(const struct netsim_tool *tool, char *output, char *why, size_t size);

/* `ip -batch`: one command a line. A line that fails is told. */
int netsim_tool_ip(const char *batch, int net, char *why, size_t size);

#endif
