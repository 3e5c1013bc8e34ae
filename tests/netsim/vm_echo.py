"""The echo apps over the kernel's own netem, in the virtual machine: Belay delivers everything once
and in order, where plain UDP beside it does not.

    python3 vm_echo.py BELAY-NETSIM FOLDER-OF-THE-APPS
"""

import json
import os
import subprocess
import sys
import tempfile

NETSIM, APPS = (os.path.abspath(path) for path in sys.argv[1:3])
SERVER = os.path.join(APPS, "belay-echo-server")
CLIENT = os.path.join(APPS, "belay-echo-client")

SKIPPED, UNAVAILABLE = 77, 69
SECONDS = 900  # of a very busy host
COUNT = 200
LINK = "loss 20% reorder 25% duplicate 5% delay 25ms 5ms"
SERIES = f"--json --count {COUNT} --interval 5"


def set_up():
    run = subprocess.run([NETSIM, "vm", "--setup"], capture_output=True, text=True)
    if run.returncode == UNAVAILABLE:
        print("SKIPPED vm_echo: the virtual machine can't be had:", run.stderr, sep="\n")
        sys.exit(SKIPPED)
    if run.returncode != 0:
        sys.exit(f"vm --setup failed:\n{run.stderr}")


def run_both(folder):
    """Both servers, then both clients one after the other; what they wrote comes back here."""
    plain = "${NETSIM_LISTEN%:*}:10001"
    server = f"{SERVER} --plain --quiet --listen {plain} & {SERVER} --quiet --listen $NETSIM_LISTEN"
    client = (f"{CLIENT} {SERIES} $NETSIM_SERVER >belay.json; "
              f"{CLIENT} --plain {SERIES} ${{NETSIM_SERVER%:*}}:10001 >plain.json; true")
    run = subprocess.run([NETSIM, "run", "--backend", "vm", "--link", LINK, "--link-back", LINK,
                          "--seed", "7", "--", server, ":", client],
                         cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    said = run.stdout + run.stderr
    if run.returncode != 0:
        sys.exit(f"run --backend vm: exit code {run.returncode}\n{said}")
    return said


def summary(folder, name, said):
    try:
        with open(os.path.join(folder, name)) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{name}: {error}\n{said}")


def check(condition, what, *shown):
    if not condition:
        sys.exit("\n".join([what, *map(str, shown)]))


def main():
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        said = run_both(folder)
        belay, plain = (summary(folder, f"{name}.json", said) for name in ("belay", "plain"))
    print(said, belay, plain, sep="\n")
    clean = {"sent": COUNT, "received": COUNT, "lost": 0, "duplicates": 0, "out_of_order": 0,
             "corrupted": 0}
    check({key: belay[key] for key in clean} == clean, "Belay: not everything once and in order",
          belay)
    check(belay["retransmitted"] > 0, "Belay: the link did nothing to it", belay)
    check(plain["sent"] == COUNT, "plain UDP: not all was sent", plain)
    for key in ("lost", "duplicates", "out_of_order"):
        check(plain[key] > 0, f"plain UDP: {key} is 0 on a link like this", plain)
    check("netem" in said and " dropped 0," not in said, "netem's counters show no drop", said)


main()
