#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What comes and goes leaves nothing behind: tests/memory/cycles.py BUILD_DIR [CYCLES [OBJECTS]]

A folder source and two gateways (the stub). In each cycle OBJECTS APIs with a Webhook, a Secret and an OAS document in a
ConfigMap appear under new names, are pushed, are changed, and go again. The heap in use after each cycle is printed; it
fails when the second half of the cycles ends with more than 64 KiB above the first half's end. The build must be one
without sanitizers.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cret"
PATIENCE = 60
ALLOWED = 64 * 1024


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def definitions(port: int) -> int:
    """How many a gateway has on its disk."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/tyk/apis", headers={"X-Tyk-Authorization": SECRET})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return len(json.load(answer))
    except OSError:
        return -1


def document(name: str, version: int, ref: str) -> dict:
    return {"openapi": "3.0.3", "info": {"title": name, "version": str(version)}, "paths": {},
            "x-tyk-api-gateway": {
                "info": {"name": name, "state": {"active": True}}, "upstream": {"url": "http://up/"},
                "server": {"listenPath": {"value": f"/{name}/", "strip": True},
                           "eventHandlers": [{"enabled": True, "type": "webhook", "trigger": "QuotaExceeded", "id": ref}]}}}


def objects(cycle: int, number: int, version: int) -> list[dict]:
    name = f"c{cycle}-n{number}"
    hook = {"name": f"{name}-hook", "namespace": "default"}
    secret = {"secretKeyRef": {"name": f"{name}-secret", "key": "token"}}
    made = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-secret"}, "stringData": {"token": f"t-{version}"}},
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "Webhook", "metadata": hook,
         "spec": {"url": f"https://hook.example/{version}", "id": f"id-{name}",
                  "headers": [{"name": "Authorization", "valueFrom": secret}]}},
    ]
    api = {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": {"name": name}}
    if number % 2:
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-doc"},
                     "data": {"oas.json": json.dumps(document(name, version, f"id-{name}"))}})
        api["spec"] = {"oasRef": {"configMapKeyRef": {"name": f"{name}-doc", "key": "oas.json"}}}
    else:
        api["spec"] = {"oas": document(name, version, hook["name"])}
    return made + [api]


def write(folder: Path, cycle: int, count: int, version: int) -> None:
    text = "\n---\n".join(json.dumps(item) for number in range(count) for item in objects(cycle, number, version))
    temporary = folder / ".new"
    temporary.write_text(text)
    temporary.rename(folder / "cycle.yaml")


def wait_for(ports: list[int], count: int) -> None:
    end = time.monotonic() + PATIENCE
    while any(definitions(port) != count for port in ports):
        if time.monotonic() > end:
            raise SystemExit(f"the gateways do not come to {count} definitions: {[definitions(port) for port in ports]}")
        time.sleep(0.2)


def run(build: Path, place: Path, cycles: int, count: int) -> list[int]:
    library = place / "heap_use.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(library),
                    str(ROOT / "tests" / "memory" / "heap_use.c"), "-lpthread"], check=True)
    folder = place / "source"
    folder.mkdir()
    ports = [free_port(), free_port()]
    started = []
    use = place / "use"
    seen = []
    try:
        for port in ports:
            (place / str(port)).mkdir()
            started.append(subprocess.Popen(
                [str(build / "tests/gateway/grapnel-stub-gateway"), "--listen", f"127.0.0.1:{port}", "--app-path",
                 str(place / str(port)), "--secret", SECRET, "--reload-interval", "0.1"], stdout=subprocess.DEVNULL))
        (place / "secret").write_text(SECRET)
        argv = [str(build / "grapnel"), "run", "--source", f"dir:{folder}", "--state-dir", str(place / "state"), "--listen", "",
                "--log-level", "error", "--gateway-secret-file", str(place / "secret"), "--conversion-grace", "1s",
                "--rewrite-delay", "1s", "--secret-poll", "1s", "--confirm-prune"]
        for port in ports:
            argv += ["--gateway-url", f"http://127.0.0.1:{port}"]
        started.append(subprocess.Popen(argv, env={**os.environ, "LD_PRELOAD": str(library), "HEAP_USE": str(use)},
                                        stderr=subprocess.DEVNULL))
        for cycle in range(cycles):
            write(folder, cycle, count, 1)
            wait_for(ports, count)
            write(folder, cycle, count, 2)
            time.sleep(2)
            (folder / "cycle.yaml").unlink()
            wait_for(ports, 0)
            time.sleep(1)
            seen.append(int(use.read_text()))
            status = Path(f"/proc/{started[-1].pid}/status").read_text()
            resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
            print(f"{cycle + 1}\t{seen[-1]}\t{resident}", flush=True)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
    return seen


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    cycles = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    print("cycle\theap_bytes\tRSS_KiB")
    with tempfile.TemporaryDirectory() as place:
        seen = run(Path(sys.argv[1]).resolve(), Path(place), cycles, count)
    # The last things that are remembered for a while are forgotten by then; of the first cycles some caches grow.
    middle = min(seen[len(seen) // 2 - 1:len(seen) // 2 + 2])
    grown = min(seen[-3:]) - middle
    print(f"from the middle to the end: {grown:+d} bytes")
    return 1 if grown > ALLOWED else 0


if __name__ == "__main__":
    sys.exit(main())
