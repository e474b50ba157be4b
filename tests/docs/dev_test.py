"""./dev says what it does not know, and its help names what it knows."""

import re
import subprocess
import unittest
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent.parent / "dev"


def dev(*words):
    done = subprocess.run([str(DEV), *words], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


class Dev(unittest.TestCase):
    def test_an_unknown_word_is_named_with_the_nearest_verb(self):
        for word, nearest in (("fuz", "fuzz"), ("tets", "test"), ("stopp", "stop"), ("cleanroot", "clean-root"), ("biuld", "build")):
            self.assertEqual(dev(word), (2, "", f'dev: there is no "{word}"; the nearest is "{nearest}"; ./dev help lists what there is\n'))

    def test_no_verb_is_named_where_none_is_near(self):
        for word in ("nonsense", "--frobnicate", "a b", "run stop", "*"):
            self.assertEqual(dev(word), (2, "", f'dev: there is no "{word}"; ./dev help lists what there is\n'))

    def test_the_help_names_each_verb(self):
        status, out, err = dev()
        self.assertEqual((status, err), (0, ""))
        [verbs] = re.findall(r"^VERBS='(.*)'$", DEV.read_text(), re.M)
        self.assertEqual(set(re.findall(r"^\./dev ([a-z-]+)", out, re.M)), set(verbs.split()))


if __name__ == "__main__":
    unittest.main()
