# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built, looked at by lintian, installed in a Debian of its own, removed and purged.

Heavy, like test_image.py, and run with it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dockerfile import debian_base, in_root  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"
ENVIRONMENT = {"SOURCE_DATE_EPOCH": "1700000000", "DEBIAN_FRONTEND": "noninteractive"}

if os.geteuid() != 0 or not shutil.which("debootstrap"):
    pytest.skip("needs root and debootstrap", allow_module_level=True)


def build(folder: Path) -> Path:
    def run(*argv, cwd: Path = REPOSITORY) -> None:
        subprocess.run([str(one) for one in argv], check=True, cwd=cwd, env={**os.environ, **ENVIRONMENT})

    run("cmake", "-S", REPOSITORY, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DGRAPNEL_HARDEN=ON",
        "-DGRAPNEL_TESTS=OFF", "-DBUILD_TESTING=OFF", "-DGRAPNEL_PACKAGE=ON")
    run("ninja", "-C", folder, "-j2", "--quiet")
    run("cpack", "-G", "DEB", cwd=folder)
    package, = folder.glob("grapnel_*.deb")
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def system(package, tmp_path_factory):
    """A small Debian with the package installed."""
    root = tmp_path_factory.mktemp("system")
    subprocess.run(["tar", "--extract", "--file", debian_base("bookworm"), "--directory", root], check=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copy(package, root / "tmp/grapnel.deb")
    # dpkg in small systems leaves documentation out only where told to; here nothing is.
    in_root(root, ["/bin/sh", "-ec", "apt-get update -q && apt-get install -q -y --no-install-recommends /tmp/grapnel.deb man-db"],
            environment=ENVIRONMENT)
    yield root
    shutil.rmtree(root)


def inside(root: Path, script: str) -> str:
    return in_root(root, ["/bin/sh", "-ec", script], environment=ENVIRONMENT, capture=True)


def test_lintian_has_no_error(package):
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    result = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", package], capture_output=True, text=True)
    print(result.stdout)
    assert result.returncode == 0, result.stdout


def test_it_is_built_twice_to_the_same_bytes(package, tmp_path):
    """In another folder: no path of the build is in it."""
    assert build(tmp_path / "again").read_bytes() == package.read_bytes()


def test_it_depends_on_the_libraries_that_it_uses(package):
    depends = subprocess.run(["dpkg-deb", "--field", package, "Depends"], check=True, capture_output=True, text=True).stdout
    for name in ("libc6", "libcurl4", "libjansson4", "libssl3", "libyaml-0-2", "libzstd1", "libevent-core-2.1-7", "ca-certificates"):
        assert re.search(rf"\b{re.escape(name)}\b", depends), depends


def test_the_program_and_its_pages_are_there(system):
    assert VERSION in inside(system, "grapnel version")
    for page in ("grapnel.1", "grapnel-webhook.5", "grapnel-apidefinition.5", "grapnel-operatorcontext.5"):
        name, section = page.split(".")
        assert name.upper() in inside(system, f"man {section} {name}").upper()


def test_secrets_in_the_folder_are_for_the_service_alone(system):
    assert inside(system, "stat -c '%U:%G %a' /etc/grapnel /etc/grapnel/objects").split("\n")[:2] == ["root:grapnel 750"] * 2
    user = inside(system, "getent passwd grapnel").strip().split(":")
    assert user[5] == "/var/lib/grapnel" and user[6].endswith("nologin")


def test_nothing_is_enabled(system):
    assert inside(system, "find /etc/systemd -name 'grapnel*'") == ""
    assert "ExecStart=/usr/bin/grapnel run" in inside(system, "cat /lib/systemd/system/grapnel.service")


def test_an_upgrade_keeps_settings_and_manifests_and_a_purge_keeps_manifests(system):
    inside(system, "echo GRAPNEL_OWNER=ours >>/etc/default/grapnel; echo x >/etc/grapnel/objects/a.yaml; mkdir -p /var/lib/grapnel/status")
    inside(system, "dpkg --install --force-confold /tmp/grapnel.deb >/dev/null")
    assert "GRAPNEL_OWNER=ours" in inside(system, "cat /etc/default/grapnel")
    inside(system, "dpkg --remove grapnel >/dev/null; test -d /var/lib/grapnel; test -f /etc/default/grapnel")
    inside(system, "dpkg --purge grapnel >/dev/null; test ! -e /var/lib/grapnel; test ! -e /etc/default/grapnel; test -f /etc/grapnel/objects/a.yaml")
