/* qdisc_dump(): netem's options out of rtnetlink's answer. */
#include "netsim/conformance/qdisc.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/gen_stats.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define PRNG_SEED 14 /* TCA_NETEM_PRNG_SEED, newer than some systems' headers */

struct attribute {
    unsigned type;
    const void *data;
    size_t len;
};

/* The attribute at *at of end bytes, and past it. */
static bool next(const char *data, size_t *at, size_t end, struct attribute *attribute)
{
    struct rtattr header;

    if (*at + sizeof(header) > end)
        return false;
    memcpy(&header, data + *at, sizeof(header));
    if (header.rta_len < sizeof(header) || *at + header.rta_len > end)
        return false;
    attribute->type = header.rta_type & NLA_TYPE_MASK;
    attribute->data = data + *at + RTA_LENGTH(0);
    attribute->len = header.rta_len - RTA_LENGTH(0);
    *at += RTA_ALIGN(header.rta_len);
    return true;
}

static void copy(void *to, size_t size, const struct attribute *attribute)
{
    memset(to, 0, size);
    memcpy(to, attribute->data, attribute->len < size ? attribute->len : size);
}

static void put_u32s(FILE *out, const struct attribute *attribute, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL && 4 * (i + 1) <= attribute->len; i++) {
        uint32_t value;

        memcpy(&value, (const char *)attribute->data + 4 * i, 4);
        fprintf(out, ",\"%s\":%" PRIu32, names[i], value);
    }
}

static void put_loss(FILE *out, const struct attribute *loss)
{
    static const char *const state[] = {"p13", "p31", "p32", "p14", "p23", NULL};
    static const char *const gemodel[] = {"p", "r", "h", "k1", NULL};
    struct attribute model;
    size_t at = 0;

    while (next(loss->data, &at, loss->len, &model))
        put_u32s(out, &model, model.type == NETEM_LOSS_GI ? state : gemodel);
}

static void put_rate(FILE *out, const struct attribute *attribute)
{
    struct tc_netem_rate rate;

    copy(&rate, sizeof(rate), attribute);
    fprintf(out, ",\"rate\":%" PRIu32 ",\"packet_overhead\":%" PRId32, rate.rate,
            rate.packet_overhead);
    fprintf(out, ",\"cell_size\":%" PRIu32 ",\"cell_overhead\":%" PRId32, rate.cell_size,
            rate.cell_overhead);
}

static void put_slot(FILE *out, const struct attribute *attribute)
{
    struct tc_netem_slot slot;

    copy(&slot, sizeof(slot), attribute);
    fprintf(out, ",\"slot_min\":%lld,\"slot_max\":%lld", (long long)slot.min_delay,
            (long long)slot.max_delay);
    fprintf(out, ",\"slot_packets\":%d,\"slot_bytes\":%d", slot.max_packets, slot.max_bytes);
    fprintf(out, ",\"slot_delay\":%lld,\"slot_jitter\":%lld", (long long)slot.dist_delay,
            (long long)slot.dist_jitter);
}

static void put_wide(FILE *out, const char *name, const struct attribute *attribute)
{
    uint64_t value;

    copy(&value, sizeof(value), attribute);
    fprintf(out, ",\"%s\":%" PRIu64, name, value);
}

static void put_attribute(FILE *out, const struct attribute *a)
{
    static const char *const corr[] = {"delay_corr", "loss_corr", "dup_corr", NULL};
    static const char *const reorder[] = {"reorder", "reorder_corr", NULL};
    static const char *const corrupt[] = {"corrupt", "corrupt_corr", NULL};
    static const char *const ecn[] = {"ecn", NULL};

    switch (a->type) {
    case TCA_NETEM_CORR:
        put_u32s(out, a, corr);
        break;
    case TCA_NETEM_REORDER:
        put_u32s(out, a, reorder);
        break;
    case TCA_NETEM_CORRUPT:
        put_u32s(out, a, corrupt);
        break;
    case TCA_NETEM_ECN:
        put_u32s(out, a, ecn);
        break;
    case TCA_NETEM_LOSS:
        put_loss(out, a);
        break;
    case TCA_NETEM_RATE:
        put_rate(out, a);
        break;
    case TCA_NETEM_RATE64:
        put_wide(out, "rate64", a);
        break;
    case TCA_NETEM_LATENCY64:
        put_wide(out, "latency64", a);
        break;
    case TCA_NETEM_JITTER64:
        put_wide(out, "jitter64", a);
        break;
    case PRNG_SEED:
        put_wide(out, "seed", a);
        break;
    case TCA_NETEM_SLOT:
        put_slot(out, a);
        break;
    default:
        break;
    }
}

static void put_options(FILE *out, const struct attribute *options)
{
    struct tc_netem_qopt first;
    struct attribute a;
    size_t at = NLA_ALIGN(sizeof(first));

    copy(&first, sizeof(first), options);
    fprintf(out, "{\"limit\":%" PRIu32 ",\"gap\":%" PRIu32, first.limit, first.gap);
    fprintf(out, ",\"loss\":%" PRIu32 ",\"duplicate\":%" PRIu32, first.loss, first.duplicate);
    fprintf(out, ",\"latency_ticks\":%" PRIu32 ",\"jitter_ticks\":%" PRIu32, first.latency,
            first.jitter);
    while (next(options->data, &at, options->len, &a))
        put_attribute(out, &a);
    fprintf(out, "}");
}

/* How many packets are queued, of a message that tells of netem; else -1. */
static long read_message(const struct nlmsghdr *message, unsigned index, FILE *out)
{
    const char *data = (const char *)NLMSG_DATA(message);
    size_t at = NLMSG_ALIGN(sizeof(struct tcmsg)), end = message->nlmsg_len - NLMSG_HDRLEN;
    struct attribute a, options = {0}, inner;
    struct tc_stats stats = {0};
    struct tcmsg tc;
    bool netem = false;

    memcpy(&tc, data, sizeof(tc));
    if (message->nlmsg_type != RTM_NEWQDISC || (unsigned)tc.tcm_ifindex != index)
        return -1;
    while (next(data, &at, end, &a)) {
        if (a.type == TCA_KIND)
            netem = strncmp(a.data, "netem", a.len) == 0;
        else if (a.type == TCA_OPTIONS)
            options = a;
        else if (a.type == TCA_STATS)
            copy(&stats, sizeof(stats), &a);
    }
    inner = options;
    if (!netem || inner.len == 0)
        return -1;
    if (out != NULL)
        put_options(out, &inner);
    return stats.qlen;
}

static bool ask(int fd, unsigned index)
{
    struct {
        struct nlmsghdr header;
        struct tcmsg tc;
    } request = {{sizeof(request), RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
                 {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)index}};

    return send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
}

long qdisc_dump(unsigned index, FILE *out)
{
    _Alignas(struct nlmsghdr) static char answer[1 << 16];
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool more = fd >= 0 && ask(fd, index);
    long queued = -1;

    while (more) {
        ssize_t len = recv(fd, answer, sizeof(answer), 0);
        struct nlmsghdr *m = (struct nlmsghdr *)answer;

        more = len > 0;
        for (; more && NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
            more = m->nlmsg_type != NLMSG_DONE && m->nlmsg_type != NLMSG_ERROR;
            if (more && queued < 0)
                queued = read_message(m, index, out);
        }
    }
    if (fd >= 0)
        close(fd);
    return queued;
}
