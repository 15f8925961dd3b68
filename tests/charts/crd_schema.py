# SPDX-License-Identifier: Apache-2.0
"""Checks objects against the schemas of crds/, strictly: an unknown field is a problem. CEL rules are left to an API server."""

import re
from pathlib import Path

import yaml

CRDS = Path(__file__).resolve().parents[2] / "crds"
KEEP = "x-kubernetes-preserve-unknown-fields"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def schemas() -> dict[str, dict]:
    crds = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    return {crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for crd in crds}


def problems(value, schema: dict, path: str = ""):
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            yield f"{path}: neither integer nor string"
        return
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path}: not of type {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{path}: length {len(value)}"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), f"{path}[{index}]")
    if isinstance(value, dict):
        yield from _members(value, schema, path)


def _members(value: dict, schema: dict, path: str):
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}.{name}: missing"
    properties = schema.get("properties", {})
    for name, member in value.items():
        if path == "" and name == "metadata":
            continue
        if name in properties:
            yield from problems(member, properties[name], f"{path}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            yield from problems(member, schema["additionalProperties"], f"{path}.{name}")
        elif not schema.get(KEEP) and schema:
            yield f"{path}.{name}: unknown field"
