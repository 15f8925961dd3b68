# SPDX-License-Identifier: Apache-2.0
"""The operator, as a process that a test starts, kills and starts again."""

import json
import os
import re
import urllib.request
from pathlib import Path

from .process import Process
from .wait import eventually

# Short, so that a test sees in seconds what a user waits longer for. Each is a flag of `grapnel run`.
QUICK = {"conversion-grace": "1s", "reference-grace": "1s", "rewrite-delay": "1s", "finalizer-timeout": "3s",
         "drift-interval": "1s", "secret-poll": "1s"}
SANITIZER = re.compile(r"ERROR: \w*Sanitizer|runtime error: |WARNING: \w*Sanitizer")


class Operator:
    """`grapnel run`, over all its lives in one test. Flags are given as keywords: gateway_url=[…], namespace="a"."""

    def __init__(self, binary: Path, directory: Path, name: str = "operator", port: int = 8080,
                 environment: dict[str, str] | None = None, **flags):
        self.binary = binary
        self.address = f"127.0.0.1:{port}"
        self.flags = {**{key.replace("-", "_"): value for key, value in QUICK.items()},
                      "log_level": "debug", "log_format": "json", **flags}
        # Nothing of the caller's environment may configure it.
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRAPNEL_", "TYK_", "KUBE"))}
        self.process = Process(name, self._argv(), directory / f"{name}.log",
                               replace_env={**clean, "HOME": str(directory), **(environment or {})})

    def _argv(self) -> list[str]:
        argv = [str(self.binary), "run", "--listen", self.address]
        for key, value in self.flags.items():
            option = "--" + key.replace("_", "-")
            if value is True:
                argv.append(option)
            elif value is not None and value is not False:
                for one in value if isinstance(value, (list, tuple)) else [value]:
                    argv += [option, str(one)]
        return argv

    def set_flags(self, **flags) -> None:
        """For the next start."""
        self.flags.update(flags)
        self.process.argv = self._argv()

    def start(self, await_ready: bool = True, timeout: float = 30) -> None:
        self.process.start()
        if await_ready:
            self.await_ready(timeout)

    def await_ready(self, timeout: float = 30) -> None:
        def is_ready() -> None:
            self.process.expect_running()
            self.fetch("/readyz")

        eventually(is_ready, timeout)

    def fetch(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=2) as response:
            return response.read().decode()

    def kill(self) -> None:
        """SIGKILL: what a node failure or the memory killer does."""
        self.process.kill()

    def stop(self) -> None:
        """SIGTERM: it must end by itself, with 0, and leak nothing."""
        code = self.process.terminate()
        assert code == 0, f"{self.process.name} ended with {code} on SIGTERM\n{self.process.tail(40)}"

    def restart(self) -> None:
        self.kill()
        self.start()

    def is_running(self) -> bool:
        return self.process.is_running()

    def log(self) -> str:
        return self.process.output()

    def log_entries(self) -> list[dict]:
        """The log's JSON lines; what else stands there (a sanitizer's report) is not among them."""
        entries = []
        for line in self.log().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                entries.append(entry)
        return entries

    def expect_clean(self) -> None:
        """Raises on a crash or a report of a sanitizer in any of its lives."""
        found = SANITIZER.search(self.log())
        assert not found, f"{self.process.name}: {self.log()[found.start():found.start() + 4000]}"


class FolderOperator(Operator):
    """`grapnel run --source dir:PATH`: objects are files, status is files."""

    def __init__(self, binary: Path, directory: Path, name: str = "operator", folder: Path | None = None,
                 state: Path | None = None, **flags):
        self.folder = folder or directory / f"{name}-objects"
        self.state = state or directory / f"{name}-state"
        self.folder.mkdir(exist_ok=True)
        super().__init__(binary, directory, name, source=f"dir:{self.folder}", state_dir=self.state, **flags)

    def write(self, name: str, text: str) -> None:
        """Puts a file there as editors do: under another name, hidden, then renamed."""
        hidden = self.folder / f".{name}.new"
        hidden.write_text(text)
        hidden.rename(self.folder / name)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def status(self, kind: str, namespace: str, name: str) -> str:
        """The text of an object's status file; raises FileNotFoundError while there is none."""
        return (self.state / "status" / f"{kind}.{namespace}.{name}.yaml").read_text()
