# SPDX-License-Identifier: Apache-2.0
"""The simulated gateway answers as the stub gateway does, which answers as a real one did (tests/gateway/exchanges)."""

import os
import sys

import pytest

from servers import HERE, Real, Simulated
from workload import Player, await_ready, differences, load

sys.path.insert(0, str(HERE.parents[1] / "gateway"))

from gateways import RealGateway, Stub  # noqa: E402

REAL_URL = os.environ.get("GRAPNEL_TEST_GATEWAY_URL")
WORKLOADS = sorted(path.stem for path in (HERE / "gateway").glob("*.jsonl"))
RELOAD_INTERVAL_S = "0.05"
IN_RELOAD_S = 0.2  # after a reload was asked for: it runs, and takes longer than that


class StubServer(Real):
    """A stub gateway of its own."""

    def __init__(self, about, folder):
        options = ["--reload-interval", RELOAD_INTERVAL_S, *about.get("stub", [])]
        self.ends = about.get("ends", "well")
        self.stub = Stub(*options, base=folder)
        users = {"": {"X-Tyk-Authorization": self.stub.secret}, "nobody": {"X-Tyk-Authorization": "wrong"}}
        super().__init__("http://%s" % self.stub.authority, users, {
            "await-reload": lambda: self.pause(IN_RELOAD_S),
            "await-ready": lambda: await_ready(self),
            "restart-gateway": self.stub.restart,
            "oas-race": lambda: self.stub.fault("oas-race"),
        })

    def close(self):
        super().close()
        if self.ends == "dead":
            assert self.stub.wait_for_exit() == 2
        else:
            self.stub.close()


class SimulatedGateway(Simulated):
    def world(self, what, **options):
        if what == "await-ready":
            await_ready(self)
        elif what != "oas-race":  # it has that at any time
            super().world(what, **options)


def play(server, steps):
    try:
        return Player(server).play(steps)
    finally:
        server.close()


def compare(about, steps, real):
    """Where the real one leaves something to chance, one of the seeds has to answer as it did."""
    best = None
    for seed in range(about.get("seeds", 1)):
        found = differences(play(SimulatedGateway(seed), steps), real)
        if not found:
            return
        best = found if best is None or len(found) < len(best) else best
    raise AssertionError("\n" + "\n\n".join(best))


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_simulated_gateway_answers_as_the_stub(name, tmp_path):
    about, steps = load(HERE / "gateway" / (name + ".jsonl"))
    compare(about, steps, play(StubServer(about, tmp_path), steps))


@pytest.mark.skipif(not REAL_URL, reason="GRAPNEL_TEST_GATEWAY_URL names no gateway")
@pytest.mark.parametrize("name", WORKLOADS)
def test_the_simulated_gateway_answers_as_a_real_one(name):
    """Its APIs are deleted. What stops it, or has to meet with a reload, is left to the stub."""
    about, steps = load(HERE / "gateway" / (name + ".jsonl"))
    if "ends" in about or any("world" in step for step in steps):
        pytest.skip("this needs more than its control API")
    gateway = RealGateway(REAL_URL, os.environ.get("GRAPNEL_TEST_GATEWAY_SECRET", ""))
    gateway.empty()
    users = {"": {"X-Tyk-Authorization": gateway.secret}, "nobody": {"X-Tyk-Authorization": "wrong"}}
    try:
        compare(about, steps, play(Real("http://" + gateway.authority, users), steps))
    finally:
        gateway.close()
