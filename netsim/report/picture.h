/*
 * picture.h - pictures in text of what a link does to its first packets.
 *
 *     raster    one character a packet by its fate, 64 a line
 *     ladder    sender left, receiver right, time goes down: crossing lines are reordering
 *     strip     how often which delay, in one line
 *     time line packets sent, arrived and dropped over time
 *
 * The words decide which: a ladder and a raster for what happens to packets one by one, a strip
 * where there is jitter, a time line for lines, turns, blackouts, schedules and rebinding. All
 * are of runs of the model with the same seed, at most 72 columns wide.
 */
#ifndef NETSIM_PICTURE_H
#define NETSIM_PICTURE_H

#include <stdio.h>

#include "netsim/report/trips.h"

#define NETSIM_PICTURE_COLUMNS 72

struct netsim_picture_options {
    uint64_t seed, count; /* count 0: as many as the picture wants */
    bool utf8;
    bool interval_given; /* else the pictures choose one that shows something */
};

/* 0; -1 with errno ENOMEM, or another when out could not be written. */
int netsim_picture(FILE *out, const struct netsim_plan *plan,
                   const struct netsim_traffic *traffic,
                   const struct netsim_picture_options *options,
                   const struct belay_memory *memory);

/* The parts: each draws some of the trips. */
char netsim_picture_mark(const struct netsim_trip *trip);
void netsim_picture_raster(FILE *out, const struct netsim_trips *trips);
void netsim_picture_ladder(FILE *out, const struct netsim_trips *trips, size_t first,
                           size_t count, bool utf8);
void netsim_picture_strip(FILE *out, const struct netsim_trips *trips, bool utf8);
/* rebound: how often the NAT has changed its ports by a time, or NULL. */
void netsim_picture_time_line(FILE *out, const struct netsim_trips *trips, bool utf8,
                              const struct netsim_plan *rebinds);

#endif
