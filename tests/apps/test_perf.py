"""belay-perf: each mode over loopback, what its JSON says, and what is refused."""

import json
import os
import re
import stat
import unittest

import harness
from harness import Case

PERF = os.environ["BELAY_PERF"]
PUBLIC = "belay-public:uREIgMVkRq15bf4k5gJT/6WmPqSPKo8IBKaSTRGcK28="

ERRORS = [
    ([], "neither -s nor -c"),
    (["-s", "-c", "h"], "-s and -c exclude each other"),
    (["-c", "h", "word"], "'word': no operand is taken"),
    (["-c", ":1"], "--client ':1': the host is missing"),
    (["-c", "h:0"], "from 1 to 65535"),
    (["-c", "h:x"], "the port must be a number"),
    (["-c", "h", "--listen", ":1"], "--listen: it is for the server"),
    (["-s", "--listen", "10000"], "written with a colon"),
    (["-c", "h", "--mode", "fast"], "--mode 'fast': it is bulk, rr or rate"),
    (["-c", "h", "--mode", "rate"], "say how much, as in --rate 4mbit"),
    (["-c", "h", "--mode", "rr", "--rate", "1mbit"], "--rate and --mode rr exclude"),
    (["-c", "h", "--mode", "rr", "--reverse"], "both sides send"),
    (["-c", "h", "--rate", "4"], "--rate '4': not a number above 0 with bit"),
    (["-c", "h", "--rate", "0mbit"], "--rate '0mbit'"),
    (["-c", "h", "--rate", "-1mbit"], "--rate '-1mbit'"),
    (["-c", "h", "--rate", "1tbit"], "--rate '1tbit'"),
    (["-c", "h", "--rate", "9999gbit"], "--rate '9999gbit'"),
    (["-c", "h", "--rate", "1mbit", "--size", "15"], "has at least 16 bytes"),
    (["-c", "h", "--rate", "900gbit", "--size", "16"], "ten million messages a second"),
    (["-c", "h", "--size", "0"], "--size '0': not a whole number from 1"),
    (["-c", "h", "--streams", "256"], "--streams '256'"),
    (["-c", "h", "--connections", "0"], "--connections '0'"),
    (["-c", "h", "--time", "0"], "--time '0'"),
    (["-c", "h", "-t", "1.5"], "--time '1.5'"),
    (["-c", "h", "--cc", "reno2"], "--cc 'reno2'"),
    (["-c", "h", "--datagram", "1199"], "--datagram '1199'"),
    (["-c", "h", "-4", "-6"], "-4 and -6 exclude each other"),
    (["-s", "--size", "1"], "the client's to say"),
    (["-s", "-t", "1"], "the client's to say"),
    (["-s", "--server-key", PUBLIC], "the server's own goes with --key"),
    (["-c", "h", "--insecure", "--server-key", PUBLIC], "--insecure and --server-key exclude"),
    (["-c", "h", "--key", "f"], "give --server-key, too"),
    (["-c", "h", "--authorized", "f"], "--authorized: it is for the server"),
    (["-s", "--psk", "f", "--authorized", "f"], "--psk and --authorized exclude each other"),
    (["-s", "--insecure", "--authorized", "f"], "--insecure and --authorized exclude"),
]


class Usage(Case):
    def test_errors(self):
        for arguments, words in ERRORS:
            with self.subTest(arguments=arguments):
                process = self.start(PERF, *arguments)
                self.assertEqual(process.wait(), 2, process.stderr)
                self.assertIn(words, process.stderr)
                self.assertEqual(process.lines, [])


class Runs(Case):
    def serve(self, *options):
        server = self.start(PERF, "-s", "--listen", "127.0.0.1:0", *options)
        server.port = int(server.expect(r"^listening on .*:(\d+)").group(1))
        return server

    def measure(self, server, *options):
        """The totals; lines before them are checked here."""
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "-t", "1", "--json", *options)
        self.assertEqual(client.wait(), 0, client.stderr)
        events = [json.loads(line) for line in client.lines]
        self.assertEqual([e["event"] for e in events], ["start", "interval", "totals"])
        totals = events[-1]
        self.assertGreater(totals["messages"], 0)
        self.assertEqual(totals["bytes"], totals["messages"] * events[0]["size"])
        self.assertGreater(totals["mbit_per_s"], 0)
        self.assertGreater(totals["packets_sent"], 0)
        for side in ("client_cpu_s", "server_cpu_s"):
            self.assertGreater(totals[side], 0)
        return events

    def check_latency(self, totals, count=None):
        values = list(totals["latency_ms"].values())
        self.assertEqual(list(totals["latency_ms"]), ["min", "p50", "p99", "p999", "max"])
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[-1], 0)
        if count:
            self.assertEqual(totals["messages"], count)

    def test_bulk(self):
        server = self.serve()
        for options in ([], ["--reverse"], ["--size", "1"], ["--streams", "255", "--size", "100"],
                        ["--connections", "3"], ["--size", "16777216", "--streams", "2"],
                        ["--datagram", "65507", "--cc", "newreno"]):
            with self.subTest(options=options):
                start, interval, totals = self.measure(server, *options)
                self.assertEqual(start["cipher"], "AES-256-GCM")
                self.assertIsNone(totals["latency_ms"])
                # A receiver knows nothing of resending and windows.
                self.assertEqual(interval["window_bytes"] is None, "--reverse" in options)

    def test_request_response(self):
        server = self.serve()
        for options in ([], ["--streams", "20", "--connections", "2"],
                        ["--size", "2000000", "--streams", "3"]):
            with self.subTest(options=options):
                totals = self.measure(server, "--mode", "rr", *options)[-1]
                self.check_latency(totals)

    def test_rate(self):
        server = self.serve()
        for options in ([], ["--reverse"], ["--streams", "4", "--connections", "3"]):
            with self.subTest(options=options):
                totals = self.measure(server, "--rate", "80kbit", "--size", "100", *options)[-1]
                self.check_latency(totals)
                self.assertEqual(totals["clock_error_ms"], 0)

    def test_insecure(self):
        server = self.serve("--insecure")
        start = self.measure(server, "--insecure")[0]
        self.assertEqual((start["cipher"], start["authenticated"]), ("none", False))
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port)
        self.assertEqual(client.wait(), 1)
        self.assertEqual(client.stderr, "belay-perf: 127.0.0.1:%d refused the connection: the server "
                         "speaks in the clear: both sides must be insecure, or neither\n" % server.port)

    def test_keys(self):
        server = self.serve()
        command = server.expect(r"^clients: belay-perf -c 127\.0\.0\.1:\d+ --server-key (\S+)$")
        self.assertTrue(self.measure(server, "--server-key", command.group(1))[0]["authenticated"])
        self.assertFalse(self.measure(server)[0]["authenticated"])
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "--server-key", PUBLIC)
        self.assertEqual(client.wait(), 1)
        self.assertIn("key", client.stderr)
        server.expect_error(r"^belay-perf: 127\.0\.0\.1:\d+: refused a client: the client expects "
                            "another key of this server$")

    def keygen(self, path):
        process = self.start(harness.KEYGEN, path)
        self.assertEqual(process.wait(), 0, process.stderr)
        return process.lines[0]

    def test_authorized(self):
        place = self.folder()
        paths = {name: os.path.join(place, name) for name in ("server", "alice", "mallory", "list")}
        public = {name: self.keygen(paths[name]) for name in ("server", "alice", "mallory")}
        with open(paths["list"], "w", encoding="ascii") as file:
            file.write(public["alice"] + " Alice\n")
        os.chmod(paths["list"], 0o644)
        server = self.serve("--key", paths["server"], "--authorized", paths["list"])
        server.expect(r"^clients: belay-perf -c \S+ --server-key \S+ --key FILE$")
        known = ["--server-key", public["server"], "--key"]
        self.measure(server, *known, paths["alice"])
        server.expect(r"^127\.0\.0\.1:\d+ connected as Alice$")
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, *known, paths["mallory"])
        self.assertEqual(client.wait(), 1)
        self.assertIn("does not let this key in", client.stderr)
        server.expect_error(r"^belay-perf: 127\.0\.0\.1:\d+: refused a client: its key is not in "
                            f"{re.escape(paths['list'])}: {re.escape(public['mallory'])}$")
        nobody = self.start(PERF, "-s", "--listen", "127.0.0.1:0", "--authorized", place + "/none")
        self.assertEqual(nobody.wait(), 1)
        self.assertIn("No such file", nobody.stderr)

    def test_key_log(self):
        place = self.folder()
        paths = [os.path.join(place, side) for side in ("server", "client")]
        server = self.serve("--key-log", paths[0])
        self.measure(server, "--key-log", paths[1], "--connections", "2")
        logs = []
        for path in paths:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with open(path, encoding="ascii") as file:
                logs.append(sorted(file.read().splitlines()))
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(len(logs[0]), 4)  # two a connection
        server.expect_error(r"^belay-perf: warning: --key-log: whoever has ")
        for side in (["-s", "--listen", "127.0.0.1:0"], ["-c", "127.0.0.1:%d" % server.port]):
            process = self.start(PERF, *side, "--key-log", place + "/none/log")
            self.assertEqual(process.wait(), 1)
            self.assertIn("No such file", process.stderr)

    def test_text(self):
        server = self.serve()
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "-t", "2", "--rate", "1mbit")
        self.assertEqual(client.wait(), 0, client.stderr)
        self.assertEqual(client.stderr, "belay-perf: the server is not authenticated: --server-key "
                         "makes sure who answers\n")
        self.assertEqual(len(client.lines), 8, client.lines)
        self.assertRegex(client.lines[0], r"^rate to 127\.0\.0\.1:\d+, cipher AES-256-GCM: ")
        self.assertRegex(client.lines[3], r"^ +1\.0-2\.0 +\d+ +\d+\.\d\d +\d+ +\d+\.\d{3} +\d+$")
        self.assertRegex(client.lines[6], r"^one-way latency min/p50/p99/p99\.9/max = ")
        self.assertRegex(client.lines[7], r"^CPU of a core: client .* %, server .* %$")
        quiet = self.start(PERF, "-q", "-c", "127.0.0.1:%d" % server.port, "-t", "1")
        self.assertEqual(quiet.wait(), 0)
        self.assertEqual(quiet.stderr, "")
        self.assertEqual(len(quiet.lines), 3, quiet.lines)

    def test_what_fails_is_named(self):
        server = self.serve()
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "--size", "16777217")
        self.assertEqual(client.wait(), 1)
        self.assertIn("16777216 bytes is the most", client.stderr)
        server.signal()
        self.assertEqual(server.wait(), 0, server.stderr)
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port)
        self.assertEqual(client.wait(), 1)
        self.assertEqual(client.stderr, "belay-perf: connection refused: nothing listens at "
                         "127.0.0.1:%d\n" % server.port)
        client = self.start(PERF, "-c", "nosuch.invalid")
        self.assertEqual(client.wait(), 1)
        self.assertRegex(client.stderr, "^belay-perf: no address for host nosuch.invalid: [^:]*$")

    def test_other_clients_are_refused_and_a_server_ends_under_load(self):
        server = self.serve()
        other = self.run_client("--count", "3", "127.0.0.1:%d" % server.port)
        self.assertEqual(other.code, 1)
        self.assertIn("belay-perf", other.stderr)
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "-t", "60")
        client.expect(r"^ +0\.0-\d+\.\d ")
        server.signal()
        self.assertEqual(server.wait(), 0, server.stderr)
        self.assertEqual(client.wait(), 1)
        self.assertIn("the server was ended", client.stderr)

    def test_an_echo_server_is_no_belay_perf(self):
        server = self.start_server("--quiet")
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port)
        self.assertEqual(client.wait(), 1)
        self.assertIn("our own words come back: is the other side an echo server?", client.stderr)

    def test_a_signal_ends_the_time_early(self):
        server = self.serve()
        client = self.start(PERF, "-c", "127.0.0.1:%d" % server.port, "-t", "60")
        client.expect(r"^ +0\.0-\d+\.\d ")
        client.signal()
        self.assertEqual(client.wait(), 0, client.stderr)
        self.assertTrue(any(re.match(r"--- \d+ messages", line) for line in client.lines))


if __name__ == "__main__":
    harness.main()
