# SPDX-License-Identifier: Apache-2.0
"""grapnel.service: valid, and shut in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "manifests" / "systemd"
UNIT = FOLDER / "grapnel.service"

if not shutil.which("systemd-analyze"):
    pytest.skip("no systemd-analyze", allow_module_level=True)


def analyze(*arguments) -> str:
    result = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True)
    return result.stdout + result.stderr


def test_systemd_understands_every_line():
    said = [line for line in analyze("verify", UNIT).splitlines()
            if not re.search(r"/usr/bin/grapnel is not executable|'man grapnel\(1\)' failed", line)]
    assert said == []


def test_it_is_shut_in():
    exposure = float(re.search(r"Overall exposure level for grapnel.service: ([\d.]+)", analyze("security", "--offline=true", "--no-pager", UNIT))[1])
    assert exposure <= 1.5


def test_the_options_are_the_programs():
    """Flags of the unit, and variables of the files, against the table of options."""
    table = (REPOSITORY / "controller" / "config.c").read_text()
    known = set(re.findall(r'\{"([a-z-]+)", OPTION_', table))
    used = set(re.findall(r"--([a-z-]+)=", UNIT.read_text()))
    used |= {name.lower().replace("_", "-") for path in (UNIT, FOLDER / "grapnel.default", FOLDER / "README.md")
             for name in re.findall(r"GRAPNEL_([A-Z_]*[A-Z])\b", path.read_text())} - {"gateway", "package"}
    assert used <= known and len(used) >= 5


def test_the_user_is_made_by_sysusers():
    assert f"\nUser={(FOLDER / 'grapnel.sysusers').read_text().split()[3]}" in UNIT.read_text() or \
        re.search(r"^u grapnel ", (FOLDER / "grapnel.sysusers").read_text(), re.MULTILINE)
