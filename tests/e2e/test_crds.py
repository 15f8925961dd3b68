# SPDX-License-Identifier: Apache-2.0
"""The CRDs on a real API server: what it defaults, keeps, refuses and shows. No operator runs here."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from harness.api import ApiError
from harness.kubectl import KubectlError
from harness.objects import PLURALS
from harness.wait import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
EXCHANGES = REPOSITORY / "tests" / "gateway" / "exchanges"
GROUP_VERSION = "tyk.tyk.io/v1alpha1"
URL = "https://pager.example/hook"


def thing(kind: str, spec: dict, name: str = "probe") -> dict:
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def try_out(cluster, kind: str, spec: dict) -> dict:
    """What the API server would store, had the object been created; unknown fields are errors."""
    path = f"/apis/{GROUP_VERSION}/namespaces/default/{PLURALS[kind]}?dryRun=All&fieldValidation=Strict"
    return cluster.api.post(path, thing(kind, spec))


def refusal(cluster, kind: str, spec: dict) -> str:
    """What a user of kubectl reads."""
    return cluster.kubectl.refuses(thing(kind, spec), "default", dry_run=True)


def oas(**extension) -> dict:
    return {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {},
            "x-tyk-api-gateway": {
                "info": {"name": "orders", "state": {"active": True}}, "upstream": {"url": "http://u/"},
                "server": {"listenPath": {"value": "/x/"}}, **extension}}


def classic(**fields) -> dict:
    return {"name": "orders", "protocol": "http", "use_keyless": True,
            "proxy": {"listen_path": "/x/", "target_url": "http://u/"}, **fields}


def hook(**fields) -> dict:
    return {"url": URL, **fields}


def context(**fields) -> dict:
    return {"serviceRef": {"name": "gateway", "port": "control"}, **fields}


def expressions(**expression) -> dict:
    return {"from": "Selector", "selector": {"matchExpressions": [{"key": "team", **expression}]}}


def walk(node: dict, path: tuple = ()):
    """Every schema below a schema: its path as keys, with 0 for an element of a list, and the schema."""
    children = [(name, child) for name, child in node.get("properties", {}).items()]
    children += [("any", node["additionalProperties"])] if "additionalProperties" in node else []
    children += [(0, node["items"])] if "items" in node else []
    for name, child in children:
        yield (*path, name), child
        yield from walk(child, (*path, name))


def api_spec_schema() -> dict:
    crd = yaml.safe_load((REPOSITORY / "crds" / "apidefinitions.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def put(spec: dict, path: tuple, value) -> dict:
    """The spec with a value at a path; what is on the way is made."""
    if path[0] == 0:
        return [value if len(path) == 1 else put({}, path[1:], value)]
    return {**spec, path[0]: value if len(path) == 1 else put(spec.get(path[0]) or {}, path[1:], value)}


# --- what is served ---

@pytest.mark.parametrize("plural", PLURALS.values())
def test_the_api_server_has_nothing_to_say_about_a_schema(cluster, plural):
    crd = cluster.kubectl.get("crd", f"{plural}.tyk.tyk.io")
    assert {one["type"]: one["status"] for one in crd["status"]["conditions"]} == {
        "NamesAccepted": "True", "Established": "True"}
    served = crd["spec"]["versions"][0]
    written = yaml.safe_load((REPOSITORY / "crds" / f"{plural}.yaml").read_text())["spec"]["versions"][0]
    assert served["additionalPrinterColumns"] == written["additionalPrinterColumns"]


def test_all_kinds_are_listed_together(cluster, stage, kubectl):
    team = stage.namespace()
    kubectl.apply([thing("Webhook", hook()), thing("ApiDefinition", classic()),
                   thing("OperatorContext", context())], team)
    assert sorted(kubectl.run("get", "tyk", "-o", "name", "--namespace", team).split()) == [
        "apidefinition.tyk.tyk.io/probe", "operatorcontext.tyk.tyk.io/probe", "webhook.tyk.tyk.io/probe"]


# --- defaults ---

def test_defaults_of_a_webhook(cluster):
    assert try_out(cluster, "Webhook", hook())["spec"] == {
        "url": URL, "method": "POST", "bodyTemplate": "", "suspend": False,
        "allowedNamespaces": {"from": "Same"}, "conversionPolicy": "Auto"}


def test_defaults_of_a_context(cluster):
    assert try_out(cluster, "OperatorContext", context(tls={}))["spec"] == {
        **context(), "allowedNamespaces": {"from": "Same"}, "allowAdoption": False,
        "tls": {"insecureSkipVerify": False},
        "gateway": {"version": "", "jsvm": False, "kvReferences": False,
                    "templatePaths": ["templates/", "/opt/tyk-gateway/templates/"]}}


def test_defaults_go_into_what_is_given_in_part(cluster):
    spec = try_out(cluster, "OperatorContext", context(gateway={"jsvm": True}, allowedNamespaces={}))["spec"]
    assert spec["gateway"] == {"version": "", "jsvm": True, "kvReferences": False,
                               "templatePaths": ["templates/", "/opt/tyk-gateway/templates/"]}
    assert spec["allowedNamespaces"] == {"from": "Same"}


@pytest.mark.parametrize("kind, spec", [
    ("ApiDefinition", classic()), ("Webhook", hook()), ("OperatorContext", context())])
def test_a_new_object_is_observed_by_nobody_yet(cluster, kind, spec):
    assert try_out(cluster, kind, spec)["status"] == {"observedGeneration": -1}


# --- what is refused, and with what words ---

A_SECRET = {"secretKeyRef": {"name": "pager", "key": "token"}}
BAD_URL = "the URL must be absolute, http or https, with a host"
BAD_PATH = "a listen path begins with / and holds no blank"
BAD_ID = "gateways refuse or lose an API whose id holds a slash, a backslash or two dots, or ends in -oas or -mcp"
ONE_URL = "spec: Invalid value: give exactly one of spec.url and spec.urlFrom"
BESIDE = ("spec: Invalid value: fields of a Tyk Classic definition (name, proxy and the like) stand beside spec.oas or "
          "spec.oasRef")
OAS_REF = {"configMapKeyRef": {"name": "c", "key": "k"}}

REFUSED = [
    ("ApiDefinition", {}, "spec.proxy: Required value: give spec.proxy (a Tyk Classic definition), spec.oas"),
    ("ApiDefinition", {"name": "orders"}, "spec.proxy: Required value: give spec.proxy"),
    ("ApiDefinition", {"contextRef": {"name": "edge"}}, "spec.proxy: Required value: give spec.proxy"),
    ("ApiDefinition", {"oas": oas(), "oasRef": OAS_REF},
     "spec.oasRef: Forbidden: spec.oas and spec.oasRef exclude each other"),
    ("ApiDefinition", classic(oas=oas()), BESIDE),
    ("ApiDefinition", classic(oasRef=OAS_REF), BESIDE),
    ("ApiDefinition", {"oas": oas(), "active": True}, BESIDE),
    ("ApiDefinition", {"oas": oas(), "event_handlers": {}}, BESIDE),
    ("ApiDefinition", {"oas": {"openapi": "3.0.3"}},
     "spec.oas: Required value: the OAS document has no x-tyk-api-gateway"),
    ("ApiDefinition", {"oas": {"x-tyk-api-gateway": None}}, "spec.oas: Required value: the OAS document has no x-tyk"),
    ("ApiDefinition", {"oas": {"x-tyk-api-gateway": "text"}},
     "spec.oas.x-tyk-api-gateway in body must be of type object"),
    ("ApiDefinition", {"oas": oas(server={"listenPath": {"value": "x/"}})},
     f'spec.oas.x-tyk-api-gateway.server.listenPath.value: Invalid value: "x/": {BAD_PATH}'),
    ("ApiDefinition", {"oas": oas(server={"listenPath": {"value": ""}})}, BAD_PATH),
    ("ApiDefinition", {"oas": oas(info={"id": "a/b"})},
     f'spec.oas.x-tyk-api-gateway.info.id: Invalid value: "a/b": {BAD_ID}'),
    ("ApiDefinition", {"oas": oas(info={"id": "i" * 247})}, "spec.oas.x-tyk-api-gateway.info.id: Too long"),
    ("ApiDefinition", {"oas": oas(server={"eventHandlers": ["text"]})},
     "spec.oas.x-tyk-api-gateway.server.eventHandlers[0] in body must be of type object"),
    ("ApiDefinition", {"oasRef": {}}, "spec.oasRef.configMapKeyRef: Required value"),
    ("ApiDefinition", {"oasRef": {"configMapKeyRef": {"name": "c"}}},
     "spec.oasRef.configMapKeyRef.key: Required value"),
    ("ApiDefinition", classic(contextRef={}), "spec.contextRef.name: Required value"),
    ("ApiDefinition", classic(proxy={"listen_path": "x/"}), f'spec.proxy.listen_path: Invalid value: "x/": {BAD_PATH}'),
    ("ApiDefinition", classic(proxy={"listen_path": "/a b/"}), BAD_PATH),
    ("ApiDefinition", classic(proxy={"listen_path": "/" + "x" * 2048}), "spec.proxy.listen_path: Too long"),
    *(("ApiDefinition", classic(api_id=bad), f"spec.api_id: Invalid value: {json.dumps(bad)}: {BAD_ID}")
      for bad in ("a/b", "a\\b", "..", "a..b", "x-oas", "x-mcp")),
    ("ApiDefinition", classic(api_id="i" * 251), "spec.api_id: Too long"),
    ("ApiDefinition", classic(event_handlers={"events": {"AuthFailure": {}}}),
     "spec.event_handlers.events.AuthFailure in body must be of type array"),
    ("ApiDefinition", classic(active="yes"), "spec.active in body must be of type boolean"),

    ("Webhook", {}, ONE_URL),
    ("Webhook", hook(urlFrom=A_SECRET), ONE_URL),
    ("Webhook", {"urlFrom": {}}, "spec.urlFrom.secretKeyRef: Required value"),
    ("Webhook", {"urlFrom": {"secretKeyRef": {"name": "pager"}}}, "spec.urlFrom.secretKeyRef.key: Required value"),
    *(("Webhook", {"url": bad}, f"spec.url: Invalid value: {json.dumps(bad)}: {BAD_URL}")
      for bad in ("", "/x", "h/x", "ftp://h/", "http://", "http:///x", "http://:80/x", "http:h", "http://h h/",
                  "http://h/\n", "http://h:65536/", "http://h:99999999999999999999/", "http://h:x/", "env://HOOK",
                  "http://[::1/")),
    ("Webhook", {"url": "http://h/" + "x" * 2048}, "spec.url: Too long"),
    ("Webhook", hook(id=""), "spec.id in body should be at least 1 chars long"),
    ("Webhook", hook(method="post"),
     'spec.method: Unsupported value: "post": supported values: "GET", "PUT", "POST", "PATCH"'),
    ("Webhook", hook(headers=[{"name": "X-A"}]),
     "spec.headers[0]: Invalid value: give each header exactly one of value and valueFrom"),
    ("Webhook", hook(headers=[{"name": "X-A", "value": "", "valueFrom": A_SECRET}]),
     "give each header exactly one of value and valueFrom"),
    ("Webhook", hook(headers=[{"value": "x"}]), "spec.headers[0].name: Required value"),
    ("Webhook", hook(headers=[{"name": f"X-{number}", "value": ""} for number in range(65)]),
     "spec.headers: Too many: 65"),
    *(("Webhook", hook(cooldownPeriod=bad),
       f'spec.cooldownPeriod: Invalid value: "{bad}": give the cooldown in whole hours, minutes and seconds')
      for bad in ("1.5s", "500ms", "10", "1d", "-5s", "30m10h", " 10s")),
    ("Webhook", hook(cooldownPeriod=10), "spec.cooldownPeriod in body must be of type string"),
    ("Webhook", hook(allowedNamespaces={"from": "Selector"}),
     "spec.allowedNamespaces.selector: Required value: from Selector needs a selector"),
    ("Webhook", hook(allowedNamespaces={"from": "Some"}), "spec.allowedNamespaces.from: Unsupported value"),
    *(("Webhook", hook(allowedNamespaces=expressions(**bad)),
       "spec.allowedNamespaces.selector.matchExpressions[0]: Invalid value: In and NotIn need values; Exists and")
      for bad in ({"operator": "In"}, {"operator": "NotIn", "values": []}, {"operator": "Exists", "values": ["x"]})),
    ("Webhook", hook(conversionPolicy="auto"), "spec.conversionPolicy: Unsupported value"),
    ("Webhook", hook(target_path=URL), 'unknown field "spec.target_path"'),

    ("OperatorContext", {},
     "spec.serviceRef: Required value: say where the gateways are, with spec.serviceRef, spec.urls"),
    ("OperatorContext", {"urls": []}, "spec.serviceRef: Required value: say where the gateways are"),
    ("OperatorContext", context(urls=["http://h"]),
     "spec.urls: Forbidden: spec.serviceRef and spec.urls exclude each other"),
    ("OperatorContext", {"urls": ["http://a", "b:8080"]}, f'spec.urls[1]: Invalid value: "b:8080": {BAD_URL}'),
    *(("OperatorContext", {"urls": [bad]},
       f"spec.urls[0]: Invalid value: {json.dumps(bad)}: the base URL of a gateway has no query")
      for bad in ("http://h/?x=1", "http://h/#x", "http://h/a b")),
    ("OperatorContext", {"serviceRef": {"port": 8080}}, "spec.serviceRef.name: Required value"),
    *(("OperatorContext", {"serviceRef": {"name": "gateway", "port": bad}},
       f"spec.serviceRef.port: Invalid value: {json.dumps(bad)}: the port is a name, or a number from 1 to 65535")
      for bad in (0, 65536, "")),
    ("OperatorContext", context(allowedNamespaces={"from": "Selector"}),
     "spec.allowedNamespaces.selector: Required value: from Selector needs a selector"),
    ("OperatorContext", context(allowedNamespaces=expressions(operator="In")), "In and NotIn need values"),
    ("OperatorContext", context(tls={"caSecretRef": {}}), "spec.tls.caSecretRef.name: Required value"),
    *(("OperatorContext", context(gateway={"version": bad}),
       f"spec.gateway.version: Invalid value: {json.dumps(bad)}: the version is that of a release, such as 5.8")
      for bad in ("abc", "latest", "5.", ".5", "5..8", "5.8 ", "5x", "V5.8", "5.8_1", "5.8-a b", "v", "5.8\n")),
    ("OperatorContext", context(secretRef={"name": "s", "namespace": "other"}),
     'unknown field "spec.secretRef.namespace"'),
]


@pytest.mark.parametrize("kind, spec, message", REFUSED, ids=[f"{one[0]}-{one[2][:50]}" for one in REFUSED])
def test_what_is_wrong_is_refused_with_a_clear_word(cluster, kind, spec, message):
    assert message in refusal(cluster, kind, spec)


def test_every_rule_has_been_seen_to_refuse():
    """A rule that is added to a CRD must be added to REFUSED; the one on changes has a test of its own."""
    said = [message for _, _, message in REFUSED] + ["spec.id does not change once it is set"]
    for plural in PLURALS.values():
        text = (REPOSITORY / "crds" / f"{plural}.yaml").read_text()
        for message in re.findall(r'"message": "(.*?)"', json.dumps(yaml.safe_load(text))):
            assert any(message[:20] in one for one in said), f"{plural}: {message}"


# --- what must not be refused ---

ACCEPTED = [
    *(("Webhook", {"url": good}) for good in (
        "HTTP://H.Example/x", "http://[::1]:8080/x", "http://h:65535/", "http://h?x=1", "http://h/a b",
        "https://user:password@h/", "https://webhook.site/<unique-target>", "http://h/{{.Meta.Path}}")),
    ("Webhook", {"urlFrom": A_SECRET}),
    ("Webhook", hook(id="66498cd1e2fcd1000184ecb9", name="Pager", method="PATCH", suspend=True,
                     conversionPolicy="Retain")),
    *(("Webhook", hook(cooldownPeriod=good)) for good in ("", "0s", "90s", "1m30s", "1h30s", "24h")),
    # Names that differ only by case, and values that no header can have, are for the operator to tell.
    ("Webhook", hook(headers=[{"name": "X-A", "value": ""}, {"name": "x-a", "value": "1\n2"}])),
    ("Webhook", hook(headers=[{"name": "X", "value": "v" * 8192}] * 64)),
    ("Webhook", hook(allowedNamespaces={"from": "All"})),
    ("Webhook", hook(allowedNamespaces={"from": "Selector", "selector": {}})),
    ("Webhook", hook(allowedNamespaces=expressions(operator="In", values=["shop"]))),
    ("Webhook", hook(allowedNamespaces=expressions(operator="DoesNotExist", values=[]))),
    ("OperatorContext", context(urls=[])),
    ("OperatorContext", {"serviceRef": {"name": "gateway"}}),
    ("OperatorContext", {"serviceRef": {"name": "gateway", "port": 8080}}),
    ("OperatorContext", {"urls": ["http://10.0.0.1:8080", "https://[fd00::1]"]}),
    ("OperatorContext", {"secretRef": {"name": "tyk-operator-conf"}}),
    *(("OperatorContext", context(gateway={"version": good}))
      for good in ("", "5", "5.8", "v5.8.3", "5.8.3-rc1", "v5.8+b.7", "5.10-")),
    ("OperatorContext", context(tls={"caSecretRef": {"name": "ca", "key": "ca.crt"}, "serverName": ""},
                                gateway={"templatePaths": []})),
]


@pytest.mark.parametrize("kind, spec", ACCEPTED)
def test_what_is_right_is_accepted_and_kept(cluster, kind, spec):
    kept = try_out(cluster, kind, spec)["spec"]
    for name, value in spec.items():
        if name != "gateway" and name != "tls":
            assert kept[name] == value


@pytest.mark.parametrize("flags", [[], ["--server-side"]], ids=["client", "server"])
@pytest.mark.parametrize("written", ["8080.0", "8.08e3"])
def test_a_port_with_nothing_behind_the_point_is_a_number(cluster, written, flags):
    """So kubectl sends it; a folder reads it likewise."""
    manifest = yaml.dump(thing("OperatorContext", context(serviceRef={"name": "gateway", "port": 4711}))).replace("4711", written)
    stored = cluster.kubectl.apply(manifest, "default", "--dry-run=server", "-o", "jsonpath={.spec.serviceRef.port}", *flags)
    assert stored == "8080"


# --- documents ---

# The manifest of Tyk's documentation on webhooks with Tyk Operator.
DOCUMENTED = """
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata:
  name: webhook-handler
spec:
  name: webhook-handler
  use_keyless: true
  protocol: http
  active: true
  proxy:
    target_url: http://httpbin.org
    listen_path: /webhook-handler
    strip_listen_path: true
  event_handlers:
    events:
      AuthFailure:
        - handler_name: "eh_web_hook_handler"
          handler_meta:
            method: "POST"
            name: "webhook name"
            target_path: "http://posttestserver.com/post.php?dir=tyk-event-test"
            template_path: "templates/default_webhook.json"
            header_map:
              X-Tyk-Test-Header: "Tyk v1.BANANA"
            event_timeout: 10
"""

# The other handlers of the same page.
DOCUMENTED_HANDLERS = {"events": {
    "AuthFailure": [{"handler_name": "eh_log_handler", "handler_meta": {"prefix": "AuthFailureEvent"}}],
    "KeyExpired": [{"handler_name": "eh_log_handler", "handler_meta": {"prefix": "KeyExpiredEvent"}},
                   {"handler_name": "eh_dynamic_handler",
                    "handler_meta": {"name": "sessionHandler", "path": "event_handlers/session_editor.js"}}]}}


def documented_oas(handler: dict) -> dict:
    return {"info": {"title": "example-webhook", "version": "1.0.0"}, "openapi": "3.0.3", "paths": {}, "components": {},
            "x-tyk-api-gateway": {
                "info": {"name": "example-webhook", "state": {"active": True}},
                "server": {"eventHandlers": [{"enabled": True, "trigger": "RatelimitExceeded", "cooldownPeriod": "1s",
                                              "type": "webhook", **handler}],
                           "listenPath": {"strip": True, "value": "/example-webhook/"}},
                "upstream": {"rateLimit": {"enabled": True, "per": "10s", "rate": 2}, "url": "http://httpbin.org/"}}}


# What Tyk Operator's manifests hold, beside the plain ones: every form that its own schema takes.
OPERATOR_MANIFESTS = {
    "tcp, without a listen path": {
        "name": "redis", "active": True, "protocol": "tcp", "listen_port": 6380,
        "proxy": {"target_url": "tcp://redis:6379"}},
    "template, without a listen path": {
        "name": "foo", "protocol": "http", "use_keyless": True, "active": True,
        "proxy": {"target_url": "http://u", "strip_listen_path": True},
        "version_data": {"default_version": "Default", "not_versioned": True, "versions": {
            "Default": {"name": "Default", "paths": {"black_list": [], "ignored": [], "white_list": []}}}}},
    "supergraph, without a target": classic(
        proxy={"target_url": "", "listen_path": "/federated/", "strip_listen_path": True},
        graphql={"enabled": True, "execution_mode": "supergraph", "graph_ref": "social", "version": "2",
                 "playground": {"enabled": True, "path": "/playground"}}),
    "internal targets": classic(
        internal=True,
        proxy={"listen_path": "/in",
               "target_internal": {"target": {"name": "a", "namespace": "b"}, "path": "c", "query": "d"}},
        version_data={"versions": {"Default": {"name": "Default", "use_extended_paths": True, "extended_paths": {
            "url_rewrites": [{"path": "/{id}", "match_pattern": "/(.*)", "method": "GET", "triggers": [{
                "on": "all", "options": {"header_matches": {"Authorization": {"match_rx": "^Basic"}}},
                "rewrite_to_internal": {"target": {"name": "a", "namespace": "b"}, "path": "basic/$2"}}]}]}}}}),
    "circuit breakers, as text and as number": classic(version_data={"versions": {"Default": {"extended_paths": {
        "circuit_breakers": [{"method": "GET", "path": "/a", "threshold_percent": "0.5", "samples": 10},
                             {"method": "GET", "path": "/b", "threshold_percent": 0.5, "samples": 10.0}]}}}}),
    "certificates by Secret": classic(
        certificate_secret_names=["tls"], client_certificate_refs=["a"], pinned_public_keys_refs={"*": "b"},
        upstream_certificate_refs={"h": "c"}, upstream_certificates={"*": "id"}, pinned_public_keys={"*": "k,l"}),
    "every kind of authentication": classic(
        use_standard_auth=True, auth={"auth_header_name": ""},
        auth_configs={"authToken": {"auth_header_name": "X", "signature": {"error_code": 0}},
                      "jwt": {"use_cookie": True}},
        jwt_scope_to_policy_mapping={"a": "b"}, allowed_ips=["127.0.0.1/32"], tag_headers=[], CORS={"max_age": 24},
        contextRef={"name": "edge", "namespace": "default"}),
}


def test_the_documented_manifest_applies_verbatim(stage, kubectl, tyk):
    team = stage.namespace()
    kubectl.apply(DOCUMENTED, team)
    assert tyk.apidefinition(team, "webhook-handler")["spec"] == yaml.safe_load(DOCUMENTED)["spec"]
    assert "unchanged" in kubectl.apply(DOCUMENTED, team)


@pytest.mark.parametrize("spec", [
    classic(event_handlers=DOCUMENTED_HANDLERS),
    {"oas": documented_oas({"id": "<your-global-webhook-id>"})},
    {"oas": documented_oas({"name": "My local webhook", "url": "https://webhook.site/<unique-target>", "method": "POST",
                            "headers": [{"name": "X-Tyk", "value": "example-local-webhook"}],
                            "bodyTemplate": "templates/default_webhook.json"})},
], ids=["log and JavaScript handlers", "global webhook", "local webhook"])
def test_the_documented_definitions_are_kept_as_they_are(cluster, spec):
    assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec


@pytest.mark.parametrize("spec", OPERATOR_MANIFESTS.values(), ids=OPERATOR_MANIFESTS.keys())
def test_manifests_of_tyk_operator_are_kept_as_they_are(cluster, spec):
    assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec


def definitions_that_a_gateway_took():
    """Bodies of recorded requests that a real gateway answered with 200."""
    for file in sorted(EXCHANGES.glob("*.json")):
        for number, step in enumerate(json.loads(file.read_text())["steps"]):
            body = step.get("body")
            if (step["do"] == "request" and step["method"] in ("POST", "PUT") and isinstance(body, dict)
                    and step["expect"].get("status") == 200 and not set(body) & {"text", "bytes_b64"}
                    and "$repeat" not in json.dumps(body)):
                yield f"{file.name} step {number}", {"oas": body} if "/oas" in step["path"] else body


# What a gateway answers with 200 and never serves, or loses the next time. A rule for each is in the CRD.
NEVER_SERVED = ("spec.proxy: Required value: give spec.proxy", BAD_PATH, BAD_ID, "must be of type object")


def test_what_a_real_gateway_took_is_kept_as_it_is(cluster):
    kept, refused = 0, {}
    for where, spec in definitions_that_a_gateway_took():
        try:
            assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec, where
            kept += 1
        except ApiError as error:
            message = error.status["message"]
            assert any(reason in message for reason in NEVER_SERVED), f"{where}: {message}"
            refused[where] = message
    assert kept >= 180, f"only {kept} recorded definitions found in {EXCHANGES}"
    assert len(refused) <= 15, refused


def fields_of_documents() -> list[tuple[tuple, dict]]:
    own = (("contextRef",), ("oasRef",))
    return [(path, node) for path, node in walk(api_spec_schema()) if path[:1] not in own and path != ("oas",)]


def beside(path: tuple) -> dict:
    """The least that makes a spec valid, for a field at this path."""
    return {"oas": oas()} if path[0] == "oas" else {"proxy": {"target_url": "http://u"}}


def test_null_is_kept_in_every_field_of_a_document(cluster):
    needed = [("proxy",), ("oas", "x-tyk-api-gateway")]
    for path, _ in fields_of_documents():
        if path not in needed:
            spec = put(beside(path), path, None)
            assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec, path


def test_unknown_fields_are_kept_in_every_object_of_a_document(cluster):
    unknown = {"unknown": {"deep": [1, {"null": None, "": 0.1}, [], {}]}, "x.y/z-": None, "ключ": "ü\u0000"}
    seen = 0
    for path, node in [((), {"type": "object"}), (("oas",), {"type": "object"}), *fields_of_documents()]:
        if node.get("type") == "object" and "additionalProperties" not in node:
            base = beside(path or ("proxy",))
            found = base
            for step in path:
                found = found.get(step, {}) if isinstance(found, dict) else {}
            spec = put(base, path, {**found, **unknown}) if path else {**base, **unknown}
            assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec, path
            seen += 1
    assert seen > 15


def test_fields_that_the_operator_checks_may_have_any_type(cluster):
    values = [None, True, 7, 1.5, "text", [1, "a"], {"a": {"b": None}}]
    free = [path for path, node in fields_of_documents() if "type" not in node]
    assert ("event_handlers", "events", "any", 0, "handler_meta", "id") in free
    for path in free:
        for value in values:
            spec = put(beside(path), path, value)
            assert try_out(cluster, "ApiDefinition", spec)["spec"] == spec, (path, value)


def test_a_large_definition_is_kept(stage, kubectl, tyk):
    team = stage.namespace()
    handlers = [{"handler_name": "eh_web_hook_handler", "handler_meta": {"id": f"hook-{number}"}}
                for number in range(2000)]
    spec = classic(event_handlers={"events": {"AuthFailure": handlers}}, config_data={"text": "x" * 900_000})
    kubectl.apply(thing("ApiDefinition", spec), team, "--server-side")
    assert tyk.apidefinition(team, "probe")["spec"] == spec


def test_no_classic_field_hides_beside_an_oas_document(cluster):
    for path, node in walk(api_spec_schema()):
        if len(path) == 1 and path[0] not in ("contextRef", "oas", "oasRef"):
            some = {"string": "x", "boolean": True, "integer": 1, "array": [], "object": {}}[node["type"]]
            with pytest.raises(ApiError, match="stand beside"):
                try_out(cluster, "ApiDefinition", {"oas": oas(), path[0]: some})


# --- changes ---

def test_the_id_of_a_webhook_is_set_once(stage, kubectl, tyk):
    team = stage.namespace()
    kubectl.apply(thing("Webhook", hook()), team)
    kubectl.apply(thing("Webhook", hook(id="one")), team)
    for spec in (hook(id="two"), hook()):
        assert ("spec.id: Forbidden: spec.id does not change once it is set; make a new Webhook for another id"
                in kubectl.refuses(thing("Webhook", spec), team))
    kubectl.apply(thing("Webhook", hook(id="one", name="renamed")), team)
    assert tyk.webhook(team, "probe")["spec"]["id"] == "one"


def test_an_object_that_a_newer_rule_refuses_stays_usable(bare_cluster, stage, kubectl):
    """Rules come later than objects. What is stored must still get a status, labels and other changes."""
    crd = yaml.safe_load((REPOSITORY / "crds" / "apidefinitions.yaml").read_text())
    crd["metadata"]["name"] = "ratchets.ratchet.example"
    crd["spec"]["group"] = "ratchet.example"
    crd["spec"]["names"] = {"kind": "Ratchet", "listKind": "RatchetList", "plural": "ratchets", "singular": "ratchet"}
    lenient = copy.deepcopy(crd)
    for _, node in walk(lenient["spec"]["versions"][0]["schema"]["openAPIV3Schema"]):
        node.pop("x-kubernetes-validations", None)
    kubectl.apply(lenient)
    try:
        kubectl.wait("condition=Established", "crd", "ratchets.ratchet.example")
        team = stage.namespace()
        bad = thing("ApiDefinition", classic(proxy={"listen_path": "x", "target_url": "http://u"}, api_id="a/b"))
        bad |= {"apiVersion": "ratchet.example/v1alpha1", "kind": "Ratchet"}
        kubectl.apply(bad, team)
        kubectl.apply(crd)
        await_rule(kubectl, bad, team)
        path = f"/apis/ratchet.example/v1alpha1/namespaces/{team}/ratchets/probe"
        api = bare_cluster.api
        assert api.patch(f"{path}/status", {"status": {"apiId": "x"}})["status"]["apiId"] == "x"
        assert api.patch(path, {"metadata": {"finalizers": ["grapnel.dev/gateway"], "labels": {"a": "b"}}})
        assert api.patch(path, {"spec": {"name": "other"}})["spec"]["name"] == "other"
        assert api.patch(path, {"metadata": {"finalizers": None}})
        with pytest.raises(ApiError, match="a listen path begins with /"):
            api.patch(path, {"spec": {"proxy": {"listen_path": "y"}}})
    finally:
        kubectl.delete("crd", "ratchets.ratchet.example")


def await_rule(kubectl, bad: dict, team: str) -> None:
    """A changed schema takes a moment to be served."""

    def is_refused() -> None:
        kubectl.refuses({**bad, "metadata": {"name": "another"}}, team, dry_run=True)

    eventually(is_refused)


# --- status ---

def condition(kind: str, status: str, reason: str, message: str = "") -> dict:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
            "lastTransitionTime": "2026-01-02T15:04:05Z"}


API_STATUS = {
    "observedGeneration": 1, "apiId": "c2hvcC9vcmRlcnM", "api_id": "c2hvcC9vcmRlcnM", "listenPath": "/orders/",
    "contextRef": {"namespace": "tyk", "name": "edge"}, "webhooksSummary": "2/3", "gatewaysSummary": "3/3",
    "gateways": {"total": 3, "synced": 3},
    "webhooks": [
        {"ref": "platform/pager", "source": "Global",
         "webhook": {"namespace": "platform", "name": "pager", "uid": "0f8fad5b-d9cb-469f-a165-70867728950e",
                     "generation": 4},
         "copy": {"name": "Pager", "url": URL, "method": "POST", "bodyTemplate": "", "cooldownPeriod": "10s",
                  "suspend": False,
                  "headers": [{"name": "Authorization", "sealed": "v1:AAAA"}, {"name": "X-Team", "value": ""}]}},
        {"ref": "chat", "source": "Converted", "copy": {"name": "Chat", "urlSealed": "v1:AAAA", "headers": []}}],
    "handlers": [{"trigger": "QuotaExceeded", "index": 0, "ref": "platform/pager", "source": "Global"},
                 {"trigger": "QuotaExceeded", "index": 1, "ref": "chat", "source": "Converted"},
                 {"trigger": "AuthFailure", "index": 2, "source": "Local"},
                 {"trigger": "AuthFailure", "index": 3, "ref": "gone", "source": "Missing"}],
    "conditions": [condition("Ready", "False", "WebhookNotFound", "no Webhook is called gone"),
                   condition("ResolvedRefs", "False", "WebhookNotFound"), condition("Programmed", "True", "Programmed"),
                   condition("Reconciling", "True", "WaitingForReference")],
    "latestTransaction": {"time": "2026-01-02T15:04:05Z", "status": "Successful", "error": ""},
}
WEBHOOK_STATUS = {
    "observedGeneration": 1, "id": "66498cd1e2fcd1000184ecb9", "usedBy": {"apis": 2, "handlers": 5},
    "references": [{"namespace": "shop", "name": "orders", "handlers": 2}],
    "conditions": [condition("Ready", "True", "Valid")]}
CONTEXT_STATUS = {
    "observedGeneration": 1, "gatewaysSummary": "1/2", "gateways": {"total": 2, "synced": 1},
    "endpoints": [{"url": "http://10.244.0.7:8080", "pod": "gateway-1", "state": "Synced", "definitions": 12},
                  {"url": "http://10.244.0.8:8080", "pod": "gateway-2", "state": "Unreachable", "definitions": 0,
                   "lastError": "connection refused"}],
    "conditions": [condition("Ready", "False", "GatewayUnreachable")]}

STATUSES = [("ApiDefinition", classic(), API_STATUS,
             {"LISTEN PATH": "/orders/", "WEBHOOKS": "2/3", "GATEWAYS": "3/3", "READY": "False",
              "REASON": "WebhookNotFound"}),
            ("Webhook", hook(), WEBHOOK_STATUS, {"URL": URL, "METHOD": "POST", "USED BY": "2", "READY": "True"}),
            ("OperatorContext", context(), CONTEXT_STATUS, {"GATEWAYS": "1/2", "READY": "False"})]


@pytest.mark.parametrize("kind, spec, status, columns", STATUSES, ids=[one[0] for one in STATUSES])
def test_a_status_is_kept_whole_and_shown_in_columns(stage, kubectl, tyk, kind, spec, status, columns):
    team = stage.namespace()
    kubectl.apply(thing(kind, spec), team)
    tyk.api.patch(tyk.path(kind, team, "probe") + "/status", {"status": status})
    assert tyk.read(kind, team, "probe")["status"] == status
    row, = kubectl.table(PLURALS[kind], team)
    assert list(row) == ["NAME", *columns, "AGE"]
    assert re.fullmatch(r"\d+s", row.pop("AGE"))
    assert row == {"NAME": "probe", **columns}


@pytest.mark.parametrize("kind, spec, columns", [(kind, spec, columns) for kind, spec, _, columns in STATUSES],
                         ids=[one[0] for one in STATUSES])
def test_an_object_without_a_status_has_columns_too(stage, kubectl, kind, spec, columns):
    team = stage.namespace()
    kubectl.apply(thing(kind, spec), team)
    lines = kubectl.run("get", PLURALS[kind], "--namespace", team).splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == ["NAME", *columns, "AGE"]
    assert lines[1].startswith("probe ")


def test_users_cannot_set_a_status_with_the_object(stage, kubectl, tyk):
    team = stage.namespace()
    kubectl.apply({**thing("ApiDefinition", classic()), "status": API_STATUS}, team)
    assert tyk.status(team, "probe") == {"observedGeneration": -1}


@pytest.mark.parametrize("status, message", [
    ({"webhooks": [{"ref": "a"}, {"ref": "a"}]}, r"status.webhooks\[1\]: Duplicate value"),
    ({"conditions": [condition("Ready", "True", "A"), condition("Ready", "True", "A")]},
     r"conditions\[1\]: Duplicate value"),
    ({"conditions": [condition("Ready", "true", "A")]}, "Unsupported value"),
    ({"conditions": [condition("Ready", "True", "not one word")]}, "should match"),
    ({"handlers": [{"trigger": "A", "index": 0, "source": "Elsewhere"}]}, "Unsupported value"),
])
def test_a_status_that_makes_no_sense_is_refused(stage, kubectl, tyk, status, message):
    team = stage.namespace()
    kubectl.apply(thing("ApiDefinition", classic()), team)
    with pytest.raises(ApiError, match=message):
        tyk.api.patch(tyk.path("ApiDefinition", team, "probe") + "/status", {"status": status})


# --- what people read ---

@pytest.mark.parametrize("field, text", [
    ("webhook", "A global webhook."),
    ("webhook.spec.cooldownPeriod", "Zero is raised to 1s"),
    ("webhook.spec.headers.valueFrom.secretKeyRef.key", "The key in it."),
    ("tykapis.spec.event_handlers.events.handler_meta.id", "A string, the global webhook to use"),
    ("tykapis.spec.event_handlers.events.handler_meta.event_timeout", "a gateway would deliver once and never again"),
    ("tykapis.spec.oas.x-tyk-api-gateway.server.eventHandlers.cooldownPeriod", "Zero is raised to 1s"),
    ("tykapis.spec.proxy.listen_path", "begins with a slash"),
    ("tykapis.status.webhooks.copy.headers.sealed", "only the operator can open it"),
    ("tykcontexts.spec.gateway.jsvm", "kills a gateway"),
])
def test_kubectl_explains_a_field(cluster, field, text):
    said = " ".join(cluster.kubectl.run("explain", field).split())
    assert text in said
    assert "<empty>" not in said


def test_the_examples_of_the_reference_apply(cluster, stage, kubectl):
    readme = (REPOSITORY / "crds" / "README.md").read_text()
    examples = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", readme, re.S)]
    assert {one["kind"] for one in examples} == set(PLURALS)
    team = stage.namespace()
    for example in examples:
        example["metadata"]["namespace"] = team
        spec = copy.deepcopy(example["spec"])
        kubectl.apply(example)
        kept = kubectl.get(example["kind"], example["metadata"]["name"], team)["spec"]
        assert {name: kept[name] for name in spec} == spec


def test_a_typing_error_in_a_webhook_is_told(cluster):
    with pytest.raises(KubectlError, match='unknown field "spec.allowedNamespace"'):
        cluster.kubectl.apply(thing("Webhook", hook(allowedNamespace={})), "default", "--dry-run=server")
