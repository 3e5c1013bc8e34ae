#include "places.h"

#include "side.h"

#define STRIDE      16 /* between the names of places */
#define TIMES_BYTES 3

void fuzz_places_init(struct fuzz_places *places, uint8_t name)
{
    *places = (struct fuzz_places){.name = name};
    places->place[0].is_proved = true;
}

struct belay_address fuzz_places_address(const struct fuzz_places *places, unsigned place)
{
    return fuzz_address((uint8_t)(places->name + STRIDE * place));
}

unsigned fuzz_places_find(const struct fuzz_places *places, const struct belay_address *address)
{
    unsigned place = (uint8_t)(address->bytes[0] - places->name) / STRIDE;
    struct belay_address found = fuzz_places_address(places, place);

    FUZZ_CHECK(place < PLACES && address->len == found.len);
    FUZZ_CHECK(memcmp(address->bytes, found.bytes, found.len) == 0);
    return place;
}

unsigned fuzz_places_of(const struct fuzz_places *places, uint32_t socket)
{
    return (socket + places->shift) % PLACES;
}

uint32_t fuzz_places_socket(const struct fuzz_places *places, unsigned place)
{
    return (place + PLACES - places->shift) % PLACES;
}

void fuzz_places_came(struct fuzz_places *places, unsigned place, size_t len, bool is_proof)
{
    places->place[place].in_bytes += len;
    places->place[place].is_proved |=
        places->place[place].is_told || (is_proof && places->place[place].out_bytes > 0);
}

void fuzz_places_went(struct fuzz_places *places, unsigned place, size_t len)
{
    size_t in_bytes = places->place[place].in_bytes;
    size_t out_bytes = places->place[place].out_bytes += len;

    if (places->place[place].is_proved || out_bytes <= 2 * in_bytes)
        return; /* by itself: so that what goes further is chosen, and tried more */
    FUZZ_CHECK(out_bytes <= TIMES_BYTES * in_bytes);
}
