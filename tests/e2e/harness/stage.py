# SPDX-License-Identifier: Apache-2.0
"""What one test works with, and how it is cleaned up after."""

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from .api import ApiError
from .cluster import Cluster
from .gateway import Receiver, StubGateway
from .objects import PLURALS, Tyk
from .operator import Operator
from .rights import Account, Installation, Use, kind_of
from .wait import eventually


def values_of(flags: dict) -> dict:
    """The chart's values that make these flags, as far as rights depend on them."""
    values: dict = {}
    if flags.get("namespace"):
        names = flags["namespace"]
        values["watchNamespaces"] = [names] if isinstance(names, str) else list(names)
    if flags.get("gateway_service"):
        namespace, _, rest = flags["gateway_service"].partition("/")
        name, _, port = rest.partition(":")
        values["gateway"] = {"service": {"namespace": namespace, "name": name, "port": port}}
    if flags.get("lease_name"):
        values["leaderElection"] = {"leaseName": flags["lease_name"]}
    return values


class Stage:
    """The cluster with namespaces, gateways and operators of one test's own.

    Names and addresses are used once in a session, so nothing that an earlier test left on its way out is met.
    """

    used_addresses = 0
    account = Account()

    def __init__(self, cluster: Cluster | None, directory: Path, find_binary: Callable[[str], Path]):
        self._cluster = cluster
        self.directory = directory
        self.find_binary = find_binary
        self.gateway_secret = "gw-" + secrets.token_hex(12)
        self.secret_file = directory / "gateway-secret"
        self.secret_file.write_text(self.gateway_secret + "\n")
        self.namespaces: list[str] = []
        self.gateways: list[StubGateway] = []
        self.operators: list[Operator] = []
        self.installations: dict[str, Installation] = {}
        self.receivers: list[Receiver] = []
        self.confidential: list[str] = [self.gateway_secret]

    @property
    def cluster(self) -> Cluster:
        assert self._cluster is not None, "this test has no cluster"
        return self._cluster

    @property
    def kubectl(self):
        return self.cluster.kubectl

    @property
    def tyk(self) -> Tyk:
        return Tyk(self.cluster.api)

    # --- what a test asks for ---

    def namespace(self, prefix: str = "team", **labels: str) -> str:
        name = f"{prefix}-{secrets.token_hex(3)}"
        self.cluster.api.post("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.namespaces.append(name)
        return name

    def secret_value(self, prefix: str = "sv") -> str:
        """A value that must show up nowhere but in the Secret and on the gateways; the end of the test looks for it."""
        value = f"{prefix}-{secrets.token_hex(12)}"
        self.confidential.append(value)
        return value

    @classmethod
    def address(cls) -> str:
        cls.used_addresses += 1
        return f"10.244.{1 + cls.used_addresses // 250}.{1 + cls.used_addresses % 250}"

    def gateway(self, start: bool = True, address: str | None = None, **options) -> StubGateway:
        number = len(self.gateways) + 1
        gateway = StubGateway(self.find_binary("grapnel-stub-gateway"), self.directory, f"gateway-{number}",
                              address or self.address(), self.gateway_secret, **options)
        self.gateways.append(gateway)
        if start:
            gateway.start()
        return gateway

    def receiver(self) -> Receiver:
        receiver = Receiver(self.find_binary("grapnel-webhook-receiver"), self.directory,
                            f"receiver-{len(self.receivers) + 1}", self.address())
        self.receivers.append(receiver)
        receiver.start()
        return receiver

    def operator(self, *gateways: StubGateway, start: bool = True, system: str | None = None, values: dict | None = None,
                 forbidden: tuple[str, ...] = (), **flags) -> Operator:
        """An operator with a namespace of its own, whose default context is the given gateways.

        Its rights are those of the chart with the values that its flags mean, and `values`. `forbidden` is what the test expects the
        API server to refuse it, as "verb resource"; anything else that is refused fails the session (rights.py).
        """
        number = len(self.operators) + 1
        system = system or self.namespace("grapnel-system")
        kubeconfig = self.install(system, {**values_of(flags), **(values or {})}, forbidden)
        operator = Operator(
            self.find_binary("grapnel"), self.directory, f"operator-{number}", port=8079 + number,
            **{"kubeconfig": kubeconfig, "gateway_url": [one.url for one in gateways],
               "gateway_secret_file": self.secret_file, **flags})
        operator.system_namespace = system
        self.operators.append(operator)
        if start:
            operator.start()
        return operator

    def install(self, system: str, values: dict, forbidden: tuple[str, ...] = ()) -> Path:
        """Gives the chart's ServiceAccount in a namespace the chart's rights; a kubeconfig of it."""
        if system not in self.installations:
            self.installations[system] = Installation(self.cluster, system)
        installation = self.installations[system]
        granted = installation.apply(values)
        self.account.add(Use(installation.user, kind_of(values), self.directory.name, granted, list(forbidden)))
        return installation.kubeconfig()

    def may_read(self, operator: Operator, namespace: str, secrets: Sequence[str] = (), config_maps: Sequence[str] = ()) -> None:
        """Adds an entry to the value `rbac.secretAccess` of an operator's installation."""
        values = self.installations[operator.system_namespace].values
        rbac = values.get("rbac", {})
        entry = {"namespace": namespace, "secrets": list(secrets), "configMaps": list(config_maps)}
        access = [one for one in rbac.get("secretAccess", []) if one["namespace"] != namespace] + [entry]
        self.install(operator.system_namespace, {**values, "rbac": {**rbac, "secretAccess": access}})

    # --- the end ---

    def check(self) -> None:
        """What must hold at the end of every test, whatever it did."""
        for operator in self.operators:
            operator.expect_clean()
        self._check_confidential()
        for gateway in self.gateways:
            if gateway.process.is_running():
                gateway.clear_faults()
                gateway.expect_no_unresolved()

    def _check_confidential(self) -> None:
        texts = {f"the log of {operator.process.name}": operator.log() for operator in self.operators}
        if self._cluster is not None:
            for kind in PLURALS:
                for thing in self.tyk.items(kind):
                    name = f"{kind} {thing['metadata']['namespace']}/{thing['metadata']['name']}"
                    texts[f"the status of {name}"] = json.dumps(thing.get("status", {}))
                    texts[f"the annotations of {name}"] = json.dumps(thing["metadata"].get("annotations", {}))
                    texts[f"the spec of {name}"] = json.dumps(thing["spec"])
            texts["an event"] = self.cluster.api.text("/api/v1/events")
        for value in self.confidential:
            for place, text in texts.items():
                assert value not in text, f"the secret value {value} stands in {place}"

    def tear_down(self) -> None:
        """Ends everything in an order in which nothing is left: objects first lose their finalizers."""
        try:
            for operator in self.operators:
                if operator.is_running():
                    operator.process.resume()
                    operator.stop()
                operator.expect_clean()
        finally:
            for operator in self.operators:
                operator.kill()
            for process in (*self.gateways, *self.receivers):
                process.kill()
            for installation in self.installations.values():
                installation.remove()
            if self._cluster is not None and self.namespaces:
                self._remove_objects()

    def _remove_objects(self) -> None:
        def is_empty() -> None:
            left = [(kind, thing) for kind in PLURALS for thing in self._items_if_served(kind)]
            for kind, thing in left:
                path = Tyk.path(kind, thing["metadata"]["namespace"], thing["metadata"]["name"])
                self._ignoring_404(lambda: self.cluster.api.delete(path))
                if thing["metadata"].get("finalizers"):
                    self._ignoring_404(lambda: self.cluster.api.patch(path, {"metadata": {"finalizers": None}}))
            assert not left, f"still there: {[Tyk.path(kind) for kind, _ in left]}"

        eventually(is_empty, 30)
        for namespace in self.namespaces:
            self._ignoring_404(lambda: self.cluster.api.delete(f"/api/v1/namespaces/{namespace}"))

    def _items_if_served(self, kind: str) -> list[dict]:
        return self._ignoring_404(lambda: self.tyk.items(kind)) or []

    @staticmethod
    def _ignoring_404(call: Callable):
        try:
            return call()
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def report(self) -> list[tuple[str, str]]:
        """What a person wants to see when the test failed."""
        sections = [(f"log of {operator.process.name} ({'running' if operator.is_running() else 'not running'})",
                     operator.process.tail(120)) for operator in self.operators]
        for gateway in self.gateways:
            sections.append((f"state of {gateway.process.name} at {gateway.url}", gateway.describe()))
        if self._cluster is not None and self.namespaces:
            sections.append(("objects", self._say(
                lambda: self.kubectl.run("get", ",".join(f"{plural}.tyk.tyk.io" for plural in PLURALS.values()),
                                         "--all-namespaces", "-o", "yaml"))))
            sections.append(("events", self._say(
                lambda: self.kubectl.run("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"))))
        return sections

    @staticmethod
    def _say(read: Callable[[], str]) -> str:
        try:
            return read()
        except Exception as error:  # a report must not hide the failure that it reports on
            return f"could not be read: {error}"
