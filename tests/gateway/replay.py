# SPDX-License-Identifier: Apache-2.0
"""Replays one recorded scenario (exchanges/README.md has the format) and says where answers differ."""

import base64
import json
import secrets
import time

import wire
from json_pointer import ABSENT, change, pointer

DELIVERY_WAIT_S = 2.0
SURPLUS_WAIT_S = 0.3
FIRE_PAUSE_S = 0.1
RELOADED = {"do": "request", "method": "GET", "path": "/tyk/reload?block=true"}


class Difference(Exception):
    """What came is not what was recorded."""


def expand(value):
    """Writes `{"$repeat": [text, count]}` out."""
    if isinstance(value, dict):
        if list(value) == ["$repeat"]:
            return value["$repeat"][0] * value["$repeat"][1]
        return {key: expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item) for item in value]
    return value


def same(left, right):
    """Equal as JSON values: 1 is 1.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def in_order(value):
    """A copy of an array (or of a text's lines) in an order that depends on its content only."""
    if isinstance(value, str):
        return sorted(value.split("\n"))
    if isinstance(value, list):
        return sorted(value, key=lambda item: json.dumps(item, sort_keys=True))
    return value


class Replay:
    """One scenario on one gateway."""

    def __init__(self, scenario, gateway, receiver):
        self.scenario = scenario
        self.gateway = gateway
        self.receiver = receiver
        self.out_of_reach = []  # steps that need a folder or a restart that nobody has
        self.cut_off = False
        self.names = {
            "GATEWAY": gateway.authority,
            "UPSTREAM": gateway.upstream,
            "RECEIVER": receiver.authority,
            "RUNID": secrets.token_hex(4),
        }
        self.saved = {}

    def run(self, left_out):
        """Replays all steps. left_out: index -> reason; such a step must differ, the others not."""
        problems = []
        self.gateway.empty()
        for index, step in enumerate(self.scenario["steps"]):
            where = "step %d (%s %s)" % (index, step["do"], step.get("path", ""))
            try:
                self._step(index, step)
            except (Difference, wire.Closed, OSError) as difference:
                if index not in left_out:
                    problems.append("%s: %r" % (where, difference))
            else:
                if index in left_out and index not in self.out_of_reach:
                    problems.append("%s: is left out, but passes: %s" % (where, left_out[index]))
        return problems

    def _step(self, index, step):
        kind = step["do"]
        no_folder = kind in ("files", "write_file") and self.gateway.folder is None
        no_restart = kind == "restart" and not self.gateway.can_restart
        if (no_folder or no_restart) and kind != "files":
            self.cut_off = True  # what comes after it would see its effect
        if no_folder or no_restart or self.cut_off:
            self.out_of_reach.append(index)
        else:
            getattr(self, "_do_" + kind)(step)

    # Texts: placeholders are replaced in both directions.

    def _out(self, text):
        for name, value in self.saved.items():
            text = text.replace("{{%s}}" % name, value)
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text

    def _back(self, text):
        for name, value in self.names.items():
            text = text.replace(value, name)
        return text

    def _expected(self, step):
        text = json.dumps(step["expect"])
        for name, value in self.saved.items():
            text = text.replace("{{%s}}" % name, value)
        return expand(json.loads(text))

    def _body(self, body):
        if isinstance(body, dict) and list(body) == ["text"]:
            return self._out(body["text"]).encode()
        if isinstance(body, dict) and list(body) == ["bytes_b64"]:
            data = base64.b64decode(body["bytes_b64"])
            for name, value in self.names.items():
                data = data.replace(name.encode(), value.encode())
            return data
        return self._out(json.dumps(expand(body), ensure_ascii=False)).encode()

    # Requests.

    def _send(self, connection, request):
        headers = {} if request.get("auth") is False else {"X-Tyk-Authorization": self._secret()}
        for name, value in request.get("headers", {}).items():
            headers = {key: old for key, old in headers.items() if key.lower() != name.lower()}
            headers[name] = value.replace("s3cret", self._secret())
        body = self._body(request["body"]) if "body" in request else None
        return connection.request(
            request["method"], self._out(request["path"]), headers, body, request.get("http", "1.1")
        )

    def _secret(self):
        return self.gateway.secret

    def _seen(self, request, response):
        """An answer in the form of the recording."""
        text = self._back(response.body.decode("utf-8", "replace"))
        wanted = ["content-type"] + request.get("see_headers", [])
        headers = {}
        for name in wanted:
            value = response.headers.get(name)
            headers[name] = None if value is None else self._back(value)
        seen = {"status": response.status, "headers": headers}
        if response.interim:
            seen["interim"] = response.interim
        is_json = (headers["content-type"] or "").startswith("application/json") and text
        body = json.loads(text) if is_json else {"text": text}
        if response.status == 200 and "at" in request:
            seen["at"] = {path: pointer(body, path) for path in request["at"]}
        elif response.status == 200 and "each" in request:
            elements = body if isinstance(body, list) else []
            seen["each"] = [pointer(element, request["each"]) for element in elements]
        else:
            seen["body"] = body
        for name, path in request.get("save", {}).items():
            self._save(name, pointer(body, path))
        return seen

    def _save(self, name, value):
        if not isinstance(value, str) or len(value) != 32 or set(value) - set("0123456789abcdef"):
            raise Difference("%r is no random id" % (value,))
        self.saved[name] = value

    def _compare(self, step, seen):
        expected = self._expected(step)
        for path in step.get("mask", []):
            for side in (expected, seen):
                change(side, path, lambda _: ABSENT)
        for path in step.get("unordered", []):
            for side in (expected, seen):
                change(side, path, in_order)
        if not same(expected, seen):
            raise Difference("expected %s\n    but saw %s" % (_short(expected), _short(seen)))

    # Steps.

    def _do_request(self, step):
        with wire.Connection(self.gateway.host, self.gateway.port) as connection:
            try:
                response = self._send(connection, step)
            except wire.Closed:
                self._compare(step, {"no_answer": True})
                return
        seen = self._seen(step, response)
        if "save" in step:  # the recorded answer has the id that was random then
            step = dict(step, expect=json.loads(json.dumps(step["expect"])))
            for name, path in step["save"].items():
                change(step["expect"], "/body" + path, lambda _, name=name: self.saved[name])
        self._compare(step, seen)

    def _do_reload(self, step):
        self._do_request(dict(step, **RELOADED))

    def _do_traffic(self, step):
        self._do_request(dict(step, method="GET", auth=False))

    def _do_connection(self, step):
        with wire.Connection(self.gateway.host, self.gateway.port) as connection:
            seen = [self._seen(one, self._send(connection, one)) for one in step["requests"]]
            self._compare(step, {"responses": seen, "closed": connection.is_closed()})

    def _do_files(self, step):
        seen = sorted(path.name for path in self.gateway.folder.iterdir())
        self._compare(step, [self._back(name) for name in seen])

    def _do_write_file(self, step):
        (self.gateway.folder / self._out(step["name"])).write_bytes(self._body(step["body"]))

    def _do_restart(self, step):
        self.gateway.restart(step["wipe"])

    def _do_wait(self, step):
        time.sleep(step["seconds"])

    def _do_fire(self, step):
        self.receiver.clear()
        statuses = []
        for count in range(step["how"]["times"]):
            if count:
                time.sleep(FIRE_PAUSE_S)
            path = self._out(step["how"]["path"])
            response = self.gateway.call(step["how"]["method"], path, auth=False)
            statuses.append(response.status)
        received = self._deliveries(len(step["expect"]["received"]))
        self._compare(step, {"statuses": statuses, "received": received})

    def _deliveries(self, count):
        end = time.monotonic() + DELIVERY_WAIT_S
        while len(self.receiver.received()) < count and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(SURPLUS_WAIT_S)
        return [self._delivery(one) for one in self.receiver.received()]

    def _delivery(self, one):
        headers = {
            name: self._back(value)
            for name, value in one["headers"].items()
            if name not in ("Date", "Content-Length")
        }
        text = self._back(one["body"])
        try:
            body = json.loads(text)
        except ValueError:
            body = {"text": text}
        return {
            "method": one["method"],
            "path": self._back(one["path"]),
            "headers": headers,
            "body": body,
        }


def _short(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) < 4000 else text[:4000] + "…"
