# SPDX-License-Identifier: Apache-2.0
"""The operator's rights, written out: a change of them is a change here."""

import itertools

import pytest
from conftest import of_kind
from test_rendered import CLUSTER_WIDE, MONITORING, VARIANTS, variant

WATCHED = {
    *itertools.product(["tyk.tyk.io/apidefinitions"], ["list", "watch", "patch"]),
    *itertools.product(["tyk.tyk.io/webhooks", "tyk.tyk.io/operatorcontexts"], ["list", "watch"]),
    *itertools.product(["tyk.tyk.io/apidefinitions/status", "tyk.tyk.io/webhooks/status",
                        "tyk.tyk.io/operatorcontexts/status"], ["patch"]),
    *itertools.product(["services", "discovery.k8s.io/endpointslices"], ["list", "watch"]),
    *itertools.product(["events.k8s.io/events"], ["create", "patch"]),
}
CRD = "apiextensions.k8s.io/customresourcedefinitions:webhooks.tyk.tyk.io"
NAMESPACES = {*itertools.product(["namespaces"], ["get", "list", "watch"]), (CRD, "list"), (CRD, "watch")}
GATEWAYS = set(itertools.product(["services", "discovery.k8s.io/endpointslices"], ["list", "watch"]))
OWN = {
    ("coordination.k8s.io/leases", "create"),
    ("coordination.k8s.io/leases:grapnel", "get"), ("coordination.k8s.io/leases:grapnel", "update"),
    ("events.k8s.io/events", "create"),
    ("secrets", "create"), ("secrets:grapnel-seal", "get"),
}


def rights(role: dict) -> set:
    """{(group/resource:name, verb)}"""
    found = set()
    for rule in role["rules"]:
        for group, resource, name, verb in itertools.product(
                rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""]), rule["verbs"]):
            assert "*" not in group + resource + name + verb
            what = f"{group}/{resource}".lstrip("/")
            found.add((f"{what}:{name}" if name else what, verb))
    return found


def granted(documents: list[dict]) -> dict[str, set]:
    """The ServiceAccount's rights by namespace, "" for everywhere."""
    account = {"kind": "ServiceAccount", "name": "grapnel", "namespace": "grapnel-system"}
    roles = {(role["kind"], role["metadata"].get("namespace", ""), role["metadata"]["name"]): rights(role)
             for kind in ("Role", "ClusterRole") for role in of_kind(documents, kind)}
    found: dict[str, set] = {}
    for binding in of_kind(documents, "RoleBinding") + of_kind(documents, "ClusterRoleBinding"):
        assert binding["subjects"] == [account]
        namespace = binding["metadata"].get("namespace", "")
        reference = binding["roleRef"]
        role = roles[reference["kind"], namespace if reference["kind"] == "Role" else "", reference["name"]]
        found.setdefault(namespace, set()).update(role)
    return found


def test_by_default_all_namespaces_are_watched_and_no_secret_read(render):
    assert granted(render()) == {"": WATCHED | NAMESPACES, "grapnel-system": OWN}


def test_watched_namespaces_get_roles_instead(render):
    values = {"watchNamespaces": ["team-a", "grapnel-system"]}
    assert granted(render(values)) == {"": NAMESPACES, "team-a": WATCHED, "grapnel-system": OWN | WATCHED}


def test_the_gateways_service_may_be_in_a_namespace_that_is_not_watched(render):
    values = {"watchNamespaces": ["team-a"], "gateway": {"service": {"namespace": "tyk", "name": "gw", "port": "control"}}}
    assert granted(render(values)) == {"": NAMESPACES, "team-a": WATCHED, "tyk": GATEWAYS, "grapnel-system": OWN}
    values["watchNamespaces"].append("tyk")
    assert granted(render(values))["tyk"] == WATCHED


def test_scoped_means_nothing_cluster_wide(render):
    documents = render({"watchNamespaces": ["team-a"], "rbac": {"scoped": True}, "crds": {"enabled": False}})
    assert granted(documents) == {"team-a": WATCHED, "grapnel-system": OWN | {("namespaces", "get")}}
    assert not {document["kind"] for document in documents} & CLUSTER_WIDE


def test_secrets_and_configmaps_are_granted_by_name(render):
    access = [{"namespace": "platform", "secrets": ["pager", "mail"], "configMaps": ["orders"]},
              {"namespace": "shop", "configMaps": ["*"]}, {"namespace": "grapnel-system", "secrets": ["gateway"]}]
    found = granted(render({"rbac": {"secretAccess": access}}))
    assert found["platform"] == {("secrets:pager", "get"), ("secrets:mail", "get"), ("configmaps:orders", "get")}
    assert found["shop"] == {("configmaps", "get")}
    assert found["grapnel-system"] == OWN | {("secrets:gateway", "get")}
    assert found[""] == WATCHED | NAMESPACES


def test_all_secrets_of_a_cluster_only_when_it_is_said(render):
    found = granted(render({"rbac": {"secretAccess": [{"namespace": "*", "secrets": ["*"]}]}}))
    assert found[""] == WATCHED | NAMESPACES | {("secrets", "get")}


def test_without_leader_election_there_is_no_right_to_leases(render):
    found = granted(render({"leaderElection": {"enabled": False}}))
    assert found["grapnel-system"] == {one for one in OWN if "leases" not in one[0] and "events" not in one[0]}


@pytest.mark.parametrize("name", VARIANTS)
def test_secrets_are_never_listed_or_watched(name, render):
    for role in of_kind(render(variant(name), arguments=MONITORING), "Role") + of_kind(render(variant(name)), "ClusterRole"):
        for what, verb in rights(role):
            assert verb in ("get", "create") or what.partition(":")[0] not in ("secrets", "configmaps")


def test_people_may_write_specs_but_no_status(render):
    roles = {role["metadata"]["name"]: role for role in of_kind(render(), "ClusterRole")}
    view, edit = roles["grapnel-grapnel-system-view"], roles["grapnel-grapnel-system-edit"]
    kinds = ["tyk.tyk.io/apidefinitions", "tyk.tyk.io/webhooks", "tyk.tyk.io/operatorcontexts"]
    assert rights(view) == set(itertools.product(kinds, ["get", "list", "watch"]))
    assert rights(edit) == set(itertools.product(kinds, ["create", "update", "patch", "delete", "deletecollection"]))

    def into(role: dict) -> set:
        return {label.rpartition("-")[2] for label in role["metadata"]["labels"] if "aggregate" in label}

    assert into(view) == {"view", "edit", "admin"} and into(edit) == {"edit", "admin"}
    roles = {role["metadata"]["name"]: role for role in of_kind(render({"rbac": {"aggregateToEdit": False}}), "ClusterRole")}
    assert into(roles["grapnel-grapnel-system-edit"]) == {"admin"}


def test_without_rbac_there_are_no_roles(render):
    documents = render({"rbac": {"create": False}})
    assert not [document for document in documents if "Role" in document["kind"]]
