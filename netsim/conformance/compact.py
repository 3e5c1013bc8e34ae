"""compact.py SOURCE RAW - what record.c printed, as one JSON text of numbers, on standard output.
SOURCE says from which kernel.

Times are in units of 100 ns. For each line:

  sent      how much later than at i x interval each packet came to netem, from the least on
  ids       of what was delivered, in order: each less its predecessor's, less 1; [n]: n zeros
  transit   of each delivery, from coming to netem to coming out; the first, then differences
  corrupt   pairs: which delivery, which bit (8 x byte + bit)
  ce        which deliveries are marked
  kernel    netem's numbers as the kernel has them (absent: 0); tc: as `tc -j -s qdisc show` has them

`bits` lines have flipped bits alone, `again` lines the delay of one packet in each of many fresh
netems in ns (-1: lost), `asked` are words with tc's exit status.
"""

import json
import re
import sys

UNIT = 100


def objects(path):
    with open(path) as file:
        text = file.read().rstrip()
    blanks, decoder, at = re.compile(r"\s*"), json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, blanks.match(text, at).end())
        yield value


def units(ns):
    return (ns + UNIT // 2) // UNIT


def differences(values):
    return [value - (values[i - 1] if i else 0) for i, value in enumerate(values)]


def runs(values):
    """Three zeros and more as [how many]."""
    short, zeros = [], 0
    for value in [*values, None]:
        if value == 0:
            zeros += 1
            continue
        short += [[zeros]] if zeros > 2 else [0] * zeros
        zeros = 0
        short += [] if value is None else [value]
    return short


def numbers(line):
    """Sent, ids, transit, corrupt and ce, in short."""
    interval = line["interval_us"] * 1000 // UNIT
    sent = [units(t - line["sent"][0]) for t in line["sent"]]
    late = [t - i * interval for i, t in enumerate(sent)]
    got = line["received"]
    ids = [r[0] for r in got]
    transit = [units(r[1] - line["sent"][0]) - sent[r[0]] for r in got]
    return {
        "sent": [t - min(late) for t in late],
        "ids": runs([d - (1 if i else 0) for i, d in enumerate(differences(ids))]),
        "transit": differences(transit),
        "corrupt": [n for i, r in enumerate(got) if r[2] >= 0 for n in (i, r[2])],
        "ce": [i for i, r in enumerate(got) if r[3]],
    }


def safe(value):
    """Numbers of 64 bits as text: readers of JSON have 63."""
    if isinstance(value, dict):
        return {key: safe(v) for key, v in value.items()}
    return str(value) if isinstance(value, int) and value >= 1 << 63 else value


def kernel_of(numbers):
    """Without what is zero."""
    return safe({key: value for key, value in numbers.items() if value != 0})


def asked_of(value):
    kernel = {"kernel": kernel_of(value["kernel"])} if "kernel" in value else {}
    return {"asked": value["asked"], "status": value["status"], **kernel}


def tc_of(text):
    shown = text[0]
    keys = ("options", "bytes", "packets", "drops", "overlimits", "requeues")
    return {key: shown[key] for key in keys}


def head_of(line):
    keys = ("words", "interval_us", "size", "count")
    return {**{key: line[key] for key in keys}, "ect": "ect" in line["flags"].split(",")}


def main():
    out = {"lines": [], "bits": [], "again": [], "asked": []}
    for value in objects(sys.argv[2]):
        flags = value.get("flags", "").split(",")
        if "asked" in value:
            out["asked"].append(asked_of(value))
        elif "again" in flags:
            out["again"].append({"words": value["words"], "delays": value["delays"]})
        elif "bits" in flags:
            bits = [r[2] for r in value["received"]]
            out["bits"].append({"words": value["words"], "size": value["size"][0], "bits": bits})
        elif "warm" not in flags:
            rest = {"kernel": kernel_of(value["kernel"]), "tc": safe(tc_of(value["tc"]))}
            kind = {"free": "slots" in flags}
            out["lines"].append({**head_of(value), **kind, **numbers(value), **rest})
    print(f'{{"source":{json.dumps(sys.argv[1].strip(","))}')
    for key, values in out.items():
        text = ",\n".join(json.dumps(v, separators=(",", ":")) for v in values)
        print(f',"{key}":[\n{text}]')
    print("}")


main()
