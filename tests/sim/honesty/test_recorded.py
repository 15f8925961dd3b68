# SPDX-License-Identifier: Apache-2.0
"""The simulated gateway answers what the operator asks as the real one did: tests/gateway/exchanges, as far as the model goes."""

import json
import sys

import pytest

from servers import HERE, Simulated
from workload import await_ready

EXCHANGES = HERE.parents[1] / "gateway" / "exchanges"
sys.path.insert(0, str(EXCHANGES.parent))

from json_pointer import pointer  # noqa: E402
from replay import expand, in_order, same  # noqa: E402

SCENARIOS = sorted(path.stem for path in EXCHANGES.glob("*.json"))
# What the operator reads of a definition.
READ = ("/api_id", "/is_oas", "/name", "/config_data", "/proxy/listen_path", "/proxy/target_url", "/info/title", "/x-grapnel",
        "/x-tyk-api-gateway/info/id", "/x-tyk-api-gateway/server/listenPath/value", "/x-tyk-api-gateway/upstream/url")
# Steps that the model does not answer as recorded: scenario -> {index: reason}. One that is here and passes fails the test.
URL = "the operator refuses ids with an encoded slash or dots"
DECODER = "the model's decoder takes no text behind the value, no bad UTF-8 and no lone surrogate; the operator sends none"
NUMBERS = "the model keeps numbers as they are; the operator's marker has small whole ones"
OUT = {
    "16-classic-lenient": {0: DECODER},
    "17-ids": {25: URL, 27: URL, 28: URL},
    "54-numbers-and-text": {0: DECODER, 3: DECODER, 4: NUMBERS},
}
REQUESTS = ("GET /tyk/apis", "GET /tyk/apis/oas", "POST /tyk/apis", "POST /tyk/apis/oas", "GET /tyk/reload?block=true", "GET /ready")
COMPARED_AT_LEAST = 570  # of 1008 steps
# Of a body that is an object a gateway refuses much; the model does so for these reasons. All else the operator refuses itself.
REFUSED_BY_MODEL = ("Invalid API ID", "the payload should contain x-tyk-api-gateway")


def is_ours(step):
    """What the operator sends: it is JSON, names an id and goes over HTTP/1.1."""
    path = step["path"]
    body = step.get("body")
    if "http" in step or "headers" in step or (isinstance(body, dict) and "bytes_b64" in body) or "save" in step:
        return False
    refusal = step["expect"].get("body") if step["expect"].get("status") == 400 else None
    if refusal and isinstance(body, dict) and list(body) != ["text"] and refusal.get("message") not in REFUSED_BY_MODEL:
        return False
    if step["method"] + " " + path in REQUESTS:
        return True
    parts = path.split("/")[1:]
    family = ["tyk", "apis", "oas"] if parts[:3] == ["tyk", "apis", "oas"] else ["tyk", "apis"]
    return parts[:-1] == family and parts[-1] not in ("", "oas", "..", "export") and "?" not in path and (
        step["method"] == "GET" or (step["method"] == "DELETE" and len(family) == 2))


def changes(step):
    """Would what is left out have changed something?"""
    if step["do"] in ("files", "traffic", "fire"):
        return False
    if step["do"] == "request" and step["method"] == "GET":
        return step["path"].startswith("/tyk/reload")
    return step["do"] != "request" or step["expect"].get("status") == 200


def selected(steps):
    """(index, step) of what is played: what the operator never asks is left out; where that would have changed something, the rest
    is too."""
    for index, step in enumerate(steps):
        if step["do"] == "reload":
            step = dict(step, do="request", method="GET", path="/tyk/reload?block=true")
        if step["do"] in ("restart", "wait") or (step["do"] == "request" and is_ours(step)):
            yield index, step
        elif changes(step):
            return


class Recorded:
    """One scenario on a simulated gateway of its own."""

    def __init__(self, steps):
        self.steps = steps
        self.server = Simulated()
        self.problems = {}

    def play(self):
        for index, step in selected(self.steps):
            if step["do"] == "restart":
                self.server.world("restart-gateway", wipe=step["wipe"])
                await_ready(self.server)
            elif step["do"] == "wait":
                self.server.pause(step["seconds"])
            else:
                self._compare(index, step)
        self.server.close()

    def _compare(self, index, step):
        body = step.get("body")
        if isinstance(body, dict) and list(body) == ["text"]:
            body = body["text"]
        elif body is not None:
            body = json.dumps(expand(body), ensure_ascii=False)
        self.server.start("r", step["method"], step["path"], body, user="" if step.get("auth", True) else "nobody")
        status, text = self.server.finish("r")
        try:
            seen = json.loads(text)
        except ValueError:
            seen = {"text": text}
        expected = step["expect"]
        if expected.get("no_answer"):
            if status is not None:
                self.problems[index] = "no answer", status
            return
        wanted = {"status": expected["status"]}
        have = {"status": status}
        if "at" in expected:
            paths = [(one, path) for one in step["at"] for path in READ if path == one or path.startswith(one + "/")]
            wanted["at"] = {path: pointer(expand(expected["at"][one]), path[len(one):]) for one, path in paths}
            have["at"] = {path: pointer(seen, path) for _, path in paths}
        elif "each" in expected:
            wanted["each"] = in_order(expand(expected["each"]))
            have["each"] = in_order([pointer(one, step["each"]) for one in seen] if isinstance(seen, list) else [])
        elif not (step["method"] == "GET" and expected["status"] == 200):
            wanted["body"] = expand(expected["body"])
            have["body"] = seen
        if not same(wanted, have):
            self.problems[index] = wanted, have


def steps_of(name):
    return json.loads((EXCHANGES / (name + ".json")).read_text())["steps"]


def describe(step, index, problem):
    where = "step %d (%s %s): " % (index, step.get("method"), step.get("path"))
    if problem is None:
        return where + "is left out, but passes"
    return where + "recorded %s\n    the model %s" % tuple(json.dumps(one)[:1000] for one in problem)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulated_gateway_answers_as_recorded(name):
    recorded = Recorded(steps_of(name))
    recorded.play()
    wrong = sorted(recorded.problems.keys() ^ OUT.get(name, {}).keys())
    assert not wrong, "\n".join(describe(recorded.steps[index], index, recorded.problems.get(index)) for index in wrong)


def test_most_of_what_was_recorded_is_compared():
    assert sum(len(list(selected(steps_of(name)))) for name in SCENARIOS) >= COMPARED_AT_LEAST
