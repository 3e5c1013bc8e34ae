#include "recovery/mtu.h"

#include <stddef.h>

#define PROBES_A_SIZE 3
#define HOLE_PACKETS  6
#define HOLE_PTOS     3
#define RAISE_NS      (600 * UINT64_C(1000000000)) /* RFC 8899, section 5.1.1 */

/*
 * UDP payloads of known links: tunnels; PPPoE and Ethernet, over IPv6 and IPv4; FDDI; jumbo
 * frames likewise; loopback. Over IPv6 48 bytes of headers, over IPv4 28.
 */
static const uint32_t known_sizes[] = {1400, 1452, 1472, 4324, 8952, 8972, 65507};

static bool is_on(const struct belay_mtu *mtu)
{
    return mtu->base_bytes < mtu->most_bytes;
}

/* All is open above size_bytes. */
static void open_search(struct belay_mtu *mtu)
{
    mtu->bad_bytes = mtu->most_bytes + 1;
    mtu->tried_bytes = mtu->hint_bytes = 0;
    mtu->lost_probes = 0;
    mtu->is_halving = false;
    mtu->raise_ns = 0;
}

static void forget_run(struct belay_mtu *mtu)
{
    mtu->lost_count = 0;
    mtu->lost_bytes = 0;
}

void belay_mtu_init(struct belay_mtu *mtu, uint32_t start_bytes, uint32_t most_bytes)
{
    *mtu = (struct belay_mtu){.base_bytes = start_bytes, .size_bytes = start_bytes};
    if (most_bytes <= start_bytes) {
        mtu->most_bytes = start_bytes;
        return;
    }
    mtu->most_bytes = most_bytes;
    if (start_bytes > BELAY_MTU_BASE)
        mtu->base_bytes = BELAY_MTU_BASE;
    open_search(mtu);
}

void belay_mtu_restart(struct belay_mtu *mtu)
{
    if (!is_on(mtu))
        return;
    mtu->size_bytes = mtu->base_bytes;
    mtu->probe_bytes = 0;
    mtu->acked_bytes = 0;
    forget_run(mtu);
    open_search(mtu);
}

/* ------------------------------------------------------------------ the search */

static bool is_found(const struct belay_mtu *mtu)
{
    return mtu->bad_bytes - mtu->size_bytes <= BELAY_MTU_NEAR;
}

static bool is_open(const struct belay_mtu *mtu, uint32_t bytes)
{
    return bytes > mtu->size_bytes && bytes < mtu->bad_bytes;
}

static uint32_t choose(const struct belay_mtu *mtu)
{
    if (is_open(mtu, mtu->hint_bytes))
        return mtu->hint_bytes;
    for (size_t i = 0; i < sizeof(known_sizes) / sizeof(known_sizes[0]); i++)
        if (is_open(mtu, known_sizes[i]))
            return known_sizes[i];
    if (mtu->bad_bytes > mtu->most_bytes)
        return mtu->most_bytes;
    /* Mostly it is one of the known sizes exactly. */
    if (!mtu->is_halving)
        return mtu->size_bytes + BELAY_MTU_NEAR;
    return mtu->size_bytes + (mtu->bad_bytes - mtu->size_bytes) / 2;
}

uint32_t belay_mtu_next(struct belay_mtu *mtu, uint32_t limit_bytes, uint64_t now_ns)
{
    uint32_t bytes;

    if (!is_on(mtu) || mtu->probe_bytes > 0)
        return 0;
    if (is_found(mtu) && mtu->raise_ns == 0)
        mtu->raise_ns = now_ns + RAISE_NS;
    if (is_found(mtu) && now_ns >= mtu->raise_ns)
        open_search(mtu);
    if (is_found(mtu))
        return 0;
    bytes = choose(mtu);
    return bytes <= limit_bytes ? bytes : 0;
}

void belay_mtu_probe_sent(struct belay_mtu *mtu, uint32_t bytes)
{
    if (mtu->tried_bytes != bytes)
        mtu->lost_probes = 0;
    mtu->probe_bytes = mtu->tried_bytes = bytes;
}

void belay_mtu_probe_acked(struct belay_mtu *mtu, uint32_t bytes)
{
    if (bytes != mtu->tried_bytes)
        return; /* of an earlier search, which a black hole ended */
    mtu->probe_bytes = 0;
    mtu->lost_probes = 0;
    if (bytes >= mtu->bad_bytes)
        mtu->bad_bytes = mtu->most_bytes + 1;
    if (bytes <= mtu->size_bytes)
        return;
    mtu->is_halving |= bytes == mtu->size_bytes + BELAY_MTU_NEAR;
    mtu->size_bytes = bytes;
    forget_run(mtu);
}

void belay_mtu_probe_lost(struct belay_mtu *mtu, uint32_t bytes)
{
    if (bytes != mtu->probe_bytes)
        return;
    mtu->probe_bytes = 0;
    if (++mtu->lost_probes < PROBES_A_SIZE)
        return;
    mtu->lost_probes = 0;
    if (is_open(mtu, bytes))
        mtu->bad_bytes = bytes;
}

/* ------------------------------------------------------------------ black holes */

static void fall(struct belay_mtu *mtu)
{
    mtu->black_holes++;
    belay_mtu_restart(mtu);
}

void belay_mtu_acked(struct belay_mtu *mtu, uint64_t number, uint32_t bytes)
{
    if (bytes <= mtu->base_bytes)
        return;
    if (bytes >= mtu->lost_bytes)
        forget_run(mtu);
    if (mtu->acked_bytes == 0 || number > mtu->acked_number) {
        mtu->acked_number = number;
        mtu->acked_bytes = bytes;
    }
}

void belay_mtu_lost(struct belay_mtu *mtu, uint64_t number, uint32_t bytes,
                    uint64_t next_number)
{
    /* What is larger than the present size was sent before we fell to it. */
    if (!is_on(mtu) || bytes <= mtu->base_bytes || bytes > mtu->size_bytes)
        return;
    if (bytes <= mtu->acked_bytes && number < mtu->acked_number)
        return;
    if (mtu->lost_count == 0)
        mtu->lost_mark = next_number;
    if (mtu->lost_count++ == 0 || bytes < mtu->lost_bytes)
        mtu->lost_bytes = bytes;
    if (mtu->lost_count >= HOLE_PACKETS && number >= mtu->lost_mark)
        fall(mtu);
}

void belay_mtu_silence(struct belay_mtu *mtu, uint32_t pto_count)
{
    if (is_on(mtu) && mtu->size_bytes > mtu->base_bytes && pto_count >= HOLE_PTOS)
        fall(mtu);
}

/* ------------------------------------------------------------------ what others say */

void belay_mtu_refused(struct belay_mtu *mtu, uint32_t bytes, uint32_t fits_bytes)
{
    if (!is_on(mtu) || bytes <= mtu->base_bytes)
        return;
    if (bytes <= mtu->size_bytes)
        fall(mtu);
    if (bytes < mtu->bad_bytes)
        mtu->bad_bytes = bytes;
    if (fits_bytes >= mtu->size_bytes && fits_bytes < mtu->bad_bytes) {
        mtu->hint_bytes = fits_bytes;
        mtu->bad_bytes = fits_bytes + 1;
    }
    if (mtu->probe_bytes >= mtu->bad_bytes)
        mtu->probe_bytes = 0;
}

void belay_mtu_hint(struct belay_mtu *mtu, uint32_t fits_bytes)
{
    if (is_on(mtu) && is_open(mtu, fits_bytes))
        mtu->hint_bytes = fits_bytes;
}
