/*
 * ini.h - INI files through libinih, with line numbers and with values of any length.
 *
 *     # a comment, ; another        at the beginning of a line, blanks before it or not
 *     key = value
 *     [section]
 *     key = value
 *         that goes on here         indented: joined to the value with a line end
 *
 * A `;` or `#` inside a line is no comment: links have schedules and commands have lists. Text
 * is UTF-8. However libinih was built (lines of 200 bytes, comments inside lines), the result
 * is the same: it is given short lines in which such bytes are hidden.
 */
#ifndef NETSIM_INI_H
#define NETSIM_INI_H

#include <stdbool.h>
#include <stddef.h>

#define NETSIM_INI_SECTION_SIZE 128

/* Each returns false when that was wrong and the reading shall end. Lines count from 1. */
struct netsim_ini_events {
    bool (*section)(void *arg, size_t line, const char *name);
    bool (*value)(void *arg, size_t line, const char *key, const char *value);
    /* The text is no INI; always the last event. text NULL: out of memory. */
    void (*wrong)(void *arg, size_t line, const char *text);
    void *arg;
};

/* true: all of it was read. */
bool netsim_ini_parse(const char *text, size_t len, const struct netsim_ini_events *events);

#endif
