/*
 * keyfile.h - a key in a file: one line of keytext.h. Blank lines and lines that begin with #
 * are skipped. A file with a secret in it is its owner's alone (mode 0600), or is not read.
 *
 * Functions give false and a sentence, which begins with the file's name.
 */
#ifndef BELAY_APPS_KEYFILE_H
#define BELAY_APPS_KEYFILE_H

#include "keytext.h"

bool keyfile_read(const char *path, enum key_kind kind, uint8_t key[KEY_SIZE],
                  char why[KEY_WHY_MAX]);

/* With mode 0600; whole, or not at all. A file that is there stays, or is replaced in one step
 * when replace is asked for. */
bool keyfile_write(const char *path, enum key_kind kind, const uint8_t key[KEY_SIZE],
                   bool replace, char why[KEY_WHY_MAX]);

#endif
