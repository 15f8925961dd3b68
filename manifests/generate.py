#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what here is made from something else, so that it is said once.

generate.py           writes install.yaml and namespaced/install.yaml from the chart, argocd/argocd-cm.yaml from
                      argocd/health.lua
generate.py --check   writes nothing; exit code 1 when a file is not what would be written

helm is $GRAPNEL_HELM, else the one on PATH.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHART = HERE.parent / "charts" / "grapnel"
KINDS = ("ApiDefinition", "OperatorContext", "Webhook")

HEADER = "# SPDX-License-Identifier: Apache-2.0\n# Written by manifests/generate.py{source}; change that, not this file.\n"

NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: grapnel-system
  labels:
    app.kubernetes.io/part-of: grapnel
    pod-security.kubernetes.io/enforce: restricted
"""

# What only helm understands.
HELM_ONLY = re.compile(r"^ *(# Source: .*|helm\.sh/chart: .*|app\.kubernetes\.io/managed-by: .*)\n", re.MULTILINE)



def helm_template(namespace: str, values: dict) -> str:
    settings = [text for key, value in values.items() for text in ("--set-json", f"{key}={value}")]
    command = [os.environ.get("GRAPNEL_HELM", "helm"), "template", "grapnel", str(CHART), "--namespace", namespace, *settings]
    text = HELM_ONLY.sub("", subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return re.sub(r"\n\n+---", "\n---", text)


# The gateways are told by a Secret, so that the file needs no edit. One made for Tyk Operator serves as it is.
ENVIRONMENT = '[{"secretRef": {"name": "tyk-operator-conf", "optional": true}}]'


def install() -> str:
    return NAMESPACE + helm_template("grapnel-system", {"crds.keep": "false", "extraEnvFrom": ENVIRONMENT})


def namespaced() -> str:
    return helm_template("grapnel", {
        "crds.enabled": "false", "watchNamespaces": '["grapnel"]', "rbac.scoped": "true", "extraEnvFrom": ENVIRONMENT})


def argocd() -> str:
    script = "".join(f"    {line}".rstrip() + "\n" for line in (HERE / "argocd" / "health.lua").read_text().splitlines())
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: argocd-cm", "  namespace: argocd", "  labels:",
             "    app.kubernetes.io/name: argocd-cm", "    app.kubernetes.io/part-of: argocd", "data:"]
    for kind in KINDS:
        lines.append(f"  resource.customizations.health.tyk.tyk.io_{kind}: |\n{script.rstrip()}")
    return "\n".join(lines) + "\n"


FILES = {
    "install.yaml": (" from charts/grapnel", install),
    "namespaced/install.yaml": (" from charts/grapnel", namespaced),
    "argocd/argocd-cm.yaml": (" from argocd/health.lua", argocd),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes the generated files under manifests/.")
    parser.add_argument("--check", action="store_true", help="only tell whether they are current")
    check = parser.parse_args().check
    stale = []
    for name, (source, make) in FILES.items():
        wanted = HEADER.format(source=source) + make()
        path = HERE / name
        if not check:
            path.write_text(wanted)
        elif not path.exists() or path.read_text() != wanted:
            stale.append(f"manifests/{name}")
    if stale:
        print(f"not current: {' '.join(stale)}: run manifests/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
