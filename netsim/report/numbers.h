/* numbers.h - numbers as one says them: three digits, a unit, NAN as a question mark. */
#ifndef NETSIM_NUMBERS_H
#define NETSIM_NUMBERS_H

#define NETSIM_NUMBER_SIZE 32

struct netsim_number {
    char text[NETSIM_NUMBER_SIZE];
};

struct netsim_number netsim_say_time(double ns);         /* 20 ms */
struct netsim_number netsim_say_about_time(double ns);   /* three digits, not four */
struct netsim_number netsim_say_share(double share);     /* 12.5 % */
struct netsim_number netsim_say_count(double count);     /* 1042, 2.5 */
struct netsim_number netsim_say_rate(double bits_per_s); /* 9.6 Mbit/s */
struct netsim_number netsim_say_bytes(double bytes);     /* 64 kB, of 1000 */

#endif
