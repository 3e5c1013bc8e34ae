"""Captures as Wireshark reads them: pcap_tshark.py TEST_NETSIM_PCAPNG BELAY_NETSIM.

Exit code 77, and why: tshark is not there.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from expect import expect

SAMPLE, NETSIM = sys.argv[1:3]
PATIENCE_S = 60
GOOD = "1"  # of a checksum's status; 0 is bad, 2 unverified


def packets(capture, *fields):
    """What tshark says of each packet: a list of the fields' texts."""
    command = ["tshark", "-n", "-r", capture, "-o", "udp.check_checksum:TRUE",
               "-o", "ip.check_checksum:TRUE", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    expect(run.returncode, 0, f"tshark opens it; {run.stderr}")
    # Malformed files are told on stderr, and what came before is shown all the same.
    expect([line for line in run.stderr.splitlines() if "appears" in line or "damaged" in line],
           [], "nothing is wrong with the file")
    return [line.split("\t") for line in run.stdout.splitlines()]


def test_sample(folder):
    capture = os.path.join(folder, "sample.pcapng")
    subprocess.run([SAMPLE, capture], check=True, timeout=PATIENCE_S)
    out, back = "delay 20ms loss 5%", "delay 1ms"
    expect(packets(capture, "frame.interface_id", "frame.interface_name",
                   "frame.interface_description", "frame.comment", "frame.time_epoch"),
           [["0", "out", out, "delivered after 20 ms", "1767225600.000000001"],
            ["1", "out dropped", out, "dropped: loss", "1767225600.001000001"],
            ["2", "back", back, "marked CE", "1767225600.002000001"],
            ["3", "back dropped", back, "dropped: limit", "1767225600.003000001"]],
           "interfaces, comments and times")
    expect(packets(capture, "ip.src", "ipv6.src", "ip.checksum.status", "udp.checksum.status",
                   "ip.dsfield.ecn", "ipv6.tclass.ecn", "udp.srcport", "udp.dstport", "data.data"),
           [["198.18.0.2", "", GOOD, GOOD, "0", "", "4660", "4433", "30313233343536373839"],
            ["198.18.0.2", "", GOOD, GOOD, "2", "", "4660", "4433", "303132333435363738"],
            ["", "fd42:198:18::1", "", GOOD, "", "3", "4660", "4433", "3031323334353637"],
            ["", "fd42:198:18::1", "", GOOD, "", "1", "4660", "4433", "30313233343536"]],
           "headers")


def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.settimeout(PATIENCE_S)
    return s


def test_proxy(folder):
    """A proxy's capture: every packet is in it once for each thing that happened to it."""
    usage = subprocess.run([NETSIM, "proxy", "--help"], capture_output=True, text=True,
                           timeout=PATIENCE_S)
    if "--pcap" not in usage.stdout:
        print("SKIPPED test_proxy: this proxy has no --pcap")
        return
    capture = os.path.join(folder, "proxy.pcapng")
    server, client = udp(), udp()
    proxy = subprocess.Popen(
        [NETSIM, "proxy", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{server.getsockname()[1]}",
         "--link", "x-drop 1,3", "--seed", "1", "--quiet", "--pcap", capture],
        stdout=subprocess.PIPE, text=True)
    try:
        port = int(proxy.stdout.readline().rsplit(":", 1)[1])
        client.connect(("127.0.0.1", port))
        for i in range(5):
            client.send(b"%d" % i)
        for i in (0, 2, 4):
            data, peer = server.recvfrom(100)
            expect(data, b"%d" % i, "what passes")
            server.sendto(b"back" + data, peer)
            expect(client.recv(100), b"back%d" % i, "and returns")
        proxy.send_signal(signal.SIGINT)
        expect(proxy.wait(PATIENCE_S), 0, "exit code")
    finally:
        proxy.kill()
        proxy.wait()
        proxy.stdout.close()
    rows = packets(capture, "frame.interface_id", "udp.checksum.status", "data.data")
    expect({row[1] for row in rows}, {GOOD}, "checksums")
    text = {i: sorted(bytes.fromhex(row[2]).decode() for row in rows if row[0] == i)
            for i in "0123"}
    expect(text, {"0": ["0", "2", "4"], "1": ["1", "3"], "2": ["back0", "back2", "back4"],
                  "3": []}, "interfaces")
    dropped = packets(capture, "frame.interface_id", "frame.comment")
    for interface, comment in dropped:
        expect(interface != "1" or "x-drop" in comment, True, f"the comment says why: {comment}")


if shutil.which("tshark") is None:
    print("SKIPPED: tshark is not installed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as temp:
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test(temp)
            print("ok", name)
