#include "sim/sim.h"
#include "support/plain.h"

/* ------------------------------------------------------------------ packets */

struct sim_packet *sim_packet_new(struct sim *sim)
{
    struct sim_packet *packet = calloc(1, sizeof(*packet));
    if (packet == NULL)
        abort();
    packet->refs = 1;
    packet->id = sim->next_packet_id++;
    packet->sent_ns = sim->now_ns;
    return packet;
}

void sim_packet_unref(struct sim_packet *packet)
{
    if (packet == NULL || --packet->refs > 0)
        return;
    free(packet->bytes);
    free(packet->frames);
    free(packet);
}

/* ------------------------------------------------------------------ links */

static void drain(struct sim_link *link)
{
    struct netsim_delivery d;
    while (link->model != NULL && netsim_link_receive(link->model, BELAY_NEVER, &d))
        if (d.last)
            sim_packet_unref(d.user);
}

static void parse(struct netsim_words *words, const char *text)
{
    struct netsim_words_error error;
    if (netsim_words_parse(words, text, &error) == 0)
        return;
    fprintf(stderr, "link '%s': at %zu: %s %s\n", text, error.at, error.text, error.hint);
    sim_stop();
}

static struct sim_link **slot_of(struct sim_host *from, struct sim_host *to)
{
    if (to->index >= from->link_count) {
        size_t count = to->index + 8;
        from->links = realloc(from->links, count * sizeof(struct sim_link *));
        if (from->links == NULL)
            abort();
        for (; from->link_count < count; from->link_count++)
            from->links[from->link_count] = NULL;
    }
    return &from->links[to->index];
}

struct sim_link *sim_link(struct sim_host *from, struct sim_host *to, const char *text)
{
    const struct belay_memory memory = {plain_resize, NULL};
    struct sim_link **slot = slot_of(from, to);
    struct sim_link *link = *slot;
    struct netsim_words words;

    parse(&words, text);
    if (link == NULL) {
        link = *slot = calloc(1, sizeof(*link));
        *link = (struct sim_link){.sim = from->sim, .from = from, .to = to};
        link->node.kind = SIM_NODE_LINK;
    }
    drain(link);
    netsim_link_free(link->model);
    link->mtu_bytes = words.mtu_bytes;
    link->model = netsim_link_new(&words, test_random_u64(&from->sim->random), &memory);
    belay_heap_set(&from->sim->heap, &link->node.heap, BELAY_NEVER);
    return link;
}

struct sim_link *sim_link_of(struct sim_host *from, struct sim_host *to)
{
    struct sim_link *link = *slot_of(from, to);
    return link != NULL ? link : sim_link(from, to, "delay 10ms limit 100000");
}

void sim_filter_set(struct sim_host *from, struct sim_host *to, sim_filter *filter, void *ctx)
{
    struct sim_link *link = sim_link_of(from, to);
    link->filter = filter;
    link->filter_ctx = ctx;
}

void sim_link_free(struct sim_link *link)
{
    if (link == NULL)
        return;
    drain(link);
    netsim_link_free(link->model);
    free(link);
}

/* ------------------------------------------------------------------ in */

/* Why it does not even come to the model; NULL: it does. */
static const char *refused_by(const struct sim_link *link, const struct sim_packet *packet)
{
    if (link->down)
        return "blackout";
    if (link->filter != NULL && link->filter(link->filter_ctx, packet))
        return "filter";
    if (link->mtu_bytes > 0 && packet->len + SIM_HEADER_BYTES > link->mtu_bytes)
        return "mtu";
    return NULL;
}

static void lose(struct sim_link *link, struct sim_packet *packet, const char *why)
{
    packet->lost = why;
    if (packet->copies == 0 && packet->arrived == 0)
        sim_note_lost(link->sim, packet, why);
}

void sim_link_send(struct sim_link *link, struct sim_packet *packet)
{
    struct netsim_packet given = {.id = packet->id,
                                  .len = (uint32_t)(packet->len + SIM_HEADER_BYTES),
                                  .ect = packet->ecn != 0,
                                  .user = packet};
    struct netsim_fate fate;
    const char *why;

    link->packets++;
    sim_ladder_add(link->sim, packet);
    why = refused_by(link, packet);
    if (why != NULL) {
        lose(link, packet, why);
        sim_packet_unref(packet);
        return;
    }
    fate = netsim_link_send(link->model, &given, link->sim->now_ns);
    packet->copies = fate.queued;
    packet->duplicated = fate.queued + fate.dropped == 2;
    link->sim->counts.of[SIM_COUNT_PACKET_DUPLICATED] += fate.queued == 2;
    for (unsigned i = 0; i < fate.dropped; i++)
        lose(link, packet, netsim_why_name(fate.drops[i].why));
    if (fate.queued == 0)
        sim_packet_unref(packet);
    belay_heap_set(&link->sim->heap, &link->node.heap, netsim_link_deadline(link->model));
}

/* ------------------------------------------------------------------ out */

/* One or more datagrams that are handed to a host together. */
struct batch {
    struct sim_packet *packets[16];
    size_t count, len, segment_size, last_len;
    unsigned ecn;
    uint8_t *bytes;
};

static void flush(struct sim_link *link, struct batch *batch)
{
    if (batch->count == 0)
        return;
    link->sim->counts.of[SIM_COUNT_TRAIN_RECEIVED] += batch->count > 1;
    sim_host_receive(link->to, batch->packets, batch->count, batch->bytes, batch->len,
                     batch->count > 1 ? batch->segment_size : 0, batch->ecn);
    free(batch->bytes);
    for (size_t i = 0; i < batch->count; i++)
        sim_packet_unref(batch->packets[i]);
    memset(batch, 0, sizeof(*batch));
}

static bool goes_with(const struct sim_link *link, const struct batch *batch,
                      const struct sim_packet *packet, size_t len, unsigned ecn)
{
    const struct sim_packet *first = batch->packets[0];
    return link->to->coalesce && batch->count > 0 && batch->count < 16 &&
           first->conn == packet->conn && batch->ecn == ecn && len <= batch->segment_size &&
           batch->last_len == batch->segment_size &&
           memcmp(&first->from_address, &packet->from_address, sizeof(packet->from_address)) ==
               0 &&
           memcmp(&first->to_address, &packet->to_address, sizeof(packet->to_address)) == 0;
}

/* Appends; the bytes stand in memory of exactly their length. */
static uint8_t *append(struct batch *batch, struct sim_packet *packet, size_t len, unsigned ecn)
{
    uint8_t *bytes = malloc(batch->len + len > 0 ? batch->len + len : 1);

    if (batch->count == 0)
        batch->segment_size = len;
    if (batch->len > 0)
        memcpy(bytes, batch->bytes, batch->len);
    memcpy(bytes + batch->len, packet->bytes, len);
    free(batch->bytes);
    batch->bytes = bytes;
    batch->len += len;
    batch->last_len = len;
    batch->ecn = ecn;
    packet->refs++;
    batch->packets[batch->count++] = packet;
    return bytes + batch->len - len;
}

/* False: the damage is in a header, which the kernel of the host notices. */
static bool damage(const struct netsim_delivery *d, uint8_t *bytes, size_t len)
{
    uint64_t byte;
    if (d->corrupt_bit < 0)
        return true;
    byte = (uint64_t)d->corrupt_bit / 8;
    if (byte < SIM_HEADER_BYTES || byte - SIM_HEADER_BYTES >= len)
        return false;
    bytes[byte - SIM_HEADER_BYTES] ^= (uint8_t)(1u << d->corrupt_bit % 8);
    return true;
}

static size_t cut(struct sim_link *link, size_t len)
{
    struct sim *sim = link->sim;
    if (link->truncate_permille == 0 ||
        test_random_below(&sim->random, 1000) >= link->truncate_permille)
        return len;
    sim->counts.of[SIM_COUNT_PACKET_TRUNCATED]++;
    return (size_t)test_random_below(&sim->random, len);
}

static bool is_forgotten(const struct sim_host *host, const struct belay_address *to)
{
    struct belay_address now = sim_address_outside(host, sim_socket_of(to));
    return memcmp(&now, to, sizeof(now)) != 0;
}

static void arrive(struct sim_link *link, struct batch *batch, const struct netsim_delivery *d)
{
    struct sim *sim = link->sim;
    struct sim_packet *packet = d->user;
    unsigned ecn = d->ce ? 3 : packet->ecn;
    size_t len = cut(link, packet->len);
    bool header_hit = d->corrupt_bit >= 0 && d->corrupt_bit < SIM_HEADER_BYTES * 8;

    packet->copies--;
    packet->reordered |= d->reordered;
    packet->damaged |= d->corrupt_bit >= 0 || len < packet->len;
    sim->counts.of[SIM_COUNT_PACKET_REORDERED] += d->reordered;
    sim->counts.of[SIM_COUNT_PACKET_DAMAGED] += d->corrupt_bit >= 0;
    if (header_hit || link->to->core == NULL || link->to->asleep ||
        is_forgotten(link->to, &packet->to_address)) {
        lose(link, packet,
             header_hit                                    ? "damaged header"
             : is_forgotten(link->to, &packet->to_address) ? "the NAT forgot that port"
                                                           : "host is off");
        return;
    }
    packet->arrived++;
    packet->arrived_ns = sim->now_ns;
    if (!goes_with(link, batch, packet, len, ecn))
        flush(link, batch);
    damage(d, append(batch, packet, len, ecn), len);
}

void sim_link_run(struct sim_link *link)
{
    struct netsim_delivery d;
    struct batch batch = {.count = 0};

    while (netsim_link_receive(link->model, link->sim->now_ns, &d)) {
        arrive(link, &batch, &d);
        if (d.last)
            sim_packet_unref(d.user);
    }
    flush(link, &batch);
    belay_heap_set(&link->sim->heap, &link->node.heap, netsim_link_deadline(link->model));
}
