#include "notices.h"

#include "quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

void notices_init(struct notices *notices, FILE *out, const char *program)
{
    *notices = (struct notices){.out = out, .program = program};
}

void notices_finish(struct notices *notices)
{
    if (notices->left_out > 0)
        fprintf(notices->out, "%s: %" PRIu64 " more such lines were left out\n",
                notices->program, notices->left_out);
    notices->left_out = 0;
}

void notices_print(struct notices *notices, const char *text, uint64_t now_ns)
{
    char clean[NOTICES_BYTES_MAX];
    quote_clean(text, clean, sizeof clean);
    if (strcmp(clean, notices->last) == 0 && now_ns - notices->last_ns < SECOND_NS)
        return;
    if (now_ns - notices->second_ns >= SECOND_NS) {
        notices_finish(notices);
        notices->second_ns = now_ns;
        notices->in_second = 0;
    }
    if (notices->in_second >= NOTICES_PER_S) {
        notices->left_out++;
        return;
    }
    notices->in_second++;
    notices->last_ns = now_ns;
    memcpy(notices->last, clean, sizeof clean);
    fprintf(notices->out, "%s: %s\n", notices->program, clean);
}
