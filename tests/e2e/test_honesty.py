# SPDX-License-Identifier: Apache-2.0
"""The simulated API server answers as the real one does: the workloads of tests/sim/honesty/api, played on both."""

import os
import sys

import pytest

from conftest import REPOSITORY
from harness.cluster import SERVER
from harness.objects import PLURALS, Tyk
from harness.wait import eventually

HONESTY = REPOSITORY / "tests" / "sim" / "honesty"
sys.path.insert(0, str(HONESTY))

from servers import Real, open_simulated_api, tls_context  # noqa: E402
from workload import Player, differences, load, write  # noqa: E402

WORKLOADS = sorted(path.stem for path in (HONESTY / "api").glob("*.jsonl"))
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
