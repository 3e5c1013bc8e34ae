/*
 * hosts.h - an /etc/hosts for the commands in which `localhost` is 127.0.0.1 and no more: that
 * way is the shorter one, and both sides mean the same.
 */
#ifndef NETSIM_HOSTS_H
#define NETSIM_HOSTS_H

#include <stddef.h>

/* `127.0.0.1 localhost`, and the lines of text but for those of ::1. Free it; NULL: no memory.
 */
char *netsim_hosts_filter(const char *text);

/* Puts it in place in this mount namespace, which is the caller's own; seen and left nowhere
 * else. 0, or -1 with errno and all as it was. */
int netsim_hosts_mount(void);

#endif
