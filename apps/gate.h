/*
 * gate.h - a Belay server's keys: what it shows, whom it lets in, and what it says of those
 * whom it does not.
 *
 *     open -> (the endpoint is made) -> attach -> report, name ... -> close
 */
#ifndef BELAY_APPS_GATE_H
#define BELAY_APPS_GATE_H

#include "keylog.h"
#include "notices.h"

#include <stdbool.h>

struct authorized;
struct belay_config;
struct belay_conn;
struct belay_endpoint;
struct report;
struct security_options;

struct gate {
    const char *program;
    const struct security_options *security;
    struct authorized *authorized; /* NULL: everybody may come in */
    struct keylog keylog;
    struct notices notices;
};

/* Puts keys and callbacks into config, which the caller wipes. False after printing why; close
 * it in any case. gate stays where it is. */
bool gate_open(struct gate *gate, const char *program, const struct security_options *security,
               struct belay_config *config);
void gate_attach(struct gate *gate, struct belay_endpoint *endpoint);
void gate_close(struct gate *gate);

/* How clients connect, to the endpoint's first socket: client, then the address and the
 * options; or, address_last, the other way round. */
void gate_report(const struct gate *gate, struct belay_endpoint *endpoint, const char *client,
                 bool address_last, struct report *report);
/* Under which name its key is authorized; NULL: nobody asked. */
const char *gate_name(const struct gate *gate, const struct belay_conn *conn);

#endif
