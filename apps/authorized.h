/*
 * authorized.h - the clients that a server lets in: a file of public keys, one a line, each
 * with a name behind it; blank lines and lines that begin with # are skipped.
 *
 *     belay-public:VVVl2kPAGtzM9rAFYm4zuwJLh9UXlJBXPHsvJhJSmzI= alice's laptop
 */
#ifndef BELAY_APPS_AUTHORIZED_H
#define BELAY_APPS_AUTHORIZED_H

#include "keytext.h"

struct authorized;

/* NULL and a sentence, which begins with the file's name and the line. */
struct authorized *authorized_read(const char *path, char why[KEY_WHY_MAX]);
void authorized_free(struct authorized *list);

bool authorized_is_empty(const struct authorized *list);

/* Whose key it is; NULL: nobody's. Valid UTF-8 without control characters. */
const char *authorized_name(const struct authorized *list, const uint8_t key[KEY_SIZE]);

#endif
