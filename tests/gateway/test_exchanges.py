# SPDX-License-Identifier: Apache-2.0
"""The stub gateway answers as the real one did: every recorded scenario, replayed.

With GRAPNEL_TEST_GATEWAY_URL and GRAPNEL_TEST_GATEWAY_SECRET the scenarios run against that gateway
instead; steps that need its folder or its restart are then left out, and counted.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateways import HERE, SECRET, RealGateway, Receiver, Stub
from replay import Replay

SCENARIOS = sorted(path.stem for path in (HERE / "exchanges").glob("*.json"))

# Steps that the stub does not answer as recorded: scenario -> {index: reason}. A step that is here
# and passes fails the test. exchanges/COVERAGE.md says the same in words.
LEFT_OUT = {}

# Every scenario is mostly waiting for the reload tick, so many run side by side.
WORKERS = 30

REAL_URL = os.environ.get("GRAPNEL_TEST_GATEWAY_URL")


def replay_on_stub(name, folder):
    """One scenario on a stub of its own: (problems, indexes out of reach)."""
    scenario = json.loads((HERE / "exchanges" / (name + ".json")).read_text())
    receiver = Receiver(folder)
    options = ["--jsvm"] if scenario["config"].get("enable_jsvm") else []
    stub = Stub(*options, base=folder / "gateway")
    try:
        replay = Replay(scenario, stub, receiver)
        problems = replay.run(LEFT_OUT.get(name, {}))
        if problems:
            problems.append(stub.stderr())
        return problems, replay.out_of_reach
    finally:
        receiver.stop()
        stub.close()


@pytest.fixture(scope="session")
def replays(request, tmp_path_factory):
    """Replays every selected scenario at the same time; scenario -> future."""
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "replays" in item.fixturenames
    }
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {
            name: pool.submit(replay_on_stub, name, tmp_path_factory.mktemp(name))
            for name in sorted(names)
        }


@pytest.mark.skipif(REAL_URL is not None, reason="a real gateway is named")
@pytest.mark.parametrize("name", SCENARIOS)
def test_stub_answers_as_recorded(name, replays):
    problems, out_of_reach = replays[name].result()
    assert not problems, "\n".join(problems)
    assert not out_of_reach


@pytest.mark.skipif(REAL_URL is None, reason="GRAPNEL_TEST_GATEWAY_URL is not set")
@pytest.mark.parametrize("name", SCENARIOS)
def test_real_gateway_answers_as_recorded(name, tmp_path, pytestconfig):
    scenario = json.loads((HERE / "exchanges" / (name + ".json")).read_text())
    gateway = RealGateway(REAL_URL, os.environ.get("GRAPNEL_TEST_GATEWAY_SECRET", SECRET))
    receiver = Receiver(tmp_path, gateway.listen_address)
    try:
        replay = Replay(scenario, gateway, receiver)
        problems = replay.run({})
        if replay.out_of_reach:
            pytestconfig.out_of_reach[name] = len(replay.out_of_reach)
        assert not problems, "\n".join(problems)
    finally:
        receiver.stop()
        gateway.close()


def test_there_are_59_scenarios_with_1008_steps():
    steps = [
        len(json.loads((HERE / "exchanges" / (name + ".json")).read_text())["steps"])
        for name in SCENARIOS
    ]
    assert (len(steps), sum(steps)) == (59, 1008)


def test_left_out_steps_exist():
    for name, steps in LEFT_OUT.items():
        count = len(json.loads((HERE / "exchanges" / (name + ".json")).read_text())["steps"])
        assert all(index < count and reason for index, reason in steps.items()), name


def test_a_step_that_is_left_out_must_not_pass(stub, receiver):
    step = {"do": "request", "method": "GET", "path": "/tyk/apis/x"}
    error = {"status": "error", "message": "API not found"}
    as_seen = {"status": 404, "headers": {"content-type": "application/json"}, "body": error}
    other = dict(as_seen, status=200)
    steps = [dict(step, expect=as_seen), dict(step, expect=other), dict(step, expect=other)]
    problems = Replay({"steps": steps}, stub, receiver).run({0: "why", 1: "why"})
    assert len(problems) == 2
    assert "step 0" in problems[0] and "is left out, but passes: why" in problems[0]
    assert "step 2" in problems[1]
