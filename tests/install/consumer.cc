// The headers are C++ headers, too.
#include <belay/belay.h>
#include <belay/core.h>

#include <cstdio>
#include <cstring>

int main()
{
    belay_config config;
    belay_config_init(&config);
    if (belay_core_config_check(&config.core) != nullptr)
        return 1;
    std::printf("belay %s: %s\n", belay_version(), belay_strerror(BELAY_EAGAIN));
    return std::strlen(belay_version()) == 0;
}
