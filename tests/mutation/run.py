#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are the tests worth anything? Each N-name.patch of this folder puts one bug into the code; every
one of them must be caught by some test. README.md says how a patch is written."""

import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What is asked: not the fuzzers' corpora, nor what needs the whole program.
ASKED = re.compile(r"^(unit|component|sim)\.")
PROGRAMS = re.compile(r"^(\S*/(?:(?:unit|component|sim)\.[^/]+_test|grapnel-sim)): \w*EXECUTABLE", re.MULTILINE)
# A bug may make a test run for ever: so many times what it took without, or so many seconds.
PATIENCE = 10
PATIENCE_S = 30
NO_END = " (no end)"
# A sweep over all tests ends with these, the longest.
LAST = re.compile(r"^sim\.(brief|mixed|stormy|crash_points)$")


def number_of(path):
    return int(path.name.split("-")[0])


@dataclass
class Mutant:
    path: Path
    bug: str
    breaks: str
    tests: re.Pattern

    @property
    def number(self):
        return self.path.name.split("-")[0]


@dataclass
class Test:
    name: str
    command: list
    folder: str
    timeout: float
    target: str  # of ninja


def read_mutant(path):
    """First line: the bug; what it breaks. Second: which tests are likely to see it."""
    first, second = path.read_text().split("\n", 2)[:2]
    bug, _, breaks = first.partition("; ")
    label, _, tests = second.partition(": ")
    if not breaks or label != "Tests" or not tests.strip():
        raise SystemExit(f"{path.name}: the head must be `BUG; BEHAVIOUR` and `Tests: REGEX…`")
    return Mutant(path, bug, breaks, re.compile("|".join(tests.split())))


def copy_tree(tree):
    """The files that git knows or would take. What is equal stays, so that little is built anew."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True).stdout
    names = {name for name in os.fsdecode(listed).split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        source, copy = ROOT / name, tree / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)
    for copy in [path for path in tree.rglob("*") if path.is_file() or path.is_symlink()]:
        name = copy.relative_to(tree)
        if name.parts[0] != "build" and str(name) not in names:
            copy.unlink()


class Workshop:
    def __init__(self, scratch, preset, jobs):
        self.tree = scratch / "tree"
        self.preset = preset
        self.build = self.tree / "build" / preset
        self.jobs = jobs
        self.tree.mkdir(parents=True, exist_ok=True)
        self.lock = open(scratch / "lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run works in {scratch}") from None
        # The scratch folder may lie within a repository, which git apply would take for its own.
        self.env = dict(os.environ, GIT_CEILING_DIRECTORIES=str(scratch), CTEST_OUTPUT_ON_FAILURE="1")
        if shutil.which("ccache"):
            self.env.setdefault("CMAKE_C_COMPILER_LAUNCHER", "ccache")

    def run(self, *command, **options):
        return subprocess.run(command, cwd=self.tree, env=self.env, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def configure(self):
        # A bug that leaves a variable without use is a bug all the same.
        done = self.run("cmake", "--preset", self.preset, "-DGRAPNEL_WERROR=OFF")
        if done.returncode:
            raise SystemExit(done.stdout)

    def apply(self, mutant, back=False):
        done = self.run("git", "apply", *(["-R"] if back else []), str(mutant.path))
        return "" if done.returncode == 0 else done.stdout

    def programs(self):
        return set(PROGRAMS.findall(self.run("ninja", "-C", str(self.build), "-t", "targets", "all").stdout))

    def make(self, targets):
        done = self.run("ninja", "-C", str(self.build), f"-j{self.jobs}", *sorted(targets))
        return "" if done.returncode == 0 else done.stdout

    def tests(self):
        told = subprocess.run(["ctest", "--show-only=json-v1"], cwd=self.build, check=True,
                              capture_output=True, text=True).stdout
        found = []
        for test in json.loads(told)["tests"]:
            if not ASKED.match(test["name"]):
                continue
            properties = {p["name"]: p["value"] for p in test.get("properties", [])}
            program = Path(test["command"][0])
            if not program.is_relative_to(self.build):
                continue  # a script's interpreter
            found.append(Test(test["name"], test["command"], properties["WORKING_DIRECTORY"],
                              properties.get("TIMEOUT", 300), str(program.relative_to(self.build))))
        return sorted(found, key=lambda test: bool(LAST.match(test.name)))

    def fails(self, test):
        """What failed in it; "": nothing."""
        try:
            done = subprocess.run(test.command, cwd=test.folder, env=self.env, text=True,
                                  errors="replace", stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=test.timeout)
        except subprocess.TimeoutExpired:
            return test.name + NO_END
        if done.returncode == 0:
            return ""
        # cmocka names them twice, at once and at the end.
        names = re.findall(r"^\[  FAILED  \] (?:\S+: )?(\w+)\s*$", done.stdout, re.MULTILINE)
        if names:
            return f"{test.name}: {names[0]}"
        return f"{test.name} ({'crash' if done.returncode < 0 else 'exit %d' % done.returncode})"


def first_failure(workshop, tests):
    for test in tests:
        failed = workshop.fails(test)
        # What fails by chance, on a busy machine, proves nothing.
        if failed and (failed.endswith(NO_END) or workshop.fails(test)):
            return test, failed
    return None, ""


def hunt(workshop, mutant, tests):
    """Who catches it; "": nobody. None: the code with it cannot be built."""
    likely = [test for test in tests if mutant.tests.search(test.name)]
    others = [test for test in tests if test not in likely]
    for group in (likely, others):
        trouble = group and workshop.make({test.target for test in group})
        if trouble:
            print(trouble[-4000:], file=sys.stderr)
            return None, None
        test, failed = first_failure(workshop, group)
        if test:
            return test, failed
    return None, ""


def judge(workshop, mutant, tests):
    """(verdict, is it well?)"""
    trouble = workshop.apply(mutant)
    if trouble:
        return "DOES NOT APPLY", False
    try:
        test, failed = hunt(workshop, mutant, tests)
    finally:
        workshop.apply(mutant, back=True)
    if failed is None:
        return "DOES NOT BUILD", False
    if not test:
        return "SURVIVES", False
    if not mutant.tests.search(test.name):
        # Nobody has seen it pass without the bug today.
        if workshop.make({test.target}) or workshop.fails(test):
            return f"{test.name} fails without it too", False
    return failed, True


def sound_tests(workshop, mutants, tests):
    """Without those that fail on the tree as it is: what they say of a bug is worth nothing."""
    sound = []
    for test in tests:
        is_likely = any(mutant.tests.search(test.name) for mutant in mutants)
        began = time.monotonic()
        _, failed = first_failure(workshop, [test]) if is_likely else (None, "")
        if is_likely:
            limit = max(PATIENCE_S, PATIENCE * (time.monotonic() - began))
            test.timeout = min(test.timeout, limit)
        if failed:
            print(f"left out, it fails without any bug: {failed}", flush=True)
        else:
            sound.append(test)
    return sound


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="numbers of patches (default: all)")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "mutation",
                        help="where the tree is copied to and built")
    parser.add_argument("--preset", default="dev", help="of CMakePresets.json; asan sees more")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    mutants = [read_mutant(path) for path in sorted(HERE.glob("[0-9]*.patch"), key=number_of)]
    if arguments.only:
        mutants = [mutant for mutant in mutants if mutant.number in arguments.only]

    workshop = Workshop(arguments.scratch.resolve(), arguments.preset, arguments.jobs)
    copy_tree(workshop.tree)
    workshop.configure()
    trouble = workshop.make(workshop.programs())
    if trouble:
        raise SystemExit(trouble[-4000:])
    tests = workshop.tests()  # ctest tells only of programs that are there
    sound = sound_tests(workshop, mutants, tests)
    bad = 0
    print(f"{'no':<4}{'bug':<72}{'s':>4}  caught by", flush=True)
    for mutant in mutants:
        began = time.monotonic()
        verdict, is_well = judge(workshop, mutant, sound)
        bad += not is_well
        seconds = time.monotonic() - began
        print(f"{mutant.number:<4}{mutant.bug:<72}{seconds:>4.0f}  {verdict}", flush=True)
    print(f"{len(mutants)} bugs, {len(mutants) - bad} caught")
    return 0 if mutants and not bad and len(sound) == len(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
