# SPDX-License-Identifier: Apache-2.0
"""manifests/argocd/health.lua, run as Argo CD runs it."""

import json
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "manifests" / "argocd" / "health.lua"

# Argo CD loads these two libraries, os.time and os.date, and stops a script after a second.
RUNNER = """
local environment = {}
for _, name in ipairs({"assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type", "unpack"}) do
  environment[name] = _G[name]
end
environment.table = table
environment.obj = %s
local script = assert(loadfile(%s))
setfenv(script, environment)
local result = script()
for key in pairs(result) do
  assert(key == "status" or key == "message", key)
end
io.write(result.status, "\\n", result.message or "")
"""


def lua_text(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{json.dumps(key)}] = {lua_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(lua_text, value)) + "}"
    if value is None:
        return "nil"
    return json.dumps(value)


def health(lua: str, thing: dict) -> tuple[str, str]:
    runner = RUNNER % (lua_text(thing), json.dumps(str(SCRIPT)))
    result = subprocess.run([lua, "-"], input=runner, capture_output=True, text=True, timeout=5)
    assert result.returncode == 0, result.stderr
    status, _, message = result.stdout.partition("\n")
    return status, message
