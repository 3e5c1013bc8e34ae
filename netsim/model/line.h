/*
 * line.h - a real line in front of netem: packets wait in it, one is being sent.
 *
 *     why = send(line, item)               comes in: dropped at once, or the line keeps it
 *     item = receive(line, now, &why...)   leaves, or is dropped by CoDel; one a call
 *
 *     droptail   what does not fit into the bytes that wait is dropped; a packet counts as
 *                NETSIM_LINE_ITEM_MIN at least, so that their number is bounded
 *     codel      drops at the head (codel.h), or with `ecn` marks; and `limit` packets wait
 *     x-trace    without either: `limit` packets wait
 *
 * The packet that is being sent waits no more. How long it takes is settled when it begins, by
 * the words of that time: `rate` with overhead and cells (rate.h), or a trace (trace.h). What
 * an opportunity of a trace has left goes to the packet that waits behind, or is lost.
 *
 * Words without a line let what is inside go on at once, behind the packet that is being sent.
 *
 * Items are the caller's, and the line takes no memory. O(1) a packet.
 */
#ifndef NETSIM_LINE_H
#define NETSIM_LINE_H

#include <stddef.h>

#include "netsim/model/codel.h"
#include "netsim/model/link.h"
#include "netsim/model/words.h"

#define NETSIM_LINE_ITEM_MIN 20 /* bytes: an IPv4 header */

struct netsim_line_item {
    struct netsim_line_item *next;
    uint64_t came_ns;
    uint32_t len;
    bool ect;
    bool ce; /* CoDel marked it */
};

struct netsim_line_state {
    const struct netsim_words *words;
    struct netsim_line_item *first, *last; /* those that wait */
    size_t count;
    uint64_t bytes;
    struct netsim_line_item *sending;
    uint64_t free_ns; /* when it has been sent, or the last one was */
    struct netsim_codel codel;
    uint64_t opportunity;  /* of the trace: the first that nobody has used */
    uint32_t credit_bytes; /* left of the one before */
};

/* The words must live until they are changed. */
void netsim_line_init(struct netsim_line_state *line, const struct netsim_words *words);
void netsim_line_change(struct netsim_line_state *line, const struct netsim_words *words);

/* Do these words ask for a line? */
bool netsim_line_is_asked(const struct netsim_words *words);
/* How many items a line of these words holds at most, the one on the way counted. */
uint64_t netsim_line_capacity(const struct netsim_words *words);

/* Must a packet go through it? Also while packets of earlier words are inside. */
bool netsim_line_is_on(const struct netsim_line_state *line);

/* item: came_ns, len, ect filled. Take out what is due before. */
enum netsim_why netsim_line_send(struct netsim_line_state *line, struct netsim_line_item *item);
/* The next that leaves, or is dropped ( why), by now; at_ns when. NULL: none. */
struct netsim_line_item *netsim_line_receive(struct netsim_line_state *line, uint64_t now_ns,
                                             enum netsim_why *why, uint64_t *at_ns);
uint64_t netsim_line_deadline(const struct netsim_line_state *line); /* BELAY_NEVER: empty */
size_t netsim_line_inside(const struct netsim_line_state *line);

#endif
