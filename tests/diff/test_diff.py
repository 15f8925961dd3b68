# SPDX-License-Identifier: Apache-2.0
"""What `grapnel diff` says: of each gateway what a run would add, change and delete, what is not ours, and nothing else."""

import base64
import fcntl
import json
import os
import subprocess

import pytest
import yaml
import yaml

from conftest import BIN, ROOT, Place


def thing(kind, name, spec, namespace="default", **metadata):
    return {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": spec}


def classic(name, target="http://up.example/", path=None, events=None, **spec):
    metadata = spec.pop("metadata", {})
    return thing("ApiDefinition", name, {
        "name": name, "use_keyless": True, "active": True, "protocol": "http",
        "proxy": {"listen_path": path or f"/{name}/", "target_url": target},
        **({"event_handlers": {"events": events}} if events else {}), **spec}, **metadata)


def document(name, target="http://up.example/", handlers=()):
    return {"openapi": "3.0.3", "info": {"title": name, "version": "1"}, "paths": {},
            "x-tyk-api-gateway": {"info": {"name": name, "state": {"active": True}}, "upstream": {"url": target},
                                  "server": {"listenPath": {"value": f"/{name}/"}, "eventHandlers": list(handlers)}}}


def oas(name, *handlers, target="http://up.example/", **spec):
    metadata = spec.pop("metadata", {})
    return thing("ApiDefinition", name, {"oas": document(name, target, handlers), **spec}, **metadata)


def reference(ref="pager", trigger="AuthFailure", **more):
    return {"enabled": True, "trigger": trigger, "type": "webhook", "id": ref, "cooldownPeriod": "90s", **more}


def webhook(name="pager", url="https://pager.example/hook", **spec):
    return thing("Webhook", name, {"url": url, **spec})


def secret(name, namespace="default", **values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": values}


def api_id(name, namespace="default"):
    return base64.urlsafe_b64encode(f"{namespace}/{name}".encode()).decode().rstrip("=")


def marker(hash="0" * 64, **fields):
    return {"v": 1, "owner": "grapnel", "cluster": "c", "context": "", "uid": "u", "hash": hash, "n": 0, **fields}


def apis(entries):
    return [entry["api"] for entry in entries]


# --- what there is to tell ---

def test_no_difference_after_a_run(place, stub):
    place.write(webhook(), oas("a", reference()), classic("b"))
    place.run()
    done = place.diff("-o", "json")
    assert done.code == 0, done.out
    assert done.only == {"url": stub.url, "contexts": [""], "error": None, "added": [], "changed": [], "deleted": [],
                         "blocked": [], "foreign": [], "massDeletion": False, "notWhole": None, "kept": 0, "unchanged": 2}
    assert place.diff().out == f"== {stub.url} (default context)\nunchanged 2\n"


def test_added_changed_and_deleted_of_each_gateway(place):
    first, second = place.stub(), place.stub()
    place.write(webhook(), oas("a", reference()), classic("b"), classic("c"))
    place.run()
    second.fault("wipe")
    place.write(oas("a", reference(), target="http://new.example/"), classic("d"))
    place.remove("ApiDefinition", "c")
    done = place.diff("-o", "json")
    assert done.code == 1
    one, other = done.gateways
    assert (one["url"], apis(one["added"]), apis(one["changed"]), apis(one["deleted"]), one["unchanged"]) == (
        first.url, ["default/d"], ["default/a"], ["default/c"], 1)
    assert (other["url"], apis(other["added"]), other["changed"], other["deleted"], other["unchanged"]) == (
        second.url, ["default/a", "default/b", "default/d"], [], [], 0)


def test_the_difference_is_that_of_the_document(place, stub):
    place.write(webhook(), oas("a", reference(), reference(trigger="QuotaExceeded")))
    place.run()
    place.write(oas("a", reference(), reference(trigger="QuotaExceeded"), target="http://new.example/"))
    done = place.diff()
    assert done.code == 1
    assert done.out == f"""== {stub.url} (default context)
changed   default/a ({api_id('a')}): the definition
    @@ x-tyk-api-gateway.upstream @@
          listenPath:
            value: /a/
        upstream:
    -     url: http://up.example/
    +     url: http://new.example/
unchanged 0
"""


def lines(done):
    return [line for line in done.only["changed"][0]["difference"] if line[0] in "+-"]


def test_a_global_that_changes(place, stub):
    place.write(webhook(), oas("a", reference()), classic("b", events={"AuthFailure": [
        {"handler_name": "eh_web_hook_handler", "handler_meta": {"id": "pager"}}]}))
    place.run()
    place.write(webhook(method="PUT", headers=[{"name": "X-Team", "value": "platform"}]))
    done = place.diff("-o", "json")
    assert apis(done.only["changed"]) == ["default/a", "default/b"]
    assert sorted(line.replace(" ", "") for line in lines(done)) == sorted(
        ["-method:POST", "+headers:", "+-name:X-Team", "+value:platform", "+method:PUT"])


def test_a_switch_shows_both_of_its_values(place, stub):
    place.write(classic("a"))
    place.run()
    place.write(classic("a", use_keyless=False))
    assert [line.replace(" ", "") for line in lines(place.diff("-o", "json"))] == ["-use_keyless:true", "+use_keyless:false"]


def test_a_handler_that_is_put_before_others_is_one_addition(place, stub):
    meta = {"method": "POST", "template_path": "", "event_timeout": 5}
    old = [{"handler_name": "eh_web_hook_handler", "handler_meta": {**meta, "target_path": f"https://{name}.example/"}}
           for name in "abc"]
    new = {"handler_name": "eh_web_hook_handler", "handler_meta": {**meta, "target_path": "https://new.example/"}}
    place.write(classic("a", events={"AuthFailure": old}))
    place.run()
    place.write(classic("a", events={"AuthFailure": [new, *old]}))
    changed = lines(place.diff("-o", "json"))
    assert changed and all(line[0] == "+" for line in changed), changed


def test_from_classic_to_oas(place, stub):
    place.write(classic("a"))
    place.run()
    place.write(oas("a"))
    entry = place.diff("-o", "json").only["changed"][0]
    assert (entry["why"], entry["difference"]) == ("from Classic to OAS", [])


# --- whose it is ---

def test_foreign_definitions_are_named_and_are_no_difference(place, stub):
    place.write(classic("a"))
    place.run()
    stub.put({"api_id": "theirs", "name": "by hand", "proxy": {"listen_path": "/theirs/", "target_url": "http://t/"}},
             {"api_id": "other", "name": "o", "proxy": {"listen_path": "/other/", "target_url": "http://o/"},
              "config_data": {"grapnel": marker(owner="blue", api="x/y")}})
    done = place.diff("-o", "json")
    assert done.code == 0
    assert done.only["foreign"] == [
        {"apiId": "other", "name": "o", "why": "of Grapnel blue, cluster c"},
        {"apiId": "theirs", "name": "by hand", "why": "no marker"}]
    assert "foreign   theirs (by hand): no marker" in place.diff().out


def test_what_stands_in_the_way_is_a_difference(place, stub):
    stub.put({"api_id": "theirs", "name": "t", "proxy": {"listen_path": "/theirs/", "target_url": "http://t/"}},
             {"api_id": "taken", "name": "t", "proxy": {"listen_path": "/elsewhere/", "target_url": "http://t/"}})
    place.write(classic("a", path="/theirs/"), classic("b", api_id="taken"))
    done = place.diff("-o", "json")
    assert done.code == 1
    assert [(one["api"], one["why"]) for one in done.only["blocked"]] == [
        ("default/a", "a definition of somebody else has the listen path"),
        ("default/b", "a definition of somebody else has the id")]


def test_adoption_is_a_change(place, stub):
    stub.put({"api_id": "taken", "name": "t", "use_keyless": True, "proxy": {"listen_path": "/b/", "target_url": "http://t/"}})
    place.write(thing("OperatorContext", "edge", {"urls": [stub.url], "secretRef": {"name": "conf"}, "allowAdoption": True}),
                secret("conf", TYK_AUTH="s3cret"),
                classic("b", api_id="taken", contextRef={"name": "edge"}, metadata={"annotations": {"grapnel.dev/adopt": "true"}}))
    entry = place.diff("-o", "json", urls=False).only["changed"][0]
    assert (entry["api"], entry["why"]) == ("default/b", "adopted")
    assert any("http://up.example/" in line for line in entry["difference"])


def test_the_default_context_may_allow_adoption(place, stub):
    """The flag and the annotation are both needed; diff says what a run does."""
    theirs = {"api_id": "taken", "name": "t", "use_keyless": True, "proxy": {"listen_path": "/b/", "target_url": "http://t/"}}
    stub.put(theirs)
    place.write(classic("a", api_id="taken"))
    flag = "--gateway-allow-adoption"
    assert place.diff("-o", "json", flag).only["blocked"][0]["why"] == "a definition of somebody else has the id"
    place.write(classic("a", api_id="taken", metadata={"annotations": {"grapnel.dev/adopt": "true"}}))
    assert place.diff("-o", "json").only["blocked"][0]["why"] == "a definition of somebody else has the id"
    assert place.run().code == 1
    entry = place.diff("-o", "json", flag).only["changed"][0]
    assert (entry["api"], entry["why"]) == ("default/a", "adopted")
    assert place.diff("-o", "json", env={"GRAPNEL_GATEWAY_ALLOW_ADOPTION": "true"}).only["changed"] == [entry]
    assert place.run(flag).code == 0
    assert place.diff(flag).code == 0


def test_the_cluster_counts_where_it_is_known(place, stub):
    for number, cluster in enumerate(("one", "two")):
        stub.put({"api_id": cluster, "name": cluster, "proxy": {"listen_path": f"/{cluster}/", "target_url": "http://t/"},
                  "config_data": {"grapnel": marker(cluster=cluster, api=f"default/{cluster}")}})
    place.write(classic("a"))
    done = place.diff("-o", "json")
    assert apis(done.only["deleted"]) == ["default/one", "default/two"]
    assert "several clusters" in done.err and "one two" in done.err
    done = place.diff("-o", "json", "--cluster", "two")
    assert apis(done.only["deleted"]) == ["default/two"]
    assert [one["apiId"] for one in done.only["foreign"]] == ["one"]
    assert "several clusters" not in done.err


def test_the_owner_counts(place, stub):
    place.write(classic("a"))
    place.run("--owner", "blue")
    assert apis(place.diff("-o", "json").only["blocked"]) == ["default/a"]
    assert place.diff("--owner", "blue").code == 0


def test_the_uid_counts_where_it_is_known(place, stub):
    place.write(classic("a"))
    place.run()
    assert place.diff().code == 0
    place.write(classic("a", metadata={"uid": "another"}))
    assert place.diff("-o", "json").only["changed"][0]["why"] == "only Grapnel's marker"


def test_namespaces_that_are_not_watched(place, stub):
    place.write(classic("a"), thing("ApiDefinition", "b", classic("b")["spec"], namespace="other"))
    place.run()
    place.remove("ApiDefinition", "b", "other")
    assert apis(place.diff("-o", "json").only["deleted"]) == ["other/b"]
    done = place.diff("-o", "json", "--namespace", "default")
    assert (done.code, done.only["deleted"], done.only["kept"]) == (0, [], 1)


def test_the_mass_deletion_guard(place, stub):
    place.write(*(classic(f"a{number}") for number in range(10)))
    place.run()
    for number in range(8):
        place.remove("ApiDefinition", f"a{number}")
    done = place.diff("-o", "json")
    assert len(done.only["deleted"]) == 8 and done.only["massDeletion"]
    assert "MassDeletion" in place.diff().out
    assert not place.diff("-o", "json", "--confirm-prune").only["massDeletion"]


def test_the_last_apis_of_a_folder_are_a_mass_deletion_however_few(place, stub):
    place.write(classic("a"), classic("b"))
    place.run()
    cluster = (place.manifests / ".grapnel/id").read_text().strip()
    for name in ("a", "b"):
        place.remove("ApiDefinition", name)
    assert place.diff("-o", "json").only["massDeletion"]
    # In a cluster, few may go.
    assert not place.diff("-o", "json", "--cluster", cluster).only["massDeletion"]


@pytest.mark.parametrize("spoiled, why", [
    ("kind: [", "not YAML"),
    ("apiVersion: tyk.tyk.io/v1alpha1\nkind: ApiDefintion\nmetadata: {name: b}\n", "there is no kind ApiDefintion"),
    (None, "a link that leads nowhere")])
def test_nothing_is_gone_while_the_manifests_are_not_whole(place, stub, spoiled, why):
    place.write(classic("a"), classic("b"), classic("c"))
    place.run()
    place.remove("ApiDefinition", "b")
    broken = place.manifests / "broken.yaml"
    broken.write_text(spoiled) if spoiled else broken.symlink_to("nowhere")
    place.write(classic("c", target="http://new.example/"))
    done = place.diff("-o", "json")
    assert done.code == 1
    assert (done.only["deleted"], apis(done.only["changed"]), done.only["kept"]) == ([], ["default/c"], 1)
    assert "broken.yaml" in done.only["notWhole"] and why in done.only["notWhole"]
    assert "held      the manifests are not whole, a run deletes nothing: " in place.diff().out
    assert place.run().code == 1
    assert stub.ids() == {api_id("a"), api_id("b"), api_id("c")}
    assert place.diff().out.endswith("kept      1\nunchanged 2\n")


def test_no_copy_is_converted_while_the_manifests_are_not_whole(place, stub):
    place.write(webhook(), oas("a", reference()), classic("b"))
    place.run()
    place.remove("Webhook", "pager")
    (place.manifests / "broken.yaml").write_text("kind: [")
    state = ("--state-dir", place.manifests / ".grapnel")
    done = place.diff("-o", "json", *state)
    assert (done.code, done.only["changed"], done.only["kept"], done.only["unchanged"]) == (1, [], 1, 1)
    (place.manifests / "broken.yaml").unlink()
    assert apis(place.diff("-o", "json", *state).only["changed"]) == ["default/a"]


# --- moves, retained ones ---

def test_what_is_retained_stays(place, stub):
    place.write(classic("a", metadata={"annotations": {"grapnel.dev/deletion-policy": "Retain"}}), classic("b"))
    place.run()
    place.remove("ApiDefinition", "a")
    done = place.diff("-o", "json")
    assert (done.code, done.only["deleted"], done.only["kept"]) == (0, [], 1)


def test_another_id_is_an_addition_and_a_deletion(place, stub):
    place.write(classic("a", api_id="first"))
    place.run()
    place.write(classic("a", api_id="second"))
    found = place.diff("-o", "json").only
    assert [one["apiId"] for one in found["added"]] == ["second"]
    assert [(one["apiId"], one["why"]) for one in found["deleted"]] == [("first", "it has another id now, second")]


def test_another_context_is_a_move(place):
    old, new = place.stub(), place.stub()
    place.write(secret("conf", TYK_AUTH="s3cret"),
                *(thing("OperatorContext", name, {"urls": [stub.url], "secretRef": {"name": "conf"}})
                  for name, stub in (("old", old), ("new", new))),
                classic("a", contextRef={"name": "old"}))
    place.run()
    assert place.diff(urls=False).code == 0
    place.write(classic("a", contextRef={"name": "new"}))
    found = {one["url"]: one for one in place.diff("-o", "json", urls=False).gateways}
    assert apis(found[new.url]["added"]) == ["default/a"]
    assert found[old.url]["deleted"][0]["why"] == "it moves to context default/new"


def test_two_contexts_on_one_gateway(place, stub):
    place.write(secret("conf", TYK_AUTH="s3cret"),
                *(thing("OperatorContext", name, {"urls": [stub.url + "/"], "secretRef": {"name": "conf"}}) for name in ("x", "y")),
                classic("a", contextRef={"name": "x"}), classic("b", contextRef={"name": "y"}))
    found = place.diff("-o", "json", urls=False).only
    assert found["contexts"] == ["default/x", "default/y"] and apis(found["added"]) == ["default/a", "default/b"]


@pytest.mark.parametrize("named", ["control", 80, 80.0], ids=repr)
def test_pods_behind_a_service_among_the_manifests(place, stub, named):
    port = int(stub.url.rsplit(":", 1)[1])
    place.write(secret("conf", TYK_AUTH="s3cret"), classic("a", contextRef={"name": "edge"}),
                thing("OperatorContext", "edge", {"serviceRef": {"name": "gw", "port": named}, "secretRef": {"name": "conf"}}))
    done = place.diff(urls=False)
    assert done.code == 2 and "Service default/gw" in done.err
    place.write({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gw", "namespace": "default"},
                 "spec": {"ports": [{"name": "control", "port": 80}]}},
                {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                 "metadata": {"name": "gw-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "gw"}},
                 "ports": [{"name": "control", "port": port}],
                 "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True},
                                "targetRef": {"kind": "Pod", "name": "pod-1", "uid": "uid-1"}}]})
    done = place.diff("-o", "json", urls=False)
    assert done.code == 1, done.err
    assert (done.only["pod"], apis(done.only["added"])) == ("pod-1", ["default/a"])


def test_an_api_that_is_not_valid_keeps_what_it_has(place, stub):
    place.write(classic("a"), classic("b"))
    place.run()
    place.write(classic("a", path="no-slash"))
    done = place.diff("-o", "json")
    assert (done.code, done.only["deleted"], done.only["kept"], done.only["unchanged"]) == (1, [], 1, 1)
    assert "default/a: not compared" in done.err


# --- secrets ---

def signed(token="t0ken-one"):
    return [secret("pager", token=token, url=f"https://hooks.example/{token}"),
            webhook(headers=[{"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}}]),
            thing("Webhook", "hidden", {"urlFrom": {"secretKeyRef": {"name": "pager", "key": "url"}}})]


def test_values_of_secrets_are_compared_and_not_shown(place, stub):
    place.write(*signed(), oas("a", reference(), reference("hidden", "QuotaExceeded")),
                classic("b", events={"AuthFailure": [{"handler_name": "eh_web_hook_handler", "handler_meta": {"id": name}}
                                                     for name in ("pager", "hidden")]}))
    place.run()
    assert place.diff().code == 0
    place.write(*signed("t0ken-two"))
    for form in ("text", "json"):
        done = place.diff("-o", form)
        assert done.code == 1 and "t0ken" not in done.out + done.err, done.out
        assert "<secret default/pager token>" in done.out and "<secret default/pager url>" in done.out
    shown = place.diff("--show-secrets").out
    assert "t0ken-one" in shown and "t0ken-two" in shown


def test_what_the_gateway_holds_beside_is_not_shown(place, stub):
    """A header or a URL that the manifests do not have any more may have come from a Secret."""
    place.write(*signed(), oas("a", reference(), reference("hidden", "QuotaExceeded")))
    place.run()
    place.write(webhook(), oas("a", reference()))
    done = place.diff()
    assert done.code == 1 and "t0ken" not in done.out, done.out
    place.write(thing("Webhook", "hidden", {"url": "https://hooks.example/plain"}), oas("a", reference("hidden")))
    done = place.diff()
    assert "t0ken" not in done.out and "https://hooks.example/plain" in done.out


def test_a_secret_that_is_not_among_the_manifests(place, stub):
    place.write(*signed(), oas("a", reference()))
    place.run()
    place.remove("Secret", "pager")
    done = place.diff("-o", "json")
    assert (done.code, done.only["changed"], done.only["kept"]) == (1, [], 1)
    assert "default/a: not compared" in done.err and "Secret" in done.err


def test_confidential_fields_of_definitions_are_not_shown(place, stub):
    place.write(classic("a", auth_configs={"authToken": {"signature": {"secret": "hush-one", "algorithm": "x"}}}))
    place.run()
    place.write(classic("a", auth_configs={"authToken": {"signature": {"secret": "hush-two", "algorithm": "y"}}}))
    done = place.diff()
    assert "hush" not in done.out and "algorithm" in done.out and "<hidden>" in done.out


# --- what keeps it from an answer ---

@pytest.mark.parametrize("fault, options, word", [
    ("503", {"path": "/tyk"}, "HTTP 503"), ("html", {"path": "/tyk"}, "not a list"), ("truncate", {"path": "/tyk"}, "break"),
    ("not-ready", {"message": "Redis connection not available"}, "not ready"), ("refuse", {}, "no connection"),
    ("reset", {"path": "/tyk"}, "no answer"), ("403", {"path": "/tyk"}, "HTTP 403: it refuses the secret (")])
def test_a_gateway_that_cannot_be_read(place, fault, options, word):
    good, bad = place.stub(), place.stub()
    place.write(classic("a"))
    bad.fault(fault, **options)
    done = place.diff("-o", "json")
    assert done.code == 2
    found = {one["url"]: one for one in done.gateways}
    assert word in found[bad.url]["error"], found[bad.url]["error"]
    # The others are told all the same.
    assert apis(found[good.url]["added"]) == ["default/a"]
    assert f"error     {found[bad.url]['error']}" in place.diff().out
    if fault == "refuse":
        bad.process.kill()
        place.stubs.remove(bad)
    else:
        bad.fault("none")


def test_a_list_that_breaks_once_is_read_again(place, stub):
    place.write(classic("a"))
    place.run()
    stub.fault("break", path="/tyk/apis", count=1)
    assert place.diff().code == 0


@pytest.mark.parametrize("arguments, word", [
    (["-o", "xml"], "text or json"), (["--gateway-url", "ftp://x"], "--gateway-url"), (["--owner", ""], "--owner"), (["--gateway-version", "abc"], "--gateway-version"),
    (["--gateway-secret-file", "/nowhere"], "/nowhere"), (["--state-dir", "/nowhere"], "/nowhere"),
    (["--cluster", "a", "--state-dir", "b"], "not both")])
def test_what_it_cannot_work_with(place, stub, arguments, word):
    place.write(classic("a"))
    done = place.diff(*arguments)
    assert done.code == 2 and word in done.err and done.err.startswith("grapnel diff: ")


def test_input_that_cannot_be_read(place, stub):
    done = place.diff(paths=["/nowhere.yaml"])
    assert done.code == 2 and "/nowhere.yaml" in done.err
    assert place.diff(paths=[]).code == 2


def test_without_any_gateway(place):
    place.write(classic("a"))
    done = place.diff()
    assert done.code == 2 and "--gateway-url" in done.err


def test_manifests_from_stdin_and_a_gateway_from_the_environment(place, stub):
    text = yaml.dump_all([classic("a"), classic("b")])
    done = place.diff("-o", "json", urls=False, stdin=text, paths=["-"], env={"TYK_URL": stub.url})
    assert apis(done.only["added"]) == ["default/a", "default/b"]


def test_the_org_of_the_environment_goes_into_documents(place, stub):
    place.write(classic("a"))
    done = place._call("run", "--once", "--source", f"dir:{place.manifests}", "--gateway-url", stub.url, env={"TYK_ORG": "o-1"})
    assert done.code == 0, done.err
    assert place.diff(env={"TYK_ORG": "o-1"}).code == 0
    assert "-org_id:o-1" in [line.replace(" ", "") for line in lines(place.diff("-o", "json"))]


def test_nothing_is_written(place, stub):
    place.write(classic("a"), oas("b"))
    before = stub.counts()
    place.diff()
    place.diff("-o", "json")
    after = stub.counts()
    assert {name for name in after if after[name] != before[name]} <= {"list", "list_oas", "ready"}, (before, after)


# --- the gateways' secret ---

@pytest.mark.parametrize("command", ["run", "diff"])
def test_the_secret_may_come_from_a_pipe(place, stub, command):
    """`--gateway-secret-file <(command)`: what is in it can be read once."""
    place.write(classic("a"))
    if command == "diff":
        place.run()
    words = ["run", "--once", "--source", f"dir:{place.manifests}"] if command == "run" else ["diff", str(place.manifests)]
    done = subprocess.run(["bash", "-c", 'exec "$@" --gateway-secret-file <(printf s3cret)', "bash", BIN / "grapnel", *words,
                           "--gateway-url", stub.url],
                          capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("flag", ["--gateway-secret-file", "--gateway-ca-file"])
def test_an_empty_file_is_not_taken_for_no_file(place, stub, tmp_path, flag):
    place.write(classic("a"))
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for done in (place.diff(flag, empty), place._call("run", "--once", "--source", f"dir:{place.manifests}", *place._urls(),
                                                      flag, empty)):
        assert done.code == 2 and f"{empty}: empty" in done.err, done.err


# --- a folder's memory ---

def test_the_state_of_a_folder(place, stub):
    """A copy that the folder remembers of a Webhook that is gone, and its id."""
    place.write(webhook(conversionPolicy="Retain"), oas("a", reference()))
    place.run()
    place.remove("Webhook", "pager")
    state = place.manifests / ".grapnel"
    place.run("--conversion-grace", "100ms")
    assert place.diff("--state-dir", state).code == 0, place.diff("--state-dir", state).out
    done = place.diff("-o", "json")
    assert apis(done.only["changed"]) == ["default/a"], "without it the handler would go"
    (state / "id").write_text("0" * 32 + "\n")
    assert apis(place.diff("-o", "json", "--state-dir", state).only["blocked"]) == ["default/a"]


def test_copies_that_a_folder_remembers_are_written_out(place, stub):
    """The Webhook and its Secret are gone: the folder's state is all that knows them."""
    place.write({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pager", "namespace": "default"}, "stringData": {"token": "t0ken"}},
                webhook(headers=[{"name": "X-T", "valueFrom": {"secretKeyRef": {"name": "pager", "key": "token"}}}]), oas("a", reference()))
    place.run()
    place.remove("Webhook", "pager")
    place.remove("Secret", "pager")
    place.run("--conversion-grace", "100ms")
    state = ("--state-dir", place.manifests / ".grapnel")
    bare, hidden, shown = (place.materialize(*more) for more in ([], state, [*state, "--show-secrets"]))
    assert (bare.code, hidden.code, shown.code) == (1, 1, 0), bare.err + hidden.err + shown.err
    assert "id: pager" in bare.out and "t0ken" not in hidden.out + hidden.err and "values of Secrets" in hidden.err
    assert place.materialize("--state-dir", "/nowhere").code == 2
    place.write(yaml.safe_load(shown.out))
    assert place.diff(*state).code == 0, "what is written out is what the gateways hold"


def test_a_folder_in_use_can_be_looked_into(place, stub):
    place.write(classic("a"))
    place.run()
    with open(place.manifests / ".grapnel" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert place.diff("--state-dir", place.manifests / ".grapnel").code == 0


# --- the gateway's own form ---

def push_with_another_hash(place, stub):
    """As Grapnel would push it, but for the hash: all is changed, and nothing differs."""
    pushed = []
    for api in place.render():
        if api["document"] is None:
            continue
        document, mark = api["document"], marker(api=api["api"])
        if api["kind"] == "oas":
            document["x-grapnel"] = mark
        else:
            document["config_data"] = {**(document.get("config_data") or {}), "grapnel": mark}
        code, answer = stub.call("POST", "/tyk/apis/oas" if api["kind"] == "oas" else "/tyk/apis", document)
        if code == 200 and answer["key"] == api["apiId"]:
            pushed.append(api["apiId"])
    stub.call("GET", "/tyk/reload?block=true")
    return sorted(set(pushed) & stub.ids())


def expect_no_difference(place, pushed):
    done = place.diff("-o", "json", "--show-secrets", "--gateway-jsvm", "--gateway-kv-references")
    assert done.code in (1, 0), done.err
    changed = {one["apiId"]: one for one in done.only["changed"]}
    for one in pushed:
        if one in changed:
            assert changed[one]["difference"] == [], "\n".join(changed[one]["difference"])
    return len(set(pushed) & set(changed))


def cases():
    return sorted(path.parent.name for path in (ROOT / "tests" / "golden").glob("*/in.yaml"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("shared"))
    place.stub()
    yield place
    place.stubs[0].stop()


@pytest.mark.parametrize("case", cases())
def test_golden_documents_read_back_do_not_differ(shared, case):
    for file in shared.manifests.iterdir():
        file.unlink()
    text = (ROOT / "tests" / "golden" / case / "in.yaml").read_text()
    (shared.manifests / "in.yaml").write_text(text)
    try:
        documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    except yaml.YAMLError:
        documents = []
    if any(one.get("kind") == "OperatorContext" for one in documents):
        pytest.skip("its gateways are elsewhere")
    stub = shared.stubs[0]
    stub.fault("wipe")
    expect_no_difference(shared, push_with_another_hash(shared, stub))
    stub.fault("wipe")


# What a gateway drops, and nobody can see that it does (see core/normalise.h).
UNKNOWN_KEYS = {"10-classic-full", "31-oas-unknown-keys"}


def recorded():
    for path in sorted((ROOT / "tests" / "gateway" / "exchanges").glob("*.json")):
        for step in json.loads(path.read_text())["steps"]:
            body = step.get("body")
            if step["do"] == "request" and step["method"] == "POST" and isinstance(body, dict) and \
                    step["path"] in ("/tyk/apis", "/tyk/apis/oas") and step["expect"].get("status") == 200:
                yield path.stem, step["path"].endswith("oas"), body


def test_recorded_documents_read_back_do_not_differ(shared):
    compared = 0
    stub = shared.stubs[0]
    for name, is_oas, body in recorded():
        if name in UNKNOWN_KEYS or "$repeat" in json.dumps(body):
            continue
        for file in shared.manifests.iterdir():
            file.unlink()
        shared.write(thing("ApiDefinition", "a", {"oas": body} if is_oas else body))
        stub.fault("wipe")
        pushed = push_with_another_hash(shared, stub)
        compared += expect_no_difference(shared, pushed)
    stub.fault("wipe")
    assert compared > 20, compared


def test_each_field_of_a_full_definition_shows_when_it_changes(place, stub):
    """Nothing that is pushed may be normalised away: every leaf, changed by itself, is one difference."""
    full = next(body for name, is_oas, body in recorded() if name == "10-classic-full")
    full = {**full, "name": "a", "proxy": {**full["proxy"], "listen_path": "/a/"}}
    del full["event_handlers"]["events"]["MyOwnEvent"]  # it is not valid
    place.write(thing("ApiDefinition", "a", full))
    place.run()
    if not stub.ids():
        pytest.fail("it was not pushed: " + place.run().err)
    silent = []
    for path in leaves(full):
        if path[:2] == ("config_data", "grapnel"):
            continue  # the operator's own
        # Unknown to gateways, another definition, or (ids of handlers that lead nowhere) left out.
        if any("unknown" in str(step) for step in path) or path[0] in ("api_id", "id", "hook_references") or \
                path[-2:] == ("handler_meta", "id"):
            continue
        place.write(thing("ApiDefinition", "a", changed_at(full, path)))
        done = place.diff("-o", "json")
        if done.only["kept"]:
            continue  # it is not valid so
        if not done.only["changed"] or not done.only["changed"][0]["difference"]:
            silent.append(path)
    assert not silent, "; ".join("/".join(map(str, path)) for path in silent)


def leaves(value, path=()):
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, (*path, index))
    elif value is not None:
        yield path


def changed_at(value, path):
    if not path:
        if isinstance(value, bool):
            return not value
        return value + 7 if isinstance(value, (int, float)) else value + "x"
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed_at(value[path[0]], path[1:])
    return copy
