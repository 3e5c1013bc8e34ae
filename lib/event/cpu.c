#include "event/cpu.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

bool belay_has_fast_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__) && defined(__linux__)
    unsigned long needed = HWCAP_AES | HWCAP_PMULL;

    return (getauxval(AT_HWCAP) & needed) == needed;
#elif defined(__aarch64__) && defined(__APPLE__)
    return true; /* every such machine has them */
#else
    return false;
#endif
}
