# SPDX-License-Identifier: Apache-2.0
"""Fleets: every pod of every context holds exactly what it should, whatever happens to pods, and nobody else's definitions are harmed.

EndpointSlices are made by the real controller; each pod's address is a stub gateway's. What a gateway must hold is told by
`grapnel render` (harness/fleet.py).
"""

import json
import random
import time
from collections import Counter

import pytest

from harness.balancer import Balancer
from harness.fleet import Fleet, Oracle, context
from harness.gateway import await_on_all
from harness.objects import (classic_api, classic_handler, condition, default_api_id, oas_api, oas_document, reference,
                             secret, webhook)
from harness.wait import eventually, eventually_equal, throughout, until_stable

POD_COUNT = 12


@pytest.fixture
def fleet(stage):
    """A Service without pods, the Secret of its gateways, and an operator that knows them from contexts only."""
    fleet = Fleet(stage)
    fleet.create_secret()
    return fleet


@pytest.fixture
def operator(stage, request):
    operator = stage.operator()
    if "fleet" in request.fixturenames:
        request.getfixturevalue("fleet").permit(operator)
    return operator


@pytest.fixture
def oracle(stage):
    return Oracle(stage)


def apis_of(team: str, ref: dict | None, count: int, first: int = 0) -> list[dict]:
    """APIs of both kinds, each with a reference."""
    made = []
    for number in range(first, first + count):
        name = f"api-{number}"
        if number % 3 == 0:
            made.append(classic_api(team, name, {"AuthFailure": [classic_handler("pager")]},
                                    **({"contextRef": ref} if ref else {})))
        else:
            made.append(oas_api(team, name, reference("pager"), context=ref))
    return made


def names_of(apis: list[dict]) -> list[str]:
    return [api["metadata"]["name"] for api in apis]


def ids_of(team: str, names: list[str]) -> set[str]:
    return {default_api_id(team, name) for name in names}


def status_writes(stage, since: int) -> Counter:
    """Writes to the status of each ApiDefinition."""
    return Counter(one.name for one in stage.cluster.writes(since)
                   if one.resource == "apidefinitions" and one.subresource == "status")


def roll(fleet: Fleet, between=None) -> None:
    """A rolling update as a Deployment does it: one more, ready as soon as it answers, then one of the old goes."""
    for old in list(fleet.pods):
        new = fleet.add(ready=False)
        new.set_ready(True)
        if between:
            between(new)
        old.terminate()
        eventually(lambda: old.name not in fleet.endpoints())
        old.remove()


# --- pods as targets ---

def test_each_pod_is_filled_and_told_in_the_contexts_status(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(3):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 6)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis))
    fleet.await_ready()
    fleet.await_pods(3)
    assert fleet.endpoints() == {pod.name: {"url": pod.gateway.url, "pod": pod.name, "state": "Synced", "definitions": 6}
                                 for pod in fleet.pods}
    status = fleet.status()
    assert status["gateways"] == {"total": 3, "synced": 3} and status["gatewaysSummary"] == "3/3"
    assert kubectl.table("tykcontexts", fleet.namespace)[0]["GATEWAYS"] == "3/3"
    assert tyk.status(team, "api-0")["gateways"] == {"total": 3, "synced": 3}
    oracle.expect(fleet.gateways, f"{fleet.namespace}/edge")


def test_a_pod_that_is_not_ready_is_filled_but_does_not_count(stage, fleet, operator, oracle, kubectl, tyk, team):
    fleet.add()
    late = fleet.add(ready=False)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 3)])
    tyk.await_ready(team, "api-0", "api-1", "api-2")
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    assert tyk.status(team, "api-0")["gateways"] == {"total": 1, "synced": 1}
    eventually_equal(lambda: set(fleet.endpoints()), {pod.name for pod in fleet.pods})
    late.set_ready(True)
    eventually_equal(lambda: tyk.status(team, "api-0")["gateways"], {"total": 2, "synced": 2}, timeout=40)


def test_a_pod_that_terminates_is_forgotten_and_gets_nothing_more(stage, fleet, operator, kubectl, tyk, team):
    going, staying = fleet.add(), fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 3)])
    tyk.await_ready(team, "api-0", "api-1", "api-2")
    going.terminate()
    eventually_equal(lambda: set(fleet.endpoints()), {staying.name})
    before = going.gateway.counts()
    kubectl.apply(oas_api(team, "later", context=fleet.ref()))
    tyk.await_ready(team, "later")
    assert going.gateway.counts_since(before) == {"posts": 0, "deletes": 0, "reloads": 0}
    assert default_api_id(team, "later") in staying.gateway.apis()


def test_an_emptied_container_is_refilled(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(3):
        fleet.add()
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 12)])
    tyk.await_ready(team, *(f"api-{number}" for number in range(12)))
    others = [pod.gateway.counts() for pod in fleet.pods[1:]]
    fleet.pods[0].restart_container()
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge", timeout=15)
    for pod, count in zip(fleet.pods[1:], others):
        assert pod.gateway.counts_since(count) == {"posts": 0, "deletes": 0, "reloads": 0}


def test_many_apis_are_back_within_ten_seconds_and_a_reload(stage, fleet, oracle, kubectl, tyk, team):
    """With the interval that users have: --drift-interval 10s."""
    fleet.permit(stage.operator(drift_interval="10s"))
    pod = fleet.add()
    apis = apis_of(team, fleet.ref(), 300)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=120)
    wanted = ids_of(team, names_of(apis))
    pod.gateway.fault("wipe")
    begin = time.monotonic()
    eventually(lambda: wanted <= set(pod.gateway.apis()), 30)
    # A tenth of a second of reload, and what 300 POSTs take under sanitizers.
    assert time.monotonic() - begin < 14
    oracle.expect(fleet.gateways, f"{fleet.namespace}/edge")


# --- rolling updates and chaos ---

def test_a_rolling_update_of_all_pods_while_definitions_change(stage, fleet, operator, oracle, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 30)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=60)
    steps = iter(range(POD_COUNT))

    def edit(_pod) -> None:
        step = next(steps)
        changed = oas_api(team, f"api-{3 * step + 1 if 3 * step + 1 < 30 else 1}", reference("pager"), context=fleet.ref(),
                          upstream=f"http://step-{step}.example/")
        kubectl.apply([changed, oas_api(team, f"new-{step}", reference("pager"), context=fleet.ref())])
        if step % 4 == 1:
            kubectl.apply(webhook(team, "pager", f"https://step-{step}.example/hook"))
        if step % 4 == 2:
            kubectl.delete("apidefinition", f"new-{step - 1}", team, wait=False)

    roll(fleet, edit)
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge")
    fleet.await_pods(POD_COUNT)
    tyk.await_ready(team, *names_of(apis), timeout=60)
    eventually_equal(lambda: tyk.status(team, "api-0")["gateways"], {"total": 12, "synced": 12}, timeout=60)


def test_a_rolling_update_costs_two_status_writes_an_api_at_most(stage, fleet, operator, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    apis = apis_of(team, fleet.ref(), 30)
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis])
    tyk.await_ready(team, *names_of(apis), timeout=60)
    fleet.await_pods(POD_COUNT)
    until_stable(tyk.versions, seconds=3)
    mark = stage.cluster.audit_mark()
    roll(fleet)
    fleet.await_pods(POD_COUNT)
    eventually(lambda: all(tyk.status(team, name)["gateways"] == {"total": 12, "synced": 12} for name in names_of(apis)), 60)
    until_stable(tyk.versions, seconds=12, timeout=60)
    writes = status_writes(stage, mark)
    assert max(writes.values(), default=0) <= 2, writes
    assert not [event for event in kubectl.events(team, "ApiDefinition", "api-0") if event.get("count", 1) > 1], \
        "nobody needs to hear of it"


@pytest.mark.parametrize("seed", [1, 2])
def test_pods_killed_and_emptied_at_random(stage, fleet, operator, oracle, kubectl, tyk, team, seed):
    dice = random.Random(seed)
    for _ in range(POD_COUNT):
        fleet.add()
    names = [f"api-{number}" for number in range(24)]
    kubectl.apply([fleet.context(), webhook(team, "pager"), *apis_of(team, fleet.ref(), 24)])
    tyk.await_ready(team, *names, timeout=60)
    dead = []

    def kill(pod):
        if pod not in dead:
            pod.gateway.kill()
            dead.append(pod)

    def revive(_pod):
        if dead:
            dead.pop(0).gateway.start()

    def empty(pod):
        if pod not in dead:
            pod.restart_container()

    def restart(pod):
        if pod not in dead:
            pod.restart_container(emptied=False)

    def replace(pod):
        if pod in dead:
            dead.remove(pod)
        pod.remove()
        fleet.add()

    def flip(pod):
        pod.set_ready(not pod.ready)

    def disturb(pod):
        if pod not in dead:
            pod.gateway.fault(*dice.choice([("hang",), ("reset",), ("500",), ("wipe",), ("not-ready",), ("not-applied",)]),
                              **dice.choice([{}, {"count": 3}]))

    def calm(pod):
        if pod not in dead:
            pod.gateway.clear_faults()

    def edit(_pod):
        name = dice.choice(names)
        kubectl.apply(oas_api(team, name, reference("pager"), context=fleet.ref(),
                              upstream=f"http://{dice.randrange(1000)}.example/"))

    def drop(_pod):
        if len(names) > 12:
            kubectl.delete("apidefinition", names.pop(dice.randrange(len(names))), team, wait=False)

    def change_global(_pod):
        kubectl.apply(webhook(team, "pager", f"https://{dice.randrange(1000)}.example/hook"))

    acts = [kill, kill, revive, revive, empty, empty, restart, replace, flip, disturb, calm, edit, edit, edit, drop,
            change_global]
    for _ in range(60):
        dice.choice(acts)(dice.choice(fleet.pods))
        time.sleep(dice.uniform(0, 0.4))
    while dead:
        revive(None)
    for pod in fleet.pods:
        pod.gateway.clear_faults()
        if not pod.ready:
            pod.set_ready(True)
    # The longest back-off is 30 s; a definition that was refused for its own sake rests for up to 5 min, which none may here.
    oracle.await_exact(fleet.gateways, f"{fleet.namespace}/edge", timeout=90)
    fleet.await_pods(len(fleet.pods), timeout=60)
    tyk.await_ready(team, *names, timeout=90)


# --- contexts ---

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
    assert set(gateway.apis()) == {*ids_of(blue, ["blue-0", "blue-1", "blue-2", "later"]), *ids_of(green, ["green-1", "green-2"])}
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
    assert fleet.endpoints()[pod.name]["state"] == "Unauthorized"
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
    tyk.await_api(team, "signed", "ResolvedRefs", "False", "WebhookInvalid")
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


# --- faults ---

def test_one_pod_that_hangs_delays_no_other(stage, fleet, operator, kubectl, tyk, team):
    for _ in range(POD_COUNT):
        fleet.add()
    kubectl.apply([fleet.context(), oas_api(team, "before", context=fleet.ref())])
    tyk.await_ready(team, "before")
    fleet.gateways[0].fault("hang")
    names = [f"api-{number}" for number in range(20)]
    kubectl.apply([oas_api(team, name, context=fleet.ref()) for name in names])
    await_on_all(fleet.gateways[1:], lambda one: ids_of(team, names) <= set(one.apis()), True, timeout=10)
    fleet.gateways[0].clear_faults()
    tyk.await_ready(team, *names, timeout=60)


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
    assert context  # the plain form is for tests that name no Service
