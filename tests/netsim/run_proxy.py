"""belay-netsim run --backend proxy: what needs no namespaces."""

import json
import os
import subprocess

from run_harness import (CALL, ECHO, ENVIRONMENT, NETSIM, PATIENCE_S, SEND, expect, expect_in,
                         folder_for_all, python, run, run_tests, users_of)

HERE = users_of("proxy")
ME = HERE[0]
PROXY = ["--backend", "proxy", "--seed", "3"]


def test_there_and_back():
    for user in HERE:
        result = run(user, *PROXY, "--link", "delay 1ms", "--link-back", "delay 1ms", "--",
                     python(user, ECHO), ":", python(user, CALL))
        expect(result.stdout, "hello\n", f"as {user.name}")
        expect_in("belay-netsim: proxy, seed 3: out 1 packets (1 came in), back 1 (1 came in)\n",
                  result.stderr, "report")


def test_environment():
    show = "env | grep ^NETSIM_ | sort"
    result = run(ME, *PROXY, "--link", "", "--", f"{show}; {python(ME, ECHO)}", ":",
                 f"{show}; {python(ME, CALL)}")
    lines = [line.split("=") for line in result.stdout.splitlines()[:-1]]
    names = ["NETSIM_BACKEND", "NETSIM_HOST", "NETSIM_LISTEN", "NETSIM_PORT", "NETSIM_SEED",
             "NETSIM_SERVER"]
    expect([name for name, _ in lines], names * 2, "names")
    server, client = dict(lines[:6]), dict(lines[6:])
    expect(client["NETSIM_SERVER"], server["NETSIM_SERVER"], "both know both")
    expect(client["NETSIM_LISTEN"] != client["NETSIM_SERVER"], True, "the proxy is between")
    expect("127.0.0.1:" + server["NETSIM_PORT"], server["NETSIM_LISTEN"], "the server's port")
    expect("127.0.0.1:" + client["NETSIM_PORT"], client["NETSIM_SERVER"], "the client's port")


def test_fates_by_seed():
    words = "loss 20% duplicate 10%"
    sim = subprocess.run([NETSIM, "sim", "--link", words, "--seed", "9", "--count", "60"],
                         capture_output=True, text=True, timeout=PATIENCE_S, env=ENVIRONMENT)
    want = [json.loads(line) for line in sim.stdout.splitlines()]
    with folder_for_all() as folder:
        log, pcap = os.path.join(folder, "log"), os.path.join(folder, "pcap")
        run(ME, "--backend", "proxy", "--link", words, "--seed", "9", "--log", log, "--pcap",
            pcap, "--", python(ME, ECHO), ":", python(ME, SEND % 60))
        with open(log) as lines:
            events = [json.loads(line) for line in lines]
        with open(pcap, "rb") as stream:
            expect(stream.read(4), b"\x0a\x0d\x0d\x0a", "a capture")
    for kind in ("drop", "rx"):
        expect([e["id"] for e in events if e["link"] == "out" and e["event"] == kind],
               [e["id"] for e in want if e["event"] == kind], kind)


def test_exit_codes():
    call = CALL.replace("print(", "str(")
    for command, code in [("exit 7", 7), ("kill -9 $$", 137)]:
        run(ME, *PROXY, "--link", "", "--", python(ME, ECHO), ":",
            f"{python(ME, call)}; {command}", code=code)
    for server, client, code, part in [
        (python(ME, ECHO), "/nonexistent/x", 127, "/nonexistent/x"),
        ("exit 3", "true", 125, "the server ended before it was ready, with status 3"),
        ("setsid sleep 1000 & exit 3", "true", 125, "with status 3"),
        (python(ME, ECHO), "true", 125, "no packet crossed the link"),
    ]:
        result = run(ME, *PROXY, "--link", "", "--", server, ":", client, code=code)
        expect_in(part, result.stderr, f"{server} : {client}")


def test_tutorials_can_not():
    """They hard-code their port, and that is told: nothing crosses in silence."""
    result = run(ME, *PROXY, "--link", "", "--", ME.command("server.py"), ":",
                 ME.command("client.py"), code=125)
    expect_in("no socket is bound to $NETSIM_LISTEN (port ", result.stderr, "told")
    expect_in("); a port of its own needs --backend live", result.stderr, "what would help")


def test_duration():
    result = run(ME, *PROXY, "--link", "", "--duration", "1", "--", python(ME, ECHO), ":",
                 "trap '' INT; " + python(ME, CALL) + "; exec sleep 1000", code=124)
    expect_in("--duration was over", result.stderr, "killed")


def test_quiet():
    result = run(ME, *PROXY, "--quiet", "--link", "", "--", python(ME, ECHO), ":",
                 python(ME, CALL))
    expect(result.stderr, "", "only errors")


run_tests(list(globals().items()))
