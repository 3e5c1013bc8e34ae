/*
 * quote.h - text from the network on a terminal: 'as Python shows it', so that no byte of a
 * peer's can move the cursor or ring the bell.
 */
#ifndef BELAY_APPS_QUOTE_H
#define BELAY_APPS_QUOTE_H

#include <stddef.h>
#include <stdio.h>

/* In single quotes; printable ASCII and valid UTF-8 as they are, \n \r \t \' \\ so, all other
 * bytes as \x1b. */
void quote_print(FILE *out, const void *data, size_t len);

/* Text without quotes: what is no printable ASCII and no valid UTF-8 becomes '?'. At most size
 * bytes with the NUL; a character is not cut in two. Returns out. */
const char *quote_clean(const char *text, char *out, size_t size);

#endif
