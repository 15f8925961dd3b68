# SPDX-License-Identifier: Apache-2.0
"""Manifests in, documents out: the real binary on every folder here (see README.md)."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
CASES = sorted(path.parent.name for path in HERE.glob("*/in.yaml"))


@pytest.fixture(scope="session")
def grapnel():
    folder = os.environ.get("GRAPNEL_BIN_DIR")
    if not folder:
        pytest.fail("GRAPNEL_BIN_DIR is not set: the folder of a build")
    binary = (Path(folder) / "grapnel").resolve()
    assert binary.exists(), f"{binary} is not built"
    return binary


def text_of(case, name, otherwise=""):
    path = HERE / case / name
    return path.read_text() if path.exists() else otherwise


def run(grapnel, case, *more, command=None):
    """The command of a case: render, unless its file `command` says another one."""
    words = shlex.split(text_of(case, "command", "render"))
    done = subprocess.run(
        [grapnel, command or words[0], *words[1:], *more, "in.yaml", *shlex.split(text_of(case, "last"))],
        cwd=HERE / case, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode in (0, 1), done.stderr
    return done


def is_render(case):
    return text_of(case, "command", "render").startswith("render")


@pytest.mark.parametrize("case", CASES)
def test_case(grapnel, case):
    done = run(grapnel, case)
    if is_render(case):
        got = json.loads(done.stdout)
        if os.environ.get("GRAPNEL_GOLDEN_UPDATE"):  # then read the difference before you commit it
            text = json.dumps(got, indent=1, ensure_ascii=False) + "\n"
            (HERE / case / "want.json").write_text(text)
        assert got == json.loads(text_of(case, "want.json"))
    else:
        assert done.stdout == text_of(case, "want.yaml")
    assert done.returncode == int(text_of(case, "exit", "0"))
    for line in text_of(case, "raw").splitlines():
        assert line in done.stdout
    for line in text_of(case, "stderr").splitlines():
        assert line in done.stderr


@pytest.mark.parametrize("case", [case for case in CASES if is_render(case)])
def test_same_input_same_bytes(grapnel, case):
    assert run(grapnel, case).stdout == run(grapnel, case).stdout


class Loader(yaml.SafeLoader):
    """YAML 1.1, but for numbers, which are read as JSON has them."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"), list("-0123456789")
)


@pytest.mark.parametrize("case", [case for case in CASES if is_render(case)])
def test_yaml_says_the_same(grapnel, case):
    documents = list(yaml.load_all(run(grapnel, case, "-o", "yaml").stdout, Loader))
    assert documents == json.loads(text_of(case, "want.json"))


@pytest.mark.parametrize("case", [case for case in CASES if is_render(case)])
def test_elements_have_the_promised_form(grapnel, case):
    elements = json.loads(run(grapnel, case).stdout)
    assert [e["api"] for e in elements] == sorted((e["api"] for e in elements), key=str.encode)
    for element in elements:
        assert list(element) == ["api", "kind", "apiId", "document", "webhooks", "handlers", "problems"]
        assert element["kind"] in ("oas", "classic")
        refs = [webhook["ref"] for webhook in element["webhooks"]]
        assert refs == sorted(refs, key=str.encode)
        for handler in element["handlers"]:
            assert handler["source"] in ("Global", "Converted", "Local", "Missing")
        for problem in element["problems"]:
            assert problem["severity"] in ("error", "warning")
            assert set(problem) <= {"severity", "reason", "handler", "message"}
        refused = {"InvalidSpec", "Conflict", "ContextNotFound", "ConfigMapNotFound"}
        errors = {p["reason"] for p in element["problems"] if p["severity"] == "error"}
        assert (element["document"] is None) == bool(errors & refused)


def handlers_of(document):
    if "x-tyk-api-gateway" in document:
        return [h for h in document["x-tyk-api-gateway"].get("server", {}).get("eventHandlers", [])
                if h["type"] == "webhook"]
    events = (document.get("event_handlers") or {}).get("events") or {}
    return [h["handler_meta"] for handlers in events.values() for h in handlers or []
            if h["handler_name"] == "eh_web_hook_handler"]


@pytest.mark.parametrize("case", [case for case in CASES if is_render(case)])
def test_no_unresolved_reference_is_pushed(grapnel, case):
    for element in json.loads(run(grapnel, case).stdout):
        resolved = {webhook["ref"] for webhook in element["webhooks"] if webhook["source"] == "Global"}
        for handler in handlers_of(element["document"] or {}):
            assert handler.get("id") is None or handler["id"] in resolved
            assert handler.get("url") or handler.get("target_path")


SEALED = [case for case in CASES if case.startswith("materialize-sealed-")]


@pytest.mark.parametrize("case", SEALED)
def test_a_placeholder_of_a_sealed_value_is_refused_wherever_it_stands(grapnel, case):
    written = run(grapnel, case).stdout
    done = subprocess.run([grapnel, "validate", "-"], input=written, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout.count("it is the placeholder of a Secret's value") == written.count("<secret>") > 0


@pytest.mark.parametrize("case", SEALED)
def test_sealed_values_that_cannot_be_opened_count_as_absent_elsewhere(grapnel, case):
    """And no command prints the sealed text."""
    missing = set(re.findall(r"the webhook (\w+):", text_of(case, "stderr")))
    [element] = json.loads(run(grapnel, case, command="render").stdout)
    assert {handler["ref"] for handler in element["handlers"] if handler["source"] == "Missing"} == missing
    assert {webhook["ref"] for webhook in element["webhooks"]}.isdisjoint(missing)
    done = subprocess.run([grapnel, "validate", "in.yaml"], cwd=HERE / case, capture_output=True, text=True, timeout=60)
    assert set(re.findall(r'there is no Webhook "(\w+)"', done.stdout)) >= missing
    everything = [run(grapnel, case), run(grapnel, case, command="render"), done]
    assert not [one for one in everything if "v1:" in one.stdout + one.stderr]


def test_every_row_of_the_table_has_its_case():
    named = re.findall(r"`([a-z0-9-]+)`", (HERE / "README.md").read_text())
    assert sorted(set(named) - set(CASES)) == []
    assert sorted(set(CASES) - set(named)) == []


@pytest.mark.parametrize("arguments, complaint", [
    ([], "name the files"),
    (["none.yaml"], "none.yaml"),
    (["-o", "xml", "in.yaml"], "json or yaml"),
    (["--nonsense", "in.yaml"], "--nonsense"),
    (["--default-cooldown", "500ms", "in.yaml"], "--default-cooldown"),
])
def test_what_cannot_run_exits_with_2(grapnel, arguments, complaint):
    done = subprocess.run([grapnel, "render", *arguments], cwd=HERE / "reference-by-name",
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_stdin_is_read(grapnel):
    text = text_of("reference-by-name", "in.yaml")
    done = subprocess.run([grapnel, "render", "-"], input=text, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == json.loads(text_of("reference-by-name", "want.json"))
