#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The YAML reader against another one: tests/fuzz/yaml_reference.py YAML_TO_JSON [COUNT [SEED]]

Texts are made of random trees in random styles (block, flow, quoted, literal, folded, anchors, comments, several documents),
some of them damaged by a few characters. PyYAML's own parser, in Python, reads their structure; what plain scalars mean is
kubectl's, from a second table of the rules, below. Where both take a text it must say the same; what one of them refuses and
the other takes must be for one of the reasons that are named here.
"""

import json
import random
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
NULLS = {"", "~", "null", "Null", "NULL"}
TRUE = {word for base in ("y", "yes", "on", "true") for word in (base, base.capitalize(), base.upper())}
FALSE = {word for base in ("n", "no", "off", "false") for word in (base, base.capitalize(), base.upper())}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Why we refuse what PyYAML takes.
OURS = ("stands twice", "duplicate", "key", "finite", "NUL", "alias", "anchor", "too large", "too many", "nested", "tag",
        "UTF-8", "U+", "merge", "<<", "control", "character", "tab")
# Why PyYAML refuses what libyaml takes: a comment right behind `|` or `>`, a question mark within a word between brackets, an
# anchor that is there.
LIBYAMLS = ("expected chomping or indentation indicators, but found '#'", "but got '?'", "found duplicate anchor")


class Odd(Exception):
    """A value that JSON cannot say, or that the rules leave open."""


def integer(text: str) -> int | None:
    """Go's ParseInt with base 0, without underscores."""
    found = re.fullmatch(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", text)
    if not found:
        return None
    digits = found[2].lower()
    base = 16 if digits.startswith("0x") else 2 if digits.startswith("0b") else 8 if len(digits) > 1 and digits[0] == "0" else 10
    value = int(digits[2:] if digits[:2] in ("0x", "0b", "0o") else digits, base)
    return -value if found[1] == "-" else value


def plain(text: str):
    if text in NULLS:
        return None
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    if text[0] in "-+.0123456789":
        if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
            raise Odd(text)
        bare = text.replace("_", "")
        value = integer(bare)
        if value is not None and -2**63 <= value < 2**64:
            # Go's ParseUint takes no sign: such a one is a float.
            return Decimal(repr(float(value))) if bare[0] == "+" and value >= 2**63 else Decimal(value)
        if FLOAT.fullmatch(bare):
            if value is not None or abs(Decimal(bare)) > Decimal("1e300"):
                raise Odd(text)
            return Decimal(bare)
        if value is not None:
            raise Odd(text)
    return text


def scalar(node):
    if node.explicit:
        if node.tag != "tag:yaml.org,2002:str":
            raise Odd("a tag")
        return node.value
    if node.style is not None:
        return node.value
    return plain(node.value)


def value_of(node, above=()):
    if node in above:
        raise Odd("recursion")
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [value_of(one, (*above, node)) for one in node.value]
    made = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Odd("a key that is no scalar")
        name = scalar(key)
        if name is None or (isinstance(name, Decimal) and name != name.to_integral_value()):
            raise Odd("a key without a form of its own")
        if key.style is None and name == "<<":
            raise Odd("merge")
        text = {True: "true", False: "false"}[name] if isinstance(name, bool) else str(int(name)) if isinstance(name, Decimal) \
            else name
        if text in made:
            raise Odd("a key twice")
        made[text] = value_of(value, (*above, node))
    return made


class Composer(yaml.SafeLoader):
    """Remembers whether a scalar's tag was written down."""

    def compose_scalar_node(self, anchor):
        event = self.peek_event()
        node = super().compose_scalar_node(anchor)
        node.explicit = event.tag is not None
        return node


def reference(text: str) -> list:
    """The documents, empty ones left out."""
    documents = []
    for node in yaml.compose_all(text, Loader=Composer):
        value = None if node is None else value_of(node)
        if value is not None:
            documents.append(value)
    return documents


# --- texts ---

WORDS = ["a", "b c", "yes", "no", "on", "014", "0o14", "0x1F", "1_000", ".5", "1e3", "-1", "+2", "~", "null", "12:30:45",
         "2026-01-02", "é", "x: y", "# no", "- z", "'", '"', "\\", "a\tb", "0b11", "1.", "0.10", "18446744073709551615", "{", "]",
         "%d", "@a", "`", "true", "False", "y", "N", "a#b", "a: ", "...", "--- x", "!x", "&y", "*z", "|", ">", "1__0", "-", "?"]


# Those that can stand without quotes.
PLAIN = [word for word in WORDS if word[0] not in "#'\"{}[]%@`!&*|>" and ": " not in word and not word.endswith(":")
         and word not in ("-", "?", "a: ", "...", "--- x", "- z") and "\t" not in word]


class Maker:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.anchors: list[str] = []

    def word(self) -> str:
        return self.random.choice(WORDS)

    def quoted(self, word: str) -> str:
        if self.random.random() < 0.5:
            return "'" + word.replace("'", "''") + "'"
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'

    def scalar(self, indent: int) -> str:
        kind = self.random.randrange(10)
        if kind < 4:
            return self.random.choice(PLAIN if self.random.random() < 0.97 else WORDS)
        if kind < 6:
            return self.quoted(self.word())
        if kind == 6:
            sign = self.random.choice(["|", ">", "|-", ">-", "|+", ">+"])
            pad = " " * (indent + 2)
            lines = "".join(f"{pad}{self.random.choice(['', ' ', '  '])}{self.word()}\n{self.random.choice(['', chr(10)])}"
                            for _ in range(self.random.randrange(1, 4)))
            return f"{sign}\n{lines}".rstrip("\n")
        if kind == 7:
            return "!!str " + self.random.choice(PLAIN)
        if kind == 8 and self.anchors:
            return "*" + self.random.choice(self.anchors)
        return ""

    def flow(self, depth: int) -> str:
        kind = self.random.randrange(4 if depth < 3 else 2)
        if kind == 2:
            return "[" + ", ".join(self.flow(depth + 1) for _ in range(self.random.randrange(4))) + "]"
        if kind == 3:
            return "{" + ", ".join(f"{self.quoted(f'k{i}')}: {self.flow(depth + 1)}"
                                   for i in range(self.random.randrange(4))) + "}"
        return self.quoted(self.word()) if kind else self.random.choice(["1", "yes", "a b", "~", "0x1F", "é"])

    def anchor(self) -> str:
        if self.random.random() > 0.1:
            return ""
        self.anchors.append(f"a{len(self.anchors)}")
        return f"&{self.anchors[-1]} "

    def block(self, indent: int, depth: int) -> str:
        pad = " " * indent
        lines = []
        is_map = self.random.random() < 0.6
        for number in range(self.random.randrange(1, 5)):
            lead = f"{pad}{self.random.choice(['k', '1', 'yes', 'é'])}{number}:" if is_map else f"{pad}-"
            if self.random.random() < 0.1:
                lines.append(f"{pad}# {self.word()}")
            kind = self.random.randrange(6)
            if kind == 0 and depth < 4:
                step = self.random.choice([1, 2, 4])
                lines.append(f"{lead}{' ' + self.anchor() if self.random.random() < 0.2 else ''}\n"
                             f"{self.block(indent + step, depth + 1)}")
            elif kind == 1:
                lines.append(f"{lead} {self.flow(0)}")
            else:
                lines.append(f"{lead} {self.anchor()}{self.scalar(indent)}")
        return "\n".join(lines)

    def text(self) -> str:
        self.anchors = []
        documents = [self.block(0, 0) for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
        text = "\n---\n".join(documents) + self.random.choice(["", "\n", "\n...\n", "\n---\n"])
        if self.random.random() < 0.2:
            for _ in range(self.random.randrange(1, 4)):
                at = self.random.randrange(len(text) + 1)
                text = text[:at] + self.random.choice(["", " ", "\n", ":", "- ", "'", '"', "#", "\t", "{", "]", ",", "\r\n"]) \
                    + text[at + self.random.randrange(2):]
        return text


# --- the comparison ---

class Ours:
    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, text: str) -> tuple[list | None, str]:
        data = text.encode()
        self.process.stdin.write(b"%d\n%s" % (len(data), data))
        self.process.stdin.flush()
        head = self.process.stdout.readline().decode()
        if not head.startswith("ok "):
            return None, head.strip()
        return [json.loads(self.process.stdout.readline(), parse_int=Decimal, parse_float=Decimal)
                for _ in range(int(head[3:]))], ""


def compare(text: str, ours: Ours, counts: dict[str, int]) -> str | None:
    """What is wrong, or None."""
    read, why = ours.read(text)
    try:
        wanted = reference(text)
    except Odd:
        counts["left open"] += 1
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        counts["refused by PyYAML"] += 1
        # We read with libyaml, as kubectl's reader does, whose grammar is PyYAML's but for tabs and for what is named
        # here; JSON is read as JSON.
        if any(known in str(error) for known in LIBYAMLS):
            return None
        if read is not None and "\t" not in text and not text.lstrip().startswith(("{", "[")):
            return f"taken, and PyYAML says {str(error)[:200]!r}: {read}"
        return None
    if read is None:
        counts["refused by us"] += 1
        return None if any(reason in why for reason in OURS) else f"{why}, and PyYAML reads {wanted}"
    counts["equal"] += 1
    return None if read == wanted else f"{read} instead of {wanted}"


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    ours, maker = Ours(sys.argv[1]), Maker(seed)
    counts = dict.fromkeys(("equal", "left open", "refused by us", "refused by PyYAML"), 0)
    texts = [path.read_text() for folder in ("yaml", "manifests") for path in sorted((HERE / "corpus" / folder).iterdir())
             if not path.read_bytes().startswith(b"\xff") and _is_text(path)]
    wrong = 0
    for number in range(-len(texts), count):
        text = texts[number] if number < 0 else maker.text()
        problem = compare(text, ours, counts)
        if problem:
            wrong += 1
            if wrong <= 10:
                print(f"--- text {number} of seed {seed}\n{text}\n--- {problem}")
    print(f"{count + len(texts)} texts: {counts}, {wrong} wrong")
    return 1 if wrong else 0


def _is_text(path: Path) -> bool:
    try:
        return "\0" not in path.read_text()
    except UnicodeDecodeError:
        return False


if __name__ == "__main__":
    sys.exit(main())
