#include "netsim/report/picture.h"

#include <math.h>
#include <string.h>

#include "netsim/report/numbers.h"

#define WIDTH     40 /* columns between sender and receiver */
#define ROWS_MAX  48
#define ROWS_WANT 18
#define LABEL     12 /* fits in the columns that are left */

enum cell { BLANK, FLAT, TWICE, DOWN, CROSS, LOST, FULL, HEAD, CELLS };

static const char *const ascii[CELLS] = {" ", "-", "=", "\\", "+", "X", "Q", ">"};
static const char *const utf8[CELLS] = {" ", "─", "═", "╲", "┼", "✗", "Q", "▶"};

struct canvas {
    unsigned char cell[ROWS_MAX][WIDTH];
    uint64_t owner_sent_ns[ROWS_MAX][WIDTH], owner_ns[ROWS_MAX][WIDTH]; /* of a line */
    char left[ROWS_MAX][LABEL], right[ROWS_MAX][LABEL];
    uint64_t start_ns, row_ns;
    unsigned rows;
};

/* 1, 2 or 5 times a power of ten, at least ns. */
static uint64_t round_up(double ns)
{
    uint64_t unit = 1;

    while (10 * (double)unit < ns)
        unit *= 10;
    if ((double)unit >= ns)
        return unit;
    return (double)(2 * unit) >= ns   ? 2 * unit
           : (double)(5 * unit) >= ns ? 5 * unit
                                      : 10 * unit;
}

static uint64_t last_of(const struct netsim_trip *trip)
{
    uint64_t last = trip->sent_ns;

    for (unsigned i = 0; i < trip->arrivals; i++)
        last = trip->arrival[i].t_ns > last ? trip->arrival[i].t_ns : last;
    return last;
}

static unsigned row_of(const struct canvas *c, uint64_t t_ns)
{
    uint64_t row = (t_ns - c->start_ns + c->row_ns / 2) / c->row_ns;

    return row < ROWS_MAX ? (unsigned)row : ROWS_MAX - 1;
}

/* A packet's way: sent and arrived. */
struct way {
    uint64_t sent_ns, arrived_ns;
};

/* Lines of packets that keep their order may share a cell for want of room; only one that
 * overtakes crosses. A packet's second copy doubles its line. */
static enum cell meet(const struct canvas *c, unsigned row, unsigned column, enum cell cell,
                      const struct way *way)
{
    enum cell there = c->cell[row][column];
    bool same = c->owner_sent_ns[row][column] == way->sent_ns;

    if (there == BLANK || cell >= LOST)
        return cell;
    if (there >= CROSS)
        return there;
    if (same)
        return there == DOWN || cell == DOWN ? DOWN : TWICE;
    return c->owner_ns[row][column] > way->arrived_ns ? CROSS : there;
}

static void put(struct canvas *c, unsigned row, unsigned column, enum cell cell,
                const struct way *way)
{
    enum cell met = meet(c, row, column, cell, way);

    if (met != CROSS && met != (enum cell)c->cell[row][column]) {
        c->owner_sent_ns[row][column] = way->sent_ns;
        c->owner_ns[row][column] = way->arrived_ns;
    }
    c->cell[row][column] = (unsigned char)met;
}

/* From the sender to the receiver, as far as column `end`. */
static void draw_line(struct canvas *c, const struct way *way, unsigned end)
{
    unsigned from = row_of(c, way->sent_ns), row = from;
    double slope = ((double)row_of(c, way->arrived_ns) - from) / WIDTH;

    for (unsigned x = 0; x < end; x++) {
        unsigned next = from + (unsigned)lrint(slope * (x + 1));

        put(c, row, x, next > row ? DOWN : FLAT, way);
        row = next;
    }
}

static void add_label(char label[LABEL], size_t id, const char *sign)
{
    char one[LABEL];
    size_t len = strlen(label);

    snprintf(one, sizeof(one), "%s%zu%s", len > 0 ? " " : "", id, sign);
    if (len + strlen(one) < LABEL - 3)
        memcpy(label + len, one, strlen(one) + 1);
    else if (strstr(label, "..") == NULL)
        memcpy(label + len, "..", 3);
}

/* The first in a row stands for all that are sent in it. */
static void add_sent(struct canvas *c, unsigned row, size_t id)
{
    if (c->left[row][0] == '\0')
        snprintf(c->left[row], LABEL, "%zu", id);
    else if (strchr(c->left[row], '.') == NULL)
        memcpy(c->left[row] + strlen(c->left[row]), "..", 3);
}

/* A packet that does not arrive gets as far as the middle; at a full queue not even that. */
static void draw_drop(struct canvas *c, const struct netsim_trip *trip, uint64_t mean_ns)
{
    bool full = netsim_picture_mark(trip) == 'Q';
    struct way way = {trip->sent_ns, trip->sent_ns + mean_ns};
    unsigned from = row_of(c, way.sent_ns), to = row_of(c, way.arrived_ns);
    unsigned end = full ? WIDTH / 8 : WIDTH / 2;

    draw_line(c, &way, end);
    put(c, from + (unsigned)lrint((double)(to - from) / WIDTH * end), end, full ? FULL : LOST,
        &way);
}

static void draw_trip(struct canvas *c, const struct netsim_trip *trip, size_t id,
                      uint64_t mean_ns)
{
    add_sent(c, row_of(c, trip->sent_ns), id);
    if (trip->arrivals == 0)
        draw_drop(c, trip, mean_ns);
    for (unsigned i = 0; i < trip->arrivals; i++) {
        const struct netsim_arrival *arrival = &trip->arrival[i];
        struct way way = {trip->sent_ns, arrival->t_ns};
        unsigned to = row_of(c, arrival->t_ns);

        draw_line(c, &way, WIDTH);
        put(c, to, WIDTH - 1, HEAD, &way);
        add_label(c->right[to], id, arrival->corrupt ? "#" : arrival->ce ? " CE" : "");
    }
}

/* How long the others take, for the slant of what is lost. */
static uint64_t mean_way(const struct netsim_trip *trip, size_t count)
{
    uint64_t sum = 0, n = 0;

    for (size_t i = 0; i < count; i++)
        if (trip[i].arrivals > 0) {
            sum += trip[i].arrival[0].t_ns - trip[i].sent_ns;
            n++;
        }
    return n > 0 ? sum / n : 0;
}

static void print(FILE *out, const struct canvas *c, const char *const cells[CELLS])
{
    fprintf(out, "  %9s  %-5s%*s\n", "", "sent", WIDTH + 8, "arrives");
    for (unsigned y = 0; y < c->rows; y++) {
        bool told = c->left[y][0] != '\0' || c->right[y][0] != '\0';

        fprintf(out, "  %9s %5s |",
                told ? netsim_say_time((double)(y * c->row_ns + c->start_ns)).text : "",
                c->left[y]);
        for (unsigned x = 0; x < WIDTH; x++)
            fputs(cells[c->cell[y][x]], out);
        fprintf(out, "|%s%s\n", c->right[y][0] != '\0' ? " " : "", c->right[y]);
    }
}

/* A row for each packet that is sent, where that is neither too many nor too few. */
static uint64_t choose_row(uint64_t span, uint64_t gap, uint64_t way)
{
    uint64_t row = round_up((double)span / ROWS_WANT);

    if (gap == 0 || span / gap > ROWS_MAX - 14)
        return row;
    return way > 0 && way < 2 * gap ? (gap + 1) / 2 : gap;
}

void netsim_picture_ladder(FILE *out, const struct netsim_trips *trips, size_t first,
                           size_t count, bool use_utf8)
{
    const struct netsim_trip *trip = &trips->trip[first];
    struct canvas c = {.start_ns = trip->sent_ns};
    uint64_t end = c.start_ns + 1, way = mean_way(trip, count);

    for (size_t i = 0; i < count; i++)
        end = last_of(&trip[i]) > end ? last_of(&trip[i]) : end;
    if (end < trip[count - 1].sent_ns + way / 2)
        end = trip[count - 1].sent_ns + way / 2;
    c.row_ns =
        choose_row(end - c.start_ns, count > 1 ? trip[1].sent_ns - trip[0].sent_ns : 0, way);
    for (size_t i = 0; i < count; i++)
        draw_trip(&c, &trip[i], first + i, way);
    c.rows = row_of(&c, end) + 1;
    print(out, &c, use_utf8 ? utf8 : ascii);
}
