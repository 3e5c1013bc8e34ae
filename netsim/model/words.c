#include "netsim/model/words.h"

#include <belay/common.h>

#include <string.h>

#include "netsim/model/extensions.h"

static int fail_unknown(struct netsim_parser *p)
{
    if (p->word[0] == '.')
        return netsim_parser_fail(p, "begins with a point, so tc takes it for a keyword: 0.5",
                                  "");
    if (strcmp(p->word, "at") == 0)
        return netsim_parser_fail(p, "stands behind a `;`", "delay 20ms ; at 5s loss 30%");
    if (strncmp(p->word, "x-", 2) == 0)
        return netsim_parser_fail(p,
                                  "is not a word of this language: x-drop x-blackout x-mtu "
                                  "x-queue x-trace x-fifo x-rebind",
                                  "");
    return netsim_parser_fail(p,
                              "is not a word of this language: limit delay distribution loss "
                              "ecn corrupt duplicate reorder gap rate slot seed",
                              "");
}

static int parse_clauses(struct netsim_parser *p, struct netsim_span seen[NETSIM_CLAUSES])
{
    while (netsim_parser_take(p)) {
        enum netsim_keyword k = netsim_clause_find(p->word);

        if (k == NETSIM_CLAUSES)
            return fail_unknown(p);
        if (netsim_clauses[k].once && seen[k].len > 0)
            return netsim_parser_fail(p, "stands twice: the two would contradict each other",
                                      "");
        seen[k] = p->token;
        if (netsim_clauses[k].take(p) != 0)
            return BELAY_EINVAL;
    }
    return BELAY_OK;
}

static bool has_loss(const struct netsim_words *w)
{
    return w->loss_model != NETSIM_LOSS_NONE &&
           (w->loss_model != NETSIM_LOSS_RANDOM || w->loss > 0);
}

/* What one clause needs of another, as tc(8) demands it; CoDel marks, too. */
static int check_together(struct netsim_parser *p,
                          const struct netsim_span seen[NETSIM_CLAUSES])
{
    struct netsim_words *w = p->words;

    if (w->reorder > 0 && w->delay_ns == 0)
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_REORDER], "reorder needs a delay",
                                     "delay 10ms reorder 25%");
    if (w->reorder == 0 && w->gap > 0)
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_GAP], "gap needs a reorder",
                                     "delay 10ms reorder 25% gap 5");
    if (w->reorder > 0 && w->gap == 0)
        w->gap = 1;
    if (w->ecn && w->line != NETSIM_LINE_CODEL && !has_loss(w))
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_ECN], "ecn needs a loss",
                                     "loss 5% ecn");
    if (w->has_distribution && (w->delay_ns == 0 || w->jitter_ns == 0))
        return netsim_parser_fail_at(p, seen[NETSIM_WORD_DISTRIBUTION],
                                     "distribution needs a delay with jitter",
                                     "delay 20ms 5ms distribution normal");
    return netsim_extensions_check(p, seen);
}

void netsim_words_init(struct netsim_words *words)
{
    *words = (struct netsim_words){.limit = 1000};
}

enum note { NOTE_CORRELATION, NOTE_DUPLICATE_CORR, NOTE_JITTER_CAPPED, NOTE_FIFO_ALONE, NOTES };

static const char *note_text(enum note note)
{
    switch (note) {
    case NOTE_CORRELATION:
        return "correlated draws are narrower than uniform, so netem misses the percentage "
               "that was asked for (the kernel's `loss 10% 25%` loses 1.7 %, `loss 10% 75%` "
               "nothing, `reorder 25% 50%` reorders 7.5 %); for bursts use loss gemodel or "
               "loss state";
    case NOTE_DUPLICATE_CORR:
        return "duplicate's correlation is ignored, as tc ignores it when neither delay nor "
               "loss has one";
    case NOTE_JITTER_CAPPED:
        return "jitter is cut to 2.147483647s, as the kernel does";
    case NOTE_FIFO_ALONE:
        return "x-fifo does nothing without jitter: packets keep their order anyway";
    case NOTES:
        break;
    }
    return NULL;
}

static void take_notes(struct netsim_parser *p)
{
    struct netsim_words *w = p->words;

    if (p->jitter_capped)
        w->notes |= 1u << NOTE_JITTER_CAPPED;
    if (w->duplicate_corr > 0 && !p->has_loss_or_delay_corr) {
        w->duplicate_corr = 0;
        w->notes |= 1u << NOTE_DUPLICATE_CORR;
    }
    if (w->loss_corr > 0 || w->duplicate_corr > 0 || w->corrupt_corr > 0 || w->reorder_corr > 0)
        w->notes |= 1u << NOTE_CORRELATION;
    if (w->fifo && w->jitter_ns == 0)
        w->notes |= 1u << NOTE_FIFO_ALONE;
}

static int check_seed(struct netsim_parser *p, const struct netsim_span seen[NETSIM_CLAUSES],
                      bool is_change)
{
    if (!is_change || !p->words->has_seed)
        return BELAY_OK;
    return netsim_parser_fail_at(p, seen[NETSIM_WORD_SEED],
                                 "seed stands in a stage's first words only", "");
}

int netsim_words_parse_part(struct netsim_words *words, const char *text, size_t at, size_t end,
                            bool is_change, struct netsim_words_error *error)
{
    struct netsim_words_error ignored;
    struct netsim_span seen[NETSIM_CLAUSES] = {{0, 0}}; /* where each stood last */
    struct netsim_parser p = {.text = text,
                              .words = words,
                              .error = error != NULL ? error : &ignored,
                              .next = at,
                              .end = end};

    netsim_words_init(words);
    if (parse_clauses(&p, seen) != 0 || check_together(&p, seen) != 0 ||
        check_seed(&p, seen, is_change) != 0) {
        netsim_words_init(words);
        return BELAY_EINVAL;
    }
    take_notes(&p);
    return BELAY_OK;
}

int netsim_words_parse(struct netsim_words *words, const char *text,
                       struct netsim_words_error *error)
{
    return netsim_words_parse_part(words, text, 0, strlen(text), false, error);
}

const char *netsim_words_extension(const struct netsim_words *w)
{
    if (w->drops > 0)
        return "x-drop";
    if (w->has_blackout)
        return "x-blackout";
    if (w->mtu_bytes > 0)
        return "x-mtu";
    if (w->trace_file[0] != '\0')
        return "x-trace";
    if (w->line != NETSIM_LINE_NONE)
        return "x-queue";
    if (w->fifo)
        return "x-fifo";
    return w->has_rebind ? "x-rebind" : NULL;
}

const char *netsim_words_note(const struct netsim_words *words, unsigned i)
{
    for (unsigned n = 0; n < NOTES; n++)
        if ((words->notes & 1u << n) != 0 && i-- == 0)
            return note_text((enum note)n);
    return NULL;
}

const char *netsim_distribution_name(enum netsim_distribution distribution)
{
    switch (distribution) {
    case NETSIM_NORMAL:
        return "normal";
    case NETSIM_PARETO:
        return "pareto";
    case NETSIM_PARETONORMAL:
        return "paretonormal";
    case NETSIM_FROM_FILE:
        return "from a file";
    case NETSIM_UNIFORM:
        break;
    }
    return "uniform";
}
