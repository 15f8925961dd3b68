# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the control plane once per session, a stage per test. README.md tells how to run all this."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.fleet import Fleet, Oracle
from harness.objects import PLURALS, Tyk
from harness.rights import write_account
from harness.stage import Stage
from harness.wait import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
BUILDS = ("asan", "dev", "release")
PLACES = ("", "controller", "tests/gateway", "tests/sim")
STAGE = pytest.StashKey[Stage]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true",
                     help="stop at the first failure and leave the cluster and the last test's things standing")
    parser.addoption("--bin-dir", default=os.environ.get("GRAPNEL_BIN_DIR"),
                     help="CMake's build folder (default: $GRAPNEL_BIN_DIR, else the first of build/asan, dev, release)")


def pytest_configure(config):
    if "GRAPNEL_E2E_DIR" not in os.environ:
        raise pytest.UsageError("run tests/e2e/run.sh: these tests need a network namespace of their own")
    if config.option.keep:
        config.option.maxfail = 1


# Where several workers share the tests: each takes the next file that none has taken. Those that take minutes come first.
LONGEST = ("test_contexts.py", "test_global.py", "test_gateways.py", "test_leader.py", "test_faults.py", "test_restart.py", "test_fleet.py")
CLAIMS = os.environ.get("GRAPNEL_E2E_CLAIMS")
CLAIMED = pytest.StashKey[dict[str, bool]]()


def _claim(file: str) -> bool:
    try:
        os.close(os.open(Path(CLAIMS, file), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def pytest_collection_modifyitems(items):
    if CLAIMS:
        items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_runtest_protocol(item):
    """True: this test is another worker's."""
    if not CLAIMS:
        return None
    claimed = item.session.stash.setdefault(CLAIMED, {})
    if item.path.name not in claimed:
        claimed[item.path.name] = _claim(item.path.name)
    return None if claimed[item.path.name] else True


@pytest.fixture(scope="session")
def directory() -> Path:
    return Path(os.environ["GRAPNEL_E2E_DIR"])


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with the control plane, kubectl and helm."""
    return Path(os.environ["GRAPNEL_E2E_PROGRAMS"])


@pytest.fixture(scope="session")
def find_binary(pytestconfig):
    """A program of this project by name."""
    given = pytestconfig.option.bin_dir
    # Relative to where run.sh was called from.
    folders = [Path(os.environ.get("GRAPNEL_E2E_CALLER", "."), given)] if given else [REPOSITORY / "build" / name for name in BUILDS]

    def find(name: str) -> Path:
        for folder in folders:
            for place in PLACES:
                if os.access(folder / place / name, os.X_OK) and (folder / place / name).is_file():
                    return folder / place / name
        raise FileNotFoundError(f"{name} is not in {', '.join(map(str, folders))}: build it first "
                                "(cmake --preset asan && cmake --build --preset asan), or give --bin-dir")

    return find


@pytest.fixture(scope="session")
def bare_cluster(programs, directory, pytestconfig):
    """The control plane, without the operator's kinds."""
    cluster = Cluster(programs, directory / "cluster")
    try:
        cluster.start()
        cluster.create_node("node-1")
        yield cluster
        write_account(Path(os.environ["GRAPNEL_E2E_RIGHTS"]), Stage.account.audit(cluster.all_requests(), cluster.unsettled))
    except BaseException:
        print(cluster.logs())
        raise
    finally:
        if not pytestconfig.option.keep:
            cluster.stop()


@pytest.fixture(scope="session")
def cluster(bare_cluster):
    """The control plane with the operator's kinds."""
    files = sorted((REPOSITORY / "crds").glob("*.yaml"))
    if not files:
        pytest.fail("crds/ holds no file")
    for file in files:
        bare_cluster.kubectl.apply(file)
    for plural in PLURALS.values():
        bare_cluster.kubectl.wait("condition=Established", "crd", f"{plural}.tyk.tyk.io")
    # For a moment after that, lists are still answered 429, "storage is (re)initializing".
    tyk = Tyk(bare_cluster.api)
    eventually(lambda: [tyk.items(kind) for kind in PLURALS])
    return bare_cluster


def _staged(request, cluster, directory, find_binary):
    """A stage for a test; its end is also a check."""
    folder = directory / "tests" / request.node.name.replace("/", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stage = Stage(cluster, folder, find_binary)
    request.node.stash[STAGE] = stage
    yield stage
    if request.config.option.keep and (request.node.stash.get(FAILED, False)
                                       or request.node is request.session.items[-1]):
        _write_shell_environment(stage, directory)
        return
    try:
        if not request.node.stash.get(FAILED, False):
            stage.check()
    finally:
        stage.tear_down()


@pytest.fixture
def stage(request, cluster, directory, find_binary):
    """Namespaces, gateways and operators of a test, on the real control plane."""
    yield from _staged(request, cluster, directory, find_binary)


@pytest.fixture
def folder_stage(request, directory, find_binary):
    """The same without a cluster: for the folder source."""
    yield from _staged(request, None, directory, find_binary)


@pytest.fixture
def kubectl(stage):
    return stage.kubectl


@pytest.fixture
def tyk(stage):
    return stage.tyk


@pytest.fixture
def team(stage) -> str:
    """A namespace of a team that has APIs."""
    return stage.namespace("team")


@pytest.fixture
def gateways(stage):
    """Two gateways. An operator that serves both is the fixture `operator`."""
    return [stage.gateway(), stage.gateway()]


@pytest.fixture
def operator(stage, gateways):
    return stage.operator(*gateways)


@pytest.fixture
def fleet(stage):
    """A Service without pods, and the Secret of its gateways."""
    fleet = Fleet(stage)
    fleet.create_secret()
    return fleet


@pytest.fixture
def fleet_operator(stage, request):
    """An operator that knows gateways from contexts only."""
    operator = stage.operator()
    if "fleet" in request.fixturenames:
        request.getfixturevalue("fleet").permit(operator)
    return operator


@pytest.fixture
def oracle(stage):
    return Oracle(stage)


@pytest.fixture
def helm(cluster, programs, tmp_path):
    """helm, in a namespace; its stdout. Releases that a test leaves are uninstalled."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "KUBECONFIG": str(cluster.directory / "admin.kubeconfig")}
    releases = []

    def run(verb: str, *arguments, namespace: str) -> str:
        argv = [programs / "helm", verb, *arguments, "--namespace", namespace]
        result = subprocess.run([str(one) for one in argv], env=environment, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, f"{argv}\n{result.stderr}"
        if verb == "install":
            releases.append((arguments[0], namespace))
        if verb == "uninstall":
            releases.remove((arguments[0], namespace))
        return result.stdout

    yield run
    for name, namespace in releases:
        run("uninstall", name, namespace=namespace)


def _write_shell_environment(stage: Stage, directory: Path) -> None:
    lines = [f"export PATH={os.environ['GRAPNEL_E2E_PROGRAMS']}:$PATH"]
    if stage._cluster is not None:
        lines.append(f"export KUBECONFIG={stage.cluster.directory / 'admin.kubeconfig'}")
    lines += [f"export GATEWAY_{number}={gateway.url}" for number, gateway in enumerate(stage.gateways, 1)]
    lines.append(f"export GATEWAY_SECRET={stage.gateway_secret}")
    (directory / "shell.env").write_text("\n".join(lines) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.stash[FAILED] = True
        stage = item.stash.get(STAGE, None)
        if stage is not None:
            report.sections += stage.report()
