# SPDX-License-Identifier: Apache-2.0
"""Held against the API server's audit log after all tests: the operator's rights are exactly what it needs.

run.sh runs this last, with what conftest.py has written at the end of each session.
"""

import os
from pathlib import Path

import pytest

from harness.rights import read_accounts

WHOLE = os.environ.get("GRAPNEL_E2E_WHOLE") == "1"


@pytest.fixture(scope="module")
def account() -> dict[str, set[str]]:
    found = read_accounts(Path(os.environ["GRAPNEL_E2E_RIGHTS"]))
    if not found["granted"]:
        pytest.skip("no operator was started in a cluster")
    return found


def expect_none(texts: set[str]) -> None:
    assert not texts, "\n" + "\n".join(sorted(texts))


def test_nothing_is_refused_that_no_test_expects(account):
    expect_none(account["refused"])


def test_what_a_test_expects_to_be_refused_is(account):
    expect_none(account["stale"])


@pytest.mark.skipif(not WHOLE, reason="only part of the tests ran")
def test_every_right_is_used(account):
    expect_none(account["granted"] - account["used"])
