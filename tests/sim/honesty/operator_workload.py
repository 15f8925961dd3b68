# SPDX-License-Identifier: Apache-2.0
"""The whole operator, on the simulated and on a real control plane: the same script of what users do, and what it writes.

A script is a list of steps, a JSON value a line: {"apply": OBJECT} (created, or merged into what is there), {"delete":
"PLURAL/NAME"}, {"settle": WHAT HAS COME ABOUT}. What is compared, at each `settle`: of each object all the states that it went
through since the beginning, as a watch tells them (each write of the operator is one of them), and of each definition on the
gateway what was written.
"""

import json

from workload import ABSENT, Masks

ROOT = "/apis/tyk.tyk.io/v1alpha1/namespaces/%s/%s"
PLURALS = {"Webhook": "webhooks", "ApiDefinition": "apidefinitions"}
MERGE = "Content-Type: application/merge-patch+json"


class Script:
    """One script on one control plane. `gateway_writes` tells what is new of (id, verb)."""

    def __init__(self, server, namespace, gateway_writes):
        self.server = server
        self.namespace = namespace
        self.gateway_writes = gateway_writes
        self.events = []
        self.writes = {}

    def begin(self):
        for plural in PLURALS.values():
            path = ROOT % (self.namespace, plural)
            version = json.loads(self._ask("GET", path + "?limit=1")[1])["metadata"]["resourceVersion"]
            self.server.start(plural, "GET", path + "?watch=true&timeoutSeconds=3000&resourceVersion=" + version, stream=True)

    def end(self):
        for plural in PLURALS.values():
            self.server.cancel(plural)

    def _ask(self, *request, **options):
        self.server.start("request", *request, **options)
        return self.server.finish("request")

    def do(self, step):
        if "apply" in step:
            thing = step["apply"]
            path = ROOT % (self.namespace, PLURALS[thing["kind"]])
            own = path + "/" + thing["metadata"]["name"]
            there = self._ask("GET", own)[0] == 200
            request = ("PATCH", own, json.dumps(thing), [MERGE]) if there else ("POST", path, json.dumps(thing))
            status, text = self._ask(*request)
            assert status in (200, 201), "%s: %s" % (own, text)
        else:
            status, text = self._ask("DELETE", ROOT % (self.namespace, step["delete"]))
            assert status == 200, text

    def state(self):
        """{title: what has been seen so far}"""
        for plural in PLURALS.values():
            _, lines, _ = self.server.lines(plural, 0)
            self.events += [(plural, json.loads(line)) for line in lines]
        for api_id, verb in self.gateway_writes():
            self.writes.setdefault("gateway: " + api_id, []).append(verb)
        masks = Masks(self.namespace)
        for plural, event in self.events:
            self._name_uid(masks, plural, event["object"]["metadata"])
        seen = {}
        for plural, event in self.events:
            title = "%s/%s" % (plural, event["object"]["metadata"]["name"])
            thing = masks.value(event["object"])
            thing["metadata"]["resourceVersion"] = "<version>"
            seen.setdefault(title, []).append({event["type"]: thing})
        return {**seen, **{title: list(verbs) for title, verbs in self.writes.items()}}

    @staticmethod
    def _name_uid(masks, plural, metadata):
        known = [word for word in masks.uids.values() if word.startswith("<%s/%s " % (plural, metadata["name"]))]
        masks.uids.setdefault(metadata["uid"], "<%s/%s %d>" % (plural, metadata["name"], len(known) + 1))


def as_trace(settled, state):
    """For differences(): a line per object, and its states one by one."""
    return [["%s: %s" % (settled, title), state[title]] for title in sorted(state)]


def in_pairs(model, real):
    """Two states with the same titles."""
    titles = model.keys() | real.keys()
    return ({title: _padded(model, real, title) for title in titles}, {title: _padded(real, model, title) for title in titles})


def _padded(state, other, title):
    """Sequences of one length, so that it shows which is one too many."""
    own = state.get(title, [])
    return own + [ABSENT] * (len(other.get(title, [])) - len(own))
