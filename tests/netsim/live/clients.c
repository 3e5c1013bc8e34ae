/* Clients by address, serial and silence; /dev/null stands for their sockets. */
#include "../fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include <netinet/in.h>

#include "netsim/live/clients.h"

static struct netsim_address address_of(uint16_t port)
{
    struct netsim_address address;

    assert_true(port > 0);
    memset(&address, 0, sizeof(address));
    struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
    in->sin_family = AF_INET;
    in->sin_port = port;
    address.len = sizeof(*in);
    return address;
}

static struct netsim_client *add(struct netsim_clients *clients, uint16_t port)
{
    struct netsim_address address = address_of(port);
    struct netsim_client *client =
        netsim_clients_add(clients, &address, open("/dev/null", O_RDONLY));

    assert_non_null(client);
    return client;
}

static void begin(struct netsim_clients *clients)
{
    static const uint64_t seed[2] = {1, 2};

    netsim_clients_init(clients, 100, seed);
}

static void test_found_by_address_and_serial(void **state)
{
    struct netsim_clients clients;

    (void)state;
    begin(&clients);
    for (uint16_t port = 1; port <= 100; port++)
        assert_int_equal(add(&clients, port)->serial, port - 1);
    for (uint16_t port = 1; port <= 100; port += 2) /* the odd ones go */
        netsim_clients_remove(&clients, netsim_clients_find_serial(&clients, port - 1u));
    for (uint16_t port = 1; port <= 101; port++) {
        struct netsim_address address = address_of(port);
        struct netsim_client *client = netsim_clients_find(&clients, &address);

        assert_int_equal(client != NULL, port % 2 == 0 && port <= 100);
        assert_ptr_equal(netsim_clients_find_serial(&clients, port - 1u), client);
    }
    assert_int_equal(clients.count, 50);
    assert_int_equal(add(&clients, 1)->serial, 100); /* never used again */
    netsim_clients_dispose(&clients);
    assert_int_equal(clients.mem.used_bytes, 0);
}

/* Clients 1, 2, 3 came in this order; after these were heard, who is silent longest? */
static void test_silence(void **state)
{
    static const struct {
        uint16_t heard[4];
        const char *order;
    } rows[] = {{{0}, "123"},       {{1}, "231"},       {{3}, "123"},         {{2}, "132"},
                {{1, 2, 3}, "123"}, {{3, 2, 1}, "321"}, {{1, 1, 2, 1}, "321"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct netsim_clients clients;
        struct netsim_client *of[4];

        begin(&clients);
        assert_null(netsim_clients_oldest(&clients));
        for (uint16_t port = 1; port <= 3; port++)
            of[port] = add(&clients, port);
        for (size_t k = 0; k < 4 && rows[i].heard[k] > 0; k++)
            netsim_clients_touch(&clients, of[rows[i].heard[k]]);
        for (size_t k = 0; k < 3; k++) {
            assert_ptr_equal(netsim_clients_oldest(&clients), of[rows[i].order[k] - '0']);
            netsim_clients_remove(&clients, netsim_clients_oldest(&clients));
        }
        netsim_clients_dispose(&clients);
    }
}

static void test_sockets_are_closed(void **state)
{
    struct netsim_clients clients;

    (void)state;
    begin(&clients);
    int first = add(&clients, 1)->socket.fd, second = add(&clients, 2)->socket.fd;
    assert_true(fcntl(first, F_GETFD) >= 0 && fcntl(second, F_GETFD) >= 0);
    netsim_clients_remove(&clients, netsim_clients_oldest(&clients));
    assert_true(fcntl(first, F_GETFD) < 0 && fcntl(second, F_GETFD) >= 0);
    netsim_clients_dispose(&clients);
    assert_true(fcntl(second, F_GETFD) < 0);
}

/* Behind a NAT that forgets: the socket before stays until the next change. */
static void test_change_of_socket(void **state)
{
    struct netsim_clients clients;
    int fd[3];

    (void)state;
    begin(&clients);
    struct netsim_client *client = add(&clients, 1);
    fd[0] = client->socket.fd;
    assert_int_equal(client->before.fd, -1);
    for (int i = 1; i < 3; i++) {
        fd[i] = open("/dev/null", O_RDONLY);
        netsim_client_change(client, fd[i], (uint64_t)i);
        assert_int_equal(client->socket.fd, fd[i]);
        assert_int_equal(client->socket.rebinds, i);
        assert_int_equal(client->before.fd, fd[i - 1]);
        assert_int_equal(client->before.rebinds, i - 1);
    }
    assert_true(fcntl(fd[0], F_GETFD) < 0);
    assert_true(fcntl(fd[1], F_GETFD) >= 0 && fcntl(fd[2], F_GETFD) >= 0);
    netsim_clients_dispose(&clients);
    assert_true(fcntl(fd[1], F_GETFD) < 0 && fcntl(fd[2], F_GETFD) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_address_and_serial),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_sockets_are_closed),
        cmocka_unit_test(test_change_of_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
