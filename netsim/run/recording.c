#include "netsim/run/recording.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static uint64_t wall_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int netsim_recording_open(struct netsim_recording *recording,
                          const struct netsim_run_config *config, enum netsim_pcapng_link link,
                          char *why, size_t size)
{
    const char *back = config->back_text != NULL ? config->back_text : "";

    *recording = (struct netsim_recording){NULL, NULL};
    if (config->log != NULL && (recording->log = fopen(config->log, "we")) == NULL) {
        snprintf(why, size, "%s: %s", config->log, strerror(errno));
        return -1;
    }
    if (config->pcap == NULL)
        return 0;
    recording->pcap =
        netsim_pcapng_open(config->pcap, link, wall_clock_ns(), config->out_text, back);
    if (recording->pcap != NULL)
        return 0;
    snprintf(why, size, "%s: %s", config->pcap, strerror(errno));
    if (recording->log != NULL)
        fclose(recording->log);
    return -1;
}

int netsim_recording_close(struct netsim_recording *recording,
                           const struct netsim_run_config *config, int error, char *why,
                           size_t size)
{
    const char *file = config->log != NULL ? config->log : config->pcap;

    if (recording->log != NULL && fclose(recording->log) != 0) {
        error = errno;
        file = config->log;
    }
    if (recording->pcap != NULL && netsim_pcapng_close(recording->pcap) != 0) {
        error = errno;
        file = config->pcap;
    }
    if (error == 0)
        return 0;
    snprintf(why, size, "%s: not all was written: %s", file, strerror(error));
    return -1;
}
