# SPDX-License-Identifier: Apache-2.0
"""What kubectl shows a person."""

import re

import pytest

from harness.objects import local, oas_api, reference, webhook
from harness.wait import eventually, eventually_equal


def rows(kubectl, kind: str, team: str, *flags: str) -> dict[str, dict[str, str]]:
    return {row["NAME"]: row for row in kubectl.table(kind, team, *flags)}


def test_columns_of_apidefinitions(operator, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"),
                   oas_api(team, "good", reference("pager"), local(trigger="AuthFailure")),
                   oas_api(team, "half", reference("nobody"), local(trigger="AuthFailure"), listen_path="/other/"),
                   oas_api(team, "bad", {**local(), "method": "post"})])
    tyk.await_ready(team, "good")
    tyk.await_api(team, "half", "Programmed", "True")
    tyk.await_api(team, "half", "Ready", "False", "WebhookNotFound")
    tyk.await_api(team, "bad", "Ready", "False", "InvalidSpec")
    found = rows(kubectl, "tykapis", team)
    assert list(found["good"]) == ["NAME", "LISTEN PATH", "WEBHOOKS", "GATEWAYS", "READY", "REASON", "AGE"]
    good, half, bad = found["good"], found["half"], found["bad"]
    assert (good["LISTEN PATH"], good["WEBHOOKS"], good["GATEWAYS"], good["READY"], good["REASON"]) == (
        "/good/", "2/2", "2/2", "True", "Synced")
    assert (half["LISTEN PATH"], half["WEBHOOKS"], half["GATEWAYS"], half["READY"], half["REASON"]) == (
        "/other/", "1/2", "2/2", "False", "WebhookNotFound")
    assert (bad["READY"], bad["REASON"]) == ("False", "InvalidSpec")
    assert re.fullmatch(r"\d+[ms]", good["AGE"])


def test_columns_of_webhooks(operator, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager", method="PUT"), oas_api(team, "a", reference("pager")),
                   oas_api(team, "b", reference("pager"), reference("pager", "AuthFailure"))])
    tyk.await_ready(team, "a", "b")
    tyk.await_webhook(team, "pager")
    eventually_equal(lambda: rows(kubectl, "tykwebhooks", team)["pager"]["USED BY"], "2")
    row = rows(kubectl, "tykwebhooks", team)["pager"]
    assert list(row) == ["NAME", "URL", "METHOD", "USED BY", "READY", "AGE"]
    assert (row["URL"], row["METHOD"], row["READY"]) == ("https://pager.example/hook", "PUT", "True")


def test_columns_of_contexts(stage, gateways, kubectl, tyk, team):
    stage.may_read(stage.operator(), team, secrets=["gw"])
    kubectl.apply([
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gw", "namespace": team},
         "stringData": {"TYK_AUTH": stage.gateway_secret}},
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "OperatorContext", "metadata": {"name": "edge", "namespace": team},
         "spec": {"urls": [gateway.url for gateway in gateways], "secretRef": {"name": "gw"}}}])
    tyk.await_condition("OperatorContext", team, "edge", "Ready", "True", "GatewaysSynced")
    row = rows(kubectl, "tykcontexts", team)["edge"]
    assert list(row) == ["NAME", "GATEWAYS", "READY", "AGE"]
    assert (row["GATEWAYS"], row["READY"]) == ("2/2", "True")


def test_the_category_shows_all_kinds(stage, kubectl, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders")])
    names = kubectl.run("get", "tyk", "--namespace", team, "-o", "name").split()
    assert sorted(names) == ["apidefinition.tyk.tyk.io/orders", "webhook.tyk.tyk.io/pager"]


@pytest.mark.parametrize("field, word", [
    ("apidefinition.spec.oas", "OAS"), ("apidefinition.spec.contextRef", "OperatorContext"),
    ("webhook.spec.conversionPolicy", "Rewrite"), ("webhook.spec.allowedNamespaces", "namespace"),
    ("operatorcontext.spec.serviceRef", "Service")])
def test_kubectl_explains_the_fields(stage, kubectl, field, word):
    text = kubectl.run("explain", field)
    description = text.split("DESCRIPTION:")[1]
    assert word in description


def test_a_person_sees_why_an_api_is_not_ready(operator, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", reference("nobody")))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    text = eventually(lambda: _describe(kubectl, team))
    assert "WebhookNotFound" in text.split("Events:")[1]


def _describe(kubectl, team: str) -> str:
    text = kubectl.run("describe", "tykapis", "orders", "--namespace", team)
    assert "WebhookNotFound" in text.split("Events:")[1]
    return text
