/*
 * lines.h - what is recorded, a line each (lines.txt, words.txt, bad.txt):
 *
 *     INTERVAL_US SIZE COUNT FLAGS | WORDS       SIZE may be LEAST-MOST: see line_size()
 *     ask | WORDS               only what tc and the kernel make of the words is recorded
 *
 * FLAGS are words with commas between: ect (packets are ECN-capable), again (the qdisc is made
 * anew for each packet), and notes for who reads the recording, which the recorder passes on.
 */
#ifndef NETSIM_CONFORMANCE_LINES_H
#define NETSIM_CONFORMANCE_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct line {
    bool ask, ect, again;
    uint32_t interval_us, size_min, size_max, count;
    char flags[64];
    char words[512];
};

/* 1, 0 at the end, -1: a line is wrong, with a message to stderr. */
int line_next(FILE *file, struct line *line);

/* Bytes of the i-th packet, Ethernet header included. */
uint32_t line_size(const struct line *line, uint32_t i);

#endif
