"""Nothing is left of a run, whatever is killed: no process, no namespace, no interface."""

import os
import random
import select
import signal

from run_harness import (CALL, ECHO, Watched, wait_for_end, bound_namespaces, expect, expect_in, own_interfaces,
                         python, run_tests, users, backend_here)

SEED = int.from_bytes(os.urandom(4), "big")
print("seed", SEED)
RANDOM = random.Random(SEED)

BACKENDS = []
for user in users():
    for name in ("live", "proxy"):
        reason = backend_here(user, name)
        if reason is None:
            BACKENDS.append((user, name))
        else:
            print(f"SKIPPED {name} as {user.name}: {reason}")

BEFORE = bound_namespaces(), own_interfaces()


def begin(user, backend, client="echo ready; exec sleep 1000", server=None, **more):
    """A run in which a packet has crossed and both commands are at work, with helpers in
    process groups of their own. (exec: a shell that is about to begin a program can miss SIGINT.)"""
    server = server or f"setsid sleep 1001 & {python(user, ECHO)}"
    call = python(user, CALL.replace("print(", "str("))
    return Watched(user, "--backend", backend, "--seed", "1", "--link", "delay 1ms", "--",
                   server, ":", f"{call}; sleep 1002 & {client}", **more)


def test_ends_by_itself():
    for user, backend in BACKENDS:
        begin(user, backend, client="echo ready; exit 3").wait(3, f"{backend} as {user.name}")


def test_signals():
    for user, backend in BACKENDS:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            run = begin(user, backend)
            run.process.send_signal(number)
            run.wait(128 + number, f"{number!r} with {backend} as {user.name}")


def test_client_has_its_own_end():
    """The signal is the client's, and so is the exit code."""
    for user, backend in BACKENDS:
        run = begin(user, backend,
                    client="trap 'echo told; exit 6' INT; echo ready; sleep 1000 & wait")
        run.process.send_signal(signal.SIGINT)
        run.wait(6, f"{backend} as {user.name}")


def test_stubborn_ones():
    """Who does not end when told is killed."""
    for user, backend in BACKENDS[:2]:
        run = begin(user, backend, server=f"trap '' TERM INT; {python(user, ECHO)}",
                    client="trap '' INT; echo ready; exec sleep 1000")
        run.process.send_signal(signal.SIGINT)
        run.wait(137, f"{backend} as {user.name}")


def test_signal_before_the_client():
    for user, backend in BACKENDS:
        run = Watched(user, "--backend", backend, "--seed", "1", "--link", "", "--",
                      "echo ready; exec sleep 1000", ":", "true")
        run.process.send_signal(signal.SIGINT)
        expect_in("stopped before the client began", run.wait(130, backend), "told")


def test_outer_is_killed():
    for user, backend in BACKENDS:
        run = begin(user, backend)
        run.process.kill()
        run.wait(-signal.SIGKILL, f"{backend} as {user.name}")


def test_inner_is_killed():
    for user, backend in BACKENDS:
        server = None if backend == "live" else python(user, ECHO)
        run = begin(user, backend, server=server)
        os.kill(run.inside(), signal.SIGKILL)
        expect_in("the process that held the run was killed by signal 9",
                  run.wait(125, f"{backend} as {user.name}"), "told")


def test_commands_are_killed():
    for user, backend in BACKENDS:
        wait = "import signal; print('ready', flush=True); signal.pause()"
        run = begin(user, backend, client="exec " + python(user, wait))
        client, = run.commands(f"{user.python}\0-c\0import signal")
        os.kill(client, signal.SIGKILL)
        run.wait(137, f"the client, {backend} as {user.name}")
        run = begin(user, backend, server="exec " + python(user, ECHO),
                    client="trap 'exit 2' INT; echo ready; sleep 1000 & wait")
        server, = run.commands(f"{user.python}\0-c\0import os,socket; h,p=")
        os.kill(server, signal.SIGKILL)
        wait_for_end(server)
        run.process.send_signal(signal.SIGINT)
        expect_in("the server ended before the client, with signal 9 (Killed)",
                  run.wait(2, f"the server, {backend} as {user.name}"), "told")


def kill_at_random(user, backend, number):
    """Somewhere between the first instruction and a session at work."""
    run = begin(user, backend, server=python(user, ECHO), ready=None)
    fd = run.process.stdout.fileno()
    select.select([fd], [], [], RANDOM.uniform(0, 0.5))
    run.note_nets()
    run.process.send_signal(number)
    run.process.communicate()
    run.expect_nothing_left(f"signal {number} at random, {backend} as {user.name}")


def test_killed_at_random():
    for user, backend in BACKENDS:
        for _ in range(15):
            kill_at_random(user, backend, signal.SIGKILL)


def test_interrupted_at_random():
    for user, backend in BACKENDS:
        for _ in range(8):
            kill_at_random(user, backend, signal.SIGINT)


def test_nothing_on_the_host():
    expect((bound_namespaces(), own_interfaces()), BEFORE, "mounted namespaces, interfaces")


run_tests(list(globals().items()))
