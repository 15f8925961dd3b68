# SPDX-License-Identifier: Apache-2.0
"""JSON pointers (RFC 6901), for whoever compares answers."""

ABSENT = "<absent>"


def parts(path):
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def pointer(value, path):
    """The value at a JSON pointer, ABSENT where there is none."""
    for part in parts(path):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ABSENT
    return value


def change(value, path, edit):
    """Replaces the value at a JSON pointer by edit(value); edit may return ABSENT to remove it."""
    *way, last = parts(path)
    for part in way:
        key = int(part) if isinstance(value, list) else part
        if isinstance(value, dict) and key not in value:
            return
        value = value[key]
    key = int(last) if isinstance(value, list) else last
    if isinstance(value, dict) and key not in value:
        return
    value[key] = edit(value[key])
    if value[key] is ABSENT:
        del value[key]
