"""What a script expects: it ends at the first thing that is otherwise."""

import sys


def expect(got, want, what):
    if got != want:
        sys.exit(f"{what}:\n  got  {got!r}\n  want {want!r}")


def expect_in(part, text, what):
    if part not in text:
        sys.exit(f"{what}: {part!r} is not in\n{text}")
