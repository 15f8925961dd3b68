#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes README.md, with every value of the chart from the comments in values.yaml.

generate-readme.py           writes README.md
generate-readme.py --check   writes nothing; exit code 1 when README.md is not what would be written

The comment right above a key is what the README says of it. "## Title" begins a section; the comment below it, up to an empty
line, introduces the section. A key without a comment is described by its children; a key with neither is an error.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"

INTRODUCTION = """\
<!-- Written by generate-readme.py from values.yaml. Change that, or the texts in the script, not this file. -->
# Chart grapnel

Installs Grapnel, the operator that gives open-source Tyk gateways global webhooks.

```sh
docker build -t REGISTRY/grapnel:0.1.0 . && docker push REGISTRY/grapnel:0.1.0     # in the repository's root
kubectl create namespace grapnel-system
kubectl -n grapnel-system create secret generic gateway --from-literal=TYK_AUTH=SECRET-OF-THE-GATEWAYS
helm install grapnel charts/grapnel -n grapnel-system --wait \\
  --set image.registry=REGISTRY \\
  --set gateway.service.namespace=tyk --set gateway.service.name=gateway-svc --set gateway.service.port=control \\
  --set gateway.existingSecret=gateway
```

What it says when it is done is the next step. Give the operator a namespace of its own: when a namespace is deleted, its pods go
first, and an operator that is gone cannot clean up after the objects beside it.

## Coming from Tyk Operator

The Secret `tyk-operator-conf` serves unchanged: `--set gateway.existingSecret=tyk-operator-conf`. Its `TYK_AUTH` is the
gateways' secret. Its `TYK_URL` names the gateways when no `gateway.service` and no `gateway.urls` is set, and one that names a
Kubernetes Service is followed to the pods behind it (with `watchNamespaces`, its namespace must be among them). `TYK_ORG` counts
too, and `TYK_TLS_INSECURE_SKIP_VERIFY` where there is no `gateway.caSecret`; a change of these needs a new pod.

Uninstall Tyk Operator first, without its CRDs: the kinds are the same, and both would write the same objects.

## Which Secrets it may read

None, beside its own. It never lists or watches Secrets, and reads (`get`) only what `rbac.secretAccess` names: Secrets from which
Webhooks take a header or a URL, those that OperatorContexts name, and ConfigMaps that hold OAS documents.

```yaml
rbac:
  secretAccess:
    - namespace: platform
      secrets: [pager]          # by name
    - namespace: shop
      configMaps: ["*"]         # all of the namespace
```

A Secret that may not be read is told as `SecretNotFound` in the status of what refers to it. The gateways' secret of
`gateway.existingSecret` is mounted into the pod and needs no right. For the key that seals values in copies the operator may
create Secrets in its own namespace, and read the one named `grapnel-seal`. All rights stand in `templates/_rules.tpl`.

## A team's own, and two side by side

- **Some namespaces only**: `watchNamespaces: [team-a]` gives Roles there instead of a ClusterRole. What stays cluster-wide is the
  right to read namespaces, for `allowedNamespaces.from: Selector` and for the cluster's uid; `rbac.scoped: true` leaves that out too.
- **Two installations**: CRDs are cluster-wide and belong to one release; give the others `crds.enabled=false`. Names do not collide
  across namespaces. On gateways that both write to, give each its own `owner`; let no namespace be watched by both.

## Upgrade, rollback, uninstall

`helm upgrade` upgrades the CRDs too. `helm uninstall` keeps them (`crds.keep`) and with them every ApiDefinition, Webhook and
OperatorContext; gateways keep what they hold. Keep the Secret `grapnel-seal` too, and have it in your backups: with another key
the copies of Webhooks that are gone are lost where they hold values of Secrets.

To remove all: delete the ApiDefinitions while the operator runs (it takes them off the gateways), uninstall, then
`kubectl delete crd apidefinitions.tyk.tyk.io webhooks.tyk.tyk.io operatorcontexts.tyk.tyk.io`. If the operator is gone before
them, release each with `kubectl patch tykapis NAME --type=merge -p '{"metadata":{"finalizers":null}}'`.

CRDs that an earlier release under another name has kept are taken over by `helm install --take-ownership`.

## Security

The pod satisfies the Pod Security level *restricted*: no root, no privilege, no capability, a read-only root file system. Probes
and metrics are plain HTTP on one port; `networkPolicy.enabled` closes all else. The roles that are added to `view`, `edit` and
`admin` (`rbac.aggregateTo…`) never grant a status, where the read-only copies are.

## Metrics, alerts, dashboard

`metrics.serviceMonitor` or `metrics.podMonitor` for Prometheus Operator; `metrics.prometheusRule` for the alerts, which are also a
plain rule file, [files/alerts.yaml](files/alerts.yaml); `metrics.grafanaDashboard` for the dashboard
[files/dashboard.json](files/dashboard.json).

# Values
"""


class Mistake(Exception):
    pass


def read_comments(text: str) -> tuple[dict[int, str], list[tuple[int, str, str]]]:
    """Comments by the line of the key below them; sections as (line, title, introduction)."""
    comments, sections, block = {}, [], []
    for number, line in enumerate(text.splitlines()):
        stripped = line.strip()
        if stripped.startswith("## "):
            sections.append([number, stripped[3:], []])
            block = sections[-1][2]
        elif stripped.startswith("#"):
            block.append(stripped[1:].strip())
        else:
            if stripped and not (sections and block is sections[-1][2]):
                comments[number] = " ".join(block).strip()
            block = []
    return comments, [(number, title, " ".join(lines).strip()) for number, title, lines in sections]


def rows(node: yaml.MappingNode, comments: dict[int, str], path: str = ""):
    """Each value: the line of its key, its path, its default, its comment."""
    for key, value in node.value:
        name = f"{path}.{key.value}" if path else key.value
        comment = comments.get(key.start_mark.line, "")
        if comment:
            yield key.start_mark.line, name, value, comment
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from rows(value, comments, name)
        else:
            raise Mistake(f"values.yaml:{key.start_mark.line + 1}: {name} has no comment")


def default(value: yaml.Node) -> str:
    text = json.dumps(yaml.SafeLoader("").construct_document(value), ensure_ascii=False)
    return "`" + text.replace("|", "\\|") + "`"


def table(text: str) -> list[str]:
    comments, sections = read_comments(text)
    lines, following = [], list(sections)
    for line, name, value, comment in rows(yaml.compose(text), comments):
        while following and following[0][0] < line:
            _, title, introduction = following.pop(0)
            lines += ["", f"## {title}", ""]
            lines += [introduction, ""] if introduction else []
            lines += ["| value | default | what it is |", "|---|---|---|"]
        lines.append(f"| `{name}` | {default(value)} | {comment.replace('|', chr(92) + '|')} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes README.md from values.yaml.")
    parser.add_argument("--check", action="store_true", help="only tell whether README.md is current")
    try:
        wanted = INTRODUCTION + "\n".join(table((HERE / "values.yaml").read_text())) + "\n"
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    if not parser.parse_args().check:
        README.write_text(wanted)
        return 0
    if README.exists() and README.read_text() == wanted:
        return 0
    print("charts/grapnel/README.md is not current: run charts/grapnel/generate-readme.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
