# SPDX-License-Identifier: Apache-2.0
"""The operator's rights: those of the chart, given to a ServiceAccount of its own, and the account of what was made of them.

Every operator of a test runs under what `charts/grapnel` grants for the values that its flags mean. From the API server's audit
log is told at the end of a session which request was refused and which right nobody used (test_rights.py).
"""

import itertools
import json
import subprocess
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .api import ApiError
from .cluster import Cluster, Request
from .wait import eventually

CHART = Path(__file__).resolve().parents[3] / "charts" / "grapnel"
ACCOUNT = "grapnel"
# Stands for the release's namespace in a rendering that is used again.
PLACEHOLDER = "namespace-of-the-release"
PATHS = {"Role": "roles", "RoleBinding": "rolebindings", "ClusterRole": "clusterroles",
         "ClusterRoleBinding": "clusterrolebindings"}


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, as a role grants it."""
    scope: str  # "cluster", or "namespace": where a role holds
    group: str
    resource: str  # with its subresource behind a slash
    name: str  # of the one object that it is for, or ""
    verb: str

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what}{' ' + self.name if self.name else ''} ({self.scope})"

    def permits(self, request: Request, namespace: str) -> bool:
        """Whether a role with this right, in a namespace or ("") for the cluster, lets the request pass."""
        resource = f"{request.resource}/{request.subresource}".rstrip("/")
        return (self.verb == request.verb and self.group == request.group and self.resource == resource
                and self.name in ("", request.name) and namespace in ("", request.namespace))


def rights_of(role: dict) -> set[Right]:
    scope = "cluster" if role["kind"] == "ClusterRole" else "namespace"
    return {Right(scope, *one) for rule in role["rules"] for one in itertools.product(
        rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""]), rule["verbs"])}


@dataclass
class Use:
    """What one operator was granted and made of it, for the account."""
    user: str
    kind: str  # of installation: rights are needed by each kind for itself
    test: str
    granted: dict[str, set[Right]] = field(default_factory=dict)  # by namespace, "" for everywhere
    forbidden: list[str] = field(default_factory=list)  # what the test expects to be refused: "verb resource"


def kind_of(values: dict) -> str:
    if not values.get("watchNamespaces"):
        return "cluster"
    return "scoped" if values.get("rbac", {}).get("scoped") else "namespaces"


def render(helm: Path, namespace: str, values: dict) -> list[dict]:
    """ServiceAccount, roles and bindings of the chart; roles for people are left out."""
    result = subprocess.run(
        [str(helm), "template", ACCOUNT, str(CHART), "--namespace", namespace, "--values", "-"], input=json.dumps(values),
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HELM_NO_PLUGINS": "1"})
    assert result.returncode == 0, result.stderr
    things = [thing for thing in yaml.safe_load_all(result.stdout) if thing and thing["kind"] in ("ServiceAccount", *PATHS)]
    bound = {thing["roleRef"]["name"] for thing in things if "roleRef" in thing}
    return [thing for thing in things if thing["kind"] != "ClusterRole" or thing["metadata"]["name"] in bound]


class Installation:
    """What `helm install` gives an operator besides its pod: the ServiceAccount and its rights, in a namespace."""

    renderings: dict[str, str] = {}

    def __init__(self, cluster: Cluster, namespace: str):
        self.cluster = cluster
        self.namespace = namespace
        self.user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
        self.values: dict = {}
        self.present: dict[tuple[str, str, str], dict] = {}  # what was applied, by kind, namespace, name

    def _objects(self) -> list[dict]:
        key = json.dumps(self.values, sort_keys=True)
        if key not in self.renderings:
            self.renderings[key] = json.dumps(render(self.cluster.programs / "helm", PLACEHOLDER, self.values))
        return json.loads(self.renderings[key].replace(PLACEHOLDER, self.namespace))

    def apply(self, values: dict) -> dict[str, set[Right]]:
        """`helm upgrade --install` as far as rights go; returns when they hold: the rights by namespace, "" for everywhere."""
        self.values = values
        wanted = {(thing["kind"], thing["metadata"].get("namespace", ""), thing["metadata"]["name"]): thing
                  for thing in self._objects()}
        for key in [key for key in self.present if key not in wanted]:
            self._delete(key)
        for key, thing in wanted.items():
            if self.present.get(key) != thing:
                self._put(key, thing)
        granted: dict[str, set[Right]] = {}
        for where, rights in self._bound(wanted):
            # One of a role stands for all of it; best one that no other role grants.
            last = max(rights, key=lambda right: (right.name, right))
            eventually(lambda where=where, right=last: self._expect_allowed(where, right))
            granted.setdefault(where, set()).update(rights)
        return granted

    @staticmethod
    def _bound(things: dict[tuple[str, str, str], dict]) -> list[tuple[str, set[Right]]]:
        """The rights that each binding gives, and where."""
        roles = [(where, thing["roleRef"]) for (_, where, _), thing in things.items() if "roleRef" in thing]
        return [(where, rights_of(things[role["kind"], where if role["kind"] == "Role" else "", role["name"]]))
                for where, role in roles]

    def _path(self, key: tuple[str, str, str], with_name: bool = True) -> str:
        kind, namespace, name = key
        where = f"/namespaces/{namespace}" if namespace else ""
        base = "/api/v1" if kind == "ServiceAccount" else "/apis/rbac.authorization.k8s.io/v1"
        plural = "serviceaccounts" if kind == "ServiceAccount" else PATHS[kind]
        return f"{base}{where}/{plural}" + (f"/{name}" if with_name else "")

    def _put(self, key: tuple[str, str, str], thing: dict) -> None:
        if key in self.present:
            self.cluster.api.patch(self._path(key), thing)
        else:
            self.cluster.api.post(self._path(key, with_name=False), thing)
        self.present[key] = thing

    def _delete(self, key: tuple[str, str, str]) -> None:
        try:
            self.cluster.api.delete(self._path(key))
        except ApiError as error:
            if error.code != 404:
                raise
        del self.present[key]

    def _expect_allowed(self, namespace: str, right: Right) -> None:
        """The API server's authoriser learns of roles and bindings a moment later."""
        resource, _, subresource = right.resource.partition("/")
        answer = self.cluster.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
                "user": self.user, "groups": ["system:serviceaccounts", "system:authenticated"],
                "resourceAttributes": {"group": right.group, "resource": resource, "subresource": subresource,
                                       "verb": right.verb, "namespace": namespace, "name": right.name}}})
        assert answer["status"]["allowed"], f"{self.user} may not yet {right} in {namespace or 'the cluster'}"

    def kubeconfig(self) -> Path:
        return self.cluster.service_account_kubeconfig(self.namespace, ACCOUNT)

    def remove(self) -> None:
        """What is not in the namespace goes with nothing else."""
        for key in [key for key in self.present if key[1] != self.namespace]:
            self._delete(key)


# --- the account ---

class Account:
    """All uses of a session; at its end they are held against the audit log, and the result goes to a file."""

    def __init__(self) -> None:
        self.uses: dict[str, list[Use]] = {}

    def add(self, use: Use) -> None:
        self.uses.setdefault(use.user, []).append(use)

    def audit(self, requests: Iterable[Request], unsettled: Iterable[tuple[float, float]] = ()) -> dict:
        """What an API server refuses while it knows no roles yet (`unsettled`) says nothing of ours.

        {"granted": [...], "used": [...], "refused": [...], "stale": [...]}, all of texts."""
        granted, used, refused, met = set(), set(), set(), set()
        for uses in self.uses.values():
            for use in uses:
                granted |= {(use.kind, right) for rights in use.granted.values() for right in rights}
        for request in requests:
            uses = self.uses.get(request.user, [])
            if uses and request.code == 403:
                text = f"{request.verb} {request.resource}{'/' + request.subresource if request.subresource else ''}"
                expecting = [use for use in uses if text in use.forbidden]
                met |= {(use.test, text) for use in expecting}
                if not expecting and not any(begin <= request.at <= end for begin, end in unsettled):
                    refused.add(f"{', '.join(sorted({use.test for use in uses}))}: {text} {request.namespace}/{request.name}")
                continue
            for use in uses:
                for where, rights in use.granted.items():
                    used |= {(use.kind, right) for right in rights if right.permits(request, where)}
        stale = {f"{use.test}: {text}" for uses in self.uses.values() for use in uses for text in use.forbidden
                 if (use.test, text) not in met}
        return {"granted": sorted(f"{kind}: {right}" for kind, right in granted),
                "used": sorted(f"{kind}: {right}" for kind, right in used),
                "refused": sorted(refused), "stale": sorted(stale)}


def write_account(folder: Path, account: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{uuid.uuid4()}.json").write_text(json.dumps(account, indent=1))


def read_accounts(folder: Path) -> dict[str, set[str]]:
    """Those of all sessions that ran side by side, as one."""
    found: dict[str, set[str]] = {key: set() for key in ("granted", "used", "refused", "stale")}
    for path in folder.glob("*.json"):
        for key, texts in json.loads(path.read_text()).items():
            found[key] |= set(texts)
    return found
