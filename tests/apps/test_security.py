"""Who talks to whom, what both sides say of it, and what of it is to be seen on the way."""

import json
import os
import re
import select
import shlex
import socket
import stat
import subprocess
import threading

import harness
from harness import CLIENT, KEYGEN, SERVER, WAIT_S, Case

TEXT = "a sentence that nobody on the way is to read"
UNKNOWN = ("belay-echo-client: the server is not authenticated: --server-key makes sure who "
           "answers\n")
CIPHERS = ("AES-256-GCM", "ChaCha20-Poly1305")


class Tap(threading.Thread):
    """A UDP relay between one client and a server, which keeps what passes."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                                 for _ in range(2))
        self.front.bind(("127.0.0.1", 0))
        self.back.connect(("127.0.0.1", port))
        self.port = self.front.getsockname()[1]
        self.name = f"127.0.0.1:{self.back.getsockname()[1]}"  # as the server sees the client
        self.stopper = os.pipe()
        self.datagrams = []
        self.start()

    def run(self):
        client = None
        while True:
            ready, _, _ = select.select([self.front, self.back, self.stopper[0]], [], [])
            if self.stopper[0] in ready:
                return
            try:
                if self.front in ready:
                    data, client = self.front.recvfrom(65536)
                    self.datagrams.append(data)
                    self.back.send(data)
                if self.back in ready:
                    data = self.back.recv(65536)
                    self.datagrams.append(data)
                    self.front.sendto(data, client)
            except ConnectionError:
                pass  # one side is gone

    def stop(self):
        os.write(self.stopper[1], b"x")
        self.join(WAIT_S)
        self.front.close()
        self.back.close()
        for end in self.stopper:
            os.close(end)
        return self.datagrams


class Keys(Case):
    """Two key pairs a side, two secrets, a list with the client's first key."""

    @classmethod
    def setUpClass(cls):
        cls.place = harness.tempfile.TemporaryDirectory(prefix="belay-test-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.public = {}
        for name in ("server", "other", "alice", "mallory"):
            cls.public[name] = cls.keygen(cls.path(name)).strip()
        for name in ("psk", "psk2"):
            cls.keygen("--psk", cls.path(name))
        with open(cls.path("list"), "w", encoding="utf-8") as file:
            file.write(f"# who may\n{cls.public['alice']} Alice's löptop\n")
        os.chmod(cls.path("list"), 0o644)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.place.name, name)

    @classmethod
    def keygen(cls, *arguments):
        return subprocess.run([KEYGEN, *arguments], check=True, capture_output=True, text=True,
                              timeout=WAIT_S).stdout

    def words(self, text):
        """The options in text, with @NAME for a file and %NAME for a public key."""
        words = []
        for word in text.split():
            words.append(self.path(word[1:]) if word[0] == "@" else
                         self.public[word[1:]] if word[0] == "%" else word)
        return words

    def start_keyed(self, options, *more):
        return self.start_server(*self.words(options), *more)

    def run_keyed(self, options, port, *more):
        return self.run_client(*self.words(options), *more, f"127.0.0.1:{port}", TEXT)


# server, client, whether the client knows whom it talks to
MODES = {
    "NN": ("", "", False),
    "NN at a server with a key": ("--key @server", "", False),
    "NK": ("--key @server", "--server-key %server", True),
    "IK, which nobody asked for": ("--key @server", "--server-key %server --key @alice", True),
    "IK": ("--key @server --authorized @list", "--server-key %server --key @alice", True),
    "NNpsk0": ("--psk @psk", "--psk @psk", True),
    "NNpsk0 at a server with a key": ("--key @server --psk @psk", "--psk @psk", True),
    "NKpsk2": ("--key @server --psk @psk", "--server-key %server --psk @psk", True),
    "insecure": ("--insecure", "--insecure", False),
}

# server, client, the client's sentence after its name and the address, the server's
REFUSED = {
    "a wrong server key": (
        "--key @server", "--server-key %other",
        "cannot connect to ADDR: the client expects another key of this server: check "
        "--server-key",
        "refused a client: the client expects another key of this server"),
    "a wrong server key, and a key to show": (
        "--key @server --authorized @list", "--server-key %other --key @alice",
        "cannot connect to ADDR: the client expects another key of this server: check "
        "--server-key",
        "refused a client: the client expects another key of this server"),
    "a key from before the restart": (
        "", "--server-key %server",
        "cannot connect to ADDR: the client expects another key of this server: check "
        "--server-key",
        "refused a client: the client expects another key of this server"),
    "an unauthorized client": (
        "--key @server --authorized @list", "--server-key %server --key @mallory",
        "ADDR refused the connection: the server does not let this key in: whoever runs it adds "
        "this to --authorized: %mallory",
        "refused a client: its key is not in @list: %mallory"),
    "a client without a key": (
        "--key @server --authorized @list", "--server-key %server",
        "ADDR refused the connection: the server lets in only known clients: show a key of your "
        "own, and expect the server's: --key FILE",
        "refused a client: the server lets in only known clients: show a key of your own, and "
        "expect the server's"),
    "a client without any key": (
        "--key @server --authorized @list", "",
        "ADDR refused the connection: the server lets in only known clients: show a key of your "
        "own, and expect the server's: --key FILE and --server-key TEXT",
        "refused a client: the server lets in only known clients: show a key of your own, and "
        "expect the server's"),
    "different secrets": (
        "--psk @psk", "--psk @psk2",
        "cannot connect to ADDR: the shared secrets of client and server differ: check --psk",
        "refused a client: the shared secrets of client and server differ"),
    "a secret, and a wrong server key": (
        "--key @server --psk @psk", "--server-key %other --psk @psk",
        "cannot connect to ADDR: the client expects another key of this server",
        "refused a client: the client expects another key of this server"),
    "no secret": (
        "--psk @psk", "",
        "ADDR refused the connection: the server asks for a shared secret: --psk FILE",
        "refused a client: the server asks for a shared secret"),
    "a key instead of a secret": (
        "--key @server --psk @psk", "--server-key %server --key @alice",
        "ADDR refused the connection: the server asks for a shared secret: --psk FILE",
        "refused a client: the server asks for a shared secret"),
    "a secret that nobody asks for": (
        "--key @server", "--psk @psk",
        "ADDR refused the connection: the server has no shared secret: leave out --psk",
        "refused a client: the server has no shared secret"),
    "an insecure client": (
        "", "--insecure",
        "ADDR refused the connection: the server encrypts: both sides must be insecure, or "
        "neither",
        "refused a client: the server encrypts: both sides must be insecure, or neither"),
    "an insecure client where a secret is asked for": (
        "--psk @psk", "--insecure",
        "ADDR refused the connection: the server encrypts: both sides must be insecure, or "
        "neither",
        "refused a client: the server encrypts: both sides must be insecure, or neither"),
    "an insecure server": (
        "--insecure", "",
        "ADDR refused the connection: the server speaks in the clear: both sides must be "
        "insecure, or neither",
        "refused a client: the server speaks in the clear: both sides must be insecure, or "
        "neither"),
    "an insecure server, and a key": (
        "--insecure", "--server-key %server",
        "ADDR refused the connection: the server speaks in the clear: both sides must be "
        "insecure, or neither",
        "refused a client: the server speaks in the clear: both sides must be insecure, or "
        "neither"),
    "an insecure server, and a secret": (
        "--insecure", "--psk @psk",
        "ADDR refused the connection: the server speaks in the clear: both sides must be "
        "insecure, or neither",
        "refused a client: the server speaks in the clear: both sides must be insecure, or "
        "neither"),
}


class Modes(Keys):
    def test_each(self):
        for name, (server_options, client_options, is_known) in MODES.items():
            with self.subTest(mode=name):
                server = self.start_keyed(server_options)
                tap = Tap(server.port)
                client = self.run_keyed(client_options, tap.port)
                self.assertEqual(client.lines, [f"sending '{TEXT}'", f"received '{TEXT}'"])
                self.assertEqual(client.code, 0)
                if name == "insecure":
                    self.assertIn("nothing is encrypted", client.stderr)
                else:
                    self.assertEqual(client.stderr, "" if is_known else UNKNOWN)
                self.stop_server(server)
                self.assertEqual(server.stderr, "")
                in_the_clear = any(TEXT.encode() in data for data in tap.stop())
                self.assertEqual(in_the_clear, name == "insecure")

    def test_summary(self):
        for name, (server_options, client_options, is_known) in MODES.items():
            with self.subTest(mode=name):
                server = self.start_keyed(server_options, "--quiet")
                summary = self.run_json(*self.words(client_options), "--count", "20",
                                        f"127.0.0.1:{server.port}")
                self.check_complete(summary, 20)
                self.assertEqual(summary["server_authenticated"], is_known)
                self.assertIn(summary["cipher"], ["none"] if name == "insecure" else CIPHERS)
                self.stop_server(server)
                self.assertEqual(len(server.lines), 2, server.lines)

    def test_the_names_of_clients(self):
        for options, connected in (
                ([], r"^127\.0\.0\.1:\d+ connected as Alice's löptop$"),
                (["--json"], r'^{"event":"connected","peer":"[^"]+","name":"Alice\'s '
                             r'l(ö|\\u00f6)ptop"}$')):
            server = self.start_keyed("--key @server --authorized @list", *options)
            client = self.run_keyed("--server-key %server --key @alice", server.port)
            self.assertEqual(client.code, 0, client.stderr)
            server.expect(connected)

    def test_a_key_that_nobody_asked_for_has_no_name(self):
        server = self.start_keyed("--key @server")
        self.run_keyed("--server-key %server --key @alice", server.port)
        server.expect(r"^127\.0\.0\.1:\d+ connected$")

    def test_the_server_key_from_a_file(self):
        path = os.path.join(self.folder(), "server.pub")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"# the server's\n{self.public['server']}\n")
        os.chmod(path, 0o644)
        server = self.start_keyed("--key @server")
        client = self.run_keyed("", server.port, "--server-key-file", path)
        self.assertEqual((client.code, client.stderr), (0, ""))
        client = self.run_keyed("--server-key-file @server", server.port)
        self.check_failure(client, f"{self.path('server')}: this is a private key")


class Refusals(Keys):
    def sentence(self, text, port):
        text = re.sub(r"[@%]\w+", lambda match: self.words(match.group())[0], text)
        return text.replace("ADDR", f"127.0.0.1:{port}")

    def check_nothing_passed(self, server, tap):
        self.assertTrue(self.stop_server(server).startswith("--- 0 messages"))
        self.assertIn(" 0 connections, 0 failed", server.lines[-1])
        datagrams = tap.stop()
        self.assertGreater(len(datagrams), 1)
        for data in datagrams:
            self.assertNotIn(TEXT.encode(), data)

    def test_each(self):
        for name, (server_options, client_options, clients, servers) in REFUSED.items():
            with self.subTest(refused=name):
                server = self.start_keyed(server_options)
                tap = Tap(server.port)
                client = self.run_keyed(client_options, tap.port)
                self.assertEqual(client.stderr, "belay-echo-client: " +
                                 self.sentence(clients, tap.port) + "\n")
                self.assertEqual((client.code, client.lines), (1, []))
                self.check_nothing_passed(server, tap)
                self.assertEqual(set(server.stderr.splitlines()),  # once, or once a second
                                 {f"belay-echo-server: {tap.name}: " +
                                  self.sentence(servers, tap.port)})

    def test_only_the_client_can_tell(self):
        """The server learns of it when the half-open connection expires."""
        server = self.start_keyed("--key @server --psk @psk")
        tap = Tap(server.port)
        client = self.run_keyed("--server-key %server --psk @psk2", tap.port)
        self.assertEqual(client.stderr,
                         f"belay-echo-client: cannot connect to 127.0.0.1:{tap.port}: the shared "
                         "secrets of client and server differ\n")
        self.assertEqual((client.code, client.lines), (1, []))
        server.expect_error(r"^belay-echo-server: 127\.0\.0\.1:\d+: a client never confirmed "
                            "its handshake: its shared secret may differ from ours$")
        self.check_nothing_passed(server, tap)
        self.assertEqual(len(set(server.stderr.splitlines())), 1, server.stderr)

    def test_json_keeps_to_its_form(self):
        server = self.start_keyed("--key @server", "--json")
        client = self.run_keyed("--server-key %other", server.port, "--json")
        self.assertEqual((client.code, len(client.lines)), (1, 1))
        summary = json.loads(client.lines[0])
        self.assertEqual((summary["server_authenticated"], summary["cipher"]), (False, "none"))
        self.assertIn("another key", client.stderr)
        self.stop_server(server)
        for line in server.lines:
            json.loads(line)

    def test_a_peer_cannot_write_to_the_terminal(self):
        rude = self.start(os.environ["BELAY_RUDE_PEER"])
        port = rude.expect(r"^(\d+)$").group(1)
        client = self.run_client("--quiet", f"127.0.0.1:{port}", "x")
        self.check_failure(client, "?[2Jgone?")
        server = self.start_server()
        self.assertEqual(self.start(os.environ["BELAY_RUDE_PEER"], str(server.port)).wait(), 0)
        server.expect(r"failed: .*\?\[2Jgone\?$")


class Shown(Keys):
    """What a server prints for its clients."""

    def command(self, server, pattern=r"^clients: (belay-echo-client .*)$"):
        return shlex.split(server.expect(pattern).group(1))

    def run_command(self, command):
        self.assertEqual(command[0], "belay-echo-client")
        client = self.run_client(*command[1:], TEXT)
        self.assertEqual((client.code, client.lines[-1]), (0, f"received '{TEXT}'"),
                         client.stderr)
        return client

    def test_a_temporary_key(self):
        keys = set()
        for _ in range(2):
            server = self.start_server()
            self.assertIn("temporary", server.next_line())
            command = self.command(server)
            self.assertEqual(command[3], f"127.0.0.1:{server.port}")
            self.assertEqual(self.run_command(command).stderr, "")
            keys.add(command[2])
        self.assertEqual(len(keys), 2)

    def test_every_address_is_localhost_here(self):
        server = self.start_server(listen=":0")
        command = self.command(server)
        self.assertEqual(command[3], f"localhost:{server.port}")
        self.run_command(command)

    def test_a_key_of_ones_own(self):
        server = self.start_keyed("--key @server")
        line = server.next_line()
        self.assertEqual(line, f"clients: belay-echo-client --server-key "
                               f"{self.public['server']} 127.0.0.1:{server.port}")

    def test_other_options(self):
        for options in ("--psk @psk", "--psk @psk --key @server", "--insecure"):
            with self.subTest(options=options):
                server = self.start_keyed(options)
                command = self.command(server)
                self.assertEqual("--server-key" in command, "--key" in options)
                self.run_command(command)

    def test_authorized(self):
        server = self.start_keyed("--key @server --authorized @list")
        command = self.command(server)
        self.assertEqual(command[3:5], ["--key", "FILE"])
        command[4] = self.path("alice")
        self.run_command(command)

    def test_nobody_is_authorized(self):
        empty = self.path("empty")
        with open(empty, "w") as file:
            file.write("# nobody yet\n")
        server = self.start_server("--key", self.path("server"), "--authorized", empty)
        client = self.run_client("--count", "1", "--server-key", self.public["server"], "--key",
                                 self.path("alice"), "127.0.0.1:%d" % server.port)
        self.assertEqual(client.code, 1)
        self.stop_server(server)
        self.assertIn("belay-echo-server: %s: no key is in it: nobody will be let in\n" % empty,
                      server.stderr)
        self.assertIn("refused a client: its key is not in " + empty, server.stderr)

    def test_json(self):
        for options, key, temporary in (
                ("", r"^belay-public:.{44}$", True),
                ("--key @server", f"^{re.escape(self.public['server'])}$", False),
                ("--psk @psk", None, False), ("--insecure", None, False)):
            server = self.start_keyed(options, "--json")
            event = json.loads(server.next_line())
            self.assertEqual(list(event), ["event", "command", "key", "temporary"])
            self.assertEqual((event["event"], event["temporary"]), ("clients", temporary))
            if key:
                self.assertRegex(event["key"], key)
                self.assertIn(event["key"], event["command"])
            else:
                self.assertIsNone(event["key"])
            self.run_command(shlex.split(event["command"]))

    def test_plain_has_nothing_to_show(self):
        server = self.start_server("--plain")
        self.stop_server(server)
        self.assertEqual(len(server.lines), 2)


class KeyLog(Keys):
    LINE = r"^BELAY_(CLIENT|SERVER)_SECRET [0-9a-f]{16} [0-9a-f]{64}$"

    def lines(self, path):
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()

    def test_both_sides_log_the_same(self):
        place = self.folder()
        paths = [os.path.join(place, side) for side in ("server", "client")]
        server = self.start_server("--quiet", "--key-log", paths[0])
        for count in (2, 4):
            client = self.run_keyed("", server.port, "--quiet", "--key-log", paths[1])
            self.assertEqual(client.code, 0, client.stderr)
            self.assertRegex(client.stderr, "^belay-echo-client: warning: --key-log: whoever "
                                            "has .* can decrypt these connections")
            logs = [self.lines(path) for path in paths]
            self.assertEqual(logs[0], logs[1])
            self.assertEqual(len(logs[0]), count)
            for line in logs[0]:
                self.assertRegex(line, self.LINE)
        for path in paths:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.stop_server(server)
        self.assertIn("belay-echo-server: warning: --key-log", server.stderr)

    def test_a_file_of_others(self):
        path = os.path.join(self.folder(), "log")
        with open(path, "w", encoding="ascii"):
            os.chmod(path, 0o644)
        for program, *operands in ((SERVER, "--listen", "127.0.0.1:0"), (CLIENT, "localhost")):
            process = self.start(program, "--key-log", path, *operands)
            self.assertEqual(process.wait(), 1)
            self.assertIn(f"--key-log {path}: others may read or change it", process.stderr)
        process = self.start(SERVER, "--listen", "127.0.0.1:0", "--key-log", path + "/none")
        self.assertEqual(process.wait(), 1)
        self.assertIn("Not a directory", process.stderr)

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        server = self.start_server("--quiet")
        client = self.run_keyed("", server.port, "--key-log", "/dev/full")
        self.assertEqual(client.code, 0, client.stderr)
        self.assertEqual(client.stderr.count("no more is logged"), 1)


if __name__ == "__main__":
    harness.main()
