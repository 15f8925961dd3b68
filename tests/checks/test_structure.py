# SPDX-License-Identifier: Apache-2.0
"""The rules of ARCHITECTURE.md, as far as a machine can hold them."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTROLLER = ROOT / "controller"

# What each folder may include of the others.
MAY_INCLUDE = {
    "base": {"base"},
    "core": {"base", "core"},
    "ports": {"base", "core", "ports"},
    "net": {"base", "ports", "net"},
    "kube": {"base", "core", "ports", "kube"},
    "dir": {"base", "core", "ports", "dir"},
    "gateway": {"base", "core", "ports", "gateway"},
    "reconcile": {"base", "core", "ports", "reconcile"},
    "serve": {"base", "ports", "serve"},
    "cli": None,  # everything
    ".": None,
}

# Libraries stand behind one folder each.
LIBRARY_HOME = {
    r"curl/curl\.h": {"net"},
    r"event2/.*": {"net"},
    r"yaml\.h": {"base"},
    r"zstd\.h": {"base"},
    r"openssl/.*": {"base"},
    r"sys/inotify\.h": {"dir"},
}

# core computes: what it may call besides itself, base and jansson.
PURE_CALLS = re.compile(
    r"^(mem(cpy|move|cmp|chr|set|mem|rchr)|str(len|cmp|ncmp|casecmp|ncasecmp|chr|rchr|str|spn|cspn|pbrk"
    r"|toll|toull|tod|nlen|chrnul)|qsort|bsearch|free|abort|(v?sn|vas)printf|__ctype_(tolower|toupper|b)_loc"
    r"|tolower|toupper|isalnum|isdigit|is[a-z]+|__stack_chk_fail|json_\w+|pow|floor|trunc|__assert_fail"
    r"|reg(comp|exec|free|error)|__errno_location|lround|fabs"
    r"|__(mem\w+|str\w+|vsnprintf|snprintf|vasprintf|explicit_bzero)_chk|explicit_bzero|__isoc\d+_\w+"
    r"|_GLOBAL_OFFSET_TABLE_)$"
)

BANNED = re.compile(
    r"^(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|strtol|gmtime|localtime|gets|system|popen"
    r"|asctime|ctime|rand|srand|random|tmpnam|mktemp)$"
)


def sources(pattern="*.[ch]"):
    return sorted(CONTROLLER.rglob(pattern))


def room_of(path):
    parts = path.relative_to(CONTROLLER).parts
    return parts[0] if len(parts) > 1 else "."


def includes(path):
    for line in path.read_text().splitlines():
        found = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
        if found:
            yield found.group(1), line.strip()


def test_dependencies_point_one_way():
    wrong = []
    for path in sources():
        allowed = MAY_INCLUDE[room_of(path)]
        for name, line in includes(path):
            room = name.split("/")[0]
            if '"' in line and allowed is not None and room in MAY_INCLUDE and room not in allowed:
                wrong.append(f"{path.relative_to(ROOT)}: {line}")
    assert wrong == []


def test_each_library_stands_behind_one_folder():
    wrong = []
    for path in sources():
        for name, line in includes(path):
            for pattern, homes in LIBRARY_HOME.items():
                if re.fullmatch(pattern, name) and room_of(path) not in homes:
                    wrong.append(f"{path.relative_to(ROOT)}: {line}")
    assert wrong == []


def build_dir():
    build = os.environ.get("GRAPNEL_BUILD_DIR")
    if not build:
        pytest.fail("GRAPNEL_BUILD_DIR is not set: the folder of a build without sanitizers")
    return Path(build)


def undefined_symbols(room):
    objects = sorted((build_dir() / "controller" / "CMakeFiles" / f"{room}.dir").rglob("*.o"))
    assert objects, f"nothing of {room} is built"
    for path in objects:
        output = subprocess.run(["nm", "-u", path], capture_output=True, text=True, check=True).stdout
        for line in output.splitlines():
            yield path.name, line.split()[-1].split("@")[0]


def defined_symbols(room):
    objects = (build_dir() / "controller" / "CMakeFiles" / f"{room}.dir").rglob("*.o")
    for path in sorted(objects):
        output = subprocess.run(
            ["nm", "--defined-only", "-g", path], capture_output=True, text=True, check=True
        ).stdout
        for line in output.splitlines():
            yield line.split()[-1]


def test_core_is_pure():
    """No I/O, no clock, no log, no environment: by the symbols its objects ask for."""
    own = set(defined_symbols("core")) | set(defined_symbols("base"))
    own -= {name for name in own if name.startswith("log_")}
    wrong = sorted(
        {
            f"{path}: {name}"
            for path, name in undefined_symbols("core")
            if name not in own and not PURE_CALLS.match(name)
        }
    )
    assert wrong == []


def test_core_has_no_state():
    """No variable that can change: nothing in .data or .bss."""
    objects = (build_dir() / "controller" / "CMakeFiles" / "core.dir").rglob("*.o")
    wrong = []
    for path in sorted(objects):
        output = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        for line in output.splitlines():
            fields = line.split()
            if fields[-2] in "dDbBC" and not fields[-1].startswith((".L", "__")):
                wrong.append(f"{path.name}: {fields[-1]}")
    # Tables of pointers are constant but live in .data.rel.ro of position-independent code, which nm
    # shows as d: they are told apart by their section.
    for entry in list(wrong):
        name = entry.split(": ")[1]
        path = next(p for p in (build_dir() / "controller").rglob(entry.split(": ")[0]))
        table = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True).stdout
        if re.search(rf"\.data\.rel\.ro\S*\s+\S+\s+{re.escape(name)}$", table, re.M):
            wrong.remove(entry)
    assert wrong == []


def test_gnutls_is_told_to_stay_as_it_is():
    """A library finds the answer only if the program exports it."""
    exported = subprocess.run(
        ["nm", "-D", "--defined-only", build_dir() / "grapnel"], capture_output=True, text=True, check=True
    ).stdout
    assert "_gnutls_global_init_skip" in exported


@pytest.mark.parametrize("room", sorted(room for room in MAY_INCLUDE if room != "ports" and room != "."))
def test_banned_functions_are_not_called(room):
    if not list((CONTROLLER / room).glob("*.c")):
        pytest.fail(f"{room} has no sources")
    wrong = sorted({f"{path}: {name}" for path, name in undefined_symbols(room) if BANNED.match(name)})
    assert wrong == []


def test_headers_stand_alone():
    """Each header compiles by itself, in any order."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "jansson"], capture_output=True, text=True, check=True
    ).stdout.split()
    program = "".join(f'#include "{p.relative_to(CONTROLLER)}"\n' for p in sources("*.h"))

    def compile_text(text):
        return subprocess.run(
            ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", f"-I{CONTROLLER}", *flags, "-"],
            input=text, text=True, stderr=subprocess.PIPE,
        ).stderr

    texts = [program] + [f'#include "{p.relative_to(CONTROLLER)}"\n' for p in sources("*.h")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert [text for text in pool.map(compile_text, texts) if text] == []


def functions(path):
    """(name, first line, last line) of each function, by the house format: braces in column one."""
    start, name, previous = None, None, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("{"):
            start, name = number, previous
        elif line.startswith("}") and start:
            yield name, start, number
            start = None
        elif line and not line[0].isspace() and "(" in line:
            previous = line
    return


def test_functions_and_files_stay_readable():
    wrong = []
    for path in sources("*.c"):
        lines = path.read_text().count("\n")
        if lines > 800:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for name, first, last in functions(path):
            if last - first > 60:
                wrong.append(f"{path.relative_to(ROOT)}:{first}: {last - first} lines: {name}")
    assert wrong == []


def test_every_file_says_its_licence():
    wrong = [str(p.relative_to(ROOT)) for p in sources() if "SPDX-License-Identifier: Apache-2.0" not in p.read_text()[:200]]
    assert wrong == []
