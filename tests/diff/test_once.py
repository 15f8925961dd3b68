# SPDX-License-Identifier: Apache-2.0
"""`grapnel run --once` on a folder that is not whole: it ends, says what is wrong, and takes nothing off."""

import signal
import socket
import subprocess

import pytest

from conftest import BIN
from test_diff import api_id, classic, oas, reference, thing, webhook

BROKEN = "apiVersion: tyk.tyk.io/v1alpha1\nkind: [\n"


def ids(*names):
    return {api_id(name) for name in names}


def definitions(stub):
    """By id: a gateway lists them in any order."""
    return {one["api_id"]: one for one in stub.call("GET", "/tyk/apis")[1]}


def start(place):
    """Two APIs and a Webhook are in place."""
    place.write(webhook(), oas("a", reference()), classic("b"))
    assert place.run().code == 0


def file_of(place, kind, name):
    return place.manifests / f"{kind}.default.{name}.json".lower()


def spoil_kind(place):
    path = file_of(place, "ApiDefinition", "b")
    path.write_text(path.read_text().replace('"ApiDefinition"', '"ApiDefintion"'))
    return "kind: there is no kind ApiDefintion in tyk.tyk.io/v1alpha1"


def spoil_group(place):
    path = file_of(place, "ApiDefinition", "b")
    path.write_text(path.read_text().replace("tyk.tyk.io/", "tyk.io/"))
    return "apiVersion: there is no ApiDefinition in tyk.io/v1alpha1"


def spoil_name(place):
    path = file_of(place, "ApiDefinition", "b")
    path.write_text(path.read_text().replace('"name": "b", "namespace"', '"nmae": "b", "namespace"'))
    return "metadata.name: missing"


def spoil_case(place):
    path = file_of(place, "ApiDefinition", "b")
    path.write_text(path.read_text().replace('"name": "b", "namespace"', '"name": "B", "namespace"'))
    return "metadata.name: not a valid name"


def spoil_webhook(place):
    path = file_of(place, "Webhook", "pager")
    path.write_text(path.read_text().replace('"Webhook"', '"WebHook"'))
    return "kind: there is no kind WebHook in tyk.tyk.io/v1alpha1"


def break_file(place):
    file_of(place, "ApiDefinition", "b").write_text(BROKEN)
    return "apidefinition.default.b.json:3: not YAML"


def break_another(place):
    (place.manifests / "another.yaml").write_text(BROKEN)
    return "another.yaml:3: not YAML"


def break_link(place):
    path = file_of(place, "ApiDefinition", "b")
    path.unlink()
    path.symlink_to("nowhere")
    return "a link that leads nowhere"


def empty(place):
    for path in place.manifests.glob("*.json"):
        path.unlink()
    return "MassDeletion: 2 of 2 ApiDefinitions are gone"


@pytest.mark.parametrize("spoil", [spoil_kind, spoil_group, spoil_name, spoil_case, spoil_webhook, break_file, break_another,
                                   break_link, empty])
def test_a_folder_that_is_not_whole(place, stub, spoil):
    start(place)
    before = definitions(stub)
    why = spoil(place)
    done = place.run("--conversion-grace", "0s", "--rewrite-delay", "0s")
    assert done.code == 1
    assert "not converged: the folder is not whole, nothing is deleted: " in done.out and why in done.out
    assert before.keys() == ids("a", "b") and definitions(stub) == before


def test_the_rest_goes_on(place, stub):
    start(place)
    break_file(place)
    place.write(classic("c"))
    assert place.run().code == 1
    assert stub.ids() == ids("a", "b", "c")


def test_an_emptied_folder_that_is_confirmed(place, stub):
    start(place)
    empty(place)
    assert place.run("--confirm-prune").code == 0
    assert stub.ids() == set()
    assert place.run().code == 0


def test_more_orphans_on_a_gateway_than_may_go(place, stub):
    place.write(*(classic(f"a{number}") for number in range(20)))
    assert place.run().code == 0
    # As after a restore of an older state: it does not know of them, the gateway does.
    for number in range(8):
        place.remove("ApiDefinition", f"a{number}")
        (place.manifests / f".grapnel/status/ApiDefinition.default.a{number}.yaml").unlink()
    done = place.run()
    assert done.code == 1 and "not converged: MassDeletion: 8 definitions on gateways are not deleted" in done.out
    assert len(stub.ids()) == 20


def test_what_is_for_others_holds_nothing_up(place, stub):
    start(place)
    (place.manifests / "kustomization.yaml").write_text("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
    (place.manifests / "values.yaml").write_text("replicaCount: 1\n")
    done = place.run()
    assert done.code == 0 and "not converged" not in done.out


def test_one_that_is_ended_has_not_converged(place):
    place.write(classic("a"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [BIN / "grapnel", "run", "--once", "--source", f"dir:{place.manifests}",
                   "--gateway-url", f"http://127.0.0.1:{silent.getsockname()[1]}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            silent.accept()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
    assert process.returncode == 1, out
    assert '"msg":"stopping"' in out


def unused_url():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_what_has_to_go_and_stands_on_a_gateway_that_is_down(place, stub):
    """The next run does not remember what there was; that the gateway could not be looked at is known."""
    start(place)
    empty(place)
    stub.stop()
    for _ in range(2):
        done = place.run("--confirm-prune")
        assert done.code == 1
        assert f"not converged: what has to go may still stand on a gateway: {stub.url}: " in done.out


def test_one_of_several_that_has_to_go_from_a_context_that_is_down(place, stub):
    url = unused_url()
    place.write(classic("b", contextRef={"name": "edge"}), thing("OperatorContext", "edge", {"urls": [url]}), classic("a"))
    assert place.run().code == 1
    place.remove("ApiDefinition", "b")
    done = place.run()
    assert done.code == 1
    assert f"not converged: what has to go may still stand on a gateway: OperatorContext default/edge: {url}: " in done.out
    assert stub.ids() == ids("a")
    place.remove("OperatorContext", "edge")
    assert place.run().code == 0
