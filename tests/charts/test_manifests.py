# SPDX-License-Identifier: Apache-2.0
"""The plain manifests: current, buildable by kustomize, and samples that fit the CRDs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, of_kind, only
from crd_schema import problems, schemas
from test_rbac import OWN, WATCHED, rights
from test_rendered import CLUSTER_WIDE

MANIFESTS = REPOSITORY / "manifests"
SCHEMAS = schemas()
OBJECTS = [(path, document) for path in sorted(MANIFESTS.rglob("*.yaml")) for document in yaml.safe_load_all(path.read_text())
           if document and document.get("kind") in SCHEMAS]


@pytest.fixture
def build(kubectl, tmp_path):
    """kubectl kustomize, of a folder or of a kustomization as a dict."""

    def run(what) -> list[dict]:
        if isinstance(what, dict):
            (tmp_path / "kustomization.yaml").write_text(json.dumps(what))
            what = tmp_path
        result = subprocess.run([kubectl, "kustomize", what], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return [document for document in yaml.safe_load_all(result.stdout) if document]

    return run


def test_generated_files_are_current(helm):
    result = subprocess.run([sys.executable, MANIFESTS / "generate.py", "--check"], capture_output=True, text=True,
                            env={**os.environ, "GRAPNEL_HELM": helm.program})
    assert result.returncode == 0, result.stderr


def test_install_is_what_the_chart_renders(render):
    """Beside the namespace, and what only helm reads."""
    values = {"crds": {"keep": False}, "extraEnvFrom": [{"secretRef": {"name": "tyk-operator-conf", "optional": True}}]}
    wanted = render(values)
    for document in wanted:
        without_helm(document["metadata"])
    template = only(wanted, "Deployment")["spec"]["template"]
    without_helm(template["metadata"])
    installed = [document for document in yaml.safe_load_all((MANIFESTS / "install.yaml").read_text()) if document]
    assert installed[0]["kind"] == "Namespace"
    assert installed[1:] == wanted


def without_helm(metadata: dict) -> None:
    del metadata["labels"]["helm.sh/chart"], metadata["labels"]["app.kubernetes.io/managed-by"]


def test_the_whole_cluster_variant_builds(build):
    documents = build(MANIFESTS)
    assert len(of_kind(documents, "CustomResourceDefinition")) == 3
    assert only(documents, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_namespaced_variant_moves_to_another_namespace(build, tmp_path):
    """kustomize wants a path relative to the kustomization."""
    shutil.copytree(MANIFESTS / "namespaced", tmp_path / "namespaced")
    documents = build({"namespace": "team-a", "resources": ["namespaced"]})
    assert not {document["kind"] for document in documents} & CLUSTER_WIDE
    assert {document["metadata"]["namespace"] for document in documents} == {"team-a"}
    for binding in of_kind(documents, "RoleBinding"):
        assert [subject["namespace"] for subject in binding["subjects"]] == ["team-a"]
    assert set().union(*map(rights, of_kind(documents, "Role"))) == OWN | WATCHED | {("namespaces", "get")}
    container, = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--namespace=$(POD_NAMESPACE)" in container["args"]
    assert container["env"] == [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]


def test_the_samples_build_and_every_sample_is_among_them(build):
    documents = build(MANIFESTS / "samples")
    assert {document["kind"] for document in documents} >= set(SCHEMAS)
    listed = yaml.safe_load((MANIFESTS / "samples" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed + ["kustomization.yaml"]) == sorted(path.name for path in (MANIFESTS / "samples").glob("*.yaml"))


@pytest.mark.parametrize("path, document", OBJECTS, ids=[f"{path.name}-{document['metadata']['name']}" for path, document in OBJECTS])
def test_samples_fit_the_crds(path, document):
    assert list(problems(document, SCHEMAS[document["kind"]])) == []


@pytest.fixture
def grapnel() -> Path:
    given = os.environ.get("GRAPNEL_BIN_DIR")
    folders = [Path(given)] if given else [REPOSITORY / "build" / name for name in ("asan", "dev", "release")]
    return next((folder / "grapnel" for folder in folders if (folder / "grapnel").is_file()), None) or pytest.skip("grapnel is not built")


@pytest.mark.parametrize("path", ["samples", "argocd/objects.yaml"])
def test_the_program_has_nothing_to_say_against_the_samples(grapnel, path):
    result = subprocess.run([grapnel, "validate", MANIFESTS / path, "-o", "json"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    result = subprocess.run([grapnel, "render", MANIFESTS / path], capture_output=True, text=True, check=True)
    for api in json.loads(result.stdout):
        assert api["document"] and not [one for one in api["problems"] if one["severity"] == "error"]
        assert "Global" in {handler["source"] for handler in api["handlers"]} <= {"Global", "Local"}


def test_the_check_of_samples_finds_what_is_wrong():
    def found(**spec) -> list[str]:
        return list(problems({"apiVersion": "v", "kind": "Webhook", "metadata": {}, "spec": spec}, SCHEMAS["Webhook"]))

    assert found(url="https://a", method="POST") == []
    assert "unknown field" in found(url="https://a", verb="POST")[0]
    assert "not one of" in found(url="https://a", method="post")[0]
    assert "not of type" in found(url=3)[0]
    assert "missing" in found(url="https://a", headers=[{"value": "x"}])[0]


def test_samples_name_only_secrets_that_are_granted():
    """What the samples need to read is in their roles."""
    documents = [document for path in (MANIFESTS / "samples").glob("*.yaml") for document in yaml.safe_load_all(path.read_text())]
    granted = {(role["metadata"]["namespace"], what) for role in of_kind(documents, "Role") for what, _ in rights(role)}
    needed = set()
    for document in documents:
        namespace, text = document.get("metadata", {}).get("namespace"), json.dumps(document.get("spec", {}))
        for part in text.split('"secretKeyRef": {"name": "')[1:] + text.split('"secretRef": {"name": "')[1:]:
            needed.add((namespace, f"secrets:{part.split(chr(34))[0]}"))
        for part in text.split('"configMapKeyRef": {"name": "')[1:]:
            needed.add((namespace, f"configmaps:{part.split(chr(34))[0]}"))
    assert needed == granted and len(needed) == 3


@pytest.mark.parametrize("path", sorted(path.relative_to(MANIFESTS) for folder in ("argocd", "flux")
                                        for path in (MANIFESTS / folder).glob("*.yaml")), ids=str)
def test_files_for_gitops_are_yaml(path):
    documents = list(yaml.safe_load_all((MANIFESTS / path).read_text()))
    assert documents and all({"apiVersion", "kind", "metadata"} <= document.keys() for document in documents)


def test_the_applications_values_are_the_charts(render):
    """Argo CD's and Flux's samples give values that the chart takes."""
    application = next(yaml.safe_load_all((MANIFESTS / "argocd" / "application.yaml").read_text()))
    documents = render(application["spec"]["source"]["helm"]["valuesObject"])
    assert only(documents, "ServiceMonitor")
    release, = [document for document in yaml.safe_load_all((MANIFESTS / "flux" / "operator.yaml").read_text())
                if document["kind"] == "HelmRelease"]
    assert render(release["spec"]["values"])
