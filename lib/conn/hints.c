#include "conn/hints.h"

#include <string.h>

void belay_hints_add(struct belay_hints *hints, const struct belay_path *path,
                     const uint8_t *packet, size_t len, size_t fits_bytes)
{
    struct belay_size_hint hint = {.socket = path->socket, .remote = path->remote};
    const uint8_t *cid = NULL;

    hint.fits_bytes =
        fits_bytes < BELAY_DATAGRAM_BYTES_MAX ? (uint32_t)fits_bytes : BELAY_DATAGRAM_BYTES_MAX;
    hint.is_quoted = len > BELAY_CID_BYTES;
    if (hint.is_quoted && belay_data_header_cid(packet, &cid))
        return;
    hint.has_cid = cid != NULL;
    if (hint.has_cid)
        memcpy(hint.cid, cid, sizeof(hint.cid));
    hints->hints[hints->next] = hint;
    hints->next = (hints->next + 1) % BELAY_HINTS;
}

static bool is_for(const struct belay_size_hint *hint, const struct belay_path *path,
                   const uint8_t *cid)
{
    if (hint->fits_bytes == 0 || hint->socket != path->socket ||
        hint->remote.len != path->remote.len ||
        memcmp(hint->remote.bytes, path->remote.bytes, hint->remote.len) != 0)
        return false;
    if (!hint->is_quoted)
        return true;
    return hint->has_cid ? cid != NULL && memcmp(hint->cid, cid, sizeof(hint->cid)) == 0
                         : cid == NULL;
}

uint32_t belay_hints_take(struct belay_hints *hints, const struct belay_path *path,
                          const uint8_t *cid)
{
    for (unsigned i = 1; i <= BELAY_HINTS; i++) {
        struct belay_size_hint *hint =
            &hints->hints[(hints->next + BELAY_HINTS - i) % BELAY_HINTS];
        uint32_t fits_bytes = hint->fits_bytes;

        if (!is_for(hint, path, cid))
            continue;
        hint->fits_bytes = 0;
        return fits_bytes;
    }
    return 0;
}
