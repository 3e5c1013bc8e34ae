#include "netsim/model/clauses.h"

#include <belay/common.h>

#include <string.h>

#include "netsim/model/extensions.h"
#include "netsim/model/units.h"

#define OVERHEAD_MAX (1 << 20) /* bytes; a line's overheads are tens */
#define JITTER_MAX   INT64_C(2147483647)

/* The kernel's arithmetic takes 31 bits of jitter, and cuts what is more. */
static void cap_jitter(struct netsim_parser *p, int64_t *jitter_ns)
{
    if (*jitter_ns <= JITTER_MAX)
        return;
    *jitter_ns = JITTER_MAX;
    p->jitter_capped = true;
}

static int take_limit(struct netsim_parser *p)
{
    return netsim_parser_take_size(p, &p->words->limit, "limit's number of packets",
                                   "limit 1000");
}

static int take_delay(struct netsim_parser *p)
{
    static const char hint[] = "delay 20ms 5ms 25%";
    struct netsim_words *w = p->words;

    if (netsim_parser_take_time(p, &w->delay_ns, "delay's time", hint) != 0)
        return BELAY_EINVAL;
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    if (netsim_parser_take_time(p, &w->jitter_ns, "jitter", hint) != 0)
        return BELAY_EINVAL;
    cap_jitter(p, &w->jitter_ns);
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    p->has_loss_or_delay_corr = true;
    return netsim_parser_take_percent(p, &w->delay_corr, "correlation", hint);
}

static int take_loss_random(struct netsim_parser *p)
{
    static const char hint[] = "loss 5%";

    p->words->loss_model = NETSIM_LOSS_RANDOM;
    if (netsim_parser_take_percent(p, &p->words->loss, "loss's percentage", hint) != 0)
        return BELAY_EINVAL;
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    p->has_loss_or_delay_corr = true;
    return netsim_parser_take_percent(p, &p->words->loss_corr, "correlation", hint);
}

static int take_loss_state(struct netsim_parser *p)
{
    static const char hint[] = "loss state 1% 25%";
    struct netsim_words *w = p->words;
    uint32_t *rest[] = {&w->p31, &w->p32, &w->p23, &w->p14};
    double p13;

    w->loss_model = NETSIM_LOSS_STATE;
    if (netsim_parser_take_share(p, &p13, "p13", hint) != 0)
        return BELAY_EINVAL;
    w->p13 = netsim_share_to_u32(p13);
    w->p31 = netsim_share_to_u32(1 - p13);
    w->p32 = 0;
    w->p23 = UINT32_MAX;
    w->p14 = 0;
    for (size_t i = 0; i < 4 && netsim_parser_next_is_number(p); i++)
        if (netsim_parser_take_percent(p, rest[i], "a probability", hint) != 0)
            return BELAY_EINVAL;
    return BELAY_OK;
}

static int take_loss_gemodel(struct netsim_parser *p)
{
    static const char hint[] = "loss gemodel 1% 25%";
    struct netsim_words *w = p->words;
    double share, one_minus_h = 1;

    w->loss_model = NETSIM_LOSS_GEMODEL;
    if (netsim_parser_take_share(p, &share, "p", hint) != 0)
        return BELAY_EINVAL;
    w->ge_p = netsim_share_to_u32(share);
    w->ge_r = netsim_share_to_u32(1 - share);
    w->ge_h = w->ge_1k = 0;
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    if (netsim_parser_take_percent(p, &w->ge_r, "r", hint) != 0)
        return BELAY_EINVAL;
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    if (netsim_parser_take_share(p, &one_minus_h, "1-h", hint) != 0)
        return BELAY_EINVAL;
    w->ge_h = netsim_share_to_u32(1 - one_minus_h);
    return netsim_parser_next_is_number(p)
               ? netsim_parser_take_percent(p, &w->ge_1k, "1-k", hint)
               : BELAY_OK;
}

static int take_loss(struct netsim_parser *p)
{
    if (p->words->loss_model != NETSIM_LOSS_NONE)
        return netsim_parser_fail(p, "is a second loss: a link has one loss model", "loss 5%");
    if (netsim_parser_next_is_number(p))
        return take_loss_random(p);
    if (netsim_parser_need(p, "loss's percentage or model", "loss 5%") != 0)
        return BELAY_EINVAL;
    if (strcmp(p->word, "random") == 0)
        return take_loss_random(p);
    if (strcmp(p->word, "state") == 0)
        return take_loss_state(p);
    if (strcmp(p->word, "gemodel") == 0)
        return take_loss_gemodel(p);
    return netsim_parser_fail(p, "is neither a percentage nor random, state or gemodel",
                              "loss 5%");
}

static int take_ecn(struct netsim_parser *p)
{
    p->words->ecn = true;
    return BELAY_OK;
}

static int take_percent_pair(struct netsim_parser *p, uint32_t *percent, uint32_t *corr,
                             const char *what, const char *hint)
{
    if (netsim_parser_take_percent(p, percent, what, hint) != 0)
        return BELAY_EINVAL;
    return netsim_parser_next_is_number(p)
               ? netsim_parser_take_percent(p, corr, "correlation", hint)
               : BELAY_OK;
}

static int take_reorder(struct netsim_parser *p)
{
    return take_percent_pair(p, &p->words->reorder, &p->words->reorder_corr,
                             "reorder's percentage", "delay 10ms reorder 25%");
}

static int take_corrupt(struct netsim_parser *p)
{
    return take_percent_pair(p, &p->words->corrupt, &p->words->corrupt_corr,
                             "corrupt's percentage", "corrupt 1%");
}

static int take_duplicate(struct netsim_parser *p)
{
    return take_percent_pair(p, &p->words->duplicate, &p->words->duplicate_corr,
                             "duplicate's percentage", "duplicate 1%");
}

static int take_gap(struct netsim_parser *p)
{
    return netsim_parser_take_u32(p, &p->words->gap, "gap's number of packets",
                                  "delay 10ms reorder 25% gap 5");
}

/* A word of the language where a file's name should be: the name was forgotten. */
static bool is_keyword(const char *word)
{
    enum netsim_keyword k = netsim_clause_find(word);

    return k != NETSIM_CLAUSES && strcmp(word, netsim_clauses[k].name) == 0;
}

static bool has_control_byte(const char *text, struct netsim_span span)
{
    for (size_t i = span.at; i < span.at + span.len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return true;
    return false;
}

int netsim_clause_take_file(struct netsim_parser *p, char file[NETSIM_FILE_SIZE],
                            const char *what, const char *hint)
{
    if (netsim_parser_need(p, what, hint) != 0)
        return BELAY_EINVAL;
    if (is_keyword(p->word))
        return netsim_parser_fail(p, "stands where a name should be; a file called so: with ./",
                                  hint);
    if (p->token.len >= NETSIM_FILE_SIZE)
        return netsim_parser_fail(p, "is too long for a file's name: at most 255 bytes", hint);
    if (has_control_byte(p->text, p->token) ||
        memchr(p->text + p->token.at, '|', p->token.len) != NULL ||
        memchr(p->text + p->token.at, ';', p->token.len) != NULL)
        return netsim_parser_fail(p, "has a byte that no file's name here can have", hint);
    memcpy(file, p->text + p->token.at, p->token.len);
    file[p->token.len] = '\0';
    return BELAY_OK;
}

/* One of the four that need no file, else a file's name. */
static int take_distribution_name(struct netsim_parser *p,
                                  enum netsim_distribution *distribution,
                                  char file[NETSIM_FILE_SIZE], const char *hint)
{
    bool is_number = netsim_parser_next_is_number(p);

    if (netsim_clause_take_file(p, file, "distribution's name", hint) != 0)
        return BELAY_EINVAL;
    if (is_number && strchr(file, '/') == NULL)
        return netsim_parser_fail(
            p, "is none of uniform, normal, pareto, paretonormal, and no file's name", hint);
    *distribution = NETSIM_FROM_FILE;
    for (unsigned i = NETSIM_UNIFORM; i <= NETSIM_PARETONORMAL; i++)
        if (strcmp(file, netsim_distribution_name((enum netsim_distribution)i)) == 0) {
            *distribution = (enum netsim_distribution)i;
            file[0] = '\0';
        }
    return BELAY_OK;
}

static int take_distribution(struct netsim_parser *p)
{
    struct netsim_words *w = p->words;

    w->has_distribution = true;
    return take_distribution_name(p, &w->distribution, w->distribution_file,
                                  "delay 20ms 5ms distribution normal");
}

static int take_overhead(struct netsim_parser *p, int32_t *value, const char *hint)
{
    const char *wrong;

    if (!netsim_parser_take(p))
        return BELAY_OK;
    wrong = netsim_parse_signed(p->word, OVERHEAD_MAX, value);
    return wrong == NULL ? BELAY_OK : netsim_parser_fail(p, wrong, hint);
}

static int take_rate(struct netsim_parser *p)
{
    static const char hint[] = "rate 10mbit 20 48 5";
    struct netsim_words *w = p->words;
    const char *wrong;
    int32_t cell = 0;

    if (netsim_parser_need(p, "rate's bits a second", hint) != 0)
        return BELAY_EINVAL;
    wrong = netsim_parse_rate(p->word, &w->rate_bytes_per_s);
    if (wrong != NULL)
        return netsim_parser_fail(p, wrong, hint);
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    if (take_overhead(p, &w->packet_overhead_bytes, hint) != 0)
        return BELAY_EINVAL;
    if (!netsim_parser_next_is_number(p))
        return BELAY_OK;
    if (take_overhead(p, &cell, hint) != 0)
        return BELAY_EINVAL;
    if (cell < 0)
        return netsim_parser_fail(p, "must not be negative", hint);
    w->cell_bytes = (uint32_t)cell;
    return netsim_parser_next_is_number(p) ? take_overhead(p, &w->cell_overhead_bytes, hint)
                                           : BELAY_OK;
}

/* As tc takes them: shortened or not, packets before bytes. */
static bool next_begins(const struct netsim_parser *p, const char *word)
{
    struct netsim_span next = netsim_parser_peek(p);

    return next.len > 0 && strncmp(p->text + next.at, word, next.len) == 0;
}

static int take_slot_bounds(struct netsim_parser *p)
{
    static const char hint[] = "slot 10ms 20ms packets 8 bytes 16k";
    struct netsim_words *w = p->words;

    if (next_begins(p, "packets")) {
        netsim_parser_take(p);
        if (netsim_parser_take_u32(p, &w->slot_packets, "slot's number of packets", hint) != 0)
            return BELAY_EINVAL;
        if (w->slot_packets > INT32_MAX)
            return netsim_parser_fail(p, "is too large", hint);
    }
    if (next_begins(p, "bytes")) {
        netsim_parser_take(p);
        if (netsim_parser_take_size(p, &w->slot_bytes, "slot's number of bytes", hint) != 0)
            return BELAY_EINVAL;
        if (next_begins(p, "packets") && netsim_parser_take(p))
            return netsim_parser_fail(p, "stands before bytes, as tc has it", hint);
    }
    return BELAY_OK;
}

static int take_slot(struct netsim_parser *p)
{
    static const char hint[] = "slot 10ms 20ms", by[] = "slot distribution normal 10ms 2ms";
    struct netsim_words *w = p->words;

    w->has_slot = true;
    w->slot_has_distribution = netsim_parser_next_is(p, "distribution");
    w->slot_distribution_file[0] = '\0';
    if (w->slot_has_distribution) {
        netsim_parser_take(p);
        if (take_distribution_name(p, &w->slot_distribution, w->slot_distribution_file, by) !=
                0 ||
            netsim_parser_take_time(p, &w->slot_delay_ns, "slot's delay", by) != 0 ||
            netsim_parser_take_time(p, &w->slot_jitter_ns, "slot's jitter", by) != 0)
            return BELAY_EINVAL;
        if (w->slot_jitter_ns == 0)
            return netsim_parser_fail(p, "is no jitter: slot's must be above 0", by);
        cap_jitter(p, &w->slot_jitter_ns);
        return take_slot_bounds(p);
    }
    if (netsim_parser_take_time(p, &w->slot_min_ns, "slot's shortest time", hint) != 0)
        return BELAY_EINVAL;
    w->slot_max_ns = w->slot_min_ns;
    if (netsim_parser_next_is_number(p) &&
        netsim_parser_take_time(p, &w->slot_max_ns, "slot's longest time", hint) != 0)
        return BELAY_EINVAL;
    if (w->slot_max_ns < w->slot_min_ns)
        return netsim_parser_fail(p, "is shorter than slot's shortest time", hint);
    return take_slot_bounds(p);
}

static int take_seed(struct netsim_parser *p)
{
    const char *wrong;

    if (netsim_parser_need(p, "seed's number", "seed 42") != 0)
        return BELAY_EINVAL;
    wrong = p->word[0] == '0' && (p->word[1] | 0x20) == 'x'
                ? "is not a decimal number, which tc wants here"
                : netsim_parse_u64(p->word, &p->words->seed);
    if (wrong != NULL)
        return netsim_parser_fail(p, wrong, "seed 42");
    p->words->has_seed = true;
    return BELAY_OK;
}

/* In the order of enum netsim_keyword, which is tc's. */
const struct netsim_clause netsim_clauses[NETSIM_CLAUSES] = {
    [NETSIM_WORD_LIMIT] = {"limit", false, false, take_limit},
    [NETSIM_WORD_LATENCY] = {"latency", false, false, take_delay},
    [NETSIM_WORD_DELAY] = {"delay", false, false, take_delay},
    [NETSIM_WORD_LOSS] = {"loss", false, false, take_loss},
    [NETSIM_WORD_DROP] = {"drop", false, false, take_loss},
    [NETSIM_WORD_ECN] = {"ecn", false, false, take_ecn},
    [NETSIM_WORD_REORDER] = {"reorder", false, false, take_reorder},
    [NETSIM_WORD_CORRUPT] = {"corrupt", false, false, take_corrupt},
    [NETSIM_WORD_GAP] = {"gap", false, false, take_gap},
    [NETSIM_WORD_DUPLICATE] = {"duplicate", false, false, take_duplicate},
    [NETSIM_WORD_DISTRIBUTION] = {"distribution", false, false, take_distribution},
    [NETSIM_WORD_RATE] = {"rate", false, false, take_rate},
    [NETSIM_WORD_SEED] = {"seed", false, false, take_seed},
    [NETSIM_WORD_SLOT] = {"slot", false, false, take_slot},
    [NETSIM_WORD_X_DROP] = {"x-drop", true, true, netsim_take_x_drop},
    [NETSIM_WORD_X_BLACKOUT] = {"x-blackout", true, true, netsim_take_x_blackout},
    [NETSIM_WORD_X_MTU] = {"x-mtu", true, true, netsim_take_x_mtu},
    [NETSIM_WORD_X_QUEUE] = {"x-queue", true, true, netsim_take_x_queue},
    [NETSIM_WORD_X_TRACE] = {"x-trace", true, true, netsim_take_x_trace},
    [NETSIM_WORD_X_FIFO] = {"x-fifo", true, true, netsim_take_x_fifo},
    [NETSIM_WORD_X_REBIND] = {"x-rebind", true, true, netsim_take_x_rebind},
};

enum netsim_keyword netsim_clause_find(const char *word)
{
    unsigned k = 0;

    for (; k < NETSIM_CLAUSES; k++) {
        const struct netsim_clause *clause = &netsim_clauses[k];

        if (clause->whole ? strcmp(word, clause->name) == 0
                          : strncmp(word, clause->name, strlen(word)) == 0)
            break;
    }
    return (enum netsim_keyword)k;
}
