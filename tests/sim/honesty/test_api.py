# SPDX-License-Identifier: Apache-2.0
"""The simulated API server answers as a real one did: api/*.trace holds what kube-apiserver 1.36 answered, masked.

tests/e2e/test_honesty.py plays the same workloads on a real one, and writes the traces.
"""

import pytest

from servers import HERE, open_simulated_api
from workload import Player, differences, load, read

WORKLOADS = sorted(path.stem for path in (HERE / "api").glob("*.jsonl"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_simulated_api_server_answers_as_the_recorded_one(name):
    _, steps = load(HERE / "api" / (name + ".jsonl"))
    server, namespace = open_simulated_api()
    found = differences(Player(server, namespace).play(steps), read(HERE / "api" / (name + ".trace")))
    server.close()
    assert not found, "\n" + "\n\n".join(found)


def test_every_trace_has_its_workload():
    assert sorted(path.stem for path in (HERE / "api").glob("*.trace")) == WORKLOADS
