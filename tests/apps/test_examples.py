"""The README's programs: short enough, and they work."""

import os
import re
import shutil
import socket
import subprocess
import time
import unittest

import harness
from harness import SOURCE, Case

SERVER = os.environ["BELAY_EXAMPLE_SERVER"]
CLIENT = os.environ["BELAY_EXAMPLE_CLIENT"]
MOST_LINES = {"echo_server.c": 25, "echo_client.c": 30}


def lines_of_code(path):
    """Lines that hold more than blanks and comments."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    return sum(1 for line in text.split("\n") if line.strip())


class Examples(Case):
    def path(self, name):
        return os.path.join(SOURCE, "examples", name)

    def test_length(self):
        for name, most in MOST_LINES.items():
            self.assertLessEqual(lines_of_code(self.path(name)), most, name)
            with open(self.path(name), encoding="utf-8") as file:
                self.assertTrue(all(len(line) <= 97 for line in file), name)

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_layout(self):
        for name in MOST_LINES:
            subprocess.run(["clang-format", "--dry-run", "--Werror", self.path(name)],
                           check=True, timeout=60)

    def test_they_talk(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("", 0))
            os.environ["EXAMPLE_PORT"] = str(sock.getsockname()[1])
        server = self.start(SERVER)
        deadline = time.monotonic() + harness.WAIT_S
        while True:
            client = self.start(CLIENT, "127.0.0.1")
            status = client.wait()
            # The server says nothing; a client that comes before its socket is refused.
            if status == 0 or "refused" not in client.stderr:
                break
            self.assertLess(time.monotonic(), deadline, "the server did not bind its port")
            self.assertIsNone(server.process.poll(), "the server ended")
        self.assertEqual(status, 0, client.stderr)
        self.assertEqual(client.lines, ["received 'Hello world!'"])
        self.assertIsNone(server.process.poll())

    def test_failures_are_said(self):
        os.environ["EXAMPLE_PORT"] = "9"
        client = self.start(CLIENT, "no-such-host.invalid")
        self.assertEqual(client.wait(), 1)
        self.assertNotEqual(client.stderr, "")


if __name__ == "__main__":
    harness.main()
