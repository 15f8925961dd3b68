# SPDX-License-Identifier: Apache-2.0
"""Stub gateways and webhook receivers, each at an address of its own as if it were a pod."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .process import Process
from .wait import eventually, eventually_equal

PORT = 8080
ADMIN_PORT = 8081


def _request(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None,
             timeout: float = 10) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class StubGateway:
    """`grapnel-stub-gateway`. Definitions are read as any client reads them; the admin port counts and breaks things.

    Its reloads come every tenth of a second; a real gateway makes its callers wait for up to a second.
    """

    def __init__(self, binary: Path, directory: Path, name: str, address: str, secret: str, flags: tuple[str, ...] = (),
                 reload_interval: float = 0.1):
        self.name = name
        self.address = address
        self.secret = secret
        self.url = f"http://{address}:{PORT}"
        self.admin_url = f"http://{address}:{ADMIN_PORT}"
        self.folder = directory / f"{name}-apps"
        self.folder.mkdir()
        self.process = Process(name, [
            str(binary), "--listen", f"{address}:{PORT}", "--admin", f"{address}:{ADMIN_PORT}", "--secret", secret,
            "--app-path", str(self.folder), "--reload-interval", str(reload_interval), *flags], directory / f"{name}.log")

    # --- life ---

    def start(self) -> None:
        self.process.start()

        def is_up() -> None:
            self.process.expect_running()
            self.state()

        eventually(is_up, 10)

    def kill(self) -> None:
        """Ends it; the definitions stay in its folder, as on a pod whose container restarts."""
        self.process.kill()

    def restart(self) -> None:
        self.kill()
        self.start()

    # --- as a client of the control API ---

    def call(self, method: str, path: str, body: Any = None, secret: str | None = None) -> tuple[int, bytes]:
        return _request(method, self.url + path, body, {"X-Tyk-Authorization": secret or self.secret})

    def get(self, path: str) -> Any:
        """The decoded answer, or None on 404."""
        code, body = self.call("GET", path)
        if code == 404:
            return None
        assert code == 200, f"{self.name}: GET {path}: {code} {body[:300]!r}"
        return json.loads(body)

    def apis(self) -> dict[str, dict]:
        """All loaded definitions by id, in Classic form."""
        return {api["api_id"]: api for api in self.get("/tyk/apis")}

    def classic(self, api_id: str) -> dict | None:
        return self.get(f"/tyk/apis/{api_id}")

    def oas(self, api_id: str) -> dict | None:
        return self.get(f"/tyk/apis/oas/{api_id}")

    def handlers(self, api_id: str) -> list[dict]:
        """The event handlers of an OAS definition, by trigger: across triggers a gateway's order is random."""
        document = self.oas(api_id)
        assert document is not None, f"{self.name} does not hold {api_id}; it holds {sorted(self.apis())}"
        found = document["x-tyk-api-gateway"]["server"].get("eventHandlers") or []
        return sorted(found, key=lambda handler: handler["trigger"])

    def events(self, api_id: str) -> dict[str, list[dict]]:
        """The handlers that run, by event: the Classic form, which an OAS definition has too."""
        definition = self.classic(api_id)
        assert definition is not None, f"{self.name} does not hold {api_id}; it holds {sorted(self.apis())}"
        return definition["event_handlers"]["events"] or {}

    def metas(self, api_id: str, event: str) -> list[dict]:
        """handler_meta of each handler of an event."""
        return [handler["handler_meta"] for handler in self.events(api_id).get(event, [])]

    def counts_since(self, before: dict[str, int]) -> dict[str, int]:
        return {name: count - before[name] for name, count in self.counts().items()}

    def put_foreign(self, definition: dict, oas: bool = False) -> None:
        """Somebody else's definition: posted and loaded."""
        code, body = self.call("POST", "/tyk/apis/oas" if oas else "/tyk/apis", definition)
        assert code == 200, f"{code} {body!r}"
        self.reload()

    def reload(self) -> None:
        code, body = self.call("GET", "/tyk/reload?block=true")
        assert code == 200, f"{code} {body!r}"

    def expect_no_unresolved(self) -> None:
        """No webhook handler without a target: a gateway accepts it and fails silently when the event comes."""
        for api_id, definition in self.apis().items():
            for event, handlers in (definition.get("event_handlers", {}).get("events") or {}).items():
                for handler in handlers:
                    meta = handler["handler_meta"]
                    assert handler["handler_name"] != "eh_web_hook_handler" or (
                        meta.get("target_path") and meta.get("method")), (
                        f"{self.name}: {api_id} {event} was pushed unresolved: {meta}")

    # --- the stub's own admin API ---

    def state(self) -> dict:
        code, body = _request("GET", f"{self.admin_url}/__state")
        assert code == 200, f"{code} {body!r}"
        return json.loads(body)

    def counts(self) -> dict[str, int]:
        """How many POSTs, DELETEs and reloads were asked of it since it was started."""
        requests = self.state()["requests"]
        return {"posts": requests["post"] + requests["post_oas"], "deletes": requests["delete"],
                "reloads": requests["reload"]}

    def requests(self) -> list[dict]:
        """The last requests, oldest first: n, method, path, kind, id, status."""
        code, body = _request("GET", f"{self.admin_url}/__requests?since=0")
        assert code == 200, f"{code} {body!r}"
        return json.loads(body)

    def fault(self, name: str, **options: Any) -> None:
        code, body = _request("POST", f"{self.admin_url}/__fault", {"fault": name, **options})
        assert code == 200, f"{code} {body!r}"

    def clear_faults(self) -> None:
        self.fault("none")

    def fire(self, api_id: str, event: str, **meta: Any) -> None:
        """Runs the loaded handlers of an API as if the event had happened."""
        code, body = _request("POST", f"{self.admin_url}/__fire", {"api": api_id, "event": event, **meta})
        assert code == 200, f"{code} {body!r}"

    def describe(self) -> str:
        try:
            return json.dumps(self.state(), indent=1)
        except (AssertionError, OSError) as error:
            return f"does not answer ({error}); its log ends with\n{self.process.tail(30)}"


def await_on_all(gateways: list[StubGateway], read: Callable[[StubGateway], Any], want: Any,
                 timeout: float = 20) -> None:
    """Waits until every gateway shows the wanted value."""
    eventually_equal(lambda: {gateway.name: read(gateway) for gateway in gateways},
                     {gateway.name: want for gateway in gateways}, timeout)


class Receiver:
    """`grapnel-webhook-receiver`: what a webhook calls."""

    def __init__(self, binary: Path, directory: Path, name: str, address: str):
        self.url = f"http://{address}:{PORT}"
        self.process = Process(name, [str(binary), "--listen", f"{address}:{PORT}"], directory / f"{name}.log")

    def start(self) -> None:
        self.process.start()

        def is_up() -> None:
            self.process.expect_running()
            self.received()

        eventually(is_up, 10)

    def kill(self) -> None:
        self.process.kill()

    def received(self) -> list[dict]:
        """The requests that came, oldest first."""
        return json.loads(_request("GET", f"{self.url}/__received")[1])
