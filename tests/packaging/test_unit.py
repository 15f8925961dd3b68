# SPDX-License-Identifier: Apache-2.0
"""grapnel.service: valid, and shut in."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_reference import binary  # noqa: E402

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
    """Flags of the unit, and variables of the files, against the tables of options."""
    table = "".join((REPOSITORY / "controller" / name).read_text() for name in ("config.c", "cli/gateway_options.h"))
    known = set(re.findall(r'\{"([a-z-]+)", OPTION_', table))
    used = set(re.findall(r"--([a-z-]+)=", UNIT.read_text()))
    used |= {name.lower().replace("_", "-") for path in (UNIT, FOLDER / "grapnel.default", FOLDER / "README.md")
             for name in re.findall(r"GRAPNEL_([A-Z_]*[A-Z])\b", path.read_text())} - {"gateway", "package", "tests"}
    assert used <= known and len(used) >= 5


def test_the_user_is_made_by_sysusers():
    assert f"\nUser={(FOLDER / 'grapnel.sysusers').read_text().split()[3]}" in UNIT.read_text() or \
        re.search(r"^u grapnel ", (FOLDER / "grapnel.sysusers").read_text(), re.MULTILINE)


@pytest.fixture
def program(tmp_path) -> Path:
    found = binary() or pytest.skip("grapnel is not built")
    (tmp_path / "objects").mkdir()
    said = subprocess.run([found, "run", f"--source=dir:{tmp_path}/objects", "--once"], capture_output=True, text=True, timeout=20).stderr
    if "not there yet" in said:
        pytest.skip("this build has no folder source")
    return found


def test_the_service_manager_is_told(program, tmp_path):
    """As Type=notify wants it: READY when it works, STOPPING when it ends."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(20)
    environment = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(tmp_path / "notify"), "GRAPNEL_LISTEN": "127.0.0.1:0"}
    process = subprocess.Popen([program, "run", f"--source=dir:{tmp_path}/objects", f"--state-dir={tmp_path}/state"], env=environment,
                               stderr=subprocess.PIPE, text=True)
    try:
        assert manager.recv(100) == b"READY=1"
        process.terminate()
        assert manager.recv(100) == b"STOPPING=1"
        assert process.wait(20) == 0, process.stderr.read()
    finally:
        process.kill()
        process.communicate()
        manager.close()


def test_the_services_command_line_is_accepted(program, tmp_path):
    """With its own folders instead of the system's."""
    line = re.search(r"^ExecStart=/usr/bin/grapnel (.*)$", UNIT.read_text(), re.MULTILINE)[1]
    line = line.replace("/etc/grapnel/objects", f"{tmp_path}/objects").replace("/var/lib/grapnel", f"{tmp_path}/state")
    result = subprocess.run([program, *line.split(), "--once"], capture_output=True, text=True, timeout=20)
    assert result.returncode == 0, result.stderr
