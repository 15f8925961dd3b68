# SPDX-License-Identifier: Apache-2.0
"""The README's table of options is what the program says of itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BEGIN, END = "|---|---|---|\n", "<!-- end of options -->"


def help_text():
    binary = Path(os.environ["GRAPNEL_BUILD_DIR"]).resolve() / "grapnel"
    return subprocess.run([binary, "run", "--help"], capture_output=True, text=True, check=True).stdout


def table():
    """One row an option: name with its argument, help, default in brackets at the end of the help."""
    rows, current = [], None
    for line in help_text().splitlines():
        option = re.match(r"  (--\S+(?: \S+)?)(?:\s{2,}(.*))?$", line)
        if option:
            current = [option.group(1), option.group(2) or ""]
            rows.append(current)
        elif current and line.startswith(" " * 10):
            current[1] += line.strip()
        elif not line.strip():
            current = None
    assert len(rows) > 20
    text = ""
    for name, words in rows:
        default = re.search(r" \[([^]]*)\]", words)
        words = words.replace(default.group(0), "") if default else words
        escaped = [part.replace("|", "\\|") for part in (name, words, default.group(1) if default else "")]
        text += f"| `{escaped[0]}` | {escaped[1]} | {escaped[2]} |\n"
    return text


def test_options_in_the_readme_are_those_of_the_program():
    before, rest = README.read_text().split(BEGIN, 1)
    found, after = rest.split(END, 1)
    assert found == table(), "run tests/checks/test_readme.py as a program to renew the table"


def test_folders_that_kubectl_applies_are_applied_as_what_they_are():
    """With -f, a kustomization.yaml is one object too many; with -k, there must be one."""
    found = re.findall(r"kubectl apply (?:--\S+ )*-([fk]) ([\w/.-]+)", README.read_text())
    assert found
    for flag, path in found:
        assert (ROOT / path).is_dir() and (ROOT / path / "kustomization.yaml").exists() == (flag == "k"), path


def test_the_operator_is_installed_where_the_samples_grant_it_rights():
    granted = set(re.findall(r"name: grapnel\n +namespace: (\S+)", (ROOT / "manifests/samples/secret-access.yaml").read_text()))
    assert set(re.findall(r"helm install .*? -n (\S+)", README.read_text())) == granted


if __name__ == "__main__":
    head, tail = README.read_text().split(BEGIN, 1)
    README.write_text(head + BEGIN + table() + END + tail.split(END, 1)[1])
    sys.exit(0)
