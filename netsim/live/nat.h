/*
 * nat.h - the NAT of x-rebind, at the client's end of a link: one inside address, UDP only.
 *
 * At first ports stay as they are. After a rebind nothing is known any more: a client's port
 * takes a fresh one outside when it sends next, and what comes for a port that the NAT has
 * forgotten is for nobody. Outside ports come in turn from 1024 to 65535, and none that this
 * or the last binding has used.
 */
#ifndef NETSIM_NAT_H
#define NETSIM_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netsim_nat;

struct netsim_nat *netsim_nat_new(void); /* NULL: no memory */
void netsim_nat_free(struct netsim_nat *nat);

/* So many rebinds have been by now; never fewer than before. */
void netsim_nat_rebind(struct netsim_nat *nat, uint64_t rebinds);

/* The port outside of a client's port, which is bound if it was not. */
uint16_t netsim_nat_out(struct netsim_nat *nat, uint16_t inside);
/* The client's port behind one outside; false: the NAT knows none. */
bool netsim_nat_back(const struct netsim_nat *nat, uint16_t outside, uint16_t *inside);

/*
 * The same for whole frames, checksums kept right. What is no UDP passes as it is; an ICMP
 * error about a datagram of the client finds back to it. false of back: for nobody.
 */
void netsim_nat_frame_out(struct netsim_nat *nat, uint8_t *frame, size_t len);
bool netsim_nat_frame_back(const struct netsim_nat *nat, uint8_t *frame, size_t len);

#endif
