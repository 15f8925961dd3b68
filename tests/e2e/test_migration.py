# SPDX-License-Identifier: Apache-2.0
"""manifests/migrating.md: an API that Tyk Operator has made goes on with its id and without a gap."""

import pytest

from harness.objects import classic_api, default_api_id, oas_api, reference, secret, webhook
from harness.wait import throughout

LEGACY = "finalizers.tyk.io/apidefinition"


@pytest.fixture
def migrated(stage, kubectl, team):
    """A gateway with what Tyk Operator pushed to it, the object in the cluster, and an OperatorContext of its Secret."""
    gateway = stage.gateway()
    api = classic_api(team, "orders", annotations={"grapnel.dev/adopt": "true"})
    api["metadata"]["finalizers"] = [LEGACY]
    api["spec"]["contextRef"] = {"name": "edge", "namespace": team}
    pushed = {key: value for key, value in api["spec"].items() if key != "contextRef"}
    pushed = {**pushed, "api_id": default_api_id(team, "orders"), "version_data": {
        "not_versioned": True, "default_version": "Default", "versions": {"Default": {"name": "Default", "use_extended_paths": False}}}}
    gateway.put_foreign(pushed)
    context = {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "OperatorContext", "metadata": {"name": "edge", "namespace": team},
               "spec": {"secretRef": {"name": "tyk-operator-conf"}, "allowAdoption": True}}
    kubectl.apply([secret(team, "tyk-operator-conf", TYK_AUTH=stage.gateway_secret, TYK_URL=gateway.url, TYK_MODE="ce"), context, api])
    return gateway


def start(stage, team: str) -> None:
    operator = stage.operator(start=False)
    stage.may_read(operator, team, secrets=["tyk-operator-conf"])
    operator.start()


def test_an_api_of_tyk_operator_is_taken_over_with_its_id(stage, migrated, kubectl, tyk, team):
    start(stage, team)
    is_served = lambda: migrated.classic(default_api_id(team, "orders")) is not None  # noqa: E731
    throughout(is_served, 1)
    tyk.await_ready(team, "orders")
    assert tyk.status(team, "orders")["apiId"] == tyk.status(team, "orders")["api_id"] == default_api_id(team, "orders")
    assert set(migrated.apis()) == {default_api_id(team, "orders")}
    assert "grapnel.dev/gateway" in tyk.apidefinition(team, "orders")["metadata"]["finalizers"]
    # Nothing that Tyk Operator left holds the deletion up.
    kubectl.delete("tykapis", "orders", team)
    assert migrated.apis() == {}


def test_without_consent_it_is_served_as_it_was(stage, migrated, kubectl, tyk, team):
    before = migrated.classic(default_api_id(team, "orders"))
    kubectl.annotate("tykapis", "orders", team, **{"grapnel.dev/adopt": None})
    start(stage, team)
    tyk.await_api(team, "orders", "Stalled", "True", "ForeignDefinition")
    assert migrated.classic(default_api_id(team, "orders")) == before


def test_an_id_of_a_dashboard_leads_to_the_webhook_that_adopts_it(operator, gateways, kubectl, tyk, team):
    """In the operator's namespace, for all; and in the exported document nothing is changed."""
    kubectl.apply([
        webhook(operator.system_namespace, "pager", id="66498cd1e2fcd1000184ecb9", allowedNamespaces={"from": "All"}),
        oas_api(team, "orders", reference("66498cd1e2fcd1000184ecb9"), api_id="b84fe1a04e5648927971c0557971565c")])
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        handler, = gateway.handlers("b84fe1a04e5648927971c0557971565c")
        assert handler["url"] == "https://pager.example/hook" and handler["id"] == "66498cd1e2fcd1000184ecb9"
