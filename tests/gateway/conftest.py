# SPDX-License-Identifier: Apache-2.0
"""Options and fixtures of the tests of the stub gateway."""

import os

import pytest

from gateways import Receiver, Stub


def pytest_addoption(parser):
    parser.addoption("--stub", help="the stub gateway's program (or GRAPNEL_STUB_GATEWAY)")


def pytest_configure(config):
    if config.getoption("--stub"):
        os.environ["GRAPNEL_STUB_GATEWAY"] = config.getoption("--stub")
    config.out_of_reach = {}


def pytest_terminal_summary(terminalreporter, config):
    """Says how many steps a real gateway could not be asked."""
    for name, count in sorted(config.out_of_reach.items()):
        terminalreporter.write_line("%s: %d steps out of reach" % (name, count))


@pytest.fixture
def make_stub(tmp_path):
    """Makes stubs with a short reload tick; each must end in good order."""
    stubs = []

    def make(*options, ends="well"):
        base = tmp_path / ("stub-%d" % len(stubs))
        stub = Stub("--reload-interval", "0.05", *options, base=base)
        stubs.append((stub, ends))
        return stub

    yield make
    for stub, ends in stubs:
        if ends == "well":
            stub.close()
        else:
            stub.stop()


@pytest.fixture
def stub(make_stub):
    return make_stub()


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(tmp_path)
    yield receiver
    assert receiver.stop() == 0
