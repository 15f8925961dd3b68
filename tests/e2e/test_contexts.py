# SPDX-License-Identifier: Apache-2.0
"""Contexts: which gateways an API is for, what moves it, and that nobody else's definitions are ever harmed."""

import json
import socket
import time

import pytest

from harness.balancer import Balancer
from harness.fleet import Fleet, apis_of, ids_of, names_of
from harness.gateway import await_on_all
from harness.objects import classic_api, condition, default_api_id, oas_api, oas_document, reference, secret, webhook
from harness.wait import eventually, eventually_equal, throughout


@pytest.fixture
def operator(fleet_operator):
    return fleet_operator


# --- what makes a context ---

def test_reasons_of_a_context(stage, operator, kubectl, tyk, team):
    fleet = Fleet(stage, service=False)
    fleet.permit(operator)
    kubectl.apply(fleet.context())
    fleet.await_ready("False", "SecretNotFound")
    fleet.create_secret()
    fleet.await_ready("False", "ServiceNotFound")
    fleet.create_service()
    fleet.await_ready("False", "NoGateways")
    pod = fleet.add()
    fleet.await_ready()
    pod.gateway.kill()
    fleet.await_ready("False", "GatewayUnreachable")
    assert fleet.endpoints()[pod.name]["state"] == "Unreachable"
    assert fleet.endpoints()[pod.name]["lastError"]
    pod.gateway.start()
    fleet.await_ready()
    assert "lastError" not in fleet.endpoints()[pod.name]
    pod.remove()
    fleet.await_ready("False", "NoGateways")
    kubectl.delete("service", fleet.name, fleet.namespace)
    fleet.await_ready("False", "ServiceNotFound")
    fleet.create_service()
    fleet.add()
    fleet.await_ready()


def test_a_port_by_number_and_one_that_is_not_there(stage, fleet, operator, kubectl, tyk, team):
    fleet.add()
    kubectl.apply([fleet.context("number", serviceRef={"name": fleet.name, "port": 9696}),
                   fleet.context("wrong", serviceRef={"name": fleet.name, "port": "nothing"}),
                   fleet.context("which", serviceRef={"name": fleet.name})])
    fleet.await_ready(name="number")
    assert "nothing" in condition(fleet.await_ready("False", "NoGateways", name="wrong"), "Ready")["message"]
    assert "several ports" in condition(fleet.await_ready("False", "NoGateways", name="which"), "Ready")["message"]


def slice_of(fleet: Fleet, name: str, family: str, *addresses: str, **conditions) -> dict:
    """An EndpointSlice as somebody else than the controller makes it."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
            "metadata": {"name": name, "namespace": fleet.namespace, "labels": {"kubernetes.io/service-name": fleet.name}},
            "ports": [{"name": "control", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": conditions} for address in addresses]}


def has_ipv6(address: str) -> bool:
    """Whether run.sh could make the address bindable."""
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind((address, 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6("fd00:244::5"), reason="this machine has no IPv6")
def test_slices_made_by_hand_before_their_service(stage, operator, kubectl, tyk, team):
    """Several slices, of both families, without pods; the first comes before the Service."""
    fleet = Fleet(stage, service=False)
    fleet.permit(operator)
    fleet.create_secret()
    four, six = stage.gateway(), stage.gateway(address="[fd00:244::5]")
    kubectl.apply([slice_of(fleet, "one", "IPv4", four.address), fleet.context()])
    fleet.await_ready("False", "ServiceNotFound")
    fleet.create_service(selector=None, clusterIP="None")
    fleet.await_ready()
    kubectl.apply(slice_of(fleet, "two", "IPv6", "fd00:244::5"))
    eventually_equal(lambda: {entry["url"]: entry["state"] for entry in fleet.status()["endpoints"]},
                     {four.url: "Synced", six.url: "Synced"})
    kubectl.apply(oas_api(team, "orders", context=fleet.ref()))
    tyk.await_ready(team, "orders")
    await_on_all([four, six], lambda one: set(one.apis()), ids_of(team, ["orders"]))
    kubectl.delete("endpointslice", "one", fleet.namespace)
    eventually_equal(lambda: [entry["url"] for entry in fleet.status()["endpoints"]], [six.url])


def test_the_default_context_may_be_a_service(stage, fleet, oracle, kubectl, tyk, team):
    for _ in range(2):
        fleet.add()
    stage.operator(gateway_service=f"{fleet.namespace}/{fleet.name}:control")
    apis = apis_of(team, None, 4)
    kubectl.apply([webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis))
    fleet.add()
    oracle.await_exact(fleet.gateways)
    eventually_equal(lambda: tyk.status(team, "api-0")["gateways"], {"total": 3, "synced": 3}, timeout=40)


@pytest.mark.parametrize("host", ["{service}.{namespace}.svc.cluster.local", "{service}.{namespace}.svc",
                                  "{service}.{namespace}"])
def test_a_tyk_url_that_names_a_service_means_its_pods(stage, fleet, operator, oracle, kubectl, tyk, team, host):
    """The Secret as Tyk Operator has it: a load-balanced URL would send each request to another pod."""
    for _ in range(2):
        fleet.add()
    url = host.format(service=fleet.name, namespace=fleet.namespace)
    fleet.create_secret(TYK_URL=f"http://{url}:9696", TYK_ORG="org-1", TYK_MODE="ce",
                        TYK_TLS_INSECURE_SKIP_VERIFY="false")
    kubectl.apply([fleet.context(serviceRef=None), webhook(team, "pager"), *apis_of(team, fleet.ref(), 3)])
    tyk.await_ready(team, "api-0", "api-1", "api-2")
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    assert {definition["org_id"] for definition in fleet.gateways[0].apis().values()} == {"org-1"}
    assert set(fleet.endpoints()) == {pod.name for pod in fleet.pods}


def test_a_load_balanced_url_is_found_out(stage, fleet, operator, kubectl, tyk, team):
    gateways = [stage.gateway(), stage.gateway()]
    with Balancer(stage.address(), gateways) as balancer:
        kubectl.apply([fleet.context(serviceRef=None, urls=[balancer.url]), oas_api(team, "orders", context=fleet.ref())])
        tyk.await_api(team, "orders", "Programmed", "False", "LoadBalancedUrl", timeout=60)
        fleet.await_ready("False", "GatewayUnreachable")
        assert fleet.status()["endpoints"][0]["state"] == "LoadBalanced"
        before = [gateway.counts() for gateway in gateways]
        kubectl.apply(oas_api(team, "orders", context=fleet.ref(), upstream="http://second.example/"))
        tyk.await_api(team, "orders", "Programmed", "False", "LoadBalancedUrl")
        assert [gateway.counts_since(count)["posts"] for gateway, count in zip(gateways, before)] == [0, 0]


def test_two_contexts_that_share_a_pod(stage, fleet, operator, kubectl, tyk, team):
    """What both want there is the union; one that lets go takes nothing of the other's along."""
    shared, alone = fleet.add(), stage.gateway()
    kubectl.apply([fleet.context(), fleet.context("second"), fleet.context("third", serviceRef=None, urls=[alone.url]),
                   oas_api(team, "a", context=fleet.ref()), oas_api(team, "b", context=fleet.ref("second")),
                   oas_api(team, "c", context=fleet.ref("third"))])
    tyk.await_ready(team, "a", "b", "c")
    assert set(shared.gateway.apis()) == ids_of(team, ["a", "b"])
    assert set(alone.apis()) == ids_of(team, ["c"])
    kubectl.delete("apidefinition", "b", team)
    assert set(shared.gateway.apis()) == ids_of(team, ["a"])
    kubectl.delete("operatorcontext", "second", fleet.namespace)
    kubectl.apply(oas_api(team, "d", context=fleet.ref()))
    tyk.await_ready(team, "d")
    assert set(shared.gateway.apis()) == ids_of(team, ["a", "d"])


def test_a_context_is_for_the_namespaces_that_it_permits(stage, fleet, operator, kubectl, tyk, team):
    fleet.add()
    kubectl.apply([fleet.context(allowedNamespaces={"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}}),
                   oas_api(team, "orders", context=fleet.ref())])
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "ContextNotFound")
    kubectl.run("label", "namespace", team, "edge=yes")
    tyk.await_ready(team, "orders")
    # Permission withdrawn: the last good definition stays, and nothing new is pushed.
    kubectl.run("label", "namespace", team, "edge-")
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "ContextNotFound")
    assert set(fleet.gateways[0].apis()) == ids_of(team, ["orders"])


# --- moves ---

def test_a_context_ref_that_changes_moves_the_api_without_a_gap(stage, fleet, operator, kubectl, tyk, team):
    old, new = stage.gateway(), stage.gateway()
    kubectl.apply([fleet.context("old", serviceRef=None, urls=[old.url]), fleet.context("new", serviceRef=None, urls=[new.url]),
                   oas_api(team, "orders", context=fleet.ref("old")), oas_api(team, "stays", context=fleet.ref("old"))])
    tyk.await_ready(team, "orders", "stays")
    api_id = default_api_id(team, "orders")
    new.fault("hang")
    kubectl.apply(oas_api(team, "orders", context=fleet.ref("new")))
    throughout(lambda: api_id in old.apis(), 2)
    new.clear_faults()

    def has_moved() -> None:
        # Looked at in this order: the old one may go only after the new one is there.
        was_gone = api_id not in old.apis()
        assert not was_gone or api_id in new.apis(), "there was a moment without it"
        if not was_gone:
            raise LookupError("not moved yet")

    eventually(has_moved, 60)
    tyk.await_ready(team, "orders")
    assert set(old.apis()) == ids_of(team, ["stays"])


def test_a_context_ref_that_leads_nowhere_changes_nothing(stage, fleet, operator, kubectl, tyk, team):
    fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "orders", context=fleet.ref())])
    tyk.await_ready(team, "orders")
    before = fleet.gateways[0].counts()
    kubectl.apply(oas_api(team, "orders", context=fleet.ref("nowhere")))
    tyk.await_api(team, "orders", "ResolvedRefs", "False", "ContextNotFound")
    assert fleet.gateways[0].counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}
    assert set(fleet.gateways[0].apis()) == ids_of(team, ["orders"])


def test_an_api_id_that_changes(stage, fleet, operator, kubectl, tyk, team):
    fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "orders", context=fleet.ref(), api_id="first")])
    tyk.await_ready(team, "orders")
    assert set(fleet.gateways[0].apis()) == {"first"}
    kubectl.apply(oas_api(team, "orders", context=fleet.ref(), api_id="second"))
    eventually_equal(lambda: set(fleet.gateways[0].apis()), {"second"})
    tyk.await_ready(team, "orders")
    # The path is its own, not the name that a gateway gives to a duplicate.
    assert fleet.gateways[0].apis()["second"]["proxy"]["listen_path"] == "/orders/"
    # With another path, the new one is verified before the old one goes.
    kubectl.apply(oas_api(team, "orders", context=fleet.ref(), api_id="third", listen_path="/third/"))
    eventually_equal(lambda: set(fleet.gateways[0].apis()), {"third"})


def test_a_listen_path_that_another_api_takes_over(stage, fleet, operator, oracle, kubectl, tyk, team):
    fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "first", context=fleet.ref(), listen_path="/shop/")])
    tyk.await_ready(team, "first")
    kubectl.apply(oas_api(team, "second", context=fleet.ref(), listen_path="/shop/"))
    tyk.await_api(team, "second", "Stalled", "True", "Conflict")
    kubectl.apply(oas_api(team, "first", context=fleet.ref(), listen_path="/old-shop/"))
    tyk.await_ready(team, "first", "second")
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")


def test_a_context_deleted_and_created_anew(stage, fleet, operator, kubectl, tyk, team):
    pod = fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 4)])
    tyk.await_ready(team, "api-0", "api-1", "api-2", "api-3")
    before = pod.gateway.counts()
    kubectl.delete("operatorcontext", "edge", fleet.namespace)
    tyk.await_api(team, "api-0", "ResolvedRefs", "False", "ContextNotFound")
    assert len(pod.gateway.apis()) == 4
    kubectl.apply(fleet.context())
    tyk.await_ready(team, "api-0", "api-1", "api-2", "api-3")
    fleet.await_ready()
    assert pod.gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}
    # And it is in charge again.
    kubectl.delete("apidefinition", "api-1", team)
    assert len(pod.gateway.apis()) == 3


def test_an_api_deleted_while_its_context_is_away_leaves_with_it(stage, fleet, operator, kubectl, tyk, team):
    pod = fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "a", context=fleet.ref()), oas_api(team, "b", context=fleet.ref())])
    tyk.await_ready(team, "a", "b")
    kubectl.delete("operatorcontext", "edge", fleet.namespace)
    tyk.await_api(team, "a", "ResolvedRefs", "False", "ContextNotFound")
    kubectl.delete("apidefinition", "a", team)
    kubectl.apply(fleet.context())
    eventually_equal(lambda: set(pod.gateway.apis()), ids_of(team, ["b"]), timeout=60)


def test_a_namespace_that_is_watched_no_more_keeps_its_definitions(stage, fleet, operator, kubectl, tyk, team):
    pod, other = fleet.add(), stage.namespace("other")
    kubectl.apply([fleet.context(), oas_api(team, "mine", context=fleet.ref()), oas_api(other, "theirs", context=fleet.ref())])
    tyk.await_ready(team, "mine")
    tyk.await_ready(other, "theirs")
    operator.stop()
    operator.set_flags(namespace=[team, fleet.namespace, operator.system_namespace])
    kubectl.apply(oas_api(other, "theirs", context=fleet.ref(), upstream="http://changed.example/"))
    operator.start()
    kubectl.apply(oas_api(team, "later", context=fleet.ref()))
    tyk.await_ready(team, "later")
    # Longer than orphans wait for.
    throughout(lambda: default_api_id(other, "theirs") in pod.gateway.apis(), 40, interval=1)
    assert pod.gateway.oas(default_api_id(other, "theirs"))["x-tyk-api-gateway"]["upstream"]["url"] == "http://upstream.example/"


# --- orphans, owners, adoption ---

def tear_off_finalizers(kubectl, team: str, names: list[str]) -> None:
    """As a hurried person does it: the operator never hears of the deletions."""
    for name in names:
        kubectl.patch("apidefinition", name, {"metadata": {"finalizers": None}}, team)
        kubectl.delete("apidefinition", name, team)


def test_orphans_are_collected(stage, fleet, operator, kubectl, tyk, team):
    pod = fleet.add()
    kubectl.apply([fleet.context(), *(oas_api(team, f"api-{number}", context=fleet.ref()) for number in range(8))])
    tyk.await_ready(team, *(f"api-{number}" for number in range(8)))
    operator.kill()
    tear_off_finalizers(kubectl, team, ["api-0", "api-1"])
    operator.start()
    throughout(lambda: len(pod.gateway.apis()) == 8, 15, interval=0.5)
    eventually_equal(lambda: set(pod.gateway.apis()), ids_of(team, [f"api-{number}" for number in range(2, 8)]), timeout=60)


def test_many_orphans_wait_for_a_confirmation(stage, fleet, operator, kubectl, tyk, team):
    pods = [fleet.add(), fleet.add()]
    kubectl.apply([fleet.context(), *(oas_api(team, f"api-{number}", context=fleet.ref()) for number in range(12))])
    tyk.await_ready(team, *(f"api-{number}" for number in range(12)))
    operator.kill()
    tear_off_finalizers(kubectl, team, [f"api-{number}" for number in range(8)])
    operator.start()
    fleet.await_ready("False", "MassDeletion")
    throughout(lambda: all(len(pod.gateway.apis()) == 12 for pod in pods), 40, interval=1)
    assert {entry["state"] for entry in fleet.status()["endpoints"]} == {"MassDeletion"}
    # Meanwhile all else goes on.
    kubectl.apply(oas_api(team, "later", context=fleet.ref()))
    tyk.await_ready(team, "later")
    kubectl.patch("operatorcontext", "edge", {"metadata": {"annotations": {"grapnel.dev/confirm-prune": "true"}}}, fleet.namespace)
    rest = ids_of(team, ["later", *(f"api-{number}" for number in range(8, 12))])
    await_on_all([pod.gateway for pod in pods], lambda one: set(one.apis()), rest, timeout=60)
    fleet.await_ready()


def test_two_owners_on_one_gateway_do_not_fight(stage, fleet, kubectl, tyk):
    gateway = stage.gateway()
    blue, green = stage.namespace("blue"), stage.namespace("green")
    operators = {}
    for name, ns in (("blue", blue), ("green", green)):
        system = stage.namespace("grapnel-system")
        operators[name] = stage.operator(gateway, owner=name, namespace=[ns, system], id_namespaces=ns, system=system)
    kubectl.apply([*(oas_api(blue, f"blue-{number}") for number in range(3)),
                   *(oas_api(green, f"green-{number}") for number in range(3))])
    tyk.await_ready(blue, "blue-0", "blue-1", "blue-2")
    tyk.await_ready(green, "green-0", "green-1", "green-2")
    # What a gateway held two seconds ago at most is not looked at again before a write, and it is no longer ago that blue wrote.
    time.sleep(2.5)
    # The same id, and the same path: who was first keeps both.
    kubectl.apply([oas_api(green, "thief", api_id=default_api_id(blue, "blue-0")), oas_api(green, "squatter", listen_path="/blue-1/")])
    tyk.await_api(green, "thief", "Stalled", "True", "ForeignDefinition")
    tyk.await_api(green, "squatter", "Stalled", "True", "Conflict")
    before = gateway.counts()
    throughout(lambda: gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}, 5, interval=0.5)
    kubectl.delete("apidefinition", "green-0", green)
    operators["blue"].restart()
    kubectl.apply(oas_api(blue, "later"))
    tyk.await_ready(blue, "later")
    # The squatter was posted before blue's path was seen, perhaps; the gateway then serves it under a path of its own making.
    assert set(gateway.apis()) - set(ids_of(green, ["squatter"])) == {*ids_of(blue, ["blue-0", "blue-1", "blue-2", "later"]), *ids_of(green, ["green-1", "green-2"])}
    # What blue lets go of, green may have.
    kubectl.delete("apidefinition", "blue-1", blue)
    tyk.await_ready(green, "squatter", timeout=180)


THEIRS = {"api_id": "legacy", "name": "by hand", "use_keyless": True, "active": True,
          "proxy": {"listen_path": "/legacy/", "target_url": "http://theirs.example"},
          "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}}}


def test_adoption_takes_both_consents(stage, fleet, operator, oracle, kubectl, tyk, team):
    pod = fleet.add()
    pod.gateway.put_foreign(THEIRS)
    before = pod.gateway.classic("legacy")
    api = classic_api(team, "legacy", api_id="legacy", contextRef=fleet.ref())
    kubectl.apply([fleet.context(), api])
    tyk.await_api(team, "legacy", "Stalled", "True", "ForeignDefinition")
    kubectl.apply({**api, "metadata": {**api["metadata"], "annotations": {"grapnel.dev/adopt": "true"}}})
    kubectl.apply(oas_api(team, "marker", context=fleet.ref()))
    tyk.await_ready(team, "marker")
    tyk.await_api(team, "legacy", "Stalled", "True", "ForeignDefinition")
    assert pod.gateway.classic("legacy") == before
    kubectl.apply(fleet.context(allowAdoption=True))
    tyk.await_ready(team, "legacy")
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")


# --- drift ---

def test_what_somebody_deletes_or_overwrites_comes_back(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(2):
        fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 4)])
    tyk.await_ready(team, "api-0", "api-1", "api-2", "api-3")
    gateway = fleet.gateways[0]
    gateway.call("DELETE", f"/tyk/apis/{default_api_id(team, 'api-1')}")
    gateway.reload()
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    eventually(lambda: "DriftRepaired" in kubectl.event_reasons(team, "ApiDefinition", "api-1"))
    # A definition without a marker under an id that was ours: somebody meant it. It is told, and left.
    gateway.put_foreign({**THEIRS, "api_id": default_api_id(team, "api-0"), "proxy": {"listen_path": "/api-0/", "target_url": "http://theirs.example"}})
    tyk.await_api(team, "api-0", "Stalled", "True", "ForeignDefinition", timeout=40)
    # One that keeps the marker and changes the target is drift, and repaired.
    document = gateway.oas(default_api_id(team, "api-2"))
    document["x-tyk-api-gateway"]["upstream"]["url"] = "http://elsewhere.example/"
    gateway.put_foreign(document, oas=True)
    eventually_equal(lambda: gateway.oas(default_api_id(team, "api-2"))["x-tyk-api-gateway"]["upstream"]["url"],
                     "http://upstream.example/", timeout=40)
    eventually(lambda: "DriftRepaired" in kubectl.event_reasons(team, "ApiDefinition", "api-2"))


# --- deletion ---

def test_created_and_deleted_within_a_tick_leaves_nothing(stage, fleet, operator, kubectl, tyk, team):
    """With a gateway that makes callers of a reload wait, as real ones do."""
    fleet.gateway_options = {"reload_interval": 1}
    pod = fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "stays", context=fleet.ref())])
    tyk.await_ready(team, "stays")
    for number in range(6):
        kubectl.apply([oas_api(team, f"brief-{number}", context=fleet.ref()), classic_api(team, f"short-{number}", contextRef=fleet.ref())])
        kubectl.delete("apidefinition", f"brief-{number}", team)
        kubectl.delete("apidefinition", f"short-{number}", team)
    pod.gateway.reload()
    assert set(pod.gateway.apis()) == ids_of(team, ["stays"])
    # Nor on its disk.
    assert sorted(pod.gateway.state()["files"]) == sorted(
        name for api_id in ids_of(team, ["stays"]) for name in (f"{api_id}.json", f"{api_id}-oas.json"))


def test_a_gateway_that_was_away_is_cleaned_when_it_returns(stage, fleet, operator, kubectl, tyk, team):
    pods = [fleet.add(), fleet.add()]
    kubectl.apply([fleet.context(), oas_api(team, "goes", context=fleet.ref()), oas_api(team, "stays", context=fleet.ref())])
    tyk.await_ready(team, "goes", "stays")
    pods[1].gateway.kill()
    kubectl.delete("apidefinition", "goes", team, timeout=25)
    eventually(lambda: "CleanupSkipped" in kubectl.event_reasons(team, "ApiDefinition", "goes"))
    pods[1].gateway.start()
    await_on_all(fleet.gateways, lambda one: set(one.apis()), ids_of(team, ["stays"]), timeout=60)


# --- Secrets and ConfigMaps ---

def test_the_gateways_secret_is_rotated(stage, fleet, operator, kubectl, tyk, team):
    fleet.create_secret("other", TYK_AUTH="not-" + stage.gateway_secret)
    pod = fleet.add()
    kubectl.apply([fleet.context(secretRef={"name": "other"}), oas_api(team, "orders", context=fleet.ref())])
    tyk.await_api(team, "orders", "Programmed", "False", "GatewayUnauthorized")
    eventually_equal(lambda: fleet.endpoints()[pod.name]["state"], "Unauthorized")
    fleet.create_secret("other")
    tyk.await_ready(team, "orders")
    kubectl.delete("secret", "other", fleet.namespace)
    fleet.await_ready("False", "SecretNotFound")
    fleet.create_secret("other")
    fleet.await_ready()


def test_only_definitions_whose_bytes_change_are_pushed(stage, fleet, operator, oracle, kubectl, tyk, team):
    first, second = stage.secret_value(), stage.secret_value()
    stage.may_read(operator, team, secrets=["pager-token"], config_maps=["docs"])
    pod = fleet.add()
    entry = {"openapi.json": json.dumps(oas_document("mapped", listen_path="/mapped/"))}
    kubectl.apply([
        fleet.context(), secret(team, "pager-token", token=first),
        webhook(team, "pager"), webhook(team, "signed", headers=[
            {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "pager-token", "key": "token"}}}]),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "docs", "namespace": team}, "data": entry},
        oas_api(team, "plain", reference("pager"), context=fleet.ref()), oas_api(team, "signed", reference("signed"), context=fleet.ref()),
        {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": {"name": "mapped", "namespace": team},
         "spec": {"oasRef": {"configMapKeyRef": {"name": "docs", "key": "openapi.json"}}, "contextRef": fleet.ref()}}])
    tyk.await_ready(team, "plain", "signed", "mapped")

    def header():
        return [one["value"] for one in pod.gateway.handlers(default_api_id(team, "signed"))[0]["headers"]]

    assert header() == [first]
    before = pod.gateway.counts()
    kubectl.apply(secret(team, "pager-token", token=second))
    eventually_equal(header, [second])
    tyk.await_ready(team, "signed")
    assert pod.gateway.counts_since(before) == {"posts": 1, "deletes": 0, "reloads": 1}
    # Deleted: the last good copy stays in force. Created anew with the same value: nothing to do.
    before = pod.gateway.counts()
    kubectl.delete("secret", "pager-token", team)
    tyk.await_api(team, "signed", "ResolvedRefs", "False", "SecretNotFound")
    kubectl.apply(secret(team, "pager-token", token=second))
    tyk.await_ready(team, "signed")
    assert pod.gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}
    # A document in a ConfigMap.
    entry["openapi.json"] = entry["openapi.json"].replace("upstream.example", "changed.example")
    kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "docs", "namespace": team}, "data": entry})
    eventually_equal(lambda: pod.gateway.oas(default_api_id(team, "mapped"))["x-tyk-api-gateway"]["upstream"]["url"],
                     "http://changed.example/")
    tyk.await_ready(team, "mapped")
    assert pod.gateway.counts_since(before) == {"posts": 1, "deletes": 0, "reloads": 1}
    kubectl.delete("configmap", "docs", team)
    tyk.await_api(team, "mapped", "ResolvedRefs", "False", "ConfigMapNotFound")
    assert default_api_id(team, "mapped") in pod.gateway.apis()
    oracle_free = {name for name in ids_of(team, ["plain", "signed", "mapped"])}
    assert set(pod.gateway.apis()) == oracle_free


def test_definitions_of_others_stay_through_it_all(stage, fleet, operator, oracle, kubectl, tyk, team):
    pod = fleet.add()
    pod.gateway.put_foreign(THEIRS)
    theirs = pod.gateway.classic("legacy")
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 6)])
    tyk.await_ready(team, *(f"api-{number}" for number in range(6)))
    kubectl.delete("apidefinition", "api-0", team)
    operator.restart()
    kubectl.apply(webhook(team, "pager", "https://changed.example/hook"))
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge", foreign={"legacy": {**theirs, "config_data": None}})
    kubectl.delete("operatorcontext", "edge", fleet.namespace)
    assert pod.gateway.classic("legacy") == theirs
