# SPDX-License-Identifier: Apache-2.0
"""controller/README.md is what the program does: metrics, events, conditions, log lines; and the metrics are well made."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTROLLER = ROOT / "controller"
README = (CONTROLLER / "README.md").read_text()
CACHE = Path(os.environ.get("GRAPNEL_TEST_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "grapnel-tests")
WORD = r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"'
# Metrics without a sample where there is no API server.
OF_A_CLUSTER = {"rest_client_requests_total", "leader_election_master_status", "leader_election_slowpath_total"}


def part(name: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return README.split(begin)[1].split(end)[0]


def rows(name: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part(name).splitlines()[2:] if line]


def words(text: str) -> set[str]:
    return set(re.findall(r"`([A-Za-z_<>]+)`", text))


def source(*names: str) -> str:
    return "\n".join((CONTROLLER / name).read_text() for name in names)


# --- metrics ---

def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def fetch(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture(scope="module")
def scrape(tmp_path_factory) -> str:
    """/metrics of the program with a folder that has one API and one Webhook, and a gateway that is not there."""
    binary = Path(os.environ["GRAPNEL_BUILD_DIR"]).resolve() / "grapnel"
    folder = tmp_path_factory.mktemp("objects")
    (folder / "objects.yaml").write_text("""
apiVersion: tyk.tyk.io/v1alpha1
kind: Webhook
metadata: {name: very-own-name}
spec: {url: https://pager.example/hook}
---
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata: {name: very-own-name}
spec:
  name: very-own-name
  proxy: {target_url: http://upstream.example, listen_path: /very-own-name/}
  event_handlers:
    events:
      AuthFailure: [{handler_name: eh_web_hook_handler, handler_meta: {id: very-own-name, event_timeout: 5}}]
""")
    port = free_port()
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRAPNEL_", "TYK_", "KUBE", "NOTIFY"))}
    with subprocess.Popen([binary, "run", "--source", f"dir:{folder}", "--gateway-url", f"http://127.0.0.1:{free_port()}",
                           "--listen", f"127.0.0.1:{port}"], env=clean, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 20
            text = ""
            while 'grapnel_references{source="global"} 1\n' not in text:
                assert process.poll() is None and time.monotonic() < deadline, text
                time.sleep(0.05)
                try:
                    status, content_type, text = fetch(f"http://127.0.0.1:{port}/metrics")
                except OSError:
                    continue
                assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert fetch(f"http://127.0.0.1:{port}/readyz")[::2] == (200, "ok\n")
            assert fetch(f"http://127.0.0.1:{port}/healthz")[::2] == (200, "ok\n")
        finally:
            process.terminate()
            process.communicate(timeout=10)
    assert process.returncode == 0
    return text


@contextlib.contextmanager
def run_against(tmp_path: Path, server: int) -> Iterator[Callable[[str], tuple[int, str, str]]]:
    """A leader-to-be whose API server is at a port of this machine; yields what reads its pages."""
    binary = Path(os.environ["GRAPNEL_BUILD_DIR"]).resolve() / "grapnel"
    port = free_port()
    (tmp_path / "kubeconfig").write_text(f"""
apiVersion: v1
kind: Config
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters: [{{name: a, cluster: {{server: "http://127.0.0.1:{server}"}}}}]
users: [{{name: a, user: {{token: t}}}}]
""")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRAPNEL_", "TYK_", "KUBE", "NOTIFY"))}
    with subprocess.Popen([binary, "run", "--kubeconfig", tmp_path / "kubeconfig", "--leader-elect", "--lease-name", "x",
                           "--listen", f"127.0.0.1:{port}"], env=clean, stderr=subprocess.DEVNULL) as process:
        try:
            yield lambda page: fetch(f"http://127.0.0.1:{port}{page}")
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert process.returncode == 0


def await_readyz(read: Callable[[str], tuple[int, str, str]], part: str) -> str:
    deadline = time.monotonic() + 10
    body = ""
    while part not in body:
        assert time.monotonic() < deadline, body
        time.sleep(0.05)
        try:
            status, _, body = read("/readyz")
        except OSError:
            continue
        assert status == 503
    return body


def test_readyz_says_what_is_waited_for(tmp_path):
    """An API server that is not there: the process lives, and is not ready."""
    with run_against(tmp_path, free_port()) as read:
        await_readyz(read, "onnect")
        assert read("/healthz")[::2] == (200, "ok\n")
        text = read("/metrics")[2]
        assert 'leader_election_master_status{name="x"} 0\n' in text
        assert re.search(r'^rest_client_requests_total\{method="GET",code="<error>"\} [1-9]', text, re.M)
        assert "grapnel_definitions{" not in text


def test_readyz_says_starting_while_nothing_is_amiss_yet(tmp_path):
    """An API server that takes its time."""
    with socket.create_server(("127.0.0.1", 0)) as silent, run_against(tmp_path, silent.getsockname()[1]) as read:
        assert await_readyz(read, "starting") == "starting\n"
        assert read("/healthz")[::2] == (200, "ok\n")


def families(text: str) -> dict[str, tuple[str, str]]:
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert list(helps) == list(types)
    return {name: (types[name], helps[name]) for name in helps}


def samples(text: str) -> list[tuple[str, dict[str, str]]]:
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line).groups()
            float(value)
            found.append((name, dict(re.findall(r'([a-z]+)="([^"]*)"', labels or ""))))
    return found


def allowed_labels(cell: str) -> dict[str, set[str]]:
    return {name: set(re.split(r",\s*", values)) for name, values in re.findall(r"`([a-z]+)`: ([^;]*)", cell)}


def test_the_page_names_every_metric_with_type_and_help(scrape):
    documented = {words(row[0]).pop(): (row[1], row[3]) for row in rows("metrics")}
    assert documented == families(scrape)


def test_labels_have_the_values_that_the_page_lists_and_no_others(scrape):
    cells = {words(row[0]).pop(): row[2] for row in rows("metrics")}
    seen: dict[str, dict[str, set[str]]] = {name: {} for name in cells}
    for name, labels in samples(scrape):
        family = name if name in cells else re.sub(r"_(bucket|sum|count)$", "", name)
        for label, value in labels.items():
            if label not in ("le", "version"):
                seen[family].setdefault(label, set()).add(value)
    for name, cell in cells.items():
        if name not in OF_A_CLUSTER and name != "grapnel_build_info":
            assert seen[name] == allowed_labels(cell), name
        assert (name in OF_A_CLUSTER) != any(sample.startswith(name) for sample, _ in samples(scrape)), name


def test_no_name_of_a_users_object_is_a_label(scrape):
    assert "very-own-name" not in scrape and "127.0.0.1" not in scrape


def test_promtool_finds_nothing_to_complain_of(scrape):
    program = CACHE / "promtool" / "promtool"
    found = str(program) if program.exists() else shutil.which("promtool")
    if not found:
        pytest.skip("no promtool: tests/charts/get-promtool.sh fetches it")
    result = subprocess.run([found, "check", "metrics"], input=scrape, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


# --- events ---

def test_the_page_names_every_event():
    flow = source("reconcile/api_report.c").split("told[] = {")[1].split("};")[0]
    code = {(reason, kind) for reason, kind in re.findall(r'\{"\w+", "(\w+)", EVENT_(\w+)\}', flow)}
    everything = source(*(str(path.relative_to(CONTROLLER)) for path in CONTROLLER.rglob("*.c")))
    code |= {(reason, kind) for kind, reason in re.findall(rf"EVENT_(NORMAL|WARNING),\s*{WORD}", everything)}
    repaired = re.findall(rf"callbacks\.happened\([^;]*?,\s*(true|false),\s*{WORD}", everything)
    code |= {(reason, "WARNING" if warning == "true" else "NORMAL") for warning, reason in repaired}
    assert len(code) > 10
    documented = {(words(row[0]).pop(), row[1].upper()) for row in rows("events")}
    documented |= {(words(row[0]).pop(), "WARNING") for row in rows("events") if "Warning:" in row[3]}
    assert documented == code


# --- conditions ---

TYPES = {"Ready", "ResolvedRefs", "Programmed", "Reconciling", "Stalled"}
# Words in these files that are no reasons of conditions.
OTHERS = {"ApiDefinition": {"Successful", "Failed"}, "Webhook": set(), "OperatorContext": {"Secret", "Service", "OperatorContext"}}
FILES = {"ApiDefinition": ["core/api_status.c"], "Webhook": ["reconcile/webhook_flow.c"],
         "OperatorContext": ["reconcile/context_flow.c", "core/context_place.c"]}


@pytest.mark.parametrize("kind", FILES)
def test_the_page_names_every_condition_and_reason(kind):
    found = [row for row in rows("conditions") if row[0] == kind]
    documented = set().union(*(words(cell) for row in found for cell in row[2:]))
    code = set(re.findall(WORD, source(*FILES[kind]))) - OTHERS[kind]
    assert documented - TYPES == code - TYPES
    assert {words(row[1]).pop() for row in found} <= code


# --- logs ---

def test_the_page_names_every_key_of_a_log_line():
    text = source("base/log.c")
    code = set(re.findall(r'add_(?:text|number)\(&?line, "(\w+)"', text)) | set(re.findall(r'\\"(ts|level|msg)\\":', text))
    assert words(part("log keys")) == code
