# SPDX-License-Identifier: Apache-2.0
"""`grapnel run` on a folder as a process: what it says at the start, and signals."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest

from conftest import BIN, SECRET
from test_diff import api_id, classic, thing


class Run:
    def __init__(self, folder, *more):
        self.process = subprocess.Popen(
            [str(BIN / "grapnel"), "run", "--source", f"dir:{folder}", "--listen", "", "--log-format", "json", *map(str, more)],
            stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "TYK_AUTH": SECRET})
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def said(self, message):
        return [json.loads(line) for line in self.lines if line.startswith("{") and json.loads(line)["msg"] == message]

    def await_(self, what):
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end and self.process.poll() is None, "".join(self.lines)
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.reader.join(5)
        return code


@pytest.fixture
def run(place):
    running = []

    def start(*more):
        running.append(Run(place.manifests, *more))
        running[-1].await_(lambda: running[-1].said("caches complete"))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()
        assert "Sanitizer" not in "".join(one.lines), one.lines


def test_a_hangup_makes_it_look_anew(place, stub, run):
    # What a link leads to outside the folder is watched by nobody.
    target = place.path / "target.json"
    target.write_text(json.dumps(classic("a")))
    (place.manifests / "a.json").symlink_to(target)
    running = run(*place._urls())
    running.await_(lambda: stub.ids() == {api_id("a")})
    target.write_text(json.dumps(classic("a")) + "\n---\n" + json.dumps(classic("b")))
    running.process.send_signal(signal.SIGHUP)
    running.await_(lambda: stub.ids() == {api_id("a"), api_id("b")})
    assert running.said("looking at everything anew")
    assert running.stop() == 0
    assert running.said("stopping")


def test_no_gateway_is_told_at_the_start(place, stub, run):
    place.write(classic("a"))
    warning = "no gateway is named: nothing is pushed"
    without = run()
    assert [(line["level"], line["reason"]) for line in without.said(warning)] == [("warn", "NoGateways")]
    assert "--gateway-url" in without.said(warning)[0]["detail"]
    without.stop()
    named = run(*place._urls())
    named.stop()
    assert not named.said(warning)
    place.write(thing("OperatorContext", "edge", {"urls": [stub.url]}))
    by_context = run()
    by_context.stop()
    assert not by_context.said(warning)
