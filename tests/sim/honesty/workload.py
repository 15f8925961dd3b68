# SPDX-License-Identifier: Apache-2.0
"""Workloads: lists of raw requests, one JSON value a line, that are played on any server. What comes back is a trace: a line per
answer, in which everything that differs from run to run is masked, so that two traces can be compared as they stand.

The first line says what the workload is about. Each further one is a step:

  {"send": "POST /path", "body": …, "type": content type, "user": U, "save": {NAME: POINTER}}
      One request. `save` keeps a value of the answer; {{NAME}} in a path or body is replaced by it. `text`: a body that is no JSON.
  {"watch": NAME, "path": "/path?…"}, {"events": NAME, "count": N}, {"end": NAME}
      A stream: it is opened; N lines of it are awaited (what comes later shows in the next step); it is given up. `see_end`: whether
      it is over shows too. `once`: of equal events one shows.
  {"start": NAME, "send": …}, {"finish": NAME}
      A request whose answer is awaited later.
  {"world": WHAT, …}
      Something happens to the server itself.

What of an answer counts, where it is not all of it:

  "see": [POINTER, …]   the values there
  "each": POINTER       of a list: the value there of each element, sorted
  "reason_only": true   of a refusal: status and reason; the words are the server's own
  "status_only": true   the status alone
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "gateway"))

from json_pointer import ABSENT, pointer  # noqa: E402

READY_TRIES = 200
READY_PAUSE_S = 0.02
NAMESPACE = "the-namespace"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
RANDOM_ID = re.compile(r"^[0-9a-f]{32}$")


def load(path):
    """(about, steps)"""
    about, *steps = [json.loads(line) for line in Path(path).read_text().splitlines() if line]
    return about, steps


class Masks:
    """What stands for the values that are new in every run. The same value is the same word all through a trace, and versions
    keep their order: that an object was not written shows as the version that it had."""

    def __init__(self, namespace=""):
        self.namespace = namespace
        self.uids = {}
        self.ids = {}
        self.versions = {}

    def text(self, value):
        if self.namespace:
            value = value.replace(self.namespace, NAMESPACE)
        if RANDOM_ID.match(value):
            return self.ids.setdefault(value, "<random id %d>" % (len(self.ids) + 1))
        for uid, word in self.uids.items():
            value = value.replace(uid, word)
        return TIME.sub("<time>", value)

    def version(self, value, is_of_object):
        """Of an object: numbered as they appear. Of a list or bookmark: not older than the newest that is known."""
        if not value or not value.isdigit():
            return value
        if is_of_object:
            return self.versions.setdefault(int(value), "v%d" % (len(self.versions) + 1))
        known = [word for number, word in self.versions.items() if number <= int(value)]
        return "at least %s" % max(known, key=lambda word: int(word[1:]), default="v0")

    def value(self, value, key=""):
        if isinstance(value, dict):
            return {self.text(name): self.value(self._member(name, value), name) for name in value if name != "managedFields"}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, str) or not value:
            return value
        if key == "uid":
            return self.uids.setdefault(value, "<uid %d>" % (len(self.uids) + 1))
        if key == "continue":
            return "<continue>"
        if key == "message":
            value = re.sub(r'User "[^"]*"', 'User "<user>"', value)
            value = re.sub(r"(too large|too old) resource version: \d+(, current: | \()\d+", r"\1 resource version: <version>\2<version>", value, flags=re.I)
        return self.text(value)

    def _member(self, name, of):
        return self.version(of[name], "name" in of) if name == "resourceVersion" else of[name]


class Player:
    """One workload on one server."""

    def __init__(self, server, namespace=""):
        self.server = server
        self.namespace = namespace
        self.masks = Masks(namespace)
        self.saved = {}
        self.started = {}
        self.trace = []

    def play(self, steps):
        for index, step in enumerate(steps):
            for word in ("send", "watch", "events", "end", "finish", "world"):
                if word in step:
                    getattr(self, "_do_" + word)(index, step)
                    break
            else:
                raise ValueError("step %d does nothing: %s" % (index, step))
        return self.trace

    def _fill(self, text):
        for name, value in self.saved.items():
            text = text.replace("{{%s}}" % name, value)
        return text.replace("{{ns}}", self.namespace)

    def _note(self, index, step, what):
        self.trace.append(["%d %s" % (index, self._title(step)), what])

    @staticmethod
    def _title(step):
        return step.get("send") or "events of " + step["events"]

    def _do_send(self, index, step):
        method, path = step["send"].split(" ", 1)
        body = step.get("text")
        headers = []
        if "body" in step:
            body = self._fill(json.dumps(step["body"]))
        if body is not None:
            headers.append("Content-Type: " + step.get("type", "application/json"))
        name = step.get("start", "request")
        self.server.start(name, method, self._fill(path), body, headers, step.get("user", ""))
        if "start" in step:
            self.started[name] = step
        else:
            self._take_answer(index, step, name)

    def _do_finish(self, index, step):
        self._take_answer(index, self.started.pop(step["finish"]), step["finish"])

    def _take_answer(self, index, step, name):
        status, text = self.server.finish(name)
        if status is None:
            self._note(index, step, text)
            return
        try:
            body = json.loads(text)
        except ValueError:
            body = text
        for name, path in step.get("save", {}).items():
            self.saved[name] = pointer(body, path)
        self._note(index, step, {"status": status, **self._essence(step, status, body)})

    def _essence(self, step, status, body):
        if step.get("status_only"):
            return {}
        if step.get("reason_only"):
            return {"reason": pointer(body, "/reason")}
        if "see" in step and status == 200:
            return {"at": {path: self.masks.value(pointer(body, path), path.rsplit("/", 1)[1]) for path in step["see"]}}
        if "each" in step and status == 200:
            found = [self.masks.value(pointer(item, step["each"])) for item in body or []]
            return {"each": sorted(found, key=json.dumps)}
        return {"body": self.masks.value(body)}

    def _do_watch(self, _, step):
        self.server.start(step["watch"], "GET", self._fill(step["path"]), user=step.get("user", ""), stream=True)
        self.started[step["watch"]] = step

    def _do_events(self, index, step):
        status, lines, over = self.server.lines(step["events"], step["count"])
        events = [self.masks.value(json.loads(line)) for line in lines]
        if step.get("once"):
            events = [event for place, event in enumerate(events) if event not in events[:place]]
        self._note(index, step, {"status": status, "events": events, **({"over": over} if step.get("see_end") else {})})

    def _do_end(self, _, step):
        del self.started[step["end"]]
        self.server.cancel(step["end"])

    def _do_world(self, _, step):
        self.server.world(**{key: value for key, value in step.items() if key != "world"}, what=step["world"])


def write(path, trace):
    """A trace as a file: an answer a line."""
    lines = [json.dumps(one, sort_keys=True, ensure_ascii=False) + "\n" for one in trace]
    Path(path).write_text("".join(lines))


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def _places(left, right, at=""):
    """Where two values differ, and how."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(left.keys() | right.keys()):
            yield from _places(left.get(name, ABSENT), right.get(name, ABSENT), "%s/%s" % (at, name))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right)):
            yield from _places(one, other, "%s/%d" % (at, index))
    elif json.dumps(left, sort_keys=True) != json.dumps(right, sort_keys=True):
        yield "  %s:\n    the model: %s\n    the real:  %s" % (at, _short(left), _short(right))


def _short(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) < 1500 else text[:1500] + "…"


def await_ready(server):
    """A gateway's."""
    for _ in range(READY_TRIES):
        server.start("ready", "GET", "/ready")
        if server.finish("ready")[0] == 200:
            return
        server.pause(READY_PAUSE_S)
    raise AssertionError("the gateway does not get ready")


def differences(model, real):
    """Where two traces differ, for people; empty: nowhere."""
    found = []
    for number in range(max(len(model), len(real))):
        title, left = model[number] if number < len(model) else ("the end", ABSENT)
        other, right = real[number] if number < len(real) else ("the end", ABSENT)
        if title != other:
            found.append("%s stands beside %s" % (title, other))
            continue
        places = list(_places(left, right))
        if places:
            found.append("\n".join([title, *places]))
    return found
