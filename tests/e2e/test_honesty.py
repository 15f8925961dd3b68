# SPDX-License-Identifier: Apache-2.0
"""The simulated API server answers as the real one does: the workloads of tests/sim/honesty/api, played on both."""

import os
import sys

import pytest

from conftest import REPOSITORY
from harness.cluster import SERVER
from harness.objects import PLURALS, Tyk
from harness.wait import eventually, throughout

HONESTY = REPOSITORY / "tests" / "sim" / "honesty"
sys.path.insert(0, str(HONESTY))

from operator_workload import Script, as_trace, in_pairs  # noqa: E402
from servers import Real, open_simulated_api, tls_context  # noqa: E402
from workload import Player, differences, load, write  # noqa: E402

WORKLOADS = sorted(path.stem for path in (HONESTY / "api").glob("*.jsonl"))
SCRIPTS = sorted(path.stem for path in (HONESTY / "operator").glob("*.jsonl"))
SETTLED_IN_SIMULATION = 60  # all delays of a user's operator are over
SETTLE_TIMEOUT = 20
QUIET = 2
# Set: what the real one answers is kept beside the workload, for tests/sim/honesty/test_api.py.
RECORD = os.environ.get("GRAPNEL_E2E_RECORD")


@pytest.fixture(scope="module")
def stranger(cluster):
    """The token of an account without any right."""
    cluster.api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "stranger"}})
    answer = cluster.api.post("/api/v1/namespaces/default/serviceaccounts/stranger/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}})
    return answer["status"]["token"]


@pytest.fixture
def real(cluster, stranger):
    def compact() -> None:
        cluster.compact()
        cluster.restart_apiserver()  # before, its watch cache still answers
        eventually(lambda: [Tyk(cluster.api).items(kind) for kind in PLURALS])  # 429 for a moment

    tokens = {"": cluster.api.token, "stranger": stranger, "nobody": "wrong"}
    server = Real(SERVER, {user: {"Authorization": f"Bearer {token}"} for user, token in tokens.items()},
                  {"compact": compact}, tls_context(cluster.ca_file))
    yield server
    server.close()


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_simulated_api_server_answers_as_the_real_one(name, stage, real, find_binary):
    _, steps = load(HONESTY / "api" / f"{name}.jsonl")
    namespace = stage.namespace("honesty")
    real_trace = Player(real, namespace).play(steps)
    if RECORD:
        write(HONESTY / "api" / f"{name}.trace", real_trace)
    simulated, simulated_namespace = open_simulated_api(find_binary("grapnel-sim-serve"))
    found = differences(Player(simulated, simulated_namespace).play(steps), real_trace)
    simulated.close()
    assert not found, "\n" + "\n\n".join(found)


# --- the whole operator ---

def play_on_simulation(steps: list[dict], program) -> list[dict]:
    """What is to be seen at each `settle`."""
    server, namespace = open_simulated_api(program)
    script = Script(server, namespace, server.gateway_writes)
    server.world("start-operator")
    server.pause(SETTLED_IN_SIMULATION)
    script.begin()
    seen = []
    for step in steps:
        if "settle" in step:
            server.pause(SETTLED_IN_SIMULATION)
            seen.append(script.state())
        else:
            script.do(step)
    script.end()
    server.close()
    return seen


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_operator_does_the_same_on_the_simulated_and_the_real_control_plane(name, stage, real, find_binary):
    _, steps = load(HONESTY / "operator" / f"{name}.jsonl")
    wanted = play_on_simulation(steps, find_binary("grapnel-sim-serve"))
    gateway = stage.gateway()
    stage.operator(gateway)
    told = 0

    def gateway_writes() -> list[tuple[str, str]]:
        nonlocal told
        new = [one for one in gateway.requests() if one["n"] > told]
        told = max((one["n"] for one in new), default=told)
        return [(one["id"], one["kind"]) for one in new if one["kind"] in ("post", "post_oas", "delete")]

    script = Script(real, stage.namespace("honesty"), gateway_writes)
    script.begin()

    def compare(settled: str, model: dict) -> None:
        found = differences(*(as_trace(settled, state) for state in in_pairs(model, script.state())))
        assert not found, "\n" + "\n\n".join(found)

    for step in steps:
        if "settle" in step:
            model = wanted.pop(0)
            eventually(lambda: compare(step["settle"], model), SETTLE_TIMEOUT)
        else:
            script.do(step)
    throughout(lambda: compare("at the end", model), QUIET)
    script.end()
