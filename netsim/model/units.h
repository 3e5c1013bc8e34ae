/*
 * units.h - numbers of netem's language <-> text. Units in any case; no blanks inside.
 *
 *     percent  5% or 5: a share of UINT32_MAX, rounded; 0 to 100
 *     time     s sec secs ms msec msecs us usec usecs ns nsec nsecs; bare: nanoseconds
 *     rate     bit kbit mbit gbit tbit: bits a second; bps kbps mbps gbps tbps: BYTES a second;
 *              with an i (kibit, mibps) powers of 1024; bare: bits a second
 *     size     k kb m mb g gb: powers of 1024; bare: as it is
 *     integer  decimal or 0x
 *
 * A number is digits with at most one point and perhaps an exponent: no sign unless said, no
 * inf, no nan. All return NULL when the text is good, else a sentence part saying what is
 * wrong.
 */
#ifndef NETSIM_UNITS_H
#define NETSIM_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

const char *netsim_parse_percent(const char *text, double *share); /* 0.0 .. 1.0 */
const char *netsim_parse_time(const char *text, int64_t *ns);
const char *netsim_parse_rate(const char *text, uint64_t *bytes_per_s);
const char *netsim_parse_size(const char *text, uint32_t *size);
const char *netsim_parse_u32(const char *text, uint32_t *value);
const char *netsim_parse_u64(const char *text, uint64_t *value);
/* As C has them, like tc: not with a 0 in front, which would be octal. */
const char *netsim_parse_c_u32(const char *text, uint32_t *value);
/* The same, with a sign or without; within +-max. */
const char *netsim_parse_signed(const char *text, int32_t max, int32_t *value);

/* Round half to even of share * UINT32_MAX. */
uint32_t netsim_share_to_u32(double share);

/* Shortest text that parses to the same value. 32 bytes are enough for each. */
#define NETSIM_UNIT_TEXT_SIZE 32
void netsim_format_percent(uint32_t value, char out[NETSIM_UNIT_TEXT_SIZE]);
void netsim_format_time(int64_t ns, char out[NETSIM_UNIT_TEXT_SIZE]);
void netsim_format_rate(uint64_t bytes_per_s, char out[NETSIM_UNIT_TEXT_SIZE]);

#endif
