# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completions, from a stand-in that speaks as the program does, and from the program where it is built."""

import importlib.util
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SCRIPT = REPOSITORY / "cmake" / "reference.py"
CRDS = sorted((REPOSITORY / "crds").glob("*.yaml"))
STAND_IN = HERE / "stand-in"


def binary() -> Path | None:
    given = os.environ.get("GRAPNEL_BIN_DIR")
    folders = [Path(given)] if given else [REPOSITORY / "build" / name for name in ("asan", "dev", "release")]
    return next((folder / "grapnel" for folder in folders if (folder / "grapnel").is_file()), None)


@pytest.fixture(params=["stand-in", "grapnel"])
def program(request) -> Path:
    if request.param == "stand-in":
        return STAND_IN
    return binary() or pytest.skip("grapnel is not built")


def write(*arguments) -> str:
    result = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def man(page: str, tmp_path: Path) -> str:
    """What a reader sees; a warning of the formatter is a failure."""
    path = tmp_path / "page.1"
    path.write_text(page)
    result = subprocess.run(["man", "--warnings=w", "-l", path], capture_output=True, text=True,
                            env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    assert result.returncode == 0 and not result.stderr, result.stderr
    return re.sub(".\b", "", result.stdout)


def test_help_is_read_as_it_is_printed(reference):
    run, render, version = reference.read_commands(str(STAND_IN))
    assert [run.name, render.name, version.name] == ["run", "render", "version"]
    assert [option.flag for option in run.options] == ["--source", "--state-dir", "--gateway-url", "--gateway-secret-file", "--once",
                                                       "--log-level", "--log-format", "--an-option-with-a-long-name"]
    assert [option.flag for option in render.options] == ["-o", "--show-secrets"]
    assert run.options[4].argument == "" and run.options[1].is_file and render.takes_files and not run.takes_files
    assert run.options[6].choices == ["json", "text"] and run.options[0].choices == []
    assert run.options[-1].help == r"its help stands on the next line, \ and [brackets]: in it"
    assert version.options == []


def test_every_command_has_help_and_every_option_is_read(reference, program):
    for command in reference.read_commands(str(program)):
        text = subprocess.run([program, command.name, "--help"], capture_output=True, text=True).stdout
        assert len(command.options) == len(re.findall(r"^  -", text, re.MULTILINE))


def test_a_program_that_fails_is_an_error():
    result = subprocess.run([sys.executable, SCRIPT, "manual", "/bin/false"], capture_output=True, text=True)
    assert result.returncode == 1 and "/bin/false --help: exit code 1" in result.stderr and result.stdout == ""


def test_the_manual_shows_every_command_and_option(reference, program, tmp_path):
    text = man(write("manual", program), tmp_path)
    for section in ("NAME", "SYNOPSIS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"):
        assert re.search(rf"^{section}$", text, re.MULTILINE)
    for command in reference.read_commands(str(program)):
        assert f"grapnel {command.name}" in text
        for option in command.options:
            assert f"{option.flag} {option.argument}".strip() in text


@pytest.mark.parametrize("crd", CRDS, ids=lambda path: path.stem)
def test_a_kinds_manual_shows_every_field(crd, tmp_path):
    text = man(write("kind", crd), tmp_path)
    schema = yaml.safe_load(crd.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    fields = [f"{part}.{name}" for part in ("spec", "status") for name in schema[part]["properties"]]
    assert len(fields) > 8
    for name in fields:
        assert re.search(rf"^\s+{re.escape(name)}$", text, re.MULTILINE), name


def test_the_same_inputs_give_the_same_page(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert write("kind", CRDS[0]) == write("kind", CRDS[0])
    assert "2023-11-14" in write("kind", CRDS[0])


# --- completion: the shells themselves are asked ---

def complete_bash(line: str, tmp_path: Path) -> set[str]:
    words = line.split(" ")
    script = f"""source {tmp_path}/completion
COMP_WORDS=({' '.join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
compopt() {{ :; }}
cd {tmp_path}; _grapnel; printf '%s\\n' "${{COMPREPLY[@]}}\""""
    return set(subprocess.run(["bash", "--norc", "-c", script], check=True, capture_output=True, text=True).stdout.split())


def complete_fish(line: str, tmp_path: Path) -> set[str]:
    script = f"cd {tmp_path}; source {tmp_path}/completion; complete -C '{line}'"
    result = subprocess.run(["fish", "--no-config", "-c", script], check=True, capture_output=True, text=True)
    return {one.split("\t")[0] for one in result.stdout.splitlines()}


ZSH = """
fpath=({folder} $fpath)
autoload -Uz compinit
compinit -u -D
# What is offered is also written down. Calls that only sort matches into arrays offer nothing.
compadd() {{
    if [[ ${{@[(I)-(O|A|D)]}} -eq 0 ]]; then
        local -a offered
        builtin compadd -O offered "$@"
        (( $#offered )) && print -l -- $offered >>answer
    fi
    builtin compadd "$@"
}}
probe() {{
    zle list-choices
    exit
}}
zle -N probe
bindkey '^T' probe
print ready
"""


def complete_zsh(line: str, tmp_path: Path) -> set[str]:
    """zsh completes only at a terminal: it gets one, types the line, and a key that asks for choices and ends it."""
    folder = tmp_path / "functions"
    folder.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "completion", folder / "_grapnel")
    (tmp_path / ".zshrc").write_text(ZSH.format(folder=folder))
    (tmp_path / "answer").unlink(missing_ok=True)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execvpe("zsh", ["zsh", "-d", "-i"], {**os.environ, "TERM": "dumb", "ZDOTDIR": str(tmp_path)})
    text = ""
    sent = False
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    text += os.read(terminal, 65536).decode(errors="replace")
                except OSError:  # the other end is closed: zsh has ended
                    break
            if "ready" in text and not sent:
                os.write(terminal, line.encode() + b"\x14")
                sent = True
        else:
            raise AssertionError(f"zsh does not end: {text!r}")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
    return set((tmp_path / "answer").read_text().split()) if (tmp_path / "answer").exists() else set()


SHELLS = {"bash": complete_bash, "zsh": complete_zsh, "fish": complete_fish}


@pytest.fixture(params=SHELLS)
def complete(request, tmp_path):
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param}")
    (tmp_path / "completion").write_text(write(request.param, STAND_IN))
    (tmp_path / "orders.yaml").write_text("")

    def ask(line: str) -> set[str]:
        return SHELLS[request.param](line, tmp_path)

    return ask


def test_commands_are_completed(complete):
    assert complete("grapnel ") == {"run", "render", "version"}


def test_options_of_the_command_are_completed(complete):
    assert complete("grapnel run --gateway-") == {"--gateway-url", "--gateway-secret-file"}
    assert complete("grapnel render --sh") == {"--show-secrets"}


def test_known_values_are_completed(complete):
    assert complete("grapnel run --log-format ") == {"json", "text"}
    assert complete("grapnel run --log-level de") == {"debug"}
    assert complete("grapnel render -o ") == {"json", "yaml"}


def test_files_are_completed_where_files_are_taken(complete):
    assert complete("grapnel render ord") == {"orders.yaml"}
    assert complete("grapnel run --state-dir ord") == {"orders.yaml"}
    assert "orders.yaml" not in complete("grapnel run ord")
