# SPDX-License-Identifier: Apache-2.0
"""The image, as the Dockerfile makes it: what is in it, that it starts, how large it is, that it is the same each time.

Heavy (minutes, and some 500 MB of Debian's packages), needs root and debootstrap, and so is not among the usual tests:

    /usr/bin/python3 -m pytest -s -p no:cacheprovider tests/image

Nothing here replaces a container engine's isolation; it shows that the steps work and what they leave.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dockerfile import Builder, in_root, instructions  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
EPOCH = "1700000000"
VERSION = "0.1.0"
LIMIT = 25 * 1024 * 1024  # bytes, compressed
ARGUMENTS = {"SOURCE_DATE_EPOCH": EPOCH, "VERSION": VERSION, "REVISION": "abc"}
# What a library may need that no image holds: the kernel gives it.
VIRTUAL = {"linux-vdso.so.1"}

if os.geteuid() != 0 or not shutil.which("debootstrap"):
    pytest.skip("needs root and debootstrap", allow_module_level=True)


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    builder = Builder(REPOSITORY, tmp_path_factory.mktemp("image"), ARGUMENTS)
    yield builder
    shutil.rmtree(builder.work)


@pytest.fixture(scope="module")
def image(builder):
    return builder.build()


@pytest.fixture(scope="module")
def files(image) -> dict[str, Path]:
    return {f"/{path.relative_to(image.root)}": path for path in sorted(image.root.rglob("*")) if not path.is_dir()}


def archive(root: Path, path: Path) -> None:
    """As an engine would pack the layer."""
    with tarfile.open(path, "w:gz", compresslevel=6) as tar:
        for one in sorted(root.rglob("*")):
            name = str(one.relative_to(root))
            if name.split("/")[0] not in ("proc", "dev"):
                tar.add(one, name, recursive=False)


def test_the_program_starts_as_the_images_user(image):
    assert image.metadata["USER"] == "65532:65532"
    entry = json.loads(image.metadata["ENTRYPOINT"])
    out = in_root(image.root, [*entry, "version"], user=65532, capture=True)
    assert VERSION in out
    print(out)


def test_it_fits_into_the_limit(image, tmp_path):
    archive(image.root, tmp_path / "layer.tar.gz")
    size = (tmp_path / "layer.tar.gz").stat().st_size
    plain = sum(path.stat().st_size for path in image.root.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"compressed {size / 1e6:.1f} MB, plain {plain / 1e6:.1f} MB")
    assert size <= LIMIT


def needed(path: Path) -> set[str]:
    text = subprocess.run(["readelf", "--dynamic", path], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))


def test_every_library_is_needed_and_every_needed_one_is_there(image, files):
    libraries = {path.name: path for name, path in files.items() if ".so" in path.name}
    wanted, queue = set(), [files["/usr/bin/grapnel"]]
    while queue:
        for name in needed(queue.pop()) - wanted - VIRTUAL:
            wanted.add(name)
            queue.append(libraries[name])
    for name in sorted(libraries):
        print(f"{libraries[name].stat().st_size / 1024:8.0f} kB  {name}")
    # The linker itself is named by programs, and glibc loads libgcc_s without naming it.
    assert {name for name in libraries if not name.startswith("ld-linux")} == (wanted | {"libgcc_s.so.1"}) - {
        name for name in wanted if name.startswith("ld-linux")}


def test_nothing_else_is_there(files):
    """No shell, no package manager, nothing to write to, nothing that gives rights."""
    known = re.compile(r"/usr/bin/grapnel|/(usr/)?lib\S*/\S+\.so\S*|/etc/(passwd|group|nsswitch\.conf|os-release)|"
                       r"/etc/ssl/(openssl\.cnf|certs/ca-certificates\.crt)|/usr/share/doc/\S+/(copyright|LICENSE|sbom\.spdx\.json)|"
                       r"/var/lib/dpkg/status\.d/\S+")
    assert [name for name in files if not known.fullmatch(name) and not name.startswith(("/proc", "/dev"))] == []
    for name, path in files.items():
        mode = path.lstat().st_mode
        assert not mode & 0o6000, f"{name} is setuid or setgid"
        assert path.is_symlink() or not mode & 0o022, f"{name} may be written by anyone"
        assert path.lstat().st_uid == 0, name


def test_the_program_is_hardened(files):
    def elf(*flags: str) -> str:
        return subprocess.run(["readelf", "-W", *flags, files["/usr/bin/grapnel"]], check=True, capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"}).stdout

    assert "DYN (Position-Independent Executable" in elf("--file-header")
    assert "GNU_RELRO" in elf("--program-headers") and re.search(r"GNU_STACK.* RW ", elf("--program-headers"))
    assert re.search(r"BIND_NOW|FLAGS_1.*NOW", elf("--dynamic"))
    assert "__stack_chk_fail" in elf("--dyn-syms")
    assert "R_" in elf("--relocs") and ".debug_info" not in elf("--sections")


def test_the_bill_of_materials_names_every_package(files):
    bill = json.loads(files["/usr/share/doc/grapnel/sbom.spdx.json"].read_text())
    assert bill["spdxVersion"] == "SPDX-2.3" and bill["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    packages = {package["name"]: package for package in bill["packages"]}
    installed = {}
    for name, path in files.items():
        if name.startswith("/var/lib/dpkg/status.d/"):
            fields = dict(line.split(": ", 1) for line in path.read_text().splitlines() if re.match(r"\S+: ", line))
            installed[fields["Package"]] = fields["Version"]
    assert {name: package["versionInfo"] for name, package in packages.items()} == {**installed, "grapnel": VERSION}
    assert {"libcurl4", "libssl3", "libc6", "libjansson4", "libgcc-s1", "ca-certificates"} <= installed.keys()
    identifiers = [package["SPDXID"] for package in bill["packages"]]
    assert len(set(identifiers)) == len(identifiers) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in identifiers)
    related = [relation["relatedSpdxElement"] for relation in bill["relationships"]]
    assert sorted(related) == sorted(identifiers)
    for name in installed:
        assert re.fullmatch(r"pkg:deb/debian/[^@+~]+@[^+~:]+\?arch=\w+&distro=debian-12", packages[name]["externalRefs"][0]["referenceLocator"])
        assert f"/usr/share/doc/{name}/copyright" in files


def test_labels_and_ports(image):
    labels = image.metadata["LABEL"]
    assert labels["org.opencontainers.image.version"] == VERSION and labels["org.opencontainers.image.revision"] == "abc"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image.metadata["EXPOSE"] == "8080" and json.loads(image.metadata["CMD"]) == ["run"]


def test_no_step_names_an_architecture():
    for instruction, rest in instructions((REPOSITORY / "Dockerfile").read_text()):
        assert instruction != "HEALTHCHECK" and not re.search(r"amd64|x86|arm64|aarch64", rest)
    assert not re.search(r"amd64|x86|arm64|aarch64", (REPOSITORY / "cmake" / "image-root.sh").read_text())


def digest(root: Path) -> str:
    """Of names, modes, times and contents."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        total.update(f"{path.relative_to(root)} {stat.st_mode:o} {int(stat.st_mtime)} ".encode() + hashlib.sha256(content).digest())
    return total.hexdigest()


def test_the_same_sources_and_packages_give_the_same_image(image, builder):
    """The last RUN of the build stage again, from clean sources."""
    stage = builder.stages["build"]
    first = digest(stage.root / "image")
    for path in ("image", "src/build"):
        shutil.rmtree(stage.root / path)
    steps = [rest for instruction, rest in instructions((REPOSITORY / "Dockerfile").read_text()) if instruction == "RUN"]
    in_root(stage.root, ["/bin/sh", "-c", steps[-1]], stage.workdir, {**stage.arguments, **stage.environment})
    assert digest(stage.root / "image") == first
    assert {int(path.lstat().st_mtime) for path in (stage.root / "image").rglob("*")} == {int(EPOCH)}
