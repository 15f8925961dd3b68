# SPDX-License-Identifier: Apache-2.0
"""The chart and the manifests on a real API server: installed, upgraded, rolled back, uninstalled; and what the rights are."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.api import ApiError
from harness.gateway import await_on_all
from harness.kubelet import Kubelet
from harness.objects import default_api_id, oas_api, reference, secret, webhook
from harness.operator import SANITIZER
from harness.wait import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "grapnel"
MANIFESTS = REPOSITORY / "manifests"
VARIANTS = sorted((REPOSITORY / "tests" / "charts" / "variants").glob("*.yaml"))
GATEWAY = ("--set", "gateway.service.namespace=tyk,gateway.service.name=gw,gateway.service.port=control")
WEBHOOK = {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "Webhook", "metadata": {"name": "kept", "namespace": "default"},
           "spec": {"url": "https://pager.example/hook"}}


@pytest.fixture
def namespace(cluster):
    """Makes a namespace, once, with the strictest Pod Security level."""

    def make(name: str) -> str:
        cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        return name

    return make


def install(helm, namespace: str, *arguments, release: str = "grapnel") -> None:
    """The CRDs are there already, as kubectl has applied them."""
    helm("install", release, CHART, "--create-namespace", "--take-ownership", *arguments, namespace=namespace)


def may(cluster, account: str, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
    group, _, resource = resource.rpartition("/") if resource.count("/") == 1 and "." in resource else ("", "", resource)
    resource, _, subresource = resource.partition(":")
    answer = cluster.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": f"system:serviceaccount:{account}", "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": {"group": group, "resource": resource, "subresource": subresource, "verb": verb,
                                   "namespace": namespace, "name": name}}})
    return answer["status"]["allowed"]


def test_a_release_lives_and_dies_and_leaves_the_users_objects(cluster, helm, namespace):
    system = namespace("lifecycle")
    install(helm, system, *GATEWAY)
    cluster.kubectl.apply(WEBHOOK)

    def deployment() -> dict:
        return cluster.kubectl.get("deployment", "grapnel", system)

    helm("upgrade", "grapnel", CHART, "--set", "replicaCount=2,owner=blue", *GATEWAY, namespace=system)
    assert deployment()["spec"]["replicas"] == 2
    assert "--owner=blue" in deployment()["spec"]["template"]["spec"]["containers"][0]["args"]

    helm("rollback", "grapnel", "1", namespace=system)
    assert deployment()["spec"]["replicas"] == 1
    assert "--owner=grapnel" in deployment()["spec"]["template"]["spec"]["containers"][0]["args"]

    helm("uninstall", "grapnel", namespace=system)
    assert cluster.kubectl.find("deployment", "grapnel", system) is None
    assert cluster.kubectl.get("webhook.tyk.tyk.io", "kept", "default")["spec"]["url"] == WEBHOOK["spec"]["url"]
    for role in cluster.kubectl.items("clusterroles"):
        assert "lifecycle" not in role["metadata"]["name"]

    install(helm, system)
    cluster.kubectl.delete("webhook.tyk.tyk.io", "kept", "default")


def test_an_upgrade_upgrades_the_crds(cluster, helm, namespace):
    """What Helm does not do for a chart's crds/ folder."""
    system = namespace("crd-upgrade")
    install(helm, system)
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/webhooks.tyk.tyk.io"
    names = cluster.api.get(path)["spec"]["names"]
    cluster.api.patch(path, {"spec": {"names": {**names, "categories": []}}})
    helm("upgrade", "grapnel", CHART, "--force-conflicts", namespace=system)
    assert cluster.api.get(path)["spec"]["names"]["categories"] == ["tyk"]


def test_two_installations_live_side_by_side(cluster, helm, namespace):
    one, two = namespace("side-one"), namespace("side-two")
    install(helm, one, "--set", "crds.enabled=false")
    install(helm, two, "--set", "crds.enabled=false")
    helm("install", "second", CHART, "--set", "crds.enabled=false", namespace=one)
    helm("uninstall", "grapnel", namespace=one)
    assert may(cluster, f"{one}:second-grapnel", "list", "tyk.tyk.io/webhooks")
    assert may(cluster, f"{two}:grapnel", "list", "tyk.tyk.io/webhooks")


def test_the_pod_is_admitted_where_only_restricted_pods_are(cluster, helm, namespace):
    system = namespace("restricted")
    install(helm, system, "--set", "gateway.existingSecret=gateway,gateway.caSecret=ca", *GATEWAY)
    template = cluster.kubectl.get("deployment", "grapnel", system)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "probe"}, "spec": template["spec"]}
    cluster.api.post(f"/api/v1/namespaces/{system}/pods?dryRun=All", pod)
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match="allowPrivilegeEscalation"):
        cluster.api.post(f"/api/v1/namespaces/{system}/pods?dryRun=All", pod)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_every_variant_is_accepted(variant, cluster, programs, namespace):
    for name in ("grapnel-system", "elsewhere", "team-a", "tyk", "platform", "monitoring"):
        namespace(name)
    text = subprocess.run([programs / "helm", "template", "grapnel", CHART, "--namespace", "grapnel-system", "--values", variant],
                          check=True, capture_output=True, text=True).stdout
    cluster.kubectl.run("apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", "-", stdin=text)


@pytest.mark.parametrize("folder", ["", "namespaced", "samples"])
def test_the_manifests_are_accepted(folder, cluster, namespace):
    for name in ("grapnel-system", "grapnel", "platform", "shop"):
        namespace(name)
    text = cluster.kubectl.run("kustomize", MANIFESTS / folder)
    cluster.kubectl.run("apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", "-", stdin=text)


def test_install_yaml_fits_client_side_apply_too(cluster):
    """Its CRDs are small enough for the annotation that kubectl writes."""
    cluster.kubectl.apply(MANIFESTS / "install.yaml")
    objects = [document for document in yaml.safe_load_all((MANIFESTS / "install.yaml").read_text()) if document]
    rest = [document for document in objects if document["kind"] != "CustomResourceDefinition"]
    cluster.kubectl.run("delete", "-f", "-", "--wait=false", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": rest}))


def test_the_rights_are_the_least(cluster, helm, namespace):
    system = namespace("rights")
    install(helm, system, "--set-json", 'rbac.secretAccess=[{"namespace": "platform", "secrets": ["pager"]}]', "--set",
            "crds.enabled=false")
    account = f"{system}:grapnel"
    allowed = [
        ("list", "tyk.tyk.io/apidefinitions"), ("watch", "tyk.tyk.io/webhooks"), ("watch", "tyk.tyk.io/operatorcontexts"),
        ("patch", "tyk.tyk.io/apidefinitions", "shop"), ("patch", "tyk.tyk.io/apidefinitions:status", "shop"),
        ("patch", "tyk.tyk.io/webhooks:status", "shop"), ("watch", "namespaces"), ("get", "namespaces", "", "kube-system"),
        ("watch", "services"), ("watch", "discovery.k8s.io/endpointslices"), ("create", "events.k8s.io/events", "shop"),
        ("create", "coordination.k8s.io/leases", system), ("update", "coordination.k8s.io/leases", system, "grapnel"),
        ("create", "secrets", system), ("get", "secrets", system, "grapnel-seal"), ("get", "secrets", "platform", "pager"),
    ]
    refused = [
        ("list", "secrets"), ("watch", "secrets"), ("list", "secrets", system), ("watch", "secrets", "platform"),
        ("get", "secrets", system, "gateway"), ("get", "secrets", "platform", "mail"), ("update", "secrets", system, "grapnel-seal"),
        ("delete", "secrets", system, "grapnel-seal"), ("create", "secrets", "platform"), ("get", "configmaps", "platform", "x"),
        ("create", "tyk.tyk.io/apidefinitions", "shop"), ("delete", "tyk.tyk.io/apidefinitions", "shop"),
        ("update", "tyk.tyk.io/apidefinitions", "shop"), ("patch", "tyk.tyk.io/webhooks", "shop"),
        ("update", "coordination.k8s.io/leases", system, "other"), ("update", "coordination.k8s.io/leases", "kube-system", "grapnel"),
        ("create", "pods", system), ("get", "pods", system), ("list", "nodes"), ("patch", "namespaces"),
        ("impersonate", "users"), ("escalate", "rbac.authorization.k8s.io/roles"),
        ("get", "apiextensions.k8s.io/customresourcedefinitions"),
    ]
    assert [one for one in allowed if not may(cluster, account, *one)] == []
    assert [one for one in refused if may(cluster, account, *one)] == []


def test_an_operator_of_one_namespace_has_no_rights_elsewhere(cluster, namespace):
    namespace("grapnel")
    text = cluster.kubectl.run("kustomize", MANIFESTS / "namespaced")
    cluster.kubectl.run("apply", "-f", "-", stdin=text)
    account = "grapnel:grapnel"
    assert may(cluster, account, "watch", "tyk.tyk.io/apidefinitions", "grapnel")
    assert may(cluster, account, "watch", "discovery.k8s.io/endpointslices", "grapnel")
    for one in [("list", "tyk.tyk.io/apidefinitions"), ("list", "tyk.tyk.io/apidefinitions", "default"), ("list", "namespaces"),
                ("get", "namespaces", "", "kube-system"), ("list", "services", "default")]:
        assert not may(cluster, account, *one), one
    cluster.kubectl.run("delete", "-f", "-", "--wait=false", stdin=text)


def test_the_chart_runs(stage, helm, cluster, find_binary, gateways, kubectl, tyk, team):
    """Installed, upgraded, rolled back and uninstalled with --wait, the program itself in the pods (harness/kubelet.py)."""
    system = stage.namespace("chart", **{"pod-security.kubernetes.io/enforce": "restricted"})
    mark = cluster.audit_mark()
    kubectl.apply(secret(system, "gateway", TYK_AUTH=stage.gateway_secret))
    common = (CHART, "--wait", "--timeout", "60s", "--set", "gateway.existingSecret=gateway", "--set",
              "gateway.urls={%s}" % ",".join(gateway.url for gateway in gateways))
    kubectl.apply([oas_api(team, "orders", reference("pager")), webhook(team, "pager")])
    with Kubelet(cluster, system, find_binary("grapnel"), stage.directory, stage.address) as kubelet:
        helm("install", "grapnel", *common, "--take-ownership", namespace=system)
        assert cluster.kubectl.get("deployment", "grapnel", system)["status"]["availableReplicas"] == 1
        tyk.await_ready(team, "orders")
        await_on_all(gateways, lambda one: len(one.handlers(default_api_id(team, "orders"))), 1)

        helm("upgrade", "grapnel", *common, "--set", "replicaCount=2", namespace=system)
        assert cluster.kubectl.get("deployment", "grapnel", system)["status"]["availableReplicas"] == 2
        kubectl.patch("webhook.tyk.tyk.io", "pager", {"spec": {"url": "https://second.example/"}}, team)
        await_on_all(gateways, lambda one: [item["url"] for item in one.handlers(default_api_id(team, "orders"))],
                     ["https://second.example/"])

        helm("rollback", "grapnel", "1", "--wait", "--timeout", "60s", namespace=system)
        assert cluster.kubectl.get("deployment", "grapnel", system)["spec"]["replicas"] == 1

        # Roles go before pods do: what comes after this may be refused.
        user = f"system:serviceaccount:{system}:grapnel"
        assert [one for one in cluster.requests(mark, user) if one.code == 403] == []
        helm("uninstall", "grapnel", "--wait", "--timeout", "60s", namespace=system)
        eventually(lambda: set(kubelet.exit_codes) == set(kubelet.processes))
        assert set(kubelet.exit_codes.values()) == {0}
        assert not SANITIZER.search(kubelet.log()) and stage.gateway_secret not in kubelet.log()
    # The objects, the kinds and what the gateways hold stay.
    assert tyk.apidefinition(team, "orders")["spec"]
    await_on_all(gateways, lambda one: len(one.handlers(default_api_id(team, "orders"))), 1)
