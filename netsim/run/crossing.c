#include "netsim/run/crossing.h"

#include "netsim/run/run.h"

static void say(const struct netsim_crossing *crossing, char *why, size_t size)
{
    if (crossing->has_in && crossing->out_in > 0)
        snprintf(why, size,
                 "no packet crossed the link: it lost or held all %" PRIu64
                 " that the client sent",
                 crossing->out_in);
    else
        snprintf(why, size, "no packet crossed the link: does the client call $NETSIM_SERVER?");
}

int netsim_crossing_judge(const struct netsim_crossing *crossing, int code, char *why,
                          size_t size)
{
    if (crossing->out > 0 || code == NETSIM_EXIT_NOT_RUN || code == NETSIM_EXIT_NOT_FOUND)
        return code;
    if (why[0] == '\0')
        say(crossing, why, size);
    return code != 0 ? code : NETSIM_EXIT_RUN;
}

void netsim_crossing_print(const struct netsim_crossing *crossing, const char *backend,
                           uint64_t seed, FILE *out)
{
    fprintf(out, "belay-netsim: %s, seed %" PRIu64 ": out %" PRIu64 " packets", backend, seed,
            crossing->out);
    if (crossing->has_in)
        fprintf(out, " (%" PRIu64 " came in)", crossing->out_in);
    fprintf(out, ", back %" PRIu64, crossing->back);
    if (crossing->has_in)
        fprintf(out, " (%" PRIu64 " came in)", crossing->back_in);
    fputc('\n', out);
}
