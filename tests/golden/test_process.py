# SPDX-License-Identifier: Apache-2.0
"""What holds for the process, whatever it is given."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
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


# --- flags that the source has no use for ---

NO_CLUSTER = "a folder needs no cluster: leave the flag out, or take objects from one with --source kube"
NO_LEASE = "a folder needs no Lease, its state folder is locked: leave the flag out"
OF_CLUSTERS = {"kubeconfig": NO_CLUSTER, "context": NO_CLUSTER, "leader-elect": NO_LEASE, "lease-name": NO_LEASE, "lease-namespace": NO_LEASE,
               "namespace": "a folder is watched whole: leave the flag out, and name a folder that holds no more than is wanted"}


@pytest.mark.parametrize("name, remedy", OF_CLUSTERS.items())
def test_a_flag_for_clusters_is_refused_beside_a_folder(grapnel, name, remedy):
    value = "true" if name == "leader-elect" else "a"
    done = grapnel("run", "--once", "--source", "dir:nowhere", f"--{name}={value}")
    assert (done.returncode, done.stderr) == (2, f"grapnel: --{name}: {remedy}\n")


def test_a_flag_for_folders_is_refused_beside_a_cluster(grapnel):
    done = grapnel("run", "--once", "--state-dir", "state")
    assert (done.returncode, done.stderr) == (2, "grapnel: --state-dir: only a folder source keeps its state in a folder: leave the flag out, "
                                                 "or name the folder with --source dir:PATH\n")


def test_what_the_environment_says_for_all_is_no_mistake(grapnel, tmp_path):
    """It may be set for everything on the machine; so may what only says that nothing of the kind is wanted."""
    (tmp_path / "objects").mkdir()
    environment = {f"GRAPNEL_{name.upper().replace('-', '_')}": "true" for name in OF_CLUSTERS}
    done = grapnel("run", "--once", "--source", "dir:objects", KUBECONFIG="/nowhere", **environment)
    assert done.returncode == 0, done.stderr
    done = grapnel("run", "--once", "--source", "dir:objects", "--leader-elect=false")
    assert done.returncode == 0, done.stderr
    done = grapnel("run", "--once", "--kubeconfig", "/nowhere", GRAPNEL_STATE_DIR="state")
    assert done.returncode == 2 and "/nowhere" in done.stderr


# --- what is printed for people ---

HOSTILE = r"""
apiVersion: tyk.tyk.io/v1alpha1
kind: Webhook
metadata: {name: w, namespace: b}
spec:
  url: http://x/
  id: 66498cd1e2fcd1000184ecb9
  "\e[31mred\x9b2J\u202e": 1
---
apiVersion: tyk.tyk.io/v1alpha1
kind: Webhook
metadata: {name: w2, namespace: b}
spec: {url: "http://x/", id: 66498cd1e2fcd1000184ecb9}
---
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata: {name: a, namespace: b}
spec:
  name: x
  proxy: {listen_path: /a/, target_url: "http://x/"}
  event_handlers: {events: {"E\e[31mv\x9b\u2028\u2069": [{handler_name: eh_web_hook_handler, handler_meta: {name: "no\e[2Jne"}}]}}
---
apiVersion: tyk.tyk.io/v1alpha1
kind: "Foo\e[31m"
metadata: {name: a, namespace: b}
"""
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("command", ["render", "validate", "materialize", "diff"])
def test_a_terminal_obeys_nothing_that_stands_in_manifests(grapnel, tmp_path, command):
    (tmp_path / "hostile\x1b[31m.yaml").write_text(HOSTILE)
    done = grapnel(command, "hostile\x1b[31m.yaml", "no\x1b[31msuch.yaml")
    assert "such.yaml" in done.stderr and not OBEYED.search(done.stdout + done.stderr)
    done = grapnel(command, "hostile\x1b[31m.yaml")
    told = done.stderr if command == "materialize" else done.stdout + done.stderr
    assert "spec.?[31mred?2J?" in told and "Foo?[31m" in told and "has this id already" in told
    assert command == "render" or "E?[31mv???[0]" in told, "render has it in its document"
    assert not OBEYED.search(told), told


@pytest.mark.parametrize("command", ["render", "validate", "diff"])
def test_json_says_the_same_to_who_reads_it(grapnel, tmp_path, command):
    (tmp_path / "hostile.yaml").write_text(HOSTILE)
    done = grapnel(command, "-o", "json", "hostile.yaml")
    assert not OBEYED.search(done.stdout)
    if command != "diff":
        assert r"E\u001b[31mv\u009b\u2028\u2069" in done.stdout
        assert "E\x1b[31mv\x9b\u2028\u2069" in "\n".join(strings(json.loads(done.stdout)))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from strings(one)


def test_a_terminal_obeys_nothing_that_stands_in_arguments(grapnel):
    for words in (["no\x1b[31m"], ["run", "\x1b[31m"], ["run", "--\x1b[31m"], ["run", "--source", "dir:\x1b[31m"],
                  ["version", "\x1b[31m"], ["diff", "--gateway-url", "\x1b[31m", "."]):
        done = grapnel(*words)
        assert done.returncode == 2 and done.stderr and not OBEYED.search(done.stderr), (words, done.stderr)


# --- help ---

@pytest.mark.parametrize("command", ["run", "render", "validate", "diff", "materialize", "version"])
def test_help_of_a_command_is_what_the_command_says_of_itself(grapnel, command):
    done, itself = grapnel("help", command), grapnel(command, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (0, itself.stdout, "")
    assert done.stdout.startswith(f"Usage: grapnel {command}")


def test_help_of_what_is_no_command_says_so(grapnel):
    done = grapnel("help", "rendr")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "grapnel: there is no command rendr (see grapnel --help)\n")
    assert grapnel("help").stdout == grapnel("--help").stdout != ""


# --- what is left of it ---

@pytest.fixture
def as_nobody(tmp_path_factory):
    """Starts the program as a user who is not root, who owns all processes that may not be looked into."""
    if os.getuid() != 0:
        user, binary, place = {}, Path(os.environ["GRAPNEL_BIN_DIR"]).resolve() / "grapnel", None
    else:
        user = {"user": 65534, "group": 65534, "extra_groups": []}
        place = Path(tempfile.mkdtemp())
        place.chmod(0o755)
        binary = Path(shutil.copy(Path(os.environ["GRAPNEL_BIN_DIR"]) / "grapnel", place))
    started = []

    def start(*arguments, **environment):
        end, feed = os.pipe()
        os.fchmod(end, 0o666)  # it is opened by name
        process = subprocess.Popen([binary, *arguments], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd="/", env={"PATH": os.environ["PATH"], **environment}, **user)
        os.close(end)
        process.stdin = os.fdopen(feed, "w")
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    if place:
        shutil.rmtree(place)


def owner(process):
    return os.stat(f"/proc/{process.pid}/mem").st_uid


@pytest.mark.parametrize("command", ["render", "validate", "materialize", "diff"])
def test_a_crash_leaves_no_image_of_the_memory(as_nobody, command):
    """What is in /proc of a process that may not be dumped belongs to root (proc(5))."""
    process = as_nobody(command, "-")
    deadline = time.monotonic() + 30
    while owner(process) != 0:
        assert process.poll() is None and time.monotonic() < deadline, f"{command} may be dumped"
        time.sleep(0.01)


def test_a_crash_leaves_one_where_it_is_asked_for(as_nobody):
    process = as_nobody("validate", "-", GRAPNEL_CORE_DUMPS="1")
    deadline = time.monotonic() + 30
    while not Path(f"/proc/{process.pid}/fd/3").exists():  # what it was given
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert owner(process) == (65534 if os.getuid() == 0 else os.getuid())


def test_leaks_are_found_all_the_same(as_nobody):
    """The sanitizers look at the process from outside; what they find would be on stderr."""
    process = as_nobody("validate", "-")
    out, err = process.communicate("kind: Webhook\n", timeout=60)
    assert process.returncode == 1 and "Sanitizer" not in err and out
