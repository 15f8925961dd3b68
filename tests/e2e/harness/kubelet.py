# SPDX-License-Identifier: Apache-2.0
"""Scheduler and kubelet for the pods of one namespace: binds them, runs their first container, and tells what became of it.

The program under test runs with the arguments, the environment, the Secrets and the service account of its pod, in a mount
namespace of its own where these lie as in a container. Images, networks and cgroups are not played.
"""

import base64
import shlex
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from .api import ApiError
from .cluster import SERVER, Cluster
from .process import Process

ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"  # /var/run is a link to /run
INTERVAL = 0.1


class Kubelet:
    def __init__(self, cluster: Cluster, namespace: str, binary: Path, directory: Path, new_address: Callable[[], str]):
        self.cluster = cluster
        self.namespace = namespace
        self.binary = binary
        self.directory = directory
        self.new_address = new_address
        self.processes: dict[str, Process] = {}  # of all pods that ever were, by name
        self.addresses: dict[str, str] = {}
        self.exit_codes: dict[str, int] = {}
        self.told: dict[str, bool] = {}
        self.failure: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Kubelet":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopping.set()
        self.thread.join()
        for process in self.processes.values():
            process.kill()
        if self.failure:
            raise self.failure

    def log(self) -> str:
        return "\n".join(process.output() for process in self.processes.values())

    def _work(self) -> None:
        try:
            while not self.stopping.wait(INTERVAL):
                for pod in self.cluster.api.get(self._path())["items"]:
                    self._look_at(pod)
        except BaseException as error:
            self.failure = error

    def _path(self, name: str = "", below: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods" + (f"/{name}" if name else "") + below

    def _look_at(self, pod: dict) -> None:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"]:
            self._end(name)
        elif not pod["spec"].get("nodeName"):
            self.cluster.api.post(self._path(name, "/binding"), {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"}})
        elif name not in self.processes:
            self._begin(name, pod)
        else:
            is_ready = self._probe(name, pod)
            if self.told.get(name) != is_ready:
                self._tell(name, pod, is_ready)

    def _begin(self, name: str, pod: dict) -> None:
        container = pod["spec"]["containers"][0]
        self.addresses[name] = address = self.new_address()
        root = self.directory / name
        self._write(root / "account", {
            "token": self._token(pod["spec"]["serviceAccountName"]), "namespace": self.namespace,
            "ca.crt": self.cluster.ca_file.read_text()})
        script = ["set -e", "mount -t tmpfs tmpfs /run", f"mkdir -p {ACCOUNT}", f"cp {root}/account/* {ACCOUNT}/",
                  # /etc belongs to the machine: a copy of it, in which there can be more.
                  "mount -t tmpfs tmpfs /mnt", "cp -a /etc/. /mnt/"]
        for mount in container.get("volumeMounts", []):
            volume = next(one for one in pod["spec"]["volumes"] if one["name"] == mount["name"])["secret"]
            values = self._secret(volume["secretName"])
            folder = root / mount["name"]
            self._write(folder, {item["path"]: values[item["key"]] for item in volume["items"]})
            place = mount["mountPath"].removeprefix("/etc/")
            script.append(f"mkdir -p /mnt/{place} && cp {folder}/* /mnt/{place}/")
        # Each has all ports of its own address, and there is one network here.
        argv = [str(self.binary), *(one.replace("--listen=:", f"--listen={address}:") for one in container["args"])]
        script += ["mount --bind /mnt /etc", "exec " + shlex.join(argv)]
        host, port = SERVER.removeprefix("https://").split(":")
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        for one in container.get("env", []):
            value = self._value(one, name)
            if value is not None:
                environment[one["name"]] = value
        process = Process(name, ["unshare", "--mount", "/bin/sh", "-c", "\n".join(script)], self.directory / f"{name}.log",
                          replace_env=environment)
        process.start()
        self.processes[name] = process

    def _value(self, variable: dict, pod: str) -> str | None:
        if "value" in variable:
            return variable["value"]
        source = variable["valueFrom"]
        if "secretKeyRef" in source:
            return self._secret(source["secretKeyRef"]["name"]).get(source["secretKeyRef"]["key"])
        return {"metadata.namespace": self.namespace, "metadata.name": pod}[source["fieldRef"]["fieldPath"]]

    def _secret(self, name: str) -> dict[str, str]:
        data = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def _token(self, account: str) -> str:
        return self.cluster.api.post(f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 7200}})["status"]["token"]

    @staticmethod
    def _write(folder: Path, files: dict[str, str]) -> None:
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)

    def _probe(self, name: str, pod: dict) -> bool:
        self.processes[name].expect_running()
        container = pod["spec"]["containers"][0]
        probe = container["readinessProbe"]["httpGet"]
        port = next(one["containerPort"] for one in container["ports"] if probe["port"] in (one["name"], one["containerPort"]))
        try:
            with urllib.request.urlopen(f"http://{self.addresses[name]}:{port}{probe['path']}", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _tell(self, name: str, pod: dict, is_ready: bool) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        truth = "True" if is_ready else "False"
        container = pod["spec"]["containers"][0]
        self.cluster.api.patch(self._path(name, "/status"), {"status": {
            "phase": "Running", "podIP": self.addresses[name], "podIPs": [{"ip": self.addresses[name]}], "startTime": now,
            "conditions": [{"type": kind, "status": truth if "Ready" in kind else "True", "lastTransitionTime": now}
                           for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")],
            "containerStatuses": [{"name": container["name"], "image": container["image"], "imageID": "", "ready": is_ready,
                                   "restartCount": 0, "started": True, "state": {"running": {"startedAt": now}}}]}})
        self.told[name] = is_ready

    def _end(self, name: str) -> None:
        if name in self.processes and name not in self.exit_codes:
            self.exit_codes[name] = self.processes[name].terminate()
        try:
            self.cluster.api.delete(self._path(name) + "?gracePeriodSeconds=0")
        except ApiError as error:
            if error.code != 404:
                raise
