/*
 * ports.h - source ports from which no client dials: those of old services that answer any
 * datagram, or that make much of a small question. A datagram from one of them is a reflection
 * of a forged question, or the beginning of a loop with such a service (CVE-2024-2169). NATs
 * and systems choose their ports elsewhere, but for a few of a high number that are worth it.
 */
#ifndef BELAY_EVENT_PORTS_H
#define BELAY_EVENT_PORTS_H

#include "event/platform.h"

#include <stdbool.h>

bool belay_port_is_bad(in_port_t net_port);

#endif
