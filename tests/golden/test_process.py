# SPDX-License-Identifier: Apache-2.0
"""What holds for the process, whatever it is given."""

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def grapnel(tmp_path):
    folder = os.environ.get("GRAPNEL_BIN_DIR")
    if not folder:
        pytest.fail("GRAPNEL_BIN_DIR is not set: the folder of a build")
    binary = (Path(folder) / "grapnel").resolve()

    def call(*arguments, **environment):
        return subprocess.run([binary, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], **environment})

    return call


# --- durations ---

INTERVALS = ["drift-interval", "secret-poll"]
DELAYS = ["conversion-grace", "reference-grace", "rewrite-delay", "finalizer-timeout"]


@pytest.mark.parametrize("name", INTERVALS)
@pytest.mark.parametrize("value", ["0", "0s", "999ms", "24h1ms", "9999999h"])
def test_what_is_done_again_and_again_is_neither_hot_nor_never(grapnel, name, value):
    done = grapnel("run", f"--{name}", value)
    assert (done.returncode, done.stderr) == (2, f"grapnel: --{name}: 1s to 24h are possible\n")


@pytest.mark.parametrize("name", DELAYS)
@pytest.mark.parametrize("value", ["720h1ms", "9999999h"])
def test_nothing_is_put_off_for_ever(grapnel, name, value):
    done = grapnel("run", f"--{name}", value)
    assert (done.returncode, done.stderr) == (2, f"grapnel: --{name}: 0 to 720h are possible\n")


@pytest.mark.parametrize("name, value", [*((name, value) for name in INTERVALS for value in ("1s", "1000ms", "24h")),
                                         *((name, value) for name in DELAYS for value in ("0", "720h"))])
def test_the_ends_of_a_range_belong_to_it(grapnel, name, value):
    done = grapnel("run", f"--{name}", value, "--source", "nothing")
    assert done.stderr.startswith("grapnel: --source: ") and name not in done.stderr


def test_durations_of_the_environment_have_the_same_range(grapnel):
    done = grapnel("run", "--drift-interval", "0", GRAPNEL_SECRET_POLL="0")
    assert done.stderr == ("grapnel: --drift-interval: 1s to 24h are possible; "
                           "GRAPNEL_SECRET_POLL: 1s to 24h are possible\n")
