# SPDX-License-Identifier: Apache-2.0
"""What the pages for people say is there: links, commands, options; and no reason is without a remedy."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTROLLER = ROOT / "controller"
PAGES = sorted(ROOT / name for name in subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True,
    check=True).stdout.split())
TROUBLE = (ROOT / "manifests" / "troubleshooting.md").read_text()
# Reasons of conditions stand in these files, beside types and words that are no reasons of a fault.
FILES = ["core/api_status.c", "reconcile/webhook_flow.c", "reconcile/context_flow.c", "core/context_place.c"]
FINE = {"Ready", "ResolvedRefs", "Programmed", "Reconciling", "Stalled", "Synced", "Resolved", "Converted", "Valid", "GatewaysSynced",
        "Successful", "Failed", "Secret", "Service", "OperatorContext"}

# Options of kubectl, helm and every program, where they stand alone.
OF_OTHERS = {"--wait", "--help", "--force-conflicts", "--take-ownership"}


def anchors(page: Path) -> set[str]:
    """As the repository's host makes them."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{target} does not exist"
        assert not anchor or anchor in anchors(other), f"{target}: there is no such heading; there are {sorted(anchors(other))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_are_there(page):
    """Names with a folder, in back quotes, as seen from the page or from the root."""
    for name in re.findall(r"`((?:\w[\w.-]*/)+[\w.-]+\.(?:md|yaml|sh|py|c|h|lua|json))`", page.read_text()):
        assert any((base / name).exists() for base in (page.parent, ROOT)), f"{name} does not exist"


def say(*arguments: str) -> str:
    binary = Path(os.environ["GRAPNEL_BUILD_DIR"]).resolve() / "grapnel"
    return subprocess.run([binary, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def commands() -> dict[str, set[str]]:
    """The program's commands and the options of each."""
    names = re.findall(r"^  ([a-z]+)  ", say("--help"), re.M)
    assert {"run", "render", "validate"} <= set(names)
    return {name: set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", say(name, "--help"))) for name in names}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_are_the_programs(page, commands):
    text = page.read_text()
    every = set().union(*commands.values())
    for line in re.findall(r"(?:^|`|\| )grapnel ([a-z]+\b[^`\n]*)", text, re.M):
        name, *words = line.split("#")[0].split("|")[0].split()
        assert name in commands, f"there is no command {name}: grapnel {line}"
        for word in words:
            if word.startswith("-") and word != "-":
                assert word.split("=")[0] in commands[name] | {"--help"}, f"{name} has no option {word}"
    if "tests" not in page.relative_to(ROOT).parts:
        for flag in re.findall(r"`(--[a-z][a-z-]+)`", text):
            assert flag in every | OF_OTHERS, f"no command has {flag}"


def test_every_reason_of_a_fault_has_a_remedy():
    code = {word for name in FILES for word in re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*)"', (CONTROLLER / name).read_text())} - FINE
    assert len(code) > 15
    assert sorted(word for word in code if f"`{word}`" not in TROUBLE) == []
