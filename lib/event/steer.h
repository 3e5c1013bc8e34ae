/*
 * steer.h - the kernel's side of shards.h: a classic BPF program that brings a packet to the
 * socket of its shard (socket(7), SO_ATTACH_REUSEPORT_CBPF), and eventfds. Linux; elsewhere
 * belay_steer_can says no.
 */
#ifndef BELAY_EVENT_STEER_H
#define BELAY_EVENT_STEER_H

#include <stdbool.h>
#include <stdint.h>

bool belay_steer_can(void);
/* To the group of SO_REUSEPORT sockets that fd is in; they were bound in the order of their
 * shards. 0, or -1 with errno: packets then go by their addresses. */
int belay_steer_attach(int fd, uint32_t shard_key);

/* -1 with errno. */
int belay_steer_wake_open(void);
void belay_steer_wake_close(int fd);
void belay_steer_wake(int fd);
void belay_steer_wake_clear(int fd);

#endif
