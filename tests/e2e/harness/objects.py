# SPDX-License-Identifier: Apache-2.0
"""The objects that tests create, as a user would write them, and how to look at what became of them."""

import base64
from typing import Any

from .api import Api
from .wait import eventually

GROUP_VERSION = "tyk.tyk.io/v1alpha1"
PLURALS = {"ApiDefinition": "apidefinitions", "Webhook": "webhooks", "OperatorContext": "operatorcontexts"}


def _object(kind: str, namespace: str, name: str, spec: dict, annotations: dict[str, str] | None = None,
            labels: dict[str, str] | None = None) -> dict:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = annotations
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def webhook(namespace: str, name: str, url: str | None = "https://pager.example/hook", /, *,
            annotations: dict[str, str] | None = None, **spec: Any) -> dict:
    """A global webhook; url=None leaves the URL to `urlFrom`."""
    return _object("Webhook", namespace, name, {**({} if url is None else {"url": url}), **spec}, annotations)


def reference(ref: str, trigger: str = "QuotaExceeded", *, enabled: bool = True, cooldownPeriod: str | None = "5s",
              **more: Any) -> dict:
    """An OAS handler that refers to a global webhook."""
    handler = {"enabled": enabled, "trigger": trigger, "type": "webhook", "id": ref, **more}
    return handler if cooldownPeriod is None else {**handler, "cooldownPeriod": cooldownPeriod}


def local(url: str = "https://local.example/hook", trigger: str = "QuotaExceeded", **more: Any) -> dict:
    """An OAS handler that is complete in itself."""
    return {"enabled": True, "trigger": trigger, "type": "webhook", "cooldownPeriod": "5s", "name": "local",
            "url": url, "method": "POST", "bodyTemplate": "", **more}


def oas_document(name: str, *handlers: dict, listen_path: str | None = None, api_id: str | None = None,
                 upstream: str = "http://upstream.example/") -> dict:
    info: dict[str, Any] = {"name": name, "state": {"active": True}}
    if api_id is not None:
        info["id"] = api_id
    return {"openapi": "3.0.3", "info": {"title": name, "version": "1.0.0"}, "paths": {},
            "x-tyk-api-gateway": {
                "info": info, "upstream": {"url": upstream},
                "server": {"listenPath": {"value": listen_path or f"/{name}/", "strip": True},
                           "eventHandlers": list(handlers)}}}


def oas_api(namespace: str, name: str, /, *handlers: dict, annotations: dict[str, str] | None = None,
            labels: dict[str, str] | None = None, context: dict | None = None, **document: Any) -> dict:
    spec: dict[str, Any] = {"oas": oas_document(name, *handlers, **document)}
    if context is not None:
        spec["contextRef"] = context
    return _object("ApiDefinition", namespace, name, spec, annotations, labels)


def classic_handler(ref: str | None = None, **meta: Any) -> dict:
    """A Classic webhook handler, with a reference or complete in itself."""
    if ref is not None:
        return {"handler_name": "eh_web_hook_handler", "handler_meta": {"id": ref, **meta}}
    return {"handler_name": "eh_web_hook_handler",
            "handler_meta": {"name": "local", "method": "POST", "target_path": "https://local.example/hook",
                             "template_path": "", "header_map": {}, "event_timeout": 5, **meta}}


def classic_api(namespace: str, name: str, events: dict[str, list[dict]] | None = None, /, *,
                annotations: dict[str, str] | None = None, **spec: Any) -> dict:
    definition = {"name": name, "use_keyless": True, "protocol": "http", "active": True,
                  "proxy": {"target_url": "http://upstream.example", "listen_path": f"/{name}/",
                            "strip_listen_path": True}, **spec}
    if events is not None:
        definition["event_handlers"] = {"events": events}
    return _object("ApiDefinition", namespace, name, definition, annotations)


def secret(namespace: str, name: str, **values: str) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": values}


def default_api_id(namespace: str, name: str) -> str:
    """The id that an API without one gets: it must never change, or every migration duplicates all APIs."""
    return base64.urlsafe_b64encode(f"{namespace}/{name}".encode()).decode().rstrip("=")


def condition(thing: dict, kind: str) -> dict:
    """One condition, or {} when it is not there."""
    found = [one for one in thing.get("status", {}).get("conditions", []) if one["type"] == kind]
    return found[0] if found else {}


def describe(thing: dict) -> str:
    """The conditions of an object in a line, for messages."""
    status = thing.get("status", {})
    return (f"generation {thing['metadata'].get('generation')}, observed {status.get('observedGeneration')}; "
            + ", ".join(f"{one['type']}={one['status']} {one['reason']} ({one.get('message', '')})"
                        for one in status.get("conditions", [])))


class Tyk:
    """Reads the operator's kinds straight from the API server."""

    def __init__(self, api: Api):
        self.api = api

    @staticmethod
    def path(kind: str, namespace: str | None = None, name: str | None = None) -> str:
        where = "" if namespace is None else f"/namespaces/{namespace}"
        return f"/apis/{GROUP_VERSION}{where}/{PLURALS[kind]}" + ("" if name is None else f"/{name}")

    def read(self, kind: str, namespace: str, name: str) -> dict:
        return self.api.get(self.path(kind, namespace, name))

    def apidefinition(self, namespace: str, name: str) -> dict:
        return self.read("ApiDefinition", namespace, name)

    def webhook(self, namespace: str, name: str) -> dict:
        return self.read("Webhook", namespace, name)

    def items(self, kind: str) -> list[dict]:
        return self.api.get(self.path(kind))["items"]

    def status(self, namespace: str, name: str) -> dict:
        return self.apidefinition(namespace, name).get("status", {})

    def copies(self, namespace: str, name: str) -> dict[str, dict]:
        """status.webhooks of an API by reference."""
        return {entry["ref"]: entry for entry in self.status(namespace, name).get("webhooks", [])}

    def sources(self, namespace: str, name: str) -> list[str]:
        """Where each handler comes from, in the status' order."""
        return [handler["source"] for handler in self.status(namespace, name).get("handlers", [])]

    def await_condition(self, kind: str, namespace: str, name: str, type: str, status: str, reason: str | None = None,
                        timeout: float = 20) -> dict:
        """Waits until a condition of the *present* generation has this status and reason; returns the object."""

        def has_condition() -> dict:
            thing = self.read(kind, namespace, name)
            found = condition(thing, type)
            generation = thing["metadata"]["generation"]
            assert (found.get("status") == status and reason in (None, found.get("reason"))
                    and thing["status"]["observedGeneration"] == generation
                    and found.get("observedGeneration", generation) == generation), (
                f"{kind} {namespace}/{name}: want {type}={status} {reason or ''}; have {describe(thing)}")
            return thing

        return eventually(has_condition, timeout)

    def await_ready(self, namespace: str, *names: str, timeout: float = 20) -> dict:
        """Waits until the APIs are Ready; returns the last one."""
        thing = {}
        for name in names:
            thing = self.await_condition("ApiDefinition", namespace, name, "Ready", "True", "Synced", timeout)
        return thing

    def await_api(self, namespace: str, name: str, type: str, status: str, reason: str | None = None,
                  timeout: float = 20) -> dict:
        return self.await_condition("ApiDefinition", namespace, name, type, status, reason, timeout)

    def await_webhook(self, namespace: str, name: str, status: str = "True", reason: str | None = None,
                      timeout: float = 20) -> dict:
        return self.await_condition("Webhook", namespace, name, "Ready", status, reason, timeout)

    def versions(self) -> dict[str, str]:
        """The resourceVersion of every object of the operator's kinds: what a write, and nothing else, changes."""
        return {f"{kind} {thing['metadata']['namespace']}/{thing['metadata']['name']}":
                thing["metadata"]["resourceVersion"] for kind in PLURALS for thing in self.items(kind)}
