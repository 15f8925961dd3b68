# SPDX-License-Identifier: Apache-2.0
"""What the chart renders: variants against reviewed snapshots, and rules that hold for each of them."""

import difflib
import json
from pathlib import Path

import pytest
import yaml
from conftest import CHART, REPOSITORY, of_kind, only

HERE = Path(__file__).resolve().parent
VARIANTS = sorted(path.stem for path in (HERE / "variants").glob("*.yaml"))
MONITORING = ["--api-versions", "monitoring.coreos.com/v1/ServiceMonitor", "--api-versions",
              "monitoring.coreos.com/v1/PodMonitor", "--api-versions", "monitoring.coreos.com/v1/PrometheusRule"]
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}


def variant(name: str) -> dict:
    return yaml.safe_load((HERE / "variants" / f"{name}.yaml").read_text()) or {}


@pytest.fixture(params=VARIANTS)
def rendered(request, render):
    return render(variant(request.param), arguments=MONITORING)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_renders_as_reviewed(name, template, pytestconfig):
    """CRDs, the dashboard and the alerts have tests of their own: here only that they are there."""
    result = template(variant(name), arguments=MONITORING)
    assert result.returncode == 0, result.stderr
    documents = [shortened(document) for document in yaml.safe_load_all(result.stdout) if document]
    text = yaml.safe_dump_all(documents, sort_keys=False, width=120, allow_unicode=True)
    path = HERE / "snapshots" / f"{name}.yaml"
    if pytestconfig.option.update_snapshots:
        path.write_text(text)
    assert path.exists(), f"no {path.name}: run with --update-snapshots and review it"
    difference = list(difflib.unified_diff(path.read_text().splitlines(), text.splitlines(), "reviewed", "rendered", lineterm=""))
    assert not difference, "\n".join(difference)


def shortened(document: dict) -> dict:
    if document["kind"] == "CustomResourceDefinition":
        document["spec"] = "…"
    if document["kind"] == "ConfigMap":
        document["data"] = {key: "…" for key in document["data"]}
    if document["kind"] == "PrometheusRule":
        for group in document["spec"]["groups"]:
            group["rules"] = [rule["alert"] for rule in group["rules"]]
    return document


def test_every_snapshot_has_its_variant():
    assert sorted(path.stem for path in (HERE / "snapshots").glob("*.yaml")) == VARIANTS


def test_the_crds_are_those_of_the_folder_crds(render):
    rendered = {crd["metadata"]["name"]: crd for crd in of_kind(render(), "CustomResourceDefinition")}
    sources = sorted((REPOSITORY / "crds").glob("*.yaml"))
    assert len(rendered) == len(sources) == 3
    for source in sources:
        assert (CHART / "files" / "crds" / source.name).read_bytes() == source.read_bytes(), \
            f"cp crds/{source.name} charts/grapnel/files/crds/"
        wanted = yaml.safe_load(source.read_text())
        crd = rendered[wanted["metadata"]["name"]]
        assert crd["spec"] == wanted["spec"]
        assert crd["metadata"]["annotations"] == {**wanted["metadata"]["annotations"], "helm.sh/resource-policy": "keep"}


def test_crds_may_go_with_the_release_or_come_from_elsewhere(render):
    for crd in of_kind(render({"crds": {"keep": False, "annotations": {"a": "b"}}}), "CustomResourceDefinition"):
        assert crd["metadata"]["annotations"] == {"a": "b", "kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    assert of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition") == []


def test_a_crd_fits_into_an_annotation(render):
    for crd in of_kind(render(), "CustomResourceDefinition"):
        assert len(json.dumps(crd)) < 200_000


def test_every_object_has_the_usual_labels_and_a_namespace(rendered):
    for document in rendered:
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "grapnel"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert ("namespace" in document["metadata"]) == (document["kind"] not in CLUSTER_WIDE)


def test_no_object_is_there_twice(rendered):
    names = [(document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"]) for document in rendered]
    assert len(set(names)) == len(names)


def test_two_installations_share_no_object(render):
    """Two namespaces with one release name, and two releases in one namespace."""
    def names(**how) -> set:
        values = {"crds": {"enabled": False}, "rbac": {"secretAccess": [{"namespace": "platform", "secrets": ["a"]}]}}
        return {(document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
                for document in render(values, **how)}

    a, b, c = names(namespace="a"), names(namespace="b"), names(namespace="a", release="second")
    assert len(a) == len(b) == len(c) > 5
    assert not a & b and not a & c and not b & c


def test_two_installations_in_one_namespace_have_leases_and_selectors_of_their_own(render):
    first, second = (only(render(release=name), "Deployment") for name in ("grapnel", "second"))
    for deployment, lease in ((first, "grapnel"), (second, "second-grapnel")):
        assert f"--lease-name={lease}" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert first["spec"]["selector"] != second["spec"]["selector"]


def test_selectors_select_the_pods(rendered):
    labels = only(rendered, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [only(rendered, "Deployment")["spec"]["selector"]["matchLabels"]]
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        selectors += [document["spec"]["selector"]["matchLabels"] for document in of_kind(rendered, kind)]
    selectors += [document["spec"]["podSelector"]["matchLabels"] for document in of_kind(rendered, "NetworkPolicy")]
    selectors += [document["spec"]["selector"] for document in of_kind(rendered, "Service")]
    for selector in selectors:
        assert selector.items() <= labels.items()
    for monitor in of_kind(rendered, "ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= only(rendered, "Service")["metadata"]["labels"].items()


def test_the_pod_is_restricted(rendered):
    """The rules of the Pod Security level restricted, and no more privilege than that."""
    pod = only(rendered, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for volume in pod.get("volumes", []):
        assert volume.keys() - {"name"} <= {"secret", "configMap", "emptyDir", "projected"}
    container = next(one for one in pod["containers"] if one["name"] == "grapnel")
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]} and "privileged" not in context
    assert all("hostPort" not in port for port in container["ports"])


def test_volumes_and_mounts_belong_together(rendered):
    pod = only(rendered, "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
    assert mounts == {volume["name"] for volume in pod.get("volumes", [])}
