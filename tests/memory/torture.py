#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No memory at any allocation: tests/memory/torture.py BUILD_DIR [STEP]

Runs commands once for every STEPth allocation that they make (default: so that it is about 200 runs a command), with that
one and all later ones refused. Each run must end by SIGABRT with "out of memory", or with the very output and exit code of
an undisturbed run: never with an answer that is half right. The build must be one without sanitizers.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "manifests" / "samples"
RUNS = 200
# stdio's buffers and the loader's own needs are not ours: they end a program in their own words, or go on without.
OTHERS = ("error while loading shared libraries", "cannot allocate", "Cannot allocate")


def run(argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(argv, env=environment, capture_output=True, timeout=60)


def torture(name: str, argv: list[str], library: Path, step: int, folder: Path) -> int:
    told = folder / "count"
    base = {"LD_PRELOAD": str(library), "PATH": "/usr/bin:/bin", "FAIL_ALLOC_COUNT": str(told), "HOME": str(folder)}
    good = run(argv, base)
    total = int(told.read_text())
    step = step or max(1, total // RUNS)
    aborted = completed = 0
    wrong = []
    for number in range(1, total + 1, step):
        seen = run(argv, {**base, "FAIL_ALLOC": str(number)})
        words = seen.stderr.decode(errors="replace")
        if seen.returncode == -signal.SIGABRT and "grapnel: out of memory" in words:
            aborted += 1
        elif (seen.returncode, seen.stdout) == (good.returncode, good.stdout):
            completed += 1
        elif any(other in words for other in OTHERS):
            aborted += 1
        else:
            wrong.append((number, seen.returncode, words[-300:]))
    print(f"{name}: {total} allocations, every {step}th refused: {aborted} ended with a word, {completed} went on as usual, "
          f"{len(wrong)} wrong")
    for number, code, words in wrong[:5]:
        print(f"  allocation {number}: exit code {code}: {words}")
    return len(wrong)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1]).resolve()
    step = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        library = folder / "fail_alloc.so"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-fPIC", "-shared", "-o", str(library),
                        str(ROOT / "tests" / "memory" / "fail_alloc.c")], check=True)
        wrong = 0
        for command in ("render", "validate", "materialize"):
            wrong += torture(command, [str(build / "grapnel"), command, str(SAMPLES)], library, step, folder)
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
