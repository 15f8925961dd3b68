# SPDX-License-Identifier: Apache-2.0
"""The real kubectl, as a user calls it."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from .wait import PATIENCE


class KubectlError(RuntimeError):
    def __init__(self, argv: list[str], result: subprocess.CompletedProcess):
        super().__init__(f"{' '.join(argv)}: exit code {result.returncode}\n{result.stderr.strip()}")
        self.stderr: str = result.stderr


def to_manifest(what: str | Path | dict | list) -> str:
    """Text as it is; a file's text; an object or several as JSON, which no reader of YAML takes for something else."""
    if isinstance(what, Path):
        return what.read_text()
    if isinstance(what, str):
        return what
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": what} if isinstance(what, list) else what, indent=1)


class Kubectl:
    def __init__(self, program: Path, kubeconfig: Path, home: Path):
        self.program = program
        self.kubeconfig = kubeconfig
        self.home = home  # where kubectl keeps its cache of the API's discovery

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Runs kubectl and returns its stdout; raises KubectlError with the command and its stderr."""
        argv = ["kubectl", *[str(arg) for arg in args]]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}
        result = subprocess.run([str(self.program), *argv[1:]], input=stdin, env=env, timeout=timeout,
                                stdin=subprocess.DEVNULL if stdin is None else None,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise KubectlError(argv, result)
        return result.stdout

    @staticmethod
    def _in(namespace: str | None) -> list[str]:
        return [] if namespace is None else ["--namespace", namespace]

    def apply(self, what: str | Path | dict | list, namespace: str | None = None, *flags: str) -> str:
        return self.run("apply", "-f", "-", *flags, *self._in(namespace), stdin=to_manifest(what))

    def create(self, what: str | Path | dict | list, namespace: str | None = None) -> str:
        return self.run("create", "-f", "-", *self._in(namespace), stdin=to_manifest(what))

    def replace(self, what: dict, namespace: str | None = None) -> str:
        return self.run("replace", "-f", "-", *self._in(namespace), stdin=to_manifest(what))

    def refuses(self, what: str | Path | dict | list, namespace: str | None = None, dry_run: bool = False) -> str:
        """Applies what the API server must refuse, and returns what it said."""
        try:
            self.apply(what, namespace, *(["--dry-run=server"] if dry_run else []))
        except KubectlError as error:
            return error.stderr
        raise AssertionError(f"the API server accepted\n{to_manifest(what)}")

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict:
        return json.loads(self.run("get", kind, name, "-o", "json", *self._in(namespace)))

    def find(self, kind: str, name: str, namespace: str | None = None) -> dict | None:
        """The object, or None when it is not there."""
        text = self.run("get", kind, name, "-o", "json", "--ignore-not-found", *self._in(namespace))
        return json.loads(text) if text.strip() else None

    def items(self, kind: str, namespace: str | None = None, selector: str = "") -> list[dict]:
        where = ["--all-namespaces"] if namespace is None else self._in(namespace)
        flags = ["--selector", selector] if selector else []
        return json.loads(self.run("get", kind, "-o", "json", *where, *flags))["items"]

    def table(self, kind: str, namespace: str, *flags: str) -> list[dict[str, str]]:
        """What `kubectl get` shows a person: one dictionary a line, by column. Columns are cut where their heads begin."""
        lines = self.run("get", kind, *self._in(namespace), *flags).rstrip("\n").split("\n")
        heads = [head for head in lines[0].split("   ") if head.strip()]
        starts = [lines[0].index(head.strip()) for head in heads]
        ends = starts[1:] + [None]
        return [{head.strip(): line[start:end].strip() for head, start, end in zip(heads, starts, ends)}
                for line in lines[1:]]

    def wait(self, condition: str, kind: str, name: str, namespace: str | None = None, timeout: float = 20) -> None:
        """kubectl wait --for=CONDITION, e.g. condition=Ready, delete, jsonpath={…}=…"""
        timeout *= PATIENCE
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.run("wait", f"--for={condition}", f"{kind}/{name}", f"--timeout={timeout}s", *self._in(namespace),
                         timeout=timeout + 10)
                return
            except KubectlError as error:
                # What a fresh object without any condition makes of it; it says so at once instead of waiting.
                if "accessor error" not in error.stderr or time.monotonic() > deadline:
                    raise

    def patch(self, kind: str, name: str, patch: Any, namespace: str | None = None, type: str = "merge",
              *flags: str) -> None:
        self.run("patch", kind, name, "--type", type, "--patch", json.dumps(patch), *flags, *self._in(namespace))

    def annotate(self, kind: str, name: str, namespace: str, **values: str | None) -> None:
        """Annotations by name; None removes one."""
        self.patch(kind, name, {"metadata": {"annotations": values}}, namespace)

    def delete(self, kind: str, name: str, namespace: str | None = None, wait: bool = True,
               timeout: float = 30) -> None:
        timeout *= PATIENCE
        self.run("delete", kind, name, f"--wait={'true' if wait else 'false'}", f"--timeout={timeout}s",
                 *self._in(namespace), timeout=timeout + 10)

    def events(self, namespace: str, kind: str | None = None, name: str | None = None) -> list[dict]:
        """Events of a namespace, or of one object, oldest first; both event APIs write the same objects."""
        found = [event for event in self.items("events", namespace)
                 if (kind is None or event["involvedObject"]["kind"] == kind)
                 and (name is None or event["involvedObject"]["name"] == name)]
        return sorted(found, key=lambda event: event["metadata"]["creationTimestamp"])

    def event_reasons(self, namespace: str, kind: str, name: str) -> list[str]:
        return [event["reason"] for event in self.events(namespace, kind, name)]
