#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes README.md, the reference of the three kinds, from the CRDs beside this script.

generate-readme.py           writes README.md
generate-readme.py --check   writes nothing; exit code 1 when README.md is not what would be written

The texts of this file are the only ones written by hand; every table comes from the CRDs.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"

INTRODUCTION = """\
<!-- Written by generate-readme.py from the CRDs in this folder. Change those, or the texts in the
     script, not this file. -->
# Grapnel's kinds

| kind | short name | what it is |
|---|---|---|
| [`ApiDefinition`](#apidefinition) | `tykapis` | one API: a Tyk Classic or a Tyk OAS definition |
| [`Webhook`](#webhook) | `tykwebhooks` | one global webhook, to which handlers in APIs refer |
| [`OperatorContext`](#operatorcontext) | `tykcontexts` | a group of gateways; optional |

All are namespaced, in group `tyk.tyk.io`, version `v1alpha1`, and in the category `tyk`:
`kubectl get tyk` lists them all. An ApiDefinition that names no OperatorContext goes to the
gateways that the operator's flags name.

```sh
kubectl apply -f crds/
kubectl explain webhook.spec
```

The chart brings them along; where they were applied by hand before, `helm install` needs
`--take-ownership`, or `--set crds.enabled=false`.

The same files are compiled into the controller: a folder source, `grapnel render` and
`grapnel validate` default, prune and refuse as the API server does.

How to read the tables: `[]` stands for each element of a list, `.*` for each key of a map.
*Required* is meant within the object that holds the field. A field without a default is absent when
you do not set it. A field of type *any* is checked by the operator, which tells all that is wrong
with a definition at once, in its status. Lengths are in characters.
"""

ANNOTATIONS = [
    ('grapnel.dev/adopt: "true"', "ApiDefinition",
     "takes over a definition on the gateways that has this API's id and that Grapnel did not "
     "make; the context must say `allowAdoption` too, the default one by `--gateway-allow-adoption`"),
    ("grapnel.dev/deletion-policy: Retain", "ApiDefinition",
     "deleting the object leaves the definition on the gateways; `Delete`, as without it, does not. "
     "It goes into the marker there first: the object waits for gateways that do not answer, up to `--finalizer-timeout`. "
     "Another value counts as `Retain`, with a warning"),
    ("grapnel.dev/confirm-prune", "OperatorContext",
     "lets a collection of orphans go on that `MassDeletion` has stopped"),
    ("grapnel.dev/converted-webhooks", "ApiDefinition",
     "written by the operator: the copies of webhooks that are gone, so that they outlive a backup "
     "without status; not where they are over 200 kB"),
]

APIDEFINITION = """\
Give exactly one of these three:

- the fields of a **Tyk Classic** definition directly under `spec`, as Tyk Operator's manifests have
  them. Those that Grapnel reads are in the table; every other field goes to the gateways unchanged;
- a **Tyk OAS** document inline in `spec.oas`;
- a Tyk OAS document in a ConfigMap, named by `spec.oasRef`.

A manifest over some 250 kB does not fit into the annotation that `kubectl apply` writes; use
`kubectl apply --server-side`.

A webhook handler with an `id` refers to a `Webhook`: by its name in the API's namespace, by
`namespace/name`, or by its `spec.id`. What the Webhook says is copied into the definition that the
gateways get and, for you to see, into the status; the spec stays as you wrote it. A reference that
leads nowhere is left out on the gateways and shown as `Missing`.
"""

APIDEFINITION_EXAMPLES = ["""\
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata:
  name: orders
  namespace: shop
spec:
  name: Orders
  protocol: http
  active: true
  use_keyless: true
  proxy:
    listen_path: /orders/
    target_url: http://orders.shop.svc:8080
    strip_listen_path: true
  event_handlers:
    events:
      QuotaExceeded:
        - handler_name: eh_web_hook_handler
          handler_meta:
            id: platform/pager            # the Webhook pager in namespace platform
            event_timeout: 60             # seconds; this API's own cooldown
""", """\
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata:
  name: payments
  namespace: shop
spec:
  contextRef: {name: edge, namespace: tyk}
  oas:
    openapi: 3.0.3
    info: {title: Payments, version: "1.0"}
    paths: {}
    x-tyk-api-gateway:
      info:
        name: Payments
        state: {active: true}
      upstream:
        url: http://payments.shop.svc:8080
      server:
        listenPath: {value: /payments/, strip: true}
        eventHandlers:
          - enabled: true
            trigger: RatelimitExceeded
            type: webhook
            id: platform/pager
            cooldownPeriod: 1m30s
"""]

WEBHOOK = """\
What the gateways call when an event happens. Handlers of any number of ApiDefinitions refer to it;
all follow every change of it at once. When it is deleted, each keeps its last copy as a local
webhook, and nothing stops working. Secret values are read from the Webhook's own namespace only,
and are shown nowhere.
"""

WEBHOOK_EXAMPLES = ["""\
apiVersion: tyk.tyk.io/v1alpha1
kind: Webhook
metadata:
  name: pager
  namespace: platform
spec:
  name: Pager
  url: https://pager.example/hook
  headers:
    - name: X-Team
      value: platform
    - name: Authorization
      valueFrom: {secretKeyRef: {name: pager, key: token}}
  cooldownPeriod: 10s
  allowedNamespaces:
    from: Selector
    selector: {matchLabels: {team: shop}}
"""]

OPERATORCONTEXT = """\
Which gateways an ApiDefinition goes to. With `serviceRef`, every pod behind the Service is brought
to exactly the definitions that it should hold; a pod that is new or was emptied is filled again.
"""

OPERATORCONTEXT_EXAMPLES = ["""\
apiVersion: tyk.tyk.io/v1alpha1
kind: OperatorContext
metadata:
  name: edge
  namespace: tyk
spec:
  serviceRef: {name: gateway-svc, port: control}
  secretRef: {name: tyk-operator-conf}
  allowedNamespaces: {from: All}
"""]

KINDS = [("apidefinitions.yaml", APIDEFINITION, APIDEFINITION_EXAMPLES),
         ("webhooks.yaml", WEBHOOK, WEBHOOK_EXAMPLES),
         ("operatorcontexts.yaml", OPERATORCONTEXT, OPERATORCONTEXT_EXAMPLES)]

UNITS = {"Length": "characters", "Items": "elements", "Properties": "keys"}


def fields(schema: dict, path: str) -> Iterator[tuple[str, dict, bool]]:
    """Every field below a schema, parents first: its path, its schema, whether it is required."""
    for name, child in schema.get("properties", {}).items():
        yield from _field(child, f"{path}.{name}", name in schema.get("required", []))


def _field(schema: dict, path: str, required: bool) -> Iterator[tuple[str, dict, bool]]:
    yield path, schema, required
    if "items" in schema:
        yield from _nested(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from _nested(schema["additionalProperties"], f"{path}.*")
    yield from fields(schema, path)


def _nested(schema: dict, path: str) -> Iterator[tuple[str, dict, bool]]:
    """An element of a list or map. The row of its holder says enough of a plain value."""
    if schema["type"] in ("object", "array") or "x-kubernetes-validations" in schema:
        yield from _field(schema, path, False)


def type_name(schema: dict) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "type" not in schema:
        return "any"
    if schema["type"] == "array":
        return f"list of {plural(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {plural(schema['additionalProperties'])}"
    return schema["type"]


def plural(schema: dict) -> str:
    name = type_name(schema)
    return name.replace("list", "lists", 1) if name.startswith("list") else f"{name}s"


def value(what: object) -> str:
    if isinstance(what, bool):
        return str(what).lower()
    if isinstance(what, str):
        return what or '""'
    if isinstance(what, list):
        return "[" + ", ".join(map(value, what)) + "]"
    if isinstance(what, dict):
        return "{" + ", ".join(f"{key}: {value(item)}" for key, item in what.items()) + "}"
    return str(what)


def limits(schema: dict) -> Iterator[str]:
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{choice}`" for choice in schema["enum"])
    for key, unit in UNITS.items():
        low, high = schema.get(f"min{key}"), schema.get(f"max{key}")
        if low is not None and high is not None:
            yield f"{low} to {high} {unit}"
        elif high is not None:
            yield f"at most {high} {unit}"
        elif low is not None:
            yield f"at least {low} {unit}"
    if "minimum" in schema:
        yield f"at least {schema['minimum']}"
    if "maximum" in schema:
        yield f"at most {schema['maximum']}"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table(schema: dict, root: str) -> Iterator[str]:
    yield "| field | type | default | what it is |"
    yield "|---|---|---|---|"
    for path, field, required in fields(schema, root):
        kind = ", ".join([type_name(field), *limits(field), *(["*required*"] if required else [])])
        default = f"`{value(field['default'])}`" if "default" in field else ""
        yield f"| `{path}` | {cell(kind)} | {cell(default)} | {cell(field['description'])} |"


def rules(schema: dict) -> Iterator[tuple[str, str]]:
    every = [("spec", schema, True), *fields(schema, "spec")]
    for path, field, _ in every:
        for rule in field.get("x-kubernetes-validations", []):
            yield path + rule.get("fieldPath", ""), rule["message"]


def kind_section(crd: dict, text: str, examples: list[str]) -> Iterator[str]:
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    yield f"## {crd['spec']['names']['kind']}"
    yield ""
    yield text
    for example in examples:
        yield f"```yaml\n{example}```"
        yield ""
    yield "### Spec"
    yield ""
    yield from table(schema["spec"], "spec")
    yield ""
    yield "Refused beside what the table says:"
    yield ""
    yield "| field | message |"
    yield "|---|---|"
    for path, message in rules(schema["spec"]):
        yield f"| `{path}` | {cell(message)} |"
    yield ""
    yield "### Status"
    yield ""
    yield from table(schema["status"], "status")
    yield ""
    yield f"### Columns of `kubectl get {crd['spec']['names']['shortNames'][0]}`"
    yield ""
    yield "| column | from | what it says |"
    yield "|---|---|---|"
    for column in version["additionalPrinterColumns"]:
        yield f"| {column['name']} | `{column['jsonPath']}` | {cell(column['description'])} |"
    yield ""


def annotations_section() -> Iterator[str]:
    yield "## Annotations"
    yield ""
    yield "| annotation | on | what it does |"
    yield "|---|---|---|"
    for name, kind, text in ANNOTATIONS:
        yield f"| `{name}` | {kind} | {text} |"


def readme() -> str:
    lines = [INTRODUCTION]
    for name, text, examples in KINDS:
        lines += kind_section(yaml.safe_load((HERE / name).read_text()), text, examples)
    lines += annotations_section()
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes crds/README.md from the CRDs.")
    parser.add_argument("--check", action="store_true",
                        help="only tell whether README.md is current")
    wanted = readme()
    if not parser.parse_args().check:
        README.write_text(wanted)
        return 0
    if README.exists() and README.read_text() == wanted:
        return 0
    print("crds/README.md is not current: run crds/generate-readme.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
