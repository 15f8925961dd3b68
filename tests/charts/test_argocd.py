# SPDX-License-Identifier: Apache-2.0
"""health.lua, as Argo CD runs it: Lua 5.1 with the basic and the table library only. argocd/*.yaml hold a status of every state."""

import re
from pathlib import Path

import pytest
import yaml
from argocd_health import SCRIPT, health
from conftest import REPOSITORY
from crd_schema import problems, schemas

HERE = Path(__file__).resolve().parent
CASES = [(path.stem, case) for path in sorted((HERE / "argocd").glob("*.yaml")) for case in yaml.safe_load_all(path.read_text())]


@pytest.mark.parametrize("name, case", CASES, ids=[f"{name}-{case['state']}" for name, case in CASES])
def test_a_state_has_its_health(lua, name, case):
    assert health(lua, case["object"]) == (case["health"]["status"], case["health"]["message"])


@pytest.mark.parametrize("name, case", CASES, ids=[f"{name}-{case['state']}" for name, case in CASES])
def test_the_recorded_objects_fit_the_crds(name, case):
    assert list(problems(case["object"], schemas()[case["object"]["kind"]])) == []


# Every reason that a condition may have.
REASONS = {
    "ApiDefinition": {
        "Ready": {"Synced", "Progressing", "WebhookNotFound", "WebhookInvalid", "SecretNotFound", "ConfigMapNotFound",
                  "ContextNotFound", "GatewayUnreachable", "GatewayRejected", "GatewayUnauthorized", "LoadBalancedUrl",
                  "NoGateways", "InvalidSpec", "Conflict", "ForeignDefinition"},
        "Reconciling": {"Progressing", "WaitingForReference", "WaitingForGateway"},
        "Stalled": {"InvalidSpec", "Conflict", "ForeignDefinition"}},
    "Webhook": {"Ready": {"Valid", "InvalidSpec", "DuplicateId", "SecretNotFound"},
                "Reconciling": {"SecretNotFound"}, "Stalled": {"InvalidSpec", "DuplicateId"}},
    "OperatorContext": {"Ready": {"GatewaysSynced", "Progressing", "SecretNotFound", "ServiceNotFound", "NoGateways",
                                  "GatewayUnreachable", "MassDeletion"},
                        "Reconciling": {"Progressing", "SecretNotFound", "ServiceNotFound", "NoGateways",
                                        "GatewayUnreachable", "MassDeletion"}},
}


@pytest.mark.parametrize("kind", REASONS)
def test_there_is_a_case_for_every_reason(kind):
    seen: dict[str, set] = {}
    for _, case in CASES:
        if case["object"]["kind"] == kind:
            for one in case["object"].get("status", {}).get("conditions", []):
                seen.setdefault(one["type"], set()).add(one["reason"])
    for condition, reasons in REASONS[kind].items():
        assert seen[condition] == reasons


def test_the_script_needs_no_library():
    """gopher-lua has none of these, and no string methods."""
    text = re.sub(r"--[^\n]*", "", SCRIPT.read_text())
    assert not re.search(r"\b(string|os|io|math|require|print)\b", text)
    assert not re.search(r":\w+\(", text)


def test_the_snippet_holds_the_script_for_each_kind():
    data = yaml.safe_load((REPOSITORY / "manifests" / "argocd" / "argocd-cm.yaml").read_text())["data"]
    assert data == {f"resource.customizations.health.tyk.tyk.io_{kind}": SCRIPT.read_text() for kind in schemas()}
