"""belay-keygen, and the key files that the programs read."""

import base64
import os
import resource
import signal
import stat
import subprocess

import harness
from harness import CLIENT, KEYGEN, SERVER, WAIT_S, Case

TEXT = {"private": r"^belay-private:[A-Za-z0-9+/]{43}=\n$",
        "public": r"^belay-public:[A-Za-z0-9+/]{43}=\n$",
        "psk": r"^belay-psk:[A-Za-z0-9+/]{43}=\n$"}


def content(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def full_disk():
    """In the child: every write fails."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class Files(Case):
    def setUp(self):
        self.place = self.folder()
        self.file = os.path.join(self.place, "key")

    def keygen(self, *arguments, **how):
        return subprocess.run([KEYGEN, *arguments], capture_output=True, text=True,
                              timeout=WAIT_S, check=False, **how)

    def make(self, *arguments):
        done = self.keygen(*arguments, self.file)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def check_refused(self, done, *words):
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for word in (self.file, *words):
            self.assertIn(word, done.stderr)


class Keygen(Files):
    def test_a_private_key(self):
        public = self.make()
        self.assertRegex(public, TEXT["public"])
        self.assertRegex(content(self.file), TEXT["private"])
        self.assertNotEqual(content(self.file).split(":")[1], public.split(":")[1])
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        done = self.keygen("--public", self.file)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, public, ""))
        self.assertEqual(os.listdir(self.place), ["key"])

    def test_the_public_key_of_a_known_private_one(self):
        """Bob's of RFC 7748, section 6.1."""
        private, public = (
            base64.b64encode(bytes.fromhex(key)).decode()
            for key in ("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
        write(self.file, f"belay-private:{private}\n")
        self.assertEqual(self.keygen("--public", self.file).stdout, f"belay-public:{public}\n")

    def test_keys_differ(self):
        texts = set()
        for number in range(5):
            done = self.keygen(f"{self.file}{number}")
            texts |= {done.stdout, content(f"{self.file}{number}")}
        self.assertEqual(len(texts), 10)

    def test_a_shared_secret(self):
        said = self.make("--psk")
        self.assertRegex(content(self.file), TEXT["psk"])
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertIn(self.file, said)
        self.assertNotIn(content(self.file).split(":")[1].strip(), said)

    def test_the_mode_does_not_depend_on_the_umask(self):
        for mask in (0, 0o077, 0o277):
            with self.subTest(umask=oct(mask)):
                path = f"{self.file}{mask}"
                done = self.keygen(path, preexec_fn=lambda mask=mask: os.umask(mask))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_a_file_that_is_there_stays(self):
        self.make()
        before = content(self.file)
        self.check_refused(self.keygen(self.file), "it is there already", "--force")
        self.check_refused(self.keygen("--psk", self.file), "it is there already")
        self.assertEqual(content(self.file), before)

    def test_force(self):
        before = self.make()
        os.chmod(self.file, 0o644)
        after = self.make("--force")
        self.assertNotEqual(before, after)
        self.assertEqual(self.keygen("--public", self.file).stdout, after)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertEqual(os.listdir(self.place), ["key"])

    def test_force_makes_a_new_file_too(self):
        self.assertRegex(self.make("--force"), TEXT["public"])

    def test_force_replaces_nothing_but_files(self):
        target = write(os.path.join(self.place, "target"), "kept")
        os.symlink(target, self.file)
        self.check_refused(self.keygen("--force", self.file), "not an ordinary file")
        self.check_refused(self.keygen(self.file), "it is there already")
        self.assertEqual(content(target), "kept")
        self.assertTrue(os.path.islink(self.file))

    def test_whole_or_not_at_all(self):
        done = self.keygen(self.file, preexec_fn=full_disk)
        self.check_refused(done, "File too large")
        self.assertEqual(os.listdir(self.place), [])
        self.make()
        before = content(self.file)
        self.check_refused(self.keygen("--force", self.file, preexec_fn=full_disk),
                           "File too large")
        self.assertEqual(content(self.file), before)
        self.assertEqual(os.listdir(self.place), ["key"])

    def test_no_pipe(self):
        for option in ("--psk", "--public"):
            done = self.keygen(option, "-", cwd=self.place)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("'-': a key is in a file", done.stderr)
        done = self.keygen("./-", cwd=self.place)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(os.listdir(self.place), ["-"])

    def test_no_such_folder(self):
        self.file = os.path.join(self.place, "none", "key")
        self.check_refused(self.keygen(self.file), "No such file or directory")


class Reading(Files):
    """What --public says of a file, the programs say, too."""

    def check(self, text, *words, mode=0o600):
        write(self.file, text, mode)
        self.check_refused(self.keygen("--public", self.file), *words)
        for program, *operands in ((SERVER, "--listen", "127.0.0.1:0"),
                                   (CLIENT, "--server-key", self.public, "localhost")):
            process = self.start(program, "--key", self.file, *operands)
            self.assertEqual(process.wait(), 1, process.stderr)
            self.assertEqual(process.lines, [])
            for word in (self.file, *words):
                self.assertIn(word, process.stderr)

    def setUp(self):
        super().setUp()
        self.public = self.make().strip()
        self.private = content(self.file)
        os.unlink(self.file)

    def test_permissions(self):
        for mode in (0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666):
            with self.subTest(mode=oct(mode)):
                self.check(self.private, "others may read or change it", "chmod 600", mode=mode)
        os.chmod(self.file, 0o400)
        self.assertEqual(self.keygen("--public", self.file).stdout.strip(), self.public)

    def test_malformed(self):
        secret = self.private.split(":")[1].strip()
        for text, word in (
                ("", "no key is in it"),
                ("# only a comment\n\n", "no key is in it"),
                ("hello\n", "not a private key, which is 'belay-private:'"),
                (secret + "\n", "not a private key"),
                ("belay-private " + secret + "\n", "not a private key"),
                ("belay-private:" + secret[:-1] + "\n", "this one has 43"),
                ("belay-private:" + secret + " \x7f\n", "this one has 46"),
                ("belay-private:" + secret.replace(secret[5], "*") + "\n", "base64"),
                (self.private + self.private, "more than one key"),
                (self.private + "rubbish\n", "more than one key"),
                (self.public + "\n", "this is a public key; a private key is wanted"),
                ("belay-psk:" + secret + "\n", "this is a shared secret; a private key"),
                ("#" * 5000 + "\n" + self.private, "too long for a key file"),
                ("\0" * 60, "not a private key")):
            with self.subTest(text=text):
                self.check(text, word)

    def test_a_missing_file_and_a_folder(self):
        self.check_refused(self.keygen("--public", self.file), "no such file")
        os.mkdir(self.file)
        self.check_refused(self.keygen("--public", self.file), "Is a directory")

    def test_comments_blanks_and_line_ends(self):
        for text in ("# mine\n\n  # too\n" + self.private, self.private.strip(),
                     "\t" + self.private.strip() + " \t\r\n\r\n# end"):
            with self.subTest(text=text):
                write(self.file, text)
                done = self.keygen("--public", self.file)
                self.assertEqual(done.stdout.strip(), self.public, done.stderr)

    def test_a_pipe(self):
        """As bash's <(...) gives it."""
        read_end, write_end = os.pipe()
        os.write(write_end, self.private.encode())
        os.close(write_end)
        done = self.keygen("--public", f"/dev/fd/{read_end}", pass_fds=[read_end])
        os.close(read_end)
        self.assertEqual(done.stdout.strip(), self.public, done.stderr)


class Lists(Files):
    """The server's --authorized."""

    def setUp(self):
        super().setUp()
        self.keys = [self.keygen(f"{self.file}{i}").stdout.strip() for i in range(2)]
        self.private = content(f"{self.file}0").strip()

    def check(self, text, *words, mode=0o644):
        write(self.file, text, mode)
        process = self.start(SERVER, "--listen", "127.0.0.1:0", "--authorized", self.file)
        self.assertEqual(process.wait(), 1, process.stderr)
        self.assertEqual(process.lines, [])
        for word in (self.file, *words):
            self.assertIn(word, process.stderr)

    def test_malformed(self):
        first, second = self.keys
        for text, *words in (
                (f"{first}\n", "line 1", "name is missing"),
                (f"# clients\n\n{first}  \t\n", "line 3", "name is missing"),
                (f"{first} a\nrubbish b\n", "line 2", "not a public key"),
                (f"{first} a\n{self.private} b\n", "line 2", "this is a private key"),
                (f"{first}a\n", "line 1", "this one has 45"),
                (f"{first} a\n{second} b\n{first} c\n", "line 3", "already, in line 1"),
                (f"{first} a\x1b[2J\n", "line 1", "the name is not text"),
                (f"{first} {'x' * 128}\n", "line 1", "longer than 127"),
                (f"{first} a\0b\n", "line 1", "zero byte")):
            with self.subTest(text=text):
                self.check(text, *words)

    def test_who_may_write_it_lets_himself_in(self):
        for mode in (0o664, 0o646, 0o666):
            self.check(f"{self.keys[0]} a\n", "others may change it", mode=mode)

    def test_missing(self):
        process = self.start(SERVER, "--listen", "127.0.0.1:0", "--authorized", self.file)
        self.assertEqual(process.wait(), 1)
        self.assertIn(f"{self.file}: No such file", process.stderr)

    def test_many(self):
        """An empty list is one, too: nobody is let in."""
        names = [f"# {i}\n{self.keys[i]}\tclient {i}  \r\n" for i in range(2)]
        for text in ("", "# nobody\n", "".join(names)):
            write(self.file, text, 0o644)
            self.stop_server(self.start_server("--authorized", self.file))


if __name__ == "__main__":
    harness.main()
