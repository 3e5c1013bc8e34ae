"""Sends ten messages to the echo server, each again until it is answered."""

import socket

HOST, PORT = "localhost", 9999

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(0.2)
    for number in range(10):
        message = f"hello {number}"
        for attempt in range(100):
            sock.sendto(message.encode(), (HOST, PORT))
            try:
                answer = sock.recv(1024).decode()
                while answer != message.upper():  # late, of one before
                    answer = sock.recv(1024).decode()
                break
            except socket.timeout:
                pass
        else:
            raise SystemExit("no answer")
        print("received:", answer)
