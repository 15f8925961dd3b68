# SPDX-License-Identifier: Apache-2.0
"""Two clusters on one gateway: same owner, same context, even the same names; only the cluster in the mark tells them apart.

The second cluster is a folder: its mark bears the id of its state folder where the first one's bears the uid of kube-system.
"""

import time

import pytest
import yaml

from harness.gateway import await_on_all
from harness.kubectl import to_manifest
from harness.objects import Tyk, classic_api, condition, default_api_id, oas_api, oas_document
from harness.operator import FolderOperator
from harness.wait import eventually, eventually_equal, throughout


@pytest.fixture
def gateway(stage):
    return stage.gateway()


@pytest.fixture
def first(stage, gateway):
    return stage.operator(gateway)


@pytest.fixture
def second(stage, gateway):
    operator = FolderOperator(stage.find_binary("grapnel"), stage.directory, "second", port=8070, gateway_url=gateway.url,
                              gateway_secret_file=stage.secret_file)
    stage.operators.append(operator)
    return operator


def reason(operator: FolderOperator, team: str, name: str, type_: str = "Ready") -> str | None:
    found = yaml.safe_load(operator.status("ApiDefinition", team, name))
    return condition(found if "status" in found else {"status": found}, type_).get("reason")


def clusters(gateway) -> dict[str, str]:
    """Whose each definition is: the cluster in its mark."""
    marks = {}
    for api_id, definition in gateway.apis().items():
        document = gateway.oas(api_id) if definition.get("is_oas") else definition.get("config_data") or {}
        marks[api_id] = (document.get("x-grapnel") or document.get("grapnel"))["cluster"]
    return marks


def test_two_clusters_on_one_gateway_do_not_fight(stage, gateway, first, second, kubectl, tyk, team):
    here = [oas_api(team, "orders"), classic_api(team, "users"), oas_api(team, "mine")]
    kubectl.apply(here)
    tyk.await_ready(team, "orders", "users", "mine")
    uid = stage.cluster.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    # The same namespace and name, and so the same id; the same path under another id; and one of its own.
    there = [oas_api(team, "orders", upstream="http://there.example/"), oas_api(team, "squatter", listen_path="/users/"),
             classic_api(team, "theirs")]
    for thing in there:
        second.write(f"{thing['metadata']['name']}.yaml", to_manifest(thing))
    time.sleep(2.5)  # what was seen two seconds ago is not looked at again before a write
    second.start()
    eventually_equal(lambda: reason(second, team, "theirs"), "Synced")
    eventually_equal(lambda: reason(second, team, "orders", "Stalled"), "ForeignDefinition")
    eventually_equal(lambda: reason(second, team, "squatter", "Stalled"), "Conflict")
    tyk.await_ready(team, "orders", "users", "mine")
    held = {default_api_id(team, name): uid for name in ("orders", "users", "mine")}
    marks = clusters(gateway)
    folder = marks.pop(default_api_id(team, "theirs"))
    assert marks == held and folder not in ("", uid)
    before = gateway.counts()
    throughout(lambda: gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}, 5, interval=0.5)

    # Each is begun anew and looks at all that stands there: what the other has put there is no orphan of its own,
    # though their objects are unknown to it. What is one goes after thirty seconds.
    tear_off(kubectl, tyk, first, team, "mine")
    second.restart()
    everything = {*held, default_api_id(team, "theirs")}
    eventually_equal(lambda: set(gateway.apis()), everything - {default_api_id(team, "mine")}, timeout=60)
    time.sleep(8)  # as long again as the second one's orphans would have been due, had it any
    assert set(gateway.apis()) == everything - {default_api_id(team, "mine")}
    assert gateway.oas(default_api_id(team, "orders"))["x-tyk-api-gateway"]["upstream"]["url"] != "http://there.example/"

    # Edits and deletions on either side are about its own alone; what the first lets go of, the second may have.
    second.remove("theirs.yaml")
    eventually(lambda: default_api_id(team, "theirs") not in gateway.apis())
    kubectl.apply(oas_api(team, "later"))
    tyk.await_ready(team, "later")
    kubectl.delete("apidefinition", "users", team)
    kubectl.delete("apidefinition", "orders", team)
    eventually_equal(lambda: reason(second, team, "orders"), "Synced", timeout=60)
    eventually_equal(lambda: reason(second, team, "squatter"), "Synced", timeout=60)
    assert clusters(gateway) == {default_api_id(team, "later"): uid, default_api_id(team, "orders"): folder,
                                 default_api_id(team, "squatter"): folder}
    # And the other way round: now the folder has it.
    kubectl.apply(oas_api(team, "orders"))
    tyk.await_api(team, "orders", "Stalled", "True", "ForeignDefinition")
    second.remove("orders.yaml")
    tyk.await_ready(team, "orders", timeout=60)
    assert clusters(gateway)[default_api_id(team, "orders")] == uid


def tear_off(kubectl, tyk, operator, team: str, name: str) -> None:
    """Deletes an API while nobody is there to hear of it."""
    operator.kill()
    kubectl.patch("apidefinition", name, {"metadata": {"finalizers": None}}, team)
    kubectl.delete("apidefinition", name, team)
    operator.start()
