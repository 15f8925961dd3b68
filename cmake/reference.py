#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes manual pages and shell completions from what the program and the CRDs say of themselves, on stdout.

reference.py manual PROGRAM               grapnel(1)
reference.py kind CRD.yaml                grapnel-KIND(5)
reference.py bash|zsh|fish PROGRAM        completion for a shell

The program's help is the source: `grapnel --help` lists the commands, one a line ("  NAME  what it does"), `grapnel NAME --help` is printed from
the table of options. Dates come from $SOURCE_DATE_EPOCH.
"""

import argparse
import datetime
import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CRD_README = HERE.parent / "crds" / "generate-readme.py"
VERSION = re.search(r"project\(grapnel VERSION (\S+)", (HERE.parent / "CMakeLists.txt").read_text())[1]


@dataclass
class Option:
    name: str
    argument: str  # "" for a switch
    help: str

    @property
    def flag(self) -> str:
        return f"-{self.name}" if len(self.name) == 1 else f"--{self.name}"

    @property
    def choices(self) -> list[str]:
        """The values, where they are known."""
        if re.fullmatch(r"[a-z]+(\|[a-z]+)+", self.argument):
            return self.argument.split("|")
        if self.argument == "LEVEL":
            return ["debug", "info", "warn", "error"]
        return []

    @property
    def is_file(self) -> bool:
        return self.argument in ("FILE", "PATH", "DIR")


@dataclass
class Command:
    name: str
    summary: str
    usage: str = ""
    arguments: str = ""
    options: list[Option] = field(default_factory=list)

    @property
    def takes_files(self) -> bool:
        return "FILE" in self.arguments


class Mistake(Exception):
    pass


# --- the program's help ---

def ask(program: str, *arguments: str) -> str:
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    if result.returncode != 0:
        raise Mistake(f"{program} {' '.join(arguments)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def read_options(text: str) -> list[Option]:
    """Of the part after "Options:": "  --name ARGUMENT  help", where the help may stand on the next line; "-n" is an option too."""
    _, _, part = text.partition("\nOptions:\n")
    options = []
    for block in re.split(r"\n(?=  -)", "\n" + part.split("\n\n")[0].rstrip())[1:]:
        words = re.fullmatch(r"  --?([a-z-]+)(?: (\S+))?\s{2,}(.*)", " ".join(block.split("\n")), re.DOTALL)
        if not words:
            raise Mistake(f"not understood: {block}")
        options.append(Option(words[1], words[2] or "", re.sub(r"\s+", " ", words[3])))
    return options


def read_command(program: str, name: str, summary: str) -> Command:
    text = ask(program, name, "--help")
    usage = re.match(r"Usage: (grapnel \S+(?: \[OPTIONS\])?(?: (.*))?)\n\n(.*)\n", text)
    if not usage:
        raise Mistake(f"{program} {name} --help begins otherwise than expected")
    arguments = usage[2] or ""
    return Command(name, usage[3] or summary, usage[1], arguments, read_options(text))


def read_commands(program: str) -> list[Command]:
    found = re.findall(r"^  (?:grapnel )?([a-z][a-z-]+)  +(\S.*)$", ask(program, "--help"), re.MULTILINE)
    if not found:
        raise Mistake(f"{program} --help lists no command")
    return [read_command(program, name, summary) for name, summary in found]


# --- manual pages ---

def roff(text: str) -> str:
    text = text.replace("\\", "\\(rs").replace("-", "\\-").replace("'", "\\(aq").replace("…", "...").replace("`", "")
    return re.sub(r"^\.", r"\\&.", text, flags=re.MULTILINE)


def head(name: str, section: int, what: str) -> list[str]:
    date = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc).date()
    return [f'.TH {name.upper()} {section} {date} "grapnel {VERSION}"', ".SH NAME", f"{roff(name)} \\- {roff(what)}"]


def option_lines(option: Option) -> list[str]:
    argument = f" \\fI{roff(option.argument)}\\fR" if option.argument else ""
    return [".TP", f"\\fB{roff(option.flag)}\\fR{argument}", roff(option.help)]


def manual(program: str) -> str:
    commands = read_commands(program)
    lines = head("grapnel", 1, "gives open-source Tyk gateways global webhooks")
    lines += [".SH SYNOPSIS"]
    for command in commands:
        name, _, rest = command.usage.removeprefix("grapnel ").partition(" ")
        lines += [f".B grapnel {roff(name)}", roff(rest)] if rest else [f".B grapnel {roff(name)}"]
        lines.append(".br")
    lines += [".SH DESCRIPTION", roff(
        "Grapnel watches API definitions and webhooks, in a Kubernetes cluster or in a folder of manifests, resolves every reference "
        "to a global webhook into a copy, keeps the copies current, and brings every gateway to exactly these definitions."),
        ".SH COMMANDS"]
    for command in commands:
        lines += [f".SS grapnel {roff(command.name)}", roff(command.summary)]
        for option in command.options:
            lines += option_lines(option)
    lines += [".SH EXIT STATUS", ".TP", "0", "fine, warnings included", ".TP", "1", "problems or differences found, or not converged",
              ".TP", "2", roff("could not run: usage, unreadable input, unreachable server"),
              ".SH ENVIRONMENT", roff("Each option is also read from the environment: --some-option is GRAPNEL_SOME_OPTION. A flag wins over it."),
              ".TP", ".B TYK_URL", "a gateway, where no option names one", ".TP", ".B TYK_AUTH",
              roff("the gateways' secret, where --gateway-secret-file is not given"),
              ".SH FILES", ".TP", ".I /etc/grapnel/objects", "manifests of the service", ".TP", ".I /etc/default/grapnel",
              "environment of the service", ".TP", ".I /var/lib/grapnel", "its state: a status of each object, and the memory of conversions",
              ".SH SEE ALSO", ".BR grapnel\\-apidefinition (5),", ".BR grapnel\\-webhook (5),", ".BR grapnel\\-operatorcontext (5)"]
    return "\n".join(lines) + "\n"


def readme_of_crds():
    """The module that writes crds/README.md: how fields, their types and their limits are told is said there."""
    spec = importlib.util.spec_from_file_location("generate_readme", CRD_README)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kind(path: str) -> str:
    told = readme_of_crds()
    crd = yaml.safe_load(Path(path).read_text())["spec"]
    names, version = crd["names"], crd["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    lines = head(f"grapnel-{names['singular']}", 5, f"{names['kind']}, a kind of Grapnel")
    lines += [".SH SYNOPSIS", ".nf", roff(f"apiVersion: {crd['group']}/{version['name']}"), f"kind: {names['kind']}", ".fi",
              ".SH DESCRIPTION", roff(schema["description"])]
    for part in ("spec", "status"):
        lines.append(f".SH {part.upper()}")
        for name, member, required in told.fields(schema["properties"][part], part):
            facts = [told.type_name(member), *told.limits(member), *(["required"] if required else [])]
            if "default" in member:
                facts.append(f"default {told.value(member['default'])}")
            lines += [".TP", f"\\fB{roff(name)}\\fR", f"{roff(', '.join(facts))}.", roff(member["description"])]
    lines += [".SH REFUSED", roff("Beside what stands with the fields:")]
    for name, message in told.rules(schema["properties"]["spec"]):
        lines += [".TP", f"\\fB{roff(name)}\\fR", roff(message)]
    lines += [".SH SEE ALSO", ".BR grapnel (1)"]
    return "\n".join(lines) + "\n"


# --- completion ---

def bash(program: str) -> str:
    commands = read_commands(program)
    lines = ["# bash completion for grapnel", "_grapnel()", "{", "    local current previous", "    COMPREPLY=()",
             "    current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}",
             "    if [ \"$COMP_CWORD\" -eq 1 ]; then",
             f"        mapfile -t COMPREPLY < <(compgen -W '{' '.join(command.name for command in commands)}' -- \"$current\")",
             "        return", "    fi", "    case ${COMP_WORDS[1]} in"]
    for command in commands:
        lines += [f"    {command.name})", "        case $previous in"]
        for option in command.options:
            if option.choices:
                lines.append(f"        {option.flag}) mapfile -t COMPREPLY < <(compgen -W '{' '.join(option.choices)}' -- \"$current\"); return ;;")
            elif option.is_file:
                lines.append(f"        {option.flag}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;")
            elif option.argument:
                lines.append(f"        {option.flag}) return ;;")
        flags = " ".join(["--help", *(option.flag for option in command.options)])
        lines += ["        esac", "        if [[ $current == -* ]]; then",
                  f"            mapfile -t COMPREPLY < <(compgen -W '{flags}' -- \"$current\")"]
        if command.takes_files:
            lines += ["        else", "            compopt -o filenames", "            mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"]
        lines += ["        fi", "        ;;"]
    return "\n".join([*lines, "    esac", "}", "complete -F _grapnel grapnel"]) + "\n"


def quoted(text: str) -> str:
    return text.replace("'", "'\\''")


def zsh(program: str) -> str:
    commands = read_commands(program)

    def escaped(text: str) -> str:
        return quoted(re.sub(r"([\[\]:])", r"\\\1", text))

    lines = ["#compdef grapnel", "_grapnel() {", "    local -a commands=("]
    lines += [f"        '{escaped(command.name)}:{escaped(command.summary)}'" for command in commands]
    lines += ["    )", "    if (( CURRENT == 2 )); then", "        _describe command commands", "        return", "    fi",
              "    local command=${words[2]}", "    shift words", "    (( CURRENT-- ))", "    case $command in"]
    for command in commands:
        lines += [f"    {command.name})", "        _arguments \\"]
        for option in command.options:
            repeat = "\\*" if "(repeatable)" in option.help else ""
            action = f"({' '.join(option.choices)})" if option.choices else "_files" if option.is_file else ""
            value = f"{'=' if len(option.name) > 1 else ''}:{escaped(option.argument)}:{action}" if option.argument else ""
            equals, colon, rest = value.partition(":")
            lines.append(f"            {repeat}'{option.flag}{equals}[{escaped(option.help)}]{colon}{rest}' \\")
        lines += ["            '--help[what the command does]'" + (" \\" if command.takes_files else "")]
        if command.takes_files:
            lines += ["            '*:manifests:_files'"]
        lines += ["        ;;"]
    return "\n".join([*lines, "    esac", "}", '_grapnel "$@"']) + "\n"


def fish(program: str) -> str:
    commands = read_commands(program)
    lines = ["# fish completion for grapnel", "complete -c grapnel -f"]
    for command in commands:
        lines.append(f"complete -c grapnel -n __fish_use_subcommand -a {command.name} -d '{fish_quoted(command.summary)}'")
    for command in commands:
        when = f"complete -c grapnel -n '__fish_seen_subcommand_from {command.name}'"
        if command.takes_files:
            lines.append(f"{when} -F")
        lines.append(f"{when} -l help -d 'What the command does'")
        for option in command.options:
            value = (f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r -F" if option.is_file
                     else " -x" if option.argument else "")
            lines.append(f"{when} {'-s' if len(option.name) == 1 else '-l'} {option.name}{value} -d '{fish_quoted(option.help)}'")
    return "\n".join(lines) + "\n"


def fish_quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


WRITERS = {"manual": manual, "kind": kind, "bash": bash, "zsh": zsh, "fish": fish}


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes manual pages and shell completions on stdout.")
    parser.add_argument("what", choices=WRITERS)
    parser.add_argument("source", help="the program, or a CRD for kind")
    arguments = parser.parse_args()
    try:
        sys.stdout.write(WRITERS[arguments.what](arguments.source))
    except Mistake as mistake:
        print(f"reference.py: {mistake}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
