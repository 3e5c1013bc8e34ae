"""belay-netsim run --backend live: unedited programs, exit codes, fates by seed.

With BELAY_NETSIM_WIRES=tun in the environment all of it goes over TUN devices.
"""

import json
import os
import subprocess

from run_harness import (CALL, ECHO, ENVIRONMENT, NETSIM, PATIENCE_S, SEND, User, expect,
                         expect_in, folder_for_all, python, run, run_tests, users_of)

HERE = users_of("live")
ME = HERE[0]

LIVE = ["--backend", "live", "--seed", "3"]
BAD = ["--link", "delay 5ms 2ms loss 20%", "--link-back", "delay 5ms loss 10%"]


def test_tutorials():
    milder = ["--link", "delay 5ms loss 3%", "--link-back", "delay 5ms"]  # TCP waits seconds
    for user in HERE:
        for kind, link, answer in [("", BAD, "HELLO 9"), ("asyncio_", BAD, "hello"),
                                   ("tcp_", milder, "5000 bytes")]:
            result = run(user, *LIVE, *link, "--", user.command(kind + "server.py"), ":",
                         user.command(kind + "client.py"))
            expect_in(f"received: {answer}\n", result.stdout, f"{kind} as {user.name}")
            expect_in("belay-netsim: live, seed 3: out ", result.stderr, "report")


UDP_AT = ("import socket; s=socket.socket(socket.%s,socket.SOCK_DGRAM); s.bind(('%s',5005)); "
          "exec('while 1:\\n d,a=s.recvfrom(99); s.sendto(d,a)')")
CALL_AT = ("import socket; s=socket.socket(socket.%s,socket.SOCK_DGRAM); s.settimeout(20); "
           "s.bind(('%s',%d)); s.sendto(b'x',('%s',5005)); print(s.recvfrom(9)[1][:2])")
TCP_AT = ("import socket; s=socket.socket(socket.%s); s.bind(('%s',5005)); s.listen(); "
          "c=s.accept()[0]; c.sendall(c.recv(9)); c.close()")
CONNECT_AT = ("import socket; s=socket.create_connection(('%s',5005), timeout=20, "
              "source_address=('%s',%d)); s.sendall(b'x'); print(s.recv(9))")


def test_localhost():
    """Also those who bind 127.0.0.1 themselves; and the server's loopback is its own."""
    own = "ping -c 2 -i 0.2 -W 20 127.0.0.1 >/dev/null && exec "
    for user, host, port in [(user, *bound) for user in HERE for bound in
                             (("127.0.0.1", 5006), ("127.0.0.1", 0), ("0.0.0.0", 5006))]:
        result = run(user, *LIVE, "--link", "delay 1ms", "--",
                     own + python(user, UDP_AT % ("AF_INET", "127.0.0.1")), ":",
                     python(user, CALL_AT % ("AF_INET", host, port, "127.0.0.1")))
        expect(result.stdout, "('127.0.0.1', 5005)\n", f"{host}:{port} as {user.name}")
        expect_in("out 1 packets (1 came in), back 1 (1 came in)", result.stderr, host)
    for port in (5006, 0):
        result = run(ME, *LIVE, "--link", "", "--", python(ME, TCP_AT % ("AF_INET", "127.0.0.1")),
                     ":", python(ME, CONNECT_AT % ("127.0.0.1", "127.0.0.1", port)))
        expect(result.stdout, "b'x'\n", f"TCP, {port}")


def test_localhost_of_ipv6():
    if not os.path.exists("/proc/net/if_inet6"):
        print("SKIPPED: no IPv6")
        return
    for user, server in [(user, server) for user in HERE for server in ("::1", "::")]:
        result = run(user, *LIVE, "--link", "delay 1ms", "--",
                     python(user, UDP_AT % ("AF_INET6", server)), ":",
                     python(user, CALL_AT % ("AF_INET6", "::", 0, "::1")))
        expect(result.stdout, "('::1', 5005)\n", f"{server} as {user.name}")
        expect_in("out 1 packets (1 came in), back 1 (1 came in)", result.stderr, server)
        result = run(user, *LIVE, "--link", "", "--",
                     python(user, TCP_AT % ("AF_INET6", server)), ":",
                     python(user, CONNECT_AT % ("::1", "::", 0)))
        expect(result.stdout, "b'x'\n", f"TCP, {server} as {user.name}")


def run_unshared(setup, *args):
    """As root of a user and mount namespace, after some shell commands."""
    return subprocess.run(["unshare", "-Urm", "sh", "-c", setup + ' exec "$@"', "sh", NETSIM,
                           "run", *args], capture_output=True, text=True, timeout=PATIENCE_S,
                          env=ENVIRONMENT)


def test_localhost_has_two_addresses():
    """An /etc/hosts where `localhost` is ::1 first: nobody waits where no packet comes."""
    with folder_for_all() as folder:
        hosts = os.path.join(folder, "hosts")
        with open(hosts, "w") as stream:
            stream.write("::1 localhost ip6-localhost\n127.0.0.1 localhost\n")
        for kind in ("", "asyncio_", "tcp_"):
            result = run_unshared(f"mount --bind {hosts} /etc/hosts;", *LIVE, "--link", "", "--",
                                  ME.command(kind + "server.py"), ":",
                                  ME.command(kind + "client.py"))
            expect(result.returncode, 0, result.stderr)
            expect_in("received: ", result.stdout, kind)


def test_words_of_a_command():
    """Several words up to the `:` are one command."""
    result = run(ME, *LIVE, *BAD, "--", *ME.command("server.py").split(), ":",
                 *ME.command("client.py").split())
    expect_in("HELLO 9", result.stdout, "answers")


def test_environment():
    for user in HERE:
        show = 'env | grep ^NETSIM_ | sort; ping -c 1 -W 20 $NETSIM_HOST >/dev/null'
        result = run(user, *LIVE, "--link", "", "--", ":", show)
        expect(result.stdout.splitlines(), [
            "NETSIM_BACKEND=live", "NETSIM_HOST=198.18.0.1", "NETSIM_LISTEN6=[fd42:198:18::1]:10000",
            "NETSIM_LISTEN=198.18.0.1:10000", "NETSIM_PORT=10000", "NETSIM_SEED=3",
            "NETSIM_SERVER6=[fd42:198:18::1]:10000", "NETSIM_SERVER=198.18.0.1:10000"]
            if os.path.exists("/proc/net/if_inet6") else [
            "NETSIM_BACKEND=live", "NETSIM_HOST=198.18.0.1", "NETSIM_LISTEN=198.18.0.1:10000",
            "NETSIM_PORT=10000", "NETSIM_SEED=3", "NETSIM_SERVER=198.18.0.1:10000"],
            f"as {user.name}")


def test_ipv6():
    if not os.path.exists("/proc/net/if_inet6"):
        print("SKIPPED: no IPv6")
        return
    server = ECHO.replace("NETSIM_LISTEN'", "NETSIM_LISTEN6'").replace("AF_INET,", "AF_INET6,")
    client = CALL.replace("NETSIM_SERVER'", "NETSIM_SERVER6'").replace("AF_INET,", "AF_INET6,")
    strip = "h.strip('[]')"
    result = run(ME, *LIVE, "--link", "delay 1ms", "--",
                 python(ME, server.replace("(h,", f"({strip},")), ":",
                 python(ME, client.replace("(h,", f"({strip},")))
    expect(result.stdout, "hello\n", "over IPv6")
    expect_in("out 1 packets (1 came in), back 1 (1 came in)", result.stderr,
              "nothing but the programs' packets passes the links")


def test_fates_by_seed():
    """The same seed decides on the same packets as in the simulator."""
    words = "loss 20% duplicate 10%"
    sim = subprocess.run([NETSIM, "sim", "--link", words, "--seed", "9", "--count", "60"],
                         capture_output=True, text=True, timeout=PATIENCE_S, env=ENVIRONMENT)
    want = [json.loads(line) for line in sim.stdout.splitlines()]
    for user in HERE:
        with folder_for_all() as folder:
            log, pcap = os.path.join(folder, "log"), os.path.join(folder, "pcap")
            run(user, "--backend", "live", "--link", words, "--seed", "9", "--log", log,
                "--pcap", pcap, "--quiet", "--", python(user, ECHO), ":",
                python(user, SEND % 60))
            with open(log) as lines:
                events = [json.loads(line) for line in lines]
            with open(pcap, "rb") as stream:
                expect(stream.read(4), b"\x0a\x0d\x0d\x0a", "a capture")
        # An echo that finds the client gone sends one more packet out: ICMP's.
        for kind in ("drop", "rx"):
            expect([e["id"] for e in events
                    if e["link"] == "out" and e["event"] == kind and e["id"] < 60],
                   [e["id"] for e in want if e["event"] == kind], f"{kind} as {user.name}")


def test_log_of_the_link():
    """When x-rebind struck, and each stage's flipped bit."""
    with folder_for_all() as folder:
        log = os.path.join(folder, "log")
        run(ME, "--backend", "live", "--link", "x-rebind 10ms | x-mtu 1500", "--seed", "9", "--log",
            log, "--quiet", "--", python(ME, ECHO), ":", python(ME, SEND % 60))
        with open(log) as lines:
            events = [json.loads(line) for line in lines]
        expect([e for e in events if e["event"] == "rebind"],
               [{"t_ns": 10000000, "event": "rebind", "link": "out"}], "once")
        run(ME, "--backend", "live", "--link", "corrupt 100% | corrupt 100%", "--seed", "9",
            "--log", log, "--quiet", "--", ":",
            python(ME, SEND % 60))
        with open(log) as lines:
            bits = [e["bit"] for e in map(json.loads, lines) if e["event"] == "rx"]
        expect({len(bit) for bit in bits}, {2}, "a bit of each stage")


def test_exit_codes():
    call = CALL.replace("print(", "str(")
    for user in HERE:
        for command, code in [("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]:
            run(user, *LIVE, "--link", "", "--", python(user, ECHO), ":",
                f"{python(user, call)}; {command}", code=code)


def test_client_is_killed():
    """By whom it was not: told. By belay-netsim, after a signal of its own: not told again."""
    ping = "ping -c 1 -W 20 $NETSIM_HOST >/dev/null; "
    result = run(ME, *LIVE, "--quiet", "--link", "", "--", ":", ping + "kill -9 $$", code=137)
    expect(result.stderr, "belay-netsim: the client ended with signal 9 (Killed)\n", "told")
    result = run(ME, *LIVE, "--quiet", "--link", "", "--duration", "0.3", "--", ":",
                 ping + "exec sleep 1000", code=130)
    expect(result.stderr, "", "--duration has done it")


def test_command_troubles():
    for server, client, code, part in [
        (python(ME, ECHO), "/nonexistent/x", 127, "/nonexistent/x"),
        (python(ME, ECHO), "/etc/passwd", 126, "/etc/passwd"),
        ("/nonexistent/x", "true", 127, "the server ended before it was ready, with status 127"),
        ("exit 3", "true", 125, "the server ended before it was ready, with status 3"),
        ("true", "true", 125, "the server ended before it was ready, with status 0"),
        ("kill -9 $$", "true", 125, "before it was ready, with signal 9 (Killed)"),
    ]:
        result = run(ME, *LIVE, "--link", "", "--", server, ":", client, code=code)
        expect_in(part, result.stderr, f"{server} : {client}")


def test_not_ready():
    result = run(ME, *LIVE, "--link", "", "--", "exec sleep 1000", ":", "true", code=125)
    expect_in("the server is not ready after 10 s: no UDP or TCP socket was bound",
              result.stderr, "sentence")


def test_background_server():
    """A server that goes into the background is waited for; its going is no end."""
    for server in [f"{python(ME, ECHO)} & exit 0", f"setsid {python(ME, ECHO)} & exit 0"]:
        result = run(ME, *LIVE, "--link", "", "--", server, ":", python(ME, CALL))
        expect(result.stdout, "hello\n", server)


def test_server_ends_early():
    """A dead process can be signalled until belay-netsim has waited for it."""
    once = ECHO.replace("while 1:\\n ", "")
    with folder_for_all() as folder:
        file = os.path.join(folder, "pid")
        result = run(ME, *LIVE, "--link", "", "--", f"echo $$ >{file}; {python(ME, once)}; exit 5",
                     ":", f"{python(ME, CALL)}; while kill -0 $(cat {file}) 2>/dev/null; do :; done")
    expect_in("the server ended before the client, with status 5", result.stderr, "told")


def test_nothing_crossed():
    for user in HERE:
        result = run(user, *LIVE, "--link", "", "--", python(user, ECHO), ":", "true", code=125)
        expect_in("no packet crossed the link: does the client call $NETSIM_SERVER?",
                  result.stderr, "told")
    result = run(ME, *LIVE, "--link", "", "--", python(ME, ECHO), ":", "exit 4", code=4)
    expect_in("no packet crossed the link", result.stderr, "told with the client's own failure")
    result = run(ME, *LIVE, "--link", "loss 100%", "--", python(ME, ECHO), ":",
                 python(ME, SEND % 3), code=125)
    expect_in("it lost or held all 3 that the client sent", result.stderr, "all was lost")


def test_duration():
    ping = "ping -c 1 -W 20 $NETSIM_HOST; "
    result = run(ME, *LIVE, "--link", "", "--duration", "0.3", "--", ":",
                 "trap 'echo told; exit 9' INT; " + ping + "sleep 1000 & wait", code=9)
    expect_in("told", result.stdout, "SIGINT came")
    expect_in("belay-netsim: --duration is over: SIGINT to the client\n", result.stderr, "why")
    result = run(ME, *LIVE, "--link", "", "--duration", "0.3", "--", ":",
                 "trap '' INT; " + ping + "exec sleep 1000", code=124)
    expect_in("--duration was over", result.stderr, "killed")


def test_schedule_begins_with_the_client():
    """The link is dead for 1000 s, but for its first second: a server that takes longer than
    that to bind does not use it up."""
    slow = ECHO.replace("s.bind", "__import__('select').select([],[],[],1.2); s.bind")
    result = run(ME, *LIVE, "--link", "delay 1ms ; at 1s loss 100%", "--", python(ME, slow), ":",
                 python(ME, CALL))
    expect(result.stdout, "hello\n", "answered")


def test_mtu():
    ping = "ping -c 1 -W 20 -M do -s %d $NETSIM_HOST >/dev/null && echo \"[$NETSIM_SERVER6]\""
    result = run(ME, *LIVE, "--link", "", "--mtu", "1000", "--", ":", ping % 972)
    expect(result.stdout, "[]\n", "it fits; and no IPv6 below 1280")
    run(ME, *LIVE, "--link", "", "--mtu", "1000", "--", ":",
        (ping % 973) + " || { ping -c 1 -W 20 $NETSIM_HOST >/dev/null; exit 8; }", code=8)
    run(ME, *LIVE, "--link", "", "--mtu", "9000", "--", ":", ping % 8972)


def test_auto():
    result = run(ME, "--link", "x-drop 1000", "--seed", "1", "--", ":",
                 "ping -c 1 -W 20 $NETSIM_HOST")
    expect_in("belay-netsim: backend live (kernel: the kernel's netem has no x-drop", result.stderr,
              "which, and why not another")


def test_profile():
    result = run(ME, *LIVE, "--profile", "quic-interop", "--", ":",
                 "ping -c 1 -W 20 $NETSIM_HOST")
    expect_in("limit 25 rate 10mbit | delay 15ms", result.stderr, "its words")


def test_quiet():
    result = run(ME, *LIVE, "--quiet", "--link", "loss 1% 25%", "--", ":",
                 "ping -c 1 -W 20 $NETSIM_HOST >/dev/null")
    expect((result.stdout, result.stderr), ("", ""), "only errors")


def test_many_descriptors_do_not_leak():
    """The commands have the three they should have."""
    result = run(ME, *LIVE, "--link", "", "--", ":",
                 "ping -c 1 -W 20 $NETSIM_HOST >/dev/null; exec ls /proc/self/fd")
    expect(result.stdout.split(), ["0", "1", "2", "3"], "3 is ls's own")


def test_refusals():
    echo = ["--", "true", ":", "true"]
    for args, code, part in [
        (["--link", "loss 101%", *echo], 2, "^^^^"),
        (["--link", "delay 1ms | loss 500%", *echo], 2, "^^^^"),
        (["--link-back", "loss 1%", *echo], 2, "--link or --profile must be there"),
        (["--profile", "nonesuch", *echo], 2, "there is no `nonesuch`"),
        (["--profile", "geo", "--link", "loss 1%", *echo], 2, "take one of them away"),
        (["--profile", "geo", "--link-back", "", *echo], 2, "take one of them away"),
        (["--link", ""], 2, "two commands must be there"),
        (["--link", "", "--", "true"], 2, "two commands must be there"),
        (["--link", "", "--", "true", ":"], 2, "the client's command is missing"),
        (["--link", "", "--", "a", ":", "b", ":", "c"], 2, "more than one `:`"),
        (["--link", "", "--backend", "magic", *echo], 2, "`magic` is none"),
        (["--link", "", "--duration", "0", *echo], 2, "--duration: `0`"),
        (["--link", "", "--duration", "5x", *echo], 2, "--duration: `5x`"),
        (["--link", "", "--duration", "nan", *echo], 2, "--duration: `nan`"),
        (["--link", "", "--mtu", "67", *echo], 2, "--mtu: at least 68"),
        (["--link", "", "--mtu", "70000", *echo], 2, "--mtu: `70000` is more than"),
        (["--link", "", "--backend", "proxy", "--mtu", "1000", *echo], 2, "--backend live has"),
        (["--link", "x-trace /nonexistent", *echo], 125, "x-trace /nonexistent: No such file"),
        (["--link", "", "--link-back", "delay 1ms 1ms distribution x", *echo], 125, ".dist file"),
        ([*LIVE, "--link", "", "--log", "/nonexistent/x", *echo], 125, "/nonexistent/x: "),
        ([*LIVE, "--link", "", "--pcap", "/nonexistent/x", *echo], 125, "/nonexistent/x: "),
    ]:
        expect_in(part, run(ME, *args, code=code).stderr, f"{args}")
    expect(run(ME, "--link", "", "--backend", "magic", *echo, code=2).stderr,
           "belay-netsim: --backend: `magic` is none; there are auto, kernel, live, proxy and "
           "vm\n", "before a seed is chosen")


def test_ip_can_not_be_run():
    hide = "".join(f"test ! -e {path} || mount --bind /dev/null {path}; "
                   for path in ("/usr/sbin/ip", "/usr/bin/ip", "/usr/local/sbin/ip"))
    result = run_unshared(hide, *LIVE, "--link", "", "--", ":", "true")
    expect((result.returncode, result.stderr),
           (125, "belay-netsim: note: the way back is clean: there is no --link-back\n"
            "belay-netsim: --backend live: ip: Permission denied\n"), "told")


def run_without_namespaces(*args):
    """As nobody of a user namespace that has no more of them."""
    forbid = "echo 0 >/proc/sys/user/max_user_namespaces && "
    drop = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'
    process = subprocess.Popen(
        ["unshare", "-U", "sh", "-c", "echo; read x; exec sh -c '" + forbid + drop + "' sh \"$@\"",
         "sh", NETSIM, "run", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd="/")
    process.stdout.readline()
    for file in ("uid_map", "gid_map"):
        with open(f"/proc/{process.pid}/{file}", "w") as stream:
            stream.write("0 0 65536")
    out, err = process.communicate("\n", timeout=PATIENCE_S)
    return process.returncode, out, err


def test_no_permission():
    if len(HERE) < 2:
        print("SKIPPED: needs root, and a nobody who can run python3")
        return
    nobody = HERE[1]
    code, _, err = run_without_namespaces(*LIVE, "--link", "", "--", ":", "true")
    expect(code, 125, err)
    expect_in("--backend live: the system gives this user no namespaces: "
              "user.max_user_namespaces is 0\n", err, "told")
    code, out, err = run_without_namespaces("--seed", "1", "--link", "", "--",
                                            python(nobody, ECHO), ":", python(nobody, CALL))
    expect((code, out), (0, "hello\n"), err)
    expect_in("belay-netsim: backend proxy (kernel: the system gives this user no namespaces",
              err, "which, and why")


NO_RAW = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
TUN_NOTE = "note: TUN devices instead of veth pairs"


def test_wires():
    """TUN devices where veth or AF_PACKET can't be had, or when asked for."""
    if os.geteuid() != 0 or not os.access("/dev/net/tun", os.W_OK):
        print("SKIPPED: needs root, and a /dev/net/tun that can be opened")
        return
    call = ["--link", "", "--", python(ME, ECHO), ":", python(ME, CALL)]
    no_raw = User("root without AF_PACKET", NO_RAW, ME.python)
    with folder_for_all() as folder:
        ip = os.path.join(folder, "ip")
        with open(ip, "w") as stream:
            stream.write("#!/bin/sh\nbatch=$(cat)\ncase $batch in *veth*) echo 'Error: Unknown "
                         "device type.' >&2; exit 1;; esac\necho \"$batch\" |\n"
                         f"PATH=${{PATH#{folder}:}} exec ip \"$@\"\n")
        os.chmod(ip, 0o755)
        no_veth = {"PATH": f"{folder}:{ENVIRONMENT['PATH']}"}
        for user, env, note in [(no_raw, {}, ": no AF_PACKET sockets: Operation not permitted"),
                                (ME, no_veth, ": ip: Error: Unknown device type."),
                                (ME, {"BELAY_NETSIM_WIRES": "tun"}, "")]:
            result = run(user, *LIVE, *call, env={"BELAY_NETSIM_WIRES": "", **env})
            expect(result.stdout, "hello\n", note)
            expect_in(f"{TUN_NOTE}{note}\n", result.stderr, "told")
        result = run(ME, *LIVE, *call, env={"BELAY_NETSIM_WIRES": ""})
        expect(TUN_NOTE in result.stderr, False, "veth is what it takes first")
        result = run(ME, *LIVE, *call, env={"BELAY_NETSIM_WIRES": "veth", **no_veth}, code=125)
        expect_in("--backend live: ip: Error: Unknown device type.\n", result.stderr, "no other")
    result = run(ME, *LIVE, *call, env={"BELAY_NETSIM_WIRES": "string"}, code=2)
    expect_in("$BELAY_NETSIM_WIRES: `string` is none; there are veth and tun\n", result.stderr,
              "told")
    hide = "test ! -e /dev/net/tun || mount --bind /dev/null /dev/net/tun; exec \"$@\""
    neither = User("root without both", ["unshare", "-m", "sh", "-c", hide, "sh", *NO_RAW], ME.python)
    result = run(neither, *LIVE, *call, env={"BELAY_NETSIM_WIRES": ""}, code=125)
    expect_in("--backend live: no AF_PACKET sockets: Operation not permitted; /dev/net/tun: ",
              result.stderr, "both reasons")


run_tests(list(globals().items()))
