"""Usage: what is wrong is named, with exit code 2; --help, man pages and code agree."""

import os
import re
import subprocess
import unittest

import harness
from harness import CLIENT, KEYGEN, SERVER, SOURCE, Case

PUBLIC = "belay-public:uREIgMVkRq15bf4k5gJT/6WmPqSPKo8IBKaSTRGcK28="
PRIVATE = PUBLIC.replace("public", "private")
PSK = PUBLIC.replace("public", "psk")

CLIENT_ERRORS = [
    ([], "no HOST"),
    (["--bogus", "h"], "bogus"),
    (["--count"], "count"),
    (["--count", "0", "h"], "--count '0': not a whole number from 1 to"),
    (["--count", "ten", "h"], "--count 'ten'"),
    (["--count", "-1", "h"], "--count '-1'"),
    (["--count", "", "h"], "--count ''"),
    (["--count", "99999999999999999999999", "h"], "--count"),
    (["--size", "1k", "h"], "--size '1k'"),
    (["--interval", "-1", "h"], "--interval '-1'"),
    (["--interval", "nan", "h"], "--interval 'nan'"),
    (["--interval", "1e3", "h"], "--interval '1e3'"),
    (["--timeout", "0", "h"], "--timeout '0': not a decimal number above 0"),
    (["--timeout", ".", "h"], "--timeout '.'"),
    (["--channel", "256", "h"], "--channel '256': not a whole number from 0 to 255"),
    (["--channels", "0", "h"], "--channels '0'"),
    (["--channel", "250", "--channels", "7", "h"], "the last channel is 255"),
    (["--plain", "--channel", "1", "h"], "plain UDP has no channels"),
    (["--plain", "--channels", "2", "h"], "plain UDP has no channels"),
    (["--cc"], "cc"),
    (["--cc", "reno2", "h"], "--cc 'reno2': congestion must be"),
    (["--cc", "", "h"], '"bbr", "cubic" or "newreno"'),
    (["--plain", "--cc", "bbr", "h"], "plain UDP has no congestion control"),
    (["-4", "-6", "h"], "-4 and -6"),
    (["--count", "5", "h", "word"], "'word'"),
    (["h:x"], "'h:x': the port must be a number"),
    (["h:"], "'h:': the port must be a number"),
    (["h:65536"], "the port must be a number from 0 to 65535"),
    (["h:0"], "from 1 to 65535"),
    ([":10000"], "the host is missing"),
    ([""], "the host is missing"),
    (["[::1"], "[::1]:10000"),
    (["[::1]x"], "[::1]:10000"),
    (["[]:1"], "[::1]:10000"),
    (["[::1]:"], "the port must be a number"),
    (["x" * 300], "longer than 255"),
    (["--server-key", "", "h"], "not a public key, which is 'belay-public:' and 44"),
    (["--server-key", "uREI", "h"], "'belay-keygen --public FILE' prints it"),
    (["--server-key", PUBLIC.upper(), "h"], "not a public key"),
    (["--server-key", PUBLIC[:-1], "h"], "44 characters after 'belay-public:', this one has 43"),
    (["--server-key", PUBLIC + "=", "h"], "this one has 45: copy it whole"),
    (["--server-key", PUBLIC[:-3] + "-8=", "h"], "is not the base64 of 32 bytes"),
    (["--server-key", PUBLIC[:-2] + "9=", "h"], "is not the base64 of 32 bytes"),
    (["--server-key", "belay-public:" + 43 * "A" + "=", "h"], "of nothing but zeros"),
    (["--server-key", PRIVATE, "h"], "this is a private key, which nobody else may see; a "
                                     "public key is wanted"),
    (["--server-key", PSK, "h"], "this is a shared secret, which nobody else may see; a "
                                 "public key is wanted"),
    (["--server-key", PUBLIC, "--server-key-file", "f", "h"], "exclude each other"),
    (["--key", "f", "h"], "give --server-key, too"),
    (["--key", "f", "--psk", "f", "--server-key", PUBLIC, "h"], "--key and --psk exclude"),
    (["--insecure", "--key", "f", "h"], "--insecure and --key exclude each other"),
    (["--insecure", "--psk", "f", "h"], "--insecure and --psk exclude each other"),
    (["--insecure", "--server-key", PUBLIC, "h"], "--insecure and --server-key exclude"),
    (["--insecure", "--server-key-file", "f", "h"], "--insecure and --server-key-file exclude"),
    (["--plain", "--insecure", "h"], "--plain and --insecure exclude each other"),
    (["--plain", "--key", "f", "h"], "--plain and --key exclude each other"),
    (["--plain", "--psk", "f", "h"], "--plain and --psk exclude each other"),
    (["--plain", "--server-key", PUBLIC, "h"], "--plain and --server-key exclude each other"),
    (["--plain", "--key-log", "f", "h"], "--plain and --key-log exclude each other"),
]

SERVER_ERRORS = [
    (["operand"], "'operand'"),
    (["--listen"], "listen"),
    (["--listen", "10000"], "written with a colon"),
    (["--listen", "127.0.0.1:x"], "the port must be a number"),
    (["--listen", "[::1:1"], "[::1]:10000"),
    (["--nonsense"], "nonsense"),
    (["--cc", "BBR"], '"bbr", "cubic" or "newreno"'),
    (["--plain", "--cc", "cubic"], "plain UDP has no congestion control"),
    (["--psk", "f", "--authorized", "f"], "--psk and --authorized exclude each other"),
    (["--insecure", "--key", "f"], "--insecure and --key exclude each other"),
    (["--insecure", "--psk", "f"], "--insecure and --psk exclude each other"),
    (["--insecure", "--authorized", "f"], "--insecure and --authorized exclude each other"),
    (["--plain", "--insecure"], "--plain and --insecure exclude each other"),
    (["--plain", "--key", "f"], "--plain and --key exclude each other"),
    (["--plain", "--psk", "f"], "--plain and --psk exclude each other"),
    (["--plain", "--authorized", "f"], "--plain and --authorized exclude each other"),
    (["--plain", "--key-log", "f"], "--plain and --key-log exclude each other"),
    (["--server-key", PUBLIC], "server-key"),
]

KEYGEN_ERRORS = [
    ([], "no FILE"),
    (["a", "b"], "'b': one FILE at a time"),
    (["--public"], "no FILE"),
    (["--public", "--psk", "f"], "--public and --psk exclude each other"),
    (["--public", "--force", "f"], "--public and --force exclude each other"),
    (["--nonsense", "f"], "nonsense"),
]

PROGRAMS = {"belay-echo-client": (CLIENT, "echo_client.c"),
            "belay-echo-server": (SERVER, "echo_server.c"),
            "belay-keygen": (KEYGEN, "keygen.c"),
            "belay-perf": (os.environ["BELAY_PERF"], "perf.c")}


class Usage(Case):
    def check_errors(self, program, table):
        for arguments, words in table:
            with self.subTest(arguments=arguments):
                process = self.start(program, *arguments)
                self.assertEqual(process.wait(), 2, process.stderr)
                self.assertIn(words, process.stderr)
                self.assertIn("--help", process.stderr)
                self.assertEqual(process.lines, [])

    def test_client_errors(self):
        self.check_errors(CLIENT, CLIENT_ERRORS)

    def test_server_errors(self):
        self.check_errors(SERVER, SERVER_ERRORS)

    def test_keygen_errors(self):
        self.check_errors(KEYGEN, KEYGEN_ERRORS)

    def test_a_secret_in_the_wrong_place_is_not_said_again(self):
        for secret in (PRIVATE, PSK):
            process = self.start(CLIENT, "--server-key", secret, "h")
            self.assertEqual(process.wait(), 2)
            self.assertNotIn(secret.split(":")[1], process.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_output_that_cannot_be_written(self):
        for name, (program, _) in PROGRAMS.items():
            with self.subTest(program=name), open("/dev/full", "wb") as full:
                done = subprocess.run([program, "--help"], stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=60)
                self.assertEqual(done.returncode, 1)
                self.assertIn("standard output", done.stderr)

    def test_version(self):
        for name, (program, _) in PROGRAMS.items():
            process = self.start(program, "--version")
            self.assertEqual(process.wait(), 0)
            self.assertRegex(process.lines[0], rf"^{name} \d+\.\d+\.\d+")


class Pages(Case):
    def options_of_help(self, program):
        process = self.start(program, "--help")
        self.assertEqual((process.wait(), process.stderr), (0, ""))
        self.assertTrue(all(len(line) <= 80 for line in process.lines))
        heads = [line for line in process.lines if re.match(r"  -", line)]
        return set(re.findall(r"(?<!\S)--?[a-z0-9][a-z0-9-]*",
                              "\n".join(line[:22] for line in heads)))

    def options_of_man(self, name):
        with open(os.path.join(SOURCE, "docs", "man", name + ".1"), encoding="utf-8") as file:
            lines = file.read().split("\n")
        heads = [lines[i + 1] for i, line in enumerate(lines) if line == ".TP"]
        return set(re.findall(r"(?<!\S)--?[a-z0-9][a-z0-9-]*",
                              "\n".join(heads).replace("\\-", "-")))

    def options_of_source(self, file):
        with open(os.path.join(SOURCE, "apps", file), encoding="utf-8") as source:
            text = source.read()
        rows = re.findall(r"^    \{(\w+|'.'), (NULL|\"[\w-]+\"),", text, re.MULTILINE)
        self.assertTrue(rows)
        options = {"--help", "--version"}
        for key, name in rows:
            options |= {"-" + key.strip("'")} if key.startswith("'") else set()
            options |= {"--" + name.strip('"')} if name != "NULL" else set()
        return options

    def test_help_man_and_code_name_the_same_options(self):
        for name, (program, file) in PROGRAMS.items():
            with self.subTest(program=name):
                source = self.options_of_source(file)
                self.assertEqual(self.options_of_help(program), source)
                self.assertEqual(self.options_of_man(name), source)

    def test_man_pages_are_clean(self):
        for name in PROGRAMS:
            page = os.path.join(SOURCE, "docs", "man", name + ".1")
            try:
                man = subprocess.run(["man", "-l", "--warnings", "-Tutf8", page],
                                     env={**os.environ, "MANROFFOPT": ""}, check=False,
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            except FileNotFoundError:
                self.skipTest("man is not installed")
            self.assertEqual((man.returncode, man.stderr.decode()), (0, ""))
            self.assertIn(b"SYNOPSIS", re.sub(b".\b", b"", man.stdout))


if __name__ == "__main__":
    harness.main()
