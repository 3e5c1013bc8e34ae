"""Talks to the TCP echo server."""

import socket

with socket.create_connection(("localhost", 8888), timeout=20) as sock:
    sock.sendall(b"hello" * 1000)
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while data := sock.recv(4096):
        answer += data
    print("received:", len(answer), "bytes")
