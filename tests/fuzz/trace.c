/* Recordings of lines: when their opportunities come, round after round. The first byte: as in
 * plan.c. */
#include "fuzz.h"

#include "netsim/model/trace.h"

#define MS UINT64_C(1000000)

static void check_search(const struct netsim_trace *trace, uint64_t now_ns)
{
    uint64_t n = netsim_trace_after(trace, now_ns);

    FUZZ_CHECK(netsim_trace_time_ns(trace, n) >= now_ns);
    FUZZ_CHECK(n == 0 || netsim_trace_time_ns(trace, n - 1) < now_ns);
}

static void check(const struct netsim_trace *trace)
{
    uint64_t before_ns = 0;

    FUZZ_CHECK(trace->count >= 1 && trace->round_ms >= 1);
    for (uint64_t n = 0; n < 2 * trace->count + 2 && n < 300; n++) {
        uint64_t at_ns = netsim_trace_time_ns(trace, n);

        FUZZ_CHECK(at_ns >= before_ns);
        before_ns = at_ns;
        check_search(trace, at_ns);
        check_search(trace, at_ns + 1);
    }
    check_search(trace, 0);
    check_search(trace, 1000 * trace->round_ms * MS + MS / 2);
    FUZZ_CHECK(netsim_trace_time_ns(trace, UINT64_MAX) == BELAY_NEVER ||
               trace->round_ms < trace->count);
    FUZZ_PLANT(trace->count == 3 && trace->at_ms[1] >= 77);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct netsim_trace *trace;
    struct fuzz_memory memory;
    struct belay_mem mem;
    const char *wrong = NULL;
    uint8_t *text;
    size_t line = 0, lines = 1;

    if (size == 0)
        return 0;
    text = fuzz_copy(data + 1, size - 1);
    fuzz_memory_init(&memory, 64 << 20);
    memory.fail_at = data[0] == 255 ? 0 : data[0] + 1u;
    belay_mem_init(&mem, &memory.hook);
    trace = netsim_trace_parse((const char *)text, size - 1, &mem, &wrong, &line);
    for (size_t i = 1; i < size; i++)
        lines += data[i] == '\n';
    FUZZ_CHECK((trace == NULL) == (wrong != NULL));
    FUZZ_CHECK(trace != NULL || (line >= 1 && line <= lines + 1)); /* may be at the end */
    if (trace != NULL)
        check(trace);
    netsim_trace_free(trace, &mem);
    fuzz_memory_end(&memory);
    free(text);
    return 0;
}
