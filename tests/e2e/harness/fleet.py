# SPDX-License-Identifier: Apache-2.0
"""Gateways behind a Service: pods as the API tells of them, a stub at the address of each, real EndpointSlices.

And the oracle: what a gateway must hold is what `grapnel render` prints, in the form that a gateway gives it. That form
comes from a gateway that nobody else knows, so nothing here knows how gateways normalise.
"""

import json
import re
import subprocess
from typing import Any

from .gateway import PORT, StubGateway
from .objects import GROUP_VERSION, PLURALS, _object, classic_api, classic_handler, default_api_id, oas_api, reference
from .operator import Operator
from .stage import Stage
from .wait import eventually

MARKER = "x-grapnel"


def context(namespace: str, name: str, /, *, annotations: dict[str, str] | None = None, **spec: Any) -> dict:
    """An OperatorContext."""
    return _object("OperatorContext", namespace, name, spec, annotations)


class Pod:
    """A pod and the gateway in it."""

    def __init__(self, fleet: "Fleet", name: str, gateway: StubGateway, ready: bool):
        self.fleet = fleet
        self.name = name
        self.gateway = gateway
        self.ready = ready
        self.terminating = False

    @property
    def uid(self) -> str:
        return self.fleet.api.get(self._path())["metadata"]["uid"]

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.fleet.namespace}/pods/{self.name}"

    def set_ready(self, ready: bool) -> None:
        self.ready = ready
        self.fleet.stage.cluster.set_pod_status(self.fleet.namespace, self.name, self.gateway.address, ready)

    def terminate(self) -> None:
        """Asks for its end: without a kubelet it stays, terminating, until `remove`."""
        self.fleet.stage.kubectl.run("delete", "pod", self.name, "--namespace", self.fleet.namespace, "--wait=false",
                                     "--grace-period=30")
        self.terminating = True

    def remove(self) -> None:
        """The pod is gone, and its gateway with it."""
        self.gateway.kill()
        self.fleet.stage.kubectl.run("delete", "pod", self.name, "--namespace", self.fleet.namespace, "--force",
                                     "--grace-period=0", "--wait=false")
        self.fleet.pods.remove(self)

    def restart_container(self, emptied: bool = True) -> None:
        """The same pod, a new process; with an emptyDir of a container's own, or none, its definitions are gone."""
        self.gateway.kill()
        if emptied:
            for file in self.gateway.folder.iterdir():
                file.unlink()
        self.gateway.start()


class Fleet:
    """A Service, its pods, and the Secret that an OperatorContext names."""

    def __init__(self, stage: Stage, count: int = 0, name: str = "gateway", namespace: str | None = None,
                 service: bool = True, **gateway_options):
        self.stage = stage
        self.api = stage.cluster.api
        self.name = name
        self.namespace = namespace or stage.namespace("tyk")
        self.gateway_options = gateway_options
        self.pods: list[Pod] = []
        self.made = 0
        if service:
            self.create_service()
        for _ in range(count):
            self.add()

    def create_service(self, **spec: Any) -> None:
        self.stage.kubectl.apply({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {"selector": {"app": self.name},
                     "ports": [{"name": "control", "port": 9696, "targetPort": "control"},
                               {"name": "traffic", "port": 80, "targetPort": 8000}], **spec}})

    def create_secret(self, name: str = "tyk-operator-conf", **values: str) -> None:
        """With the keys that Tyk Operator's Secret has."""
        self.stage.kubectl.apply({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace},
            "stringData": {"TYK_AUTH": self.stage.gateway_secret, **values}})

    def permit(self, operator: Operator) -> None:
        """Lets an operator read the Secrets that contexts name here: the chart's rights name each."""
        self.stage.may_read(operator, self.namespace, secrets=["tyk-operator-conf", "other"])

    def context(self, name: str = "edge", **spec: Any) -> dict:
        """The OperatorContext of the Service, for every namespace."""
        return context(self.namespace, name, **{
            "serviceRef": {"name": self.name, "port": "control"}, "secretRef": {"name": "tyk-operator-conf"},
            "allowedNamespaces": {"from": "All"}, **spec})

    def ref(self, name: str = "edge") -> dict:
        """spec.contextRef of an API."""
        return {"name": name, "namespace": self.namespace}

    def add(self, ready: bool = True, start: bool = True, labels: dict[str, str] | None = None) -> Pod:
        self.made += 1
        gateway = self.stage.gateway(start=start, **self.gateway_options)
        pod = Pod(self, f"{self.name}-{self.made}", gateway, ready)
        self.stage.cluster.create_pod(self.namespace, pod.name, gateway.address, labels or {"app": self.name}, ready,
                                      port=PORT)
        self.pods.append(pod)
        return pod

    @property
    def gateways(self) -> list[StubGateway]:
        return [pod.gateway for pod in self.pods]

    # --- what the operator says of it ---

    def status(self, name: str = "edge") -> dict:
        return self.stage.tyk.read("OperatorContext", self.namespace, name).get("status", {})

    def endpoints(self, name: str = "edge") -> dict[str, dict]:
        """status.endpoints by pod."""
        return {entry.get("pod", entry["url"]): entry for entry in self.status(name).get("endpoints", [])}

    def await_ready(self, status: str = "True", reason: str = "GatewaysSynced", name: str = "edge",
                    timeout: float = 30) -> dict:
        return self.stage.tyk.await_condition("OperatorContext", self.namespace, name, "Ready", status, reason, timeout)

    def await_pods(self, count: int, name: str = "edge", timeout: float = 30) -> None:
        """Waits until the context names as many endpoints, all of them synced."""

        def are_there() -> None:
            states = [entry["state"] for entry in self.status(name).get("endpoints", [])]
            assert states == ["Synced"] * count, states

        eventually(are_there, timeout)


# --- APIs for it ---

def apis_of(team: str, ref: dict | None, count: int, first: int = 0) -> list[dict]:
    """APIs of both kinds, each with a reference."""
    made = []
    for number in range(first, first + count):
        name = f"api-{number}"
        if number % 3 == 0:
            made.append(classic_api(team, name, {"AuthFailure": [classic_handler("pager")]},
                                    **({"contextRef": ref} if ref else {})))
        else:
            made.append(oas_api(team, name, reference("pager"), context=ref))
    return made


def names_of(apis: list[dict]) -> list[str]:
    return [api["metadata"]["name"] for api in apis]


def ids_of(team: str, names: list[str]) -> set[str]:
    return {default_api_id(team, name) for name in names}


# --- the oracle ---

def _unmarked(document: dict, oas: bool) -> dict:
    """Without Grapnel's marker."""
    if oas:
        return {key: value for key, value in document.items() if key != MARKER}
    data = {key: value for key, value in (document.get("config_data") or {}).items() if key != "grapnel"}
    return {**document, "config_data": data or None}


def holdings(gateway: StubGateway) -> dict[str, dict]:
    """All that a gateway shows, by id: in its own form, without markers, its own address and its random orders."""
    found = {}
    for api_id, definition in gateway.apis().items():
        oas = definition.get("is_oas", False)
        document = _unmarked(gateway.oas(api_id) if oas else definition, oas)
        if oas:
            handlers = document["x-tyk-api-gateway"]["server"].get("eventHandlers")
            if handlers:
                handlers.sort(key=lambda handler: handler["trigger"])
        found[api_id] = json.loads(json.dumps(document).replace(gateway.address, "GATEWAY"))
    return found


class Oracle:
    """What the gateways of a context must hold, from the objects as they are now."""

    def __init__(self, stage: Stage):
        self.stage = stage
        # Never named to any operator: it only shows what a gateway makes of a document.
        self.model = stage.gateway()
        self.last: str | None = None
        self.seen: dict[str, dict] = {}

    def _objects(self) -> list[dict]:
        api = self.stage.cluster.api
        kinds = [(GROUP_VERSION, kind, f"/apis/{GROUP_VERSION}/{plural}") for kind, plural in PLURALS.items()]
        kinds += [("v1", "Secret", "/api/v1/secrets"), ("v1", "ConfigMap", "/api/v1/configmaps"),
                  ("v1", "Namespace", "/api/v1/namespaces")]
        found = []
        for version, kind, path in kinds:
            for item in api.get(path)["items"]:
                namespace = item["metadata"].get("namespace", item["metadata"]["name"])
                if namespace not in self.stage.namespaces or item["metadata"].get("deletionTimestamp"):
                    continue
                item.pop("status", None)
                item["metadata"].pop("managedFields", None)
                item["metadata"].pop("resourceVersion", None)
                found.append({"apiVersion": version, "kind": kind, **item})
        return found

    def expected(self, contexts: set[str | None]) -> dict[str, dict]:
        """For gateways that serve these contexts ("ns/name"; None is the default one)."""
        objects = self._objects()
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        if text == self.last:
            return self.seen
        done = subprocess.run([str(self.stage.find_binary("grapnel")), "render", "--show-secrets", "-"],
                              input=text, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        where = {}
        for item in objects:
            if item["kind"] == "ApiDefinition":
                meta, ref = item["metadata"], item["spec"].get("contextRef")
                where[f"{meta['namespace']}/{meta['name']}"] = ref and (
                    f"{ref.get('namespace', meta['namespace'])}/{ref['name']}")
        self._show(api for api in json.loads(done.stdout)
                   if api["document"] is not None and where[api["api"]] in contexts)
        self.last, self.seen = text, holdings(self.model)
        return self.seen

    def _show(self, apis) -> None:
        self.model.kill()
        for file in self.model.folder.iterdir():
            file.unlink()
        self.model.start()
        for api in apis:
            path = "/tyk/apis/oas" if api["kind"] == "oas" else "/tyk/apis"
            code, body = self.model.call("POST", path, api["document"])
            assert code == 200, f"{api['api']}: {code} {body!r}"
        self.model.reload()

    def expect(self, gateways: list[StubGateway], *contexts: str | None, foreign: dict[str, dict] | None = None) -> None:
        """Raises where a gateway holds anything else than it must. `foreign`: what somebody else put there."""
        wanted = self.expected(set(contexts or (None,)))
        for gateway in gateways:
            held = holdings(gateway)
            want = {**wanted, **(foreign or {})}
            missing, surplus = sorted(set(want) - set(held)), sorted(set(held) - set(want))
            assert not missing and not surplus, f"{gateway.name}: missing {missing}, surplus {surplus}"
            for api_id, document in want.items():
                assert held[api_id] == document, (
                    f"{gateway.name}: {api_id} differs: {_first_difference(document, held[api_id])}")

    def await_exact(self, gateways: list[StubGateway], *contexts: str | None, foreign: dict[str, dict] | None = None,
                    timeout: float = 60) -> None:
        eventually(lambda: self.expect(gateways, *contexts, foreign=foreign), timeout, interval=0.2)


def _first_difference(want: Any, have: Any, path: str = "") -> str:
    if isinstance(want, dict) and isinstance(have, dict):
        for key in sorted(set(want) | set(have)):
            if want.get(key) != have.get(key):
                return _first_difference(want.get(key), have.get(key), f"{path}/{key}")
    if isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        for index, (one, other) in enumerate(zip(want, have)):
            if one != other:
                return _first_difference(one, other, f"{path}/{index}")
    return f"{path}: want {json.dumps(want)[:300]}, have {json.dumps(have)[:300]}"
