# SPDX-License-Identifier: Apache-2.0
"""Carries out a Dockerfile without a container engine: stages are folders, RUN is chroot. As root, on Debian.

It knows the instructions that the project's Dockerfile uses, and refuses all others. Debian's base image is made with debootstrap, from
the mirrors that apt uses on this machine, and kept in the tests' cache.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path(os.environ.get("GRAPNEL_TEST_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grapnel-tests")
BASE = re.compile(r"debian:(\w+)-slim$")
METADATA = {"LABEL", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}


class Unknown(Exception):
    """An instruction or form that this reader does not carry out."""


@dataclass
class Stage:
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    metadata: dict[str, object] = field(default_factory=dict)


def instructions(text: str) -> list[tuple[str, str]]:
    """[(instruction, rest)], comments gone and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.strip().split(None, 1)) for line in joined.splitlines() if line.strip()]


def run(argv: list, **how) -> None:
    subprocess.run([str(one) for one in argv], check=True, **how)


# --- Debian's base image ---

def _apt(*arguments: str) -> str:
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def _sources(codename: str) -> list[tuple[str, str]]:
    """(address, suite) of Debian's own repositories, as apt on this machine has them."""
    listing = _apt("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(ORIGIN)",
                   "Created-By: Packages")
    rows = {tuple(line.split(" ")[:2]) for line in listing.splitlines()
            if re.search(rf" {codename}\S* main Debian$", line)}
    assert rows, f"apt knows no repository of Debian {codename}: run apt-get update"
    return sorted(rows, key=lambda row: len(row[1]))


def _settings() -> str:
    """How apt on this machine reaches its mirrors: proxies and the like."""
    return "".join(f"{line}\n" for line in _apt("apt-config", "dump").splitlines()
                   if re.match(r'Acquire::(http|https|Check-\w+|Retries)\b.*".+"', line))


def debian_base(codename: str) -> Path:
    """An archive of Debian's smallest system."""
    archive = CACHE / f"debian-{codename}-{os.uname().machine}.tar"
    if archive.exists():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    root = CACHE / f"partial-debian.{os.getpid()}"
    sources = _sources(codename)
    try:
        run(["debootstrap", "--variant=minbase", codename, root, sources[0][0]], stdout=subprocess.DEVNULL)
        (root / "etc/apt/sources.list").write_text("".join(f"deb {address} {suite} main\n" for address, suite in sources))
        (root / "etc/apt/apt.conf.d/99tests").write_text(_settings())
        shutil.rmtree(root / "var/cache/apt/archives")
        temporary = archive.with_suffix(f".{os.getpid()}")
        run(["tar", "--create", "--file", temporary, "--directory", root, "--exclude=./dev/*", "--exclude=./proc/*", "."])
        temporary.rename(archive)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return archive


# --- instructions ---

class Builder:
    def __init__(self, context: Path, work: Path, arguments: dict[str, str]):
        self.context = context
        self.work = work
        self.given = arguments
        self.stages: dict[str, Stage] = {}
        self.stage: Stage | None = None
        self.ignored = [line for line in (context / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]

    def build(self) -> Stage:
        """The last stage, when all is done."""
        for instruction, rest in instructions((self.context / "Dockerfile").read_text()):
            print(f"{instruction} {rest[:100]}", flush=True)
            if instruction in METADATA:
                self._metadata(instruction, self._expand(rest))
            else:
                handler = getattr(self, f"_do_{instruction.lower()}", None)
                if handler is None:
                    raise Unknown(instruction)
                handler(rest)
        assert self.stage
        return self.stage

    def _expand(self, text: str) -> str:
        known = {**self.stage.arguments, **self.stage.environment}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), text)

    def _do_from(self, rest: str) -> None:
        image, _, name = rest.partition(" AS ")
        root = self.work / (name or f"stage-{len(self.stages)}")
        root.mkdir()
        self.stage = self.stages[name or str(len(self.stages))] = Stage(root)
        if image == "scratch":
            return
        base = BASE.match(image)
        if not base:
            raise Unknown(f"FROM {image}")
        run(["tar", "--extract", "--file", debian_base(base[1]), "--directory", root])
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")

    def _do_arg(self, rest: str) -> None:
        name, _, default = rest.partition("=")
        self.stage.arguments[name] = self.given.get(name, default)

    def _do_env(self, rest: str) -> None:
        name, _, value = self._expand(rest).partition("=")
        self.stage.environment[name] = value

    def _do_workdir(self, rest: str) -> None:
        self.stage.workdir = rest
        (self.stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _do_copy(self, rest: str) -> None:
        words = shlex.split(rest)
        source = self.context
        ignored = self._ignore
        if words[0].startswith("--from="):
            source, ignored = self.stages[words.pop(0)[len("--from="):]].root, None
        if words[0].startswith("--"):
            raise Unknown(f"COPY {words[0]}")
        *names, target = words
        place = self.stage.root / os.path.join(self.stage.workdir, target).lstrip("/")
        for name in names:
            path = source / name.lstrip("/")
            if ignored and not self._is_sent(path):
                raise FileNotFoundError(f"COPY {name}: .dockerignore keeps it out")
            if path.is_dir():
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copy2(path, place / path.name if target.endswith("/") else place)

    def _is_sent(self, path: Path) -> bool:
        """The last rule of .dockerignore that matches the path or a folder above it."""
        names = path.relative_to(self.context)
        sent = True
        for rule in self.ignored:
            pattern = rule.lstrip("!")
            for candidate in (names, *names.parents[:-1]):
                plain = fnmatch.fnmatch(str(candidate), pattern)
                deep = pattern.startswith("**/") and fnmatch.fnmatch(candidate.name, pattern[3:])
                if plain or deep:
                    sent = rule.startswith("!")
        return sent

    def _ignore(self, folder: str, names: list[str]) -> set[str]:
        return {name for name in names if not self._is_sent(Path(folder) / name)}

    def _do_run(self, rest: str) -> None:
        in_root(self.stage.root, ["/bin/sh", "-c", rest], self.stage.workdir, {**self.stage.arguments, **self.stage.environment})

    def _metadata(self, instruction: str, rest: str) -> None:
        if instruction == "LABEL":
            pairs = (word.partition("=") for word in shlex.split(rest))
            self.stage.metadata.setdefault("LABEL", {}).update({name: value for name, _, value in pairs})
        else:
            self.stage.metadata[instruction] = rest


def in_root(root: Path, argv: list[str], workdir: str = "/", environment: dict[str, str] | None = None, user: int = 0,
            capture: bool = False) -> str:
    """Runs a program in a root file system, in process and mount namespaces of its own; its stdout when captured."""
    for place in ("proc", "dev"):
        (root / place).mkdir(exist_ok=True)
    mounts = (f'mount -t proc proc "{root}/proc" && mount -t tmpfs -o mode=755 dev "{root}/dev" && '
              f'for one in null zero full random urandom; do touch "{root}/dev/$one" && mount --bind "/dev/$one" "{root}/dev/$one"; done && '
              f'exec chroot --userspec={user}:{user} --groups= "{root}" "$@"')
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **(environment or {})}
    inside = argv if workdir == "/" else ["/bin/sh", "-c", 'cd "$0" && exec "$@"', workdir, *argv]
    result = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", mounts, "sh", *inside],
                            env=env, text=True, stdout=subprocess.PIPE if capture else None)
    assert result.returncode == 0, f"{' '.join(argv)[:200]}: exit code {result.returncode}"
    return result.stdout
