"""belay-echo-server and belay-echo-client over Belay, on loopback."""

import json
import os
import signal
import socket

import harness
from harness import CLIENT, SERVER, Case

TEXT = "This is the message.  It will be repeated."


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


class Words(Case):
    def test_words_as_the_tutorials_print_them(self):
        server = self.start_server()
        client = self.run_client(f"127.0.0.1:{server.port}", "Hello", "wörld!")
        self.assertEqual(client.code, 0, client.stderr)
        self.assertEqual(client.lines, ["sending 'Hello wörld!'", "received 'Hello wörld!'"])
        peer = server.expect(r"^(127\.0\.0\.1:\d+) connected$").group(1)
        server.expect(rf"^received 13 bytes from {peer}$")
        server.expect(rf"^sent 13 bytes back to {peer}$")
        server.expect(rf"^{peer} closed$")
        self.assertEqual(self.stop_server(server),
                         "--- 1 messages (13 bytes) received, 1 (13 bytes) sent back, "
                         "0 not answered, 1 connections, 0 failed ---")

    def test_default_and_empty_message(self):
        server = self.start_server()
        target = f"127.0.0.1:{server.port}"
        self.assertEqual(self.run_client(target).lines,
                         [f"sending '{TEXT}'", f"received '{TEXT}'"])
        client = self.run_client(target, "")
        self.assertEqual((client.code, client.lines), (0, ["sending ''", "received ''"]))

    def test_quiet(self):
        server = self.start_server("--quiet")
        client = self.run_client("-q", f"127.0.0.1:{server.port}", "x")
        self.assertEqual((client.code, client.lines, client.stderr), (0, [], ""))
        self.stop_server(server)
        self.assertEqual(len(server.lines), 2)


class Series(Case):
    def test_sizes(self):
        server = self.start_server("--quiet")
        for size, count in ((0, 200), (1, 600), (11, 200), (12, 200), (1200, 200),
                            (100000, 20)):
            with self.subTest(size=size):
                summary = self.run_json("--count", str(count), "--size", str(size),
                                        f"127.0.0.1:{server.port}")
                self.check_complete(summary, count)
                self.assertGreater(summary["wire_bytes"], 2 * size * count)

    def test_what_is_learnt_of_the_path(self):
        server = self.start_server("--quiet")
        options = ["--count", "300", "--size", "20000", f"127.0.0.1:{server.port}"]
        summary = self.run_json(*options)
        self.assertIn(summary["datagram_bytes"], range(1201, 65508))
        self.assertLessEqual(summary["packets_spurious"], summary["packets_lost"])
        self.assertIn(summary["ecn"], (True, False))
        self.assertEqual(summary["path_changes"], 0)
        client = self.run_client(*options)
        self.assertRegex(client.lines[-1], r"^path: datagrams up to \d+ bytes, \d+ packets lost "
                         r"\(\d+ spurious\), (no ECN|ECN works), 0 changes of address$")

    def test_without_a_connection_nothing_is_learnt(self):
        summary = self.run_json("--timeout", "0.2", "--count", "1", "127.0.0.1:1", code=1)
        self.assertEqual([summary[key] for key in harness.PATH_KEYS], [None] * 5)

    def test_congestion_controllers(self):
        for server_cc, client_cc in (("bbr", "cubic"), ("cubic", "newreno"), ("newreno", "bbr")):
            with self.subTest(server=server_cc, client=client_cc):
                server = self.start_server("--quiet", "--cc", server_cc)
                self.check_complete(self.run_json("--count", "200", "--cc", client_cc,
                                                  f"127.0.0.1:{server.port}"), 200)

    def test_channels(self):
        server = self.start_server("--quiet")
        for size in (5, 64):
            summary = self.run_json("--count", "999", "--size", str(size), "--channel", "3",
                                    "--channels", "10", f"127.0.0.1:{server.port}")
            self.check_complete(summary, 999)

    def test_channel_shows_at_the_server(self):
        server = self.start_server("--json")
        client = self.run_client("--channel", "200", f"127.0.0.1:{server.port}", "x")
        self.assertEqual(client.code, 0, client.stderr)
        server.expect('"event":"closed"')
        self.stop_server(server)
        events = [json.loads(line) for line in server.lines]
        self.assertEqual([event["event"] for event in events],
                         ["listening", "clients", "connected", "received", "sent", "closed",
                          "summary"])
        self.assertEqual([events[i]["channel"] for i in (3, 4)], [200, 200])
        self.assertEqual(events[6]["connections"], 1)
        self.assertEqual(events[6]["failed"], 0)

    def test_unordered(self):
        server = self.start_server("--quiet")
        summary = self.run_json("--unordered", "--count", "1000",
                                f"127.0.0.1:{server.port}")
        self.assertEqual((summary["received"], summary["corrupted"]), (1000, 0))

    def test_interval_and_summary(self):
        server = self.start_server("--quiet")
        client = self.run_client("--count", "50", "--interval", "0.5",
                                 f"127.0.0.1:{server.port}")
        self.assertEqual(client.code, 0, client.stderr)
        self.assertEqual(client.lines[0],
                         f"sending 50 messages of 64 bytes to 127.0.0.1:{server.port} "
                         "over Belay")
        self.assertRegex(client.lines[2], "^50 sent, 50 received, 0 lost")

    def test_more_than_every_queue_holds(self):
        """200 MB: send queues and credit fill on both sides, and nothing is dropped."""
        server = self.start_server("--quiet")
        summary = self.run_json("--count", "2000", "--size", "100000",
                                f"127.0.0.1:{server.port}")
        self.check_complete(summary, 2000)

    def test_a_client_that_does_not_read_is_slowed_down(self):
        server = self.start_server("--quiet")
        client = self.start(os.environ["BELAY_SLOW_READER"], str(server.port))
        accepted = int(client.expect(r"^standstill after (\d+) of 400").group(1))
        self.assertLess(accepted, 400)
        client.expect("^400 sent, 400 received$")
        self.assertEqual(client.wait(), 0, client.stderr)
        self.assertIn("400 (419430400 bytes) sent back, 0 not answered, 1 connections, "
                      "0 failed", self.stop_server(server))

    def test_clients_at_once(self):
        server = self.start_server("--quiet")
        clients = [self.start(CLIENT, "--json", "--count", "500",
                              f"127.0.0.1:{server.port}") for _ in range(8)]
        for client in clients:
            self.assertEqual(client.wait(), 0, client.stderr)
            self.check_complete(json.loads(client.lines[0]), 500)
        self.assertIn("8 connections, 0 failed", self.stop_server(server))


class Families(Case):
    def test_both_by_default(self):
        server = self.start_server("--quiet", listen=":0")
        summary = self.run_json("-4", "--count", "20", f"localhost:{server.port}")
        self.check_complete(summary, 20)
        if has_ipv6():
            summary = self.run_json("-6", "--count", "20", f"[::1]:{server.port}")
            self.check_complete(summary, 20)

    def test_a_family_that_the_address_is_not_of(self):
        client = self.run_client("-4", "[::1]:10000", "x")
        self.check_failure(client, "::1")

    def test_name(self):
        server = self.start_server("--quiet", listen=":0")
        self.check_complete(self.run_json("--count", "5", f"localhost:{server.port}"), 5)


class Ends(Case):
    def test_client_interrupted(self):
        server = self.start_server()
        client = self.start(CLIENT, "--count", "1000000", "--interval", "20",
                            f"127.0.0.1:{server.port}")
        server.expect("^sent 64 bytes")
        client.signal()
        match = client.expect(r"^(\d+) sent, (\d+) received, 0 lost")
        self.assertEqual(match.group(1), match.group(2))
        self.assertEqual(client.wait(), 0, client.stderr)
        server.expect(" closed$")

    def test_server_interrupted(self):
        server = self.start_server()
        client = self.start(CLIENT, "--count", "1000000", "--interval", "20",
                            f"127.0.0.1:{server.port}")
        server.expect("^sent 64 bytes")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0, server.stderr)
        self.assertIn("1 connections", server.lines[-1])
        client.code = client.wait()
        self.check_failure(client, "closed the connection")

    def test_server_killed(self):
        server = self.start_server()
        client = self.start(CLIENT, "--timeout", "1", "--count", "1000000", "--interval", "20",
                            f"127.0.0.1:{server.port}")
        server.expect("^sent 64 bytes")
        server.kill()
        client.code = client.wait()
        self.check_failure(client, f"127.0.0.1:{server.port}")

    def test_nobody_there(self):
        with harness.closed_port() as port:
            client = self.run_client(f"127.0.0.1:{port}", "x")
        self.check_failure(client, f"127.0.0.1:{port}", "refused")

    def test_silence(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            target = "127.0.0.1:%d" % deaf.getsockname()[1]
            client = self.run_client("--timeout", "0.5", target, "x")
        self.check_failure(client, target, "0.5 s", "check host, port and firewall")

    def test_plain_client_at_a_belay_server(self):
        server = self.start_server()
        client = self.run_client("--plain", "--timeout", "0.3", f"127.0.0.1:{server.port}",
                                 "x")
        self.check_failure(client, "no reply")
        self.assertTrue(self.stop_server(server).startswith("--- 0 messages"))

    def test_unknown_host(self):
        client = self.run_client("no-such-host.invalid", "x")
        self.check_failure(client, "unknown host", "no-such-host.invalid")

    def test_too_large(self):
        server = self.start_server()
        client = self.run_client("--count", "1", "--size", str((16 << 20) + 1),
                                 f"127.0.0.1:{server.port}")
        self.check_failure(client, "a message of 16777217 bytes is too large: 16777216")

    def test_port_in_use(self):
        server = self.start_server()
        second = self.start(SERVER, "--listen", f"127.0.0.1:{server.port}")
        self.assertEqual(second.wait(), 1)
        self.assertIn("the port is in use", second.stderr)

    def test_not_our_address(self):
        server = self.start(SERVER, "--listen", "192.0.2.1:0")
        self.assertEqual(server.wait(), 1)
        self.assertIn("this host has no such address", server.stderr)


if __name__ == "__main__":
    harness.main()
