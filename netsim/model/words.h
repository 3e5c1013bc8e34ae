/*
 * words.h - the language of links: what stands after `netem` in a tc(8) command.
 *
 *     limit PACKETS
 *     delay|latency TIME [JITTER [CORR%]]
 *     distribution uniform|normal|pareto|paretonormal|FILE
 *     loss|drop [random] P% [CORR%]
 *     loss state P13 [P31 [P32 [P23 [P14]]]]
 *     loss gemodel P [R [1-H [1-K]]]
 *     ecn   corrupt P% [CORR%]   duplicate P% [CORR%]   reorder P% [CORR%] [gap N]
 *     rate RATE [PACKETOVERHEAD [CELLSIZE [CELLOVERHEAD]]]
 *     slot MIN [MAX] [packets N] [bytes N]
 *     slot distribution NAME DELAY JITTER [packets N] [bytes N]
 *     seed N
 *
 * and what netem lacks, so that tc refuses it:
 *
 *     x-drop I[-J][,I[-J]]...     the I-th to J-th packet that came in, from 0, copies counted
 *     x-blackout ON OFF [repeat]  passes all for ON, loses all for OFF, (repeat) again
 *     x-mtu BYTES                 loses in silence what is longer: a black hole
 *     x-queue droptail BYTES      a real line: packets wait in it, in order, for `rate` or
 *     x-queue codel               x-trace, and its delay comes after the wait
 *     x-trace FILE                the line sends at the times of FILE: see trace.h
 *     x-fifo                      jitter delays, but never reorders
 *     x-rebind TIME [repeat]      a NAT on the way forgets its ports then, and takes new ones
 *
 * x-queue needs a rate or an x-trace; x-trace excludes rate. x-words are written out. FILE is
 * as it stands, without blanks, `|` and `;`, and no keyword; a distribution without a `/` is
 * looked for as tc does.
 *
 * Any order; keywords may be shortened as in tc (the first of limit, latency, delay, loss,
 * drop, ecn, reorder, corrupt, gap, duplicate, distribution, rate, seed, slot that begins so).
 * A clause that stands twice: the later one counts, and what it does not name stays; but for
 * loss and the x-words, which are refused. No words at all are a clean link. Units: units.h.
 */
#ifndef NETSIM_WORDS_H
#define NETSIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum netsim_loss_model {
    NETSIM_LOSS_NONE,
    NETSIM_LOSS_RANDOM,
    NETSIM_LOSS_STATE,   /* four states: good gaps and bursts, each with and without loss */
    NETSIM_LOSS_GEMODEL, /* Gilbert-Elliott: a good and a bad state */
};

enum netsim_distribution {
    NETSIM_UNIFORM,
    NETSIM_NORMAL,
    NETSIM_PARETO,
    NETSIM_PARETONORMAL,
    NETSIM_FROM_FILE,
};

enum netsim_line {
    NETSIM_LINE_NONE,     /* netem's rate: times reckoned when a packet comes in */
    NETSIM_LINE_LIMIT,    /* x-trace without x-queue: `limit` packets wait at most */
    NETSIM_LINE_DROPTAIL, /* at most so many bytes wait; what does not fit is dropped */
    NETSIM_LINE_CODEL,    /* RFC 8289, target 5 ms, interval 100 ms; and `limit` packets */
};

#define NETSIM_FILE_SIZE 256
#define NETSIM_DROPS_MAX 64

struct netsim_drop_range {
    uint64_t first, last; /* both included */
};

struct netsim_table; /* table.h */
struct netsim_trace; /* trace.h */

/* Probabilities and correlations are shares of UINT32_MAX, as in the kernel. */
struct netsim_words {
    uint32_t limit; /* packets [1000] */

    int64_t delay_ns, jitter_ns;
    uint32_t delay_corr;
    enum netsim_distribution distribution;
    bool has_distribution; /* written, if only as `uniform` */
    char distribution_file[NETSIM_FILE_SIZE];
    const struct netsim_table *distribution_table; /* NETSIM_FROM_FILE: the plan's */

    enum netsim_loss_model loss_model;
    uint32_t loss, loss_corr;         /* random */
    uint32_t p13, p31, p32, p23, p14; /* state */
    uint32_t ge_p, ge_r, ge_h, ge_1k; /* gemodel; h itself, though 1-h is what is written */
    bool ecn;

    uint32_t corrupt, corrupt_corr;
    uint32_t duplicate, duplicate_corr;
    uint32_t reorder, reorder_corr, gap; /* gap 0: no reordering */

    uint64_t rate_bytes_per_s; /* 0: none */
    int32_t packet_overhead_bytes, cell_overhead_bytes;
    uint32_t cell_bytes; /* 0: no cells */

    bool has_slot, slot_has_distribution;
    int64_t slot_min_ns, slot_max_ns;      /* uniform */
    int64_t slot_delay_ns, slot_jitter_ns; /* by distribution */
    enum netsim_distribution slot_distribution;
    char slot_distribution_file[NETSIM_FILE_SIZE];
    const struct netsim_table *slot_distribution_table;
    uint32_t slot_packets, slot_bytes; /* 0: no bound */

    bool has_seed;
    uint64_t seed;

    struct netsim_drop_range drop[NETSIM_DROPS_MAX]; /* ascending, apart from each other */
    unsigned drops;
    bool has_blackout, blackout_repeats;
    uint64_t blackout_on_ns, blackout_off_ns;
    uint32_t mtu_bytes; /* 0: any length. Of the IP packet: what stands in x-mtu */
    enum netsim_line line;
    uint32_t line_bytes; /* droptail */
    char trace_file[NETSIM_FILE_SIZE];
    const struct netsim_trace *trace; /* the plan's */
    bool fifo;
    bool has_rebind, rebind_repeats;
    uint64_t rebind_ns;

    unsigned notes; /* bits for netsim_words_note */
};

/* What is wrong, and where: bytes [at, at + len) of the text, len >= 1. at may be the end of
 * the text, where something is missing. hint is words that would be right, or empty. */
struct netsim_words_error {
    size_t at, len;
    char text[160];
    char hint[96];
};

/* A clean link: what no words at all mean. */
void netsim_words_init(struct netsim_words *words);

/* 0, or BELAY_EINVAL with *error filled (error may be NULL); *words is then a clean link. */
int netsim_words_parse(struct netsim_words *words, const char *text,
                       struct netsim_words_error *error);

/* The same for bytes [at, end) of a text; the error's place counts in the whole text. A change
 * of words in time has no seed. */
int netsim_words_parse_part(struct netsim_words *words, const char *text, size_t at, size_t end,
                            bool is_change, struct netsim_words_error *error);

/* Writes words that parse to the same link; as snprintf returns the length it would need. */
size_t netsim_words_format(const struct netsim_words *words, char *out, size_t size);

/* Things that netem does and few expect of these words: the i-th sentence, NULL after the
 * last. For people, before a run. */
const char *netsim_words_note(const struct netsim_words *words, unsigned i);

/* The first thing in these words that netem has no word for ("x-drop"); NULL: none. */
const char *netsim_words_extension(const struct netsim_words *words);

const char *netsim_distribution_name(enum netsim_distribution distribution);

#endif
