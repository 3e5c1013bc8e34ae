/*
 * extensions.h - the clauses that netem lacks: each reads what follows its x-word. They stand
 * once at most, and are written out.
 */
#ifndef NETSIM_EXTENSIONS_H
#define NETSIM_EXTENSIONS_H

#include "netsim/model/clauses.h"

int netsim_take_x_drop(struct netsim_parser *p);
int netsim_take_x_blackout(struct netsim_parser *p);
int netsim_take_x_mtu(struct netsim_parser *p);
int netsim_take_x_queue(struct netsim_parser *p);
int netsim_take_x_trace(struct netsim_parser *p);
int netsim_take_x_fifo(struct netsim_parser *p);
int netsim_take_x_rebind(struct netsim_parser *p);

/* What they need of the other clauses; seen: where each stood. */
int netsim_extensions_check(struct netsim_parser *p,
                            const struct netsim_span seen[NETSIM_CLAUSES]);

#endif
