"""What `record.sh --check` finds: netsim/conformance/check.py on the committed recording and on
changed ones.

    python3 record_check.py CHECK.PY NETEM-6.12.JSON
"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

CHECK, COMMITTED = map(os.path.abspath, (sys.argv.pop(1), sys.argv.pop(1)))
with open(COMMITTED) as file:
    RECORDING = json.load(file)


class Check(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self.tmp.cleanup)
        self.anew = copy.deepcopy(RECORDING)

    def check(self, status, *words):
        path = os.path.join(self.tmp.name, "anew.json")
        with open(path, "w") as file:
            json.dump(self.anew, file)
        run = subprocess.run([sys.executable, CHECK, COMMITTED, path], capture_output=True,
                             text=True)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        for word in words:
            self.assertIn(word, run.stdout + run.stderr)

    def lines(self, words):
        found = [line for line in self.anew["lines"] if line["words"] == words]
        self.assertTrue(found, words)
        return found

    def test_the_same(self):
        self.check(0, "to the last bit")

    def test_other_times(self):
        """What no boot has in common with another: microseconds."""
        for line in self.anew["lines"]:
            line["transit"] = [t + 1 for t in line["transit"]]
        self.check(0, "the same decisions")

    def test_some_lines(self):
        self.anew["lines"] = self.anew["lines"][::8]
        self.check(0, f"{len(self.anew['lines'])} of {len(RECORDING['lines'])} lines")

    def test_the_same_words_twice(self):
        """With other packets: each is held against its own."""
        marked, lost = sorted(self.lines("loss 20% ecn seed 14"), key=lambda line: -line["count"])
        self.assertTrue(marked["ce"] and not lost["ce"])
        self.anew["lines"] = [marked]
        self.check(0, "the same decisions")
        marked["ce"].pop()
        self.check(1, "other decisions: loss 20% ecn seed 14")

    def test_decisions(self):
        """A packet fewer; one that was damaged is not."""
        self.lines("loss 10% seed 42")[0]["ids"].pop()
        del self.lines("corrupt 30% seed 15")[0]["corrupt"][:2]
        self.check(1, "other decisions: loss 10% seed 42", "other decisions: corrupt 30% seed 15")

    def test_what_the_seed_does_not_say(self):
        """Left to the tests: of each kind a line that is left out, and one that is compared."""
        for words, left in (("loss 45% 25% duplicate 45% 25% seed 18", True),
                            ("duplicate 20% seed 17", False),
                            ("delay 10.5ms limit 8 seed 27", True),
                            ("delay 20ms 5ms 25% seed 4", False),
                            ("slot distribution normal 4.4ms 0.5ms packets 3 seed 29", True),
                            ("slot 5.4ms seed 28", False)):
            self.anew = copy.deepcopy(RECORDING)
            self.anew["lines"] = [line for line in self.anew["lines"] if line["words"] == words]
            self.assertEqual(len(self.anew["lines"]), 1, words)
            self.anew["lines"][0]["ids"].append(0)
            self.check(*(0, "1 left to the tests") if left else (1, f"other decisions: {words}"))

    def test_numbers_and_answers(self):
        line = self.lines("delay 10.5ms seed 1")[0]
        line["kernel"]["latency64"] += 1
        asked = next(one for one in self.anew["asked"] if one["status"] == 0)
        asked["status"] = 1
        self.check(1, "other numbers: delay 10.5ms seed 1", f"other answer: {asked['asked']}")

    def test_other_lines(self):
        self.anew["lines"][0]["words"] = "loss 11% seed 42"
        self.check(1, "record anew without --check")


unittest.main(verbosity=2)
