#include "gate.h"

#include "authorized.h"
#include "address.h"
#include "report.h"
#include "security.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <belay/belay.h>

/* ------------------------------------------------------------------ who comes in */

static void on_log(void *ctx, int level, const struct belay_conn *conn, const char *text)
{
    struct gate *gate = ctx;
    (void)conn;
    if (level <= 2)
        notices_print(&gate->notices, text, belay_now_ns());
}

static bool may_connect(void *ctx, const uint8_t key[KEY_SIZE], const struct sockaddr *addr,
                        int socklen)
{
    struct gate *gate = ctx;
    char peer[ADDRESS_TEXT_MAX], text[KEYTEXT_MAX], line[NOTICES_BYTES_MAX];
    if (authorized_name(gate->authorized, key))
        return true;
    address_format(addr, (socklen_t)socklen, peer);
    keytext_write(KEY_PUBLIC, key, text);
    snprintf(line, sizeof line, "%s: refused a client: its key is not in %.300s: %s", peer,
             gate->security->authorized, text);
    notices_print(&gate->notices, line, belay_now_ns());
    return false;
}

const char *gate_name(const struct gate *gate, const struct belay_conn *conn)
{
    const uint8_t *key = gate->authorized ? belay_conn_get_peer_key(conn) : NULL;
    return key ? authorized_name(gate->authorized, key) : NULL;
}

/* ------------------------------------------------------------------ what is shown */

static bool is_any(const struct sockaddr_storage *addr)
{
    const struct sockaddr_in *in = (const void *)addr;
    const struct sockaddr_in6 *in6 = (const void *)addr;
    return addr->ss_family == AF_INET ? in->sin_addr.s_addr == htonl(INADDR_ANY)
                                      : IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

/* What a client writes; every address of this host is one that this host itself can use. */
static void client_address(struct belay_endpoint *endpoint, char out[ADDRESS_TEXT_MAX])
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof addr;
    getsockname(belay_endpoint_get_fd(endpoint, 0), (struct sockaddr *)&addr, &len);
    if (is_any(&addr))
        snprintf(out, ADDRESS_TEXT_MAX, "localhost:%u", address_port((struct sockaddr *)&addr));
    else
        address_format((struct sockaddr *)&addr, len, out);
}

void gate_report(const struct gate *gate, struct belay_endpoint *endpoint, const char *client,
                 bool address_last, struct report *report)
{
    const struct security_options *security = gate->security;
    char address[ADDRESS_TEXT_MAX], key[KEYTEXT_MAX];
    char options[SECURITY_OPTIONS_MAX], command[SECURITY_COMMAND_MAX];
    /* Who knows the secret needs no key. */
    bool shows_key = !security->insecure && (security->key || !security->psk);
    bool is_temporary = shows_key && !security->key;
    const char *remark = NULL;
    if (security->insecure)
        remark = "nothing is encrypted: whoever is on the way can read and change it";
    else if (is_temporary)
        remark = "the key is temporary, for this run only: --key FILE is for one that stays";
    client_address(endpoint, address);
    keytext_write(KEY_PUBLIC, belay_endpoint_get_key(endpoint), key);
    security_client_options(security, shows_key ? key : NULL, options);
    if (address_last)
        snprintf(command, sizeof command, "%s%s %s", client, options, address);
    else
        snprintf(command, sizeof command, "%s %s%s", client, address, options);
    report_clients(report, command, shows_key ? key : NULL, is_temporary, remark);
}

/* ------------------------------------------------------------------ life */

static bool read_authorized(struct gate *gate, struct belay_config *config)
{
    char why[KEY_WHY_MAX];
    if (gate->security->authorized == NULL)
        return true;
    gate->authorized = authorized_read(gate->security->authorized, why);
    if (gate->authorized == NULL) {
        fprintf(stderr, "%s: %s\n", gate->program, why);
        return false;
    }
    if (authorized_is_empty(gate->authorized))
        fprintf(stderr, "%s: %s: no key is in it: nobody will be let in\n", gate->program,
                gate->security->authorized);
    config->authorize = may_connect;
    config->authorize_ctx = gate;
    return true;
}

bool gate_open(struct gate *gate, const char *program, const struct security_options *security,
               struct belay_config *config)
{
    *gate = (struct gate){.program = program, .security = security, .keylog = {.fd = -1}};
    notices_init(&gate->notices, stderr, program);
    config->log = on_log;
    config->log_ctx = gate;
    return security_load(program, security, &config->core) && read_authorized(gate, config) &&
           (security->key_log == NULL ||
            keylog_open(&gate->keylog, program, security->key_log));
}

void gate_attach(struct gate *gate, struct belay_endpoint *endpoint)
{
    if (gate->security->key_log)
        belay_endpoint_set_keylog_cb(endpoint, keylog_line, &gate->keylog);
}

void gate_close(struct gate *gate)
{
    notices_finish(&gate->notices);
    keylog_close(&gate->keylog);
    authorized_free(gate->authorized);
}
