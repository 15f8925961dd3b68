# SPDX-License-Identifier: Apache-2.0
"""What is wrong is refused, with a reason, a field and a remedy; the last good state stays, and others go on."""

import json
import re
import subprocess

import pytest

from harness.gateway import await_on_all
from harness.objects import (classic_api, classic_handler, condition, default_api_id, local, oas_api, oas_document,
                             reference, secret, webhook)
from harness.wait import eventually


def raw_api(team: str, spec: dict, name: str = "orders") -> dict:
    return {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition",
            "metadata": {"name": name, "namespace": team}, "spec": spec}


def context(team: str, **spec) -> dict:
    return {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "OperatorContext",
            "metadata": {"name": "edge", "namespace": team}, "spec": spec}


# --- what the API server itself refuses ---

CLASSIC = {"name": "n", "proxy": {"listen_path": "/n/", "target_url": "http://u"}}
OAS = oas_document("n")
HEADER_FROM = {"secretKeyRef": {"name": "s", "key": "k"}}

REFUSED_APIS = {
    "oas and oasRef": ({"oas": OAS, "oasRef": {"configMapKeyRef": {"name": "c", "key": "k"}}}, "oasRef"),
    "oas and Classic fields": ({"oas": OAS, **CLASSIC}, "Classic"),
    "oasRef and Classic fields": ({"oasRef": {"configMapKeyRef": {"name": "c", "key": "k"}}, **CLASSIC}, "Classic"),
    "nothing": ({}, "spec"),
    "oas without Tyk's extension": ({"oas": {"openapi": "3.0.3", "info": {}, "paths": {}}}, "x-tyk-api-gateway"),
    "oas that is a text": ({"oas": "openapi: 3.0.3"}, "oas"),
    "oasRef without a key": ({"oasRef": {"configMapKeyRef": {"name": "c"}}}, "key"),
    "contextRef without a name": ({"contextRef": {"namespace": "a"}, **CLASSIC}, "name"),
    "listen path without a slash": ({**CLASSIC, "proxy": {"listen_path": "n/", "target_url": "http://u"}}, "listen path"),
    "listen path with a blank": ({**CLASSIC, "proxy": {"listen_path": "/a b/", "target_url": "http://u"}}, "listen path"),
    "id that the gateway loses": ({**CLASSIC, "api_id": "my-oas"}, "-oas"),
    "id with a slash": ({**CLASSIC, "api_id": "a/b"}, "slash"),
    "events that are a list": ({**CLASSIC, "event_handlers": {"events": []}}, "events"),
}


@pytest.mark.parametrize("case", REFUSED_APIS)
def test_the_api_server_refuses_an_apidefinition_with(stage, kubectl, team, case):
    spec, word = REFUSED_APIS[case]
    assert word in kubectl.refuses(raw_api(team, spec), dry_run=True)


REFUSED_WEBHOOKS = {
    "no url": ({}, "url"),
    "url and urlFrom": ({"url": "https://a.example/", "urlFrom": HEADER_FROM}, "url"),
    "a relative url": ({"url": "/hook"}, "absolute"),
    "a url of another scheme": ({"url": "ftp://a.example/"}, "http"),
    "a url without a host": ({"url": "https:///hook"}, "host"),
    "a method in lower case": ({"url": "https://a.example/", "method": "post"}, "method"),
    "an unknown method": ({"url": "https://a.example/", "method": "HEAD"}, "method"),
    "a cooldown in milliseconds": ({"url": "https://a.example/", "cooldownPeriod": "500ms"}, "cooldown"),
    "a fractional cooldown": ({"url": "https://a.example/", "cooldownPeriod": "1.5s"}, "cooldown"),
    "a header with two values": ({"url": "https://a.example/", "headers": [
        {"name": "A", "value": "1", "valueFrom": HEADER_FROM}]}, "header"),
    "a header with no value": ({"url": "https://a.example/", "headers": [{"name": "A"}]}, "header"),
    "a header with no name": ({"url": "https://a.example/", "headers": [{"value": "1"}]}, "name"),
    "Selector without a selector": ({"url": "https://a.example/", "allowedNamespaces": {"from": "Selector"}}, "selector"),
    "an unknown policy": ({"url": "https://a.example/", "conversionPolicy": "Delete"}, "conversionPolicy"),
}


@pytest.mark.parametrize("case", REFUSED_WEBHOOKS)
def test_the_api_server_refuses_a_webhook_with(stage, kubectl, team, case):
    spec, word = REFUSED_WEBHOOKS[case]
    hook = {**webhook(team, "pager"), "spec": spec}
    assert word in kubectl.refuses(hook, dry_run=True)


REFUSED_CONTEXTS = {
    "a Service and URLs": ({"serviceRef": {"name": "g", "port": 8080}, "urls": ["http://g:8080"]}, "urls"),
    "no gateways": ({}, "serviceRef"),
    "a relative URL": ({"urls": ["gateway:8080/"]}, "absolute"),
    "a port out of range": ({"serviceRef": {"name": "g", "port": 70000}}, "port"),
}


@pytest.mark.parametrize("case", REFUSED_CONTEXTS)
def test_the_api_server_refuses_a_context_with(stage, kubectl, team, case):
    spec, word = REFUSED_CONTEXTS[case]
    assert word in kubectl.refuses(context(team, **spec), dry_run=True)


def test_the_id_of_a_webhook_does_not_change(stage, kubectl, team):
    kubectl.apply(webhook(team, "pager", id="one"))
    assert "spec.id" in kubectl.refuses(webhook(team, "pager", id="two"))
    assert "spec.id" in kubectl.refuses(webhook(team, "pager"))
    kubectl.apply(webhook(team, "other"))
    kubectl.apply(webhook(team, "other", id="adopted"))  # giving it one later is fine


def test_defaults_are_filled_in(stage, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager"), context(team, urls=["http://g.example:8080"])])
    spec = tyk.webhook(team, "pager")["spec"]
    assert spec == {"url": "https://pager.example/hook", "method": "POST", "bodyTemplate": "", "suspend": False,
                    "allowedNamespaces": {"from": "Same"}, "conversionPolicy": "Auto"}
    spec = tyk.read("OperatorContext", team, "edge")["spec"]
    assert spec["allowAdoption"] is False and spec["allowedNamespaces"] == {"from": "Same"}
    assert spec["gateway"] == {"version": "", "jsvm": False, "kvReferences": False,
                               "templatePaths": ["templates/", "/opt/tyk-gateway/templates/"]}


def test_nothing_of_a_definition_is_pruned(stage, kubectl, tyk, team):
    api = oas_api(team, "orders", {**local(), "custom": {"deep": [1, {"x": None}]}})
    api["spec"]["oas"]["x-tyk-api-gateway"]["middleware"] = {"global": {"unknown": {"a": 1}}}
    classic = classic_api(team, "legacy", {"MyOwnEvent": [{"handler_name": "mine", "handler_meta": {"a": {"b": [1]}}}]},
                          unheard_of={"x": [1, 2]})
    kubectl.create([api, classic])  # apply takes nulls out by itself
    assert tyk.apidefinition(team, "orders")["spec"] == api["spec"]
    assert tyk.apidefinition(team, "legacy")["spec"] == classic["spec"]


# --- what the operator refuses ---

def handler(**changes) -> dict:
    """A complete local handler with some fields changed; None takes one out."""
    found = {**local(), **changes}
    return {key: value for key, value in found.items() if value is not None}


INVALID_OAS = {
    "an unknown trigger": (handler(trigger="NoSuchEvent"), "trigger"),
    "an unknown type": (handler(type="carrier-pigeon"), "type"),
    "no enabled": (handler(enabled=None), "enabled"),
    "enabled that is a text": (handler(enabled="yes"), "enabled"),
    "no url": (handler(url=None), "url"),
    "a relative url": (handler(url="/hook"), "url"),
    "no method": (handler(method=None), "method"),
    "a method in lower case": (handler(method="post"), "method"),
    "a fractional cooldown": (handler(cooldownPeriod="1.5s"), "cooldownPeriod"),
    "a cooldown that is a number": (handler(cooldownPeriod=10), "cooldownPeriod"),
    "headers that are a map": (handler(headers={"A": "1"}), "headers"),
    "an id that is a number": (handler(id=42), "id"),
    "a template outside the template folders": (handler(bodyTemplate="/etc/passwd"), "bodyTemplate"),
    "a template that climbs out": (handler(bodyTemplate="templates/../secrets.json"), "bodyTemplate"),
    "a reference into the gateway's secrets": (handler(headers=[{"name": "A", "value": "env://HOME"}]), "env://"),
    "another form of it": (handler(url="https://a.example/$secret_vault.key"), "$secret_"),
    "a JavaScript handler": ({"enabled": True, "trigger": "QuotaExceeded", "type": "custom", "name": "js",
                              "functionName": "f", "path": "f.js", "cooldownPeriod": "1s"}, "jsvm"),
}


def await_refusal_of_all(tyk, team: str, words: dict[str, str]) -> None:
    """Waits until each API is InvalidSpec with its word in the message; one failure names all that are not."""
    wrong = []
    for name, word in words.items():
        try:
            tyk.await_api(team, name, "Stalled", "True", "InvalidSpec", timeout=5)
            message = condition(tyk.await_api(team, name, "Ready", "False", "InvalidSpec", timeout=5), "Ready")["message"]
            if word not in message:
                wrong.append(f"{name}: {word} is not in the message {message!r}")
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


# The API server takes no status with more than this: such an API would never be heard of.
BEYOND_STATUS = {
    "a reference that is too long": (lambda team: oas_api(team, "orders", reference("x" * 1025)), "longer than 1024"),
    "an event whose name is too long": (
        lambda team: classic_api(team, "orders", {"E" * 1025: [classic_handler("pager")]}), "longer than 1024"),
    "too many references": (
        lambda team: oas_api(team, "orders", *[reference(f"hook-{n}") for n in range(1025)]), "more than 1024"),
    "too many handlers": (lambda team: oas_api(team, "orders", *[local()] * 4097), "more than 4096"),
}


@pytest.mark.parametrize("case", BEYOND_STATUS)
def test_what_no_status_can_hold_is_refused(stage, operator, kubectl, tyk, team, case):
    make, word = BEYOND_STATUS[case]
    kubectl.create(make(team))  # apply's annotation does not hold so much
    assert word in condition(tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec"), "Stalled")["message"]


def test_copies_that_no_object_can_hold(stage, operator, kubectl, tyk, team):
    headers = [{"name": f"H-{n}", "value": "v" * 8000} for n in range(8)]
    for n in range(17):
        kubectl.create(webhook(team, f"hook-{n}", headers=headers))
    kubectl.create(oas_api(team, "orders", *[reference(f"hook-{n}") for n in range(17)]))
    tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec")


def test_a_definition_and_copies_that_etcd_does_not_take_together(stage, operator, gateways, kubectl, tyk, team):
    """Each is within its bounds; that both are too much together only the refusal of the status tells."""
    headers = [{"name": f"H-{n}", "value": "v" * 8000} for n in range(8)]
    for n in range(13):
        kubectl.create(webhook(team, f"hook-{n}", headers=headers))
    api = oas_api(team, "orders", reference("hook-0"))
    api["spec"]["oas"]["x-padding"] = "x" * 900_000
    kubectl.create(api)
    tyk.await_ready(team, "orders")
    before = gateways[0].oas(default_api_id(team, "orders"))
    handlers = [reference(f"hook-{n}") for n in range(13)]
    server = {"x-tyk-api-gateway": {"server": {"eventHandlers": handlers}}}
    stage.cluster.api.patch(tyk.path("ApiDefinition", team, "orders"), {"spec": {"oas": server}})
    thing = tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec")
    message = condition(thing, "Stalled")["message"]
    assert f"ApiDefinition {team}/orders is larger than the API server stores" in message and "spec.oasRef" in message
    assert [entry["ref"] for entry in thing["status"]["webhooks"]] == ["hook-0"]
    assert gateways[0].oas(default_api_id(team, "orders")) == before
    eventually(lambda: "InvalidSpec" in kubectl.event_reasons(team, "ApiDefinition", "orders"))
    # Copies that are larger still are not even tried.
    stage.cluster.api.patch(tyk.path("Webhook", team, "hook-3"), {"spec": {"headers": [*headers, {"name": "More", "value": "v" * 100}]}})
    tyk.await_webhook(team, "hook-3")
    refusals = [entry for entry in operator.log_entries() if entry.get("class") == "too-large"]
    assert len(refusals) == 1 and all("too large" in entry["err"] or "larger than" in entry["err"] for entry in refusals)
    # Without the padding there is room.
    stage.cluster.api.patch(tyk.path("ApiDefinition", team, "orders"), {"spec": {"oas": {"x-padding": None}}})
    tyk.await_ready(team, "orders")
    assert len(gateways[0].handlers(default_api_id(team, "orders"))) == 13


def test_a_secret_whose_value_no_status_can_hold(stage, operator, kubectl, tyk, team):
    stage.may_read(operator, team, secrets=["s"])
    kubectl.create([secret(team, "s", k="v" * 15000), webhook(team, "pager", headers=[{"name": "A", "valueFrom": HEADER_FROM}]),
                    oas_api(team, "orders", reference("pager"))])
    tyk.await_webhook(team, "pager", "False", "InvalidSpec")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookInvalid")


def slug(case: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", case.lower()).strip("-")


@pytest.mark.parametrize("place", ["first", "second"])
def test_invalid_oas_handlers_are_refused(operator, gateways, kubectl, tyk, team, place):
    """Also where the gateway's own schema does not look: it checks the first handler only."""
    before = [] if place == "first" else [local(trigger="AuthFailure")]
    kubectl.apply([*(oas_api(team, slug(case), *before, bad) for case, (bad, _) in INVALID_OAS.items()),
                   oas_api(team, "marker")])
    await_refusal_of_all(tyk, team, {slug(case): word for case, (_, word) in INVALID_OAS.items()})
    tyk.await_ready(team, "marker")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "marker")})


def meta(**changes) -> dict:
    return {"AuthFailure": [classic_handler(**changes)]}


INVALID_CLASSIC = {
    "a fractional event_timeout": ({}, meta(event_timeout=10.5), "event_timeout"),
    "an event_timeout that is a text": ({}, meta(event_timeout="10"), "event_timeout"),
    "a negative event_timeout": ({}, meta(event_timeout=-1), "event_timeout"),
    "a relative target_path": ({}, meta(target_path="hook"), "target_path"),
    "an unknown method": ({}, meta(method="HEAD"), "method"),
    "disabled that is a text": ({}, meta(disabled="no"), "disabled"),
    "a template outside the template folders": ({}, meta(template_path="/etc/passwd"), "template_path"),
    "a JavaScript handler": ({}, {"KeyExpired": [{"handler_name": "eh_dynamic_handler", "handler_meta": {
        "name": "h", "path": "h.js"}}]}, "jsvm"),
    "certificate names": ({"certificate_secret_names": ["c"]}, None, "certificate_secret_names"),
    "client certificates": ({"client_certificate_refs": ["c"]}, None, "client_certificate_refs"),
    "pinned keys": ({"pinned_public_keys_refs": {"a.example": "c"}}, None, "pinned_public_keys_refs"),
    "upstream certificates": ({"upstream_certificate_refs": {"a.example": "c"}}, None, "upstream_certificate_refs"),
    "an internal target": ({"proxy": {"listen_path": "/orders/", "target_url": "http://u", "target_internal": {
        "target": {"name": "other"}}}}, None, "target_internal"),
    "a graph": ({"graphql": {"graph_ref": "g"}}, None, "graph_ref"),
}


def test_invalid_classic_definitions_are_refused(operator, gateways, kubectl, tyk, team):
    kubectl.apply([*(classic_api(team, slug(case), events, **spec)
                     for case, (spec, events, _) in INVALID_CLASSIC.items()), oas_api(team, "marker")])
    await_refusal_of_all(tyk, team, {slug(case): word for case, (_, _, word) in INVALID_CLASSIC.items()})
    tyk.await_ready(team, "marker")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "marker")})


def test_the_last_good_definition_stays(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", local()))
    tyk.await_ready(team, "orders")
    before = gateways[0].oas(default_api_id(team, "orders"))
    kubectl.apply(oas_api(team, "orders", handler(method="post"), upstream="http://second.example/"))
    tyk.await_api(team, "orders", "Stalled", "True", "InvalidSpec")
    eventually(lambda: "InvalidSpec" in kubectl.event_reasons(team, "ApiDefinition", "orders"))
    assert gateways[0].oas(default_api_id(team, "orders")) == before
    kubectl.apply(oas_api(team, "orders", local(), upstream="http://third.example/"))
    thing = tyk.await_ready(team, "orders")
    assert condition(thing, "Stalled") == {}
    await_on_all(gateways, lambda one: one.oas(default_api_id(team, "orders"))["x-tyk-api-gateway"]["upstream"]["url"],
                 "http://third.example/")


def test_every_problem_is_named_at_once(operator, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders", handler(method="post", trigger="NoSuchEvent"), handler(enabled="yes")))
    thing = tyk.await_api(team, "orders", "Ready", "False", "InvalidSpec")
    message = condition(thing, "Ready")["message"]
    assert all(word in message for word in ("method", "NoSuchEvent", "enabled")), message


def test_an_unknown_classic_event_passes(operator, gateways, kubectl, tyk, team):
    events = {"MyOwnEvent": [{"handler_name": "mine", "handler_meta": {"a": 1}}]}
    kubectl.apply(classic_api(team, "orders", events))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        assert gateway.events(default_api_id(team, "orders")) == events


# --- references ---

def test_a_missing_reference_is_waited_for_and_not_a_failure(operator, gateways, kubectl, tyk, team):
    """Flux fails at once on Stalled, and it applies ApiDefinition before Webhook."""
    kubectl.apply(oas_api(team, "orders", reference("nobody")))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")
    thing = tyk.await_api(team, "orders", "Ready", "False", "WebhookNotFound")
    assert condition(thing, "Stalled") == {}
    assert condition(thing, "Reconciling")["status"] == "True"
    assert "nobody" in condition(thing, "ResolvedRefs")["message"]
    assert thing["status"]["handlers"] == [
        {"trigger": "QuotaExceeded", "index": 0, "ref": "nobody", "source": "Missing"}]
    await_on_all(gateways, lambda one: one.handlers(default_api_id(team, "orders")), [])
    eventually(lambda: "WebhookNotFound" in kubectl.event_reasons(team, "ApiDefinition", "orders"))


@pytest.mark.parametrize("ref", ["a/b/c", " pager", "PAGER", "team//pager"])
def test_a_reference_is_taken_exactly_as_written(operator, kubectl, tyk, team, ref):
    kubectl.apply([webhook(team, "pager"), oas_api(team, "orders", reference(ref))])
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookNotFound")


@pytest.mark.parametrize("id", ["", None])
def test_an_empty_id_is_no_reference(operator, gateways, kubectl, tyk, team, id):
    kubectl.apply(oas_api(team, "orders", {**local(), "id": id}))
    tyk.await_ready(team, "orders")
    for gateway in gateways:
        assert all("id" not in one for one in gateway.handlers(default_api_id(team, "orders")))


def test_a_global_that_turns_bad_leaves_its_last_good_copy(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, secrets=["pager"])
    kubectl.apply([
        secret(team, "pager", url="https://good.example/"),
        webhook(team, "pager", None, urlFrom={"secretKeyRef": {"name": "pager", "key": "url"}}),
        oas_api(team, "orders", reference("pager"))])
    tyk.await_ready(team, "orders")
    kubectl.apply(secret(team, "pager", url="not a url"))
    tyk.await_webhook(team, "pager", "False", "InvalidSpec")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookInvalid")
    await_on_all(gateways, lambda one: [hook["url"] for hook in one.handlers(default_api_id(team, "orders"))],
                 ["https://good.example/"])


def test_headers_that_differ_by_case_only_make_a_webhook_invalid(operator, gateways, kubectl, tyk, team):
    kubectl.apply([webhook(team, "pager", headers=[{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]),
                   oas_api(team, "orders", reference("pager"))])
    tyk.await_webhook(team, "pager", "False", "InvalidSpec")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "WebhookInvalid")
    await_on_all(gateways, lambda one: one.handlers(default_api_id(team, "orders")), [])


def test_a_missing_configmap_is_said(stage, operator, kubectl, tyk, team):
    stage.may_read(operator, team, config_maps=["nowhere"])
    spec = {"oasRef": {"configMapKeyRef": {"name": "nowhere", "key": "oas"}}}
    kubectl.apply(raw_api(team, spec))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "ConfigMapNotFound")


def test_configmaps_with_rubbish_are_refused(stage, operator, gateways, kubectl, tyk, team):
    stage.may_read(operator, team, config_maps=["*"])
    texts = {"half": "{", "list": "[]", "text": '"text"', "twice": "a: 1\na: 2\n", "no-extension": '{"openapi": "3.0.3"}',
             "control": "\x01", "aliases": "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n"}
    kubectl.apply([
        *({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": team}, "data": {"oas": text}}
          for name, text in texts.items()),
        *(raw_api(team, {"oasRef": {"configMapKeyRef": {"name": name, "key": "oas"}}}, name) for name in texts),
        oas_api(team, "marker")])
    await_refusal_of_all(tyk, team, {name: "" for name in texts})
    tyk.await_ready(team, "marker")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "marker")})


def test_a_context_that_is_not_there_changes_nothing(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")
    before = gateways[0].oas(default_api_id(team, "orders"))
    kubectl.apply(oas_api(team, "orders", context={"name": "nowhere"}))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "ContextNotFound")
    assert gateways[0].oas(default_api_id(team, "orders")) == before


# --- conflicts between APIs ---

@pytest.mark.parametrize("second", ["/orders/", "/orders", "//orders/", "/x/../orders/"])
def test_the_first_keeps_a_listen_path(operator, gateways, kubectl, tyk, team, second):
    kubectl.apply(oas_api(team, "z-first", listen_path="/orders/"))
    tyk.await_ready(team, "z-first")
    kubectl.apply(oas_api(team, "a-second", listen_path=second))
    thing = tyk.await_api(team, "a-second", "Stalled", "True", "Conflict")
    assert f"{team}/z-first" in condition(thing, "Stalled")["message"]
    assert set(gateways[0].apis()) == {default_api_id(team, "z-first")}
    tyk.await_ready(team, "z-first")
    kubectl.delete("apidefinition", "z-first", team)
    tyk.await_ready(team, "a-second")
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, "a-second")})


def test_the_first_keeps_an_id(operator, gateways, kubectl, tyk, team):
    kubectl.apply(oas_api(team, "z-first", api_id="shared"))
    tyk.await_ready(team, "z-first")
    kubectl.apply(oas_api(team, "a-second", api_id="shared"))
    tyk.await_api(team, "a-second", "Stalled", "True", "Conflict")
    assert gateways[0].oas("shared")["x-tyk-api-gateway"]["server"]["listenPath"]["value"] == "/z-first/"


def test_a_path_of_the_control_api_is_refused(operator, gateways, kubectl, tyk, team):
    kubectl.apply([oas_api(team, "orders", listen_path="/tyk/orders/"), oas_api(team, "marker")])
    tyk.await_ready(team, "marker")
    tyk.await_api(team, "orders", "Stalled", "True")
    assert set(gateways[0].apis()) == {default_api_id(team, "marker")}


# --- the process itself ---

def run(stage, *args: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(stage.find_binary("grapnel")), *args], text=True, timeout=20, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "HOME": str(stage.directory), **env})


@pytest.mark.parametrize("args, word", [
    (["run", "--no-such-flag"], "--no-such-flag"), (["run", "--conversion-grace", "soon"], "conversion-grace"),
    (["run", "--gateway-url", "not a url"], "gateway-url"), (["run", "--kubeconfig", "/nowhere"], "/nowhere"),
    (["no-such-command"], "no-such-command"), ([], "usage")])
def test_wrong_usage_is_told_apart_by_its_exit_code(folder_stage, args, word):
    result = run(folder_stage, *args)
    assert result.returncode == 2 and word in result.stderr.lower() and result.stdout == ""


def test_every_wrong_flag_is_named_at_once(folder_stage):
    result = run(folder_stage, "run", "--conversion-grace", "soon", "--secret-poll", "often")
    assert result.returncode == 2 and "conversion-grace" in result.stderr and "secret-poll" in result.stderr


def test_a_kubeconfig_with_a_wrong_token_is_said(stage, gateways):
    kubeconfig = stage.directory / "wrong.kubeconfig"
    config = json.loads(stage.cluster.kubeconfig("grapnel").read_text())
    config["users"][0]["user"]["token"] = "wrong"
    kubeconfig.write_text(json.dumps(config))
    operator = stage.operator(*gateways, start=False, kubeconfig=kubeconfig)
    operator.start(await_ready=False)
    eventually(lambda: "401" in operator.log() or "Unauthorized" in operator.log())
    with pytest.raises(OSError):
        operator.fetch("/readyz")
    operator.fetch("/healthz")


def test_a_kind_that_is_not_installed_is_said_and_waited_for(stage, gateways, kubectl, tyk, team):
    definition = kubectl.get("crd", "operatorcontexts.tyk.tyk.io")
    kubectl.delete("crd", "operatorcontexts.tyk.tyk.io")
    try:
        operator = stage.operator(*gateways, start=False)
        operator.start(await_ready=False)
        eventually(lambda: "operatorcontexts" in operator.log())
        with pytest.raises(OSError):
            operator.fetch("/readyz")
    finally:
        kubectl.apply({**{key: definition[key] for key in ("apiVersion", "kind", "spec")},
                       "metadata": {"name": "operatorcontexts.tyk.tyk.io",
                                    "annotations": definition["metadata"].get("annotations", {})}})
        kubectl.wait("condition=Established", "crd", "operatorcontexts.tyk.tyk.io")
    operator.await_ready(60)
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_ready(team, "orders")


def test_objects_that_break_one_after_the_other_leave_the_others_alone(operator, gateways, kubectl, tyk, team):
    good = [f"good-{number}" for number in range(5)]
    bad = [oas_api(team, f"bad-{number}", changed) for number, (changed, _) in enumerate(INVALID_OAS.values())]
    kubectl.apply([*bad, *(oas_api(team, name, local()) for name in good)])
    tyk.await_ready(team, *good)
    await_on_all(gateways, lambda one: set(one.apis()), {default_api_id(team, name) for name in good})
