#!/usr/bin/env python3
"""Chooses inputs for a corpus: choose.py CONTROL SEEDS OUT MAX

CONTROL is what libFuzzer's -merge_control_file has about the inputs: what each of them reaches.
Takes the one that reaches most of what none did before, again and again, at most MAX; of equals
a seed first, then the shortest. Copies them to OUT: seeds by their names, others by their hash.
"""
import hashlib
import os
import shutil
import sys


def read_control(path):
    lines = open(path).read().split("\n")
    count = int(lines[0])
    files = lines[2:2 + count]
    reached = {}
    for line in lines[2 + count:]:
        words = line.split()
        if words and words[0] == "FT":
            reached[files[int(words[1])]] = set(words[2:])
    return reached


def choose(reached, seeds, most):
    chosen, known = [], set()

    def worth(name):
        return len(reached[name] - known), name.startswith(seeds + "/"), -os.path.getsize(name), name

    while reached and len(chosen) < most:
        best = max(reached, key=worth)
        if not reached[best] - known:
            break
        known |= reached.pop(best)
        chosen.append(best)
    return chosen


def main():
    control, seeds, out, most = sys.argv[1:]
    names = {}
    for name in sorted(os.listdir(seeds)):
        names.setdefault(open(os.path.join(seeds, name), "rb").read(), name)
    os.makedirs(out)
    for path in choose(read_control(control), seeds, int(most)):
        data = open(path, "rb").read()
        name = names.get(data) or hashlib.sha1(data).hexdigest()[:16]
        shutil.copyfile(path, os.path.join(out, name))


main()
