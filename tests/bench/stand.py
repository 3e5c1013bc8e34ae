"""What the scripts of this folder share: a build, a server, a proxy, and the clients' JSON."""

import os
import re
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build():
    """Builds the apps and netsim into build/bench-apps; returns that folder."""
    folder = os.path.join(ROOT, "build", "bench-apps")
    script = (
        ". %s/tests/setup.sh; cd $belay_root; install_missing \"${build_packages[@]}\";"
        " build %s -DCMAKE_BUILD_TYPE=Release -DBELAY_TESTS=OFF"
    ) % (ROOT, folder)
    subprocess.run(["bash", "-c", script], check=True, stdout=sys.stderr)
    return folder


class Process:
    """A program whose first lines say `listening on ADDR:PORT`."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.process.stdout:
            found = re.match(r"listening on (.*):(\d+)$", line.strip())
            if found:
                self.port = int(found.group(2))
                return
        raise RuntimeError("%s did not listen" % argv[0])

    def memory_peak_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.summary = self.process.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


class Stand:
    """An echo server, and a proxy in front of it with the same words both ways."""

    def __init__(self, words, seed=7, folder=None):
        self.folder = folder or build()
        self.server = Process(
            os.path.join(self.folder, "apps", "belay-echo-server"),
            "--listen", "127.0.0.1:0", "--quiet",
        )
        self.proxy = Process(
            os.path.join(self.folder, "netsim", "belay-netsim"), "proxy",
            "--listen", "127.0.0.1:0", "--to", "127.0.0.1:%d" % self.server.port,
            "--link", words, "--link-back", words, "--seed", str(seed), "--clients", "1024",
        )

    def client(self, *options):
        return subprocess.Popen(
            [os.path.join(self.folder, "apps", "belay-echo-client"),
             "127.0.0.1:%d" % self.proxy.port, "--json", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.stop()
        self.server.stop()
