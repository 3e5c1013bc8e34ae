/*
 * offload.h - has a network interface send real packets: no checksums left to the hardware, no
 * segments left to be cut, none put together. Else one "packet" on the link stands for many.
 */
#ifndef NETSIM_OFFLOAD_H
#define NETSIM_OFFLOAD_H

/* Of an interface in this network namespace. 0, or -1 with errno. */
int netsim_offload_off(const char *interface);

#endif
