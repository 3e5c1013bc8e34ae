"""check.py COMMITTED ANEW - does a new recording decide as the committed one did?

Words, tc's answers and the kernel's numbers: the same. Which packets came out, how often,
corrupt or marked: the same for each line whose decisions are the seed's alone; those that lean
on the system's random numbers (correlations) or on microseconds (limit, slot distribution) are
counted and left to the tests, which replay each recording's own times; lines.txt says why. Exit 1
when some differ.
"""

import json
import re
import sys


def load(path):
    with open(path) as file:
        return json.load(file)


def deliveries(line):
    """Of each packet how often it came, and in which states."""
    ids, last = [], -1
    for step in line["ids"]:
        for _ in range(step[0] if isinstance(step, list) else 1):
            last += 1 + (0 if isinstance(step, list) else step)
            ids.append(last)
    corrupt, ce = set(line["corrupt"][::2]), set(line["ce"])
    return sorted((n, i in corrupt, i in ce) for i, n in enumerate(ids))


def key(line):
    """The same words may be in two lines, with other packets."""
    return (line["words"], line["interval_us"], *line["size"], line["count"], line["ect"])


def is_the_seeds(line):
    correlated = any(line["kernel"].get(key) for key in
                     ("loss_corr", "dup_corr", "corrupt_corr", "reorder_corr"))
    return not correlated and not re.search(r"\blimit|slot distribution", line["words"])


def numbers(kernel):
    """Without what is zero; as text, for numbers of 64 bits may be either."""
    return {key: str(value) for key, value in kernel.items() if value not in (0, "0")}


def stripped(asked):
    """Without the seed that tc draws when the words have none."""
    kernel = numbers(asked.get("kernel", {}))
    if not re.search(r"\bs(eed)? ", asked["asked"]):
        kernel.pop("seed", None)
    return asked["asked"], asked["status"], kernel


def main():
    old, new = load(sys.argv[1]), load(sys.argv[2])
    if old == new:
        print("the same to the last bit")
        return 0
    bad, left = [], []
    recorded = {key(line): line for line in old["lines"]}
    if not new["lines"] or any(key(line) not in recorded for line in new["lines"]):
        sys.exit("the lines are others: record anew without --check")
    for b in new["lines"]:  # with --every not all of them
        a = recorded[key(b)]
        if numbers(a["kernel"]) != numbers(b["kernel"]) or a["tc"]["options"] != b["tc"]["options"]:
            bad.append(f"other numbers: {a['words']}")
        elif not is_the_seeds(a):
            left.append(a["words"])
        elif deliveries(a) != deliveries(b):
            bad.append(f"other decisions: {a['words']}")
    for a, b in zip(old["asked"], new["asked"]):
        if stripped(a) != stripped(b):
            bad.append(f"other answer: {a['asked']}: {stripped(a)[1:]} {stripped(b)[1:]}")
    print(f"{len(new['lines'])} of {len(old['lines'])} lines, {len(left)} left to the tests")
    print("\n".join(bad) if bad else "the same decisions")
    return 1 if bad else 0


sys.exit(main())
