"""belay-echo-server --plain and belay-echo-client --plain against Python's own programs."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import zlib

import harness
from harness import Case, SERVER, WAIT_S

TEXT = "This is the message.  It will be repeated."


class PythonServer(threading.Thread):
    """The echo server of the tutorials, on a thread. replies(data) gives what goes back."""

    def __init__(self, replies=lambda data: [data], family=socket.AF_INET):
        super().__init__(daemon=True)
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.port = self.sock.getsockname()[1]
        self.replies = replies
        self.start()

    def run(self):
        while True:
            data, address = self.sock.recvfrom(65536)
            if data == b"stop" and address[1] == self.port:
                break
            for reply in self.replies(data):
                self.sock.sendto(reply, address)

    def stop(self):
        self.sock.sendto(b"stop", self.sock.getsockname())
        self.join(WAIT_S)
        self.sock.close()


class PlainServer(Case):
    """Our server, Python's clients."""

    def ask(self, address, data=TEXT.encode(), family=socket.AF_INET):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(WAIT_S)
            sock.sendto(data, address)
            return sock.recvfrom(65536)

    def test_tutorial_client(self):
        server = self.start_server("--plain")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(WAIT_S)
            self.assertEqual(sock.sendto(TEXT.encode(), ("127.0.0.1", server.port)), 42)
            data, address = sock.recvfrom(4096)
            port = sock.getsockname()[1]
        self.assertEqual((data, address), (TEXT.encode(), ("127.0.0.1", server.port)))
        server.expect(rf"^received 42 bytes from 127\.0\.0\.1:{port}$")
        server.expect(rf"^sent 42 bytes back to 127\.0\.0\.1:{port}$")
        self.assertEqual(self.stop_server(server),
                         "--- 1 messages (42 bytes) received, 1 (42 bytes) sent back, "
                         "0 not answered, 0 ignored ---")

    def test_asyncio_client(self):
        server = self.start_server("--plain")
        replies = asyncio.run(asyncio.wait_for(self.talk(server.port), WAIT_S))
        self.assertEqual(replies, [b"Hello World!", b"again"])

    async def talk(self, port):
        replies = []
        done = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport
                transport.sendto(b"Hello World!")

            def datagram_received(self, data, addr):
                replies.append(data)
                if len(replies) == 1:
                    self.transport.sendto(b"again")
                else:
                    self.transport.close()

            def connection_lost(self, exc):
                done.set_result(exc)

        await asyncio.get_running_loop().create_datagram_endpoint(
            Protocol, remote_addr=("127.0.0.1", port))
        self.assertIsNone(await done)
        return replies

    def test_every_size(self):
        server = self.start_server("--plain", "--quiet")
        for size in (0, 1, 1472, 1473, 65507):
            data = bytes(i % 251 for i in range(size))
            self.assertEqual(self.ask(("127.0.0.1", server.port), data)[0], data)
        self.stop_server(server)
        self.assertEqual(len(server.lines), 2)  # --quiet: where it listens, and the summary

    def test_both_families_by_default(self):
        server = self.start_server("--plain", listen=":0")
        self.assertEqual(self.ask(("127.0.0.1", server.port))[0], TEXT.encode())
        if server.lines[0].startswith("listening on ["):
            _, address = self.ask(("::1", server.port), family=socket.AF_INET6)
            self.assertEqual(address[:2], ("::1", server.port))

    def test_answers_from_the_address_written_to(self):
        for listen in (":0", "0.0.0.0:0"):
            server = self.start_server("--plain", listen=listen)
            asked = ("127.0.0.3", server.port)
            self.assertEqual(self.ask(asked)[1], asked)

    def test_json_lines(self):
        server = self.start_server("--plain", "--json")
        self.ask(("127.0.0.1", server.port))
        self.stop_server(server)
        events = [json.loads(line) for line in server.lines]
        self.assertEqual([event["event"] for event in events],
                         ["listening", "received", "sent", "summary"])
        self.assertEqual(events[0]["address"], f"127.0.0.1:{server.port}")
        self.assertEqual(events[1]["bytes"], 42)
        self.assertEqual(events[1]["peer"], events[2]["peer"])
        self.assertEqual(events[3]["sent_bytes"], 42)

    def test_no_echo_of_an_echo(self):
        server = self.start_server("--plain")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", server.port))  # as another echo server's port
            other.sendto(b"ping", ("127.0.0.1", server.port))
            self.ask(("127.0.0.1", server.port))
            other.setblocking(False)
            with self.assertRaises(BlockingIOError):
                other.recv(100)
        self.assertIn("1 ignored", self.stop_server(server))

    @unittest.skipUnless(shutil.which("nc"), "nc is not installed")
    def test_netcat(self):
        server = self.start_server("--plain")
        nc = subprocess.Popen(["nc", "-u", "127.0.0.1", str(server.port)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(nc.wait)
        self.addCleanup(nc.stdout.close)
        self.addCleanup(nc.stdin.close)
        self.addCleanup(nc.kill)
        nc.stdin.write(b"hello\n")
        nc.stdin.flush()
        server.expect("^sent 6 bytes back")
        self.assertEqual(nc.stdout.readline(), b"hello\n")

    def test_port_in_use(self):
        server = self.start_server("--plain")
        second = self.start(SERVER, "--plain", "--listen", f"127.0.0.1:{server.port}")
        self.assertEqual(second.wait(), 1)
        self.assertIn("the port is in use", second.stderr)

    def test_not_our_address(self):
        server = self.start(SERVER, "--plain", "--listen", "192.0.2.1:0")
        self.assertEqual(server.wait(), 1)
        self.assertIn("this host has no such address", server.stderr)

    def test_sigterm_too(self):
        server = self.start_server("--plain")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        self.assertTrue(server.lines[-1].startswith("--- 0 messages"))


class PlainClient(Case):
    """Our client, Python's servers."""

    def start_python(self, *args, **kwargs):
        server = PythonServer(*args, **kwargs)
        self.addCleanup(server.stop)
        return server

    def plain(self, server, *options):
        return ("--plain", *options, f"127.0.0.1:{server.port}")

    def test_words(self):
        server = self.start_python()
        client = self.run_client(*self.plain(server), "Hello", "wörld!")
        self.assertEqual(client.code, 0, client.stderr)
        self.assertEqual(client.lines, ["sending 'Hello wörld!'", "received 'Hello wörld!'"])

    def test_no_words_is_the_tutorials_message(self):
        server = self.start_python()
        client = self.run_client(*self.plain(server))
        self.assertEqual(client.lines, [f"sending '{TEXT}'", f"received '{TEXT}'"])

    def test_an_empty_word_is_an_empty_message(self):
        server = self.start_python()
        client = self.run_client(*self.plain(server), "")
        self.assertEqual((client.code, client.lines), (0, ["sending ''", "received ''"]))

    def test_control_bytes_are_shown_not_obeyed(self):
        server = self.start_python(lambda data: [b"\x1b[2J\n'\\\xff\xc2\x9b\xe2\x82\xac"])
        client = self.run_client(*self.plain(server), "x")
        self.check_failure(client, "1 of 1 messages did not come back whole")
        self.assertEqual(client.lines[1],
                         r"received '\x1b[2J\n\'\\\xff\xc2\x9b" + "\u20ac'")

    def test_series(self):
        server = self.start_python()
        for size in (0, 1, 7, 8, 11, 12, 13, 1200, 60000):
            with self.subTest(size=size):
                summary = self.run_json(
                    *self.plain(server, "--count", "300", "--size", str(size)))
                self.check_complete(summary, 300)
                self.assertEqual(summary["wire_bytes"], 2 * 300 * size)
                self.assertEqual(summary["retransmitted"], 0)

    def test_payload_is_as_documented(self):
        seen = []

        def keep(data):
            seen.append(data)
            return [data]
        server = self.start_python(keep)
        self.run_json(*self.plain(server, "--count", "20", "--size", "100"))
        for number, data in enumerate(seen):
            self.assertEqual(int.from_bytes(data[:8], "big"), number)
            self.assertEqual(int.from_bytes(data[8:12], "big"),
                             zlib.crc32(data[:8] + data[12:]))
        self.assertEqual(len(set(data[12:] for data in seen)), 20)

    def test_summary(self):
        server = self.start_python()
        client = self.run_client(*self.plain(server, "--count", "10", "--interval", "0.5"))
        self.assertEqual(client.code, 0, client.stderr)
        self.assertEqual(len(client.lines), 5)
        self.assertRegex(client.lines[2], r"^10 sent, 10 received, 0 lost \(0\.0 %\), "
                         r"0 duplicated, 0 out of order, 0 corrupted, \d+\.\d{3} s$")
        self.assertRegex(client.lines[3], r"^rtt min/p50/p99/p99\.9/max = "
                         r"\d+\.\d{3}(/\d+\.\d{3}){4} ms$")
        self.assertEqual(client.lines[4],
                         "1280 bytes on the wire, 0 packets retransmitted")

    def test_nothing_is_learnt_of_the_path(self):
        summary = self.run_json(*self.plain(self.start_python(), "--count", "3"))
        self.assertEqual([summary[key] for key in harness.PATH_KEYS], [None] * 5)

    def test_what_the_link_did_is_counted(self):
        """3 of 100 are lost, 5 come twice, one damaged, one cut, 2 late."""
        held = []

        def replies(data):
            number = int.from_bytes(data[:8], "big")
            if number in (10, 20, 30):
                return []
            if number in (40, 41, 42, 43, 44):
                return [data, data]
            if number == 50:
                return [data[:-1] + bytes([data[-1] ^ 1])]
            if number == 51:
                return [data[:-1]]
            if number in (60, 61):
                held.append(data)
                return []
            if number == 62:
                return [data, held[0], held[1]]
            return [data]
        server = self.start_python(replies)
        summary = self.run_json("--timeout", "2",
                                *self.plain(server, "--count", "100"), code=1)
        self.assertEqual([summary[key] for key in harness.SUMMARY_KEYS[:6]],
                         [100, 95, 5, 5, 2, 2])

    def test_short_payloads_are_told_apart_too(self):
        state = {"n": 0}

        def replies(data):
            state["n"] += 1
            return {11: [], 21: [data, data]}.get(state["n"], [data])
        server = self.start_python(replies)
        for size in (1, 4, 11):
            state["n"] = 0
            summary = self.run_json("--timeout", "2", *self.plain(
                server, "--count", "1000", "--size", str(size)), code=1)
            self.assertEqual([summary[key] for key in harness.SUMMARY_KEYS[:6]],
                             [1000, 999, 1, 1, 0, 0])

    def test_unordered_forgives_order_alone(self):
        held = []

        def replies(data):
            held.append(data)
            return [held.pop(), held.pop()] if len(held) == 2 else []
        server = self.start_python(replies)
        arguments = self.plain(server, "--count", "10")
        summary = self.run_json(*arguments, code=1)
        self.assertEqual((summary["received"], summary["out_of_order"]), (10, 5))
        summary = self.run_json("--unordered", *arguments)
        self.assertEqual((summary["received"], summary["out_of_order"]), (10, 5))

    def test_silence_ends(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            target = "127.0.0.1:%d" % deaf.getsockname()[1]
            started = time.monotonic()
            client = self.run_client("--plain", "--timeout", "0.3", target, "hello")
            self.assertGreaterEqual(time.monotonic() - started, 0.3)
            self.check_failure(client, f"no reply from {target} within 0.3 s: plain UDP can't "
                               "tell a lost packet from a missing server")
            summary = self.run_json("--plain", "--timeout", "0.2", "--count", "1000", target,
                                    code=1)
            self.assertEqual(summary["received"], 0)
            self.assertEqual(set(summary["rtt_us"].values()), {None})

    def test_nobody_there(self):
        with harness.closed_port() as port:
            client = self.run_client("--plain", f"127.0.0.1:{port}", "hello")
        self.check_failure(client, "connection refused: no program listens on that UDP port")

    def test_unknown_host(self):
        client = self.run_client("--plain", "no-such-host.invalid", "hello")
        self.check_failure(client, "unknown host 'no-such-host.invalid'")

    def test_too_large(self):
        server = self.start_python()
        client = self.run_client(*self.plain(server, "--count", "1", "--size", "70000"))
        self.check_failure(client, "a message of 70000 bytes is too large", "65507")

    def test_interrupt_ends_a_series(self):
        server = self.start_python()
        client = self.start(harness.CLIENT, *self.plain(
            server, "--count", "100000", "--interval", "20"))
        client.expect("^sending 100000 messages")
        client.signal()
        client.expect(r"^\d+ sent, (\d+) received, 0 lost")
        client.wait()

    def test_ipv6(self):
        try:
            server = self.start_python(family=socket.AF_INET6)
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        for target in (f"[::1]:{server.port}",):
            self.check_complete(self.run_json("--plain", "-6", "--count", "3", target), 3)
        client = self.run_client("--plain", "-4", f"[::1]:{server.port}", "x")
        self.check_failure(client, "unknown host '::1'")


if __name__ == "__main__":
    harness.main()
