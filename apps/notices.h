/*
 * notices.h - what a server says about others, who may give cause for it as often as they like:
 * a text that comes again within a second is said once, and at most NOTICES_PER_S are said in a
 * second; how many were left out is said later.
 */
#ifndef BELAY_APPS_NOTICES_H
#define BELAY_APPS_NOTICES_H

#include <stdint.h>
#include <stdio.h>

#define NOTICES_PER_S     10
#define NOTICES_BYTES_MAX 512

struct notices {
    FILE *out;
    const char *program;
    uint64_t second_ns, last_ns;
    unsigned in_second;
    uint64_t left_out;
    char last[NOTICES_BYTES_MAX];
};

void notices_init(struct notices *notices, FILE *out, const char *program);
void notices_print(struct notices *notices, const char *text, uint64_t now_ns);
/* Says what was left out. */
void notices_finish(struct notices *notices);

#endif
