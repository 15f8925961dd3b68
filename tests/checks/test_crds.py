# SPDX-License-Identifier: Apache-2.0
"""What can be said of the CRDs without an API server. tests/e2e/test_crds.py asks a real one."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CRDS = Path(__file__).resolve().parents[2] / "crds"
ANNOTATION_LIMIT = 200_000  # bytes; kubectl apply keeps the whole object in an annotation

NAMES = {
    "apidefinitions": ("ApiDefinition", "tykapis"),
    "webhooks": ("Webhook", "tykwebhooks"),
    "operatorcontexts": ("OperatorContext", "tykcontexts"),
}

READY = '.status.conditions[?(@.type=="Ready")]'
AGE = ("AGE", "date", ".metadata.creationTimestamp")
COLUMNS = {
    "apidefinitions": [("LISTEN PATH", "string", ".status.listenPath"),
                       ("WEBHOOKS", "string", ".status.webhooksSummary"),
                       ("GATEWAYS", "string", ".status.gatewaysSummary"),
                       ("READY", "string", f"{READY}.status"),
                       ("REASON", "string", f"{READY}.reason"), AGE],
    "webhooks": [("URL", "string", ".spec.url"), ("METHOD", "string", ".spec.method"),
                 ("USED BY", "integer", ".status.usedBy.apis"),
                 ("READY", "string", f"{READY}.status"), AGE],
    "operatorcontexts": [("GATEWAYS", "string", ".status.gatewaysSummary"),
                         ("READY", "string", f"{READY}.status"), AGE],
}

DEFAULTS = {
    "apidefinitions": {"status": {"observedGeneration": -1}},
    "webhooks": {"status": {"observedGeneration": -1}, "spec.method": "POST",
                 "spec.bodyTemplate": "", "spec.suspend": False,
                 "spec.allowedNamespaces": {"from": "Same"},
                 "spec.allowedNamespaces.from": "Same", "spec.conversionPolicy": "Auto"},
    "operatorcontexts": {"status": {"observedGeneration": -1}, "spec.allowAdoption": False,
                         "spec.allowedNamespaces": {"from": "Same"},
                         "spec.allowedNamespaces.from": "Same",
                         "spec.tls.insecureSkipVerify": False, "spec.gateway": {},
                         "spec.gateway.version": "", "spec.gateway.jsvm": False,
                         "spec.gateway.kvReferences": False,
                         "spec.gateway.templatePaths": ["templates/",
                                                        "/opt/tyk-gateway/templates/"]},
}

# What the controller's schema engine knows. CEL rules have a twin in code.
KEYWORDS = {
    "type", "description", "properties", "required", "nullable", "enum", "pattern", "minLength",
    "maxLength", "minimum", "maximum", "minItems", "maxItems", "maxProperties",
    "additionalProperties", "items", "default", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
}

ANY = "x-kubernetes-preserve-unknown-fields"
OWN = re.compile(r"spec\.(contextRef|oasRef|oas$)")  # of ApiDefinition.spec, what is not a document


def load(plural: str) -> dict:
    return yaml.safe_load((CRDS / f"{plural}.yaml").read_text())


def schema(plural: str) -> dict:
    return load(plural)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(node: dict, path: str = ""):
    """Every schema in a schema with its path, itself included."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from walk(node["additionalProperties"], f"{path}.*")


def document_fields():
    """What is under ApiDefinition.spec, which is a document of the gateway's."""
    fields = walk(schema("apidefinitions"))
    return [(path, node) for path, node in fields if path.startswith("spec.")]


def is_bounded(node: dict) -> bool:
    if "enum" in node:
        return True
    if node.get("type") == "string" or node.get("x-kubernetes-int-or-string"):
        return "maxLength" in node
    if node.get("type") == "array":
        return "maxItems" in node
    return "additionalProperties" not in node or "maxProperties" in node


every_crd = pytest.mark.parametrize("plural", NAMES)


def test_there_are_exactly_the_three_kinds():
    assert sorted(path.stem for path in CRDS.glob("*.yaml")) == sorted(NAMES)


@every_crd
def test_names_are_the_contract(plural):
    crd = load(plural)
    kind, short = NAMES[plural]
    assert crd["metadata"]["name"] == f"{plural}.tyk.tyk.io"
    assert crd["spec"]["group"] == "tyk.tyk.io"
    assert crd["spec"]["scope"] == "Namespaced"
    assert crd["spec"]["names"] == {
        "kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower(),
        "shortNames": [short], "categories": ["tyk"]}
    version, = crd["spec"]["versions"]
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    assert version["subresources"] == {"status": {}}


@every_crd
def test_printer_columns_are_the_contract(plural):
    columns = load(plural)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [(c["name"], c["type"], c["jsonPath"]) for c in columns] == COLUMNS[plural]
    assert all(c["description"].endswith(".") for c in columns)


@every_crd
def test_defaults_are_the_contract(plural):
    found = {path: node["default"] for path, node in walk(schema(plural)) if "default" in node}
    assert found == DEFAULTS[plural]


@every_crd
def test_flux_substitutes_nothing(plural):
    annotations = load(plural)["metadata"]["annotations"]
    assert annotations == {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}


@every_crd
def test_client_side_apply_can_hold_it(plural):
    assert len(json.dumps(load(plural), separators=(",", ":"))) < ANNOTATION_LIMIT


@every_crd
def test_every_field_is_described(plural):
    # The API server allows no description of the root's metadata: it has its own.
    bad = [path for path, node in walk(schema(plural))
           if path != "metadata"
           and not re.fullmatch(r"[A-Z].{3,300}\.", node.get("description", ""))]
    assert bad == []


@every_crd
def test_only_keywords_of_the_schema_engine(plural):
    assert {path: set(node) - KEYWORDS for path, node in walk(schema(plural))
            if set(node) - KEYWORDS} == {}


@every_crd
def test_every_field_has_a_type_or_is_free(plural):
    for path, node in walk(schema(plural)):
        assert "type" in node or node.get(ANY) or node.get("x-kubernetes-int-or-string"), path
        assert not ("properties" in node and node.get("type") != "object"), path
        assert set(node.get("required", [])) <= set(node.get("properties", {})), path


@every_crd
def test_patterns_mean_the_same_to_the_api_server_and_to_posix(plural):
    # No Perl classes, groups without a number, lazy or possessive repetition; a backslash in
    # brackets is a character to POSIX and an escape to RE2.
    for path, node in walk(schema(plural)):
        if "pattern" in node:
            assert not re.search(r"\\|\(\?|[*+?}][?+]", node["pattern"]), path
            assert re.match(r"\^.*\$$", node["pattern"]), path


@every_crd
def test_list_maps_have_keys_that_are_required(plural):
    for path, node in walk(schema(plural)):
        if node.get("x-kubernetes-list-type") != "map":
            continue
        for key in node["x-kubernetes-list-map-keys"]:
            assert key in node["items"]["required"], path
            assert node["items"]["properties"][key]["type"] == "string", path


@every_crd
def test_conditions_are_a_map_by_type_with_the_usual_limits(plural):
    conditions = schema(plural)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    fields = conditions["items"]["properties"]
    assert fields["type"]["maxLength"] == 316
    assert fields["status"]["enum"] == ["True", "False", "Unknown"]
    assert (fields["reason"]["minLength"], fields["reason"]["maxLength"]) == (1, 1024)
    assert fields["message"]["maxLength"] == 32768
    assert fields["observedGeneration"]["minimum"] == 0
    other = schema("webhooks")["properties"]["status"]["properties"]["conditions"]
    assert conditions["items"] == other["items"]


@every_crd
def test_every_rule_says_what_is_wrong(plural):
    rules = [rule for _, node in walk(schema(plural))
             for rule in node.get("x-kubernetes-validations", [])]
    assert rules
    for rule in rules:
        assert set(rule) <= {"rule", "message", "reason", "fieldPath"}
        assert 20 < len(rule["message"]) < 200
        assert "\n" not in rule["message"]
        assert rule.get("reason", "FieldValueInvalid") in (
            "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired")


@every_crd
def test_every_size_is_bounded(plural):
    # A document's size is bounded by the API server's limit of an object: no list in it may be
    # refused that a gateway takes.
    for path, node in walk(schema(plural)):
        if path in ("", "apiVersion", "kind", "metadata"):
            continue
        if plural == "apidefinitions" and path.startswith("spec.") and not path.startswith(
                ("spec.contextRef", "spec.oasRef")):
            continue
        assert is_bounded(node), path


def test_namespaces_are_allowed_in_the_same_way():
    webhook, context = (schema(plural)["properties"]["spec"]["properties"]["allowedNamespaces"]
                        for plural in ("webhooks", "operatorcontexts"))
    assert {**webhook, "description": ""} == {**context, "description": ""}


def test_no_field_of_a_document_is_pruned():
    spec = schema("apidefinitions")["properties"]["spec"]
    for path, node in [("spec", spec), *document_fields()]:
        is_map = "additionalProperties" in node
        if node.get("type") == "object" and not is_map:
            assert node.get(ANY) is True, path


def test_no_null_of_a_document_is_pruned():
    for path, node in document_fields():
        if not OWN.match(path):
            assert node.get("nullable") is True, path


def test_documents_get_no_defaults_and_need_nothing():
    for path, node in document_fields():
        assert "default" not in node, path
        if not OWN.match(path):
            assert "required" not in node, path
            assert "enum" not in node and "pattern" not in node, path


def test_a_classic_definition_beside_an_oas_document_is_seen_by_all_its_fields():
    spec = schema("apidefinitions")["properties"]["spec"]
    classic = set(spec["properties"]) - {"contextRef", "oas", "oasRef"}
    rule, = (rule["rule"] for rule in spec["x-kubernetes-validations"]
             if rule["message"].startswith("fields of a Tyk Classic definition"))
    assert set(re.findall(r"has\(self\.(\w+)\)", rule)) == classic | {"oas", "oasRef"}


def generate(directory: Path, *args: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(directory / "generate-readme.py"), *args],
                          capture_output=True, text=True, check=False)


def test_the_readme_is_current():
    result = generate(CRDS, "--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_readme_that_is_not_current_is_noticed(tmp_path):
    copy = tmp_path / "crds"
    shutil.copytree(CRDS, copy)
    crd = copy / "webhooks.yaml"
    crd.write_text(crd.read_text().replace("The HTTP method", "The verb"))
    assert generate(copy, "--check").returncode == 1
    assert generate(copy).returncode == 0
    assert generate(copy, "--check").returncode == 0
    assert "The verb" in (copy / "README.md").read_text()


def test_the_readme_names_every_field():
    readme = (CRDS / "README.md").read_text()
    for plural in NAMES:
        for path, node in walk(schema(plural)):
            is_element = path.endswith(("[]", ".*"))
            if path.startswith(("spec.", "status.")) and not is_element:
                assert f"| `{path}` |" in readme, path
