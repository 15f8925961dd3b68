# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the tools, and the chart rendered."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "grapnel"
CACHE = Path(os.environ.get("GRAPNEL_TEST_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grapnel-tests")


def pytest_addoption(parser):
    parser.addoption("--update-snapshots", action="store_true",
                     help="write the snapshots instead of comparing; review them with git diff")


def find_tool(name: str, advice: str) -> str:
    """A program by $GRAPNEL_NAME, in the cache of the end-to-end tests, or on PATH."""
    given = os.environ.get(f"GRAPNEL_{name.upper()}")
    if given:
        return given
    cached = sorted(CACHE.glob(f"*/{name}"), key=lambda path: path.stat().st_mtime)
    found = str(cached[-1]) if cached else shutil.which(name)
    if not found:
        pytest.skip(f"no {name}: {advice}")
    return found


@pytest.fixture(scope="session")
def helm():
    program = find_tool("helm", "tests/cluster/build.sh fetches it")
    version = subprocess.run([program, "version", "--short"], check=True, capture_output=True, text=True).stdout
    if not version.startswith("v4."):
        pytest.skip(f"{program} is {version.strip()}, the tests need helm 4: tests/cluster/build.sh fetches it")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "HELM_NO_PLUGINS": "1"}
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, env=environment)

    run.program = program
    return run


@pytest.fixture(scope="session")
def kubectl():
    return find_tool("kubectl", "tests/cluster/build.sh fetches it")


@pytest.fixture(scope="session")
def promtool():
    return find_tool("promtool", "tests/charts/get-promtool.sh fetches it")


@pytest.fixture(scope="session")
def lua():
    return shutil.which("lua5.1") or pytest.skip("no lua5.1: apt-get install lua5.1")


@pytest.fixture
def template(helm, tmp_path):
    """helm template with values as a dict; the CompletedProcess."""

    def run(values: dict | None = None, release: str = "grapnel", namespace: str = "grapnel-system", arguments=()):
        path = tmp_path / "values.json"  # as YAML a name such as y would become a boolean
        path.write_text(json.dumps(values or {}))
        return helm("template", release, CHART, "--namespace", namespace, "--values", path, *arguments)

    return run


@pytest.fixture
def render(template):
    """The rendered objects; fails when helm refuses."""

    def run(values: dict | None = None, **how) -> list[dict]:
        result = template(values, **how)
        assert result.returncode == 0, result.stderr
        return [document for document in yaml.safe_load_all(result.stdout) if document]

    return run


@pytest.fixture
def refused(template):
    """What a user reads when helm refuses."""

    def run(values: dict, **how) -> str:
        result = template(values, **how)
        assert result.returncode != 0, "helm accepts it"
        return result.stderr

    return run


def of_kind(documents: list[dict], kind: str) -> list[dict]:
    return [document for document in documents if document["kind"] == kind]


def only(documents: list[dict], kind: str) -> dict:
    one, = of_kind(documents, kind)
    return one
