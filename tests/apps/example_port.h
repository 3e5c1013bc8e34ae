/* Put before the README's programs, so that a test can choose their port. */
#include <belay/belay.h>

#include <stdlib.h>

#define example_port() atoi(getenv("EXAMPLE_PORT"))
#define belay_listener_new_any(base, config, accept, ctx, flags, port)                         \
    belay_listener_new_any(base, config, accept, ctx, flags, (unsigned)(example_port()))
#define belay_connect_hostname(base, config, flags, dns, family, host, port)                   \
    belay_connect_hostname(base, config, flags, dns, family, host, example_port())
