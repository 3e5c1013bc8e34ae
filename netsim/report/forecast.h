/*
 * forecast.h - what one set of words does to packets, in numbers, by formula and without a run.
 *
 * Shares are of packets sent, times in nanoseconds. What has no formula is NAN.
 */
#ifndef NETSIM_FORECAST_H
#define NETSIM_FORECAST_H

#include "netsim/report/delays.h"
#include "netsim/report/losses.h"
#include "netsim/report/order.h"

/* Of a line; a bit above 1, for rounding. */
#define NETSIM_LOAD_MAX 1.000001

struct netsim_forecast {
    struct netsim_losses losses;
    struct netsim_chance corrupt; /* of packets that are not lost, copies each for itself */
    struct netsim_order order;
    /* Of what does not pass the queue, before any wait for a line, slot or full queue. */
    struct netsim_delays_summary delay;

    double line_ns;        /* one packet on the line; 0: no rate */
    double line_pps;       /* packets a second that it takes; 0: any */
    double load;           /* of the line at this pace; above 1 the queue fills */
    double full_ns;        /* what a packet waits behind a full queue */
    double held;           /* packets in the queue at this pace, mean */
    double limit_pps;      /* sent faster than this, `limit` drops; 0: never */
    double limit_lost;     /* what it drops at this pace, once full; of what reaches it */
    double slot_ns;        /* mean time from turn to turn; 0: no slot */
    double slot_pps;       /* packets a second through the turns; 0: any */
    double blackout_share; /* of the time, in the long run */
};

/* Takes some memory for a moment; where there is none, what needs it is NAN. */
void netsim_forecast(struct netsim_forecast *forecast, const struct netsim_words *words,
                     const struct netsim_traffic *traffic);

/* Do the words lose or delay nothing, and so on: a clean link? */
bool netsim_forecast_is_clean(const struct netsim_words *words);

#endif
