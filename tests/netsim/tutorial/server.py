"""A UDP echo server, as in a tutorial: it knows nothing of netsim."""

import socket

HOST, PORT = "localhost", 9999

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind((HOST, PORT))
    while True:
        data, address = sock.recvfrom(1024)
        sock.sendto(data.upper(), address)
