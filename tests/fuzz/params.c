/* Transport parameters. */
#include "fuzz.h"

#include "wire/packet.h"

/* As docs/protocol.md has them. */
static void check_ranges(const struct belay_transport_params *params)
{
    FUZZ_CHECK(params->datagram_size >= 1200 && params->datagram_size <= 65507);
    FUZZ_CHECK(params->message_size <= 1u << 30);
    FUZZ_CHECK(params->max_data >= (uint64_t)params->message_size + 64);
    FUZZ_CHECK(params->max_messages >= 1 && params->max_messages <= 1u << 20);
    FUZZ_CHECK(params->channels >= 1 && params->channels <= 65536);
    FUZZ_CHECK(params->ack_delay_us <= 1u << 24);
    FUZZ_CHECK(params->idle_timeout_ms <= UINT64_C(1) << 32);
    FUZZ_CHECK(params->aeads_count <= BELAY_AEADS_MAX);
}

static void check_built(const struct belay_transport_params *params)
{
    struct belay_transport_params again;
    uint8_t built[256];
    const char *why;
    size_t len = belay_transport_params_build(params, built, sizeof(built));

    FUZZ_CHECK(len > 0);
    FUZZ_CHECK(belay_transport_params_parse(&again, built, len, &why) == 0);
    FUZZ_CHECK(memcmp(&again, params, sizeof(again)) == 0); /* init clears all of it */
    FUZZ_CHECK(belay_transport_params_build(params, built, len - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_transport_params params;
    const char *why = NULL;

    if (belay_transport_params_parse(&params, data, size, &why) != 0) {
        FUZZ_CHECK(why != NULL && why[0] != '\0');
        return 0;
    }
    check_ranges(&params);
    check_built(&params);
    FUZZ_PLANT(params.channels < 64 && params.ack_delay_us < 64);
    return 0;
}
