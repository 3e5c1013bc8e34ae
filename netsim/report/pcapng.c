#include "netsim/report/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION    0x0a0d0d0au
#define BLOCK_INTERFACE  1u
#define BLOCK_PACKET     6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

/* Option codes; 2 and 3 mean something else in each kind of block. */
enum {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_IF_NAME = 2,
    OPTION_IF_DESCRIPTION = 3,
    OPTION_SECTION_PROGRAM = 4,
    OPTION_IF_TIME_RESOLUTION = 9,
};

#define OPTION_LEN_MAX 65535u /* 16 bits in the format */
#define NANOSECONDS    9      /* as a power of ten */
#define FRAME_BYTES    12     /* of a block: its type, and its length in front and at the end */
#define PACKET_BYTES   20     /* fixed part of a packet block */

struct netsim_pcapng {
    FILE *file;
    uint64_t epoch_ns;
    int error; /* errno of the first failure; nothing is written after it */
};

/* ------------------------------------------------------------------ bytes */

static void put_bytes(struct netsim_pcapng *pcap, const void *bytes, size_t len)
{
    if (pcap->error != 0 || len == 0 || fwrite(bytes, 1, len, pcap->file) == len)
        return;
    pcap->error = errno != 0 ? errno : EIO;
}

static void put_u16(struct netsim_pcapng *pcap, uint32_t value)
{
    const uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

    put_bytes(pcap, bytes, sizeof(bytes));
}

static void put_u32(struct netsim_pcapng *pcap, uint32_t value)
{
    put_u16(pcap, value & 0xffff);
    put_u16(pcap, value >> 16);
}

static size_t padding(size_t len)
{
    return (4 - len % 4) % 4;
}

static void put_padded(struct netsim_pcapng *pcap, const void *bytes, size_t len)
{
    static const uint8_t zeros[4];

    put_bytes(pcap, bytes, len);
    put_bytes(pcap, zeros, padding(len));
}

/* ------------------------------------------------------------------ options */

static size_t text_len(const char *text)
{
    size_t len = strlen(text);

    return len < OPTION_LEN_MAX ? len : OPTION_LEN_MAX;
}

static size_t option_size(size_t len)
{
    return 4 + len + padding(len);
}

static void put_option(struct netsim_pcapng *pcap, uint32_t code, const void *value, size_t len)
{
    put_u16(pcap, code);
    put_u16(pcap, (uint32_t)len);
    put_padded(pcap, value, len);
}

/* ------------------------------------------------------------------ blocks */

static void put_section(struct netsim_pcapng *pcap)
{
    static const char program[] = "belay-netsim " BELAY_VERSION;
    size_t len = sizeof(program) - 1;
    uint32_t size = (uint32_t)(FRAME_BYTES + 16 + option_size(len) + option_size(0));

    put_u32(pcap, BLOCK_SECTION);
    put_u32(pcap, size);
    put_u32(pcap, BYTE_ORDER_MAGIC);
    put_u16(pcap, 1); /* version 1.0 */
    put_u16(pcap, 0);
    put_u32(pcap, UINT32_MAX); /* length of the section, 64 bits: not told */
    put_u32(pcap, UINT32_MAX);
    put_option(pcap, OPTION_SECTION_PROGRAM, program, len);
    put_option(pcap, OPTION_END, NULL, 0);
    put_u32(pcap, size);
}

static void put_interface(struct netsim_pcapng *pcap, enum netsim_pcapng_link link,
                          const char *name, const char *description)
{
    static const uint8_t resolution = NANOSECONDS;
    size_t name_len = text_len(name), description_len = text_len(description);
    uint32_t size = (uint32_t)(FRAME_BYTES + 8 + option_size(name_len) +
                               option_size(description_len) + option_size(1) + option_size(0));

    put_u32(pcap, BLOCK_INTERFACE);
    put_u32(pcap, size);
    put_u16(pcap, (uint32_t)link);
    put_u16(pcap, 0);
    put_u32(pcap, 0); /* packets are never cut */
    put_option(pcap, OPTION_IF_NAME, name, name_len);
    put_option(pcap, OPTION_IF_DESCRIPTION, description, description_len);
    put_option(pcap, OPTION_IF_TIME_RESOLUTION, &resolution, 1);
    put_option(pcap, OPTION_END, NULL, 0);
    put_u32(pcap, size);
}

static void put_head(struct netsim_pcapng *pcap, enum netsim_pcapng_link link,
                     const char *out_words, const char *back_words)
{
    out_words = out_words != NULL ? out_words : "";
    back_words = back_words != NULL ? back_words : "";
    put_section(pcap);
    put_interface(pcap, link, "out", out_words); /* in the order of the enum */
    put_interface(pcap, link, "out dropped", out_words);
    put_interface(pcap, link, "back", back_words);
    put_interface(pcap, link, "back dropped", back_words);
}

/* ------------------------------------------------------------------ captures */

struct netsim_pcapng *netsim_pcapng_open(const char *file, enum netsim_pcapng_link link,
                                         uint64_t epoch_ns, const char *out_words,
                                         const char *back_words)
{
    struct netsim_pcapng *pcap = calloc(1, sizeof(*pcap));

    if (pcap == NULL)
        return NULL;
    pcap->epoch_ns = epoch_ns;
    pcap->file = fopen(file, "wb");
    if (pcap->file == NULL) {
        free(pcap);
        return NULL;
    }
    put_head(pcap, link, out_words, back_words);
    if (pcap->error == 0 && fflush(pcap->file) != 0) /* a full disk is told at once */
        pcap->error = errno;
    if (pcap->error != 0) {
        int error = pcap->error;

        netsim_pcapng_close(pcap);
        errno = error;
        return NULL;
    }
    return pcap;
}

int netsim_pcapng_write(struct netsim_pcapng *pcap, enum netsim_pcapng_interface interface,
                        uint64_t t_ns, const void *packet, size_t len, const char *comment)
{
    uint64_t at_ns = pcap->epoch_ns + t_ns;
    size_t comment_len = comment != NULL ? text_len(comment) : 0;
    size_t options = comment_len > 0 ? option_size(comment_len) + option_size(0) : 0;
    size_t size = FRAME_BYTES + PACKET_BYTES + len + padding(len) + options;

    if (pcap->error == 0 && len > UINT32_MAX / 2)
        pcap->error = EMSGSIZE;
    put_u32(pcap, BLOCK_PACKET);
    put_u32(pcap, (uint32_t)size);
    put_u32(pcap, (uint32_t)interface);
    put_u32(pcap, (uint32_t)(at_ns >> 32));
    put_u32(pcap, (uint32_t)at_ns);
    put_u32(pcap, (uint32_t)len);
    put_u32(pcap, (uint32_t)len);
    put_padded(pcap, packet, len);
    if (comment_len > 0) {
        put_option(pcap, OPTION_COMMENT, comment, comment_len);
        put_option(pcap, OPTION_END, NULL, 0);
    }
    put_u32(pcap, (uint32_t)size);
    if (pcap->error == 0)
        return 0;
    errno = pcap->error;
    return -1;
}

int netsim_pcapng_close(struct netsim_pcapng *pcap)
{
    int error = pcap->error;

    if (fclose(pcap->file) != 0 && error == 0)
        error = errno;
    free(pcap);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}
