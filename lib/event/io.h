/*
 * io.h - datagrams in and out: batches of trains where the system has them, one datagram a
 * call elsewhere.
 *
 * Nothing that a system call says is fatal. In: errors are hints. Out: "not now" (EAGAIN,
 * ENOBUFS) keeps what is left and goes on later, from the byte where it stopped; a train that
 * the system cannot cut is sent again singly, and the socket makes no more trains; anything
 * else loses the datagram, as networks do.
 */
#ifndef BELAY_EVENT_IO_H
#define BELAY_EVENT_IO_H

#include <stdbool.h>
#include <stdint.h>

struct belay_endpoint;
struct belay_receiver;
struct belay_sender;
struct belay_socket;

struct belay_receiver *belay_receiver_new(bool batches);
void belay_receiver_free(struct belay_receiver *receiver);
/* The socket's read event. The endpoint may be gone after it. */
void belay_receive_ready(struct belay_socket *sock);

struct belay_sender *belay_sender_new(struct belay_endpoint *endpoint);
void belay_sender_free(struct belay_sender *sender);
/* Sends what is left from before, then what the core has, until it has no more or the system
 * takes no more. */
void belay_sender_flush(struct belay_endpoint *endpoint, uint64_t now_ns);
bool belay_sender_is_blocked(const struct belay_endpoint *endpoint);
/* A socket became writable, or the wait after ENOBUFS is over. The endpoint may be gone after
 * it. */
void belay_send_ready(struct belay_endpoint *endpoint);

#endif
