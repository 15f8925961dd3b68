# SPDX-License-Identifier: Apache-2.0
"""A real control plane: etcd, kube-apiserver and kube-controller-manager, all on loopback.

The ports are fixed, because the tests have a network namespace of their own (run.sh).
"""

import base64
import json
import secrets
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .api import Api
from .kubectl import Kubectl
from .process import Process
from .wait import NotYet, eventually

ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"
SERVER = "https://127.0.0.1:6443"
START_TIMEOUT = 60
SETTLING_TIME = 1
CONTROLLERS = ",".join(f"{name}-controller" for name in (
    "deployment", "endpointslice", "garbage-collector", "namespace", "replicaset", "serviceaccount", "serviceaccount-token"))

# Who changed what, so that a test can tell "nothing was written" from "the same was written again".
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "users": ["system:apiserver", "controller-manager"]},
              {"level": "None", "nonResourceURLs": ["*"]},
              {"level": "None", "users": ["admin"], "verbs": ["get", "list", "watch"]},
              {"level": "Metadata"}]}


@dataclass(frozen=True)
class Request:
    """One request in the API server's audit log."""
    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    at: float = 0  # seconds since 1970

    @property
    def is_write(self) -> bool:
        return self.verb in ("create", "update", "patch", "delete", "deletecollection")


def is_operator(user: str) -> bool:
    """The ServiceAccount of the chart, in whatever namespace; and the user that stands for it with all rights."""
    return user == "grapnel" or (user.startswith("system:serviceaccount:") and user.endswith(":grapnel"))


class Cluster:
    def __init__(self, programs: Path, directory: Path, apiserver_flags: tuple[str, ...] = ()):
        self.programs = programs
        self.directory = directory
        self.certificates = directory / "certificates"
        self.ca_file = self.certificates / "apiserver.crt"  # self-signed: it is its own authority
        self.audit_log = directory / "audit.log"
        self.tokens = {"admin": secrets.token_hex(16), "controller-manager": secrets.token_hex(16),
                       "grapnel": secrets.token_hex(16)}
        self._write_inputs()
        self.etcd = Process("etcd", self._etcd_argv(), directory / "etcd.log")
        self.apiserver = Process("kube-apiserver", [*self._apiserver_argv(), *apiserver_flags],
                                 directory / "kube-apiserver.log")
        self.controller_manager = Process("kube-controller-manager", self._controller_manager_argv(),
                                          directory / "kube-controller-manager.log")
        # From when to when the API server knew no roles yet, and refused everything to everybody.
        self.unsettled: list[tuple[float, float]] = []
        self.api = Api(SERVER, self.tokens["admin"], self.ca_file)
        self.kubectl = Kubectl(programs / "kubectl", directory / "admin.kubeconfig", directory)

    # --- what the programs are given ---

    def _write_inputs(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        (self.directory / "tokens.csv").write_text(
            "".join(f"{token},{user},{user},system:masters\n" for user, token in self.tokens.items()))
        openssl = shutil.which("openssl")
        assert openssl, "missing: openssl (on Debian: apt-get install openssl)"
        subprocess.run([openssl, "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                        "-out", str(self.directory / "service-accounts.pem")], check=True)

    def _etcd_argv(self) -> list[str]:
        return [self.programs / "etcd", "--data-dir", self.directory / "etcd", "--unsafe-no-fsync",
                "--log-level", "warn", "--heartbeat-interval", "20", "--election-timeout", "200",
                "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD,
                "--listen-peer-urls", ETCD_PEER, "--initial-advertise-peer-urls", ETCD_PEER,
                "--initial-cluster", f"default={ETCD_PEER}"]

    def _apiserver_argv(self) -> list[str]:
        key = self.directory / "service-accounts.pem"
        return [self.programs / "kube-apiserver", "--etcd-servers", ETCD, "--cert-dir", self.certificates,
                "--bind-address", "127.0.0.1", "--secure-port", SERVER.rsplit(":", 1)[1],
                "--advertise-address", "10.244.255.1",  # else it looks for a default route, and there is none
                "--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC",
                "--service-account-issuer", SERVER, "--service-account-key-file", key,
                "--service-account-signing-key-file", key, "--disable-admission-plugins", "ServiceAccount",
                "--allow-privileged", "--token-auth-file", self.directory / "tokens.csv",
                "--endpoint-reconciler-type", "none",
                "--audit-policy-file", self.directory / "audit-policy.json",
                "--audit-log-path", self.audit_log, "--audit-log-mode", "blocking"]

    def _controller_manager_argv(self) -> list[str]:
        return [self.programs / "kube-controller-manager", f"--controllers={CONTROLLERS}",
                "--kubeconfig", self.directory / "controller-manager.kubeconfig",
                "--service-account-private-key-file", self.directory / "service-accounts.pem",
                "--bind-address", "127.0.0.1", "--secure-port", "10257", "--leader-elect=false"]

    # --- life ---

    def start(self) -> None:
        self.start_etcd()
        self.start_apiserver()
        for user in ("admin", "controller-manager"):
            self.kubeconfig(user)
        self.start_controller_manager()
        eventually(lambda: self.api.get("/api/v1/namespaces/default"), START_TIMEOUT)

    def start_etcd(self) -> None:
        self.etcd.start()
        self._await_up(self.etcd, lambda: urllib.request.urlopen(f"{ETCD}/health", timeout=2).close())

    def start_apiserver(self) -> None:
        began = time.time()
        self.apiserver.start()
        self._await_up(self.apiserver, lambda: self.api.text("/readyz"))
        self.unsettled.append((began, time.time() + SETTLING_TIME))
        if self.controller_manager.is_running():
            self.controller_manager.kill()  # else it is up to half a minute until its informers try again
            self.start_controller_manager()

    def start_controller_manager(self) -> None:
        self.controller_manager.start()
        # Its certificate is made in memory and signed by nobody, so its health is read off what it does: it gives each
        # namespace a service account. This one is there from the server's own start.
        self._await_up(self.controller_manager,
                       lambda: self.api.get("/api/v1/namespaces/default/serviceaccounts/default"))

    @staticmethod
    def _await_up(process: Process, probe) -> None:
        def is_up() -> None:
            process.expect_running()
            probe()

        eventually(is_up, START_TIMEOUT)

    def stop(self) -> None:
        """SIGKILL for all: on SIGTERM the API server waits a minute for watches to end."""
        for process in (self.controller_manager, self.apiserver, self.etcd):
            process.kill()

    def kill_apiserver(self) -> None:
        self.apiserver.kill()

    def restart_apiserver(self) -> None:
        """A new watch cache: what came before it is 410 Expired for a watch that resumes."""
        self.apiserver.kill()
        self.start_apiserver()

    def restart_etcd(self) -> None:
        self.etcd.kill()
        self.start_etcd()
        self._await_up(self.apiserver, lambda: self.api.text("/readyz"))

    def compact(self) -> int:
        """Has etcd forget all revisions but the last, which is returned: older ones are 410 Expired for a list."""
        revision = int(self._etcd("kv/range", {"key": base64.b64encode(b"/").decode()})["header"]["revision"])
        self._etcd("kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    @staticmethod
    def _etcd(call: str, body: dict) -> dict:
        request = urllib.request.Request(f"{ETCD}/v3/{call}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    # --- ways in ---

    def kubeconfig(self, user: str, namespace: str = "default", token: str | None = None) -> Path:
        """A kubeconfig of one of the built-in users, all of group system:masters, or of the holder of a token."""
        name = user if namespace == "default" else f"{user}.{namespace}"
        path = self.directory / f"{name}.kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": SERVER, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
            "contexts": [{"name": "test", "context": {
                "cluster": "test", "user": user, "namespace": namespace}}]}, indent=2))
        path.chmod(0o600)
        return path

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig of a service account, which must exist; its rights are what RBAC gives it."""
        answer = self.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}})
        return self.kubeconfig(f"sa-{name}", namespace, answer["status"]["token"])

    # --- looking at it ---

    def audit_mark(self) -> int:
        """A place in the audit log, for `requests(since=…)`."""
        return self.audit_log.stat().st_size if self.audit_log.exists() else 0

    def all_requests(self, since: int = 0, stages: tuple[str, ...] = ("ResponseStarted", "ResponseComplete")) -> Iterator[Request]:
        """The requests that were answered after the mark. A watch is there twice: when it begins and when it ends."""
        with open(self.audit_log, "rb") as log:
            log.seek(since)
            for line in log:
                entry = json.loads(line)
                if entry["stage"] not in stages:
                    continue
                target = entry.get("objectRef", {})
                yield Request(entry["user"].get("username", ""), entry["verb"], target.get("apiGroup", ""),
                              target.get("resource", ""), target.get("subresource", ""), target.get("namespace", ""),
                              target.get("name", ""), entry.get("responseStatus", {}).get("code", 0),
                              datetime.fromisoformat(entry["stageTimestamp"].replace("Z", "+00:00")).timestamp())

    def requests(self, since: int = 0, user: str | None = None) -> list[Request]:
        """The requests of a user, or (None) of all operators, that were answered after the mark. A watch counts when it ends."""
        return [request for request in self.all_requests(since, ("ResponseComplete",))
                if (request.user == user if user else is_operator(request.user))]

    def writes(self, since: int = 0, user: str | None = None) -> list[Request]:
        """Writes to objects. Events and leases are not among them: tests that count writes mean users' objects."""
        return [request for request in self.requests(since, user)
                if request.is_write and request.resource not in ("events", "leases")]

    def logs(self, lines: int = 30) -> str:
        return "\n".join(f"--- {process.name}\n{process.tail(lines)}"
                         for process in (self.etcd, self.apiserver, self.controller_manager))

    # --- things that a kubelet or a user would make ---

    def create_node(self, name: str) -> None:
        self.kubectl.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})

    def create_pod(self, namespace: str, name: str, ip: str, labels: dict[str, str], ready: bool = True,
                   node: str = "node-1", port: int = 8080) -> None:
        """A pod that runs at an address, as far as the API tells. The node must exist."""
        self.api.post(f"/api/v1/namespaces/{namespace}/pods", {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"nodeName": node, "containers": [{
                "name": "gateway", "image": "none", "ports": [{"name": "control", "containerPort": port}]}]}})
        self.set_pod_status(namespace, name, ip, ready)

    def set_pod_status(self, namespace: str, name: str, ip: str, ready: bool) -> None:
        state = "True" if ready else "False"
        self.api.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "10.244.255.1",
            "conditions": [{"type": kind, "status": state} for kind in ("Ready", "ContainersReady")],
            "containerStatuses": [{
                "name": "gateway", "image": "none", "imageID": "", "ready": ready, "restartCount": 0,
                "state": {"running": {}}}]}})

    def slices(self, namespace: str, service: str) -> list[dict]:
        return self.api.get(f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
                            labelSelector=f"kubernetes.io/service-name={service}")["items"]

    def await_gone(self, path: str, timeout: float = 60) -> None:
        def is_gone() -> None:
            try:
                self.api.get(path)
            except RuntimeError as error:
                if getattr(error, "code", 0) == 404:
                    return
                raise
            raise NotYet(f"{path} is still there")

        eventually(is_gone, timeout)
