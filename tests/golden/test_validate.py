# SPDX-License-Identifier: Apache-2.0
"""`grapnel validate` on good and bad input: every problem at once, with file, line, field and remedy."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

HOOK = """\
apiVersion: tyk.tyk.io/v1alpha1
kind: Webhook
metadata: {name: pager}
spec:
  url: https://pager.example/hook
"""
API = """\
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata: {name: orders}
spec:
  name: orders
  proxy: {listen_path: /orders/, target_url: "http://upstream/"}
  event_handlers:
    events:
      QuotaExceeded:
        - handler_name: eh_web_hook_handler
          handler_meta: {id: pager, event_timeout: 60}
"""


@pytest.fixture
def validate(tmp_path):
    folder = os.environ.get("GRAPNEL_BIN_DIR")
    if not folder:
        pytest.fail("GRAPNEL_BIN_DIR is not set: the folder of a build")
    binary = (Path(folder) / "grapnel").resolve()

    def run(*arguments, text=None, **files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return subprocess.run([binary, "validate", *(arguments or ["."])], cwd=tmp_path, input=text,
                              capture_output=True, text=True, timeout=60)

    return run


def lines(done):
    return done.stdout.splitlines()


def test_good_manifests_say_nothing(validate):
    done = validate(a_yaml=HOOK + "---\n" + API)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "2 objects in 1 file: 0 errors, 0 warnings\n"


def test_everything_is_told_at_once_in_order(validate):
    done = validate(
        a_yaml=HOOK + "  method: get\n  headers:\n    - {name: A}\n  hedaers: []\n",
        b_yaml="a: [\n",
        sub__c_json='{"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "Webhok"}',
        d_yml=API)
    assert done.returncode == 1
    assert lines(done) == [
        './a.yaml:6: spec.method: error: "get" is not one of GET, PUT, POST, PATCH, DELETE (did you mean GET?)',
        "./a.yaml:8: spec.headers[0]: error: give each header exactly one of value and valueFrom",
        "./a.yaml:9: spec.hedaers: warning: unknown field, it is left out (did you mean headers?)",
        "./b.yaml:2: error: not YAML: did not find expected node content",
        "./d.yml:10: spec.event_handlers.events.QuotaExceeded[0]: error: Webhook default/pager: ./a.yaml:6: spec.method: "
        '"get" is not one of GET, PUT, POST, PATCH, DELETE (did you mean GET?)',
        "./sub/c.json:1: kind: error: there is no kind Webhok in tyk.tyk.io/v1alpha1 (the kinds are ApiDefinition, Webhook and "
        "OperatorContext)",
    ]
    assert done.stderr == "2 objects in 4 files: 5 errors, 1 warning\n"


def test_what_the_resolver_sees_has_a_line_too(validate):
    done = validate(a_yaml=API)
    assert done.returncode == 1
    assert re.fullmatch(r'\./a\.yaml:10: spec\.event_handlers\.events\.QuotaExceeded\[0\]: error: there is no Webhook "pager" .*\)',
                        done.stdout.strip())


def test_who_keeps_webhooks_elsewhere_is_told_to_name_them_too(validate):
    """In another repository, say. It stays an error: nothing tells them from one that was forgotten."""
    done = validate(a_yaml=API)
    assert done.returncode == 1
    assert done.stdout.endswith(" (no Webhook is among the manifests: name the file or folder that holds it too)\n")
    done = validate(b_yaml=HOOK.replace("pager", "other"))
    assert done.returncode == 1
    assert done.stdout.endswith(" (a name, namespace/name or spec.id; see its allowedNamespaces)\n")


def test_what_the_schema_refuses_hides_nothing_else(validate):
    done = validate(a_yaml=API.replace("spec:\n", "spec:\n  active: 'true'\n").replace("event_timeout: 60", "event_timeout: 1.5"))
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in lines(done)] == [
        "spec.active", "spec.event_handlers.events.QuotaExceeded[0]", "spec.event_handlers.events.QuotaExceeded[0].handler_meta.event_timeout"]


def test_a_context_whose_secret_is_not_there_is_a_warning(validate):
    context = "apiVersion: tyk.tyk.io/v1alpha1\nkind: OperatorContext\nmetadata: {name: edge}\nspec:\n  urls: [http://g:8080]\n"
    assert lines(validate(a_yaml=context)) == []
    done = validate(a_yaml=context + "  secretRef: {name: s}\n")
    assert done.returncode == 0
    assert lines(done) == ["./a.yaml:6: spec.secretRef: warning: Secret default/s is missing or may not be read"]


CONTEXT = "apiVersion: tyk.tyk.io/v1alpha1\nkind: OperatorContext\nmetadata: {name: edge, namespace: tyk}\nspec:\n  urls: [http://g:8080]\n"


def in_context(name):
    """An API of a context in another namespace, without references."""
    text = API.replace("id: pager", 'method: POST, target_path: "https://pager.example/"')
    return text.replace("spec:\n", f"spec:\n  contextRef: {{name: {name}, namespace: tyk}}\n")


def test_a_version_of_gateways_that_is_none(validate):
    done = validate(a_yaml=CONTEXT + "  gateway: {version: abc}\n")
    assert done.returncode == 1
    assert lines(done) == ["./a.yaml:6: spec.gateway.version: error: the version is that of a release, such as 5.8 or v5.8.3; empty where it "
                           "is not known"]
    assert validate(a_yaml=CONTEXT + "  gateway: {version: v5.8.3-rc1}\n").returncode == 0


def test_a_context_that_is_not_among_the_files_is_a_warning(validate):
    done = validate(a_yaml=in_context("edge"))
    assert done.returncode == 0
    assert lines(done) == [
        "./a.yaml:5: spec.contextRef: warning: OperatorContext tyk/edge is not among the manifests: whether it permits namespace default, "
        "and what its gateways allow, is not checked (give its manifest too, to check that as well)"]
    assert done.stderr == "1 object in 1 file: 0 errors, 1 warning\n"
    found, = json.loads(validate("-o", "json", ".").stdout)
    assert (found["severity"], found["reason"]) == ("warning", "ContextNotFound")


def test_a_context_that_is_among_the_files_must_permit(validate):
    done = validate(a_yaml=in_context("edge"), b_yaml=CONTEXT)
    assert done.returncode == 1
    assert lines(done) == ["./a.yaml:5: spec.contextRef: error: there is no OperatorContext tyk/edge that namespace default may use "
                           "(see its allowedNamespaces)"]
    done = validate(b_yaml=CONTEXT + "  allowedNamespaces: {from: All}\n")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_context_that_is_not_among_the_files_hides_nothing_else(validate):
    """Conflicts within it and what is wrong with the API itself are told all the same."""
    done = validate(a_yaml=in_context("edge"), b_yaml=in_context("edge").replace("name: orders", "name: second", 1),
                    c_yaml=in_context("edge").replace("name: orders", "name: third", 1).replace("event_timeout: 60", "event_timeout: 1.5"))
    assert done.returncode == 1
    errors = [line for line in lines(done) if "is not among the manifests" not in line]
    assert [line.split(": ")[1] for line in errors] == [
        "spec.proxy.listen_path", "spec.event_handlers.events.QuotaExceeded[0].handler_meta.event_timeout"]


def test_a_conflict_names_the_field(validate):
    local = API.replace("id: pager", 'method: POST, target_path: "https://pager.example/"')
    done = validate(a_yaml=local, b_yaml=local.replace("name: orders", "name: second", 1))
    assert lines(done)[-1].startswith("./b.yaml:6: spec.proxy.listen_path: error: listen path /orders/ belongs to default/orders (")


def test_webhooks_are_checked_without_being_used(validate):
    done = validate(a_yaml=HOOK + "  headers:\n    - name: Authorization\n      valueFrom: {secretKeyRef: {name: s, key: k}}\n")
    assert done.returncode == 1
    assert lines(done) == ["./a.yaml:8: spec.headers[0].valueFrom: error: Secret default/s: it is missing, or may not be read"]


def test_two_webhooks_of_one_id(validate):
    done = validate(a_yaml=HOOK + "  id: x\n---\n" + HOOK.replace("pager", "other") + "  id: x\n")
    assert done.returncode == 1
    assert lines(done) == ["./a.yaml:6: spec.id: error: Webhook default/other has this id already (give each Webhook an id of its own)"]


@pytest.mark.parametrize("command", ["render", "materialize"])
def test_two_webhooks_of_one_id_are_a_problem_of_every_command(validate, tmp_path, command):
    validate(a_yaml=HOOK + "  id: x\n---\n" + HOOK.replace("pager", "other") + "  id: x\n")
    binary = (Path(os.environ["GRAPNEL_BIN_DIR"]) / "grapnel").resolve()
    done = subprocess.run([binary, command, "."], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "./a.yaml:6: spec.id: error: Webhook default/other has this id already\n"


def test_a_file_that_is_named_twice_is_read_once(validate):
    done = validate("a.yaml", "./a.yaml", ".", a_yaml=HOOK)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 object in 1 file: 0 errors, 0 warnings\n"


def test_standard_input_that_is_named_twice_is_read_once(validate):
    done = validate("-", "-", text=HOOK)
    assert (done.returncode, done.stderr) == (0, "1 object in 1 file: 0 errors, 0 warnings\n")


@pytest.mark.parametrize("items", ["", "items:\n", "items: null\n"])
def test_a_list_without_items_is_a_mistake(validate, items):
    done = validate(a_yaml="apiVersion: v1\nkind: List\n" + items)
    assert done.returncode == 1
    assert [line.split(": ", 1)[1] for line in lines(done)] == ["items: error: missing (a list without objects is items: [])"]


def test_objects_that_stand_twice(validate):
    done = validate(a_yaml=HOOK, b_yaml="\n" + HOOK)
    assert done.returncode == 1
    assert lines(done) == [
        "./a.yaml:1: metadata.name: error: Webhook default/pager stands twice, also at ./b.yaml:2 (remove or rename one of them)",
        "./b.yaml:2: metadata.name: error: Webhook default/pager stands twice, also at ./a.yaml:1 (remove or rename one of them)",
    ]


def test_json_has_the_same(validate):
    files = {"a_yaml": HOOK + "  method: get\n", "b_yaml": API}
    text = lines(validate(**files))
    done = validate("-o", "json", ".")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [f"{p['file']}:{p['line']}: {p['field']}: {p['severity']}: {p['message']}" + (f" ({p['hint']})" if "hint" in p else "")
            for p in found] == text
    assert [p["severity"] for p in found] == ["error"] * len(found)
    assert (found[0]["kind"], found[0]["object"], found[0]["reason"]) == ("Webhook", "default/pager", "InvalidSpec")


def test_warnings_are_fine(validate):
    done = validate(a_yaml=HOOK + "  unknown: 1\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n")
    assert done.returncode == 0
    assert len(lines(done)) == 2


def test_stdin_is_read(validate):
    done = validate("-", text=HOOK + "  method: get\n")
    assert done.returncode == 1
    assert done.stdout.startswith("-:6: spec.method: ")


def test_json_manifests_have_lines(validate):
    done = validate(a_json='{\n"apiVersion": "tyk.tyk.io/v1alpha1",\n"kind": "Webhook",\n"metadata": {"name": "a"},\n'
                           '"spec": {\n"url": "https://a/",\n"method":\n"get"}}')
    assert done.stdout.startswith("./a.json:8: spec.method: ")


@pytest.mark.parametrize("content, complaint", [
    (b"a: \0b\n", "./a.yaml:1: error: a NUL byte"),
    (b"a: 1\nb: \xff\n", "./a.yaml:2: error: not well-formed UTF-8"),
    (b"a:\n\tb: 1\n", "./a.yaml:2: error: not YAML: a tab indents the line"),
    (b"a: 1\na: 2\n", './a.yaml:2: error: key "a" stands twice'),
    (b"[" * 100000, "./a.yaml:1: error: nested deeper than 200 levels"),
    (b"a: &a [x,x]\nb: &b [" + b"*a," * 1000 + b"]\nc: &c [" + b"*b," * 1000 + b"]\nd: [" + b"*c," * 1000 + b"]\n",
     "too large once its aliases are written out"),
    (b"x" * (17 << 20), "./a.yaml:1: error: larger than 16 MiB"),
    (b"just text\n", "./a.yaml:1: error: a manifest is a map with apiVersion, kind and metadata"),
    (b"kind: Webhook\nmetadata: {}\n", "./a.yaml:1: apiVersion: error: missing"),
    (b"apiVersion: tyk.tyk.io/v1\nkind: Webhook\n", "./a.yaml:1: apiVersion: error: there is no version v1 of Webhook"),
], ids=["nul", "utf-8", "tab", "twice", "deep", "bomb", "large", "text", "no-version", "version"])
def test_bad_input_is_told_with_its_place(validate, content, complaint):
    done = validate(a_yaml=content, b_yaml=HOOK)
    assert done.returncode == 1
    assert complaint in done.stdout
    assert len(lines(done)) == 1
    assert done.stderr.startswith("1 object in ")


@pytest.mark.parametrize("arguments, complaint", [
    ([], "name the files"),
    (["nowhere.yaml"], "nowhere.yaml: cannot be opened: No such file"),
    (["-o", "yaml", "."], "text or json"),
    (["--nonsense", "."], "--nonsense"),
])
def test_what_cannot_run_exits_with_2(validate, arguments, complaint, tmp_path):
    folder = os.environ["GRAPNEL_BIN_DIR"]
    done = subprocess.run([(Path(folder) / "grapnel").resolve(), "validate", *arguments], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_dangling_links_are_problems_like_others(validate, tmp_path):
    (tmp_path / "a.yaml").symlink_to("nowhere")
    (tmp_path / "c.yaml").symlink_to("nowhere")
    done = validate(b_yaml="x: [\n")
    assert done.returncode == 1
    assert [line.split(": ")[:3] for line in lines(done)] == [
        ["./a.yaml:1", "error", "a link that leads nowhere"], ["./b.yaml:2", "error", "not YAML"],
        ["./c.yaml:1", "error", "a link that leads nowhere"]]


@pytest.mark.parametrize("document, complaint", [
    ("apiVersion: tyk.io/v1alpha1\nkind: Webhook\nmetadata: {name: a}\n",
     "./a.yaml:1: apiVersion: error: there is no Webhook in tyk.io/v1alpha1 (it is tyk.tyk.io/v1alpha1)"),
    ("apiVersion: v1\nkind: WebHook\nmetadata: {name: a}\n",
     "./a.yaml:2: kind: error: there is no kind WebHook in v1 "
     "(Grapnel's kinds are ApiDefinition, Webhook and OperatorContext of tyk.tyk.io/v1alpha1)"),
])
def test_near_misses_of_group_and_kind_are_errors(validate, document, complaint):
    done = validate(a_yaml=document)
    assert done.returncode == 1
    assert lines(done) == [complaint]


def test_a_pipe_blocks_nothing(validate, tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    done = validate(b_yaml=HOOK)
    assert done.returncode == 0
    assert lines(done) == ["./a.yaml:1: warning: not a regular file, passed over"]


@pytest.mark.parametrize("annotation, message", [
    ('grapnel.dev/deletionPolicy: Retain', "unknown annotation, it has no effect (did you mean grapnel.dev/deletion-policy?)"),
    ('grapnel.dev/deletion-policy: Keep', "it counts as Retain, as nobody knows what is meant by Keep (Retain or Delete)"),
    ('grapnel.dev/adopt: "yes"', 'it has no effect with the value yes ("true" is what counts)'),
])
def test_annotations_that_mean_nothing_are_told(validate, annotation, message):
    text = API.replace("id: pager", 'method: POST, target_path: "https://pager.example/"')
    done = validate(a_yaml=text.replace("{name: orders}", f"\n  name: orders\n  annotations:\n    {annotation}", 1))
    assert done.returncode == 0
    line, = lines(done)
    assert line.startswith("./a.yaml:6: metadata.annotations.grapnel.dev/") and line.endswith(message)
    assert done.stderr == "1 object in 1 file: 0 errors, 1 warning\n"


def test_annotations_of_webhooks_and_contexts_are_told(validate):
    done = validate(a_yaml=HOOK.replace("{name: pager}", '{name: pager, annotations: {grapnel.dev/x: "1"}}') + "---\n"
                    + CONTEXT.replace("{name: edge", '{name: edge, annotations: {grapnel.dev/confirm-prune: "yes"}'))
    assert done.returncode == 0
    assert [line.split(": ")[1] for line in lines(done)] == [
        "metadata.annotations.grapnel.dev/x", "metadata.annotations.grapnel.dev/confirm-prune"]


OAS = """\
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata: {name: orders}
spec:
  oas:
    openapi: 3.0.3
    info: {title: orders, version: "1"}
    paths: {}
    x-tyk-api-gateway:
      info: {name: orders, state: {active: true}}
      upstream: {url: "http://upstream/"}
      server: {listenPath: {value: /orders/}}
"""


@pytest.mark.parametrize("old, new, field", [
    ("    openapi: 3.0.3\n", "", "openapi"),
    ("openapi: 3.0.3", "openapi: 3.9.0", "openapi"),
    ('    info: {title: orders, version: "1"}\n', "", "info"),
    ('title: orders, version: "1"', 'title: orders', "info.version"),
    ('title: orders, version: "1"', 'version: "1"', "info.title"),
    ("    paths: {}\n", "", "paths"),
    ("name: orders, state: {active: true}", "state: {active: true}", "x-tyk-api-gateway.info.name"),
    ("name: orders, state: {active: true}", "name: orders", "x-tyk-api-gateway.info.state"),
    ("state: {active: true}", "state: {}", "x-tyk-api-gateway.info.state.active"),
    ('      upstream: {url: "http://upstream/"}\n', "", "x-tyk-api-gateway.upstream.url"),
    ('upstream: {url: "http://upstream/"}', "upstream: {}", "x-tyk-api-gateway.upstream.url"),
])
def test_what_every_gateway_refuses_of_an_oas_document_is_told(validate, old, new, field):
    assert lines(validate(a_yaml=OAS)) == []
    done = validate(a_yaml=OAS.replace(old, new, 1))
    assert done.returncode == 0
    assert [line.split(": ")[1] for line in lines(done)] == ["spec.oas." + field]
    assert done.stderr == "1 object in 1 file: 0 errors, 1 warning\n"


@pytest.mark.parametrize("old, new", [
    ("paths: {}", 'paths: {}\n    x-own: 1'),
    ('upstream: {url: "http://upstream/"}', 'upstream: {loadBalancing: {targets: [{url: "http://a/"}]}}'),
    ("openapi: 3.0.3\n", "openapi: 3.1.0\n"),
])
def test_what_gateways_take_of_an_oas_document_is_fine(validate, old, new):
    assert lines(validate(a_yaml=OAS.replace(old, new, 1))) == []
    assert lines(validate(a_yaml=OAS.replace("openapi: 3.0.3", "openapi: 3.1.0").replace("    paths: {}\n", ""))) == []


@pytest.mark.parametrize("version", ['swagger: "2.0"', 'openapi: "2.0"', "openapi: 3.0"])
def test_a_document_of_another_openapi_is_refused(validate, version):
    done = validate(a_yaml=OAS.replace("openapi: 3.0.3", version, 1))
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in lines(done)] == ["spec.oas.openapi"]


def test_an_oas_document_without_listen_path_is_refused(validate):
    for text in (OAS.replace("{listenPath: {value: /orders/}}", "{}"), OAS.replace("      server: {listenPath: {value: /orders/}}\n", "")):
        done = validate(a_yaml=text)
        assert done.returncode == 1
        assert [line.split(": ")[1] for line in lines(done)] == ["spec.oas.x-tyk-api-gateway.server.listenPath.value"]


def printed(text):
    """As kubectl get -o yaml prints an object."""
    return text.replace("metadata: {", 'metadata: {resourceVersion: "7", uid: 6c1e, ')


def test_what_kubectl_did_not_print_may_be_in_the_cluster(validate):
    done = validate("-", text=printed(API))
    assert done.returncode == 0
    assert lines(done) == [
        '-:10: spec.event_handlers.events.QuotaExceeded[0]: warning: there is no Webhook "pager" that namespace default may use '
        "(no Webhook is among the manifests: kubectl get tyk,ns -A -o yaml prints them too)"]
    other = HOOK.replace("pager", "other")
    assert validate("-", text=printed(API + "---\n" + other)).returncode == 1
    assert validate("-", text=API).returncode == 1


SHARED = HOOK.replace("{name: pager}", "{name: pager, namespace: tyk}") + "  allowedNamespaces: {from: Selector, selector: {matchLabels: {a: b}}}\n"


def test_labels_of_namespaces_that_kubectl_did_not_print(validate):
    text = API.replace("id: pager", "id: tyk/pager") + "---\n" + SHARED
    done = validate("-", text=printed(text))
    assert done.returncode == 0
    line, = lines(done)
    assert ": warning: there is no Webhook" in line and "(no Namespace is among the manifests: kubectl get tyk,ns " in line
    space = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {a: %s}}\n"
    assert validate("-", text=printed(text + space % "c")).returncode == 1
    assert lines(validate("-", text=printed(text + space % "b"))) == []
    assert validate("-", text=text).returncode == 1


def test_a_context_whose_selector_kubectl_did_not_resolve(validate):
    context = CONTEXT + "  allowedNamespaces: {from: Selector, selector: {matchLabels: {a: b}}}\n"
    done = validate("-", text=printed(in_context("edge") + "---\n" + context))
    assert done.returncode == 0
    assert [line.split(": ")[1:3] for line in lines(done)] == [["spec.contextRef", "warning"]]
    assert validate("-", text=in_context("edge") + "---\n" + context).returncode == 1


def test_secrets_that_kubectl_did_not_print(validate):
    hook = HOOK + "  headers: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n"
    text = API + "---\n" + hook
    done = validate("-", text=printed(text))
    assert done.returncode == 0
    assert [line.split(": ")[2] for line in lines(done)] == ["warning", "warning"]
    assert validate("-", text=text).returncode == 1
    other = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: other}\n"
    assert validate("-", text=printed(text + other)).returncode == 1


@pytest.mark.parametrize("spec, line, field", [
    ("  headers: [{name: host, value: a.example}]\n", 6, "spec.headers[0]"),
    ("  allowedNamespaces: {from: All, selector: {matchLabels: {a: b}}}\n", 6, "spec.allowedNamespaces"),
    ("  allowedNamespaces: {selector: {}}\n", 6, "spec.allowedNamespaces"),
])
def test_what_has_no_effect_in_a_webhook_is_told(validate, spec, line, field):
    done = validate(a_yaml=HOOK + spec, b_yaml=API)
    assert done.returncode == 0
    assert [found.split(": ")[:3] for found in lines(done)] == [[f"./a.yaml:{line}", field, "warning"]]


def test_a_selector_without_effect_in_a_context_is_told(validate):
    done = validate(a_yaml=CONTEXT + "  allowedNamespaces: {from: All, selector: {matchLabels: {a: b}}}\n")
    assert [found.split(": ")[:3] for found in lines(done)] == [["./a.yaml:6", "spec.allowedNamespaces", "warning"]]


def handled(form, handler):
    """An API of either form with one handler, without references."""
    if form == "classic":
        return API.replace("- handler_name: eh_web_hook_handler\n          handler_meta: {id: pager, event_timeout: 60}", "- " + handler)
    return OAS.replace("server: {listenPath: {value: /orders/}}",
                       "server:\n        listenPath: {value: /orders/}\n        eventHandlers:\n          - " + handler)


META = 'method: POST, target_path: "https://a/", template_path: "", header_map: {}, name: a, disabled: false'
LOCAL = 'enabled: true, trigger: QuotaExceeded, type: webhook, method: POST, url: "https://a/", bodyTemplate: "", headers: [], name: a'


@pytest.mark.parametrize("text, field, meant", [
    (OAS.replace("server: {", "server: {eventHandler: [], "), "x-tyk-api-gateway.server.eventHandler", "eventHandlers"),
    (OAS.replace("server: {", "server: {event_handlers: [], "), "x-tyk-api-gateway.server.event_handlers", "eventHandlers"),
    (API.replace("  event_handlers:", "  eventHandlers:"), "eventHandlers", "event_handlers"),
    (API.replace("    events:", "    event:"), "event_handlers.event", "events"),
    (API.replace("    events:\n      Quota", "      Quota").replace("{id: pager", "{x: 1"), "event_handlers.QuotaExceeded", "events.QuotaExceeded"),
    (OAS.replace("      upstream:", "      eventHandlers: []\n      upstream:"), "x-tyk-api-gateway.eventHandlers", "server.eventHandlers"),
    (OAS.replace("state: {", "org_id: o, state: {"), "x-tyk-api-gateway.info.org_id", "orgId"),
    (handled("oas", "{%s, cooldown: 5s}" % LOCAL), "x-tyk-api-gateway.server.eventHandlers[0].cooldown", "cooldownPeriod"),
    (handled("oas", "{%s, event_timeout: 5}" % LOCAL), "x-tyk-api-gateway.server.eventHandlers[0].event_timeout", "cooldownPeriod"),
    (handled("oas", "{%s, cooldownPeriod: 5s}" % LOCAL.replace("bodyTemplate", "bodyTemplat")),
     "x-tyk-api-gateway.server.eventHandlers[0].bodyTemplat", "bodyTemplate"),
    (handled("classic", "{handler_name: eh_web_hook_handler, handler_meta: {%s, cooldown: 5}}" % META),
     "event_handlers.events.QuotaExceeded[0].handler_meta.cooldown", "event_timeout"),
    (handled("classic", "{handler_name: eh_web_hook_handler, handler_meta: {%s, event_timeout: 5}}" % META.replace("template_path", "bodyTemplate")),
     "event_handlers.events.QuotaExceeded[0].handler_meta.bodyTemplate", "template_path"),
    (handled("classic", "{handler_name: eh_log_handler, handlerMeta: {prefix: a}}"),
     "event_handlers.events.QuotaExceeded[0].handlerMeta", "handler_meta"),
], ids=lambda value: value if len(value) < 100 else "")
def test_fields_that_are_near_to_one_that_is_read_are_told(validate, text, field, meant):
    done = validate(a_yaml=text)
    prefix = "spec.oas." if "openapi" in text else "spec."
    assert done.returncode == 0
    assert [line.split(": ", 1)[1] for line in lines(done)] == [
        f"{prefix}{field}: warning: unknown field, it goes to the gateway as it is (did you mean {meant}?)"]


@pytest.mark.parametrize("text", [
    handled("oas", "{%s, cooldownPeriod: 5s, cooldown: 1, x-note: 1, ids: []}" % LOCAL),
    handled("classic", "{x: 1, handler_name: eh_web_hook_handler, handler_meta: {%s, event_timeout: 5, cooldown: 1, webhook_id: w}}" % META),
    OAS.replace("server: {", "server: {port: 1, protocol: http, authentication: {}, gatewayTags: {}, "),
], ids=["oas-handler", "classic-handler", "server"])
def test_other_fields_are_the_gateways_own_affair(validate, text):
    assert lines(validate(a_yaml=text)) == []


def test_an_id_that_is_too_long_is_told_where_it_stands(validate):
    done = validate(a_yaml=API.replace("id: pager", "id: " + "x" * 1025))
    assert [line.split(": ")[1] for line in lines(done)] == ["spec.event_handlers.events.QuotaExceeded[0].handler_meta.id"]


def test_events_that_are_near_to_one_of_the_gateway(validate):
    handler = "{handler_name: eh_log_handler, handler_meta: {prefix: a}}"
    line, = lines(validate(a_yaml=handled("classic", handler).replace("QuotaExceeded", "RateLimitExceeded")))
    assert line.endswith("warning: the gateway has no event RateLimitExceeded (did you mean RatelimitExceeded?)")
    done = validate(a_yaml=handled("oas", "{%s, cooldownPeriod: 5s}" % LOCAL.replace("QuotaExceeded", "AuthFailures")))
    assert lines(done)[0].endswith("error: OAS documents know no event AuthFailures (did you mean AuthFailure?)")
