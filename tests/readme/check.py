"""The documents agree with the files that they speak of.

- A ```c block of README.md is, byte for byte, the file named in the comment before it, and
  each example is there.
- The examples are as short as the README says: lines of code, without blanks and comments.
- Each relative link of each page leads to a file, each #part of it to a heading.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES_MAX = {"echo_server.c": 25, "echo_client.c": 30}
wrong = []


def code_lines(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def check_blocks():
    readme = (ROOT / "README.md").read_text()
    named = re.findall(r"<!-- (examples/\S+) -->\n+```c\n(.*?)```", readme, flags=re.S)
    if len(re.findall(r"^```c$", readme, flags=re.M)) != len(named):
        wrong.append("README.md: a ```c block without <!-- examples/NAME --> before it")
    for name, block in named:
        if not (ROOT / name).is_file() or (ROOT / name).read_text() != block:
            wrong.append(f"README.md: the block of {name} is not the file")
    for name, most in LINES_MAX.items():
        if f"examples/{name}" not in dict(named):
            wrong.append(f"README.md: examples/{name} is missing")
        lines = code_lines((ROOT / "examples" / name).read_text())
        if lines > most:
            wrong.append(f"examples/{name}: {lines} lines of code, more than {most}")


def anchors(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
            for title in re.findall(r"^#+ +(.*)$", text, flags=re.M)}


def check_links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, part = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists():
            wrong.append(f"{page.relative_to(ROOT)}: no file for the link {link}")
        elif part and target.suffix == ".md" and part not in anchors(target):
            wrong.append(f"{page.relative_to(ROOT)}: no heading for the link {link}")


check_blocks()
for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]:
    check_links(page)
sys.exit("\n".join(wrong) or 0)
