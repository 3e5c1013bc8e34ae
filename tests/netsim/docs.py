"""What docs/netsim.md and README.md show of belay-netsim is what it prints.

    docs.py BELAY_NETSIM

An indented or fenced block that begins with "$ belay-netsim COMMAND ..." (a command that takes
virtual time only: sim, explain, tc, table, profiles) is run by sh, and its output, stderr after
stdout, compared line by line up to the next "$" or the end of the block. A line that is only
"..." stands for any lines.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["docs/netsim.md", "README.md"]
COMMANDS = "sim|explain|tc|table|profiles|list"


def blocks(text):
    """Yields the lines of each code block, without their indentation."""
    lines, block, fenced = text.splitlines(), [], False
    for line in lines + [""]:
        if re.match(r"```", line):
            if block:
                yield block
            block, fenced = [], not fenced
        elif fenced:
            block.append(line)
        elif line.startswith("    ") or (block and not line.strip()):
            block.append(line[4:])
        elif block:
            yield block
            block = []


def examples(block):
    """Yields (command, lines of output) of a block."""
    command, output = None, []
    for line in block:
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], []
        elif command and command.endswith("\\"):
            command = command[:-1] + line.strip()
        elif command:
            output.append(line)
    if command:
        yield command, output


def matches(wanted, seen):
    pattern = "\n".join("(?:.*\n?)*?" if line.strip() == "..." else re.escape(line.rstrip())
                        for line in wanted)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in seen)) is not None


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    wrong = ran = 0
    for page in PAGES:
        for block in blocks((ROOT / page).read_text()):
            for command, output in examples(block):
                if not re.match(rf"belay-netsim ({COMMANDS})\b", command):
                    continue
                while output and not output[-1].strip():
                    output.pop()
                ran += 1
                run = subprocess.run(["sh", "-c", command], capture_output=True, text=True,
                                     env={**os.environ, "PATH": path}, cwd=ROOT)
                seen = (run.stdout + run.stderr).splitlines()
                if not matches(output, seen):
                    wrong += 1
                    print(f"{page}: $ {command}\nprints\n  " + "\n  ".join(seen)
                          + "\nbut the page says\n  " + "\n  ".join(output) + "\n")
    print(f"{ran} examples, {wrong} wrong")
    return 1 if wrong or ran == 0 else 0


sys.exit(main())
