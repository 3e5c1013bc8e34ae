/*
 * security.h - the options about keys, of server and client: which go together, what they load.
 *
 *     take ... -> check -> load
 */
#ifndef BELAY_APPS_SECURITY_H
#define BELAY_APPS_SECURITY_H

#include "keytext.h"

struct belay_core_config;
struct program;

/* Keys of their rows in the programs' option tables. */
enum {
    SECURITY_KEY = 512,
    SECURITY_PSK,
    SECURITY_AUTHORIZED,
    SECURITY_SERVER_KEY,
    SECURITY_SERVER_KEY_FILE,
    SECURITY_INSECURE,
    SECURITY_KEY_LOG,
};

struct security_options {
    bool insecure, has_server_key;
    uint8_t server_key[KEY_SIZE];
    const char *key, *psk, *authorized, *server_key_file, *key_log; /* files; NULL: none */
};

/* Takes the option if it is one of these; a --server-key that is none is a usage error. */
void security_take(const struct program *program, struct security_options *options, int key);

/* Usage errors for what does not go together. */
void security_check_server(const struct program *program,
                           const struct security_options *options, bool plain);
void security_check_client(const struct program *program,
                           const struct security_options *options, bool plain);

/* Reads the keys into config, which the caller wipes when the library has copied it. False
 * after printing why. authorized and key_log are left to authorized.h and keylog.h. */
bool security_load(const char *program, const struct security_options *options,
                   struct belay_core_config *config);

/* Does a client with these options know, once connected, who answered? */
bool security_knows_server(const struct security_options *options);
/* What it should be told about that; NULL: nothing. */
const char *security_warning(const struct security_options *options);

#define SECURITY_OPTIONS_MAX 384
#define SECURITY_COMMAND_MAX 512

/* What a client says to a server that was given these options, each with a blank before it;
 * key: the public text, NULL where clients need none. */
void security_client_options(const struct security_options *options, const char *key,
                             char out[SECURITY_OPTIONS_MAX]);

#endif
