"""Runs the programs under test; Python's standard library only.

Nothing here sleeps to wait for something: a program is ready when it has printed its line, a
port is the one that it printed, and every wait has an end that fails the test.
"""

import contextlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

WAIT_S = 30  # far more than anything needs; only a hang gets there

SERVER = os.environ["BELAY_ECHO_SERVER"]
CLIENT = os.environ["BELAY_ECHO_CLIENT"]
KEYGEN = os.environ["BELAY_KEYGEN"]
NETSIM = os.environ.get("BELAY_NETSIM", "")
SOURCE = os.environ["BELAY_SOURCE"]

SUMMARY_KEYS = ["sent", "received", "lost", "duplicates", "out_of_order", "corrupted",
                "rtt_us", "wire_bytes", "retransmitted", "cipher", "server_authenticated",
                "datagram_bytes", "packets_lost", "packets_spurious", "ecn", "path_changes"]
PATH_KEYS = SUMMARY_KEYS[-5:]


@contextlib.contextmanager
def closed_port():
    """A port of 127.0.0.1 where nobody listens, nor can before this ends: its socket hears itself
    alone, so who else sends there is told that it is closed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        yield sock.getsockname()[1]


class Program:
    """A running program whose output is read line by line."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.queue = queue.Queue()
        self.error_queue = queue.Queue()
        self.lines = []
        self.errors = []
        self.threads = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self.threads:
            thread.start()

    def _read_lines(self):
        for line in self.process.stdout:
            self.queue.put(line.rstrip("\n"))
        self.queue.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)
            self.error_queue.put(line.rstrip("\n"))
        self.error_queue.put(None)

    def next_line(self):
        """The next line of stdout; None at its end."""
        line = self.queue.get(timeout=WAIT_S)
        if line is not None:
            self.lines.append(line)
        return line

    def expect(self, pattern):
        """Reads on to the line that matches, and gives the match."""
        while (line := self.next_line()) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "\n".join(self.lines) +
                             "\n" + "".join(self.errors))

    def expect_error(self, pattern):
        """Reads on to the line of stderr that matches, and gives it."""
        while (line := self.error_queue.get(timeout=WAIT_S)) is not None:
            if re.search(pattern, line):
                return line
        raise AssertionError(f"no line of stderr matches {pattern!r}:\n{self.stderr}")

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def wait(self):
        """Reads to the end; the exit code."""
        while self.next_line() is not None:
            pass
        code = self.process.wait(WAIT_S)
        for thread in self.threads:
            thread.join(WAIT_S)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(WAIT_S)
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def stderr(self):
        return "".join(self.errors)


class Case(unittest.TestCase):
    """A test that kills what it started."""

    def start(self, *argv):
        program = Program(*argv)
        self.addCleanup(program.kill)
        return program

    def folder(self):
        """A new one, which goes with the test."""
        folder = tempfile.TemporaryDirectory(prefix="belay-test-")
        self.addCleanup(folder.cleanup)
        return folder.name

    def start_server(self, *options, listen="127.0.0.1:0"):
        server = self.start(SERVER, "--listen", listen, *options)
        server.port = int(server.expect(r'^(?:listening on .*:|.*"port":)(\d+)').group(1))
        return server

    def stop_server(self, server):
        server.signal()
        self.assertEqual(server.wait(), 0, server.stderr)
        return server.lines[-1]

    def run_client(self, *options):
        client = self.start(CLIENT, *options)
        client.code = client.wait()
        return client

    def run_json(self, *options, code=0):
        """The client's one JSON object."""
        client = self.run_client("--json", *options)
        self.assertEqual(client.code, code, client.stderr)
        self.assertEqual(len(client.lines), 1, client.lines)
        summary = json.loads(client.lines[0])
        self.assertEqual(list(summary), SUMMARY_KEYS)
        self.assertEqual(list(summary["rtt_us"]), ["min", "p50", "p99", "p999", "max"])
        return summary

    def check_complete(self, summary, count):
        wanted = {"sent": count, "received": count, "lost": 0, "duplicates": 0,
                  "out_of_order": 0, "corrupted": 0}
        self.assertEqual({key: summary[key] for key in wanted}, wanted)
        rtt = summary["rtt_us"]
        times = [rtt[key] for key in ("min", "p50", "p99", "p999", "max")]
        self.assertEqual(times, sorted(times))

    def check_failure(self, client, *words):
        self.assertEqual(client.code, 1, client.stderr)
        for word in words:
            self.assertIn(word, client.stderr)


def main():
    unittest.main(verbosity=2)
