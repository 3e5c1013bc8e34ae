"""belay-netsim proxy, from outside, on the loopback: nothing here depends on how fast it is."""

import atexit
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from expect import expect, expect_in

NETSIM = sys.argv[1]
PATIENCE_S = 20


def udp(host="127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    s.settimeout(PATIENCE_S)
    return s


def text_of(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Proxy:
    def __init__(self, server, link, *args, host="127.0.0.1"):
        to = text_of(*server.getsockname()[:2])
        self.process = subprocess.Popen(
            [NETSIM, "proxy", "--listen", text_of(host, 0), "--to", to, "--link", link, *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)  # when a test fails; afterwards it does nothing
        first = self.process.stdout.readline()
        expect(first.startswith("listening on "), True, f"first line {first!r}")
        host, port = first.split()[2].rsplit(":", 1)
        self.address = (host.strip("[]"), int(port))

    def client(self):
        s = udp(self.address[0])
        s.connect(self.address)
        return s

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        out, err = self.process.stdout.read(), self.process.stderr.read()
        self.process.wait(PATIENCE_S)
        expect(self.process.returncode, 0, f"exit code, {err!r}")
        return out, err


def echo(server, count):
    for _ in range(count):
        data, peer = server.recvfrom(65536)
        server.sendto(data, peer)


def test_clean_both_ways():
    for host in ("127.0.0.1", "::1"):
        try:
            server = udp(host)
        except OSError as error:
            print(f"SKIPPED {host}: {error}")
            continue
        proxy = Proxy(server, "seed 1", host=host)
        client = proxy.client()
        sent = [bytes([i]) * (i * 50) for i in range(20)] + [b"x" * 60000]
        for data in sent:  # one by one: no queue can overflow
            client.send(data)
            echo(server, 1)
            expect(client.recv(65536), data, "echoed")
        out, _ = proxy.stop()
        headers = 21 * (48 if ":" in host else 28)
        expect_in(f" Sent {sum(map(len, sent)) + headers} bytes 21 pkt (dropped 0, overlimits 0 "
                  "requeues 0)\n", out, "counters, headers counted")
        expect(out.count("the way back is clean"), 1, "said at the start")
        expect(out.count("the way back was clean"), 1, "said at the end")


def test_delay_and_order():
    server = udp()
    proxy = Proxy(server, "delay 30ms", "--link-back", "delay 1ms", "--seed", "1")
    client = proxy.client()
    for i in range(50):
        client.send(b"%d" % i)
    for i in range(50):
        expect(server.recv(100), b"%d" % i, "order kept")
    out, _ = proxy.stop(signal.SIGTERM)
    expect("way back is clean" in out or "way back was clean" in out, False, "there is a back")
    expect_in("out: delay 30ms\n", out, "words")
    expect_in("back: delay 1ms\n", out, "words")


def test_loss_and_log():
    """All is lost on the way out, nothing reaches the server; each packet has its lines."""
    server = udp()
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        proxy = Proxy(server, "loss 100%", "--log", log, "--seed", "1")
        client = proxy.client()
        for _ in range(10):
            client.send(b"gone")
        # What waits in its socket when it is told to end still goes into the link.
        out, _ = proxy.stop()
        with open(log) as lines:
            events = [json.loads(line) for line in lines]
        server.setblocking(False)
        try:
            server.recv(100)
            sys.exit("a packet got through")
        except BlockingIOError:
            pass
    expect([e["id"] for e in events if e["event"] == "tx"], list(range(10)), "came in")
    expect([e["id"] for e in events if e["event"] == "drop" and e["why"] == "loss"],
           list(range(10)), "drops")
    expect({(e["link"], e["len"]) for e in events}, {("out", 32)}, "link and length")
    expect_in(" Sent 0 bytes 0 pkt (dropped 10, ", out, "counters")


def sim(words, *args):
    run = subprocess.run([NETSIM, "sim", "--link", words, *args], capture_output=True, text=True,
                         timeout=PATIENCE_S)
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_fates_by_seed():
    """Packets in step: the proxy decides as the simulator does with the same seed."""
    want = [e["id"] for e in sim("duplicate 30%", "--seed", "5", "--count", "40")]
    server = udp()
    proxy = Proxy(server, "duplicate 30%", "--seed", "5")
    client = proxy.client()
    got = []
    for i in range(40):
        client.send(bytes([i]))
        got += [server.recv(10)[0] for _ in range(want.count(i))]
    expect(got, want, "duplicates")
    proxy.stop()


def test_corrupt():
    """A flipped bit in the payload is delivered, one in the 28 bytes of headers is a drop."""
    bits = [e["bit"] for e in sim("corrupt 100%", "--seed", "3", "--count", "100", "--size", "128")]
    payload_bits = [bit - 8 * 28 for bit in bits if bit >= 8 * 28]
    expect(50 < len(payload_bits) < 100, True, "both happen")
    server = udp()
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        proxy = Proxy(server, "corrupt 100%", "--seed", "3", "--log", log)
        client = proxy.client()
        for _ in bits:
            client.send(bytes(100))
        for bit in payload_bits:
            want = bytearray(100)
            want[bit // 8] = 1 << bit % 8
            expect(server.recv(2000), bytes(want), "one bit, the one that was drawn")
        out, _ = proxy.stop()
        with open(log) as lines:
            events = [json.loads(line) for line in lines]
    expect([e["bit"] for e in events if e["event"] == "drop" and e["why"] == "corrupt header"],
           [bit for bit in bits if bit < 8 * 28], "drops")
    expect_in(f"corrupted 100 (headers, dropped: {100 - len(payload_bits)})", out, "counters")


def test_two_clients():
    server = udp()
    proxy = Proxy(server, "", "--seed", "1")
    clients = [proxy.client(), proxy.client()]
    peers = set()
    for turn in range(5):
        for name, client in enumerate(clients):
            client.send(b"%d-%d" % (name, turn))
            data, peer = server.recvfrom(100)
            peers.add(peer)
            server.sendto(b"for " + data, peer)
    expect(len(peers), 2, "the server sees two peers")
    for name, client in enumerate(clients):
        for turn in range(5):
            expect(client.recv(100), b"for %d-%d" % (name, turn), "own answers only")
    out, _ = proxy.stop()
    expect_in("clients 2, yielded 0", out, "clients")


def test_oldest_yields():
    server = udp()
    proxy = Proxy(server, "", "--seed", "1", "--clients", "2")
    clients = [proxy.client() for _ in range(3)]
    peers = []
    for i in (0, 1, 0, 2, 0, 1):  # 2 replaces 1, then 1 replaces 2
        clients[i].send(b"%d" % i)
        data, peer = server.recvfrom(100)
        expect(data, b"%d" % i, "out")
        peers.append(peer)
        server.sendto(data, peer)
        expect(clients[i].recv(100), data, "back")
    expect(peers[0] == peers[2] == peers[4], True, "the busy one stays")
    out, err = proxy.stop()
    expect_in("clients 2, yielded 2", out, "counted")
    expect(err.count(" yields: another one came"), 2, f"told: {err}")


def test_server_away():
    """ICMP errors are counted, and the relay goes on when the server is there again."""
    server = udp()
    port = server.getsockname()[1]
    proxy = Proxy(server, "", "--seed", "1")
    client = proxy.client()
    client.send(b"first")
    expect(server.recv(100), b"first", "before")
    server.close()
    for _ in range(20):
        client.send(b"nobody")
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    again.bind(("127.0.0.1", port))
    again.settimeout(0.2)
    for _ in range(100):  # until one arrives, whatever was on its way
        client.send(b"back")
        try:
            if again.recv(100) == b"back":
                break
        except socket.timeout:
            pass
    else:
        sys.exit("the relay did not recover")
    proxy.stop()


def test_ecn():
    server = udp()
    server.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
    proxy = Proxy(server, "loss 100% ecn", "--seed", "1")
    client = proxy.client()
    client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 2)  # ECT(0)
    client.send(b"capable")
    data, control, _, _ = server.recvmsg(100, 100)
    expect((data, control[0][2][0] & 3), (b"capable", 3), "marked, not lost")
    proxy.stop()


def test_pipeline():
    """Stages one after the other; the report has a line for each."""
    server = udp()
    proxy = Proxy(server, "x-drop 1 | rate 10mbit | delay 1ms x-mtu 128", "--seed", "1")
    client = proxy.client()
    for i, size in enumerate((100, 50, 101, 60)):  # 1 by x-drop, 2 by x-mtu: 28 of headers
        client.send(bytes([i]) * size)
    expect([server.recv(1000) for _ in range(2)], [bytes(100), b"\3" * 60], "passed")
    out, _ = proxy.stop()
    expect_in("out: x-drop 1 | rate 10mbit | delay 1ms x-mtu 128\n", out, "words")
    expect_in(" Sent 216 bytes 2 pkt (dropped 2,", out, "sum")
    expect_in(" stage 1: came in 4, lost 0,", out, "first stage")
    expect_in("(headers, dropped: 0), mtu 1, still inside 0\n", out, "last stage")


def test_schedule():
    """All is lost until the words change."""
    server = udp()
    proxy = Proxy(server, "loss 100% ; at 50ms limit 1000", "--seed", "1", "--quiet")
    client = proxy.client()
    server.settimeout(0.01)
    for _ in range(1000):
        client.send(b"now?")
        try:
            expect(server.recv(100), b"now?", "arrived")
            break
        except socket.timeout:
            pass
    else:
        sys.exit("the words did not change")
    proxy.stop()


def peers_around(server, client, seconds):
    """The ports that the server sees until there is a second one, or it is too late."""
    peers = []
    end = time.monotonic() + seconds
    while len(set(peers)) < 2 and time.monotonic() < end:
        client.send(b"who am I?")
        peers.append(server.recvfrom(100)[1])
    return peers


def test_rebind():
    """After it the server sees another port, and what it sends to the old one is lost."""
    server = udp()
    for seconds in (0.1, 1, 5):  # a busy machine may miss the time before it
        proxy = Proxy(server, f"x-rebind {seconds}s", "--seed", "1")
        client = proxy.client()
        peers = peers_around(server, client, 2 * seconds)
        if len(set(peers)) == 2:
            break
        proxy.stop()
    server.sendto(b"old", peers[0])
    server.sendto(b"new", peers[-1])
    expect(client.recv(100), b"new", "only this one")
    # Both are read by now or wait in sockets, which are read before the end.
    out, _ = proxy.stop()
    expect_in(" for a port that the NAT forgot: 1\n", out, "counted")
    expect_in("clients 1, yielded 0", out, "the same client")


def blocks_of(file):
    """(interface, packet, comment) of each enhanced packet block of a pcapng file."""
    with open(file, "rb") as pcap:
        data = pcap.read()
    while data:
        kind, size = struct.unpack("=II", data[:8])
        body, data = data[8:size - 4], data[size:]
        if kind != 6:
            continue
        interface, _, _, length = struct.unpack("=IIII", body[:16])
        options = body[20 + length + -length % 4:]
        code, size = struct.unpack("=HH", options[:4]) if options else (0, 0)
        yield interface, body[20:20 + length], options[4:4 + size].decode() if code == 1 else ""


def test_pcap():
    server = udp()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "pcap")
        proxy = Proxy(server, "x-drop 1", "--link-back", "duplicate 100%", "--pcap", file)
        client = proxy.client()
        for data in (b"zero", b"one", b"two"):
            client.send(data)
        peer = [server.recvfrom(100) for _ in range(2)][0][1]
        server.sendto(b"back", peer)
        expect([client.recv(100) for _ in range(2)], [b"back"] * 2, "twice")
        proxy.stop()
        blocks = list(blocks_of(file))
    expect([(i, packet[28:], comment) for i, packet, comment in blocks],
           [(0, b"zero", ""), (1, b"one", "dropped: x-drop"), (0, b"two", ""),
            (2, b"back", "duplicate"), (2, b"back", "")], "packets and verdicts")
    here, there = client.getsockname()[1], proxy.address[1]
    expect([struct.unpack("!HH", packet[20:24]) for _, packet, _ in blocks],
           [(here, there)] * 3 + [(there, here)] * 2, "ports as the client's system has them")


def test_refusals():
    taken = udp()
    port = taken.getsockname()[1]
    base = ["proxy", "--to", "127.0.0.1:9", "--link", "seed 1"]
    for args, code, part in [
        (base + ["--listen", f"127.0.0.1:{port}"], 1, "can't listen on"),
        (base + ["--listen", "127.0.0.1:0", "--log", "/nonexistent/x"], 1, "/nonexistent/x: "),
        (base + ["--listen", "127.0.0.1:0", "--pcap", "/nonexistent/x"], 1, "/nonexistent/x: "),
        (base, 2, "--listen, --to and --link must be there"),
        (base + ["--listen", "127.0.0.1"], 2, "is not ADDRESS:PORT"),
        (base + ["--listen", "::1:5"], 2, "without brackets"),
        (base + ["--listen", "127.0.0.1:65536"], 2, "port from 0 to 65535"),
        (base + ["--listen", "[::1:5"], 2, "is not [ADDRESS]:PORT"),
        (base + ["--listen", "127.0.0.1:0", "--to", "127.0.0.1:0"], 2, "has port 0"),
        (base + ["--listen", "127.0.0.1:0", "--link", "loss 101%"], 2, "^^^^"),
        (base + ["--listen", "127.0.0.1:0", "--link-back", "gap 5"], 2, "gap needs a reorder"),
        (base + ["--listen", "127.0.0.1:0", "--clients", "0"], 2, "at least 1"),
    ]:
        run = subprocess.run([NETSIM, *args], capture_output=True, text=True, timeout=PATIENCE_S)
        expect(run.returncode, code, f"exit code of {args}: {run.stderr}")
        expect_in(part, run.stderr, f"{args}")
        expect(run.stdout, "", f"no listening line, {args}")


def test_quiet():
    server = udp()
    out, err = Proxy(server, "loss 10% 25%", "--seed", "1", "--quiet").stop()
    expect((out, err), ("", ""), "only the listening line")


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
        print("ok", name)
