#include "netsim/run/ready.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UDP_UNCONNECTED 7
#define TCP_LISTEN      10

/* As the kernel writes its words in hexadecimal; a little-endian one first. */
static bool is_loopback(const char *address)
{
    static const char *const all[] = {"0100007F", "7F000001",
                                      "00000000000000000000000001000000",
                                      "00000000000000000000000000000001"};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(address, all[i]) == 0)
            return true;
    return false;
}

/* "  12: 0100007F:2710 00000000:0000 07 ...": both addresses, and the state. UDP has no state
 * 10, and a TCP socket in state 7 is closed and not in the table. */
bool netsim_ready_line(const char *line, struct netsim_port *port)
{
    char address[33];
    unsigned bound, state;

    if (sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &bound, &state) != 3)
        return false;
    port->number = (uint16_t)bound;
    port->ipv6 = strlen(address) > 8;
    port->loopback = is_loopback(address);
    return bound != 0 && (state == UDP_UNCONNECTED || state == TCP_LISTEN);
}

#ifdef __linux__

int netsim_ready_open(struct netsim_ready *ready, uint16_t port)
{
    static const char *const names[NETSIM_READY_TABLES] = {
        "/proc/thread-self/net/udp", "/proc/thread-self/net/tcp", "/proc/thread-self/net/udp6",
        "/proc/thread-self/net/tcp6"};
    int found = 0;

    ready->port = port;
    for (int i = 0; i < NETSIM_READY_TABLES; i++) {
        ready->tables[i] = open(names[i], O_RDONLY | O_CLOEXEC); /* keeps its namespace */
        found += ready->tables[i] >= 0;
    }
    return found > 0 ? 0 : -1;
}

struct list {
    struct netsim_port *ports;
    unsigned count, max;
    uint16_t only; /* this port; 0: any */
    bool tcp;
};

static bool is_same(const struct netsim_port *a, const struct netsim_port *b)
{
    return a->number == b->number && a->tcp == b->tcp && a->ipv6 == b->ipv6 &&
           a->loopback == b->loopback;
}

static void add_line(struct list *list, const char *line)
{
    struct netsim_port port = {.tcp = list->tcp};

    if (!netsim_ready_line(line, &port) || (list->only != 0 && port.number != list->only) ||
        list->count == list->max)
        return;
    for (unsigned i = 0; i < list->count; i++)
        if (is_same(&list->ports[i], &port))
            return;
    list->ports[list->count++] = port;
}

/* The lines that are whole; the rest of the text, *len, moves to its front. */
static void add_lines(struct list *list, char *text, size_t *len)
{
    char *line = text, *end;

    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        add_line(list, line);
        line = end + 1;
    }
    *len = strlen(line);
    memmove(text, line, *len + 1);
}

static void add_table(struct list *list, int table)
{
    char text[8192];
    size_t used = 0;
    ssize_t n;

    if (lseek(table, 0, SEEK_SET) != 0)
        return;
    while ((n = read(table, text + used, sizeof(text) - 1 - used)) > 0) {
        used += (size_t)n;
        text[used] = '\0';
        add_lines(list, text, &used);
    }
}

unsigned netsim_ready_list(struct netsim_ready *ready, struct netsim_port *ports, unsigned max)
{
    struct list list = {.ports = ports, .max = max, .only = ready->port};

    for (int i = 0; i < NETSIM_READY_TABLES; i++) {
        list.tcp = i % 2 == 1; /* as in names */
        if (ready->tables[i] >= 0)
            add_table(&list, ready->tables[i]);
    }
    return list.count;
}

bool netsim_ready_check(struct netsim_ready *ready)
{
    struct netsim_port port;

    return netsim_ready_list(ready, &port, 1) > 0;
}

#else

int netsim_ready_open(struct netsim_ready *ready, uint16_t port)
{
    *ready = (struct netsim_ready){.tables = {-1, -1, -1, -1}, .port = port};
    return 0;
}

/* The refusal of the first is told to the second. */
bool netsim_ready_check(struct netsim_ready *ready)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ready->port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool there;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 &&
            send(fd, "", 0, 0) == 0 && send(fd, "", 0, 0) == 0;
    if (fd >= 0)
        close(fd);
    return there;
}

unsigned netsim_ready_list(struct netsim_ready *ready, struct netsim_port *ports, unsigned max)
{
    (void)ready;
    (void)ports;
    (void)max;
    return 0;
}

#endif

void netsim_ready_close(struct netsim_ready *ready)
{
    for (int i = 0; i < NETSIM_READY_TABLES; i++)
        if (ready->tables[i] >= 0)
            close(ready->tables[i]);
}
