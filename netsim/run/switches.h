/* switches.h - what can be set in /proc/sys/net, for the network namespace of the caller. */
#ifndef NETSIM_SWITCHES_H
#define NETSIM_SWITCHES_H

/* name: "ipv4/ip_forward". 0, or -1 with errno. */
int netsim_switches_set(const char *name, const char *value);

#endif
