/* cpu.h - what of this machine decides between ciphers. */
#ifndef BELAY_EVENT_CPU_H
#define BELAY_EVENT_CPU_H

#include <stdbool.h>

/* AES and carry-less multiplication in hardware: without them AES-GCM is slow. */
bool belay_has_fast_aes(void);

#endif
