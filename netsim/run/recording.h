/* recording.h - the files that a run writes while it lasts: --log and --pcap. */
#ifndef NETSIM_RECORDING_H
#define NETSIM_RECORDING_H

#include <stdio.h>

#include "netsim/report/pcapng.h"
#include "netsim/run/run.h"

struct netsim_recording {
    FILE *log;                  /* or NULL */
    struct netsim_pcapng *pcap; /* or NULL */
};

/* 0, or -1 with a sentence in why and nothing open. */
int netsim_recording_open(struct netsim_recording *recording,
                          const struct netsim_run_config *config, enum netsim_pcapng_link link,
                          char *why, size_t size);
/* error: of a write before, errno, or 0. 0, or -1 with a sentence when something is missing. */
int netsim_recording_close(struct netsim_recording *recording,
                           const struct netsim_run_config *config, int error, char *why,
                           size_t size);

#endif
