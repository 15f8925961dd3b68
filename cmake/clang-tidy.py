#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy-14 as the preset "tidy" calls it, which remembers in which files it found nothing: what ccache is to compilers.

A file is known by what the preprocessor makes of it, comments and all, by its command line and by the configuration, wherever the
tree lies. The memory is in ~/.cache/grapnel-tidy and may be deleted at any time.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

TOOL = "clang-tidy-14"
ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grapnel-tidy"


def preprocessor(compiler: list[str]) -> list[str]:
    """The compiler's command line, made to print the preprocessed text."""
    command, rest = [], iter(compiler)
    for word in rest:
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(rest)
        elif word not in ("-c", "-MD", "-MMD"):
            command.append(word)
    return [*command, "-E", "-C", "-P", "-o", "-"]


def main(arguments: list[str]) -> int:
    separator = arguments.index("--")
    compiler = arguments[separator + 1:]
    text = subprocess.run(preprocessor(compiler), capture_output=True, check=True).stdout
    key = hashlib.sha256()
    for part in (text, *(str(word).encode() for word in arguments), Path(__file__).read_bytes(),
                 *(path.read_bytes() for path in (ROOT / ".clang-tidy", *sorted((ROOT / "tests").rglob(".clang-tidy")))),
                 subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout):
        key.update(hashlib.sha256(part.replace(str(ROOT).encode(), b"")).digest())
    mark = CACHE / key.hexdigest()
    if mark.exists():
        mark.touch()
        return 0
    code = subprocess.run([TOOL, *arguments]).returncode
    if code == 0:
        CACHE.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
