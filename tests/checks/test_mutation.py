# SPDX-License-Identifier: Apache-2.0
"""The patches of tests/mutation/ keep up with the code that they break."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "tests/mutation").glob("*.patch"),
                 key=lambda path: int(path.name.split("-")[0]))
# As ctest names them.
TESTS = [".".join(path.relative_to(ROOT / "tests").with_suffix("").parts)
         for path in (ROOT / "tests").rglob("*_test.c")]


def test_there_are_enough_and_they_are_numbered():
    assert len(PATCHES) >= 30
    numbers = [patch.name.split("-")[0] for patch in PATCHES]
    assert numbers == [f"{number:02d}" for number in range(1, len(PATCHES) + 1)]


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_it_applies_and_says_what_it_breaks(patch):
    first, second, third = patch.read_text().split("\n", 3)[:3]
    assert re.fullmatch(r"[^;]+; [^;]+", first) and len(first.split(";")[0]) <= 70
    assert second.startswith("Tests: ") and third == ""
    for part in second.removeprefix("Tests: ").split():
        assert any(re.search(part, name) for name in TESTS), f"{part}: no such test"
    # Within a worktree whose .git points elsewhere too: only the files count.
    environment = dict(os.environ, GIT_CEILING_DIRECTORIES=str(ROOT.parent))
    done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
