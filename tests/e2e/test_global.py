# SPDX-License-Identifier: Apache-2.0
"""Global webhooks: who may refer to them, how a change reaches every gateway, and what their deletion leaves."""

import json
import subprocess

import pytest
import yaml

from harness.gateway import await_on_all
from harness.objects import (classic_api, classic_handler, default_api_id, oas_api, oas_document, reference, secret,
                             webhook)
from harness.wait import eventually, eventually_equal, throughout_equal

URL = "https://pager.example/hook"
CONVERTED = "grapnel.dev/converted-webhooks"


def urls(team: str, name: str = "orders"):
    """Reads the URLs of an API's handlers off a gateway."""
    return lambda gateway: [handler.get("url") for handler in gateway.handlers(default_api_id(team, name))]


def ids(team: str, name: str = "orders"):
    return lambda gateway: [handler.get("id") for handler in gateway.handlers(default_api_id(team, name))]


def handlers(thing: dict) -> list[dict]:
    return thing["spec"]["oas"]["x-tyk-api-gateway"]["server"]["eventHandlers"]


def has_event(kubectl, namespace: str, kind: str, name: str, reason: str) -> None:
    eventually(lambda: reason in kubectl.event_reasons(namespace, kind, name))


# --- how a reference finds its webhook ---

def test_by_name(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])


def test_by_namespace_and_name(stage, operator, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([webhook(platform, "pager", allowedNamespaces={"from": "All"}),
                   oas_api(team, "orders", reference(f"{platform}/pager"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])
    await_on_all(gateways, ids(team), [f"{platform}/pager"])
    assert tyk.copies(team, "orders")[f"{platform}/pager"]["webhook"]["namespace"] == platform


def test_by_the_id_that_a_dashboard_gave(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager", id="66498cd1e2fcd1000184ecb9"),
                   oas_api(team, "orders", reference("66498cd1e2fcd1000184ecb9"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])
    await_on_all(gateways, ids(team), ["66498cd1e2fcd1000184ecb9"])


def test_by_id_in_the_operators_namespace(stage, operator, gateways, kubectl, tyk, team):
    system = operator.system_namespace
    kubectl.apply([webhook(system, "pager", id="shared-id", allowedNamespaces={"from": "All"}),
                   oas_api(team, "orders", reference("shared-id"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])


def test_an_id_in_somebody_elses_namespace_is_not_looked_at(stage, operator, kubectl, tyk, team):
    """Else anyone who may create a Webhook could receive other teams' events, which carry API keys."""
    other = stage.namespace("other")
    kubectl.apply([webhook(other, "pager", "https://thief.example/", id="shared-id", allowedNamespaces={"from": "All"}),
                   oas_api(team, "orders", reference("shared-id"))])
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")


def test_the_name_goes_before_the_id(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager", "https://by-name.example/"),
                   webhook(team, "other", "https://by-id.example/", id="pager"),
                   oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), ["https://by-name.example/"])


def test_the_first_keeps_an_id_that_two_claim(operator, gateways, kubectl, tyk, team):
    kubectl.apply(webhook(team, "z-first", "https://first.example/", id="claimed"))
    tyk.await_webhook(team, "z-first")
    kubectl.apply([webhook(team, "a-second", "https://second.example/", id="claimed"),
                   oas_api(team, "orders", reference("claimed"))])
    tyk.await_webhook(team, "a-second", "False", "DuplicateId")
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), ["https://first.example/"])


def test_the_global_wins_over_local_fields_beside_it(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference(
        "pager", url="https://stale.example/", method="GET", name="stale"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])
    await_on_all(gateways, lambda one: [handler["method"] for handler in one.handlers(default_api_id(team, "orders"))],
                 ["POST"])


def test_a_dashboard_export_whose_webhook_is_unknown_is_local(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", reference(
        "66498cd1e2fcd1000184ecb9", url="https://exported.example/", method="POST", bodyTemplate="")))
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), ["https://exported.example/"])
    await_on_all(gateways, ids(team), [None])
    assert tyk.sources(team, "orders") == ["Local"]


# --- permission ---

def test_another_namespaces_webhook_is_missing_unless_it_permits(stage, operator, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([webhook(platform, "pager"), oas_api(team, "orders", reference(f"{platform}/pager"))])
    thing = tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    assert URL not in json.dumps(thing["status"]), "what it may not use must not be shown to it"
    kubectl.apply(webhook(platform, "pager", allowedNamespaces={"from": "All"}))
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])


def test_permission_by_label_follows_the_label(stage, operator, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([
        webhook(platform, "pager", allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"pager": "yes"}}}),
        oas_api(team, "orders", reference(f"{platform}/pager"))])
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    kubectl.run("label", "namespace", team, "pager=yes")
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [URL])
    kubectl.run("label", "namespace", team, "pager-")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    await_on_all(gateways, urls(team), [])


def test_a_withdrawn_permission_is_never_a_conversion(stage, operator, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([webhook(platform, "pager", allowedNamespaces={"from": "All"}),
                   oas_api(team, "orders", reference(f"{platform}/pager"))])
    tyk.await_ready(team, "orders")
    kubectl.apply(webhook(platform, "pager"))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    await_on_all(gateways, urls(team), [])
    assert tyk.copies(team, "orders") == {}
    kubectl.delete("webhook", "pager", platform)
    throughout_equal(lambda: urls(team)(gateways[0]), [], 3)
    assert CONVERTED not in tyk.apidefinition(team, "orders")["metadata"].get("annotations", {})


# --- change ---

def test_a_change_reaches_every_gateway_with_one_reload(operator, gateways, kubectl, tyk, team):
    names = [f"api-{number}" for number in range(5)]
    kubectl.apply([webhook(team, "pager"), *(oas_api(team, name, reference("pager")) for name in names),
                   oas_api(team, "untouched")])
    tyk.await_ready(team, *names, "untouched")
    before, version = [gateway.counts() for gateway in gateways], tyk.versions()[f"ApiDefinition {team}/untouched"]
    kubectl.apply(webhook(team, "pager", "https://changed.example/", method="PUT"))
    for name in names:
        await_on_all(gateways, urls(team, name), ["https://changed.example/"])
    tyk.await_ready(team, *names)
    for gateway, count in zip(gateways, before):
        assert gateway.counts_since(count) == {"posts": 5, "deletes": 0, "reloads": 1}
    assert tyk.versions()[f"ApiDefinition {team}/untouched"] == version
    assert tyk.copies(team, "api-0")["pager"]["copy"]["url"] == "https://changed.example/"
    assert tyk.copies(team, "api-0")["pager"]["webhook"]["generation"] == 2


def test_a_change_that_no_gateway_needs_to_know_pushes_nothing(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    before = [gateway.counts() for gateway in gateways]
    kubectl.apply(webhook(team, "pager", cooldownPeriod="20s", conversionPolicy="Retain"))
    tyk.await_webhook(team, "pager")
    kubectl.apply(oas_api(team, "marker"))
    tyk.await_ready(team, "marker")
    for gateway, count in zip(gateways, before):
        assert gateway.counts_since(count)["posts"] == 1  # the marker's


def test_suspend_disables_every_copy(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "a", reference("pager")),
                   classic_api(team, "b", {"AuthFailure": [classic_handler("pager")]})])
    tyk.await_ready(team, "a", "b")

    def enabled(gateway):
        return ([handler["enabled"] for handler in gateway.handlers(default_api_id(team, "a"))],
                [not meta["disabled"] for meta in gateway.metas(default_api_id(team, "b"), "AuthFailure")])

    kubectl.patch("webhook", "pager", {"spec": {"suspend": True}}, team)
    await_on_all(gateways, enabled, ([False], [False]))
    kubectl.patch("webhook", "pager", {"spec": {"suspend": False}}, team)
    await_on_all(gateways, enabled, ([True], [True]))


def test_a_change_while_the_operator_is_down(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    operator.kill()
    kubectl.apply(webhook(team, "pager", "https://changed.example/"))
    operator.start()
    await_on_all(gateways, urls(team), ["https://changed.example/"])


# --- deletion ---

@pytest.fixture
def relying(operator, gateways, kubectl, tyk, team):
    """Creates an API that uses a global webhook and waits for it; the keywords are the Webhook's spec."""

    def create(annotations=None, labels=None, **spec):
        kubectl.apply([
            webhook(team, "pager", name="Pager", headers=[{"name": "X-Team", "value": "platform"}], **spec),
            oas_api(team, "orders", reference("pager", cooldownPeriod="7s"), annotations=annotations, labels=labels)])
        tyk.await_ready(team, "orders")
        await_on_all(gateways, ids(team), ["pager"])

    return create


def is_converted_on(gateways, team: str) -> None:
    """The handler keeps everything but the id."""
    await_on_all(gateways, lambda one: one.handlers(default_api_id(team, "orders")), [{
        "enabled": True, "trigger": "QuotaExceeded", "type": "webhook", "cooldownPeriod": "7s", "name": "Pager",
        "url": URL, "method": "POST", "headers": [{"name": "X-Team", "value": "platform"}]}])


def test_deletion_converts_every_copy(relying, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    is_converted_on(gateways, team)
    thing = tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    tyk.await_ready(team, "orders")
    entry = thing["status"]["webhooks"][0]
    assert (entry["ref"], entry["source"], entry["copy"]["url"]) == ("pager", "Converted", URL)
    assert thing["status"]["handlers"] == [
        {"trigger": "QuotaExceeded", "index": 0, "ref": "pager", "source": "Converted"}]
    assert json.loads(thing["metadata"]["annotations"][CONVERTED]) == [entry]
    has_event(kubectl, team, "ApiDefinition", "orders", "Converted")


def test_retain_leaves_the_spec_alone(relying, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    spec = tyk.apidefinition(team, "orders")["spec"]
    kubectl.delete("webhook", "pager", team)
    is_converted_on(gateways, team)
    throughout_equal(lambda: tyk.apidefinition(team, "orders")["spec"], spec, 3)  # the rewrite delay thrice
    assert "SpecRewritten" not in kubectl.event_reasons(team, "ApiDefinition", "orders")


@pytest.mark.parametrize("policy", ["Rewrite", "Auto"])
def test_rewrite_makes_the_spec_say_what_the_gateways_hold(relying, gateways, kubectl, tyk, team, policy):
    relying(conversionPolicy=policy)
    kubectl.delete("webhook", "pager", team)
    eventually_equal(lambda: handlers(tyk.apidefinition(team, "orders")), [{
        "enabled": True, "trigger": "QuotaExceeded", "type": "webhook", "cooldownPeriod": "7s", "name": "Pager",
        "url": URL, "method": "POST", "bodyTemplate": "", "headers": [{"name": "X-Team", "value": "platform"}]}])
    tyk.await_ready(team, "orders")
    assert tyk.sources(team, "orders") == ["Local"]
    is_converted_on(gateways, team)
    has_event(kubectl, team, "ApiDefinition", "orders", "SpecRewritten")
    # From now on it is an ordinary local webhook.
    kubectl.patch("apidefinition", "orders", [
        {"op": "replace", "path": "/spec/oas/x-tyk-api-gateway/server/eventHandlers/0/url",
         "value": "https://edited.example/"}], team, "json")
    await_on_all(gateways, urls(team), ["https://edited.example/"])


def test_rewrite_of_a_classic_definition(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager", name="Pager", conversionPolicy="Rewrite"),
                   classic_api(team, "orders", {"AuthFailure": [
                       {"handler_name": "eh_log_handler", "handler_meta": {"prefix": "p"}},
                       classic_handler("pager", event_timeout=7)]})])
    tyk.await_ready(team, "orders")
    kubectl.delete("webhook", "pager", team)
    want = {"disabled": False, "name": "Pager", "method": "POST", "target_path": URL, "template_path": "",
            "header_map": {}, "event_timeout": 7}
    eventually_equal(lambda: tyk.apidefinition(team, "orders")["spec"]["event_handlers"]["events"]["AuthFailure"], [
        {"handler_name": "eh_log_handler", "handler_meta": {"prefix": "p"}},
        {"handler_name": "eh_web_hook_handler", "handler_meta": want}])
    await_on_all(gateways, lambda one: one.metas(default_api_id(team, "orders"), "AuthFailure"), [{"prefix": "p"}, want])


@pytest.mark.parametrize("owner", ["argo-cd", "flux", "helm"])
def test_auto_leaves_the_spec_to_a_gitops_tool(relying, gateways, kubectl, tyk, team, owner):
    marks = {"argo-cd": ({"argocd.argoproj.io/tracking-id": f"app:tyk.tyk.io/ApiDefinition:{team}/orders"}, {}),
             "flux": ({}, {"kustomize.toolkit.fluxcd.io/name": "apps",
                           "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
             "helm": ({"meta.helm.sh/release-name": "apis", "meta.helm.sh/release-namespace": team},
                      {"app.kubernetes.io/managed-by": "Helm"})}
    annotations, labels = marks[owner]
    relying(annotations=annotations, labels=labels)
    spec = tyk.apidefinition(team, "orders")["spec"]
    kubectl.delete("webhook", "pager", team)
    is_converted_on(gateways, team)
    throughout_equal(lambda: tyk.apidefinition(team, "orders")["spec"], spec, 3)


def test_auto_leaves_a_document_in_a_configmap_alone(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, config_maps=["doc"])
    text = json.dumps(oas_document("orders", reference("pager")))
    kubectl.apply([webhook(team, "pager"), {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "doc", "namespace": team}, "data": {"oas": text}},
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition",
         "metadata": {"name": "orders", "namespace": team},
         "spec": {"oasRef": {"configMapKeyRef": {"name": "doc", "key": "oas"}}}}])
    tyk.await_ready(team, "orders")
    kubectl.delete("webhook", "pager", team)
    await_on_all(gateways, ids(team), [None])
    await_on_all(gateways, urls(team), [URL])
    throughout_equal(lambda: kubectl.get("configmap", "doc", team)["data"]["oas"], text, 3)


def test_many_deletions_at_once_rewrite_nothing(operator, gateways, kubectl, tyk, team):
    """Somebody deleted a folder: the copies live on, but the specs are left as they were."""
    names = [f"hook-{number}" for number in range(5)]
    kubectl.apply([*(webhook(team, name, conversionPolicy="Rewrite") for name in names),
                   *(oas_api(team, f"api-{name}", reference(name)) for name in names)])
    tyk.await_ready(team, *(f"api-{name}" for name in names))
    specs = {name: tyk.apidefinition(team, f"api-{name}")["spec"] for name in names}
    kubectl.run("delete", "webhooks", "--all", "--namespace", team)
    for name in names:
        await_on_all(gateways, ids(team, f"api-{name}"), [None])
        await_on_all(gateways, urls(team, f"api-{name}"), [URL])
    throughout_equal(lambda: {name: tyk.apidefinition(team, f"api-{name}")["spec"] for name in names}, specs, 3)


def test_delete_and_recreate_within_the_grace_is_not_a_deletion(stage, gateways, kubectl, tyk, team):
    stage.operator(*gateways, conversion_grace="6s")
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    kubectl.delete("webhook", "pager", team)
    kubectl.apply(webhook(team, "pager", "https://again.example/"))
    await_on_all(gateways, urls(team), ["https://again.example/"])
    await_on_all(gateways, ids(team), ["pager"])
    assert tyk.sources(team, "orders") == ["Global"]
    assert "Converted" not in kubectl.event_reasons(team, "ApiDefinition", "orders")


def test_an_api_is_never_without_its_webhook_while_it_is_converted(relying, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    throughout_equal(lambda: urls(team)(gateways[0]), [URL], 3)
    is_converted_on(gateways, team)


def test_a_webhook_that_appears_again_takes_over(relying, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    is_converted_on(gateways, team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    kubectl.apply(webhook(team, "pager", "https://again.example/"))
    await_on_all(gateways, urls(team), ["https://again.example/"])
    await_on_all(gateways, ids(team), ["pager"])
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Resolved")
    assert tyk.sources(team, "orders") == ["Global"]
    has_event(kubectl, team, "ApiDefinition", "orders", "Relinked")
    eventually(lambda: CONVERTED not in tyk.apidefinition(team, "orders")["metadata"].get("annotations", {}))


def test_deletion_while_the_operator_is_down(relying, operator, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    operator.kill()
    kubectl.delete("webhook", "pager", team)
    operator.start()
    is_converted_on(gateways, team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")


def test_deletion_and_return_while_the_operator_is_down(relying, operator, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    operator.kill()
    kubectl.delete("webhook", "pager", team)
    kubectl.apply(webhook(team, "pager", "https://again.example/"))
    operator.start()
    await_on_all(gateways, urls(team), ["https://again.example/"])
    await_on_all(gateways, ids(team), ["pager"])
    assert "Converted" not in kubectl.event_reasons(team, "ApiDefinition", "orders")


def test_a_conversion_survives_restarts(relying, operator, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    is_converted_on(gateways, team)
    operator.restart()
    kubectl.patch("apidefinition", "orders", [{
        "op": "replace", "path": "/spec/oas/x-tyk-api-gateway/upstream/url", "value": "http://second.example/"}],
        team, "json")
    tyk.await_ready(team, "orders")
    is_converted_on(gateways, team)


def test_a_converted_copy_survives_a_restore_without_status(relying, operator, gateways, kubectl, tyk, team):
    """Backups keep annotations and lose status."""
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    eventually(lambda: CONVERTED in tyk.apidefinition(team, "orders")["metadata"]["annotations"])
    saved = tyk.apidefinition(team, "orders")
    operator.kill()
    kubectl.patch("apidefinition", "orders", {"metadata": {"finalizers": None}}, team)
    kubectl.delete("apidefinition", "orders", team)
    for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields", "finalizers"):
        saved["metadata"].pop(key, None)
    kubectl.create({key: value for key, value in saved.items() if key != "status"})
    operator.start()
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    is_converted_on(gateways, team)


def test_a_change_just_before_the_deletion_is_not_lost(relying, operator, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain")
    kubectl.patch("webhook", "pager", {"spec": {"url": "https://last.example/"}}, team)
    eventually_equal(lambda: tyk.copies(team, "orders")["pager"]["copy"]["url"], "https://last.example/")
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    await_on_all(gateways, urls(team), ["https://last.example/"])


def test_a_suspended_webhook_converts_to_a_disabled_one(relying, gateways, kubectl, tyk, team):
    relying(conversionPolicy="Retain", suspend=True)
    kubectl.delete("webhook", "pager", team)
    await_on_all(gateways, lambda one: [
        (handler["enabled"], handler.get("id")) for handler in one.handlers(default_api_id(team, "orders"))],
        [(False, None)])


def test_removal_of_the_kind_is_not_a_deletion(relying, operator, gateways, kubectl, tyk, team):
    """`kubectl delete crd` empties the list of Webhooks; that is no order to convert the fleet."""
    relying(conversionPolicy="Retain")
    definition = kubectl.get("crd", "webhooks.tyk.tyk.io")
    try:
        kubectl.delete("crd", "webhooks.tyk.tyk.io")
        throughout_equal(lambda: ids(team)(gateways[0]), ["pager"], 5)  # five times the grace
    finally:
        kubectl.apply({**{key: definition[key] for key in ("apiVersion", "kind", "spec")},
                       "metadata": {"name": "webhooks.tyk.tyk.io",
                                    "annotations": definition["metadata"].get("annotations", {})}})
        kubectl.wait("condition=Established", "crd", "webhooks.tyk.tyk.io")
    kubectl.apply(webhook(team, "pager", "https://again.example/"))
    await_on_all(gateways, urls(team), ["https://again.example/"])


def test_deletion_of_the_webhooks_namespace_converts(stage, operator, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([webhook(platform, "pager", allowedNamespaces={"from": "All"}, conversionPolicy="Retain"),
                   oas_api(team, "orders", reference(f"{platform}/pager"))])
    tyk.await_ready(team, "orders")
    kubectl.run("delete", "namespace", platform, "--wait=false")
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted", timeout=60)
    await_on_all(gateways, urls(team), [URL])
    await_on_all(gateways, ids(team), [None])


def test_a_namespace_that_is_not_watched_is_unknown_not_gone(stage, gateways, kubectl, tyk, team):
    platform = stage.namespace("platform")
    kubectl.apply([webhook(platform, "pager", allowedNamespaces={"from": "All"}, conversionPolicy="Rewrite"),
                   oas_api(team, "orders", reference(f"{platform}/pager"))])
    system = stage.namespace("grapnel-system")
    first = stage.operator(*gateways, system=system)
    tyk.await_ready(team, "orders")
    first.stop()
    stage.operator(*gateways, system=system, namespace=[team, system])
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    assert handlers(tyk.apidefinition(team, "orders"))[0]["id"] == f"{platform}/pager"
    assert "Converted" not in kubectl.event_reasons(team, "ApiDefinition", "orders")


# --- secrets ---

@pytest.fixture
def with_secret(stage, operator, gateways, kubectl, tyk, team):
    """An API whose webhook has a header from a Secret; returns the value."""
    stage.may_read(operator, team, secrets=["pager"])
    value = stage.secret_value()
    kubectl.apply([
        secret(team, "pager", token=value),
        webhook(team, "pager", conversionPolicy="Rewrite", headers=[
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}},
            {"name": "X-Team", "value": "platform"}]),
        oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    return value


def headers(team: str, name: str = "orders"):
    return lambda gateway: [{header["name"]: header["value"] for header in handler.get("headers", [])}
                            for handler in gateway.handlers(default_api_id(team, name))]


def test_a_secret_header_is_sealed_in_status_and_clear_on_the_gateway(with_secret, gateways, tyk, team):
    # That the value is in no status, annotation, event or log is looked at when every test ends.
    await_on_all(gateways, headers(team), [{"Authorization": with_secret, "X-Team": "platform"}])
    found = {one["name"]: one for one in tyk.copies(team, "orders")["pager"]["copy"]["headers"]}
    assert found["Authorization"]["sealed"].startswith("v1:") and "value" not in found["Authorization"]
    assert found["X-Team"]["value"] == "platform"


def test_the_key_of_the_seals_is_a_secret_of_the_operators_namespace(with_secret, operator, kubectl):
    assert kubectl.get("secret", "grapnel-seal", operator.system_namespace)["data"]


def test_a_conversion_needs_neither_the_webhook_nor_its_secret(with_secret, operator, gateways, kubectl, tyk, team):
    operator.kill()
    kubectl.delete("webhook", "pager", team)
    kubectl.delete("secret", "pager", team)
    operator.start()
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    await_on_all(gateways, headers(team), [{"Authorization": with_secret, "X-Team": "platform"}])
    await_on_all(gateways, ids(team), [None])


def test_a_sealed_value_is_never_written_into_the_spec(with_secret, gateways, kubectl, tyk, team):
    spec = tyk.apidefinition(team, "orders")["spec"]
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    throughout_equal(lambda: tyk.apidefinition(team, "orders")["spec"], spec, 3)
    await_on_all(gateways, headers(team), [{"Authorization": with_secret, "X-Team": "platform"}])


def test_a_rotated_secret_reaches_the_gateways(stage, with_secret, gateways, kubectl, team):
    second = stage.secret_value()
    kubectl.apply(secret(team, "pager", token=second + "\n"))  # one newline at the end is an editor's, not the value's
    await_on_all(gateways, headers(team), [{"Authorization": second, "X-Team": "platform"}])


def test_a_sealed_text_stays_while_the_value_does(with_secret, operator, tyk, team):
    before = tyk.copies(team, "orders")["pager"]["copy"]
    version = tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"]
    operator.restart()
    throughout_equal(lambda: tyk.apidefinition(team, "orders")["metadata"]["resourceVersion"], version, 3)
    assert tyk.copies(team, "orders")["pager"]["copy"] == before


def test_a_forged_copy_opens_to_nothing(stage, with_secret, operator, gateways, kubectl, tyk, team):
    """Whoever may write status must not be able to have the secret sent elsewhere."""
    operator.kill()
    entry = tyk.copies(team, "orders")["pager"]
    entry["copy"]["url"] = "https://thief.example/"
    kubectl.patch("apidefinition", "orders", {"status": {"webhooks": [entry]}}, team, "merge", "--subresource=status")
    kubectl.delete("webhook", "pager", team)
    operator.start()
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    await_on_all(gateways, urls(team), [])


def test_a_url_from_a_secret_is_sealed_too(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, secrets=["pager"])
    value = stage.secret_value()
    kubectl.apply([
        secret(team, "pager", url=f"https://hooks.example/{value}"),
        webhook(team, "pager", None, urlFrom={"secretKeyRef": {"name": "pager", "key": "url"}}),
        oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    await_on_all(gateways, urls(team), [f"https://hooks.example/{value}"])
    copy = tyk.copies(team, "orders")["pager"]["copy"]
    assert copy["urlSealed"].startswith("v1:") and "url" not in copy


def test_a_missing_secret_leaves_the_last_good_copy_in_force(with_secret, gateways, kubectl, tyk, team):
    kubectl.delete("secret", "pager", team)
    tyk.await_webhook(team, "pager", "False", "SecretNotFound")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "SecretNotFound")
    await_on_all(gateways, headers(team), [{"Authorization": with_secret, "X-Team": "platform"}])
    kubectl.apply(secret(team, "pager", token=with_secret))
    tyk.await_webhook(team, "pager")
    tyk.await_ready(team, "orders")


def test_a_secret_that_comes_late_is_found(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, secrets=["pager"])
    value = stage.secret_value()
    kubectl.apply([
        webhook(team, "pager", headers=[
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}}]),
        oas_api(team, "orders", reference("pager"))])
    tyk.await_webhook(team, "pager", "False", "SecretNotFound")
    await_on_all(gateways, lambda one: one.handlers(default_api_id(team, "orders")), [])
    kubectl.apply(secret(team, "pager", token=value))
    tyk.await_ready(team, "orders")
    await_on_all(gateways, headers(team), [{"Authorization": value}])


def materialize(stage, kubectl, team: str, code: int) -> subprocess.CompletedProcess:
    shown = kubectl.run("get", "apidefinition", "orders", "--namespace", team, "-o", "yaml")
    done = subprocess.run([str(stage.find_binary("grapnel")), "materialize", "-"], input=shown, text=True,
                          capture_output=True, timeout=20)
    assert done.returncode == code, done.stderr
    return done


def test_materialize_prints_what_to_commit(stage, relying, gateways, kubectl, tyk, team):
    """After a conversion under Retain, the manifest for Git comes from the object as kubectl shows it."""
    relying(conversionPolicy="Retain")
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    printed = materialize(stage, kubectl, team, 0).stdout
    [handler] = handlers(yaml.safe_load(printed))
    assert "id" not in handler and (handler["url"], handler["method"]) == (URL, "POST")
    kubectl.apply(printed)
    tyk.await_ready(team, "orders")
    assert tyk.sources(team, "orders") == ["Local"]
    is_converted_on(gateways, team)


def test_materialize_leaves_a_place_for_what_is_sealed(stage, with_secret, gateways, kubectl, tyk, team):
    kubectl.delete("webhook", "pager", team)
    tyk.await_api(team, "orders", "ResolvedRefs", "True", "Converted")
    done = materialize(stage, kubectl, team, 1)
    assert "the webhook pager: the value of its header Authorization is sealed" in done.stderr
    [handler] = handlers(yaml.safe_load(done.stdout))
    assert {one["name"]: one["value"] for one in handler["headers"]} == {"Authorization": "<secret>", "X-Team": "platform"}
    kubectl.apply(done.stdout)  # as it is: refused, and the gateways keep the value
    tyk.await_api(team, "orders", "Ready", "False", "InvalidSpec")
    await_on_all(gateways, headers(team), [{"Authorization": with_secret, "X-Team": "platform"}])
    kubectl.apply(done.stdout.replace("<secret>", "Bearer b"))
    tyk.await_ready(team, "orders")
    await_on_all(gateways, headers(team), [{"Authorization": "Bearer b", "X-Team": "platform"}])
