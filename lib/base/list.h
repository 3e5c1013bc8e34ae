/*
 * list.h - an intrusive doubly linked ring with a head. A node that is all zero, or removed,
 * is in no list, and belay_list_is_linked says so.
 */
#ifndef BELAY_BASE_LIST_H
#define BELAY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct belay_list {
    struct belay_list *next, *prev;
};

static inline void belay_list_init(struct belay_list *head)
{
    head->next = head->prev = head;
}

static inline bool belay_list_is_empty(const struct belay_list *head)
{
    return head->next == head;
}

static inline bool belay_list_is_linked(const struct belay_list *node)
{
    return node->next != NULL;
}

static inline void belay_list_append(struct belay_list *head, struct belay_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void belay_list_remove(struct belay_list *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

/* The first node, or NULL. */
static inline struct belay_list *belay_list_first(const struct belay_list *head)
{
    return head->next == head ? NULL : head->next;
}

#endif
