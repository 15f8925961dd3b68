# SPDX-License-Identifier: Apache-2.0
"""kubectl apply, and the gateways hold it: the manifests of Tyk's documentation and what status says of them."""

import json
from pathlib import Path

import pytest
import yaml

from harness.gateway import await_on_all
from harness.objects import (classic_api, classic_handler, condition, default_api_id, local, oas_api, oas_document,
                             reference, webhook)
from harness.wait import eventually, eventually_equal, throughout_equal

MANIFESTS = Path(__file__).parent / "manifests"


def manifest(name: str) -> dict:
    return yaml.safe_load((MANIFESTS / name).read_text())


def apply_file(kubectl, team: str, name: str) -> str:
    """Applies a file as it is, waits as a user waits, and returns the API's id."""
    kubectl.apply(MANIFESTS / name, team)
    api = manifest(name)["metadata"]["name"]
    kubectl.wait("condition=Ready", "apidefinition", api, team)
    return default_api_id(team, api)


# --- the documents' manifests, letter for letter ---

def test_oas_with_a_local_webhook(operator, gateways, kubectl, team):
    document = manifest("oas-local-webhook.yaml")["spec"]["oas"]
    api_id = apply_file(kubectl, team, "oas-local-webhook.yaml")
    want = document["x-tyk-api-gateway"]
    for gateway in gateways:
        have = gateway.oas(api_id)["x-tyk-api-gateway"]
        assert have["server"]["eventHandlers"] == want["server"]["eventHandlers"]
        assert have["server"]["listenPath"] == want["server"]["listenPath"]
        assert have["upstream"]["url"] == want["upstream"]["url"]
        assert have["upstream"]["rateLimit"] == want["upstream"]["rateLimit"]
        assert have["info"]["id"] == api_id


def test_oas_with_a_global_webhook(operator, gateways, kubectl, tyk, team):
    ref = manifest("oas-global-webhook.yaml")["spec"]["oas"]["x-tyk-api-gateway"]["server"]["eventHandlers"][0]["id"]
    kubectl.apply(webhook(team, "pager", "https://pager.example/hook", id=ref, name="Pager",
                          headers=[{"name": "X-Team", "value": "platform"}]))
    api_id = apply_file(kubectl, team, "oas-global-webhook.yaml")
    for gateway in gateways:
        assert gateway.handlers(api_id) == [{
            "enabled": True, "trigger": "RatelimitExceeded", "cooldownPeriod": "1s", "type": "webhook", "id": ref,
            "name": "Pager", "url": "https://pager.example/hook", "method": "POST",
            "headers": [{"name": "X-Team", "value": "platform"}]}]
    assert tyk.sources(team, "example-global-webhook") == ["Global"]


def test_classic_with_a_webhook(operator, gateways, kubectl, team):
    api_id = apply_file(kubectl, team, "classic-webhook.yaml")
    events = manifest("classic-webhook.yaml")["spec"]["event_handlers"]["events"]
    for gateway in gateways:
        # `disabled` is always written: a reader of the definition need not know the default.
        assert gateway.metas(api_id, "AuthFailure") == [
            {**events["AuthFailure"][0]["handler_meta"], "disabled": False}]


def test_classic_with_log_handlers(operator, gateways, kubectl, team):
    api_id = apply_file(kubectl, team, "classic-log.yaml")
    events = manifest("classic-log.yaml")["spec"]["event_handlers"]["events"]
    for gateway in gateways:
        assert gateway.events(api_id) == events


def test_classic_with_a_javascript_handler(stage, kubectl, team):
    gateways = [stage.gateway(flags=("--jsvm",)), stage.gateway(flags=("--jsvm",))]
    stage.operator(*gateways, gateway_jsvm=True)
    api_id = apply_file(kubectl, team, "classic-js.yaml")
    events = manifest("classic-js.yaml")["spec"]["event_handlers"]["events"]
    for gateway in gateways:
        assert gateway.events(api_id) == events


def test_manifest_of_tyk_operator(operator, gateways, kubectl, team):
    spec = manifest("tyk-operator.yaml")["spec"]
    api_id = apply_file(kubectl, team, "tyk-operator.yaml")
    for gateway in gateways:
        have = gateway.classic(api_id)
        assert {key: have[key] for key in ("name", "use_keyless", "protocol", "active")} == {
            key: spec[key] for key in ("name", "use_keyless", "protocol", "active")}
        assert {key: have["proxy"][key] for key in spec["proxy"]} == spec["proxy"]
        meta = spec["event_handlers"]["events"]["AuthFailure"][0]["handler_meta"]
        assert gateway.metas(api_id, "AuthFailure") == [{**meta, "disabled": False}]
        # Without versions a gateway answers every request 403.
        assert have["version_data"]["not_versioned"] is True
        assert have["version_data"]["versions"]["Default"]["name"] == "Default"
        assert "contextRef" not in have


def test_an_applied_api_serves_requests(operator, gateways, kubectl, team):
    apply_file(kubectl, team, "tyk-operator.yaml")
    for gateway in gateways:
        assert gateway.call("GET", "/webhook-handler/", secret="none")[0] == 200


# --- what arrives in the end ---

@pytest.mark.parametrize("form", ["oas", "classic"])
def test_an_event_reaches_the_receiver_of_the_global_webhook(stage, operator, gateways, kubectl, tyk, team, form):
    receiver = stage.receiver()
    kubectl.apply(webhook(team, "pager", receiver.url + "/hook", method="PUT",
                          headers=[{"name": "X-Team", "value": "platform"}]))
    kubectl.apply(oas_api(team, "orders", reference("pager", cooldownPeriod="1s")) if form == "oas" else
                  classic_api(team, "orders", {"QuotaExceeded": [classic_handler("pager", event_timeout=1)]}))
    tyk.await_ready(team, "orders")
    for count, gateway in enumerate(gateways, 1):
        gateway.fire(default_api_id(team, "orders"), "QuotaExceeded")
        eventually_equal(lambda: len(receiver.received()), count)
    for request in receiver.received():
        assert (request["method"], request["path"]) == ("PUT", "/hook")
        assert {name.lower(): value for name, value in dict(request["headers"]).items()}["x-team"] == "platform"
        assert json.loads(request["body"])["event"] == "QuotaExceeded"


# --- the pushed forms ---

def test_a_resolved_classic_handler_has_all_its_keys(operator, gateways, kubectl, tyk, team):
    kubectl.apply(webhook(team, "pager", name="Pager", method="PATCH", bodyTemplate="templates/breaker_webhook.json",
                          headers=[{"name": "X-B", "value": "2"}, {"name": "X-A", "value": "1"}]))
    kubectl.apply(classic_api(team, "orders", {"QuotaExceeded": [classic_handler("pager", event_timeout=30)]}))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        assert gateway.metas(default_api_id(team, "orders"), "QuotaExceeded") == [{
            "disabled": False, "id": "pager", "name": "Pager", "method": "PATCH",
            "target_path": "https://pager.example/hook", "template_path": "templates/breaker_webhook.json",
            "header_map": {"X-A": "1", "X-B": "2"}, "event_timeout": 30}]


def test_a_resolved_oas_handler_runs_as_the_classic_form_says(operator, gateways, kubectl, tyk, team):
    kubectl.apply(webhook(team, "pager", name="Pager"))
    kubectl.apply(oas_api(team, "orders", reference("pager", enabled=False, cooldownPeriod="1m30s")))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        [meta] = gateway.metas(default_api_id(team, "orders"), "QuotaExceeded")
        assert (meta["disabled"], meta["id"], meta["event_timeout"], meta["target_path"], meta["template_path"]) == (
            True, "pager", 90, "https://pager.example/hook", "")


@pytest.mark.parametrize("on_reference, on_webhook, on_gateway", [
    ("7s", "20s", "7s"), (None, "20s", "20s"), (None, None, "10s"), ("", "20s", "20s"), ("0s", None, "1s")])
def test_cooldown_comes_from_the_reference_then_the_webhook_then_the_default(
        operator, gateways, kubectl, tyk, team, on_reference, on_webhook, on_gateway):
    spec = {} if on_webhook is None else {"cooldownPeriod": on_webhook}
    kubectl.apply([webhook(team, "pager", **spec),
                   oas_api(team, "orders", reference("pager", cooldownPeriod=on_reference))])
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        assert [one["cooldownPeriod"] for one in gateway.handlers(default_api_id(team, "orders"))] == [on_gateway]


def test_what_the_operator_does_not_own_passes_through(operator, gateways, kubectl, tyk, team):
    api = oas_api(team, "orders", local())
    api["spec"]["oas"]["x-own"] = {"text": "Zürich ✓ <&>", "number": 0.1, "null": None, "list": [1, {"a": []}]}
    api["spec"]["oas"]["paths"] = {"/things": {"get": {"operationId": "thingsget", "responses": {
        "200": {"description": "ok"}}}}}
    kubectl.create(api)  # apply takes nulls out by itself
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        have = gateway.oas(default_api_id(team, "orders"))
        assert have["x-own"] == api["spec"]["oas"]["x-own"]
        assert have["paths"]["/things"]["get"]["operationId"] == "thingsget"


def test_the_document_may_be_in_a_configmap_and_is_followed(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, config_maps=["orders-oas"])
    document = oas_document("orders", reference("pager"))

    def config_map(text: str) -> dict:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orders-oas", "namespace": team},
                "data": {"oas": text}}

    kubectl.apply([webhook(team, "pager"), config_map(json.dumps(document)), {
        "apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": {"name": "orders", "namespace": team},
        "spec": {"oasRef": {"configMapKeyRef": {"name": "orders-oas", "key": "oas"}}}}])
    tyk.await_ready(team, "orders")
    api_id = default_api_id(team, "orders")
    assert [one["url"] for one in gateways[0].handlers(api_id)] == ["https://pager.example/hook"]
    document["x-tyk-api-gateway"]["upstream"]["url"] = "http://second.example/"
    kubectl.apply(config_map(yaml.safe_dump(document)))
    await_on_all(gateways, lambda one: one.oas(api_id)["x-tyk-api-gateway"]["upstream"]["url"], "http://second.example/")


# --- ids ---

def test_an_api_without_an_id_has_the_one_that_tyk_operator_gives(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "a"), classic_api(team, "b")])
    tyk.await_ready(team, "a", "b")
    for gateway in gateways:
        assert sorted(gateway.apis()) == sorted([default_api_id(team, "a"), default_api_id(team, "b")])
    status = tyk.status(team, "a")
    assert (status["apiId"], status["api_id"]) == (default_api_id(team, "a"), default_api_id(team, "a"))


def test_an_id_of_the_users_is_kept(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "a", api_id="mine-a"), classic_api(team, "b", api_id="mine-b")])
    tyk.await_ready(team, "a", "b")
    for gateway in gateways:
        assert sorted(gateway.apis()) == ["mine-a", "mine-b"]


# --- order of arrival ---

def test_a_webhook_that_comes_after_the_api_is_waited_for(operator, gateways, kubectl, tyk, team):
    before = [gateway.counts() for gateway in gateways]
    kubectl.apply([oas_api(team, "orders", reference("pager")), webhook(team, "pager")])
    tyk.await_ready(team, "orders")
    for gateway, count in zip(gateways, before):
        assert [one["id"] for one in gateway.handlers(default_api_id(team, "orders"))] == ["pager"]
        assert gateway.counts_since(count)["posts"] == 1, "it was pushed before its webhook was there"


def test_an_api_whose_webhook_never_comes_goes_live_without_the_handler(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", reference("nobody"), local(trigger="AuthFailure")))
    thing = tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    await_on_all(gateways, lambda one: [handler["trigger"] for handler in one.handlers(default_api_id(team, "orders"))],
                 ["AuthFailure"])
    assert condition(thing, "Ready")["status"] == "False"
    kubectl.apply(webhook(team, "nobody"))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        assert len(gateway.handlers(default_api_id(team, "orders"))) == 2


# --- what status says ---

def test_status_of_an_api_with_a_global_webhook(operator, gateways, kubectl, tyk, team):
    kubectl.apply(webhook(team, "pager", name="Pager", cooldownPeriod="20s",
                          headers=[{"name": "X-Team", "value": "platform"}]))
    kubectl.apply(oas_api(team, "orders", reference("pager"), local(trigger="AuthFailure"),
                          reference("pager", "KeyExpired")))
    status = tyk.await_ready(team, "orders")["status"]
    hook = tyk.webhook(team, "pager")["metadata"]
    assert status["webhooks"][0]["copy"].pop("suspend", False) is False
    assert status["webhooks"] == [{
        "ref": "pager", "source": "Global",
        "webhook": {"namespace": team, "name": "pager", "uid": hook["uid"], "generation": 1},
        "copy": {"name": "Pager", "url": "https://pager.example/hook", "method": "POST", "bodyTemplate": "",
                 "cooldownPeriod": "20s", "headers": [{"name": "X-Team", "value": "platform"}]}}]
    assert status["handlers"] == [
        {"trigger": "QuotaExceeded", "index": 0, "ref": "pager", "source": "Global"},
        {"trigger": "AuthFailure", "index": 1, "source": "Local"},
        {"trigger": "KeyExpired", "index": 2, "ref": "pager", "source": "Global"}]
    assert status["gateways"] == {"total": 2, "synced": 2}
    assert {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]} == {
        "Ready": ("True", "Synced"), "ResolvedRefs": ("True", "Resolved"), "Programmed": ("True", "Programmed")}
    assert all(one["observedGeneration"] == 1 for one in status["conditions"])


def test_status_of_a_webhook_counts_who_uses_it(operator, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "a", reference("pager"), reference("pager", "AuthFailure")),
                   oas_api(team, "b", reference("pager"))])
    tyk.await_webhook(team, "pager", "True", "Valid")
    eventually_equal(lambda: tyk.webhook(team, "pager")["status"].get("usedBy"), {"apis": 2, "handlers": 3})
    kubectl.delete("apidefinition", "a", team)
    eventually_equal(lambda: tyk.webhook(team, "pager")["status"]["usedBy"], {"apis": 1, "handlers": 1})


def test_a_webhook_has_no_finalizer(operator, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    assert "finalizers" not in tyk.webhook(team, "pager")["metadata"]
    assert tyk.apidefinition(team, "orders")["metadata"]["finalizers"] == ["grapnel.dev/gateway"]


def test_an_event_tells_that_an_api_is_synced(operator, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    eventually(lambda: "Synced" in kubectl.event_reasons(team, "ApiDefinition", "orders"))


# --- edits ---

def test_an_edit_is_pushed_once_and_observed(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "orders"), oas_api(team, "untouched")])
    tyk.await_ready(team, "orders", "untouched")
    before = [gateway.counts() for gateway in gateways]
    kubectl.apply(oas_api(team, "orders", upstream="http://second.example/"))
    thing = tyk.await_ready(team, "orders")
    assert thing["status"]["observedGeneration"] == thing["metadata"]["generation"] == 2
    for gateway, count in zip(gateways, before):
        have = gateway.oas(default_api_id(team, "orders"))
        assert have["x-tyk-api-gateway"]["upstream"]["url"] == "http://second.example/"
        assert gateway.counts_since(count) == {"posts": 1, "deletes": 0, "reloads": 1}


def test_an_apply_that_changes_nothing_pushes_nothing(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    before = [gateway.counts() for gateway in gateways]
    kubectl.apply(oas_api(team, "orders"))
    kubectl.patch("apidefinition", "orders", {"metadata": {"labels": {"a": "b"}}}, team)
    version = tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"]
    # What comes later in the same queue shows that the first has been dealt with.
    kubectl.apply(oas_api(team, "marker"))
    tyk.await_ready(team, "marker")
    for gateway, count in zip(gateways, before):
        assert gateway.counts_since(count)["posts"] == 1
    assert tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"] == version


def test_server_side_apply_by_another_manager_does_not_fight(operator, gateways, kubectl, tyk, team):
    api = oas_api(team, "orders", reference("pager"))
    kubectl.apply(webhook(team, "pager"))
    kubectl.apply(api, team, "--server-side", "--field-manager=someone")
    tyk.await_ready(team, "orders")
    version = tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"]
    kubectl.apply(api, team, "--server-side", "--field-manager=someone")
    throughout_equal(lambda: tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"], version, 2)


def test_many_apis_are_one_batch(operator, gateways, kubectl, tyk, team):
    before = [gateway.counts() for gateway in gateways]
    names = [f"api-{number}" for number in range(30)]
    kubectl.apply([classic_api(team, name) for name in names])
    tyk.await_ready(team, *names)
    for gateway, count in zip(gateways, before):
        since = gateway.counts_since(count)
        # kubectl sends them one by one, so a few batches may form while it does.
        assert since["posts"] == 30 and since["deletes"] == 0 and since["reloads"] <= 4, since


def test_a_document_of_a_megabyte(operator, gateways, kubectl, tyk, team):
    api = oas_api(team, "large", local())
    api["spec"]["oas"]["x-filler"] = ["0123456789abcdef" * 4] * 15_000
    kubectl.create(api)
    tyk.await_ready(team, "large", timeout=60)
    for gateway in gateways:
        assert len(gateway.oas(default_api_id(team, "large"))["x-filler"]) == 15_000
